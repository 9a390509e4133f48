// What proofs of invariance share.
#pragma once

#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

/// The operands of v that a proof wants fixed: of a jump all, of what has a pole the one that must
/// not pass through it. For a derivative that vanishes wherever it is defined says nothing of the
/// two sides of a pole: x/sqrt(x*x) is -1 and 1, and atan(tan(x)) - x is a staircase.
std::vector<ir::Value> must_be_fixed(const ir::Function& f, ir::Value v);

}  // namespace cotangent::mechanics
