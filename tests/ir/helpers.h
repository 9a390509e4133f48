// Shared by the tests of ir: run one op, and which ops have a test of their meaning.
#pragma once

#include <set>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"

namespace cotangent::ir::testing {

/// The op on these operands by the evaluator; also made of constants, which may fold, and required
/// to give the same bits.
Tensor run(Op op, const std::vector<Tensor>& operands, Attr attr = {}, Type hint = {});

/// The ops whose meaning each file tests; every op of the table must be in one of them.
std::set<Op> elementwise_ops_tested();
std::set<Op> structural_ops_tested();
std::set<Op> second_order_ops_tested();
std::set<Op> linear_algebra_ops_tested();
std::set<Op> control_ops_tested();
std::set<Op> data_ops_tested();

/// Numbers of varied size and sign, so that the order of a sum shows in its last bits.
template <class T>
std::vector<T> rough_numbers(std::int64_t n, std::uint64_t seed);

/// The order that reduction_order.h fixes, written again from its text.
template <class T, class Join>
T in_fixed_order(const std::vector<T>& x, Join join) {
  const std::size_t n = x.size();
  if (n > 4096) {
    std::vector<T> blocks;
    for (std::size_t b = 0; b < n; b += 4096) {
      const std::size_t end = b + 4096 < n ? b + 4096 : n;
      blocks.push_back(in_fixed_order(std::vector<T>(x.begin() + static_cast<std::ptrdiff_t>(b),
                                                     x.begin() + static_cast<std::ptrdiff_t>(end)),
                                      join));
    }
    return in_fixed_order(blocks, join);
  }
  if (n <= 8) {
    T total = x[0];
    for (std::size_t k = 1; k < n; ++k) total = join(total, x[k]);
    return total;
  }
  std::vector<T> p(x.begin(), x.begin() + 8);
  for (std::size_t k = 8; k < n; ++k) p[k % 8] = join(p[k % 8], x[k]);
  const T a = join(p[0], p[4]), b = join(p[1], p[5]), c = join(p[2], p[6]), d = join(p[3], p[7]);
  const T ac = join(a, c), bd = join(b, d);
  return join(ac, bd);
}

}  // namespace cotangent::ir::testing
