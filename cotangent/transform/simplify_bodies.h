// The part of `simplify` that works on second-order ops.
#pragma once

#include <unordered_map>

#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

/// One round of simplification of a whole function.
ir::FunctionPtr simplify_once(const ir::Function& f);

/// Emits second-order node `v` of `f` on `operands` into `b`, simplified: its body simplified once;
/// results not flagged in `used` dropped; operands that nothing needs dropped, equal ones merged,
/// constants and repeated rows moved inside; work on invariants moved out of the body. Gives one
/// value a result (invalid for those not used). `bodies` holds the bodies made so far in `b`: an
/// equal one is shared, so that equal ops are one node.
Values simplify_second_order(ir::Builder& b, const ir::Function& f, ir::Value v,
                             std::span<const ir::Value> operands, const Flags& used,
                             std::vector<ir::FunctionPtr>& bodies);

}  // namespace cotangent::transform
