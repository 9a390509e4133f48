// Row-major order: the last axis moves fastest.
#pragma once

#include <cstdint>
#include <vector>

#include "cotangent/base/shape.h"

namespace cotangent {

/// How many elements lie from one to its neighbour along each axis.
inline std::vector<std::int64_t> row_major(const Shape& shape) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()), 1);
  for (int k = shape.rank() - 2; k >= 0; --k) {
    strides[static_cast<std::size_t>(k)] = strides[static_cast<std::size_t>(k) + 1] * shape[k + 1];
  }
  return strides;
}

/// Calls visit(linear index, multi-index) for every element in order.
template <class Visit>
void for_each_index(const Shape& shape, Visit visit) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()), 0);
  const std::int64_t size = shape.size();
  for (std::int64_t linear = 0; linear < size; ++linear) {
    visit(linear, index);
    for (std::size_t k = index.size(); k-- > 0;) {
      if (++index[k] < shape[static_cast<int>(k)]) break;
      index[k] = 0;
    }
  }
}

}  // namespace cotangent
