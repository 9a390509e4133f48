#include "cotangent/array/solve_linear.h"

#include <cmath>

#include "cotangent/array/check.h"
#include "cotangent/array/closure.h"
#include "cotangent/array/implicit_rule.h"
#include "cotangent/array/record.h"
#include "cotangent/array/reduce.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::array::implicit_detail {
namespace {

Array dot_of(const Array& x, const Array& y) {
  return sum(x * y);
}

struct Target {
  Array square;  ///< of the length that the residual has to fall below
  std::int64_t iterations;
};

struct Iterate {
  Array x, count;
  Array gain;  ///< the largest |A p| / |p| that was seen: at most |A|
};

Array no_iterations() {
  return Array(std::int64_t{0});
}

Array larger_gain(const Array& gain, const Array& image, const Array& of) {
  const Array here = sqrt(dot_of(image, image) / dot_of(of, of));
  return where(here > gain, here, gain);
}

Iterate conjugate_gradients(const Flat& a, const Array& b, const Target& target) {
  struct State {
    Array x, r, p, rr, count, gain, sound;
  };
  const State end = while_loop(
      [&](State s) {
        return logical_and(s.rr > target.square, logical_and(s.sound, s.count < target.iterations));
      },
      [&](State s) {
        const Array q = a(s.p), curvature = dot_of(s.p, q);
        // Not positive definite, or not finite.
        const Array sound = logical_and(curvature > 0, isfinite(curvature));
        const Array alpha = s.rr / curvature;
        const Array r = s.r - alpha * q, rr = dot_of(r, r);
        return State{
            where(sound, s.x + alpha * s.p, s.x), r,    r + rr / s.rr * s.p, rr, s.count + 1,
            larger_gain(s.gain, q, s.p),          sound};
      },
      State{zeros_like(b), b, b, dot_of(b, b), no_iterations(), in(b, 0), Array(true)});
  return {end.x, end.count, end.gain};
}

Iterate stabilised_gradients(const Flat& a, const Array& b, const Target& target) {
  // Names as in van der Vorst (1992). Where the new residual has nothing of r0 left, r0 is chosen
  // anew.
  struct State {
    Array x, r, r0, p, v, rho, alpha, omega, rr, count, gain, sound;
  };
  const double least = std::pow(epsilon_of(b.dtype()), 2);
  const State end = while_loop(
      [&](State s) {
        return logical_and(s.rr > target.square, logical_and(s.sound, s.count < target.iterations));
      },
      [&](State s) {
        const Array product = dot_of(s.r0, s.r);
        const Array lost =
            logical_or(product * product <= least * dot_of(s.r0, s.r0) * s.rr, s.omega == 0);
        const Array r0 = where(lost, s.r, s.r0), rho = where(lost, s.rr, product);
        const Array beta = rho / s.rho * (s.alpha / s.omega);
        const Array p = where(lost, s.r, s.r + beta * (s.p - s.omega * s.v));
        const Array v = a(p);
        const Array alpha = rho / dot_of(r0, v);
        const Array half = s.r - alpha * v;
        const Array t = a(half), tt = dot_of(t, t);
        const Array omega = where(tt > 0, dot_of(t, half) / tt, in(tt, 0));
        const Array x = s.x + alpha * p + omega * half;
        const Array r = half - omega * t, rr = dot_of(r, r);
        const Array sound = isfinite(rr);
        return State{where(sound, x, s.x),      r,    r0, p, v, rho, alpha, omega, rr, s.count + 1,
                     larger_gain(s.gain, v, p), sound};
      },
      State{zeros_like(b), b, b, zeros_like(b), zeros_like(b), in(b, 1), in(b, 1), in(b, 0),
            dot_of(b, b), no_iterations(), in(b, 0), Array(true)});
  return {end.x, end.count, end.gain};
}

/// Solves, and checks that it did, if that is demanded.
Array solved(const char* op, const Flat& a, const Array& b, const LinearOptions& options,
             bool demand) {
  const double eps = epsilon_of(b.dtype());
  const double relative = options.relative > 0 ? options.relative : newton_tolerance(b.dtype());
  const Array bb = dot_of(b, b);
  const Target target{relative * relative * bb, options.iterations > 0
                                                    ? options.iterations
                                                    : std::max<std::int64_t>(1000, 10 * b.size())};
  const Iterate end =
      options.symmetric ? conjugate_gradients(a, b, target) : stabilised_gradients(a, b, target);
  if (!demand) return end.x;
  const Array left = b - a(end.x);
  const Array miss = sqrt(dot_of(left, left));
  const Array rounding = 16 * eps * end.gain * sqrt(dot_of(end.x, end.x));
  const Array fine = miss <= maximum(2 * sqrt(target.square), rounding);
  return check(end.x, fine,
               std::string("[") + op +
                   "] did not converge: |b - A x| is {real} |b| after {count} iterations\n"
                   "  to do: allow more iterations or a larger `relative`, or make the matrix and "
                   "use solve; " +
                   (options.symmetric ? "symmetric is for positive definite matrices alone"
                                      : "say `symmetric` if the matrix is, and positive definite"),
               end.count, miss / sqrt(bb));
}

}  // namespace

Array solve_linear(const char* op, const Flat& a, const Array& b, const LinearOptions& options,
                   bool demand) {
  if (options.relative < 0 || options.iterations < 0) {
    refuse(op, "a tolerance or a number of iterations below 0", "leave it out, or give one above");
  }
  Recording recording(op);
  const Array x = recording.parameter(b.dtype(), b.shape(), false);
  const NodePtr image[] = {a(x).node()}, unknown[] = {x.node()};
  const Closure closure =
      close_over("equation", image, {}, unknown, recording.serial(), Capture::kFree);
  const std::size_t last = closure.captures.size();
  ir::CallAttr attr;
  attr.equation = closure.function;
  const auto solver = [&](const ir::FunctionPtr& equation) {
    Recording inside(op);
    std::vector<Array> captures;
    for (const NodePtr& c : closure.captures) captures.push_back(Array(c));
    captures = inside.parameters_like(captures);
    const Array right = inside.parameter(b.dtype(), b.shape(), false);
    std::vector<NodePtr> params;
    for (const Array& c : captures) params.push_back(c.node());
    const auto apply = [&](const Array& v) {
      std::vector<NodePtr> at = params;
      at.push_back(v.node());
      return Array(make_call(equation, at)[0]);
    };
    const NodePtr result[] = {solved(op, apply, right, options, demand).node()};
    params.push_back(right.node());
    const Closure made = close_over(op, result, params, {}, inside.serial(), Capture::kFree);
    ensure(made.captures.empty(), "solve_linear: a solver with captures");
    return made.function;
  };
  attr.body = solver(attr.equation);
  attr.vjp = options.symmetric ? attr.body : solver(transform::transpose(*attr.equation, {last}));
  std::vector<NodePtr> operands = closure.captures;
  operands.push_back(b.node());
  return Array(make_second_order(Op::kCall, operands, std::move(attr))[0]);
}

}  // namespace cotangent::array::implicit_detail
