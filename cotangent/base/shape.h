// A static shape: up to eight axes, row-major, each length >= 0.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "cotangent/base/error.h"

namespace cotangent {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> axes) : Shape(std::span(axes.begin(), axes.size())) {}
  explicit Shape(std::span<const std::int64_t> axes) {
    if (axes.size() > kMaxRank) throw UserError("an array has more than 8 axes");
    for (std::int64_t n : axes) {
      if (n < 0) throw UserError("an axis has a negative length");
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
  std::array<std::int64_t, kMaxRank> axes_{};
  int rank_ = 0;
};

}  // namespace cotangent
