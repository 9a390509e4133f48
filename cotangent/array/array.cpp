#include "cotangent/array/array.h"

#include <cstring>

#include "cotangent/array/evaluate.h"
#include "cotangent/array/record.h"

namespace cotangent::array {

Array::Array() : Array(0.0) {}

Array Array::literal(double real, std::uint64_t integer, DType dtype) {
  auto buffer = std::make_shared<runtime::Buffer>(size_of(dtype));
  if (is_float(dtype)) {
    std::memcpy(buffer->data(), &real, sizeof real);
  } else if (is_bool(dtype)) {
    *buffer->data() = static_cast<std::byte>(integer != 0);
  } else {
    std::memcpy(buffer->data(), &integer, sizeof integer);
  }
  // A bool has no lower type to give way to.
  return Array(make_buffer(ir::scalar(dtype), std::move(buffer), !is_bool(dtype), true));
}

Array Array::from_memory(const void* memory, std::size_t count, Shape shape, DType dtype) {
  if (static_cast<std::int64_t>(count) != shape.size()) {
    refuse("Array::from",
           std::to_string(count) + " values for " +
               (shape.rank() ? "the shape " + shape.text() : "a scalar"),
           "that shape wants " + std::to_string(shape.size()));
  }
  const std::size_t bytes = count * size_of(dtype);
  auto buffer = std::make_shared<runtime::Buffer>(bytes);
  if (bytes) std::memcpy(buffer->data(), memory, bytes);
  return from(std::move(buffer), shape, dtype);
}

Array Array::from(const void* memory, Shape shape, DType dtype) {
  return from_memory(memory, static_cast<std::size_t>(shape.size()), shape, dtype);
}

Array Array::from(runtime::BufferPtr buffer, Shape shape, DType dtype) {
  const ir::Type type{dtype, shape};
  if (static_cast<std::int64_t>(buffer->bytes()) < type.bytes()) {
    refuse("Array::from",
           "a buffer of " + std::to_string(buffer->bytes()) + " bytes for " + type.text() +
               ", which has " + std::to_string(type.bytes()),
           "give a larger buffer or a smaller shape");
  }
  return Array(make_buffer(type, std::move(buffer)));
}

const Shape& Array::shape() const {
  return node_->type.shape;
}

DType Array::dtype() const {
  return node_->type.dtype;
}

std::int64_t Array::shape(int axis) const {
  return shape()[normal_axis("shape", axis, ndim())];
}

bool Array::is_weak() const {
  return node_->weak;
}

bool Array::is_traced() const {
  return node_->trace != 0;
}

bool Array::is_evaluated() const {
  return node_->is_ready();
}

std::string Array::type_text() const {
  return node_->type.text();
}

const Array& Array::eval() const {
  array::eval(std::span(this, 1));
  return *this;
}

void eval(std::span<const Array> arrays) {
  std::vector<NodePtr> nodes;
  for (const Array& x : arrays) {
    if (x.is_evaluated()) continue;
    if (x.is_traced()) {
      refuse("eval",
             x.type_text() + ", made by " + maker_of(*x.node()) +
                 ", is inside a traced function and has no values yet",
             "return it and look at it outside");
    }
    nodes.push_back(x.node());
  }
  if (!nodes.empty()) evaluate_nodes(nodes);
}

void Array::need_one_element(const char* what) const {
  if (is_traced()) {
    refuse(what,
           "the value of " + type_text() + ", made by " + maker_of(*node_) +
               ", is asked for inside a traced function, where it is not known",
           "where(condition, x, y) and cond choose, fori_loop, while_loop and scan repeat; or pass "
           "the number as an ordinary C++ value");
  }
  if (size() != 1) {
    refuse(what, type_text() + " has " + std::to_string(size()) + " elements, not one",
           "index one of them, or reduce with sum, any or all");
  }
  eval();
}

Array::operator bool() const {
  need_one_element("if");
  return is_float(dtype()) || is_storage_float(dtype()) ? real_at(0) != 0 : integer_at(0) != 0;
}

const void* Array::data_as(DType wanted) const {
  if (wanted != dtype()) {
    refuse("data", type_text() + " is read as " + std::string(name_of(wanted)),
           "use the element type of the array, astype, or values<T>(), which converts");
  }
  eval();
  return node_->buffer->data();
}

double Array::real_at(std::int64_t k) const {
  const std::byte* p = node_->buffer->data();
  if (dtype() == DType::kF64) return reinterpret_cast<const double*>(p)[k];
  if (dtype() == DType::kF16) return double(reinterpret_cast<const Float16*>(p)[k]);
  if (dtype() == DType::kBF16) return double(reinterpret_cast<const BFloat16*>(p)[k]);
  return static_cast<double>(reinterpret_cast<const float*>(p)[k]);
}

std::int64_t Array::integer_at(std::int64_t k) const {
  const std::byte* p = node_->buffer->data();
  switch (dtype()) {
    case DType::kBool: return std::to_integer<std::int64_t>(p[k]);
    case DType::kI32: return reinterpret_cast<const std::int32_t*>(p)[k];
    case DType::kU32: return reinterpret_cast<const std::uint32_t*>(p)[k];
    case DType::kU8: return std::to_integer<std::uint8_t>(p[k]);
    case DType::kI8: return reinterpret_cast<const std::int8_t*>(p)[k];
    case DType::kI16: return reinterpret_cast<const std::int16_t*>(p)[k];
    default: return reinterpret_cast<const std::int64_t*>(p)[k];
  }
}

Array Array::astype(DType to) const {
  if (dtype() == to && !is_weak()) return *this;
  if (dtype() == to) return Array(with_weak(node_, false));
  return make(Op::kCast, {node_}, {}, ir::Type{to, shape()});
}

Array Array::converted(DType to) const {
  if (dtype() == to) return *this;
  if (is_integer(dtype()) && (is_integer(to) || is_storage_integer(to))) {
    for (std::int64_t k = 0; k < size(); ++k) {
      const std::int64_t n = integer_at(k);
      if (!holds(to, n, dtype() == DType::kU64 && n < 0)) {
        refuse(
            "Array::of",
            Array(dtype() == DType::kU64 ? Array(static_cast<std::uint64_t>(n)) : Array(n)).text() +
                " is no " + std::string(name_of(to)),
            "ask for a type that holds it; astype wraps");
      }
    }
  }
  return astype(to).eval();
}

Array Array::from_any(Shape shape, std::span<const AnyNumber> cells, std::optional<DType> dtype) {
  ElementType t{DType::kBool, false};
  for (const AnyNumber& cell : cells) t = promote(t, {cell.dtype, false});
  std::vector<double> reals;
  std::vector<std::uint64_t> integers;
  for (const AnyNumber& cell : cells) {
    reals.push_back(cell.real);
    integers.push_back(cell.integer);
  }
  const Array made = is_float(t.dtype)
                         ? from_memory(reals.data(), reals.size(), shape, DType::kF64)
                         : from_memory(integers.data(), integers.size(), shape, t.dtype);
  return made.converted(dtype.value_or(t.dtype));
}

Array Array::of(std::initializer_list<AnyNumber> values, std::optional<DType> dtype) {
  return from_any(Shape{static_cast<std::int64_t>(values.size())},
                  std::span(values.begin(), values.size()), dtype);
}

Array Array::of(std::initializer_list<std::initializer_list<AnyNumber>> rows,
                std::optional<DType> dtype) {
  std::vector<AnyNumber> all;
  const std::size_t m = rows.size() ? rows.begin()->size() : 0;
  for (const auto& row : rows) {
    if (row.size() != m) refuse_ragged("rows");
    all.insert(all.end(), row.begin(), row.end());
  }
  return from_any(Shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(m)}, all,
                  dtype);
}

void Array::refuse_ragged(const char* what) {
  refuse("Array::of", std::string(what) + " differ in length",
         "give all of them the same number of elements");
}

}  // namespace cotangent::array
