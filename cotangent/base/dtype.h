// Element types the array program computes in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cotangent {

enum class DType : std::uint8_t { kF32, kF64, kI32, kI64, kU32, kU64, kBool };

constexpr bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF64;
}
constexpr bool is_bool(DType t) {
  return t == DType::kBool;
}
constexpr bool is_integer(DType t) {
  return !is_float(t) && !is_bool(t);
}
constexpr bool is_signed(DType t) {
  return is_float(t) || t == DType::kI32 || t == DType::kI64;
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
  }
  return "?";
}

/// The C++ type that holds an element: dtype_of_v<double> == DType::kF64.
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kF32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kF64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::kI32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::kI64;
};
template <>
struct DTypeOf<std::uint32_t> {
  static constexpr DType value = DType::kU32;
};
template <>
struct DTypeOf<std::uint64_t> {
  static constexpr DType value = DType::kU64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};
template <class T>
inline constexpr DType dtype_of_v = DTypeOf<T>::value;

}  // namespace cotangent
