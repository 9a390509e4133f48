#include "cotangent/array/shaping.h"

#include <algorithm>
#include <cmath>

#include "cotangent/array/elementwise.h"
#include "cotangent/array/record.h"

namespace cotangent::array {
namespace {

Array iota(Shape shape, int axis, DType dtype = DType::kI64) {
  return make(Op::kIota, {}, ir::AxesAttr{{axis}}, ir::Type{dtype, shape});
}

Array shaped(std::string_view op, const Array& x, const Dims& shape) {
  return reshape(x, shape_of(op, shape));
}

Array permuted(const Array& x, Dims axes) {
  return make(Op::kTranspose, {x.node()}, ir::AxesAttr{std::move(axes)}, {}, x.is_weak());
}

/// x[begin:end] along an axis.
Array part(const Array& x, int axis, std::int64_t begin, std::int64_t end) {
  Dims start(static_cast<std::size_t>(x.ndim()), 0), limit = dims_of(x.shape());
  start[static_cast<std::size_t>(axis)] = begin;
  limit[static_cast<std::size_t>(axis)] = end;
  const Dims stride(start.size(), 1);
  return make(Op::kSlice, {x.node()}, ir::SliceAttr{start, limit, stride}, {}, x.is_weak());
}

/// Number k of a diagonal of a matrix, or of the nearest that has no elements.
std::int64_t nearest_diagonal(std::int64_t k, std::int64_t rows, std::int64_t columns) {
  return std::clamp(k, -rows, columns);
}

/// Whether column - row, on the last two axes, stands in a relation to k.
template <class Relation>
Array band(const Shape& shape, std::int64_t k, Relation relation) {
  const int rank = shape.rank();
  const std::int64_t near = nearest_diagonal(k, shape[rank - 2], shape[rank - 1]);
  return relation(iota(shape, rank - 1), iota(shape, rank - 2) + near);
}

/// tril and triu: a vector stands for a matrix with such rows.
template <class Relation>
Array triangle(std::string_view op, const Array& given, std::int64_t k, Relation relation) {
  if (given.ndim() == 0) {
    refuse(op, "takes an array with axes, given the scalar " + given.type_text(),
           "reshape it to a matrix");
  }
  const Array x = given.ndim() == 1
                      ? broadcast_to_shape(given, shape_of(op, Dims{given.size(), given.size()}))
                      : given;
  return where(band(x.shape(), k, relation), x, scalar_like(0, x));
}

void want_matrix(std::string_view op, const Array& x) {
  if (x.ndim() < 2) {
    refuse(op, "takes at least two axes, given " + x.type_text(), "reshape it to a matrix");
  }
}

}  // namespace

// --- making

Array zeros(Shape shape, DType dtype) {
  return full(shape, Array(0).astype(dtype));
}
Array ones(Shape shape, DType dtype) {
  return full(shape, Array(1).astype(dtype));
}

Array full(Shape shape, const Array& value) {
  return broadcast_to_shape(convert("full", value, {value.dtype(), false}), shape);
}

Array zeros_like(const Array& x) {
  return zeros(x.shape(), x.dtype());
}
Array ones_like(const Array& x) {
  return ones(x.shape(), x.dtype());
}

Array full_like(const Array& x, const Array& value) {
  return broadcast_to_shape(value.astype(x.dtype()), x.shape());
}

Array whole_range(std::int64_t start, std::int64_t stop, std::int64_t step, DType dtype) {
  if (step == 0) refuse("arange", "a step of 0", "give a step above or below 0");
  if (is_storage(dtype) || is_bool(dtype)) {
    refuse("arange",
           "does not count in " + std::string(name_of(dtype)) +
               (is_bool(dtype) ? "" : ": " + std::string(name_of(dtype)) + " is a storage type"),
           "count in i32 or f32, and convert with astype");
  }
  // Differences of two i64 fit u64.
  const auto distance = [](std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  };
  const bool up = step > 0;
  std::uint64_t n = 0;
  if (up ? start < stop : start > stop) {
    const std::uint64_t reach = up ? distance(start, stop) : distance(stop, start);
    n = (reach - 1) / (up ? distance(0, step) : distance(step, 0)) + 1;
  }
  const auto count = static_cast<std::int64_t>(std::min<std::uint64_t>(n, INT64_MAX));
  const Array k = iota(shape_of("arange", Dims{count}), 0, dtype);
  return k * Array(step) + Array(start);
}

Array arange(double start, double stop, double step) {
  const double n = std::ceil((stop - start) / step);
  if (!(n < 1e15)) {
    refuse("arange",
           "from " + Array(start).text() + " to " + Array(stop).text() + " by " +
               Array(step).text() + " there are more than 1e15 values, or no number of them",
           "give finite ends and a larger step");
  }
  const double delta = (start + step) - start;  // as numpy has it
  const auto count = static_cast<std::int64_t>(std::max(n, 0.0));
  return iota(Shape{count}, 0, DType::kF64) * delta + start;
}

Array linspace(double start, double stop, std::int64_t count, bool endpoint) {
  if (count < 0) {
    refuse("linspace", std::to_string(count) + " values", "give a number of 0 or more");
  }
  const double intervals = static_cast<double>(endpoint ? count - 1 : count);
  const Array k = iota(Shape{count}, 0, DType::kF64);
  if (intervals <= 0) return k + start;
  const Array y = k * ((stop - start) / intervals) + start;
  return endpoint ? where(k == intervals, stop, y) : y;
}

Array eye(std::int64_t n, std::int64_t m, std::int64_t k, DType dtype) {
  const Shape shape{n, m < 0 ? n : m};
  return band(shape, k, [](const Array& c, const Array& r) { return c == r; }).astype(dtype);
}

Array diag(const Array& x, std::int64_t k) {
  if (x.ndim() == 2) return diagonal(x, k);
  if (x.ndim() != 1) {
    refuse("diag", "takes a vector or a matrix, given " + x.type_text(),
           "diagonal takes more axes; ravel makes a vector");
  }
  const std::int64_t n = length_sum(x.size(), k < 0 ? length_product(k, -1) : k);
  const Shape shape = shape_of("diag", Dims{n, n});
  const Array columns = pad(x, {std::max<std::int64_t>(k, 0)}, {std::max<std::int64_t>(-k, 0)});
  const Array on = band(shape, k, [](const Array& c, const Array& r) { return c == r; });
  return where(on, columns, scalar_like(0, x));
}

Array diagonal(const Array& given, std::int64_t number, int axis1, int axis2) {
  want_matrix("diagonal", given);
  const int a = normal_axis("diagonal", axis1, given.ndim());
  const int b = normal_axis("diagonal", axis2, given.ndim());
  if (a == b) {
    refuse("diagonal", "axis " + std::to_string(a) + " is named twice", "name two axes");
  }
  Dims order{a, b};
  for (int axis = 0; axis < given.ndim(); ++axis) {
    if (axis != a && axis != b) order.push_back(axis);
  }
  const Array x = permuted(given, order);
  const std::int64_t rows = x.shape()[0], columns = x.shape()[1];
  const std::int64_t k = nearest_diagonal(number, rows, columns);
  const std::int64_t n =
      std::max<std::int64_t>(0, k >= 0 ? std::min(rows, columns - k) : std::min(rows + k, columns));
  const Array i = arange(n);
  const Array row = i + std::max<std::int64_t>(-k, 0), column = i + std::max<std::int64_t>(k, 0);
  const Array found = make(Op::kGather, {x.node(), row.node(), column.node()}, {}, {}, x.is_weak());
  return moveaxis(found, 0, found.ndim() - 1);
}

Array trace(const Array& x) {
  return sum(diagonal(x), -1);
}

Array tril(const Array& x, std::int64_t k) {
  return triangle("tril", x, k, [](const Array& c, const Array& r) { return c <= r; });
}

Array triu(const Array& x, std::int64_t k) {
  return triangle("triu", x, k, [](const Array& c, const Array& r) { return c >= r; });
}

std::vector<Array> meshgrid(const std::vector<Array>& axes) {
  Dims lengths;
  for (const Array& axis : axes) {
    if (axis.ndim() != 1) {
      refuse("meshgrid", "takes vectors, given " + axis.type_text(), "ravel makes a vector");
    }
    lengths.push_back(axis.size());
  }
  std::vector<Array> grids;
  for (std::size_t k = 0; k < axes.size(); ++k) {
    Dims own(axes.size(), 1);
    own[k] = lengths[k];
    grids.push_back(
        broadcast_to_shape(shaped("meshgrid", axes[k], own), shape_of("meshgrid", lengths)));
  }
  return grids;
}

// --- shape

Array reshape(const Array& x, Shape shape) {
  if (shape == x.shape()) return x;
  if (shape.size() != x.size()) {
    refuse("reshape",
           "sizes differ: " + x.type_text() + " has " + std::to_string(x.size()) + " elements, " +
               (shape.rank() ? shape.text() : "a scalar") + " has " + std::to_string(shape.size()),
           "one length may be -1: it is worked out");
  }
  return make(Op::kReshape, {x.node()}, {}, ir::Type{x.dtype(), shape}, x.is_weak());
}

Array reshape(const Array& x, std::initializer_list<std::int64_t> lengths) {
  Dims shape(lengths);
  std::int64_t known = 1, open = -1;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (shape[k] != -1) {
      known = length_product(known, shape[k]);
    } else if (open < 0) {
      open = static_cast<std::int64_t>(k);
    } else {
      refuse("reshape", "more than one length is -1",
             "only one can be worked out: give the others");
    }
  }
  if (open >= 0) {
    if (known == 0 || x.size() % known != 0) {
      refuse("reshape",
             x.type_text() + " has " + std::to_string(x.size()) + " elements, which " +
                 std::to_string(known) + ", the product of the lengths given, does not divide",
             "give lengths whose product divides the number of elements");
    }
    shape[static_cast<std::size_t>(open)] = x.size() / known;
  }
  return shaped("reshape", x, shape);
}

Array Array::reshape(std::initializer_list<std::int64_t> shape) const {
  return array::reshape(*this, shape);
}

Array Array::T() const {
  return transpose(*this);
}

Array ravel(const Array& x) {
  return reshape(x, Shape{x.size()});
}

Array transpose(const Array& x, std::vector<std::int64_t> axes) {
  Dims order;
  if (axes.empty()) {
    order = all_axes(x.ndim());
    std::reverse(order.begin(), order.end());
  } else {
    for (std::int64_t k : axes) order.push_back(normal_axis("transpose", k, x.ndim()));
    Dims sorted = order;
    std::sort(sorted.begin(), sorted.end());
    if (sorted != all_axes(x.ndim())) {
      refuse("transpose",
             "the axes given are not all axes of " + x.type_text() + ", each named once",
             "name every axis once, or none: then all are reversed");
    }
  }
  return permuted(x, order);
}

Array swapaxes(const Array& x, int axis1, int axis2) {
  Dims order = all_axes(x.ndim());
  std::swap(order[static_cast<std::size_t>(normal_axis("swapaxes", axis1, x.ndim()))],
            order[static_cast<std::size_t>(normal_axis("swapaxes", axis2, x.ndim()))]);
  return permuted(x, order);
}

Array moveaxis(const Array& x, int from, int to) {
  Dims order = all_axes(x.ndim());
  const int a = normal_axis("moveaxis", from, x.ndim());
  const int b = normal_axis("moveaxis", to, x.ndim());
  order.erase(order.begin() + a);
  order.insert(order.begin() + b, a);
  return a == b ? x : permuted(x, order);
}

Array squeeze(const Array& x, Axes axes) {
  Dims gone;
  if (axes.given()) gone = normal_axes("squeeze", axes.list(), x.ndim());
  Dims shape;
  for (int k = 0; k < x.ndim(); ++k) {
    const bool named = std::find(gone.begin(), gone.end(), k) != gone.end();
    if (named && x.shape()[k] != 1) {
      refuse("squeeze",
             "axis " + std::to_string(k) + " of " + x.type_text() + " is not of length 1",
             "only axes of length 1 can go: index or reduce the others");
    }
    if (axes.given() ? !named : x.shape()[k] != 1) shape.push_back(x.shape()[k]);
  }
  return shaped("squeeze", x, shape);
}

Array expand_dims(const Array& x, Axes axes) {
  const int rank = x.ndim() + static_cast<int>(axes.list().size());
  const Dims added = normal_axes("expand_dims", axes.list(), rank);
  Dims shape;
  int next = 0;
  for (int k = 0; k < rank; ++k) {
    const bool is_new = std::find(added.begin(), added.end(), k) != added.end();
    shape.push_back(is_new ? 1 : x.shape()[next++]);
  }
  return shaped("expand_dims", x, shape);
}

Array broadcast_to(const Array& x, Shape shape) {
  const int missing = shape.rank() - x.ndim();
  bool fits = missing >= 0;
  for (int k = 0; fits && k < x.ndim(); ++k) {
    fits = x.shape()[k] == 1 || x.shape()[k] == shape[k + missing];
  }
  if (!fits) {
    refuse("broadcast_to", x.type_text() + " does not fit " + shape.text(),
           "lengths, aligned at the end, must be equal or 1 in the array");
  }
  return broadcast_to_shape(x, shape);
}

// --- order and joining

Array flip(const Array& x, Axes axes) {
  const Dims list = axes.given() ? normal_axes("flip", axes.list(), x.ndim()) : all_axes(x.ndim());
  if (list.empty()) return x;
  return make(Op::kReverse, {x.node()}, ir::AxesAttr{list}, {}, x.is_weak());
}

Array roll(const Array& x, std::int64_t shift, std::optional<int> axis) {
  if (!axis) return reshape(roll(ravel(x), shift, 0), x.shape());
  const int k = normal_axis("roll", *axis, x.ndim());
  const std::int64_t n = x.shape()[k];
  const std::int64_t by = n ? ((shift % n) + n) % n : 0;
  if (by == 0) return x;
  return concatenate({part(x, k, n - by, n), part(x, k, 0, n - by)}, k);
}

Array pad(const Array& x, std::vector<std::int64_t> low, std::vector<std::int64_t> high,
          const Array& value) {
  const auto rank = static_cast<std::size_t>(x.ndim());
  const auto fits = [&](const auto& entries) {
    return entries.size() == 1 || entries.size() == rank;
  };
  if (!fits(low) || !fits(high)) {
    refuse("pad",
           std::to_string(low.size()) + " entries before and " + std::to_string(high.size()) +
               " behind for " + x.type_text(),
           "give one entry an axis, or one for all");
  }
  if (low.size() == 1) low.resize(rank, low[0]);
  if (high.size() == 1) high.resize(rank, high[0]);
  const auto is_negative = [](std::int64_t n) { return n < 0; };
  if (std::any_of(low.begin(), low.end(), is_negative) ||
      std::any_of(high.begin(), high.end(), is_negative)) {
    refuse("pad", "a negative number of elements", "a slice leaves elements out");
  }
  if (value.ndim() != 0) {
    refuse("pad", "the value is " + value.type_text(), "give one number, a scalar");
  }
  const Array filler = convert("pad", value, {x.dtype(), x.is_weak()});
  return make(Op::kPad, {x.node(), filler.node()}, ir::PadAttr{low, high, Dims(rank, 0)}, {},
              x.is_weak());
}

Array repeat(const Array& given, std::int64_t times, std::optional<int> axis) {
  if (times < 0) {
    refuse("repeat", std::to_string(times) + " times", "give a number of 0 or more");
  }
  const Array x = axis ? given : ravel(given);
  const int k = normal_axis("repeat", axis.value_or(0), x.ndim());
  Dims spread = dims_of(expand_dims(x, k + 1).shape()), merged = dims_of(x.shape());
  spread[static_cast<std::size_t>(k) + 1] = times;
  std::int64_t& length = merged[static_cast<std::size_t>(k)];
  length = length_product(length, times);
  shape_of("repeat", merged);  // refuses
  const Shape wide = shape_of("repeat", spread);
  return shaped("repeat", broadcast_to_shape(expand_dims(x, k + 1), wide), merged);
}

Array tile(const Array& given, std::vector<std::int64_t> times) {
  Array x = given;
  while (x.ndim() < static_cast<int>(times.size())) x = expand_dims(x, 0);
  while (x.ndim() > static_cast<int>(times.size())) times.insert(times.begin(), 1);
  for (int k = 0; k < x.ndim(); ++k) {
    const std::int64_t n = times[static_cast<std::size_t>(k)];
    if (n < 0) refuse("tile", std::to_string(n) + " times", "give numbers of 0 or more");
    if (n == 1) continue;
    Dims spread = dims_of(expand_dims(x, k).shape()), merged = dims_of(x.shape());
    spread[static_cast<std::size_t>(k)] = n;
    std::int64_t& length = merged[static_cast<std::size_t>(k)];
    length = length_product(length, n);
    shape_of("tile", merged);  // refuses
    const Shape wide = shape_of("tile", spread);
    x = shaped("tile", broadcast_to_shape(expand_dims(x, k), wide), merged);
  }
  return x;
}

Array concatenate(const std::vector<Array>& parts, int axis) {
  if (parts.empty()) {
    refuse("concatenate", "of no arrays", "give one at least: it says the element type");
  }
  const int k = normal_axis("concatenate", axis, parts[0].ndim());
  const ElementType t = common_type("concatenate", parts);
  std::vector<NodePtr> nodes;
  for (const Array& x : parts) {
    bool fits = x.ndim() == parts[0].ndim();
    for (int a = 0; fits && a < x.ndim(); ++a) fits = a == k || x.shape()[a] == parts[0].shape()[a];
    if (!fits) {
      refuse("concatenate",
             "parts differ: " + parts[0].type_text() + " and " + x.type_text() + " along axis " +
                 std::to_string(k),
             "all have the same number of axes, with the same lengths but along that axis");
    }
    nodes.push_back(convert("concatenate", x, t).node());
  }
  if (nodes.size() == 1) return Array(nodes[0]);
  return make(Op::kConcatenate, nodes, ir::AxesAttr{{k}}, {}, t.weak);
}

Array stack(const std::vector<Array>& parts, int axis) {
  if (parts.empty()) refuse("stack", "of no arrays", "give one at least: it says the shape");
  std::vector<Array> wide;
  for (const Array& x : parts) {
    if (x.shape() != parts[0].shape()) {
      refuse("stack", "shapes differ: " + parts[0].type_text() + " and " + x.type_text(),
             "all have one shape; concatenate joins along an axis that is there");
    }
    wide.push_back(expand_dims(x, axis));
  }
  return concatenate(wide, axis);
}

std::vector<Array> split(const Array& x, std::int64_t parts, int axis) {
  const int k = normal_axis("split", axis, x.ndim());
  const std::int64_t n = x.shape()[k];
  if (parts <= 0 || n % parts != 0) {
    refuse("split",
           "an axis of length " + std::to_string(n) + " into " + std::to_string(parts) +
               " equal parts",
           "give the places to split at");
  }
  std::vector<Array> result;
  for (std::int64_t p = 0; p < parts; ++p) {
    result.push_back(part(x, k, p * (n / parts), (p + 1) * (n / parts)));
  }
  return result;
}

std::vector<Array> split(const Array& x, std::vector<std::int64_t> at, int axis) {
  const int k = normal_axis("split", axis, x.ndim());
  const std::int64_t n = x.shape()[k];
  std::vector<Array> result;
  std::int64_t begin = 0;
  at.push_back(n);
  for (std::int64_t place : at) {
    const std::int64_t end = std::clamp<std::int64_t>(place < 0 ? place + n : place, begin, n);
    result.push_back(part(x, k, begin, end));
    begin = end;
  }
  return result;
}

// --- by index arrays

Array take(const Array& given, const Array& indices, std::optional<int> axis) {
  const Array x = axis ? given : ravel(given);
  const int k = normal_axis("take", axis.value_or(0), x.ndim());
  const Array front = moveaxis(x, k, 0);
  const Array index = wrapped_index("take", indices, x.shape()[k]);
  const Array found = make(Op::kGather, {front.node(), index.node()}, {}, {}, x.is_weak());
  // Axes of the indices, then the rest of x: those before axis k go in front again.
  Dims order;
  const int r = indices.ndim();
  for (int a = 0; a < k; ++a) order.push_back(r + a);
  for (int a = 0; a < r; ++a) order.push_back(a);
  for (int a = k; a < x.ndim() - 1; ++a) order.push_back(r + a);
  return permuted(found, order);
}

Array take_along_axis(const Array& x, const Array& indices, int axis) {
  const int k = normal_axis("take_along_axis", axis, x.ndim());
  if (indices.ndim() != x.ndim()) {
    refuse("take_along_axis", "indices are " + indices.type_text() + ", the array " + x.type_text(),
           "indices have as many axes as the array");
  }
  Dims shape;
  for (int a = 0; a < x.ndim(); ++a) {
    const std::int64_t n = x.shape()[a], m = indices.shape()[a];
    if (a != k && m != n && m != 1) {
      refuse("take_along_axis",
             "axis " + std::to_string(a) + " is " + std::to_string(n) + " in the array and " +
                 std::to_string(m) + " in the indices",
             "they are equal, or 1 in the indices, but along the axis taken from");
    }
    shape.push_back(a == k ? m : n);
  }
  std::vector<NodePtr> operands{x.node()};
  for (int a = 0; a < x.ndim(); ++a) {
    const Array index =
        a == k ? broadcast_to_shape(wrapped_index("take_along_axis", indices, x.shape()[k]),
                                    Shape(shape))
               : iota(Shape(shape), a);
    operands.push_back(index.node());
  }
  return make(Op::kGather, operands, {}, {}, x.is_weak());
}

}  // namespace cotangent::array
