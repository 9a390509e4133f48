#include "cotangent/ir/shrink.h"

#include <algorithm>
#include <optional>

#include "cotangent/ir/builder.h"

namespace cotangent::ir {
namespace {

using Image = std::vector<Value>;
constexpr std::size_t kNone = SIZE_MAX;

/// What stands for a node in the copy; nothing: a plain copy.
using Replace = std::function<std::optional<Value>(Builder&, const Image&, Value)>;
using Accept = std::function<bool(const FunctionPtr&)>;

struct Rebuild {
  std::vector<bool> drop_params;  ///< empty: none
  std::optional<std::vector<Value>> results;
  Replace replace;
};

/// A copy of `f` with changes; null when a result needs a dropped parameter.
FunctionPtr rebuild(const Function& f, const Rebuild& change) {
  Builder b(f.name());
  Image image(f.size());
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    if (k < change.drop_params.size() && change.drop_params[k]) continue;
    image[f.params()[k].id] = b.param(f.param_type(k), f.param_names()[k]);
  }
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (f.op(v) == Op::kParameter) continue;
    std::vector<Value> operands;
    bool complete = true;
    for (Value u : f.operands(v)) {
      operands.push_back(image[u.id]);
      complete = complete && image[u.id].valid();
    }
    std::optional<Value> other;
    if (change.replace) other = change.replace(b, image, v);
    if (other)
      image[id] = *other;
    else if (complete)
      image[id] = b.copy(f, v, operands);
  }
  std::vector<Value> results;
  const auto wanted =
      change.results ? *change.results : std::vector<Value>(f.results().begin(), f.results().end());
  for (Value r : wanted) {
    if (!image[r.id].valid()) return nullptr;
    results.push_back(image[r.id]);
  }
  return b.finish(results);
}

/// What shrinking makes smaller: nodes, weighted so that constants are the simplest.
std::int64_t cost(const Function& f) {
  std::int64_t total = static_cast<std::int64_t>(f.results().size());
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    switch (f.op(v)) {
      case Op::kConstant: total += f.type(v).is_scalar() ? 1 : 3; break;
      case Op::kBroadcast: total += 1; break;
      case Op::kParameter:
      case Op::kProject: total += 2; break;
      default: total += 4 + static_cast<std::int64_t>(f.operands(v).size());
    }
    for (const FunctionPtr& body : bodies_of(f.attr(v))) total += cost(*body);
  }
  return total;
}

/// Parameters of a body before those for operands; operands before those the body sees.
std::size_t indices_of(Op op) {
  return op == Op::kPairSum ? 2 : op == Op::kCond || op == Op::kCall ? 0 : 1;
}
std::size_t head_of(Op op) {
  return op == Op::kCond ? 1 : 0;
}

/// A call's derivatives fix its signature.
bool is_fixed(const Attr& attr) {
  const auto* a = std::get_if<CallAttr>(&attr);
  return a && (a->jvp || a->vjp || a->equation);
}

/// `f` with second-order node `at` given another attribute, fewer operands and fewer results:
/// result k of the old node is result to[k] of the new one, -1 when it is gone.
FunctionPtr with_node(const Function& f, Value at, const Attr& attr, std::size_t without_operand,
                      std::span<const std::int64_t> to) {
  Rebuild change;
  change.replace = [&](Builder& b, const Image& image, Value v) -> std::optional<Value> {
    if (v == at) {
      std::vector<Value> operands;
      for (std::size_t k = 0; k < f.operands(v).size(); ++k) {
        const Value u = image[f.operand(v, k).id];
        if (!u.valid()) return std::nullopt;
        if (k != without_operand) operands.push_back(u);
      }
      return b.make(f.op(v), operands, attr);
    }
    if (f.op(v) == Op::kProject && f.operand(v, 0) == at) {
      const std::int64_t index = f.attr_as<IndexAttr>(v).index;
      return b.project(image[at.id], to[static_cast<std::size_t>(index)]);
    }
    return std::nullopt;
  };
  return rebuild(f, change);
}

/// Whether a node reads `v`, or a result other than number `except` is `v`.
bool is_used(const Function& f, Value v, std::size_t except = kNone) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const auto operands = f.operands(Value{id});
    if (std::find(operands.begin(), operands.end(), v) != operands.end()) return true;
  }
  for (std::size_t k = 0; k < f.results().size(); ++k) {
    if (k != except && f.results()[k] == v) return true;
  }
  return false;
}

/// Second-order node `at` and its body without result number `result` and operand number
/// `operand`; either may be kNone. The attribute's counts are already right.
FunctionPtr narrowed(const Function& f, Value at, const Attr& attr, std::size_t result,
                     std::size_t operand) {
  const Op op = f.op(at);
  std::vector<FunctionPtr> bodies = bodies_of(attr);
  for (std::size_t n = 0; n < bodies.size(); ++n) {
    const bool condition = op == Op::kWhile && n == 0;
    Rebuild fewer;
    fewer.results.emplace(bodies[n]->results().begin(), bodies[n]->results().end());
    fewer.drop_params.assign(bodies[n]->params().size(), false);
    if (operand != kNone) fewer.drop_params[operand - head_of(op) + indices_of(op)] = true;
    if (result != kNone && !condition) {
      fewer.results->erase(fewer.results->begin() + static_cast<std::ptrdiff_t>(result));
      if (fewer.results->empty() && op != Op::kWhile) return nullptr;
    }
    bodies[n] = rebuild(*bodies[n], fewer);
    if (!bodies[n]) return nullptr;
  }
  std::vector<std::int64_t> to(f.result_types(at).size());
  for (std::size_t k = 0; k < to.size(); ++k) {
    to[k] = static_cast<std::int64_t>(result == kNone || k < result ? k : k - 1);
  }
  return with_node(f, at, with_bodies(attr, bodies), operand, to);
}

/// Whether a body of the attribute reads its parameter number `param`, other than to hand it on as
/// result number `except`.
bool reads(const Attr& attr, std::size_t param, std::size_t except = kNone) {
  const bool loops = std::holds_alternative<WhileAttr>(attr);
  const std::vector<FunctionPtr> bodies = bodies_of(attr);
  for (std::size_t n = 0; n < bodies.size(); ++n) {
    const std::size_t here = loops && n == 0 ? kNone : except;
    if (is_used(*bodies[n], bodies[n]->params()[param], here)) return true;
  }
  return false;
}

/// Drops a result that nothing projects. A carry goes only when the body just hands it on.
FunctionPtr without_result(const Function& f, Value at, std::size_t result) {
  Attr attr = f.attr(at);
  if (is_fixed(attr)) return nullptr;
  const auto place = static_cast<std::ptrdiff_t>(result);
  if (auto* a = std::get_if<MapAttr>(&attr)) a->roles.erase(a->roles.begin() + place);
  if (auto* a = std::get_if<PairAttr>(&attr)) a->roles.erase(a->roles.begin() + place);
  std::size_t operand = kNone;
  if (auto* a = std::get_if<LoopAttr>(&attr)) {
    if (place < a->carries) {
      operand = static_cast<std::size_t>(a->invariants) + result;
      if (reads(attr, operand + 1, result)) return nullptr;
      --a->carries;
    } else {
      a->every.erase(a->every.begin() + (place - a->carries));
    }
  }
  if (auto* a = std::get_if<WhileAttr>(&attr)) {
    if (place == a->carries) return nullptr;  // the count
    operand = static_cast<std::size_t>(a->invariants) + result;
    if (reads(attr, operand + 1, result)) return nullptr;
    --a->carries;
  }
  return narrowed(f, at, attr, result, operand);
}

/// Drops an operand whose parameter the body does not use, when the layout lets it.
FunctionPtr without_operand(const Function& f, Value at, std::size_t operand) {
  Attr attr = f.attr(at);
  const Op op = f.op(at);
  if (is_fixed(attr) || operand < head_of(op)) return nullptr;
  const std::size_t param = operand - head_of(op) + indices_of(op);
  if (param >= bodies_of(attr)[0]->params().size()) return nullptr;  // first or count of a loop
  if (reads(attr, param)) return nullptr;
  const auto k = static_cast<std::int64_t>(operand);
  if (auto* a = std::get_if<MapAttr>(&attr)) {
    if (k < a->rows) --a->rows;
  } else if (auto* a = std::get_if<PairAttr>(&attr)) {
    if (k < a->rows_i)
      --a->rows_i;
    else if (k < a->rows_i + a->rows_j)
      --a->rows_j;
  } else if (auto* a = std::get_if<LoopAttr>(&attr)) {
    if (k < a->invariants)
      --a->invariants;
    else if (k < a->invariants + a->carries)
      return nullptr;
    else
      --a->inputs;
  } else if (auto* a = std::get_if<WhileAttr>(&attr)) {
    if (k >= a->invariants) return nullptr;
    --a->invariants;
  }
  return narrowed(f, at, attr, kNone, operand);
}

/// One pass over a function. `accept` says whether the whole program with this function in it is
/// smaller and still fails.
class Pass {
 public:
  Pass(FunctionPtr f, bool outermost, Accept accept)
      : f_(std::move(f)), outermost_(outermost), accept_(std::move(accept)) {}

  FunctionPtr run() {
    if (outermost_) cut_short();
    if (outermost_) drop_results();
    for (std::uint32_t id = static_cast<std::uint32_t>(f_->size()); id-- > 0;) {
      id = std::min(id, static_cast<std::uint32_t>(f_->size()) - 1);
      const Value v{id};
      if (f_->op(v) == Op::kParameter) break;
      if (is_second_order(f_->op(v)))
        shrink_node(v);
      else if (!is_projected(f_->op(v)))
        simplify(v);
      if (f_->size() == 0) break;
    }
    if (outermost_) drop_params();
    return f_;
  }

 private:
  bool attempt(const FunctionPtr& candidate) {
    if (!candidate || !accept_(candidate)) return false;
    f_ = candidate;
    return true;
  }

  /// The program up to some value, the earliest that does.
  void cut_short() {
    const FunctionPtr f = f_;
    for (std::uint32_t id = static_cast<std::uint32_t>(f->params().size()); id < f->size(); ++id) {
      if (is_projected(f->op(Value{id}))) continue;
      Rebuild one;
      one.results = {Value{id}};
      if (attempt(rebuild(*f, one))) return;
    }
  }

  void drop_results() {
    const std::vector<Value> all(f_->results().begin(), f_->results().end());
    if (all.size() < 2) return;
    for (Value r : all) {
      Rebuild one;
      one.results = {r};
      if (attempt(rebuild(*f_, one))) return;
    }
    for (std::size_t k = all.size(); k-- > 0;) {
      Rebuild fewer;
      fewer.results.emplace(f_->results().begin(), f_->results().end());
      fewer.results->erase(fewer.results->begin() + static_cast<std::ptrdiff_t>(k));
      if (!fewer.results->empty()) attempt(rebuild(*f_, fewer));
    }
  }

  void drop_params() {
    for (std::size_t k = f_->params().size(); k-- > 0;) {
      if (is_used(*f_, f_->params()[k])) continue;
      Rebuild fewer;
      fewer.drop_params.assign(f_->params().size(), false);
      fewer.drop_params[k] = true;
      attempt(rebuild(*f_, fewer));
    }
  }

  bool replace_by(Value v, const std::function<Value(Builder&, const Image&)>& other) {
    Rebuild change;
    change.replace = [&](Builder& b, const Image& image, Value u) -> std::optional<Value> {
      if (u != v) return std::nullopt;
      return other(b, image);
    };
    return attempt(rebuild(*f_, change));
  }

  void simplify(Value v) {
    const FunctionPtr f = f_;
    const Type type = f->type(v);
    // A result of an op with several is replaced by what went into the op.
    const bool several = f->op(v) == Op::kProject && !is_second_order(f->op(f->operand(v, 0)));
    for (Value u : f->operands(several ? f->operand(v, 0) : v)) {
      const bool same = !is_projected(f->op(u)) && f->type(u) == type;
      if (same && replace_by(v, [&](Builder&, const Image& image) { return image[u.id]; })) return;
    }
    for (double value : {0.0, 1.0, 0.5}) {
      if (value == 0.5 && !is_float(type.dtype)) continue;
      const auto splat = [&](Builder& b, const Image&) { return b.splat(value, type); };
      if (replace_by(v, splat)) return;
    }
    for (Value p : f->params()) {
      const bool same = f->type(p) == type;
      if (same && replace_by(v, [&](Builder&, const Image& image) { return image[p.id]; })) return;
    }
  }

  void shrink_node(Value v) {
    if (!is_second_order(f_->op(v)) || drop(v)) return;
    for (std::size_t k = f_->result_types(v).size(); k-- > 0;) {
      if (!projected(v, k) && attempt(without_result(*f_, v, k))) return shrink_node(found(v));
    }
    for (std::size_t k = f_->operands(v).size(); k-- > 0;) {
      if (attempt(without_operand(*f_, v, k))) return shrink_node(found(v));
    }
    if (unwrap(v) || is_fixed(f_->attr(v))) return;
    const Op op = f_->op(v);
    const std::size_t bodies = bodies_of(f_->attr(v)).size();
    // A smaller body may move the node; the others' turn comes in the next pass then.
    for (std::size_t n = 0; n < bodies && v.id < f_->size() && f_->op(v) == op; ++n) {
      shrink_body(v, n);
    }
  }

  /// A node that nobody reads, kept for its checks.
  bool drop(Value v) {
    if (is_used(*f_, v)) return false;
    Rebuild change;
    change.replace = [&](Builder&, const Image&, Value u) -> std::optional<Value> {
      if (u == v) return Value{};
      return std::nullopt;
    };
    return attempt(rebuild(*f_, change));
  }

  /// A call, or a branch, in place of the op around it.
  bool unwrap(Value v) {
    if (f_->op(v) != Op::kCall && f_->op(v) != Op::kCond) return false;
    std::vector<FunctionPtr> bodies = bodies_of(f_->attr(v));
    if (f_->op(v) == Op::kCall) bodies.resize(1);
    const std::size_t head = head_of(f_->op(v));
    for (const FunctionPtr& body : bodies) {
      std::vector<Value> made;
      Rebuild change;
      change.replace = [&](Builder& b, const Image& image, Value u) -> std::optional<Value> {
        if (u == v) {
          std::vector<Value> arguments;
          for (Value x : f_->operands(v).subspan(head)) arguments.push_back(image[x.id]);
          made = b.inline_call(*body, arguments);
          return Value{};
        }
        if (f_->op(u) != Op::kProject || f_->operand(u, 0) != v) return std::nullopt;
        return made[static_cast<std::size_t>(f_->attr_as<IndexAttr>(u).index)];
      };
      if (attempt(rebuild(*f_, change))) return true;
    }
    return false;
  }

  void shrink_body(Value v, std::size_t n) {
    const FunctionPtr f = f_;
    const auto rebuilt = [&](const FunctionPtr& body) {
      std::vector<FunctionPtr> bodies = bodies_of(f->attr(v));
      bodies[n] = body;
      std::vector<std::int64_t> same(f->result_types(v).size());
      for (std::size_t k = 0; k < same.size(); ++k) same[k] = static_cast<std::int64_t>(k);
      return with_node(*f, v, with_bodies(f->attr(v), bodies), kNone, same);
    };
    FunctionPtr best;
    Pass inner(bodies_of(f->attr(v))[n], false, [&](const FunctionPtr& body) {
      const FunctionPtr whole = rebuilt(body);
      if (!whole || !accept_(whole)) return false;
      best = whole;
      return true;
    });
    inner.run();
    if (best) f_ = best;
  }

  bool projected(Value v, std::size_t index) const {
    for (std::uint32_t id = 0; id < f_->size(); ++id) {
      const Value u{id};
      if (f_->op(u) == Op::kProject && f_->operand(u, 0) == v &&
          f_->attr_as<IndexAttr>(u).index == static_cast<std::int64_t>(index)) {
        return true;
      }
    }
    return false;
  }

  /// The node that was `v` before operands before it may have gone: the last second-order node
  /// not after it.
  Value found(Value v) const {
    std::uint32_t id = std::min(v.id, static_cast<std::uint32_t>(f_->size()) - 1);
    while (id > 0 && !is_second_order(f_->op(Value{id}))) --id;
    return Value{id};
  }

  FunctionPtr f_;
  bool outermost_;
  Accept accept_;
};

}  // namespace

FunctionPtr shrink(FunctionPtr f, const std::function<bool(const Function&)>& fails, int attempts) {
  std::int64_t best = cost(*f);
  const Accept accept = [&](const FunctionPtr& candidate) {
    const std::int64_t now = cost(*candidate);
    if (now >= best || attempts-- <= 0) return false;
    bool still = false;
    try {
      still = fails(*candidate);
    } catch (const Error&) {
      still = false;
    }
    if (still) best = now;
    return still;
  };
  while (attempts > 0) {
    const std::int64_t before = best;
    f = Pass(f, true, accept).run();
    if (best == before) break;
  }
  return f;
}

}  // namespace cotangent::ir
