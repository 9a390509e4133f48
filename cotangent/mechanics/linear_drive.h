// What a right-hand side is as a function of time: a private part of linear.cpp.
#pragma once

#include <functional>
#include <vector>

#include "cotangent/mechanics/linear.h"

namespace cotangent::mechanics {

/// b(t): (x, ..., t, parameters...) -> f64 array at x = 0; `arguments` are all arguments, that at
/// `time` is put in. That b is made of sums and products of powers of t and of sines, cosines and
/// exponentials of lines in t is proved by structure. Candidates are the angles of sin and cos and the exponents of exp that are
/// linear in t, found by watching them at three times; amplitudes are fitted in long double and
/// checked at other times. Throws UserError where that does not give b.
std::vector<Drive> find_drives(const ir::Function& b, std::vector<ir::Tensor> arguments,
                               std::size_t time);

}  // namespace cotangent::mechanics
