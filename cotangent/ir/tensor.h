// A concrete array value: row-major elements with a type. Used by constants, the reference
// evaluator and the edges of the runtime; not the user's array type.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "cotangent/base/error.h"
#include "cotangent/ir/type.h"

namespace cotangent::ir {

/// Bytes, zero at first; few are kept in place, so a scalar or a small vector allocates nothing.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::size_t size) : size_(size) {
    if (size > near_.size()) far_ = std::make_unique<std::byte[]>(size);
  }
  Bytes(const Bytes& other) : size_(other.size_), near_(other.near_) {
    if (!other.far_) return;
    far_ = std::make_unique_for_overwrite<std::byte[]>(size_);
    std::memcpy(far_.get(), other.far_.get(), size_);
  }
  Bytes(Bytes&& other) noexcept
      : size_(std::exchange(other.size_, 0)), near_(other.near_), far_(std::move(other.far_)) {}
  Bytes& operator=(Bytes other) noexcept {
    size_ = other.size_;
    near_ = other.near_;
    far_ = std::move(other.far_);
    return *this;
  }

  std::size_t size() const { return size_; }
  std::byte* data() { return far_ ? far_.get() : near_.data(); }
  const std::byte* data() const { return far_ ? far_.get() : near_.data(); }
  bool operator==(const Bytes& other) const {
    return size_ == other.size_ && std::memcmp(data(), other.data(), size_) == 0;
  }

 private:
  std::size_t size_ = 0;
  alignas(std::max_align_t) std::array<std::byte, 32> near_{};  // two of the widest element
  std::unique_ptr<std::byte[]> far_;
};

/// In an *extended* tensor the elements of an f64 array are stored as long double; only the
/// reference evaluator makes them (order 8 is measured below f64 round-off).
class Tensor {
 public:
  Tensor() : Tensor(scalar()) {}
  explicit Tensor(Type type, bool extended = false)
      : type_(type),
        extended_(extended && type.dtype == DType::kF64),
        data_(static_cast<std::size_t>(type.size()) * element_bytes()) {}
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
  Bytes data_;
};

/// The operands of an op: tensors that stay where they are.
class Operands {
 public:
  Operands(std::span<const Tensor* const> tensors) : tensors_(tensors) {}
  Operands(const std::vector<const Tensor*>& tensors) : tensors_(tensors) {}

  std::size_t size() const { return tensors_.size(); }
  const Tensor& operator[](std::size_t k) const { return *tensors_[k]; }
  Operands subspan(std::size_t first) const { return {tensors_.subspan(first)}; }

 private:
  std::span<const Tensor* const> tensors_;
};

/// A tensor of `type` with every element `value`.
Tensor filled(Type type, long double value);

}  // namespace cotangent::ir
