// Forward derivatives of factorisations and triangular solves (Giles 2008, "Collected matrix
// derivative results for forward and reverse mode algorithmic differentiation"; Townsend 2016 for
// the singular value decomposition), and the passes on them.
//
// Where a formula divides by the difference of two eigenvalues or singular values, or by a pivot,
// and that is zero, the derivative is infinite or NaN: it does not exist. Eigenvalues and singular
// values alone need no such quotient.
#pragma once

#include "cotangent/transform/jvp.h"

namespace cotangent::transform {

/// Node `v` of `f` at operands `x`, with tangents `t` of the operands (invalid: zero).
Pushed push_linear_algebra(ir::Builder& b, const ir::Function& f, ir::Value v, const Values& x,
                           const Values& t);

}  // namespace cotangent::transform
