#include "cotangent/mechanics/run_program.h"

#include "cotangent/mechanics/step_program.h"

namespace cotangent::mechanics {

ir::FunctionPtr run_program(const Integrator& method, const System& system, std::int64_t steps) {
  using ir::Value;
  const auto joined = [](std::vector<Value> a, const std::vector<Value>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  StepProgram run("run", method.state, system.parameters, false);
  const std::vector<Value> times = {run.t0, run.dt};
  const std::vector<Value> fixed = joined(times, run.parameters);
  const std::vector<Value> carry = run.b.inline_call(*method.open, joined(run.carry, fixed));

  ir::Builder body("step");
  const Value index = body.param(ir::scalar(DType::kI64), "step");
  std::vector<Value> inner_fixed, inner;
  for (Value x : fixed) inner_fixed.push_back(body.param(run.b.type(x)));
  for (const NamedType& x : method.carry) inner.push_back(body.param(x.type, x.name));
  inner.push_back(index);
  ir::LoopAttr loop;
  loop.trip = steps;
  loop.invariants = static_cast<std::int64_t>(fixed.size());
  loop.carries = static_cast<std::int64_t>(carry.size());
  loop.body = body.finish(body.inline_call(*method.step, joined(inner, inner_fixed)));

  std::vector<Value> end = run.b.loop(loop, joined(fixed, carry));
  end.push_back(run.b.constant_i64(steps));
  return run.finish(run.b.inline_call(*method.close, joined(end, fixed)));
}

}  // namespace cotangent::mechanics
