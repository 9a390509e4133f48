#include "cotangent/transform/control.h"

namespace cotangent::transform {

using namespace ir;

namespace {

Value or_zeros(Builder& b, Value t, const Type& type) {
  return t.valid() ? t : b.zeros(type);
}

/// Two bodies of one op, with the same parameters.
struct Twin {
  BodyBuilder one, two;
  Values primal_one, primal_two, tangent_one, tangent_two;

  void invariant(Value operand, Value& in_one, Value& in_two) {
    one.invariant(operand, in_one), two.invariant(operand, in_two);
  }
  void carry(Value operand, Value& in_one, Value& in_two) {
    one.carry(operand, in_one), two.carry(operand, in_two);
  }
};

Twin twin(Builder& b, const Function& f, const Function& g) {
  const std::size_t n = f.params().size();
  return {BodyBuilder(b, f.name()),
          BodyBuilder(b, g.name()),
          Values(n),
          Values(n),
          Values(n),
          Values(n)};
}

}  // namespace

Pushed push_while(Builder& b, const Function& f, Value v, const Values& x, const Values& t) {
  const auto& a = f.attr_as<WhileAttr>(v);
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  if (a.condition->is_splat(a.condition->results()[0], 0)) {
    Pushed out{{x.begin() + a.invariants, x.end()}, {t.begin() + a.invariants, t.end()}};
    out.primal.push_back(b.constant_i64(0));
    out.tangent.emplace_back();
    return out;
  }
  Flags active;
  for (Value tangent : t) active.push_back(tangent.valid());
  const Flags results = flow_through(f, v, active, Through::kTangent);

  Twin in = twin(b, *a.condition, *a.body);
  Value unread;  // the condition is given the tangents too
  in.one.index(in.primal_one[0]), in.two.index(in.primal_two[0]);
  for (std::size_t k = 0; k < invariants; ++k) {
    in.invariant(x[k], in.primal_one[k + 1], in.primal_two[k + 1]);
  }
  for (std::size_t k = 0; k < invariants; ++k) {
    if (t[k].valid()) in.invariant(t[k], unread, in.tangent_two[k + 1]);
  }
  WhileAttr attr;
  attr.limit = a.limit;
  attr.invariants = in.one.take_count();
  for (std::size_t k = invariants; k < x.size(); ++k) {
    in.carry(x[k], in.primal_one[k + 1], in.primal_two[k + 1]);
  }
  for (std::size_t k = invariants; k < x.size(); ++k) {
    if (!results[k - invariants]) continue;
    in.carry(or_zeros(b, t[k], b.type(x[k])), unread, in.tangent_two[k + 1]);
  }
  attr.carries = in.one.take_count();

  Builder& condition = in.one.open();
  attr.condition = condition.finish(condition.inline_call(*a.condition, in.primal_one));
  Builder& body = in.two.open();
  const Pushed inside = push_forward(body, *a.body, in.primal_two, in.tangent_two);
  Values next = inside.primal;
  for (std::size_t k = 0; k < carries; ++k) {
    if (results[k]) next.push_back(or_zeros(body, inside.tangent[k], a.body->result_type(k)));
  }
  attr.body = body.finish(next);
  const Values made = b.while_loop(attr, in.one.operands());
  Pushed out;
  out.primal.assign(made.begin(), made.begin() + a.carries);
  out.tangent.resize(carries + 1);
  std::size_t at = carries;
  for (std::size_t k = 0; k < carries; ++k) {
    if (results[k]) out.tangent[k] = made[at++];
  }
  out.primal.push_back(made[at]);  // the count
  return out;
}

Pushed push_cond(Builder& b, const Function& f, Value v, const Values& x, const Values& t) {
  const auto& a = f.attr_as<CondAttr>(v);
  if (const auto known = splat_value(b.so_far(), x[0])) {
    // What the other branch would have made linear must not come out as a zero in disguise.
    return push_forward(b, *known != 0 ? *a.on_true : *a.on_false, std::span(x).subspan(1),
                        std::span(t).subspan(1));
  }
  Twin in = twin(b, *a.on_true, *a.on_false);
  for (std::size_t k = 1; k < x.size(); ++k) {
    in.invariant(x[k], in.primal_one[k - 1], in.primal_two[k - 1]);
  }
  for (std::size_t k = 1; k < x.size(); ++k) {
    if (t[k].valid()) in.invariant(t[k], in.tangent_one[k - 1], in.tangent_two[k - 1]);
  }
  Builder &yes = in.one.open(), &no = in.two.open();
  const Pushed one = push_forward(yes, *a.on_true, in.primal_one, in.tangent_one);
  const Pushed two = push_forward(no, *a.on_false, in.primal_two, in.tangent_two);
  Values results_one = one.primal, results_two = two.primal;
  for (std::size_t k = 0; k < one.tangent.size(); ++k) {
    if (!one.tangent[k].valid() && !two.tangent[k].valid()) continue;
    const Type type = a.on_true->result_type(k);
    results_one.push_back(or_zeros(yes, one.tangent[k], type));
    results_two.push_back(or_zeros(no, two.tangent[k], type));
  }
  Values operands{x[0]};
  operands.insert(operands.end(), in.one.operands().begin(), in.one.operands().end());
  const CondAttr attr{yes.finish(results_one), no.finish(results_two)};
  const Values made = b.cond(attr, operands);
  Pushed out;
  out.primal.assign(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(one.primal.size()));
  out.tangent.resize(one.primal.size());
  std::size_t at = one.primal.size();
  for (std::size_t k = 0; k < out.tangent.size(); ++k) {
    if (one.tangent[k].valid() || two.tangent[k].valid()) out.tangent[k] = made[at++];
  }
  return out;
}

namespace {

/// The linear call in place of the tangents of a call that has a vjp only.
Pushed push_by_vjp(Builder& b, const CallAttr& a, const Values& x, const Values& t) {
  Pushed out;
  out.primal = b.call(a, x);
  out.tangent.resize(out.primal.size());
  Values operands = x;
  operands.insert(operands.end(), out.primal.begin(), out.primal.end());
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (is_float(b.type(x[k]).dtype)) operands.push_back(or_zeros(b, t[k], b.type(x[k])));
  }
  Builder body(a.body->name() + "_jvp");
  for (Value operand : operands) body.param(b.type(operand));
  Values nothing;
  for (Value y : out.primal) {
    if (is_float(b.type(y).dtype)) nothing.push_back(body.splat(__builtin_nan(""), b.type(y)));
  }
  if (nothing.empty()) return out;
  CallAttr attr;
  attr.linear = true;
  attr.body = body.finish(nothing);
  attr.vjp = a.vjp;
  const Values made = b.call(attr, operands);
  std::size_t next = 0;
  for (std::size_t k = 0; k < out.primal.size(); ++k) {
    if (is_float(b.type(out.primal[k]).dtype)) out.tangent[k] = made[next++];
  }
  return out;
}

/// The results of a jvp, which is linear in its tangents. Of those that are absent zeros would be
/// multiplied, and come out as what nobody knows to be zero. So where one is absent, it is the
/// derivative of the jvp by the others.
Values along_tangents(Builder& b, const Function& jvp, Values given, const Values& tangents) {
  const bool all = std::all_of(tangents.begin(), tangents.end(), [](Value t) { return t.valid(); });
  if (all) {
    given.insert(given.end(), tangents.begin(), tangents.end());
    return b.inline_call(jvp, given);
  }
  Values along(given.size());
  for (Value t : tangents) {
    given.push_back(b.zeros(jvp.param_type(given.size())));
    along.push_back(t);
  }
  return push_forward(b, jvp, given, along).tangent;
}

/// x of A x = b: A dx = db - dA x.
Pushed push_solve(Builder& b, const CallAttr& a, const Values& x, const Values& t) {
  Pushed out;
  out.primal = b.call(a, x);
  Values at(x.begin(), x.end() - 1), along(t.begin(), t.end() - 1);
  at.push_back(out.primal[0]);
  along.emplace_back();
  Value right = t.back();
  if (const Value moved = push_forward(b, *a.equation, at, along).tangent[0]; moved.valid()) {
    right = right.valid() ? b.sub(right, moved) : b.unary(Op::kNeg, moved);
  }
  out.tangent.resize(1);
  if (!right.valid()) return out;
  at.back() = right;
  out.tangent[0] = b.call(a, at)[0];
  return out;
}

}  // namespace

Pushed push_call(Builder& b, const CallAttr& a, const Values& x, const Values& t) {
  if (a.linear) {
    throw UserError("[call] '" + a.body->name() +
                        "' has a vjp only: forward mode cannot go "
                        "through it",
                    "give it a jvp, from which reverse mode follows too");
  }
  if (a.equation) return push_solve(b, a, x, t);
  if (!a.jvp && a.vjp) return push_by_vjp(b, a, x, t);
  if (!a.jvp) return push_forward(b, *a.body, x, t);
  // The values are those of the call still, so that derivatives of derivatives follow its jvp too.
  Pushed out;
  out.primal = b.call(a, x);
  Values tangents;
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (is_float(b.type(x[k]).dtype)) tangents.push_back(t[k]);
  }
  const bool by_results = a.jvp->params().size() == x.size() + out.primal.size() + tangents.size();
  Values given = x;
  if (by_results) given.insert(given.end(), out.primal.begin(), out.primal.end());
  const Values made = along_tangents(b, *a.jvp, given, tangents);
  std::size_t next = by_results ? 0 : out.primal.size();
  for (Value y : out.primal) {
    out.tangent.push_back(is_float(b.type(y).dtype) ? made[next++] : Value{});
  }
  return out;
}

bool has_calls(const Function& f) {
  return f.contains_op([](Op op) { return op == Op::kCall; });
}

FunctionPtr inline_calls(const Function& f) {
  if (!has_calls(f)) return std::make_shared<Function>(f);
  const auto inlined = [&](Builder& b, Value v, std::span<const Value> x, const Values&) -> Values {
    if (f.op(v) != Op::kCall || f.attr_as<CallAttr>(v).linear) return {};
    return b.inline_call(*inline_calls(*f.attr_as<CallAttr>(v).body), x);
  };
  return rewrite(f, {}, inline_calls, inlined);
}

std::string linear_call(const Function& f) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (!is_second_order(f.op(v))) continue;
    if (f.op(v) == Op::kCall) {
      const auto& a = f.attr_as<CallAttr>(v);
      if (a.linear) return a.vjp->name().empty() ? "call" : a.vjp->name();
      if (std::string name = linear_call(*a.body); !name.empty()) return name;
      continue;
    }
    for (const FunctionPtr& body : bodies_of(f.attr(v))) {
      if (std::string name = linear_call(*body); !name.empty()) return name;
    }
  }
  return "";
}

namespace {

/// The loop in place of a while. Its last carry counts the iterations done, and is what the
/// condition and the body see as the iteration, so a condition that has failed fails for ever.
Values as_loop(Builder& b, const WhileAttr& a, std::span<const Value> x) {
  const auto invariants = static_cast<std::size_t>(a.invariants);
  Builder step(a.body->name());
  step.param(scalar(DType::kI64));
  Values seen(1);
  for (Value operand : x) seen.push_back(step.param(b.type(operand)));
  const Value count = step.param(scalar(DType::kI64));
  seen[0] = count;
  const Value goes_on = step.inline_call(*a.condition, seen)[0];

  Builder yes(a.body->name()), no("stays");
  Values in_yes;
  for (Value s : seen) in_yes.push_back(yes.param(step.type(s)));
  Values next = yes.inline_call(*a.body, in_yes);
  next.push_back(yes.add(in_yes[0], yes.constant_i64(1)));
  Values in_no;
  for (Value s : seen) in_no.push_back(no.param(step.type(s)));
  Values same(in_no.begin() + 1 + static_cast<std::ptrdiff_t>(invariants), in_no.end());
  same.push_back(in_no[0]);
  const CondAttr either{yes.finish(next), no.finish(same)};
  Values operands{goes_on};
  operands.insert(operands.end(), seen.begin(), seen.end());
  LoopAttr loop;
  loop.trip = a.limit;
  loop.invariants = a.invariants;
  loop.carries = a.carries + 1;
  loop.body = step.finish(step.cond(either, operands));
  Values all(x.begin(), x.end());
  all.push_back(b.constant_i64(0));
  return b.loop(loop, all);
}

}  // namespace

FunctionPtr bound_whiles(const Function& f, const Flags& params) {
  bool any = false;
  for (std::uint32_t id = 0; id < f.size() && !any; ++id) any = f.op(Value{id}) == Op::kWhile;
  if (!any) return nullptr;
  const Flags on = flow_nodes(f, params, Through::kDependence);
  const auto bounded = [&](Value v) {
    return f.op(v) == Op::kWhile && on[v.id] && f.attr_as<WhileAttr>(v).limit > 0;
  };
  any = false;
  for (std::uint32_t id = 0; id < f.size() && !any; ++id) any = bounded(Value{id});
  if (!any) return nullptr;
  return rewrite(f, {}, nullptr, [&](Builder& b, Value v, std::span<const Value> x, const Values&) {
    return bounded(v) ? as_loop(b, f.attr_as<WhileAttr>(v), x) : Values{};
  });
}

}  // namespace cotangent::transform
