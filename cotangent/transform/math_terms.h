// Numbers of a program, read as formulas: the notation in which expand_math*.cpp write functions.
#pragma once

#include <bit>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <vector>

#include "cotangent/ir/builder.h"

namespace cotangent::transform {

/// A value in a builder. Constants that meet it take its type.
struct Num {
  ir::Builder* b = nullptr;
  ir::Value v;

  ir::Type type() const { return b->type(v); }
  bool f32() const { return type().dtype == DType::kF32; }
  Num with(double c) const { return {b, b->splat(c, type())}; }
};

// clang-format off: one line an operator
inline Num operator+(Num x, Num y) { return {x.b, x.b->add(x.v, y.v)}; }
inline Num operator-(Num x, Num y) { return {x.b, x.b->sub(x.v, y.v)}; }
inline Num operator*(Num x, Num y) { return {x.b, x.b->mul(x.v, y.v)}; }
inline Num operator/(Num x, Num y) { return {x.b, x.b->div(x.v, y.v)}; }
inline Num operator+(Num x, double c) { return x + x.with(c); }
inline Num operator-(Num x, double c) { return x - x.with(c); }
inline Num operator*(Num x, double c) { return x * x.with(c); }
inline Num operator/(Num x, double c) { return x / x.with(c); }
inline Num operator+(double c, Num x) { return x.with(c) + x; }
inline Num operator-(double c, Num x) { return x.with(c) - x; }
inline Num operator*(double c, Num x) { return x.with(c) * x; }
inline Num operator/(double c, Num x) { return x.with(c) / x; }
inline Num operator-(Num x) { return {x.b, x.b->neg(x.v)}; }
inline Num operator<(Num x, Num y) { return {x.b, x.b->lt(x.v, y.v)}; }
inline Num operator<=(Num x, Num y) { return {x.b, x.b->le(x.v, y.v)}; }
inline Num operator==(Num x, Num y) { return {x.b, x.b->eq(x.v, y.v)}; }
inline Num operator<(Num x, double c) { return x < x.with(c); }
inline Num operator<=(Num x, double c) { return x <= x.with(c); }
inline Num operator>(Num x, double c) { return x.with(c) < x; }
inline Num operator>=(Num x, double c) { return x.with(c) <= x; }
inline Num operator==(Num x, double c) { return x == x.with(c); }
inline Num operator!=(Num x, double c) { return {x.b, x.b->ne(x.v, x.with(c).v)}; }
inline Num operator&(Num x, Num y) { return {x.b, x.b->binary(ir::Op::kAnd, x.v, y.v)}; }
inline Num operator|(Num x, Num y) { return {x.b, x.b->binary(ir::Op::kOr, x.v, y.v)}; }
inline Num operator^(Num x, Num y) { return {x.b, x.b->binary(ir::Op::kXor, x.v, y.v)}; }
inline Num operator!(Num x) { return {x.b, x.b->unary(ir::Op::kNot, x.v)}; }

inline Num fma(Num x, Num y, Num z) { return {x.b, x.b->fma(x.v, y.v, z.v)}; }
inline Num fma(Num x, Num y, double c) { return fma(x, y, x.with(c)); }
inline Num fma(Num x, double c, Num z) { return fma(x, x.with(c), z); }
inline Num select(Num p, Num x, Num y) { return {x.b, x.b->select(p.v, x.v, y.v)}; }
inline Num select(Num p, Num x, double c) { return select(p, x, x.with(c)); }
inline Num select(Num p, double c, Num y) { return select(p, y.with(c), y); }
inline Num apply(ir::Op op, Num x) { return {x.b, x.b->unary(op, x.v)}; }
inline Num apply(ir::Op op, Num x, Num y) { return {x.b, x.b->binary(op, x.v, y.v)}; }
inline Num abs(Num x) { return apply(ir::Op::kAbs, x); }
inline Num sqrt(Num x) { return apply(ir::Op::kSqrt, x); }
inline Num cast(Num x, DType t) { return {x.b, x.b->cast(x.v, t)}; }
// clang-format on

/// NaN stays NaN. By comparison and select: vector machines have exactly this as one instruction.
inline Num at_most(Num x, double high) {
  return select(x > high, high, x);
}
inline Num at_least(Num x, double low) {
  return select(x < low, low, x);
}
inline Num clamp(Num x, double low, double high) {
  return at_most(at_least(x, low), high);
}

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

inline Num bitcast(Num x, DType t) {
  return {x.b, x.b->bitcast(x.v, t)};
}
/// The bits of a float as a signed integer of its size, and back.
inline Num bits(Num x) {
  return bitcast(x, x.f32() ? DType::kI32 : DType::kI64);
}
inline Num from_bits(Num i) {
  return bitcast(i, size_of(i.type().dtype) == 4 ? DType::kF32 : DType::kF64);
}
inline Num unsigned_bits(Num x) {
  return bitcast(x, size_of(x.type().dtype) == 4 ? DType::kU32 : DType::kU64);
}
/// An integer constant (all 64 bits count) of i's type.
inline Num integer(Num i, std::int64_t value) {
  const auto constant = [&](auto c) { return i.b->constant(ir::Tensor::scalar_of(c)); };
  ir::Value scalar;
  switch (i.type().dtype) {
    case DType::kI32: scalar = constant(static_cast<std::int32_t>(value)); break;
    case DType::kU32: scalar = constant(static_cast<std::uint32_t>(value)); break;
    case DType::kU64: scalar = constant(static_cast<std::uint64_t>(value)); break;
    default: scalar = constant(value); break;
  }
  return {i.b, i.b->broadcast_to(scalar, i.type().shape)};
}
inline Num shift_left(Num i, std::int64_t n) {
  return apply(ir::Op::kShl, i, integer(i, n));
}
inline Num shift_right(Num i, std::int64_t n) {
  return apply(ir::Op::kShr, i, integer(i, n));
}

/// x with the sign of s.
inline Num copysign(Num x, Num s) {
  const Num i = bits(x), j = bits(s);
  const std::int64_t sign =
      x.f32() ? std::numeric_limits<std::int32_t>::min() : std::numeric_limits<std::int64_t>::min();
  return from_bits((i & integer(i, ~sign)) | (j & integer(j, sign)));
}
inline Num sign_bit(Num x) {  ///< bool
  const Num i = bits(x);
  return i < integer(i, 0);
}

/// c[0] + c[1] z + ... with fma, by halves (Estrin 1960): log2 N steps deep instead of N, for log2
/// N more products. A time step is a chain of such functions, so depth is what it waits for.
inline Num polynomial(std::span<const double> c, Num z, std::span<const Num> powers) {
  if (c.size() == 1) return z.with(c[0]);
  if (c.size() == 2) return fma(z.with(c[1]), z, c[0]);
  std::size_t half = 2, level = 0;  // z^half = powers[level]
  for (; 2 * half < c.size(); half *= 2) ++level;
  return fma(polynomial(c.subspan(half), z, powers), powers[level],
             polynomial(c.first(half), z, powers));
}
inline Num polynomial(std::span<const double> c, Num z) {
  std::vector<Num> powers;
  for (std::size_t half = 2; half < c.size(); half *= 2) {
    const Num& last = powers.empty() ? z : powers.back();
    powers.push_back(last * last);
  }
  return polynomial(c, z, powers);
}

/// The coefficients for values of z's type.
template <std::size_t N, std::size_t M>
std::vector<double> coefficients_for(Num z, const double (&wide)[N], const float (&narrow)[M]) {
  if (z.f32()) return {std::begin(narrow), std::end(narrow)};
  return {std::begin(wide), std::end(wide)};
}
template <std::size_t N, std::size_t M>
Num polynomial(const double (&wide)[N], const float (&narrow)[M], Num z) {
  return polynomial(coefficients_for(z, wide, narrow), z);
}

/// A constant to twice the digits of x's type, from one given to twice those of f64.
struct Parts {
  Num high, low;
};
inline Parts parts(Num x, double high, double low) {
  if (!x.f32()) return {x.with(high), x.with(low)};
  const auto head = static_cast<float>(high);
  return {x.with(head), x.with((high - head) + low)};
}

/// The whole number nearest to x*factor (below 2^50, or 2^21 in f32), by adding a large constant:
/// as a real, and as an integer whose low 12 bits (8 in f32) are right; the rest is the constant's.
struct Rounded {
  Num real, low_bits;
};
inline Rounded nearest(Num x, Num factor) {
  const double magic = x.f32() ? 0x1.8p23 : 0x1.8p52;
  const Num t = fma(x, factor, magic);
  return {t - magic, bits(t)};
}

/// 2^k for a normal result.
inline Num exp2_integer(Num k) {
  const bool narrow = k.type().dtype == DType::kI32;
  return from_bits(shift_left(k + integer(k, narrow ? 127 : 1023), narrow ? 23 : 52));
}

}  // namespace cotangent::transform
