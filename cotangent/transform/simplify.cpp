// Exact rewriting, to a fixpoint. Elementwise rules keep every bit (signed zeros included); rules
// on second-order ops prune, merge and move operands, results and invariant work.
#include "cotangent/transform/passes.h"
#include "cotangent/transform/simplify_bodies.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr int kMaxRounds = 16;

class Simplifier {
 public:
  explicit Simplifier(const Function& f) : f_(f), b_(f.name()), images_(f.size()) {
    b_.reserve(f.size());
  }

  FunctionPtr run() {
    std::unordered_map<std::uint32_t, Flags> used;  // results of nodes with several
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      if (is_projected(f_.op(v))) used[id].resize(f_.result_types(v).size());
      if (f_.op(v) != Op::kProject) continue;
      used[f_.operand(v, 0).id][static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index)] = true;
    }
    for (std::size_t k = 0; k < f_.params().size(); ++k) {
      images_[f_.params()[k].id] = b_.param(f_.param_type(k), f_.param_names()[k]);
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      const Op op = f_.op(v);
      if (op == Op::kParameter) continue;
      if (op == Op::kProject) {
        const auto k = static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index);
        images_[id] = results_[f_.operand(v, 0).id][k];
        continue;
      }
      Values x;
      for (Value operand : f_.operands(v)) x.push_back(images_[operand.id]);
      const auto spans = f_.spans(v);
      b_.set_spans({spans.begin(), spans.end()});
      if (is_second_order(op)) {
        results_[id] = simplify_second_order(b_, f_, v, x, used[id], bodies_);
      } else if (is_projected(op)) {
        const Value node = b_.copy(f_, v, x);
        for (std::size_t k = 0; k < used[id].size(); ++k) {
          results_[id].push_back(b_.project(node, static_cast<std::int64_t>(k)));
        }
      } else {
        images_[id] = is_elementwise(op)      ? elementwise(v, x)
                      : op == Op::kDotGeneral ? outer_product(v, x)
                                              : Value{};
        if (!images_[id].valid()) images_[id] = b_.copy(f_, v, x);
      }
    }
    Values results;
    for (Value r : f_.results()) results.push_back(images_[r.id]);
    return b_.finish(results);
  }

 private:
  bool is(Value v, Op op) const { return b_.so_far().op(v) == op; }
  Value arg(Value v, std::size_t k = 0) const { return b_.so_far().operand(v, k); }
  std::optional<double> splat(Value v) const { return splat_value(b_.so_far(), v); }
  Value negated_constant(Value v) {
    const auto value = splat(v);
    return value ? b_.splat(-*value, b_.type(v)) : Value{};
  }

  /// A rewritten node, or an invalid value.
  Value elementwise(Value v, const Values& x) {
    const bool real = is_float(f_.type(v).dtype);
    switch (f_.op(v)) {
      case Op::kNeg:
        if (!real) break;
        if (is(x[0], Op::kMul) || is(x[0], Op::kDiv)) {  // -(c*y) = (-c)*y, -(c/y) = (-c)/y
          const Value c = negated_constant(arg(x[0], 0));
          if (c.valid()) return b_.binary(b_.so_far().op(x[0]), c, arg(x[0], 1));
          const Value d = negated_constant(arg(x[0], 1));
          if (d.valid()) return b_.binary(b_.so_far().op(x[0]), arg(x[0], 0), d);
        }
        break;
      case Op::kAbs:
        if (real && is(x[0], Op::kNeg)) return b_.unary(Op::kAbs, arg(x[0]));
        if (is(x[0], Op::kAbs) && real) return x[0];
        break;
      case Op::kAdd:
        if (!real) break;
        if (x[0] == x[1]) return b_.mul(b_.splat(2.0, b_.type(x[0])), x[0]);
        if (is(x[1], Op::kNeg)) return b_.sub(x[0], arg(x[1]));
        if (is(x[0], Op::kNeg)) return b_.sub(x[1], arg(x[0]));
        break;
      case Op::kSub:
        if (real && is(x[1], Op::kNeg)) return b_.add(x[0], arg(x[1]));
        break;
      case Op::kMul:
        if (!real) break;
        for (std::size_t k = 0; k < 2; ++k) {
          if (!is(x[k], Op::kNeg)) continue;
          const Value c = negated_constant(x[1 - k]);
          return c.valid() ? b_.mul(c, arg(x[k])) : b_.neg(b_.mul(arg(x[k]), x[1 - k]));
        }
        if (x[0] == x[1] && is(x[0], Op::kAbs)) return b_.mul(arg(x[0]), arg(x[0]));
        break;
      case Op::kDiv:
        if (!real) break;
        for (std::size_t k = 0; k < 2; ++k) {
          if (!is(x[k], Op::kNeg)) continue;
          const Value c = negated_constant(x[1 - k]);
          const Value top = k == 0 ? (c.valid() ? arg(x[0]) : arg(x[0])) : (c.valid() ? c : x[0]);
          if (k == 0 && c.valid()) return b_.div(top, c);
          if (k == 1 && c.valid()) return b_.div(top, arg(x[1]));
          return b_.neg(k == 0 ? b_.div(arg(x[0]), x[1]) : b_.div(x[0], arg(x[1])));
        }
        break;
      case Op::kFma:
        if (is(x[0], Op::kNeg) && is(x[1], Op::kNeg)) return b_.fma(arg(x[0]), arg(x[1]), x[2]);
        break;
      case Op::kSelect:
        if (is(x[0], Op::kNot)) return b_.select(arg(x[0]), x[2], x[1]);
        if (is(x[1], Op::kSelect) && arg(x[1], 0) == x[0]) {
          return b_.select(x[0], arg(x[1], 1), x[2]);
        }
        if (is(x[2], Op::kSelect) && arg(x[2], 0) == x[0]) {
          return b_.select(x[0], x[1], arg(x[2], 2));
        }
        break;
      default: break;
    }
    return {};
  }

  /// A product without contraction is elementwise (one rounding either way).
  Value outer_product(Value v, const Values& x) {
    const auto& a = f_.attr_as<DotAttr>(v);
    if (!a.contract_x.empty() || !a.batch_x.empty()) return {};
    const Shape& shape = f_.type(v).shape;
    Dims left, right;
    const int rank = b_.type(x[0]).shape.rank();
    for (int k = 0; k < shape.rank(); ++k) (k < rank ? left : right).push_back(k);
    return b_.mul(b_.broadcast(x[0], shape, left), b_.broadcast(x[1], shape, right));
  }

  const Function& f_;
  Builder b_;
  Values images_;
  std::vector<FunctionPtr> bodies_;
  std::unordered_map<std::uint32_t, Values> results_;
};

}  // namespace

FunctionPtr simplify_once(const Function& f) {
  return Simplifier(f).run();
}

FunctionPtr simplify(const Function& f) {
  FunctionPtr now = simplify_once(f);
  if (structurally_equal(*now, f)) return now;
  for (int round = 1; round < kMaxRounds; ++round) {
    FunctionPtr next = simplify_once(*now);
    if (structurally_equal(*next, *now)) break;
    now = std::move(next);
  }
  return now;
}

}  // namespace cotangent::transform
