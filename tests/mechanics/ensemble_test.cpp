// Ensembles: each member is a run of its own (exact identity); means and spreads of a linear system
// (statistical, k/sqrt(n)).
#include "cotangent/mechanics/ensemble.h"

#include <gtest/gtest.h>

#include <cmath>

#include "systems.h"

namespace cotangent::mechanics {
namespace {

using test::Problem;

Spread spread(std::string name, Spread::Law law, double scale, std::int64_t begin, std::int64_t end,
              bool parameter = false) {
  Spread s;
  s.name = std::move(name);
  s.law = law;
  s.scale = ir::Tensor::scalar_of<double>(scale);
  s.begin = begin;
  s.end = end;
  s.parameter = parameter;
  return s;
}

Plan plan_for(const Problem& problem, const Facts& facts, std::int64_t steps, double dt) {
  RunSettings settings;
  settings.dt = dt;
  settings.steps = steps;
  settings.every = steps / 4;
  return make_plan(problem.system, facts, settings, &problem.initial);
}

void observe_q(System& system) {
  test::add_observable(system, "x", 0,
                       [](ir::Builder& b, const test::TermValues& v) { return b.row(v.q, 0); });
}

TEST(Ensemble, EveryMemberIsARunOfItsOwn) {
  Problem kepler = test::kepler(0.3);
  const Facts facts = find_facts(kepler.system, kepler.initial);
  Plan plan = plan_for(kepler, facts, 400, 0.02);
  EnsembleSettings e;
  e.size = 19;
  e.seed = 7;
  e.spreads = {spread("q", Spread::Law::kNormal, 0.01, 0, 2),
               spread("p", Spread::Law::kRelative, 0.02, 1, 2)};
  const Members members = draw_members(kepler.system, kepler.initial, e);
  plan.ensemble = e;
  const RunResult all = Flow::compile(kepler.system, facts, plan)->run(kepler.initial, plan.steps);
  ASSERT_EQ(all.status, RunStatus::kFinished);
  ASSERT_EQ(all.members.size(), 2u);
  plan.ensemble.reset();
  const auto one = Flow::compile(kepler.system, facts, plan);
  const auto entry = [](const ir::Tensor& x, std::int64_t k) {
    return static_cast<double>(x.real(k));
  };
  double mean = 0;
  for (std::int64_t m = 0; m < e.size; ++m) {
    InitialState start = kepler.initial;
    start.p = ir::Tensor(start.q.type());
    for (std::int64_t k = 0; k < 2; ++k) {
      start.q.set_real(k, entry(members.state[0], 2 * m + k));
      start.p->set_real(k, entry(members.state[1], 2 * m + k));
    }
    const RunResult alone = one->run(start, plan.steps);
    for (std::int64_t k = 0; k < 2; ++k) {
      EXPECT_EQ(entry(alone.q, k), entry(all.members[0], 2 * m + k)) << m;
      EXPECT_EQ(entry(alone.p, k), entry(all.members[1], 2 * m + k)) << m;
    }
    mean += entry(alone.q, 0) / static_cast<double>(e.size);
  }
  EXPECT_NEAR(entry(all.q, 0), mean, 1e-15);
  // Other chunks, other threads, the evaluator: the same members.
  RunControl split;
  split.chunks = {1, 3, 100};
  plan.ensemble = e;
  FlowOptions threads;
  threads.threads = 2;
  threads.vector_bits = 256;
  EXPECT_EQ(Flow::compile(kepler.system, facts, plan, threads)
                ->run(kepler.initial, plan.steps, split)
                .state_hash,
            all.state_hash);
}

TEST(Ensemble, AMemberIsTheSameInEnsemblesOfAnySize) {
  const Problem kepler = test::kepler(0.3);
  EnsembleSettings e;
  e.size = 5;
  e.spreads = {spread("q", Spread::Law::kNormal, 0.1, 0, 2)};
  const Members few = draw_members(kepler.system, kepler.initial, e);
  e.size = 50;
  const Members many = draw_members(kepler.system, kepler.initial, e);
  for (std::int64_t k = 0; k < 10; ++k) EXPECT_EQ(few.state[0].real(k), many.state[0].real(k));
  e.seed = 2;
  EXPECT_NE(draw_members(kepler.system, kepler.initial, e).state[0].real(0), few.state[0].real(0));
}

/// Statistical: q(t) = q0 cos t + p0 sin t with q0 ~ N(1, 0.1), p0 ~ N(0, 0.2) independent, so
/// var q(t) = 0.01 cos^2 t + 0.04 sin^2 t; 5 standard errors.
TEST(Ensemble, SpreadsOfAnOscillatorAreThoseOfTheory) {
  Problem h = test::harmonic(1);
  observe_q(h.system);
  const Facts facts = find_facts(h.system, h.initial);
  Plan plan = plan_for(h, facts, 1000, 0.002);
  EnsembleSettings e;
  e.size = 20000;
  e.spreads = {spread("q", Spread::Law::kNormal, 0.1, 0, 1),
               spread("p", Spread::Law::kNormal, 0.2, 0, 1)};
  e.quantiles = {0.05, 0.5};
  e.covariance = {"x"};
  plan.ensemble = e;
  const RunResult r = Flow::compile(h.system, facts, plan)->run(h.initial, plan.steps);
  const auto last = [&](const std::string& name) {
    for (const Series& s : r.observables) {
      if (s.name == name) return s.values.back();
    }
    ADD_FAILURE() << name;
    return 0.0;
  };
  const double t = 2, n = 20000;
  const double sigma = std::sqrt(0.01 * std::pow(std::cos(t), 2) + 0.04 * std::pow(std::sin(t), 2));
  EXPECT_NEAR(last("x.mean"), std::cos(t), 5 * sigma / std::sqrt(n));
  EXPECT_NEAR(last("x.std"), sigma, 5 * sigma / std::sqrt(2 * n));
  EXPECT_NEAR(last("x.q50"), std::cos(t), 5 * 1.2533 * sigma / std::sqrt(n));
  // The standard error of a quantile: sqrt(q (1 - q) / n) / density.
  const double z = 1.6448536269514722;
  const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI) / sigma;
  EXPECT_NEAR(last("x.q05"), std::cos(t) - z * sigma, 5 * std::sqrt(0.05 * 0.95 / n) / density);
  EXPECT_NEAR(last("covariance"), last("x.std") * last("x.std"), 1e-12);
  EXPECT_LT(last("energy_error.max"), 1e-9);
  EXPECT_EQ(last("finite_members"), n);
  EXPECT_EQ(r.observables[0].step.size(), 5u);
}

TEST(Ensemble, ParametersMaySpreadAndMembersMayFail) {
  // w^2 = 1 and -1e8: the second member leaves for infinity.
  Problem p = test::harmonic(1);
  p.system = test::empty_system(Shape{1}, {test::real("k", 1)});
  test::add_term(p.system, "kinetic", [](ir::Builder& b, const test::TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  test::add_term(p.system, "spring", [](ir::Builder& b, const test::TermValues& v) {
    return b.mul(b.mul(b.constant(0.5), v.parameters[0]), b.reduce_sum(b.mul(v.q, v.q)));
  });
  observe_q(p.system);
  p.initial.v.reset();
  p.initial.p = test::tensor(Shape{1}, {0});
  const Facts facts = find_facts(p.system, p.initial);
  Plan plan = plan_for(p, facts, 400, 0.05);
  EnsembleSettings e;
  e.size = 3;
  Spread k = spread("k", Spread::Law::kValues, 0, 0, 1, true);
  k.values = test::tensor(Shape{3, 1}, {1, -1e8, 4});
  e.spreads = {k};
  plan.ensemble = e;
  const RunResult r = Flow::compile(p.system, facts, plan)->run(p.initial, plan.steps);
  EXPECT_EQ(r.status, RunStatus::kFinished);
  EXPECT_NEAR(double(r.members[0].real(0)), std::cos(20.0), 1e-4);
  EXPECT_FALSE(std::isfinite(double(r.members[0].real(1))));
  EXPECT_NEAR(double(r.members[0].real(2)), std::cos(40.0), 1e-2);
  for (const Series& s : r.observables) {
    if (s.name == "finite_members") EXPECT_EQ(s.values.back(), 2);
    if (s.name == "x.mean") {
      EXPECT_NEAR(s.values.back(), (std::cos(20.0) + std::cos(40.0)) / 2, 1e-2);
    }
  }
}

}  // namespace
}  // namespace cotangent::mechanics
