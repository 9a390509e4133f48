// Circular functions and their inverses. The angle is reduced in math_angle.cpp.
#include "cotangent/transform/math_coefficients.h"
#include "cotangent/transform/math_functions.h"

namespace cotangent::transform {

namespace co = coefficients;

namespace {

constexpr double kPi = 0x1.921fb54442d18p+1, kPiLow = 0x1.1a62633145c07p-53;

/// An unevaluated sum, head + tail.
struct Sum {
  Num head, tail;
  Num value() const { return head + tail; }
};

Sum sin_sum(const Angle& a) {
  const Num z = a.r * a.r;
  const Num cube = z * a.r;
  // sin(r + low) = sin r + low (1 - r^2/2)
  return {a.r, fma(cube, polynomial(co::kSin, co::kSinF, z), fma(a.low * z, -0.5, a.low))};
}
/// r + r t(z). Where z = 0 so is t, with a plus: sin(-0) = -0 comes by itself.
Num sin_poly(const Angle& a) {
  const Num z = a.r * a.r;
  const std::vector<double> c = coefficients_for(z, co::kSin, co::kSinF);
  const Num t = fma(z * z, polynomial(std::span(c).subspan(1), z), z * c[0]);
  return fma(t, a.r, a.r);
}

Sum cos_sum(const Angle& a) {
  const Num z = a.r * a.r;
  const Num w = fma(z, -0.5, z.with(1.0));
  const Num rounding = fma(z, -0.5, 1.0 - w);
  const Num rest = a.low.b ? fma(-a.r, a.low, rounding) : rounding;
  return {w, fma(z * z, polynomial(co::kCos, co::kCosF, z), rest)};
}
/// 1 - z/2 + z^2 P(z) with two roundings, and never above 1.
Num cos_poly(const Angle& a) {
  const Num z = a.r * a.r;
  return fma(z, fma(z, polynomial(co::kCos, co::kCosF, z), -0.5), z.with(1.0));
}

Num bit(Num i, std::int64_t mask) {
  return (i & integer(i, mask)) != 0.0;
}

}  // namespace

Num expand_sin(Num x) {
  const Angle a = reduce_angle(x);
  const Num y = select(bit(a.quadrant, 1), cos_poly(a), sin_poly(a));
  return select(bit(a.quadrant, 2), -y, y);
}

Num expand_cos(Num x) {
  const Angle a = reduce_angle(x);
  const Num y = select(bit(a.quadrant, 1), sin_poly(a), cos_poly(a));
  return select(bit(a.quadrant, 1) ^ bit(a.quadrant, 2), -y, y);
}

Num expand_tan(Num x) {
  const Angle a = reduce_angle(x, true);
  const Sum s = sin_sum(a), c = cos_sum(a);
  const Num odd = bit(a.quadrant, 1);
  // The quotient of the rounded sums, corrected by what the sums and the division lost.
  const Num n = select(odd, -c.value(), s.value()), d = select(odd, s.value(), c.value());
  const Num s_low = s.tail - (s.value() - s.head), c_low = c.tail - (c.value() - c.head);
  const Num n_low = select(odd, -c_low, s_low), d_low = select(odd, s_low, c_low);
  const Num q = n / d;
  const Num y = q + (fma(-q, d, n) + fma(-q, d_low, n_low)) / d;
  return select(x == 0.0, x, y);
}

namespace {

/// asin over |t| <= 1/2, given z = t^2: t + t z A(z).
Num asin_tail(Num z) {
  return z * polynomial(co::kAsin, co::kAsinF, z);
}

}  // namespace

Num expand_asin(Num x) {
  const Parts pi = parts(x, kPi, kPiLow);
  const Num a = abs(x);
  const Num near_one = a > 0.5;
  const Num z = select(near_one, 0.5 * (1.0 - a), a * a);
  const Num t = select(near_one, sqrt(z), a);
  const Num tail = asin_tail(z);
  const Num small = fma(t, tail, t);
  // pi/2 - 2 (t + e + t tail), with t + e the root of z to twice the digits.
  const Num e = fma(-t, t, z) / (2.0 * t);
  const Num low = fma(-2.0 * t, tail, 0.5 * pi.low - 2.0 * select(z == 0.0, 0.0, e));
  const Num head = 0.5 * pi.high - 2.0 * t;
  const Num lost = (0.5 * pi.high - head) - 2.0 * t;
  const Num large = head + (lost + low);
  const Num y = select(near_one, large, small);
  return select(a <= 1.0, copysign(y, x), kNaN);
}

Num expand_acos(Num x) {
  const Parts pi = parts(x, kPi, kPiLow);
  const Num a = abs(x);
  const Num near_one = a > 0.5;
  const Num z = select(near_one, 0.5 * (1.0 - a), a * a);
  const Num t = select(near_one, sqrt(z), x);
  const Num tail = asin_tail(z);
  const Num middle = 0.5 * pi.high - (t - (0.5 * pi.low - t * tail));
  const Num e = select(z == 0.0, 0.0, fma(-t, t, z) / (2.0 * t));
  const Num part = t + fma(t, tail, e);
  const Num right = 2.0 * part;
  const Num left = pi.high - 2.0 * (t + (fma(t, tail, e) - 0.5 * pi.low));
  const Num y = select(near_one, select(x < 0.0, left, right), middle);
  return select(a <= 1.0, y, kNaN);
}

namespace {

constexpr double kTanPiOver8 = 0x1.a827999fcef32p-2;

/// atan(n/d) + offset for n/d in [-tan(pi/8), tan(pi/8)], offset = high + low.
Num atan_of(Num n, Num d, Num high, Num low) {
  const Num t = n / d;
  const Num z = t * t;
  Num tail = fma(t * z, polynomial(co::kAtan, co::kAtanF, z), low);
  if (!t.f32()) {
    const Num rest = fma(-t, d, n) / d;  // what the quotient lost
    tail = fma(t * z, polynomial(co::kAtan, z), low + fma(rest, -z, rest));
  }
  const Num s = high + t;
  const Num lost = t - (s - high);  // |high| >= |t|, or high = 0
  return s + (lost + tail);
}

/// atan(a/b), a and b >= 0, not both 0 and not both infinite.
Num atan_quotient(Num a, Num b) {
  const Parts pi = parts(a, kPi, kPiLow);
  const Num low_part = a <= kTanPiOver8 * b;
  const Num middle = a <= (1.0 / kTanPiOver8) * b;
  const Num n = select(low_part, a, select(middle, a - b, -b));
  const Num d = select(low_part, b, select(middle, a + b, a));
  const Num high = select(low_part, 0.0, select(middle, 0.25 * pi.high, 0.5 * pi.high));
  const Num low = select(low_part, 0.0, select(middle, 0.25 * pi.low, 0.5 * pi.low));
  return atan_of(n, d, high, low);
}

/// A power of two that keeps a + b finite for the larger of them and, in f64, the remainder of the
/// quotient normal.
Num quotient_scale(Num larger) {
  if (larger.f32()) return select(larger > 0x1p120, 0x1p-10, larger.with(1.0));
  return select(larger > 0x1p1000, 0x1p-600, select(larger < 0x1p-900, 0x1p900, larger.with(1.0)));
}

}  // namespace

Num expand_atan(Num x) {
  const Num a = abs(x);
  const Num capped = at_most(a, 0x1p100);  // the same result, and finite
  return copysign(atan_quotient(capped, a.with(1.0)), x);
}

Num expand_atan2(Num y, Num x) {
  const Parts pi = parts(x, kPi, kPiLow);
  Num a = abs(y), b = abs(x);
  const Num both_infinite = (a == kInfinity) & (b == kInfinity);
  const Num both_zero = (a == 0.0) & (b == 0.0);
  a = select(both_infinite, 1.0, a);
  b = select(both_infinite | both_zero, 1.0, b);
  const Num scale = quotient_scale(apply(ir::Op::kMax, a, b));
  a = a * scale;
  b = b * scale;
  const Num infinite = (a == kInfinity) | (b == kInfinity);
  const Num limit = select(a == kInfinity, 0.5 * pi.high, a.with(0.0));
  const Num r = select(infinite, limit, atan_quotient(a, b));
  const Num turned = select(sign_bit(x), pi.high - (r - pi.low), r);
  const Num result = copysign(turned, y);
  return select((x == x) & (y == y), result, kNaN);
}

}  // namespace cotangent::transform
