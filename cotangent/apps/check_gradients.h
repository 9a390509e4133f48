// `cotangent check --grad`.
#pragma once

#include "cotangent/apps/prepared.h"
#include "cotangent/transform/check_grad.h"

namespace cotangent::apps {

int check_gradients(const CheckOptions& options, Console& console);

/// "pass", "fail", "inconclusive"
const char* verdict_text(const transform::GradCheck& check);
/// "agrees", "disagrees", "not finite", "nothing", "refused"
const char* state_text(const transform::GradCheckRow& row);
/// What to differentiate by where nothing is named: the initial state and all real parameters.
std::vector<std::string> variables_of(const Prepared& prepared);

}  // namespace cotangent::apps
