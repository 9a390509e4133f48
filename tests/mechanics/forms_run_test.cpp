// Whole runs of systems that are not canonical, by every method for them: what they keep, where
// they end, and the same bits from the evaluator, from compiled code and in any split into chunks.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/implicit_midpoint.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "cotangent/mechanics/lie_poisson.h"
#include "cotangent/mechanics/runge_kutta.h"
#include "cotangent/mechanics/split_flows.h"
#include "cotangent/mechanics/step_program.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Tensor;
using ir::Value;

struct Ran {
  RunResult result;
  const Series& series(const std::string& name) const {
    for (const auto* all : {&result.observables, &result.energy_terms}) {
      for (const Series& s : *all) {
        if (s.name == name) return s;
      }
    }
    throw InternalError("no series " + name);
  }
  double spread(const std::string& name) const {
    const auto& v = series(name).values;
    return *std::max_element(v.begin(), v.end()) - *std::min_element(v.begin(), v.end());
  }
};

Ran run(const System& s, const Integrator& method, const Tensor& x, double dt, std::int64_t steps,
        const std::vector<std::int64_t>& chunks = {}, bool reference = false) {
  Facts facts;
  Fact timeless;
  timeless.name = "time_dependent";
  timeless.value = false;
  facts.all.push_back(timeless);
  Plan plan;
  plan.method = method.method;
  plan.integrator = std::make_shared<Integrator>(method);
  plan.dt = dt;
  plan.steps = steps;
  plan.every = std::max<std::int64_t>(1, steps / 100);
  FlowOptions options;
  options.reference = reference;
  InitialState initial;
  initial.x = x;
  RunControl control;
  control.chunks = chunks;
  return {Flow::compile(s, facts, plan, options)->run(initial, steps, control)};
}

System rigid_body() {
  System s = plain_system(Form::kBracket, 3, {reals("I", {2, 1, 2.0 / 3})});
  s.structure = lie_poisson("so3", s.parameters);
  add_energy(s, "kinetic", [](const Of& o) {
    return o.times(0.5, o.b.reduce_sum(o.b.div(o.mul(o.x, o.x), o.parameters[0])));
  });
  s.observables.push_back(
      {"square", casimirs_of(*algebra_named("so3"), s.parameters)[0].value, 0, {}});
  return s;
}
const Tensor kTurning = vector({std::cos(1.1), 0, std::sin(1.1)});

TEST(FormsRun, ARigidBodyForAMillionSteps) {
  const System s = rigid_body();
  const Ran r = run(s, compose(lie_poisson_flows(s), state_types(s), composition_for(2)), kTurning,
                    0.1, 1'000'000);
  ASSERT_EQ(r.result.status, RunStatus::kFinished);
  EXPECT_LT(r.spread("square"), 1e-12);  // a thousand rounding errors of 1e-16, and room
  EXPECT_LT(r.spread("kinetic"), 5.5e-4);
  EXPECT_GT(r.spread("kinetic"), 4e-4);
}

TEST(FormsRun, AllMethodsEndAtTheSamePlace) {
  const System s = rigid_body();
  const auto end = [&](const Integrator& m, double dt) {
    return std::vector<Tensor>{run(s, m, kTurning, dt, std::llround(4 / dt)).result.x};
  };
  Tolerances tight;
  tight.rtol = tight.atol = 1e-13;
  const auto exact = end(adaptive_runge_kutta(s, *tableau_named("dopri5"), tight), 0.5);
  const Splitting& c = *splitting_named("kahanli6");
  EXPECT_LT(distance(end(compose(lie_poisson_flows(s), state_types(s), c), 0.05), exact), 1e-10);
  EXPECT_LT(distance(end(implicit_midpoint(s), 0.01), exact), 1e-3);
  EXPECT_LT(distance(end(runge_kutta(s, *tableau_named("rk4")), 0.01), exact), 1e-8);
}

TEST(FormsRun, BitsDoNotDependOnChunksNorOnWhoRuns) {
  const System s = rigid_body();
  for (const Integrator& m : {compose(lie_poisson_flows(s), state_types(s), composition_for(2)),
                              implicit_midpoint(s), runge_kutta(s, *tableau_named("dopri5")),
                              adaptive_runge_kutta(s, *tableau_named("dopri5"))}) {
    const std::string hash = run(s, m, kTurning, 0.1, 60).result.state_hash;
    EXPECT_EQ(run(s, m, kTurning, 0.1, 60, {1, 7, 50, 2}).result.state_hash, hash) << m.method;
    EXPECT_EQ(run(s, m, kTurning, 0.1, 60, {}, true).result.state_hash, hash) << m.method;
  }
}

/// From 1.5, x' = x^2 has no solution at t = 2/3: the run stops and keeps what it had.
TEST(FormsRun, StepsThatGetTooSmallStopTheRun) {
  System s = plain_system(Form::kEquations, 1);
  s.rate = program(1, [](const Of& o) { return o.mul(o.x, o.x); });
  const Integrator m = adaptive_runge_kutta(s, *tableau_named("dopri5"));
  const Ran r = run(s, m, vector({1.5}), 0.125, 20);
  EXPECT_NE(r.result.status, RunStatus::kFinished);
  EXPECT_EQ(r.result.steps, 5);
  EXPECT_NEAR(static_cast<double>(r.result.x.real(0)), 1 / (1 / 1.5 - 5 * 0.125), 1e-4);
}

}  // namespace
}  // namespace cotangent::mechanics::test
