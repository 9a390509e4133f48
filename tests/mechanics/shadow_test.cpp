// The shadow energy: its series against closed forms, how constant it is, and what is warned of.
#include "cotangent/mechanics/shadow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/transform/passes.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

const Coefficients kLeapfrog{0.5, {1}, {0.5}};

Coefficients splitting_of(const std::string& name) {
  return coefficients_of(*splitting_named(name));
}

/// sqrt(1 + p^2) + q^4/4 + q^2/2: T is no quadratic, so no bracket is zero.
Problem relativistic() {
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    const Value p2 = b.reduce_sum(b.mul(v.p, v.p));
    return b.unary(ir::Op::kSqrt, b.add(b.constant(1.0), p2));
  });
  add_term(problem.system, "potential", [](Builder& b, const TermValues& v) {
    const Value q2 = b.reduce_sum(b.mul(v.q, v.q));
    return b.add(b.mul(b.constant(0.25), b.mul(q2, q2)), b.mul(b.constant(0.5), q2));
  });
  problem.initial.q = tensor(Shape{1}, {0.8});
  problem.initial.p = tensor(Shape{1}, {0.3});
  return problem;
}

TEST(ShadowSeries, OfLeapfrogIsExact) {
  std::map<std::string, std::string> exact;
  for (const ShadowTerm& t : shadow_series(kLeapfrog, 5)) exact[t.word] = t.exact;
  // H + h^2 (p V'' p / 12 - V'^2 / 24) for T = p^2/2 (Hairer, Lubich, Wanner, IX.3)
  EXPECT_EQ(exact["VTT"], "1/12");
  EXPECT_EQ(exact["VTV"], "1/24");  // {{V, T}, V} = -V'^2
  for (const auto& [word, value] : exact) EXPECT_EQ(word.size() % 2, 1u) << word << ' ' << value;
}

TEST(ShadowSeries, CountsOfBracketsAreThoseOfTheFreeLieAlgebra) {
  // A splitting without any symmetry: all brackets of a basis are there (Witt: 1, 2, 3, 6, 9, 18).
  const Coefficients s{0.1, {0.3, 0.45, 0.25}, {0.55, 0.2, 0.15}};
  std::map<int, int> count;
  for (const ShadowTerm& t : shadow_series(s, 7)) ++count[t.degree()];
  EXPECT_EQ(count, (std::map<int, int>{{2, 1}, {3, 2}, {4, 3}, {5, 6}, {6, 9}, {7, 18}}));
}

TEST(ShadowSeries, FirstTermsOfHighOrdersVanish) {
  for (const auto& [name, first] : std::vector<std::pair<std::string, int>>{
           {"leapfrog", 3}, {"suzuki4", 5}, {"yoshida4", 5}, {"kahanli6", 7}, {"yoshida6", 7}}) {
    const std::vector<ShadowTerm> terms = shadow_series(splitting_of(name), 7);
    ASSERT_FALSE(terms.empty()) << name;
    EXPECT_EQ(terms.front().degree(), first) << name;
  }
  EXPECT_TRUE(shadow_series(splitting_of("kahanli8"), 7).empty());
}

TEST(ShadowSeries, RefusesWhatIsNoConsistentStep) {
  EXPECT_THROW(shadow_series({0.5, {1}, {0.4}}, 3), UserError);
}

/// H, h H_2, .. at a state.
std::vector<long double> terms_at(const Shadow& shadow, const Problem& problem, const Tensor& q,
                                  const Tensor& p, long double dt) {
  ir::EvaluateOptions extended;
  extended.extended = true;
  Tensor h = Tensor::scalar_of<double>(0).to_extended();
  h.set_real(0, dt);
  std::vector<Tensor> args = {q, p, Tensor::scalar_of<double>(0), h};
  for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
  const Tensor out = ir::evaluate(*shadow.terms, args, extended)[0];
  std::vector<long double> terms;
  for (std::int64_t k = 0; k < out.size(); ++k) terms.push_back(out.real(k));
  return terms;
}

TEST(Shadow, OfTheOscillatorIsTheKnownSeries) {
  // One step turns the ellipse p^2/2 + q^2 (1 - h^2/4)/2 = Q by 2 arcsin(h/2), so
  // H~ = arcsin(x) / (x sqrt(1 - x^2)) Q with x = h/2, = (1 + h^2/6 + h^4/30 + h^6/140 + ..) Q.
  const Problem problem = harmonic(1);
  const Shadow shadow = make_shadow(problem.system, kLeapfrog, 8);
  const long double q = 0.7L, p = -0.4L, h = 0.3L;
  Tensor qt(ir::Type{DType::kF64, Shape{1}}, true), pt = qt;
  qt.set_real(0, q);
  pt.set_real(0, p);
  const std::vector<long double> terms = terms_at(shadow, problem, qt, pt, h);
  const long double energy = p * p / 2 + q * q / 2, cut = q * q / 8, h2 = h * h;
  ASSERT_EQ(terms.size(), 7u);
  const long double expected[] = {energy,
                                  0,
                                  h2 * (energy / 6 - cut),
                                  0,
                                  h2 * h2 * (energy / 30 - cut / 6),
                                  0,
                                  h2 * h2 * h2 * (energy / 140 - cut / 30)};
  for (std::size_t k = 0; k < terms.size(); ++k) {
    EXPECT_NEAR(static_cast<double>(terms[k]), static_cast<double>(expected[k]), 1e-17) << k;
  }
}

/// How much H~ (or H alone) varies over t_end, in long double.
long double variation(const Problem& problem, const Coefficients& s, const Shadow* shadow,
                      const Shadow& terms, long double t_end, int steps) {
  const ir::FunctionPtr gradient = energy_gradient(problem.system, 0);
  const ir::FunctionPtr velocity = energy_gradient(problem.system, 1);
  ir::EvaluateOptions extended;
  extended.extended = true;
  const long double h = t_end / steps;
  Tensor q = problem.initial.q.to_extended(), p = problem.initial.p->to_extended();
  const auto add = [&](Tensor& to, const ir::FunctionPtr& rate, long double c) {
    std::vector<Tensor> args = {q, p, Tensor::scalar_of<double>(0)};
    for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
    const Tensor r = ir::evaluate(*rate, args, extended)[0];
    for (std::int64_t k = 0; k < to.size(); ++k) to.set_real(k, to.real(k) + c * h * r.real(k));
  };
  long double low = 0, high = 0, start = 0;
  for (int n = 0; n <= steps; ++n) {
    if (n > 0) {
      add(p, gradient, -static_cast<long double>(s.first_kick));
      for (std::size_t k = 0; k < s.drift.size(); ++k) {
        add(q, velocity, s.drift[k]);
        add(p, gradient, -static_cast<long double>(s.kick[k]));
      }
    }
    const std::vector<long double> t = terms_at(terms, problem, q, p, h);
    long double sum = 0;
    for (std::size_t k = 0; k < (shadow ? t.size() : 1); ++k) sum += t[k];
    if (n == 0) start = sum;
    low = std::min(low, sum - start);
    high = std::max(high, sum - start);
  }
  return high - low;
}

/// Slope of the variation between dt and dt / 1.5.
double slope(const Problem& problem, const Coefficients& s, int order, bool with_terms, int steps) {
  const Shadow shadow = make_shadow(problem.system, s, order);
  const Shadow* with = with_terms ? &shadow : nullptr;
  const long double t = 6;
  const long double coarse = variation(problem, s, with, shadow, t, steps);
  const long double fine = variation(problem, s, with, shadow, t, steps * 3 / 2);
  return static_cast<double>(std::log(coarse / fine) / std::log(1.5L));
}

TEST(Shadow, IsConstantToTheOrderOfItsTruncation) {
  const Problem problem = henon_heiles();
  EXPECT_NEAR(slope(problem, kLeapfrog, 2, false, 120), 2, 0.1);
  for (int order : {4, 6, 8}) {
    EXPECT_NEAR(slope(problem, kLeapfrog, order, true, 120), order, 0.1) << order;
  }
  EXPECT_NEAR(slope(problem, splitting_of("suzuki4"), 6, false, 60), 4, 0.1);
  EXPECT_NEAR(slope(problem, splitting_of("suzuki4"), 6, true, 60), 6, 0.1);
  EXPECT_NEAR(slope(problem, splitting_of("yoshida4"), 8, true, 120), 8, 0.15);
  EXPECT_NEAR(slope(problem, splitting_of("kahanli6"), 8, true, 60), 8, 0.15);
}

TEST(Shadow, ServesAnyKineticEnergyAndStepsWithoutSymmetry) {
  const Problem problem = relativistic();
  for (int order : {4, 6, 8}) {
    EXPECT_NEAR(slope(problem, kLeapfrog, order, true, 100), order, 0.15) << order;
  }
  const Coefficients euler{1, {1}, {0}};  // kick, drift: order 1
  EXPECT_NEAR(slope(problem, euler, 2, false, 400), 1, 0.1);
  for (int order : {3, 4, 5, 6}) {
    EXPECT_NEAR(slope(problem, euler, order, true, 200), order - 1, 0.15) << order;
  }
}

TEST(Shadow, CompiledEqualsTheEvaluator) {
  for (const Problem& problem : {henon_heiles(), outer_solar_system()}) {
    const Shadow shadow = make_shadow(problem.system, kLeapfrog, 6);
    const Tensor p = momentum_from_velocity(problem.system, problem.initial);
    for (const ir::FunctionPtr& f : {shadow.terms, shadow_energy(shadow, 0.01)}) {
      const runtime::ExecutablePtr compiled = runtime::compile(f);
      std::vector<Tensor> args = {problem.initial.q, p, Tensor::scalar_of<double>(0)};
      if (f == shadow.terms) args.push_back(Tensor::scalar_of<double>(0.01));
      for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
      EXPECT_TRUE(compiled->call(args)[0].same_bits(ir::evaluate(*compiled->program(), args)[0]));
    }
  }
}

TEST(Shadow, RefusesWhatIsNoSplitting) {
  EXPECT_THROW(make_shadow(driven_oscillator().system, kLeapfrog), UserError);
  EXPECT_THROW(make_shadow(swinging_mass().system, kLeapfrog), UserError);
  Problem mixed = harmonic(1);
  add_term(mixed.system, "qp",
           [](Builder& b, const TermValues& v) { return b.reduce_sum(b.mul(v.q, v.p)); });
  EXPECT_THROW(make_shadow(mixed.system, kLeapfrog), UserError);
}

struct Case {
  const char* name;
  Problem problem;
  std::string method;
  double good, bad;
};

std::vector<Case> cases() {
  return {{"harmonic", harmonic(1), "leapfrog", 0.1, 2.05},
          {"kepler 0.6", kepler(0.6), "leapfrog", 0.005, 0.5},
          {"henon-heiles", henon_heiles(), "suzuki4", 0.1, 3.0},
          {"fput", fput(16, 0.25), "leapfrog", 0.1, 1.1},
          {"solar system", outer_solar_system(), "kahanli6", 100, 4000},
          {"relativistic", relativistic(), "leapfrog", 0.1, 2.0}};
}

/// Largest |H - H_0| / |H_0| of a run.
double energy_error(const Case& c, double dt, std::int64_t steps) {
  const Ready r = ready(c.problem, settings(dt, steps, c.method, 1));
  const RunResult run = r.flow->run(c.problem.initial, steps);
  if (run.status == RunStatus::kNonFinite) return INFINITY;
  return run.invariants.at(0).max_rel_error;
}

TEST(CheckShadow, WarnsBeforeTheRunIsWastedAndNotOtherwise) {
  for (const Case& c : cases()) {
    const Tensor p = momentum_from_velocity(c.problem.system, c.problem.initial);
    const Splitting& composition = *splitting_named(c.method);
    const Coefficients s = splitting_of(c.method);
    const auto check = [&](double dt) {
      return check_shadow(c.problem.system, s, composition.order, c.problem.initial.q, p, dt, 4000);
    };
    const auto good = check(c.good);
    EXPECT_FALSE(good) << c.name << ": " << (good ? good->text : "");
    EXPECT_LT(energy_error(c, c.good, 4000), 0.03) << c.name;

    const auto bad = check(c.bad);
    ASSERT_TRUE(bad) << c.name;
    EXPECT_GT(energy_error(c, c.bad, 4000), 0.3) << c.name;
    EXPECT_GT(bad->suggested_dt, 0) << c.name << bad->text;
    EXPECT_LT(bad->suggested_dt, c.bad) << c.name;
    EXPECT_FALSE(check(bad->suggested_dt)) << c.name << ' ' << bad->text;
    EXPECT_NE(bad->text.find("try dt = "), std::string::npos);
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
