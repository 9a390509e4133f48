// Homogeneity: how an energy scales when q and p do.
#pragma once

#include <optional>

#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

/// E(a q, b p) = a^q b^p E(q, p) for all a, b > 0.
struct Homogeneity {
  double q = 0, p = 0;
  bool operator==(const Homogeneity&) const = default;
};

/// By rules on the program of result 0, bodies included, parameters beyond q and p standing still:
/// proved when there is an answer; nothing when no rule finds one. An energy that is zero counts as
/// of degree 0.
std::optional<Homogeneity> homogeneity_of(const ir::Function& energy);

/// Whether the same rules show that result 0 is zero, whatever the (finite) parameters.
bool always_zero(const ir::Function& f);

}  // namespace cotangent::mechanics
