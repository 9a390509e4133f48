// A run on the reference evaluator, op by op, for finding where numbers stop being finite. Slow.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/flow.h"

namespace cotangent::mechanics {

/// The step that made a number of the state not finite, and the op in it.
struct FirstNonFinite {
  std::int64_t step = 0;  ///< the first is 1
  double t = 0;           ///< at the end of that step
  std::string component;  ///< of the state after the step: "q[3,1]"
  /// Nothing where the number is finite and beyond the range of a lattice.
  std::optional<ir::NonFinite> made;
};

struct EvaluatedRun {
  std::int64_t steps = 0;  ///< done, all finite
  bool interrupted = false;
  ir::Tensor q, p;  ///< after them, with the bits of the compiled run
  ir::Tensor x;     ///< the same of a system without q and p
  std::optional<FirstNonFinite> fault;
};

/// Runs `flow`'s step program. `between` is called after every step with their number; the run
/// stops where it gives false.
EvaluatedRun evaluate_steps(const System& system, const Flow& flow, double dt,
                            const InitialState& initial, std::int64_t steps,
                            const std::function<bool(std::int64_t)>& between);

}  // namespace cotangent::mechanics
