// Smooth stand-ins: exact identities, orders of bias, and the estimator's statistics.
#include "cotangent/array/smoothing.h"

#include <numbers>

#include "cotangent/array/check_grad.h"
#include "cotangent/array/loops.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

const Array kPoints = Array::of({-3.0, -0.7, -0.1, 0.0, 0.05, 0.4, 2.0});

TEST(Smoothing, Identities) {
  const Array x = kPoints, y = flip(kPoints * kPoints, 0);
  const double w = 0.3;
  expect_equal(smooth_abs(x, w), smooth_relu(x, w) + smooth_relu(-x, w), 1e-15);
  expect_equal(smooth_sign(x, w), 2 * smooth_step(x, w) - 1, 1e-15);
  expect_equal(smooth_maximum(x, y, w) + smooth_minimum(x, y, w), x + y, 1e-14);
  expect_equal(smooth_maximum(x, y, w), smooth_maximum(y, x, w), 1e-14);
  expect_equal(smooth_clip(x, -1, 1, w), -1 + smooth_relu(x + 1, w) - smooth_relu(x - 1, w), 1e-15);
  expect_equal(smooth_where(x, ones_like(x), zeros_like(x), w), smooth_step(x, w), 1e-15);
  // Slopes: of the relu the step, of the step the normal density, of |x| the sign.
  const auto slope = [&](auto f) { return vmap(grad([=](Array x) { return f(x, w); }))(x); };
  expect_equal(slope(smooth_relu), smooth_step(x, w), 1e-15);
  expect_equal(slope(smooth_abs), smooth_sign(x, w), 1e-15);
  expect_equal(slope(smooth_step),
               exp(-x * x / (2 * w * w)) / (w * std::sqrt(2 * std::numbers::pi)), 1e-14);
  // From afar they are what they stand for, to the last bit or two.
  const double thin = 1e-3;
  const Array far = Array::of({-3.0, -0.7, -0.1, 0.05, 2.0});
  expect_equal(smooth_abs(far, thin), abs(far), 1e-15);
  expect_equal(smooth_step(far, thin), (far > 0).astype(DType::kF64), 1e-15);
  expect_equal(smooth_maximum(far, 0.5, thin), maximum(far, 0.5), 1e-15);
  // Reference numbers: the normal distribution function at 1 (Abramowitz and Stegun, table 26.1).
  EXPECT_NEAR(smooth_step(2.0, 2.0).item(), 0.841344746068543, 1e-15);
  EXPECT_EQ(smooth_step(Array::of({1.0}, DType::kF32), 1.0).dtype(), DType::kF32);
}

TEST(Smoothing, DerivativesOfAnyOrder) {
  const auto f = [](Array x) {
    return sum(smooth_abs(x, 0.5) * smooth_step(x, 0.4) + smooth_clip(x, -0.2, 0.3, 0.6) +
               smooth_where(x, x * x, sin(x), 0.5) + smooth_minimum(x, 0.1, 0.3));
  };
  EXPECT_TRUE(check_grad(f, kPoints)) << check_grad(f, kPoints).text();
  const auto g = [&](Array x) { return grad(f)(x); };
  EXPECT_TRUE(check_grad(g, kPoints)) << check_grad(g, kPoints).text();
}

TEST(Smoothing, ExactValueAndSmoothDerivative) {
  const Array x = kPoints;
  const Smoothing s{0.3, true}, whole{0.3};
  EXPECT_EQ(reals(smooth_step(x, s)), reals((x > 0).astype(DType::kF64)));
  EXPECT_EQ(reals(smooth_sign(x, s)), reals(sign(x)));
  EXPECT_EQ(reals(smooth_abs(x, s)), reals(abs(x)));
  EXPECT_EQ(reals(smooth_relu(x, s)), reals(maximum(x, 0.0)));
  EXPECT_EQ(reals(smooth_maximum(x, 0.2, s)), reals(maximum(x, 0.2)));
  EXPECT_EQ(reals(smooth_minimum(x, 0.2, s)), reals(minimum(x, 0.2)));
  EXPECT_EQ(reals(smooth_clip(x, -1, 1, s)), reals(clip(x, -1, 1)));
  EXPECT_EQ(reals(smooth_where(x, 2 * x, 5.0, s)), reals(where(x > 0, 2 * x, 5.0)));
  for (const auto& f : {smooth_step, smooth_sign, smooth_abs, smooth_relu}) {
    const auto of = [&](const Smoothing& s) { return [&, s](Array x) { return sum(f(x, s)); }; };
    EXPECT_EQ(reals(grad(of(s))(x)), reals(grad(of(whole))(x)));
    EXPECT_EQ(reals(jvp(of(s), x, x).second), reals(jvp(of(whole), x, x).second));
    EXPECT_EQ(reals(hessian(of(s))(x)), reals(hessian(of(whole))(x)));
  }
  expect_refused([&] { smooth_abs(x, 0.0); }, "smooth_abs", "the width is 0");
}

// E sin(x + w xi) = exp(-w^2 / 2) sin(x): a bias of second order, of fourth after extrapolation.
TEST(Smoothing, BiasFallsAsItShould) {
  const auto biased = [](Array w) { return exp(-w * w / 2) * std::cos(0.4); };
  const auto error = [&](double w, bool reduced) {
    const Array g = reduced ? reduce_bias(biased, w) : biased(w);
    return std::fabs(g.item() - std::cos(0.4));
  };
  for (const bool reduced : {false, true}) {
    const double order = reduced ? 4 : 2;
    EXPECT_NEAR(std::log2(error(0.4, reduced) / error(0.2, reduced)), order, 0.15);
    EXPECT_NEAR(std::log2(error(0.2, reduced) / error(0.1, reduced)), order, 0.05);
  }
  // How long a sum over a grid is above a threshold: a mean over many events. The derivative of the
  // number of u in the grid with sin(u) > c, per unit: the exact one is -2 / sqrt(1 - c^2).
  const Array u = linspace(0, 2 * std::numbers::pi, 4001)(slice(0, 4000));
  const double cell = 2 * std::numbers::pi / 4000, c = 0.3;
  const auto slope = [&](Array w) {
    return grad([&](Array c) { return cell * sum(smooth_step(sin(u) - c, w)); })(c);
  };
  const double exact = -2 / std::sqrt(1 - c * c);
  const auto off = [&](double w, bool reduced) {
    return std::fabs((reduced ? reduce_bias(slope, w) : slope(w)).item() - exact);
  };
  EXPECT_NEAR(std::log2(off(0.1, false) / off(0.05, false)), 2, 0.15);
  EXPECT_NEAR(std::log2(off(0.1, true) / off(0.05, true)), 4, 0.5);
  EXPECT_LT(off(0.05, true), off(0.05, false) / 20);
}

TEST(SmoothedGrad, IsExactWhereNothingIsRandom) {
  struct Point {
    Array a, b;
  };
  const Array w = Array::of({1.0, -2.0, 3.0});
  const auto linear = [&](Point p) { return sum(w * p.a) + 5 * p.b + 7; };
  const Point at{Array::of({0.1, 0.2, 0.3}), 2.0};
  const auto with = smoothed_grad(linear, at, Key(1));
  expect_equal(with.gradient.a, w, 1e-13);
  EXPECT_NEAR(with.gradient.b.item(), 5, 1e-13);
  EXPECT_LT(max(with.error.a).item(), 1e-13);
  EXPECT_NEAR(with.value.item(), linear(at).item(), 1e-13);
  EXPECT_LT(with.value_error.item(), 1e-13);  // both of a pair together
  // A constant drops out without a control variate as well.
  SmoothedOptions plain;
  plain.control_variate = false;
  const auto none = smoothed_grad([](Array x) { return 1e6 + 0 * sum(x); }, w, Key(1), plain);
  EXPECT_EQ(reals(none.gradient), (std::vector<double>{0, 0, 0}));
  expect_refused([&] { smoothed_grad(linear, at, Key(1), {.samples = 1}); }, "smoothed_grad",
                 "no standard error");
  expect_refused([&] { smoothed_grad(linear, at, Key(1), {.width = 0}); }, "smoothed_grad",
                 "the width is 0");
}

// Within 5 of its own standard errors of what is known; k / sqrt(n) with k = 5.
TEST(SmoothedGrad, OfAStepAndOfASine) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    // A step in a direction: F_w = Phi(n.x / w |n|), its gradient phi(..) n / (w |n|).
    const Array n = Array::of({0.6, 0.8});
    const auto jump = [&](Array x) { return where(dot(n, x) > 0.0, 1.0, 0.0); };
    SmoothedOptions options;
    options.width = 0.5;
    options.samples = 20000;
    const Array x = Array::of({0.1, 0.2});
    const auto step = smoothed_grad(jump, x, Key(seed), options);
    const double u = 0.22 / 0.5;
    const Array exact = n * (std::exp(-u * u / 2) / (0.5 * std::sqrt(2 * std::numbers::pi)));
    EXPECT_TRUE(all(abs(step.gradient - exact) < 5 * step.error).item<bool>())
        << step.gradient << exact << step.error;
    EXPECT_LT(max(step.error).item(), 0.02);
    // Known-bad: the mean of derivatives says nothing happens there.
    EXPECT_EQ(reals(grad(jump)(x)), (std::vector<double>{0, 0}));

    const auto sine = [](Array x) { return sin(x); };
    const auto smooth = smoothed_grad(sine, Array(0.4), Key(seed), options);
    EXPECT_LT(std::fabs(smooth.gradient.item() - std::exp(-0.125) * std::cos(0.4)),
              5 * smooth.error.item());
    // With the bias of second order taken out it is nearer to the derivative itself.
    options.reduce_bias = true;
    const auto reduced = smoothed_grad(sine, Array(0.4), Key(seed), options);
    const double left = (4 * std::exp(-0.125 / 4) - std::exp(-0.125)) / 3 * std::cos(0.4);
    EXPECT_LT(std::fabs(reduced.gradient.item() - left), 5 * reduced.error.item());
    EXPECT_LT(std::fabs(left - std::cos(0.4)), 0.002);
    EXPECT_LT(std::fabs(reduced.gradient.item() - std::cos(0.4)), 0.002 + 5 * reduced.error.item());
  }
}

// The error it states is the scatter of many estimates; and the control variate takes most of it.
TEST(SmoothedGrad, StatesItsError) {
  const auto f = [](Array x) { return sum(sin(x) * x) + where(x(0) > 0.2, 0.5, 0.0); };
  const Array x = Array::of({0.1, 0.7});
  SmoothedOptions options;
  options.samples = 50;
  options.width = 0.2;
  const std::int64_t runs = 400;
  const auto estimate = [&](Key key) {
    const auto g = smoothed_grad(f, x, key, options);
    return std::pair(g.gradient, g.error);
  };
  const auto [gradients, errors] =
      jit([&](Key keys) { return vmap(estimate)(keys); })(split(Key(7), runs));
  const Array scatter = stddev(gradients, 0, false, 1), stated = sqrt(mean(errors * errors, 0));
  // A standard deviation of 400 numbers is known to 1 / sqrt(800) = 3.5 %; 5 times that.
  EXPECT_TRUE(all(abs(scatter / stated - 1.0) < 0.18).item<bool>()) << scatter << stated;

  const auto smooth = [](Array x) { return sum(sin(x) * x); };
  SmoothedOptions with, without;
  with.width = without.width = 0.05;
  without.control_variate = false;
  const Array small = smoothed_grad(smooth, x, Key(3), with).error;
  const Array large = smoothed_grad(smooth, x, Key(3), without).error;
  EXPECT_TRUE(all(small < large * 0.01).item<bool>()) << small << large;
}

// A ball that is thrown against a wall of a height: where it hits is a jump that no derivative
// sees.
TEST(SmoothedGrad, ThroughAnEventInALoop) {
  const auto range = [](Array speed) {
    const auto body = [&](Array, std::pair<Array, Array> s) {
      return std::pair(s.first + 0.05 * s.second, s.second * where(s.first > 1.0, 0.0, 0.98));
    };
    const auto end = fori_loop(0, 60, body, std::pair(zeros_like(speed), speed));
    return where(end.first > 1.0, 1.0, 0.0);
  };
  EXPECT_EQ(grad(range)(0.5).item(), 0);
  const auto g = jit([&](Array v, Key key) {
    return smoothed_grad(range, v, key, {.width = 0.3, .samples = 4000}).gradient;
  })(0.5, Key(5));
  EXPECT_GT(g.item(), 0.1);
}

}  // namespace
}  // namespace cotangent::array
