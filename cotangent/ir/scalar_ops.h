// What an elementwise op does to scalars: the one definition that the evaluator, constant folding
// and the kernel interpreter share. T is float, double, long double or an integer type; bool is
// handled as std::uint8_t holding 0 or 1.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cotangent/base/error.h"
#include "cotangent/ir/far_angle.h"
#include "cotangent/ir/op.h"

namespace cotangent::ir {

template <class T>
T apply_float_unary(Op op, T x) {
  switch (op) {
    case Op::kNeg: return -x;
    case Op::kAbs: return std::fabs(x);
    case Op::kSign: return x > 0 ? T(1) : x < 0 ? T(-1) : x;
    case Op::kFloor: return std::floor(x);
    case Op::kCeil: return std::ceil(x);
    case Op::kRound: return std::nearbyint(x);  // ties to even in the default rounding mode
    case Op::kSqrt: return std::sqrt(x);
    case Op::kRsqrt: return T(1) / std::sqrt(x);
    case Op::kCbrt: return std::cbrt(x);
    case Op::kExp: return std::exp(x);
    case Op::kExpm1: return std::expm1(x);
    case Op::kLog: return std::log(x);
    case Op::kLog1p: return std::log1p(x);
    case Op::kSin: return std::sin(x);
    case Op::kCos: return std::cos(x);
    case Op::kTan: return std::tan(x);
    case Op::kAsin: return std::asin(x);
    case Op::kAcos: return std::acos(x);
    case Op::kAtan: return std::atan(x);
    case Op::kSinh: return std::sinh(x);
    case Op::kCosh: return std::cosh(x);
    case Op::kTanh: return std::tanh(x);
    case Op::kErf: return std::erf(x);
    case Op::kErfc: return std::erfc(x);
    case Op::kFarAngle: return reduce_far_angle(x).rest;
    case Op::kFarAngleError: return reduce_far_angle(x).error;
    case Op::kFarQuarter: return reduce_far_angle(x).quarter;
    default: throw InternalError("not a float unary op");
  }
}

template <class T>
T apply_float_binary(Op op, T x, T y) {
  switch (op) {
    case Op::kAdd: return x + y;
    case Op::kSub: return x - y;
    case Op::kMul: return x * y;
    case Op::kDiv: return x / y;
    case Op::kMod: return x - y * std::floor(x / y);
    case Op::kPow: return std::pow(x, y);
    case Op::kAtan2: return std::atan2(x, y);
    case Op::kMin: return x < y || x != x ? x : y;
    case Op::kMax: return x > y || x != x ? x : y;
    default: throw InternalError("not a float binary op");
  }
}

/// Wrapping integer arithmetic. For bool (uint8_t of 0 or 1) only not, and, or, xor arrive here.
template <class T>
T apply_int_unary(Op op, T x, bool is_bool_type = false) {
  using U = std::make_unsigned_t<T>;
  switch (op) {
    case Op::kNeg: return static_cast<T>(U(0) - static_cast<U>(x));
    case Op::kAbs: return x < 0 ? static_cast<T>(U(0) - static_cast<U>(x)) : x;
    case Op::kSign: return static_cast<T>(x > 0 ? 1 : x < 0 ? T(-1) : T(0));
    case Op::kNot: return is_bool_type ? static_cast<T>(x == 0) : static_cast<T>(~x);
    default: throw InternalError("not an integer unary op");
  }
}

template <class T>
T apply_int_binary(Op op, T x, T y) {
  using U = std::make_unsigned_t<T>;
  const U u = static_cast<U>(x), v = static_cast<U>(y);
  constexpr unsigned kBits = sizeof(T) * 8;
  const bool wraps = std::is_signed_v<T> && x == std::numeric_limits<T>::min() && y == T(-1);
  switch (op) {
    case Op::kAdd: return static_cast<T>(u + v);
    case Op::kSub: return static_cast<T>(u - v);
    case Op::kMul: return static_cast<T>(static_cast<U>(1u * u * v));
    case Op::kDiv: return y == 0 ? T(0) : wraps ? x : static_cast<T>(x / y);
    case Op::kMod: {
      if (y == 0 || wraps) return T(0);
      const T r = static_cast<T>(x % y);
      return r != 0 && ((r < 0) != (y < 0)) ? static_cast<T>(r + y) : r;
    }
    case Op::kMin: return x < y ? x : y;
    case Op::kMax: return x > y ? x : y;
    case Op::kAnd: return static_cast<T>(u & v);
    case Op::kOr: return static_cast<T>(u | v);
    case Op::kXor: return static_cast<T>(u ^ v);
    case Op::kShl: return static_cast<T>(u << (v & (kBits - 1)));
    case Op::kShr: return static_cast<T>(x >> (v & (kBits - 1)));
    default: throw InternalError("not an integer binary op");
  }
}

template <class T>
bool apply_compare(Op op, T x, T y) {
  switch (op) {
    case Op::kLt: return x < y;
    case Op::kLe: return x <= y;
    case Op::kEq: return x == y;
    case Op::kNe: return x != y;
    default: throw InternalError("not a comparison");
  }
}

template <class T>
inline constexpr bool is_half = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

template <class T>
bool is_nonzero(T x) {
  if constexpr (is_half<T>)
    return static_cast<float>(x) != 0;
  else
    return x != T(0);
}

/// Value conversion: float to integer truncates and saturates, NaN gives 0; integers wrap; to f16
/// and bf16 with one rounding, from an integer by way of f64. To bool see is_nonzero.
template <class To, class From>
To convert(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (is_half<From>) {
    return convert<To>(static_cast<float>(x));
  } else if constexpr (is_half<To>) {
    if constexpr (std::is_integral_v<From>)
      return To(static_cast<double>(x));
    else
      return To(x);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (x != x) return To(0);
    const From low = static_cast<From>(std::numeric_limits<To>::min());
    const From high = std::ldexp(From(1), std::numeric_limits<To>::digits);
    if (x < low) return std::numeric_limits<To>::min();
    if (x >= high) return std::numeric_limits<To>::max();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace cotangent::ir
