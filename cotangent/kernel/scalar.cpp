#include "cotangent/kernel/scalar.h"

#include <cstring>

#include "cotangent/ir/scalar_ops.h"

namespace cotangent::kernel {
namespace {

using ir::Op;

template <class T>
T value_of(Bits bits) {
  T v;
  std::memcpy(static_cast<void*>(&v), &bits, sizeof(T));
  return v;
}
template <class T>
Bits pack(T v) {
  Bits bits = 0;
  std::memcpy(&bits, &v, sizeof(T));
  return bits;
}

/// Calls f with a value of the C++ type of `t`; a bool is a uint8_t.
template <class F>
auto with_type(DType t, F f) {
  switch (t) {
    case DType::kF32: return f(float{});
    case DType::kF64: return f(double{});
    case DType::kI32: return f(std::int32_t{});
    case DType::kI64: return f(std::int64_t{});
    case DType::kU32: return f(std::uint32_t{});
    case DType::kU64: return f(std::uint64_t{});
    case DType::kBool: return f(std::uint8_t{});
    default: break;
  }
  throw InternalError("arithmetic on a storage type");
}

/// The same for every type there is.
template <class F>
Bits with_stored(DType t, F f) {
  switch (t) {
    case DType::kU8: return f(std::uint8_t{});
    case DType::kI8: return f(std::int8_t{});
    case DType::kI16: return f(std::int16_t{});
    case DType::kF16: return f(Float16{});
    case DType::kBF16: return f(BFloat16{});
    default: return with_type(t, f);
  }
}

Bits cast_bits(Bits x, DType from, DType to) {
  return with_stored(from, [&](auto f) {
    using From = decltype(f);
    const From v = value_of<From>(x);
    if (to == DType::kBool) return Bits(ir::is_nonzero(v));
    return with_stored(to, [&](auto t) {
      using To = decltype(t);
      return pack<To>(ir::convert<To, From>(v));
    });
  });
}

template <class T>
Bits apply_typed(Op op, std::span<const Bits> x, bool is_bool_type) {
  const auto v = [&](std::size_t k) { return value_of<T>(x[k]); };
  if (op == Op::kLt || op == Op::kLe || op == Op::kEq || op == Op::kNe) {
    return Bits(ir::apply_compare<T>(op, v(0), v(1)));
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (op == Op::kIsFinite) return Bits(std::isfinite(v(0)));
    if (op == Op::kFma) return pack<T>(std::fma(v(0), v(1), v(2)));
    if (x.size() == 1) return pack<T>(ir::apply_float_unary<T>(op, v(0)));
    return pack<T>(ir::apply_float_binary<T>(op, v(0), v(1)));
  } else {
    if (x.size() == 1) return pack<T>(ir::apply_int_unary<T>(op, v(0), is_bool_type));
    return pack<T>(ir::apply_int_binary<T>(op, v(0), v(1)));
  }
}

}  // namespace

Bits bits_of(double value, DType t) {
  return cast_bits(pack(value), DType::kF64, t);
}
Bits bits_of_i64(std::int64_t value, DType t) {
  return cast_bits(pack(value), DType::kI64, t);
}
std::int64_t i64_of(Bits bits, DType t) {
  return value_of<std::int64_t>(cast_bits(bits, t, DType::kI64));
}

Bits apply_scalar(Op op, DType result, DType operand, std::span<const Bits> x) {
  if (op == Op::kSelect) return (x[0] & 1) ? x[1] : x[2];
  if (op == Op::kCast) return cast_bits(x[0], operand, result);
  if (op == Op::kBitcast) return x[0];
  return with_type(
      operand, [&](auto t) { return apply_typed<decltype(t)>(op, x, operand == DType::kBool); });
}

Bits read_element(const std::byte* base, std::int64_t k, DType t) {
  Bits bits = 0;
  std::memcpy(&bits, base + static_cast<std::size_t>(k) * size_of(t), size_of(t));
  return t == DType::kBool ? Bits(bits != 0) : bits;
}

void write_element(std::byte* base, std::int64_t k, DType t, Bits bits) {
  std::memcpy(base + static_cast<std::size_t>(k) * size_of(t), &bits, size_of(t));
}

}  // namespace cotangent::kernel
