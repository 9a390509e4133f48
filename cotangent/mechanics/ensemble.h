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
//   "finite_members"                           how many have a finite state
//   "covariance"  [m, m] of the entries of the observables it was asked of, one after the other,
//   over
//                 the members for which all of these are finite
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

/// Makes a plan that of an ensemble, and says so among its decisions. UserError, with the place,
/// for what members cannot do: another precision than f64, monitors of one run, many steps at once;
/// and for observables with the name of a statistic.
void plan_ensemble(const System& system, const RunSettings& run, const EnsembleSettings& settings,
                   Plan& plan);
/// The last of these refusals.
void refuse_names_of_statistics(const System& system);

/// The machine of an ensemble of this integrator; the system must outlive it. A member that fails a
/// check of the method (an equation that is not solved) is no number from there on; the others go
/// on.
std::unique_ptr<Machine> ensemble_machine(const System& system, const Integrator& integrator,
                                          const EnsembleSettings& settings, const Facts& facts,
                                          const Plan& plan, const FlowOptions& options,
                                          bool trajectory);

}  // namespace cotangent::mechanics
