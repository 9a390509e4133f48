// A concrete array value: row-major elements with a type. Used by constants, the reference
// evaluator and the edges of the runtime; not the user's array type.
#pragma once

#include <cstring>
#include <span>
#include <vector>

#include "cotangent/base/error.h"
#include "cotangent/ir/type.h"

namespace cotangent::ir {

/// In an *extended* tensor the elements of an f64 array are stored as long double; only the
/// reference evaluator makes them (order 8 is measured below f64 round-off).
class Tensor {
 public:
  Tensor() : Tensor(scalar()) {}
  explicit Tensor(Type type, bool extended = false)
      : type_(type), extended_(extended && type.dtype == DType::kF64) {
    data_.resize(static_cast<std::size_t>(type.size()) * element_bytes());
  }
  template <class T>
  static Tensor of(Shape shape, std::span<const T> values) {
    Tensor t(Type{dtype_of_v<T>, shape});
    ensure(static_cast<std::int64_t>(values.size()) == shape.size(), "Tensor::of: size");
    std::copy(values.begin(), values.end(), t.as<T>().begin());
    return t;
  }
  template <class T>
  static Tensor of(Shape shape, std::initializer_list<T> values) {
    return of<T>(shape, std::span<const T>(values.begin(), values.size()));
  }
  template <class T>
  static Tensor scalar_of(T value) {
    return of<T>(Shape{}, {value});
  }

  const Type& type() const { return type_; }
  std::int64_t size() const { return type_.size(); }
  bool extended() const { return extended_; }
  std::size_t element_bytes() const {
    return extended_ ? sizeof(long double) : size_of(type_.dtype);
  }

  /// Typed view; T must match (long double for an extended tensor).
  template <class T>
  std::span<T> as() {
    ensure(sizeof(T) == element_bytes(), "Tensor::as: element type");
    return {reinterpret_cast<T*>(data_.data()), static_cast<std::size_t>(size())};
  }
  template <class T>
  std::span<const T> as() const {
    ensure(sizeof(T) == element_bytes(), "Tensor::as: element type");
    return {reinterpret_cast<const T*>(data_.data()), static_cast<std::size_t>(size())};
  }
  /// Element k as the widest real type, whatever the element type.
  long double real(std::int64_t k) const;
  void set_real(std::int64_t k, long double value);
  std::int64_t integer(std::int64_t k) const;  ///< of an integer (stored ones too) or bool tensor
  void set_integer(std::int64_t k, std::int64_t value);

  std::byte* data() { return data_.data(); }
  const std::byte* data() const { return data_.data(); }
  std::size_t bytes() const { return data_.size(); }

  Tensor to_extended() const;  ///< f64 -> long double storage; others unchanged
  Tensor to_double() const;    ///< back, rounding
  Tensor reshaped(Shape shape) const;

  /// Same type and same bits, with all NaNs counted equal.
  bool same_bits(const Tensor& other) const;

 private:
  Type type_;
  bool extended_ = false;
  std::vector<std::byte> data_;
};

/// A tensor of `type` with every element `value`.
Tensor filled(Type type, long double value);

}  // namespace cotangent::ir
