// Brackets: how an energy turns into motion, for every form a system has.
//
//   canonical     {F, G} = sum dF/dq dG/dp - dF/dp dG/dq
//   Poisson       {F, G} = (grad F)^T J(x) grad G                    dF/dt = {F, H}
//   metriplectic  the same J, and (F, G) = (grad F)^T G(x) grad G    dF/dt = {F, H} + (F, S)
//   contact       x = q, p, s:  {F, G} = F_q G_p - F_p G_q + F_s (p G_p - G) - G_s (p F_p - F)
//                 (the Jacobi bracket)                               dF/dt = {F, H} - F dH/ds
// each plus dF/dt itself where F reads the time. Contact: dq/dt = H_p, dp/dt = -H_q - p H_s,
// ds/dt = p H_p - H (Bravetti, Cruz and Tapias 2017, eqs. 2.18-2.20). Metriplectic: Morrison 1986.
//
// A bracket is a program again, so brackets nest. F is pushed forward along the field of G, whose
// gradient is taken in reverse: of nested brackets the deep one stands first, {{{T, V}, V}, T}, and
// its program grows by a factor for each level; with G the deep one it would be reversed each time.
#pragma once

#include <vector>

#include "cotangent/mechanics/facts.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// {F, G} of (q, p, t, parameters...) -> f64, both with the same parameters; q and p of one shape.
/// UserError when they do not fit.
ir::FunctionPtr bracket(const ir::Function& f, const ir::Function& g);

/// {F, G} of (x: f64 [n], t, parameters...) -> f64 by a structure: the antisymmetric one.
ir::FunctionPtr bracket(const ir::Function& f, const ir::Function& g, const Structure& structure);

/// (F, G) = (grad F)^T G(x) grad G, the symmetric bracket of a metriplectic structure.
ir::FunctionPtr metric_bracket(const ir::Function& f, const ir::Function& g,
                               const Structure& structure);

/// The sum of the energy terms, with their parameters: (q, p, t, ...) or (x, t, ...) -> f64.
/// UserError when there is none.
ir::FunctionPtr hamiltonian(const System& system);

/// How the state moves: (q, p, t, parameters...) -> (dq/dt, dp/dt) of a canonical system, (x, t,
/// parameters...) -> dx/dt of the others. Simplified only. UserError for a map.
ir::FunctionPtr vector_field(const System& system);

/// The field of one function in place of the system's energy (a metriplectic one's entropy is left
/// out): what {., H} does.
ir::FunctionPtr field_of(const System& system, const ir::Function& energy);

/// dF/dt along the motion, dF/dt itself included: (state..., t, parameters...) -> f64. Zero for a
/// conserved quantity.
ir::FunctionPtr rate_along(const System& system, const ir::Function& f);

/// The names, types and parameters that every function of a system's state takes: the state, t, the
/// parameters.
struct Arguments {
  std::vector<std::string> names;
  std::vector<ir::Type> types;
  std::size_t states = 0;  ///< the first so many are the state
};
Arguments arguments_of(const System& system);

}  // namespace cotangent::mechanics
