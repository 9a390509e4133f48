#include "cotangent/array/implicit.h"

#include <cmath>

#include "cotangent/array/check.h"
#include "cotangent/array/implicit_rule.h"
#include "cotangent/array/indexing.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/products.h"
#include "cotangent/array/record.h"
#include "cotangent/array/reduce.h"
#include "cotangent/array/solve_linear.h"

namespace cotangent::array::implicit_detail {
namespace {

/// What counts as the end of an iteration.
struct Limits {
  double relative, absolute;
  std::int64_t iterations;

  Limits(const char* op, const SolveOptions& o, double tolerance, std::int64_t most)
      : relative(o.relative > 0 ? o.relative : tolerance),
        absolute(o.absolute > 0 ? o.absolute : tolerance),
        iterations(o.iterations > 0 ? o.iterations : most) {
    if (o.relative >= 0 && o.absolute >= 0 && o.iterations >= 0) return;
    refuse(op, "a tolerance or a number of iterations below 0", "leave it out, or give one above");
  }
  Array is_small(const Array& step, const Array& x) const {
    return step <= absolute + relative * largest(x);
  }
};

enum Status : int { kGoing, kConverged, kStuck };

Array status_of(const Array& converged, const Array& stuck) {
  return where(converged, Array(int{kConverged}), where(stuck, Array(int{kStuck}), int{kGoing}));
}

Array solve_quietly(const Array& a, const Array& b) {
  if (b.size() == 0) return b;
  if (b.size() == 1) return b / reshape(a, {1});
  return solve(a, b);
}

/// The end of an iteration as a solution; checked if that is demanded.
Found found_of(const char* op, const std::vector<Array>& r, bool demand, const char* remedy) {
  Found f{r[0], r[1], r[2], r[3]};
  if (!demand) return f;
  f.x = check(f.x, f.converged,
              std::string("[") + op +
                  "] did not converge: residual {real} after {count} "
                  "iterations\n  to do: " +
                  remedy,
              f.iterations, f.residual);
  return f;
}

struct Iteration {
  Array x, r, count, status;
  std::vector<Array> found(const Array& residual) const {
    return {x, status == int{kConverged}, count, residual};
  }
};

// --- Newton's method

struct Trial {
  Array t, r;
};

/// A step, and how large f is where rounding of x is all that is left of it.
struct NewtonStep {
  Array d, noise;
};

NewtonStep newton_step(const Flat& f, const Array& x, const Array& r, LinearSolve how) {
  if (how == LinearSolve::kKrylov) {
    const auto push = [&](const Array& v) { return jvp(f, x, v).second; };
    return {-solve_linear("find_root", push, r, {}, false), in(x, 0)};
  }
  const Array j = jacobian(f)(x);
  return {-solve_quietly(j, r), 4 * epsilon_of(x.dtype()) * largest(matmul(abs(j), abs(x)))};
}

Iteration newton(const Flat& f, const Array& x0, const Limits& limits,
                 LinearSolve how = LinearSolve::kDense) {
  const auto step = [&](Iteration s) {
    const auto [d, noise] = newton_step(f, s.x, s.r, how);
    const Array size = largest(s.r), length = largest(d);
    const Array small = logical_or(limits.is_small(length, s.x), size <= noise);
    const auto try_step = [&](const Array& t) { return Trial{t, f(s.x + t * d)}; };
    const double least = 0x1p-30;
    const auto fits = [&](const Trial& trial) {
      return largest(trial.r) <= (1 - 1e-4 * trial.t) * size;
    };
    const Array known = isfinite(length);
    const Trial trial = while_loop(
        [&](Trial trial) {
          return logical_and(logical_and(known, logical_not(small)),
                             logical_and(logical_not(fits(trial)), trial.t > least));
        },
        [&](Trial trial) { return try_step(0.5 * trial.t); }, try_step(in(s.x, 1)));
    const Array better = logical_or(fits(trial), logical_and(small, isfinite(largest(trial.r))));
    const Array moves = logical_and(known, better);
    const Array done = logical_or(logical_and(small, logical_or(known, size == 0)),
                                  logical_and(moves, largest(trial.r) == 0));
    return Iteration{where(moves, s.x + trial.t * d, s.x), where(moves, trial.r, s.r), s.count + 1,
                     status_of(done, logical_not(moves))};
  };
  const Array r0 = f(x0);
  return while_loop(
      [&](Iteration s) {
        return logical_and(s.status == int{kGoing}, s.count < limits.iterations);
      },
      step, Iteration{x0, r0, Array(std::int64_t{0}), status_of(largest(r0) == 0, Array(false))});
}

Array same_size(const char* op, const Array& r, const Array& x) {
  if (r.size() == x.size()) return r;
  refuse(op, std::to_string(r.size()) + " equations for " + std::to_string(x.size()) + " unknowns",
         "give as many equations as unknowns; minimise or project take others");
}

}  // namespace

Unknowns::Unknowns(const char* op, std::span<const Array> leaves, const Leaves& f) : op_(op) {
  if (leaves.empty()) refuse(op, "there are no unknowns", "start from a tree with an array");
  bool weak = true;
  ElementType type = leaves[0].element_type();
  for (const Array& x : leaves) {
    if (!is_float(x.dtype())) {
      refuse(op, "an unknown is " + x.type_text() + ", not real",
             "use astype(DType::kF64), or write 3.0 instead of 3");
    }
    weak = weak && x.is_weak();
    type = promote(type, x.element_type());
  }
  dtype_ = type.dtype;
  if (weak) {
    Recording probe(op);
    for (const Array& y : f(probe.parameters_like(leaves))) {
      if (is_float(y.dtype()) && !y.is_weak()) dtype_ = y.dtype();
    }
  }
  for (const Array& x : leaves) {
    shapes_.push_back(x.shape());
    dtypes_.push_back(x.is_weak() ? dtype_ : x.dtype());
  }
  start_ = flat(leaves, "the start");
}

Array Unknowns::flat(std::span<const Array> leaves, const char* what) const {
  if (leaves.size() != shapes_.size()) {
    refuse(op_,
           std::string(what) + " has " + std::to_string(leaves.size()) + " arrays, the unknowns " +
               std::to_string(shapes_.size()),
           "give a tree like that of the unknowns");
  }
  for (std::size_t k = 0; k < leaves.size(); ++k) {
    if (leaves[k].shape() == shapes_[k]) continue;
    refuse(op_,
           std::string(what) + " has " + leaves[k].type_text() +
               " where the unknowns have the shape " + shapes_[k].text(),
           "give arrays of the shapes of the unknowns");
  }
  return flat_any(leaves, what);
}

Array Unknowns::flat_any(std::span<const Array> leaves, const char* what) const {
  std::vector<Array> parts;
  for (const Array& x : leaves) {
    if (!is_float(x.dtype()) && !x.is_weak()) {
      refuse(op_, std::string(what) + " gives " + x.type_text() + ", not real numbers",
             "convert it with astype");
    }
    if (x.dtype() == DType::kF64 && dtype_ == DType::kF32 && !x.is_weak()) {
      refuse(op_, std::string(what) + " gives " + x.type_text() + " of unknowns that are f32",
             "convert one with astype");
    }
    const Array flat = ravel(convert(op_, x, {dtype_, false}));
    parts.push_back(flat);
  }
  if (parts.empty()) return zeros({0}, dtype_);
  return parts.size() == 1 ? parts[0] : concatenate(parts);
}

std::vector<Array> Unknowns::leaves(const Array& flat) const {
  std::vector<Array> leaves;
  std::int64_t at = 0;
  for (std::size_t k = 0; k < shapes_.size(); ++k) {
    const std::int64_t n = shapes_[k].size();
    const Array part = shapes_.size() == 1 ? flat : flat(slice(at, at + n));
    leaves.push_back(reshape(part, shapes_[k]).astype(dtypes_[k]));
    at += n;
  }
  return leaves;
}

Found root(const Flat& f, const Array& x0, const SolveOptions& options, bool demand) {
  const bool krylov = options.linear == LinearSolve::kKrylov;
  if (!krylov) want_dense("find_root", x0.size());
  if (options.linear == LinearSolve::kIterate) {
    refuse("find_root", "LinearSolve::kIterate is for fixed points", "kKrylov needs no matrix");
  }
  const Limits limits("find_root", options, newton_tolerance(x0.dtype()), 50);
  const Flat equation = [&](const Array& x) { return same_size("find_root", f(x), x); };
  const auto run = [&](const Array& start) {
    const Iteration end = newton(equation, start, limits, options.linear);
    return end.found(largest(end.r));
  };
  const auto r = implicit(
      "find_root", run, [&](const Array& x, auto) { return equation(x); }, x0, solve_dense);
  return found_of("find_root", r, demand,
                  "start nearer to a root, allow more iterations, or try_find_root, which tells "
                  "whether it converged");
}

namespace {

Linear linear_for(const char* op, const SolveOptions& options, std::int64_t n, std::int64_t most) {
  const bool dense = options.linear == LinearSolve::kDense ||
                     (options.linear == LinearSolve::kAuto && n <= kAutoDense);
  if (options.linear == LinearSolve::kKrylov) return solve_krylov;
  if (!dense) return solve_by_iterating(most);
  want_dense(op, n);
  return solve_dense;
}

}  // namespace

Found fixed_point(const Flat& f, const Array& x0, const SolveOptions& options, bool demand) {
  const double tolerance = 64 * epsilon_of(x0.dtype());
  const Limits limits("fixed_point", options, tolerance, 10000);
  const auto run = [&](const Array& start) {
    const auto step = [&](Iteration s) {
      const Array next = f(s.x);
      const Array length = largest(next - s.x);
      return Iteration{
          next, length, s.count + 1,
          status_of(logical_and(isfinite(largest(next)), limits.is_small(length, next)),
                    logical_not(isfinite(largest(next))))};
    };
    const Iteration end = while_loop(
        [&](Iteration s) {
          return logical_and(s.status == int{kGoing}, s.count < limits.iterations);
        },
        step, Iteration{start, in(start, INFINITY), Array(std::int64_t{0}), Array(int{kGoing})});
    return end.found(end.r);
  };
  const auto r = implicit(
      "fixed_point", run, [&](const Array& x, auto) { return f(x) - x; }, x0,
      linear_for("fixed_point", options, x0.size(), limits.iterations));
  return found_of("fixed_point", r, demand,
                  "damp the map, x = x + a (f(x) - x), allow more iterations, or try_fixed_point, "
                  "which tells whether it converged; find_root finds fixed points of maps that do "
                  "not contract");
}

// --- Minima

namespace {

/// One value with what goes with it; `mu` is what was added to the Hessian's diagonal.
struct Descent {
  Array x, f, g, mu, count, status;
};

/// -(h + mu)^-1 g by cholesky: NaN where the matrix is not positive definite.
Array descent_step(const Array& h, const Array& mu, const Array& g) {
  if (g.size() == 1) {
    const Array pivot = reshape(h, {1}) + mu;
    return where(pivot > 0, -g / pivot, in(g, NAN));
  }
  const Array l = cholesky(h + mu * eye(g.size(), -1, 0, g.dtype()));
  return -triangular_solve(l, triangular_solve(l, g), {.transposed = true});
}

/// What is minimised, and when a step is one.
struct Objective {
  Flat f;
  Limits limits;

  std::pair<Array, Array> both(const Array& x) const { return value_and_grad(f)(x); }
  Array slope(const Array& x) const { return grad(f)(x); }
  /// Near the minimum f is constant up to rounding, and its gradient has to tell.
  Array accepts(const Descent& s, const Array& fall, const Array& value, const Array& g) const {
    const double eps = epsilon_of(s.x.dtype());
    const Array level = logical_and(value <= s.f + 8 * eps * abs(s.f), largest(g) <= largest(s.g));
    return logical_or(value <= s.f + 1e-4 * fall, level);
  }
};

/// Newton's step with the Hessian made, mu raised until it is one.
Descent dense_descent(const Objective& o, const Descent& s) {
  const Array h = jacobian([&](const Array& x) { return o.slope(x); })(s.x);
  const Array d = descent_step(h, s.mu, s.g), length = largest(d);
  const Array to = s.x + d;
  const auto [value, g] = o.both(to);
  const Array finite = logical_and(isfinite(length), isfinite(largest(g)));
  const Array small =
      logical_and(logical_and(s.mu == 0, isfinite(length)), o.limits.is_small(length, s.x));
  const Array moves = logical_and(finite, logical_or(small, o.accepts(s, sum(s.g * d), value, g)));
  const Array scale = largest(diagonal(h));
  const Array unit = where(scale > 0, scale, in(scale, 1));
  const Array raised =
      maximum(4 * s.mu, where(isfinite(length), in(unit, 1e-3), in(unit, 2)) * unit);
  const Array lowered = where(s.mu < 1e-5 * scale, in(scale, 0), 0.1 * s.mu);
  return Descent{
      where(moves, to, s.x), where(moves, value, s.f),
      where(moves, g, s.g),  where(moves, lowered, raised),
      s.count + 1,           status_of(logical_and(small, moves), logical_not(isfinite(raised)))};
}

/// Newton's step by conjugate gradients on products with the Hessian, stopped where the residual is
/// a thousandth, or at a direction along which f curves down (Steihaug 1983), and halved until f
/// decreases.
Descent krylov_descent(const Objective& o, const Descent& s) {
  struct State {
    Array d, r, p, rr, count, sound;
  };
  const auto times_hessian = [&](const Array& v) {
    return jvp([&](const Array& x) { return o.slope(x); }, s.x, v).second;
  };
  const Array gg = sum(s.g * s.g);
  const std::int64_t most = std::max<std::int64_t>(100, 2 * s.x.size());
  const State end = while_loop(
      [&](State c) { return logical_and(c.rr > 1e-6 * gg, logical_and(c.sound, c.count < most)); },
      [&](State c) {
        const Array q = times_hessian(c.p), curvature = sum(c.p * q);
        const Array sound = curvature > 0;
        const Array alpha = c.rr / curvature;
        const Array r = c.r - alpha * q, rr = sum(r * r);
        // Down a first direction that curves down: as far as if it curved up.
        const Array down = where(logical_and(c.count == 0, curvature < 0), -alpha * c.p, c.d);
        return State{
            where(sound, c.d + alpha * c.p, down), r, r + rr / c.rr * c.p, rr, c.count + 1, sound};
      },
      State{zeros_like(s.g), -s.g, -s.g, gg, Array(std::int64_t{0}), Array(true)});
  const Array& d = end.d;
  const Array length = largest(d), fall = sum(s.g * d);
  const Array small = logical_and(end.sound, o.limits.is_small(length, s.x));
  struct Try {
    Array t, value, g;
  };
  const auto at = [&](const Array& t) {
    const auto [value, g] = o.both(s.x + t * d);
    return Try{t, value, g};
  };
  const auto fits = [&](const Try& y) { return o.accepts(s, y.t * fall, y.value, y.g); };
  const Try trial = while_loop(
      [&](Try y) { return logical_and(logical_not(logical_or(small, fits(y))), y.t > 0x1p-30); },
      [&](Try y) { return at(0.5 * y.t); }, at(in(length, 1)));
  const Array finite = logical_and(isfinite(length), isfinite(largest(trial.g)));
  const Array moves = logical_and(finite, logical_or(small, fits(trial)));
  return Descent{where(moves, s.x + trial.t * d, s.x),
                 where(moves, trial.value, s.f),
                 where(moves, trial.g, s.g),
                 s.mu,
                 s.count + 1,
                 status_of(logical_and(small, moves), logical_not(moves))};
}

}  // namespace

Found minimum(const Flat& f, const Array& x0, const SolveOptions& options, bool demand) {
  const char* op = "minimise";
  const bool krylov = options.linear == LinearSolve::kKrylov;
  if (!krylov) want_dense(op, x0.size());
  if (options.linear == LinearSolve::kIterate) {
    refuse(op, "LinearSolve::kIterate is for fixed points", "kKrylov needs no matrix");
  }
  const Flat one = [&](const Array& x) {
    const Array y = f(x);
    if (y.size() == 1) return reshape(y, Shape{});
    refuse(op, "the function gives " + std::to_string(y.size()) + " numbers, not one",
           "sum them, or their squares");
  };
  const Objective objective{one, Limits(op, options, newton_tolerance(x0.dtype()), 200)};
  const auto run = [&](const Array& start) {
    const auto [value, g] = objective.both(start);
    const Descent end = while_loop(
        [&](Descent s) {
          return logical_and(s.status == int{kGoing}, s.count < objective.limits.iterations);
        },
        [&](Descent s) {
          return krylov ? krylov_descent(objective, s) : dense_descent(objective, s);
        },
        Descent{start, value, g, in(start, 0), Array(std::int64_t{0}), Array(int{kGoing})});
    return std::vector<Array>{end.x, end.status == int{kConverged}, end.count, largest(end.g)};
  };
  const auto r = implicit(
      op, run, [&](const Array& x, auto) { return objective.slope(x); }, x0,
      krylov ? Linear(solve_symmetric) : solve_dense);
  return found_of(
      op, r, demand,
      "start nearer to a minimum, allow more iterations, or try_minimise, which tells "
      "whether it converged; a minimum with flat directions wants LinearSolve::kKrylov");
}

// --- Nearest points

Found nearest(const Flat& g, const Array& q, const Array& mass, const SolveOptions& options,
              bool demand) {
  const char* op = "project";
  const std::int64_t n = q.size();
  std::int64_t m = 0;
  {
    Recording probe(op);
    m = g(probe.parameter(q.dtype(), q.shape(), false)).size();
  }
  want_dense(op, n + m);
  if (m > n) {
    refuse(op, std::to_string(m) + " constraints of " + std::to_string(n) + " numbers",
           "give fewer constraints than numbers");
  }
  const Limits limits(op, options, newton_tolerance(q.dtype()), 50);
  const auto kkt = [&](const Array& z) {
    const Array x = z(slice(0, n)), lambda = z(slice(n, n + m));
    const auto [value, pull] = vjp(g, x);
    return concatenate({mass * (x - q) + pull(lambda), value});
  };
  // G M^-1 G^T and its inverse times b.
  const auto multipliers = [&](const Array& j, const Array& b) {
    return solve_quietly(matmul(j / mass, transpose(j)), b);
  };
  const auto run = [&](const Array& start) {
    // Onto the constraint along its gradients, the shortest way for its linear form.
    struct Way {
      Array x, size, count;
    };
    const Array point = start(slice(0, n));
    const Way on = while_loop([&](Way w) { return logical_and(w.size > 1e-3, w.count < 20); },
                              [&](Way w) {
                                const Array value = g(w.x), j = jacobian(g)(w.x);
                                const Array d = matmul(multipliers(j, value), j) / mass;
                                const Array next = w.x - d;
                                const Array fine = isfinite(largest(next));
                                return Way{where(fine, next, w.x),
                                           where(fine, largest(d) / (1 + largest(next)), in(d, 0)),
                                           w.count + 1};
                              },
                              Way{point, in(point, INFINITY), Array(std::int64_t{0})});
    const Array j = jacobian(g)(on.x);
    const Array lambda = multipliers(j, matmul(j, q - on.x));
    const Array known = isfinite(largest(lambda));
    const Iteration end =
        newton(kkt, concatenate({on.x, where(known, lambda, in(lambda, 0))}), limits);
    return end.found(largest(end.r));
  };
  auto r = implicit(
      op, run, [&](const Array& z, auto) { return kkt(z); },
      concatenate({q, zeros({m}, q.dtype())}), solve_dense);
  r[0] = r[0](slice(0, n));
  return found_of(op, r, demand,
                  "project a point nearer to the constraint, leave out constraints that depend on "
                  "others, or use try_project, which tells whether it converged");
}

// --- A while of one's own

std::vector<Array> converged_while(
    const std::function<std::vector<Array>(const Array&)>& run,
    const std::function<Array(const Array&, std::span<const Array>)>& step, const Array& x0,
    const SolveOptions& options) {
  const char* op = "while_loop";
  const Linear linear = linear_for(op, options, x0.size(), 10000);
  const auto equation = [&](const Array& x, std::span<const Array> others) {
    return step(x, others) - x;
  };
  return implicit(op, run, equation, x0, [&](const Equation& e, const Array& x, const Array& b) {
    // A gradient at what is no fixed point would be a number without a meaning.
    const Array left = largest(e(x)), bound = std::sqrt(std::sqrt(epsilon_of(x.dtype())));
    const Array fixed = check(x, left <= bound * (1 + largest(x)),
                              "[while_loop] has no derivative by its final iterate, which is no "
                              "fixed point: the body would move it by {real}\n"
                              "  to do: go on until it has converged, or give a limit in place of "
                              "Gradient::kOfFinalIterate",
                              Array(std::int64_t{0}), left);
    return linear(e, fixed, b);
  });
}

}  // namespace cotangent::array::implicit_detail
