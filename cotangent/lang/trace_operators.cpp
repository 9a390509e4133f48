// + - * / % ^, comparisons, and or not.
#include <cmath>

#include "cotangent/lang/tracer.h"

namespace cotangent::lang {
namespace {

constexpr std::int64_t kMaxWholePower = 64;

bool is_number(const TracedValue& v) {
  return v.kind != ValueKind::kBoolean;
}

ir::Op op_of(Operator op) {
  switch (op) {
    case Operator::kAdd: return ir::Op::kAdd;
    case Operator::kSub: return ir::Op::kSub;
    case Operator::kMul: return ir::Op::kMul;
    case Operator::kDiv: return ir::Op::kDiv;
    case Operator::kMod: return ir::Op::kMod;
    case Operator::kLess:
    case Operator::kGreater: return ir::Op::kLt;
    case Operator::kLessEqual:
    case Operator::kGreaterEqual: return ir::Op::kLe;
    case Operator::kEqual: return ir::Op::kEq;
    case Operator::kUnequal: return ir::Op::kNe;
    case Operator::kAnd: return ir::Op::kAnd;
    case Operator::kOr: return ir::Op::kOr;
  }
  throw InternalError("operator");
}

IntegerOp integer_op_of(Operator op) {
  switch (op) {
    case Operator::kAdd: return IntegerOp::kAdd;
    case Operator::kSub: return IntegerOp::kSub;
    case Operator::kMul: return IntegerOp::kMul;
    case Operator::kMod: return IntegerOp::kMod;
    case Operator::kLess:
    case Operator::kGreater: return IntegerOp::kLess;
    case Operator::kLessEqual:
    case Operator::kGreaterEqual: return IntegerOp::kLessEqual;
    case Operator::kEqual: return IntegerOp::kEqual;
    case Operator::kUnequal: return IntegerOp::kUnequal;
    case Operator::kAnd: return IntegerOp::kAnd;
    case Operator::kOr: return IntegerOp::kOr;
    case Operator::kDiv: break;
  }
  throw InternalError("integer operator");
}

}  // namespace

TracedValue Tracer::eval_chain(const Expr& e) {
  TracedValue x = eval(*e.children[0]);
  for (std::size_t k = 0; k < e.ops.size(); ++k) {
    const Operator op = e.ops[k];
    const TracedValue y = eval(*e.children[k + 1]);
    at(e);
    if (op == Operator::kAnd || op == Operator::kOr) {
      x = logic(e, op, x, y);
      continue;
    }
    if (!is_number(x) || !is_number(y)) {
      refuse(
          is_number(x) ? *e.children[k + 1] : *e.children[k],
          "'" + std::string(name_of(op)) + "' is given a boolean", "numbers on both sides",
          "where(c, 1, 0) makes a number; 'not' binds tighter than a comparison: write not (...)");
    }
    switch (op) {
      case Operator::kAdd:
      case Operator::kSub: x = add_or_sub(e, op, x, y); break;
      case Operator::kMul: x = multiply(e, x, y); break;
      case Operator::kDiv: x = divide(e, x, y); break;
      case Operator::kMod: x = modulo(e, x, y); break;
      default: x = compare(e, op, x, y);
    }
  }
  return x;
}

TracedValue Tracer::scalar_binary(ir::Op op, const TracedValue& x, const TracedValue& y) {
  if (x.constant && y.constant) {
    const double a = *x.constant, b = *y.constant;
    switch (op) {
      case ir::Op::kAdd: return real_constant(a + b);
      case ir::Op::kSub: return real_constant(a - b);
      case ir::Op::kMul: return real_constant(a * b);
      case ir::Op::kDiv: return real_constant(a / b);
      default: break;
    }
  }
  return real(emit(op, {x.noted, y.noted}));
}

TracedValue Tracer::add_or_sub(const Expr& e, Operator op, const TracedValue& x,
                               const TracedValue& y) {
  if (x.kind == ValueKind::kInteger && y.kind == ValueKind::kInteger) {
    const IntegerId both[] = {x.integer, y.integer};
    return integer(make_integer(e, integer_op_of(op), both));
  }
  const TracedValue a = to_real(x), b = to_real(y);
  if (a.shape != b.shape) {
    const bool scalars = a.shape.rank() == 0 || b.shape.rank() == 0;
    refuse(e,
           std::string(op == Operator::kAdd ? "cannot add " : "cannot subtract ") +
               (op == Operator::kAdd ? describe(x) + " and " + describe(y)
                                     : describe(y) + " from " + describe(x)),
           "'+' and '-' take two values of one shape",
           scalars ? "index the array, or take norm(...) of the vector: numbers are not spread"
                   : "check the shapes of both sides");
  }
  return scalar_binary(op_of(op), a, b);
}

TracedValue Tracer::multiply(const Expr& e, const TracedValue& x, const TracedValue& y) {
  if (x.kind == ValueKind::kInteger && y.kind == ValueKind::kInteger) {
    const IntegerId both[] = {x.integer, y.integer};
    return integer(make_integer(e, IntegerOp::kMul, both));
  }
  const TracedValue a = to_real(x), b = to_real(y);
  if (a.shape.rank() > 0 && b.shape.rank() > 0) {
    refuse(e, "'*' between " + describe(x) + " and " + describe(y) + " has no one meaning",
           "a number times a number, or a number times a vector",
           "write dot(a, b) for the scalar product, cross(a, b) for the vector product");
  }
  const Shape& shape = a.shape.rank() > 0 ? a.shape : b.shape;
  if (shape.rank() == 0) return scalar_binary(ir::Op::kMul, a, b);
  return real(emit(ir::Op::kMul, {broadcast(a.noted, shape), broadcast(b.noted, shape)}));
}

TracedValue Tracer::divide(const Expr& e, const TracedValue& x, const TracedValue& y) {
  const TracedValue a = to_real(x), b = to_real(y);
  if (b.shape.rank() > 0) {
    refuse(e, "cannot divide by " + describe(y), "a number as the divisor",
           "divide by norm(...) or by one entry of it");
  }
  if (a.shape.rank() == 0) return scalar_binary(ir::Op::kDiv, a, b);
  return real(emit(ir::Op::kDiv, {a.noted, broadcast(b.noted, a.shape)}));
}

TracedValue Tracer::modulo(const Expr& e, const TracedValue& x, const TracedValue& y) {
  if (x.kind == ValueKind::kInteger && y.kind == ValueKind::kInteger) {
    const IntegerId both[] = {x.integer, y.integer};
    return integer(make_integer(e, IntegerOp::kMod, both));
  }
  if (!x.is_scalar_number() || !y.is_scalar_number()) {
    refuse(e, "'%' between " + describe(x) + " and " + describe(y), "two numbers");
  }
  return scalar_binary(ir::Op::kMod, to_real(x), to_real(y));
}

TracedValue Tracer::compare(const Expr& e, Operator op, const TracedValue& x,
                            const TracedValue& y) {
  if (!x.is_scalar_number() || !y.is_scalar_number()) {
    refuse(e, "'" + std::string(name_of(op)) + "' between " + describe(x) + " and " + describe(y),
           "two numbers", "compare norm(...) or one entry");
  }
  const bool swapped = op == Operator::kGreater || op == Operator::kGreaterEqual;
  const TracedValue& a = swapped ? y : x;
  const TracedValue& b = swapped ? x : y;
  if (a.kind == ValueKind::kInteger && b.kind == ValueKind::kInteger) {
    const IntegerId both[] = {a.integer, b.integer};
    return boolean(make_integer(e, integer_op_of(op), both));
  }
  return boolean(emit(op_of(op), {to_real(a).noted, to_real(b).noted}));
}

TracedValue Tracer::logic(const Expr& e, Operator op, const TracedValue& x, const TracedValue& y) {
  for (const TracedValue* v : {&x, &y}) {
    if (v->kind == ValueKind::kBoolean) continue;
    refuse(e, "'" + std::string(name_of(op)) + "' is given " + describe(*v),
           "booleans on both sides", "write a comparison, such as a > 0");
  }
  if (x.is_integer_only() && y.is_integer_only()) {
    const IntegerId both[] = {x.integer, y.integer};
    return boolean(make_integer(e, integer_op_of(op), both));
  }
  return boolean(emit(op_of(op), {to_bool(x), to_bool(y)}));
}

TracedValue Tracer::eval_negate(const Expr& e) {
  const TracedValue x = eval(*e.children[0]);
  at(e);
  if (x.kind == ValueKind::kBoolean) {
    refuse(e, "'-' is given a boolean", "a number", "write 'not'");
  }
  if (x.kind == ValueKind::kInteger) {
    return integer(make_integer(e, IntegerOp::kNeg, std::span(&x.integer, 1)));
  }
  const TracedValue a = to_real(x);
  if (a.constant) return real_constant(-*a.constant);
  return real(emit(ir::Op::kNeg, {a.noted}));
}

TracedValue Tracer::eval_not(const Expr& e) {
  const TracedValue x = eval(*e.children[0]);
  at(e);
  if (x.kind != ValueKind::kBoolean) {
    refuse(e, "'not' is given " + describe(x), "a boolean",
           "'not' binds tighter than a comparison: write not (a < b)");
  }
  if (x.is_integer_only()) {
    return boolean(make_integer(e, IntegerOp::kNot, std::span(&x.integer, 1)));
  }
  return boolean(emit(ir::Op::kNot, {x.noted}));
}

// --- powers

IntegerId Tracer::whole_power(const Expr& e, IntegerId x, std::int64_t n) {
  IntegerId result = integers_.constant(1);
  for (IntegerId square = x; n > 0; n >>= 1) {
    if (n & 1) {
      const IntegerId both[] = {result, square};
      result = make_integer(e, IntegerOp::kMul, both);
    }
    if (n > 1) {
      const IntegerId both[] = {square, square};
      square = make_integer(e, IntegerOp::kMul, both);
    }
  }
  return result;
}

/// x^n, n >= 1, by repeated squaring.
TracedValue Tracer::whole_power(TracedValue x, std::int64_t n) {
  std::optional<TracedValue> result;
  for (; n > 0; n >>= 1) {
    if (n & 1) result = result ? scalar_binary(ir::Op::kMul, *result, x) : x;
    if (n > 1) x = scalar_binary(ir::Op::kMul, x, x);
  }
  return *result;
}

TracedValue Tracer::eval_power(const Expr& e) {
  const TracedValue base = eval(*e.children[0]);
  const TracedValue exponent = eval(*e.children[1]);
  at(e);
  if (!base.is_scalar_number() || !exponent.is_scalar_number()) {
    const bool of_vector = base.kind == ValueKind::kReal && base.shape.rank() == 1;
    refuse(e, "'^' between " + describe(base) + " and " + describe(exponent), "two numbers",
           of_vector ? "write dot(x, x) for the square of a vector's length" : "");
  }
  std::optional<double> n;
  if (exponent.kind == ValueKind::kInteger) {
    if (const auto whole = integers_.constant_value(exponent.integer)) {
      if (base.kind == ValueKind::kInteger && *whole >= 0 && *whole <= kMaxWholePower) {
        return integer(whole_power(e, base.integer, *whole));
      }
      n = static_cast<double>(*whole);
    }
  } else {
    n = exponent.constant;
  }
  const TracedValue x = to_real(base);
  if (n && std::floor(*n) == *n && std::fabs(*n) <= kMaxWholePower) {
    const auto whole = static_cast<std::int64_t>(*n);
    if (whole == 0) return real_constant(1.0);
    if (whole > 0) return whole_power(x, whole);
    return scalar_binary(ir::Op::kDiv, real_constant(1.0), whole_power(x, -whole));
  }
  const auto root = [&] { return real(emit(ir::Op::kSqrt, {x.noted})); };
  if (n && *n == 0.5) return root();
  // 1/(x^k sqrt(x)): at 0 both this and pow are infinite, so nothing is lost at the edge.
  if (n && *n < 0 && std::floor(*n) != *n && std::floor(*n * 2) == *n * 2 &&
      *n >= -kMaxWholePower) {
    const auto whole = static_cast<std::int64_t>(-*n - 0.5);
    const TracedValue below =
        whole == 0 ? root() : scalar_binary(ir::Op::kMul, whole_power(x, whole), root());
    return scalar_binary(ir::Op::kDiv, real_constant(1.0), below);
  }
  return real(emit(ir::Op::kPow, {x.noted, to_real(exponent).noted}));
}

TracedValue Tracer::select(const Expr& e, const TracedValue& c, const TracedValue& x,
                           const TracedValue& y) {
  if (x.kind == ValueKind::kInteger && y.kind == ValueKind::kInteger && c.is_integer_only()) {
    const IntegerId all[] = {c.integer, x.integer, y.integer};
    return integer(make_integer(e, IntegerOp::kWhere, all));
  }
  const TracedValue a = to_real(x), b = to_real(y);
  if (a.shape != b.shape) {
    refuse(e, "where chooses between " + describe(x) + " and " + describe(y),
           "two values of one shape", "make both numbers, or vectors of one length");
  }
  if (c.is_integer_only()) {
    if (const auto value = integers_.constant_value(c.integer)) return *value != 0 ? a : b;
  }
  return real(emit(ir::Op::kSelect, {broadcast(to_bool(c), a.shape), a.noted, b.noted}));
}

}  // namespace cotangent::lang
