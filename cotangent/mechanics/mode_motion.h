// The motion of one normal mode: dxi/dt = eta + a(t), deta/dt = -lambda xi + b(t).
#pragma once

#include <cstdint>

#include "cotangent/mechanics/linear.h"
#include "cotangent/mechanics/splitting.h"

namespace cotangent::mechanics {

/// (xi, eta) -> m (xi, eta) + (xi, eta).
struct ModeStep {
  long double m[2][2] = {{1, 0}, {0, 1}};
  long double xi = 0, eta = 0;

  void apply(double& x, double& y) const {
    const long double a = x, b = y;
    x = static_cast<double>(m[0][0] * a + m[0][1] * b + xi);
    y = static_cast<double>(m[1][0] * a + m[1][1] * b + eta);
  }
};

/// What moves a mode and does not change.
struct ModePush {
  long double xi = 0, eta = 0;
};

/// The exact motion over a time: cos(w t), sin(w t)/w.
ModeStep free_motion(long double lambda, long double time);

/// `steps` steps of a splitting, the power of its matrix.
ModeStep composed_motion(const Coefficients& splitting, long double lambda, double dt,
                         std::int64_t steps, const ModePush& push);

/// The integrals over s from 0 to `time` of sin(w(time - s))/w f(t0 + s) and of cos(w(time - s))
/// f(t0 + s), f a drive's function of time (Duhamel). Both are finite in resonance.
struct Response {
  long double sine = 0, cosine = 0;
};
Response response(long double lambda, long double time, long double t0, const Drive& f);

}  // namespace cotangent::mechanics
