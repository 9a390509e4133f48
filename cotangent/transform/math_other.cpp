// Hyperbolic functions, erf, roots.
#include "cotangent/transform/math_coefficients.h"
#include "cotangent/transform/math_functions.h"

namespace cotangent::transform {

namespace co = coefficients;

namespace {

Num in_f64(Num x, Num (*f)(Num)) {
  return cast(f(cast(x, DType::kF64)), DType::kF32);
}

}  // namespace

Num expand_sinh(Num x) {
  if (x.f32()) return in_f64(x, expand_sinh);
  const Num a = abs(x);
  const Num t = at_most(a, 1.0), z = t * t;
  const Num small = fma(t * z, polynomial(co::kSinh, z), t);
  const Num h = expand_exp_scaled(a, {}, -1);  // e^|x| / 2
  const Num large = h - 0.25 / h;
  return copysign(select(a < 1.0, small, large), x);
}

Num expand_cosh(Num x) {
  if (x.f32()) return in_f64(x, expand_cosh);
  const Num h = expand_exp_scaled(abs(x), {}, -1);
  return h + 0.25 / h;
}

/// Above 0.55, where tanh passes 1/2, what e^2x loses no longer counts double.
Num expand_tanh(Num x) {
  const bool narrow = x.f32();
  const Num a = at_most(abs(x), narrow ? 10.0 : 22.0);  // past that the result rounds to 1
  const Num z = a * a;
  const Num q = narrow ? polynomial(co::kTanhF, z) : polynomial(co::kTanh, z);
  const Num small = fma(a * z, q, a);
  const Num large = 1.0 - 2.0 / (expand_exp_inside(2.0 * a) + 1.0);
  return copysign(select(a < 0.55, small, large), x);
}

/// |x| <= 1: x P(x^2). Above: 1 - erfc, erfc(a) = e^(-a^2) P(t), t = (a - 3)/(a + 3) (the mapping
/// of Shepherd and Laframboise 1981); at 6 and above that is 1.
Num expand_erf(Num x) {
  if (x.f32()) return in_f64(x, expand_erf);
  const Num a = at_most(abs(x), 6.0);
  const Num z = a * a;
  constexpr double kTwoOverSqrtPi = 0x1.20dd750429b6dp+0, kTwoOverSqrtPiLow = 0x1.1ae3a914fed80p-56;
  const Num small = fma(a, kTwoOverSqrtPi, a * fma(z, polynomial(co::kErf, z), kTwoOverSqrtPiLow));
  const Num t = (a - 3.0) / (a + 3.0);
  const Num large = 1.0 - expand_exp_inside(-z) * polynomial(co::kErfc, t);
  return copysign(select(a < 1.0, small, large), x);
}

/// x = m 8^k, 1 <= m < 8: y = m^(-1/3) by a polynomial and one step of fourth order; then m y^2,
/// corrected by its residual.
Num expand_cbrt(Num x) {
  if (x.f32()) return in_f64(x, expand_cbrt);
  const Num a = abs(x);
  const Num tiny = a < 0x1p-1022;
  const Num scaled = select(tiny, a * 0x1p54, a);
  const Num i = bits(scaled);
  const Num e = shift_right(i, 52) - integer(i, 1023);
  // floor(e/3), by n/3 = n*21846 >> 16 for 0 <= n < 5000
  const Num third = shift_right((e + integer(e, 3000)) * integer(e, 21846), 16);
  const Num k = third - integer(e, 1000);
  const Num m = from_bits(i - shift_left(integer(k, 3) * k, 52));
  Num y = polynomial(co::kCbrt, m);
  // e = 1 - m y^3: m^(-1/3) = y (1 - e)^(-1/3) = y (1 + e/3 + 2 e^2/9 + 14 e^3/81 + ...)
  for (int step = 0; step < 2; ++step) {
    const Num r = fma(-(m * y), y * y, 1.0);
    const Num series = fma(fma(r, 2.0 / 9, r.with(1.0 / 3)), r, r.with(0.0));
    y = fma(y, series, y);
  }
  const Num y2 = y * y;
  const Num c = m * y2;
  // c - m^(1/3) is (c^3 - m)/(3 c^2) to first order, and 1/(3 c^2) is y^2/3.
  const Num c2 = c * c, c2_low = fma(c, c, -c2);
  const Num cube = c2 * c;
  const Num residual = (cube - m) + fma(c2, c, -cube) + c2_low * c;
  const Num root = fma(residual, y2 * (-1.0 / 3), c);
  const Num power = exp2_integer(k);
  const Num result = root * power * select(tiny, 0x1p-18, x.with(1.0));
  const Num finite = select((a == 0.0) | (a == kInfinity), a, result);
  return select(x == x, copysign(finite, x), x);
}

}  // namespace cotangent::transform
