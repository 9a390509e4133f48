// What a planner needs to run a linear system without steps (Plan::linear).
#pragma once

#include <memory>

#include "cotangent/mechanics/linear_flow.h"
#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

/// N steps at once of a system whose equations are proved linear: "exact", or the name of a
/// composition for the power of its own matrix. UserError as linear_system and LinearFlow::make.
std::shared_ptr<const LinearFlow> linear_flow_for(const System& system,
                                                  const std::string& method = "exact",
                                                  std::optional<bool> modes = {});

/// How many samples a run with these settings takes.
std::int64_t samples_of(const System& system, const RunSettings& settings);

/// Seconds that a run with `samples` samples takes by jumps, roughly (one core, 1 ns an operation);
/// infinite where it would be refused.
double seconds_by_jumps(const LinearFlow& flow, std::int64_t samples, std::int64_t steps,
                        double dt);

/// The flow of a run, the decision "steps", and a warning where the run takes minutes.
struct Jumps {
  std::shared_ptr<const LinearFlow> flow;
  std::vector<Decision> decisions;
};
/// `method` as above; [run] modes and matrix as the settings have them. UserError, with the place
/// of what asks for it, where the equations are not proved linear, modes are asked for that are not
/// known, or the run would take hours.
Jumps plan_jumps(const System& system, const Facts& facts, const RunSettings& settings,
                 const std::string& method);

/// The decision "steps": what is done and why, and the bound of the phase error.
Decision linear_decision(const LinearFlow& flow, std::int64_t steps, double dt);

}  // namespace cotangent::mechanics
