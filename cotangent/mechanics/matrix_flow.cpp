#include "cotangent/mechanics/matrix_flow.h"

#include <algorithm>
#include <cmath>

#include "cotangent/transform/algebra.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Op;
using ir::Tensor;
using ir::Value;
using transform::Algebra;

constexpr int kDegree = 18;         // of Taylor's polynomial, for norms up to 1/2: 1/2^19 / 19!
constexpr std::int64_t kMost = 60;  // squarings

bool is_zero(const std::vector<double>& a) {
  return std::all_of(a.begin(), a.end(), [](double x) { return x == 0; });
}

std::vector<double> product(const std::vector<double>& x, const std::vector<double>& y,
                            std::size_t n) {
  std::vector<double> z(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      if (x[i * n + k] == 0) continue;
      for (std::size_t j = 0; j < n; ++j) z[i * n + j] += x[i * n + k] * y[k * n + j];
    }
  }
  return z;
}

/// The c with cube = c a, exactly; nothing when there is none.
bool multiple_of(const std::vector<double>& cube, const std::vector<double>& a, double& c) {
  c = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k] != 0) c = cube[k] / a[k];
  }
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (cube[k] != c * a[k]) return false;
  }
  return c != 0;
}

/// Whether the `power`-th power of sum_j t_j A_j is zero for all t.
bool vanishes(const std::vector<std::vector<double>>& generators, std::size_t n, int power) {
  Algebra algebra;
  Algebra::Elements a(n * n, algebra.number(0));
  for (std::size_t j = 0; j < generators.size(); ++j) {
    const Algebra::Element t = algebra.atom("t" + std::to_string(j));
    for (std::size_t e = 0; e < n * n; ++e) {
      if (generators[j][e] == 0) continue;
      a[e] = algebra.add(a[e], algebra.mul(algebra.number(generators[j][e]), t));
    }
  }
  Algebra::Elements p = a;
  for (int k = 1; k < power; ++k) {
    Algebra::Elements q(n * n, algebra.number(0));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t l = 0; l < n; ++l) {
        if (algebra.is_zero(p[i * n + l])) continue;
        for (std::size_t j = 0; j < n; ++j) {
          if (algebra.is_zero(a[l * n + j])) continue;
          q[i * n + j] = algebra.add(q[i * n + j], algebra.mul(p[i * n + l], a[l * n + j]));
        }
      }
    }
    p = std::move(q);
  }
  return std::all_of(p.begin(), p.end(), [&](auto e) { return algebra.is_zero(e); });
}

/// a x for a constant matrix of few entries a row: entry k of each row at once.
Value sparse_product(Builder& b, const std::vector<double>& a, Value x) {
  const std::int64_t n = b.type(x).shape[0];
  std::vector<std::vector<std::int64_t>> places;
  std::vector<std::vector<double>> factors;
  for (std::int64_t i = 0; i < n; ++i) {
    std::size_t layer = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      const double entry = a[static_cast<std::size_t>(i * n + k)];
      if (entry == 0) continue;
      if (layer == places.size()) {
        places.emplace_back(static_cast<std::size_t>(n), 0);
        factors.emplace_back(static_cast<std::size_t>(n), 0.0);
      }
      places[layer][static_cast<std::size_t>(i)] = k;
      factors[layer++][static_cast<std::size_t>(i)] = entry;
    }
  }
  Value sum;
  for (std::size_t k = 0; k < places.size(); ++k) {
    const Value at =
        b.constant(Tensor::of<std::int64_t>(Shape{n}, std::span(std::as_const(places[k]))));
    const Value by = b.constant(Tensor::of<double>(Shape{n}, std::span(std::as_const(factors[k]))));
    const Value part = b.mul(by, b.gather(x, at));
    sum = sum.valid() ? b.add(sum, part) : part;
  }
  return sum.valid() ? sum : b.zeros(b.type(x));
}

Value square_product(Builder& b, Value x, Value y) {
  ir::DotAttr attr;
  attr.contract_x = {1};
  attr.contract_y = {0};
  return b.dot_general(x, y, attr);
}

}  // namespace

MatrixFlow::MatrixFlow(std::int64_t n, std::vector<Matrix> generators)
    : n_(n), generators_(std::move(generators)) {
  classify();
}

void MatrixFlow::classify() {
  const auto n = static_cast<std::size_t>(n_);
  if (std::all_of(generators_.begin(), generators_.end(), is_zero)) {
    kind_ = Kind::kStill;
  } else if (vanishes(generators_, n, 2)) {
    kind_ = Kind::kShear;
  } else if (vanishes(generators_, n, 3)) {
    kind_ = Kind::kCubicShear;
  } else if (generators_.size() == 1) {
    const Matrix& a = generators_[0];
    double c = 0;
    if (!multiple_of(product(product(a, a, n), a, n), a, c)) return;
    kind_ = c < 0 ? Kind::kTurn : Kind::kStretch;
    rate_ = std::sqrt(std::abs(c));
  }
}

Value MatrixFlow::image(Builder& b, Value x, const std::vector<Value>& times) const {
  Value sum;
  for (std::size_t j = 0; j < generators_.size(); ++j) {
    if (is_zero(generators_[j])) continue;
    const Value part = b.scale(times[j], sparse_product(b, generators_[j], x));
    sum = sum.valid() ? b.add(sum, part) : part;
  }
  return sum;
}

/// x + sin(wt)/w A x + (1 - cos(wt))/w^2 A^2 x, by the half angle: no digits are lost in 1 - cos.
Value MatrixFlow::turned(Builder& b, Value x, Value time) const {
  const bool turns = kind_ == Kind::kTurn;
  const Value half = b.mul(b.constant(rate_ / 2), time);
  const Value s = b.unary(turns ? Op::kSin : Op::kSinh, half);
  const Value c = b.unary(turns ? Op::kCos : Op::kCosh, half);
  const Value ax = sparse_product(b, generators_[0], x);
  const Value aax = sparse_product(b, generators_[0], ax);
  const Value first = b.mul(b.constant(2 / rate_), b.mul(s, c));
  const Value second = b.mul(b.constant(2 / (rate_ * rate_)), b.mul(s, s));
  return b.add(x, b.add(b.scale(first, ax), b.scale(second, aax)));
}

Value MatrixFlow::general(Builder& b, Value x, const std::vector<Value>& times) const {
  Value a;
  for (std::size_t j = 0; j < generators_.size(); ++j) {
    const Value g =
        b.constant(Tensor::of<double>(Shape{n_, n_}, std::span(std::as_const(generators_[j]))));
    const Value part = b.scale(times[j], g);
    a = a.valid() ? b.add(a, part) : part;
  }
  return b.add(x, square_product(b, expm1_of_matrix(b, a), x));
}

Value MatrixFlow::apply(Builder& b, Value x, const std::vector<Value>& times) const {
  switch (kind_) {
    case Kind::kStill: return x;
    case Kind::kShear: return b.add(x, image(b, x, times));
    case Kind::kCubicShear: {
      const Value first = image(b, x, times);
      return b.add(x, b.add(first, b.scale(b.constant(0.5), image(b, first, times))));
    }
    case Kind::kTurn:
    case Kind::kStretch: return turned(b, x, times[0]);
    case Kind::kGeneral: break;
  }
  return general(b, x, times);
}

Value expm1_of_matrix(Builder& b, Value a) {
  const ir::Type type = b.type(a);
  const std::int64_t n = type.shape[0];
  // The least whole s with |a| / 2^s below 1/2, of the largest row sum.
  const Value norm = b.reduce(Op::kReduceMax, b.reduce_sum(b.unary(Op::kAbs, a), {1}), {});
  ir::WhileAttr scaling;
  scaling.invariants = 1;
  scaling.carries = 1;
  scaling.limit = kMost;
  {
    Builder condition("too_large");
    condition.param(ir::scalar(DType::kI64));
    const Value size = condition.param(ir::scalar()), by = condition.param(ir::scalar());
    scaling.condition =
        condition.finish({condition.gt(condition.mul(size, by), condition.constant(0.5))});
    Builder body("halved");
    body.param(ir::scalar(DType::kI64));
    body.param(ir::scalar());
    const Value factor = body.param(ir::scalar());
    scaling.body = body.finish({body.mul(body.constant(0.5), factor)});
  }
  const Value operands[] = {norm, b.constant(1.0)};
  const auto scaled = b.while_loop(scaling, operands);
  const Value small = b.scale(scaled[0], a);
  // small (1 + small/2 (1 + small/3 (..)))
  Tensor identity(type);
  for (std::int64_t k = 0; k < n; ++k) identity.set_real(k * n + k, 1);
  const Value one = b.constant(identity);
  Value sum = one;
  for (int k = kDegree; k >= 2; --k) {
    sum = b.add(one, b.scale(b.constant(1.0 / k), square_product(b, small, sum)));
  }
  sum = square_product(b, small, sum);
  // exp(2 a) - 1 = e (2 + e) for e = exp(a) - 1
  Builder body("squared");
  body.param(ir::scalar(DType::kI64));
  const Value e = body.param(type);
  ir::LoopAttr squaring;
  squaring.trip = kMost;
  squaring.carries = 1;
  squaring.dynamic = true;
  squaring.body =
      body.finish({body.add(body.scale(body.constant(2.0), e), square_product(body, e, e))});
  const Value inputs[] = {sum, b.constant_i64(0), scaled[1]};
  return b.loop(squaring, inputs)[0];
}

}  // namespace cotangent::mechanics
