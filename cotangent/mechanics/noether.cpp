#include "cotangent/mechanics/noether.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Type;
using ir::Value;
using Samples = std::vector<std::pair<Tensor, Tensor>>;

constexpr double kRoundOffOfMomenta = 1e-11;

/// A builder of a function of (q, p, t, parameters...).
struct StateBuilder {
  Builder b;
  std::vector<Value> x;
  StateBuilder(const std::string& name, const System& system) : b(name) {
    if (system.form != Form::kCanonical) {
      throw UserError("momenta of symmetries are known for canonical systems only",
                      "of a bracket, ask for its Casimirs");
    }
    const Arguments all = arguments_of(system);
    for (std::size_t k = 0; k < all.types.size(); ++k) {
      x.push_back(b.param(all.types[k], all.names[k]));
    }
  }
  Value q() const { return x[0]; }
  Value p() const { return x[1]; }
  Value t() const { return x[2]; }
  Value call(const ir::Function& f) { return b.inline_call(f, x)[0]; }
  Value sum_of_products(Value a, Value c) { return b.reduce_sum(b.mul(a, c)); }
  FunctionPtr finish(Value v) { return transform::simplify(*b.finish({v})); }
};

/// 1 where the trailing index is `axis`; for [n], everywhere when `scalars`.
Tensor axis_mask(const Shape& shape, int axis, bool scalars) {
  Tensor mask(Type{DType::kF64, shape});
  const std::int64_t d = shape[shape.rank() - 1];
  for (std::int64_t k = 0; k < mask.size(); ++k) {
    mask.set_real(k, scalars || k % d == axis ? 1 : 0);
  }
  return mask;
}

/// The field of a rotation of the trailing axis in the plane (i, j): x_i -> -x_j, x_j -> x_i.
Value rotated(Builder& b, Value x, int i, int j) {
  const Shape shape = b.type(x).shape;
  const std::int64_t d = shape[shape.rank() - 1], n = shape.size() / d;
  const Value flat = b.reshape(x, Shape{n, d});
  std::vector<Value> columns(static_cast<std::size_t>(d), b.zeros({DType::kF64, Shape{n, 1}}));
  const auto column = [&](int k) { return b.slice(flat, {0, k}, {n, k + 1}, {1, 1}); };
  columns[static_cast<std::size_t>(i)] = b.neg(column(j));
  columns[static_cast<std::size_t>(j)] = column(i);
  return b.reshape(b.concatenate(columns, 1), shape);
}

double distance(const Tensor& a, const Tensor& b, double sign) {
  double most = 0;
  for (std::int64_t k = 0; k < a.size(); ++k) {
    most = std::max(most, std::abs(static_cast<double>(a.real(k) - sign * b.real(k))));
  }
  return most;
}

/// integral over s of p . dq(s q, s p) - q . dp(s q, s p).
FunctionPtr along_the_ray(const System& system, const SymmetryField& field) {
  // Gauss-Legendre of 8 points on [-1, 1] (Abramowitz and Stegun, table 25.4).
  constexpr std::array<std::array<double, 2>, 4> kRule = {{{0.183434642495650, 0.362683783378362},
                                                           {0.525532409916329, 0.313706645877887},
                                                           {0.796666477413627, 0.222381034453374},
                                                           {0.960289856497536, 0.101228536290376}}};
  StateBuilder s("momentum", system);
  Builder& b = s.b;
  Value total = b.constant(0.0);
  for (const auto& [node, weight] : kRule) {
    for (double sign : {-1.0, 1.0}) {
      std::vector<Value> at = s.x;
      const Value where = b.constant((1 + sign * node) / 2);
      at[0] = b.scale(where, s.q());
      at[1] = b.scale(where, s.p());
      const Value dq = b.inline_call(*field.dq, at)[0], dp = b.inline_call(*field.dp, at)[0];
      const Value rate = b.sub(s.sum_of_products(s.p(), dq), s.sum_of_products(s.q(), dp));
      total = b.add(total, b.mul(b.constant(weight / 2), rate));
    }
  }
  return s.finish(total);
}

/// Whether -dp and dq are a gradient: D(-dp, dq) is symmetric, tried along two directions.
bool is_hamiltonian(const System& system, const SymmetryField& field,
                    const std::pair<Tensor, Tensor>& sample, double t) {
  const std::vector<Tensor> at = energy_arguments(system, sample.first, sample.second, t);
  const auto direction = [&](double phase) {
    Tensor u(ir::Type{DType::kF64, system.shape});
    for (std::int64_t k = 0; k < u.size(); ++k) {
      u.set_real(k, std::sin(phase + 1.7 * static_cast<double>(k)));
    }
    return u;
  };
  const std::array<std::array<Tensor, 2>, 2> along = {
      {{direction(0.3), direction(1.1)}, {direction(2.9), direction(0.7)}}};
  long double form[2] = {0, 0}, size = 0;
  for (std::size_t u = 0; u < 2; ++u) {
    std::vector<Tensor> args = at;
    args.insert(args.end(), along[u].begin(), along[u].end());
    const Tensor dq = ir::evaluate(*transform::jvp(*field.dq, {0, 1}), args)[1];
    const Tensor dp = ir::evaluate(*transform::jvp(*field.dp, {0, 1}), args)[1];
    const auto& v = along[1 - u];
    for (std::int64_t k = 0; k < dq.size(); ++k) {
      const long double a = v[1].real(k) * dq.real(k), b = v[0].real(k) * dp.real(k);
      form[u] += a - b;
      size += std::abs(a) + std::abs(b);
    }
  }
  return std::abs(form[0] - form[1]) <= kRoundOffOfMomenta * size;
}

FunctionPtr lifted(const System& system, const SymmetryField& field) {
  if (depends_on(*field.dq, 0, 1)) {
    throw UserError("the field dq of " + field.name + " reads p, so it is no motion of space",
                    "give dp as well");
  }
  StateBuilder s("momentum", system);
  return s.finish(s.sum_of_products(s.p(), s.call(*field.dq)));
}

}  // namespace

SymmetryField field_of_generator(const System& system, const Generator& g) {
  const bool turn = g.kind == Generator::Kind::kRotation;
  StateBuilder dq("dq", system);
  Value v;
  if (turn) {
    v = rotated(dq.b, dq.q(), g.axis, g.other);
  } else {
    v = dq.b.constant(axis_mask(system.shape, g.axis, g.scalars));
  }
  const std::string name =
      turn ? "angular_momentum_" + std::to_string(g.axis) + std::to_string(g.other)
           : "momentum_" + std::to_string(g.axis);
  return {name, dq.finish(v), nullptr};
}

FunctionPtr momentum_map(const System& system, const SymmetryField& field, const Samples& samples,
                         double t) {
  if (!field.dp) return lifted(system, field);
  const FunctionPtr j = along_the_ray(system, field);
  const FunctionPtr gradient = transform::grad(*j, {0, 1});
  for (const auto& sample : samples) {
    const std::vector<Tensor> args = energy_arguments(system, sample.first, sample.second, t);
    const std::vector<Tensor> g = ir::evaluate(*gradient, args);
    const Tensor dq = ir::evaluate(*field.dq, args)[0], dp = ir::evaluate(*field.dp, args)[0];
    const double size = std::max({largest(dq), largest(dp), 1e-300});
    const double off = std::max(distance(dq, g[1], 1), distance(dp, g[0], -1)) / size;
    if (off < kRoundOffOfMomenta) continue;
    if (is_hamiltonian(system, field, sample, t)) {
      throw UserError(
          {"the momentum of " + field.name + " cannot be integrated here", "",
           "it is found along the ray from the origin, by a rule for polynomials of degree 15 at "
           "most: the field has a pole on the way, or is no polynomial",
           "watch its momentum as an observable instead"});
    }
    throw UserError(
        {"the field of " + field.name + " has no momentum", "",
         "it is not Hamiltonian: there is no J with dq = dJ/dp and dp = -dJ/dq",
         "a group that keeps H but not the structure of phase space keeps nothing else"});
  }
  return j;
}

FunctionPtr boost_momentum(const System& system, int axis) {
  const FunctionPtr velocity = field_of(system, *hamiltonian(system));
  const Tensor mask = axis_mask(system.shape, axis, false);
  StateBuilder s("boost", system);
  Builder& b = s.b;
  const Value along = b.constant(mask);
  std::vector<Value> args = s.x;
  args.push_back(along);
  // The results are dq/dt and dp/dt, then their derivatives along the axis.
  const Value inverse = b.inline_call(*transform::jvp(*velocity, {1}), args)[2];
  const Value others = b.constant([&] {
    Tensor rest(mask.type());
    for (std::int64_t k = 0; k < rest.size(); ++k) rest.set_real(k, 1 - mask.real(k));
    return rest;
  }());
  const Value mass =
      b.div(along, b.add(inverse, others));  // nothing is divided by zero off the axis
  const Value mq = s.sum_of_products(mass, s.q()), momentum = s.sum_of_products(along, s.p());
  return s.finish(b.sub(mq, b.mul(s.t(), momentum)));
}

FunctionPtr scaling_momentum(const System& system, double k) {
  StateBuilder s("dilation", system);
  Builder& b = s.b;
  const Value h = s.call(*hamiltonian(system));
  return s.finish(b.add(s.sum_of_products(s.q(), s.p()), b.mul(b.constant(k), b.mul(s.t(), h))));
}

double conservation_defect(const System& system, const ir::Function& momentum,
                           const Samples& samples, double t) {
  const FunctionPtr rate = rate_along(system, momentum);
  const FunctionPtr gradient = transform::grad(momentum, {0, 1, 2});
  const FunctionPtr field = vector_field(system);
  double worst = 0;
  for (const auto& sample : samples) {
    const std::vector<Tensor> args = energy_arguments(system, sample.first, sample.second, t);
    const auto off = std::abs(static_cast<double>(ir::evaluate(*rate, args)[0].real(0)));
    const std::vector<Tensor> g = ir::evaluate(*gradient, args), f = ir::evaluate(*field, args);
    double size = std::abs(static_cast<double>(g[2].real(0)));
    for (std::size_t part = 0; part < 2; ++part) {
      for (std::int64_t k = 0; k < g[part].size(); ++k) {
        size += std::abs(static_cast<double>(g[part].real(k) * f[part].real(k)));
      }
    }
    if (!std::isfinite(off)) return INFINITY;
    worst = std::max(worst, off / std::max(size, 1e-300));
  }
  return worst;
}

std::vector<MomentumMap> conserved_momenta(const System& system, const Samples& samples, double t) {
  std::vector<MomentumMap> found;
  const auto add = [&](const std::string& name, const FunctionPtr& value) {
    if (conservation_defect(system, *value, samples, t) < kRoundOffOfMomenta)
      found.push_back({name, value});
  };
  for (const Generator& g : translations(system.shape)) {
    const SymmetryField field = field_of_generator(system, g);
    add(field.name, momentum_map(system, field, samples, t));
  }
  for (const Generator& g : rotations(system.shape)) {
    const SymmetryField field = field_of_generator(system, g);
    add(field.name, momentum_map(system, field, samples, t));
  }
  const bool particles = system.shape.rank() == 2;
  for (int axis = 0; particles && axis < system.shape[1]; ++axis) {
    add("boost_" + std::to_string(axis), boost_momentum(system, axis));
  }
  add("dilation", scaling_momentum(system, -2));
  add("energy", hamiltonian(system));
  return found;
}

}  // namespace cotangent::mechanics
