// What a plan watches beside energy and momenta: the shadow energy, the momenta of cyclic
// coordinates and of symmetries that a person names, growth rates and the structure of phase space.
//
// Invariants are outputs of the run's own programs. What needs a tangent map is measured after a
// run, over the same steps from the same state, in f64 whatever the precision of the run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/facts.h"

namespace cotangent::mechanics {

struct FlowOptions;
struct Plan;
struct RunControl;
struct RunResult;

/// A quantity that should stay what it is: (q, p, t, parameters...) -> f64.
struct WatchedInvariant {
  std::string name;  ///< "shadow_energy", "p[1]", or the name of a symmetry
  ir::FunctionPtr value;
  How how = How::kTested;
};

struct Watch {
  MonitorSettings settings;
  std::vector<WatchedInvariant> invariants;
  /// What [symmetries] claims, held against the energy: "<name>_invariant" with the reason or the
  /// counterexample.
  std::vector<Fact> claims;
};

/// Whether a run holds its energy against what it was: there is one, and it is to stay.
bool energy_is_kept(const System& system, const Facts& facts);

/// Whether something is measured on the tangent map, beside the run.
bool measures_tangent(const MonitorSettings& settings);

/// Fills in plan.watch of a plan with its method, and adds the decisions. `initial` is where claims
/// are tested; without it they are not. UserError, with the place, for a monitor that the plan's
/// method or the system has no meaning for.
void plan_watch(const System& system, const Facts& facts, const MonitorSettings& settings,
                const InitialState* initial, Plan& plan);

/// The warnings that can be had before the run: claims that fail, and a dt at which the scheme's
/// own energy is far from H. The probe for the latter is run where `shadow` is true, and where
/// nothing is said of it (no place in a file) if it takes little time: small programs, few steps.
std::vector<std::string> warnings_before(const System& system, const Plan& plan,
                                         const InitialState& initial);

/// Exponents, MEGNO and symplecticity as the plan wants them, of a run that finished; otherwise
/// nothing. `dt` is negative for a run backwards. Of `control` it asks and tells as a run does; an
/// interruption makes the result's status so. What cannot be measured is a warning of the result.
void watch_tangent(const System& system, const Plan& plan, double dt, const InitialState& initial,
                   const FlowOptions& options, const RunControl& control, RunResult& result);

}  // namespace cotangent::mechanics
