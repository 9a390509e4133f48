// Casts to and from storage types, in arithmetic that every back end has: a kernel program loads,
// stores and selects f16 and bf16, reads their bits as i16, and converts integers of any width; no
// instruction or library function for half precision is needed. The values are those of
// ir::convert.
#include "cotangent/kernel/kernel_builder.h"

namespace cotangent::kernel {

using ir::Op;

namespace {

/// What the conversions need to know of a floating-point type.
struct Format {
  int mantissa, bias, bits;
  std::int64_t least() const { return std::int64_t{1} << mantissa; }  ///< normal number, as bits
  std::int64_t infinity() const { return std::int64_t{2 * bias + 1} << mantissa; }
};
constexpr Format kF16{10, 15, 16}, kBF16{7, 127, 16}, kF32{23, 127, 32}, kF64{52, 1023, 64};

}  // namespace

Id KernelBuilder::convert_storage(Id x, DType to) {
  const DType from = type(x);
  if (is_storage_float(from)) return cast(from_half(x), to);
  if (is_storage_float(to)) return to_half(is_float(from) ? x : cast(x, DType::kF64), to);
  if (is_bool(to)) return op(Op::kNe, {cast(x, DType::kI32), constant(DType::kI32, 0)});
  if (is_float(to)) return cast(cast(x, DType::kI32), to);
  if (is_float(from)) {  // saturates at the ends of the narrow type
    const int bits = static_cast<int>(size_of(to)) * 8 - (is_signed(to) ? 1 : 0);
    const std::int64_t high = (std::int64_t{1} << bits) - 1, low = is_signed(to) ? -high - 1 : 0;
    const Id least = constant(DType::kI32, bits_of_i64(low, DType::kI32));
    const Id most = constant(DType::kI32, bits_of_i64(high, DType::kI32));
    x = op(Op::kMin, {op(Op::kMax, {cast(x, DType::kI32), least}), most});
  }
  return convert_plainly(Op::kCast, x, to);
}

/// f32, exactly.
Id KernelBuilder::from_half(Id x) {
  const DType t = DType::kI32;
  const auto number = [&](std::int64_t k) { return constant(t, bits_of_i64(k, t)); };
  const auto shifted = [&](Id i, std::int64_t by) { return op(Op::kShl, {i, number(by)}); };
  const bool brain = type(x) == DType::kBF16;
  const Id bits = convert_plainly(Op::kCast, convert_plainly(Op::kBitcast, x, DType::kI16), t);
  if (brain) return convert_plainly(Op::kBitcast, shifted(bits, 16), DType::kF32);
  // Normal numbers, and infinity and NaN, whose exponents are the last: the exponent is rebased.
  // Subnormal ones are whole multiples of 2^-24. (No subnormal f32 takes part: some machines flush
  // them.)
  const Id a = op(Op::kAnd, {bits, number(0x7fff)});
  const Id rebase =
      select(op(Op::kLt, {a, number(kF16.infinity())}), number(112 << 23), number(224 << 23));
  const Id small = mul(cast(a, DType::kF32), this->number(0x1p-24, DType::kF32));
  const Id value = select(op(Op::kLt, {a, number(kF16.least())}),
                          convert_plainly(Op::kBitcast, small, t), add(shifted(a, 13), rebase));
  const Id sign = op(Op::kAnd, {bits, number(INT32_MIN)});
  return convert_plainly(Op::kBitcast, op(Op::kOr, {value, sign}), DType::kF32);
}

/// Of an f32 or f64; one rounding, ties to even.
Id KernelBuilder::to_half(Id x, DType to) {
  const Format out = to == DType::kF16 ? kF16 : kBF16;
  const Format in = type(x) == DType::kF32 ? kF32 : kF64;
  const DType t = type(x) == DType::kF32 ? DType::kI32 : DType::kI64;
  const auto number = [&](std::int64_t k) { return constant(t, bits_of_i64(k, t)); };
  const auto shifted = [&](Id i, std::int64_t by) { return op(Op::kShr, {i, number(by)}); };
  const std::int64_t sign_bit = std::int64_t{1} << 63 >> (64 - in.bits);
  const int shift = in.mantissa - out.mantissa;
  const std::int64_t rebase = std::int64_t{in.bias - out.bias} << in.mantissa;

  const Id bits = convert_plainly(Op::kBitcast, x, t);
  const Id a = op(Op::kAnd, {bits, number(~sign_bit)});
  // Adding half a unit of the last place kept, less one where that place is even, carries as
  // rounding does: into the exponent, and from the largest number to infinity.
  const Id odd = op(Op::kAnd, {shifted(a, shift), number(1)});
  const std::int64_t half_less = (std::int64_t{1} << (shift - 1)) - 1;
  Id y = shifted(add(add(a, odd), number(half_less - rebase)), shift);
  if (in.bias != out.bias) {
    // Below the least normal number the last place is fixed: adding a number with that last place
    // rounds there.
    const std::int64_t magic_exponent = 1 - out.bias - out.mantissa + in.mantissa;
    const std::int64_t magic_bits = (magic_exponent + in.bias) << in.mantissa;
    const Id magic = constant(type(x), bits_of_i64(magic_bits, t));
    const Id sum = add(convert_plainly(Op::kBitcast, a, type(x)), magic);
    const Id small = sub(convert_plainly(Op::kBitcast, sum, t), number(magic_bits));
    const std::int64_t least = rebase + (std::int64_t{1} << in.mantissa);
    const std::int64_t beyond = std::int64_t{in.bias + out.bias + 1} << in.mantissa;
    y = select(op(Op::kLt, {a, number(least)}), small, y);
    y = select(op(Op::kLt, {a, number(beyond)}), y, number(out.infinity()));
  }
  const Id is_nan = op(Op::kLt, {number(in.infinity()), a});
  y = select(is_nan, number(out.infinity() | out.least() >> 1), y);
  const Id sign = op(Op::kAnd, {shifted(bits, in.bits - 16), number(0x8000)});
  const Id narrow = convert_plainly(Op::kCast, op(Op::kOr, {y, sign}), DType::kI16);
  return convert_plainly(Op::kBitcast, narrow, to);
}

}  // namespace cotangent::kernel
