// What Gradient is made of: a private header of gradient.cpp and gradient_run.cpp.
#pragma once

#include <mutex>
#include <optional>

#include "cotangent/mechanics/callable.h"
#include "cotangent/mechanics/gradient.h"

namespace cotangent::mechanics {

using Tapes = std::vector<ir::Tensor>;  // of one chunk

/// Tapes that no run is using: touching their memory for the first time costs as much as a step.
class TapePool {
 public:
  std::optional<Tapes> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    Tapes tapes = std::move(free_.back());
    free_.pop_back();
    return tapes;
  }
  void give(Tapes tapes) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(tapes));
  }

 private:
  std::mutex mutex_;
  std::vector<Tapes> free_;
};

/// The programs of one gradient, and what they were made from.
class GradientImpl final : public Gradient {
 public:
  GradientImpl(const System& system, const Facts& facts, const Plan& plan,
               const Objective& objective, const std::vector<std::string>& wrt,
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
  Objective objective;
  Pieces pieces;
  AdjointPieces adjoint;
  std::vector<std::string> names;       ///< as asked for
  std::vector<std::size_t> parameters;  ///< of the system, those among the names
  bool by_velocity = false, by_momentum = false;
  Callable begin_of_run, at_state, begin, tape, reverse, advance, undo;
  mutable TapePool pool;

 private:
  void resolve(const std::vector<std::string>& wrt);
  double compile_s_ = 0;
};

}  // namespace cotangent::mechanics
