// Linear equations whose matrix is given as a function, and is never made.
//
//   // -u'' + c u = f on a ring of n points
//   auto apply = [=](Array u) { return (2 * u - roll(u, 1) - roll(u, -1)) / (h * h) + c * u; };
//   Array u = solve_linear(apply, f, {.symmetric = true});
//
// Derivatives are solves too, of the same matrix (forward) or its transpose (reverse), in b and in
// what the function takes from its surroundings, of any order; none passes through iterations.
#pragma once

#include "cotangent/array/implicit.h"

namespace cotangent::array {

struct LinearOptions {
  /// The matrix is symmetric and positive definite: conjugate gradients (Hestenes, Stiefel 1952),
  /// one product an iteration. Else BiCGStab (van der Vorst 1992), with two, which stalls where
  /// eigenvalues are near the imaginary axis; a solve in reverse mode uses the transpose of the
  /// function, which has to have one (docs/derivatives.md).
  bool symmetric = false;
  /// |b - A x| <= relative |b|, in the Euclidean norm; or what rounding leaves of it, 16 eps |A|
  /// |x|, with |A| as the iteration saw it. 0: eps^(3/4), 1.8e-12 (f32: 6.4e-6).
  double relative = 0;
  std::int64_t iterations = 0;  ///< at most; 0: ten for each unknown, 1000 at least
};

namespace implicit_detail {

/// The x with a(x) = b, on vectors. `op` names the errors; without `demand` what does not converge
/// is none.
Array solve_linear(const char* op, const Flat& a, const Array& b, const LinearOptions& options,
                   bool demand = true);

}  // namespace implicit_detail

/// The x with A(x) = b. A is a linear function of a tree like b, of real arrays, to another one.
/// Where it does not converge, the call that runs it throws a UserError.
template <class A, class B>
auto solve_linear(const A& a, const B& b, const LinearOptions& options = {}) {
  const lifted_t<B> right(b);
  const implicit_detail::Leaves of = implicit_detail::leaves_function(a, right);
  const implicit_detail::Unknowns u("solve_linear", leaves_of(right), of);
  const implicit_detail::Flat flat = [&](const Array& x) {
    return u.flat(of(u.leaves(x)), "the function");
  };
  return with_leaves(
      right, u.leaves(implicit_detail::solve_linear("solve_linear", flat, u.start(), options)));
}

}  // namespace cotangent::array
