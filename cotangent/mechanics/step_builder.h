// One step of a composition, built into a program that is under construction: a private tool of
// programs.cpp, which says what a step is.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/transform/compensated.h"

namespace cotangent::mechanics {

/// The carry inside a program; what is not carried is not valid.
struct SymbolicCarry {
  transform::Compensated q, p, gradient;

  ir::Value& operator[](Part part) {
    ir::Value* const of[kParts] = {&q.value, &p.value, &gradient.value,
                                   &q.error, &p.error, &gradient.error};
    return *of[static_cast<std::size_t>(part)];
  }
};

/// What a step reads and never changes. The arrays have one entry a stage and are already times dt.
/// Coefficients are pairs where what they scale is a pair, and the update is compensated.
struct StepContext {
  ir::Value t0, dt;
  std::vector<ir::Value> parameters;   ///< f64
  transform::Compensated first_kick;   ///< scalar of the state's dtype
  transform::Compensated drift, kick;  ///< [stages] of the state's dtype
  ir::Value time_before, time_after;   ///< [stages] f64, c_k; only when H depends on t
};

/// Values of an outer function as parameters of the body of one of its loops.
class BodyInputs {
 public:
  BodyInputs(ir::Builder& outer, ir::Builder& body) : outer_(outer), body_(body) {}

  ir::Value whole(ir::Value value, const std::string& name);
  transform::Compensated whole(transform::Compensated x, const std::string& name);
  /// One entry of an array, a step its own.
  ir::Value entry(ir::Value array, const std::string& name);
  transform::Compensated entry(transform::Compensated array, const std::string& name);
  /// One row of an array, a step its own.
  ir::Value row(ir::Value array, const std::string& name);

  const std::vector<ir::Value>& operands() const { return operands_; }
  std::int64_t count() const { return static_cast<std::int64_t>(operands_.size()); }

 private:
  ir::Builder& outer_;
  ir::Builder& body_;
  std::vector<ir::Value> operands_;
};

/// What the adjoint of a step needs of it: q after and p during the drift of each stage, [stages] +
/// the state's shape, without the leading axis where there is one stage only.
struct StageRecord {
  DType real;
  ir::Value q, p;
};

/// The parameters of a program's system, one after the other.
std::vector<ir::Value> parameter_values(ir::Builder& b, const Pieces& pieces);

class StepBuilder {
 public:
  StepBuilder(const Pieces& pieces, const Splitting& splitting);

  StepContext context(ir::Builder& b, ir::Value t0, ir::Value dt,
                      std::vector<ir::Value> parameters) const;
  SymbolicCarry step(ir::Builder& b, const StepContext& c, SymbolicCarry s, ir::Value index,
                     StageRecord* record = nullptr) const;
  /// Takes back the drift of a stage, whose coefficient is -`drift`, and gives the gradient there.
  SymbolicCarry undo_drift(ir::Builder& b, const StepContext& c, SymbolicCarry s, ir::Value index,
                           transform::Compensated drift, ir::Value before, ir::Value after) const;

  /// dH/dq at the given state and time (t is used only where dH/dq depends on it).
  transform::Compensated gradient(ir::Builder& b, const StepContext& c, const SymbolicCarry& s,
                                  ir::Value t) const;
  /// t0 + (step + offset) dt
  ir::Value time(ir::Builder& b, const StepContext& c, ir::Value step, ir::Value offset) const;
  /// x + scale * rate, x being `part`
  transform::Compensated update(ir::Builder& b, Part part, transform::Compensated x,
                                transform::Compensated scale, transform::Compensated rate) const;
  /// q or p in f64, with its error term, off the lattice.
  ir::Value whole(ir::Builder& b, const transform::Compensated& x, Part part) const;
  /// A coefficient times dt, in the state's dtype, for updates of `part`.
  transform::Compensated coefficient(ir::Builder& b, ir::Value x, Part part) const;

  /// The carried parts as parameters of a body; as a list in their order; from such a list.
  SymbolicCarry hand_in(BodyInputs& in, SymbolicCarry s) const;
  std::vector<ir::Value> values(SymbolicCarry s) const;
  SymbolicCarry carry(std::span<const ir::Value> values) const;

 private:
  transform::Compensated drifted(ir::Builder& b, const StepContext& c, SymbolicCarry s,
                                 ir::Value index, transform::Compensated drift, ir::Value first,
                                 ir::Value second) const;
  bool moves() const { return pieces_.gradient_moves || pieces_.velocity_moves; }
  ir::Value to_state(ir::Builder& b, ir::Value x) const;
  ir::Value in_real(ir::Builder& b, ir::Value x) const;
  transform::Compensated split(ir::Builder& b, ir::Value x) const;
  ir::Value array(ir::Builder& b, const std::vector<double>& values) const;
  std::vector<double> halved_drift() const;
  transform::Compensated call(ir::Builder& b, const ir::Function& f, const StepContext& c,
                              const SymbolicCarry& s, ir::Value t) const;
  SymbolicCarry stage(ir::Builder& b, const StepContext& c, SymbolicCarry s, ir::Value index,
                      transform::Compensated drift, transform::Compensated kick, ir::Value before,
                      ir::Value after, StageRecord* record) const;

  const Pieces& pieces_;
  std::vector<Part> parts_;
  std::int64_t stages_;
  Coefficients coefficients_;
};

}  // namespace cotangent::mechanics
