// A program in 32-bit types only, for devices that have no others.
#pragma once

#include "cotangent/ir/function.h"

namespace cotangent::testing {

/// f with f64, i64 and u64 turned into f32, i32 and u32, bodies included, but for the indices that
/// bodies take, which are i64 by definition and cast where they come in. Throws what the builder
/// throws where an op insists on a 64-bit type.
ir::FunctionPtr in_32_bits(const ir::Function& f, int indices = 0);

}  // namespace cotangent::testing
