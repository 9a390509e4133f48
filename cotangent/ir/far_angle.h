// Large angles without their quarter turns (Payne and Hanek 1983), on numbers. The same in a
// program's own operations is transform/math_angle.cpp, which explains it; both give the same bits.
#pragma once

#include <cstdint>
#include <span>

namespace cotangent::ir {

/// x = quarter pi/2 + rest + error up to whole turns.
template <class T>
struct FarAngle {
  T rest = 0, error = 0, quarter = 0;
};

/// Angles from 2^n on are far.
inline constexpr int kFarExponent = 30, kFarExponentF = 17;

/// 2/pi, in words of 64 bits for f64 and of 32 for f32, after as many zeros as put what the
/// smallest far angle needs at the start.
std::span<const std::uint64_t> two_over_pi();
std::span<const std::uint32_t> two_over_pi_narrow();

/// rest: NaN for an infinite angle, the angle itself where it is not far.
FarAngle<double> reduce_far_angle(double x);
FarAngle<float> reduce_far_angle(float x);
/// By the C library, with no error term; far from 2^30 on.
FarAngle<long double> reduce_far_angle(long double x);

}  // namespace cotangent::ir
