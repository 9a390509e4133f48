// Partial derivatives of the elementwise ops, declared once; forward mode multiplies tangents by
// them, reverse mode is the transpose of that product.
//
// Conventions at kinks (docs/derivatives.md): abs'(0) = 0; min, max: the operand that is returned
// (the second on a tie); reduce_min, reduce_max: equal shares among ties; sqrt and powers below 1
// of a sum of squares: 0 where the sum is 0, so that a norm has gradient 0 at the origin.
#pragma once

#include <span>

#include "cotangent/ir/builder.h"

namespace cotangent::transform {

/// d result / d operand k of elementwise op `op`, built from operands `x` and result `y`; an
/// invalid value stands for zero. Not for select, cast, bitcast, div by its numerator, min and max,
/// which act on tangents directly (structural rules in jvp.cpp).
ir::Value partial(ir::Builder& b, ir::Op op, std::span<const ir::Value> x, ir::Value y,
                  std::size_t k);

/// Whether the table has an entry for `op` (all operands).
bool has_partials(ir::Op op);

/// Whether `v` is visibly a sum of squares (and so zero only at a minimum), and not visibly
/// positive.
bool is_sum_of_squares(const ir::Function& f, ir::Value v);

/// Whether `v` is visibly not negative: a sum of squares, of positive constants, or of both.
bool is_nonnegative(const ir::Function& f, ir::Value v);

}  // namespace cotangent::transform
