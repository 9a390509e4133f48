// Eigenvalues of symmetric matrices that are known by what they do to a vector.
#pragma once

#include <functional>
#include <vector>

namespace cotangent::mechanics {

using Vector = std::vector<double>;
using Apply = std::function<Vector(const Vector&)>;

/// All of them, by Jacobi rotations (small n), in no order.
std::vector<double> all_eigenvalues(const Apply& apply, std::size_t n);

/// Those of the tridiagonal matrix of `steps` steps of Lanczos with full reorthogonalisation, from
/// one fixed start: the extremes are near the matrix's, from within (Lanczos 1950).
std::vector<double> lanczos(const Apply& apply, std::size_t n, int steps);

}  // namespace cotangent::mechanics
