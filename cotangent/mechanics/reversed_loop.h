// A loop over the steps of a chunk, the last one first, while it is built.
#pragma once

#include <string>
#include <vector>

#include "cotangent/mechanics/step_builder.h"

namespace cotangent::mechanics {

/// Its operands are handed in in this order: invariants, carries, rows of tapes, each closed by its
/// `end_...`. Iteration k is that of step first + count - 1 - k.
struct ReversedLoop {
  ir::Builder& outer;
  ir::Builder body{"step_reversed"};
  ir::Value iteration;
  BodyInputs in;
  ir::LoopAttr loop;
  ir::Value count;

  ReversedLoop(ir::Builder& outer, std::int64_t trip, ir::Value count);
  void end_invariants() { loop.invariants = in.count(); }
  void end_carries() { loop.carries = in.count() - loop.invariants; }
  void end_inputs() { loop.inputs = in.count() - loop.invariants - loop.carries; }
  /// The row of a step, of an array that has one a step.
  ir::Value row(ir::Value rows, const std::string& name);
  std::vector<ir::Value> finish(const std::vector<ir::Value>& results);
};

}  // namespace cotangent::mechanics
