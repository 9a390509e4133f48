// Chains of equal sites: found in K and W, and their transforms. A private part of modes.cpp.
#pragma once

#include "cotangent/mechanics/modes.h"

namespace cotangent::mechanics {

/// Null when W is not one number a component or K is no chain of equal sites.
std::shared_ptr<const Modes> site_modes(const LinearSystem& system);

}  // namespace cotangent::mechanics
