#include "cotangent/array/implicit_rule.h"

#include <cmath>

#include "cotangent/array/check.h"
#include "cotangent/array/closure.h"
#include "cotangent/array/custom.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/record.h"
#include "cotangent/array/reduce.h"
#include "cotangent/array/solve_linear.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::array::implicit_detail {
namespace {

void append(std::vector<Array>& to, std::span<const Array> from) {
  to.insert(to.end(), from.begin(), from.end());
}

template <class T>
std::vector<T> joined(std::vector<T> first, const std::vector<T>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
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
  const Array k = arange(n).astype(DType::kF64);
  const Array probe = 1 + 0.5 * cos(0.7548776662 * k * k);
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

}  // namespace

double epsilon_of(DType t) {
  return t == DType::kF32 ? 0x1p-23 : 0x1p-52;
}

Array largest(const Array& x) {
  return x.size() == 0 ? full({}, scalar_like(0, x)) : max(abs(x));
}

Array in(const Array& like, double value) {
  return full({}, Array(value)).astype(like.dtype());
}

double newton_tolerance(DType t) {
  return std::pow(epsilon_of(t), 0.75);
}

Array Equation::operator()(const Array& x) const {
  std::vector<Array> at{x};
  append(at, rest);
  return Array(make_call(function, nodes_of(at))[0]);
}

Array Equation::along(const Array& x, const std::vector<std::size_t>& wrt,
                      std::span<const Array> tangents) const {
  std::vector<Array> at{x};
  append(at, rest);
  append(at, tangents);
  return Array(make_call(transform::jvp(*function, wrt), nodes_of(at))[1]);
}

void want_dense(const char* op, std::int64_t unknowns) {
  if (unknowns <= kMaxDense) return;
  refuse(op,
         "of " + std::to_string(unknowns) + " unknowns by a matrix; at most " +
             std::to_string(kMaxDense),
         "LinearSolve::kKrylov (find_root, fixed_point, minimise) needs none; or solve parts under "
         "vmap");
}

Array solve_dense(const Equation& e, const Array& x, const Array& b) {
  want_dense(e.op, x.size());
  return solve_checked(e.op, jacobian(e)(x), b);
}

namespace {

Array solve_by_products(const Equation& e, const Array& x, const Array& b, bool symmetric) {
  const auto push = [&](const Array& v) { return e.along(x, {0}, std::span(&v, 1)); };
  return solve_linear(e.op, push, b, {.symmetric = symmetric});
}

}  // namespace

Array solve_krylov(const Equation& e, const Array& x, const Array& b) {
  return solve_by_products(e, x, b, false);
}

Array solve_symmetric(const Equation& e, const Array& x, const Array& b) {
  return solve_by_products(e, x, b, true);
}

Linear solve_by_iterating(std::int64_t most) {
  return [most](const Equation& e, const Array& x, const Array& b) {
    return solve_iterating(e, x, b, most);
  };
}

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

}  // namespace cotangent::array::implicit_detail
