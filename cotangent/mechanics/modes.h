// Normal modes of a linear canonical system dq/dt = W p, dp/dt = -K q with W positive definite:
// with W = L L^T and L^T K L = V diag(lambda) V^T, xi = V^T L^-1 q and eta = V^T L^T p move as
// dxi/dt = eta, deta/dt = -lambda xi, each by itself.
//
// A chain of equal sites (K tridiagonal with equal entries, ends held or free; or circulant) has
// sines, cosines or both for V, and its lambda are a formula, taken in long double: nothing of size
// n^2 is stored, and a transform is a sum over a table, or for more than 200 sites an FFT.
// Any other system of at most kDenseModes coordinates has modes by eigh; its lambda are then
// improved by the Rayleigh quotient in long double, which leaves of an error e of a vector e^2.
#pragma once

#include <memory>
#include <string>

#include "cotangent/mechanics/linear.h"

namespace cotangent::mechanics {

inline constexpr std::int64_t kDenseModes = 2048;

class Modes {
 public:
  /// Null where there are none of these kinds: not separable, W not positive definite, too large.
  static std::shared_ptr<const Modes> of(const LinearSystem& system);
  virtual ~Modes() = default;

  /// lambda of each mode: the square of its angular frequency, negative where it grows.
  const std::vector<long double>& lambda() const { return lambda_; }
  /// "sine modes of 1000 sites"
  const std::string& kind() const { return kind_; }
  std::int64_t count() const { return static_cast<std::int64_t>(lambda_.size()); }

  // Each of `count` numbers; in and out may be the same.
  virtual void to_xi(const double* q, double* xi) const = 0;
  virtual void to_eta(const double* p, double* eta) const = 0;
  virtual void to_q(const double* xi, double* q) const = 0;
  virtual void to_p(const double* eta, double* p) const = 0;

 protected:
  std::vector<long double> lambda_;
  std::string kind_;
};

}  // namespace cotangent::mechanics
