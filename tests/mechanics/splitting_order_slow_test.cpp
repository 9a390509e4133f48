// The order of every splitting, measured on systems of its kind.
#include "cotangent/mechanics/split_flows.h"

#include <gtest/gtest.h>

#include <functional>

#include "cotangent/ir/builder.h"
#include "cotangent/runtime/executable.h"
#include "tests/mechanics/orders.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

/// sqrt(1 + p^2) + q^4/4 + q^2/2: T is no quadratic.
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

Phase end_of(const Problem& problem, const Splitting& s, long double t_end, std::int64_t n) {
  if (s.plain()) return integrate(problem, s, t_end, n, true);
  const Integrator method = splitting_integrator(problem.system, s);
  const auto end = integrate(method, {problem.initial.q, *problem.initial.p},
                             problem.system.parameters, t_end, n, true);
  return {end[0], end[1]};
}

/// Of q, and of p where the exact one is given.
long double error_of(const Phase& a, const Phase& exact) {
  const long double q = distance(a.q, exact.q);
  return exact.p.type() == exact.q.type() ? std::hypot(q, distance(a.p, exact.p)) : q;
}

/// Slopes at step ratios of 1.25, from where the error is first below the window's upper end.
void expect_order(const Problem& problem, const Splitting& s, long double t, const Phase& exact,
                  const std::string& what) {
  // Coefficients are doubles: below 1e-13 the conditions' own round-off shows.
  const long double window[] = {1e-13L, s.order == 2   ? 1e-3L
                                        : s.order == 4 ? 1e-7L
                                        : s.order == 6 ? 1e-9L
                                                       : 3e-11L};
  const auto error = [&](std::int64_t n) { return error_of(end_of(problem, s, t, n), exact); };
  std::int64_t n = std::max<std::int64_t>(8, 200 / s.stages());
  while (error(n) > window[1]) n += n / 16 + 1;
  const std::int64_t steps[] = {n, n * 5 / 4, n * 25 / 16};
  long double before = error(steps[0]);
  for (int k = 1; k < 3; ++k) {
    const long double now = error(steps[k]);
    EXPECT_GT(now, window[0]) << s.name << ' ' << what;
    const long double slope =
        std::log(before / now) /
        std::log(static_cast<long double>(steps[k]) / static_cast<long double>(steps[k - 1]));
    EXPECT_NEAR(static_cast<double>(slope), s.order, 0.1)
        << s.name << ' ' << what << ", " << steps[k] << " steps, error " << now;
    before = now;
  }
}

TEST(SplittingOrder, EveryMethodOnKepler) {
  const Problem problem = kepler(0.3);
  const long double t = 1.3L * kPeriod;
  const Phase exact{kepler_position(0.3, t), Tensor::scalar_of<double>(0)};
  for (const Splitting& s : splittings()) expect_order(problem, s, t, exact, "Kepler");
}

TEST(SplittingOrder, EveryMethodOnHenonHeiles) {
  const Problem problem = henon_heiles();
  const long double t = 1.3L * kPeriod;
  const Phase exact = integrate(problem, composition_for(10), t, 400, true);
  for (const Splitting& s : splittings()) expect_order(problem, s, t, exact, "Henon-Heiles");
}

TEST(SplittingOrder, EveryMethodWithAForceThatDependsOnTime) {
  // q'' = -q + cos(0.7 t), q(0) = 1, q'(0) = 0.
  const Problem problem = driven_oscillator();
  const long double t = 7.3L, w = 0.7, c = 1 / (1 - w * w);
  Tensor exact(ir::Type{DType::kF64, Shape{1}}, true);
  exact.set_real(0, (1 - c) * std::cos(t) + c * std::cos(w * t));
  for (const Splitting& s : splittings())
    expect_order(problem, s, t, {exact, Tensor::scalar_of<double>(0)}, "driven");
}

TEST(SplittingOrder, TwoWayMethodsWhereTIsNotQuadratic) {
  const Problem problem = relativistic();
  const long double t = 7.3L;
  const Phase exact = integrate(problem, composition_for(10), t, 400, true);
  for (const Splitting& s : splittings()) {
    if (s.variant == Splitting::Variant::kTwoWay) {
      expect_order(problem, s, t, exact, "relativistic");
    }
  }
}

TEST(SplittingOrder, ANystroemMethodLosesItsOrderWhereTIsNotQuadratic) {
  const Problem problem = relativistic();
  const long double t = 7.3L;
  const Phase exact = integrate(problem, composition_for(10), t, 400, true);
  const Splitting& s = *splitting_named("blanesmoan6");
  const long double a = error_of(end_of(problem, s, t, 40), exact);
  const long double b = error_of(end_of(problem, s, t, 80), exact);
  EXPECT_LT(std::log2(static_cast<double>(a / b)), 5);
}

}  // namespace
}  // namespace cotangent::mechanics::test
