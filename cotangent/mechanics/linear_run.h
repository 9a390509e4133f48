// What a planner needs to run a linear system without steps (Plan::linear).
#pragma once

#include <memory>

#include "cotangent/mechanics/linear_flow.h"
#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

/// N steps at once of a system whose equations are proved linear: "exact", or the name of a
/// composition for the power of its own matrix. UserError as linear_system and LinearFlow::make.
std::shared_ptr<const LinearFlow> linear_flow_for(const System& system,
                                                  const std::string& method = "exact");

/// Seconds that a run with `samples` samples takes by jumps, roughly (one core, 1 ns an operation);
/// infinite where it would be refused.
double seconds_by_jumps(const LinearFlow& flow, std::int64_t samples, std::int64_t steps,
                        double dt);

/// The decision "steps": what is done and why, and the bound of the phase error.
Decision linear_decision(const LinearFlow& flow, std::int64_t steps, double dt);

}  // namespace cotangent::mechanics
