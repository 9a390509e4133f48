// `accuracy`: which order and which dt meet an error at the least work, found by trying.
//
// The error is that of the energy, relative as in Invariant, where H does not depend on time; else
// that of the coordinates at the end, each relative to how far it goes on a probe, by comparison
// with half the step; what goes no further than the round-off of the largest one is relative to
// that. A symmetric method of order p has
// an error C dt^p with a C that no formula gives, so it is measured: short runs from the initial
// state, at a few dt for each order that could be the cheapest, by the same kernels as the run.
#pragma once

#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

/// Why order and dt are what they are, where nobody asked for them. Empty: as given.
struct StepReasons {
  std::string order, dt;
};

/// The plan with the order and dt of `settings`, whose accuracy is not looked at.
Plan plan_given_step(const System& system, const Facts& facts, const RunSettings& settings,
                     const InitialState* initial, const StepReasons& reasons = {});

/// The plan of least work whose error, on a probe, is below settings.accuracy, over
/// settings.duration; dt divides that. The same plan every time: work is counted, not timed.
/// UserError where no order gets there, where `initial` is null, and as make_plan.
Plan plan_for_accuracy(const System& system, const Facts& facts, const RunSettings& settings,
                       const InitialState* initial);

}  // namespace cotangent::mechanics
