// Commands that do not know every plan say so before they compute anything.
#pragma once

#include <string>
#include <vector>

#include "cotangent/apps/prepared.h"

namespace cotangent::apps {

/// UserError where there is an ensemble: `command` works on one run.
void refuse_ensemble(const Prepared& prepared, const std::string& command);

/// UserError where the plan is no composition of kicks and drifts, all that `command` knows.
void refuse_integrator(const Prepared& prepared, const std::string& command);

/// UserError where the run is jumps instead of steps: `command` differentiates steps.
void refuse_jumps(const Prepared& prepared, const std::string& command);

/// UserError where one of the names to differentiate by is a parameter of whole numbers.
void refuse_integers(const Prepared& prepared, const std::vector<std::string>& names);

/// UserError for a map, which has no way back.
void refuse_map(const Prepared& prepared, const std::string& command);

}  // namespace cotangent::apps
