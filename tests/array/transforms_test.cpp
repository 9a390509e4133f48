// Derivatives against exact ones and differences; vmap against the loop, bit for bit.
#include "cotangent/array/transforms.h"

#include "cotangent/array/complex.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/loops.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

/// Central differences of a scalar function, entry by entry.
template <class F>
std::vector<double> differences(F f, const Array& x, double h = 1e-6) {
  std::vector<double> slopes;
  const std::vector<double> at = reals(x);
  for (std::size_t k = 0; k < at.size(); ++k) {
    auto up = at, down = at;
    up[k] += h, down[k] -= h;
    slopes.push_back(
        (f(Array::from(up, x.shape())).item() - f(Array::from(down, x.shape())).item()) / (2 * h));
  }
  return slopes;
}

void expect_near(const Array& x, const std::vector<double>& expected, double tolerance) {
  const auto values = reals(x);
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t k = 0; k < values.size(); ++k) {
    EXPECT_NEAR(values[k], expected[k], tolerance * std::max(1.0, std::fabs(expected[k]))) << k;
  }
}

TEST(Grad, OfExpSinSquare) {
  const auto f = [](Array x) { return exp(sin(x * x)); };
  for (double x : {-1.3, 0.0, 0.5, 2.0}) {
    const double s = std::sin(x * x), c = std::cos(x * x), y = std::exp(s);
    EXPECT_NEAR(grad(f)(x).item(), y * c * 2 * x, 1e-14 * y * 4);
    const double second = y * ((4 * x * x * c * c) + 2 * c - 4 * x * x * s);
    EXPECT_NEAR(grad(grad(f))(x).item(), second, 1e-13 * std::max(1.0, std::fabs(second)));
    const auto [value, slope] = value_and_grad(f)(x);
    EXPECT_NEAR(value.item(), y, 1e-15 * y * 4);
    EXPECT_EQ(slope.item(), grad(f)(x).item());
  }
}

TEST(Grad, OfAMatrixProductEntryByEntry) {
  // L = sum(W * (A B)): dL/dA = W B^T, dL/dB = A^T W.
  const Array a = Array::of({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  const Array b = Array::of({{1.0, -1.0}, {0.5, 2.0}, {3.0, 0.25}});
  const Array w = Array::of({{1.0, 10.0}, {100.0, 1000.0}});
  const auto loss = [&](Array a, Array b) { return sum(w * matmul(a, b)); };
  const auto [da, db] = grad<0, 1>(loss)(a, b);
  EXPECT_EQ(reals(da), reals(matmul(w, b.T())));
  EXPECT_EQ(reals(db), reals(matmul(a.T(), w)));
  EXPECT_EQ(reals(grad<1>(loss)(a, b)), reals(db));
}

TEST(Grad, OfEveryKindOfOperation) {
  const Array x = Array::of({{0.3, -0.7, 1.1}, {0.9, 0.2, -0.4}});
  const Array idx = Array::of({2, 0, 2});
  using Function = Array (*)(const Array&);
  const Function functions[] = {
      [](const Array& x) { return sum(x(slice(_, _, -1), slice(0, 2)) * 3); },
      [](const Array& x) { return sum(power(x(all, Array::of({2, 0, 2})), 3.0)); },
      [](const Array& x) { return sum(square(x.at(0, slice(1, _)).set(x(1, slice(2))))); },
      [](const Array& x) { return sum(square(x.at(Array::of({1, 1})).add(x))); },
      [](const Array& x) { return prod(sum(x, 0)) + norm(x) + var(x); },
      [](const Array& x) { return max(x * x) + logsumexp(x); },
      [](const Array& x) { return sum(matmul(x, x.T()) * einsum("ij,kj->ik", {x, sin(x)})); },
      [](const Array& x) { return sum(where(x > 0, log(where(x > 0, x, 1.0)), x * x)); },
      [](const Array& x) { return sum(concatenate({x, flip(x, 1)}) * tile(roll(x, 1), {2, 1})); },
      [](const Array& x) { return sum(remainder(x, 0.37) * x) + sum(hypot(x, 1.0 + x)); },
      [](const Array& x) { return sum(tril(x) * triu(x + 1)) + trace(x) + sum(diag(x(0)) * 2); },
      [](const Array& x) {
        return sum(asinh(x) * atanh(x / 2) + acosh(2 + x) + clip(x, -0.5, 0.5));
      },
      [](const Array& x) {
        return sum(take_along_axis(x, argmax(x, 1, true), 1) * cross(x, x + 2));
      },
      [](const Array& x) { return sum(abs2(exp(Complex(x, x * 2)) / Complex(x + 3, 1.0))); },
  };
  for (const Function& f : functions) {
    SCOPED_TRACE(&f - functions);
    expect_near(grad(f)(x), differences(f, x), 1e-7);
    expect_near(jit(grad(f))(x), reals(grad(f)(x)), 1e-12);
  }
}

TEST(Grad, OfAStructureIsThatStructure) {
  struct Layer {
    Array w, b;
    int number = 3;
  };
  const auto loss = [](std::vector<Layer> net, Array x) {
    for (const Layer& l : net) x = tanh(matmul(l.w, x) + l.b);
    return sum(x);
  };
  const std::vector<Layer> net{{Array::of({{0.1, 0.2}, {0.3, 0.4}}), Array::of({0.0, 0.1})},
                               {Array::of({{1.0, -1.0}}), Array::of({0.5})}};
  const Array x = Array::of({1.0, 2.0});
  const std::vector<Layer> g = grad(loss)(net, x);
  EXPECT_EQ(g[1].number, 3);
  expect_near(g[0].w,
              differences(
                  [&](Array w) {
                    auto other = net;
                    other[0].w = w;
                    return loss(other, x);
                  },
                  net[0].w),
              1e-8);
}

TEST(Grad, Refusals) {
  EXPECT_THAT(error_of([] { grad([](Array x) { return x; })(Array::of({1.0, 2.0})); }),
              testing::AllOf(testing::HasSubstr("[grad] the function gives f64[2]"),
                             testing::HasSubstr("jacobian")));
  EXPECT_THAT(error_of([] { grad([](Array x) { return x * 1.0; })(3); }),
              testing::HasSubstr("an argument to differentiate is i64"));
}

TEST(Grad, NoConfusionBetweenNestedOnes) {
  // d/dx (x * d/dy (x y) at y = 1) = d/dx x^2 = 2x.
  const auto outer = [](Array x) { return x * grad([&](Array y) { return x * y; })(1.0); };
  EXPECT_EQ(grad(outer)(3.0).item(), 6);
}

TEST(Jvp, ForwardAlongADirection) {
  const auto f = [](Array x, Array n) { return std::pair(sin(x) * 2, n + 1); };
  const Array x = Array::of({0.5, 1.0}), v = Array::of({1.0, -2.0});
  const auto [y, dy] = jvp(f, std::tuple(x, Array(3)), std::tuple(v, Array(0)));
  EXPECT_EQ(reals(y.first), reals(sin(x) * 2));
  expect_near(dy.first, {2 * std::cos(0.5), -4 * std::cos(1.0)}, 1e-15);
  EXPECT_EQ(dy.second.item<int>(), 0);
  EXPECT_THAT(error_of([&] { jvp([](Array x) { return x; }, x, Array(1.0)); }),
              testing::HasSubstr("[jvp] a tangent is f64, its array f64[2]"));
}

TEST(Vjp, PullsBack) {
  const Array x = Array::of({0.5, 1.0}), w = Array::of({{1.0, 2.0}, {3.0, 4.0}});
  const auto [y, pull] = vjp([](Array w, Array x) { return matmul(w, x); }, w, x);
  EXPECT_EQ(reals(y), (std::vector<double>{2.5, 5.5}));
  const auto [dw, dx] = pull(Array::of({1.0, 10.0}));
  EXPECT_EQ(reals(dw), (std::vector<double>{0.5, 1, 5, 10}));
  EXPECT_EQ(reals(dx), (std::vector<double>{31, 42}));
  const auto [z, back] = vjp([](Array n, Array x) { return n * x; }, arange(2), x);
  const auto [dn, dz] = back(ones({2}));
  EXPECT_EQ(show(dn), "i64[2] 0 0");
  EXPECT_EQ(reals(dz), (std::vector<double>{0, 1}));
  EXPECT_THAT(error_of([&, &pull = pull] { pull(Array(1.0)); }),
              testing::HasSubstr("[vjp] a cotangent is f64, the result f64[2]"));
}

TEST(Jacobian, ByRowsAndByColumns) {
  const auto wide = [](Array x) { return stack({x(0) * x(1), sin(x(2)), x(0), x(1) * x(1)}); };
  const Array x = Array::of({2.0, 3.0, 0.5});
  expect_near(jacobian(wide)(x), {3, 2, 0, 0, 0, std::cos(0.5), 1, 0, 0, 0, 6, 0}, 1e-15);
  const auto narrow = [](Array x) { return stack({x(0) * x(1) * x(2), sum(x)}); };
  expect_near(jacobian(narrow)(x), {1.5, 1, 6, 1, 1, 1}, 1e-15);
  EXPECT_EQ(jacobian([](Array x) { return outer(x, x); })(x).shape(), (Shape{3, 3, 3}));
  const Array h = hessian([](Array x) { return x(0) * x(0) * x(1) + exp(x(2)); })(x);
  expect_near(h, {6, 4, 0, 4, 0, 0, 0, 0, std::exp(0.5)}, 1e-15);
  EXPECT_EQ(reals(jit(hessian([](Array x) { return sum(x * x * x); }))(x)),
            (std::vector<double>{12, 0, 0, 0, 18, 0, 0, 0, 3}));
}

TEST(Vmap, IsTheLoopOverLanesBitForBit) {
  const auto rollout = [](Array x0, Array k) {
    return fori_loop(0, 50, [&](Array i, Array x) { return k * x * (1 - x) + 1e-3 * i; }, x0);
  };
  const Array x0 = linspace(0.1, 0.9, 9), k = linspace(3.5, 3.6, 9);
  const auto all = reals(vmap(rollout)(x0, k));
  const auto compiled = reals(jit(vmap(rollout))(x0, k)), one_by_one = [&] {
    std::vector<double> values;
    const auto single = jit(rollout);
    for (int lane = 0; lane < 9; ++lane) values.push_back(single(x0[lane], k[lane]).item());
    return values;
  }();
  for (int lane = 0; lane < 9; ++lane) {
    const auto at = static_cast<std::size_t>(lane);
    EXPECT_EQ(all[at], rollout(x0[lane], k[lane]).item()) << lane;
    EXPECT_EQ(compiled[at], one_by_one[at]) << lane;
  }
}

TEST(Vmap, AxesAndSharedArguments) {
  const auto f = [](Array w, Array x) { return matmul(w, x); };
  const Array w = Array::of({{1.0, 2.0}, {3.0, 4.0}});
  const Array xs = reshape(arange(0.0, 6.0, 1.0), {2, 3});  // lanes along axis 1
  EXPECT_EQ(reals(vmap(f, {shared, 1}, 1)(w, xs)), reals(matmul(w, xs)));
  EXPECT_EQ(vmap(f, {shared, 1})(w, xs).shape(), (Shape{3, 2}));
  EXPECT_EQ(vmap(f, {shared, -1})(w, xs).shape(), (Shape{3, 2}));
  // What f takes from its surroundings is shared too; batches of batches.
  const Array out = vmap(vmap([&](Array x) { return sum(w * x); }))(xs);
  EXPECT_EQ(reals(out), reals(xs * sum(w)));
  EXPECT_THAT(error_of([&] { vmap(f)(w, zeros({3, 2})); }),
              testing::HasSubstr("[vmap] numbers of lanes differ: 2 and 3"));
  EXPECT_THAT(error_of([&] { vmap(f)(w, Array(1.0)); }), testing::HasSubstr("is a scalar"));
  EXPECT_THAT(error_of([&] { vmap(f, {shared, shared})(w, xs); }),
              testing::HasSubstr("no argument"));
}

TEST(Vmap, ComposesWithDerivatives) {
  const auto f = [](Array x) { return sum(sin(x) * x); };
  const Array xs = reshape(linspace(0, 2, 6), {3, 2});
  const Array each = vmap(grad(f))(xs);
  EXPECT_EQ(reals(each), reals(grad([&](Array x) { return sum(vmap(f)(x)); })(xs)));
  const Array h = vmap(hessian(f))(xs);
  EXPECT_EQ(h.shape(), (Shape{3, 2, 2}));
  expect_near(h[1](all, 0), reals(hessian(f)(xs[1])(all, 0)), 1e-15);
}

TEST(Complex, Arithmetic) {
  const Complex x(Array::of({3.0, -1.0}), Array::of({4.0, 2.0})), y(1.0, -2.0);
  const auto expect = [](const Complex& z, std::vector<double> re, std::vector<double> im) {
    expect_near(z.re, re, 1e-15);
    expect_near(z.im, im, 1e-15);
  };
  expect(x + y, {4, 0}, {2, 0});
  expect(x - 1.0, {2, -2}, {4, 2});
  expect(x * y, {11, 3}, {-2, 4});
  expect(x / y, {-1, -1}, {2, 0});
  expect(conj(x), {3, -1}, {-4, -2});
  EXPECT_EQ(reals(abs(x)), (std::vector<double>{5, std::sqrt(5.0)}));
  expect(exp(Complex(0.0, std::acos(-1.0))), {-1}, {0});
  expect(sqrt(Complex(Array::of({-4.0, 3.0, 0.0}), Array::of({0.0, 4.0, -2.0}))), {0, 2, 1},
         {2, 1, -1});
  expect(log(Complex(-1.0)), {0}, {std::acos(-1.0)});
  expect(Complex(1e300, 1e300) / Complex(1e300, 1e300), {1}, {0});
  const Complex m(eye(2), Array::of({{0.0, 1.0}, {0.0, 0.0}}));
  expect(matmul(m, m), {1, 0, 0, 1}, {0, 2, 0, 0});
  EXPECT_EQ(Complex(1.0, 2.0).text(), "1.0 + 2.0j");
}

TEST(Complex, TheGradientIsThePairOfPartials) {
  // L = |z|^2: (2 re, 2 im).  L = Re(c z): (re c, -im c).
  const Complex z(Array::of({1.0, -2.0}), Array::of({0.5, 3.0})), c(2.0, 5.0);
  const Complex g = grad([](Complex z) { return sum(abs2(z)); })(z);
  EXPECT_EQ(reals(g.re), (std::vector<double>{2, -4}));
  EXPECT_EQ(reals(g.im), (std::vector<double>{1, 6}));
  const Complex h = grad([&](Complex z) { return sum((c * z).re); })(z);
  EXPECT_EQ(reals(h.re), (std::vector<double>{2, 2}));
  EXPECT_EQ(reals(h.im), (std::vector<double>{-5, -5}));
}

TEST(Transforms, DerivativesByIntegersAreRefused) {
  const auto f = [](Array x) { return x * 2.0; };
  const auto total = [](Array x) { return sum(x * 2.0); };
  const Array n = arange(1, 4);
  expect_refused([&] { jacobian(f)(n); }, "jacobian", "i64[3]");
  expect_refused([&] { hessian(total)(n); }, "hessian", "i64[3]");
  expect_refused([&] { jvp(f, n, ones({3})); }, "jvp", "i64[3]");
  expect_refused([&] { vjp(f, n); }, "vjp", "i64[3]");
  expect_refused([&] { value_and_grad(total)(n); }, "grad", "i64[3]");
  expect_refused([&] { grad(total)(n); }, "grad", "i64[3]");
  // Next to a real argument an integer one is not differentiated by.
  const auto both = [](Array x, Array k) { return x * k; };
  const auto [y, dy] =
      jvp(both, std::tuple(Array(2.0), Array(3)), std::tuple(Array(1.0), Array(0)));
  EXPECT_EQ(dy.item(), 3.0);
}

TEST(Transforms, RefusalsSayWhatToDo) {
  const auto f = [](Array x) { return x * 2; };
  expect_refused([&] { jvp(f, ones({3}), ones({2})); }, "jvp", "a tangent is f64[2]");
  expect_refused([&] { vjp(f, ones({3})).second(ones({2})); }, "vjp", "a cotangent is f64[2]");
  expect_refused([&] { vmap([](Array x) { return x; }, {0}, 3)(zeros({2, 3})); }, "vmap",
                 "axis 3 of an array with 2");
}

// A loop in lanes that reads a small matrix at an index of its own: the matrix is made once, not
// its whole history for every element. (The tree of one element has 3^6 leaves here.)
TEST(Vmap, ALoopReadsASmallMatrixThatWasComputed) {
  const auto product = [](Array x) {
    for (int k = 0; k < 6; ++k) x = x * x + roll(x, 1, 0) * roll(x, 1, 1);
    return fori_loop(0, 3, [&](const Array& i, Array p) { return p * x(i, i); }, Array(1.0));
  };
  const Array m = reshape(sin(linspace(0.3, 7, 9)), {3, 3}) * 0.7;
  for (int lanes : {1, 2, 3, 8}) {
    const Array all = stack(std::vector<Array>(static_cast<std::size_t>(lanes), m));
    const auto f = jit(vmap(product));
    EXPECT_TRUE(allclose(f(all), full({lanes}, product(m)), 1e-12)) << lanes;
    EXPECT_LT(f.executable(all)->kernels_text().size(), 12000u) << lanes;
  }
}

TEST(Vmap, OfTheGradientOfADeterminant) {
  const auto slope = [](const Array& x) { return grad([](Array y) { return det(y); })(x); };
  const Array m = reshape(sin(linspace(0.3, 7, 9)), {3, 3}) + 2.0 * eye(3);
  const Array cofactors = det(m) * swapaxes(inv(m), 0, 1);
  for (int lanes : {1, 2, 5}) {
    const Array all = stack(std::vector<Array>(static_cast<std::size_t>(lanes), m));
    EXPECT_TRUE(allclose(jit(vmap(slope))(all)(0), cofactors, 1e-12)) << lanes;
  }
}

}  // namespace
}  // namespace cotangent::array
