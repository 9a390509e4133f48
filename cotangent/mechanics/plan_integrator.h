// The planner's choice among methods that are no composition of kicks and drifts.
#pragma once

#include <memory>

#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

/// An integrator, or the flow of a linear system over any time, or neither, which leaves kicks and
/// drifts; and why: the decisions "structure", "splitting", "method", "order", and more.
struct ChosenIntegrator {
  std::shared_ptr<const Integrator> integrator;
  std::shared_ptr<const LinearFlow> linear;
  std::vector<Decision> decisions;
};

/// `initial` may be null where the method needs none. UserError for a method that the facts forbid
/// (names the fact and the place).
ChosenIntegrator choose_integrator(const System& system, const Facts& facts,
                                   const RunSettings& settings, const InitialState* initial);

}  // namespace cotangent::mechanics
