// The transpose of a loop: a private part of Puller. The forward loop keeps its carries as its
// attribute says (keep.h); a loop over the steps in reverse rebuilds the body's values from them
// and applies the body's transpose.
#pragma once

#include <optional>

#include "cotangent/transform/checkpoints.h"
#include "cotangent/transform/keep.h"
#include "cotangent/transform/puller.h"

namespace cotangent::transform {

class LoopReversal {
 public:
  LoopReversal(Puller& puller, ir::Value node);

  void run();

 private:
  // The loop's lists, as operand positions: invariants, carries, inputs.
  std::size_t carry(std::size_t k) const { return invariants_ + k; }
  std::size_t first_input() const { return invariants_ + carries_; }
  std::size_t size() const { return first_input() + inputs_; }
  bool linear(std::size_t operand) const { return p_.linear(x_[operand]); }
  ir::Value copied(std::size_t operand) const { return p_.of(x_[operand]); }

  void pass_carries_through();
  void find_count();
  // The operands of the reversed loop, list by list.
  void make_checkpoints();
  void add_invariants();
  void add_carries();
  void add_inputs();
  // Inside its body.
  void rebuild_carries(ir::Builder& b);
  Values reverse_step(ir::Builder& b);
  /// The reversed loop, in lanes without the sums that it only scatters into.
  Values make_loop(Values operands);
  /// Adds what the reversed loop gives to the operands' cotangents.
  void hand_out(const Values& made);

  ir::Value turned(ir::Value rows);
  ir::Value expand_output(ir::Value ct, std::int64_t every);

  Puller& p_;
  ir::Builder& b_;
  ir::Value node_;
  const ir::LoopAttr& a_;
  std::span<const ir::Value> x_;
  std::vector<Cotangent> given_;  ///< of the results
  const Flags& linear_results_;
  std::size_t invariants_, carries_, inputs_;
  ir::Type line_;            ///< i64, one a step
  ir::Value first_, count_;  ///< where the count is known at run time only

  ir::KeepKind keep_;
  std::optional<Checkpoints> checkpoints_;
  Values advancing_;  ///< what its steps read

  ir::LoopAttr attr_;  ///< of the reversed loop
  BodyBuilder inner_;
  // Inside the reversed body:
  ir::Value step_, last_;            ///< its own index; the last iteration's index
  Values params_;                    ///< of the body that is pulled back
  std::vector<Cotangent> cts_;       ///< of its results
  Values sums_;                      ///< so far, of linear invariants
  Values after_;                     ///< stepping back: carries after the step
  Values advancing_inside_, stack_;  ///< checkpoints: what a step reads, and the stack
  std::vector<LoopRecord> records_;  ///< of the loops in the body
  std::vector<bool> input_given_;    ///< which linear inputs get a cotangent
};

}  // namespace cotangent::transform
