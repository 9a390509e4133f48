// Loops over traced bodies.
#include "cotangent/array/loops.h"

#include "cotangent/array/transforms.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

TEST(ForiLoop, IsTheLoop) {
  const Array a = Array::of({0.5, 1.5});
  const auto body = [&](Array i, Array x) { return x * a + i; };
  Array x = ones({2});
  for (int i = 2; i < 12; ++i) x = body(Array(i), x);
  EXPECT_EQ(reals(fori_loop(2, 12, body, ones({2}))), reals(x));
  EXPECT_EQ(reals(fori_loop(5, 5, body, ones({2}))), (std::vector<double>{1, 1}));
  EXPECT_EQ(reals(fori_loop(5, 2, body, ones({2}))), (std::vector<double>{1, 1}));
}

TEST(ForiLoop, StateIsATreeAndLiteralsTakeTypes) {
  struct Pair {
    Array a, b;
  };
  const Pair p = fori_loop(0, 10, [](Array, Pair p) { return Pair{p.b, p.a + p.b}; }, Pair{0, 1});
  EXPECT_EQ(p.a.item<int>(), 55);
  EXPECT_EQ(p.a.dtype(), DType::kI64);
  // 0.0 becomes f32 because the body gives f32; 0 becomes f64.
  const Array x = Array::of({1.0}, DType::kF32);
  EXPECT_EQ(fori_loop(0, 3, [&](Array, Array s) { return s + sum(x); }, 0.0).dtype(), DType::kF32);
  EXPECT_EQ(show(fori_loop(0, 3, [&](Array, Array s) { return s + 0.5; }, 0)), "f64 1.5");
  EXPECT_THAT(
      error_of([&] { fori_loop(0, 3, [&](Array, Array s) { return s + 0.5; }, arange(2)); }),
      testing::HasSubstr("[fori_loop] the state is i64[2] and becomes f64[2]"));
  EXPECT_THAT(
      error_of([&] { fori_loop(0, 3, [&](Array, Array s) { return s + ones({2}); }, 1.0); }),
      testing::AllOf(testing::HasSubstr("the state is f64 and becomes f64[2]"),
                     testing::HasSubstr("shapes must not change")));
}

TEST(Scan, CarriesAndOutputs) {
  const Array xs = Array::of({1.0, 2.0, 3.0, 4.0});
  const auto [total, sums] =
      scan([](Array c, Array x) { return std::pair(c + x, std::tuple(c + x, c * x)); }, 0.0, xs);
  EXPECT_EQ(total.item(), 10);
  EXPECT_EQ(reals(std::get<0>(sums)), (std::vector<double>{1, 3, 6, 10}));
  EXPECT_EQ(reals(std::get<1>(sums)), (std::vector<double>{0, 2, 9, 24}));
  const auto [last, path] =
      scan([](Array c, std::tuple<>) { return std::pair(2 * c, c); }, 1.0, std::tuple<>(), 5);
  EXPECT_EQ(last.item(), 32);
  EXPECT_EQ(reals(path), (std::vector<double>{1, 2, 4, 8, 16}));
  EXPECT_THAT(error_of([&] {
                scan([](Array c, std::tuple<Array, Array>) { return std::pair(c, c); }, 0.0,
                     std::tuple(xs, ones({3})));
              }),
              testing::HasSubstr("first axes differ in length: f64[4] and f64[3]"));
}

TEST(Loops, SurroundingArraysAreInvariantsAtEveryLevel) {
  const Array w = Array::of({1.0, 2.0});
  const auto f = jit([&](Array x) {
    return fori_loop(
        0, 3,
        [&](Array, Array s) {
          const auto [last, _unused] = scan(
              [&](Array c, Array row) { return std::pair(c + row * x, std::tuple<>()); }, s, w);
          return last;
        },
        Array(0.0));
  });
  EXPECT_EQ(f(5.0).item(), 45);
  EXPECT_EQ(grad(f)(5.0).item(), 9);
}

TEST(Loops, Derivatives) {
  // x_n of the logistic map: the derivative by the chain rule along the orbit.
  const auto f = [](Array x) {
    return fori_loop(0, 20, [](Array, Array x) { return 3.7 * x * (1 - x); }, x);
  };
  double x = 0.3, slope = 1;
  for (int k = 0; k < 20; ++k) {
    slope *= 3.7 * (1 - 2 * x);
    x = 3.7 * x * (1 - x);
  }
  EXPECT_NEAR(grad(f)(0.3).item() / slope, 1, 1e-10);
  EXPECT_NEAR(jvp(f, Array(0.3), Array(1.0)).second.item() / slope, 1, 1e-10);
}

TEST(PairSum, IsTheSumOverPairs) {
  const Array q = Array::of({{0.0, 0.0}, {3.0, 4.0}, {6.0, 8.0}});
  const auto distance = [](Array a, Array b) { return norm(a - b); };
  EXPECT_EQ(pair_sum(distance, q).item(), 20);
  EXPECT_EQ(pair_sum(distance, q, Pairs::kUnequal).item(), 40);
  EXPECT_EQ(reals(pair_sum_rows(distance, q)), (std::vector<double>{15, 10, 15}));
  const Array force = -grad([&](Array q) { return pair_sum(distance, q); })(q);
  const Array by_rows = pair_sum_rows([](Array a, Array b) { return (b - a) / norm(a - b); }, q);
  for (std::size_t k = 0; k < 6; ++k) EXPECT_NEAR(reals(force)[k], reals(by_rows)[k], 1e-15);
  // Several leaves, and a mass of the surroundings.
  struct Body {
    Array m, x;
  };
  const Array g = Array(2.0);
  const Body bodies{Array::of({1.0, 2.0, 3.0}), Array::of({0.0, 1.0, 3.0})};
  const Array energy =
      pair_sum([&](Body a, Body b) { return g * a.m * b.m / abs(a.x - b.x); }, bodies);
  EXPECT_NEAR(energy.item(), 2 * (2.0 + 3.0 / 3 + 6.0 / 2), 1e-15 * 12);
}

}  // namespace
}  // namespace cotangent::array
