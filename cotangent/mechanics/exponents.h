// Parameters that are exponents: what q^n is depends on what n is. With n = 2 it is a parabola,
// with 1.9 it has a kink and an end of its domain.
#pragma once

#include <string>
#include <vector>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// The parameters, by their place in the system, that exponents of f read: (state..., t,
/// parameters...), bodies included.
std::vector<std::size_t> exponents_of(const System& system, const ir::Function& f);

/// f with these parameters put in as the numbers they are; f itself where there are none. What
/// holds of it holds of those values.
ir::FunctionPtr with_exponents(const System& system, const ir::FunctionPtr& f);

/// Those of all terms and equations.
std::vector<std::size_t> exponents_of(const System& system);

/// What to say beside a fact that holds of the exponents as they are set: "; with n = 2 as set:
/// ..";
/// "" where there are none.
std::string exponents_note(const System& system);

}  // namespace cotangent::mechanics
