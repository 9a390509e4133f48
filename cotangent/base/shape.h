// A static shape: up to eight axes, row-major, each length >= 0, of a size that fits 64 bits.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cotangent/base/error.h"

namespace cotangent {

/// A shape that cannot be; `reason` is the text without its place, for ops that give theirs.
struct ShapeError : UserError {
  ShapeError(std::string what, std::string remedy)
      : UserError("[shape] " + what, std::move(remedy)), reason(std::move(what)) {}
  /// The same, told by the op whose result it would be.
  [[noreturn]] void throw_as(std::string_view op) const {
    throw UserError("[" + std::string(op) + "] a result of shape " + reason, parts().remedy);
  }
  std::string reason;
};

class Shape {
 public:
  static constexpr int kMaxRank = 8;
  /// Of the axes that are not empty: sizes in bytes fit 64 bits too, of every row of it as well.
  static constexpr std::int64_t kMaxElements = (std::int64_t{1} << 60) - 1;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> axes) : Shape(std::span(axes.begin(), axes.size())) {}
  explicit Shape(std::span<const std::int64_t> axes) {
    if (axes.size() > kMaxRank) refuse(axes);
    std::int64_t product = 1;
    for (std::int64_t n : axes) {
      if (n < 0 || __builtin_mul_overflow(product, n ? n : 1, &product) || product > kMaxElements) {
        refuse(axes);
      }
      axes_[static_cast<std::size_t>(rank_++)] = n;
    }
  }

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return axes_[static_cast<std::size_t>(axis)]; }
  std::int64_t size() const {  ///< number of elements; 1 for a scalar
    std::int64_t n = 1;
    for (int k = 0; k < rank_; ++k) n *= axes_[static_cast<std::size_t>(k)];
    return n;
  }
  std::span<const std::int64_t> axes() const {
    return {axes_.data(), static_cast<std::size_t>(rank_)};
  }
  const std::int64_t* begin() const { return axes_.data(); }
  const std::int64_t* end() const { return axes_.data() + rank_; }
  bool operator==(const Shape& other) const = default;

  /// The shape without its first axis (the shape of one row).
  Shape row() const { return Shape(axes().subspan(1)); }
  /// The shape with `n` put in front.
  Shape with_leading(std::int64_t n) const {
    std::array<std::int64_t, kMaxRank + 1> all{};
    all[0] = n;
    for (int k = 0; k < rank_; ++k) all[static_cast<std::size_t>(k) + 1] = (*this)[k];
    return Shape(std::span<const std::int64_t>(all.data(), static_cast<std::size_t>(rank_) + 1));
  }

  std::string text() const {  ///< "[6,3]", "" for a scalar
    if (rank_ == 0) return "";
    std::string s = "[";
    for (int k = 0; k < rank_; ++k) s += (k ? "," : "") + std::to_string((*this)[k]);
    return s + "]";
  }

 private:
  [[noreturn]] static void refuse(std::span<const std::int64_t> axes);

  std::array<std::int64_t, kMaxRank> axes_{};
  int rank_ = 0;
};

/// Sums and products of lengths; what does not fit becomes the largest, which no shape holds.
inline std::int64_t length_sum(std::int64_t x, std::int64_t y) {
  std::int64_t z = 0;
  return __builtin_add_overflow(x, y, &z) ? INT64_MAX : z;
}
inline std::int64_t length_product(std::int64_t x, std::int64_t y) {
  std::int64_t z = 0;
  return __builtin_mul_overflow(x, y, &z) ? INT64_MAX : z;
}

}  // namespace cotangent
