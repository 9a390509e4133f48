// The Hessian of a fit: ten Gaussian peaks, thirty parameters, two hundred points.
#include "cotangent/array/arrays.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

struct Peaks {
  Array height, centre, width;  // f64[10] each
};

Array model(const Peaks& p, const Array& x) {
  const Array u = (x(all, newaxis) - p.centre) / p.width;
  return sum(p.height * exp(-0.5 * u * u), 1);
}

/// The thirty as one array, and back.
Array packed(const Peaks& p) {
  return concatenate({p.height, p.centre, p.width});
}
Peaks unpacked(const Array& theta) {
  return {theta(slice(0, 10)), theta(slice(10, 20)), theta(slice(20, 30))};
}

TEST(Fit, HessianOfThirtyParameters) {
  const Array x = linspace(-2, 22, 200);
  const Peaks truth{1.0 + 0.5 * sin(arange(10)), 1.0 + 2.0 * arange(10), 0.4 + 0.02 * arange(10)};
  const Array data = model(truth, x) + 0.02 * normal(Key(11), {200});
  const auto loss = [&](Array theta) {
    return 0.5 * sum(square(model(unpacked(theta), x) - data)) / (0.02 * 0.02);
  };
  const Array at = packed(truth) + 0.005 * normal(Key(12), {30});
  const Array h = jit(hessian(loss))(at);
  EXPECT_EQ(h.shape(), (Shape{30, 30}));
  expect_equal(h, h.T(), 1e-14);
  expect_equal(h, jit(jacrev(jacrev(loss)))(at), 1e-13);

  // Rows by central differences of the gradient, with Richardson's extrapolation; relative to
  // sqrt(H_ii H_jj).
  const auto slope = jit(grad(loss));
  std::vector<double> rows;
  for (std::int64_t k = 0; k < 30; ++k) {
    const Array d = (arange(30) == k).astype(DType::kF64);
    const auto central = [&](double step) {
      return (slope(at + step * d) - slope(at - step * d)) / (2 * step);
    };
    for (double y : reals((4 * central(2e-4) - central(4e-4)) / 3)) rows.push_back(y);
  }
  const Array differences = Array::from(rows, Shape{30, 30});
  const Array size = sqrt(abs(diagonal(h)));
  const Array off = abs(h - differences) / outer(size, size);
  EXPECT_LT(max(off).item(), 1e-6);

  // What it is for: Newton's method, quadratically to the least squares, and error bars from the
  // inverse there.
  const auto newton =
      jit([&](Array theta) { return theta - solve(hessian(loss)(theta), grad(loss)(theta)); });
  Array best = at;
  std::vector<double> slopes;
  for (int k = 0; k < 8; ++k) {
    best = newton(best);
    slopes.push_back(max(abs(slope(best))).item());
  }
  EXPECT_LT(slopes.back(), 1e-7) << testing::PrintToString(slopes);
  const Array errors = sqrt(diagonal(inv(hessian(loss)(best))));
  EXPECT_TRUE(all(abs(best - packed(truth)) < 5.0 * errors).item<bool>());
}

}  // namespace
}  // namespace cotangent::array
