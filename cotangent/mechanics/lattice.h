// A state on a lattice: q and p are whole multiples of a spacing, and kicks and drifts are rounded
// to it. What a step adds is then subtracted again to the bit, however many steps: a run can be
// undone (Levesque and Verlet, J. Stat. Phys. 72, 1993; JANUS: Rein and Tamayo, MNRAS 473, 2018).
//
// The whole numbers are i64 within +-2^62. What would leave that range, or is no number, becomes
// `kOffLattice` and stays so; read as a real it is NaN.
#pragma once

#include <limits>
#include <optional>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

inline constexpr std::int64_t kOffLattice = std::numeric_limits<std::int64_t>::min();

// Inside a program; `x` is i64, `change` f64 in units of the spacing, of one shape.
ir::Value lattice_sum(ir::Builder& b, ir::Value x, ir::Value change);
ir::Value lattice_real(ir::Builder& b, ir::Value x, double unit);

/// The nearest multiples of `unit` to x + error, as i64; and back, the part of them that f64 holds
/// and the rest.
ir::Tensor on_lattice(const ir::Tensor& x, const std::optional<ir::Tensor>& error, double unit);
ir::Tensor off_lattice(const ir::Tensor& x, double unit);
ir::Tensor off_lattice_rest(const ir::Tensor& x, double unit);
/// The first element that is not on it.
std::optional<std::int64_t> first_off_lattice(const ir::Tensor& x);

/// Spacings for a run from `initial`: 2^-52 of the largest entry, so that the state may grow by
/// 2^10. Where q or p is all zero, its size is taken to be 256 of the first step's changes.
/// Nothing where these are zero too.
struct Spacing {
  double q = 0, p = 0;
};
std::optional<Spacing> lattice_spacing(const System& system, const InitialState& initial,
                                       double dt);

}  // namespace cotangent::mechanics
