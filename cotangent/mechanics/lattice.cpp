#include "cotangent/mechanics/lattice.h"

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/programs.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Type;
using ir::Value;

constexpr double kRange = 0x1p62;
constexpr double kFirstSteps = 256;

double largest(const Tensor& x) {
  double m = 0;
  for (std::int64_t k = 0; k < x.size(); ++k) {
    m = std::max(m, std::abs(static_cast<double>(x.real(k))));
  }
  return m;
}

}  // namespace

Value lattice_sum(Builder& b, Value x, Value change) {
  const Type whole = b.type(x), real = b.type(change);
  const Value moved = b.unary(ir::Op::kRound, change);
  const Value sum =
      b.add(x, b.cast(moved, DType::kI64));  // both are within 2^62: it is no overflow
  const auto bound = [&](double n) { return b.splat(n, real); };
  const auto whole_bound = [&](std::int64_t n) {
    return b.broadcast_to(b.constant_i64(n), whole.shape);
  };
  // A comparison with NaN is false.
  const Value small = b.lt(b.unary(ir::Op::kAbs, moved), bound(kRange));
  const std::int64_t range = std::int64_t{1} << 62;
  const Value inside =
      b.binary(ir::Op::kAnd, b.lt(sum, whole_bound(range)), b.lt(whole_bound(-range), sum));
  return b.select(b.binary(ir::Op::kAnd, small, inside), sum, whole_bound(kOffLattice));
}

Value lattice_real(Builder& b, Value x, double unit) {
  const Type real = b.type(x).with_dtype(DType::kF64);
  const Value value = b.mul(b.cast(x, DType::kF64), b.splat(unit, real));
  const Value off = b.eq(x, b.broadcast_to(b.constant_i64(kOffLattice), real.shape));
  return b.select(off, b.splat(std::nan(""), real), value);
}

Tensor on_lattice(const Tensor& x, const std::optional<Tensor>& error, double unit) {
  Tensor whole(x.type().with_dtype(DType::kI64));
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const long double n = std::nearbyint((x.real(k) + (error ? error->real(k) : 0)) / unit);
    const bool inside = std::abs(n) < static_cast<long double>(kRange);
    whole.as<std::int64_t>()[static_cast<std::size_t>(k)] =
        inside ? static_cast<std::int64_t>(n) : kOffLattice;
  }
  return whole;
}

Tensor off_lattice(const Tensor& x, double unit) {
  Tensor real(x.type().with_dtype(DType::kF64));
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const std::int64_t n = x.integer(k);
    real.set_real(k, n == kOffLattice ? std::nan("") : static_cast<double>(n) * unit);
  }
  return real;
}

Tensor off_lattice_rest(const Tensor& x, double unit) {
  Tensor rest(x.type().with_dtype(DType::kF64));
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const std::int64_t n = x.integer(k);
    if (n == kOffLattice) continue;
    rest.set_real(
        k, static_cast<double>(n - static_cast<std::int64_t>(static_cast<double>(n))) * unit);
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
  const Tensor p = initial.p ? *initial.p : momentum_from_velocity(system, initial);
  std::vector<Tensor> args = {initial.q, p, Tensor::scalar_of<double>(initial.t)};
  for (const Parameter& x : system.parameters) args.push_back(x.value);
  const auto unit = [&](const Tensor& x, std::size_t by) {
    double size = largest(x);
    if (size == 0)
      size = kFirstSteps * dt * largest(ir::evaluate(*energy_gradient(system, by), args)[0]);
    if (!(size > 0) || !std::isfinite(size)) return 0.0;
    return std::ldexp(1.0, std::ilogb(size) + 1 - 52);
  };
  const Spacing spacing{unit(initial.q, 1), unit(p, 0)};
  if (spacing.q == 0 || spacing.p == 0) return {};
  return spacing;
}

}  // namespace cotangent::mechanics
