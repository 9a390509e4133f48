// The same program in another precision.
#pragma once

#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

/// f with every f64 value turned into f32, bodies included; constants are rounded. Source places
/// are kept. UserError when the program looks at the bits of a number (bitcast).
ir::FunctionPtr in_single_precision(const ir::Function& f);

}  // namespace cotangent::mechanics
