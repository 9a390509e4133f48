// Derivatives as program-to-program transforms; one rule an op, any order of composition.
//
// Partials of elementwise ops are declared once (partials.cpp) and serve both directions.
// Zero tangents are symbolic. Second-order ops stay second-order ops: reverse through map and
// pair_sum gives map and pair_sum with roles swapped; reverse through loop gives a reversed loop
// that rebuilds what it needs from the kept carries.
#pragma once

#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::transform {

/// Which parameters (or results) take part, by position.
using Positions = std::vector<std::size_t>;

/// f(x...) -> y...  becomes  (x..., dx for each of `wrt`...) -> (y..., dy for each float
/// result...). `wrt` must name float parameters.
ir::FunctionPtr jvp(const ir::Function& f, const Positions& wrt);

/// The two halves of a linearised function.
struct Linearised {
  ir::FunctionPtr primal;  ///< (x...) -> (y..., residuals...)
  ir::FunctionPtr
      linear;  ///< (residuals..., dx for each of wrt...) -> (dy for each float result...)
};
Linearised linearise(const ir::Function& f, const Positions& wrt);

/// f is linear in the parameters `linear` (checked; UserError names the op that is not).
/// Gives (other parameters..., ct for each result...) -> (ct for each of `linear`...).
ir::FunctionPtr transpose(const ir::Function& f, const Positions& linear);

/// (x..., ct for each float result...) -> (y..., ct for each of `wrt`...).
ir::FunctionPtr vjp(const ir::Function& f, const Positions& wrt);

/// For a scalar float result 0: (x...) -> (gradient for each of `wrt`...).
ir::FunctionPtr grad(const ir::Function& f, const Positions& wrt);
/// (x...) -> (y0, gradient for each of `wrt`...).
ir::FunctionPtr value_and_grad(const ir::Function& f, const Positions& wrt);

/// (x..., v for each of wrt...) -> (H v for each of wrt...), forward over reverse.
ir::FunctionPtr hvp(const ir::Function& f, const Positions& wrt);

/// Whether an op has its jvp rule and (where its jvp is linear in tangents) its transpose rule; the
/// completeness test walks the op table with these.
bool has_jvp_rule(ir::Op op);
bool has_transpose_rule(ir::Op op);

}  // namespace cotangent::transform
