// Lie algebras by their structure constants, and the Lie-Poisson structures they make.
//
// [e_i, e_j] = sum_k c_ij^k e_k gives J_ij(x) = -sum_k c_ij^k x_k on the dual, x_k = <x, e_k>: the
// minus bracket, of left-invariant (body) variables (Marsden and Ratiu, Introduction to Mechanics
// and Symmetry, section 13.1). For so(3) J(x) g = x cross g: Euler's equations. The Jacobi identity
// of J is that of the algebra.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// One non-zero c_ij^k.
struct StructureConstant {
  std::int64_t i = 0, j = 0, k = 0;
  double value = 0;
};

struct LieAlgebra {
  std::string name;
  std::vector<std::string> basis;  ///< names of the coordinates, in order
  std::vector<StructureConstant> constants;
  std::int64_t dimension() const { return static_cast<std::int64_t>(basis.size()); }
};

/// "so3": x as a vector. "so4": L01 L02 L03 L12 L13 L23. "se2": turn, then the two translations.
/// "se3": (Pi, Gamma), turns then translations. "sl2", "sl3", "sl4": E_ij for i != j, row by row,
/// then H_i = E_ii - E_(i+1)(i+1); sl2 is e, f, h. "heisenberg": x, y, z with [x, y] = z.
std::vector<std::string> algebra_names();
/// "so(3)" is "so3". Null when unknown.
const LieAlgebra* algebra_named(const std::string& name);

/// An algebra from a basis of square matrices, whose commutators must be combinations of it
/// (UserError). Each matrix row-major, all of one size.
LieAlgebra algebra_of_matrices(const std::string& name, std::vector<std::string> basis,
                               const std::vector<std::vector<double>>& matrices);

/// J(x): (x: f64 [n], t, parameters...) -> f64 [n, n]
ir::FunctionPtr lie_poisson_matrix(const LieAlgebra& algebra,
                                   const std::vector<Parameter>& parameters = {});
/// {., .} of a named algebra with the parameters of a system; UserError for an unknown name.
Structure lie_poisson(const std::string& algebra, const std::vector<Parameter>& parameters = {});

/// The algebra whose structure J is, where J is proved to be linear in x and to depend on nothing
/// else; else nothing.
std::optional<LieAlgebra> linear_structure(const ir::Function& poisson);

/// A function that commutes with every other one, C with J grad C = 0.
struct Casimir {
  std::string name;       ///< as a polynomial, "x[0]^2 + x[1]^2 + x[2]^2", or "tr X^3"
  ir::FunctionPtr value;  ///< (x, t, parameters...) -> f64
};

/// A basis of the Casimirs of degree one and two (without products of those of degree one), by
/// linear algebra on the structure constants; of sl(n) the traces of the third power and on, of the
/// matrix X that n x is in the trace form, too.
std::vector<Casimir> casimirs_of(const LieAlgebra& algebra,
                                 const std::vector<Parameter>& parameters = {});

}  // namespace cotangent::mechanics
