// Elementary functions as compiled, against the C library in a wider type: many points in little
// time. MPFR has the last word wherever the library's own error could matter.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

namespace cotangent::runtime {

/// Every function of one f32 at the bit patterns 0, stride, 2 stride, ..., `count` of them (modulo
/// 2^32); the bounds are those of function_ranges.h. COTANGENT_PRINT_ULP=1 prints what was found.
void check_every_f32(std::uint32_t stride, std::uint64_t count);

/// Every function in f64, at `points` a range (rounded up to whole blocks).
void check_many_f64(std::uint64_t points);

}  // namespace cotangent::runtime
