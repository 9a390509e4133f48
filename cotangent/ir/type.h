// The type of a value: element type and static shape. Text: "f64[6,3]", "f64" for a scalar.
#pragma once

#include <string>

#include "cotangent/base/dtype.h"
#include "cotangent/base/shape.h"

namespace cotangent::ir {

struct Type {
  DType dtype = DType::kF64;
  Shape shape;

  bool operator==(const Type&) const = default;
  bool is_scalar() const { return shape.rank() == 0; }
  std::int64_t size() const { return shape.size(); }
  std::int64_t bytes() const { return size() * static_cast<std::int64_t>(size_of(dtype)); }
  std::string text() const { return std::string(name_of(dtype)) + shape.text(); }
  Type with_shape(Shape s) const { return {dtype, s}; }
  Type with_dtype(DType t) const { return {t, shape}; }
};

inline Type scalar(DType t = DType::kF64) {
  return {t, {}};
}

}  // namespace cotangent::ir
