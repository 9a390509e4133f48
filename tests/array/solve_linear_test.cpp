// Linear equations without a matrix: exact identities with dense solves.
#include "cotangent/array/solve_linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/array/linear_algebra.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Array general = Array::of({{4.0, 1.0, 0.5}, {-1.0, 3.0, -0.2}, {0.7, -0.9, 2.0}});
const Array positive = Array::of({{4.0, 1.0, 0.5}, {1.0, 3.0, -0.2}, {0.5, -0.2, 2.0}});
const Array right = Array::of({1.0, -2.0, 0.5});

Array by_iterations(const Array& a, const Array& b, LinearOptions options = {}) {
  return solve_linear([&](Array x) { return matmul(a, x); }, b, options);
}

/// Values, gradients, directional and second derivatives of sum sin x against those of the dense
/// solve. With a symmetric solver the gradient by the matrix is compared along symmetric changes.
void expect_dense(const Array& a, LinearOptions options) {
  const auto loss = [](Array x) { return sum(sin(x)); };
  const auto krylov = [=](Array t, Array b) {
    return loss(by_iterations(t * a + eye(3), b, options));
  };
  const auto dense = [=](Array t, Array b) { return loss(solve(t * a + eye(3), b)); };
  const Array t = 0.8;
  const auto [gt, gb] = grad<0, 1>(krylov)(t, right);
  const auto [et, eb] = grad<0, 1>(dense)(t, right);
  expect_equal(gt, et, 1e-12);
  expect_equal(gb, eb, 1e-12);
  const auto along = [&](const auto& f) {
    return jit([=](Array t, Array b) {
      return jvp(f, std::tuple(t, b), std::tuple(Array(0.3), ones({3}))).second;
    })(t, right);
  };
  expect_equal(along(krylov), along(dense), 1e-12);
  const auto in_b = [=](const auto& f) { return [=](Array b) { return f(t, b); }; };
  expect_equal(hessian(in_b(krylov))(right), hessian(in_b(dense))(right), 1e-11);
  const auto in_t = [=](const auto& f) { return [=](Array t) { return f(t, right); }; };
  expect_equal(grad(grad(in_t(krylov)))(t), grad(grad(in_t(dense)))(t), 1e-11);
  expect_equal(grad(grad(grad(in_t(krylov))))(t), grad(grad(grad(in_t(dense))))(t), 1e-10);
  const Array rows = stack({right, -2 * right, zeros({3})});
  const auto by_b = [=](const auto& f) { return vmap(grad<1>(f), {shared, 0}); };
  expect_equal(jit(by_b(krylov))(t, rows), by_b(dense)(t, rows), 1e-12);
  const auto in_loop = [](const auto& f) {
    return [=](Array t) {
      return fori_loop(0, 3, [&](Array, Array s) { return 0.5 * f(s, right) + t; }, t);
    };
  };
  expect_equal(grad(in_loop(krylov))(t), grad(in_loop(dense))(t), 1e-12);
}

TEST(SolveLinear, ConjugateGradients) {
  expect_equal(by_iterations(positive, right, {.symmetric = true}), solve(positive, right), 1e-13);
  expect_dense(positive, {.symmetric = true});
}

TEST(SolveLinear, AnyMatrix) {
  expect_equal(by_iterations(general, right), solve(general, right), 1e-13);
  expect_dense(general, {});
}

TEST(SolveLinear, InF32AndOfTrees) {
  const Array a = positive.astype(DType::kF32), b = right.astype(DType::kF32);
  for (bool symmetric : {true, false}) {
    const Array x = by_iterations(a, b, {.symmetric = symmetric});
    EXPECT_EQ(x.dtype(), DType::kF32);
    expect_equal(x, solve(a, b), 1e-5);
  }
  struct Two {
    Array x, y;
  };
  // 2 x + y = 1, x + 3 y = [2, 4] with x a scalar that sees the sum of y.
  const Two z = solve_linear([](Two z) { return Two{2 * z.x + sum(z.y), z.x + 3 * z.y}; },
                             Two{Array(1.0), Array::of({2.0, 4.0})});
  EXPECT_NEAR(z.x.item(), -0.75, 1e-12);
  EXPECT_NEAR(z.y[1].item(), 4.75 / 3, 1e-12);
}

TEST(SolveLinear, APoissonEquationOfManyUnknowns) {
  const std::int64_t n = 20000;
  const auto heat = [=](Array c, Array f) {
    return solve_linear([=](Array u) { return 2 * u - roll(u, 1) - roll(u, -1) + c * u; }, f,
                        {.symmetric = true});
  };
  // A wave of the ring is an eigenvector.
  const double k = 2 * M_PI / 100, c = 0.05;
  const double scale = 1 / (2 - 2 * std::cos(k) + c);
  const Array f = sin(k * arange(n));
  expect_equal(jit(heat)(c, f), scale * f, 1e-11);
  const auto energy = [&](Array c) { return 0.5 * sum(square(heat(c, f))) / (n / 2); };
  EXPECT_NEAR(jit(grad(energy))(c).item() / -std::pow(scale, 3), 1, 1e-10);
}

TEST(SolveLinear, TheDerivativeIsNoneOfTheIterations) {
  // A loose solve has a derivative as good as a tight one's, up to its own residual.
  const auto slope = [&](double relative) {
    return grad([=](Array t) {
             return sum(by_iterations(t * general, right, {.relative = relative}));
           })(2.0)
        .item();
  };
  EXPECT_NEAR(slope(1e-14), slope(0), 1e-12);
  // It takes three iterations at most, whatever number is allowed.
  const auto limited = [&](std::int64_t iterations) {
    return grad([=](Array t) {
             return sum(
                 by_iterations(t * positive, right, {.symmetric = true, .iterations = iterations}));
           })(2.0)
        .item();
  };
  EXPECT_EQ(limited(4), limited(400));
}

TEST(SolveLinear, Failures) {
  EXPECT_THAT(error_of([] { by_iterations(general, right, {.iterations = 1}).eval(); }),
              AllOf(HasSubstr("[solve_linear] did not converge: |b - A x| is 0."),
                    HasSubstr("after 1 iterations"), HasSubstr("to do: allow more")));
  EXPECT_THAT(error_of([] { by_iterations(-positive, right, {.symmetric = true}).eval(); }),
              HasSubstr("positive definite"));
  // The solve in reverse is checked as well.
  const Array singular = Array::of({{1.0, 1.0}, {1.0, 1.0}});
  EXPECT_THAT(error_of([&] { by_iterations(singular, Array::of({1.0, 0.0})).eval(); }),
              HasSubstr("did not converge"));
  // Of an eigenvector one iteration is enough; not of the cotangent.
  const auto one = [](Array b) {
    return solve_linear([](Array x) { return Array::of({1.0, 2.0, 3.0}) * x; }, b,
                        {.symmetric = true, .iterations = 1});
  };
  const Array first = Array::of({1.0, 0.0, 0.0});
  expect_equal(one(first), first);
  EXPECT_THAT(error_of([&] { grad([&](Array b) { return sum(one(b)); })(first).eval(); }),
              HasSubstr("[solve_linear] did not converge"));
  expect_refused([] { solve_linear([](Array x) { return sum(x); }, right); }, "solve_linear",
                 "the unknowns");
  EXPECT_THAT(error_of([] { solve_linear([](Array x) { return sin(x); }, right); }),
              HasSubstr("[sin] is not linear"));
}

}  // namespace
}  // namespace cotangent::array
