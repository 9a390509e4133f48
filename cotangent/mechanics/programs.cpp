#include "cotangent/mechanics/programs.h"

#include <functional>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;

const Type kReal = ir::scalar(DType::kF64);
const Type kIndex = ir::scalar(DType::kI64);

std::vector<Value> parameter_values(Builder& b, const std::vector<Type>& types,
                                    const std::vector<std::string>& names) {
  std::vector<Value> values;
  for (std::size_t k = 0; k < types.size(); ++k) values.push_back(b.param(types[k], names[k]));
  return values;
}

/// A symbolic state inside a program under construction.
struct State {
  Value q, p, gradient;
};

/// What a step reads and never changes. The arrays have one entry a stage and are already times dt.
struct Context {
  Value t0, dt;
  std::vector<Value> parameters;  ///< f64
  Value first_kick;               ///< scalar of the state's dtype
  Value drift, kick;              ///< [stages] of the state's dtype
  Value time_before, time_after;  ///< [stages] f64, c_k; only when H depends on t
};

class StepBuilder {
 public:
  StepBuilder(const Pieces& pieces, const Composition& composition)
      : pieces_(pieces),
        stages_(static_cast<std::int64_t>(composition.gamma.size())),
        coefficients_(coefficients_of(composition)) {}

  bool moves() const { return pieces_.gradient_moves || pieces_.velocity_moves; }

  Context context(Builder& b, Value t0, Value dt, std::vector<Value> parameters) const {
    Context c;
    c.t0 = t0;
    c.dt = dt;
    c.parameters = std::move(parameters);
    const Value minus_dt = b.neg(dt);
    c.first_kick = to_state(b, b.mul(b.constant(coefficients_.first_kick, pieces_.real), minus_dt));
    c.drift = to_state(b, b.scale(dt, array(b, halved_drift())));
    c.kick = to_state(b, b.scale(minus_dt, array(b, coefficients_.kick)));
    c.time_before = array(b, coefficients_.time_before);
    c.time_after = array(b, coefficients_.time_after);
    return c;
  }

  /// dH/dq at the given state and time (t is used only where dH/dq depends on it).
  Value gradient(Builder& b, const Context& c, Value q, Value p, Value t) const {
    return call(b, *pieces_.gradient, c, q, p, t);
  }

  /// t0 + (step + c) dt
  Value time(Builder& b, const Context& c, Value step, Value offset) const {
    return b.fma(b.add(in_real(b, step), in_real(b, offset)), c.dt, c.t0);
  }

  State step(Builder& b, const Context& c, State s, Value step_index) const {
    s.p = b.fma(spread(b, c.first_kick), s.gradient, s.p);
    if (stages_ == 1) {
      const auto entry = [&](Value array) { return b.row(array, 0); };
      return stage(b, c, s, step_index, entry(c.drift), entry(c.kick), entry(c.time_before),
                   entry(c.time_after));
    }
    // One loop over the stages, so the program's size does not depend on the order.
    const bool timed = moves();
    Builder body("stage");
    body.param(kIndex, "stage");
    Context inner;
    std::vector<Value> operands;
    const auto hand_in = [&](Value outer, std::string name) {
      operands.push_back(outer);
      return body.param(b.type(outer), std::move(name));
    };
    for (std::size_t k = 0; k < c.parameters.size(); ++k) {
      inner.parameters.push_back(hand_in(c.parameters[k], pieces_.parameter_names[k]));
    }
    Value inner_step;
    if (timed) {
      inner.t0 = hand_in(c.t0, "t0");
      inner.dt = hand_in(c.dt, "dt");
      inner_step = hand_in(step_index, "step");
    }
    ir::LoopAttr loop;
    loop.trip = stages_;
    loop.invariants = static_cast<std::int64_t>(operands.size());
    loop.carries = 3;
    State in;
    in.q = hand_in(s.q, "q");
    in.p = hand_in(s.p, "p");
    in.gradient = hand_in(s.gradient, "gradient");
    const auto slice_in = [&](Value outer, std::string name) {
      operands.push_back(outer);
      ++loop.inputs;
      return body.param(Type{b.type(outer).dtype, {}}, std::move(name));
    };
    const Value drift = slice_in(c.drift, "drift");
    const Value kick = slice_in(c.kick, "kick");
    Value before, after;
    if (timed) {
      before = slice_in(c.time_before, "time_before");
      after = slice_in(c.time_after, "time_after");
    }
    const State out = stage(body, inner, in, inner_step, drift, kick, before, after);
    loop.body = body.finish({out.q, out.p, out.gradient});
    const std::vector<Value> results = b.loop(loop, operands);
    return {results[0], results[1], results[2]};
  }

  Value to_state(Builder& b, Value x) const {
    return b.type(x).dtype == pieces_.dtype ? x : b.cast(x, pieces_.dtype);
  }
  Value in_real(Builder& b, Value x) const {
    return b.type(x).dtype == pieces_.real ? x : b.cast(x, pieces_.real);
  }

 private:
  Value array(Builder& b, const std::vector<double>& values) const {
    return in_real(
        b, b.constant(ir::Tensor::of<double>(Shape{stages_}, std::span<const double>(values))));
  }
  std::vector<double> halved_drift() const {
    std::vector<double> d = coefficients_.drift;
    if (pieces_.velocity_moves) {
      for (double& x : d) x *= 0.5;
    }
    return d;
  }
  Value spread(Builder& b, Value scalar) const { return b.broadcast_to(scalar, pieces_.shape); }

  Value call(Builder& b, const ir::Function& f, const Context& c, Value q, Value p, Value t) const {
    std::vector<Value> args = {q, p, t.valid() ? to_state(b, t) : b.constant(0.0, pieces_.dtype)};
    for (Value x : c.parameters) args.push_back(to_state(b, x));
    return b.inline_call(f, args)[0];
  }

  State stage(Builder& b, const Context& c, State s, Value step_index, Value drift, Value kick,
              Value before, Value after) const {
    Value t_after;
    if (moves()) t_after = time(b, c, step_index, after);
    if (pieces_.velocity_moves) {
      const Value t_before = time(b, c, step_index, before);
      s.q = b.fma(spread(b, drift), call(b, *pieces_.velocity, c, s.q, s.p, t_before), s.q);
      s.q = b.fma(spread(b, drift), call(b, *pieces_.velocity, c, s.q, s.p, t_after), s.q);
    } else {
      s.q = b.fma(spread(b, drift), call(b, *pieces_.velocity, c, s.q, s.p, {}), s.q);
    }
    s.gradient = gradient(b, c, s.q, s.p, t_after);
    s.p = b.fma(spread(b, kick), s.gradient, s.p);
    return s;
  }

  const Pieces& pieces_;
  std::int64_t stages_;
  Coefficients coefficients_;
};

Value in_f64(Builder& b, Value x) {
  return b.type(x).dtype == DType::kF64 ? x : b.cast(x, DType::kF64);
}

/// All outputs at a state; positions and momenta are given in f64 too.
std::vector<Value> observe(Builder& b, const Pieces& pieces, const std::vector<Output>& outputs,
                           Value q, Value p, Value t, const std::vector<Value>& parameters,
                           Value* velocity = nullptr) {
  const Value q64 = in_f64(b, q), p64 = in_f64(b, p);
  std::vector<Value> args = {q64, p64, t};
  args.insert(args.end(), parameters.begin(), parameters.end());
  const Value v = b.inline_call(*pieces.velocity_f64, args)[0];
  if (velocity) *velocity = v;
  std::vector<Value> values;
  for (const Output& o : outputs) {
    if (o.kind == Output::Kind::kPosition || o.kind == Output::Kind::kMomenta) {
      values.push_back(o.kind == Output::Kind::kPosition ? q64 : p64);
      continue;
    }
    args = {q64, p64, v, t};
    args.insert(args.end(), parameters.begin(), parameters.end());
    values.push_back(b.inline_call(*o.value, args)[0]);
  }
  return values;
}

std::vector<ir::Type> parameter_types(const System& system) {
  std::vector<ir::Type> types;
  for (const Parameter& p : system.parameters) types.push_back(p.value.type());
  return types;
}

std::vector<std::string> names_of_parameters(const System& system) {
  std::vector<std::string> names;
  for (const Parameter& p : system.parameters) names.push_back(p.name);
  return names;
}

/// A builder for (q, p, v, t, parameters...) with those parameters made.
struct ObserverBuilder {
  Builder b;
  Value q, p, v, t;
  std::vector<Value> parameters;
  ObserverBuilder(const std::string& name, const System& system) : b(name) {
    const Type state{DType::kF64, system.shape};
    q = b.param(state, "q");
    p = b.param(state, "p");
    v = b.param(state, "v");
    t = b.param(kReal, "t");
    parameters = parameter_values(b, parameter_types(system), names_of_parameters(system));
  }
};

FunctionPtr energies(const System& system) {
  ObserverBuilder o("energy", system);
  std::vector<Value> args = {o.q, o.p, o.t};
  args.insert(args.end(), o.parameters.begin(), o.parameters.end());
  std::vector<Value> parts;
  Value total;
  for (const EnergyTerm& term : system.terms) {
    const Value e = o.b.inline_call(*term.energy, args)[0];
    total = total.valid() ? o.b.add(total, e) : e;
    parts.push_back(o.b.reshape(e, Shape{1}));
  }
  parts.push_back(o.b.reshape(total, Shape{1}));
  return o.b.finish({o.b.concatenate(parts, 0)});
}

FunctionPtr momentum(const System& system) {
  ObserverBuilder o("momentum", system);
  return o.b.finish({o.b.reduce_sum(o.p, {0})});
}

/// Sum over particles of q x p: a scalar in two dimensions, a vector in three; [n] is one point.
FunctionPtr angular_momentum(const System& system) {
  ObserverBuilder o("angular_momentum", system);
  Builder& b = o.b;
  const bool one_point = system.shape.rank() == 1;
  const std::int64_t n = one_point ? 1 : system.shape[0];
  const std::int64_t d = one_point ? system.shape[0] : system.shape[1];
  const Value q = b.reshape(o.q, Shape{n, d}), p = b.reshape(o.p, Shape{n, d});
  const auto column = [&](Value x, std::int64_t k) {
    return b.slice(x, {0, k}, {n, k + 1}, {1, 1});
  };
  const auto turn = [&](std::int64_t i, std::int64_t j) {  // q_i p_j - q_j p_i
    return b.reduce_sum(
        b.sub(b.mul(column(q, i), column(p, j)), b.mul(column(q, j), column(p, i))));
  };
  if (d == 2) return b.finish({turn(0, 1)});
  std::vector<Value> parts;
  for (std::int64_t k = 0; k < 3; ++k) {
    parts.push_back(b.reshape(turn((k + 1) % 3, (k + 2) % 3), Shape{1}));
  }
  return b.finish({b.concatenate(parts, 0)});
}

}  // namespace

Coefficients coefficients_of(const Composition& composition) {
  Coefficients c;
  const std::vector<double>& g = composition.gamma;
  c.first_kick = g.front() / 2;
  double sum = 0;
  for (std::size_t k = 0; k < g.size(); ++k) {
    c.drift.push_back(g[k]);
    c.kick.push_back(k + 1 < g.size() ? (g[k] + g[k + 1]) / 2 : g[k] / 2);
    c.time_before.push_back(sum);
    sum += g[k];
    if (k + 1 == g.size()) sum = 1;
    c.time_after.push_back(sum);
  }
  return c;
}

ir::FunctionPtr total_energy(const System& system) {
  Builder b("energy");
  const Type state{DType::kF64, system.shape};
  std::vector<Value> args = {b.param(state, "q"), b.param(state, "p"), b.param(kReal, "t")};
  const std::vector<Value> parameters =
      parameter_values(b, parameter_types(system), names_of_parameters(system));
  args.insert(args.end(), parameters.begin(), parameters.end());
  Value total;
  for (const EnergyTerm& term : system.terms) {
    const Value e = b.inline_call(*term.energy, args)[0];
    total = total.valid() ? b.add(total, e) : e;
  }
  if (!total.valid()) throw UserError("the system has no energy term", "give one in [energy]");
  return b.finish({total});
}

ir::FunctionPtr energy_gradient(const System& system, std::size_t which) {
  return transform::simplify(*transform::grad(*total_energy(system), {which}));
}

static Pieces make_pieces_with(const System& system, DType dtype,
                               const std::function<FunctionPtr(const FunctionPtr&)>& passed) {
  Pieces pieces;
  pieces.shape = system.shape;
  pieces.dtype = dtype;
  pieces.parameters = parameter_types(system);
  pieces.parameter_names = names_of_parameters(system);
  FunctionPtr gradient = energy_gradient(system, 0);
  FunctionPtr velocity = energy_gradient(system, 1);
  pieces.gradient_moves = depends_on(*gradient, 0, 2);
  pieces.velocity_moves = depends_on(*velocity, 0, 2);
  pieces.velocity_f64 = passed(velocity);
  if (dtype == DType::kF32) {
    gradient = in_single_precision(*gradient);
    velocity = in_single_precision(*velocity);
  }
  pieces.gradient = passed(gradient);
  pieces.velocity = dtype == DType::kF64 ? pieces.velocity_f64 : passed(velocity);
  return pieces;
}

Pieces make_pieces(const System& system, DType dtype, bool passes,
                   telemetry::Telemetry* telemetry) {
  transform::PassOptions options;
  options.telemetry = telemetry;
  return make_pieces_with(system, dtype, [&](const FunctionPtr& f) {
    return passes ? transform::run_passes(f, options) : f;
  });
}

std::vector<Output> make_outputs(const System& system, const Facts& facts, const Plan& plan,
                                 bool trajectory, telemetry::Telemetry* telemetry) {
  const std::int64_t every = std::max<std::int64_t>(1, plan.every);
  std::vector<Output> outputs;
  const auto add = [&](Output::Kind kind, std::string name, const FunctionPtr& f,
                       std::int64_t cadence) {
    transform::PassOptions options;
    options.telemetry = telemetry;
    const FunctionPtr passed = transform::run_passes(f, options);
    outputs.push_back({kind, std::move(name), passed, passed->result_type(0), cadence});
  };
  add(Output::Kind::kEnergy, "energy", energies(system), every);
  if (facts.holds("translation_invariant")) {
    add(Output::Kind::kMomentum, "momentum", momentum(system), every);
  }
  if (facts.holds("rotation_invariant")) {
    add(Output::Kind::kAngularMomentum, "angular_momentum", angular_momentum(system), every);
  }
  for (const Observable& o : system.observables) {
    add(Output::Kind::kObservable, o.name, o.value, o.every > 0 ? o.every : every);
  }
  if (trajectory) {
    const Type state{DType::kF64, system.shape};
    outputs.push_back({Output::Kind::kPosition, "q", nullptr, state, every});
    outputs.push_back({Output::Kind::kMomenta, "p", nullptr, state, every});
  }
  return outputs;
}

ir::FunctionPtr start_program(const Pieces& pieces, const std::vector<Output>& outputs) {
  Builder b("start");
  const Type state{pieces.dtype, pieces.shape};
  const Value q = b.param(state, "q"), p = b.param(state, "p");
  const Value t = b.param(kReal, "t");
  const std::vector<Value> parameters =
      parameter_values(b, pieces.parameters, pieces.parameter_names);
  const StepBuilder step(pieces, composition_for(2));
  Context c;
  c.parameters = parameters;
  Value v;
  const std::vector<Value> observed = observe(b, pieces, outputs, q, p, t, parameters, &v);
  std::vector<Value> results = {step.gradient(b, c, q, p, t), v};
  results.insert(results.end(), observed.begin(), observed.end());
  return transform::simplify(*b.finish(results));
}

ir::FunctionPtr chunk_program(const Pieces& pieces, const Composition& composition,
                              const std::vector<Output>& outputs, std::int64_t trip) {
  Builder b("chunk");
  const Type state{pieces.dtype, pieces.shape};
  const Value q = b.param(state, "q"), p = b.param(state, "p");
  const Value gradient = b.param(state, "gradient");
  const Value first = b.param(kIndex, "first"), count = b.param(kIndex, "count");
  const Type real = ir::scalar(pieces.real);
  const Value t0 = b.param(real, "t0"), dt = b.param(real, "dt");
  const std::vector<Value> parameters =
      parameter_values(b, pieces.parameters, pieces.parameter_names);
  const StepBuilder step(pieces, composition);
  const Context outer = step.context(b, t0, dt, parameters);

  Builder body("step");
  const Value index = body.param(kIndex, "step");
  std::vector<Value> operands;
  const auto hand_in = [&](Value value, std::string name) {
    operands.push_back(value);
    return body.param(b.type(value), std::move(name));
  };
  Context c;
  c.t0 = hand_in(outer.t0, "t0");
  c.dt = hand_in(outer.dt, "dt");
  c.first_kick = hand_in(outer.first_kick, "first_kick");
  c.drift = hand_in(outer.drift, "drift");
  c.kick = hand_in(outer.kick, "kick");
  c.time_before = hand_in(outer.time_before, "time_before");
  c.time_after = hand_in(outer.time_after, "time_after");
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    c.parameters.push_back(hand_in(parameters[k], pieces.parameter_names[k]));
  }
  ir::LoopAttr loop;
  loop.trip = trip;
  loop.dynamic = true;
  loop.invariants = static_cast<std::int64_t>(operands.size());
  loop.carries = 3;
  State s;
  s.q = hand_in(q, "q");
  s.p = hand_in(p, "p");
  s.gradient = hand_in(gradient, "gradient");
  s = step.step(body, c, s, index);
  std::vector<Value> results = {s.q, s.p, s.gradient};
  if (!outputs.empty()) {
    const Value t = step.time(body, c, index, body.constant(1.0));
    const std::vector<Value> observed = observe(body, pieces, outputs, s.q, s.p, t, c.parameters);
    results.insert(results.end(), observed.begin(), observed.end());
  }
  for (const Output& o : outputs) loop.every.push_back(o.every);
  loop.body = body.finish(results);
  operands.push_back(first);
  operands.push_back(count);
  return transform::simplify(*b.finish(b.loop(loop, operands)));
}

Pieces device_pieces(const System& system) {
  transform::PassOptions options;
  options.expand_math = false;
  options.wide_integers = false;
  Pieces pieces = make_pieces_with(
      system, DType::kF32, [&](const FunctionPtr& f) { return transform::run_passes(f, options); });
  pieces.real = DType::kF32;
  for (Type& t : pieces.parameters) t = t.with_dtype(DType::kF32);
  return pieces;
}

ir::FunctionPtr device_start_program(const Pieces& pieces) {
  Builder b("start");
  const Type state{pieces.dtype, pieces.shape};
  const Value q = b.param(state, "q"), p = b.param(state, "p");
  const Value t = b.param(ir::scalar(pieces.real), "t");
  Context c;
  c.parameters = parameter_values(b, pieces.parameters, pieces.parameter_names);
  const StepBuilder step(pieces, composition_for(2));
  return transform::simplify(*b.finish({step.gradient(b, c, q, p, t)}));
}

ir::FunctionPtr device_chunk_program(const Pieces& pieces, const Composition& composition,
                                     std::int64_t trip) {
  const FunctionPtr chunk = chunk_program(pieces, composition, {}, trip);
  Builder b("chunk");
  constexpr std::size_t kFirst = 3, kCount = 4;
  std::vector<Value> arguments;
  for (std::size_t k = 0; k < chunk->params().size(); ++k) {
    const Type type = k == kFirst || k == kCount ? ir::scalar(DType::kI32) : chunk->param_type(k);
    arguments.push_back(b.param(type, chunk->param_names()[k]));
  }
  const auto clamped = [&](Value x, std::int64_t most) {
    const Value least = b.binary(ir::Op::kMax, b.cast(x, DType::kI64), b.constant_i64(0));
    return b.binary(ir::Op::kMin, least, b.constant_i64(most));
  };
  arguments[kFirst] = clamped(arguments[kFirst], std::int64_t{1} << 30);
  arguments[kCount] = clamped(arguments[kCount], trip);
  return transform::simplify(*b.finish(b.inline_call(*chunk, arguments)));
}

ir::FunctionPtr step_program(const Pieces& pieces, const Composition& composition) {
  Builder b("step");
  const Type state{pieces.dtype, pieces.shape};
  State s;
  s.q = b.param(state, "q");
  s.p = b.param(state, "p");
  const Value index = b.param(kIndex, "step");
  const Value t0 = b.param(kReal, "t0"), dt = b.param(kReal, "dt");
  const std::vector<Value> parameters =
      parameter_values(b, pieces.parameters, pieces.parameter_names);
  const StepBuilder step(pieces, composition);
  const Context c = step.context(b, t0, dt, parameters);
  s.gradient = step.gradient(b, c, s.q, s.p, step.time(b, c, index, b.constant(0.0)));
  s = step.step(b, c, s, index);
  return transform::simplify(*b.finish({s.q, s.p}));
}

}  // namespace cotangent::mechanics
