// How fast neighbouring trajectories of any step function come apart: the spectrum of Lyapunov
// exponents and MEGNO, with the tangent map beside the run in one kernel.
//
// Spectrum: a frame of m tangent vectors goes along with the state and is orthonormalised every few
// steps; the mean logarithms of the lengths are the exponents (Shimada and Nagashima 1979;
// Benettin, Galgani, Giorgilli and Strelcyn 1980). In a canonical system the frame starts as
// q1..qn, pn..p1: in this order the triangular factors of symplectic matrices are symplectic, so
// lengths k and 2n + 1 - k multiply to 1 at every step, and not only in the mean (Carpintero and
// Muzzio 2023 found that the order matters). What is given as `pairing` is measured, not imposed.
//
// MEGNO (Cincotta and Simo 2000; Cincotta, Giordano and Simo 2003, for maps): with d_k the length
// of a tangent vector after k steps
//   Y_n = 2/n sum_(k <= n) k ln(d_k / d_(k-1)),     <Y>_n = 1/n sum_(k <= n) Y_k
// <Y> goes to 2 for quasi-periodic motion, and grows as half the largest exponent times the time
// for chaotic motion.
#pragma once

#include <functional>
#include <vector>

#include "cotangent/ir/tensor.h"
#include "cotangent/mechanics/integrator.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::mechanics {

inline constexpr std::int64_t kMostExponents = 128;

struct LyapunovOptions {
  std::int64_t exponents = 0;  ///< the largest so many; 0: all
  std::int64_t every = 10;     ///< steps between orthonormalisations
  std::int64_t transient = 0;  ///< steps before anything is counted
  std::int64_t samples = 64;   ///< of the running values; also the blocks of the errors
  bool canonical = false;      ///< the state is q and p: frame order, and pairs
  bool reference = false;      ///< on the reference evaluator
  runtime::CompileOptions compile;
  /// Asked at least about every 0.05 s, with the steps done; false ends it with a UserError.
  std::function<bool(std::int64_t)> goes_on;
};

struct LyapunovResult {
  std::vector<double> exponents;  ///< largest first as a rule; per unit of time (dt times steps)
  /// Standard errors, from the spread of blocks of the run; correlations beyond a block and the
  /// slow approach to the limit are not in them.
  std::vector<double> errors;
  double sum = 0;      ///< of the exponents: the mean rate at which volumes grow
  double pairing = 0;  ///< largest |exponent k + exponent 2n + 1 - k| of a canonical one; else NAN
  std::int64_t steps = 0;         ///< counted
  std::vector<double> t;          ///< of the samples, from the end of the transient
  std::vector<double> running;    ///< [samples, m]: exponents so far
  std::vector<ir::Tensor> carry;  ///< where the run ended
};

/// (carry..., frame..., sums: f64 [m], first, count: i64, t0, dt, parameters...) -> (carry...,
/// frame..., sums). One iteration is `every` steps and an orthonormalisation; iteration k starts
/// with step k * every, and the logarithms of the lengths are added to the sums. Of each row of a
/// frame the entries of the first arrays of the carry, as many as the state has, make its length.
ir::FunctionPtr lyapunov_program(const Integrator& integrator, std::int64_t m, std::int64_t every,
                                 std::int64_t trip);

/// `state` and `parameters` as the integrator's programs take them; dt is 1 for a map. UserError
/// for a state that is not f64, for no steps, for more exponents than kMostExponents, for a run
/// that stops being finite, and for a tangent vector that becomes zero.
LyapunovResult lyapunov_spectrum(const Integrator& integrator, const std::vector<ir::Tensor>& state,
                                 const std::vector<ir::Tensor>& parameters, double t0, double dt,
                                 std::int64_t steps, const LyapunovOptions& options = {});

struct MegnoResult {
  double megno = 0;      ///< Y at the end
  double mean = 0;       ///< <Y> at the end
  double lyapunov = 0;   ///< twice the slope of <Y> over the second half, per unit of time
  bool chaotic = false;  ///< <Y> is above 3 and still rising
  std::vector<double> t, y, mean_y;  ///< samples
};

/// The vector starts as all ones of unit length, which is no symmetry's.
MegnoResult megno(const Integrator& integrator, const std::vector<ir::Tensor>& state,
                  const std::vector<ir::Tensor>& parameters, double t0, double dt,
                  std::int64_t steps, const LyapunovOptions& options = {});

/// (carry..., frame... [1, ..], sums: f64 [2], first, count, t0, dt, parameters...) -> (carry...,
/// frame..., sums): sum k ln(d_k / d_(k-1)) and sum Y_k, the vector of unit length after each step.
ir::FunctionPtr megno_program(const Integrator& integrator, std::int64_t trip);

}  // namespace cotangent::mechanics
