// What a run observes: energies, monitors of invariants, the observables of the system, and where
// asked for the state itself.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/plan.h"
#include "cotangent/telemetry/telemetry.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {

/// f through the passes; as it is where it has checks, which are made results (transform/faults.h)
/// when a whole program is compiled, before its passes.
ir::FunctionPtr through_passes(const ir::FunctionPtr& f,
                               const transform::PassOptions& options = {});

/// One observed quantity of a chunk.
struct Output {
  enum class Kind { kEnergy, kMomentum, kAngularMomentum, kInvariant, kObservable, kState };
  Kind kind;
  std::string name;
  /// (q, p, v, t, parameters...) or (x, t, parameters...), f64.
  ir::FunctionPtr value;
  ir::Type type;  ///< of one sample
  std::int64_t every = 1;
  How how = How::kProved;  ///< of an invariant: whether it is proved to be one
};

/// Energy (the terms in order, then the total), the momenta that `facts` promise, the observables,
/// and if `trajectory` the state: q and p, or the arrays of x. Passed.
std::vector<Output> make_outputs(const System& system, const Facts& facts, const Plan& plan,
                                 bool trajectory, telemetry::Telemetry* telemetry = nullptr);

/// What tells a state that is finite from one that is not: 0 and NaN, at the monitors' cadence.
Output finite_output(const System& system, const Plan& plan);

/// Parameters of `b` for the parameters of a system.
std::vector<ir::Value> parameter_values(ir::Builder& b, const System& system);

/// All outputs in a program under construction; `arguments` are those of their functions.
std::vector<ir::Value> observe(ir::Builder& b, const std::vector<Output>& outputs,
                               std::span<const ir::Value> arguments);

}  // namespace cotangent::mechanics
