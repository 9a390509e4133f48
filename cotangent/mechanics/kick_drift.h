// Compositions of kicks and drifts (programs.h) as an integrator, for what works on any.
#pragma once

#include "cotangent/mechanics/integrator.h"
#include "cotangent/mechanics/programs.h"

namespace cotangent::mechanics {

/// Its carry is that of carry.h, in that order; its steps have the bits of the chunk program's.
/// UserError for a state on a lattice.
Integrator kick_drift_integrator(const Pieces& pieces, const Splitting& composition);

}  // namespace cotangent::mechanics
