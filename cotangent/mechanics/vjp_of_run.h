// The end of a run as a function of where it starts and of parameters: cotangents of the end are
// pulled back by a Gradient (gradient.h) of
//
//   sum over the arrays x of the state of  c_x . x(end)
//
// where the c_x are parameters that are added to the system, one of the shape of each array. So one
// compiled gradient serves all cotangents: GradientControl::parameters has them, and with
// GradientControl::value_only the run alone.
#pragma once

#include <string>
#include <vector>

#include "cotangent/mechanics/adjoint.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

struct PullableRun {
  System system;  ///< with a parameter for the cotangent of each array, behind its own
  Objective objective;
  std::vector<std::string> arrays;  ///< "q", "p", or those of the state
};

/// UserError where a parameter of the system has the name of a cotangent's: cotangent_of_q, ...
PullableRun with_cotangents(const System& system);

}  // namespace cotangent::mechanics
