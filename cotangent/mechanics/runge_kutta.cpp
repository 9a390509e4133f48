#include "cotangent/mechanics/runge_kutta.h"

#include <algorithm>
#include <cmath>

#include "cotangent/ir/check_site.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Value;
using Values = std::vector<Value>;

std::vector<Tableau> make_table() {
  std::vector<Tableau> all;
  all.push_back({"explicit_euler", 1, {{}}, {1}, {0}, {}, 0, "Euler 1768"});
  all.push_back({"rk4",
                 4,
                 {{}, {0.5}, {0, 0.5}, {0, 0, 1}},
                 {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6},
                 {0, 0.5, 0.5, 1},
                 {},
                 0,
                 "Kutta 1901; Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, "
                 "table II.1.2"});
  const std::vector<double> b = {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784,
                                 11.0 / 84,  0};
  all.push_back(
      {"dopri5",
       5,
       {{},
        {1.0 / 5},
        {3.0 / 40, 9.0 / 40},
        {44.0 / 45, -56.0 / 15, 32.0 / 9},
        {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
        {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
        {b[0], b[1], b[2], b[3], b[4], b[5]}},
       b,
       {0, 0.2, 0.3, 0.8, 8.0 / 9, 1, 1},
       {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40},
       4,
       "Dormand and Prince 1980; Hairer, Norsett, Wanner, table II.5.2"});
  return all;
}

/// sum_k w_k k_k, each of the arrays of the state; invalid where all weights are zero.
Values combined(Builder& b, const std::vector<double>& weights, const std::vector<Values>& rates) {
  Values sum(rates[0].size());
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (weights[k] == 0) continue;
    const Value w = b.constant(weights[k]);
    for (std::size_t j = 0; j < sum.size(); ++j) {
      const Value part = b.scale(w, rates[k][j]);
      sum[j] = sum[j].valid() ? b.add(sum[j], part) : part;
    }
  }
  return sum;
}

Values moved(Builder& b, const Values& x, Value h, const Values& rate) {
  Values out = x;
  for (std::size_t j = 0; j < x.size(); ++j) {
    if (rate[j].valid()) out[j] = b.add(x[j], b.scale(h, rate[j]));
  }
  return out;
}

/// Where a step of a tableau is built: the field, and what it takes besides the state and t.
struct Field {
  Builder& b;
  const ir::Function& f;
  Values parameters;
  Values operator()(const Values& x, Value t) const {
    Values args = x;
    args.push_back(t);
    args.insert(args.end(), parameters.begin(), parameters.end());
    return b.inline_call(f, args);
  }
};

struct Stepped {
  Values x;                   ///< after the step
  std::vector<Values> rates;  ///< of the stages
};

/// One step of h; `first` is k_1 where it is known. Stages that neither the step nor, with
/// `estimate`, the error needs are left out.
Stepped one_step(const Field& field, const Tableau& tableau, const Values& x, Value t, Value h,
                 bool estimate, const Values& first = {}) {
  Builder& b = field.b;
  Stepped s;
  std::size_t stages = tableau.stages();
  while (!estimate && tableau.b[stages - 1] == 0) --stages;
  for (std::size_t i = 0; i < stages; ++i) {
    if (i == 0 && !first.empty()) {
      s.rates.push_back(first);
      continue;
    }
    const Value at = tableau.c[i] == 0 ? t : b.add(t, b.mul(b.constant(tableau.c[i]), h));
    const Values from = i == 0 ? x : moved(b, x, h, combined(b, tableau.a[i], s.rates));
    s.rates.push_back(field(from, at));
  }
  const std::vector<double> weights(tableau.b.begin(),
                                    tableau.b.begin() + static_cast<std::ptrdiff_t>(stages));
  s.x = moved(b, x, h, combined(b, weights, s.rates));
  return s;
}

FunctionPtr field_for(const System& system, const std::string& method) {
  if (system.form == Form::kMap) {
    throw UserError("[" + method + "] a map has no time to step through",
                    "use method = \"iterate\"");
  }
  return vector_field(system);
}

/// Root mean square of the estimated errors in units of the tolerances.
Value error_norm(Builder& b, const Tableau& tableau, const Tolerances& tolerances, const Values& x,
                 const Stepped& s, Value h) {
  const Values error = combined(b, tableau.error, s.rates);
  Value sum;
  std::int64_t count = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const ir::Type type = b.type(x[j]);
    const Value size =
        b.binary(ir::Op::kMax, b.unary(ir::Op::kAbs, x[j]), b.unary(ir::Op::kAbs, s.x[j]));
    const Value scale =
        b.add(b.splat(tolerances.atol, type), b.mul(b.splat(tolerances.rtol, type), size));
    const Value part = b.div(b.scale(h, error[j]), scale);
    const Value square = b.reduce_sum(b.mul(part, part));
    sum = sum.valid() ? b.add(sum, square) : square;
    count += type.size();
  }
  return b.unary(ir::Op::kSqrt, b.div(sum, b.constant(static_cast<double>(count))));
}

/// Builds the adaptive step of one system.
class Adaptive {
 public:
  Adaptive(const System& system, const Tableau& tableau, const Tolerances& tolerances)
      : system_(system),
        tableau_(tableau),
        tolerances_(tolerances),
        field_(field_for(system, tableau.name)),
        state_(state_types(system)) {}

  Integrator make() {
    Integrator m;
    m.method = tableau_.name;
    m.order = tableau_.order;
    m.state = state_;
    m.carry = state_;
    m.carry.push_back({"inner_step", ir::scalar()});
    StepProgram open("open", m.state, system_.parameters, false);
    Values carry = open.carry;
    carry.push_back(open.b.unary(ir::Op::kAbs, open.dt));
    m.open = open.finish(carry);
    StepProgram one("step", m.carry, system_.parameters);
    Values args = one.carry;
    for (Value v : {one.time(), one.dt}) args.push_back(v);
    args.insert(args.end(), one.parameters.begin(), one.parameters.end());
    ir::CallAttr call;
    call.body = filled();
    call.jvp = pushed();
    call.vjp = pulled();
    m.step = transform::simplify(*one.b.finish(one.b.call(call, args)));
    StepProgram close("close", m.carry, system_.parameters);
    m.close = close.finish(Values(close.carry.begin(), close.carry.end() - 1));
    return m;
  }

 private:
  std::size_t states() const { return state_.size(); }

  /// Parameters (state..., inner step, t, dt, parameters...) of `b`.
  struct Inputs {
    Values x;
    Value inner, t, dt;
    Values parameters;
    Values all;
  };
  Inputs inputs(Builder& b) const {
    Inputs in;
    for (const NamedType& s : state_) in.x.push_back(b.param(s.type, s.name));
    in.inner = b.param(ir::scalar(), "inner_step");
    in.t = b.param(ir::scalar(), "t");
    in.dt = b.param(ir::scalar(), "dt");
    for (const Parameter& p : system_.parameters) {
      in.parameters.push_back(b.param(p.value.type(), p.name));
    }
    in.all = in.x;
    for (Value v : {in.inner, in.t, in.dt}) in.all.push_back(v);
    in.all.insert(in.all.end(), in.parameters.begin(), in.parameters.end());
    return in;
  }

  /// What the loop over inner steps carries: the state, its rate, how far it has come, the size of
  /// the next inner step; and where they are recorded, how far and how large each accepted one was
  /// (in units of dt), and their number.
  Values fill(Builder& b, const Inputs& in, bool record) const {
    Values operands = {in.t, in.dt};
    operands.insert(operands.end(), in.parameters.begin(), in.parameters.end());
    ir::WhileAttr attr;
    attr.invariants = static_cast<std::int64_t>(operands.size());
    attr.limit = tolerances_.max_inner;
    operands.insert(operands.end(), in.x.begin(), in.x.end());
    if (tableau_.first_same_as_last()) {
      const Values rate = Field{b, *field_, in.parameters}(in.x, in.t);
      operands.insert(operands.end(), rate.begin(), rate.end());
    }
    operands.push_back(b.constant(0.0));
    operands.push_back(in.inner);
    if (record) {
      const ir::Type list{DType::kF64, Shape{tolerances_.max_inner}};
      for (Value v : {b.zeros(list), b.zeros(list), b.constant_i64(0)}) operands.push_back(v);
    }
    attr.carries = static_cast<std::int64_t>(operands.size()) - attr.invariants;
    std::vector<ir::Type> types;
    for (Value v : operands) types.push_back(b.type(v));
    attr.condition = condition(types, attr.invariants);
    attr.body = body(types, record);
    return b.while_loop(attr, operands);
  }

  /// Places among the carries.
  std::size_t rates() const { return states(); }
  std::size_t elapsed() const { return states() * (tableau_.first_same_as_last() ? 2 : 1); }

  FunctionPtr condition(const std::vector<ir::Type>& types, std::int64_t invariants) const {
    Builder b("goes_on");
    b.param(ir::scalar(DType::kI64), "iteration");
    Values in;
    for (const ir::Type& t : types) in.push_back(b.param(t));
    const std::size_t at = static_cast<std::size_t>(invariants) + elapsed();
    const Value left = b.lt(in[at], b.unary(ir::Op::kAbs, in[1]));
    // A step that has shrunk to nothing (before what is no number) gets nowhere any more.
    const Value moves = b.gt(in[at + 1], b.constant(0.0));
    return b.finish({b.binary(ir::Op::kAnd, left, moves)});
  }

  FunctionPtr body(const std::vector<ir::Type>& types, bool record) const {
    Builder b("inner_step");
    b.param(ir::scalar(DType::kI64), "iteration");
    Values in;
    for (const ir::Type& t : types) in.push_back(b.param(t));
    const Value t = in[0], dt = in[1];
    const std::size_t p = system_.parameters.size();
    const auto from = [&](std::size_t k, std::size_t n) {
      const auto begin = in.begin() + static_cast<std::ptrdiff_t>(k);
      return Values(begin, begin + static_cast<std::ptrdiff_t>(n));
    };
    const Field field{b, *field_, from(2, p)};
    const std::size_t c = 2 + p;
    const Values x = from(c, states());
    const Values first = tableau_.first_same_as_last() ? from(c + rates(), states()) : Values{};
    const Value done = in[c + elapsed()], h = in[c + elapsed() + 1];

    const Value whole = b.unary(ir::Op::kAbs, dt), left = b.sub(whole, done);
    const Value last = b.ge(h, left), size = b.select(last, left, h);
    const Value sign = b.unary(ir::Op::kSign, dt);
    const Value signed_size = b.mul(sign, size);
    const Stepped s =
        one_step(field, tableau_, x, b.add(t, b.mul(sign, done)), signed_size, true, first);
    const Value error = error_norm(b, tableau_, tolerances_, x, s, signed_size);
    const Value accepted = b.le(error, b.constant(1.0));

    // 0.9 error^(-1/(q+1)), from 0.2 to 5; an error that is no number shrinks the step as well.
    const Value power =
        b.binary(ir::Op::kPow, error, b.constant(-1.0 / (tableau_.estimate_order + 1)));
    const Value wanted = b.binary(ir::Op::kMin, b.mul(b.constant(0.9), power), b.constant(5.0));
    const Value factor = b.select(b.ge(wanted, b.constant(0.2)), wanted, b.constant(0.2));
    const Value proposed = b.mul(size, factor);
    // A step cut short at the end of dt says little about the size of the next.
    const Value kept = b.select(last, b.binary(ir::Op::kMax, h, proposed), proposed);
    const Value next = b.select(accepted, kept, proposed);
    const Value end = b.select(last, whole, b.add(done, size));

    Values out;
    for (std::size_t j = 0; j < states(); ++j) out.push_back(chosen(b, accepted, s.x[j], x[j]));
    if (!first.empty()) {
      for (std::size_t j = 0; j < states(); ++j) {
        out.push_back(chosen(b, accepted, s.rates.back()[j], first[j]));
      }
    }
    out.push_back(b.select(accepted, end, done));
    out.push_back(next);
    if (record) {
      const std::size_t lists = c + elapsed() + 2;
      const Value count = in[lists + 2];
      out.push_back(b.scatter_set(in[lists], b.div(done, whole), std::span(&count, 1)));
      out.push_back(b.scatter_set(in[lists + 1], b.div(size, whole), std::span(&count, 1)));
      out.push_back(b.add(count, b.cast(accepted, DType::kI64)));
    }
    return b.finish(out);
  }

  static Value chosen(Builder& b, Value predicate, Value x, Value y) {
    return b.select(b.broadcast_to(predicate, b.type(x).shape), x, y);
  }

  /// (state..., inner step, t, dt, parameters...) -> (state..., inner step)
  FunctionPtr filled() const {
    Builder b(tableau_.name + "_adaptive");
    const Inputs in = inputs(b);
    const Values end = fill(b, in, false);
    const Value whole = b.ge(end[elapsed()], b.unary(ir::Op::kAbs, in.dt));
    ir::CheckAttr attr;
    attr.message = "[" + tableau_.name + "] more than " + std::to_string(tolerances_.max_inner) +
                   " inner steps in one dt\n  to do: take a smaller dt, or allow larger errors "
                   "(tolerance); a stiff system wants an implicit method";
    attr.site = ir::late_site_of(attr.message);
    Values out(end.begin(), end.begin() + static_cast<std::ptrdiff_t>(states()));
    out.push_back(b.check(whole, end[elapsed() + 1], attr));
    return b.finish(out);
  }

  /// The accepted steps once more, with fixed sizes:
  /// (state..., t, dt, parameters..., begins, sizes, count) -> state...
  FunctionPtr replayed() const {
    Builder b("replayed");
    Values x;
    for (const NamedType& s : state_) x.push_back(b.param(s.type, s.name));
    Values operands = {b.param(ir::scalar(), "t"), b.param(ir::scalar(), "dt")};
    for (const Parameter& p : system_.parameters) operands.push_back(b.param(p.value.type()));
    const ir::Type list{DType::kF64, Shape{tolerances_.max_inner}};
    const Value begins = b.param(list), sizes = b.param(list);
    const Value count = b.param(ir::scalar(DType::kI64));
    ir::LoopAttr attr;
    attr.trip = tolerances_.max_inner;
    attr.invariants = static_cast<std::int64_t>(operands.size());
    attr.carries = static_cast<std::int64_t>(states());
    attr.inputs = 2;
    attr.dynamic = true;
    attr.body = replayed_step();
    operands.insert(operands.end(), x.begin(), x.end());
    for (Value v : {begins, sizes, b.constant_i64(0), count}) operands.push_back(v);
    return b.finish(b.loop(attr, operands));
  }

  FunctionPtr replayed_step() const {
    Builder b("replayed_step");
    b.param(ir::scalar(DType::kI64), "iteration");
    const Value t = b.param(ir::scalar(), "t"), dt = b.param(ir::scalar(), "dt");
    Values parameters, x;
    for (const Parameter& p : system_.parameters) parameters.push_back(b.param(p.value.type()));
    for (const NamedType& s : state_) x.push_back(b.param(s.type, s.name));
    const Value begin = b.param(ir::scalar()), size = b.param(ir::scalar());
    const Field field{b, *field_, parameters};
    return b.finish(
        one_step(field, tableau_, x, b.add(t, b.mul(begin, dt)), b.mul(size, dt), false).x);
  }

  /// Arguments of `replayed` for the steps that are accepted from `in`.
  Values recorded(Builder& b, const Inputs& in) const {
    const Values end = fill(b, in, true);
    Values args = in.x;
    for (Value v : {in.t, in.dt}) args.push_back(v);
    args.insert(args.end(), in.parameters.begin(), in.parameters.end());
    for (std::size_t k = 0; k < 3; ++k) args.push_back(end[elapsed() + 2 + k]);
    return args;
  }

  /// All of the arguments of `replayed` that have a derivative.
  transform::Positions real_arguments() const {
    transform::Positions wrt;
    for (std::size_t k = 0; k < states() + 2 + system_.parameters.size(); ++k) wrt.push_back(k);
    return wrt;
  }

  FunctionPtr pushed() const {
    Builder b(tableau_.name + "_pushed");
    const Inputs in = inputs(b);
    Values tangents;
    for (Value v : in.all) tangents.push_back(b.param(b.type(v)));
    Values args = recorded(b, in);
    for (std::size_t k = 0; k < tangents.size(); ++k) {
      if (k != states()) args.push_back(tangents[k]);  // none by the inner step
    }
    const Values both = b.inline_call(*transform::jvp(*replayed(), real_arguments()), args);
    Values out = b.inline_call(*filled(), in.all);
    out.insert(out.end(), both.begin() + static_cast<std::ptrdiff_t>(states()), both.end());
    out.push_back(b.constant(0.0));
    return b.finish(out);
  }

  FunctionPtr pulled() const {
    Builder b(tableau_.name + "_pulled");
    const Inputs in = inputs(b);
    for (std::size_t k = 0; k <= states(); ++k)
      b.param(k < states() ? state_[k].type : ir::scalar());
    Values cotangents;
    for (const NamedType& s : state_) cotangents.push_back(b.param(s.type));
    b.param(ir::scalar());  // of the inner step: it does not count
    Values args = recorded(b, in);
    args.insert(args.end(), cotangents.begin(), cotangents.end());
    Values all = b.inline_call(*transform::vjp(*replayed(), real_arguments()), args);
    Values out(all.begin() + static_cast<std::ptrdiff_t>(states()), all.end());
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(states()), b.constant(0.0));
    return b.finish(out);
  }

  const System& system_;
  const Tableau& tableau_;
  Tolerances tolerances_;
  FunctionPtr field_;
  std::vector<NamedType> state_;
};

}  // namespace

bool Tableau::first_same_as_last() const {
  if (stages() < 2 || b.back() != 0 || c.back() != 1) return false;
  return std::equal(a.back().begin(), a.back().end(), b.begin());
}

const std::vector<Tableau>& tableaus() {
  static const std::vector<Tableau> all = make_table();
  return all;
}

const Tableau* tableau_named(const std::string& name) {
  for (const Tableau& t : tableaus()) {
    if (t.name == name) return &t;
  }
  return nullptr;
}

Integrator runge_kutta(const System& system, const Tableau& tableau) {
  const FunctionPtr f = field_for(system, tableau.name);
  return plain_integrator(system, tableau.name, tableau.order, [&](StepProgram& s) {
    const Field field{s.b, *f, s.parameters};
    return one_step(field, tableau, s.carry, s.time(), s.dt, false).x;
  });
}

Integrator adaptive_runge_kutta(const System& system, const Tableau& tableau,
                                const Tolerances& tolerances) {
  if (tableau.error.empty()) {
    throw UserError(
        "[" + tableau.name + "] has no estimate of its error, so it cannot choose steps",
        "use dopri5, or a fixed dt");
  }
  const bool fits = tolerances.rtol >= 0 && tolerances.atol >= 0 &&
                    tolerances.rtol + tolerances.atol > 0 && std::isfinite(tolerances.rtol) &&
                    std::isfinite(tolerances.atol) && tolerances.max_inner > 0;
  if (!fits) {
    throw UserError("[" + tableau.name +
                    "] rtol and atol are not negative and not both zero, and "
                    "max_inner is positive");
  }
  return Adaptive(system, tableau, tolerances).make();
}

Integrator iterate_map(const System& system) {
  if (system.form != Form::kMap) {
    throw UserError("[iterate] the system is no map", "give x -> f(x) in [map]");
  }
  return plain_integrator(system, "iterate", 0, [&](StepProgram& s) {
    const Value step = s.b.add(s.t0, s.b.cast(s.step, DType::kF64));
    Values next = s.at(*system.rate, s.carry, step);
    // A map may come back from infinity (1/x, exp(-x)); a run does not: what looks at it later must
    // see that it was there. 0 x is 0 of numbers only.
    const Value x = s.carry[0];
    const Value nothing = s.b.reduce_sum(s.b.mul(x, s.b.zeros(s.b.type(x))));
    const Value good = s.b.eq(nothing, s.b.constant(0.0));
    const ir::Type type = s.b.type(next[0]);
    next[0] = s.b.select(s.b.broadcast_to(good, type.shape), next[0], s.b.splat(NAN, type));
    return next;
  });
}

}  // namespace cotangent::mechanics
