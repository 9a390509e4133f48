// Derivatives of one's own, and what stops or bends gradients.
#include "cotangent/array/custom.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/array/loops.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

const auto softplus =
    custom_jvp([](Array x) { return log1p(exp(x)); },
               [](Array x, Array dx) { return std::pair(log1p(exp(x)), dx / (1 + exp(-x))); });

TEST(CustomJvp, BothModesAndHigherOrderFollowIt) {
  const double s = 1 / (1 + std::exp(-0.3));
  EXPECT_NEAR(softplus(0.3).item(), std::log1p(std::exp(0.3)), 1e-15);
  EXPECT_NEAR(grad(softplus)(0.3).item(), s, 1e-15);
  EXPECT_NEAR(jvp(softplus, Array(0.3), Array(2.0)).second.item(), 2 * s, 1e-15);
  EXPECT_NEAR(grad(grad(softplus))(0.3).item(), s * (1 - s), 1e-15);
  EXPECT_EQ(grad(softplus)(800.0).item(), 1.0);  // by the rules: infinity / infinity
  const Array x = Array::of({-2.0, 0.5, 900.0});
  const Array slopes = vmap(grad(softplus))(x);
  EXPECT_NEAR(slopes[0].item(), 1 / (1 + std::exp(2.0)), 1e-15);
  EXPECT_EQ(slopes[2].item(), 1.0);
  EXPECT_NEAR(jit(grad(softplus))(0.3).item(), s, 1e-15);
}

TEST(CustomJvp, ByOneOfSeveralArguments) {
  // The product rule, whose other half multiplies a tangent that is not there.
  const auto f = custom_jvp(
      [](Array x, Array y) { return x * y; },
      [](Array x, Array y, Array dx, Array dy) { return std::pair(x * y, dx * y + x * dy); });
  EXPECT_EQ(grad<0>(f)(2.0, 5.0).item(), 5);
  EXPECT_EQ(grad<1>(f)(2.0, 5.0).item(), 2);
}

TEST(CustomJvp, ItsOwnDerivativeIsTaken) {
  // A wrong derivative on purpose, of a function of two trees, one with an integer.
  struct State {
    Array x, n;
  };
  const auto f = custom_jvp([](State s, Array y) { return State{s.x * y + s.n, s.n + 1}; },
                            [](State s, Array y, State ds, Array dy) {
                              return std::pair(State{s.x * y + s.n, s.n + 1},
                                               State{10 * ds.x + 100 * dy, ds.n});
                            });
  const auto loss = [&](Array x, Array y) { return f(State{x, Array(3)}, y).x; };
  const auto [gx, gy] = grad<0, 1>(loss)(2.0, 5.0);
  EXPECT_EQ(gx.item(), 10);
  EXPECT_EQ(gy.item(), 100);
  EXPECT_EQ(loss(2.0, 5.0).item(), 13);
}

TEST(CustomVjp, ReverseFollowsItAndForwardRefuses) {
  const auto f = custom_vjp([](Array x, Array y) { return x * sin(y); },
                            [](Array x, Array y, Array value, Array ct) {
                              return std::pair(ct * sin(y) + 0 * value, 7 * ct * x);
                            });
  const auto [gx, gy] = grad<0, 1>(f)(2.0, 0.5);
  EXPECT_NEAR(gx.item(), std::sin(0.5), 1e-15);
  EXPECT_EQ(gy.item(), 14);
  EXPECT_THAT(error_of([&] {
                jvp(f, std::tuple(Array(2.0), Array(0.5)), std::tuple(Array(1.0), Array(0.0)));
              }),
              testing::HasSubstr("forward mode"));
}

TEST(Custom, SurroundingsAreRefused) {
  const Array outside = Array::of({1.0, 2.0});
  const auto f =
      custom_jvp([&](Array x) { return sum(x * outside); },
                 [&](Array x, Array dx) { return std::pair(sum(x * outside), sum(dx * outside)); });
  expect_refused([&] { f(ones({2})); }, "custom_jvp", "surroundings");
}

TEST(StopGradient, InEitherModeAndInLoops) {
  const auto f = [](Array x) { return x * stop_gradient(x * x); };
  EXPECT_EQ(f(3.0).item(), 27);
  EXPECT_EQ(grad(f)(3.0).item(), 9);
  EXPECT_EQ(jvp(f, Array(3.0), Array(1.0)).second.item(), 9);
  EXPECT_EQ(grad(grad(f))(3.0).item(), 0);
  const auto rolled = [](Array x) {
    return fori_loop(0, 5, [](Array, Array s) { return s + stop_gradient(s); }, x);
  };
  EXPECT_EQ(rolled(1.0).item(), 32);
  EXPECT_EQ(grad(rolled)(1.0).item(), 1);
  EXPECT_EQ(stop_gradient(arange(3)).dtype(), DType::kI64);
}

TEST(StraightThrough, HasTheValueOfOneAndTheSlopeOfTheOther) {
  const auto f = [](Array x) { return sum(square(straight_through(round(x), x))); };
  const Array x = Array::of({0.2, 1.7});
  EXPECT_EQ(f(x).item(), 4);
  const Array g = grad(f)(x);
  EXPECT_EQ(g[0].item(), 0);
  EXPECT_EQ(g[1].item(), 4);
  expect_refused([] { straight_through(ones({2}), ones({3})); }, "straight_through", "f64[2]");
}

TEST(ClipGradient, BoundsWhatComesBack) {
  const auto f = [](Array x) { return sum(square(clip_gradient(x, -1, 0.5))); };
  const Array g = grad(f)(Array::of({-3.0, 0.1, 2.0}));
  EXPECT_EQ(g[0].item(), -1);
  EXPECT_EQ(g[1].item(), 0.2);
  EXPECT_EQ(g[2].item(), 0.5);
  expect_refused([] { clip_gradient(1.0, 1, 0); }, "clip_gradient", "from 1");
  expect_refused([] { clip_gradient(Array(1), 0, 1); }, "clip_gradient", "i64");
}

}  // namespace
}  // namespace cotangent::array
