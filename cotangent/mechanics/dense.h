// Dense square matrices: exponentials and powers. Up to kExtended rows in long double.
#pragma once

#include <cstdint>
#include <vector>

namespace cotangent::mechanics {

inline constexpr std::int64_t kExtended = 64;

/// A square matrix by rows.
struct DenseMatrix {
  std::int64_t n = 0;
  std::vector<long double> value;

  explicit DenseMatrix(std::int64_t rows = 0)
      : n(rows), value(static_cast<std::size_t>(rows * rows), 0.0L) {}
  long double& operator()(std::int64_t i, std::int64_t j) {
    return value[static_cast<std::size_t>(i * n + j)];
  }
  long double operator()(std::int64_t i, std::int64_t j) const {
    return value[static_cast<std::size_t>(i * n + j)];
  }
  static DenseMatrix identity(std::int64_t n);
};

/// x y; beyond kExtended rows in f64, by the library.
DenseMatrix product(const DenseMatrix& x, const DenseMatrix& y);

/// exp(x): balanced by powers of two, halved until its norm is below 1/2, a Taylor polynomial of
/// degree 16 (Paterson and Stockmeyer 1973), and squared back. exp(x) - 1 is what is squared, so
/// that small parts keep their digits.
DenseMatrix exponential(const DenseMatrix& x);

/// x^count, count >= 0; (1 + d)^count of d = x - 1, likewise by squaring.
DenseMatrix power(const DenseMatrix& x, std::int64_t count);

/// x^-1 by elimination with row pivoting; UserError where it is singular.
DenseMatrix inverse(const DenseMatrix& x);

}  // namespace cotangent::mechanics
