// What COTANGENT_DEBUG asks for.
#pragma once

#include "cotangent/telemetry/telemetry.h"

namespace cotangent::telemetry {

/// 1 to 5, or nothing (0, or not set). Throws UserError for anything else.
Detail detail_from_environment();

/// For code whose callers own no Telemetry: one that writes as much to standard error. Null where
/// nothing is asked for. Read once; lives as long as the process.
Telemetry* from_environment();

}  // namespace cotangent::telemetry
