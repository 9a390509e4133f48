// Array program -> kernel program.
//
// Every array value either has a buffer or is computed where it is used. Values are asked for one
// element at a time: `element(value, index)` emits the scalar code of that element, so fusion,
// broadcasting, slicing and unrolling are all the same thing. On top of that:
//
//   block mode   a function body as a schedule of loop nests: which values get buffers, which loops
//                over the same rows become one, which carries are updated in place
//   lane mode    the body of a map or pair_sum, one instance a SIMD lane, all values in registers
//   both         a larger body of a map, one instance a SIMD lane, as a schedule of its own: its
//                loops are serial and its arrays lie in lane buffers
//   products     of small matrices: lanes along the columns, rows of the result in registers
//
// Reductions keep the order of ir/reduction_order.h whatever the shape of the loops.
#pragma once

#include <functional>

#include "cotangent/ir/function.h"
#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

struct LowerOptions {
  /// Estimated instructions up to which the body of a map is lowered with all its values in
  /// registers; tests lower it. Never changes results.
  std::int64_t most_in_registers = 2000;
  /// Asked when there is a large matrix product: whether it may be a call of the library. Empty:
  /// no. Changes results within round-off, for a library adds in another order.
  std::function<bool()> library_products = {};
  /// Multiplications of one matrix product from which it is large.
  std::int64_t library_from = 32 * 32 * 32;
};

/// Buffer k < inputs is parameter k, then the results. Accepts whatever ir::verify accepts.
Program lower(const ir::FunctionPtr& f, const LowerOptions& options = {});

}  // namespace cotangent::kernel
