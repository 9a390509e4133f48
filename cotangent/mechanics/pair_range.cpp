#include "cotangent/mechanics/pair_range.h"

#include <cmath>

#include "cotangent/mechanics/homogeneous.h"
#include "cotangent/mechanics/symmetry.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Op;
using ir::Value;

Value behind(const Function& f, Value v) {
  while (f.op(v) == Op::kReshape || f.op(v) == Op::kBroadcast) v = f.operand(v, 0);
  return v;
}
/// The same, whatever its sign.
Value up_to_sign(const Function& f, Value v) {
  v = behind(f, v);
  while (f.op(v) == Op::kNeg) v = behind(f, f.operand(v, 0));
  return v;
}

std::optional<std::size_t> parameter_of(const Function& f, Value v) {
  v = behind(f, v);
  if (f.op(v) != Op::kParameter) return {};
  return static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index);
}

std::optional<double> constant_of(const Function& f, Value v) {
  if (f.op(v) != Op::kConstant || f.type(v).size() != 1) return {};
  return static_cast<double>(f.attr_as<ir::LiteralAttr>(v).value->real(0));
}

/// The pair_sum that v is, times what reads no state.
std::optional<Value> pair_sum_in(const Function& f, Value v) {
  for (;;) {
    v = up_to_sign(f, v);
    switch (f.op(v)) {
      case Op::kMul: {
        const bool first = pair_sum_in(f, f.operand(v, 0)).has_value();
        v = f.operand(v, first ? 0 : 1);
        break;
      }
      case Op::kDiv:
      case Op::kReduceSum: v = f.operand(v, 0); break;
      case Op::kProject: {
        const Value node = f.operand(v, 0);
        if (f.op(node) == Op::kPairSum) return node;
        return {};
      }
      default: return {};
    }
  }
}

class Cutoff {
 public:
  Cutoff(const Function& energy, Value node, const System& system)
      : energy_(energy),
        node_(node),
        pairs_(energy.attr_as<ir::PairAttr>(node)),
        body_(*pairs_.body),
        system_(system) {}

  SourceSpan place;

  /// The result is select(distance < c, energy, 0).
  std::optional<double> find() {
    if (body_.results().size() != 1) return {};
    return of(body_.results()[0]);
  }

 private:
  std::optional<double> of(Value v) {
    v = up_to_sign(body_, v);
    if (body_.op(v) == Op::kMul) {  // zero times what is finite
      if (const auto a = of(body_.operand(v, 0))) return a;
      return of(body_.operand(v, 1));
    }
    if (body_.op(v) != Op::kSelect) return {};
    const Value no = body_.operand(v, 2);
    if (!body_.is_splat(no, 0)) return {};
    const Value c = body_.operand(v, 0);
    if (body_.op(c) != Op::kLt && body_.op(c) != Op::kLe) return {};
    for (const SourceSpan& s : body_.spans(c)) {
      if (place.empty()) place = s;
    }
    const auto limit = number(body_.operand(c, 1));
    if (!limit) return {};
    const Value distance = behind(body_, body_.operand(c, 0));
    if (body_.op(distance) == Op::kSqrt && is_square_distance(body_.operand(distance, 0))) {
      return *limit;
    }
    if (is_square_distance(distance)) return std::sqrt(*limit);
    return {};
  }

  bool is_square_distance(Value v) const {
    v = behind(body_, v);
    if (body_.op(v) != Op::kDotGeneral && body_.op(v) != Op::kMul) return false;
    if (body_.operand(v, 0) != body_.operand(v, 1)) return false;
    const Value r = body_.operand(v, 0);
    if (body_.op(r) != Op::kSub) return false;
    const auto a = row(body_.operand(r, 0)), b = row(body_.operand(r, 1));
    return a && b && *a != *b;
  }

  /// 0 for the row of q at i, 1 at j.
  std::optional<int> row(Value v) const {
    const auto k = parameter_of(body_, v);
    if (!k || body_.op(v) != Op::kParameter || *k < 2) return {};
    const auto operand = *k - 2;
    const auto ri = static_cast<std::size_t>(pairs_.rows_i),
               rj = static_cast<std::size_t>(pairs_.rows_j);
    if (operand >= ri + rj) return {};
    const Value from = energy_.operand(node_, operand);
    if (energy_.op(from) != Op::kParameter || energy_.attr_as<ir::IndexAttr>(from).index != 0)
      return {};
    return operand < ri ? 0 : 1;
  }

  /// A number in the body: a literal or a parameter of the system, or the square of one.
  std::optional<double> number(Value v) const {
    v = body_.op(v) == Op::kReshape || body_.op(v) == Op::kBroadcast ? body_.operand(v, 0) : v;
    if (const auto c = constant_of(body_, v)) return c;
    if (body_.op(v) == Op::kMul) {
      const auto a = number(body_.operand(v, 0)), b = number(body_.operand(v, 1));
      return a && b ? std::optional(*a * *b) : std::nullopt;
    }
    if (body_.op(v) != Op::kParameter) return {};
    const auto k = static_cast<std::size_t>(body_.attr_as<ir::IndexAttr>(v).index);
    const auto first = 2 + static_cast<std::size_t>(pairs_.rows_i + pairs_.rows_j);
    if (k < first) return {};
    Value outer = energy_.operand(node_, k - 2);
    if (const auto c = constant_of(energy_, outer)) return c;
    if (energy_.op(outer) == Op::kMul) {
      const auto a = outer_number(energy_.operand(outer, 0)),
                 b = outer_number(energy_.operand(outer, 1));
      return a && b ? std::optional(*a * *b) : std::nullopt;
    }
    return outer_number(outer);
  }
  std::optional<double> outer_number(Value v) const {
    if (const auto c = constant_of(energy_, v)) return c;
    if (energy_.op(v) != Op::kParameter || energy_.type(v).size() != 1) return {};
    const auto k = static_cast<std::size_t>(energy_.attr_as<ir::IndexAttr>(v).index);
    if (k < 3) return {};
    return static_cast<double>(system_.parameters[k - 3].value.real(0));
  }

  const Function& energy_;
  Value node_;
  const ir::PairAttr& pairs_;
  const Function& body_;
  const System& system_;
};

bool invariant(const Function& energy, const std::vector<Generator>& generators) {
  if (generators.empty()) return false;
  for (const Generator& g : generators) {
    const SymmetryProof proof = prove_invariant(energy, g);
    if (!proof.proved || proof.unrolled) return false;
  }
  return true;
}

}  // namespace

PairRange pair_range(const ir::Function& energy, const System& system) {
  PairRange range;
  const auto node = pair_sum_in(energy, energy.results()[0]);
  if (!node) return range;
  Cutoff cutoff(energy, *node, system);
  range.cutoff = cutoff.find();
  if (range.cutoff) {
    range.place = cutoff.place;
    return range;
  }
  // A function of two points that is invariant under translations and rotations and homogeneous is
  // c r^k. Body by body: what is proved of a sum written out may hold of the sum alone.
  if (system.shape.rank() != 2 || system.shape[1] < 2) return range;
  const auto degree = homogeneity_of(energy);
  if (!degree || degree->p != 0) return range;
  if (!invariant(energy, translations(system.shape)) ||
      !invariant(energy, rotations(system.shape))) {
    return range;
  }
  range.power = degree->q;
  return range;
}

}  // namespace cotangent::mechanics
