// Momentum maps: what a symmetry keeps (Noether), as programs.
//
// A one-parameter group that moves q by dq(q, t) and p by what leaves p . dq alone (a cotangent
// lift: translations, rotations, any motion of space) has the momentum J = p . dq. Groups that mix
// q and p have one too if their field (dq, dp) is Hamiltonian; it is found by integrating the field
// along the ray from the origin. A boost keeps sum m q - t P; the shift of time keeps H; a scaling
// under which H goes as a power keeps q . p + k t H.
// Whether J is conserved is the facts' business: {J, H} + dJ/dt = 0 (rate_along, bracket.h).
#pragma once

#include <string>
#include <vector>

#include "cotangent/mechanics/symmetry.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// A one-parameter group of motions of phase space, by its field at a state. All programs are of
/// (q, p, t, parameters...) and give an array of the state's shape.
struct SymmetryField {
  std::string name;
  ir::FunctionPtr dq;
  ir::FunctionPtr dp;  ///< null: that of the cotangent lift of dq, which must not read p
};

/// The field of a generator of symmetry.h: a translation or a rotation of all particles.
SymmetryField field_of_generator(const System& system, const Generator& generator);

/// (q, p, t, parameters...) -> f64: the J whose Hamiltonian field is the given one: p . dq of a
/// cotangent lift, otherwise with J = 0 at the origin by a Gauss rule of 8 points, exact for fields
/// that are polynomials of degree at most 15 along the ray. Whether the field is Hamiltonian is
/// checked at `samples` (q and p): UserError, named, where dJ/dp is not dq, or -dJ/dq not dp.
ir::FunctionPtr momentum_map(const System& system, const SymmetryField& field,
                             const std::vector<std::pair<ir::Tensor, ir::Tensor>>& samples,
                             double t);

/// sum over particles of m q - t p along an axis, with 1/m = the derivative of dH/dp along the
/// axis, of a system whose kinetic energy is sum p^2 / (2 m). Conserved where translations are
/// symmetries.
ir::FunctionPtr boost_momentum(const System& system, int axis);

/// q . p + k t H, where H goes to c^k H under q -> c q, p -> p / c.
ir::FunctionPtr scaling_momentum(const System& system, double k);

/// A conserved quantity found: how it is called, and its program (q, p, t, parameters...) -> f64.
struct MomentumMap {
  std::string name;
  ir::FunctionPtr value;
};

/// One for each translation, rotation and boost of the state's shape, the scaling of H of degree -2
/// and the shift of time, whose rate along the motion vanishes at the samples, up to round-off
/// relative to the size of what cancels: "momentum_0", "angular_momentum_01", "boost_0",
/// "dilation", "energy". Tested, not proved.
std::vector<MomentumMap> conserved_momenta(
    const System& system, const std::vector<std::pair<ir::Tensor, ir::Tensor>>& samples, double t);

/// Largest |dJ/dt along the motion| at the samples, over the larger of 1e-300 and the largest
/// |grad J| |field|, entries multiplied and summed in magnitude: 1e-16 is round-off.
double conservation_defect(const System& system, const ir::Function& momentum,
                           const std::vector<std::pair<ir::Tensor, ir::Tensor>>& samples, double t);

}  // namespace cotangent::mechanics
