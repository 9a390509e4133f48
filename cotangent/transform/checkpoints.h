// A stack of checkpoints: the state of a loop at any step, from S of them, at least cost. What
// reverse mode of a loop that keeps {kBinomial, S} is made of.
//
// To reverse n steps from a state that is on the stack, with d places in all (its own among them),
// advance l of them, put that state on the stack, reverse the last n - l by d - 1 places, and then
// the first l by d. With beta(d, r) = (d + r)! / (d! r!), the most steps for which none is advanced
// over more than r times, and r the least with n <= beta(d, r), every l is best for which
//   beta(d, r - 2) <= l <= beta(d, r - 1)   and   beta(d - 1, r - 1) <= n - l <= beta(d - 1, r)
// (Griewank 1992; Griewank and Walther 2000). Taken is the largest.
#pragma once

#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

class Checkpoints {
 public:
  /// `step`: (which step from 0: i64, invariants..., carries...) -> carries...; `trip` is the most
  /// steps there may be. `slots` >= 1.
  Checkpoints(ir::FunctionPtr step, std::size_t invariants, std::int64_t trip, std::int64_t slots);

  /// The stack that holds the state before step 0 alone: one array a carry, then the steps of the
  /// entries (i64[slots]) and the place of the last entry (i64).
  Values begin(ir::Builder& b, std::span<const ir::Value> carries) const;

  struct State {
    Values carries;  ///< before the step
    Values stack;    ///< for the step before it
  };
  /// The state before `step`, by a stack that holds one before it or that itself.
  State at(ir::Builder& b, std::span<const ir::Value> invariants, std::span<const ir::Value> stack,
           ir::Value step) const;

 private:
  std::size_t carries() const { return step_->results().size(); }
  Values advance(ir::Builder& b, std::span<const ir::Value> invariants,
                 std::span<const ir::Value> state, ir::Value from, ir::Value count) const;
  Values top_of(ir::Builder& b, std::span<const ir::Value> stack) const;

  ir::FunctionPtr step_;
  std::size_t invariants_;
  std::int64_t trip_, slots_;
};

/// How far to advance (above): `n` >= 2 steps to reverse, `d` >= 2 places; i64 scalars.
ir::Value steps_to_advance(ir::Builder& b, ir::Value n, ir::Value d);
std::int64_t steps_to_advance(std::int64_t n, std::int64_t d);

}  // namespace cotangent::transform
