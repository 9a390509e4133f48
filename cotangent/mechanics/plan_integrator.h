// The planner's choice among methods that are no composition of kicks and drifts.
#pragma once

#include <memory>
#include <optional>

#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

/// Names of these methods, as [run] method takes them.
std::vector<std::string> integrator_names();

/// An integrator, or the flow of a linear system over any time, and why: the decisions "structure",
/// "splitting", "method", "order", and more.
struct ChosenIntegrator {
  std::shared_ptr<const Integrator> integrator;
  std::shared_ptr<const LinearFlow> linear;
  std::vector<Decision> decisions;
};

/// Nothing: kicks and drifts are to be used. `initial` may be null where the method needs none.
/// UserError for a method that the facts forbid (names the fact and the place).
std::optional<ChosenIntegrator> choose_integrator(const System& system, const Facts& facts,
                                                  const RunSettings& settings,
                                                  const InitialState* initial);

}  // namespace cotangent::mechanics
