#include "cotangent/mechanics/dense.h"

#include <cmath>
#include <map>
#include <mutex>

#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

/// Products of n x n matrices of f64, compiled for n.
class Products {
 public:
  explicit Products(std::int64_t n) : n_(n) {
    if (n <= kExtended) return;
    ir::Builder b("product");
    const ir::Type type{DType::kF64, Shape{n, n}};
    const ir::Value x = b.param(type, "x"), y = b.param(type, "y");
    compiled_ = runtime::compile(b.finish({b.dot_general(x, y, {{}, {}, {1}, {0}})}));
  }

  DenseMatrix operator()(const DenseMatrix& x, const DenseMatrix& y) const {
    DenseMatrix z(n_);
    if (compiled_) {
      Tensor args[2] = {tensor(x), tensor(y)};
      const Tensor made = compiled_->call(args)[0];
      const auto values = made.as<double>();
      std::copy(values.begin(), values.end(), z.value.begin());
      return z;
    }
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t k = 0; k < n_; ++k) {
        const long double factor = x(i, k);
        if (factor == 0) continue;
        for (std::int64_t j = 0; j < n_; ++j) z(i, j) += factor * y(k, j);
      }
    }
    return z;
  }

 private:
  Tensor tensor(const DenseMatrix& x) const {
    Tensor t(ir::Type{DType::kF64, Shape{n_, n_}});
    const auto to = t.as<double>();
    for (std::size_t k = 0; k < to.size(); ++k) to[k] = static_cast<double>(x.value[k]);
    return t;
  }

  std::int64_t n_;
  runtime::ExecutablePtr compiled_;
};

void add(DenseMatrix& to, long double scale, const DenseMatrix& x) {
  for (std::size_t k = 0; k < to.value.size(); ++k) to.value[k] += scale * x.value[k];
}

/// (1 + x)(1 + y) - 1
DenseMatrix joined(const Products& times, const DenseMatrix& x, const DenseMatrix& y) {
  DenseMatrix z = times(x, y);
  add(z, 1, x);
  add(z, 1, y);
  return z;
}

DenseMatrix plus_one(DenseMatrix x) {
  for (std::int64_t k = 0; k < x.n; ++k) x(k, k) += 1;
  return x;
}

/// Powers of two that bring row and column k to about one size.
std::vector<long double> balance(DenseMatrix& x) {
  std::vector<long double> scale(static_cast<std::size_t>(x.n), 1);
  for (int sweep = 0; sweep < 20; ++sweep) {
    bool changed = false;
    for (std::int64_t k = 0; k < x.n; ++k) {
      long double row = 0, column = 0;
      for (std::int64_t j = 0; j < x.n; ++j) {
        if (j == k) continue;
        row += std::abs(x(k, j));
        column += std::abs(x(j, k));
      }
      if (row == 0 || column == 0) continue;
      const int half = static_cast<int>(std::lround(std::log2(row / column) / 2));
      if (half == 0) continue;
      changed = true;
      const long double f = std::ldexp(1.0L, half);
      scale[static_cast<std::size_t>(k)] *= f;
      for (std::int64_t j = 0; j < x.n; ++j) x(k, j) /= f, x(j, k) *= f;
    }
    if (!changed) break;
  }
  return scale;
}

long double norm(const DenseMatrix& x) {
  long double largest = 0;
  for (std::int64_t i = 0; i < x.n; ++i) {
    long double sum = 0;
    for (std::int64_t j = 0; j < x.n; ++j) sum += std::abs(x(i, j));
    largest = std::max(largest, sum);
  }
  return largest;
}

/// exp(x) - 1 for a norm of at most 1/2: the rest of the series is below 2^-66.
DenseMatrix small_exponential(const Products& times, const DenseMatrix& x) {
  constexpr int kDegree = 16, kBlock = 4;
  DenseMatrix powers[kBlock + 1] = {DenseMatrix::identity(x.n), x, times(x, x), DenseMatrix(),
                                    DenseMatrix()};
  powers[3] = times(powers[2], x);
  powers[4] = times(powers[2], powers[2]);
  long double factor[kDegree + 1] = {1};
  for (int k = 1; k <= kDegree; ++k) factor[k] = factor[k - 1] / k;
  DenseMatrix sum(x.n);
  for (int block = kDegree / kBlock; block >= 0; --block) {
    if (block < kDegree / kBlock) sum = times(sum, powers[4]);
    for (int k = 0; k < kBlock; ++k) {
      const int degree = block * kBlock + k;
      if (degree > kDegree || degree == 0) continue;
      add(sum, factor[degree], powers[k]);
    }
  }
  return sum;
}

}  // namespace

DenseMatrix DenseMatrix::identity(std::int64_t n) {
  return plus_one(DenseMatrix(n));
}

DenseMatrix product(const DenseMatrix& x, const DenseMatrix& y) {
  return Products(x.n)(x, y);
}

DenseMatrix exponential(const DenseMatrix& x) {
  const Products times(x.n);
  DenseMatrix a = x;
  const std::vector<long double> scale = balance(a);
  const long double size = norm(a);
  if (!std::isfinite(size)) throw UserError("the matrix of the linear system is not finite");
  const int squarings = size > 0.5L ? static_cast<int>(std::ceil(std::log2(size))) + 1 : 0;
  for (long double& e : a.value) e = std::ldexp(e, -squarings);
  DenseMatrix d = small_exponential(times, a);
  for (int k = 0; k < squarings; ++k) d = joined(times, d, d);
  for (std::int64_t i = 0; i < a.n; ++i) {
    for (std::int64_t j = 0; j < a.n; ++j) {
      d(i, j) *= scale[static_cast<std::size_t>(i)] / scale[static_cast<std::size_t>(j)];
    }
  }
  return plus_one(d);
}

DenseMatrix power(const DenseMatrix& x, std::int64_t count) {
  ensure(count >= 0, "power: a negative count");
  const Products times(x.n);
  DenseMatrix square = x, result(x.n);
  for (std::int64_t k = 0; k < x.n; ++k) square(k, k) -= 1;
  for (; count > 0; count >>= 1) {
    if (count & 1) result = joined(times, result, square);
    if (count > 1) square = joined(times, square, square);
  }
  return plus_one(result);
}

DenseMatrix inverse(const DenseMatrix& x) {
  DenseMatrix a = x, y = DenseMatrix::identity(x.n);
  for (std::int64_t k = 0; k < x.n; ++k) {
    std::int64_t best = k;
    for (std::int64_t i = k + 1; i < x.n; ++i) {
      if (std::abs(a(i, k)) > std::abs(a(best, k))) best = i;
    }
    if (a(best, k) == 0) {
      throw UserError("the map cannot be undone: its matrix is singular", "run it forwards");
    }
    for (std::int64_t j = 0; j < x.n; ++j) {
      std::swap(a(k, j), a(best, j));
      std::swap(y(k, j), y(best, j));
    }
    for (std::int64_t i = 0; i < x.n; ++i) {
      if (i == k) continue;
      const long double factor = a(i, k) / a(k, k);
      if (factor == 0) continue;
      for (std::int64_t j = 0; j < x.n; ++j) {
        a(i, j) -= factor * a(k, j);
        y(i, j) -= factor * y(k, j);
      }
    }
  }
  for (std::int64_t i = 0; i < x.n; ++i) {
    for (std::int64_t j = 0; j < x.n; ++j) y(i, j) /= a(i, i);
  }
  return y;
}

}  // namespace cotangent::mechanics
