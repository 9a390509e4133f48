// Hyperbolic functions, erf, roots.
#include "cotangent/transform/math_coefficients.h"
#include "cotangent/transform/math_functions.h"

namespace cotangent::transform {

namespace co = coefficients;

Num expand_sinh(Num x) {
  const Num a = abs(x);
  const Num t = at_most(a, 1.0), z = t * t;
  const Num small = fma(t * z, polynomial(co::kSinh, co::kSinhF, z), t);
  const Num h = expand_exp_scaled(a, {}, -1).value();  // e^|x| / 2
  const Num large = h - 0.25 / h;
  return copysign(select(a < 1.0, small, large), x);
}

Num expand_cosh(Num x) {
  const Num h = expand_exp_scaled(abs(x), {}, -1).value();
  return h + 0.25 / h;
}

/// Above 0.55, where tanh passes 1/2, what e^2x loses no longer counts double.
Num expand_tanh(Num x) {
  const bool narrow = x.f32();
  const Num a = at_most(abs(x), narrow ? 10.0 : 22.0);  // past that the result rounds to 1
  const Num z = a * a;
  const Num small = fma(a * z, polynomial(co::kTanh, co::kTanhF, z), a);
  const Num large = 1.0 - 2.0 / (expand_exp_inside(2.0 * a) + 1.0);
  return copysign(select(a < 0.55, small, large), x);
}

namespace {

constexpr double kTwoOverSqrtPi = 0x1.20dd750429b6dp+0, kTwoOverSqrtPiLow = 0x1.1ae3a914fed80p-56;

/// (erf(x) - 2/sqrt(pi) x) / x for |x| <= 1, given z = x^2; 2/sqrt(pi) as the type has it.
Num erf_tail(Num z, const Parts& slope) {
  return fma(z, polynomial(co::kErf, co::kErfF, z), slope.low);
}

}  // namespace

/// |x| <= 1: x P(x^2). Above: 1 - erfc, erfc(a) = e^(-a^2) P(t), t = (a - 3)/(a + 3) (the mapping
/// of Shepherd and Laframboise 1981); at 6 (4 in f32) and above that is 1.
Num expand_erf(Num x) {
  const Parts slope = parts(x, kTwoOverSqrtPi, kTwoOverSqrtPiLow);
  const Num a = at_most(abs(x), x.f32() ? 4.0 : 6.0);
  const Num z = a * a;
  const Num small = fma(a, slope.high, a * erf_tail(z, slope));
  const Num t = (a - 3.0) / (a + 3.0);
  const Num large = 1.0 - expand_exp_inside(-z) * polynomial(co::kErfOne, co::kErfOneF, t);
  return copysign(select(a < 1.0, small, large), x);
}

/// |x| < 1/2: 1 - erf x. Above: e^(-a^2) P(t)/(1 + 2a), t = (a - 3)/(a + 3) (after Shepherd and
/// Laframboise 1981), each factor to more than the type's digits; for x < 0, 2 minus that.
Num expand_erfc(Num x) {
  const bool narrow = x.f32();
  const Parts slope = parts(x, kTwoOverSqrtPi, kTwoOverSqrtPiLow);
  const Num p = x * slope.high, p_low = fma(x, slope.high, -p);
  const Num one_less = 1.0 - p, lost = (1.0 - one_less) - p;
  const Num small = one_less + (lost - fma(x, erf_tail(x * x, slope), p_low));

  const Num a = at_most(abs(x), narrow ? 10.5 : 28.0);  // past that the result rounds to 0
  const Num z = a * a;
  const Exponential e = expand_exp_scaled(-z, fma(-a, a, z), 0);
  const Num t = (a - 3.0) / (a + 3.0);
  const auto& c0 = narrow ? co::kErfcFirstF : co::kErfcFirst;
  const Parts first = parts(x, c0[0], c0[1]);
  const Num rest = fma(t, polynomial(co::kErfc, co::kErfcF, t), first.low);
  const Num n = first.high + rest, n_low = rest - (n - first.high);
  const Num d = fma(a, 2.0, a.with(1.0)), d_low = 1.0 - (d - 2.0 * a);
  const Num inverse = 1.0 / d;
  const Num q = n * inverse;
  const Num q_low = (fma(-q, d, n) + fma(-q, d_low, n_low)) * inverse;
  const Num head = fma(e.head, q, fma(e.head, q_low, e.tail * q));
  const Num large = head * e.power * e.factor;
  return select(abs(x) < 0.5, small, select(x < 0.0, 2.0 - large, large));
}

/// x = m 8^k, 1 <= m < 8: y = m^(-1/3) by a polynomial and one step of fourth order; then m y^2,
/// corrected by its residual.
Num expand_cbrt(Num x) {
  const bool narrow = x.f32();
  const int fraction = narrow ? 23 : 52;
  const Num a = abs(x);
  const Num tiny = a < (narrow ? 0x1p-126 : 0x1p-1022);
  const Num scaled = select(tiny, a * (narrow ? 0x1p24 : 0x1p54), a);
  const Num i = bits(scaled);
  const Num e = shift_right(i, fraction) - integer(i, narrow ? 127 : 1023);
  // floor(e/3), by n/3 = n*21846 >> 16 for 0 <= n < 5000
  const Num third = shift_right((e + integer(e, 3000)) * integer(e, 21846), 16);
  const Num k = third - integer(e, 1000);
  const Num m = from_bits(i - shift_left(integer(k, 3) * k, fraction));
  Num y = polynomial(co::kCbrt, co::kCbrtF, m);
  // e = 1 - m y^3: m^(-1/3) = y (1 - e)^(-1/3) = y (1 + e/3 + 2 e^2/9 + 14 e^3/81 + ...)
  for (int step = 0; step < (narrow ? 1 : 2); ++step) {
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
  const Num result = root * power * select(tiny, narrow ? 0x1p-8 : 0x1p-18, x.with(1.0));
  const Num finite = select((a == 0.0) | (a == kInfinity), a, result);
  return select(x == x, copysign(finite, x), x);
}

}  // namespace cotangent::transform
