// What Gradient is made of: a private header of gradient.cpp and gradient_run.cpp.
#pragma once

#include <mutex>
#include <optional>

#include "cotangent/mechanics/gradient.h"
#include "cotangent/mechanics/reverse_machine.h"

namespace cotangent::mechanics {

/// Tapes of a chunk that no run is using: touching their memory for the first time costs as much as
/// a step.
class TapePool {
 public:
  std::optional<Arrays> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    Arrays tape = std::move(free_.back());
    free_.pop_back();
    return tape;
  }
  void give(Arrays tape) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(tape));
  }

 private:
  std::mutex mutex_;
  std::vector<Arrays> free_;
};

/// The programs of one gradient, and what they were made from.
class GradientImpl final : public Gradient {
 public:
  GradientImpl(const System& system, const Facts& facts, const Plan& plan,
               const Objective& objective, const std::vector<std::string>& asked,
               const GradientSettings& settings, const FlowOptions& options);

  GradientResult run(const InitialState& initial, std::int64_t steps,
                     const GradientControl& control) const override;
  double compile_seconds() const override { return compile_s_; }

  System system;
  Facts facts;
  Plan plan;
  GradientSettings settings;
  FlowOptions options;
  GradientPlan gradient_plan;
  KeptBytes kept;
  Objective objective;
  std::vector<std::string> names;  ///< as asked for
  std::vector<std::size_t> wrt;    ///< parameters of the system, those among the names
  bool by_velocity = false, by_momentum = false;
  std::unique_ptr<const ReverseMachine> machine;
  mutable TapePool pool;

 private:
  void resolve(const std::vector<std::string>& asked);
  double compile_s_ = 0;
};

}  // namespace cotangent::mechanics
