// The implicit midpoint rule, for any vector field: x' = x + h f((x + x')/2, t + h/2). Symmetric,
// of order two; keeps linear and quadratic invariants, and so the quadratic Casimirs of a
// Lie-Poisson structure and quadratic energies; symplectic for canonical systems (Hairer, Lubich,
// Wanner, IV.2.1, VI.4.1).
//
// The equation is solved until the last bits no longer change. By Newton's method (a matrix of all
// unknowns, for few of them), or by iterating the rule itself, which wants h |df/dx| < 2.
// Derivatives follow from the equation, not from the iterations.
#pragma once

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

enum class MidpointSolver { kAuto, kNewton, kFixedPoint };

struct MidpointOptions {
  MidpointSolver solver = MidpointSolver::kAuto;  ///< Newton for up to 16 unknowns
  std::int64_t max_iterations = 100;              ///< more are a fault
};

/// For any system but a map (UserError).
Integrator implicit_midpoint(const System& system, const MidpointOptions& options = {});

/// The rule for one field (state..., t, parameters...) -> rates, as the flow of a part.
PartFlow midpoint_flow(const System& system, const std::string& name, const ir::FunctionPtr& field,
                       const MidpointOptions& options = {});

}  // namespace cotangent::mechanics
