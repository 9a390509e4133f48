// The plan: a readable list of decisions, each with its reason; overrides are checked against
// facts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/ensemble_settings.h"
#include "cotangent/mechanics/facts.h"
#include "cotangent/mechanics/integrator.h"
#include "cotangent/mechanics/splitting.h"
#include "cotangent/mechanics/watch.h"

namespace cotangent::mechanics {

class LinearFlow;

struct Decision {
  std::string
      decision;  ///< "splitting", "method", "order", "dt", "precision", "kernel", "monitors", ...
  std::string choice;
  std::string reason;
};

/// Spacings of a lattice (lattice.h), powers of two: one for each element of an array, row-major,
/// or one for all; none: no lattice.
using Units = std::vector<double>;

/// How the state is carried and what its forces are computed in.
struct Arithmetic {
  DType state = DType::kF64;
  bool q_error = false, p_error = false;  ///< carried with an error term (transform/compensated.h)
  bool pairs = false;                     ///< dH/dq and dH/dp are computed and kept as pairs of f32
  Units q_units = {}, p_units = {};       ///< q and p are multiples of these, carried as i64

  bool errors() const { return q_error || p_error; }
  bool lattice() const { return !q_units.empty(); }
};
/// "f64", "f32", "compensated", "double-single", "lattice"
std::vector<std::string> precision_names();
bool has_error_terms(const std::string& precision);

struct Plan {
  std::string method;     ///< "leapfrog", "rkn4", ...
  Splitting composition;  ///< of kicks and drifts, where there is no integrator
  std::shared_ptr<const Integrator> integrator;  ///< null: the composition
  /// Any number of steps at once (linear_flow.h); null: step by step.
  std::shared_ptr<const LinearFlow> linear;
  std::optional<EnsembleSettings> ensemble;  ///< many members; nothing: one system
  std::string precision = "f64";             ///< one of precision_names()
  Arithmetic arithmetic;                     ///< what that means here
  std::optional<double> accuracy;            ///< that dt and order were found for
  double dt = 0;
  std::int64_t steps = 0;
  std::int64_t every = 0;  ///< cadence of observers, and of monitors unless `watch` has its own
  Watch watch;             ///< monitors beside energy and momenta
  std::vector<Decision> decisions;

  /// UserError, naming what asks, unless this is a composition of kicks and drifts of one system.
  void only_kicks_and_drifts(const std::string& what) const;
  /// The same unless this is one system that goes step by step, by any method.
  void only_steps(const std::string& what) const;
};

/// Steps between samples of what has no cadence of its own: as given, or about a thousand in a run.
std::int64_t cadence_of(const RunSettings& settings);

/// Throws UserError for an override the facts forbid (names the fact, the term and the place).
/// `initial` is where a lattice takes its spacing from, unless the settings give it, and where
/// the runs start that find order and dt for an accuracy (plan_accuracy.h).
Plan make_plan(const System& system, const Facts& facts, const RunSettings& settings,
               const InitialState* initial = nullptr);

}  // namespace cotangent::mechanics
