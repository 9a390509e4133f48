// Large angles against the C library's 80-bit sine and cosine, which reduce any angle.
#include "cotangent/ir/far_angle.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

namespace cotangent::ir {
namespace {

/// -pi to pi.
long double turned(long double x) {
  return std::atan2(std::sin(x), std::cos(x));
}

template <class T>
void expect_reduced(T x) {
  const FarAngle<T> got = reduce_far_angle(x);
  constexpr long double quarter = std::numbers::pi_v<long double> / 2;
  ASSERT_EQ(got.quarter, std::trunc(got.quarter));
  ASSERT_TRUE(std::signbit(x) ? got.quarter <= 0 && got.quarter > -4
                              : got.quarter >= 0 && got.quarter < 4);
  ASSERT_LE(std::fabs(got.rest), static_cast<T>(quarter / 2));
  const long double sum = static_cast<long double>(got.rest) + got.error;
  const long double off = std::remainder(sum + got.quarter * quarter - turned(x), 4 * quarter);
  ASSERT_LT(std::fabs(off), sizeof(T) == 4 ? 1e-14L : 1e-18L) << x;
  ASSERT_LE(std::fabs(got.error), std::numeric_limits<T>::epsilon() * std::fabs(got.rest)) << x;
}

TEST(FarAngle, AgreesWithTheLibrary) {
  std::mt19937_64 random(3);
  for (int k = 0; k < 20000; ++k) {
    const double sign = k % 2 ? -1 : 1;
    const double significand = 1 + static_cast<double>(random() >> 12) * 0x1p-52;
    expect_reduced(sign * std::ldexp(significand, kFarExponent + k % (1024 - kFarExponent)));
    const auto narrow = static_cast<float>(1 + static_cast<double>(random() >> 41) * 0x1p-23);
    expect_reduced(static_cast<float>(sign) *
                   std::ldexp(narrow, kFarExponentF + k % (128 - kFarExponentF)));
  }
  // The f64 and the f32 nearest to a multiple of pi/2 (Muller et al., Handbook of
  // Floating-Point Arithmetic, section 11.2).
  expect_reduced(0x1.6ac5b262ca1ffp+849);
  EXPECT_LT(std::fabs(reduce_far_angle(0x1.6ac5b262ca1ffp+849).rest), 0x1p-60);
  expect_reduced(std::numeric_limits<double>::max());
  expect_reduced(std::numeric_limits<float>::lowest());
}

template <class T>
void expect_corners(int exponent) {
  using L = std::numeric_limits<T>;
  const T least = std::ldexp(T(1), exponent);
  expect_reduced(least);
  expect_reduced(-least);
  for (T near : {std::nextafter(least, T(0)), T(0), T(-0.0), T(-1.5), L::denorm_min()}) {
    const FarAngle<T> got = reduce_far_angle(near);
    EXPECT_EQ(got.rest, near);
    EXPECT_EQ(std::signbit(got.rest), std::signbit(near));
    EXPECT_EQ(got.error, 0);
    EXPECT_EQ(got.quarter, 0);
  }
  for (T none : {L::infinity(), -L::infinity(), L::quiet_NaN()}) {
    EXPECT_TRUE(std::isnan(reduce_far_angle(none).rest));
  }
}

TEST(FarAngle, Corners) {
  expect_corners<double>(kFarExponent);
  expect_corners<float>(kFarExponentF);
}

}  // namespace
}  // namespace cotangent::ir
