// Our elementary functions, each as a formula in the program's own ops (docs/functions.md states
// range and error). f64, and f32 in values of 32 bits alone, so that vectors hold twice as many.
#pragma once

#include "cotangent/transform/math_terms.h"

namespace cotangent::transform {

/// x = quadrant pi/2 + r + low, |r| at most about pi/4, for any finite x; NaN otherwise.
struct Angle {
  Num r, low;    // low has a value only where it was asked for
  Num quadrant;  // an integer whose two lowest bits count
};
Angle reduce_angle(Num x, bool keep_low = false);

Num expand_exp(Num x);
/// e^x for |x| <= 700 (80 in f32) only.
Num expand_exp_inside(Num x);
/// e^(x + low) * 2^scale, scale 0 or -1, low a small correction, as (head + tail) * power * factor:
/// short of the last product nothing overflows or is rounded for being small.
struct Exponential {
  Num head, tail, power, factor;
  Num value() const { return head * power * factor; }
};
Exponential expand_exp_scaled(Num x, Num low, std::int64_t scale);
Num expand_expm1(Num x);
Num expand_log(Num x);
Num expand_log1p(Num x);
Num expand_pow(Num x, Num y);
Num expand_sin(Num x);
Num expand_cos(Num x);
Num expand_tan(Num x);
Num expand_asin(Num x);
Num expand_acos(Num x);
Num expand_atan(Num x);
Num expand_atan2(Num y, Num x);
Num expand_sinh(Num x);
Num expand_cosh(Num x);
Num expand_tanh(Num x);
Num expand_erf(Num x);
Num expand_erfc(Num x);
Num expand_cbrt(Num x);

}  // namespace cotangent::transform
