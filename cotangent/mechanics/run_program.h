// A whole run of an integrator as one program, for what takes programs: lanes (transform/vmap.h),
// derivatives, benchmarks. Runs of system files go in chunks instead (flow.h).
#pragma once

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// (state..., t0: f64, dt: f64, parameters...) -> (state...): open, `steps` steps, close. Not
/// passed.
ir::FunctionPtr run_program(const Integrator& method, const System& system, std::int64_t steps);

}  // namespace cotangent::mechanics
