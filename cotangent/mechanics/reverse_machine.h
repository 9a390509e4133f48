// What the driver of gradients (gradient_run.cpp) needs of a method: its carry as a list of arrays,
// and compiled programs that go on by a chunk of steps, keep on the way what the reverse asks for,
// and take cotangents back over the chunk. The counterpart of machine.h.
//
// Cotangents are a list as well: of the arrays of the carry that have any, then of each parameter
// of `wrt`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/gradient.h"
#include "cotangent/mechanics/gradient_horizon.h"
#include "cotangent/mechanics/machine.h"

namespace cotangent::mechanics {

/// What one gradient has of its own.
struct GradientContext {
  const System& system;  ///< with the parameters of this run
  RunClock clock;
  double weight = 1;  ///< of a sample, where the objective is a mean
};

/// The objective at a state.
struct Slope {
  double value = 0;
  Arrays cotangents;
};

class ReverseMachine {
 public:
  ReverseMachine(std::int64_t chunk, std::int64_t every) : chunk_(chunk), every_(every) {}
  virtual ~ReverseMachine() = default;

  /// The most steps a call makes; 0 or the cadence of the samples of a mean.
  std::int64_t chunk() const { return chunk_; }
  std::int64_t every() const { return every_; }

  // There.

  /// Arrays that can hold a carry.
  virtual Arrays room() const = 0;
  /// `initial` has p where there is one. UserError for a state that is none of this system.
  virtual Arrays begin(const InitialState& initial, const GradientContext& c) const = 0;
  virtual bool finite(const Arrays& carry) const = 0;
  /// q and p, or x, as people see them after `step` steps, in f64.
  virtual Arrays state(const Arrays& carry, std::int64_t step, const GradientContext& c) const = 0;
  /// With the bits that Flow has. `tape`: gets what `back` asks for; null: nothing is kept.
  /// `samples`: of the objective, where it is a mean, as `loop` lays outputs out.
  virtual void advance(const Arrays& from, Arrays& to, std::int64_t first, std::int64_t count,
                       const GradientContext& c, Arrays* tape, Arrays& samples) const = 0;
  /// Room for the tape of a chunk, and for its samples.
  virtual Arrays room_for_tape() const = 0;
  Arrays room_for_samples() const;

  // And back.

  /// Zeros.
  virtual Arrays cotangents() const = 0;
  /// From cotangents `after` the chunk that `tape` is of to those before it. Those of samples after
  /// its steps are added on the way. `start`: where the run began, for what no step changes.
  virtual void back(const Arrays& tape, const Arrays& start, const Arrays& after, Arrays& before,
                    std::int64_t first, std::int64_t count, const GradientContext& c) const = 0;
  /// The same without a tape, from the carry after the chunk, which is undone to the one before it.
  /// Only where the plan's policy says so.
  virtual void undo(const Arrays& from, Arrays& to, const Arrays& after, Arrays& before,
                    std::int64_t first, std::int64_t count, const GradientContext& c) const;
  virtual Slope objective(const Arrays& carry, std::int64_t step,
                          const GradientContext& c) const = 0;
  /// From cotangents of the first carry to those of q and p, or of x, and of the parameters.
  virtual Arrays to_start(const InitialState& initial, const Arrays& start,
                          const Arrays& cotangents, const GradientContext& c) const = 0;

  // Where numbers stop being finite; nothing where none does as the rules of derivatives made it.

  virtual std::optional<GradientFault> objective_fault(const Arrays& carry, std::int64_t step,
                                                       const GradientContext& c) const = 0;
  /// In the reverse of step `step`, a chunk of its own, from finite cotangents `after` it.
  virtual std::optional<GradientFault> step_fault(const Arrays& before, std::int64_t step,
                                                  const Arrays& after,
                                                  const GradientContext& c) const = 0;
  virtual std::optional<GradientFault> start_fault(const InitialState& initial, const Arrays& start,
                                                   const Arrays& cotangents,
                                                   const GradientContext& c) const = 0;

  // How well it can be known.

  virtual std::unique_ptr<Neighbour> neighbour() const = 0;
  /// Of the arithmetic in which a state goes on, and how often a step rounds, about.
  virtual double epsilon() const = 0;
  virtual double roundings() const = 0;

 private:
  std::int64_t chunk_, every_;
};

/// What a ReverseMachine is made for.
struct ReverseRequest {
  const System& system;
  const Plan& plan;
  const Objective& objective;
  const std::vector<std::size_t>& wrt;  ///< parameters, by their place
  const GradientPlan& gradient_plan;
  const GradientSettings& settings;
  const FlowOptions& options;
};
/// Of compositions of kicks and drifts, and of any integrator. Nothing of the request is kept but
/// copies.
std::unique_ptr<ReverseMachine> kick_drift_reverse(const ReverseRequest& request);
std::unique_ptr<ReverseMachine> integrator_reverse(const ReverseRequest& request);

/// Programs of a gradient compiled side by side, or for the reference evaluator. Their pieces went
/// through the passes, unless one has checks.
std::vector<Callable> compile_gradient(const std::vector<ir::FunctionPtr>& programs,
                                       const FlowOptions& options);

/// What made a result of `f` not finite, as a fault of the reverse of this step. `names` are those
/// of the results; of the levels the first `skipped` are not told.
std::optional<GradientFault> fault_in(const System& system, const RunClock& clock,
                                      const ir::Function& f, const std::vector<ir::Tensor>& args,
                                      std::int64_t step, const std::vector<std::string>& names,
                                      std::size_t skipped = 0);

/// "gradient by ..." of each of these and of the parameters `wrt`.
std::vector<std::string> gradient_names(const std::vector<std::string>& arrays,
                                        const System& system, const std::vector<std::size_t>& wrt);

}  // namespace cotangent::mechanics
