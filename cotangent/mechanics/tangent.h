// The tangent map of a run: how its end moves when its start and its parameters do. Forward mode,
// in f64, along one direction at a time; what `Gradient` is the transpose of.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "cotangent/mechanics/adjoint.h"
#include "cotangent/mechanics/flow.h"

namespace cotangent::mechanics {

/// A direction: of q and p, or of x, and of each parameter of the system, all f64.
struct Direction {
  ir::Tensor q, p;
  std::vector<ir::Tensor> parameters;
  ir::Tensor x{};
};

struct TangentResult {
  ir::Tensor q, p, x;             ///< at the end, in f64, those there are
  ir::Tensor dq, dp, dx;          ///< how they move
  double value = 0, d_value = 0;  ///< of the objective, where there is one
};

class Tangent {
 public:
  /// Of any plan that makes steps (UserError for one that jumps, and for an ensemble).
  static std::shared_ptr<const Tangent> compile(const System& system, const Plan& plan,
                                                const std::optional<Objective>& objective,
                                                const FlowOptions& options = {});
  virtual ~Tangent() = default;
  /// `initial` has p, or x, and `parameters` stand in place of the system's. UserError for what
  /// does not fit the system.
  virtual TangentResult run(const InitialState& initial, const std::vector<ir::Tensor>& parameters,
                            std::int64_t steps, const Direction& direction) const = 0;
};

/// How p moves with q, v and the parameters, where it is the p of v = dH/dp(q, p, t).
ir::Tensor push_velocity(const System& system, const InitialState& initial, const ir::Tensor& p,
                         const ir::Tensor& dq, const ir::Tensor& dv,
                         const std::vector<ir::Tensor>& d_parameters);

}  // namespace cotangent::mechanics
