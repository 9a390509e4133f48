#include "cotangent/mechanics/integrator_programs.h"

#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/step_builder.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Value;

/// t0 + step dt
Value time_of(Builder& b, Value step, Value t0, Value dt) {
  return b.fma(b.cast(step, DType::kF64), dt, t0);
}

/// The state that observers see after `step` steps, and what the functions of outputs take.
struct Seen {
  std::vector<Value> state, arguments;
};
Seen seen(Builder& b, const PassedIntegrator& m, std::span<const Value> carry, Value step, Value t0,
          Value dt, std::span<const Value> parameters) {
  std::vector<Value> args(carry.begin(), carry.end());
  args.insert(args.end(), {step, t0, dt});
  Seen s;
  s.state = b.inline_call(*m.integrator.close, joined(args, parameters));
  s.arguments = s.state;
  s.arguments.push_back(time_of(b, step, t0, dt));
  s.arguments = joined(s.arguments, parameters);
  if (m.velocity) {
    const Value v = b.inline_call(*m.velocity, s.arguments)[0];
    s.arguments.insert(s.arguments.begin() + 2, v);
  }
  return s;
}

}  // namespace

std::vector<Value> params(Builder& b, const std::vector<NamedType>& list,
                          const std::string& before) {
  std::vector<Value> values;
  for (const NamedType& x : list) values.push_back(b.param(x.type, before + x.name));
  return values;
}

std::vector<Value> joined(std::vector<Value> a, std::span<const Value> b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

PassedIntegrator passed(const Integrator& integrator, const System& system,
                        telemetry::Telemetry* telemetry) {
  transform::PassOptions options;
  options.telemetry = telemetry;
  const auto pass = [&](const ir::FunctionPtr& f) {
    return through_passes(f, options);
  };
  PassedIntegrator p{integrator, nullptr};
  p.integrator.open = pass(integrator.open);
  p.integrator.step = pass(integrator.step);
  p.integrator.close = pass(integrator.close);
  if (system.form == Form::kCanonical) p.velocity = pass(energy_gradient(system, 1));
  return p;
}

ir::FunctionPtr look_program(const PassedIntegrator& method, const System& system,
                             const std::vector<Output>& outputs) {
  Builder b("look");
  const std::vector<Value> carry = params(b, method.integrator.carry);
  const Value step = b.param(kIndex, "step");
  const Value t0 = b.param(kReal, "t0"), dt = b.param(kReal, "dt");
  const std::vector<Value> parameters = parameter_values(b, system);
  const Seen s = seen(b, method, carry, step, t0, dt, parameters);
  std::vector<Value> results = s.state;
  if (method.velocity) results.push_back(s.arguments[2]);
  return transform::simplify(*b.finish(joined(results, observe(b, outputs, s.arguments))));
}

ir::FunctionPtr chunk_program(const PassedIntegrator& method, const System& system,
                              const std::vector<Output>& outputs, std::int64_t trip,
                              const std::vector<std::size_t>& kept) {
  Builder b("chunk");
  const std::vector<Value> start = params(b, method.integrator.carry);
  const Value first = b.param(kIndex, "first"), count = b.param(kIndex, "count");
  const Value t0 = b.param(kReal, "t0"), dt = b.param(kReal, "dt");
  const std::vector<Value> parameters = parameter_values(b, system);

  Builder body("step");
  const Value index = body.param(kIndex, "step");
  BodyInputs in(b, body);
  const Value inner_t0 = in.whole(t0, "t0"), inner_dt = in.whole(dt, "dt");
  std::vector<Value> inner_parameters;
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    inner_parameters.push_back(in.whole(parameters[k], system.parameters[k].name));
  }
  ir::LoopAttr loop;
  loop.trip = trip;
  loop.dynamic = true;
  loop.invariants = in.count();
  std::vector<Value> args;
  for (std::size_t k = 0; k < start.size(); ++k) {
    args.push_back(in.whole(start[k], method.integrator.carry[k].name));
  }
  loop.carries = in.count() - loop.invariants;
  args.insert(args.end(), {index, inner_t0, inner_dt});
  const std::vector<Value> next =
      body.inline_call(*method.integrator.step, joined(args, inner_parameters));
  std::vector<Value> results = next;
  for (std::size_t k : kept) results.push_back(args[k]);
  loop.every.assign(kept.size(), 1);
  if (!outputs.empty()) {
    const Value after = body.add(index, body.constant_i64(1));
    const Seen s = seen(body, method, next, after, inner_t0, inner_dt, inner_parameters);
    results = joined(results, observe(body, outputs, s.arguments));
  }
  for (const Output& o : outputs) loop.every.push_back(o.every);
  loop.body = body.finish(results);
  std::vector<Value> operands = in.operands();
  operands.insert(operands.end(), {first, count});
  return transform::simplify(*b.finish(b.loop(loop, operands)));
}

ir::FunctionPtr step_program(const PassedIntegrator& method, const System& system) {
  Builder b("step");
  const std::vector<Value> state = params(b, method.integrator.state);
  const Value step = b.param(kIndex, "step");
  const Value t0 = b.param(kReal, "t0"), dt = b.param(kReal, "dt");
  const std::vector<Value> parameters = parameter_values(b, system);
  // The state is opened where it is: the run that begins there has its step 0 there.
  const Value here = time_of(b, step, t0, dt);
  std::vector<Value> args = state;
  args.insert(args.end(), {here, dt});
  std::vector<Value> carry = b.inline_call(*method.integrator.open, joined(args, parameters));
  args = carry;
  args.insert(args.end(), {b.constant_i64(0), here, dt});
  carry = b.inline_call(*method.integrator.step, joined(args, parameters));
  args = carry;
  args.insert(args.end(), {b.constant_i64(1), here, dt});
  return transform::simplify(
      *b.finish(b.inline_call(*method.integrator.close, joined(args, parameters))));
}

}  // namespace cotangent::mechanics
