// Whether kicks at dt are in resonance with a mode of the exact part, before the run.
//
// Kicks are a force with all multiples of 2 pi / dt in it. Where dt w is near a multiple of pi they
// meet a mode at the same phase each time: a slow motion is driven as if the fast one stood still,
// and a mode whose kicks have a gradient grows where |dt w - m pi| < dt |V''| / w (Hairer, Lubich
// and Wanner, Geometric Numerical Integration, XIII.2 and XIII.4). Slow motions of frequency w_s
// widen the place by their harmonics. The warning stands within
//   |dt w - m pi| < max(4 dt w_s, 4 dt |V''| / w, 1e-6 dt w),  m >= 1,
// with V'' the second derivative of the rest along the mode and w_s the fastest of the modes that
// dt resolves, both near the initial state; and only where the rest reads the mode.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/exact_part.h"

namespace cotangent::mechanics {

struct ResonanceWarning {
  double w = 0;               ///< angular frequency of the mode
  std::int64_t multiple = 0;  ///< m
  double distance = 0;        ///< |dt w - m pi|, in radians
  double width = 0;           ///< within which the warning stands
  std::optional<double> dt;   ///< the largest step between 0.9 dt and dt that is clear of all modes
  std::string text;           ///< for a person, with what to do
};

/// The worst one (least distance by width), if there is any; nothing where no normal modes are
/// known.
std::optional<ResonanceWarning> resonance(const System& system, const ExactSplit& split,
                                          const InitialState& initial, double dt);

}  // namespace cotangent::mechanics
