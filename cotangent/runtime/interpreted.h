// Programs that run a few times only: ready in milliseconds, without machine code.
#pragma once

#include "cotangent/runtime/executable.h"

namespace cotangent::runtime {

/// As `compile` makes it, but its kernel program is executed one instruction at a time. The bits
/// are those of compiled code (of large matrix products those of library_products = false).
ExecutablePtr interpreted(const ir::FunctionPtr& f);

}  // namespace cotangent::runtime
