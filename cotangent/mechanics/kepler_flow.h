// The exact flow of the two-body problem, H = |p|^2/2m - m k/|q| for each of many bodies about one
// centre: r'' = -k r/|r|^3 with constant k >= 0 of each body.
//
// In the universal variable s, ds = dt/|r|, all conics are one (Stiefel and Scheifele 1971; Danby,
// Fundamentals of Celestial Mechanics, 1992, sec. 6.9). With beta = 2k/|r| - |v|^2, eta = r.v, zeta
// = k - beta |r| and
//   G_n(s) = s^n c_n(beta s^2),   c_n(z) = sum over j of (-z)^j/(2j + n)!
// s is the root of the increasing function
//   F(s) = |r| s + eta G_2 + zeta G_3 - h,   F' = |r| + eta G_1 + zeta G_2 = |r after|,
// and what the step adds, written as differences so that nothing large cancels (Rein and Tamayo,
// MNRAS 452, 2015, sec. 3), is
//   r += (h - k G_3) v - (k G_2/|r|) r,   v -= (k G_1/(|r| |r after|)) r + (k G_2/|r after|) v.
//
// Steps that are short against the orbit, as time steps are, need the functions G once: s from the
// power series of its inverse to h^4, the residual removed by the inverse series of F to fourth
// order, and the G moved there by Taylor's formula. Where that is not good to round-off (long or
// backward steps past pericentres, whole periods, hyperbolas) another branch starts from a global
// guess and iterates by Laguerre and Conway (Celestial Mechanics 39, 1986); a body that needs none
// gets the same bits whatever its neighbours do.
//
// Error: a few units in the last place times the condition of the flow, for any eccentricity, h of
// either sign; elliptic h beyond half a period lose what h modulo the period does. k = 0 is free
// motion. |r| = 0 is not in the domain. In long double the guess of the short branch is good to
// about 1e-18 of a step.
#pragma once

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// r and v, each [n, d], after `h` (f64 scalar) with the constants k [n]; inverse [n] is 1/|r|, if
/// it is there already. Derivatives are those of the exact flow by the implicit function theorem,
/// whatever the iteration did.
struct KeplerState {
  ir::Value r, v;
};
KeplerState kepler_drift(ir::Builder& b, const KeplerState& at, ir::Value k, ir::Value h,
                         ir::Value inverse = {});

/// (r: f64 [n, d], v: f64 [n, d], k: f64 [n], h: f64) -> (r, v)
ir::FunctionPtr kepler_flow(std::int64_t bodies, std::int64_t dimensions);

/// The flow of the part sum over i of |p_i|^2/(2 m_i) - c_i/|q_i| of a canonical system of shape
/// [n, d], or [d] (one body, m and c scalars). `masses` and `strengths`: (parameters...) -> f64
/// [n]. Throws UserError for another shape or another type.
PartFlow kepler_part(const System& system, const ir::FunctionPtr& masses,
                     const ir::FunctionPtr& strengths);

}  // namespace cotangent::mechanics
