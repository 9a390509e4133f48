// Lyapunov exponents against references, exact traces and exact pairs; MEGNO.
#include "cotangent/mechanics/lyapunov.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/runge_kutta.h"
#include "cotangent/mechanics/tangent_frame.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

/// A system of equations or a map, x: f64 [n].
System unstructured(
    Form form, std::int64_t n,
    const std::function<std::vector<Value>(Builder&, const std::vector<Value>&)>& f) {
  System s;
  s.form = form;
  s.arrays = {{"x", Shape{n}, {}}};
  Builder b("rate");
  const Value x = b.param({DType::kF64, Shape{n}}, "x");
  b.param(ir::scalar(), "t");
  std::vector<Value> entries;
  for (std::int64_t k = 0; k < n; ++k) entries.push_back(b.row(x, k));
  std::vector<Value> rate = f(b, entries);
  for (Value& v : rate) v = b.reshape(v, Shape{1});
  s.rate = b.finish({b.concatenate(rate, 0)});
  s.shape = Shape{n};
  return s;
}

System lorenz() {
  return unstructured(Form::kEquations, 3, [](Builder& b, const std::vector<Value>& x) {
    const auto c = [&](double v) { return b.constant(v); };
    return std::vector<Value>{b.mul(c(10), b.sub(x[1], x[0])),
                              b.sub(b.mul(x[0], b.sub(c(28), x[2])), x[1]),
                              b.sub(b.mul(x[0], x[1]), b.mul(c(8.0 / 3), x[2]))};
  });
}

System logistic(double r) {
  return unstructured(Form::kMap, 1, [r](Builder& b, const std::vector<Value>& x) {
    return std::vector<Value>{b.mul(b.constant(r), b.mul(x[0], b.sub(b.constant(1.0), x[0])))};
  });
}

Integrator composed(const Problem& problem, int order) {
  return integrator_of(
      step_program(make_pieces(problem.system, Arithmetic{}), composition_for(order)), 2);
}

/// Henon and Heiles at an energy: x = 0, y and p_y given, p_x > 0.
Problem henon_heiles_at(double energy, double y, double py) {
  Problem problem = henon_heiles();
  const double rest = 2 * energy - py * py - y * y + 2 * y * y * y / 3;
  problem.initial.q = tensor(Shape{2}, {0, y});
  problem.initial.p = tensor(Shape{2}, {std::sqrt(rest), py});
  return problem;
}

LyapunovResult spectrum_of(const Problem& problem, double dt, std::int64_t steps, int order = 4,
                           std::int64_t every = 10) {
  LyapunovOptions o;
  o.canonical = true;
  o.every = every;
  return lyapunov_spectrum(composed(problem, order), {problem.initial.q, *problem.initial.p}, {}, 0,
                           dt, steps, o);
}

TEST(Lyapunov, OfLorenz) {
  const Integrator rk4 = runge_kutta(lorenz(), *tableau_named("rk4"));
  LyapunovOptions o;
  o.transient = 10000;
  const LyapunovResult r =
      lyapunov_spectrum(rk4, {tensor(Shape{3}, {1, 1, 20})}, {}, 0, 0.01, 1000000, o);
  // Sprott, Chaos and Time-Series Analysis (2003), table 5.1: 0.9056, 0, -14.5723. Over t = 10^4
  // the estimate scatters by its standard error.
  ASSERT_LT(r.errors[0], 0.004);
  EXPECT_NEAR(r.exponents[0], 0.9056, 3 * r.errors[0] + 5e-5);
  EXPECT_NEAR(r.exponents[1], 0, 2e-3);
  EXPECT_NEAR(r.exponents[2], -14.5723, 3 * r.errors[2] + 5e-3);
  // The trace is exact, -(10 + 1 + 8/3); the method's is within its error.
  EXPECT_NEAR(r.sum, -41.0 / 3, 2e-4);
}

TEST(Lyapunov, OfTheLogisticMap) {
  const Integrator map = iterate_map(logistic(4));
  LyapunovOptions o;
  o.every = 1;
  const LyapunovResult r = lyapunov_spectrum(map, {tensor(Shape{1}, {0.3})}, {}, 0, 1, 1000000, o);
  EXPECT_NEAR(r.exponents[0], std::log(2), 1e-4);
  // A cycle of period 2 at r = 3.2: f' f' = 4 + 2 r - r^2, exactly.
  o.transient = 1000;
  const LyapunovResult cycle =
      lyapunov_spectrum(iterate_map(logistic(3.2)), {tensor(Shape{1}, {0.3})}, {}, 0, 1, 100000, o);
  EXPECT_NEAR(cycle.exponents[0], std::log(std::abs(4 + 2 * 3.2 - 3.2 * 3.2)) / 2, 1e-12);
}

TEST(Lyapunov, OfHenonAndHeiles) {
  // E = 1/8, x = 0, y = -0.25, p_x = 0.42, p_y = 0: 0.047 (Skokos, Bountis and Antonopoulos 2007,
  // Physica D 231, 30). Runs of 10^5 scatter by about a tenth, since the orbit sticks to islands.
  Problem eighth = henon_heiles_at(1.0 / 8, -0.25, 0);
  EXPECT_NEAR(static_cast<double>(eighth.initial.p->real(0)), 0.42, 5e-3);
  const LyapunovResult a = spectrum_of(eighth, 0.05, 2000000);
  EXPECT_GT(a.exponents[0], 0.04);
  EXPECT_LT(a.exponents[0], 0.05);
  // E = 1/6, nearly all chaotic: about 0.13 (Benettin, Galgani and Strelcyn 1976, Phys. Rev. A 14).
  const LyapunovResult b = spectrum_of(henon_heiles_at(1.0 / 6, 0.1, 0.05), 0.05, 2000000);
  EXPECT_GT(b.exponents[0], 0.12);
  EXPECT_LT(b.exponents[0], 0.14);
  // The same from another orbit of that energy by another method: one chaotic sea.
  const LyapunovResult c = spectrum_of(henon_heiles_at(1.0 / 6, -0.2, 0.1), 0.1, 1000000, 6, 5);
  EXPECT_NEAR(c.exponents[0], b.exponents[0], 4 * std::hypot(b.errors[0], c.errors[0]));
  for (const LyapunovResult& r : {a, b, c}) {
    EXPECT_LT(r.pairing, 1e-12);
    EXPECT_NEAR(r.exponents[1], 0, 3e-4);  // ln(t)/t
    EXPECT_NEAR(r.exponents[2], 0, 3e-4);
    EXPECT_NEAR(r.exponents[3], -r.exponents[0], 1e-12);
  }
}

TEST(Lyapunov, PairsOnlyInTheRightOrder) {
  const Problem problem = henon_heiles_at(1.0 / 6, 0.1, 0.05);
  EXPECT_LT(spectrum_of(problem, 0.05, 20000).pairing, 1e-12);
  // q1, q2, p1, p2 is the control.
  const LyapunovResult wrong = lyapunov_spectrum(
      composed(problem, 4), {problem.initial.q, *problem.initial.p}, {}, 0, 0.05, 20000);
  EXPECT_GT(std::abs(wrong.exponents[0] + wrong.exponents[3]), 1e-7);
  // A chain of 8: sixteen exponents, eight pairs.
  Problem chain = fput(8, 0.25);
  LyapunovOptions o;
  o.canonical = true;
  const Integrator i = composed(chain, 2);
  const LyapunovResult r = lyapunov_spectrum(i, {chain.initial.q, *chain.initial.p},
                                             {Tensor::scalar_of<double>(0.25)}, 0, 0.1, 20000, o);
  EXPECT_EQ(r.exponents.size(), 16u);
  EXPECT_LT(r.pairing, 1e-12);
}

TEST(Lyapunov, AMethodThatIsNotSymplecticDoesNotPair) {
  const Problem problem = henon_heiles_at(1.0 / 6, 0.1, 0.05);
  const Integrator euler = runge_kutta(problem.system, *tableau_named("explicit_euler"));
  LyapunovOptions o;
  o.canonical = true;
  const LyapunovResult r =
      lyapunov_spectrum(euler, {problem.initial.q, *problem.initial.p}, {}, 0, 1e-4, 20000, o);
  EXPECT_GT(r.pairing, 1e-6);
}

/// The first vectors of a frame are the same whatever follows them. After a finite time theirs
/// need not be the largest of all.
TEST(Lyapunov, FewExponentsAreThoseOfTheFirstVectors) {
  const Problem problem = henon_heiles_at(1.0 / 6, 0.1, 0.05);
  const Integrator i = composed(problem, 2);
  const std::vector<Tensor> state = {problem.initial.q, *problem.initial.p};
  LyapunovOptions o;
  o.canonical = true;
  const LyapunovResult all = lyapunov_spectrum(i, state, {}, 0, 0.05, 2000, o);
  o.exponents = 2;
  const LyapunovResult two = lyapunov_spectrum(i, state, {}, 0, 0.05, 2000, o);
  ASSERT_EQ(two.exponents.size(), 2u);
  for (const double x : two.exponents) {
    double nearest = INFINITY;
    for (const double y : all.exponents) nearest = std::min(nearest, std::abs(x - y));
    EXPECT_LT(nearest, 1e-12) << x;
  }
  EXPECT_GE(two.exponents[0], two.exponents[1]);
  EXPECT_TRUE(std::isnan(two.pairing));  // nothing pairs where half of them are left out
}

// An oscillator before a saddle that it does not feel: the frame's first vector never leaves it.
TEST(Lyapunov, ExponentsFall) {
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "h", [](Builder& b, const TermValues& v) {
    const Value x = b.row(v.q, 0), y = b.row(v.q, 1);
    const Value potential = b.sub(b.mul(x, x), b.mul(y, y));
    return b.mul(b.constant(0.5), b.add(b.dot(v.p, v.p), potential));
  });
  LyapunovOptions o;
  o.canonical = true;
  o.exponents = 2;
  const LyapunovResult r = lyapunov_spectrum(
      composed(problem, 2), {tensor(Shape{2}, {0.3, 0.0}), tensor(Shape{2}, {0.1, 0.0})}, {}, 0,
      0.01, 10000, o);
  EXPECT_NEAR(r.exponents[0], 1, 1e-2);
  EXPECT_NEAR(r.exponents[1], 0, 1e-2);
  EXPECT_NEAR(r.running[r.running.size() - 2], r.exponents[0], 1e-12);
}

/// Leapfrog that keeps the gradient from one step to the next, as a method with a carry of its own.
Integrator leapfrog_with_kept_gradient(const Problem& problem) {
  const ir::FunctionPtr gradient = energy_gradient(problem.system, 0);
  const ir::Type state{DType::kF64, problem.system.shape};
  Integrator i;
  i.state = {{"q", state}, {"p", state}};
  i.carry = {{"q", state}, {"p", state}, {"gradient", state}};
  const auto gradient_at = [&](Builder& b, Value q, Value p) {
    return b.inline_call(*gradient, std::vector<Value>{q, p, b.constant(0.0)})[0];
  };
  Builder open("open");
  Value q = open.param(state), p = open.param(state);
  open.param(ir::scalar()), open.param(ir::scalar());
  i.open = open.finish({q, p, gradient_at(open, q, p)});
  Builder step("step");
  q = step.param(state), p = step.param(state);
  Value g = step.param(state);
  step.param(ir::scalar(DType::kI64)), step.param(ir::scalar());
  const Value dt = step.param(ir::scalar()), half = step.mul(step.constant(0.5), dt);
  p = step.sub(p, step.scale(half, g));
  q = step.add(q, step.scale(dt, p));
  g = gradient_at(step, q, p);
  i.step = step.finish({q, step.sub(p, step.scale(half, g)), g});
  return i;
}

TEST(Lyapunov, WhatIsCarriedBesidesTheStateGoesAlong) {
  const Problem problem = henon_heiles_at(1.0 / 6, 0.1, 0.05);
  const std::vector<Tensor> state = {problem.initial.q, *problem.initial.p};
  LyapunovOptions o;
  o.canonical = true;
  o.every = 3;
  const LyapunovResult plain = lyapunov_spectrum(composed(problem, 2), state, {}, 0, 0.05, 900, o);
  const LyapunovResult kept =
      lyapunov_spectrum(leapfrog_with_kept_gradient(problem), state, {}, 0, 0.05, 900, o);
  ASSERT_EQ(kept.exponents.size(), 4u);
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(kept.exponents[k], plain.exponents[k], 1e-11) << k;
  }
  EXPECT_LT(kept.pairing, 1e-12);
}

TEST(Lyapunov, CompiledEqualsTheEvaluator) {
  const Problem problem = henon_heiles_at(1.0 / 6, 0.1, 0.05);
  const Integrator i = composed(problem, 4);
  for (const ir::FunctionPtr& f : {lyapunov_program(i, 4, 3, 20), megno_program(i, 20)}) {
    const runtime::ExecutablePtr compiled = runtime::compile(f);
    std::vector<Tensor> args = {problem.initial.q, *problem.initial.p};
    for (std::size_t k = 2; k < 4; ++k) {
      Tensor frame(f->param_type(k));
      for (std::int64_t e = 0; e < frame.size(); ++e) {
        frame.set_real(e,
                       1 / (1.0L + static_cast<long double>((e * 7 + static_cast<long>(k)) % 5)));
      }
      args.push_back(frame);
    }
    args.push_back(Tensor(f->param_type(4)));
    args.push_back(Tensor::scalar_of<std::int64_t>(0));
    args.push_back(Tensor::scalar_of<std::int64_t>(20));
    args.push_back(Tensor::scalar_of<double>(0));
    args.push_back(Tensor::scalar_of<double>(0.05));
    const std::vector<Tensor> fast = compiled->call(args);
    const std::vector<Tensor> slow = ir::evaluate(*compiled->program(), args);
    for (std::size_t k = 0; k < fast.size(); ++k) EXPECT_TRUE(fast[k].same_bits(slow[k])) << k;
  }
}

TEST(Lyapunov, RefusesByName) {
  const Problem problem = henon_heiles();
  const Integrator i = composed(problem, 2);
  const std::vector<Tensor> state = {problem.initial.q, *problem.initial.p};
  EXPECT_THROW(lyapunov_spectrum(i, {problem.initial.q}, {}, 0, 0.1, 10), UserError);
  EXPECT_THROW(lyapunov_spectrum(i, state, {}, 0, 0.1, 0), UserError);
  EXPECT_THROW(lyapunov_spectrum(i, state, {}, 0, 10, 1000), UserError);  // it is not finite
  EXPECT_THROW(integrator_of(i.open, 2), UserError);
}

TEST(Megno, IsTwoForOrderAndGrowsForChaos) {
  const auto of = [](const Problem& problem, std::int64_t steps) {
    return megno(composed(problem, 4), {problem.initial.q, *problem.initial.p}, {}, 0, 0.05, steps);
  };
  // E = 1/12 is nearly all orderly: <Y> = 2.
  const MegnoResult order = of(henon_heiles_at(1.0 / 12, 0.1, 0.05), 200000);
  EXPECT_NEAR(order.mean, 2, 0.1);
  EXPECT_FALSE(order.chaotic);
  const MegnoResult chaos = of(henon_heiles_at(1.0 / 6, 0.1, 0.05), 200000);
  EXPECT_TRUE(chaos.chaotic);
  EXPECT_NEAR(chaos.lyapunov, 0.128, 0.03);
}

}  // namespace
}  // namespace cotangent::mechanics::test
