// The run driver: chunk after chunk of a machine, and what is observed on the way.
#pragma once

#include "cotangent/mechanics/machine.h"

namespace cotangent::mechanics {

/// `steps` steps from `initial`. `stop`: ends between chunks where the energy goes wrong
/// (early_stop.h); it is looked at after the same steps in every run, whatever the chunks.
/// UserError for a state that is none of this system.
RunResult drive(const System& system, const Facts& facts, const Machine& machine,
                const RunClock& clock, const RunControl& control, const InitialState& initial,
                std::int64_t steps, bool stop = false);

}  // namespace cotangent::mechanics
