// Methods that are no run of plain kicks and drifts, as integrators (integrator.h): splits into any
// number of parts, force gradients, processors.
#pragma once

#include <vector>

#include "cotangent/mechanics/integrator.h"
#include "cotangent/mechanics/splitting.h"

namespace cotangent::mechanics {

/// A composition of the symmetric step of order 2 that n flows give,
///   base(h) = A(h/2) B(h/2) .. Z(h) .. B(h/2) A(h/2),
/// base(gamma_1 dt) .. base(gamma_s dt), the stages in a loop. Where A is exact, the two flows of A
/// between stages are one. A part whose flow is no exact one must be of even order (then
/// symmetric); what the composition promises holds for it too. A part that reads the time runs from
/// the time its flow begins at to the time it ends at. Programs are simplified, not passed.
///
/// `state` names the arrays that the flows map. The carry is the state; nothing is kept open.
/// Throws UserError where there is no part, where the flows do not fit the state, where a part is
/// of odd order, and for a splitting that is no composition.
Integrator compose(const std::vector<PartFlow>& parts, const std::vector<NamedType>& state,
                   const Splitting& composition);

/// Any splitting of a separable H = T(p) + V(q, t) in f64, with force gradients and processor where
/// it has them. The state is q and p; the carry has the gradient dH/dq too, and the force gradient
/// where the first and last kick read one. Throws UserError where dH/dp depends on t.
Integrator splitting_integrator(const System& system, const Splitting& splitting);

}  // namespace cotangent::mechanics
