#include "cotangent/array/record.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "cotangent/array/elementwise.h"

namespace cotangent::array {
namespace {

std::string list_types(std::span<const Array> arrays) {
  std::string text;
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    text += (k == 0 ? "" : k + 1 == arrays.size() ? " and " : ", ") + arrays[k].type_text();
  }
  return text;
}

template <class T>
NodePtr literal_of(T value, DType t, bool weak) {
  auto buffer = std::make_shared<runtime::Buffer>(size_of(t));
  std::memcpy(buffer->data(), &value, sizeof(T));
  return make_buffer(ir::scalar(t), std::move(buffer), weak, true);
}

/// The literal in another type, or null when it does not fit there.
NodePtr convert_literal(const Node& from, ElementType to) {
  if (is_storage(from.type.dtype)) return nullptr;
  ir::Tensor value(from.type), out(ir::scalar(to.dtype));
  std::memcpy(value.data(), from.buffer->data(), value.bytes());
  const bool to_real = is_float(to.dtype) || is_storage_float(to.dtype);
  if (is_float(from.type.dtype) || to_real) {
    if (!to_real) return nullptr;
    out.set_real(0, value.real(0));
  } else {
    const std::int64_t whole = value.integer(0);
    const bool is_u64 = from.type.dtype == DType::kU64;
    const bool fits = to.dtype == DType::kBool ? whole == 0 || whole == 1
                                               : holds(to.dtype, whole, is_u64 && whole < 0);
    if (!fits) return nullptr;
    out.set_integer(0, whole);
  }
  auto buffer = std::make_shared<runtime::Buffer>(out.bytes());
  std::memcpy(buffer->data(), out.data(), out.bytes());
  return make_buffer(out.type(), std::move(buffer), to.weak, true);
}

}  // namespace

bool holds(DType t, std::int64_t n, bool beyond) {
  const auto within = [&](std::int64_t low, std::int64_t high) {
    return !beyond && low <= n && n <= high;
  };
  switch (t) {
    case DType::kI8: return within(INT8_MIN, INT8_MAX);
    case DType::kU8: return within(0, UINT8_MAX);
    case DType::kI16: return within(INT16_MIN, INT16_MAX);
    case DType::kI32: return within(INT32_MIN, INT32_MAX);
    case DType::kU32: return within(0, UINT32_MAX);
    case DType::kI64: return !beyond;
    case DType::kU64: return beyond || n >= 0;
    default: return true;
  }
}

void refuse(std::string_view op, const std::string& what, const std::string& remedy) {
  throw UserError("[" + std::string(op) + "] " + what, remedy);
}

void want_computing(std::string_view op, std::span<const Array> arrays) {
  for (const Array& x : arrays) {
    if (!is_storage(x.dtype())) continue;
    refuse(op,
           "does not compute with " + x.type_text() + ": " + std::string(name_of(x.dtype())) +
               " is a storage type",
           std::string("convert it with astype, to ") +
               (is_storage_float(x.dtype()) ? "f32" : "i32") + " or wider");
  }
}

std::vector<NodePtr> nodes_of(std::span<const Array> arrays) {
  std::vector<NodePtr> nodes;
  for (const Array& x : arrays) nodes.push_back(x.node());
  return nodes;
}

std::vector<Array> arrays_of(std::span<const NodePtr> nodes) {
  std::vector<Array> arrays;
  for (const NodePtr& n : nodes) arrays.push_back(Array(n));
  return arrays;
}

Array convert(std::string_view op, const Array& x, ElementType to) {
  if (x.element_type() == to) return x;
  if (x.node()->literal) {
    if (NodePtr made = convert_literal(*x.node(), to)) return Array(std::move(made));
    if (x.is_weak() && !is_float(x.dtype())) {
      refuse(op, x.text() + " is no " + std::string(name_of(to.dtype)),
             "write a number that fits it, or convert the array to a wider type with astype");
    }
  }
  if (x.dtype() == to.dtype) return Array(with_weak(x.node(), to.weak));
  return make(Op::kCast, {x.node()}, {}, ir::Type{to.dtype, x.shape()}, to.weak);
}

namespace {

/// Of two arrays, one of them at least of a storage type.
std::optional<ElementType> stored_type(ElementType x, ElementType y) {
  const DType a = x.dtype, b = y.dtype;
  if (a == b) return ElementType{a, x.weak && y.weak};
  const auto takes = [](DType stored, ElementType number) {
    return is_storage(stored) && number.weak &&
           (is_storage_float(stored) || is_integer(number.dtype));
  };
  if (takes(a, y)) return ElementType{a, false};
  if (takes(b, x)) return ElementType{b, false};
  const auto is_byte = [](DType t) { return t == DType::kU8 || t == DType::kI8; };
  if (a == DType::kI16 && is_byte(b)) return ElementType{a, false};
  if (b == DType::kI16 && is_byte(a)) return ElementType{b, false};
  return std::nullopt;
}

}  // namespace

ElementType common_type(std::string_view op, std::span<const Array> arrays) {
  ElementType t = arrays[0].element_type();
  for (const Array& x : arrays) {
    if (!is_storage(t.dtype) && !is_storage(x.dtype())) {
      t = promote(t, x.element_type());
      continue;
    }
    const auto both = stored_type(t, x.element_type());
    if (!both) {
      refuse(op,
             std::string(name_of(t.dtype)) + " and " + std::string(name_of(x.dtype())) +
                 " have no common type: " +
                 std::string(name_of(is_storage(t.dtype) ? t.dtype : x.dtype())) +
                 " is a storage type",
             "convert one of them with astype");
    }
    t = *both;
  }
  return t;
}

Shape shape_of(std::string_view op, std::span<const std::int64_t> lengths) {
  try {
    return Shape(lengths);
  } catch (const ShapeError& e) {
    e.throw_as(op);
  }
}

Shape broadcast_shapes(std::string_view op, std::span<const Array> arrays) {
  int rank = 0;
  for (const Array& x : arrays) rank = std::max(rank, x.ndim());
  Dims out(static_cast<std::size_t>(rank), 1);
  for (const Array& x : arrays) {
    const int missing = rank - x.ndim();
    for (int k = 0; k < x.ndim(); ++k) {
      std::int64_t& n = out[static_cast<std::size_t>(k + missing)];
      const std::int64_t m = x.shape()[k];
      if (n == 1) n = m;
      if (m != 1 && m != n) {
        refuse(op, "shapes differ: " + list_types(arrays),
               "axis " + std::to_string(k + missing - rank) + " is " + std::to_string(n) + " and " +
                   std::to_string(m) +
                   "; lengths that are aligned at the end must be equal or 1: use expand_dims, "
                   "reshape, or an index with newaxis");
      }
    }
  }
  return shape_of(op, out);
}

Array broadcast_to_shape(const Array& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  // The axes that stay are those of equal length; the others have length 1 and go.
  const int missing = shape.rank() - x.ndim();
  Dims kept, places;
  for (int k = 0; k < x.ndim(); ++k) {
    if (x.shape()[k] != shape[k + missing]) continue;
    kept.push_back(x.shape()[k]);
    places.push_back(k + missing);
  }
  const ir::Type squeezed{x.dtype(), Shape(kept)};
  NodePtr node = x.node();
  if (squeezed.shape != x.shape()) {
    node = make_op(Op::kReshape, {node}, {}, squeezed, x.is_weak());
  }
  return make(Op::kBroadcast, {node}, ir::AxesAttr{places}, ir::Type{x.dtype(), shape},
              x.is_weak());
}

Matched match(std::string_view op, std::span<const Array> arrays) {
  want_computing(op, arrays);
  Matched result;
  result.type = arrays[0].element_type();
  for (const Array& x : arrays.subspan(1)) result.type = promote(result.type, x.element_type());
  const Shape shape = broadcast_shapes(op, arrays);
  for (const Array& x : arrays) {
    result.operands.push_back(broadcast_to_shape(convert(op, x, result.type), shape));
  }
  return result;
}

int normal_axis(std::string_view op, std::int64_t axis, int rank) {
  const std::int64_t k = axis < 0 ? axis + rank : axis;
  if (k < 0 || k >= rank) {
    refuse(op,
           "axis " + std::to_string(axis) + " of an array with " + std::to_string(rank) +
               (rank == 1 ? " axis" : " axes"),
           "axes count from 0, or from -1 at the end");
  }
  return static_cast<int>(k);
}

Array wrapped_index(std::string_view op, const Array& index, std::int64_t n) {
  if (is_bool(index.dtype())) {
    refuse(op, "a mask as an index: the size of the result would depend on values",
           "where(mask, x, y) keeps the shape; sum(where(mask, x, 0)) reduces over it");
  }
  if (is_float(index.dtype()) || is_storage_float(index.dtype())) {
    refuse(op, "an index is " + index.type_text() + ", not an integer", "use astype(DType::kI64)");
  }
  if (n == 0 && index.size() > 0) {
    refuse(op, "elements of an axis that has none, by " + index.type_text(),
           "check the shape before indexing");
  }
  // What no i64 holds is beyond the end of any axis.
  const Array held = index.dtype() == DType::kU64 ? minimum(index, INT64_MAX) : index;
  const Array wide = convert(op, held, {DType::kI64, false});
  return is_signed(index.dtype()) ? where(wide < 0, wide + n, wide) : wide;
}

Dims normal_axes(std::string_view op, std::span<const std::int64_t> axes, int rank) {
  Dims out;
  for (std::int64_t axis : axes) out.push_back(normal_axis(op, axis, rank));
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end()) {
    refuse(op, "an axis is named twice", "name each once; -1 is the last one");
  }
  return out;
}

}  // namespace cotangent::array
