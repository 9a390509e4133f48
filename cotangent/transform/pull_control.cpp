// Transposes of cond and call.
//
// cond: the branch that was taken is pulled back, its non-linear part recomputed inside; the other
// is not run. An operand that one branch does not read has a cotangent of zero there, and says so
// by its mask: what is behind it may be infinite.
// call: a call with a derivative of its own was made linear by forward mode, its transpose is its
// vjp; any other was inlined on the way. One that solves linear equations becomes one that solves
// the transpose.
#include <algorithm>

#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/puller.h"

namespace cotangent::transform {

using namespace ir;

Values copy_control_part(Builder& b, const Function& f, Value node, std::span<const Value> operands,
                         const Flags& results) {
  Values out(results.size());
  if (std::none_of(results.begin(), results.end(), [](bool r) { return r; })) return out;
  const Attr& attr = f.attr(node);
  Values kept, made;
  if (const auto* c = std::get_if<CondAttr>(&attr)) {
    Flags params;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      if (operands[k].valid()) kept.push_back(operands[k]);
      if (k > 0) params.push_back(operands[k].valid());
    }
    made = b.cond({part_of(*c->on_true, params, results), part_of(*c->on_false, params, results)},
                  kept);
  } else if (const auto* w = std::get_if<WhileAttr>(&attr)) {
    const auto invariants = static_cast<std::size_t>(w->invariants);
    Flags params{true};
    WhileAttr part;
    part.limit = w->limit;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const bool carry = k >= invariants;
      params.push_back(carry ? results[k - invariants] : operands[k].valid());
      if (!params.back()) continue;
      kept.push_back(operands[k]);
      ++(carry ? part.carries : part.invariants);
    }
    const Flags carries(results.begin(), results.end() - 1);
    part.condition = part_of(*w->condition, params, {true});
    part.body = part_of(*w->body, params, carries);
    made = b.while_loop(part, kept);
    // The count is there anyway.
    std::size_t next = 0;
    for (std::size_t k = 0; k < carries.size(); ++k) {
      if (carries[k]) out[k] = made[next++];
    }
    if (results.back()) out.back() = made[next];
    return out;
  } else {
    throw InternalError("transpose: a call that is linear in part");
  }
  std::size_t next = 0;
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (results[k]) out[k] = made[next++];
  }
  return out;
}

namespace {

/// One branch of a cond, pulled back.
struct Branch {
  Builder b;
  Values params;
  std::vector<Cotangent> cts;
  Pulled pulled;
  Values results;

  Branch(const Function& f, std::size_t results)
      : b(f.name() + "_t"), params(f.params().size()), cts(results) {}
};

}  // namespace

void Puller::cond(Value node) {
  const auto& a = f_.attr_as<CondAttr>(node);
  const auto operands = f_.operands(node);
  const std::vector<Cotangent>& given = result_cts_[node.id];
  const Flags& linear_results = linear_results_[node.id];
  if (linear(operands[0])) refuse(Op::kCond, "the predicate depends on the linear parameters");
  Branch yes(*a.on_true, given.size()), no(*a.on_false, given.size());
  Values outside{of(operands[0])};
  const auto pass = [&](Value operand, Value& in_yes, Value& in_no) {
    outside.push_back(operand);
    in_yes = yes.b.param(b_.type(operand));
    in_no = no.b.param(b_.type(operand));
  };
  for (std::size_t k = 1; k < operands.size(); ++k) {
    if (!linear(operands[k])) pass(of(operands[k]), yes.params[k - 1], no.params[k - 1]);
  }
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (!given[k].valid()) continue;
    pass(given[k].value, yes.cts[k].value, no.cts[k].value);
    if (given[k].mask.valid()) pass(given[k].mask, yes.cts[k].mask, no.cts[k].mask);
  }
  const auto pull = [&](Branch& branch, const Function& f) {
    branch.pulled = pull_back(branch.b, f, branch.params, branch.cts);
    for (std::size_t k = 0; k < given.size(); ++k) {
      const Value r = branch.pulled.results[k];
      if (linear_results[k] && r.valid() && !is_zero(branch.b.so_far(), r)) {
        refuse(Op::kCond,
               "a result that depends on the linear parameters is something else in one "
               "branch");
      }
    }
  };
  pull(yes, *a.on_true);
  pull(no, *a.on_false);

  struct Back {
    std::size_t operand;
    bool masked;
    bool yes, no;
  };
  std::vector<Back> backs;
  for (std::size_t k = 1; k < operands.size(); ++k) {
    if (!linear(operands[k])) continue;
    const Cotangent &one = yes.pulled.params[k - 1], &two = no.pulled.params[k - 1];
    if (!one.valid() && !two.valid()) continue;
    const Type type = f_.type(operands[k]), truth = type.with_dtype(DType::kBool);
    const auto add = [&](Branch& branch, const Cotangent& ct, bool masked) {
      branch.results.push_back(ct.valid() ? ct.value : branch.b.zeros(type));
      if (!masked) return;
      branch.results.push_back(
          ct.valid() && ct.mask.valid() ? ct.mask : branch.b.splat(ct.valid() ? 1 : 0, truth));
    };
    // Where a mask is not worked out inside, the predicate is it.
    const bool masked = one.mask.valid() || two.mask.valid();
    add(yes, one, masked), add(no, two, masked);
    backs.push_back({k, masked, one.valid(), two.valid()});
  }
  if (backs.empty()) return;
  const Values made = b_.cond({yes.b.finish(yes.results), no.b.finish(no.results)}, outside);
  std::size_t next = 0;
  for (const Back& back : backs) {
    Cotangent ct{made[next++], {}};
    if (back.masked) {
      ct.mask = made[next++];
    } else if (!back.yes || !back.no) {
      const Value taken = back.yes ? outside[0] : b_.unary(Op::kNot, outside[0]);
      ct.mask = b_.broadcast_to(taken, b_.type(ct.value).shape);
    }
    add_to(operands[back.operand], ct);
  }
}

void Puller::call(Value node) {
  const auto& a = f_.attr_as<CallAttr>(node);
  if (a.equation) return solve(node);
  ensure(a.linear, "transpose: a call that forward mode left");
  const auto operands = f_.operands(node);
  const std::vector<Cotangent>& given = result_cts_[node.id];
  const std::size_t tangents = a.vjp->results().size(), first = operands.size() - tangents;
  Values arguments;
  for (std::size_t k = 0; k < first; ++k) {
    if (linear(operands[k])) refuse(Op::kCall, "an argument depends on the linear parameters");
    arguments.push_back(of(operands[k]));
  }
  Value mask;  // one for all: which cotangents it makes of which nobody knows
  bool masked = true;
  for (std::size_t k = 0; k < given.size(); ++k) {
    const Type type = a.body->result_type(k);
    arguments.push_back(given[k].valid() ? given[k].value : b_.zeros(type));
    if (!given[k].valid()) continue;
    masked = masked && given[k].mask.valid();
    if (!masked) continue;
    Dims all;
    for (int axis = 0; axis < type.shape.rank(); ++axis) all.push_back(axis);
    const Value here = any(given[k].mask, all);
    mask = mask.valid() ? b_.binary(Op::kOr, mask, here) : here;
  }
  const Values made = b_.inline_call(*a.vjp, arguments);
  for (std::size_t k = 0; k < tangents; ++k) {
    if (!linear(operands[first + k])) {
      want_zero(operands[first + k], Op::kCall);
      continue;
    }
    Cotangent ct{made[k], {}};
    if (masked && mask.valid()) {
      ct.mask = b_.broadcast_to(mask, b_.type(made[k]).shape);
      ct.dirty = true;
    }
    add_to(operands[first + k], clean(ct));
  }
}

void Puller::solve(Value node) {
  const auto& a = f_.attr_as<CallAttr>(node);
  const auto operands = f_.operands(node);
  const std::size_t last = operands.size() - 1;
  const Cotangent& given = result_cts_[node.id][0];
  if (!given.valid()) return;
  Values arguments;
  for (std::size_t k = 0; k < last; ++k) {
    if (linear(operands[k])) refuse(Op::kCall, "an argument depends on the linear parameters");
    arguments.push_back(of(operands[k]));
  }
  arguments.push_back(given.value);
  CallAttr back = a;
  if (a.vjp != a.body) {  // else A is symmetric
    std::swap(back.body, back.vjp);
    back.equation = transpose(*a.equation, {last});
  }
  add_to(operands[last], {b_.call(back, arguments)[0], {}});
}

}  // namespace cotangent::transform
