// The two 16-bit floating-point storage types, as bits with conversions. Nothing computes in them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace cotangent {

/// A binary floating-point number of 16 bits: sign, exponent, `kMantissa` bits of significand;
/// IEEE 754 binary16 (10) or bfloat16 (7).
template <int kMantissa>
struct Half {
  std::uint16_t bits = 0;

  static constexpr int kBias = (1 << (14 - kMantissa)) - 1;
  static constexpr int kLeastExponent = 1 - kBias;  ///< of a normal number
  static constexpr std::uint16_t kInfinity =
      static_cast<std::uint16_t>(((2 * kBias + 1) << kMantissa));
  static constexpr std::uint16_t kNaN =
      static_cast<std::uint16_t>(kInfinity | (1 << (kMantissa - 1)));

  Half() = default;
  /// Rounds once, ties to even; what is too large becomes infinite, any NaN the positive quiet one.
  template <class T>
    requires std::numeric_limits<T>::is_iec559
  explicit Half(T x) {
    if (x != x) {
      bits = kNaN;
      return;
    }
    const std::uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    const T a = std::fabs(x);
    int exponent = kLeastExponent;
    if (a > 0 && a < std::numeric_limits<T>::infinity()) {
      exponent = std::max(std::ilogb(a), kLeastExponent);
    }
    // The significand as a whole number; 2^(kMantissa+1) where rounding carries into the next
    // exponent, which the sum below then reaches by itself.
    const T whole =
        exponent > kBias ? T(2 << kMantissa) : std::nearbyint(std::ldexp(a, kMantissa - exponent));
    const int biased = std::min(exponent, kBias) - kLeastExponent;
    const bool large = !(a < std::numeric_limits<T>::infinity());
    bits = static_cast<std::uint16_t>(
        sign | (large ? kInfinity : (biased << kMantissa) + static_cast<int>(whole)));
  }
  explicit operator float() const {
    const int exponent = (bits & 0x7fff) >> kMantissa;
    const int fraction = bits & ((1 << kMantissa) - 1);
    float a;
    if (exponent == 2 * kBias + 1) {
      a = fraction == 0 ? std::numeric_limits<float>::infinity()
                        : std::numeric_limits<float>::quiet_NaN();
    } else {
      const int hidden = exponent == 0 ? 0 : 1 << kMantissa;
      a = std::ldexp(static_cast<float>(fraction + hidden),
                     (exponent == 0 ? 1 : exponent) - kBias - kMantissa);
    }
    return bits & 0x8000 ? -a : a;
  }
  explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }
  explicit operator long double() const { return static_cast<float>(*this); }
};

using Float16 = Half<10>;
using BFloat16 = Half<7>;

}  // namespace cotangent
