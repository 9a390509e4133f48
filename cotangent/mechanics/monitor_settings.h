// What is watched during a run beyond energy and momenta ([monitor]).
#pragma once

#include <cstdint>

#include "cotangent/base/span.h"

namespace cotangent::mechanics {

struct MonitorSettings {
  /// The scheme's own energy, from nested brackets; warns where it is far from H.
  bool shadow = false;
  std::int64_t lyapunov = 0;   ///< how many Lyapunov exponents, the largest first; 0: none
  bool megno = false;          ///< mean exponential growth of nearby orbits (Cincotta, Simo 2000)
  bool symplecticity = false;  ///< how far M^T J M is from J, of the step's own tangent map M
  std::int64_t every = 0;      ///< steps between samples; 0: the run's cadence
  bool stop = false;           ///< a run that goes wrong ends early, with the reason

  bool any() const { return shadow || lyapunov > 0 || megno || symplecticity || stop; }
  /// Of each key's value; empty where the file has no such key.
  SourceSpan shadow_span, lyapunov_span, megno_span, symplecticity_span, every_span, stop_span;
};

}  // namespace cotangent::mechanics
