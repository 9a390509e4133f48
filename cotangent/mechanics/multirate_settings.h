// Which energy terms are stepped how often ([multirate]).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cotangent/base/span.h"

namespace cotangent::mechanics {

/// Levels of steps inside steps (Tuckerman, Berne and Martyna 1992): a step of level k holds
/// inner[k] steps of level k + 1. `dt` of the run is the step of level 0.
struct MultirateSettings {
  /// Names of energy terms, the slowest level first, each in one level at most; at least two
  /// levels. Terms that no level names belong to level 0, but for kinetic ones, which drift in the
  /// last level. Level 0 is empty where only fast terms were named.
  std::vector<std::vector<std::string>> levels;
  std::vector<std::int64_t> inner;  ///< one less than levels, each at least 1
  SourceSpan levels_span, inner_span;
};

}  // namespace cotangent::mechanics
