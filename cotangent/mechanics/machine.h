// What the run driver (run_driver.h) needs of a method: its carry as a list of arrays, and compiled
// programs that begin it, advance it and look at it. A private tool of flow.cpp.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "cotangent/mechanics/callable.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/integrator.h"
#include "cotangent/mechanics/outputs.h"
#include "cotangent/mechanics/programs.h"

namespace cotangent::mechanics {

/// Step k ends at t0 + k dt.
struct RunClock {
  double t0 = 0, dt = 0;
  double time(std::int64_t step) const;
};

/// A state as people see it, in f64: q, p and v, or x.
struct SeenState {
  ir::Tensor q, p, v, x;
  std::optional<ir::Tensor> q_error, p_error;
  std::vector<ir::Tensor> members;  ///< of an ensemble: the arrays of the state, [size, ...] each
};

using Arrays = std::vector<ir::Tensor>;

class Machine {
 public:
  Machine(std::vector<Output> outputs, std::int64_t trip)
      : outputs_(std::move(outputs)), trip_(trip) {}
  virtual ~Machine() = default;

  const std::vector<Output>& outputs() const { return outputs_; }
  std::int64_t trip() const { return trip_; }  ///< the most steps a call of `advance` makes

  /// Arrays that can hold a carry.
  virtual Arrays room() const = 0;
  /// The carry at the start of a run. UserError for a state that is none of this system.
  virtual Arrays begin(const InitialState& initial, const RunClock& clock) const = 0;
  /// Every output at the carry after `step` steps, and the state there.
  virtual SeenState look(const Arrays& carry, std::int64_t step, const RunClock& clock,
                         Arrays& observed) const = 0;
  /// `samples`: room_for_samples(), into which each output's samples among these steps go.
  virtual void advance(const Arrays& from, Arrays& to, std::int64_t first, std::int64_t count,
                       const RunClock& clock, Arrays& samples) const = 0;
  /// Whether the state is finite, and on its lattice if it has one.
  virtual bool finite(const Arrays& carry) const = 0;
  /// What the step from this good carry fails at; component and expression are filled in.
  virtual NonFinite find_fault(const Arrays& good, std::int64_t step,
                               const RunClock& clock) const = 0;

  /// How long a call of `advance` should take: what it does beside the steps is then little of it,
  /// and the run can be watched and interrupted.
  virtual double seconds_a_call() const { return 0.05; }
  /// How many steps to make after `first`, where `count` would take about that long.
  virtual std::int64_t worthwhile([[maybe_unused]] std::int64_t first, std::int64_t count) const {
    return count;
  }
  /// The chunk program.
  virtual const Callable& chunk() const = 0;

  Arrays room_for_outputs() const;
  /// The samples of a chunk of each output, then whatever `advance` wants room for beside.
  virtual Arrays room_for_samples() const;

 private:
  std::vector<Output> outputs_;
  std::int64_t trip_;
};

/// The arrays of the state that a run starts from: q and p, or x; p is worked out where v is given.
/// UserError for a state that is none of this system.
Arrays initial_arrays(const System& system, const InitialState& initial);

/// Steps a chunk can hold so that its samples take little room (but at least one step).
std::int64_t trip_for(const std::vector<Output>& outputs, std::int64_t steps);

/// How programs are compiled that run on all threads.
runtime::CompileOptions compile_options(const FlowOptions& options);

/// `programs` compiled side by side, the last of them with care and the others quickly where the
/// state is small: they are called twice a run.
std::vector<Callable> compile_run(std::vector<ir::FunctionPtr> programs, std::int64_t state_size,
                                  const FlowOptions& options);

/// Of compositions of kicks and drifts (programs.h). The system, the pieces and the plan must
/// outlive it.
std::unique_ptr<Machine> kick_drift_machine(const System& system, const Pieces& pieces,
                                            const Plan& plan, std::vector<Output> outputs,
                                            const FlowOptions& options);
/// Of any integrator. The system and the integrator must outlive it.
std::unique_ptr<Machine> integrator_machine(const System& system, const Integrator& integrator,
                                            const Plan& plan, std::vector<Output> outputs,
                                            const FlowOptions& options);
/// Of plan.linear: each state that is looked at by one jump from the initial one. The system must
/// outlive it.
std::unique_ptr<Machine> linear_machine(const System& system, const Plan& plan,
                                        std::vector<Output> outputs, const FlowOptions& options);

}  // namespace cotangent::mechanics
