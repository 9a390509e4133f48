// Gradients of runs of every method that makes steps: against the tangent map, against differences
// of the run itself, against closed forms; what is kept changes no bit.
#include "tests/mechanics/gradient_forms.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/mechanics/gradient_plan.h"
#include "cotangent/mechanics/state_arrays.h"
#include "cotangent/mechanics/tangent.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Tensor;
using ir::Value;

// Each of the methods once, at the end or as a mean.
TEST(GradientForms, AreTheTransposeOfTheTangentMap) {
  const std::vector<Case> few = few_cases();
  for (std::size_t k = 0; k < few.size(); ++k) expect_transpose(few[k], k % 2 == 0 ? 7 : 0);
}

TEST(GradientForms, AreTheLimitOfDifferences) {
  const std::vector<Case> few = few_cases();
  for (std::size_t k = 0; k < few.size(); ++k) expect_differences(few[k], k % 2 == 0 ? 0 : 7);
}

TEST(GradientForms, WhatIsKeptChangesNoBit) {
  const std::vector<Case> few = few_cases();
  for (std::size_t k = 0; k < few.size(); ++k) {
    expect_same_whatever_is_kept(few[k], k % 2 == 0 ? 7 : 0);
  }
}

TEST(GradientForms, HaveTheBitsOfTheRunAndOfTheEvaluator) {
  for (const Case& c : few_cases()) expect_bits_of_run_and_evaluator(c);
}

// Symmetric methods undo their steps.
TEST(GradientForms, UndoneStepsGiveTheSame) {
  int undone = 0;
  for (const Case& c : few_cases()) {
    if (!planned(c).plan.integrator->symmetric) continue;
    ++undone;
    const Objective o = objective_of(c.problem, 7);
    GradientSettings back;
    back.policy = "reverse";
    const GradientResult kept = gradient(c, o, all_variables(c.problem));
    const GradientResult made = gradient(c, o, all_variables(c.problem), back);
    EXPECT_EQ(made.plan.policy, GradientPolicy::kReverse);
    EXPECT_FALSE(made.drift.has_value()) << text_of(c);
    EXPECT_GT(made.worst_drift, 0) << text_of(c);
    EXPECT_LT(made.worst_drift, 1e-12) << text_of(c);
    for (std::size_t k = 0; k < kept.gradient.size(); ++k) {
      const Tensor &a = made.gradient[k].second, &b = kept.gradient[k].second;
      for (std::int64_t i = 0; i < a.size(); ++i) {
        EXPECT_NEAR(static_cast<double>(a.real(i)), static_cast<double>(b.real(i)),
                    1e-11 * (1 + std::abs(static_cast<double>(b.real(i)))))
            << text_of(c) << " by " << kept.gradient[k].first;
      }
    }
  }
  EXPECT_EQ(undone, 3);
}

// x_(n+1) = r x_n (1 - x_n), so dx_(n+1)/dr = x_n (1 - x_n) + r (1 - 2 x_n) dx_n/dr, and the
// derivative by the start is the product of the r (1 - 2 x_n).
TEST(GradientForms, OfTheLogisticMapAreItsClosedForm) {
  const double r = 3.5;
  double x = 0.3, by_r = 0, by_x = 1;
  for (int n = 0; n < 6; ++n) {
    by_r = x * (1 - x) + r * (1 - 2 * x) * by_r;
    by_x *= r * (1 - 2 * x);
    x = r * x * (1 - x);
  }
  const Case c{"logistic map", logistic(r), settings(1, 6)};
  const Objective last{
      "x", program(1, c.problem.system.parameters, [](const Of& o) { return o[0]; }), 0};
  const GradientResult made = gradient(c, last, {"x", "r"});
  EXPECT_NEAR(made.value, x, 1e-15);
  EXPECT_NEAR(static_cast<double>(made.gradient[0].second.real(0)), by_x, 1e-14 * std::abs(by_x));
  EXPECT_NEAR(static_cast<double>(made.gradient[1].second.real(0)), by_r, 1e-14 * std::abs(by_r));
}

// A linear system by the midpoint rule: (1 - h/2 a)^-1 (1 + h/2 a) to the n-th.
TEST(GradientForms, OfTheMidpointRuleAreItsClosedForm) {
  Problem p;
  p.system = plain_system(Form::kEquations, 1, {real("a", -0.8)});
  p.system.rate =
      program(1, p.system.parameters, [](const Of& o) { return o.b.scale(o.parameters[0], o.x); });
  p.initial.x = vector({2});
  const Case c{"decay", p, settings(0.1, 25, "implicit_midpoint")};
  const Objective last{"x", program(1, p.system.parameters, [](const Of& o) { return o[0]; }), 0};
  const GradientResult made = gradient(c, last, {"x", "a"});
  const double h = 0.1, a = -0.8, z = (1 + h / 2 * a) / (1 - h / 2 * a);
  const double by_a = 2 * 25 * std::pow(z, 24) * h / ((1 - h / 2 * a) * (1 - h / 2 * a));
  EXPECT_NEAR(made.value, 2 * std::pow(z, 25), 1e-14);
  EXPECT_NEAR(static_cast<double>(made.gradient[0].second.real(0)), std::pow(z, 25), 1e-14);
  EXPECT_NEAR(static_cast<double>(made.gradient[1].second.real(0)), by_a, 1e-13);
}

// The largest exponent of Lorenz's system is 0.9056 (Viswanath 2004), that of x -> 4 x (1 - x)
// log 2; a contraction keeps its digits.
TEST(GradientForms, TellWhenTheirDigitsAreLost) {
  const auto horizon = [](const Case& c) {
    const GradientResult made = gradient(c, objective_of(c.problem), all_variables(c.problem));
    EXPECT_EQ(made.status, RunStatus::kFinished) << text_of(c);
    return made.horizon.value();
  };
  for (const char* method : {"rk4", "dopri5"}) {
    const Horizon h = horizon({"Lorenz", lorenz(), settings(0.01, 10000, method)});
    EXPECT_NEAR(h.lyapunov, 0.9056, 0.05) << method;
    ASSERT_TRUE(h.lost_at.has_value()) << method;
    EXPECT_NEAR(*h.lost_at, 36, 8) << method;
    EXPECT_EQ(h.digits, 0) << method;
    const Horizon early = horizon({"Lorenz", lorenz(), settings(0.01, 1000, method)});
    EXPECT_FALSE(early.lost_at.has_value()) << method;
  }
  const Horizon map = horizon({"logistic map", logistic(4), settings(1, 40)});
  EXPECT_NEAR(map.lyapunov, std::log(2.0), 0.05);
  const Horizon decay = horizon({"driven", driven(), settings(0.05, 200, "rk4")});
  EXPECT_GT(decay.digits, 14);
}

TEST(GradientForms, ThatAreNotFiniteNameTheOpAndTheStep) {
  // x -> sqrt(x - 1): 2, 1, 0, and no slope there.
  Problem p;
  p.system = plain_system(Form::kMap, 1, {real("c", 1)});
  p.system.rate = program(1, p.system.parameters, [](const Of& o) {
    return o.b.unary(ir::Op::kSqrt, o.b.sub(o.x, o.b.broadcast_to(o.parameters[0], Shape{1})));
  });
  p.initial.x = vector({2});
  const Case c{"roots", p, settings(1, 2)};
  const Objective last{"x", program(1, p.system.parameters, [](const Of& o) { return o[0]; }), 0};
  const GradientResult made = gradient(c, last, {"x"});
  EXPECT_EQ(made.status, RunStatus::kNonFinite);
  ASSERT_TRUE(made.gradient_fault.has_value());
  EXPECT_EQ(made.gradient_fault->step, 2);
  EXPECT_EQ(made.gradient_fault->component, "gradient by x[0]");
  EXPECT_EQ(made.gradient_fault->op, "div");
  // One step more, and the run itself has no number.
  const GradientResult none = gradient({"roots", p, settings(1, 3)}, last, {"x"});
  EXPECT_EQ(none.status, RunStatus::kNonFinite);
  ASSERT_TRUE(none.fault.has_value());
  EXPECT_EQ(none.fault->step, 3);
  const Objective root{
      "root",
      program(1, p.system.parameters, [](const Of& o) { return o.b.unary(ir::Op::kSqrt, o[0]); }),
      0};
  const GradientResult objective = gradient(c, root, {"x"});
  ASSERT_TRUE(objective.gradient_fault.has_value());
  EXPECT_EQ(objective.gradient_fault->step, 2);
  EXPECT_FALSE(objective.gradient_fault->of_value);
}

// From 1.5, x' = x^2 has no solution at t = 2/3.
TEST(GradientForms, StepsThatGetTooSmallStopThem) {
  Problem p;
  p.system = plain_system(Form::kEquations, 1);
  p.system.rate = program(1, [](const Of& o) { return o.mul(o.x, o.x); });
  p.initial.x = vector({1.5});
  const Objective last{"x", program(1, [](const Of& o) { return o[0]; }), 0};
  const GradientResult made = gradient({"blow-up", p, settings(0.125, 20)}, last, {"x"});
  EXPECT_NE(made.status, RunStatus::kFinished);
  EXPECT_EQ(made.steps, 5);
  EXPECT_TRUE(made.gradient.empty());
}

std::string refusal(const Case& c, const std::vector<std::string>& wrt,
                    const GradientSettings& how = {}) {
  try {
    gradient(c, objective_of(c.problem), wrt, how);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

TEST(GradientForms, AreRefusedByName) {
  const Case map{"map", logistic(3.5), settings(1, 10)};
  const Case equations{"Lorenz", lorenz(), settings(0.01, 10, "rk4")};
  GradientSettings reverse;
  reverse.policy = "reverse";
  EXPECT_TRUE(has(refusal(map, {"x"}, reverse), "two states may have one image"));
  EXPECT_TRUE(has(refusal(equations, {"x"}, reverse), "rk4"));
  EXPECT_TRUE(has(refusal(equations, {"q"}), "the real variables are x, yz, sigma, rho, beta"));
  EXPECT_TRUE(has(refusal(equations, {"v"}), "no \"v\""));
  EXPECT_TRUE(has(refusal(equations, {"x", "x"}), "twice"));
  EXPECT_TRUE(has(refusal(equations, {}), "no variable"));
  GradientSettings small;
  small.budget = 10;
  EXPECT_TRUE(has(refusal(equations, {"x"}, small), "a budget of 10"));
  // By the matrix of all steps there is nothing to go back by.
  const Problem spring = harmonic(3);
  const Facts facts = find_facts(spring.system, spring.initial);
  const Plan exact = make_plan(spring.system, facts, settings(0.1, 10, "exact"), &spring.initial);
  try {
    Gradient::compile(spring.system, facts, exact, objective_of(spring), {"q"}, {});
    FAIL();
  } catch (const UserError& e) {
    EXPECT_TRUE(has(e.what(), "\"exact\""));
  }
}

// Where gravity has masses of its own, the planets' method fits as long as they are those of
// inertia.
TEST(GradientForms, ByWhatTheMethodWasMadeForAreRefused) {
  Problem p = outer_solar_system();
  const Tensor gravity = p.system.parameters[0].value, masses = p.system.parameters[1].value;
  p.system =
      empty_system(p.system.shape, {{"G", gravity, {}}, {"m", masses, {}}, {"mu", masses, {}}});
  add_term(p.system, "kinetic", kinetic(1));
  add_term(p.system, "gravity",
           pair_term({2}, {0},
                     [](ir::Builder& b, Value qi, Value qj, const std::vector<Value>& rows,
                        const std::vector<Value>& invariants) {
                       const Value d = b.sub(qi, qj);
                       const Value r = b.unary(ir::Op::kSqrt, b.reduce_sum(b.mul(d, d)));
                       return b.neg(b.div(b.mul(invariants[0], b.mul(rows[0], rows[1])), r));
                     }));
  const Case c{"planets", p, settings(50, 10, "wisdom_holman")};
  EXPECT_TRUE(has(refusal(c, {"mu"}), "fits this energy for the value that it has"));
  EXPECT_TRUE(has(refusal(c, {"m"}), "fits this energy for the value that it has"));
  EXPECT_EQ(refusal(c, {"q", "G"}), "");
}

TEST(GradientForms, OfNoStepsAreThoseOfTheObjective) {
  for (Case c : cases()) {
    c.run.steps = 0;
    if (canonical(c.problem)) continue;
    const GradientResult made = gradient(c, objective_of(c.problem), all_variables(c.problem));
    ASSERT_EQ(made.status, RunStatus::kFinished) << text_of(c);
    const double a = [&] {
      double sum = 0;
      for (double x : c.problem.system.parameters[0].value.as<double>()) sum += x;
      return sum;
    }();
    EXPECT_NEAR(static_cast<double>(made.gradient[0].second.real(0)),
                a * (2 * static_cast<double>(c.problem.initial.x.real(0)) + 0.3), 1e-14)
        << text_of(c);
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
