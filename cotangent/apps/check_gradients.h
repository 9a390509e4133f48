// `cotangent check --grad`.
#pragma once

#include "cotangent/apps/commands.h"

namespace cotangent::apps {

int check_gradients(const CheckOptions& options, Console& console);

}  // namespace cotangent::apps
