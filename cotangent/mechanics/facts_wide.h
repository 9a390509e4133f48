// States beyond the neighbourhood of the start, where a program does something that it does not do
// there: bumps narrower than the state, switches far away, poles. Private to what samples:
// facts*.cpp and structure.cpp.
#pragma once

#include <vector>

#include "cotangent/mechanics/facts_context.h"

namespace cotangent::mechanics {

/// States at the scales of f, a program of (q, p, t, parameters...), or of (x, t, parameters...):
/// - where the operand of each op that saturates (exp, tanh, erf, ..) is of its scale, and on the
///   way to where that of an op with a pole or a root vanishes, by Newton's method from the start:
///   exp(-1e4 (q - 5)^2) is looked at 0.01 from 5, 1/(q^2 + 1e-8) at 1e-4 from 0;
/// - as far from the origin and the start as the numbers that f and the parameters name, their
///   inverses and the roots of these: what the first finds in bodies of many rows.
/// Fewer of a large f, none of a very large one. Values there need not be finite. Deterministic.
std::vector<SampleState> wide_states(const System& system, const SampleState& start,
                                     const SampleState& near, const ir::Function& f);

}  // namespace cotangent::mechanics
