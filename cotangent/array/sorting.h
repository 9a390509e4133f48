// Order along one axis, and running sums. `axis` may be negative; std::nullopt flattens first, as
// numpy's None does.
#pragma once

#include <optional>

#include "cotangent/array/array.h"

namespace cotangent::array {

/// Ascending; NaN last. -0 stands before 0.
Array sort(const Array& x, std::optional<int> axis = -1);
/// i64 indices that sort; equal elements keep their order, -0 equals 0.
Array argsort(const Array& x, std::optional<int> axis = -1);
/// Running sums from the first element on, one addition after the other; bool counts (i64). numpy's
/// rule: flattened unless an axis is given.
Array cumsum(const Array& x, std::optional<int> axis = {});
/// The name of the array standard: an axis has to be given unless there is only one.
Array cumulative_sum(const Array& x, std::optional<int> axis = {});

}  // namespace cotangent::array
