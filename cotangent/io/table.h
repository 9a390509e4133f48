// A quantity sampled in time, as the writers of this module take it: rows of `shape`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cotangent/base/shape.h"

namespace cotangent::io {

/// A view; what it points to outlives it. values is row-major [samples] + shape.
struct SampleView {
  std::string name;
  Shape shape;
  std::int64_t every = 0;
  std::span<const std::int64_t> step;
  std::span<const double> t;
  std::span<const double> values;

  std::size_t width() const { return static_cast<std::size_t>(shape.size()); }
  std::span<const double> row(std::size_t k) const { return values.subspan(k * width(), width()); }
  /// Samples from `first` on.
  SampleView from(std::size_t first) const;
};

/// Column names of one sample: "q" for a scalar, "q[1]" or "q[1,2]" for elements.
std::vector<std::string> column_names(const std::string& name, const Shape& shape);

}  // namespace cotangent::io
