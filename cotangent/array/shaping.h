// Making arrays, and giving them other shapes.
#pragma once

#include <vector>

#include "cotangent/array/array.h"
#include "cotangent/array/reduce.h"

namespace cotangent::array {

// --- making
Array zeros(Shape shape, DType dtype = DType::kF64);
Array ones(Shape shape, DType dtype = DType::kF64);
Array full(Shape shape, const Array& value);  ///< with the element type of value
Array zeros_like(const Array& x);
Array ones_like(const Array& x);
Array full_like(const Array& x, const Array& value);  ///< with the element type of x
/// Whole numbers start, start + step, ... before stop: i64 unless said otherwise.
Array whole_range(std::int64_t start, std::int64_t stop, std::int64_t step = 1,
                  DType dtype = DType::kI64);
/// numpy.arange: i64 for integers; for reals ceil((stop - start) / step) values.
Array arange(double start, double stop, double step = 1.0);
inline Array arange(double stop) {
  return arange(0.0, stop);
}
template <std::integral T>
Array arange(T stop) {
  return whole_range(0, static_cast<std::int64_t>(stop));
}
template <std::integral T, std::integral U>
Array arange(T start, U stop) {
  return whole_range(static_cast<std::int64_t>(start), static_cast<std::int64_t>(stop));
}
template <std::integral T, std::integral U, std::integral V>
Array arange(T start, U stop, V step) {
  return whole_range(static_cast<std::int64_t>(start), static_cast<std::int64_t>(stop),
                     static_cast<std::int64_t>(step));
}
/// `count` values from start to stop, both included unless `endpoint` is false.
Array linspace(double start, double stop, std::int64_t count = 50, bool endpoint = true);
Array eye(std::int64_t n, std::int64_t m = -1, std::int64_t k = 0, DType dtype = DType::kF64);
Array diag(const Array& x,
           std::int64_t k = 0);  ///< of a vector: the matrix; of a matrix: the diagonal
Array diagonal(const Array& x, std::int64_t k = 0, int axis1 = 0, int axis2 = 1);
Array trace(const Array& x);
/// Of the last two axes, the rest 0; a vector stands for a square matrix with such rows.
Array tril(const Array& x, std::int64_t k = 0);
Array triu(const Array& x, std::int64_t k = 0);
/// Grids of coordinates, "ij" indexing: result k varies along axis k.
std::vector<Array> meshgrid(const std::vector<Array>& axes);

// --- shape
Array reshape(const Array& x, Shape shape);
/// One length may be -1: it is worked out.
Array reshape(const Array& x, std::initializer_list<std::int64_t> shape);
Array ravel(const Array& x);
Array transpose(const Array& x, std::vector<std::int64_t> axes = {});  ///< none: all reversed
Array swapaxes(const Array& x, int axis1, int axis2);
Array moveaxis(const Array& x, int from, int to);
Array squeeze(const Array& x, Axes axes = {});  ///< none: all of length 1
Array expand_dims(const Array& x, Axes axes);
Array broadcast_to(const Array& x, Shape shape);

// --- order and joining
Array flip(const Array& x, Axes axes = {});
Array roll(const Array& x, std::int64_t shift, std::optional<int> axis = {});  ///< none: flattened
/// `low`, `high`: elements before and after, one entry an axis or one for all.
Array pad(const Array& x, std::vector<std::int64_t> low, std::vector<std::int64_t> high,
          const Array& value = 0);
Array tile(const Array& x, std::vector<std::int64_t> times);
Array repeat(const Array& x, std::int64_t times,
             std::optional<int> axis = {});  ///< none: flattened
Array concatenate(const std::vector<Array>& parts, int axis = 0);
Array stack(const std::vector<Array>& parts, int axis = 0);
std::vector<Array> split(const Array& x, std::int64_t parts, int axis = 0);  ///< into equal parts
std::vector<Array> split(const Array& x, std::vector<std::int64_t> at, int axis = 0);

// --- by index arrays
/// Elements of x along an axis (of the flattened array when none is given); negative indices count
/// from the end. What lies outside is clamped to the ends.
Array take(const Array& x, const Array& indices, std::optional<int> axis = {});
/// As numpy.take_along_axis: indices with the rank of x.
Array take_along_axis(const Array& x, const Array& indices, int axis);

}  // namespace cotangent::array
