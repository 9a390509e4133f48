// Straight-line Fourier transforms of a few complex numbers, in the program's own scalar ops.
#pragma once

#include <vector>

#include "cotangent/ir/builder.h"

namespace cotangent::transform {

/// A complex value as the program has it.
struct Pair {
  ir::Value re, im;
};

/// The largest prime a codelet transforms; longer ones go by Bluestein.
inline constexpr std::int64_t kLargestPrime = 13;
/// The longest codelet.
inline constexpr std::int64_t kLongestCodelet = 16;

/// Whether n has a codelet, and whether it is a product of numbers that have one.
bool has_codelet(std::int64_t n);
bool is_smooth(std::int64_t n);

/// X[k] = sum_j x[j] e^(-2 pi i j k / n), n = x.size(), in `b`. Radix 4, 2, 8 = 4 x 2, 3, 5, 7, 11,
/// 13 and what they make (Cooley and Tukey 1965); odd primes by sums and differences of x[j],
/// x[n-j].
std::vector<Pair> codelet(ir::Builder& b, const std::vector<Pair>& x);

/// x times the constant e^(-2 pi i k / n).
Pair turned(ir::Builder& b, Pair x, std::int64_t k, std::int64_t n);

/// x times w.
Pair times(ir::Builder& b, Pair x, Pair w);

}  // namespace cotangent::transform
