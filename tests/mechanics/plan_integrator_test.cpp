// What the planner takes where kicks and drifts are not the method, and what it refuses.
#include "cotangent/mechanics/plan_integrator.h"

#include <gtest/gtest.h>

#include "cotangent/mechanics/gradient.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "tests/mechanics/forms.h"
#include "tests/mechanics/planned.h"

namespace cotangent::mechanics {
namespace {

using test::decision;
using test::Problem;

RunSettings short_run(RunSettings s) {
  if (s.dt == 0) s.dt = 0.01;
  if (s.steps == 0) s.steps = 100;
  return s;
}
Plan planned(const Problem& p, const RunSettings& s) {
  return test::plan_of(p, short_run(s));
}
Plan planned(const Problem& p, const std::string& method = "auto") {
  RunSettings s;
  s.method = method;
  return planned(p, s);
}
std::string refusal(const Problem& p, const RunSettings& s) {
  return test::plan_refusal(p, short_run(s));
}

/// p^2 q^2 / 2 + q^2/2: mixes q and p.
Problem mixed() {
  Problem p = test::harmonic(1);
  p.system = test::empty_system(Shape{1});
  test::add_term(p.system, "all", [](ir::Builder& b, const test::TermValues& v) {
    const ir::Value qp = b.mul(v.q, v.p);
    return b.mul(b.constant(0.5), b.reduce_sum(b.add(b.mul(qp, qp), b.mul(v.q, v.q))));
  });
  p.initial.v.reset();
  p.initial.p = test::tensor(Shape{1}, {0.4});
  return p;
}

TEST(PlanIntegrator, SeparableEnergiesKeepTheirKicksAndDrifts) {
  EXPECT_EQ(planned(test::henon_heiles()).integrator, nullptr);
  EXPECT_EQ(planned(test::outer_solar_system(), "leapfrog").integrator, nullptr);
}

TEST(PlanIntegrator, AutoTakesWhatTheFactsSpeakFor) {
  EXPECT_EQ(planned(test::kepler(0.3)).method, "kepler");
  const Plan planets = planned(test::outer_solar_system());
  EXPECT_EQ(planets.method, "wisdom_holman");
  EXPECT_EQ(decision(planets, "coordinates").substr(0, 6), "jacobi");
  EXPECT_NE(decision(planets, "method").find("times as heavy"), std::string::npos);
  EXPECT_NE(planned(test::harmonic(3)).linear, nullptr);
  // An order is that of kicks and drifts.
  RunSettings s;
  s.order = 4;
  for (const Problem& p : {test::kepler(0.3), test::outer_solar_system(), test::harmonic(3)}) {
    const Plan plan = planned(p, s);
    EXPECT_TRUE(!plan.integrator && !plan.linear);
    EXPECT_EQ(plan.method, "rkn4");
  }
}

TEST(PlanIntegrator, AutoKeepsToWhatThePlanIsFor) {
  RunSettings s;
  s.kinds = Kinds::kKicksAndDrifts;
  s.kinds_for = "a gradient";
  for (const Problem& p : {test::kepler(0.3), test::outer_solar_system(), test::harmonic(3)}) {
    const Plan plan = planned(p, s);
    EXPECT_EQ(plan.method, "rkn4");
    EXPECT_NE(decision(plan, "kind").find("a gradient takes kicks and drifts; a run alone would"),
              std::string::npos);
  }
  s.kinds = Kinds::kSteps;
  s.kinds_for = "an ensemble";
  EXPECT_EQ(planned(test::outer_solar_system(), s).method, "wisdom_holman");
  EXPECT_EQ(planned(test::harmonic(3), s).method, "rkn4");
}

/// Moons: the planet's grip on one is no perturbation of its way about the star.
TEST(PlanIntegrator, AMoonIsNoPlanet) {
  Problem p = test::outer_solar_system();
  // Saturn, a hundredth of an AU from Jupiter and as fast.
  for (std::int64_t c = 0; c < 3; ++c) {
    p.initial.q.set_real(6 + c, p.initial.q.real(3 + c) + 0.01);
    ir::Tensor& v = p.initial.v ? *p.initial.v : *p.initial.p;
    v.set_real(6 + c, v.real(3 + c));
  }
  EXPECT_EQ(planned(p).integrator, nullptr);
}

/// A bond of w = 100 and a weak quartic: no dt that resolves the bond is asked for.
TEST(PlanIntegrator, AStiffQuadraticPartIsFlowed) {
  Problem p = test::harmonic(100);
  test::add_term(p.system, "weak", [](ir::Builder& b, const test::TermValues& v) {
    const ir::Value qq = b.mul(v.q, v.q);
    return b.mul(b.constant(0.01), b.reduce_sum(b.mul(qq, qq)));
  });
  RunSettings s;
  s.dt = 0.1;
  const Plan plan = planned(p, s);
  EXPECT_EQ(plan.method, "exact_kicks");
  EXPECT_NE(decision(plan, "method").find("of the fastest period"), std::string::npos);
  s.dt = 0.001;  // resolved: order 4 is nearer
  EXPECT_EQ(planned(p, s).method, "rkn4");
}

/// Cheap bonds, stiff and not quite harmonic, and a soft force that costs ten times as much.
TEST(PlanIntegrator, CheapStiffTermsAreSteppedOften) {
  Problem p;
  p.system = test::empty_system(Shape{12});
  test::add_term(p.system, "kinetic", [](ir::Builder& b, const test::TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  test::add_term(p.system, "bonds", [](ir::Builder& b, const test::TermValues& v) {
    const ir::Value r = b.sub(b.slice_rows(v.q, 1, 12), b.slice_rows(v.q, 0, 11));
    const ir::Value rr = b.mul(r, r);
    return b.reduce_sum(
        b.mul(rr, b.add(b.splat(2500.0, b.type(r)), b.mul(b.splat(900.0, b.type(r)), r))));
  });
  test::add_term(p.system, "soft", [](ir::Builder& b, const test::TermValues& v) {
    ir::Value sum = b.constant(0.0);
    for (int k = 0; k < 40; ++k) {
      const ir::Value angle = b.add(v.q, b.splat(0.1 * k, b.type(v.q)));
      sum = b.add(sum, b.reduce_sum(b.unary(ir::Op::kCos, angle)));
    }
    return b.mul(b.constant(0.1), sum);
  });
  p.initial.q = test::tensor(Shape{12}, {0.1, 0, 0.2, 0.1, 0, 0.1, 0.2, 0, 0.1, 0, 0.1, 0.2});
  p.initial.p = test::tensor(Shape{12}, std::vector<double>(12, 0.3));
  RunSettings s;
  s.dt = 0.008;  // the fastest bond has w = 141, a period of 0.044
  const Plan plan = planned(p, s);
  EXPECT_EQ(plan.method, "multirate");
  EXPECT_EQ(decision(plan, "levels").substr(0, 12), "soft | bonds");
  EXPECT_EQ(decision(plan, "resonance"), "");
  s.dt = 0.001;  // resolves the bonds
  EXPECT_EQ(planned(p, s).method, "rkn4");
}

TEST(PlanIntegrator, AnEnergyThatMixesTakesTheMidpointRule) {
  const Plan plan = planned(mixed());
  ASSERT_NE(plan.integrator, nullptr);
  EXPECT_EQ(plan.method, "implicit_midpoint");
  EXPECT_NE(decision(plan, "method").find("does not split"), std::string::npos);
}

/// Reference: the order is measured, against the same rule of order 8 at a fifth of the step.
TEST(PlanIntegrator, TheMidpointRuleIsComposedToTheOrderAsked) {
  const Problem p = mixed();
  const auto of_order = [&](int order) {
    RunSettings s;
    s.order = order;
    const Plan plan = planned(p, s);
    EXPECT_EQ(plan.method, "implicit_midpoint");
    EXPECT_EQ(plan.integrator->order, order);
    return plan.integrator;
  };
  const std::vector<ir::Tensor> start = {p.initial.q, *p.initial.p};
  const auto exact =
      test::integrate(*of_order(8), start, 0, 1.3L / 160, 160, p.system.parameters, true);
  for (const int order : {4, 6}) {
    for (const double o : test::measured_orders(*of_order(order), start, 1.3L, {24, 32}, exact,
                                                p.system.parameters)) {
      EXPECT_NEAR(o, order, 0.1) << order;
    }
  }
  RunSettings s;
  s.order = 5;
  EXPECT_NE(refusal(p, s).find("order 5"), std::string::npos);
  s.order.reset();
  s.method = "implicit_midpoint";
  s.splitting = "kahanli8";
  EXPECT_EQ(planned(p, s).integrator->order, 8);
  s.splitting = "rkn4";
  EXPECT_NE(refusal(p, s).find("compositions"), std::string::npos);
}

TEST(PlanIntegrator, AnAccuracyFindsAnOrderOfTheMidpointRule) {
  const Problem p = mixed();
  RunSettings s;
  s.accuracy = 1e-9;
  s.duration = 20;
  const Plan plan = test::plan_of(p, s);
  EXPECT_EQ(plan.method, "implicit_midpoint");
  EXPECT_GT(plan.integrator->order, 2);
  const Facts facts = find_facts(p.system, p.initial);
  const RunResult r = Flow::compile(p.system, facts, plan)->run(p.initial, plan.steps);
  EXPECT_LT(r.invariants.at(0).max_rel_error, 1e-9);
}

TEST(PlanIntegrator, AMixedEnergyRunsAndKeepsItsEnergy) {
  const Problem p = mixed();
  const Facts facts = find_facts(p.system, p.initial);
  RunSettings s;
  s.dt = 0.01;
  s.steps = 2000;
  const Plan plan = make_plan(p.system, facts, s, &p.initial);
  const RunResult r = Flow::compile(p.system, facts, plan)->run(p.initial, plan.steps);
  ASSERT_EQ(r.status, RunStatus::kFinished);
  EXPECT_LT(r.invariants.at(0).max_rel_error, 1e-4);
}

TEST(PlanIntegrator, MethodsThatDriftSaySo) {
  for (const char* name : {"rk4", "dopri5", "explicit_euler"}) {
    const Plan plan = planned(test::kepler(0.3), name);
    ASSERT_NE(plan.integrator, nullptr) << name;
    EXPECT_NE(decision(plan, "method").find("not symplectic"), std::string::npos) << name;
  }
}

TEST(PlanIntegrator, PlanetsByWisdomAndHolman) {
  const Problem p = test::outer_solar_system();
  const Facts facts = find_facts(p.system, p.initial);
  RunSettings s;
  s.dt = 10;
  s.steps = 2000;
  s.method = "whfast";
  const Plan plan = make_plan(p.system, facts, s, &p.initial);
  EXPECT_EQ(plan.method, "wisdom_holman");
  EXPECT_EQ(decision(plan, "corrector").substr(0, 2), "17");
  const RunResult r = Flow::compile(p.system, facts, plan)->run(p.initial, plan.steps);
  // Measured 4e-13 with REBOUND's corrector at this dt over longer times (docs/wisdom_holman.md).
  EXPECT_LT(r.invariants.at(0).max_rel_error, 1e-11);
  EXPECT_NE(refusal(test::kepler(0.3), s).find("mutual gravity"), std::string::npos);
  s.corrector = 4;
  EXPECT_NE(refusal(p, s).find("corrector of order 4"), std::string::npos);
  s.corrector = 0;
  s.coordinates = "polar";
  EXPECT_NE(refusal(p, s).find("polar"), std::string::npos);
}

TEST(PlanIntegrator, LinearSystemsExactlyOnRequest) {
  const Problem p = test::harmonic(3);
  const Facts facts = find_facts(p.system, p.initial);
  RunSettings s;
  s.dt = 10;  // far beyond leapfrog's bound of 2/3
  s.steps = 1000;
  s.method = "exact";
  const Plan plan = make_plan(p.system, facts, s, &p.initial);
  const RunResult r = Flow::compile(p.system, facts, plan)->run(p.initial, plan.steps);
  EXPECT_NEAR(double(r.q.real(0)), std::cos(3.0 * 10000), 1e-10);
  EXPECT_NE(plan.linear, nullptr);
  EXPECT_NE(decision(plan, "steps").find("eps"), std::string::npos) << decision(plan, "steps");
  EXPECT_NE(refusal(test::kepler(0.3), s).find("linear"), std::string::npos);
  s.order = 4;
  EXPECT_NE(refusal(p, s).find("no order"), std::string::npos);
}

TEST(PlanIntegrator, LevelsAreAMethodOfTheirOwn) {
  Problem p = test::harmonic(30);
  test::add_term(p.system, "slow", [](ir::Builder& b, const test::TermValues& v) {
    const ir::Value square = b.mul(v.q, v.q);
    return b.reduce_sum(b.mul(square, square));
  });
  RunSettings s;
  MultirateSettings m;
  m.levels = {{}, {"spring"}};
  m.inner = {5};
  s.multirate = m;
  const Plan plan = planned(p, s);
  EXPECT_EQ(plan.method, "multirate");
  EXPECT_NE(decision(plan, "levels").find("evaluations a step"), std::string::npos);
  EXPECT_EQ(decision(plan, "levels").substr(0, 13), "slow | spring");
  EXPECT_EQ(decision(plan, "resonance"), "");
  s.dt = 0.1;  // w dt = 3
  EXPECT_NE(decision(planned(p, s), "resonance"), "");
  s.method = "leapfrog";
  EXPECT_NE(refusal(p, s).find("[multirate]"), std::string::npos);
  s.method = "auto";
  s.multirate->levels = {{}, {"slow", "spring"}};
  EXPECT_NE(refusal(p, s).find("no slow term"), std::string::npos);
}

TEST(PlanIntegrator, GradientsAreRefusedByName) {
  const Problem p = test::kepler(0.3);
  const Facts facts = find_facts(p.system, p.initial);
  const Plan plan = planned(p, "rk4");
  try {
    plan.only_kicks_and_drifts("a gradient of a run");
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("rk4"), std::string::npos);
  }
}

TEST(PlanIntegrator, OtherPrecisionsAreRefused) {
  RunSettings s;
  s.method = "rk4";
  s.precision = "f32";
  EXPECT_NE(refusal(test::kepler(0.3), s).find("f64"), std::string::npos);
}

/// A free rigid body: H = sum z^2 / 2 I.
Problem rigid_body() {
  Problem p;
  p.system.form = Form::kBracket;
  p.system.shape = Shape{3};
  p.system.arrays = {{"z", Shape{3}, {}}};
  p.system.structure = lie_poisson("so3", {});
  ir::Builder b("kinetic");
  const ir::Value z = b.param({DType::kF64, Shape{3}}, "z");
  b.param(ir::scalar(DType::kF64), "t");
  const double weights[] = {0.25, 0.5, 0.75};
  const ir::Value w =
      b.constant(ir::Tensor::of<double>(Shape{3}, std::span<const double>(weights)));
  p.system.terms.push_back({"kinetic", b.finish({b.reduce_sum(b.mul(w, b.mul(z, z)))}), {}});
  p.initial.x = test::tensor(Shape{3}, {0.4, 0.1, 0.9});
  return p;
}

TEST(PlanIntegrator, BracketsTakeExactFlowsOfTheirParts) {
  const Problem p = rigid_body();
  const Facts facts = find_facts(p.system, p.initial);
  RunSettings s;
  s.dt = 0.1;
  s.steps = 1000;
  const Plan plan = make_plan(p.system, facts, s, &p.initial);
  EXPECT_EQ(plan.method, "lie_poisson");
  EXPECT_EQ(plan.integrator->order, 4);
  EXPECT_NE(decision(plan, "structure").find("jacobi"), std::string::npos);
  const RunResult r = Flow::compile(p.system, facts, plan)->run(p.initial, plan.steps);
  ASSERT_EQ(r.status, RunStatus::kFinished);
  double square = 0;
  for (std::int64_t k = 0; k < 3; ++k) square += double(r.x.real(k) * r.x.real(k));
  EXPECT_NEAR(square, 0.98, 1e-12);
  EXPECT_LT(r.invariants.at(0).max_rel_error, 1e-5);
  s.method = "leapfrog";
  EXPECT_NE(refusal(p, s).find("kicks and drifts need q and p"), std::string::npos);
}

}  // namespace
}  // namespace cotangent::mechanics
