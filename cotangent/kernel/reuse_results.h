// Scratch arrays that a program's last pass over them turns into a result, put where the result is.
#pragma once

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

/// Where a simd loop at the top reads a scratch array for the last time and writes a result of the
/// same layout, iteration l only places that are l modulo the same number, and reads before it
/// writes, the array becomes the result's own memory: a column is transformed in place, and a third
/// less memory is gone through. Never changes results. For processors: devices may want their
/// results written only.
void reuse_results(Program& program);

}  // namespace cotangent::kernel
