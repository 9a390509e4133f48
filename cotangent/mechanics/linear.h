// Systems whose equations of motion are linear, as matrices.
//
//   canonical with H of degree 2 in q and p together, a bracket with a constant J, equations:
//     dx/dt = A x + sum of drives(t)
//   a map:                 x -> A x + constant
// x is (q, p), each row-major, or the state of the other forms. A comes from the program by
// directional derivatives (sparse.h), so a large sparse one is never dense. That the equations are
// linear is proved by degrees (dependence.h); what is read off numerically is its entries at the
// system's parameters.
#pragma once

#include <complex>
#include <string>
#include <vector>

#include "cotangent/mechanics/sparse.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// A part of the right-hand side that reads only the time: amplitude t^power e^(decay t) cos(w t)
/// or sin(w t).
struct Drive {
  int power = 0;
  long double decay = 0, w = 0;
  bool sine = false;
  std::vector<double> amplitude;  ///< one an entry of x

  long double factor(long double t) const;
};

struct LinearSystem {
  Form form = Form::kCanonical;
  Shape shape;         ///< of q (canonical), or [n]
  std::int64_t n = 0;  ///< entries of x
  SparseMatrix a;      ///< [n, n]
  std::vector<Drive> drives;
  /// Of a canonical system whose H has no product of a q and a p: dq/dt = inverse_mass p + ...,
  /// dp/dt = -stiffness q + ...
  bool separable = false;
  SparseMatrix inverse_mass, stiffness;
};

/// Throws UserError where the equations are not proved linear (names the term), where the
/// coefficients depend on time, and where what depends on time is not a sum of powers, decays and
/// cosines.
LinearSystem linear_system(const System& system);

}  // namespace cotangent::mechanics
