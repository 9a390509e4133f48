// Makes a program that shows a fault smaller. For tests: a random program that fails is shrunk
// before it is printed.
#pragma once

#include <functional>

#include "cotangent/ir/function.h"

namespace cotangent::ir {

/// The smallest program found for which `fails` still holds, at most `attempts` calls of it.
/// `fails(*f)` must hold to begin with. Results, parameters and nodes are dropped, nodes are
/// replaced by a constant, an operand or a parameter of their type, in bodies as well; so `fails`
/// must cope with other parameters and results (random_arguments gives it arguments).
/// A candidate on which `fails` throws counts as not failing.
FunctionPtr shrink(FunctionPtr f, const std::function<bool(const Function&)>& fails,
                   int attempts = 2000);

}  // namespace cotangent::ir
