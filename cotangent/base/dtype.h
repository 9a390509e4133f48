// Element types: those the array program computes in, and those it only stores.
//
// Storage types (u8, i8, i16, f16, bf16) can be loaded, stored, moved and cast; arithmetic on them
// is refused. A program computes in f32 or i32 and casts at the edges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "cotangent/base/half.h"

namespace cotangent {

enum class DType : std::uint8_t {
  kF32,
  kF64,
  kI32,
  kI64,
  kU32,
  kU64,
  kBool,
  kU8,  // from here on: storage only
  kI8,
  kI16,
  kF16,
  kBF16
};
inline constexpr int kDTypeCount = static_cast<int>(DType::kBF16) + 1;

constexpr bool is_storage(DType t) {
  return t > DType::kBool;
}
constexpr bool is_storage_float(DType t) {
  return t == DType::kF16 || t == DType::kBF16;
}
constexpr bool is_storage_integer(DType t) {
  return is_storage(t) && !is_storage_float(t);
}
/// Computes as a real number; not f16 and bf16.
constexpr bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF64;
}
constexpr bool is_bool(DType t) {
  return t == DType::kBool;
}
/// Computes as an integer; not u8, i8 and i16.
constexpr bool is_integer(DType t) {
  return !is_float(t) && !is_bool(t) && !is_storage(t);
}
constexpr bool is_number(DType t) {
  return is_float(t) || is_integer(t);
}
constexpr bool is_signed(DType t) {
  return is_float(t) || is_storage_float(t) || t == DType::kI32 || t == DType::kI64 ||
         t == DType::kI8 || t == DType::kI16;
}

/// Bytes of one element in memory; a bool takes one byte.
constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::kF64:
    case DType::kI64:
    case DType::kU64: return 8;
    case DType::kF32:
    case DType::kI32:
    case DType::kU32: return 4;
    case DType::kI16:
    case DType::kF16:
    case DType::kBF16: return 2;
    case DType::kU8:
    case DType::kI8:
    case DType::kBool: return 1;
  }
  return 0;
}

constexpr std::string_view name_of(DType t) {
  switch (t) {
    case DType::kF32: return "f32";
    case DType::kF64: return "f64";
    case DType::kI32: return "i32";
    case DType::kI64: return "i64";
    case DType::kU32: return "u32";
    case DType::kU64: return "u64";
    case DType::kBool: return "bool";
    case DType::kU8: return "u8";
    case DType::kI8: return "i8";
    case DType::kI16: return "i16";
    case DType::kF16: return "f16";
    case DType::kBF16: return "bf16";
  }
  return "?";
}

/// The C++ type that holds an element: dtype_of_v<double> == DType::kF64.
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> : std::integral_constant<DType, DType::kF32> {};
template <>
struct DTypeOf<double> : std::integral_constant<DType, DType::kF64> {};
template <>
struct DTypeOf<std::int32_t> : std::integral_constant<DType, DType::kI32> {};
template <>
struct DTypeOf<std::int64_t> : std::integral_constant<DType, DType::kI64> {};
template <>
struct DTypeOf<std::uint32_t> : std::integral_constant<DType, DType::kU32> {};
template <>
struct DTypeOf<std::uint64_t> : std::integral_constant<DType, DType::kU64> {};
template <>
struct DTypeOf<bool> : std::integral_constant<DType, DType::kBool> {};
template <>
struct DTypeOf<std::uint8_t> : std::integral_constant<DType, DType::kU8> {};
template <>
struct DTypeOf<std::int8_t> : std::integral_constant<DType, DType::kI8> {};
template <>
struct DTypeOf<std::int16_t> : std::integral_constant<DType, DType::kI16> {};
template <>
struct DTypeOf<Float16> : std::integral_constant<DType, DType::kF16> {};
template <>
struct DTypeOf<BFloat16> : std::integral_constant<DType, DType::kBF16> {};
template <class T>
inline constexpr DType dtype_of_v = DTypeOf<T>::value;

}  // namespace cotangent
