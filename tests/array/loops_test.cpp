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

struct Collatz {
  Array n, steps;
};

Collatz collatz(Array n) {
  return while_loop([](Collatz c) { return c.n != 1; },
                    [](Collatz c) {
                      return Collatz{where(c.n % 2 == 0, floor_divide(c.n, 2), 3 * c.n + 1),
                                     c.steps + 1};
                    },
                    Collatz{n, Array(0)});
}

TEST(WhileLoop, RunsAsLongAsTheConditionHolds) {
  EXPECT_EQ(collatz(Array(27)).steps.item<int>(), 111);
  EXPECT_EQ(collatz(Array(1)).steps.item<int>(), 0);
  EXPECT_EQ(jit([](Array n) { return collatz(n).steps; })(97).item<int>(), 118);
  // A limit; what the condition and the body take from outside.
  const Array top = Array(100.0), by = Array(2.0);
  const auto f = [&](std::int64_t limit) {
    return while_loop([&](Array x) { return x < top; }, [&](Array x) { return x * by; }, Array(1.0),
                      limit);
  };
  EXPECT_EQ(f(0).item(), 128);
  EXPECT_EQ(f(7).item(), 128);
}

TEST(WhileLoop, ALimitThatIsHitIsAnError) {
  const auto f = [](std::int64_t limit) {
    return [=](Array x) {
      return while_loop([](Array x) { return x < 100.0; }, [](Array x) { return x * x; }, x, limit);
    };
  };
  EXPECT_EQ(f(3)(2.0).item(), 256);
  EXPECT_EQ(grad(f(3))(2.0).item(), 1024);
  const auto words = testing::AllOf(
      testing::HasSubstr("[while_loop] the condition holds still after 2 passes, its limit"),
      testing::HasSubstr("\n  to do: give a larger limit"));
  EXPECT_THAT(error_of([&] { f(2)(2.0).eval(); }), words);
  EXPECT_THAT(error_of([&] { grad(f(2))(2.0).eval(); }), words);
  EXPECT_THAT(error_of([&] { jvp(f(2), Array(2.0), Array(1.0)).second.eval(); }), words);
  EXPECT_THAT(error_of([&] { jit(grad(f(2)))(2.0); }), words);
  const auto lanes = jit(vmap(grad(f(2))));
  EXPECT_EQ(lanes(Array::of({4.0, 10.0}))[0].item(), 256);
  EXPECT_THAT(error_of([&] { lanes(Array::of({4.0, 10.0, 2.0})); }),
              testing::AllOf(words, testing::HasSubstr("lane 2")));
}

TEST(WhileLoop, LanesStopAlone) {
  const Array n = Array::of({1, 2, 27, 6, 97});
  const auto steps = [](Array n) { return collatz(n).steps; };
  EXPECT_EQ(show(vmap(steps)(n)), "i64[5] 0 1 111 8 118");
  EXPECT_EQ(show(jit(vmap(steps))(n)), "i64[5] 0 1 111 8 118");
}

TEST(WhileLoop, Derivatives) {
  // Newton's iteration for the square root.
  const auto root = [](Array a, std::int64_t limit) {
    return while_loop([&](Array x) { return abs(x * x - a) > 1e-13; },
                      [&](Array x) { return 0.5 * (x + a / x); }, Array(1.0), limit);
  };
  const auto forward = jvp([&](Array a) { return root(a, 0); }, Array(3.0), Array(1.0));
  EXPECT_NEAR(forward.second.item(), 0.5 / std::sqrt(3.0), 1e-12);
  EXPECT_NEAR(grad([&](Array a) { return root(a, 30); })(3.0).item(), 0.5 / std::sqrt(3.0), 1e-12);
  EXPECT_THAT(error_of([&] { grad([&](Array a) { return root(a, 0); })(3.0); }),
              testing::HasSubstr("limit"));
}

TEST(WhileLoop, Refusals) {
  EXPECT_THAT(error_of([] {
                while_loop([](Array x) { return x < 1; }, [](Array x) { return x; }, ones({2}));
              }),
              testing::AllOf(testing::HasSubstr("[while_loop] the condition is bool[2]"),
                             testing::HasSubstr("any or all")));
  EXPECT_THAT(error_of([] {
                while_loop([](Array x) { return all(x < 1); },
                           [](Array x) { return concatenate({x, x}); }, ones({2}));
              }),
              testing::HasSubstr("the state is f64[2] and becomes f64[4]"));
}

TEST(Cond, ChoosesABranch) {
  const Array scale = Array::of({2.0, 3.0});
  const auto f = [&](Array p, Array x) {
    return cond(
        p, [&](Array x) { return std::pair(x * scale, Array(1)); },
        [&](Array x) { return std::pair(-x, Array(2.5)); }, x);
  };
  const auto compiled = jit(f);
  const Array x = Array::of({1.0, 10.0});
  for (const bool p : {true, false}) {
    const std::vector<double> expected =
        p ? std::vector<double>{2, 30} : std::vector<double>{-1, -10};
    // Evaluated, pending, and traced predicates.
    EXPECT_EQ(reals(f(Array(p), x).first), expected);
    EXPECT_EQ(reals(f(Array(p ? 1 : 0) * ones({}) > 0.5, x).first), expected);
    EXPECT_EQ(reals(compiled(Array::of({p})(0), x).first), expected);
    EXPECT_EQ(compiled(Array::of({p})(0), x).second.item(), p ? 1 : 2.5);
  }
  EXPECT_THAT(
      error_of([&] {
        jit([&](Array p) { return cond(p > 0, [&] { return x; }, [&] { return x(0); }); })(1.0);
      }),
      testing::HasSubstr("[cond] the branches give f64[2] and f64"));
  EXPECT_THAT(error_of([&] { cond(x > 1, [] { return Array(1); }, [] { return Array(2); }); }),
              testing::HasSubstr("[cond] the condition is bool[2]"));
}

TEST(Cond, DerivativesAndLanes) {
  const auto f = [](Array x) { return cond(x > 0, [&] { return log(x); }, [&] { return x * x; }); };
  EXPECT_EQ(grad(f)(4.0).item(), 0.25);
  EXPECT_EQ(grad(f)(-3.0).item(), -6);
  EXPECT_EQ(grad(f)(0.0).item(), 0) << "log(0) is not run and leaks nothing";
  const Array xs = Array::of({4.0, -3.0, 0.0, 0.5});
  EXPECT_EQ(reals(vmap(grad(f))(xs)), (std::vector<double>{0.25, -6, 0, 2}));
  EXPECT_EQ(reals(jit(vmap(grad(f)))(xs)), (std::vector<double>{0.25, -6, 0, 2}));
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

TEST(Loops, RefusalsNameThePlaceInTheState) {
  struct State {
    Array q;
    std::vector<Array> p;
  };
  const State state{0.0, {zeros({2}), zeros({3})}};
  expect_refused(
      [&] { fori_loop(0, 3, [](Array, State s) { return s.p[1] = zeros({4}), s; }, state); },
      "fori_loop", "state.1[1] is f64[3] and becomes f64[4]");
  expect_refused(
      [&] { fori_loop(0, 3, [](Array, State s) { return s.q = zeros({1}), s; }, state); },
      "fori_loop", "state.0 is f64 and becomes f64[1]");
  expect_refused([] { fori_loop(0, 3, [](Array, Array x) { return x + zeros({2}); }, 0.0); },
                 "fori_loop", "state is f64 and becomes f64[2]");
}

TEST(Loops, RefusedCounts) {
  expect_refused(
      [] { while_loop([](Array x) { return x < 3; }, [](Array x) { return x + 1; }, 0, -1); },
      "while_loop", "a limit of -1");
  expect_refused([] { fori_loop(INT64_MIN, INT64_MAX, [](Array, Array x) { return x; }, 0.0); },
                 "fori_loop", "passes");
  const auto step = [](Array c, Array x) { return std::pair(c + x, c); };
  expect_refused([&] { scan(step, 0.0, ones({3}), 4); }, "scan", "length is 4");
  expect_refused(
      [&] { scan([](Array c, std::tuple<>) { return std::pair(c, c); }, 0.0, std::tuple<>{}); },
      "scan", "no xs");
  expect_refused(
      [&] {
        scan([](Array c, std::pair<Array, Array>) { return std::pair(c, c); }, 0.0,
             std::pair(ones({3}), ones({2})));
      },
      "scan", "differ in length");
}

}  // namespace
}  // namespace cotangent::array
