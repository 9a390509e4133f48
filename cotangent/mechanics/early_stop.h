// Whether a run goes wrong, seen from its monitors while it runs: the energy grows without bound
// where the method should keep it, the state leaves for infinity, or is no number any more. Pure
// functions of samples; who runs the run decides what to do.
//
// A symplectic method with a step that is small enough has an energy error that swings and comes
// back. What grows, and has grown far, in every one of the last stretches of the run, does not.
#pragma once

#include <optional>
#include <string>

#include "cotangent/mechanics/flow.h"

namespace cotangent::mechanics {

struct StopRules {
  /// Of the energy error over the scale: what a drift must have reached to be one.
  double drift = 0.2;
  /// The same for growth by a factor in each stretch, which only gets worse.
  double growth = 0.05;
  double factor = 1.5;        ///< from one stretch to the next
  double explosion = 1e3;     ///< energy error over the scale beyond which nothing else is asked
  double extent = 1e12;       ///< growth of the largest entry of the state
  std::int64_t samples = 24;  ///< fewer prove nothing (but an explosion)
  bool jumps = false;         ///< the energy may jump, which no step size mends
};

/// Why the run should be stopped, in words with the time, or nothing. `energy` is the series of
/// the total, scalar or with the total last in each sample, of a run in which energy is conserved;
/// `scale` what its error is relative to: the run driver gives the sum of the terms' magnitudes at
/// the first sample where that is above zero. 0: |E_0|, or 1 where that is zero too. `dissipates`:
/// energy may fall (friction): only growth counts.
std::optional<std::string> goes_wrong(const Series& energy, double scale,
                                      const StopRules& rules = {}, bool dissipates = false);

/// The same of the size of the state: `extent` is the series of its largest entry.
std::optional<std::string> explodes(const Series& extent, const StopRules& rules = {});

}  // namespace cotangent::mechanics
