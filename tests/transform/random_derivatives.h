// What the derivatives of a random program have to obey.
#pragma once

#include "cotangent/ir/random_program.h"
#include "tests/transform/support.h"

namespace cotangent::transform {

/// Real parameters of f.
Positions real_params(const Function& f);

/// A differentiable program drawn by seed, each of its loops keeping what a draw says.
FunctionPtr random_differentiable(std::uint64_t seed);

/// reverse = forward = reverse over forward = difference at random arguments. Gives whether there
/// was a real parameter.
bool check_random(const Function& f, std::uint64_t seed);

}  // namespace cotangent::transform
