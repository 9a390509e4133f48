// What a system *is*: its state's shape, parameters, named energy terms, observables. Immutable;
// the state and the run's settings are separate values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/base/span.h"
#include "cotangent/ir/function.h"
#include "cotangent/mechanics/monitor_settings.h"
#include "cotangent/mechanics/multirate_settings.h"

namespace cotangent::mechanics {

/// A named parameter. Real parameters (f64) are arguments of every traced function, in this order;
/// integer parameters are baked in at trace and are not listed here.
struct Parameter {
  std::string name;
  ir::Tensor value;  ///< f64, any shape
  SourceSpan span;
};

/// One named term of H.
///   energy: (q: f64 shape, p: f64 shape, t: f64, parameters...) -> f64
struct EnergyTerm {
  std::string name;
  ir::FunctionPtr energy;
  SourceSpan span;  ///< of the expression in the system file
};

/// A named observable and its cadence in steps.
///   value: (q, p, v: f64 shape, t: f64, parameters...) -> f64 array or scalar
struct Observable {
  std::string name;
  ir::FunctionPtr value;
  std::int64_t every = 0;  ///< 0: the run's default cadence
  SourceSpan span;
};

/// How a system says how it moves.
enum class Form {
  kCanonical,  ///< H(q, p, t): dq/dt = dH/dp, dp/dt = -dH/dq
  kBracket,    ///< H(x, t) and a structure: dF/dt = {F, H} (+ (F, S))
  kEquations,  ///< dx/dt = f(x, t)
  kMap,        ///< x_(k+1) = f(x_k, k)
};

/// What turns energy into motion where it is not canonical (Form::kBracket).
struct Structure {
  enum class Kind { kPoisson, kMetriplectic, kContact };
  Kind kind = Kind::kPoisson;
  std::string algebra;  ///< "so3", "se3", "sl2", ... where a Lie-Poisson structure was named
  /// J(x): (x: f64 [n], t: f64, parameters...) -> f64 [n, n], skew. Null for a contact structure.
  ir::FunctionPtr poisson;
  /// Of kMetriplectic: the symmetric positive semi-definite G(x), and the entropy S(x) whose
  /// gradient it acts on: dx/dt = J grad H + G grad S, with J grad S = 0 and G grad H = 0.
  ir::FunctionPtr metric, entropy;
  SourceSpan span;  ///< of J, or of what gives it
  SourceSpan metric_span, entropy_span;
};

/// One named array of the state of a system without q and p.
struct StateArray {
  std::string name;
  Shape shape;
  SourceSpan span;
};

/// A one-parameter group that a person names, by what it does to the state to first order.
///   generator: (q, p: f64 shape, t: f64, parameters...) -> (dq, dp: f64 shape), or, of a system
///   without q and p, (x, t, parameters...) -> f64 [n]
struct Symmetry {
  std::string name;
  ir::FunctionPtr generator;
  /// dp was not given: it is -(d dq/dq)^T p, what a change of coordinates does to momenta.
  bool lifted = false;
  SourceSpan span;
};

/// A system. Canonical: H(q, p, t) = sum of the terms, q and p of `shape`: [N, d] (d = 1, 2, 3) is
/// N particles in d dimensions, [n] is n scalar coordinates. The other forms have one state x, f64
/// [n]: `arrays`, one after the other, each row-major; of a contact structure x is q, p, s, in this
/// order. `shape` is then [n].
/// Functions of q and p are then functions of x: energies (x, t, parameters...) -> f64, observables
/// (x, t, parameters...) -> f64 array.
struct System {
  std::string title;
  SourcePtr source;  ///< the text spans point into; may be null
  Form form = Form::kCanonical;
  Shape shape;
  std::vector<StateArray> arrays;  ///< of x; empty for a canonical system
  Structure structure;             ///< of Form::kBracket
  /// Of kEquations, kMap: (x: f64 [n], t: f64, parameters...) -> f64 [n]; t is the step of a map.
  ir::FunctionPtr rate;
  std::vector<Parameter> parameters;
  std::vector<EnergyTerm> terms;
  std::vector<Observable> observables;
  std::vector<Symmetry> symmetries;  ///< those that are claimed ([symmetries]), not proved
};

/// Where the run starts. Exactly one of p and v is given, v is turned into p through dH/dp; or x
/// alone, where the system has no q and p.
struct InitialState {
  ir::Tensor q;
  std::optional<ir::Tensor> p;
  std::optional<ir::Tensor> v;
  double t = 0;
  /// The error terms of a run that goes on (RunResult has them): the parts of q and p that the
  /// state's type does not hold. Without them they are found from q and p. Read only where the plan
  /// carries error terms.
  std::optional<ir::Tensor> q_error{}, p_error{};
  ir::Tensor x{};  ///< of a system without q and p, f64 [n]
};

inline constexpr std::int64_t kDefaultGradientBudget = std::int64_t{256} << 20;

/// What the gradient of a run may keep ([gradient]).
struct GradientSettings {
  std::string policy = "auto";                   ///< one of gradient_policy_names()
  std::int64_t budget = kDefaultGradientBudget;  ///< bytes for tapes and kept states
  /// How far an undone state may be from the one that was there, relative to its largest entry.
  double drift_tolerance = 1e-6;
  /// Whether a second run beside the first measures how round-off grows (Horizon); it costs one
  /// more run forward.
  bool horizon = true;
  SourceSpan policy_span, budget_span;
};

/// What `auto` may take, by what will be asked of the plan.
enum class Kinds {
  kAll,
  kSteps,           ///< not all steps at once: ensembles
  kKicksAndDrifts,  ///< where these serve the system: gradients, printed source
};

/// How a run is asked for ([run] and [observe]).
struct RunSettings {
  double dt = 0;
  std::int64_t steps = 0;
  std::string method = "auto";
  Kinds kinds = Kinds::kAll;
  std::string kinds_for;  ///< who asks for less than all: "a gradient"
  std::optional<int> order;
  std::string precision = "f64";  ///< one of precision_names()
  /// The parts of the state ("q", "p") that carry error terms, for a precision that has them;
  /// empty: both.
  std::vector<std::string> compensated;
  /// Of a precision "lattice": the spacing of q and of p, rounded down to powers of two; 0: from
  /// the initial state.
  double q_spacing = 0, p_spacing = 0;
  std::int64_t every = 0;  ///< default cadence of observers and monitors; 0: about 1000 samples
  GradientSettings gradient;
  /// The error asked for, relative, of the energy where it is kept, else of the state at the end:
  /// order and dt go by it (plan_accuracy.h), and dt and steps are not looked at.
  std::optional<double> accuracy;
  double duration = 0;  ///< with `accuracy`: the time to run
  /// Of methods that choose their own step: the error of a step in an entry x of the state stays
  /// below rtol |x| + atol.
  double rtol = 1e-9, atol = 1e-12;
  std::string splitting;         ///< the name of a splitting; empty or "auto": the planner's choice
  std::string coordinates;       ///< "jacobi" or "democratic"; empty: the planner's choice
  std::optional<int> corrector;  ///< order of the symplectic corrector; 0: none
  /// Of linear systems, all steps at once: whether by normal modes; nothing: where they are known.
  std::optional<bool> modes;
  /// Of those too: "exact", or "method" for powers of the method's own matrix; empty or "auto": the
  /// planner's choice.
  std::string matrix;
  std::optional<MultirateSettings> multirate;
  MonitorSettings monitor;
  SourceSpan method_span, order_span, dt_span, precision_span, compensated_span, lattice_span;
  SourceSpan accuracy_span, tolerance_span, splitting_span, coordinates_span, corrector_span,
      modes_span, matrix_span;  ///< empty where the file has no such key
};

}  // namespace cotangent::mechanics
