// Splitting on Lie-Poisson structures: the energy as a sum of parts whose flows are exact.
//
// Where J is linear in x (or constant), a part f of the energy that reads only coordinates S which
// commute with one another, {x_i, x_j} = 0 on S, leaves them alone; so grad f stays constant along
// its own flow, and
//   dx/dt = J(x) grad f = A x,    A_ik = sum over j in S of (df/dx_j) c_ij^k (up to the sign of J),
// is linear: x(h) = exp(h A) x. A single coordinate is always such a set. For so(3) and f(x_k) this
// is a turn about axis k (McLachlan 1993; Reich 1994; Hairer, Lubich, Wanner, VII.5.3). Each flow
// keeps every Casimir, to round-off, and so do all compositions.
//
// Parts are found by themselves: a term is taken apart along the zeros of its Hessian, proved by
// exact algebra, so sum x_i^2 / (2 I_i) gives a part for each i. exp(h A) is in closed form where
// A^2 = 0, A^3 = 0 or A^3 = c A, else by scaling, a Taylor polynomial and squaring.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// What becomes of a term that has no exact flow.
enum class NoFlow {
  kRefuse,   ///< UserError naming the term, its coordinates and why
  kMidpoint  ///< a part of its own by the implicit midpoint rule
};

/// The parts of a system's energy, each with its flow (x, t, h, parameters...) -> x, in the order
/// of the terms, for `compose` (split_flows.h). A part that reads the time does so at t + h/2 and
/// is exact in nothing else: then `exact` is false and `order` 2. UserError where J is neither
/// linear nor constant in x, or depends on t or on parameters.
std::vector<PartFlow> lie_poisson_flows(const System& system, NoFlow otherwise = NoFlow::kRefuse);

}  // namespace cotangent::mechanics
