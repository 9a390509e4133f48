// Elementwise operations. Operands broadcast (numpy's rule) and promote (promote.h).
//
// Functions of reals take integers and bool as f64. Derivatives at kinks: docs/derivatives.md.
#pragma once

#include "cotangent/array/array.h"

namespace cotangent::array {

// --- arithmetic; integers wrap; of two bools + is | and * is &, and - is refused, as numpy has it
Array operator+(const Array& x, const Array& y);
Array operator-(const Array& x, const Array& y);
Array operator*(const Array& x, const Array& y);
Array operator/(const Array& x, const Array& y);  ///< always real, as numpy's
Array operator%(const Array& x, const Array& y);  ///< remainder
Array operator-(const Array& x);
inline Array operator+(const Array& x) {
  return x;
}

/// floor(x / y), and what is left, with the sign of y. Integers by zero give 0 and 0. Reals: exact
/// as numpy's while |x / y| < 2^53.
Array floor_divide(const Array& x, const Array& y);
Array remainder(const Array& x, const Array& y);
inline Array mod(const Array& x, const Array& y) {
  return remainder(x, y);
}

/// Reals: x^y. Integers to integers: wraps; the exponents are computed now, and a negative one is
/// refused. In a traced function they are not known: a negative one gives 0 there.
Array power(const Array& x, const Array& y);
inline Array pow(const Array& x, const Array& y) {
  return power(x, y);
}
Array fma(const Array& x, const Array& y, const Array& z);  ///< x*y + z, rounded once

// --- comparisons; false where NaN takes part, but != is true
Array operator<(const Array& x, const Array& y);
Array operator<=(const Array& x, const Array& y);
Array operator>(const Array& x, const Array& y);
Array operator>=(const Array& x, const Array& y);
Array operator==(const Array& x, const Array& y);
Array operator!=(const Array& x, const Array& y);

// --- logic (any type: not zero is true), and bits (integers and bool)
Array logical_and(const Array& x, const Array& y);
Array logical_or(const Array& x, const Array& y);
Array logical_xor(const Array& x, const Array& y);
Array logical_not(const Array& x);
Array operator&(const Array& x, const Array& y);
Array operator|(const Array& x, const Array& y);
Array operator^(const Array& x, const Array& y);
Array operator~(const Array& x);
inline Array operator!(const Array& x) {
  return logical_not(x);
}
/// The shift count is taken modulo the number of bits; right shifts keep the sign.
Array left_shift(const Array& x, const Array& y);
Array right_shift(const Array& x, const Array& y);

/// x where the condition holds, else y; what is not chosen leaks nothing, NaN and gradients
/// included.
Array where(const Array& condition, const Array& x, const Array& y);
template <Number X, Number Y>
Array where(const Array& condition, X x, Y y) {
  return where(condition, Array(x), Array(y));
}
Array maximum(const Array& x, const Array& y);  ///< NaN if either is
Array minimum(const Array& x, const Array& y);
Array clip(const Array& x, const Array& low, const Array& high);

// --- of any number
Array abs(const Array& x);
Array sign(const Array& x);
Array square(const Array& x);
Array floor(const Array& x);  ///< integers are returned as they are; so are ceil's and round's
Array ceil(const Array& x);
Array round(const Array& x);  ///< ties to even
Array trunc(const Array& x);
Array isfinite(const Array& x);
Array isnan(const Array& x);
Array isinf(const Array& x);

// --- functions of reals
Array reciprocal(const Array& x);
Array sqrt(const Array& x);
Array rsqrt(const Array& x);  ///< 1 / sqrt(x)
Array cbrt(const Array& x);
Array exp(const Array& x);
Array exp2(const Array& x);
Array expm1(const Array& x);
Array log(const Array& x);
Array log2(const Array& x);   ///< log(x) / log(2)
Array log10(const Array& x);  ///< log(x) / log(10)
Array log1p(const Array& x);
Array sin(const Array& x);
Array cos(const Array& x);
Array tan(const Array& x);
Array asin(const Array& x);
Array acos(const Array& x);
Array atan(const Array& x);
Array atan2(const Array& y, const Array& x);
Array hypot(const Array& x, const Array& y);  ///< sqrt(x^2 + y^2), scaled: no overflow on the way
Array sinh(const Array& x);
Array cosh(const Array& x);
Array tanh(const Array& x);
Array asinh(const Array& x);
Array acosh(const Array& x);
Array atanh(const Array& x);
Array erf(const Array& x);
Array erfc(const Array& x);  ///< 1 - erf(x), to the last places where that is small
Array degrees(const Array& x);
Array radians(const Array& x);

inline Array add(const Array& x, const Array& y) {
  return x + y;
}
inline Array subtract(const Array& x, const Array& y) {
  return x - y;
}
inline Array multiply(const Array& x, const Array& y) {
  return x * y;
}
inline Array divide(const Array& x, const Array& y) {
  return x / y;
}
inline Array negative(const Array& x) {
  return -x;
}

/// Whether all elements agree: |x - y| <= atol + rtol |y|. Evaluates.
bool allclose(const Array& x, const Array& y, double rtol = 1e-5, double atol = 1e-8);

}  // namespace cotangent::array
