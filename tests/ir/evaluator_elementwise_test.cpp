// What every elementwise op does to scalars, against definitions written here from the table's
// text.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "cotangent/ir/far_angle.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir::testing {
namespace {

template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T kInf = std::numeric_limits<T>::infinity();

/// Values at which something happens.
template <class T>
std::vector<T> values() {
  using L = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, bool>) {
    return {false, true};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {T(0),      T(-0.0),         T(1),     T(-1),         T(0.5),      T(-0.5),
            T(1.5),    T(2.5),          T(-2.5),  T(0.3),        T(-0.7),     T(3),
            T(100.25), T(-1e5),         L::max(), L::min(),      L::lowest(), L::infinity(),
            kNan<T>,   L::denorm_min(), T(7e8),   -L::infinity()};
  } else {
    return {T(0),  T(1),  T(2),  T(3),     T(7),     T(-1),           T(-2),           T(-7),
            T(31), T(33), T(65), L::max(), L::min(), T(L::max() - 1), T(L::min() + 1), T(100000)};
  }
}

template <class T>
T round_to_even(T x) {
  if (!(std::fabs(x) < T(1) / std::numeric_limits<T>::epsilon())) return x;
  const T down = std::floor(x), rest = x - down;
  T r = rest < T(0.5) ? down : down + 1;
  if (rest == T(0.5)) r = std::fmod(down, T(2)) == 0 ? down : down + 1;
  return std::copysign(r, x);
}

// --- floats
template <class T>
using FloatCases = std::map<Op, std::function<T(T, T, T)>>;
template <class T>
FloatCases<T> float_cases() {
  return {
      {Op::kNeg, [](T x, T, T) { return -x; }},
      {Op::kAbs, [](T x, T, T) { return std::copysign(x, T(1)); }},
      {Op::kSign, [](T x, T, T) { return x == 0 || x != x ? x : std::copysign(T(1), x); }},
      {Op::kFloor, [](T x, T, T) { return std::floor(x); }},
      {Op::kCeil, [](T x, T, T) { return -std::floor(-x); }},
      {Op::kRound, [](T x, T, T) { return round_to_even(x); }},
      {Op::kSqrt, [](T x, T, T) { return std::sqrt(x); }},
      {Op::kRsqrt, [](T x, T, T) { return T(1) / std::sqrt(x); }},
      {Op::kCbrt, [](T x, T, T) { return std::cbrt(x); }},
      {Op::kExp, [](T x, T, T) { return std::exp(x); }},
      {Op::kExpm1, [](T x, T, T) { return std::expm1(x); }},
      {Op::kLog, [](T x, T, T) { return std::log(x); }},
      {Op::kLog1p, [](T x, T, T) { return std::log1p(x); }},
      {Op::kSin, [](T x, T, T) { return std::sin(x); }},
      {Op::kCos, [](T x, T, T) { return std::cos(x); }},
      {Op::kTan, [](T x, T, T) { return std::tan(x); }},
      {Op::kAsin, [](T x, T, T) { return std::asin(x); }},
      {Op::kAcos, [](T x, T, T) { return std::acos(x); }},
      {Op::kAtan, [](T x, T, T) { return std::atan(x); }},
      {Op::kSinh, [](T x, T, T) { return std::sinh(x); }},
      {Op::kCosh, [](T x, T, T) { return std::cosh(x); }},
      {Op::kTanh, [](T x, T, T) { return std::tanh(x); }},
      {Op::kErf, [](T x, T, T) { return std::erf(x); }},
      {Op::kErfc, [](T x, T, T) { return std::erfc(x); }},
      // The function itself: far_angle_test.cpp.
      {Op::kFarAngle, [](T x, T, T) { return reduce_far_angle(x).rest; }},
      {Op::kFarAngleError, [](T x, T, T) { return reduce_far_angle(x).error; }},
      {Op::kFarQuarter, [](T x, T, T) { return reduce_far_angle(x).quarter; }},
      {Op::kAdd, [](T x, T y, T) { return x + y; }},
      {Op::kSub, [](T x, T y, T) { return x - y; }},
      {Op::kMul, [](T x, T y, T) { return x * y; }},
      {Op::kDiv, [](T x, T y, T) { return x / y; }},
      {Op::kMod, [](T x, T y, T) { return x - y * std::floor(x / y); }},
      {Op::kPow, [](T x, T y, T) { return std::pow(x, y); }},
      {Op::kAtan2, [](T y, T x, T) { return std::atan2(y, x); }},
      {Op::kMin, [](T x, T y, T) { return x != x || y != y ? kNan<T>
                                          : x < y          ? x
                                                           : y; }},
      {Op::kMax, [](T x, T y, T) { return x != x || y != y ? kNan<T>
                                          : x > y          ? x
                                                           : y; }},
      {Op::kFma, [](T x, T y, T z) { return std::fma(x, y, z); }},
  };
}

// --- integers, in arithmetic that cannot overflow, then wrapped
__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;
using IntCases = std::map<Op, std::function<Wide(Wide, Wide, int bits)>>;
const IntCases& int_cases() {
  static const auto floor_div = [](Wide x, Wide y) {
    const Wide q = x / y;
    return q * y != x && ((x < 0) != (y < 0)) ? q - 1 : q;
  };
  static const IntCases cases = {
      {Op::kNeg, [](Wide x, Wide, int) { return -x; }},
      {Op::kAbs, [](Wide x, Wide, int) { return x < 0 ? -x : x; }},
      {Op::kSign, [](Wide x, Wide, int) { return Wide(x > 0) - Wide(x < 0); }},
      {Op::kNot, [](Wide x, Wide, int) { return -x - 1; }},
      {Op::kAdd, [](Wide x, Wide y, int) { return x + y; }},
      {Op::kSub, [](Wide x, Wide y, int) { return x - y; }},
      {Op::kMul,
       [](Wide x, Wide y, int) {
         return static_cast<Wide>(static_cast<UnsignedWide>(x) * static_cast<UnsignedWide>(y));
       }},
      {Op::kDiv, [](Wide x, Wide y, int) { return y == 0 ? Wide(0) : x / y; }},
      {Op::kMod, [](Wide x, Wide y, int) { return y == 0 ? Wide(0) : x - y * floor_div(x, y); }},
      {Op::kMin, [](Wide x, Wide y, int) { return x < y ? x : y; }},
      {Op::kMax, [](Wide x, Wide y, int) { return x > y ? x : y; }},
      {Op::kAnd, [](Wide x, Wide y, int) { return x & y; }},
      {Op::kOr, [](Wide x, Wide y, int) { return x | y; }},
      {Op::kXor, [](Wide x, Wide y, int) { return x ^ y; }},
      {Op::kShl,
       [](Wide x, Wide y, int bits) {
         return static_cast<Wide>(static_cast<UnsignedWide>(x) << (y & (bits - 1)));
       }},
      {Op::kShr, [](Wide x, Wide y, int bits) { return x >> (y & (bits - 1)); }},
  };
  return cases;
}

const std::map<Op, std::function<bool(bool, bool)>>& bool_cases() {
  static const std::map<Op, std::function<bool(bool, bool)>> cases = {
      {Op::kNot, [](bool x, bool) { return !x; }},
      {Op::kAnd, [](bool x, bool y) { return x && y; }},
      {Op::kOr, [](bool x, bool y) { return x || y; }},
      {Op::kXor, [](bool x, bool y) { return x != y; }},
  };
  return cases;
}

template <class T>
std::map<Op, std::function<bool(T, T)>> compare_cases() {
  return {
      {Op::kLt, [](T x, T y) { return x < y; }},
      {Op::kLe, [](T x, T y) { return x <= y; }},
      {Op::kEq, [](T x, T y) { return x == y; }},
      {Op::kNe, [](T x, T y) { return x != y; }},
  };
}

template <class T>
Tensor vector_of(const std::vector<T>& x) {
  Tensor t(Type{dtype_of_v<T>, Shape{static_cast<std::int64_t>(x.size())}});
  for (std::size_t k = 0; k < x.size(); ++k) t.as<T>()[k] = x[k];
  return t;
}

/// Every combination of `arity` values: operand a of combination k is grid[a][k].
template <class T>
std::vector<std::vector<T>> grid(int arity) {
  const std::vector<T> x = values<T>();
  std::size_t n = 1;
  for (int a = 0; a < arity; ++a) n *= x.size();
  std::vector<std::vector<T>> out(static_cast<std::size_t>(arity));
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t rest = k;
    for (auto& column : out) {
      column.push_back(x[rest % x.size()]);
      rest /= x.size();
    }
  }
  return out;
}

/// Runs `op` over the grid; `expected(k, columns)` gives element k.
template <class T, class R, class Expected>
void check_grid(Op op, int arity, Expected expected) {
  const auto columns = grid<T>(arity);
  std::vector<Tensor> operands;
  for (const auto& column : columns) operands.push_back(vector_of<T>(column));
  const Tensor got = run(op, operands);
  Tensor want(got.type());
  ASSERT_EQ(got.type().dtype, dtype_of_v<R>);
  for (std::size_t k = 0; k < columns[0].size(); ++k) {
    want.as<R>()[k] = expected(k, columns);
    Tensor a(scalar(dtype_of_v<R>)), b(scalar(dtype_of_v<R>));
    a.as<R>()[0] = got.as<R>()[k];
    b.as<R>()[0] = want.as<R>()[k];
    ASSERT_TRUE(a.same_bits(b)) << name_of(op) << " on " << cotangent::name_of(dtype_of_v<T>)
                                << " of " << columns[0][k] << ", " << columns.back()[k] << " gives "
                                << +got.as<R>()[k] << ", should be " << +want.as<R>()[k];
  }
}

template <class T>
void check_floats() {
  for (const auto& [op, f] : float_cases<T>()) {
    check_grid<T, T>(op, info(op).arity, [&f = f](std::size_t k, const auto& c) {
      return f(c[0][k], c[c.size() > 1 ? 1 : 0][k], c.back()[k]);
    });
  }
  check_grid<T, bool>(Op::kIsFinite, 1, [](std::size_t k, const auto& c) {
    return c[0][k] - c[0][k] == T(0);  // false for infinities and NaN
  });
}

template <class T>
void check_integers() {
  for (const auto& [op, f] : int_cases()) {
    check_grid<T, T>(op, info(op).arity, [&f = f](std::size_t k, const auto& c) {
      return static_cast<T>(f(c[0][k], c.back()[k], static_cast<int>(sizeof(T)) * 8));
    });
  }
}

template <class T>
void check_any() {
  for (const auto& [op, f] : compare_cases<T>()) {
    check_grid<T, bool>(op, 2,
                        [&f = f](std::size_t k, const auto& c) { return f(c[0][k], c[1][k]); });
  }
  const auto c = grid<T>(2);
  Tensor p(Type{DType::kBool, Shape{static_cast<std::int64_t>(c[0].size())}});
  for (std::size_t k = 0; k < c[0].size(); ++k)
    p.set_integer(static_cast<std::int64_t>(k), k % 3 == 0);
  const Tensor x = vector_of<T>(c[0]), y = vector_of<T>(c[1]);
  const Tensor got = run(Op::kSelect, {p, x, y});
  for (std::size_t k = 0; k < c[0].size(); ++k) {
    const T want = k % 3 == 0 ? c[0][k] : c[1][k];
    EXPECT_EQ(std::memcmp(&want, &got.as<T>()[k], sizeof want), 0);
  }
}

TEST(Elementwise, Floats) {
  check_floats<double>();
  check_floats<float>();
}

TEST(Elementwise, Integers) {
  check_integers<std::int32_t>();
  check_integers<std::int64_t>();
  check_integers<std::uint32_t>();
  check_integers<std::uint64_t>();
}

TEST(Elementwise, Bools) {
  for (const auto& [op, f] : bool_cases()) {
    check_grid<bool, bool>(op, info(op).arity, [&f = f](std::size_t k, const auto& c) {
      return f(c[0][k], c.back()[k]);
    });
  }
}

TEST(Elementwise, ComparisonsAndSelect) {
  check_any<double>();
  check_any<float>();
  check_any<std::int32_t>();
  check_any<std::int64_t>();
  check_any<std::uint32_t>();
  check_any<std::uint64_t>();
  check_any<bool>();
}

// --- casts
template <class To, class From>
To converted(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && !std::is_floating_point_v<To>) {
    using L = std::numeric_limits<To>;
    if (x != x) return 0;
    const auto wide = static_cast<long double>(x);  // holds every limit exactly
    if (wide <= static_cast<long double>(L::min())) return L::min();
    if (wide >= static_cast<long double>(L::max())) return L::max();
    return static_cast<To>(wide);
  } else {
    return static_cast<To>(x);
  }
}

template <class To, class From>
void check_cast() {
  const Tensor x = vector_of<From>(values<From>());
  const Tensor got = run(Op::kCast, {x}, {}, Type{dtype_of_v<To>, x.type().shape});
  Tensor want(got.type());
  for (std::size_t k = 0; k < values<From>().size(); ++k) {
    want.as<To>()[k] = converted<To, From>(values<From>()[k]);
    const bool both_nan =
        want.as<To>()[k] != want.as<To>()[k] && got.as<To>()[k] != got.as<To>()[k];
    EXPECT_TRUE(both_nan || want.as<To>()[k] == got.as<To>()[k])
        << cotangent::name_of(dtype_of_v<From>) << " " << values<From>()[k] << " to "
        << cotangent::name_of(dtype_of_v<To>) << " gives " << +got.as<To>()[k];
  }
  EXPECT_TRUE(want.same_bits(got));
}

template <class From>
void check_casts_from() {
  check_cast<double, From>();
  check_cast<float, From>();
  check_cast<std::int32_t, From>();
  check_cast<std::int64_t, From>();
  check_cast<std::uint32_t, From>();
  check_cast<std::uint64_t, From>();
  check_cast<bool, From>();
}

TEST(Elementwise, Casts) {
  check_casts_from<double>();
  check_casts_from<float>();
  check_casts_from<std::int32_t>();
  check_casts_from<std::int64_t>();
  check_casts_from<std::uint32_t>();
  check_casts_from<std::uint64_t>();
  check_casts_from<bool>();
}

template <class To, class From>
void check_bitcast() {
  const Tensor x = vector_of<From>(values<From>());
  const Tensor got = run(Op::kBitcast, {x}, {}, Type{dtype_of_v<To>, x.type().shape});
  EXPECT_EQ(got.type().dtype, dtype_of_v<To>);
  EXPECT_EQ(std::memcmp(got.data(), x.data(), x.bytes()), 0);
}

TEST(Elementwise, Bitcasts) {
  check_bitcast<std::int64_t, double>();
  check_bitcast<std::uint64_t, double>();
  check_bitcast<double, std::int64_t>();
  check_bitcast<double, std::uint64_t>();
  check_bitcast<std::uint64_t, std::int64_t>();
  check_bitcast<std::int32_t, float>();
  check_bitcast<float, std::uint32_t>();
  check_bitcast<std::uint32_t, std::int32_t>();
  EXPECT_THROW(run(Op::kBitcast, {Tensor::scalar_of(1.0)}, {}, scalar(DType::kI32)), UserError);
}

}  // namespace

std::set<Op> elementwise_ops_tested() {
  std::set<Op> ops{Op::kIsFinite, Op::kSelect, Op::kCast, Op::kBitcast};
  for (const auto& entry : float_cases<double>()) ops.insert(entry.first);
  for (const auto& entry : int_cases()) ops.insert(entry.first);
  for (const auto& entry : compare_cases<double>()) ops.insert(entry.first);
  return ops;
}

namespace {

/// Every element type that an op's domain takes has a definition here.
TEST(Elementwise, EveryDomainIsCovered) {
  for (const OpInfo& op : all_ops()) {
    if (op.kind != OpKind::kElementwise) continue;
    if (op.domain == OpDomain::kFloat || op.domain == OpDomain::kFunction ||
        op.domain == OpDomain::kNumber) {
      EXPECT_TRUE(float_cases<double>().contains(op.op)) << op.name;
    }
    if (op.domain == OpDomain::kInt || op.domain == OpDomain::kNumber ||
        op.domain == OpDomain::kBits) {
      EXPECT_TRUE(int_cases().contains(op.op)) << op.name;
    }
    if (op.domain == OpDomain::kBits) {
      EXPECT_TRUE(bool_cases().contains(op.op)) << op.name;
    }
    if (op.domain == OpDomain::kCompare) {
      EXPECT_TRUE(compare_cases<double>().contains(op.op)) << op.name;
    }
  }
}

}  // namespace
}  // namespace cotangent::ir::testing
