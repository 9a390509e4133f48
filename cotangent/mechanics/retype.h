// The same program in another precision.
#pragma once

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// f with every f64 value turned into f32, bodies included; constants are rounded. Source places
/// are kept. UserError when the program looks at the bits of a number (bitcast).
ir::FunctionPtr in_single_precision(const ir::Function& f);

/// f with every f64 value as a pair of f32 (transform::in_double_single). UserError for what has no
/// such form, with its place in the system's source and the precisions that do; `name` is what it
/// calls f, "dH/dq".
ir::FunctionPtr in_double_single(const ir::Function& f, const System& system,
                                 const std::string& name);

/// "file:line:column" with the excerpt; empty without a source or a place.
std::string place_text(const System& system, SourceSpan span);

}  // namespace cotangent::mechanics
