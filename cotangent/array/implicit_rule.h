// The implicit rule: a call whose derivative follows from an equation that its result solves.
// Internal.
//
// `implicit` records a solver and an equation together, so that both have one list of what they
// take from outside; these become operands of a `call` (ir/attr.h) whose jvp takes the call's
// results: with r(x, a) = 0, dx = -(r_x)^-1 r_a da at x as the call gives it. Derivatives of
// derivatives go through that x again, and so follow the rule too.
#pragma once

#include "cotangent/array/implicit.h"
#include "cotangent/ir/function.h"

namespace cotangent::array::implicit_detail {

inline constexpr std::int64_t kMaxDense = 4096, kAutoDense = 256;

double epsilon_of(DType t);
/// eps^(3/4): steps of order two leave an error far below the square of this.
double newton_tolerance(DType t);
Array largest(const Array& x);              ///< of the absolute values; 0 of none
Array in(const Array& like, double value);  ///< a number of the same element type

/// The recorded equation r(x, rest...) = 0.
struct Equation {
  const char* op;
  ir::FunctionPtr function;
  std::vector<Array> rest;

  Array operator()(const Array& x) const;
  /// The directional derivative along tangents of the parameters named.
  Array along(const Array& x, const std::vector<std::size_t>& wrt,
              std::span<const Array> tangents) const;
};

/// dx with r_x dx = b: (equation, x, b).
using Linear = std::function<Array(const Equation&, const Array&, const Array&)>;
/// Refuses what is too many for a matrix.
void want_dense(const char* op, std::int64_t unknowns);
/// By the matrix and lu. A zero pivot is an error that names the op.
Array solve_dense(const Equation& e, const Array& x, const Array& b);
/// By solve_linear; of a symmetric and positive r_x.
Array solve_krylov(const Equation& e, const Array& x, const Array& b);
Array solve_symmetric(const Equation& e, const Array& x, const Array& b);
/// For r = f - x, by the sum of f_x^k b.
Linear solve_by_iterating(std::int64_t most);

/// (x, others...) that `run` makes of x0, with the derivative of x by equation(x, others...) = 0.
std::vector<Array> implicit(
    const char* op, const std::function<std::vector<Array>(const Array&)>& run,
    const std::function<Array(const Array&, std::span<const Array>)>& equation, const Array& x0,
    const Linear& linear);

}  // namespace cotangent::array::implicit_detail
