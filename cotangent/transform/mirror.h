// Whether a pair's body gives its mirror image when the pair is exchanged, by its structure: the
// body is written twice into one program, plain and exchanged, with signs pulled out of every
// operation that lets them through (in the reals, and in floating point but for the sign of zero).
// Equal nodes are one node there. Cheap, and enough where the body reads differences; what it
// cannot see is for algebra.h.
#pragma once

#include "cotangent/ir/function.h"

namespace cotangent::transform {

/// Whether result `at_j` of the body of a pair_sum with its two sides exchanged is `sign` (1, -1)
/// times result `at_i`.
bool mirrored_by_structure(const ir::PairAttr& a, std::span<const ir::Value> operands,
                           std::size_t at_i, std::size_t at_j, int sign);

}  // namespace cotangent::transform
