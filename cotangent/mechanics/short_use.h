// Code for programs that the planner evaluates some hundred times and then forgets.
#pragma once

#include "cotangent/runtime/executable.h"

namespace cotangent::mechanics {

/// Whatever is ready soonest for about so many calls, making it included: an interpreter, code of
/// the lowest level, or optimised code. The same bits whichever it is (large matrix products within
/// round-off).
runtime::ExecutablePtr code_for(const ir::FunctionPtr& f, double calls);

}  // namespace cotangent::mechanics
