// The gradient of what a run ends in, or of a mean over it, by where it starts and by parameters.
//
// The run is cut into chunks. Forward they go as `Flow` runs them, with its bits; backwards the
// discrete adjoint takes cotangents from a chunk's end to its beginning: of kicks and drifts by
// adjoint.h, of every other method that makes steps by integrator_adjoint.h. What is kept on the
// way is the policy:
//   all          a tape of every step: least work
//   checkpoints  states between chunks, where they cost least (transform/checkpoints.h); a chunk is
//                run again, with a tape, when its turn comes
//   reverse      the run is undone step by step; a few states are kept to watch how far the state
//                found that way has drifted from the one that was there. Beyond the tolerance the
//                rest is done by checkpoints, from that point on, and the result says so. For
//                kicks and drifts
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/adjoint.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/gradient_plan.h"

namespace cotangent::mechanics {

/// How well a gradient can be known: the state forgets where it came from as fast as a small change
/// of it grows. That is measured, whatever the objective, by a second run that starts a little off
/// and is brought back near the first one again and again (Benettin, Galgani, Giorgilli and
/// Strelcyn 1980).
struct Horizon {
  double growth = 1;    ///< of a small change of the state, from the start of the run to its end
  double lyapunov = 0;  ///< log(growth) / time, at least 0; for growth by powers it tends to 0
  /// Decimal ones that are left, about: of epsilon, times the root of the number of stages, times
  /// the growth.
  double digits = 0;
  /// From this time on round-off decides what the state is, not the initial state.
  std::optional<double> lost_at;
};

/// An undone state that had drifted too far.
struct Drift {
  std::int64_t step = 0;  ///< the run was undone from its end (or the kept state before) to here
  double t = 0;
  double distance = 0;  ///< relative
};

/// Where the way back stopped being finite.
struct GradientFault {
  std::int64_t step = 0;   ///< going backwards, the first step whose adjoint is not finite
  double t = 0;            ///< at its end
  std::string component;   ///< "gradient by q[3,1]"
  std::string op;          ///< "div"
  std::string where;       ///< "in lane 2 of map %7"; "" where the step itself has it
  std::string expression;  ///< source text of what the op is the derivative of; may be empty
  SourceSpan place;        ///< of it; may be empty
  bool of_value = false;   ///< the objective itself is not finite
};

struct GradientResult {
  RunStatus status = RunStatus::kFinished;
  std::optional<NonFinite> fault;               ///< of the run itself
  std::optional<GradientFault> gradient_fault;  ///< of the way back
  std::int64_t steps = 0;
  double value = 0;
  std::string stopped_why;  ///< a check of a step, where it failed
  ir::Tensor q, p, x;       ///< at the end, in f64, those there are
  std::vector<std::pair<std::string, ir::Tensor>> gradient;  ///< as asked, in f64
  GradientPlan plan;
  std::int64_t kept_bytes = 0;     ///< the most that tapes and kept states took
  double worst_drift = 0;          ///< of states that were undone
  std::optional<Drift> drift;      ///< that ended undoing
  std::optional<Horizon> horizon;  ///< if it was asked for
  double forward_s = 0, reverse_s = 0;
};

struct GradientControl {
  std::function<void(const Progress&)> progress;  ///< `steps` counts them both ways
  std::function<bool()> interrupted;
  std::vector<ir::Tensor> parameters;  ///< in place of the system's, where given
  bool value_only = false;             ///< there, and not back
};

/// Compiled once, run any number of times, by several threads too; the memory of tapes stays for
/// the next run.
class Gradient {
 public:
  /// `wrt`: "q", "p", "v", or the names of the arrays of x; names of parameters. With "v", or with
  /// neither "p" nor "v" and initial velocities, what is held fixed beside a parameter are
  /// velocities, else momenta. UserError for a name that is none, an objective that is not a real
  /// number, what the budget cannot hold.
  static std::shared_ptr<const Gradient> compile(const System& system, const Facts& facts,
                                                 const Plan& plan, const Objective& objective,
                                                 const std::vector<std::string>& wrt,
                                                 const GradientSettings& settings,
                                                 const FlowOptions& options = {});
  virtual ~Gradient() = default;
  virtual GradientResult run(const InitialState& initial, std::int64_t steps,
                             const GradientControl& control = {}) const = 0;
  virtual double compile_seconds() const = 0;
};

/// The total energy ("energy"), or one term of it by its name, as an objective.
std::optional<ir::FunctionPtr> energy_objective(const System& system, const std::string& name);
/// Names of parameters by which the gradient is zero, since nothing reads them.
std::vector<std::string> unread_parameters(const System& system, const Plan& plan,
                                           const Objective& objective);

/// What holding velocities means: for p given by v = dH/dp(q, p, t), the cotangents of v, and what
/// those of q and the parameters have to gain, for one of p. By the implicit function theorem.
struct VelocityCotangents {
  ir::Tensor v, q;
  std::vector<ir::Tensor> parameters;  ///< one for each in `wrt`
};
VelocityCotangents pull_velocity(const System& system, const InitialState& initial,
                                 const ir::Tensor& p, const ir::Tensor& cotangent_of_p,
                                 const std::vector<std::size_t>& wrt);

}  // namespace cotangent::mechanics
