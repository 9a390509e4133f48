// Splittings: how a step is put together from flows of parts of the energy.
//
// A step is a palindrome of kicks and drifts, a kick first,
//   p -= kick_0 h dH/dq
//   for k = 1 .. s:  q += drift_k h dH/dp ;  p -= kick_k h dH/dq
// and the gradient at its end is the one at the start of the next: s evaluations a step. A
// composition of leapfrogs gamma_1 .. gamma_s is the case drift_k = gamma_k, kick_k = (gamma_k +
// gamma_(k+1))/2; it may be made of any other symmetric step of order 2 as well (split_flows.h),
// which the other variants may not.
//
// The table is made by tools/solve_splittings.py, which writes the order conditions, solves them
// from random starts and prints residuals and error constants; splitting_test.cpp checks every row
// again.
#pragma once

#include <string>
#include <vector>

namespace cotangent::mechanics {

struct Splitting {
  enum class Variant {
    kComposition,    ///< of any symmetric step of order 2
    kTwoWay,         ///< of two exact flows T | V
    kNystroem,       ///< of two exact flows, T quadratic in p: [V, [V, [V, T]]] = 0
    kForceGradient,  ///< likewise, and kicks read V + c h^2 |grad V|^2
  };
  /// A kick, then a drift, of a processor.
  struct KickDrift {
    double kick = 0, drift = 0;
  };

  std::string name;
  int order = 2;
  Variant variant = Variant::kComposition;
  std::vector<double> gamma;  ///< of a composition only; palindromic, summing to 1
  double first_kick = 0.5;
  std::vector<double> drift = {1}, kick = {0.5};  ///< one a stage; palindromic with first_kick
  /// c_0 .. c_s of kForceGradient, the kick k being p -= kick_k h grad V - c_k h^3 grad(grad V .
  /// M^-1 grad V); else empty.
  std::vector<double> force_gradient = {};
  /// Of a processed method: made once before the first step, and undone where somebody looks. The
  /// order is that of processor, steps, processor undone.
  std::vector<KickDrift> processor = {};
  /// Norm of the leading error's coefficients, of the Lyndon words over kicks and drifts: for any
  /// T | V (NaN where the method needs T quadratic), and for T quadratic in p.
  double error = 0, error_quadratic = 0;
  double residual = 0;  ///< largest violation of an order condition, before rounding to double
  std::string source;   ///< author, year, equation; or the random start it was solved from

  int stages() const { return static_cast<int>(drift.size()); }
  bool processed() const { return !processor.empty(); }
  /// Whether kicks and drifts alone make its steps (no force gradient, no processor).
  bool plain() const { return force_gradient.empty() && processor.empty(); }
  /// stages times the order-th root of the error constant: at equal work, the error is this number
  /// times a step of one force evaluation, to the power of the order.
  double effective_error(bool quadratic_kinetic) const;
};

/// All of them, the chosen one of each order and variant first.
const std::vector<Splitting>& splittings();
/// The chosen one of an even order 2..10 and a variant; null when there is none.
const Splitting* splitting_for(int order, Splitting::Variant variant);
/// The chosen composition of leapfrogs of an even order 2..10.
const Splitting& composition_for(int order);
/// The plain method of least effective error of an order. `quadratic_kinetic`: T is quadratic in p.
/// `moving_kinetic`: T depends on time, which leaves compositions only.
const Splitting& best_splitting(int order, bool quadratic_kinetic, bool moving_kinetic);
/// By name, or another name ("verlet"); null when unknown.
const Splitting* splitting_named(const std::string& name);

/// Kick, drift and time coefficients of a splitting's step.
struct Coefficients {
  double first_kick = 0;
  std::vector<double> drift = {}, kick = {};              ///< one a stage
  std::vector<double> time_before = {}, time_after = {};  ///< c_{k-1}, c_k; the last is exactly 1
};
Coefficients coefficients_of(const Splitting& splitting);

}  // namespace cotangent::mechanics
