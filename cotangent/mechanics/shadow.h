// The shadow energy: what a splitting of H = T(p) + V(q) keeps instead of H, and the warning that
// it is too far from H.
//
// Backward error analysis: the states of the method lie, up to an exponentially small rest, on a
// solution of the modified energy H~ = H + h H_2 + h^2 H_3 + .. (shadow_series.h). Truncated after
// the terms in h^4, H~ is constant to O(h^6) along a symmetric method. Where H~ - H is small
// against the energies of the motion the method follows a system near the one that was written;
// where it is not, or the series does not decrease, the run is one of another system, and soon one
// of none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/shadow_series.h"
#include "cotangent/mechanics/system.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::mechanics {

/// The derivative of result 0 of f, (q, p, t, parameters...) -> f64, along a field that moves q
/// (`wrt` 0) or p (`wrt` 1) only: (q, p, t, parameters...) -> f64. `field` gives the direction, an
/// array of the state's shape, of the same parameters.
ir::FunctionPtr derivative_along(const ir::Function& f, const ir::Function& field, std::size_t wrt);

struct Shadow {
  int degree = 1;  ///< of the highest brackets: H~ is known up to h^(degree - 1)
  std::vector<ShadowTerm> series;
  /// (q, p, t, dt: f64, parameters...) -> f64 [degree]: H, h H_2, h^2 H_3, ...; their sum is H~.
  /// Through no passes.
  ir::FunctionPtr terms;
  double operations = 0;  ///< of `terms`, in element operations
  double forces = 0;      ///< the same in evaluations of dH/dq
};

/// Brackets up to degree `order` - 1, so that H~ is constant to O(h^order) for a symmetric method
/// and an even order, and to O(h^(order - 1)) otherwise; `order` is 2 to 8. UserError where H is
/// not T(p) + V(q), or depends on t.
Shadow make_shadow(const System& system, const Coefficients& splitting, int order = 6);

/// H~ at one dt: (q, p, t, parameters...) -> f64.
ir::FunctionPtr shadow_energy(const Shadow& shadow, double dt);

struct ShadowOptions {
  /// Of the truncation; 0: 6, or 8 for a method whose first terms vanish, and less where that makes
  /// a program too large to compile at once (then the swing of H decides).
  int order = 0;
  /// Steps of the probe at most; fewer where they would cost more than `operations`.
  std::int64_t steps = 4096;
  double operations = 2e8;
  /// H~ - H, or the swing of H, over the kinetic energy, from which a warning is given. A harmonic
  /// oscillator passes it with leapfrog at about 8 steps a period.
  double threshold = 0.1;
  bool reference = false;  ///< the probe on the reference evaluator
  runtime::CompileOptions compile;
};

struct ShadowWarning {
  double dt = 0;
  double difference = 0;    ///< largest |H~ - H| seen, over the largest kinetic energy so far
  std::int64_t step = 0;    ///< where the probe first crossed the threshold
  double suggested_dt = 0;  ///< 0: none was found that is good on the probe
  std::string reason;       ///< which of the signs it was
  std::string text;         ///< "at dt = 2.5 the scheme's own energy differs by .. ; try dt = .."
};

/// Runs a probe of the method from the initial state, with the shadow's terms at every step, and
/// warns where H~ - H is above the threshold, where the series does not decrease, where H itself
/// swings by more than the threshold, or where the state stops being finite. The dt suggested was
/// tried: a probe over the same time says nothing at it (within the budget of steps).
/// `p` are the initial momenta. Nothing for a good dt. UserError as make_shadow.
std::optional<ShadowWarning> check_shadow(const System& system, const Coefficients& splitting,
                                          int method_order, const ir::Tensor& q,
                                          const ir::Tensor& p, double dt, std::int64_t steps,
                                          const ShadowOptions& options = {});

}  // namespace cotangent::mechanics
