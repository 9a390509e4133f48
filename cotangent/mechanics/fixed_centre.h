// Bodies about a fixed centre, each by itself: H = sum over i of |p_i|^2/(2 m_i) - c_i/|q_i|. Their
// motion is known (kepler_flow.h), so a step of any length is exact.
#pragma once

#include <optional>

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

struct FixedCentre {
  ir::FunctionPtr masses, strengths;  ///< (parameters...) -> f64, one a body: m and c, above 0
  std::vector<std::size_t> fixed = {};  ///< as Integrator::fixed
};

/// Found in the energy itself: masses from dH/dp, strengths from dH/dq at distance 1; dH/dq and
/// dH/dp are then compared with what is written above, row by row, at samples with distances about
/// 1 and, where `places` (q) is given, as large as there. q is [d] or [n, d], d = 2 or 3. Tested,
/// not proved; nothing where it differs.
std::optional<FixedCentre> find_fixed_centre(const System& system,
                                             const ir::Tensor* places = nullptr);

/// The method "kepler".
Integrator kepler_motion(const System& system, const FixedCentre& centre);

}  // namespace cotangent::mechanics
