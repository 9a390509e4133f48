// Runs of integrators given as three programs: against the kicks and drifts they are made of, and
// against plain loops. Exact identities.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/runge_kutta.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Value;
using test::Problem;

const ir::Type kReal = ir::scalar(DType::kF64);
const ir::Type kIndex = ir::scalar(DType::kI64);

/// q, then whatever: leapfrog that leaves its last half kick open, for Kepler's problem.
Integrator open_leapfrog(const System& system) {
  const ir::Type state{DType::kF64, system.shape};
  Integrator m;
  m.method = "open leapfrog";
  m.order = 2;
  m.state = m.carry = {{"q", state}, {"p", state}};
  const ir::FunctionPtr gradient = energy_gradient(system, 0);
  const auto program = [&](const char* name, bool stepped, double before, double after) {
    Builder b(name);
    Value q = b.param(state, "q"), p = b.param(state, "p");
    if (stepped) b.param(kIndex, "step");
    b.param(kReal, "t0");
    const Value dt = b.param(kReal, "dt");
    const auto kick = [&](double by) {
      if (by == 0) return;
      const Value g = b.inline_call(*gradient, std::vector{q, p, b.constant(0.0)})[0];
      p = b.fma(b.broadcast_to(b.mul(dt, b.constant(by)), system.shape), g, p);
    };
    kick(before);
    if (std::string(name) == "step") q = b.fma(b.broadcast_to(dt, system.shape), p, q);
    kick(after);
    return b.finish({q, p});
  };
  m.open = program("open", false, -0.5, 0);
  m.step = program("step", true, 0, -1);
  m.close = program("close", true, 0.5, 0);
  return m;
}

TEST(IntegratorRun, ObserversSeeWhatIsClosedAndNeverFeedItBack) {
  const Problem kepler = test::kepler(0.3);
  const Facts facts = find_facts(kepler.system, kepler.initial);
  RunSettings settings;
  settings.dt = 0.05;
  settings.steps = 200;
  settings.method = "leapfrog";
  settings.every = 10;
  Plan plan = make_plan(kepler.system, facts, settings, &kepler.initial);
  const RunResult closed =
      Flow::compile(kepler.system, facts, plan)->run(kepler.initial, plan.steps);
  plan.integrator = std::make_shared<Integrator>(open_leapfrog(kepler.system));
  const auto flow = Flow::compile(kepler.system, facts, plan);
  const RunResult open = flow->run(kepler.initial, plan.steps);
  ASSERT_EQ(open.status, RunStatus::kFinished);
  for (std::int64_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(double(open.q.real(k)), double(closed.q.real(k)), 2e-13);
    EXPECT_NEAR(double(open.p.real(k)), double(closed.p.real(k)), 2e-13);
    EXPECT_NEAR(double(open.v.real(k)), double(closed.v.real(k)), 2e-13);
  }
  ASSERT_EQ(open.invariants.size(), closed.invariants.size());
  EXPECT_NEAR(open.invariants[0].max_rel_error, closed.invariants[0].max_rel_error, 1e-13);
  ASSERT_EQ(open.invariants[0].series.values.size(), closed.invariants[0].series.values.size());

  RunControl split;
  split.chunks = {1, 7, 50, 3};
  split.record_trajectory = true;
  const RunResult other = flow->run(kepler.initial, plan.steps, split);
  EXPECT_EQ(other.state_hash, open.state_hash);
  ASSERT_EQ(other.trajectory.size(), 2u);
  EXPECT_EQ(other.trajectory[1].values.back(), double(open.p.real(1)));

  // The flow's step program, from the state before the last step's end.
  const ir::FunctionPtr step = flow->step_program();
  std::vector<ir::Tensor> s = {kepler.initial.q, *kepler.initial.p};
  for (std::int64_t k = 0; k < plan.steps; ++k) {
    s = ir::evaluate(*step, std::vector{s[0], s[1], ir::Tensor::scalar_of<std::int64_t>(k),
                                        ir::Tensor::scalar_of<double>(0),
                                        ir::Tensor::scalar_of<double>(plan.dt)});
  }
  EXPECT_NEAR(double(s[0].real(0)), double(open.q.real(0)), 2e-13);
}

/// x -> r x (1 - x), and y -> y + x; not finite from some step on where r is large.
Problem logistic(double r) {
  Problem problem;
  System& s = problem.system;
  s.form = Form::kMap;
  s.shape = Shape{2};
  s.arrays = {{"x", Shape{}, {}}, {"y", Shape{1}, {}}};
  s.parameters = {test::real("r", r)};
  Builder b("map");
  const Value x = b.param({DType::kF64, s.shape}, "x");
  b.param(kReal, "t");
  const Value rate = b.param(kReal, "r");
  const Value one = b.slice_rows(x, 0, 1), two = b.slice_rows(x, 1, 2);
  const Value next = b.mul(b.mul(b.broadcast_to(rate, Shape{1}), one),
                           b.sub(b.broadcast_to(b.constant(1.0), Shape{1}), one));
  s.rate = b.finish({b.concatenate(std::vector{next, b.add(two, one)}, 0)});
  Builder o("y");
  const Value seen = o.param({DType::kF64, s.shape}, "x");
  o.param(kReal, "t");
  o.param(kReal, "r");
  s.observables.push_back({"last", o.finish({o.row(seen, 1)}), 3, {}});
  problem.initial.x = test::tensor(Shape{2}, {0.3, 0});
  return problem;
}

Integrator iterate(const System& system) {
  Integrator m;
  m.method = "iterate";
  m.state = m.carry = {{"x", {DType::kF64, system.shape}}};
  for (int which : {0, 1, 2}) {
    Builder b(which == 0 ? "open" : which == 1 ? "step" : "close");
    const Value x = b.param(m.state[0].type, "x");
    const Value step = which == 0 ? Value{} : b.param(kIndex, "step");
    b.param(kReal, "t0");
    b.param(kReal, "dt");
    const Value r = b.param(kReal, "r");
    const ir::FunctionPtr f = b.finish(
        {which == 1 ? b.inline_call(*system.rate, std::vector{x, b.cast(step, DType::kF64), r})[0]
                    : x});
    (which == 0 ? m.open : which == 1 ? m.step : m.close) = f;
  }
  return m;
}

RunResult run_map(const Problem& problem, std::int64_t steps, const RunControl& control = {}) {
  Facts facts;
  Fact timeless;
  timeless.name = "time_dependent";
  timeless.value = false;
  facts.all = {timeless};
  Plan plan;
  plan.method = "iterate";
  plan.dt = 1;
  plan.steps = steps;
  plan.every = 10;
  plan.integrator = std::make_shared<Integrator>(iterate(problem.system));
  return Flow::compile(problem.system, facts, plan)->run(problem.initial, steps, control);
}

TEST(IntegratorRun, AMapIsIterated) {
  RunControl control;
  control.record_trajectory = true;
  const RunResult r = run_map(logistic(2.5), 40, control);
  double x = 0.3, y = 0;
  for (int k = 0; k < 40; ++k) {
    y += x;
    x = 2.5 * x * (1 - x);
  }
  EXPECT_NEAR(double(r.x.real(0)), x, 1e-15);  // it contracts; products may be fused
  EXPECT_NEAR(double(r.x.real(1)), y, 1e-13);
  EXPECT_TRUE(r.invariants.empty());
  ASSERT_EQ(r.trajectory.size(), 2u);
  EXPECT_EQ(r.trajectory[0].name, "x");
  EXPECT_EQ(r.trajectory[0].shape, Shape{});
  EXPECT_EQ(r.trajectory[1].shape, Shape{1});
  EXPECT_EQ(r.trajectory[0].values.back(), double(r.x.real(0)));
  ASSERT_EQ(r.observables.size(), 1u);
  EXPECT_EQ(r.observables[0].step.size(), 15u);  // 0, 3, .., 39, 40
  EXPECT_EQ(r.observables[0].values.back(), double(r.x.real(1)));
}

TEST(IntegratorRun, WhatIsNotFiniteIsNamedByTheArrayOfTheState) {
  const RunResult r = run_map(logistic(100), 40);
  ASSERT_EQ(r.status, RunStatus::kNonFinite);
  double x = 0.3;
  std::int64_t good = 0;
  for (; std::isfinite(x); ++good) x = 100 * x * (1 - x);
  EXPECT_EQ(r.steps, good - 1);
  EXPECT_EQ(r.fault->step, good);
  EXPECT_EQ(r.fault->component, "x");
  EXPECT_EQ(r.fault->expression, "mul");
  EXPECT_TRUE(std::isfinite(double(r.x.real(0))));
}

/// x -> 1 / (x - 1) is infinite after one step from 1, and back after two.
TEST(IntegratorRun, AMapThatComesBackFromInfinityIsSeenThere) {
  System s = test::plain_system(Form::kMap, 1);
  s.arrays = {{"x", Shape{1}, {}}};
  s.rate = test::program(1, [](const test::Of& o) {
    const Value one = o.b.broadcast_to(o.number(1), Shape{1});
    return o.b.div(one, o.b.sub(o.x, one));
  });
  InitialState initial;
  for (const double start : {1.0, 2.0}) {  // 2 -> 1 -> infinity
    initial.x = test::vector({start});
    Plan plan;
    plan.method = "iterate";
    plan.integrator = std::make_shared<Integrator>(iterate_map(s));
    plan.dt = 1;
    plan.steps = plan.every = 40;
    const RunResult r = Flow::compile(s, {}, plan)->run(initial, plan.steps);
    ASSERT_EQ(r.status, RunStatus::kNonFinite) << start;
    EXPECT_EQ(r.fault->step, start == 1 ? 1 : 2);
    EXPECT_EQ(r.fault->expression, "div");
    EXPECT_EQ(static_cast<double>(r.x.real(0)), 1);
  }
}

TEST(IntegratorRun, AMapDoesNotRunBackwards) {
  RunControl control;
  control.reverse = true;
  EXPECT_THROW(run_map(logistic(2.5), 4, control), UserError);
}

TEST(IntegratorRun, ACheckThatFailsStopsTheRunAndKeepsWhatWasGood) {
  Problem problem = logistic(3.9);
  Builder b("map");
  const Value x = b.param({DType::kF64, Shape{2}}, "x");
  const Value t = b.param(kReal, "t");
  b.param(kReal, "r");
  const Value fine = b.binary(ir::Op::kLt, t, b.constant(17.0));
  problem.system.rate = b.finish({b.check(fine, x, {.message = "seventeen is enough"})});
  const RunResult r = run_map(problem, 40);
  ASSERT_EQ(r.status, RunStatus::kStopped);
  EXPECT_EQ(r.steps, 17);
  EXPECT_NE(r.stopped_why.find("seventeen is enough"), std::string::npos) << r.stopped_why;
  EXPECT_EQ(double(r.x.real(0)), 0.3);
}

}  // namespace
}  // namespace cotangent::mechanics
