// The order in which a reduction combines its elements. It depends on the number of elements
// alone, so threads, vector widths and back ends all give the same bits.
//
//   n <= 8            left to right
//   8 < n <= 4096     eight partial results, element k into partial k % 8 in ascending order, then
//                     partials l and l+4, then l and l+2, then l and l+1
//   n > 4096          blocks of 4096 (the last may be shorter), each by the rules above, then the
//                     same rules over the blocks' results
//
// A dot product follows the same order with fma(x[k], y[k], partial) in place of partial +
// x[k]*y[k]; the first product of a partial is rounded on its own; results of blocks are added.
//
// In a product of matrices (each operand has an axis of its own in the result) sums of up to 16
// terms go left to right. Its many sums are independent of each other; with partial results they
// would cost 23 operations for 16 terms.
#pragma once

#include <cstdint>
#include <vector>

namespace cotangent::ir {

inline constexpr std::int64_t kReduceLanes = 8;
inline constexpr std::int64_t kReduceBlock = 4096;
inline constexpr std::int64_t kMatrixChain = 16;

/// Whether a sum of n products goes left to right; how many axes each operand has of its own.
constexpr bool dot_in_one_chain(std::int64_t n, std::size_t free_x, std::size_t free_y) {
  return n <= kReduceLanes || (n <= kMatrixChain && free_x > 0 && free_y > 0);
}

namespace detail {

/// 1 <= n <= kReduceBlock.
template <class T, class First, class Next, class Combine>
T reduce_one_block(std::int64_t begin, std::int64_t n, First first, Next next, Combine combine) {
  if (n <= kReduceLanes) {
    T total = first(begin);
    for (std::int64_t k = 1; k < n; ++k) total = next(total, begin + k);
    return total;
  }
  T part[kReduceLanes];
  for (std::int64_t l = 0; l < kReduceLanes; ++l) part[l] = first(begin + l);
  for (std::int64_t k = kReduceLanes; k < n; ++k) {
    part[k % kReduceLanes] = next(part[k % kReduceLanes], begin + k);
  }
  for (std::int64_t half = kReduceLanes / 2; half >= 1; half /= 2) {
    for (std::int64_t l = 0; l < half; ++l) part[l] = combine(part[l], part[l + half]);
  }
  return part[0];
}

}  // namespace detail

/// The same rules over values at hand.
template <class T, class Combine>
T ordered_combine(std::vector<T> values, Combine combine) {
  struct Get {
    const std::vector<T>* values;
    T operator()(std::int64_t k) const { return (*values)[static_cast<std::size_t>(k)]; }
  };
  struct Next {
    const std::vector<T>* values;
    Combine combine;
    T operator()(T total, std::int64_t k) const {
      return combine(total, (*values)[static_cast<std::size_t>(k)]);
    }
  };
  while (static_cast<std::int64_t>(values.size()) > kReduceBlock) {
    std::vector<T> blocks;
    const auto n = static_cast<std::int64_t>(values.size());
    for (std::int64_t b = 0; b < n; b += kReduceBlock) {
      const std::int64_t m = n - b < kReduceBlock ? n - b : kReduceBlock;
      blocks.push_back(
          detail::reduce_one_block<T>(b, m, Get{&values}, Next{&values, combine}, combine));
    }
    values = std::move(blocks);
  }
  return detail::reduce_one_block<T>(0, static_cast<std::int64_t>(values.size()), Get{&values},
                                     Next{&values, combine}, combine);
}

/// first(k) starts a partial with element k; next(partial, k) adds element k; combine joins two
/// partials. n >= 1.
template <class T, class First, class Next, class Combine>
T ordered_reduce(std::int64_t begin, std::int64_t n, First first, Next next, Combine combine) {
  if (n <= kReduceBlock) return detail::reduce_one_block<T>(begin, n, first, next, combine);
  std::vector<T> blocks;
  for (std::int64_t b = 0; b < n; b += kReduceBlock) {
    const std::int64_t m = n - b < kReduceBlock ? n - b : kReduceBlock;
    blocks.push_back(detail::reduce_one_block<T>(begin + b, m, first, next, combine));
  }
  return ordered_combine(std::move(blocks), combine);
}

/// Left to right, 1 <= n.
template <class T, class First, class Next>
T chained(std::int64_t n, First first, Next next) {
  T total = first(0);
  for (std::int64_t k = 1; k < n; ++k) total = next(total, k);
  return total;
}

}  // namespace cotangent::ir
