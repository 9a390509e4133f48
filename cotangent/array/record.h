// How operations on Arrays become nodes: promotion, broadcasting, axes. Internal to the module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cotangent/array/array.h"
#include "cotangent/array/node.h"

namespace cotangent::array {

using ir::Dims;
using ir::Op;

[[noreturn]] void refuse(std::string_view op, const std::string& what,
                         const std::string& remedy = "");

inline Array make(Op op, const std::vector<NodePtr>& operands, ir::Attr attr = {},
                  ir::Type hint = {}, bool weak = false) {
  return Array(make_op(op, operands, std::move(attr), hint, weak));
}

std::vector<NodePtr> nodes_of(std::span<const Array> arrays);
std::vector<Array> arrays_of(std::span<const NodePtr> nodes);

/// x with another element type; a literal becomes another literal, refused when it does not fit.
Array convert(std::string_view op, const Array& x, ElementType to);

/// Refuses storage types.
void want_computing(std::string_view op, std::span<const Array> arrays);

/// Whether an integer type holds n, or n + 2^64 where that is `beyond` i64.
bool holds(DType t, std::int64_t n, bool beyond);

/// The type both have when they are moved, not computed with: storage types as well. A number
/// written in C++ takes a storage type that it fits.
ElementType common_type(std::string_view op, std::span<const Array> arrays);
inline ElementType common_type(std::string_view op, const Array& x, const Array& y) {
  const Array both[] = {x, y};
  return common_type(op, both);
}

/// The shape with these lengths; where there is none the op refuses.
Shape shape_of(std::string_view op, std::span<const std::int64_t> lengths);

/// numpy's rule: shapes are aligned at the end; axes of length 1 and missing axes repeat.
Shape broadcast_shapes(std::string_view op, std::span<const Array> arrays);
Array broadcast_to_shape(const Array& x, const Shape& shape);

/// All operands with one shape and one element type.
struct Matched {
  std::vector<Array> operands;
  ElementType type;
};
Matched match(std::string_view op, std::span<const Array> arrays);

/// axis in 0 .. rank-1 from one in -rank .. rank-1.
int normal_axis(std::string_view op, std::int64_t axis, int rank);
/// Ascending, none twice.
Dims normal_axes(std::string_view op, std::span<const std::int64_t> axes, int rank);

/// Integer indices as i64, negative ones counted from the end of an axis of length n.
Array wrapped_index(std::string_view op, const Array& index, std::int64_t n);

inline Dims all_axes(int rank) {
  Dims axes;
  for (int k = 0; k < rank; ++k) axes.push_back(k);
  return axes;
}
inline Dims dims_of(const Shape& shape) {
  return Dims(shape.begin(), shape.end());
}
inline Array scalar_like(double value, const Array& x) {
  return convert("constant", Array(value), {x.dtype(), x.is_weak()});
}

}  // namespace cotangent::array
