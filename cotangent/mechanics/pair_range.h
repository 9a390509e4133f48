// How far the energy of a pair reaches.
#pragma once

#include <optional>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

struct PairRange {
  std::optional<double> cutoff;  ///< beyond this distance each pair's energy is zero: proved
  std::optional<double> power;   ///< each pair's energy is c r^power: proved
  SourceSpan place;              ///< of the choice by distance
};

/// Of a term that is one pair_sum, perhaps times constants, and sums over single particles. The
/// cut-off is at the parameters' values in `system`.
PairRange pair_range(const ir::Function& energy, const System& system);

}  // namespace cotangent::mechanics
