// The reference evaluator: one op at a time, in obvious code. The oracle of compilation.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::ir {

struct EvaluateOptions {
  /// f64 values are carried in long double (64-bit mantissa on x86). Arguments may be either.
  bool extended = false;
  /// Called after every node, bodies included, with its value (second-order nodes excepted: their
  /// projections are reported); for finding where a non-finite value was first made.
  std::function<void(const Function&, Value, const Tensor&)> observe;
};

/// Values of all results. Throws UserError when the arguments' types do not fit the parameters.
std::vector<Tensor> evaluate(const Function& f, std::span<const Tensor> arguments,
                             const EvaluateOptions& options = {});

}  // namespace cotangent::ir
