// Methods that are found in an energy, at the values that its parameters have: what else they fit.
#pragma once

#include <functional>
#include <vector>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// The parameters, by their place, for whose values alone something fits: it does not with others,
/// a hundredth off. `fits` is asked with the values of all of them. Tested, not proved.
std::vector<std::size_t> fixed_parameters(
    const System& system, const std::function<bool(const std::vector<ir::Tensor>&)>& fits);

}  // namespace cotangent::mechanics
