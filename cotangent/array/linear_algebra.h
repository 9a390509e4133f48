// Solves and factorisations of the last two axes, batched over the others, which broadcast: "[m,n]"
// below is [..., m, n]. Integers become f64. A wrong shape is a UserError. cholesky
// of what is not positive definite is NaN from the first column that fails. Where an element is not
// finite the results of svd are NaN, and those of eigh up to 16 x 16; elsewhere they are NaN or
// infinite where that element takes part, and what it does not reach may be finite. Conventions
// (signs, order, what is read), methods and what runs: docs/linear_algebra.md.
#pragma once

#include "cotangent/array/complex.h"

namespace cotangent::array {

/// L (unit diagonal, below it) and U in one matrix [n,n], and the rows of a in the order L U has
/// them, i64 [n]: a[rows] = L U.
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
/// Eigenvalues w [n], real, ascending; orthonormal eigenvectors v [n,n], as columns.
template <class M>
struct Eigh {
  Array w;
  M v;
};
/// U [m,k], singular values s [k], real, descending, and V^H [k,n]; k = min(m, n).
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

/// The lower L [n,n] with L L^H = a, positive definite [n,n]; reads the lower triangle.
Array cholesky(const Array& a);
Complex cholesky(const Complex& a);
/// Of a [n,n], with partial pivoting.
Lu<Array> lu(const Array& a);
Lu<Complex> lu(const Complex& a);
/// Of a [m,n].
Qr<Array> qr(const Array& a);
Qr<Complex> qr(const Complex& a);
/// Of a symmetric (Hermitian) a [n,n]; reads the lower triangle. eigvalsh: the eigenvalues alone,
/// [n].
Eigh<Array> eigh(const Array& a);
Eigh<Complex> eigh(const Complex& a);
Array eigvalsh(const Array& a);
Array eigvalsh(const Complex& a);
/// Of a [m,n].
Svd<Array> svd(const Array& a);
Svd<Complex> svd(const Complex& a);

/// The x with a x = b, a [n,n] a triangle: the other one is not read. b [n] is a vector and so is
/// x; with more axes they are matrices [n,k]. Divides by zero where a is singular.
Array triangular_solve(const Array& a, const Array& b, TriangularOptions options = {});
Complex triangular_solve(const Complex& a, const Complex& b, TriangularOptions options = {});
/// The same for any a [n,n], by lu.
Array solve(const Array& a, const Array& b);
Complex solve(const Complex& a, const Complex& b);
/// The inverse [n,n] of a [n,n], by lu; divides by zero where a is singular.
Array inv(const Array& a);
Complex inv(const Complex& a);
/// The determinant, of shape [...], by lu.
Array det(const Array& a);
Complex det(const Complex& a);
/// (sign, log |det a|), each of shape [...]: no overflow. Of a singular matrix 0 and -inf.
std::pair<Array, Array> slogdet(const Array& a);

}  // namespace cotangent::array
