// check --evaluate: the run, op by op.
#pragma once

#include "cotangent/apps/commands.h"

namespace cotangent::apps {

int check_evaluated(const CheckOptions& options, Console& console);

}  // namespace cotangent::apps
