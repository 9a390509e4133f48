// x = k pi/2 + r.
//
// Near: pi/2 as a sum of three numbers (Cody and Waite 1980, with fma). The first step is exact
// (both terms are multiples of the last place of pi/2, and the difference is below 1), the second
// rounds once (tan, whose slope would enlarge that, keeps the error), and what the third leaves out
// is below 2^-130, 2^-56 in f32.
//
// Far: x = m 2^e with m whole, so what counts of x 2/pi is m times a window of the bits of 2/pi:
// those before it give whole turns, those behind it are too small (Payne and Hanek 1983). The
// window is 192 bits, 96 in f32, the product is taken modulo a turn in whole numbers, and keeps
// 128 (64) bits of the fraction: no number of the type comes nearer to a multiple of pi/2 than
// 2^-62 (2^-30) of it.
//
// The far side is an op, which the evaluator and the CPU's code compute by a call
// (ir/far_angle.h): it is some 110 operations that hardly ever run. For back ends that print source
// `expand_far_angles` puts those in its place; both give the same bits.
#include "cotangent/ir/far_angle.h"
#include "cotangent/transform/math_functions.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

namespace {

constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
constexpr double kPiOver2 = 0x1.921fb54442d18p+0, kPiOver2Low = 0x1.1a62633145c07p-54;
/// pi/2 in parts that are all positive: so is every product with k = 0, and -0 stays -0.
constexpr double kParts[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c06p-54, 0x1.c1cd129024e09p-107};
constexpr double kPartsF[] = {0x1.921fb4p+0, 0x1.4442dp-24, 0x1.84698ap-48};

/// What differs between the two types.
struct Format {
  int size, fraction, bias;
  int far_exponent;  ///< of the smallest far x
  int half;          ///< m is cut here for products
  int steps;         ///< the window is found in words by this many halvings
};
constexpr Format kWide = {64, 52, 1023, ir::kFarExponent, 27, 4};
constexpr Format kNarrow = {32, 23, 127, ir::kFarExponentF, 12, 2};

const Format& format_of(Num x) {
  return x.f32() ? kNarrow : kWide;
}

Num is_far(Num x) {
  return abs(x) >= static_cast<double>(std::int64_t{1} << format_of(x).far_exponent);
}

Num from_right(Num x, int n) {  ///< unsigned
  return shift_right(x, n);
}

/// The upper word of m w; m has at most 2 half bits, w a whole word.
struct Factor {
  Num m, high, low;
  Num times_high_word(Num w, const Format& f) const {
    const int cut = f.size / 2;
    const Num w_high = from_right(w, cut), w_low = w & integer(w, (std::int64_t{1} << cut) - 1);
    // Digits of weight 2^0, 2^half, 2^cut, 2^(half + cut); no sum overflows.
    const Num s = from_right(low * w_low, f.half) + high * w_low;
    const Num u = from_right(s, cut - f.half) + low * w_high;
    return from_right(from_right(u, f.half) + high * w_high, cut - f.half);
  }
};

/// Three words of 2/pi, from bit `place` on.
struct Window {
  Num word[3];
};
Window window(Num place, const Format& f) {
  const int log2_size = f.size == 64 ? 6 : 5;
  std::vector<Num> words;
  const auto take = [&](auto table) {
    for (std::uint64_t w : table) words.push_back(integer(place, static_cast<std::int64_t>(w)));
  };
  f.size == 64 ? take(ir::two_over_pi()) : take(ir::two_over_pi_narrow());
  for (int step = 1 << (f.steps - 1); step > 0; step /= 2) {
    const Num on = (place & integer(place, std::int64_t{step} << log2_size)) != 0.0;
    const std::size_t kept = words.size() - static_cast<std::size_t>(step);
    for (std::size_t k = 0; k < kept; ++k) {
      words[k] = select(on, words[k + static_cast<std::size_t>(step)], words[k]);
    }
    words.resize(kept, words[0]);
  }
  const Num left = place & integer(place, f.size - 1);
  const Num right = left ^ integer(place, f.size - 1);  // size - 1 - left
  Window out;
  for (std::size_t k = 0; k < 3; ++k) {
    const Num next = apply(ir::Op::kShr, from_right(words[k + 1], 1), right);
    out.word[k] = apply(ir::Op::kShl, words[k], left) | next;
  }
  return out;
}

Angle reduce_far(Num x) {
  const Format& f = format_of(x);
  const Num i = unsigned_bits(x);
  const auto ones = [](int n) { return (std::int64_t{1} << n) - 1; };
  const Num exponent = from_right(i, f.fraction) & integer(i, ones(f.size - 1 - f.fraction));
  const Window w = window(exponent - integer(i, f.bias + f.far_exponent), f);
  const Num m = (i & integer(i, ones(f.fraction))) | integer(i, std::int64_t{1} << f.fraction);
  const Factor factor{m, from_right(m, f.half), m & integer(m, ones(f.half))};
  // The fraction of a turn, in two words.
  const Num middle = m * w.word[1];
  const Num low_word = middle + factor.times_high_word(w.word[2], f);
  const Num carry = cast(low_word < middle, i.type().dtype);
  const Num high_word = m * w.word[0] + factor.times_high_word(w.word[1], f) + carry;
  // The nearest quarter, and what is left of it, signed, in [-1/2, 1/2) of a quarter.
  const Num quarter =
      from_right(high_word + integer(i, std::int64_t{1} << (f.size - 3)), f.size - 2);
  const DType integers = x.f32() ? DType::kI32 : DType::kI64, reals = x.type().dtype;
  const Num head = bitcast(shift_left(high_word, 2) | from_right(low_word, f.size - 2), integers);
  const Num tail = bitcast(from_right(shift_left(low_word, 2), 1), integers);
  const Num h = cast(head, reals);
  const Num rest = cast(head - cast(h, integers), reals);
  const Num low = fma(cast(tail, reals), x.f32() ? 0x1p-31 : 0x1p-63, rest);
  const double unit = x.f32() ? 0x1p-32 : 0x1p-64;
  const Parts scale = parts(x, unit * kPiOver2, unit * kPiOver2Low);
  const Num p = h * scale.high;
  const Num p_low = fma(h, scale.high, -p) + fma(h, scale.low, low * scale.high);
  const Num r = p + p_low;
  // x's sign; and NaN for infinity.
  const Num sign = bits(x) & integer(bits(x), x.f32() ? INT32_MIN : INT64_MIN);
  const Num turn = shift_right(sign, f.size - 1);  // 0 or -1
  const auto signed_as_x = [&](Num y) { return from_bits(bits(y) ^ sign); };
  return {signed_as_x(r) + (x - x), signed_as_x(p_low - (r - p)),
          (bitcast(quarter, integers) ^ turn) - turn};
}

Angle reduce_near(Num x, bool keep_low) {
  const auto part = [&](int k) { return x.with(x.f32() ? kPartsF[k] : kParts[k]); };
  const Rounded k = nearest(x, x.with(kTwoOverPi));
  const Num r0 = fma(k.real, -part(0), x);
  if (!keep_low) return {fma(k.real, -part(2), fma(k.real, -part(1), r0)), {}, k.low_bits};
  const Num p = k.real * part(1);
  const Num p_low = fma(k.real, part(1), -p);
  const Num s = r0 - p, t = s - r0;
  const Num e = (r0 - (s - t)) - (p + t);
  const Num low = fma(k.real, -part(2), e - p_low);
  const Num r = s + low;
  return {r, low - (r - s), k.low_bits};
}

}  // namespace

Angle reduce_angle(Num x, bool keep_low) {
  const Angle near = reduce_near(x, keep_low);
  const Num far = is_far(x);
  const auto choose = [&](ir::Op op, Num other) { return select(far, apply(op, x), other); };
  return {choose(ir::Op::kFarAngle, near.r),
          keep_low ? choose(ir::Op::kFarAngleError, near.low) : Num{},
          select(far, nearest(apply(ir::Op::kFarQuarter, x), x.with(1.0)).low_bits, near.quadrant)};
}

ir::FunctionPtr expand_far_angles(const ir::Function& f) {
  const RewriteRule rule = [&](ir::Builder& b, ir::Value v, std::span<const ir::Value> x) {
    if (!is_far_angle(f.op(v))) return ir::Value{};
    const Num angle{&b, x[0]};
    const Angle far = reduce_far(angle);
    const Num is = is_far(angle);
    switch (f.op(v)) {
      case ir::Op::kFarAngle: return select(is, far.r, angle).v;
      case ir::Op::kFarAngleError: return select(is, far.low, 0.0).v;
      default: return select(is, cast(far.quadrant, angle.type().dtype), 0.0).v;
    }
  };
  return rewrite(f, rule, expand_far_angles);
}

}  // namespace cotangent::transform
