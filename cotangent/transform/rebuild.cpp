#include "cotangent/transform/rebuild.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace cotangent::transform {

using namespace ir;

Values clone_onto(Builder& b, const Function& f, Values& images, std::span<const Value> wanted) {
  std::vector<bool> needed(f.size(), false);
  for (Value v : wanted) needed[v.id] = true;
  for (std::size_t id = f.size(); id-- > 0;) {
    if (!needed[id] || images[id].valid()) continue;
    for (Value operand : f.operands(Value{static_cast<std::uint32_t>(id)})) {
      needed[operand.id] = true;
    }
  }
  Values operands;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (!needed[id] || images[id].valid()) continue;
    ensure(f.op(v) != Op::kParameter, "clone: a dropped parameter is needed");
    operands.clear();
    for (Value operand : f.operands(v)) operands.push_back(images[operand.id]);
    images[id] = b.copy(f, v, operands);
  }
  Values out;
  for (Value v : wanted) out.push_back(images[v.id]);
  return out;
}

Values clone(Builder& b, const Function& f, std::span<const Value> params,
             std::span<const Value> wanted) {
  Values images(f.size());
  for (std::size_t k = 0; k < f.params().size(); ++k) images[f.params()[k].id] = params[k];
  return clone_onto(b, f, images, wanted);
}

namespace {

/// The checks, and the ops with checks inside, that can be had of the flagged parameters.
void append_checks(const Function& f, const Flags& params, Values& to) {
  Flags there(f.size(), true);
  for (std::size_t k = 0; k < params.size(); ++k) there[f.params()[k].id] = params[k];
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    for (Value x : f.operands(Value{id})) there[id] = there[id] && there[x.id];
    if (there[id] && f.is_kept(Value{id})) to.push_back(Value{id});
  }
}

}  // namespace

FunctionPtr restrict_to(const Function& f, const Flags& params, const Flags& results) {
  Builder b(f.name());
  b.reserve(f.size());
  Values inside(f.params().size());
  for (std::size_t k = 0; k < inside.size(); ++k) {
    if (params[k]) inside[k] = b.param(f.param_type(k), f.param_names()[k]);
  }
  Values wanted;
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (results[k]) wanted.push_back(f.results()[k]);
  }
  const std::size_t kept = wanted.size();
  if (f.has_checks()) append_checks(f, params, wanted);
  Values made = clone(b, f, inside, wanted);
  made.resize(kept);
  return b.finish(made);
}

std::optional<double> splat_value(const Function& f, Value v) {
  while (f.op(v) == Op::kBroadcast || f.op(v) == Op::kReshape) v = f.operand(v, 0);
  if (f.op(v) != Op::kConstant) return std::nullopt;
  const Tensor& literal = *f.attr_as<LiteralAttr>(v).value;
  if (literal.size() == 0) return std::nullopt;
  const long double exact = literal.real(0);
  const auto value = static_cast<double>(exact);
  if (value != exact || (literal.size() > 1 && !f.is_splat(v, value))) return std::nullopt;
  return value;
}

bool is_zero(const Function& f, Value v) {
  while (f.op(v) == Op::kBroadcast || f.op(v) == Op::kReshape) v = f.operand(v, 0);
  if (f.op(v) != Op::kConstant) return false;
  const Tensor& literal = *f.attr_as<LiteralAttr>(v).value;
  for (std::int64_t k = 0; k < literal.size(); ++k) {
    if (literal.real(k) != 0) return false;
  }
  return true;
}

bool is_finite_constant(const Function& f, Value v) {
  while (f.op(v) == Op::kBroadcast || f.op(v) == Op::kReshape) v = f.operand(v, 0);
  if (f.op(v) != Op::kConstant || !is_float(f.type(v).dtype)) return false;
  const Tensor& literal = *f.attr_as<LiteralAttr>(v).value;
  for (std::int64_t k = 0; k < literal.size(); ++k) {
    if (!std::isfinite(literal.real(k))) return false;
  }
  return true;
}

Value take_along(Builder& b, Value x, Value order, std::int64_t axis) {
  const Type index = b.type(order);
  Values indices;
  for (std::int64_t k = 0; k < index.shape.rank(); ++k) {
    indices.push_back(k == axis ? order : b.iota(index, k));
  }
  return b.gather(x, indices);
}

Dims other_axes(int rank, const Dims& used) {
  Dims out;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    if (std::find(used.begin(), used.end(), axis) == used.end()) out.push_back(axis);
  }
  return out;
}

void BodyBuilder::pass(Value operand, const Type& inside, Value& target) {
  if (const auto value = splat_value(outer_.so_far(), operand)) {
    pending_.push_back({&target, *value, inside});
    return;
  }
  operands_.push_back(operand);
  target = body_.param(inside);
}

void BodyBuilder::row(Value operand, Value& target) {
  pass(operand, row_of(outer_.type(operand)), target);
}

void BodyBuilder::invariant(Value operand, Value& target) {
  pass(operand, outer_.type(operand), target);
}

void BodyBuilder::carry(Value operand, Value& target) {
  operands_.push_back(operand);
  target = body_.param(outer_.type(operand));
}

Builder& BodyBuilder::open() {
  for (const Pending& p : pending_) *p.target = body_.splat(p.value, p.type);
  pending_.clear();
  return body_;
}

std::int64_t BodyBuilder::take_count() {
  const auto n = static_cast<std::int64_t>(operands_.size() - counted_);
  counted_ = operands_.size();
  return n;
}

std::vector<int> use_counts(const Function& f) {
  std::vector<int> uses(f.size(), 0);
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    for (Value x : f.operands(Value{id})) ++uses[x.id];
  }
  for (Value r : f.results()) ++uses[r.id];
  return uses;
}

Attr change_bodies(const Attr& attr, const std::function<FunctionPtr(const Function&)>& change) {
  std::vector<FunctionPtr> bodies = bodies_of(attr);
  for (FunctionPtr& body : bodies) body = change(*body);
  return with_bodies(attr, bodies);
}

Layout layout_of(Op op) {
  switch (op) {
    case Op::kPairSum: return {2, 0};
    case Op::kCond: return {0, 1};
    case Op::kCall: return {0, 0};
    default: return {1, 0};
  }
}

Attr with_body(Attr attr, FunctionPtr body) {
  ensure(bodies_of(attr).size() == 1, "with_body: an op with one body");
  return with_bodies(std::move(attr), {std::move(body)});
}

FunctionPtr rewrite(const Function& f, const RewriteRule& rule,
                    const std::function<FunctionPtr(const Function&)>& body,
                    const ProjectedRule& projected) {
  Builder b(f.name());
  b.reserve(f.size());
  Values images(f.size());
  std::unordered_map<std::uint32_t, Values> results_of;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    images[f.params()[k].id] = b.param(f.param_type(k), f.param_names()[k]);
  }
  Values x;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    const Op op = f.op(v);
    if (op == Op::kParameter) continue;
    x.clear();
    for (Value operand : f.operands(v)) x.push_back(images[operand.id]);
    const auto spans = f.spans(v);
    b.set_spans({spans.begin(), spans.end()});
    if (op == Op::kProject) {
      const auto made = results_of.find(f.operand(v, 0).id);
      if (made != results_of.end()) {
        images[id] = made->second[static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index)];
      }
    } else if (is_projected(op)) {
      Values made = projected ? projected(b, v, x, images) : Values{};
      if (!made.empty()) {
        results_of[id] = std::move(made);
        continue;
      }
      if (body && is_second_order(op)) images[id] = b.make(op, x, change_bodies(f.attr(v), body));
    } else if (rule) {
      images[id] = rule(b, v, x);
    }
    if (!images[id].valid()) images[id] = b.copy(f, v, x);
  }
  Values results;
  for (Value r : f.results()) results.push_back(images[r.id]);
  return b.finish(results);
}

bool piecewise_constant(Op op) {
  switch (op) {
    case Op::kSign:
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound:
    case Op::kFarAngleError:
    case Op::kFarQuarter: return true;
    default: return false;
  }
}

namespace {

Flags flow_cond(const CondAttr& a, const Flags& operands, Through through) {
  const Flags params(operands.begin() + 1, operands.end());
  Flags results = flow(*a.on_true, params, through);
  const Flags others = flow(*a.on_false, params, through);
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (others[k] || (through == Through::kDependence && operands[0])) results[k] = true;
  }
  return results;
}

Flags flow_call(const Function& f, Value node, const Flags& operands, Through through) {
  const auto& a = f.attr_as<CallAttr>(node);
  if (!a.linear && (through == Through::kDependence || (!a.jvp && !a.vjp))) {
    return flow(*a.body, operands, through);
  }
  // What a derivative of its own makes of the operands is not looked into.
  const bool any = std::find(operands.begin(), operands.end(), true) != operands.end();
  Flags results;
  for (const Type& t : f.result_types(node)) results.push_back(any && is_float(t.dtype));
  return results;
}

/// Flags of the carries, then of the count.
Flags flow_while(const WhileAttr& a, const Flags& operands, Through through) {
  Flags params{false};
  params.insert(params.end(), operands.begin(), operands.end());
  const std::size_t first = 1 + static_cast<std::size_t>(a.invariants);
  for (bool grown = true; grown;) {
    grown = false;
    const Flags next = flow(*a.body, params, through);
    for (std::size_t k = 0; k < next.size(); ++k) {
      if (next[k] && !params[first + k]) params[first + k] = grown = true;
    }
  }
  Flags results(params.begin() + static_cast<std::ptrdiff_t>(first), params.end());
  results.push_back(false);
  if (through == Through::kDependence && flow(*a.condition, params, through)[0]) {
    results.assign(results.size(), true);
  }
  return results;
}

}  // namespace

Flags flow_through(const Function& f, Value node, const Flags& operands, Through through,
                   Flags* carries) {
  if (!is_second_order(f.op(node))) {
    // Every result depends on every operand.
    const bool any = std::find(operands.begin(), operands.end(), true) != operands.end();
    Flags results;
    for (const Type& t : f.result_types(node)) {
      results.push_back(any && (through == Through::kDependence || is_float(t.dtype)));
    }
    return results;
  }
  const Attr& attr = f.attr(node);
  if (const auto* a = std::get_if<CondAttr>(&attr)) return flow_cond(*a, operands, through);
  if (std::holds_alternative<CallAttr>(attr)) return flow_call(f, node, operands, through);
  if (const auto* a = std::get_if<WhileAttr>(&attr)) return flow_while(*a, operands, through);
  const FunctionPtr body = body_of(attr);
  Flags params(body->params().size(), false);
  const std::size_t offset = f.op(node) == Op::kPairSum ? 2 : 1;
  for (std::size_t k = offset; k < params.size(); ++k) params[k] = operands[k - offset];
  if (f.op(node) != Op::kLoop) return flow(*body, params, through);
  const auto& loop = std::get<LoopAttr>(attr);
  const auto n = static_cast<std::size_t>(loop.carries);
  const std::size_t first = 1 + static_cast<std::size_t>(loop.invariants);
  for (;;) {
    Flags results = flow(*body, params, through);
    bool grown = false;
    for (std::size_t k = 0; k < n; ++k) {
      if (results[k] && !params[first + k]) params[first + k] = grown = true;
    }
    if (grown) continue;
    for (std::size_t k = 0; k < n; ++k) results[k] = params[first + k];
    if (carries) carries->assign(results.begin(), results.begin() + loop.carries);
    return results;
  }
}

Flags flow(const Function& f, const Flags& params, Through through) {
  const Flags on = flow_nodes(f, params, through);
  Flags out;
  for (Value v : f.results()) out.push_back(on[v.id]);
  return out;
}

Flags flow_nodes(const Function& f, const Flags& params, Through through) {
  Flags on(f.size(), false);
  std::vector<Flags> results_of(f.size());
  for (std::size_t k = 0; k < params.size(); ++k) on[f.params()[k].id] = params[k];
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    const Op op = f.op(v);
    if (op == Op::kParameter) continue;
    if (op == Op::kProject) {
      const Value node = f.operand(v, 0);
      on[id] = on[node.id] &&
               results_of[node.id][static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index)];
    } else {
      Flags operands;
      bool any = false;
      for (Value operand : f.operands(v)) {
        operands.push_back(on[operand.id]);
        any = any || on[operand.id];
      }
      on[id] = any;
      if (any && is_projected(op)) results_of[id] = flow_through(f, v, operands, through);
      if (op == Op::kGather || op == Op::kScatterAdd || op == Op::kScatterSet) {
        const std::size_t data = op == Op::kGather ? 1 : 2;
        if (through == Through::kTangent) {
          on[id] = std::any_of(operands.begin(), operands.begin() + static_cast<long>(data),
                               [](bool x) { return x; });
        }
      }
      if (through == Through::kTangent && op == Op::kSelect) on[id] = operands[1] || operands[2];
      if (through == Through::kTangent && op == Op::kCheck) on[id] = operands[1];
      if (through == Through::kTangent && is_elementwise(op) && piecewise_constant(op)) {
        on[id] = false;
      }
    }
    if (through == Through::kTangent && !is_projected(op) && !is_float(f.type(v).dtype)) {
      on[id] = false;
    }
  }
  return on;
}

}  // namespace cotangent::transform
