// Explicit Runge-Kutta methods, fixed and adaptive, and the iteration of maps.
//
//   k_i = f(x + h sum_j a_ij k_j, t + c_i h)      x' = x + h sum_i b_i k_i
// They serve any vector field: equations, brackets, and canonical systems too, whose energy they do
// not keep.
//
// Adaptive (Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, II.4): a step of dt
// is filled with inner steps whose estimated error, in units of atol + rtol max(|x|, |x'|), is at
// most 1 in the root mean square. The output stays at multiples of dt, and the last inner step ends
// there exactly. What is carried besides the state is the size of the next inner step.
#pragma once

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// A Butcher tableau of an explicit method.
struct Tableau {
  std::string name;
  int order = 0;
  std::vector<std::vector<double>> a;  ///< row i has i entries
  std::vector<double> b, c;
  std::vector<double> error;  ///< b - b^, of the estimate of the error; empty: there is none
  int estimate_order = 0;     ///< of b^
  std::string source;

  std::size_t stages() const { return b.size(); }
  /// Whether the last stage is the first one of the next step.
  bool first_same_as_last() const;
};

/// "explicit_euler", "rk4", "dopri5": Dormand and Prince's 5(4).
const std::vector<Tableau>& tableaus();
const Tableau* tableau_named(const std::string& name);  ///< null when unknown

/// Steps of dt. For any system but a map; UserError for that.
Integrator runge_kutta(const System& system, const Tableau& tableau);

/// What an adaptive method is asked for.
struct Tolerances {
  double rtol = 1e-8, atol = 1e-10;
  std::int64_t max_inner = 1000;  ///< inner steps of one dt, rejected ones too; more are a fault
};

/// Steps of dt filled with inner ones. Derivatives hold the inner steps at the fractions of dt that
/// they had. UserError for a tableau without an estimate, and for a map.
Integrator adaptive_runge_kutta(const System& system, const Tableau& tableau,
                                const Tolerances& tolerances = {});

/// x' = f(x, k) with k = t0 + step, whatever dt is. UserError for what is no map.
Integrator iterate_map(const System& system);

}  // namespace cotangent::mechanics
