// Where a number stopped being finite: the stage, the component, and the expression that made it.
#pragma once

#include <optional>
#include <span>

#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/programs.h"

namespace cotangent::mechanics {

/// Replays one step from a good state, stage by stage, and the stage that failed on the reference
/// evaluator. `dt` may be negative.
/// `component` and `expression` are filled in; the rest of NonFinite is the caller's.
NonFinite find_non_finite(const System& system, const Pieces& pieces, const Splitting& splitting,
                          const Carry& good, std::int64_t step, double t0, double dt);

/// The energy term that is not finite at a state (q and p, or x), and what made it so; their sum
/// where each is finite. Nothing: all are. Op by op: slow.
std::optional<NonFinite> non_finite_energy(const System& system, std::span<const ir::Tensor> state,
                                           double t);
/// Likewise the component of the state whose rate of change is not finite there; of a map nothing.
std::optional<NonFinite> non_finite_motion(const System& system, std::span<const ir::Tensor> state,
                                           double t);

/// UserError unless `x` is a finite array of the state's type; `name` is "q", ...
void check_state(const System& system, const ir::Tensor& x, const char* name);

/// The velocities of an initial state without momenta. UserError where there are none, or none of
/// this system.
const ir::Tensor& given_velocity(const System& system, const InitialState& initial);

/// "q[3,1]": element `index` (row-major) of an array.
std::string component_name(const std::string& array, const Shape& shape, std::int64_t index);
/// The same of `array` of a system's state, of which x is made of named arrays.
std::string state_component(const System& system, const std::string& array, const Shape& shape,
                            std::int64_t index);

}  // namespace cotangent::mechanics
