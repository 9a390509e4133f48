// Exponentials, logarithms and powers.
//
// exp: x = k ln 2 + r, |r| <= ln(2)/2; e^r by a polynomial; 2^k by its bits, short of the ends,
// and one last product that overflows or underflows as it should. log: x = 2^k m, m in [sqrt(1/2),
// sqrt(2)); with s = f/(2 + f), f = m - 1: log m = f - f^2/2 + s (f^2/2 + R(s^2)) (the arrangement
// of Tang 1990). pow: log x as an unevaluated sum of two doubles, times y, through exp.
#include <cmath>

#include "cotangent/transform/math_coefficients.h"
#include "cotangent/transform/math_functions.h"

namespace cotangent::transform {

namespace co = coefficients;

namespace {

constexpr double kLn2High = 0x1.62e42fee00000p-1;  // 33 bits: k times it is exact
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLn2HighF = 0x1.62e4p-1;  // 15 bits
constexpr double kLn2LowF = 0x1.7f7d1cp-20;
constexpr double kLog2E = 0x1.71547652b82fep+0;

/// x = k ln2 + r; `shifted` is k in the place of a float's exponent.
struct Reduced {
  Num r, shifted;
};
Reduced reduce_exp(Num x) {
  const Rounded k = nearest(x, x.with(kLog2E));
  const bool narrow = x.f32();
  Num r = fma(k.real, narrow ? -kLn2HighF : -kLn2High, x);
  r = fma(k.real, narrow ? -kLn2LowF : -kLn2Low, r);
  return {r, shift_left(k.low_bits, narrow ? 23 : 52)};
}

}  // namespace

namespace {

/// e^r - 1.
Num exp_less_one(Num r) {
  return fma(r * r, polynomial(co::kExp, co::kExpF, r), r);
}

}  // namespace

Num expand_exp_inside(Num x) {
  const Reduced e = reduce_exp(x);
  return (exp_less_one(e.r) + 1.0) * from_bits(e.shifted + bits(x.with(1.0)));
}

Exponential expand_exp_scaled(Num x, Num low, std::int64_t scale) {
  const bool narrow = x.f32();
  const int shift = narrow ? 23 : 52;
  // Past these ends the result is infinite or zero; k is at most 1024 (128 in f32), one more with
  // scale -1.
  const double top = narrow ? (scale == 0 ? 89.0 : 89.5) : (scale == 0 ? 709.9 : 710.5);
  const Num inside = clamp(x, narrow ? -105.0 : -747.0, top);
  const Reduced e = reduce_exp(inside);
  const Num y = exp_less_one(low.b ? e.r + low : e.r);
  // 2^k = 2^(k + aside) 2^-aside: the first is normal, and only the product with the second can
  // round.
  const bool whole = scale == 0;
  const int above = whole ? -1 : -2, below = narrow ? 40 : 100;
  // Early enough for a caller's factor of 2^-6 on the head.
  const Num deep = inside < (narrow ? -80.0 : -700.0);
  const auto exponent = [&](int aside) {
    return integer(e.shifted, static_cast<std::int64_t>(aside + (narrow ? 127 : 1023)) << shift);
  };
  const Num power = from_bits(e.shifted + select(deep, exponent(below), exponent(above)));
  const auto scaled = [&](int aside) { return std::ldexp(1.0, static_cast<int>(scale) - aside); };
  const Num head = y + 1.0;
  return {head, y - (head - 1.0), power,
          select(deep, x.with(scaled(below)), x.with(scaled(above)))};
}

Num expand_exp(Num x) {
  return expand_exp_scaled(x, {}, 0).value();
}

Num expand_expm1(Num x) {
  const double top = x.f32() ? 100.0 : 720.0, bottom = x.f32() ? -20.0 : -50.0;
  const Reduced e = reduce_exp(clamp(x, bottom, top));
  const Num q = polynomial(co::kExpm1, co::kExpm1F, e.r);
  const Num p = fma(e.r * e.r, q, e.r);
  // 2^k (p + 1) - 1, halved so that 2^k itself need not be finite.
  const Num s = from_bits(e.shifted + bits(x.with(0.5)));
  const Num y = 2.0 * fma(s, p, s - 0.5);
  const Num ends = select(x > (x.f32() ? 89.0 : 710.0), kInfinity, y);
  return select(x == 0.0, x, ends);
}

namespace {

/// x = 2^k m with m in [sqrt(1/2), sqrt(2)); x positive and finite.
struct Split {
  Num m, k;  // k as a real
};
Split split(Num x) {
  const bool narrow = x.f32();
  const Num tiny = x < (narrow ? 0x1p-126 : 0x1p-1022);
  const Num scaled = select(tiny, x * (narrow ? 0x1p25 : 0x1p54), x);
  const Num i = bits(scaled);
  const Num root = integer(i, narrow ? 0x3f3504f3 : 0x3fe6a09e667f3bcd);
  const Num e = shift_right(i - root, narrow ? 23 : 52);
  const Num m = from_bits(i - shift_left(e, narrow ? 23 : 52));
  const Num k = cast(e, x.type().dtype);
  return {m, select(tiny, k - (narrow ? 25.0 : 54.0), k)};
}

/// log(1 + f) + k ln2 + low for 1 + f in [sqrt(1/2), sqrt(2)).
Num log_near_one(Num f, Num k, Num low) {
  const bool narrow = f.f32();
  const Num s = f / (f + 2.0), z = s * s;
  const Num r = z * polynomial(co::kLog, co::kLogF, z);
  const Num h = 0.5 * f * f;
  const Num tail = fma(s, h + r, fma(k, narrow ? kLn2LowF : kLn2Low, low));
  return fma(k, narrow ? kLn2HighF : kLn2High, f - (h - tail));
}

/// The ends of the range: log of 0, infinity, negative numbers and NaN.
Num log_ends(Num x, Num y) {
  y = select(x == kInfinity, x, y);
  y = select(x == 0.0, -kInfinity, y);
  return select(x >= 0.0, y, kNaN);
}

}  // namespace

Num expand_log(Num x) {
  const Split s = split(x);
  return log_ends(x, log_near_one(s.m - 1.0, s.k, x.with(0.0)));
}

Num expand_log1p(Num x) {
  const Num u = 1.0 + x;
  const Num t = u - 1.0;
  const Num lost = (x - t) + (1.0 - (u - t));  // 1 + x = u + lost
  const Split s = split(u);
  const Num y = log_near_one(s.m - 1.0, s.k, lost / u);
  return select(x == 0.0, x, log_ends(u, y));
}

namespace {

/// An unevaluated sum; |low| is at most about an ulp of high.
struct Pair {
  Num high, low;
};
Pair quick_sum(Num a, Num b) {  // |a| >= |b|
  const Num s = a + b;
  return {s, b - (s - a)};
}
Pair sum(Num a, Num b) {
  const Num s = a + b, t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}
Pair product(Num a, Num b) {
  const Num p = a * b;
  return {p, fma(a, b, -p)};
}

/// log x for positive finite x, to about 2^-66 of its value (2^-36 in f32).
Pair log_pair(Num x) {
  const bool narrow = x.f32();
  const Split e = split(x);
  const Num f = e.m - 1.0, d = f + 2.0;  // both exact but for d's last bit
  const Num d_low = f - (d - 2.0);
  const Num s = f / d;
  const Num s_low = (fma(-s, d, f) - s * d_low) / d;
  const Pair z0 = product(s, s);
  const Num z = z0.high, z_low = fma(2.0 * s, s_low, z0.low);
  // s^3 * 2/3
  const Pair c0 = product(s, z);
  const Num cube = c0.high, cube_low = c0.low + fma(s, z_low, s_low * z);
  const Parts two_thirds = parts(x, 0x1.5555555555555p-1, 0x1.5555555555555p-55);
  const Pair t0 = product(cube, two_thirds.high);
  const Num t_low = t0.low + fma(cube, two_thirds.low, cube_low * two_thirds.high);
  const Num rest = cube * z * polynomial(co::kLogTail, co::kLogTailF, z);
  const Pair a = quick_sum(2.0 * s, t0.high);
  const Num a_low = fma(s_low, 2.0, a.low) + (t_low + rest);
  const Pair b = sum(e.k * (narrow ? kLn2HighF : kLn2High), a.high);
  return quick_sum(b.high, b.low + fma(e.k, narrow ? kLn2LowF : kLn2Low, a_low));
}

/// |x|^y where nothing special happens.
Num pow_inside(Num a, Num y) {
  const Pair l = log_pair(a);
  const Num p = y * l.high;
  const Num p_low = fma(y, l.low, fma(y, l.high, -p));
  const Num overflows = abs(p) > (a.f32() ? 104.0 : 745.2);  // then the low part may be NaN
  return expand_exp_scaled(p, select(overflows, 0.0, p_low), 0).value();
}

}  // namespace

Num expand_pow(Num x, Num y) {
  using ir::Op;
  const Num a = abs(x);
  Num r = pow_inside(a, y);
  // Whole and odd exponents.
  const Num whole = apply(Op::kFloor, y) == y;
  const Num half = 0.5 * y;
  const Num odd = whole & !(apply(Op::kFloor, half) == half) & (abs(y) < 0x1p53);
  // The ends. Names follow IEEE 754 pow.
  const Num zero = x.with(0.0), infinity = x.with(kInfinity);
  const Num grows = y > 0.0;
  r = select(a == 0.0, select(grows, zero, infinity), r);
  r = select(a == kInfinity, select(grows, infinity, zero), r);
  const Num y_infinite = abs(y) == kInfinity;
  const Num far = select(a == 1.0, 1.0, select((a > 1.0) ^ !grows, infinity, zero));
  r = select(y_infinite, far, r);
  r = select(sign_bit(x) & odd, -r, r);
  r = select((x < 0.0) & !whole & (a != kInfinity), kNaN, r);
  r = select((x == x) & (y == y), r, kNaN);
  return select((y == 0.0) | (x == 1.0), 1.0, r);
}

}  // namespace cotangent::transform
