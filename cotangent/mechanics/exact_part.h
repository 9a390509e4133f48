// H = quadratic part + rest: the quadratic part is flowed exactly, the rest kicks.
//
//   p -= dt/2 grad rest(q, t);  (q, p) moves for dt by the quadratic part alone;  p -= dt/2 grad
//   rest
// which is of order 2 in what the rest does and has no bound on dt from the stiffest spring (the
// impulse method; Grubmueller et al. 1991, Tuckerman et al. 1992). The gradient of the rest that
// ends a step begins the next. What the quadratic part needs for dt is computed once, in `open`,
// and carried, so parameters of springs and masses can be differentiated by:
//   each coordinate by itself (stiffness and inverse mass diagonal): cosines and sines;
//   equal or unequal masses, full stiffness: by eigh of sqrt(W) K sqrt(W);
//   any other, up to kDenseExact coordinates (magnetic forces, full mass matrices): an exponential
//   by scaling and squaring. Its error a step is about dt |A| 2^-53, of amplitudes too.
//
// Near dt w = m pi for a mode of angular frequency w the kicks are in resonance with it, whatever
// their size (resonance.h). Mollified kicks read the rest at filtered positions, V(phi(dt Omega) q)
// about the springs' rest position, so that the force is phi^T grad V(phi q): the filters psi =
// sinc phi and phi of Hairer, Lubich and Wanner, Geometric Numerical Integration, XIII.2,
// symplectic for any phi. Garcia-Archilla, Sanz-Serna and Skeel (1999) average over the fast
// motion, phi = sinc; ours is sinc(x) (1 + 2/3 sin^2(x/2)), zero at the same places, which leaves
// slow motions alone to x^4 instead of x^2/6 (Hochbruck and Lubich 1999 have 1/3 for 2/3). What the
// mean square of a fast motion does to a slow one is filtered away with it: mollified kicks are for
// fast motions of small amplitude, and for steps in resonance.
#pragma once

#include <string>

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

inline constexpr std::int64_t kDenseExact = 512;

/// H = quadratic + rest, each (q, p, t, parameters...) -> f64; no rest: null. The quadratic part is
/// of degree at most 2 in q and p together and reads no t.
struct ExactSplit {
  ir::FunctionPtr quadratic, rest;
  std::vector<std::string> quadratic_terms, rest_terms;  ///< names of the terms in each
};

/// Term by term, and within terms that are sums (split_quadratic): what is quadratic and reads no
/// t, and the rest. UserError where nothing is quadratic, or a rest reads p.
ExactSplit split_terms(const System& system);

enum class Kicks { kPlain, kMollified };

/// The method above. UserError where the rest reads p, where the quadratic part couples more than
/// kDenseExact coordinates, and for mollified kicks where it is no sum of a kinetic energy with
/// diagonal masses and a potential.
Integrator exact_and_kicks(const System& system, const ExactSplit& split,
                           Kicks kicks = Kicks::kPlain);

/// The two parts on their own, for other compositions: the flow of the quadratic part, exact for
/// any h; the kick p -= h grad rest(q, t + h/2).
PartFlow quadratic_flow(const System& system, const ExactSplit& split);
PartFlow rest_flow(const System& system, const ExactSplit& split);

}  // namespace cotangent::mechanics
