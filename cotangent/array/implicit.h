// Solutions of equations, whose derivatives follow from the equation and not from the iterations
// that found it: roots, fixed points, minimisers, nearest points of a constraint.
//
//   // Kepler's equation; dE/dM and dE/de by the implicit function theorem
//   auto anomaly = [](Array M, Array e) {
//     return find_root([=](Array E) { return E - e * sin(E) - M; }, M);
//   };
//   Array slopes = vmap(grad(anomaly), {0, shared})(linspace(0, 6, 1000), 0.3);
//
// The unknowns are a tree (tree.h) of real arrays. What the function takes from its surroundings,
// and the arguments given after the options, have derivatives; the start has none. From f(x, a) = 0
// comes
//
//   f_x dx + f_a da = 0
//
// which is solved by a matrix and lu, or without one (LinearSolve). Derivatives of any order and
// both modes follow; reverse mode keeps nothing of the iterations. Everything may stand in jit,
// vmap, loops and other solves.
//
// A solve that does not converge is a UserError when it is run, with the number of iterations and
// the residual; the functions `try_...` give a Solution and leave the decision to the caller. A
// matrix of the linear system with a zero pivot is a UserError where a derivative is taken.
#pragma once

#include "cotangent/array/loops.h"
#include "cotangent/array/transforms.h"

namespace cotangent::array {

/// How linear equations are solved, those of derivatives and those of steps. (project: densely.)
enum class LinearSolve {
  kAuto,    ///< densely, but for fixed points of more than 256 unknowns: kIterate
  kDense,   ///< the matrix [n,n] and lu; at most 4096 unknowns
  kKrylov,  ///< no matrix: BiCGStab, for minimise conjugate gradients (solve_linear.h)
  /// Of fixed points alone, no matrix: v = f_x v + f_a da, from 0, as often as f_x needs to reduce
  /// a vector of all directions to rounding; an error where f_x is no contraction.
  kIterate,
};

struct SolveOptions {
  /// Stops when the largest element of a step is at most absolute + relative * the largest of x.
  /// 0: by type. Newton's method, of order two: eps^(3/4), 1.8e-12 (f32: 6.4e-6). Fixed points:
  /// 64 eps, 1.4e-14 (f32: 7.6e-6).
  double relative = 0, absolute = 0;
  /// At most so many. 0: 50 for find_root and project, 200 for minimise, 10000 for fixed_point.
  std::int64_t iterations = 0;
  LinearSolve linear = LinearSolve::kAuto;
};

template <class Tree>
struct Solution {
  Tree x;
  Array converged;   ///< bool
  Array iterations;  ///< i64
  Array residual;    ///< the largest element of f (root), of the last step, or of the gradient
};

namespace implicit_detail {

using jit_detail::Recording;
using Flat = std::function<Array(const Array&)>;
using Leaves = std::function<std::vector<Array>(std::span<const Array>)>;

/// A tree of real arrays as one vector, and back.
class Unknowns {
 public:
  /// Numbers written in C++ take the type that `f` gives.
  Unknowns(const char* op, std::span<const Array> leaves, const Leaves& f);

  Array start() const { return start_; }
  /// The leaves of `what` as a vector; they have to have the shapes of the unknowns unless `free`.
  Array flat(std::span<const Array> leaves, const char* what) const;
  Array flat_any(std::span<const Array> leaves, const char* what) const;
  std::vector<Array> leaves(const Array& flat) const;

 private:
  const char* op_;
  std::vector<Shape> shapes_;
  std::vector<DType> dtypes_;
  DType dtype_;
  Array start_;
};

struct Found {
  Array x, converged, iterations, residual;
};

/// `demand`: a failure is an error of the run.
Found root(const Flat& f, const Array& x0, const SolveOptions& options, bool demand);
Found fixed_point(const Flat& f, const Array& x0, const SolveOptions& options, bool demand);
Found minimum(const Flat& f, const Array& x0, const SolveOptions& options, bool demand);
/// `mass` like q. f gives any vector.
Found nearest(const Flat& f, const Array& q, const Array& mass, const SolveOptions& options,
              bool demand);
/// `run(x0)` gives the last x, then others; step(x, others) is the x after it.
std::vector<Array> converged_while(
    const std::function<std::vector<Array>(const Array&)>& run,
    const std::function<Array(const Array&, std::span<const Array>)>& step, const Array& x0,
    const SolveOptions& options);

template <class Tree>
Solution<Tree> solution(const Unknowns& unknowns, const Tree& state, const Found& found) {
  return {with_leaves(state, unknowns.leaves(found.x)), found.converged, found.iterations,
          found.residual};
}

/// The leaves of f(x), the tree x having the given leaves.
template <class F, class Tree>
Leaves leaves_function(const F& f, const Tree& state) {
  return [&f, &state](std::span<const Array> leaves) {
    const auto y = f(with_leaves(state, leaves));
    return leaves_of(lifted_t<std::decay_t<decltype(y)>>(y));
  };
}

template <class F, class... A>
auto with_arguments(const F& f, const A&... arguments) {
  return [&](const auto& x) { return std::invoke(f, x, lifted_t<A>(arguments)...); };
}

template <class F, class X>
auto solve_root(const F& f, const X& x0, const SolveOptions& options, bool demand) {
  const lifted_t<X> state(x0);
  const Leaves of = leaves_function(f, state);
  const Unknowns u("find_root", leaves_of(state), of);
  const Flat flat = [&](const Array& x) { return u.flat(of(u.leaves(x)), "the function"); };
  return solution(u, state, root(flat, u.start(), options, demand));
}

template <class F, class X>
auto solve_fixed_point(const F& f, const X& x0, const SolveOptions& options, bool demand) {
  const lifted_t<X> state(x0);
  const Leaves of = leaves_function(f, state);
  const Unknowns u("fixed_point", leaves_of(state), of);
  const Flat flat = [&](const Array& x) { return u.flat(of(u.leaves(x)), "the function"); };
  return solution(u, state, fixed_point(flat, u.start(), options, demand));
}

template <class F, class X>
auto solve_minimum(const F& f, const X& x0, const SolveOptions& options, bool demand) {
  const lifted_t<X> state(x0);
  const Leaves of = leaves_function(f, state);
  const Unknowns u("minimise", leaves_of(state), of);
  const Flat flat = [&](const Array& x) { return u.flat_any(of(u.leaves(x)), "the function"); };
  return solution(u, state, minimum(flat, u.start(), options, demand));
}

template <class G, class Q>
auto solve_nearest(const G& g, const Q& q, const Q* mass, const SolveOptions& options,
                   bool demand) {
  const lifted_t<Q> state(q);
  const Leaves of = leaves_function(g, state);
  const Unknowns u("project", leaves_of(state), of);
  const Array m = mass ? u.flat(leaves_of(lifted_t<Q>(*mass)), "the mass") : ones_like(u.start());
  const Flat flat = [&](const Array& x) { return u.flat_any(of(u.leaves(x)), "the constraint"); };
  return solution(u, state, nearest(flat, u.start(), m, options, demand));
}

}  // namespace implicit_detail

/// The x with f(x, arguments...) = 0 near x0, as many equations as unknowns: Newton's method with
/// the dense Jacobian, a step being halved until the largest element of f decreases.
template <class F, class X, class... A>
auto find_root(const F& f, const X& x0, const SolveOptions& options = {}, const A&... arguments) {
  return implicit_detail::solve_root(implicit_detail::with_arguments(f, arguments...), x0, options,
                                     true)
      .x;
}
template <class F, class X, class... A>
auto try_find_root(const F& f, const X& x0, const SolveOptions& options = {},
                   const A&... arguments) {
  return implicit_detail::solve_root(implicit_detail::with_arguments(f, arguments...), x0, options,
                                     false);
}

/// The x with x = f(x, arguments...), by x = f(x) from x0 on.
template <class F, class X, class... A>
auto fixed_point(const F& f, const X& x0, const SolveOptions& options = {}, const A&... arguments) {
  return implicit_detail::solve_fixed_point(implicit_detail::with_arguments(f, arguments...), x0,
                                            options, true)
      .x;
}
template <class F, class X, class... A>
auto try_fixed_point(const F& f, const X& x0, const SolveOptions& options = {},
                     const A&... arguments) {
  return implicit_detail::solve_fixed_point(implicit_detail::with_arguments(f, arguments...), x0,
                                            options, false);
}

/// A local minimum of f(x, arguments...), one real number: Newton's method with Hessian + mu, mu
/// raised until the matrix is positive definite and f decreases (Levenberg 1944). With
/// LinearSolve::kKrylov no Hessian is made, and flat directions do not matter; a stationary point
/// that is started from is then taken for a minimum. The derivative is that of grad f = 0.
template <class F, class X, class... A>
auto minimise(const F& f, const X& x0, const SolveOptions& options = {}, const A&... arguments) {
  return implicit_detail::solve_minimum(implicit_detail::with_arguments(f, arguments...), x0,
                                        options, true)
      .x;
}
template <class F, class X, class... A>
auto try_minimise(const F& f, const X& x0, const SolveOptions& options = {},
                  const A&... arguments) {
  return implicit_detail::solve_minimum(implicit_detail::with_arguments(f, arguments...), x0,
                                        options, false);
}

/// The point x with g(x) = 0 that is nearest to q, in the metric sum m (x - q)^2, m = 1 or a tree
/// like q (masses). g gives a tree of real arrays, independent ones. Steps onto the constraint
/// along its gradients, then Newton's method for m (x - q) + G^T lambda = 0, g = 0, whose
/// derivative it has, in q, m and what g takes from outside.
template <class G, class Q>
auto project(const G& g, const Q& q, const SolveOptions& options = {}) {
  return implicit_detail::solve_nearest(g, q, static_cast<const Q*>(nullptr), options, true).x;
}
template <class G, class Q>
auto project(const G& g, const Q& q, const Q& mass, const SolveOptions& options = {}) {
  return implicit_detail::solve_nearest(g, q, &mass, options, true).x;
}
template <class G, class Q>
auto try_project(const G& g, const Q& q, const SolveOptions& options = {}) {
  return implicit_detail::solve_nearest(g, q, static_cast<const Q*>(nullptr), options, false);
}
template <class G, class Q>
auto try_project(const G& g, const Q& q, const Q& mass, const SolveOptions& options = {}) {
  return implicit_detail::solve_nearest(g, q, &mass, options, false);
}

/// Where the gradient of a while comes from.
enum class Gradient {
  /// From x = body(x), which the last state is taken to be a solution of: by the implicit rule,
  /// whatever number of passes led to it.
  kOfFinalIterate,
};

/// state = body(state) as long as proceed(state) holds, of which the derivative of the real arrays
/// is that of a fixed point of the body, in both modes; that of the first state is zero. Integers
/// and bools of the state are constants of that equation, with their last values. The last state
/// has to be a fixed point within eps^(1/4), relative and absolute: an error where a derivative is
/// taken.
template <class Proceed, class Body, class State>
auto while_loop(const Proceed& proceed, const Body& body, const State& given, Gradient,
                const SolveOptions& options = {}) {
  const lifted_t<State> first(given);
  std::vector<Array> init = leaves_of(first);
  std::vector<std::size_t> real, other;
  std::vector<Array> real_init;
  // Numbers written in C++ take the types that the body gives.
  const auto next_leaves = [&](std::span<const Array> leaves) {
    return leaves_of(lifted_t<State>(std::invoke(body, with_leaves(first, leaves))));
  };
  for (bool settled = false; !settled;) {
    jit_detail::Recording probe("while_loop");
    auto next = next_leaves(probe.parameters_like(init));
    settled = loop_detail::settle("while_loop", first, init, next);
  }
  for (std::size_t k = 0; k < init.size(); ++k) {
    (is_float(init[k].dtype()) ? real : other).push_back(k);
    if (is_float(init[k].dtype())) real_init.push_back(init[k].astype(init[k].dtype()));
  }
  const auto pick = [](std::span<const Array> from, const std::vector<std::size_t>& at) {
    std::vector<Array> some;
    for (std::size_t k : at) some.push_back(from[k]);
    return some;
  };
  const auto merged = [&](std::span<const Array> reals, std::span<const Array> others) {
    std::vector<Array> all(init.size());
    for (std::size_t k = 0; k < real.size(); ++k) all[real[k]] = reals[k];
    for (std::size_t k = 0; k < other.size(); ++k) all[other[k]] = others[k];
    return all;
  };
  const implicit_detail::Unknowns u("while_loop", real_init,
                                    [&](std::span<const Array>) { return std::vector<Array>{}; });
  const std::vector<Array> others_init = pick(init, other);
  const auto run = [&](const Array& x) {
    const auto start = merged(u.leaves(x), others_init);
    const auto end = leaves_of(while_loop(proceed, body, with_leaves(first, start)));
    std::vector<Array> found{u.flat(pick(end, real), "the state")};
    for (const Array& y : pick(end, other)) found.push_back(y);
    return found;
  };
  const auto step = [&](const Array& x, std::span<const Array> others) {
    return u.flat(pick(next_leaves(merged(u.leaves(x), others)), real), "the state");
  };
  const auto found = implicit_detail::converged_while(run, step, u.start(), options);
  const std::span<const Array> all(found);
  return with_leaves(first, merged(u.leaves(all[0]), all.subspan(1)));
}

}  // namespace cotangent::array
