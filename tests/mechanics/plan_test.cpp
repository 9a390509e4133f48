// What the planner chooses, why, and what it refuses.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Value;

Plan plan_of(const Problem& problem, const RunSettings& s) {
  return make_plan(problem.system, find_facts(problem.system, problem.initial), s);
}

const Decision& decision(const Plan& plan, const std::string& name) {
  for (const Decision& d : plan.decisions) {
    if (d.decision == name) return d;
  }
  throw InternalError("no decision " + name);
}

ErrorParts refusal(const Problem& problem, const RunSettings& s) {
  try {
    plan_of(problem, s);
  } catch (const UserError& e) {
    return e.parts();
  }
  ADD_FAILURE() << "not refused: " << s.method;
  return {};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Plan, ChoosesAndSaysWhy) {
  const Plan plan = plan_of(outer_solar_system(), settings(10, 20000));
  EXPECT_EQ(plan.method, "rkn4");
  EXPECT_EQ(plan.composition.order, 4);
  EXPECT_EQ(plan.precision, "f64");
  EXPECT_EQ(plan.every, 20);
  EXPECT_EQ(plan.dt, 10);
  EXPECT_EQ(plan.steps, 20000);
  for (const char* name :
       {"splitting", "method", "order", "dt", "precision", "kernel", "monitors", "cadence"}) {
    EXPECT_GT(decision(plan, name).reason.size(), 10u) << name;
  }
  EXPECT_EQ(decision(plan, "kernel").choice, "solo");
  EXPECT_EQ(decision(plan, "monitors").choice, "energy, momentum, angular_momentum");
  EXPECT_TRUE(has(decision(plan, "method").reason, "T is quadratic in p"));
  EXPECT_TRUE(has(decision(plan, "method").reason, "error constant 3.7e-06"));
  EXPECT_TRUE(has(decision(plan, "method").reason, "suzuki4: 1.2"));
}

TEST(Plan, TakesOverrides) {
  const Problem problem = kepler(0.3);
  for (const auto& [order, name] : std::vector<std::pair<int, std::string>>{{2, "leapfrog"},
                                                                            {4, "rkn4"},
                                                                            {6, "blanesmoan6"},
                                                                            {8, "compose8"},
                                                                            {10, "sofroniou10"}}) {
    RunSettings s = settings(0.01, 10);
    s.order = order;
    EXPECT_EQ(plan_of(problem, s).method, name);
  }
  EXPECT_EQ(plan_of(problem, settings(0.01, 10, "yoshida4")).method, "yoshida4");
  EXPECT_EQ(plan_of(problem, settings(0.01, 10, "verlet")).method, "leapfrog");
  RunSettings s = settings(0.01, 10, "kahanli6", 5);
  s.order = 6;
  s.precision = "f32";
  const Plan plan = plan_of(problem, s);
  EXPECT_EQ(plan.method, "kahanli6");
  EXPECT_EQ(plan.precision, "f32");
  EXPECT_EQ(plan.every, 5);
}

TEST(Plan, ARoughEnergyGetsLeapfrog) {
  Problem problem = kepler(0.3);
  add_term(problem.system, "wall",
           [](Builder& b, const TermValues& v) { return b.unary(ir::Op::kAbs, b.row(v.q, 0)); });
  const Plan plan = plan_of(problem, settings(0.01, 10));
  EXPECT_EQ(plan.method, "leapfrog");
  EXPECT_TRUE(has(decision(plan, "method").reason, "wall"));
}

TEST(Plan, RefusesAMixedEnergyByTermAndPlace) {
  Problem problem = kepler(0.3);
  const std::string text = "[energy]\nmixed = \"q[0]*p[0]\"\n";
  problem.system.source = std::make_shared<SourceFile>(SourceFile{"bad.toml", text});
  add_term(problem.system, "mixed",
           [](Builder& b, const TermValues& v) { return b.mul(b.row(v.q, 0), b.row(v.p, 0)); },
           {0, 18, 27});
  for (const char* method : {"leapfrog", "suzuki4"}) {
    const ErrorParts e = refusal(problem, settings(0.01, 10, method));
    EXPECT_TRUE(has(e.what, "\"mixed\"")) << e.what;
    EXPECT_TRUE(has(e.where, "bad.toml:2:10")) << e.where;
    EXPECT_TRUE(has(e.why, "not separable")) << e.why;
    EXPECT_FALSE(e.remedy.empty());
  }
}

TEST(Plan, RefusesContradictions) {
  const Problem problem = kepler(0.3);
  RunSettings s = settings(0.01, 10, "suzuki4");
  s.order = 6;
  ErrorParts e = refusal(problem, s);
  EXPECT_TRUE(has(e.what, "suzuki4") && has(e.what, "order 4") && has(e.what, "not 6")) << e.what;
  EXPECT_TRUE(has(e.remedy, "blanesmoan6"));
  for (int order : {1, 3, 5, 7, 0, -2, 12}) {
    s = settings(0.01, 10);
    s.order = order;
    e = refusal(problem, s);
    EXPECT_TRUE(has(e.what, "order " + std::to_string(order))) << e.what;
    EXPECT_TRUE(has(e.remedy, "2, 4, 6, 8 or 10"));
  }
}

TEST(Plan, RefusesUnknownMethodsWithTheNearestName) {
  const Problem problem = kepler(0.3);
  EXPECT_TRUE(has(refusal(problem, settings(0.01, 10, "suzuki")).what, "\"suzuki4\""));
  EXPECT_TRUE(has(refusal(problem, settings(0.01, 10, "leapfrok")).remedy, "\"leapfrog\""));
  EXPECT_TRUE(has(refusal(problem, settings(0.01, 10, "xyzzy_of_everything")).why, "kahanli8"));
  for (const char* later : {"gauss", "ias15", "hermite4"}) {
    const ErrorParts e = refusal(problem, settings(0.01, 10, later));
    EXPECT_TRUE(has(e.what, later)) << e.what;
    EXPECT_FALSE(e.why.empty()) << later;
  }
}

TEST(Plan, RefusesBadStepsAndPrecisions) {
  const Problem problem = kepler(0.3);
  for (double dt : {0.0, -0.1, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    EXPECT_TRUE(has(refusal(problem, settings(dt, 10)).what, "dt is"));
  }
  RunSettings s = settings(0.01, 10);
  s.precision = "f16";
  EXPECT_TRUE(has(refusal(problem, s).what, "f16"));
}

TEST(Plan, TakesASplittingByWhatTheKineticEnergyIs) {
  Problem relativistic = kepler(0.3);
  relativistic.system.terms.erase(relativistic.system.terms.begin());
  add_term(relativistic.system, "kinetic", [](Builder& b, const TermValues& v) {
    const Value p2 = b.reduce_sum(b.mul(v.p, v.p));
    return b.unary(ir::Op::kSqrt, b.add(b.constant(1.0), p2));
  });
  Plan plan = plan_of(relativistic, settings(0.01, 10));
  EXPECT_EQ(plan.method, "split4");
  EXPECT_TRUE(has(decision(plan, "method").reason, "T is not quadratic in p"));
  EXPECT_TRUE(has(refusal(relativistic, settings(0.01, 10, "rkn4")).why, "quadratic in p"));
  EXPECT_TRUE(has(refusal(relativistic, settings(0.01, 10, "rkn4")).remedy, "split4"));
  plan = plan_of(swinging_mass(), settings(0.01, 10));  // dH/dp depends on time
  EXPECT_EQ(plan.method, "suzuki4");
  EXPECT_TRUE(has(decision(plan, "method").reason, "T depends on time"));
  EXPECT_TRUE(has(refusal(swinging_mass(), settings(0.01, 10, "split4")).why, "depends on time"));
  RunSettings fourth = settings(0.01, 10);
  fourth.order = 4;
  EXPECT_EQ(plan_of(driven_oscillator(), fourth).method, "rkn4");
}

TEST(Plan, ATimeDependentEnergyIsNotWatched) {
  const Plan plan = plan_of(driven_oscillator(), settings(0.01, 10, "rkn4"));
  EXPECT_EQ(decision(plan, "monitors").choice, "none");
  EXPECT_TRUE(has(decision(plan, "splitting").choice, "time"));
}

}  // namespace
}  // namespace cotangent::mechanics::test
