#include "cotangent/array/implicit.h"

#include <cmath>

#include "cotangent/array/check.h"
#include "cotangent/array/closure.h"
#include "cotangent/array/custom.h"
#include "cotangent/array/indexing.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/products.h"
#include "cotangent/array/record.h"
#include "cotangent/array/reduce.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::array::implicit_detail {
namespace {

constexpr std::int64_t kMaxDense = 4096, kAutoDense = 256;

std::vector<NodePtr> nodes_of(std::span<const Array> arrays) {
  std::vector<NodePtr> nodes;
  for (const Array& x : arrays) nodes.push_back(x.node());
  return nodes;
}

std::vector<Array> arrays_of(std::span<const NodePtr> nodes) {
  std::vector<Array> arrays;
  for (const NodePtr& n : nodes) arrays.push_back(Array(n));
  return arrays;
}

void append(std::vector<Array>& to, std::span<const Array> from) {
  to.insert(to.end(), from.begin(), from.end());
}

template <class T>
std::vector<T> joined(std::vector<T> first, const std::vector<T>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

double epsilon_of(DType t) {
  return t == DType::kF32 ? 0x1p-23 : 0x1p-52;
}

Array largest(const Array& x) {
  return x.size() == 0 ? full({}, scalar_like(0, x)) : max(abs(x));
}

Array in(const Array& like, double value) {
  return full({}, Array(value)).astype(like.dtype());
}

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

/// Steps of order two leave an error far below this one's square.
double newton_tolerance(DType t) {
  return std::pow(epsilon_of(t), 0.75);
}

enum Status : int { kGoing, kConverged, kStuck };

Array status_of(const Array& converged, const Array& stuck) {
  return where(converged, Array(int{kConverged}), where(stuck, Array(int{kStuck}), int{kGoing}));
}

/// d with a d = b; a zero pivot is an error that names the op. Of a [1,1] a quotient.
Array solve_checked(const char* op, const Array& a, const Array& b) {
  const std::string message =
      std::string("[") + op +
      "] has no derivative here: the matrix of its linear equations is singular at the solution\n"
      "  to do: pose the problem so that solutions are isolated (no double roots, no redundant "
      "constraints, no flat directions)";
  if (b.size() == 0) return b;
  if (b.size() == 1) {
    const Array pivot = reshape(a, {1});
    return b / check(pivot, pivot != 0, message);
  }
  const Lu<Array> f = lu(a);
  const Array factors = check(f.lu, all(diagonal(f.lu) != 0), message);
  const Array half =
      triangular_solve(factors, take(b, f.rows), {.lower = true, .unit_diagonal = true});
  return triangular_solve(factors, half, {.lower = false});
}

Array solve_quietly(const Array& a, const Array& b) {
  if (b.size() == 0) return b;
  if (b.size() == 1) return b / reshape(a, {1});
  return solve(a, b);
}

// --- The rule

/// The recorded equation r(x, others..., captures...) = 0.
struct Equation {
  const char* op;
  ir::FunctionPtr function;
  std::vector<Array> rest;  ///< others, captures

  Array operator()(const Array& x) const {
    std::vector<Array> at{x};
    append(at, rest);
    return Array(make_call(function, nodes_of(at))[0]);
  }
  /// The directional derivative along tangents of the parameters named.
  Array along(const Array& x, const transform::Positions& wrt,
              std::span<const Array> tangents) const {
    std::vector<Array> at{x};
    append(at, rest);
    append(at, tangents);
    return Array(make_call(transform::jvp(*function, wrt), nodes_of(at))[1]);
  }
};

Array solve_dense(const Equation& e, const Array& x, const Array& b) {
  if (x.size() > kMaxDense) {
    refuse(e.op,
           "a derivative with " + std::to_string(x.size()) + " unknowns, whose matrix has " +
               std::to_string(x.size() * x.size()) + " elements",
           "fixed_point with LinearSolve::kIterate needs none");
  }
  return solve_checked(e.op, jacobian(e)(x), b);
}

/// v with f_x v - v = b, for r = f - x: minus the sum of f_x^k b, as a loop that is linear in b and
/// so has a transpose. Its length is found beforehand from f_x alone.
Array solve_iterating(const Equation& e, const Array& x, const Array& b, std::int64_t most) {
  const auto push_by = [&](const Equation& by, const Array& at) {
    return [&by, at](const Array& v) { return v + by.along(at, {0}, std::span(&v, 1)); };
  };
  const auto push = push_by(e, x);
  Equation still{e.op, e.function, {}};
  for (const Array& y : e.rest) still.rest.push_back(stop_gradient(y));
  const auto push_still = push_by(still, stop_gradient(x));
  // How many steps reduce a vector that no direction is missing from, and a quarter more: what is
  // left of derivatives of the sum decays as k f_x^k.
  const std::int64_t n = x.size();
  const Array probe = 1 + 0.5 * cos(arange(n).astype(x.dtype()));
  struct State {
    Array v, count;
  };
  const Array small = in(x, epsilon_of(x.dtype()) / 4);
  const State end = while_loop(
      [&](State s) {
        return logical_and(largest(s.v) > small, logical_and(s.count < most, all(isfinite(s.v))));
      },
      [&](State s) { return State{push_still(s.v), s.count + 1}; },
      State{probe.astype(x.dtype()), Array(std::int64_t{0})});
  const std::string message =
      std::string("[") + e.op +
      "] has no derivative by iteration: {count} passes of its linear map leave {real} of a vector "
      "of ones\n  to do: use LinearSolve::kDense, damp the map, or allow more iterations";
  const Array known = check(end.count, largest(end.v) <= small, message, end.count, largest(end.v));
  const Array count = minimum(known + floor_divide(known, 4) + 8, most);

  jit_detail::Recording body("implicit");
  const Array i = body.parameter(DType::kI64, Shape{}, false);
  const Array v = body.parameter(x.dtype(), x.shape(), false);
  const Array next = push(v) - b;
  const NodePtr result[] = {next.node()}, before[] = {i.node()}, after[] = {v.node()};
  const Closure closure =
      close_over("series", result, before, after, body.serial(), Capture::kFree);
  ir::LoopAttr attr;
  attr.trip = most;
  attr.dynamic = true;
  attr.body = closure.function;
  attr.invariants = static_cast<std::int64_t>(closure.captures.size());
  attr.carries = 1;
  std::vector<NodePtr> operands = closure.captures;
  for (const Array& o : {zeros_like(x), full({}, Array(std::int64_t{0})), count}) {
    operands.push_back(o.node());
  }
  return Array(make_second_order(Op::kLoop, operands, attr)[0]);
}

/// Solves the linear system of a tangent: x, right side.
using Linear = std::function<Array(const Equation&, const Array&, const Array&)>;

/// (x, others...) that `run` makes of x0, with the derivative of x by step(x, others...) = 0. One
/// call, with what either takes from outside as arguments.
std::vector<Array> implicit(
    const char* op, const std::function<std::vector<Array>(const Array&)>& run,
    const std::function<Array(const Array&, std::span<const Array>)>& equation, const Array& x0,
    const Linear& linear) {
  Recording recording(op);
  const Array start = recording.parameter(x0.dtype(), x0.shape(), false);
  const Array x = recording.parameter(x0.dtype(), x0.shape(), false);
  const std::vector<Array> made = run(start);
  const auto others = recording.parameters_like(std::span(made).subspan(1));
  const std::vector<NodePtr> residual{equation(x, others).node()}, results = nodes_of(made);
  const auto closed = [&](const std::vector<NodePtr>& ends, const std::vector<NodePtr>& params,
                          const Recording& from) {
    return close_over(op, ends, params, {}, from.serial(), Capture::kFree);
  };
  const std::vector<NodePtr> of_run{start.node()};
  const std::vector<NodePtr> of_equation = joined({x.node()}, nodes_of(others));
  std::vector<NodePtr> outside =
      closed(joined(results, residual), joined(of_run, of_equation), recording).captures;

  Recording rule(op);
  const Array start_again = rule.parameter(x0.dtype(), x0.shape(), false);
  const auto captures = rule.parameters_like(arrays_of(outside));
  const auto solved = rule.parameters_like(made);
  std::vector<NodePtr> tangents{rule.parameter(x0.dtype(), x0.shape(), false).node()};
  const Equation e{op, closed(residual, joined(of_equation, outside), recording).function,
                   joined(std::vector<Array>(solved.begin() + 1, solved.end()), captures)};
  transform::Positions wrt;
  std::vector<Array> along;
  for (std::size_t k = 0; k < captures.size(); ++k) {
    if (!is_float(captures[k].dtype())) continue;
    wrt.push_back(1 + others.size() + k);
    along.push_back(rule.parameter(captures[k].dtype(), captures[k].shape(), false));
    tangents.push_back(along.back().node());
  }
  const Array& at = solved[0];
  std::vector<NodePtr> slopes{
      (wrt.empty() ? zeros_like(at) : linear(e, at, -e.along(at, wrt, along))).node()};
  for (const Array& other : others) {
    if (is_float(other.dtype())) slopes.push_back(zeros_like(other).node());
  }
  // What the rule alone takes from outside, constants, is an operand of the call as well.
  const std::vector<NodePtr> known = joined({start_again.node()}, nodes_of(captures));
  const std::vector<NodePtr> extra =
      closed(slopes, joined(joined(known, nodes_of(solved)), tangents), rule).captures;
  for (const NodePtr& c : extra) {
    if (is_float(c->type.dtype)) {
      tangents.push_back(rule.parameter(c->type.dtype, c->type.shape, false).node());
    }
  }
  outside = joined(outside, extra);
  ir::CallAttr attr;
  attr.body = closed(results, joined(of_run, outside), recording).function;
  attr.jvp = closed(slopes, joined(joined(joined(known, extra), nodes_of(solved)), tangents), rule)
                 .function;
  return arrays_of(make_second_order(Op::kCall, joined({x0.node()}, outside), std::move(attr)));
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

Iteration newton(const Flat& f, const Array& x0, const Limits& limits) {
  const double eps = epsilon_of(x0.dtype());
  const auto step = [&](Iteration s) {
    const Array j = jacobian(f)(s.x);
    const Array d = -solve_quietly(j, s.r);
    const Array size = largest(s.r), length = largest(d);
    // The step is below the tolerance, or f is what rounding of x makes of zero.
    const Array noise = 4 * eps * largest(matmul(abs(j), abs(s.x)));
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

void want_dense(const char* op, std::int64_t n) {
  if (n <= kMaxDense) return;
  refuse(op,
         "of " + std::to_string(n) + " unknowns: the method is dense, up to " +
             std::to_string(kMaxDense),
         "use fixed_point with LinearSolve::kIterate, or solve parts of it under vmap");
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
  want_dense("find_root", x0.size());
  const Limits limits("find_root", options, newton_tolerance(x0.dtype()), 50);
  const Flat equation = [&](const Array& x) { return same_size("find_root", f(x), x); };
  const auto run = [&](const Array& start) {
    const Iteration end = newton(equation, start, limits);
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
  const bool dense = options.derivative == LinearSolve::kDense ||
                     (options.derivative == LinearSolve::kAuto && n <= kAutoDense);
  if (dense && n > kMaxDense) want_dense(op, n);
  if (dense) return solve_dense;
  return [most](const Equation& e, const Array& x, const Array& b) {
    return solve_iterating(e, x, b, most);
  };
}

}  // namespace

Found fixed_point(const Flat& f, const Array& x0, const SolveOptions& options, bool demand) {
  const double tolerance = 64 * epsilon_of(x0.dtype());
  const Limits limits("fixed_point", options, tolerance, 10000);
  const auto run = [&](const Array& start) {
    const auto step = [&](Iteration s) {
      const Array next = f(s.x);
      const Array length = largest(next - s.x);
      return Iteration{next, length, s.count + 1,
                       status_of(limits.is_small(length, next), logical_not(isfinite(length)))};
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

}  // namespace

Found minimum(const Flat& f, const Array& x0, const SolveOptions& options, bool demand) {
  const char* op = "minimise";
  want_dense(op, x0.size());
  const Limits limits(op, options, newton_tolerance(x0.dtype()), 200);
  const double eps = epsilon_of(x0.dtype());
  const auto objective = [&](const Array& x) {
    const Array y = f(x);
    if (y.size() == 1) return reshape(y, Shape{});
    refuse(op, "the function gives " + std::to_string(y.size()) + " numbers, not one",
           "sum them, or their squares");
  };
  const auto slope = grad(objective);
  const auto both = value_and_grad(objective);
  const auto step = [&](Descent s) {
    const Array h = jacobian(slope)(s.x);
    const Array d = descent_step(h, s.mu, s.g), length = largest(d);
    const Array to = s.x + d;
    const auto [value, g] = both(to);
    const Array fall = sum(s.g * d);
    // Near the minimum f is constant up to rounding, and its gradient has to tell.
    const Array lower = value <= s.f + 1e-4 * fall;
    const Array level = logical_and(value <= s.f + 8 * eps * abs(s.f), largest(g) <= largest(s.g));
    const Array finite = logical_and(isfinite(length), isfinite(largest(g)));
    const Array free = s.mu == 0;
    const Array small =
        logical_and(logical_and(free, isfinite(length)), limits.is_small(length, s.x));
    const Array moves = logical_and(finite, logical_or(small, logical_or(lower, level)));
    const Array scale = largest(diagonal(h));
    const Array unit = where(scale > 0, scale, in(scale, 1));
    const Array raised =
        maximum(4 * s.mu, where(isfinite(length), in(unit, 1e-3), in(unit, 2)) * unit);
    const Array lowered = where(s.mu < 1e-5 * scale, in(scale, 0), 0.1 * s.mu);
    const Array stuck = logical_not(isfinite(raised));
    return Descent{where(moves, to, s.x), where(moves, value, s.f),
                   where(moves, g, s.g),  where(moves, lowered, raised),
                   s.count + 1,           status_of(logical_and(small, moves), stuck)};
  };
  const auto run = [&](const Array& start) {
    const auto [value, g] = both(start);
    const Descent end = while_loop(
        [&](Descent s) {
          return logical_and(s.status == int{kGoing}, s.count < limits.iterations);
        },
        step, Descent{start, value, g, in(start, 0), Array(std::int64_t{0}), Array(int{kGoing})});
    return std::vector<Array>{end.x, end.status == int{kConverged}, end.count, largest(end.g)};
  };
  const auto r = implicit(op, run, [&](const Array& x, auto) { return slope(x); }, x0, solve_dense);
  return found_of(op, r, demand,
                  "start nearer to a minimum, allow more iterations, or try_minimise, which tells "
                  "whether it converged; the minimum has to be isolated");
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
