// Ensembles: many runs of one system, which differ in where they start and in their parameters, in
// one launch. A kernel runs one member a SIMD lane; of what the members give only statistics are
// kept.
//
// Member k of an ensemble is the same whatever the size of the ensemble: its numbers are drawn from
// (seed; k, which spread, entry) by Philox.
//
// What an observable named "r" of shape s gives, over the members that are finite:
//   "r.mean", "r.std" (of the sample, with size - 1)    s
//   "r.min", "r.max"                                    s
//   "r.q05", ... for each quantile                      s, interpolated linearly between members
// and besides
//   "energy_error.max", "energy_error.median"  |H - H(0)| / |H(0)| over the members
//   "finite_members"                           how many are finite
//   "covariance"  [m, m] of the entries of the observables it was asked of, one after the other
#pragma once

#include "cotangent/mechanics/ensemble_settings.h"
#include "cotangent/mechanics/machine.h"

namespace cotangent::mechanics {

/// Where every member starts: an array [size, ...] for each array of the state (q and p, or x), and
/// for each parameter that is spread.
struct Members {
  std::int64_t size = 0;
  std::vector<ir::Tensor> state;
  std::vector<std::optional<ir::Tensor>> parameters;  ///< one a parameter of the system
};

/// Draws them. UserError where a spread names what is not there, or does not fit.
Members draw_members(const System& system, const InitialState& initial,
                     const EnsembleSettings& settings);

/// The machine of an ensemble of this integrator; all but the settings must outlive it.
std::unique_ptr<Machine> ensemble_machine(const System& system, const Integrator& integrator,
                                          const EnsembleSettings& settings, const Facts& facts,
                                          const Plan& plan, const FlowOptions& options,
                                          bool trajectory);

}  // namespace cotangent::mechanics
