#include "cotangent/transform/partials.h"

#include <cmath>
#include <numbers>

#include "cotangent/ir/moves.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// Expressions over one builder, read as algebra. Constants take the type of what they meet.
struct Term {
  Builder* b = nullptr;
  Value v;
};

Term number(const Term& like, double c) {
  return {like.b, like.b->splat(c, like.b->type(like.v))};
}
Term operator*(Term x, Term y) {
  return {x.b, x.b->mul(x.v, y.v)};
}
Term operator*(double c, Term y) {
  return number(y, c) * y;
}
Term operator+(Term x, Term y) {
  return {x.b, x.b->add(x.v, y.v)};
}
Term operator+(double c, Term y) {
  return number(y, c) + y;
}
Term operator-(Term x, Term y) {
  return {x.b, x.b->sub(x.v, y.v)};
}
Term operator-(double c, Term y) {
  return number(y, c) - y;
}
Term operator-(Term x, double c) {
  return x - number(x, c);
}
Term operator-(Term x) {
  return {x.b, x.b->neg(x.v)};
}
Term operator/(Term x, Term y) {
  return {x.b, x.b->div(x.v, y.v)};
}
Term operator/(double c, Term y) {
  return number(y, c) / y;
}
Term apply(Op op, Term x) {
  return {x.b, x.b->unary(op, x.v)};
}
Term power(Term x, Term y) {
  return {x.b, x.b->binary(Op::kPow, x.v, y.v)};
}
Term zero_where_zero(Term condition, Term value) {
  Builder& b = *value.b;
  const Term zero = number(value, 0.0);
  return {&b, b.select(b.eq(condition.v, number(condition, 0.0).v), zero.v, value.v)};
}

using Rule = Term (*)(std::span<const Term> x, Term y);

Term one(std::span<const Term>, Term y) {
  return number(y, 1.0);
}
Term minus_one(std::span<const Term>, Term y) {
  return number(y, -1.0);
}

Term sqrt_rule(std::span<const Term> x, Term y) {
  const Term slope = 0.5 / y;
  return is_sum_of_squares(y.b->so_far(), x[0].v) ? zero_where_zero(x[0], slope) : slope;
}

Term pow_base_rule(std::span<const Term> x, Term) {
  const Builder& b = *x[0].b;
  const auto exponent = splat_value(b.so_far(), x[1].v);
  if (exponent && *exponent == 0.0) return number(x[0], 0.0);
  if (exponent && *exponent == 1.0) return number(x[0], 1.0);
  if (exponent && *exponent == 2.0) return 2.0 * x[0];
  const Term slope = x[1] * power(x[0], x[1] - 1.0);
  if (!exponent) return zero_where_zero(x[1], slope);
  const bool kink = *exponent < 1.0 && is_sum_of_squares(b.so_far(), x[0].v);
  return kink && *exponent > 0.0 ? zero_where_zero(x[0], slope) : slope;
}

struct Entry {
  Op op;
  Rule d0 = nullptr, d1 = nullptr, d2 = nullptr;
};

// One line an op. Names: x[k] operand, y result.
const Entry kPartials[] = {
    {Op::kNeg, minus_one},
    {Op::kAbs, [](std::span<const Term> x, Term) { return apply(Op::kSign, x[0]); }},
    {Op::kSqrt, sqrt_rule},
    {Op::kRsqrt, [](std::span<const Term>, Term y) { return -0.5 * (y * y * y); }},
    {Op::kCbrt, [](std::span<const Term>, Term y) { return 1.0 / (3.0 * (y * y)); }},
    {Op::kExp, [](std::span<const Term>, Term y) { return y; }},
    {Op::kExpm1, [](std::span<const Term>, Term y) { return 1.0 + y; }},
    {Op::kLog, [](std::span<const Term> x, Term) { return 1.0 / x[0]; }},
    {Op::kLog1p, [](std::span<const Term> x, Term) { return 1.0 / (1.0 + x[0]); }},
    {Op::kSin, [](std::span<const Term> x, Term) { return apply(Op::kCos, x[0]); }},
    {Op::kCos, [](std::span<const Term> x, Term) { return -apply(Op::kSin, x[0]); }},
    {Op::kTan, [](std::span<const Term>, Term y) { return 1.0 + y * y; }},
    {Op::kAsin,
     [](std::span<const Term> x, Term) { return apply(Op::kRsqrt, (1.0 - x[0]) * (1.0 + x[0])); }},
    {Op::kAcos,
     [](std::span<const Term> x, Term) { return -apply(Op::kRsqrt, (1.0 - x[0]) * (1.0 + x[0])); }},
    {Op::kAtan, [](std::span<const Term> x, Term) { return 1.0 / (1.0 + x[0] * x[0]); }},
    {Op::kSinh, [](std::span<const Term> x, Term) { return apply(Op::kCosh, x[0]); }},
    {Op::kCosh, [](std::span<const Term> x, Term) { return apply(Op::kSinh, x[0]); }},
    {Op::kTanh, [](std::span<const Term>, Term y) { return (1.0 - y) * (1.0 + y); }},
    {Op::kErf,
     [](std::span<const Term> x, Term) {
       return 2.0 * std::numbers::inv_sqrtpi * apply(Op::kExp, -(x[0] * x[0]));
     }},
    {Op::kErfc,
     [](std::span<const Term> x, Term) {
       return -2.0 * std::numbers::inv_sqrtpi * apply(Op::kExp, -(x[0] * x[0]));
     }},
    {Op::kFarAngle, one},
    {Op::kAdd, one, one},
    {Op::kSub, one, minus_one},
    {Op::kMul, [](std::span<const Term> x, Term) { return x[1]; },
     [](std::span<const Term> x, Term) { return x[0]; }},
    {Op::kDiv, [](std::span<const Term> x, Term) { return 1.0 / x[1]; },
     [](std::span<const Term> x, Term y) { return -(y / x[1]); }},
    {Op::kMod, one, [](std::span<const Term> x, Term) { return -apply(Op::kFloor, x[0] / x[1]); }},
    {Op::kPow, pow_base_rule,
     [](std::span<const Term> x, Term y) {
       return zero_where_zero(x[0], y * apply(Op::kLog, x[0]));
     }},
    {Op::kAtan2, [](std::span<const Term> x, Term) { return x[1] / (x[0] * x[0] + x[1] * x[1]); },
     [](std::span<const Term> x, Term) { return -(x[0] / (x[0] * x[0] + x[1] * x[1])); }},
    {Op::kFma, [](std::span<const Term> x, Term) { return x[1]; },
     [](std::span<const Term> x, Term) { return x[0]; }, one},
};

const Entry* find(Op op) {
  for (const Entry& entry : kPartials) {
    if (entry.op == op) return &entry;
  }
  return nullptr;
}

/// Nodes; a program that needs more is not "visibly" anything.
constexpr int kLookedAt = 200;

/// What is known of a value's range from its form alone.
enum class Known { kNothing, kSquares, kNonNegative, kPositive };

Known known_of(const Function& f, Value v, int& budget) {
  if (--budget < 0) return Known::kNothing;
  const auto sum = [](Known x, Known y) {
    if (x == Known::kNothing || y == Known::kNothing) return Known::kNothing;
    if (x == Known::kPositive || y == Known::kPositive) return Known::kPositive;
    return x == Known::kSquares || y == Known::kSquares ? Known::kSquares : Known::kNonNegative;
  };
  const auto constant = [&](Value c) {
    const auto value = splat_value(f, c);
    if (!value || !(*value >= 0)) return Known::kNothing;
    return *value > 0 ? Known::kPositive : Known::kNonNegative;
  };
  const auto operand = [&](std::size_t k) { return f.operand(v, k); };
  if (rearranges(f.op(v))) return known_of(f, operand(0), budget);
  switch (f.op(v)) {
    case Op::kConstant: return constant(v);
    case Op::kMul: {
      if (operand(0) == operand(1)) return Known::kSquares;
      const Known x = known_of(f, operand(0), budget);
      if (x == Known::kNothing) return x;
      const Known y = known_of(f, operand(1), budget);
      if (x == Known::kPositive) return y;
      if (y == Known::kPositive) return x;
      return Known::kNothing;
    }
    case Op::kDiv: {
      const Known y = known_of(f, operand(1), budget);
      return y == Known::kPositive ? known_of(f, operand(0), budget) : Known::kNothing;
    }
    case Op::kPow: {
      const auto y = splat_value(f, operand(1));
      return y && *y == 2.0 ? Known::kSquares : Known::kNothing;
    }
    case Op::kFma: {
      if (operand(0) != operand(1)) return Known::kNothing;
      return sum(Known::kSquares, known_of(f, operand(2), budget));
    }
    case Op::kAdd: {
      const Known x = known_of(f, operand(0), budget);
      return x == Known::kNothing ? x : sum(x, known_of(f, operand(1), budget));
    }
    case Op::kDotGeneral: {
      const auto& a = f.attr_as<DotAttr>(v);
      const bool square = operand(0) == operand(1) && a.batch_x == a.batch_y &&
                          a.contract_x == a.contract_y &&
                          a.batch_x.size() + a.contract_x.size() ==
                              static_cast<std::size_t>(f.type(operand(0)).shape.rank());
      return square ? Known::kSquares : Known::kNothing;
    }
    case Op::kReduceSum:
    case Op::kGather:
    case Op::kCast: return known_of(f, operand(0), budget);
    case Op::kCheck: return known_of(f, operand(1), budget);
    case Op::kProject: {
      const Value node = operand(0);
      if (f.op(node) != Op::kMap && f.op(node) != Op::kPairSum) return Known::kNothing;
      const FunctionPtr body = body_of(f.attr(node));
      const auto k = static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index);
      const Known inside = known_of(*body, body->results()[k], budget);
      return inside == Known::kPositive ? Known::kNonNegative : inside;
    }
    default: return Known::kNothing;
  }
}

}  // namespace

bool is_sum_of_squares(const Function& f, Value v) {
  int budget = kLookedAt;
  return known_of(f, v, budget) == Known::kSquares;
}

bool is_nonnegative(const Function& f, Value v) {
  int budget = kLookedAt;
  return known_of(f, v, budget) != Known::kNothing;
}

bool has_partials(Op op) {
  return find(op) != nullptr;
}

Value partial(Builder& b, Op op, std::span<const Value> x, Value y, std::size_t k) {
  if (piecewise_constant(op)) return {};
  const Entry* entry = find(op);
  const Rule rule = !entry ? nullptr : k == 0 ? entry->d0 : k == 1 ? entry->d1 : entry->d2;
  if (!rule) throw InternalError("no partial derivative of " + std::string(name_of(op)));
  Term terms[3];
  for (std::size_t i = 0; i < x.size(); ++i) terms[i] = {&b, x[i]};
  return rule(std::span<const Term>(terms, x.size()), {&b, y}).v;
}

}  // namespace cotangent::transform
