#include "cotangent/mechanics/homogeneous.h"

#include <algorithm>

#include "cotangent/ir/moves.h"
#include "cotangent/mechanics/abstract.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Op;

struct ScalingClass {
  enum class Kind { kZero, kDegree, kNone };  // zero is of every degree
  Kind kind = Kind::kDegree;
  double q = 0, p = 0;
  bool operator==(const ScalingClass&) const = default;
  bool fixed() const { return kind == Kind::kZero || (kind == Kind::kDegree && q == 0 && p == 0); }
};

const ScalingClass kNone{ScalingClass::Kind::kNone, 0, 0};
const ScalingClass kZero{ScalingClass::Kind::kZero, 0, 0};

std::optional<double> splat(const Function& f, ir::Value v) {
  while (f.op(v) == Op::kBroadcast || f.op(v) == Op::kReshape) v = f.operand(v, 0);
  if (f.op(v) != Op::kConstant || f.type(v).size() < 1) return {};
  const ir::Tensor& value = *f.attr_as<ir::LiteralAttr>(v).value;
  for (std::int64_t k = 1; k < value.size(); ++k) {
    if (value.real(k) != value.real(0)) return {};
  }
  return static_cast<double>(value.real(0));
}

struct ScalingDomain {
  using Value = ScalingClass;
  Value index() { return {}; }
  Value join(const Value& a, const Value& b) {
    if (a == b || b.kind == ScalingClass::Kind::kZero) return a;
    return a.kind == ScalingClass::Kind::kZero ? b : kNone;
  }
  Value widen(const Value&) { return kNone; }
  Value chosen(const Value& a, const Value& by) { return by.fixed() ? a : kNone; }

  static Value times(const Value& a, double n) {
    if (a.kind != ScalingClass::Kind::kDegree) return a;
    return {ScalingClass::Kind::kDegree, a.q * n, a.p * n};
  }
  static Value product(const Value& a, const Value& b) {
    if (a.kind == ScalingClass::Kind::kNone || b.kind == ScalingClass::Kind::kNone) return kNone;
    if (a.kind == ScalingClass::Kind::kZero || b.kind == ScalingClass::Kind::kZero) return kZero;
    return {ScalingClass::Kind::kDegree, a.q + b.q, a.p + b.p};
  }
  static Value all_fixed(const std::vector<Value>& x, std::size_t first = 0) {
    for (std::size_t k = first; k < x.size(); ++k) {
      if (!x[k].fixed()) return kNone;
    }
    return {};
  }

  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    if (ir::rearranges(f.op(v))) return x[0];
    switch (f.op(v)) {
      case Op::kConstant: return splat(f, v) == 0.0 ? kZero : ScalingClass{};
      case Op::kIota: return {};
      case Op::kNeg:
      case Op::kAbs:
      case Op::kReduceSum:
      case Op::kReduceMin:
      case Op::kReduceMax:
      case Op::kSort:
      case Op::kCumSum: return x[0];
      case Op::kAdd:
      case Op::kSub:
      case Op::kMin:
      case Op::kMax:
      case Op::kPad: return join(x[0], x[1]);
      case Op::kConcatenate: {
        Value all = kZero;
        for (const Value& o : x) all = join(all, o);
        return all;
      }
      case Op::kMul:
      case Op::kDotGeneral: return product(x[0], x[1]);
      case Op::kFma: return join(product(x[0], x[1]), x[2]);
      case Op::kDiv:
        if (x[1].kind == ScalingClass::Kind::kZero || !is_float(f.type(v).dtype)) break;
        return product(x[0], times(x[1], -1));
      case Op::kSqrt: return times(x[0], 0.5);
      case Op::kCbrt:
        if (x[0].fixed()) return {};
        break;  // a third is no double
      case Op::kRsqrt:
        if (x[0].kind == ScalingClass::Kind::kZero) break;
        return times(x[0], -0.5);
      case Op::kPow:
        if (const auto n = splat(f, f.operand(v, 1)); n && x[0].kind != ScalingClass::Kind::kZero) {
          return times(x[0], *n);
        }
        break;
      // Signs and comparisons do not change under positive factors.
      case Op::kSign: return x[0].kind == ScalingClass::Kind::kNone ? kNone : ScalingClass{};
      case Op::kAtan2:
      case Op::kLt:
      case Op::kLe:
      case Op::kEq:
      case Op::kNe:
        return join(x[0], x[1]).kind == ScalingClass::Kind::kNone ? kNone : ScalingClass{};
      case Op::kSelect: return x[0].fixed() ? join(x[1], x[2]) : kNone;
      case Op::kGather: return all_fixed(x, 1).kind == ScalingClass::Kind::kNone ? kNone : x[0];
      case Op::kScatterAdd:
      case Op::kScatterSet:
        return all_fixed(x, 2).kind == ScalingClass::Kind::kNone ? kNone : join(x[0], x[1]);
      case Op::kCast:
        if (is_float(f.type(v).dtype) && is_float(f.type(f.operand(v, 0)).dtype)) return x[0];
        break;
      case Op::kCheck: return x[1];
      default: break;
    }
    return all_fixed(x);
  }
};

}  // namespace

std::optional<Homogeneity> homogeneity_of(const ir::Function& energy) {
  ScalingDomain domain;
  std::vector<ScalingClass> arguments(energy.params().size());
  arguments[0] = {ScalingClass::Kind::kDegree, 1, 0};
  arguments[1] = {ScalingClass::Kind::kDegree, 0, 1};
  const ScalingClass s = Interpreter(domain).run(energy, arguments)[0];
  if (s.kind == ScalingClass::Kind::kNone) return {};
  return Homogeneity{s.q, s.p};
}

bool always_zero(const ir::Function& f) {
  ScalingDomain domain;
  const std::vector<ScalingClass> arguments(f.params().size());
  return Interpreter(domain).run(f, arguments)[0].kind == ScalingClass::Kind::kZero;
}

}  // namespace cotangent::mechanics
