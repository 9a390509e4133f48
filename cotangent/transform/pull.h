// Transposition, as a walk that emits into a builder. The public transforms are in derivatives.h.
//
// A program linear in some parameters is walked backwards, accumulating cotangents; what does not
// depend on those parameters is copied. A cotangent may carry a *mask*: outside of it the cotangent
// is exactly zero because a select left the branch out. Factors that multiply a masked cotangent
// may be infinite or NaN there, so a masked cotangent that was multiplied is *dirty*, and is
// selected to zero again before it is added to anything, reduced, or handed on. A test for a zero
// cotangent would not do: a cotangent may vanish by accident and still have a derivative.
#pragma once

#include <functional>
#include <vector>

#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

struct Cotangent {
  ir::Value value;  ///< invalid: symbolic zero
  ir::Value mask;   ///< bool, same shape; invalid: everywhere
  bool dirty = false;
  bool valid() const { return value.valid(); }
};

/// What the forward pass of a loop has for its reverse: results and kept carries (invalid where
/// they are linear or not there), and the same of the loops in its body, one row a step.
struct LoopRecord {
  Values results, kept;
  std::vector<LoopRecord> inside;
};
/// Calls visit(value) for each valid value of the records, in a fixed order.
void each_value(std::vector<LoopRecord>& records, const std::function<void(ir::Value&)>& visit);

struct Pulled {
  Values results;  ///< copies of f's results that are not linear; invalid for the others
  std::vector<Cotangent> params;  ///< for linear parameters; clean
  std::vector<LoopRecord> loops;  ///< of f's own loops with a linear part, if asked for
};

struct PullOptions {
  /// A value a parameter (invalid: none) to which the cotangent of a linear one is added.
  std::span<const ir::Value> begun = {};
  bool records = false;  ///< gives `loops`
  /// f is the body of a map: what its loops scatter into an array that all lanes share is put out
  /// step by step, to be scattered once outside, where that is less than the array.
  bool lanes = false;
  /// Records that a walk with the same linear parameters gave: what they hold is not made again.
  std::vector<LoopRecord>* given = nullptr;
};

/// `params[k]` is parameter k in `b`, or invalid when f is linear in it. `results` has one
/// cotangent a result (invalid: none; ignored for results that are not linear).
/// Throws UserError "[op] is not linear ..." when f is not linear in those parameters.
Pulled pull_back(ir::Builder& b, const ir::Function& f, std::span<const ir::Value> params,
                 std::span<const Cotangent> results, const PullOptions& options = {});

/// Copies `node`, which has several results, with only those operands that are valid in `operands`
/// (the others are linear and no kept result needs them) and only the flagged results. Gives one
/// value a result of the node, invalid when dropped. For a loop, `kept_carries` (if given) receives
/// the carries at the start of each step, stacked: one value a carry, invalid when dropped.
Values copy_part(ir::Builder& b, const ir::Function& f, ir::Value node,
                 std::span<const ir::Value> operands, const Flags& results,
                 Values* kept_carries = nullptr, std::vector<LoopRecord>* kept_inside = nullptr);

}  // namespace cotangent::transform
