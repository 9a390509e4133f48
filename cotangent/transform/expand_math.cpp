// Replaces transcendental functions by our own formulas, so that they vectorise, fuse, and agree
// bit for bit on every back end. sqrt is correctly rounded everywhere, and rsqrt *is* 1/sqrt(x),
// both rounded, which back ends make as they do best: those two stay.
#include "cotangent/base/error.h"
#include "cotangent/transform/math_functions.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

using Unary = Num (*)(Num);

Unary formula(Op op) {
  switch (op) {
    case Op::kCbrt: return expand_cbrt;
    case Op::kExp: return expand_exp;
    case Op::kExpm1: return expand_expm1;
    case Op::kLog: return expand_log;
    case Op::kLog1p: return expand_log1p;
    case Op::kSin: return expand_sin;
    case Op::kCos: return expand_cos;
    case Op::kTan: return expand_tan;
    case Op::kAsin: return expand_asin;
    case Op::kAcos: return expand_acos;
    case Op::kAtan: return expand_atan;
    case Op::kSinh: return expand_sinh;
    case Op::kCosh: return expand_cosh;
    case Op::kTanh: return expand_tanh;
    case Op::kErf: return expand_erf;
    case Op::kErfc: return expand_erfc;
    default: throw InternalError("no formula for '" + std::string(name_of(op)) + "'");
  }
}

}  // namespace

FunctionPtr expand_math(const Function& f) {
  const RewriteRule rule = [&](Builder& b, Value v, std::span<const Value> x) -> Value {
    const Op op = f.op(v);
    if (!is_transcendental(op)) return {};
    if (op == Op::kPow) return expand_pow({&b, x[0]}, {&b, x[1]}).v;
    if (op == Op::kAtan2) return expand_atan2({&b, x[0]}, {&b, x[1]}).v;
    return formula(op)({&b, x[0]}).v;
  };
  return rewrite(f, rule, expand_math);
}

}  // namespace cotangent::transform
