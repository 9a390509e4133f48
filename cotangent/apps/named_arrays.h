// The state as people name it: q, p and v, or the arrays that [initial] names.
#pragma once

#include <string>
#include <vector>

#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/state_arrays.h"

namespace cotangent::apps {

using mechanics::NamedArray;

/// The state at the end: q, p and v, or the arrays of x. Of an ensemble the mean of its members.
std::vector<NamedArray> final_state(const mechanics::System& system,
                                    const mechanics::RunResult& result);

/// The members of an ensemble at the end, [size, ...] each: q and p, or the arrays of x.
std::vector<NamedArray> final_members(const mechanics::System& system,
                                      const mechanics::RunResult& result);

std::vector<double> doubles_of(const ir::Tensor& tensor);

}  // namespace cotangent::apps
