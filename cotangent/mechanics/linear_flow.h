// N steps of a linear system at once, for any N, zero and negative ones too.
//
// `exact` is the flow itself, x(t0 + N dt). The name of a composition (plan.h) is the N-th power of
// that method's own matrix: what N of its steps give but for rounding. A map has its power only.
//
// Where there are normal modes (modes.h) each moves by itself: cosines of N dt w, taken in long
// double, and what a drive adds in closed form, resonant or not. Otherwise a matrix of up to
// kDenseFlow rows, the drives' own equations among them, is exponentiated or raised to a power; a
// larger sparse one acts on the state by its Taylor series (after Al-Mohy and Higham 2011).
//
// Deterministic. Errors besides rounding of the transforms: an angular frequency w is that of a
// matrix rounded to 2^-53, so a phase is off by about N dt w 2^-53 (phase_error).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "cotangent/mechanics/linear.h"
#include "cotangent/mechanics/modes.h"

namespace cotangent::mechanics {

inline constexpr std::int64_t kDenseFlow = 2048;

class LinearFlow {
 public:
  /// `modes`: whether to go by normal modes; nothing: where they are known. Throws UserError for a
  /// method that is no composition, or that cannot be one matrix here, and for modes that are not
  /// known.
  static std::shared_ptr<const LinearFlow> make(LinearSystem system,
                                                const std::string& method = "exact",
                                                std::optional<bool> modes = {});
  virtual ~LinearFlow() = default;

  /// x [batch, n], n = system().n entries each ((q, p), or x): from t0 on by `steps` steps of dt,
  /// in place.
  virtual void advance(std::span<double> x, std::int64_t steps, double dt, double t0 = 0) const = 0;

  /// "sine modes of 1000 sites", "a matrix of 12 rows", ...
  virtual std::string way() const = 0;
  /// The angular frequencies, ascending; empty where no modes are known. Of modes that grow, 0.
  virtual std::vector<double> frequencies() const { return {}; }
  /// Bound of a mode's phase error in radians after `steps` steps: N dt w eps of the fastest mode,
  /// eps = 2^-53. Without modes, of the matrix's norm.
  double phase_error(std::int64_t steps, double dt) const;
  /// Floating-point operations of one call of `advance` on one state, roughly; infinite where it
  /// would be refused.
  virtual double cost(std::int64_t steps, double dt) const = 0;

  const LinearSystem& system() const { return system_; }
  const std::string& method() const { return method_; }

 protected:
  LinearFlow(LinearSystem system, std::string method)
      : system_(std::move(system)), method_(std::move(method)) {}
  LinearSystem system_;
  std::string method_;
  double fastest_ = 0;  ///< angular frequency, or a bound of all
};

}  // namespace cotangent::mechanics
