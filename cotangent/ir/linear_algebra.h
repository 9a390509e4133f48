// Triangular solves and factorisations of the last two axes: type rules and reference evaluation.
//
// A complex matrix is a pair of real ones, real part first, among operands and among results:
//   triangular_solve  (a, b) -> x                    cholesky  a -> L
//   lu                a -> LU, rows (i64)            qr        a -> Q, R
//   eigh              a -> w, V                      svd       a -> U, s, V^H
// w, s and rows stay single. Conventions that make results unique: the diagonals of L and R are
// real and not negative; of an eigenvector, and of a column of U, the first component that is at
// least half as large as the largest is real and positive. Vectors of one eigenvalue or singular
// value that is there several times are any orthonormal ones.
#pragma once

#include <span>
#include <vector>

#include "cotangent/ir/attr.h"
#include "cotangent/ir/op.h"

namespace cotangent::ir {

/// Whether a linear-algebra attribute says that matrices are complex.
bool has_pairs(const Attr& attr);

/// Throws UserError "[op] ..." when the operands do not fit.
std::vector<Type> infer_linear_algebra(Op op, std::span<const Type> operands, const Attr& attr);

/// Textbook code: substitution, unblocked Cholesky, LU with partial pivoting, Householder QR,
/// cyclic Jacobi for eigh, one-sided Jacobi and a QR of its columns for svd. In f32 or f64 as the
/// operands are; f64 in long double when `extended`.
std::vector<Tensor> evaluate_linear_algebra(Op op, Operands operands, const Attr& attr,
                                            std::span<const Type> types, bool extended);

}  // namespace cotangent::ir
