// Frames of tangent vectors carried beside a run: the tangent map of any step function, and the
// orthonormalisation that keeps a frame usable. Lyapunov exponents, MEGNO and the measure of
// symplecticity are made of these.
#pragma once

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// A step function as a method: its carry is the state. (state..., step: i64, t0, dt: f64,
/// parameters...) -> (state...), with `states` arrays. UserError where the results are not like the
/// state.
Integrator integrator_of(const ir::FunctionPtr& step, std::size_t states,
                         const std::string& name = "step");

/// Which of the first `count` parameters of f have tangents: those that are f64.
std::vector<std::size_t> moving(const ir::Function& f, std::size_t count);

/// A step (or an `open`, a `close`) with a frame of m tangent vectors beside it: (carry...,
/// frame..., the rest...) -> (results..., frame...), with a frame of type f64 [m] + shape for each
/// f64 array among the first `carries` parameters, and among the results. Row k of the frame goes
/// to M times row k, M the derivative of f.
ir::FunctionPtr tangent_step(const ir::Function& f, std::size_t carries, std::int64_t m);

/// The derivative of the first `states` results by the first `states` parameters (all f64, of N
/// entries together), laid out flat: (parameters of f) -> f64 [N, N], row k the image of unit
/// vector k, so it is the transpose of the Jacobian.
ir::FunctionPtr jacobian_rows(const ir::Function& f, std::size_t states);

/// Rows of a frame [m, n], of which the first `normed` entries count: modified Gram-Schmidt in the
/// order of the rows. `logs` are the logarithms [m] of the lengths.
struct Orthonormal {
  ir::Value frame, logs;
};
Orthonormal orthonormalise(ir::Builder& b, ir::Value frame, std::int64_t normed);

}  // namespace cotangent::mechanics
