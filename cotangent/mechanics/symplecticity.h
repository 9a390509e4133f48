// How far a step is from keeping the structure of phase space, for any step function, also a user's
// own: of q and p, |M^T J M - J|, M the derivative of the step; of a state with a Poisson structure
// J(x), |M J(x) M^T - J(x')|. Both are zero for a symplectic (Poisson) map and of the size of
// round-off for a program of one; what a method adds to them goes with a power of dt.
#pragma once

#include <string>
#include <vector>

#include "cotangent/ir/tensor.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// Of the largest state whose step's derivative is taken.
inline constexpr std::int64_t kMostDerivativeEntries = 1024;

/// Largest entry of M^T J M - J, of a matrix with these rows or columns [2n, 2n] in the order q, p
/// (a matrix and its transpose are symplectic together).
double symplectic_defect(const std::vector<std::vector<double>>& lines);

/// (q, p, step: i64, t0, dt, parameters...) -> f64: the largest entry of M^T J M - J over the
/// larger of 1 and the square of M's largest entry, of a step (q, p, step, t0, dt, parameters...)
/// -> (q, p).
ir::FunctionPtr symplecticity_program(const ir::Function& step);

/// The same of a step (x: f64 [n], step, t0, dt, parameters...) -> x and J(x): (x, t,
/// parameters...)
/// -> f64 [n, n]: the largest entry of M J(x) M^T - J(x') over the larger of 1 and the square of
/// M's largest entry, times J's.
ir::FunctionPtr poisson_program(const ir::Function& step, const ir::Function& structure);

struct Symplecticity {
  double defect = 0;   ///< the largest over the states
  bool keeps = false;  ///< below 1e-11: round-off
  std::string text;    ///< "it keeps the symplectic form: |M^T J M - J| is 3e-16 at 4 states"
};

/// Evaluates a program of the above at each of the states (the arrays of one state each), at step
/// 0.
Symplecticity check_symplectic(const ir::FunctionPtr& program,
                               const std::vector<std::vector<ir::Tensor>>& states,
                               const std::vector<ir::Tensor>& parameters, double t0, double dt);

}  // namespace cotangent::mechanics
