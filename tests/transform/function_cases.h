// The elementary functions under test, and their check against MPFR.
#pragma once

#include "tests/transform/support.h"

namespace cotangent::transform {

/// One op over parameters of `type`, after expand_math.
FunctionPtr expanded(Op op, const Type& type);

/// Every function over every range of docs/functions.md, at random points; the bounds are those
/// stated there. COTANGENT_PRINT_ULP=1 prints the largest error of each.
void check_functions(bool narrow, int points_each);

/// The same where a formula changes: multiples of pi/4, huge angles, half-way points of ln 2,
/// branch points, the ends of the range, denormals, and their neighbours in the last place; `many`
/// of each sort.
void check_corners(bool narrow, int many);

}  // namespace cotangent::transform
