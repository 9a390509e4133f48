// What is kept of a run for its gradient, within a budget.
#pragma once

#include <string>
#include <vector>

#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

enum class GradientPolicy { kAll, kCheckpoints, kReverse };
const char* name_of(GradientPolicy policy);
/// "auto", "all", "checkpoints", "reverse"
std::vector<std::string> gradient_policy_names();

/// What is kept of a run, and why. Between states that may be kept lie the steps of a chunk.
struct GradientPlan {
  GradientPolicy policy = GradientPolicy::kAll;
  std::int64_t chunk = 1;   ///< steps of one
  std::int64_t chunks = 0;  ///< of the run
  std::int64_t slots = 1;   ///< states kept at one time, the first one among them
  std::int64_t bytes = 0;   ///< of tapes and kept states, at most, if nothing drifts
  std::string reason;
};
/// What the tape of one step takes, that of a chunk besides, and a state that is kept.
struct KeptBytes {
  std::int64_t tape = 0, end = 0, state = 0;
};
KeptBytes kept_bytes(const System& system, const Plan& plan, bool sampled);
/// For a run of `plan`; `sampled`: of a mean. UserError where the budget cannot hold it, the
/// policy has no such name, or it undoes steps that have no inverse.
GradientPlan plan_gradient(const System& system, const Plan& plan, bool sampled,
                           const GradientSettings& settings);

/// The decision `gradients` of a plan that has none, since `auto` took for the run what it does not
/// take for a gradient: how one would go, and by which method.
Decision gradients_by_another(const System& system, const Facts& facts, const RunSettings& settings,
                              const InitialState* initial, const Plan& plan);

}  // namespace cotangent::mechanics
