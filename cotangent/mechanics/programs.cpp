#include "cotangent/mechanics/programs.h"

#include <functional>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/step_builder.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;
using transform::Compensated;

/// What the functions of outputs take, at a state of the run.
std::vector<Value> observed_arguments(Builder& b, const Pieces& pieces, const StepBuilder& step,
                                      const SymbolicCarry& s, Value t,
                                      const std::vector<Value>& parameters) {
  const Value q = step.whole(b, s.q, Part::kQ), p = step.whole(b, s.p, Part::kP);
  std::vector<Value> args = {q, p, t};
  args.insert(args.end(), parameters.begin(), parameters.end());
  const Value v = b.inline_call(*pieces.velocity_f64, args)[0];
  args.insert(args.begin() + 2, v);
  return args;
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

/// Parameters of `b` for some parts of the carry.
SymbolicCarry part_params(Builder& b, const Pieces& pieces, const std::vector<Part>& parts) {
  SymbolicCarry s;
  for (Part part : parts) {
    s[part] = b.param(part_type(pieces.arithmetic, part, pieces.shape), name_of(part));
  }
  return s;
}

}  // namespace

System with_terms(const System& system, std::vector<EnergyTerm> terms) {
  System part = system;
  part.observables.clear();
  part.symmetries.clear();
  part.terms = std::move(terms);
  return part;
}

ir::FunctionPtr total_energy(const System& system) {
  Builder b("energy");
  const Type state{DType::kF64, system.shape};
  std::vector<Value> args;
  if (system.form == Form::kCanonical) {
    args = {b.param(state, "q"), b.param(state, "p")};
  } else {
    args = {b.param(state, "x")};
  }
  args.push_back(b.param(kReal, "t"));
  for (Value x : parameter_values(b, system)) args.push_back(x);
  Value total;
  for (const EnergyTerm& term : system.terms) {
    const Value e = b.inline_call(*term.energy, args)[0];
    total = total.valid() ? b.add(total, e) : e;
  }
  if (!total.valid()) throw UserError("the system has no energy term", "give one in [energy]");
  return b.finish({total});
}

std::vector<ir::Tensor> energy_arguments(const System& system, const ir::Tensor& q,
                                         const ir::Tensor& p, double t) {
  std::vector<ir::Tensor> args = {q, p, ir::Tensor::scalar_of<double>(t)};
  for (const Parameter& x : system.parameters) args.push_back(x.value);
  return args;
}

ir::FunctionPtr energy_gradient(const System& system, std::size_t which) {
  return transform::simplify(*transform::grad(*total_energy(system), {which}));
}

using Passed = std::function<FunctionPtr(const FunctionPtr&)>;

/// `f`, a function of f64, in the arithmetic of the state and through the passes.
static FunctionPtr in_arithmetic(const FunctionPtr& f, const char* name, const System& system,
                                 const Arithmetic& arithmetic, const Passed& passed) {
  if (arithmetic.state == DType::kF64) return passed(f);
  if (!arithmetic.pairs) return passed(in_single_precision(*f));
  if (f->has_checks()) {
    throw UserError({"double-single does not carry " + std::string(name) + " of this system", "",
                     "it has a check, or a loop with a limit",
                     "take precision = \"compensated\" or \"f64\""});
  }
  // Pairs of particles are made symmetric, and roots turned round, while they are still to be seen.
  transform::PassOptions before;
  before.expand_math = false;
  before.contract = false;
  return passed(in_double_single(*transform::run_passes(f, before), system, name));
}

static Pieces make_pieces_with(const System& system, const Arithmetic& arithmetic,
                               const Passed& passed) {
  Pieces pieces;
  pieces.shape = system.shape;
  pieces.arithmetic = arithmetic;
  pieces.parameters = parameter_types(system);
  pieces.parameter_names = names_of_parameters(system);
  const FunctionPtr gradient = energy_gradient(system, 0);
  const FunctionPtr velocity = energy_gradient(system, 1);
  pieces.gradient_moves = depends_on(*gradient, 0, 2);
  pieces.velocity_moves = depends_on(*velocity, 0, 2);
  pieces.velocity_f64 = passed(velocity);
  pieces.gradient = in_arithmetic(gradient, "dH/dq", system, arithmetic, passed);
  pieces.velocity = arithmetic.state == DType::kF64
                        ? pieces.velocity_f64
                        : in_arithmetic(velocity, "dH/dp", system, arithmetic, passed);
  return pieces;
}

Pieces make_pieces(const System& system, const Arithmetic& arithmetic, bool passes,
                   telemetry::Telemetry* telemetry) {
  transform::PassOptions options;
  options.telemetry = telemetry;
  return make_pieces_with(system, arithmetic, [&](const FunctionPtr& f) {
    return passes ? through_passes(f, options) : f;
  });
}

ir::FunctionPtr start_program(const Pieces& pieces, const std::vector<Output>& outputs) {
  Builder b("start");
  const SymbolicCarry s = part_params(b, pieces, state_parts(pieces.arithmetic));
  const Value t = b.param(kReal, "t");
  const std::vector<Value> parameters = parameter_values(b, pieces);
  const StepBuilder step(pieces, composition_for(2));
  StepContext c;
  c.parameters = parameters;
  const std::vector<Value> args = observed_arguments(b, pieces, step, s, t, parameters);
  const Value v = args[2];
  const std::vector<Value> observed = observe(b, outputs, args);
  const Compensated gradient = step.gradient(b, c, s, t);
  std::vector<Value> results = {gradient.value};
  if (gradient.error.valid()) results.push_back(gradient.error);
  results.push_back(v);
  results.insert(results.end(), observed.begin(), observed.end());
  return transform::simplify(*b.finish(results));
}

ir::FunctionPtr chunk_program(const Pieces& pieces, const Splitting& splitting,
                              const std::vector<Output>& outputs, std::int64_t trip,
                              const std::optional<Tape>& tape) {
  Builder b("chunk");
  const SymbolicCarry start = part_params(b, pieces, carried_parts(pieces.arithmetic));
  const Value first = b.param(kIndex, "first"), count = b.param(kIndex, "count");
  const Type real = ir::scalar(pieces.real);
  const Value t0 = b.param(real, "t0"), dt = b.param(real, "dt");
  const std::vector<Value> parameters = parameter_values(b, pieces);
  const StepBuilder step(pieces, splitting);
  const StepContext outer = step.context(b, t0, dt, parameters);

  Builder body("step");
  const Value index = body.param(kIndex, "step");
  BodyInputs in(b, body);
  StepContext c;
  c.t0 = in.whole(outer.t0, "t0");
  c.dt = in.whole(outer.dt, "dt");
  c.first_kick = in.whole(outer.first_kick, "first_kick");
  c.drift = in.whole(outer.drift, "drift");
  c.kick = in.whole(outer.kick, "kick");
  c.time_before = in.whole(outer.time_before, "time_before");
  c.time_after = in.whole(outer.time_after, "time_after");
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    c.parameters.push_back(in.whole(parameters[k], pieces.parameter_names[k]));
  }
  ir::LoopAttr loop;
  loop.trip = trip;
  loop.dynamic = true;
  loop.invariants = in.count();
  SymbolicCarry s = step.hand_in(in, start);
  loop.carries = in.count() - loop.invariants;
  StageRecord record{tape ? tape->real : DType::kF64, {}, {}};
  s = step.step(body, c, s, index, tape ? &record : nullptr);
  std::vector<Value> results = step.values(s);
  if (tape) {
    results.insert(results.end(), {record.q, record.p});
    const Value end = step.whole(body, s.p, Part::kP);
    if (tape->ends) {
      results.push_back(tape->real == DType::kF64 ? end : body.cast(end, tape->real));
    }
    loop.every.assign(tape->ends ? 3 : 2, 1);
  }
  if (!outputs.empty()) {
    const Value t = step.time(body, c, index, body.constant(1.0));
    const std::vector<Value> observed =
        observe(body, outputs, observed_arguments(body, pieces, step, s, t, c.parameters));
    results.insert(results.end(), observed.begin(), observed.end());
  }
  for (const Output& o : outputs) loop.every.push_back(o.every);
  loop.body = body.finish(results);
  std::vector<Value> operands = in.operands();
  operands.push_back(first);
  operands.push_back(count);
  return transform::simplify(*b.finish(b.loop(loop, operands)));
}

Pieces device_pieces(const System& system) {
  transform::PassOptions options;
  options.expand_math = false;
  options.wide_integers = false;
  Pieces pieces = make_pieces_with(system, Arithmetic{DType::kF32}, [&](const FunctionPtr& f) {
    return transform::run_passes(f, options);
  });
  pieces.real = DType::kF32;
  for (Type& t : pieces.parameters) t = t.with_dtype(DType::kF32);
  return pieces;
}

ir::FunctionPtr device_start_program(const Pieces& pieces) {
  Builder b("start");
  const SymbolicCarry s = part_params(b, pieces, state_parts(pieces.arithmetic));
  const Value t = b.param(ir::scalar(pieces.real), "t");
  StepContext c;
  c.parameters = parameter_values(b, pieces);
  const StepBuilder step(pieces, composition_for(2));
  return transform::simplify(*b.finish({step.gradient(b, c, s, t).value}));
}

ir::FunctionPtr device_chunk_program(const Pieces& pieces, const Splitting& splitting,
                                     std::int64_t trip) {
  const FunctionPtr chunk = chunk_program(pieces, splitting, {}, trip);
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

ir::FunctionPtr step_program(const Pieces& pieces, const Splitting& splitting) {
  Builder b("step");
  const std::vector<Part> parts = state_parts(pieces.arithmetic);
  SymbolicCarry s = part_params(b, pieces, parts);
  const Value index = b.param(kIndex, "step");
  const Value t0 = b.param(kReal, "t0"), dt = b.param(kReal, "dt");
  const std::vector<Value> parameters = parameter_values(b, pieces);
  const StepBuilder step(pieces, splitting);
  const StepContext c = step.context(b, t0, dt, parameters);
  s.gradient = step.gradient(b, c, s, step.time(b, c, index, b.constant(0.0)));
  s = step.step(b, c, s, index);
  std::vector<Value> results;
  for (Part part : parts) results.push_back(s[part]);
  return transform::simplify(*b.finish(results));
}

ir::FunctionPtr update_program(const Pieces& pieces, Part part) {
  const Arithmetic& a = pieces.arithmetic;
  const bool error = part == Part::kQ ? a.q_error : a.p_error;
  Builder b("update");
  const Type type{a.state, pieces.shape};
  const auto pair = [&](const std::string& name, const Type& of, bool low) {
    const Value value = b.param(of, name);
    return Compensated{value, low ? b.param(type, name + "_low") : Value{}};
  };
  const StepBuilder step(pieces, composition_for(2));
  const Compensated x = pair("x", part_type(a, part, pieces.shape), error);
  const Value coefficient = b.param(kReal, "coefficient");
  const Compensated rate = pair("rate", type, a.pairs);
  const Compensated next = step.update(b, part, x, step.coefficient(b, coefficient, part), rate);
  std::vector<Value> results = {next.value};
  if (error) results.push_back(next.error);
  return b.finish(results);
}

}  // namespace cotangent::mechanics
