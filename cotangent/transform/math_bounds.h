// What is visibly true of values without running the program: lower bounds.
#pragma once

#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::transform {

/// For every node of `f`, by id, a number L that bounds its elements from below: each element is NaN or
/// >= L, and where L >= 0 it is not -0. Minus infinity where nothing is known (parameters, results of
/// second-order ops). Holds for the rounded values that the program computes, not only for real numbers.
std::vector<double> lower_bounds(const ir::Function& f);

}  // namespace cotangent::transform
