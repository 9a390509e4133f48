// Some steps of a plan and nothing else: no observers, samples, hash or progress. For callers that
// make few steps at a time, to whom a run (flow.h) is mostly bookkeeping. The state has the bits that
// a run of as many steps ends with.
#pragma once

#include <memory>
#include <span>

#include "cotangent/mechanics/flow.h"

namespace cotangent::mechanics {

class ShortRun {
 public:
  /// UserError for an ensemble.
  static std::shared_ptr<const ShortRun> compile(const System& system, const Plan& plan,
                                                 const FlowOptions& options = {});
  virtual ~ShortRun() = default;

  /// From q and p (or x), f64, row-major, at time t, to those after `steps` steps; `to` is other
  /// memory. UserError where a check of a step fails, or the state is not finite at the end.
  virtual void run(std::span<const double* const> from, std::span<double* const> to, double t,
                   std::int64_t steps) const = 0;
};

}  // namespace cotangent::mechanics
