// Reductions. `axes`: nothing means all; axes may be negative. With keepdims the reduced axes stay,
// with length 1. Sums of bool count (i64); the order of additions is fixed by the shape alone.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "cotangent/array/array.h"

namespace cotangent::array {

/// All axes, one, or several: sum(x), sum(x, -1), sum(x, {0, 2}).
class Axes {
 public:
  Axes() = default;
  Axes(int axis) : list_({axis}), given_(true) {}
  Axes(std::int64_t axis) : list_({axis}), given_(true) {}
  Axes(std::initializer_list<std::int64_t> axes) : list_(axes), given_(true) {}
  Axes(std::vector<std::int64_t> axes) : list_(std::move(axes)), given_(true) {}
  bool given() const { return given_; }
  const std::vector<std::int64_t>& list() const { return list_; }

 private:
  std::vector<std::int64_t> list_;
  bool given_ = false;
};

Array sum(const Array& x, Axes axes = {}, bool keepdims = false);
Array prod(const Array& x, Axes axes = {}, bool keepdims = false);
Array min(const Array& x, Axes axes = {},
          bool keepdims = false);  ///< NaN if any is; not of nothing
Array max(const Array& x, Axes axes = {}, bool keepdims = false);
Array mean(const Array& x, Axes axes = {}, bool keepdims = false);
/// Mean squared distance from the mean; divided by n - ddof.
Array var(const Array& x, Axes axes = {}, bool keepdims = false, std::int64_t ddof = 0);
Array stddev(const Array& x, Axes axes = {}, bool keepdims = false, std::int64_t ddof = 0);
Array any(const Array& x, Axes axes = {}, bool keepdims = false);  ///< any is not zero
/// Also the index of a whole axis (indexing.h): the last parameter, which says nothing, keeps other
/// reductions from being taken for it.
struct WholeAxis {};
Array all(const Array& x, Axes axes = {}, bool keepdims = false, WholeAxis = {});
/// i64 index of the first extremum (the first NaN, if there is one); over the flattened array when
/// no axis is given.
Array argmin(const Array& x, std::optional<int> axis = {}, bool keepdims = false);
Array argmax(const Array& x, std::optional<int> axis = {}, bool keepdims = false);
/// sqrt of the sum of squares; its gradient at the origin is 0.
Array norm(const Array& x, Axes axes = {}, bool keepdims = false);
/// log(sum(exp(x))) without overflow.
Array logsumexp(const Array& x, Axes axes = {}, bool keepdims = false);

}  // namespace cotangent::array
