// Steps of a method on the reference evaluator, in double or long double, and the order that is
// measured from them.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/integrator.h"
#include "cotangent/mechanics/programs.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {

struct Phase {
  ir::Tensor q, p;
};

/// n steps from t = 0 to t_end, on the evaluator; in long double when `extended`.
inline Phase integrate(const Problem& problem, const Splitting& c, long double t_end,
                       std::int64_t n, bool extended) {
  const Pieces pieces = make_pieces(problem.system, Arithmetic{}, !extended);
  const ir::FunctionPtr start = start_program(pieces, {});
  const ir::FunctionPtr chunk = chunk_program(pieces, c, {}, n);
  ir::EvaluateOptions options;
  options.extended = extended;
  const ir::Tensor t0 = ir::Tensor::scalar_of<double>(0);
  ir::Tensor dt = t0;
  if (extended) dt = dt.to_extended();
  dt.set_real(0, t_end / static_cast<long double>(n));
  const ir::Tensor p = momentum_from_velocity(problem.system, problem.initial);
  std::vector<ir::Tensor> args = {problem.initial.q, p, t0};
  for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
  const ir::Tensor gradient = ir::evaluate(*start, args, options)[0];
  args = {problem.initial.q,
          p,
          gradient,
          ir::Tensor::scalar_of<std::int64_t>(0),
          ir::Tensor::scalar_of<std::int64_t>(n),
          t0,
          dt};
  for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
  const std::vector<ir::Tensor> end = ir::evaluate(*chunk, args, options);
  return {end[0], end[1]};
}

inline long double distance(const ir::Tensor& a, const ir::Tensor& b) {
  long double sum = 0;
  for (std::int64_t k = 0; k < a.size(); ++k) {
    sum += (a.real(k) - b.real(k)) * (a.real(k) - b.real(k));
  }
  return std::sqrt(sum);
}

/// Position on the Kepler orbit of eccentricity e at time t after the pericentre.
inline ir::Tensor kepler_position(long double e, long double t) {
  long double u = t;
  for (int k = 0; k < 100; ++k) u -= (u - e * std::sin(u) - t) / (1 - e * std::cos(u));
  ir::Tensor q = ir::Tensor(ir::Type{DType::kF64, Shape{2}}, true);
  q.set_real(0, std::cos(u) - e);
  q.set_real(1, std::sqrt(1 - e * e) * std::sin(u));
  return q;
}

/// Slopes of log(error) against log(dt) between neighbouring entries of `steps`.
inline std::vector<double> slopes(const Problem& problem, const Splitting& c, long double t_end,
                                  const std::vector<std::int64_t>& steps, const ir::Tensor& exact,
                                  bool extended) {
  std::vector<double> result;
  long double before = 0;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const Phase end = integrate(problem, c, t_end, steps[k], extended);
    const long double error = distance(end.q, exact);
    if (k > 0) {
      result.push_back(static_cast<double>(
          std::log(before / error) /
          std::log(static_cast<long double>(steps[k]) / static_cast<long double>(steps[k - 1]))));
    }
    before = error;
  }
  return result;
}

inline constexpr long double kPeriod = 6.283185307179586476925286766559L;

/// n steps of an integrator from t = 0 to t_end; its state.
inline std::vector<ir::Tensor> integrate(const Integrator& method, std::vector<ir::Tensor> state,
                                         const std::vector<Parameter>& parameters,
                                         long double t_end, std::int64_t n, bool extended) {
  ir::EvaluateOptions options;
  options.extended = extended;
  const ir::Tensor t0 = ir::Tensor::scalar_of<double>(0);
  ir::Tensor dt = extended ? t0.to_extended() : t0;
  dt.set_real(0, t_end / static_cast<long double>(n));
  const auto call = [&](const ir::FunctionPtr& f, std::vector<ir::Tensor> args,
                        std::int64_t step = -1) {
    if (step >= 0) args.push_back(ir::Tensor::scalar_of<std::int64_t>(step));
    args.insert(args.end(), {t0, dt});
    for (const Parameter& x : parameters) args.push_back(x.value);
    return ir::evaluate(*f, args, options);
  };
  std::vector<ir::Tensor> carry = call(method.open, std::move(state));
  for (std::int64_t k = 0; k < n; ++k) carry = call(method.step, carry, k);
  return call(method.close, carry, n);
}

}  // namespace cotangent::mechanics::test
