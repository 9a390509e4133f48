// Solves and factorisations of the last two axes, batched over the others, which broadcast.
// Integers become f64. Conventions (signs, order, what is read) and what runs:
// docs/linear_algebra.md.
#pragma once

#include "cotangent/array/complex.h"

namespace cotangent::array {

/// L and U in one matrix, and the rows of a in the order L U has them (i64): a[rows] = L U.
template <class M>
struct Lu {
  M lu;
  Array rows;
};
/// Q [m,k] with orthonormal columns, R [k,n] upper with diagonal >= 0; k = min(m, n).
template <class M>
struct Qr {
  M q, r;
};
/// Eigenvalues w, ascending; eigenvectors v as columns.
template <class M>
struct Eigh {
  Array w;
  M v;
};
/// U [m,k], singular values s, descending, and V^H [k,n].
template <class M>
struct Svd {
  M u;
  Array s;
  M vh;
};

struct TriangularOptions {
  bool lower = true;
  bool transposed = false;     ///< solve with the transpose, of complex ones the conjugate one
  bool unit_diagonal = false;  ///< take the diagonal as 1
};

Array cholesky(const Array& a);
Complex cholesky(const Complex& a);
Lu<Array> lu(const Array& a);
Lu<Complex> lu(const Complex& a);
Qr<Array> qr(const Array& a);
Qr<Complex> qr(const Complex& a);
Eigh<Array> eigh(const Array& a);
Eigh<Complex> eigh(const Complex& a);
Array eigvalsh(const Array& a);
Array eigvalsh(const Complex& a);
Svd<Array> svd(const Array& a);
Svd<Complex> svd(const Complex& a);

/// The x with a x = b. b with one axis is a vector; with more, matrices.
Array triangular_solve(const Array& a, const Array& b, TriangularOptions options = {});
Complex triangular_solve(const Complex& a, const Complex& b, TriangularOptions options = {});
Array solve(const Array& a, const Array& b);  ///< by lu; divides by zero where a is singular
Complex solve(const Complex& a, const Complex& b);
Array inv(const Array& a);
Complex inv(const Complex& a);
Array det(const Array& a);
Complex det(const Complex& a);
/// (sign, log |det a|): no overflow. Of a singular matrix 0 and -inf.
std::pair<Array, Array> slogdet(const Array& a);

}  // namespace cotangent::array
