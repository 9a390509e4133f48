// Folding at construction: exact IEEE only. No x*0 -> 0, no x+0 -> x (it loses -0), no
// reassociation; transcendental functions of constants are left to the pass that expands them, so
// that a folded value has the bits the kernel would have computed.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluate_op.h"

namespace cotangent::ir {
namespace {

constexpr std::int64_t kMaxFoldedElements = 64;

bool folds_exactly(Op op) {
  switch (op) {
    case Op::kNeg:
    case Op::kAbs:
    case Op::kSign:
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound:
    case Op::kSqrt:
    case Op::kNot:
    case Op::kIsFinite:
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
    case Op::kMod:
    case Op::kMin:
    case Op::kMax:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kShl:
    case Op::kShr:
    case Op::kLt:
    case Op::kLe:
    case Op::kEq:
    case Op::kNe:
    case Op::kFma:
    case Op::kSelect:
    case Op::kCast:
    case Op::kBitcast: return true;
    default: return false;
  }
}

/// A scalar that the array `v` repeats everywhere, or an invalid value.
Value repeated_scalar(const Function& f, Value v) {
  if (f.type(v).is_scalar()) return v;
  if (f.op(v) == Op::kBroadcast && f.type(f.operand(v, 0)).is_scalar()) return f.operand(v, 0);
  return {};
}

bool is_constant(const Function& f, Value v) {
  return f.op(v) == Op::kConstant;
}

/// 1/c when dividing by c and multiplying by 1/c round alike: c a power of two, both normal.
double exact_reciprocal(const Function& f, Value v) {
  const Value s = repeated_scalar(f, v);
  if (!s.valid() || !is_constant(f, s) || f.type(s).dtype != DType::kF64) return 0;
  const double c = f.attr_as<LiteralAttr>(s).value->as<double>()[0];
  int exponent = 0;
  if (std::fabs(std::frexp(c, &exponent)) != 0.5 || std::abs(exponent) > 1000) return 0;
  return 1.0 / c;
}

/// The number that x repeats everywhere; NaN if there is none.
double repeated_number(const Function& f, Value x) {
  while (f.op(x) == Op::kBroadcast || f.op(x) == Op::kReshape) x = f.operand(x, 0);
  if (!is_constant(f, x)) return NAN;
  const Tensor& literal = *f.attr_as<LiteralAttr>(x).value;
  if (literal.size() == 0) return NAN;
  const auto value = static_cast<double>(literal.real(0));
  return literal.size() == 1 || f.is_splat(x, value) ? value : NAN;
}

Value fold_float(Builder& b, Op op, std::span<const Value> x) {
  const Function& f = b.so_far();
  const double number[] = {repeated_number(f, x[0]), x.size() > 1 ? repeated_number(f, x[1]) : NAN};
  const auto is = [&](std::size_t k, double value) {
    return number[k] == value && std::signbit(number[k]) == std::signbit(value);
  };
  switch (op) {
    case Op::kAdd:
      if (is(0, -0.0)) return x[1];
      if (is(1, -0.0)) return x[0];
      break;
    case Op::kSub:
      if (is(1, 0.0)) return x[0];
      break;
    case Op::kMul:
      for (std::size_t k = 0; k < 2; ++k) {
        if (is(k, 1.0)) return x[1 - k];
        if (is(k, -1.0)) return b.neg(x[1 - k]);
      }
      break;
    case Op::kDiv:
      if (is(1, 1.0)) return x[0];
      if (is(1, -1.0)) return b.neg(x[0]);
      if (const double r = exact_reciprocal(f, x[1]); r != 0) {
        return b.mul(x[0], b.splat(r, f.type(x[0])));
      }
      break;
    case Op::kNeg:
      if (f.op(x[0]) == Op::kNeg) return f.operand(x[0], 0);
      break;
    case Op::kMin:
    case Op::kMax:
      if (x[0] == x[1]) return x[0];
      break;
    default: break;
  }
  return {};
}

Value fold_integer(Builder& b, Op op, std::span<const Value> x) {
  const Function& f = b.so_far();
  const Type t = f.type(x[0]);
  const auto is = [&](std::size_t k, double value) { return f.is_splat(x[k], value); };
  switch (op) {
    case Op::kAdd:
      if (is(0, 0)) return x[1];
      if (is(1, 0)) return x[0];
      break;
    case Op::kSub:
      if (is(1, 0)) return x[0];
      if (x[0] == x[1]) return b.zeros(t);
      break;
    case Op::kMul:
      for (std::size_t k = 0; k < 2; ++k) {
        if (is(k, 1)) return x[1 - k];
        if (is(k, 0)) return x[k];
      }
      break;
    case Op::kDiv:
      if (is(1, 1)) return x[0];
      break;
    case Op::kShl:
    case Op::kShr:
      if (is(1, 0)) return x[0];
      break;
    case Op::kNeg:
    case Op::kNot:
      if (f.op(x[0]) == op) return f.operand(x[0], 0);
      break;
    case Op::kAnd:
    case Op::kOr:
    case Op::kMin:
    case Op::kMax:
      if (x[0] == x[1]) return x[0];
      break;
    default: break;
  }
  return {};
}

Value fold_bool(Builder& b, Op op, std::span<const Value> x) {
  const Function& f = b.so_far();
  const auto is = [&](std::size_t k, double value) { return f.is_splat(x[k], value); };
  switch (op) {
    case Op::kNot:
      if (f.op(x[0]) == Op::kNot) return f.operand(x[0], 0);
      break;
    case Op::kAnd:
    case Op::kOr:
      if (x[0] == x[1]) return x[0];
      for (std::size_t k = 0; k < 2; ++k) {
        if (is(k, op == Op::kAnd ? 1 : 0)) return x[1 - k];
        if (is(k, op == Op::kAnd ? 0 : 1)) return x[k];
      }
      break;
    default: break;
  }
  return {};
}

Value fold_elementwise(Builder& b, Op op, std::span<const Value> x, const Attr& attr,
                       const Type& type) {
  const Function& f = b.so_far();
  if ((op == Op::kCast || op == Op::kBitcast) && f.type(x[0]) == type) return x[0];
  if (op == Op::kSelect) {
    if (x[1] == x[2] || f.is_splat(x[0], 1)) return x[1];
    if (f.is_splat(x[0], 0)) return x[2];
  }
  // The same scalar everywhere: compute once, repeat the result.
  if (!type.is_scalar() && type.size() > 0) {
    std::vector<Value> scalars;
    for (Value v : x) {
      const Value s = repeated_scalar(f, v);
      if (s.valid()) scalars.push_back(s);
    }
    if (scalars.size() == x.size()) {
      return b.broadcast_to(b.make(op, scalars, attr, type.with_shape({})), type.shape);
    }
  }
  const DType t = f.type(x[0]).dtype;
  if (op == Op::kSelect || op == Op::kCast || op == Op::kBitcast) return {};
  if (is_float(t)) return fold_float(b, op, x);
  if (is_bool(t)) return fold_bool(b, op, x);
  return fold_integer(b, op, x);
}

bool is_identity(const Dims& permutation) {
  for (std::size_t k = 0; k < permutation.size(); ++k) {
    if (permutation[k] != static_cast<std::int64_t>(k)) return false;
  }
  return true;
}

Value fold_shape(Builder& b, Op op, std::span<const Value> x, const Attr& attr, const Type& type) {
  const Function& f = b.so_far();
  const Value v = x[0];
  const Type from = f.type(v);
  const Op maker = f.op(v);
  const Value s = repeated_scalar(f, v);
  switch (op) {
    case Op::kReshape:
      if (from == type) return v;
      if (maker == Op::kReshape) return b.reshape(f.operand(v, 0), type.shape);
      break;
    case Op::kTranspose: {
      const Dims& perm = std::get<AxesAttr>(attr).axes;
      if (is_identity(perm)) return v;
      if (maker == Op::kTranspose) {
        const Dims& inner = f.attr_as<AxesAttr>(v).axes;
        Dims both;
        for (std::int64_t k : perm) both.push_back(inner[static_cast<std::size_t>(k)]);
        return b.transpose(f.operand(v, 0), both);
      }
      break;
    }
    case Op::kBroadcast: {
      if (from == type) return v;
      if (maker == Op::kBroadcast) {
        const Dims& outer = std::get<AxesAttr>(attr).axes;
        Dims both;
        for (std::int64_t k : f.attr_as<AxesAttr>(v).axes) {
          both.push_back(outer[static_cast<std::size_t>(k)]);
        }
        return b.broadcast(f.operand(v, 0), type.shape, both);
      }
      return {};
    }
    case Op::kSlice:
      if (from == type) return v;
      break;
    case Op::kPad: {
      if (from == type) return v;
      return {};
    }
    case Op::kConcatenate:
      if (x.size() == 1) return v;
      return {};
    case Op::kReverse: {
      const Dims& axes = std::get<AxesAttr>(attr).axes;
      if (axes.empty()) return v;
      if (maker == Op::kReverse && f.attr_as<AxesAttr>(v).axes == axes) return f.operand(v, 0);
      break;
    }
    default: return {};
  }
  if (s.valid() && !from.is_scalar()) return b.broadcast_to(s, type.shape);
  return {};
}

}  // namespace

Value Builder::fold(Op op, std::span<const Value> operands, const Attr& attr, const Type& type) {
  const Function& f = *function_;
  const OpKind kind = info(op).kind;
  if (kind == OpKind::kLeaf || kind == OpKind::kSecondOrder) return {};
  if (kind == OpKind::kCheck) {
    // Only one that cannot fail goes.
    return f.is_splat(operands[0], 1) || f.type(operands[0]).size() == 0 ? operands[1] : Value{};
  }
  const bool computable = kind != OpKind::kElementwise || folds_exactly(op);
  // A scalar constant broadcast stays a broadcast: it is smaller, and rules look for it.
  if (computable && op != Op::kBroadcast && type.size() <= kMaxFoldedElements &&
      std::all_of(operands.begin(), operands.end(), [&](Value v) {
        return is_constant(f, v) && f.type(v).size() <= kMaxFoldedElements;
      })) {
    std::vector<const Tensor*> values;
    for (Value v : operands) values.push_back(f.attr_as<LiteralAttr>(v).value.get());
    return constant(evaluate_op(op, values, attr, type, false));
  }
  switch (kind) {
    case OpKind::kElementwise: return fold_elementwise(*this, op, operands, attr, type);
    case OpKind::kShape: return fold_shape(*this, op, operands, attr, type);
    case OpKind::kScan: {
      const auto axis = static_cast<int>(std::get<AxesAttr>(attr).axes[0]);
      if (type.shape[axis] <= 1) return op == Op::kArgsort ? zeros(type) : operands[0];
      const bool sorted = f.op(operands[0]) == Op::kSort && f.attr(operands[0]) == attr;
      return op == Op::kSort && sorted ? operands[0] : Value{};
    }
    case OpKind::kReduce: {
      const Dims& axes = std::get<AxesAttr>(attr).axes;
      const Shape& shape = this->type(operands[0]).shape;
      if (std::all_of(axes.begin(), axes.end(),
                      [&](std::int64_t k) { return shape[static_cast<int>(k)] == 1; })) {
        return reshape(operands[0], type.shape);
      }
      // A sum of zeros, of either sign, is that zero.
      const Value s = repeated_scalar(f, operands[0]);
      const bool zeros = s.valid() && (f.is_splat(s, 0.0) || f.is_splat(s, -0.0));
      if (op == Op::kReduceSum && zeros && this->type(operands[0]).size() > 0) {
        return broadcast_to(s, type.shape);
      }
      return {};
    }
    case OpKind::kIndex: {
      const Value s = repeated_scalar(f, operands[0]);
      if (op != Op::kGather || !s.valid()) return {};
      return broadcast_to(s, type.shape);
    }
    default: return {};
  }
}

}  // namespace cotangent::ir
