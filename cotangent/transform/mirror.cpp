#include "cotangent/transform/mirror.h"

#include <algorithm>
#include <map>

#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// A value, or its negative.
struct Signed {
  Value value;
  bool negative = false;
  bool operator==(const Signed&) const = default;
};

enum class Parity { kNone, kEven, kOdd };

Parity parity_of(Op op) {
  switch (op) {
    case Op::kAbs:
    case Op::kCos:
    case Op::kCosh: return Parity::kEven;
    case Op::kSign:
    case Op::kCbrt:
    case Op::kSin:
    case Op::kTan:
    case Op::kAsin:
    case Op::kAtan:
    case Op::kSinh:
    case Op::kTanh:
    case Op::kErf:
    // Linear, of one operand.
    case Op::kReduceSum:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kBroadcast:
    case Op::kSlice:
    case Op::kReverse: return Parity::kOdd;
    default: return Parity::kNone;
  }
}

class Writer {
 public:
  Writer(Builder& b, const Function& body) : b_(b), body_(body) {}

  std::vector<Signed> results(std::span<const Value> params) {
    std::vector<Signed> images(body_.size());
    for (std::size_t k = 0; k < params.size(); ++k) images[body_.params()[k].id] = {params[k]};
    for (std::uint32_t id = 0; id < body_.size(); ++id) {
      const Value v{id};
      if (body_.op(v) == Op::kParameter) continue;
      std::vector<Signed> x;
      for (Value u : body_.operands(v)) x.push_back(images[u.id]);
      images[id] = write(v, x);
    }
    std::vector<Signed> out;
    for (Value r : body_.results()) out.push_back(images[r.id]);
    return out;
  }

  /// Whether a sign stands where that of zero matters.
  bool sees_zeros() const { return sees_zeros_; }

 private:
  Signed write(Value v, std::vector<Signed> x) {
    const Op op = body_.op(v);
    if (!x.empty() && is_float(b_type(x[0].value))) {
      switch (op) {
        case Op::kNeg: return {x[0].value, !x[0].negative};
        case Op::kSub: x[1].negative = !x[1].negative; return sum(x[0], x[1]);
        case Op::kAdd: return sum(x[0], x[1]);
        case Op::kMul: {
          if (x[1].value.id < x[0].value.id) std::swap(x[0], x[1]);
          return {b_.mul(x[0].value, x[1].value), x[0].negative != x[1].negative};
        }
        case Op::kDiv: return {b_.div(x[0].value, x[1].value), x[0].negative != x[1].negative};
        case Op::kFma: {
          if (x[1].value.id < x[0].value.id) std::swap(x[0], x[1]);
          const bool opposite = (x[0].negative != x[1].negative) != x[2].negative;
          const Value factor = opposite ? b_.neg(x[0].value) : x[0].value;
          return {b_.fma(factor, x[1].value, x[2].value), x[2].negative};
        }
        case Op::kDotGeneral: {
          const Value both[] = {x[0].value, x[1].value};
          return {b_.copy(body_, v, both), x[0].negative != x[1].negative};
        }
        default: break;
      }
      if (const Parity parity = parity_of(op); parity != Parity::kNone) {
        const Value one[] = {x[0].value};
        return {b_.copy(body_, v, one), parity == Parity::kOdd && x[0].negative};
      }
    }
    if (op == Op::kSelect && x[1].negative == x[2].negative) {
      return {b_.select(plain(x[0]), x[1].value, x[2].value), x[1].negative};
    }
    Values operands;
    for (const Signed& s : x) {
      // Its branch is chosen by the sign of zero, which signs pulled out may change.
      sees_zeros_ = sees_zeros_ || (op == Op::kAtan2 && s.negative);
      operands.push_back(plain(s));
    }
    return {b_.copy(body_, v, operands)};
  }

  Signed sum(Signed x, Signed y) {
    if (y.value.id < x.value.id) std::swap(x, y);
    const Value both =
        x.negative == y.negative ? b_.add(x.value, y.value) : b_.sub(x.value, y.value);
    return {both, x.negative};
  }

  /// Of an operation that signs do not pass.
  Value plain(const Signed& s) { return s.negative ? b_.neg(s.value) : s.value; }

  DType b_type(Value v) const {
    return is_projected(b_.so_far().op(v)) ? DType::kBool : b_.type(v).dtype;
  }

  Builder& b_;
  const Function& body_;
  bool sees_zeros_ = false;
};

}  // namespace

bool mirrored_by_structure(const PairAttr& a, std::span<const Value> operands, std::size_t at_i,
                           std::size_t at_j, int sign) {
  const Function& body = *a.body;
  Builder b("mirror");
  const Value i = b.param(body.param_type(0)), j = b.param(body.param_type(1));
  // Both sides' rows of one operand are the same quantity: its row at i, its row at j.
  std::map<std::pair<std::uint32_t, int>, Value> rows;
  const auto side_of = [&](std::size_t k) {
    const auto at = static_cast<std::int64_t>(k);
    return at < a.rows_i ? 0 : at < a.rows_i + a.rows_j ? 1 : 2;
  };
  for (std::size_t k = 0; k < operands.size(); ++k) {
    for (int side = 0; side < 3; ++side) {
      const bool wanted = side_of(k) == 2 ? side == 2 : side < 2;
      Value& p = rows[{operands[k].id, side}];
      if (wanted && !p.valid()) p = b.param(body.param_type(k + 2));
    }
  }
  const auto params = [&](bool exchanged) {
    Values out = {exchanged ? j : i, exchanged ? i : j};
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const int side = side_of(k);
      out.push_back(rows.at({operands[k].id, side == 2 ? 2 : exchanged ? 1 - side : side}));
    }
    return out;
  };
  Writer writer(b, body);
  const Signed plain = writer.results(params(false))[at_i];
  Signed mirrored = writer.results(params(true))[at_j];
  if (sign < 0) mirrored.negative = !mirrored.negative;
  return plain == mirrored && !writer.sees_zeros();
}

}  // namespace cotangent::transform
