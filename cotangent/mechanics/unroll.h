// Sums over a few entries written out, for algebra that looks at single numbers.
#pragma once

#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

/// f with maps and pair sums over at most `most` entries written out, in bodies too, where all
/// their results are totals: so that a state of shape [2] or [3] can be looked at as one point, and
/// a sum over the components of a vector at the whole vector.
ir::FunctionPtr unroll_small(const ir::Function& f, std::int64_t most);

}  // namespace cotangent::mechanics
