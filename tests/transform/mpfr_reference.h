// The correctly rounded reference of every elementary function, from MPFR, and errors in units of
// the last place.
#pragma once

#include <mpfr.h>

#include <algorithm>
#include <cmath>

#include "cotangent/base/error.h"
#include "cotangent/ir/op.h"

namespace cotangent {

/// result = op(x) or op(x, y), rounded to result's precision.
inline int mpfr_reference(ir::Op op, mpfr_t result, const mpfr_t x, const mpfr_t y) {
  using ir::Op;
  constexpr mpfr_rnd_t kNearest = MPFR_RNDN;
  switch (op) {
    case Op::kRsqrt: return mpfr_rec_sqrt(result, x, kNearest);
    case Op::kCbrt: return mpfr_cbrt(result, x, kNearest);
    case Op::kExp: return mpfr_exp(result, x, kNearest);
    case Op::kExpm1: return mpfr_expm1(result, x, kNearest);
    case Op::kLog: return mpfr_log(result, x, kNearest);
    case Op::kLog1p: return mpfr_log1p(result, x, kNearest);
    case Op::kSin: return mpfr_sin(result, x, kNearest);
    case Op::kCos: return mpfr_cos(result, x, kNearest);
    case Op::kTan: return mpfr_tan(result, x, kNearest);
    case Op::kAsin: return mpfr_asin(result, x, kNearest);
    case Op::kAcos: return mpfr_acos(result, x, kNearest);
    case Op::kAtan: return mpfr_atan(result, x, kNearest);
    case Op::kSinh: return mpfr_sinh(result, x, kNearest);
    case Op::kCosh: return mpfr_cosh(result, x, kNearest);
    case Op::kTanh: return mpfr_tanh(result, x, kNearest);
    case Op::kErf: return mpfr_erf(result, x, kNearest);
    case Op::kErfc: return mpfr_erfc(result, x, kNearest);
    case Op::kPow: return mpfr_pow(result, x, y, kNearest);
    case Op::kAtan2: return mpfr_atan2(result, x, y, kNearest);
    default: throw InternalError("no reference for this op");
  }
}

/// The last place of a number of the type (f32: narrow), gradual underflow included.
inline double ulp_of(double value, bool narrow) {
  int exponent = 0;
  std::frexp(value, &exponent);
  return narrow ? std::ldexp(1.0, std::max(exponent - 24, -149))
                : std::ldexp(1.0, std::max(exponent - 53, -1074));
}

/// Error of `got` in ulp of the exact value; 1e30 where one of them is special and the other is not
/// the same.
inline double ulp_error(double got, const mpfr_t exact, bool narrow) {
  const double nearest = mpfr_get_d(exact, MPFR_RNDN);
  const double rounded = narrow ? static_cast<double>(static_cast<float>(nearest)) : nearest;
  if (got == rounded || (std::isnan(got) && std::isnan(rounded))) return 0;
  if (!std::isfinite(got) || !std::isfinite(rounded)) return 1e30;
  mpfr_t difference;
  mpfr_init2(difference, 140);
  mpfr_d_sub(difference, got, exact, MPFR_RNDN);
  mpfr_div_d(difference, difference, ulp_of(nearest, narrow), MPFR_RNDN);
  const double error = std::fabs(mpfr_get_d(difference, MPFR_RNDN));
  mpfr_clear(difference);
  return error;
}

}  // namespace cotangent
