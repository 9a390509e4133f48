// The table of units, and names that are refused with a reason.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cotangent/lang/units.h"

namespace cotangent::lang {

/// A name with or without a prefix ("km", "ft"), or nothing.
std::optional<Unit> unit_named(std::string_view name);

/// A name people write that has no one meaning as a factor.
struct RefusedUnit {
  std::string_view name, reason, remedy;
};
const RefusedUnit* refused_unit(std::string_view name);

}  // namespace cotangent::lang
