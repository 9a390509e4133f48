// The written specification of a well-formed program; run after every pass in debug builds.
#pragma once

#include "cotangent/ir/function.h"

namespace cotangent::ir {

/// Throws InternalError naming the function, the node and the rule broken:
/// operands precede users; types equal what inference gives; parameters come first and once;
/// nothing is read through an index but a second-order node by `project`; bodies are closed,
/// verified, and fit the layout in attr.h.
void verify(const Function& f);

}  // namespace cotangent::ir
