// What rounding may have made of the values of a program: a bound along the evaluation, to first
// order (Wilkinson 1963; Higham 2002, section 3.3). With v = op(x...), |dv| <= sum |dop/dx| |dx| +
// unit |v|, and of a sum of n terms unit times the roundings of a term, at most n, times what is
// added in magnitude: so a small difference of large numbers has a large bound, and a small number
// by itself a small one.
#pragma once

#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

/// The unit roundoffs of f64 and of the reference evaluator's long double.
inline constexpr double kUnitF64 = 0x1p-53, kUnitExtended = 0x1p-64;

/// (x...) -> (the results that are named..., a bound of the rounding error of each, of its type),
/// where arithmetic has this unit roundoff. Arguments are exact, but for the float parameters
/// `rounded`; those and constants of more than 32 bits are known to 2^-53. Null where an op has no
/// rule here (loops of a length that is computed, linear algebra, branches). Results must be floats.
ir::FunctionPtr with_rounding(const ir::Function& f, const std::vector<std::size_t>& results,
                              const std::vector<std::size_t>& rounded, double unit);

/// Whether an f64 needs more than 32 bits, and so may stand for another number: 0.1, but not 0.25.
bool is_long(double x);

}  // namespace cotangent::mechanics
