#include "cotangent/array/elementwise.h"

#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "cotangent/array/record.h"
#include "cotangent/array/reduce.h"

namespace cotangent::array {
namespace {

Array binary(Op op, const Array& x, const Array& y) {
  const Array both[] = {x, y};
  const Matched m = match(ir::name_of(op), both);
  if (!ir::accepts(op, m.type.dtype)) {
    const bool of_bool = is_bool(m.type.dtype);
    refuse(ir::name_of(op),
           "does not take " + (of_bool ? std::string("bool") : m.operands[0].type_text()),
           of_bool ? "use & | ^, or convert with astype" : "convert it with astype");
  }
  return make(op, nodes_of(m.operands), {}, {}, m.type.weak);
}

/// Both as reals.
Array real_binary(Op op, const Array& x, const Array& y) {
  const auto name = ir::name_of(op);
  const ElementType t = to_real(promote(x.element_type(), y.element_type()));
  return binary(op, convert(name, x, t), convert(name, y, t));
}

Array compare(Op op, const Array& x, const Array& y) {
  const Array both[] = {x, y};
  return make(op, nodes_of(match(ir::name_of(op), both).operands));
}

Array unary(Op op, const Array& x) {
  if (!ir::accepts(op, x.dtype())) {
    refuse(ir::name_of(op), "does not take " + x.type_text(), "convert it with astype");
  }
  return make(op, {x.node()}, {}, {}, x.is_weak());
}

Array real_unary(Op op, const Array& x) {
  return unary(op, convert(ir::name_of(op), x, to_real(x.element_type())));
}

/// floor, ceil, round: whole numbers are what they are.
Array whole(Op op, const Array& x) {
  want_computing(ir::name_of(op), std::span(&x, 1));
  if (is_bool(x.dtype())) {
    refuse(ir::name_of(op), "does not take bool", "convert it with astype");
  }
  return is_float(x.dtype()) ? unary(op, x) : x;
}

Array truth(const Array& x) {
  return is_bool(x.dtype()) ? x : x != scalar_like(0, x);
}

bool both_bool(const Array& x, const Array& y) {
  return is_bool(x.dtype()) && is_bool(y.dtype());
}

bool is_one_literal(const Array& x) {
  return x.node()->literal && x.ndim() == 0;
}

[[noreturn]] void refuse_exponent(std::int64_t n) {
  refuse("power", "an integer array to the power " + std::to_string(n),
         "convert the array to a real type with astype");
}

Array whole_power(const Array& x, std::int64_t n) {
  if (n == 0) return broadcast_to_shape(scalar_like(1, x), x.shape());
  Array result, square_of = x;
  bool empty = true;
  for (std::int64_t rest = n; rest > 0; rest /= 2) {
    if (rest % 2) {
      result = empty ? square_of : result * square_of;
      empty = false;
    }
    if (rest > 1) square_of = square_of * square_of;
  }
  return result;
}

/// x^y of integers: wraps, as repeated products do. Exponents known now are looked at; of those of
/// a traced function all bits count.
Array integer_power(const Array& x, const Array& y) {
  const Array both[] = {x, y};
  const Matched m = match("power", both);
  const DType t = m.type.dtype;
  int bits = static_cast<int>(8 * size_of(t)) - (is_signed(t) ? 1 : 0);
  if (!y.is_traced()) {
    std::uint64_t all = 0;
    for (const std::int64_t n : y.values<std::int64_t>()) {
      if (n < 0 && y.dtype() != DType::kU64) refuse_exponent(n);
      all |= static_cast<std::uint64_t>(n);
    }
    bits = std::min(bits, static_cast<int>(std::bit_width(all)));
  }
  const Array &base = m.operands[0], &exponent = m.operands[1];
  Array result = broadcast_to_shape(scalar_like(1, base), base.shape()), square_of = base;
  for (int k = 0; k < bits; ++k) {
    if (k > 0) square_of = square_of * square_of;
    result = where((right_shift(exponent, k) & 1) != 0, result * square_of, result);
  }
  return y.is_traced() && is_signed(t) ? where(exponent < 0, 0, result) : result;
}

/// C's fmod: the exact remainder of truncated division, while |x / y| < 2^53. The rounded quotient
/// is never below the whole part of the true one, but may be one above; fma gives what is left
/// without error, and one y repairs it.
Array truncated_remainder(const Array& x, const Array& y) {
  const Array left = fma(-trunc(x / y), y, x);
  const Array step = where(x < 0.0, -abs(y), abs(y));
  const Array zero = scalar_like(0, left);
  const Array exact = where((left != zero) & ((left < zero) != (x < zero)), left + step, left);
  return where(isinf(y) & isfinite(x), x, exact);
}

}  // namespace

// --- arithmetic

Array operator+(const Array& x, const Array& y) {
  return binary(both_bool(x, y) ? Op::kOr : Op::kAdd, x, y);
}
Array operator-(const Array& x, const Array& y) {
  return binary(Op::kSub, x, y);
}
Array operator*(const Array& x, const Array& y) {
  return binary(both_bool(x, y) ? Op::kAnd : Op::kMul, x, y);
}
Array operator/(const Array& x, const Array& y) {
  return real_binary(Op::kDiv, x, y);
}
Array operator%(const Array& x, const Array& y) {
  return remainder(x, y);
}
Array operator-(const Array& x) {
  return unary(Op::kNeg, x);
}

Array& Array::operator+=(const Array& y) {
  return *this = *this + y;
}
Array& Array::operator-=(const Array& y) {
  return *this = *this - y;
}
Array& Array::operator*=(const Array& y) {
  return *this = *this * y;
}
Array& Array::operator/=(const Array& y) {
  return *this = *this / y;
}

Array remainder(const Array& a, const Array& b) {
  const Array both[] = {a, b};
  const Matched m = match("remainder", both);
  const Array &x = m.operands[0], &y = m.operands[1];
  if (!is_float(m.type.dtype)) return binary(Op::kMod, x, y);
  const Array left = truncated_remainder(x, y);
  const Array zero = scalar_like(0, left);
  // The sign is y's, that of a zero included: adding +0 makes +0 of -0, and keeps the derivative.
  const Array signed_zero = where(y < zero, -(zero - left), left + zero);
  return where(left == zero, signed_zero, where((left < zero) != (y < zero), left + y, left));
}

Array floor_divide(const Array& a, const Array& b) {
  const Array both[] = {a, b};
  const Matched m = match("floor_divide", both);
  const Array &x = m.operands[0], &y = m.operands[1];
  if (!is_float(m.type.dtype)) {
    return binary(Op::kDiv, x - binary(Op::kMod, x, y), y);
  }
  const Array zero = scalar_like(0, x);
  const Array quotient = round((x - remainder(x, y)) / y);
  const Array plain = x / y;
  // By infinity: 0, or -1 when the signs differ. Of infinity there is no quotient; by 0 it is
  // infinite.
  const Array below = (x != zero) & ((x < zero) != (y < zero));
  const Array by_infinity = where(below, scalar_like(-1, x), zero);
  const Array beyond = where(isinf(x), std::nan(""), plain);
  return where(isinf(y) & isfinite(x), by_infinity,
               where(isfinite(plain) & isfinite(quotient), quotient, beyond));
}

Array power(const Array& x, const Array& y) {
  const Array both[] = {x, y};
  want_computing("power", both);
  if (both_bool(x, y)) refuse("power", "does not take bool", "convert one of them with astype");
  const ElementType t = promote(x.element_type(), y.element_type());
  if (!is_float(t.dtype)) return integer_power(x, y);
  if (is_one_literal(y) && !is_float(y.dtype())) {
    const std::int64_t n = y.item<std::int64_t>();
    if (n == 0 || n == 1 || n == 2 || n == 3) return whole_power(x, n);
  }
  if (is_one_literal(y) && is_float(x.dtype()) && y.item<double>() == 2.0) return x * x;
  return binary(Op::kPow, x, y);
}

Array fma(const Array& x, const Array& y, const Array& z) {
  const Array all[] = {x, y, z};
  Matched m = match("fma", all);
  const ElementType t = to_real(m.type);
  for (Array& operand : m.operands) operand = convert("fma", operand, t);
  return make(Op::kFma, nodes_of(m.operands), {}, {}, t.weak);
}

// --- comparisons

Array operator<(const Array& x, const Array& y) {
  return compare(Op::kLt, x, y);
}
Array operator<=(const Array& x, const Array& y) {
  return compare(Op::kLe, x, y);
}
Array operator>(const Array& x, const Array& y) {
  return compare(Op::kLt, y, x);
}
Array operator>=(const Array& x, const Array& y) {
  return compare(Op::kLe, y, x);
}
Array operator==(const Array& x, const Array& y) {
  return compare(Op::kEq, x, y);
}
Array operator!=(const Array& x, const Array& y) {
  return compare(Op::kNe, x, y);
}

// --- logic and bits

Array logical_and(const Array& x, const Array& y) {
  return binary(Op::kAnd, truth(x), truth(y));
}
Array logical_or(const Array& x, const Array& y) {
  return binary(Op::kOr, truth(x), truth(y));
}
Array logical_xor(const Array& x, const Array& y) {
  return binary(Op::kXor, truth(x), truth(y));
}
Array logical_not(const Array& x) {
  return unary(Op::kNot, truth(x));
}
Array operator&(const Array& x, const Array& y) {
  return binary(Op::kAnd, x, y);
}
Array operator|(const Array& x, const Array& y) {
  return binary(Op::kOr, x, y);
}
Array operator^(const Array& x, const Array& y) {
  return binary(Op::kXor, x, y);
}
Array operator~(const Array& x) {
  return unary(Op::kNot, x);
}
Array left_shift(const Array& x, const Array& y) {
  return binary(Op::kShl, x, y);
}
Array right_shift(const Array& x, const Array& y) {
  return binary(Op::kShr, x, y);
}

Array where(const Array& condition, const Array& x, const Array& y) {
  const ElementType t = common_type("where", x, y);
  const Array all[] = {truth(condition), convert("where", x, t), convert("where", y, t)};
  const Shape shape = broadcast_shapes("where", all);
  std::vector<NodePtr> operands;
  for (const Array& a : all) operands.push_back(broadcast_to_shape(a, shape).node());
  return make(Op::kSelect, operands, {}, {}, t.weak);
}

Array maximum(const Array& x, const Array& y) {
  if (is_bool(x.dtype()) && is_bool(y.dtype())) return x | y;
  return binary(Op::kMax, x, y);
}

Array minimum(const Array& x, const Array& y) {
  if (is_bool(x.dtype()) && is_bool(y.dtype())) return x & y;
  return binary(Op::kMin, x, y);
}

Array clip(const Array& x, const Array& low, const Array& high) {
  return minimum(maximum(x, low), high);
}

// --- of any number

Array abs(const Array& x) {
  return is_bool(x.dtype()) || x.dtype() == DType::kU32 || x.dtype() == DType::kU64
             ? x
             : unary(Op::kAbs, x);
}
Array sign(const Array& x) {
  return unary(Op::kSign, x);
}
Array square(const Array& x) {
  return x * x;
}
Array floor(const Array& x) {
  return whole(Op::kFloor, x);
}
Array ceil(const Array& x) {
  return whole(Op::kCeil, x);
}
Array round(const Array& x) {
  return whole(Op::kRound, x);
}

Array trunc(const Array& x) {
  want_computing("trunc", std::span(&x, 1));
  if (!is_float(x.dtype())) return x;
  return where(x < scalar_like(0, x), unary(Op::kCeil, x), unary(Op::kFloor, x));
}

Array isfinite(const Array& x) {
  want_computing("isfinite", std::span(&x, 1));
  if (is_float(x.dtype())) return make(Op::kIsFinite, {x.node()});
  return broadcast_to_shape(Array(true), x.shape());
}

Array isnan(const Array& x) {
  want_computing("isnan", std::span(&x, 1));
  if (is_float(x.dtype())) return x != x;
  return broadcast_to_shape(Array(false), x.shape());
}

Array isinf(const Array& x) {
  want_computing("isinf", std::span(&x, 1));
  if (is_float(x.dtype())) return ~isfinite(x) & (x == x);
  return broadcast_to_shape(Array(false), x.shape());
}

// --- functions of reals

Array reciprocal(const Array& x) {
  return 1.0 / x;
}
Array sqrt(const Array& x) {
  return real_unary(Op::kSqrt, x);
}
Array rsqrt(const Array& x) {
  return real_unary(Op::kRsqrt, x);
}
Array cbrt(const Array& x) {
  return real_unary(Op::kCbrt, x);
}
Array exp(const Array& x) {
  return real_unary(Op::kExp, x);
}
Array exp2(const Array& x) {
  return real_binary(Op::kPow, Array(2.0), x);
}
Array expm1(const Array& x) {
  return real_unary(Op::kExpm1, x);
}
Array log(const Array& x) {
  return real_unary(Op::kLog, x);
}
Array log2(const Array& x) {
  return log(x) / std::numbers::ln2;
}
Array log10(const Array& x) {
  return log(x) / std::numbers::ln10;
}
Array log1p(const Array& x) {
  return real_unary(Op::kLog1p, x);
}
Array sin(const Array& x) {
  return real_unary(Op::kSin, x);
}
Array cos(const Array& x) {
  return real_unary(Op::kCos, x);
}
Array tan(const Array& x) {
  return real_unary(Op::kTan, x);
}
Array asin(const Array& x) {
  return real_unary(Op::kAsin, x);
}
Array acos(const Array& x) {
  return real_unary(Op::kAcos, x);
}
Array atan(const Array& x) {
  return real_unary(Op::kAtan, x);
}
Array atan2(const Array& y, const Array& x) {
  return real_binary(Op::kAtan2, y, x);
}

Array hypot(const Array& a, const Array& b) {
  const Array both[] = {a, b};
  const Matched m = match("hypot", both);
  const ElementType t = to_real(m.type);
  const Array x = convert("hypot", m.operands[0], t), y = convert("hypot", m.operands[1], t);
  // One choice for both, and signs kept: minimum and maximum would give a tie's derivative to one
  // operand twice, abs would lose the second derivative where one of them is 0.
  const Array first = (abs(x) > abs(y)) | (x != x);
  const Array large = where(first, x, y), small = where(first, y, x);
  const Array ratio = small / where(large == 0.0, 1.0, large);
  const Array length = abs(large) * sqrt(1.0 + ratio * ratio);
  return where(isinf(large), abs(large), length);
}

Array sinh(const Array& x) {
  return real_unary(Op::kSinh, x);
}
Array cosh(const Array& x) {
  return real_unary(Op::kCosh, x);
}
Array tanh(const Array& x) {
  return real_unary(Op::kTanh, x);
}

namespace {

/// An odd function from its values at |x|. At 0, where the derivatives of |x| are lost, it is its
/// series x + c0 x^3 + c1 x^5 + c2 x^7, for derivatives up to the eighth.
Array odd(const Array& given, const Array& size, std::array<double, 3> c) {
  const Array x = convert("odd", given, size.element_type());
  const Array s = x * x;
  const Array near = x * (1.0 + s * (c[0] + s * (c[1] + s * c[2])));
  return where(x < 0.0, -size, where(x == 0.0, near, size));
}

}  // namespace

Array asinh(const Array& x) {
  // log1p(|x| + x^2 / (1 + sqrt(x^2 + 1))) near 0, log(2|x|) where x^2 would overflow.
  const Array a = abs(x);
  const Array moderate = where(a > 1e8, 1.0, a);
  const Array s = moderate * moderate;
  const Array near = log1p(moderate + s / (1.0 + sqrt(s + 1.0)));
  const Array size = where(a > 1e8, log(where(a > 1e8, a, 1.0)) + std::numbers::ln2, near);
  return odd(x, size, {-1.0 / 6, 3.0 / 40, -5.0 / 112});
}

Array acosh(const Array& x) {
  const Array large = x > 1e8;
  // Two roots: the slope of one root of the product would be infinity times 0 at 1.
  const Array t = where(large, 1.0, x) - 1.0;
  return where(large, log(where(large, x, 1.0)) + std::numbers::ln2,
               log1p(t + sqrt(t) * sqrt(t + 2.0)));
}

Array atanh(const Array& x) {
  const Array a = abs(x);
  const Array size = 0.5 * log1p(2.0 * a / (1.0 - a));
  return odd(x, size, {1.0 / 3, 1.0 / 5, 1.0 / 7});
}

Array erf(const Array& x) {
  return real_unary(Op::kErf, x);
}
Array erfc(const Array& x) {
  return real_unary(Op::kErfc, x);
}
Array degrees(const Array& x) {
  return x * (180.0 / std::numbers::pi);
}
Array radians(const Array& x) {
  return x * (std::numbers::pi / 180.0);
}

bool allclose(const Array& x, const Array& y, double rtol, double atol) {
  return all((abs(x - y) <= atol + rtol * abs(y)) | (x == y)).item<bool>();
}

}  // namespace cotangent::array
