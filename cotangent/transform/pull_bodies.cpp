// Transposes of the second-order ops. map: a stacked result's cotangent is a row operand, a total's
// an invariant; a row operand's cotangent is stacked, an invariant's is a total. pair_sum: likewise
// with rows at i and at j. The body's non-linear part is recomputed inside, so no buffer of the
// size of the pairs is made. loop: pull_loop.cpp.
#include <algorithm>

#include "cotangent/transform/keep.h"
#include "cotangent/transform/puller.h"

namespace cotangent::transform {

using namespace ir;

namespace {

std::size_t index_params(Op op) {
  return op == Op::kPairSum ? 2 : 1;
}

}  // namespace

FunctionPtr part_of(const Function& body, const Flags& params, const Flags& results,
                    const std::vector<std::size_t>& also, std::vector<LoopRecord>* loops) {
  Builder b(body.name());
  Values inside(body.params().size());
  for (std::size_t k = 0; k < inside.size(); ++k) {
    if (params[k]) inside[k] = b.param(body.param_type(k), body.param_names()[k]);
  }
  Pulled part = pull_back(b, body, inside, {}, {.records = loops != nullptr});
  Values wanted;
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (results[k]) wanted.push_back(part.results[k]);
  }
  for (std::size_t k : also) wanted.push_back(inside[k]);
  if (loops) {
    *loops = std::move(part.loops);
    each_value(*loops, [&](Value& v) { wanted.push_back(v); });
  }
  return b.finish(wanted);
}

namespace {

/// Whether what the loops in the body keep can be kept of every step: all that comes after the
/// results of a part, kept carries included.
bool fits(const LoopAttr& a, const Flags& results) {
  std::size_t first = 0;
  for (bool r : results) first += r ? 1 : 0;
  std::int64_t bytes = 0;
  for (std::size_t k = first; k < a.body->results().size(); ++k) {
    const Type t = a.body->result_type(k);
    if (t.shape.rank() >= Shape::kMaxRank) return false;
    bytes += t.bytes();
  }
  const bool given = a.keep.kind == KeepKind::kAuto && a.keep.number > 0;
  return bytes == 0 || a.trip <= (given ? a.keep.number : kDefaultKeepBudget) / bytes;
}

/// The inverse of a loop of which only some parameters and carries are left; null where a carry
/// that is left needs something that is not.
FunctionPtr inverse_of_part(const Function& inverse, const Flags& params, const Flags& carries) {
  Flags dropped = params;
  dropped.flip();
  const Flags lost = flow(inverse, dropped, Through::kDependence);
  for (std::size_t k = 0; k < carries.size(); ++k) {
    if (carries[k] && lost[k]) return nullptr;
  }
  return part_of(inverse, params, carries);
}

}  // namespace

Values copy_part(Builder& b, const Function& f, Value node, std::span<const Value> operands,
                 const Flags& results, Values* kept_carries, std::vector<LoopRecord>* kept_inside) {
  const std::size_t n = results.size();
  Values out(n), kept;
  bool all = !kept_carries, none = true;
  for (Value x : operands) all = all && x.valid();
  for (bool r : results) {
    all = all && r;
    none = none && !r;
  }
  if (all) {
    const Value copied = b.copy(f, node, operands);
    for (std::size_t k = 0; k < n; ++k) out[k] = b.project(copied, static_cast<std::int64_t>(k));
    return out;
  }
  if (!is_second_order(f.op(node))) return out;  // every result depends on what was dropped
  if (is_control(f.op(node))) return copy_control_part(b, f, node, operands, results);
  Attr attr = f.attr(node);
  const FunctionPtr body = body_of(attr);
  const std::size_t offset = index_params(f.op(node));
  Flags params(body->params().size(), true);
  const auto count = [&](std::size_t begin, std::size_t end) {
    std::int64_t total = 0;
    for (std::size_t k = begin; k < end; ++k) total += params[k + offset] ? 1 : 0;
    return total;
  };
  for (std::size_t k = offset; k < params.size(); ++k) params[k] = operands[k - offset].valid();
  if (f.op(node) != Op::kLoop && none) return out;
  if (auto* a = std::get_if<MapAttr>(&attr)) {
    a->rows = count(0, static_cast<std::size_t>(a->rows));
  }
  if (auto* a = std::get_if<PairAttr>(&attr)) {
    const auto i = static_cast<std::size_t>(a->rows_i), j = static_cast<std::size_t>(a->rows_j);
    a->rows_i = count(0, i);
    a->rows_j = count(i, i + j);
  }
  std::vector<std::size_t> also;
  if (auto* a = std::get_if<LoopAttr>(&attr)) {
    const auto invariants = static_cast<std::size_t>(a->invariants);
    const auto carries = static_cast<std::size_t>(a->carries);
    const auto inputs = static_cast<std::size_t>(a->inputs);
    for (std::size_t k = 0; k < carries; ++k) params[offset + invariants + k] = results[k];
    a->invariants = count(0, invariants);
    a->carries = count(invariants, invariants + carries);
    a->inputs = count(invariants + carries, invariants + carries + inputs);
    std::vector<std::int64_t> every;
    for (std::size_t k = carries; k < n; ++k) {
      if (results[k]) every.push_back(a->every[k - carries]);
    }
    for (std::size_t k = 0; kept_carries && k < carries; ++k) {
      if (!results[k]) continue;
      also.push_back(offset + invariants + k);
      every.push_back(1);
    }
    a->every = every;
    for (std::size_t k = 0; k < operands.size() && k + offset < params.size(); ++k) {
      if (params[k + offset]) kept.push_back(operands[k]);
    }
    if (a->dynamic) kept.insert(kept.end(), operands.end() - 2, operands.end());
    if (none && also.empty()) {
      if (kept_carries) kept_carries->assign(carries, Value{});
      return out;
    }
    a->body = part_of(*body, params, results, also, kept_inside);
    if (kept_inside && !fits(*a, results)) {
      kept_inside->clear();
      a->body = part_of(*body, params, results, also);
    }
    a->every.resize(a->body->results().size() - static_cast<std::size_t>(a->carries), 1);
    if (a->inverse) {
      const auto begin = results.begin();
      a->inverse = inverse_of_part(*a->inverse, params,
                                   Flags(begin, begin + static_cast<std::ptrdiff_t>(carries)));
      if (!a->inverse) a->keep = {};
    }
    const Values made = b.loop(*a, kept);
    std::size_t next = 0;
    for (std::size_t k = 0; k < n; ++k) {
      if (results[k]) out[k] = made[next++];
    }
    if (kept_carries) {
      kept_carries->assign(carries, Value{});
      for (std::size_t k = 0; k < carries; ++k) {
        if (results[k]) (*kept_carries)[k] = made[next++];
      }
    }
    if (kept_inside) each_value(*kept_inside, [&](Value& v) { v = made[next++]; });
    return out;
  }
  for (Value x : operands) {
    if (x.valid()) kept.push_back(x);
  }
  const FunctionPtr part = part_of(*body, params, results);
  const auto pick = [&](std::vector<Role>& roles) {
    std::vector<Role> picked;
    for (std::size_t k = 0; k < n; ++k) {
      if (results[k]) picked.push_back(roles[k]);
    }
    roles = picked;
  };
  Values made;
  if (auto* a = std::get_if<MapAttr>(&attr)) {
    pick(a->roles);
    a->body = part;
    made = b.map(*a, kept);
  } else {
    auto& p = std::get<PairAttr>(attr);
    pick(p.roles);
    p.body = part;
    made = b.pair_sum(p, kept);
  }
  std::size_t next = 0;
  for (std::size_t k = 0; k < n; ++k) {
    if (results[k]) out[k] = made[next++];
  }
  return out;
}

namespace {

/// The parts of a sum: `scattered` into zeros, and the rest.
struct Parts {
  Values scattered;  // scatter_add nodes
  Value rest;
};

void take_apart(Builder& b, Value v, Parts& parts) {
  const Function& f = b.so_far();
  if (f.op(v) == Op::kAdd) {
    const Value x = f.operand(v, 0), y = f.operand(v, 1);
    take_apart(b, x, parts);
    take_apart(b, y, parts);
  } else if (f.op(v) == Op::kScatterAdd) {
    parts.scattered.push_back(v);
    take_apart(b, f.operand(v, 0), parts);
  } else if (!is_zero(f, v)) {
    parts.rest = parts.rest.valid() ? b.add(parts.rest, v) : v;
  }
}

}  // namespace

/// Pulls the body back and makes the op whose results are the linear operands' cotangents; operand
/// k's has role roles[k]. Masks come out beside them, as counts where the role sums.
template <class Attribute, class Make>
void Puller::finish_sum(Value node, BodyBuilder& inner, const Values& params,
                        const std::vector<Cotangent>& cts, const std::vector<Role>& roles,
                        Attribute attr, Make make) {
  const FunctionPtr body = body_of(f_.attr(node));
  const std::size_t offset = index_params(f_.op(node));
  Builder& bb = inner.open();
  Values results;
  attr.roles.clear();
  const auto operands = f_.operands(node);
  Pulled inside = pull_back(bb, *body, params, cts, {.lanes = f_.op(node) == Op::kMap});
  // Where every index of a map scatters into an invariant's cotangent, the updates are stacked and
  // scattered once outside: the body makes no array of the invariant's size.
  std::vector<Parts> parts(operands.size());
  for (std::size_t k = 0; k < operands.size(); ++k) {
    Cotangent& ct = inside.params[k + offset];
    if (f_.op(node) != Op::kMap || roles[k] != Role::kTotal || !linear(operands[k]) ||
        !ct.valid()) {
      continue;
    }
    take_apart(bb, ct.value, parts[k]);
    if (parts[k].scattered.empty()) continue;
    const bool fits = std::all_of(
        parts[k].scattered.begin(), parts[k].scattered.end(),
        [&](Value s) { return bb.type(bb.so_far().operand(s, 1)).shape.rank() < Shape::kMaxRank; });
    if (!fits) {
      parts[k] = {};
      continue;
    }
    for (Value s : parts[k].scattered) {
      const auto all = bb.so_far().operands(s);
      for (std::size_t o = 1; o < all.size(); ++o) {
        results.push_back(all[o]);
        attr.roles.push_back(Role::kStack);
      }
    }
    ct = {parts[k].rest, {}};
  }
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Cotangent& ct = inside.params[k + offset];
    if (!linear(operands[k]) || !ct.valid()) continue;
    results.push_back(ct.value);
    attr.roles.push_back(roles[k]);
    if (!ct.mask.valid()) continue;
    results.push_back(roles[k] == Role::kStack ? ct.mask : bb.cast(ct.mask, kMaskCount));
    attr.roles.push_back(roles[k]);
  }
  if (results.empty()) return;
  std::vector<std::vector<std::size_t>> updates(operands.size());  // operand counts of scatters
  for (std::size_t k = 0; k < operands.size(); ++k) {
    for (Value s : parts[k].scattered) updates[k].push_back(bb.so_far().operands(s).size() - 1);
  }
  attr.body = bb.finish(results);
  const Values made = make(attr, inner.operands());
  std::size_t next = 0;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    for (std::size_t n : updates[k]) {
      const std::span<const Value> stacked(made.data() + next, n);
      const Value zeros = b_.zeros(f_.type(operands[k]));
      add_to(operands[k], {b_.scatter_add(zeros, stacked[0], stacked.subspan(1)), {}});
      next += n;
    }
  }
  // What comes back to one operand by two ways (its rows at i and at j) is added first.
  std::vector<std::pair<Value, Cotangent>> back;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Cotangent& ct = inside.params[k + offset];
    if (!linear(operands[k]) || !ct.valid()) continue;
    Cotangent outside{made[next++], {}};
    if (ct.mask.valid()) {
      outside.mask = made[next++];
      if (roles[k] != Role::kStack) {
        outside.mask = b_.ne(outside.mask, b_.zeros(b_.type(outside.mask)));
      }
    }
    const auto held = std::find_if(back.begin(), back.end(),
                                   [&](const auto& b) { return b.first == operands[k]; });
    if (held == back.end()) {
      back.emplace_back(operands[k], outside);
    } else {
      held->second = added(held->second, outside);
    }
  }
  for (const auto& [operand, ct] : back) add_to(operand, ct);
}

void Puller::map(Value node) {
  const auto& a = f_.attr_as<MapAttr>(node);
  const auto operands = f_.operands(node);
  const std::vector<Cotangent> given = result_cts_[node.id];
  const auto rows = static_cast<std::size_t>(a.rows);
  BodyBuilder inner(b_, a.body->name() + "_t");
  Values params(operands.size() + 1);
  std::vector<Cotangent> cts(given.size());
  std::vector<Role> roles;
  inner.index(params[0]);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    roles.push_back(k < rows ? Role::kStack : Role::kTotal);
  }
  MapAttr attr;
  attr.count = a.count;
  for (std::size_t k = 0; k < rows; ++k) {
    if (!linear(operands[k])) inner.row(of(operands[k]), params[k + 1]);
  }
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (!given[k].valid() || a.roles[k] != Role::kStack) continue;
    inner.row(given[k].value, cts[k].value);
    if (given[k].mask.valid()) inner.row(given[k].mask, cts[k].mask);
  }
  attr.rows = inner.take_count();
  for (std::size_t k = rows; k < operands.size(); ++k) {
    if (!linear(operands[k])) inner.invariant(of(operands[k]), params[k + 1]);
  }
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (!given[k].valid() || a.roles[k] != Role::kTotal) continue;
    inner.invariant(given[k].value, cts[k].value);
    if (given[k].mask.valid()) inner.invariant(given[k].mask, cts[k].mask);
  }
  finish_sum(node, inner, params, cts, roles, attr,
             [&](const MapAttr& m, const Values& o) { return b_.map(m, o); });
}

void Puller::pair_sum(Value node) {
  const auto& a = f_.attr_as<PairAttr>(node);
  const auto operands = f_.operands(node);
  const std::vector<Cotangent> given = result_cts_[node.id];
  const auto at_i = static_cast<std::size_t>(a.rows_i);
  const auto rows = at_i + static_cast<std::size_t>(a.rows_j);
  BodyBuilder inner(b_, a.body->name() + "_t");
  Values params(operands.size() + 2);
  std::vector<Cotangent> cts(given.size());
  std::vector<Role> roles;
  inner.index(params[0]);
  inner.index(params[1]);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    roles.push_back(k < at_i ? Role::kAtI : k < rows ? Role::kAtJ : Role::kTotal);
  }
  PairAttr attr;
  attr.count = a.count;
  attr.kind = a.kind;
  const auto add_rows = [&](std::size_t begin, std::size_t end, Role role) {
    for (std::size_t k = begin; k < end; ++k) {
      if (!linear(operands[k])) inner.row(of(operands[k]), params[k + 2]);
    }
    for (std::size_t k = 0; k < given.size(); ++k) {
      if (!given[k].valid() || a.roles[k] != role) continue;
      inner.row(given[k].value, cts[k].value);
      if (given[k].mask.valid()) inner.row(given[k].mask, cts[k].mask);
    }
  };
  add_rows(0, at_i, Role::kAtI);
  attr.rows_i = inner.take_count();
  add_rows(at_i, rows, Role::kAtJ);
  attr.rows_j = inner.take_count();
  for (std::size_t k = rows; k < operands.size(); ++k) {
    if (!linear(operands[k])) inner.invariant(of(operands[k]), params[k + 2]);
  }
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (!given[k].valid() || a.roles[k] != Role::kTotal) continue;
    inner.invariant(given[k].value, cts[k].value);
    if (given[k].mask.valid()) inner.invariant(given[k].mask, cts[k].mask);
  }
  finish_sum(node, inner, params, cts, roles, attr,
             [&](const PairAttr& p, const Values& o) { return b_.pair_sum(p, o); });
}

}  // namespace cotangent::transform
