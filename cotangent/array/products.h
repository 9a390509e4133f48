// Products of matrices and tensors. Sums accumulate by fma in an order fixed by the shapes.
#pragma once

#include <string_view>
#include <vector>

#include "cotangent/array/array.h"

namespace cotangent::array {

/// numpy's @: vectors are rows or columns, leading axes are batches and broadcast.
Array matmul(const Array& x, const Array& y);
/// numpy.dot: scalars multiply; else the last axis of x with the last but one of y.
Array dot(const Array& x, const Array& y);
Array outer(const Array& x, const Array& y);  ///< of the flattened arrays
/// Sums over the last `axes` axes of x and the first of y.
Array tensordot(const Array& x, const Array& y, int axes = 2);
Array tensordot(const Array& x, const Array& y, std::vector<std::int64_t> axes_x,
                std::vector<std::int64_t> axes_y);
/// "ij,jk->ik". Any number of operands, taken from the left two at a time; repeated letters in one
/// operand are its diagonal. An ellipsis is refused.
Array einsum(std::string_view formula, const std::vector<Array>& operands);
Array cross(const Array& x, const Array& y);  ///< of the last axis, of length 3

}  // namespace cotangent::array
