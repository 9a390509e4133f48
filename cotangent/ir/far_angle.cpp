#include "cotangent/ir/far_angle.h"

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>

namespace cotangent::ir {
namespace {

constexpr std::uint64_t kBits[] = {
    0x000000a2f9836e4e, 0x441529fc2757d1f5, 0x34ddc0db6295993c, 0x439041fe5163abde,
    0xbbc561b7246e3a42, 0x4dd2e006492eea09, 0xd1921cfe1deb1cb1, 0x29a73ee88235f52e,
    0xbb4484e99c7026b4, 0x5f7e413991d63983, 0x5339f49c845f8bbd, 0xf9283b1ff897ffde,
    0x05980fef2f118b5a, 0x0a6d1f6d367ecf27, 0xcb09b74f463f669e, 0x5fea2d7527bac7eb,
    0xe5f17b3d0739f78a, 0x5292ea6bfb5fb11f, 0x8d5d0856033046fc};
constexpr std::uint32_t kBitsF[] = {0x00a2f983, 0x6e4e4415, 0x29fc2757, 0xd1f534dd,
                                    0xc0db6295, 0x993c4390, 0x41fe5163};

/// What differs between the two types.
struct Wide {
  using Real = double;
  using Word = std::uint64_t;
  __extension__ using Product = unsigned __int128;
  static constexpr int fraction = 52, bias = 1023, far_exponent = kFarExponent;
  static constexpr double tail_unit = 0x1p-63;
  static constexpr double turn_high = 0x1.921fb54442d18p-64, turn_low = 0x1.1a62633145c07p-118;
  static std::span<const Word> words() { return kBits; }
};
struct Narrow {
  using Real = float;
  using Word = std::uint32_t;
  using Product = std::uint64_t;
  static constexpr int fraction = 23, bias = 127, far_exponent = kFarExponentF;
  static constexpr float tail_unit = 0x1p-31f;
  static constexpr float turn_high = 0x1.921fb6p-32f, turn_low = -0x1.777a5cp-57f;
  static std::span<const Word> words() { return kBitsF; }
};

template <class Format>
FarAngle<typename Format::Real> reduce(typename Format::Real x) {
  using T = typename Format::Real;
  using Word = typename Format::Word;
  using Signed = std::make_signed_t<Word>;
  using Product = typename Format::Product;
  constexpr int size = 8 * sizeof(Word);
  const auto i = std::bit_cast<Word>(x);
  const auto exponent = static_cast<int>((i << 1) >> (Format::fraction + 1));
  const int place = exponent - (Format::bias + Format::far_exponent);
  if (place < 0 || std::isnan(x)) return {x};

  // Three words of 2/pi from bit `place` on, times the significand, modulo a turn.
  Word window[3];
  for (int k = 0; k < 3; ++k) {
    const auto at = static_cast<std::size_t>(place / size + k);
    const int left = place % size;
    window[k] =
        (Format::words()[at] << left) | ((Format::words()[at + 1] >> 1) >> (size - 1 - left));
  }
  constexpr Word implicit = Word{1} << Format::fraction;
  const Product m = (i & (implicit - 1)) | implicit;
  const Product middle = m * window[1];
  const auto carried = static_cast<Word>(middle);
  const Word low_word = carried + static_cast<Word>((m * window[2]) >> size);
  const Word high_word = static_cast<Word>(m * window[0]) + static_cast<Word>(middle >> size) +
                         (low_word < carried ? 1u : 0u);

  // The nearest quarter, and what is left of it, signed, in [-1/2, 1/2) of a quarter.
  const auto quarter = static_cast<Signed>((high_word + (Word{1} << (size - 3))) >> (size - 2));
  const auto head = static_cast<Signed>((high_word << 2) | (low_word >> (size - 2)));
  const auto tail = static_cast<Signed>((low_word << 2) >> 1);
  const T h = static_cast<T>(head);
  constexpr Signed most = std::numeric_limits<Signed>::max();
  const Signed whole =
      h >= -static_cast<T>(std::numeric_limits<Signed>::min()) ? most : static_cast<Signed>(h);
  const T low = std::fma(static_cast<T>(tail), Format::tail_unit, static_cast<T>(head - whole));
  const T p = h * Format::turn_high;
  const T p_low =
      std::fma(h, Format::turn_high, -p) + std::fma(h, Format::turn_low, low * Format::turn_high);
  const T r = p + p_low, error = p_low - (r - p);
  const bool negative = static_cast<Signed>(i) < 0;
  return {(negative ? -r : r) + (x - x), negative ? -error : error,
          static_cast<T>(negative ? -quarter : quarter)};
}

}  // namespace

std::span<const std::uint64_t> two_over_pi() {
  return kBits;
}
std::span<const std::uint32_t> two_over_pi_narrow() {
  return kBitsF;
}

FarAngle<double> reduce_far_angle(double x) {
  return reduce<Wide>(x);
}
FarAngle<float> reduce_far_angle(float x) {
  return reduce<Narrow>(x);
}
FarAngle<long double> reduce_far_angle(long double x) {
  if (!(std::fabs(x) >= 0x1p30L)) return {x};
  constexpr long double quarter = std::numbers::pi_v<long double> / 2;
  const long double positive = std::fabs(x);
  const long double turned = std::atan2(std::sin(positive), std::cos(positive));
  const long double quarters = std::nearbyint(turned / quarter);
  const long double rest = turned - quarters * quarter;
  return {std::signbit(x) ? -rest : rest, 0,
          std::copysign(quarters < 0 ? quarters + 4 : quarters, x)};
}

}  // namespace cotangent::ir
