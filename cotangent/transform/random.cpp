#include "cotangent/transform/random.h"

#include <cmath>
#include <numbers>

#include "cotangent/transform/math_terms.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// A whole number of the leading bits, 53 for f64 and 24 for f32, as a real. By way of a signed
/// integer, which more machines convert.
Num leading_bits(Builder& b, Value bits, DType real) {
  const bool narrow = real == DType::kF32;
  const Num words{&b, bits};
  const Num leading = apply(Op::kShr, words, words.with(narrow ? 8 : 11));
  const Num whole{&b, b.bitcast(leading.v, narrow ? DType::kI32 : DType::kI64)};
  return cast(whole, real);
}

double unit(DType real) {
  return std::ldexp(1.0, real == DType::kF32 ? -24 : -53);
}

DType bits_for(DType real) {
  return real == DType::kF32 ? DType::kU32 : DType::kU64;
}

void want_real(const char* what, const Type& type) {
  if (!is_float(type.dtype)) {
    throw UserError("[" + std::string(what) + "] gives f64 or f32, not " + type.text());
  }
}

/// Column k of [n, 2].
Value column(Builder& b, Value table, std::int64_t k) {
  const std::int64_t n = b.type(table).shape[0];
  return b.reshape(b.slice(table, {0, k}, {n, k + 1}, {1, 1}), Shape{n});
}

}  // namespace

Value RandomStream::bits(const Type& type) {
  return b_.random_bits(seed_, member_, step_, site_++, type);
}

Value RandomStream::uniform(const Type& type) {
  want_real("uniform", type);
  const Value drawn = bits(type.with_dtype(bits_for(type.dtype)));
  return (leading_bits(b_, drawn, type.dtype) * unit(type.dtype)).v;
}

Value RandomStream::normal(const Type& type) {
  want_real("normal", type);
  // Elements 2k and 2k + 1 are one point of the plane: a radius from one word, an angle from the
  // next. The radius takes 2^-54 (all 32 bits and 2^-33 in f32) at least: no logarithm of zero.
  const std::int64_t pairs = (type.size() + 1) / 2;
  const DType real = type.dtype;
  const Value drawn = bits({bits_for(real), {pairs, 2}});
  const Value first = column(b_, drawn, 0);
  const Num u = real == DType::kF32 ? cast(Num{&b_, first}, real) * 0x1p-32 + 0x1p-33
                                    : leading_bits(b_, first, real) * unit(real) + unit(real) / 2;
  const Num radius = sqrt(apply(Op::kLog, u) * -2.0);
  const Num angle =
      leading_bits(b_, column(b_, drawn, 1), real) * (2 * std::numbers::pi * unit(real));
  const Shape one{pairs, 1};
  const Value columns[] = {b_.reshape((radius * apply(Op::kCos, angle)).v, one),
                           b_.reshape((radius * apply(Op::kSin, angle)).v, one)};
  const Value flat = b_.reshape(b_.concatenate(columns, 1), Shape{2 * pairs});
  return b_.reshape(b_.slice_rows(flat, 0, type.size()), type.shape);
}

Value RandomStream::bernoulli(Value p) {
  want_real("bernoulli", b_.type(p));
  return b_.lt(uniform(b_.type(p)), p);
}

Value RandomStream::integers(const Type& type, std::int64_t low, std::int64_t high) {
  if (!is_integer(type.dtype)) {
    throw UserError("[integers] gives integers, not " + type.text(), "cast what comes out");
  }
  const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  if (high <= low || count > std::uint64_t{1} << 32) {
    throw UserError("[integers] from " + std::to_string(low) + " below " + std::to_string(high),
                    "give a range of 1 to 2^32 numbers");
  }
  const Num u{&b_, uniform(type.with_dtype(DType::kF64))};
  const Num whole = cast(u * static_cast<double>(high - low), DType::kI64);
  return cast(whole + integer(whole, low), type.dtype).v;
}

}  // namespace cotangent::transform
