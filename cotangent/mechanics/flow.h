// A compiled plan: start, chunk, run with observers.
//
// Samples of an observable are taken at step 0, at every multiple of its cadence, and at the last
// step. A run is repeated calls of one chunk kernel: (carry, first step, count) -> (carry,
// observations). The carry is complete to the bit, so any split into chunks gives the same bits.
// Observations are pure outputs, never fed back. Progress and interruption live between chunks.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "cotangent/mechanics/lyapunov.h"
#include "cotangent/mechanics/plan.h"
#include "cotangent/mechanics/symplecticity.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::mechanics {

/// A quantity sampled at a cadence: values has one row a sample.
struct Series {
  std::string name;
  Shape shape;  ///< of one sample
  std::int64_t every = 0;
  std::vector<std::int64_t> step;
  std::vector<double> t;
  std::vector<double> values;  ///< row-major [samples] + shape
};

/// A watched invariant; max errors are over the samples.
struct Invariant {
  std::string name;  ///< "energy", "momentum", "angular_momentum"
  How how = How::kProved;
  Series series;
  double max_abs_error = 0;  ///< largest absolute deviation of any component from its initial value
  /// The same over the scale: |initial|, or for momenta the sum of the parts' magnitudes.
  double max_rel_error = 0;
  double scale = 0;
};

struct Progress {
  std::int64_t step = 0, steps = 0;
  double t = 0;
  double seconds = 0;  ///< wall time in the loop so far
  /// Relative, over samples so far; NaN where no energy is kept.
  double energy_error = std::numeric_limits<double>::quiet_NaN();
};

struct RunControl {
  std::function<void(const Progress&)> progress;  ///< between chunks, at most ~20 times a second
  std::function<bool()> interrupted;              ///< asked between chunks (at most ~0.1 s apart)
  /// Streaming of new samples; may be null.
  std::function<void(const Series&, std::int64_t first_new)> on_samples;
  bool record_trajectory = false;    ///< q and p as series "q", "p" at the default cadence
  bool reverse = false;              ///< time runs backwards: dt is -plan.dt
  double dt = 0;                     ///< another step than the plan's; 0: the plan's
  std::int64_t chunk = 0;            ///< steps a chunk; 0: chosen so that a chunk takes ~50 ms
  std::vector<std::int64_t> chunks;  ///< explicit split, for tests; empty: `chunk`
};

enum class RunStatus {
  kFinished,
  kInterrupted,
  kNonFinite,
  kStopped,  ///< a check failed, or a monitor said that going on is no use: RunResult::stopped_why
};

struct NonFinite {
  std::int64_t step = 0;  ///< the first step after which the state is not finite; 0: see below
  double t = 0;
  std::string component;   ///< "q[3,1]"
  std::string expression;  ///< source text of the op that first made it, or the op's name
  SourceSpan place;
  /// False where a step has no part in it: the motion is not finite where the run starts, or there
  /// is no dt. Of step 0 the energy is not finite there, and `component` is its term.
  bool dt_may_help = true;
};

struct RunResult {
  RunStatus status = RunStatus::kFinished;
  std::int64_t steps = 0;  ///< done
  double t = 0;
  ir::Tensor q, p, v;  ///< the last good state, error terms added to q and p
  ir::Tensor x;        ///< the same of a system without q and p
  std::optional<ir::Tensor> q_error, p_error;  ///< in f64, where carried: InitialState takes them
  std::vector<Invariant> invariants;           ///< energy only when H does not depend on t
  std::vector<Series> energy_terms;            ///< each named term, then "energy", their sum
  std::vector<Series> observables;
  std::vector<Series> trajectory;
  std::string state_hash;  ///< 16 hex digits over the final carry's bits
  double run_s = 0, compile_s = 0;
  std::optional<NonFinite> fault;
  std::string stopped_why;
  std::string goes_wrong;  ///< what early_stop.h says of the energy, where nobody asked to stop
  // Asked for by the plan's `watch`, of a run that finished: the same steps, a tangent map beside.
  // What could not be measured is said among the warnings.
  std::optional<LyapunovResult> lyapunov;
  std::optional<MegnoResult> megno;
  std::optional<Symplecticity> symplecticity;  ///< at the first and the last state
  std::vector<std::string> warnings;           ///< what monitors could not say, and why
  std::vector<ir::Tensor> members;             ///< of an ensemble: q and p, or x, [size, ...] each
};

struct FlowOptions {
  int threads = 0;      ///< 0: all cores
  int vector_bits = 0;  ///< 0: the host's best
  std::string cpu;      ///< runtime::CompileOptions::cpu
  bool keep_code = false;
  bool trajectory = false;  ///< run() will be asked to record it (else its program is made then)
  bool reference = false;   ///< run the programs on the reference evaluator: slow, for tests
  runtime::CacheOptions cache;
  telemetry::Telemetry* telemetry = nullptr;  ///< must outlive the flow
};

class Flow {
 public:
  /// Traces, compiles. Throws UserError for what the plan cannot run.
  static std::shared_ptr<const Flow> compile(const System& system, const Facts& facts,
                                             const Plan& plan, const FlowOptions& options = {});
  virtual ~Flow() = default;

  /// UserError for a state that is none of the system, and for a map that is to run backwards (one
  /// that is linear can, with Plan::linear).
  virtual RunResult run(const InitialState& initial, std::int64_t steps,
                        const RunControl& control = {}) const = 0;

  /// Programs in text form, for explain.
  virtual std::string program_text() const = 0;
  virtual std::string kernels_text() const = 0;
  virtual std::string code_text() const = 0;
  virtual double compile_seconds() const = 0;
  virtual bool code_was_cached() const = 0;

  /// The step as a program after passes: (q, p, step: i64, t0, dt, parameters...) -> (q, p), or
  /// of x, from time t0 + step dt to t0 + (step + 1) dt; where there are error terms, they follow q
  /// and p. Of kicks and drifts it is the oracle of the run: the evaluator on this, step by step,
  /// gives the run's bits. Of an integrator it is open, one step and close, where a run opens once
  /// and closes for observers only: the same method, with the same bits only where what is carried
  /// is the state, and with a corrector that is not its own reverse a little off.
  /// UserError where the plan jumps (Plan::linear): there are no steps.
  virtual ir::FunctionPtr step_program() const = 0;
  virtual const Plan& plan() const = 0;
};

/// p from v through dH/dp (one linear solve where dH/dp is linear in p; refused by name otherwise).
ir::Tensor momentum_from_velocity(const System& system, const InitialState& initial);

}  // namespace cotangent::mechanics
