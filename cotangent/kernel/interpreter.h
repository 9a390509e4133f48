// Executes a kernel program literally, one instruction at a time; the oracle of code generation.
#pragma once

#include <span>

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

/// Row-major arguments and results by position. Throws InternalError on an index out of range.
void interpret(const Program& program, std::span<const void* const> arguments,
               std::span<void* const> results);

}  // namespace cotangent::kernel
