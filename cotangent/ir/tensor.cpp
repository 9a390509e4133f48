#include "cotangent/ir/tensor.h"

#include <bit>
#include <cmath>

namespace cotangent::ir {

long double Tensor::real(std::int64_t k) const {
  const auto at = static_cast<std::size_t>(k);
  if (extended_) return as<long double>()[at];
  switch (type_.dtype) {
    case DType::kF64: return static_cast<long double>(as<double>()[at]);
    case DType::kF32: return static_cast<long double>(as<float>()[at]);
    case DType::kU64: return static_cast<long double>(as<std::uint64_t>()[at]);
    case DType::kF16: return static_cast<long double>(as<Float16>()[at]);
    case DType::kBF16: return static_cast<long double>(as<BFloat16>()[at]);
    default: return static_cast<long double>(integer(k));
  }
}

void Tensor::set_real(std::int64_t k, long double value) {
  const auto at = static_cast<std::size_t>(k);
  if (extended_) {
    as<long double>()[at] = value;
    return;
  }
  switch (type_.dtype) {
    case DType::kF64: as<double>()[at] = static_cast<double>(value); return;
    case DType::kF32: as<float>()[at] = static_cast<float>(value); return;
    case DType::kU64: as<std::uint64_t>()[at] = static_cast<std::uint64_t>(value); return;
    case DType::kF16: as<Float16>()[at] = Float16(value); return;
    case DType::kBF16: as<BFloat16>()[at] = BFloat16(value); return;
    default: set_integer(k, static_cast<std::int64_t>(value));
  }
}

std::int64_t Tensor::integer(std::int64_t k) const {
  const auto at = static_cast<std::size_t>(k);
  switch (type_.dtype) {
    case DType::kI32: return as<std::int32_t>()[at];
    case DType::kI64: return as<std::int64_t>()[at];
    case DType::kU32: return as<std::uint32_t>()[at];
    case DType::kU64: return static_cast<std::int64_t>(as<std::uint64_t>()[at]);
    case DType::kBool: return std::to_integer<int>(data_.data()[at]) != 0;
    case DType::kU8: return as<std::uint8_t>()[at];
    case DType::kI8: return as<std::int8_t>()[at];
    case DType::kI16: return as<std::int16_t>()[at];
    default: throw InternalError("Tensor::integer on a float tensor");
  }
}

void Tensor::set_integer(std::int64_t k, std::int64_t value) {
  const auto at = static_cast<std::size_t>(k);
  switch (type_.dtype) {
    case DType::kI32: as<std::int32_t>()[at] = static_cast<std::int32_t>(value); return;
    case DType::kI64: as<std::int64_t>()[at] = value; return;
    case DType::kU32: as<std::uint32_t>()[at] = static_cast<std::uint32_t>(value); return;
    case DType::kU64: as<std::uint64_t>()[at] = static_cast<std::uint64_t>(value); return;
    case DType::kBool: data_.data()[at] = std::byte(value != 0); return;
    case DType::kU8: as<std::uint8_t>()[at] = static_cast<std::uint8_t>(value); return;
    case DType::kI8: as<std::int8_t>()[at] = static_cast<std::int8_t>(value); return;
    case DType::kI16: as<std::int16_t>()[at] = static_cast<std::int16_t>(value); return;
    default: throw InternalError("Tensor::set_integer on a float tensor");
  }
}

Tensor Tensor::to_extended() const {
  if (type_.dtype != DType::kF64 || extended_) return *this;
  Tensor wide(type_, true);
  for (std::int64_t k = 0; k < size(); ++k) wide.set_real(k, real(k));
  return wide;
}

Tensor Tensor::to_double() const {
  if (!extended_) return *this;
  Tensor narrow(type_);
  for (std::int64_t k = 0; k < size(); ++k) narrow.set_real(k, real(k));
  return narrow;
}

Tensor Tensor::reshaped(Shape shape) const {
  ensure(shape.size() == size(), "Tensor::reshaped: size");
  Tensor out = *this;
  out.type_.shape = shape;
  return out;
}

bool Tensor::same_bits(const Tensor& other) const {
  if (type_ != other.type_ || extended_ != other.extended_) return false;
  if (!is_float(type_.dtype) && !is_storage_float(type_.dtype)) return data_ == other.data_;
  for (std::int64_t k = 0; k < size(); ++k) {
    const long double a = real(k), b = other.real(k);
    if (std::isnan(a) && std::isnan(b)) continue;
    if (a != b || std::signbit(a) != std::signbit(b)) return false;
  }
  return true;
}

Tensor filled(Type type, long double value) {
  Tensor t(type);
  const bool large = type.dtype == DType::kU64 && value > 0;  // may pass the signed range
  for (std::int64_t k = 0; k < t.size(); ++k) {
    if (is_float(type.dtype) || is_storage_float(type.dtype) || large)
      t.set_real(k, value);
    else
      t.set_integer(k, static_cast<std::int64_t>(value));
  }
  return t;
}

}  // namespace cotangent::ir
