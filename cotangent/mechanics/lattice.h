// A state on a lattice: q and p are whole multiples of a spacing, and kicks and drifts are rounded
// to it. What a step adds is then subtracted again to the bit, however many steps: a run can be
// undone (Levesque and Verlet, J. Stat. Phys. 72, 1993; JANUS: Rein and Tamayo, MNRAS 473, 2018).
//
// The whole numbers are i64 within +-2^62. What would leave that range, or is no number, becomes
// `kOffLattice` and stays so; read as a real it is NaN.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

inline constexpr std::int64_t kOffLattice = std::numeric_limits<std::int64_t>::min();

// Inside a program; `x` is i64, `change` f64, of one shape.
ir::Value lattice_sum(ir::Builder& b, ir::Value x, ir::Value change, const Units& units);
ir::Value lattice_real(ir::Builder& b, ir::Value x, const Units& units);

/// The nearest multiples to x + error, as i64; and back, the part of them that f64 holds and the
/// rest.
ir::Tensor on_lattice(const ir::Tensor& x, const std::optional<ir::Tensor>& error,
                      const Units& units);
ir::Tensor off_lattice(const ir::Tensor& x, const Units& units);
ir::Tensor off_lattice_rest(const ir::Tensor& x, const Units& units);
/// The first element that is not on it.
std::optional<std::int64_t> first_off_lattice(const ir::Tensor& x);

/// Spacings for a run from `initial`: 2^-52 of the power of two above a size, so that the state may
/// grow by 2^10. The size of q is its largest entry. That of p is, where dH/dp is p over masses,
/// each mass times the largest velocity, else the largest entry. Where q is all zero, or all are at
/// rest, 256 of the first step's changes stand in; nothing where these are zero too.
struct Spacing {
  Units q, p;
};
std::optional<Spacing> lattice_spacing(const System& system, const InitialState& initial,
                                       double dt);

}  // namespace cotangent::mechanics
