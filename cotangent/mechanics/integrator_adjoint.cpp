#include "cotangent/mechanics/integrator_adjoint.h"

#include <algorithm>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/adjoint.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/reversed_loop.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;
using transform::Positions;
using Values = std::vector<Value>;

Values handed_in(BodyInputs& in, const Values& values, const std::vector<NamedType>& list) {
  Values held;
  for (std::size_t k = 0; k < values.size(); ++k) {
    held.push_back(in.whole(values[k], list[k].name));
  }
  return held;
}

/// f without its first results.
FunctionPtr without(const ir::Function& f, std::size_t results) {
  Builder b(f.name());
  Values args;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    args.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  const Values all = b.inline_call(f, args);
  return transform::simplify(*b.finish(std::span(all).subspan(results)));
}

std::vector<NamedType> cotangent_types(const IntegratorAdjoint& a, const System& system) {
  std::vector<NamedType> list;
  for (std::size_t k : a.real) {
    const NamedType& x = a.method.integrator.carry[k];
    list.push_back({"ct_" + x.name, x.type});
  }
  for (std::size_t k : a.wrt) {
    const Parameter& x = system.parameters[k];
    list.push_back({"ct_" + x.name, x.value.type()});
  }
  return list;
}

std::vector<NamedType> parameter_types(const System& system) {
  std::vector<NamedType> list;
  for (const Parameter& x : system.parameters) list.push_back({x.name, x.value.type()});
  return list;
}

bool moves(const IntegratorAdjoint& a, std::size_t k) {
  return std::ranges::find(a.moving, k) != a.moving.end();
}

/// Adds what a sample at the carry `after` step `index` contributes to cotangents, where there is
/// one.
Values sampled(Builder& b, const IntegratorAdjoint& a, const System& system,
               const std::vector<NamedType>& types, const Values& ct, const Values& after,
               Value index, const Values& clock_and_parameters, Value weight) {
  const Value next = b.add(index, b.constant_i64(1));
  const Value taken =
      b.eq(b.binary(ir::Op::kMod, next, b.constant_i64(a.every)), b.constant_i64(0));
  const auto branch = [&](bool add) {
    Builder inner(add ? "sample" : "no_sample");
    BodyInputs in(b, inner);
    Values held = handed_in(in, ct, types);
    Values args = handed_in(in, after, a.method.integrator.carry);
    args.push_back(in.whole(next, "step"));
    std::vector<NamedType> rest = {{"t0", kReal}, {"dt", kReal}};
    for (const NamedType& x : parameter_types(system)) rest.push_back(x);
    args = joined(args, handed_in(in, clock_and_parameters, rest));
    const Value w = in.whole(weight, "weight");
    if (add) {
      const Values slope = inner.inline_call(*a.objective, args);
      for (std::size_t k = 0; k < held.size(); ++k) {
        held[k] = inner.add(held[k], inner.scale(w, slope[1 + k]));
      }
    }
    return std::pair(inner.finish(held), in.operands());
  };
  const auto [on_true, operands] = branch(true);
  const auto [on_false, same] = branch(false);
  return b.cond({on_true, on_false}, joined({taken}, operands));
}

/// The reverse of a chunk by its tape; or, `undoing`, by steps back from the carry at its end.
FunctionPtr way_back(const IntegratorAdjoint& a, const System& system, std::int64_t trip,
                     bool undoing) {
  const Integrator& method = a.method.integrator;
  const std::vector<NamedType>& carry = method.carry;
  const std::vector<NamedType> types = cotangent_types(a, system);
  Builder b(undoing ? "undo" : "reverse");
  const Values tape = params(b, undoing ? carry : tape_types(a, trip));
  Values still(carry.size());  // what no step changes
  for (std::size_t k = 0; k < carry.size(); ++k) {
    if (!moves(a, k)) still[k] = undoing ? tape[k] : b.param(carry[k].type, carry[k].name);
  }
  const Values given = params(b, types);
  Value weight;
  if (a.every > 0) weight = b.param(kReal, "weight");
  const Value first = b.param(kIndex, "first"), count = b.param(kIndex, "count");
  const Value t0 = b.param(kReal, "t0"), dt = b.param(kReal, "dt");
  const Values parameters = parameter_values(b, system);

  ReversedLoop loop(b, trip, count);
  Builder& body = loop.body;
  const Value held_t0 = loop.in.whole(t0, "t0"), held_dt = loop.in.whole(dt, "dt");
  const Values held_parameters = handed_in(loop.in, parameters, parameter_types(system));
  const Value last = loop.in.whole(b.sub(b.add(first, count), b.constant_i64(1)), "last");
  Value held_weight;
  if (weight.valid()) held_weight = loop.in.whole(weight, "weight");
  const auto clocked = [&](Values args, Value step, Value from, Value by) {
    args.insert(args.end(), {step, from, by});
    return joined(args, held_parameters);
  };
  Values before(carry.size()), after(carry.size());  // the step that is reversed
  for (std::size_t k = 0; k < carry.size(); ++k) {
    if (still[k].valid()) before[k] = after[k] = loop.in.whole(still[k], carry[k].name);
  }
  loop.end_invariants();
  const bool ends = undoing || a.every > 0;  // whether the carry after a step is known
  std::size_t end = a.moving.size();
  for (std::size_t k : a.moving) {
    if (ends) after[k] = loop.in.whole(tape[undoing ? k : end++], carry[k].name);
  }
  Values ct = handed_in(loop.in, given, types);
  loop.end_carries();
  for (std::size_t k = 0; !undoing && k < a.moving.size(); ++k) {
    before[a.moving[k]] = loop.row(tape[k], carry[a.moving[k]].name);
  }
  loop.end_inputs();

  const Value index = body.sub(last, loop.iteration);
  if (a.every > 0) {
    ct = sampled(body, a, system, types, ct, after, index,
                 joined({held_t0, held_dt}, held_parameters), held_weight);
  }
  if (undoing) {
    const Value next = body.add(index, body.constant_i64(1));
    const Value there = body.fma(body.cast(next, DType::kF64), held_dt, held_t0);
    before = body.inline_call(*method.step,
                              clocked(after, body.constant_i64(0), there, body.neg(held_dt)));
  }
  const Values pulled = body.inline_call(
      *a.pull_step,
      joined(clocked(before, index, held_t0, held_dt), std::span(ct).first(a.real.size())));
  Values results;
  for (std::size_t k : a.moving) {
    if (ends) results.push_back(before[k]);
  }
  for (std::size_t k = 0; k < ct.size(); ++k) {
    results.push_back(k < a.real.size() ? pulled[k] : body.add(ct[k], pulled[k]));
  }
  const Values all = loop.finish(results);
  const std::size_t known = ends ? a.moving.size() : 0;
  Values made;
  for (std::size_t k = 0, moved = 0; undoing && k < carry.size(); ++k) {
    made.push_back(still[k].valid() ? still[k] : all[moved++]);
  }
  return transform::simplify(*b.finish(joined(made, std::span(all).subspan(known))));
}

}  // namespace

std::vector<std::size_t> moving_arrays(const Integrator& method) {
  std::vector<std::size_t> list;
  for (std::size_t k = 0; k < method.carry.size(); ++k) {
    if (method.step->results()[k] != method.step->params()[k]) list.push_back(k);
  }
  return list;
}

std::vector<std::size_t> real_arrays(const Integrator& method) {
  std::vector<std::size_t> list;
  for (std::size_t k = 0; k < method.carry.size(); ++k) {
    if (is_float(method.carry[k].type.dtype)) list.push_back(k);
  }
  return list;
}

bool reads_parameter(const Integrator& m, std::size_t k) {
  const auto reads = [](const ir::Function& f, std::size_t parameter) {
    for (std::size_t r = 0; r < f.results().size(); ++r) {
      if (depends_on(f, r, parameter)) return true;
    }
    return false;
  };
  return reads(*m.step, m.carry.size() + 3 + k) || reads(*m.open, m.state.size() + 2 + k) ||
         reads(*m.close, m.carry.size() + 3 + k);
}

FunctionPtr objective_at_carry(const System& system, const Integrator& m,
                               const Objective& objective) {
  Builder b("objective");
  const Values carry = params(b, m.carry);
  const Value step = b.param(kIndex, "step");
  const Value t0 = b.param(kReal, "t0"), dt = b.param(kReal, "dt");
  const Values parameters = parameter_values(b, system);
  Values args = carry;
  args.insert(args.end(), {step, t0, dt});
  args = b.inline_call(*m.close, joined(args, parameters));
  args.push_back(b.fma(b.cast(step, DType::kF64), dt, t0));
  args = joined(args, parameters);
  const FunctionPtr at_state =
      system.form == Form::kCanonical ? objective_at_state(system, objective) : objective.value;
  return b.finish(b.inline_call(*at_state, args));
}

IntegratorAdjoint make_integrator_adjoint(const System& system, const Integrator& integrator,
                                          const Objective& objective, std::vector<std::size_t> wrt,
                                          telemetry::Telemetry* telemetry, bool passes) {
  transform::PassOptions options;
  options.telemetry = telemetry;
  const auto pass = [&](const FunctionPtr& f) {
    return passes ? through_passes(f, options) : f;
  };
  IntegratorAdjoint a;
  if (passes) {
    a.method = passed(integrator, system, telemetry);
  } else {
    a.method.integrator = integrator;
  }
  a.moving = moving_arrays(integrator);
  a.real = real_arrays(integrator);
  a.wrt = std::move(wrt);
  a.every = objective.every;
  a.pull_step = pass(without(*mechanics::pull_step(integrator, a.wrt), integrator.carry.size()));
  a.pull_open = pass(without(*mechanics::pull_open(integrator, a.wrt), integrator.carry.size()));
  Positions positions = a.real;
  for (std::size_t k : a.wrt) positions.push_back(integrator.carry.size() + 3 + k);
  a.objective = pass(
      transform::value_and_grad(*objective_at_carry(system, integrator, objective), positions));
  if (a.every > 0) {
    a.samples = {{Output::Kind::kObservable, "objective", pass(objective.value), kReal, a.every}};
  }
  return a;
}

std::vector<NamedType> tape_types(const IntegratorAdjoint& a, std::int64_t trip) {
  const std::vector<NamedType>& carry = a.method.integrator.carry;
  std::vector<NamedType> list;
  for (std::size_t k : a.moving) {
    const Type& x = carry[k].type;
    list.push_back({"tape_" + carry[k].name, x.with_shape(x.shape.with_leading(trip))});
  }
  if (a.every == 0) return list;
  for (std::size_t k : a.moving) list.push_back({"end_" + carry[k].name, carry[k].type});
  return list;
}

FunctionPtr tape_program(const IntegratorAdjoint& a, const System& system, std::int64_t trip) {
  return chunk_program(a.method, system, a.samples, trip, a.moving);
}

FunctionPtr reverse_program(const IntegratorAdjoint& a, const System& system, std::int64_t trip) {
  return way_back(a, system, trip, false);
}

FunctionPtr undo_program(const IntegratorAdjoint& a, const System& system, std::int64_t trip) {
  return way_back(a, system, trip, true);
}

std::vector<FunctionPtr> push_programs(const Integrator& integrator, const System& system,
                                       std::int64_t trip) {
  // Not passed: what passes make of a sine has no derivative.
  PassedIntegrator plain{integrator, nullptr};
  if (system.form == Form::kCanonical) plain.velocity = energy_gradient(system, 1);
  const FunctionPtr look = look_program(plain, system, {});  // q, p, v or x
  Builder b("seen");
  Values args;
  for (std::size_t k = 0; k < look->params().size(); ++k) {
    args.push_back(b.param(look->param_type(k), look->param_names()[k]));
  }
  Values all = b.inline_call(*look, args);
  if (system.form == Form::kCanonical) all.erase(all.begin() + 1);
  const FunctionPtr seen = b.finish(all);
  Positions states;
  for (std::size_t k = 0; k < integrator.state.size(); ++k) states.push_back(k);
  const Positions real = real_arrays(integrator);
  std::vector<FunctionPtr> programs = {
      transform::jvp(*chunk_program(plain, system, {}, trip), real), transform::jvp(*seen, real),
      transform::jvp(*integrator.open, states)};
  for (FunctionPtr& f : programs) f = through_passes(f, {});
  return programs;
}

}  // namespace cotangent::mechanics
