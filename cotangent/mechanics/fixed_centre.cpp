#include "cotangent/mechanics/fixed_centre.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/fixed_parameters.h"
#include "cotangent/mechanics/kepler_flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Value;

constexpr int kSamples = 4;             // of each size
constexpr long double kClose = 1e-12L;  // of what acts on a body

/// Whether `given` is `factor` times x, row by row.
bool parallel(const Tensor& given, const Tensor& x, std::int64_t d,
              const std::function<long double(std::int64_t, long double)>& factor) {
  for (std::int64_t i = 0; i < x.size() / d; ++i) {
    long double square = 0, most = 0, off = 0;
    for (std::int64_t c = 0; c < d; ++c) square += x.real(i * d + c) * x.real(i * d + c);
    const long double f = factor(i, std::sqrt(square));
    for (std::int64_t c = 0; c < d; ++c) {
      const long double expected = f * x.real(i * d + c);
      most = std::max(most, std::fabs(expected));
      off = std::max(off, std::fabs(given.real(i * d + c) - expected));
    }
    if (!(off <= kClose * most)) return false;
  }
  return true;
}

/// Whether the bodies move about the centre, at samples and with these values of the parameters.
bool moves_about_centre(const System& system, const FixedCentre& centre,
                        const std::vector<Tensor>& values, const Tensor* places) {
  const ir::Type state{DType::kF64, system.shape};
  const std::int64_t d = system.shape[system.shape.rank() - 1], n = state.size() / d;
  const Tensor m = ir::evaluate(*centre.masses, values)[0];
  const Tensor c = ir::evaluate(*centre.strengths, values)[0];
  long double size = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (!(m.real(i) > 0) || !(c.real(i) > 0) || !std::isfinite(m.real(i))) return false;
    for (std::int64_t k = 0; places && k < d; ++k) {
      size = std::max(size, std::fabs(places->real(i * d + k)));
    }
  }
  const FunctionPtr by_q = energy_gradient(system, 0), by_p = energy_gradient(system, 1);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(-1, 1);
  for (int s = 0; s < 2 * kSamples; ++s) {
    const long double extent = s % 2 == 1 && size > 0 ? size : 1;
    Tensor q(state), p(state);
    for (std::int64_t k = 0; k < q.size(); ++k) {
      const std::int64_t i = k / d;
      q.set_real(k, unit(random) * extent);
      p.set_real(k, unit(random) * std::sqrt(c.real(i) * m.real(i) / extent));
    }
    std::vector<Tensor> args = {q, p, Tensor::scalar_of(1.7 * s)};
    args.insert(args.end(), values.begin(), values.end());
    const bool fits =
        parallel(ir::evaluate(*by_q, args)[0], q, d,
                 [&](std::int64_t i, long double r) { return c.real(i) / (r * r * r); }) &&
        parallel(ir::evaluate(*by_p, args)[0], p, d,
                 [&](std::int64_t i, long double) { return 1 / m.real(i); });
    if (!fits) return false;
  }
  return true;
}

}  // namespace

std::optional<FixedCentre> find_fixed_centre(const System& system, const Tensor* places) {
  const Shape& shape = system.shape;
  if (system.form != Form::kCanonical || shape.rank() < 1 || shape.rank() > 2) return std::nullopt;
  const std::int64_t d = shape[shape.rank() - 1], n = shape.size() / std::max<std::int64_t>(d, 1);
  if (d < 2 || d > 3 || n < 1) return std::nullopt;
  const ir::Type state{DType::kF64, shape};
  Tensor along(state);
  for (std::int64_t i = 0; i < n; ++i) along.set_real(i * d, 1);
  // The first component of a gradient at places and momenta of length 1.
  const auto program = [&](std::size_t which, bool inverse) {
    Builder b(which == 1 ? "masses" : "strengths");
    std::vector<Value> parameters;
    for (const Parameter& p : system.parameters) {
      parameters.push_back(b.param(p.value.type(), p.name));
    }
    std::vector<Value> args = {b.constant(along), b.constant(along), b.constant(0.0)};
    args.insert(args.end(), parameters.begin(), parameters.end());
    const Value g = b.reshape(b.inline_call(*energy_gradient(system, which), args)[0], Shape{n, d});
    const Value first = b.reshape(b.slice(g, {0, 0}, {n, 1}, {1, 1}), Shape{n});
    const Value made = inverse ? b.div(b.splat(1, b.type(first)), first) : first;
    return transform::simplify(*b.finish({made}));
  };
  FixedCentre centre{program(1, true), program(0, false)};
  std::vector<Tensor> values;
  for (const Parameter& p : system.parameters) values.push_back(p.value);
  if (!moves_about_centre(system, centre, values, places)) return std::nullopt;
  centre.fixed = fixed_parameters(system, [&](const std::vector<Tensor>& others) {
    return moves_about_centre(system, centre, others, places);
  });
  return centre;
}

Integrator kepler_motion(const System& system, const FixedCentre& centre) {
  const PartFlow flow = kepler_part(system, centre.masses, centre.strengths);
  Integrator m = plain_integrator(system, "kepler", 0, [&](StepProgram& s) {
    std::vector<Value> args = s.carry;
    args.push_back(s.time());
    args.push_back(s.dt);
    args.insert(args.end(), s.parameters.begin(), s.parameters.end());
    return s.b.inline_call(*flow.flow, args);
  });
  m.fixed = centre.fixed;
  return m;
}

}  // namespace cotangent::mechanics
