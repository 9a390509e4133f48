// Checks as data. `expose_faults` makes of a program with checks an ordinary one without, that also
// gives its first fault. This is what a check means: evaluator, kernels and derivatives agree on it
// because they all run the same program.
//
// A fault is (step, lane, site, payload): the iteration of the outermost loop or while around the
// check, the index of the outermost map around it, the check's number, and its payload (0 without
// one); -1 for no loop, no map. Of several the least (step, lane, site) is given; the first in
// program order if those are equal.
//
// From the step on that a check in a loop fails, the loop keeps its carries as they were before
// that step, and a while stops. So under a map a lane that faults freezes alone, and the others go
// on. Per-step outputs of a frozen loop go on with what its body makes of the frozen carries.
#pragma once

#include <string>
#include <vector>

#include "cotangent/base/span.h"
#include "cotangent/ir/function.h"

namespace cotangent::transform {

/// What stands in the place of a fault's site where there is none.
inline constexpr std::int64_t kNoFault = INT64_MAX;

struct FaultSite {
  std::int64_t site = 0;
  std::string message;
  std::vector<SourceSpan> spans;
};

struct Exposed {
  ir::FunctionPtr program;       ///< results of f, then i64[4]: step, lane, site, payload
  std::vector<FaultSite> sites;  ///< ascending
};

/// Calls are inlined on the way: derivatives are taken before.
Exposed expose_faults(const ir::Function& f);

}  // namespace cotangent::transform
