// Circular functions and their inverses.
//
// sin, cos, tan: x = k pi/2 + r with pi/2 as a sum of three doubles (Cody and Waite 1980, with
// fma). For |x| <= 2^30 the first step is exact (both terms are multiples of 2^-53 and the
// difference is below 1), the second rounds once (tan, whose slope would enlarge that, keeps the
// error), and what the third leaves out is below 2^-128. Beyond 2^30: NaN, never silently wrong.
// f32 reduces in f64.
#include "cotangent/transform/math_coefficients.h"
#include "cotangent/transform/math_functions.h"

namespace cotangent::transform {

namespace co = coefficients;

namespace {

constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
constexpr double kPiOver2[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54,
                               -0x1.f1976b7ed8fbcp-110};
constexpr double kMaxAngle = 0x1p30;
constexpr double kPi = 0x1.921fb54442d18p+1, kPiLow = 0x1.1a62633145c07p-53;

struct Angle {
  Num r, low;    // r (+ low, if it has a value) in about [-pi/4, pi/4]
  Num quadrant;  // i64 (or i64 from f64 in f32): the low bits of k
};

Angle reduce(Num x, bool keep_low = false) {
  const Num wide = x.f32() ? cast(x, DType::kF64) : x;
  const Rounded k = nearest(wide, wide.with(kTwoOverPi));
  const Num r0 = fma(k.real, -kPiOver2[0], wide);
  if (x.f32()) {
    return {cast(fma(k.real, -kPiOver2[1], r0), DType::kF32), {}, k.low_bits};
  }
  if (!keep_low) {
    return {fma(k.real, -kPiOver2[2], fma(k.real, -kPiOver2[1], r0)), {}, k.low_bits};
  }
  const Num p = k.real * kPiOver2[1];
  const Num p_low = fma(k.real, kPiOver2[1], -p);
  const Num s = r0 - p, t = s - r0;
  const Num e = (r0 - (s - t)) - (p + t);
  const Num low = fma(k.real, -kPiOver2[2], e - p_low);
  const Num r = s + low;
  return {r, low - (r - s), k.low_bits};
}

/// An unevaluated sum, head + tail.
struct Sum {
  Num head, tail;
  Num value() const { return head + tail; }
};

Sum sin_sum(const Angle& a) {
  const Num z = a.r * a.r;
  const Num cube = z * a.r;
  // sin(r + low) = sin r + low (1 - r^2/2)
  return {a.r, fma(cube, polynomial(co::kSin, z), fma(a.low * z, -0.5, a.low))};
}
Num sin_poly(const Angle& a) {
  const Num z = a.r * a.r;
  return fma(z * a.r, a.r.f32() ? polynomial(co::kSinF, z) : polynomial(co::kSin, z), a.r);
}

Sum cos_sum(const Angle& a) {
  const Num z = a.r * a.r;
  const Num h = 0.5 * z, w = 1.0 - h;
  const Num rounding = (1.0 - w) - h;
  if (a.r.f32()) return {w, fma(z * z, polynomial(co::kCosF, z), rounding)};
  const Num rest = a.low.b ? fma(-a.r, a.low, rounding) : rounding;
  return {w, fma(z * z, polynomial(co::kCos, z), rest)};
}
Num cos_poly(const Angle& a) {
  return cos_sum(a).value();
}

Num bit(Num i, std::int64_t mask) {
  return (i & integer(i, mask)) != 0.0;
}

Num in_range(Num x, Num y) {
  return select(abs(x) <= kMaxAngle, y, kNaN);
}

}  // namespace

Num expand_sin(Num x) {
  const Angle a = reduce(x);
  const Num y = select(bit(a.quadrant, 1), cos_poly(a), sin_poly(a));
  const Num turned = select(bit(a.quadrant, 2), -y, y);
  return in_range(x, select(x == 0.0, x, turned));
}

Num expand_cos(Num x) {
  const Angle a = reduce(x);
  const Num y = select(bit(a.quadrant, 1), sin_poly(a), cos_poly(a));
  const Num q = a.quadrant + integer(a.quadrant, 1);
  return in_range(x, select(bit(q, 2), -y, y));
}

Num expand_tan(Num x) {
  if (x.f32()) return cast(expand_tan(cast(x, DType::kF64)), DType::kF32);
  const Angle a = reduce(x, true);
  const Sum s = sin_sum(a), c = cos_sum(a);
  const Num odd = bit(a.quadrant, 1);
  // The quotient of the rounded sums, corrected by what the sums and the division lost.
  const Num n = select(odd, -c.value(), s.value()), d = select(odd, s.value(), c.value());
  const Num s_low = s.tail - (s.value() - s.head), c_low = c.tail - (c.value() - c.head);
  const Num n_low = select(odd, -c_low, s_low), d_low = select(odd, s_low, c_low);
  const Num q = n / d;
  const Num y = q + (fma(-q, d, n) + fma(-q, d_low, n_low)) / d;
  return in_range(x, select(x == 0.0, x, y));
}

namespace {

Num wide_or(Num x, Num (*f)(Num)) {
  return cast(f(cast(x, DType::kF64)), DType::kF32);
}

/// asin over |t| <= 1/2, given z = t^2: t + t z A(z).
Num asin_tail(Num z) {
  return z * polynomial(co::kAsin, z);
}

}  // namespace

Num expand_asin(Num x) {
  if (x.f32()) return wide_or(x, expand_asin);
  const Num a = abs(x);
  const Num near_one = a > 0.5;
  const Num z = select(near_one, 0.5 * (1.0 - a), a * a);
  const Num t = select(near_one, sqrt(z), a);
  const Num tail = asin_tail(z);
  const Num small = fma(t, tail, t);
  // pi/2 - 2 (t + e + t tail), with t + e the root of z to twice the digits.
  const Num e = fma(-t, t, z) / (2.0 * t);
  const Num low = fma(-2.0 * t, tail, kPiLow * 0.5 - 2.0 * select(z == 0.0, 0.0, e));
  const Num head = kPi * 0.5 - 2.0 * t;
  const Num lost = (kPi * 0.5 - head) - 2.0 * t;
  const Num large = head + (lost + low);
  const Num y = select(near_one, large, small);
  return select(a <= 1.0, copysign(y, x), kNaN);
}

Num expand_acos(Num x) {
  if (x.f32()) return wide_or(x, expand_acos);
  const Num a = abs(x);
  const Num near_one = a > 0.5;
  const Num z = select(near_one, 0.5 * (1.0 - a), a * a);
  const Num t = select(near_one, sqrt(z), x);
  const Num tail = asin_tail(z);
  const Num middle = kPi * 0.5 - (t - (kPiLow * 0.5 - t * tail));
  const Num e = select(z == 0.0, 0.0, fma(-t, t, z) / (2.0 * t));
  const Num part = t + fma(t, tail, e);
  const Num right = 2.0 * part;
  const Num left = kPi - 2.0 * (t + (fma(t, tail, e) - 0.5 * kPiLow));
  const Num y = select(near_one, select(x < 0.0, left, right), middle);
  return select(a <= 1.0, y, kNaN);
}

namespace {

constexpr double kTanPiOver8 = 0x1.a827999fcef32p-2;

/// atan(n/d) + offset for n/d in [-tan(pi/8), tan(pi/8)], offset = high + low.
Num atan_of(Num n, Num d, Num high, Num low) {
  const Num t = n / d;
  const Num rest = fma(-t, d, n) / d;  // what the quotient lost
  const Num z = t * t;
  const Num tail = fma(t * z, polynomial(co::kAtan, z), low + fma(rest, -z, rest));
  const Num s = high + t;
  const Num lost = t - (s - high);  // |high| >= |t|, or high = 0
  return s + (lost + tail);
}

/// atan(a/b), a and b >= 0, not both 0 and not both infinite.
Num atan_quotient(Num a, Num b) {
  const Num low_part = a <= kTanPiOver8 * b;
  const Num middle = a <= (1.0 / kTanPiOver8) * b;
  const Num n = select(low_part, a, select(middle, a - b, -b));
  const Num d = select(low_part, b, select(middle, a + b, a));
  const Num high = select(low_part, 0.0, select(middle, a.with(kPi * 0.25), a.with(kPi * 0.5)));
  const Num low =
      select(low_part, 0.0, select(middle, a.with(kPiLow * 0.25), a.with(kPiLow * 0.5)));
  return atan_of(n, d, high, low);
}

Num atan2_f64(Num y, Num x) {
  Num a = abs(y), b = abs(x);
  const Num both_infinite = (a == kInfinity) & (b == kInfinity);
  const Num both_zero = (a == 0.0) & (b == 0.0);
  a = select(both_infinite, 1.0, a);
  b = select(both_infinite | both_zero, 1.0, b);
  // Keep the sum finite and the quotient's remainder normal.
  const Num top = apply(ir::Op::kMax, a, b);
  const Num factor =
      select(top > 0x1p1000, 0x1p-600, select(top < 0x1p-900, 0x1p900, top.with(1.0)));
  a = a * factor;
  b = b * factor;
  const Num infinite = (a == kInfinity) | (b == kInfinity);
  const Num limit = select(a == kInfinity, a.with(kPi * 0.5), a.with(0.0));
  const Num r = select(infinite, limit, atan_quotient(a, b));
  const Num turned = select(sign_bit(x), kPi - (r - kPiLow), r);
  const Num result = copysign(turned, y);
  return select((x == x) & (y == y), result, kNaN);
}

}  // namespace

Num expand_atan(Num x) {
  if (x.f32()) return wide_or(x, expand_atan);
  const Num a = abs(x);
  const Num capped = at_most(a, 0x1p100);  // the same result, and finite
  return copysign(atan_quotient(capped, a.with(1.0)), x);
}

Num expand_atan2(Num y, Num x) {
  if (!x.f32()) return atan2_f64(y, x);
  return cast(atan2_f64(cast(y, DType::kF64), cast(x, DType::kF64)), DType::kF32);
}

}  // namespace cotangent::transform
