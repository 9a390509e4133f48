// A run on the reference evaluator, op by op, for finding where numbers stop being finite. Slow.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/flow.h"

namespace cotangent::mechanics {

/// The op that first gave a number that is not finite from finite ones.
struct FirstNonFinite {
  std::int64_t step = 0;  ///< the one that made it; the first is 1
  double t = 0;           ///< at the end of that step
  std::string component;  ///< of the state after the step: "q[3,1]"
  std::string op;         ///< "div"
  std::string where;      ///< "%16 : f64[2,3] in stage, element [1,0]"
  double value = 0;
  std::vector<std::string> operands;  ///< "%3 = 0", at that element where shapes agree
  SourceSpan place;                   ///< what the op came from; may be empty
};

struct EvaluatedRun {
  std::int64_t steps = 0;  ///< done, all finite
  bool interrupted = false;
  ir::Tensor q, p;  ///< after them, with the bits of the compiled run
  std::optional<FirstNonFinite> fault;
};

/// Runs `flow`'s step program. `between` is called after every step with their number; the run
/// stops where it gives false.
EvaluatedRun evaluate_steps(const System& system, const Flow& flow, double dt,
                            const InitialState& initial, std::int64_t steps,
                            const std::function<bool(std::int64_t)>& between);

}  // namespace cotangent::mechanics
