// The map of Wisdom and Holman (Astronomical Journal 102, 1991) for a system that is nearly Kepler
// motion about one heavy body:
//   H = sum over i of |p_i|^2/(2 m_i) - sum over i<j of G m_i m_j/|q_i - q_j|
//
// With canonical coordinates in which the centre of mass is one of the bodies' places, H = (motion
// of the centre) + A + B: A the Kepler motions of the others (kepler_flow.h), B smaller than A by
// the ratio of the masses. A step is B for dt between two halves of A, and the halves of
// neighbouring steps are one: a step costs one gradient of B and one Kepler flow. Its error is dt^2
// times the ratio of masses; it is of second order, but a small multiple.
//
// Jacobi coordinates (Plummer 1918; Rein and Tamayo, MNRAS 452, 2015, sec. 2): body i relative to
// the centre of mass of those before it, so bodies stand in order of their distance. With eta_i =
// m_0 + .. + m_i, A has the constants G eta_i, and
//   B = sum over i>1 of G m_i eta_(i-1)/|Q_i| - sum over i<j but for (0, 1) of G m_i m_j/|q_i -
//   q_j|
// Democratic heliocentric ones (Duncan, Levison and Lee, Astronomical Journal 116, 1998): positions
// relative to the heavy body, momenta relative to the centre; A has the constants G m_0, and
//   B = |P_1 + .. + P_n|^2/(2 m_0) - sum over 0<i<j of G m_i m_j/|Q_i - Q_j|,
// whose flow is half of the first term, the second, half of the first. The order of bodies does not
// matter.
//
// A corrector (Wisdom, Holman and Touma, Fields Institute Communications 10, 1996; Wisdom,
// Astronomical Journal 131, 2006) is a change of variables, e^C with C = dt g(dt ad_A) B, g(x) =
// (x/(2 sinh(x/2)) - 1)/x, after which the terms of the error that are linear in the masses are of
// dt^(order + 1). It is made once where a run starts and undone where somebody looks, so steps cost
// what they cost without it. What it leaves goes with the square of the masses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// What has been found, or is said, of a system that is nearly Kepler motion.
struct NearIntegrable {
  std::int64_t star = 0;    ///< the row of the heavy body
  ir::FunctionPtr masses;   ///< (parameters...) -> f64 [n], all above 0
  ir::FunctionPtr gravity;  ///< (parameters...) -> f64: G
  /// Parameters, by their place, for whose values alone the system is this: with others it moves
  /// in another way.
  std::vector<std::size_t> fixed = {};
};

/// The same where masses and G are parameters of the system (G: or "", for 1). Throws UserError for
/// a name or a shape that does not fit.
NearIntegrable near_integrable(const System& system, const std::string& masses,
                               const std::string& gravity, std::int64_t star = 0);

/// The same found from the energy itself: masses from dH/dp, G from two bodies at distance 1 with
/// the others far away, and dH/dp and dH/dq of each body compared with what is written above, at
/// samples and times, with the parameters' values; by rows, since what moves a light body is
/// nothing beside the energy of the others. Samples have distances about 1 and, where `places` (q)
/// is given, as large as those there, and speeds as orbits of such sizes have. The same with other
/// values of each parameter gives `fixed`. Tested, not proved; nothing where it differs.
std::optional<NearIntegrable> find_near_integrable(const System& system, std::int64_t star,
                                                   const ir::Tensor* places = nullptr,
                                                   int samples = 4);

enum class PlanetCoordinates { kJacobi, kDemocraticHeliocentric };

struct WisdomHolmanOptions {
  PlanetCoordinates coordinates = PlanetCoordinates::kJacobi;
  int corrector = 0;  ///< one of corrector_orders()
};

/// 0 (none), 3, 5, 7, 11, 17
std::vector<int> corrector_orders();

/// A corrector is the product over its stages, the first one first, of e^(-a dt A) e^(b dt B) e^(a
/// dt A). It has (order - 1)/2 pairs of stages (a, b), (-a, -b); a is a multiple of sqrt(7/40).
struct CorrectorStage {
  double a = 0, b = 0;
};
std::vector<CorrectorStage> corrector_stages(int order);

/// Carries r and v of the others in those coordinates, [n-1, d], half a Kepler step ahead; the
/// place and velocity of the centre of mass at the start; and the steps since. H is taken to be
/// what is written above; terms of the system are not read. Programs are not passed. Throws
/// UserError where the shape is not [n, d] with n >= 2 and d 2 or 3, or an option is not one of
/// those above.
Integrator wisdom_holman(const System& system, const NearIntegrable& near,
                         const WisdomHolmanOptions& options = {});

}  // namespace cotangent::mechanics
