#include "cotangent/mechanics/quadratic.h"

#include <algorithm>
#include <map>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/moves.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Function;
using ir::FunctionPtr;
using ir::Op;
using ir::Value;

constexpr std::int64_t kMaxEntries = 2048;  // of q, for matrices

/// One of the two parts of result `index` of f, as a function of f's parameters.
class QuadraticTerm {
 public:
  QuadraticTerm(const Function& f, const NodeTable& table, bool quadratic)
      : f_(f), table_(table), quadratic_(quadratic), b_(f.name()) {
    for (std::size_t k = 0; k < f.params().size(); ++k) {
      images_[f.params()[k].id] = b_.param(f.param_type(k), f.param_names()[k]);
    }
  }

  /// Null when there is nothing in this part.
  FunctionPtr of_result(std::size_t index) {
    const std::optional<Value> made = part(f_.results()[index]);
    return made ? b_.finish({*made}) : nullptr;
  }
  int degree() const { return degree_; }

 private:
  const NodeKnown& known(Value v) const {
    static const NodeKnown none;
    const auto at = table_.find({&f_, v.id});
    return at == table_.end() ? none : at->second;
  }
  bool is_factor(Value v) const { return known(v).degree.joint == 0 && !known(v).reads_t; }

  Value image(Value v) {
    if (const auto at = images_.find(v.id); at != images_.end()) return at->second;
    std::vector<Value> operands;
    for (Value o : f_.operands(v)) operands.push_back(image(o));
    return images_[v.id] = b_.copy(f_, v, operands);
  }

  std::optional<Value> part(Value v) {
    const NodeKnown& k = known(v);
    if (k.degree.joint <= 2 && !k.reads_t) {
      if (!quadratic_) return {};
      degree_ = std::max(degree_, k.degree.joint);
      return image(v);
    }
    if (const auto summed = of_sum(v)) return *summed;
    if (quadratic_) return {};
    return image(v);
  }

  /// Of a value that is a sum, or linear in one; nothing when it is none.
  std::optional<std::optional<Value>> of_sum(Value v) {
    using Made = std::optional<Value>;
    const auto x = [&](std::size_t k) { return f_.operand(v, k); };
    const auto one =
        [&](Value of) -> Made {  // the same op on the part of its one operand that moves
      const Made a = part(of);
      if (!a) return Made{};
      std::vector<Value> operands;
      for (Value o : f_.operands(v)) operands.push_back(o == of ? *a : image(o));
      return Made{b_.copy(f_, v, operands)};
    };
    switch (f_.op(v)) {
      case Op::kNeg:
      case Op::kReduceSum: return one(x(0));
      case Op::kAdd:
      case Op::kSub: {
        const Made a = part(x(0)), c = part(x(1));
        if (a && c) return Made{b_.binary(f_.op(v), *a, *c)};
        if (!c) return a;
        return f_.op(v) == Op::kAdd ? c : Made{b_.neg(*c)};
      }
      case Op::kMul:
        if (x(0) == x(1)) return {};
        if (is_factor(x(0))) return one(x(1));
        if (is_factor(x(1))) return one(x(0));
        return {};
      case Op::kDiv:
        if (is_factor(x(1))) return one(x(0));
        return {};
      case Op::kSelect: {
        if (!is_factor(x(0))) return {};
        const Made a = part(x(1)), c = part(x(2));
        if (!a && !c) return Made{};
        const ir::Type type = f_.type(v);
        return Made{b_.select(image(x(0)), a ? *a : b_.zeros(type), c ? *c : b_.zeros(type))};
      }
      case Op::kProject: return of_bodies(x(0), f_.attr_as<ir::IndexAttr>(v).index);
      default:
        if (ir::rearranges(f_.op(v))) return one(x(0));
        return {};
    }
  }

  /// Maps and pair sums are linear in what their bodies give.
  std::optional<std::optional<Value>> of_bodies(Value node, std::int64_t index) {
    if (f_.op(node) != Op::kMap && f_.op(node) != Op::kPairSum) return {};
    const auto k = static_cast<std::size_t>(index);
    QuadraticTerm inside(*ir::body_of(f_.attr(node)), table_, quadratic_);
    const FunctionPtr body = inside.of_result(k);
    if (!body) return std::optional<Value>{};
    degree_ = std::max(degree_, inside.degree());
    std::vector<Value> operands;
    for (Value o : f_.operands(node)) operands.push_back(image(o));
    if (f_.op(node) == Op::kMap) {
      ir::MapAttr attr = f_.attr_as<ir::MapAttr>(node);
      attr.roles = {attr.roles[k]};
      attr.body = body;
      return std::optional<Value>{b_.map(attr, operands)[0]};
    }
    ir::PairAttr attr = f_.attr_as<ir::PairAttr>(node);
    attr.roles = {attr.roles[k]};
    attr.body = body;
    return std::optional<Value>{b_.pair_sum(attr, operands)[0]};
  }

  const Function& f_;
  const NodeTable& table_;
  bool quadratic_;
  int degree_ = 0;
  Builder b_;
  std::map<std::uint32_t, Value> images_;
};

FunctionPtr total(const System& system, const std::vector<FunctionPtr>& parts, const char* name) {
  Builder b(name);
  std::vector<Value> args = {b.param(ir::Type{DType::kF64, system.shape}, "q"),
                             b.param(ir::Type{DType::kF64, system.shape}, "p"),
                             b.param(ir::scalar(), "t")};
  for (const Parameter& x : system.parameters) args.push_back(b.param(x.value.type(), x.name));
  Value sum;
  for (const FunctionPtr& part : parts) {
    if (!part) continue;
    const Value one = b.inline_call(*part, args)[0];
    sum = sum.valid() ? b.add(sum, one) : one;
  }
  return sum.valid() ? transform::simplify(*b.finish({sum})) : nullptr;
}

/// A state at which a quadratic energy has its derivatives: zero, unless it is written with roots
/// or quotients that have none there.
Value some_state(Builder& b, const Function& energy, const ir::Type& type, double first) {
  const bool zero = !energy.contains_op([](Op op) {
    return op == Op::kSqrt || op == Op::kRsqrt || op == Op::kDiv || op == Op::kPow ||
           op == Op::kAbs;
  });
  if (zero) return b.zeros(type);
  ir::Tensor point(type);
  for (std::int64_t k = 0; k < type.size(); ++k) {
    point.set_real(k, first + 0.5 * static_cast<double>((k * 7) % 16));
  }
  return b.constant(std::move(point));
}

struct Frame {
  std::vector<Value> parameters, energy_args;
};

/// The arguments (state, 0, parameters...) of the energy, the parameters being parameters of b.
Frame frame(Builder& b, const System& system, const Function& energy) {
  Frame made;
  const ir::Type type{DType::kF64, system.shape};
  for (const Parameter& x : system.parameters) {
    made.parameters.push_back(b.param(x.value.type(), x.name));
  }
  made.energy_args = {some_state(b, energy, type, 1), some_state(b, energy, type, 2),
                      b.constant(0.0)};
  made.energy_args.insert(made.energy_args.end(), made.parameters.begin(), made.parameters.end());
  return made;
}

FunctionPtr apply_of(const System& system, const Function& energy) {
  Builder b("apply_hessian");
  const ir::Type type{DType::kF64, system.shape};
  const Value dq = b.param(type, "dq"), dp = b.param(type, "dp");
  std::vector<Value> args = frame(b, system, energy).energy_args;
  args.push_back(dq);
  args.push_back(dp);
  const FunctionPtr product = transform::hvp(energy, {0, 1});
  return transform::simplify(*b.finish(b.inline_call(*product, args)));
}

FunctionPtr blocks_of(const System& system, const Function& energy, const FunctionPtr& apply) {
  const std::int64_t n = system.shape.size();
  if (n > kMaxEntries) return nullptr;
  Builder b("blocks");
  const Frame at = frame(b, system, energy);
  // Row k of the Hessian is its product with the k-th unit vector, of (q, p) as 2n numbers.
  Builder line("row");
  const Value k = line.param(ir::scalar(DType::kI64), "k");
  std::vector<Value> args, own;
  for (const Parameter& x : system.parameters) own.push_back(line.param(x.value.type(), x.name));
  for (const Value shift : {line.constant_i64(0), line.constant_i64(n)}) {
    const Value at_entry = line.iota(ir::Type{DType::kI64, Shape{n}}, 0);
    const Value mine = line.broadcast_to(line.sub(k, shift), Shape{n});
    args.push_back(line.reshape(line.cast(line.eq(at_entry, mine), DType::kF64), system.shape));
  }
  args.insert(args.end(), own.begin(), own.end());
  std::vector<Value> row = line.inline_call(*apply, args);
  for (Value& half : row) half = line.reshape(half, Shape{n});
  ir::MapAttr map;
  map.count = 2 * n;
  map.roles = {ir::Role::kStack, ir::Role::kStack};
  map.body = line.finish(row);
  const std::vector<Value> rows = b.map(map, at.parameters);  // [2n, n] twice
  const Value h_qq = b.slice_rows(rows[0], 0, n), h_pp = b.slice_rows(rows[1], n, 2 * n);
  const Value h_qp = b.slice_rows(rows[1], 0, n);
  // b = gradient(x) - H x.
  const std::vector<Value> g = b.inline_call(*transform::grad(energy, {0, 1}), at.energy_args);
  std::vector<Value> state = {at.energy_args[0], at.energy_args[1]};
  state.insert(state.end(), at.parameters.begin(), at.parameters.end());
  const std::vector<Value> hx = b.inline_call(*apply, state);
  const auto slope = [&](std::size_t part) {
    return b.reshape(b.sub(g[part], hx[part]), Shape{n});
  };
  return transform::simplify(*b.finish({h_qq, h_qp, h_pp, slope(0), slope(1)}));
}

}  // namespace

TermParts split_quadratic(const ir::Function& energy) {
  const NodeTable table = known_of_nodes(energy);
  TermParts parts;
  QuadraticTerm quadratic(energy, table, true);
  parts.quadratic = quadratic.of_result(0);
  parts.degree = quadratic.degree();
  parts.rest = QuadraticTerm(energy, table, false).of_result(0);
  return parts;
}

std::optional<QuadraticPart> quadratic_part(const System& system) {
  if (system.form != Form::kCanonical) return {};
  std::vector<FunctionPtr> quadratic, rest;
  QuadraticPart made;
  int degree = 0;
  for (const EnergyTerm& term : system.terms) {
    const TermParts parts = split_quadratic(*term.energy);
    quadratic.push_back(parts.quadratic);
    rest.push_back(parts.rest);
    degree = std::max(degree, parts.degree);
    const bool has = parts.quadratic && parts.degree > 0;
    made.derivation.push_back(
        term.name + (!parts.rest ? ": all of it is of degree " + std::to_string(parts.degree)
                     : has       ? ": summands of degree up to " + std::to_string(parts.degree) +
                                 " split from the rest"
                           : ": no summand is quadratic"));
  }
  if (degree < 2) return {};
  made.energy = total(system, quadratic, "quadratic_energy");
  made.rest = total(system, rest, "rest_of_energy");
  made.apply = apply_of(system, *made.energy);
  made.blocks = blocks_of(system, *made.energy, made.apply);
  return made;
}

}  // namespace cotangent::mechanics
