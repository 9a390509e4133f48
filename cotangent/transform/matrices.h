// Algebra with batches of matrices, real or complex, emitted into a builder. What is absent (an
// invalid value) is zero: the imaginary part of a real matrix, a tangent that is not there.
#pragma once

#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

struct Matrix {
  ir::Value re, im;
  bool valid() const { return re.valid() || im.valid(); }
};

class Matrices {
 public:
  explicit Matrices(ir::Builder& b) : b_(b) {}

  Matrix add(Matrix x, Matrix y) { return {plus(x.re, y.re), plus(x.im, y.im)}; }
  Matrix sub(Matrix x, Matrix y) { return add(x, {minus(y.re), minus(y.im)}); }
  Matrix mul(Matrix x, Matrix y);
  Matrix adjoint(Matrix x);
  /// i x
  Matrix rotate(Matrix x) { return {minus(x.im), x.re}; }
  Matrix half(Matrix x);

  enum class Part { kLower, kStrictlyLower, kUpper, kStrictlyUpper, kDiagonal, kOffDiagonal };
  /// The part of x; zero elsewhere.
  Matrix part(Matrix x, Part which);
  ir::Value part(ir::Value x, Part which);
  /// Where a part is: bool, of the shape of `like`.
  ir::Value where(const ir::Type& like, Part which);
  /// Hermitian, from the lower triangle.
  Matrix from_lower(Matrix x);
  /// Diagonal of the real part, a vector.
  ir::Value diagonal(ir::Value x);
  Matrix identity(const ir::Type& type);

  /// x_ij v_i and x_ij v_j for a real vector v [.., n]; the same with v spread to x's type.
  Matrix times_rows(Matrix x, ir::Value v) {
    return each(x, [&](ir::Value e) { return b_.mul(e, rows(v, b_.type(e))); });
  }
  Matrix times_columns(Matrix x, ir::Value v) {
    return each(x, [&](ir::Value e) { return b_.mul(e, columns(v, b_.type(e))); });
  }
  ir::Value rows(ir::Value v, const ir::Type& type);
  ir::Value columns(ir::Value v, const ir::Type& type);
  Matrix over(Matrix x, ir::Value by) {
    return each(x, [&](ir::Value e) { return b_.div(e, by); });
  }

  /// a^-1 x, a triangular.
  Matrix solve(Matrix a, Matrix x, ir::SolveAttr attr);
  /// x a^-1
  Matrix solve_right(Matrix a, Matrix x, ir::SolveAttr attr);

  Matrix columns_of(Matrix x, std::int64_t begin, std::int64_t end);
  Matrix beside(Matrix x, Matrix y);  ///< [x, y]
  /// Row i of the result is row order_i of x.
  Matrix permute_rows(Matrix x, ir::Value order);

  template <class F>
  Matrix each(Matrix x, F change) {
    return {x.re.valid() ? change(x.re) : ir::Value{}, x.im.valid() ? change(x.im) : ir::Value{}};
  }
  ir::Builder& builder() { return b_; }

 private:
  ir::Value plus(ir::Value x, ir::Value y) {
    return !x.valid() ? y : !y.valid() ? x : b_.add(x, y);
  }
  ir::Value minus(ir::Value x) { return x.valid() ? b_.neg(x) : x; }
  ir::Value product(ir::Value x, ir::Value y);

  ir::Builder& b_;
};

/// Number of rows and of columns.
std::int64_t rows_of(const ir::Type& t);
std::int64_t columns_of(const ir::Type& t);

}  // namespace cotangent::transform
