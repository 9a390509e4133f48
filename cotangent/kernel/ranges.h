// What is known about the integers of a kernel program: for each value an interval that holds it,
// and for each arithmetic op whether its result is that of unbounded integers, without wrapping.
// Printers use it: C may then say `i + 1` where a wrapping sum needs casts, and WGSL, which has no
// 64-bit integers, may hold an i64 in 32 bits.
#pragma once

#include <cstdint>
#include <vector>

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

/// lo <= value <= hi. Values above INT64_MAX (u64) have no interval of their own: such a range is
/// all of INT64_MIN..INT64_MAX and says nothing.
struct Range {
  std::int64_t lo = INT64_MIN, hi = INT64_MAX;
  bool within(std::int64_t least, std::int64_t most) const { return lo >= least && hi <= most; }
  bool fits_i32() const { return within(INT32_MIN, INT32_MAX); }
};

struct Ranges {
  std::vector<Range> of;    ///< by value; of floats and bools it says nothing
  std::vector<char> plain;  ///< by value: the op that gives it is plain arithmetic (below)
  /// plain: neg, abs, add, sub, mul, shl do not wrap and the shift's count is below the width; div
  /// has a divisor other than 0 and does not wrap; mod has a dividend >= 0 and a divisor > 0.
};

Ranges find_ranges(const Program& program);

}  // namespace cotangent::kernel
