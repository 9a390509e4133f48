#include "cotangent/mechanics/evaluate_steps.h"

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/lattice.h"

namespace cotangent::mechanics {

using ir::Tensor;

namespace {

/// Of a system without q and p.
EvaluatedRun evaluate_steps_of_x(const System& system, const ir::Function& step, double dt,
                                 const InitialState& initial, std::int64_t steps,
                                 const std::function<bool(std::int64_t)>& between) {
  EvaluatedRun run;
  run.x = initial.x;
  while (run.steps < steps) {
    std::vector<Tensor> arguments = {run.x, Tensor::scalar_of<std::int64_t>(run.steps)};
    for (double x : {initial.t, dt}) arguments.push_back(Tensor::scalar_of<double>(x));
    for (const Parameter& x : system.parameters) arguments.push_back(x.value);
    Tensor after = ir::evaluate(step, arguments)[0];
    if (const auto bad = first_non_finite(after)) {
      run.fault.emplace();
      run.fault->made = ir::find_non_finite(step, arguments, 0);
      run.fault->step = run.steps + 1;
      run.fault->t = std::fma(static_cast<double>(run.steps + 1), dt, initial.t);
      run.fault->component = state_component(system, "x", system.shape, *bad);
      return run;
    }
    run.x = std::move(after);
    ++run.steps;
    if (!between(run.steps)) {
      run.interrupted = run.steps < steps;
      return run;
    }
  }
  return run;
}

}  // namespace

EvaluatedRun evaluate_steps(const System& system, const Flow& flow, double dt,
                            const InitialState& initial, std::int64_t steps,
                            const std::function<bool(std::int64_t)>& between) {
  const ir::FunctionPtr step = flow.step_program();
  if (system.form != Form::kCanonical) {
    return evaluate_steps_of_x(system, *step, dt, initial, steps, between);
  }
  const Arithmetic& arithmetic = flow.plan().arithmetic;
  const std::vector<Part> parts = state_parts(arithmetic);
  Carry carry(arithmetic, initial,
              initial.p ? *initial.p : momentum_from_velocity(system, initial));
  EvaluatedRun run;
  const auto stop = [&] {
    run.q = carry.whole(Part::kQ);
    run.p = carry.whole(Part::kP);
    return std::move(run);
  };
  while (run.steps < steps) {
    std::vector<Tensor> arguments;
    for (Part part : parts) arguments.push_back(carry[part]);
    arguments.push_back(Tensor::scalar_of<std::int64_t>(run.steps));
    for (double x : {initial.t, dt}) arguments.push_back(Tensor::scalar_of<double>(x));
    for (const Parameter& x : system.parameters) arguments.push_back(x.value);
    std::vector<Tensor> after = ir::evaluate(*step, arguments);
    for (std::size_t r = 0; r < parts.size(); ++r) {
      const bool whole = !units_of(arithmetic, parts[r]).empty();
      const auto bad = whole ? first_off_lattice(after[r]) : first_non_finite(after[r]);
      if (!bad) continue;
      run.fault.emplace();
      if (!whole) run.fault->made = ir::find_non_finite(*step, arguments, r);
      run.fault->step = run.steps + 1;
      run.fault->t = std::fma(static_cast<double>(run.steps + 1), dt, initial.t);
      run.fault->component = component_name(name_of(parts[r]), system.shape, *bad);
      return stop();
    }
    for (std::size_t r = 0; r < parts.size(); ++r) carry[parts[r]] = std::move(after[r]);
    ++run.steps;
    if (!between(run.steps)) {
      run.interrupted = run.steps < steps;
      return stop();
    }
  }
  return stop();
}

}  // namespace cotangent::mechanics
