// Forward mode, as a walk that emits into a builder. The public transforms are in derivatives.h.
#pragma once

#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

/// Values of f's results and their tangents (invalid: symbolic zero).
struct Pushed {
  Values primal;
  Values tangent;
};

/// Emits f at `primal` into `b`, with tangents pushed along. `tangent` has one entry a parameter;
/// an invalid one is a symbolic zero. Throws UserError for an op on the way that has no derivative.
Pushed push_forward(ir::Builder& b, const ir::Function& f, std::span<const ir::Value> primal,
                    std::span<const ir::Value> tangent);

}  // namespace cotangent::transform
