// accuracy: the error of the run is what was asked for, at a step that is not wastefully short.
#include "cotangent/mechanics/plan_accuracy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "forms.h"
#include "tests/mechanics/planned.h"

namespace cotangent::mechanics {
namespace {

using test::decision;
using test::plan_of;
using test::plan_refusal;
using test::Problem;

RunSettings asking(double accuracy, double duration, const std::string& method = "auto") {
  RunSettings s;
  s.accuracy = accuracy;
  s.duration = duration;
  s.method = method;
  s.kinds = Kinds::kKicksAndDrifts;  // of which the order is to be found
  return s;
}

RunResult run(const Problem& p, const Plan& plan) {
  return Flow::compile(p.system, find_facts(p.system, p.initial), plan)->run(p.initial, plan.steps);
}

int order_of(const Plan& plan) {
  return plan.integrator ? plan.integrator->order : plan.composition.order;
}

TEST(PlanAccuracy, TheEnergyIsAsGoodAsAskedAndNotMuchBetter) {
  const Problem p = test::kepler(0.4);
  const double duration = 100 * 2 * std::numbers::pi;
  for (const double accuracy : {1e-3, 1e-6, 1e-9, 1e-11}) {
    const Plan plan = plan_of(p, asking(accuracy, duration));
    EXPECT_DOUBLE_EQ(plan.dt * static_cast<double>(plan.steps), duration);
    const RunResult r = run(p, plan);
    ASSERT_EQ(r.status, RunStatus::kFinished);
    EXPECT_LE(r.invariants.at(0).max_rel_error, accuracy) << plan.method << " " << plan.dt;
    EXPECT_GE(r.invariants.at(0).max_rel_error, accuracy / 50) << plan.method << " " << plan.dt;
    EXPECT_EQ(plan.accuracy, accuracy);
    EXPECT_NE(decision(plan, "accuracy").find("of the energy"), std::string::npos);
    EXPECT_EQ(decision(plan, "method").find("you asked"), std::string::npos);
  }
}

/// What has no error but round-off needs no dt.
TEST(PlanAccuracy, ExactMethodsAreLookedAt) {
  for (const Problem& p : {test::kepler(0.4), test::harmonic(2)}) {
    RunSettings s = asking(1e-9, 100);
    s.kinds = Kinds::kAll;
    const Plan plan = plan_of(p, s);
    EXPECT_TRUE(plan.linear || plan.method == "kepler") << plan.method;
    EXPECT_EQ(plan.steps, 1000);
    EXPECT_LE(run(p, plan).invariants.at(0).max_rel_error, 1e-12);
  }
}

/// The map of Wisdom and Holman is one of those that are tried, beside the orders.
TEST(PlanAccuracy, PlanetsToo) {
  const Problem p = test::outer_solar_system();
  RunSettings s = asking(1e-9, 40000);
  s.kinds = Kinds::kAll;
  const Plan plan = plan_of(p, s);
  EXPECT_EQ(plan.method, "wisdom_holman");
  EXPECT_LE(run(p, plan).invariants.at(0).max_rel_error, 1e-9);
}

TEST(PlanAccuracy, HigherAccuracyTakesHigherOrder) {
  const Problem p = test::kepler(0.4);
  const int low = order_of(plan_of(p, asking(1e-2, 300)));
  const int high = order_of(plan_of(p, asking(1e-11, 300)));
  EXPECT_LE(low, 4);
  EXPECT_GE(high, 6);
}

/// Among the orders, none would have needed less work at its own longest step.
TEST(PlanAccuracy, TheOrderIsTheCheapest) {
  const Problem p = test::henon_heiles();
  const auto evaluations = [&](const RunSettings& s) {
    const Plan plan = plan_of(p, s);
    return static_cast<double>(plan.steps) * plan.composition.stages();
  };
  const double best = evaluations(asking(1e-8, 500));
  for (const int order : {2, 4, 6, 8}) {
    RunSettings s = asking(1e-8, 500);
    s.order = order;
    EXPECT_GE(evaluations(s), 0.8 * best) << order;  // steps are found to within some percent
  }
}

TEST(PlanAccuracy, AMethodThatIsNamedKeepsItsOrder) {
  const Problem p = test::kepler(0.2);
  const Plan plan = plan_of(p, asking(1e-5, 60, "leapfrog"));
  EXPECT_EQ(plan.method, "leapfrog");
  EXPECT_LE(run(p, plan).invariants.at(0).max_rel_error, 1e-5);
}

/// q'' = -q + cos(0.7 t): no energy is kept, so the state at the end is what is asked about.
TEST(PlanAccuracy, WithoutAnEnergyTheStateIsAsGoodAsAsked) {
  const Problem p = test::driven_oscillator();
  const double duration = 50;
  const Plan plan = plan_of(p, asking(1e-7, duration));
  EXPECT_NE(decision(plan, "accuracy").find("of the state"), std::string::npos);
  RunSettings fine;
  fine.order = 8;
  fine.steps = 20000;
  fine.dt = duration / 20000;
  const double exact = run(p, plan_of(p, fine)).q.real(0), got = run(p, plan).q.real(0);
  EXPECT_LE(std::abs(got - exact), 2e-7 * std::abs(p.initial.q.real(0)) + 2e-7);
  EXPECT_GE(plan.dt, 0.01);
}

/// A quartic oscillator that is driven, and a free particle that nothing happens to: how far away
/// it is, and how fast it goes, is no matter.
TEST(PlanAccuracy, ACoordinateThatGoesFarHidesNoOther) {
  const auto problem = [](double far) {
    Problem p{test::empty_system(Shape{2}), {}};
    test::add_term(p.system, "kinetic", [](ir::Builder& b, const test::TermValues& v) {
      return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
    });
    test::add_term(p.system, "well", [](ir::Builder& b, const test::TermValues& v) {
      const ir::Value x = b.row(v.q, 0), square = b.mul(x, x);
      return b.mul(b.constant(0.25), b.mul(square, square));
    });
    test::add_term(p.system, "drive", [](ir::Builder& b, const test::TermValues& v) {
      return b.neg(b.mul(b.unary(ir::Op::kCos, b.mul(b.constant(0.7), v.t)), b.row(v.q, 0)));
    });
    p.initial.q = test::tensor(Shape{2}, {1, far});
    p.initial.p = test::tensor(Shape{2}, {0, far / 50});
    return p;
  };
  const double duration = 40;
  const auto at_end = [&](const Problem& p, const Plan& plan) {
    return static_cast<double>(run(p, plan).q.real(0));
  };
  const Problem near = problem(1), far = problem(1e6);
  RunSettings fine;
  fine.order = 8;
  fine.steps = 20000;
  fine.dt = duration / 20000;
  const double exact = at_end(near, plan_of(near, fine));
  const Plan plan = plan_of(far, asking(1e-6, duration));
  EXPECT_LE(std::abs(at_end(far, plan) - exact), 4e-6);
  EXPECT_NE(decision(plan, "accuracy").find("how far each coordinate goes"), std::string::npos);
  const Plan alone = plan_of(near, asking(1e-6, duration));
  EXPECT_NEAR(plan.dt, alone.dt, 0.2 * alone.dt);
}

/// What moves by the round-off of others only has no accuracy to reach.
TEST(PlanAccuracy, ACoordinateAtRestIsNoHindrance) {
  Problem p;
  p.system = test::plain_system(Form::kEquations, 3);
  // The third is moved by sin^2 + cos^2 - 1: rounding.
  p.system.rate = test::program(3, [](const test::Of& x) {
    const ir::Value a = x[0], b = x[1];
    const ir::Value sine = x.b.unary(ir::Op::kSin, a), cosine = x.b.unary(ir::Op::kCos, a);
    const ir::Value square = x.mul(sine, sine), sum = x.add(square, x.mul(cosine, cosine));
    const ir::Value third = x.b.sub(sum, x.number(1));
    return x.stack({b, x.times(-4, a), third});
  });
  p.initial.x = test::vector({1, 0, 0});
  const Plan plan = plan_of(p, asking(1e-9, 20, "rk4"));
  EXPECT_GE(plan.dt, 1e-4);
  EXPECT_LE(std::abs(static_cast<double>(run(p, plan).x.real(0)) - std::cos(40.0)), 4e-9);
}

TEST(PlanAccuracy, ThePlanIsTheSameEveryTime) {
  const Problem p = test::henon_heiles();
  const Plan a = plan_of(p, asking(1e-7, 200)), b = plan_of(p, asking(1e-7, 200));
  EXPECT_EQ(a.dt, b.dt);
  EXPECT_EQ(a.method, b.method);
}

/// A free rigid body: orders of a composition of exact flows.
TEST(PlanAccuracy, BracketsToo) {
  Problem p;
  p.system = test::plain_system(Form::kBracket, 3);
  p.system.structure.algebra = "so3";
  p.system.structure.poisson = test::program(3, test::so3_matrix(), "J");
  test::add_energy(p.system, "kinetic", [](const test::Of& z) {
    return z.add(z.times(0.5, z.mul(z[0], z[0])),
                 z.add(z.times(0.25, z.mul(z[1], z[1])), z.times(0.1, z.mul(z[2], z[2]))));
  });
  p.initial.x = test::vector({0.6, 0.1, 0.9});
  const Plan plan = plan_of(p, asking(1e-9, 100));
  EXPECT_TRUE(plan.method.starts_with("lie_poisson")) << plan.method;
  EXPECT_GE(order_of(plan), 4);
  EXPECT_LE(run(p, plan).invariants.at(0).max_rel_error, 1e-9);
}

/// x' = -x: the adaptive method takes the accuracy as its tolerance.
TEST(PlanAccuracy, EquationsTakeItAsTolerance) {
  Problem p;
  p.system = test::plain_system(Form::kEquations, 1);
  p.system.rate = test::program(1, [](const test::Of& x) { return x.b.neg(x.x); });
  p.initial.x = test::vector({2});
  const Plan plan = plan_of(p, asking(1e-10, 3));
  EXPECT_EQ(plan.steps, 1000);
  const double exact = 2 * std::exp(-3.0);
  const double error = std::abs(run(p, plan).x.real(0) - exact);
  EXPECT_LE(error, 1e-8);
  const Plan fixed = plan_of(p, asking(1e-6, 3, "rk4"));
  EXPECT_LE(std::abs(run(p, fixed).x.real(0) - exact), 2e-6);
  EXPECT_GE(fixed.dt, 0.01);
}

TEST(PlanAccuracy, BelowRoundOffIsRefusedWithWhatWasReached) {
  const std::string text = plan_refusal(test::kepler(0.4), asking(1e-17, 600));
  EXPECT_NE(text.find("is not reached"), std::string::npos) << text;
  EXPECT_NE(text.find("got to"), std::string::npos) << text;
}

/// 33 thousand million steps are no plan.
TEST(PlanAccuracy, AMethodThatWouldTakeForEverIsRefused) {
  const std::string text = plan_refusal(test::kepler(0.4), asking(1e-9, 600, "explicit_euler"));
  EXPECT_NE(text.find("steps of explicit_euler"), std::string::npos) << text;
}

/// A uniform field is exact at any step, and still there is something to see.
TEST(PlanAccuracy, ARunHasStepsToLookAt) {
  Problem p{test::empty_system(Shape{1}), {}};
  test::add_term(p.system, "kinetic", [](ir::Builder& b, const test::TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  test::add_term(p.system, "fall",
                 [](ir::Builder& b, const test::TermValues& v) { return b.reduce_sum(v.q); });
  p.initial.q = test::tensor(Shape{1}, {0.7});
  p.initial.p = test::tensor(Shape{1}, {0.1});
  const Plan plan = plan_of(p, asking(1e-8, 50));
  EXPECT_GE(plan.steps, 20);
  EXPECT_TRUE(warnings_before(p.system, plan, p.initial).empty());
}

/// x'' = -4 x for a million: a thousandth of that is more than a method's steps in one dt.
TEST(PlanAccuracy, ALongRunIsLookedAtOftener) {
  Problem p;
  p.system = test::plain_system(Form::kEquations, 2);
  p.system.rate =
      test::program(2, [](const test::Of& x) { return x.stack({x[1], x.times(-4, x[0])}); });
  p.initial.x = test::vector({1, 0});
  const Plan plan = plan_of(p, asking(1e-8, 1e6));
  EXPECT_GT(plan.steps, 1000);
  EXPECT_EQ(
      Flow::compile(p.system, find_facts(p.system, p.initial), plan)->run(p.initial, 2).status,
      RunStatus::kFinished);
  EXPECT_NE(plan_refusal(p, asking(1e-17, 10)).find("round-off"), std::string::npos);
}

TEST(PlanAccuracy, NeedsATimeAndAStart) {
  const Problem p = test::kepler(0.4);
  EXPECT_NE(plan_refusal(p, asking(1e-6, 0)).find("time to run"), std::string::npos);
  EXPECT_THROW(make_plan(p.system, find_facts(p.system, p.initial), asking(1e-6, 10)), UserError);
}

}  // namespace
}  // namespace cotangent::mechanics
