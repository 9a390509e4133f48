#include "cotangent/mechanics/lattice.h"

#include <algorithm>
#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Type;
using ir::Value;

constexpr double kRange = 0x1p62;
constexpr double kFirstSteps = 256;

/// From this many elements on reals off the lattice are kept, not made again where they are read.
constexpr std::int64_t kMadeWhole = 8;
/// From this many elements on all have one spacing: programs hold the others as constants.
constexpr std::int64_t kOwnSpacings = 4096;

double unit_at(const Units& units, std::int64_t k) {
  return units.size() == 1 ? units[0] : units[static_cast<std::size_t>(k)];
}

/// The units, or one over them, in a program: f64 of the given type.
Value units_in(Builder& b, const Units& units, const Type& real, bool inverse) {
  if (units.size() == 1) return b.splat(inverse ? 1 / units[0] : units[0], real);
  Tensor values(real);
  for (std::int64_t k = 0; k < values.size(); ++k) {
    values.set_real(k, inverse ? 1 / unit_at(units, k) : unit_at(units, k));
  }
  return b.constant(values);
}

}  // namespace

Value lattice_sum(Builder& b, Value x, Value change, const Units& units) {
  const Type whole = b.type(x), real = b.type(change);
  const Value moved = b.unary(ir::Op::kRound, b.mul(change, units_in(b, units, real, true)));
  const Value sum =
      b.add(x, b.cast(moved, DType::kI64));  // both are within 2^62: it is no overflow
  const auto whole_bound = [&](std::int64_t n) {
    return b.broadcast_to(b.constant_i64(n), whole.shape);
  };
  // A comparison with NaN is false.
  const Value small = b.lt(b.unary(ir::Op::kAbs, moved), b.splat(kRange, real));
  const std::int64_t range = std::int64_t{1} << 62;
  const Value inside =
      b.binary(ir::Op::kAnd, b.lt(sum, whole_bound(range)), b.lt(whole_bound(-range), sum));
  return b.select(b.binary(ir::Op::kAnd, small, inside), sum, whole_bound(kOffLattice));
}

namespace {

Value real_of(Builder& b, Value x, Value units) {
  const Type real = b.type(x).with_dtype(DType::kF64);
  const Value off = b.eq(x, b.broadcast_to(b.constant_i64(kOffLattice), real.shape));
  return b.select(off, b.splat(std::nan(""), real), b.mul(b.cast(x, DType::kF64), units));
}

}  // namespace

Value lattice_real(Builder& b, Value x, const Units& units) {
  const Type whole = b.type(x);
  const Value spacings = units_in(b, units, whole.with_dtype(DType::kF64), false);
  if (whole.shape.size() < kMadeWhole) return real_of(b, x, spacings);
  // A map is made whole: pairs of particles read each position many times.
  const Shape line{whole.shape.size()};
  Builder body("off_lattice");
  body.param(ir::scalar(DType::kI64), "k");
  const Value one = body.param(ir::scalar(DType::kI64), "x");
  const Value unit = body.param(ir::scalar(DType::kF64), "unit");
  ir::MapAttr map;
  map.count = line.size();
  map.rows = units.size() > 1 ? 2 : 1;
  map.roles = {ir::Role::kStack};
  map.body = body.finish({real_of(body, one, unit)});
  const Value operands[] = {b.reshape(x, line),
                            units.size() > 1 ? b.reshape(spacings, line) : b.constant(units[0])};
  return b.reshape(b.map(map, operands)[0], whole.shape);
}

Tensor on_lattice(const Tensor& x, const std::optional<Tensor>& error, const Units& units) {
  Tensor whole(x.type().with_dtype(DType::kI64));
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const long double n =
        std::nearbyint((x.real(k) + (error ? error->real(k) : 0)) / unit_at(units, k));
    const bool inside = std::abs(n) < static_cast<long double>(kRange);
    whole.as<std::int64_t>()[static_cast<std::size_t>(k)] =
        inside ? static_cast<std::int64_t>(n) : kOffLattice;
  }
  return whole;
}

Tensor off_lattice(const Tensor& x, const Units& units) {
  Tensor real(x.type().with_dtype(DType::kF64));
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const std::int64_t n = x.integer(k);
    real.set_real(k, n == kOffLattice ? std::nan("") : static_cast<double>(n) * unit_at(units, k));
  }
  return real;
}

Tensor off_lattice_rest(const Tensor& x, const Units& units) {
  Tensor rest(x.type().with_dtype(DType::kF64));
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const std::int64_t n = x.integer(k);
    if (n == kOffLattice) continue;
    rest.set_real(k, static_cast<double>(n - static_cast<std::int64_t>(static_cast<double>(n))) *
                         unit_at(units, k));
  }
  return rest;
}

std::optional<std::int64_t> first_off_lattice(const Tensor& x) {
  for (std::int64_t k = 0; k < x.size(); ++k) {
    if (x.integer(k) == kOffLattice) return k;
  }
  return {};
}

std::optional<Spacing> lattice_spacing(const System& system, const InitialState& initial,
                                       double dt) {
  const Tensor p = momentum_from_velocity(system, initial);
  std::vector<Tensor> args = energy_arguments(system, initial.q, p, initial.t);
  const ir::FunctionPtr velocity = energy_gradient(system, 1);
  const Tensor v = ir::evaluate(*velocity, args)[0];
  const Tensor g = ir::evaluate(*energy_gradient(system, 0), args)[0];
  const auto unit = [](double size) { return std::ldexp(1.0, std::ilogb(size) + 1 - 52); };
  const auto good = [](double size) { return size > 0 && std::isfinite(size); };
  const auto or_else = [&](double size, double other) { return good(size) ? size : other; };
  const double q_size = or_else(largest(initial.q), kFirstSteps * dt * largest(v));
  const double p_size = or_else(largest(p), kFirstSteps * dt * largest(g));
  if (!good(q_size) || !good(p_size)) return {};
  Spacing spacing{{unit(q_size)}, {unit(p_size)}};
  if (p.size() > kOwnSpacings) return spacing;

  // Row sums of the Hessian in p: one over the masses, if it is diagonal.
  const ir::FunctionPtr push = transform::jvp(*velocity, {1});
  args.push_back(ir::filled(p.type(), 1));
  const Tensor inverse_mass = ir::evaluate(*push, args)[1];
  double speed = largest(v), first = 0;
  for (std::int64_t k = 0; k < p.size(); ++k) {
    if (!good(static_cast<double>(inverse_mass.real(k)))) return spacing;
    first = std::max(first, std::abs(static_cast<double>(g.real(k) * inverse_mass.real(k))));
  }
  speed = or_else(speed, kFirstSteps * dt * first);
  if (!good(speed)) return spacing;
  Units by_mass;
  for (std::int64_t k = 0; k < p.size(); ++k) {
    by_mass.push_back(unit(speed / static_cast<double>(inverse_mass.real(k))));
  }
  const bool one = std::ranges::all_of(by_mass, [&](double x) { return x == by_mass[0]; });
  spacing.p = one ? Units{by_mass[0]} : by_mass;
  return spacing;
}

}  // namespace cotangent::mechanics
