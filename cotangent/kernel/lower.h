// Array program -> kernel program.
//
// Every array value either has a buffer or is computed where it is used. Values are asked for one
// element at a time: `element(value, index)` emits the scalar code of that element, so fusion,
// broadcasting, slicing and unrolling are all the same thing. On top of that:
//
//   block mode   a function body as a schedule of loop nests: which values get buffers, which loops
//                over the same rows become one, which carries are updated in place
//   lane mode    the body of a map or pair_sum, one instance a SIMD lane, all values in registers
//
// Reductions keep the order of ir/reduction_order.h whatever the shape of the loops.
#pragma once

#include "cotangent/ir/function.h"
#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

/// Buffer k < inputs is parameter k, then the results. Accepts whatever ir::verify accepts.
Program lower(const ir::FunctionPtr& f);

}  // namespace cotangent::kernel
