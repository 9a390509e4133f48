// Elementwise operations against numpy's answers and IEEE.
#include "cotangent/array/complex.h"
#include "cotangent/array/jit.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

const double kInf = HUGE_VAL, kNan = std::nan("");

TEST(Elementwise, Broadcasting) {
  const Array column = Array::of({{1}, {2}, {3}}), row = Array::of({10, 20});
  EXPECT_EQ(show(column + row), "i64[3,2] 11 21 12 22 13 23");
  EXPECT_EQ(show(row - 1), "i64[2] 9 19");
  EXPECT_EQ((zeros({4, 1, 3}) + zeros({5, 1})).shape(), (Shape{4, 5, 3}));
  EXPECT_EQ((zeros({0, 3}) + zeros({1, 3})).shape(), (Shape{0, 3}));
  EXPECT_THAT(
      error_of([] { zeros({6, 3}) + zeros({4}); }),
      testing::AllOf(testing::HasSubstr("[add] shapes differ: f64[6,3] and f64[4]"),
                     testing::HasSubstr("axis -1 is 3 and 4"), testing::HasSubstr("expand_dims")));
}

TEST(Elementwise, IntegerDivision) {
  const Array a = Array::of({7, -7, 7, -7, 5, 0}), b = Array::of({3, 3, -3, -3, 5, 4});
  EXPECT_EQ(show(floor_divide(a, b)), "i64[6] 2 -3 -3 2 1 0");
  EXPECT_EQ(show(a % b), "i64[6] 1 2 -2 -1 0 0");
  EXPECT_EQ(show(floor_divide(a, 0)), "i64[6] 0 0 0 0 0 0");
}

TEST(Elementwise, RealDivisionWithRemainder) {
  const Array a = Array::of({7.5, -7.5, 7.5, -7.5, 1.0, 1.0, -1.0, 0.0, -0.0, 5.0, -5.0, 5.0, 3.0});
  const Array b =
      Array::of({2.0, 2.0, -2.0, -2.0, 0.1, -0.1, 0.1, 3.0, 3.0, kInf, kInf, -kInf, kNan});
  EXPECT_EQ(show(floor_divide(a, b)),
            "f64[13] 3.0 -4.0 -4.0 3.0 9.0 -10.0 -10.0 0.0 -0.0 0.0 -1.0 -1.0 nan");
  EXPECT_EQ(show(remainder(a, b)),
            "f64[13] 1.5 0.5 -0.5 -1.5 0.09999999999999995 -5.551115123125783e-17 "
            "5.551115123125783e-17 0.0 0.0 5.0 inf -inf nan");
  const Array c = Array::of({1.0, -1.0, kInf, 0.0}), d = Array::of({0.0, 0.0, 2.0, 0.0});
  EXPECT_EQ(show(floor_divide(c, d)), "f64[4] inf -inf nan nan");
  // Two numbers are no complex ones.
  EXPECT_EQ(show(where(a > 1.0, 1, 0.5)),
            "f64[13] 1.0 0.5 1.0 0.5 0.5 0.5 0.5 0.5 0.5 1.0 0.5 1.0 1.0");
  const Array whole = Array::of({6.0, -6.0, 6.0, -6.0}), by = Array::of({2.0, 2.0, -2.0, -2.0});
  const auto left = [](Array x, Array y) { return remainder(x, y); };
  EXPECT_EQ(show(left(whole, by)), "f64[4] 0.0 0.0 -0.0 -0.0");
  EXPECT_EQ(show(jit(left)(whole, by)), "f64[4] 0.0 0.0 -0.0 -0.0");
  EXPECT_EQ(show(remainder(c, d)), "f64[4] nan nan nan nan");
}

TEST(Elementwise, RemaindersAreExact) {
  // C's fmod is exact; ours is while |x / y| < 2^53.
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> mantissa(1, 2), exponent(-20, 20);
  std::vector<double> x, y, expected;
  for (int k = 0; k < 20000; ++k) {
    x.push_back(std::ldexp(mantissa(random), static_cast<int>(exponent(random))) *
                (k % 2 ? 1 : -1));
    y.push_back(std::ldexp(mantissa(random), static_cast<int>(exponent(random))) *
                (k % 3 ? 1 : -1));
    double r = std::fmod(x.back(), y.back());
    if (r != 0 && (r < 0) != (y.back() < 0)) r += y.back();
    expected.push_back(r);
  }
  EXPECT_EQ(reals(remainder(Array::from(x), Array::from(y))), expected);
}

TEST(Elementwise, Powers) {
  EXPECT_EQ(show(power(Array::of({2, -3}), 3)), "i64[2] 8 -27");
  EXPECT_EQ(show(power(Array::of({2, -3}), 0)), "i64[2] 1 1");
  EXPECT_EQ(show(power(Array::of({1.5, -2.0}), 2)), "f64[2] 2.25 4.0");
  EXPECT_EQ(show(power(Array::of({4.0, 9.0}), 0.5)), "f64[2] 2.0 3.0");
  EXPECT_EQ(show(power(2.0, Array::of({1, 10}))), "f64[2] 2.0 1024.0");
  expect_refused([] { power(Array::of({2}), -1); }, "power", "to the power -1");
}

// numpy: np.power(2, np.arange(5)), np.array([3, -2, 0]) ** np.array([0, 3, 0]), ...
TEST(Elementwise, PowersOfIntegers) {
  EXPECT_EQ(show(power(2, arange(5))), "i64[5] 1 2 4 8 16");
  EXPECT_EQ(show(power(Array::of({3, -2, 0, -1}), Array::of({0, 3, 0, 7}))), "i64[4] 1 -8 1 -1");
  EXPECT_EQ(show(power(Array::of({3}, DType::kI32), Array::of({2, 21}, DType::kI32))),
            "i32[2] 9 1870418611");  // wraps: 3^21 = 10460353203
  EXPECT_EQ(show(power(3, Array::of({100}))), "i64[1] -2984622845537545263");  // wraps
  EXPECT_EQ(show(power(Array::of({2, 3}), 63)), "i64[2] -9223372036854775808 -3237885987332494933");
  EXPECT_EQ(show(power(Array::of({2}), Array(true))), "i64[1] 2");
  expect_refused([] { power(2, Array::of({1, -1})); }, "power", "to the power -1");
  expect_refused([] { power(Array::of({true}), Array::of({true})); }, "power", "bool");
  // Of a traced function the exponents are not known.
  const auto f = jit([](Array x, Array n) { return power(x, n); });
  EXPECT_EQ(show(f(Array::of({2, 7, -3, 5}), Array::of({62, 0, 3, -1}))),
            "i64[4] 4611686018427387904 1 -27 0");
}

TEST(Elementwise, SumsAndProductsOfBools) {
  const Array x = Array::of({true, true, false, false}), y = Array::of({true, false, true, false});
  EXPECT_EQ(show(x + y), "bool[4] 1 1 1 0");
  EXPECT_EQ(show(x * y), "bool[4] 1 0 0 0");
  EXPECT_EQ(show(x + 1), "i64[4] 2 2 1 1");
  expect_refused([&] { x - y; }, "sub", "bool");
  expect_refused([&] { -x; }, "neg", "bool");
}

TEST(Elementwise, ComparisonsAndLogic) {
  const Array x = Array::of({1.0, 2.0, kNan});
  EXPECT_EQ(show(x < 2), "bool[3] 1 0 0");
  EXPECT_EQ(show(x <= 2.0), "bool[3] 1 1 0");
  EXPECT_EQ(show(x > 1), "bool[3] 0 1 0");
  EXPECT_EQ(show(2 >= x), "bool[3] 1 1 0");
  EXPECT_EQ(show(x == x), "bool[3] 1 1 0");
  EXPECT_EQ(show(x != 2), "bool[3] 1 0 1");
  const Array t = Array::of({true, true, false, false}), u = Array::of({true, false, true, false});
  EXPECT_EQ(show(t & u), "bool[4] 1 0 0 0");
  EXPECT_EQ(show(t | u), "bool[4] 1 1 1 0");
  EXPECT_EQ(show(t ^ u), "bool[4] 0 1 1 0");
  EXPECT_EQ(show(!t), "bool[4] 0 0 1 1");
  EXPECT_EQ(show(logical_and(Array::of({2, 0}), Array::of({1, 1}))), "bool[2] 1 0");
  EXPECT_EQ(show(logical_xor(Array::of({2, 0}), 1)), "bool[2] 0 1");
  EXPECT_EQ(show(Array::of({6, 5}) & 3), "i64[2] 2 1");
  EXPECT_EQ(show(~Array::of({0, 5})), "i64[2] -1 -6");
  EXPECT_EQ(show(left_shift(Array::of({1, 3}), 4)), "i64[2] 16 48");
  EXPECT_EQ(show(right_shift(Array::of({-16, 48}), 4)), "i64[2] -1 3");
  EXPECT_THAT(error_of([] { Array::of({true}) - Array::of({true}); }),
              testing::HasSubstr("[sub] does not take bool"));
}

TEST(Elementwise, ChoosingAndClipping) {
  const Array x = Array::of({-2.0, 0.5, 3.0});
  EXPECT_EQ(show(where(x > 0, x, -x)), "f64[3] 2.0 0.5 3.0");
  EXPECT_EQ(show(where(Array::of({{true}, {false}}), 1, Array::of({2, 3}))), "i64[2,2] 1 1 2 3");
  EXPECT_EQ(show(clip(x, -1, 1)), "f64[3] -1.0 0.5 1.0");
  EXPECT_EQ(show(maximum(x, kNan)), "f64[3] nan nan nan");
  EXPECT_EQ(show(minimum(x, 0.5)), "f64[3] -2.0 0.5 0.5");
  EXPECT_EQ(show(maximum(Array::of({true, false}), false)), "bool[2] 1 0");
}

TEST(Elementwise, OfAnyNumber) {
  const Array x = Array::of({-2.5, -0.5, 0.5, 1.5, 2.7});
  EXPECT_EQ(show(round(x)), "f64[5] -2.0 -0.0 0.0 2.0 3.0");
  EXPECT_EQ(show(floor(x)), "f64[5] -3.0 -1.0 0.0 1.0 2.0");
  EXPECT_EQ(show(ceil(x)), "f64[5] -2.0 -0.0 1.0 2.0 3.0");
  EXPECT_EQ(show(trunc(x)), "f64[5] -2.0 -0.0 0.0 1.0 2.0");
  EXPECT_EQ(show(floor(Array::of({3}))), "i64[1] 3");
  EXPECT_EQ(show(abs(Array::of({-3, 3}))), "i64[2] 3 3");
  EXPECT_EQ(show(sign(x)), "f64[5] -1.0 -1.0 1.0 1.0 1.0");
  const Array odd = Array::of({1.0, kInf, -kInf, kNan});
  EXPECT_EQ(show(isfinite(odd)), "bool[4] 1 0 0 0");
  EXPECT_EQ(show(isnan(odd)), "bool[4] 0 0 0 1");
  EXPECT_EQ(show(isinf(odd)), "bool[4] 0 1 1 0");
  EXPECT_EQ(show(isfinite(Array::of({1}))), "bool[1] 1");
}

TEST(Elementwise, FunctionsOfReals) {
  using Function = Array (*)(const Array&);
  struct Case {
    Function ours;
    double (*reference)(double);
    double low, high;
  };
  const Case cases[] = {
      {sqrt, std::sqrt, 0, 1e6},        {cbrt, std::cbrt, -50, 50},
      {exp, std::exp, -50, 50},         {exp2, std::exp2, -50, 50},
      {expm1, std::expm1, -1, 1},       {log, std::log, 1e-9, 1e9},
      {log2, std::log2, 1e-9, 1e9},     {log10, std::log10, 1e-9, 1e9},
      {log1p, std::log1p, -0.9, 5},     {sin, std::sin, -30, 30},
      {cos, std::cos, -30, 30},         {tan, std::tan, -1.5, 1.5},
      {asin, std::asin, -1, 1},         {acos, std::acos, -1, 1},
      {atan, std::atan, -30, 30},       {sinh, std::sinh, -5, 5},
      {cosh, std::cosh, -5, 5},         {tanh, std::tanh, -5, 5},
      {asinh, std::asinh, -50, 50},     {acosh, std::acosh, 1, 50},
      {atanh, std::atanh, -0.99, 0.99}, {erf, std::erf, -3, 3},
      {erfc, std::erfc, -3, 9},
  };
  for (const Case& c : cases) {
    const Array x = linspace(c.low, c.high, 101);
    const std::vector<double> at = reals(x), y = reals(c.ours(x));
    for (std::size_t k = 0; k < at.size(); ++k) {
      const double expected = c.reference(at[k]);
      // docs/functions.md: a few ulp each; near a zero of the function relative to 1.
      EXPECT_NEAR(y[k], expected, 4e-15 * std::max(1.0, std::fabs(expected)))
          << &c - cases << " at " << at[k];
    }
  }
  EXPECT_EQ(show(asinh(Array(-0.0))), "f64 -0.0");
  EXPECT_NEAR(asinh(Array(1e300)).item(), 691.46867507877365, 3e-13);
  EXPECT_EQ(show(hypot(Array::of({3.0, 1e300, 0.0, kInf}), Array::of({-4.0, 1e300, 0.0, kNan}))),
            "f64[4] 5.0 1.4142135623730952e+300 0.0 nan");
  EXPECT_EQ(show(rsqrt(Array::of({4.0}))), "f64[1] 0.5");
  EXPECT_NEAR(atan2(Array(1.0), Array(-1.0)).item(), std::atan2(1.0, -1.0), 1e-15);
  EXPECT_NEAR(degrees(Array(1.0)).item(), 57.29577951308232, 1e-13);
}

TEST(Elementwise, AllClose) {
  EXPECT_TRUE(allclose(Array::of({1.0, kInf}), Array::of({1.0 + 1e-9, kInf})));
  EXPECT_FALSE(allclose(Array::of({1.0}), Array::of({1.001})));
  EXPECT_FALSE(allclose(Array::of({kNan}), Array::of({kNan})));
}

}  // namespace
}  // namespace cotangent::array
