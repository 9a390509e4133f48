// Forward mode. Elementwise ops multiply tangents by the partials of partials.cpp; structural ops
// apply themselves to tangents; second-order ops become the same op over a body pushed forward,
// with more operands only for what is active.
#include "cotangent/transform/jvp.h"

#include "cotangent/ir/moves.h"
#include "cotangent/transform/control.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/linear_algebra.h"
#include "cotangent/transform/partials.h"

namespace cotangent::transform {

using namespace ir;

namespace {

class Pusher {
 public:
  Pusher(Builder& b, const Function& f) : b_(b), f_(f), primal_(f.size()), tangent_(f.size()) {}

  Pushed run(std::span<const Value> primal, std::span<const Value> tangent) {
    for (std::size_t k = 0; k < primal.size(); ++k) {
      primal_[f_.params()[k].id] = primal[k];
      tangent_[f_.params()[k].id] = nonzero(tangent[k]);
    }
    const std::vector<SourceSpan> outer_spans = b_.spans();
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      if (f_.op(v) == Op::kParameter) continue;
      const auto spans = f_.spans(v);
      b_.set_spans(spans.empty() ? outer_spans
                                 : std::vector<SourceSpan>(spans.begin(), spans.end()));
      push(v);
    }
    b_.set_spans(outer_spans);
    Pushed out;
    for (Value v : f_.results()) {
      out.primal.push_back(primal_[v.id]);
      out.tangent.push_back(tangent_[v.id]);
    }
    return out;
  }

 private:
  /// A tangent that folded to the constant zero is a symbolic zero again.
  Value nonzero(Value t) const { return t.valid() && is_zero(b_.so_far(), t) ? Value{} : t; }

  Value plus(Value s, Value t) {
    if (!s.valid()) return t;
    if (!t.valid()) return s;
    return b_.add(s, t);
  }

  /// factor * tangent, with factors of one and minus one seen.
  Value times(Value factor, Value t) {
    if (!factor.valid() || !t.valid()) return {};
    const auto value = splat_value(b_.so_far(), factor);
    if (value && *value == 1.0) return t;
    if (value && *value == -1.0) return b_.neg(t);
    return b_.mul(factor, t);
  }

  Value or_zeros(Value t, Value like) { return t.valid() ? t : b_.zeros(b_.type(like)); }

  void push(Value v) {
    const Op op = f_.op(v);
    Values x, t;
    bool active = false;
    for (Value operand : f_.operands(v)) {
      x.push_back(primal_[operand.id]);
      t.push_back(tangent_[operand.id]);
      active = active || t.back().valid();
    }
    if (op == Op::kProject) return push_project(v);
    if (is_projected(op)) return push_projected(v, x, t, active);
    const Value y = primal_[v.id] = b_.copy(f_, v, x);
    if (!active || !is_float(f_.type(v).dtype)) {
      if (active && op == Op::kBitcast) refuse(op);
      if (active && is_storage_float(f_.type(v).dtype)) refuse_storage(f_.type(v).dtype);
      return;
    }
    if (is_elementwise(op)) {
      tangent_[v.id] = nonzero(elementwise(v, x, t, y));
    } else {
      tangent_[v.id] = nonzero(structural(v, x, t, y));
    }
  }

  [[noreturn]] static void refuse(Op op) {
    throw UserError("[" + std::string(name_of(op)) + "] has no derivative",
                    "differentiate before the program is lowered, or leave this operand out");
  }

  /// Sums of cotangents are arithmetic, which storage types have none of; and zero would be wrong.
  [[noreturn]] static void refuse_storage(DType t) {
    throw UserError("[cast] to " + std::string(name_of(t)) +
                        " has no derivative: " + std::string(name_of(t)) + " is a storage type",
                    "differentiate in f32 and cast what comes out, or leave this operand out");
  }

  Value elementwise(Value v, const Values& x, const Values& t, Value y) {
    switch (const Op op = f_.op(v)) {
      case Op::kSelect:
        if (!t[1].valid() && !t[2].valid()) return {};
        return b_.select(x[0], or_zeros(t[1], y), or_zeros(t[2], y));
      case Op::kMin:
      case Op::kMax: {
        // The operand that is returned: y on a tie.
        const Value first = op == Op::kMin ? b_.lt(x[0], x[1]) : b_.lt(x[1], x[0]);
        return b_.select(first, or_zeros(t[0], y), or_zeros(t[1], y));
      }
      case Op::kCast: return b_.cast(t[0], f_.type(v).dtype);
      case Op::kBitcast: refuse(op);
      case Op::kMul:
        if (x[0] == x[1]) {
          return b_.mul(b_.splat(2.0, b_.type(y)), b_.mul(x[0], t[0]));
        }
        break;
      case Op::kDiv: {
        const Value by_numerator = t[0].valid() ? b_.div(t[0], x[1]) : Value{};
        if (!t[1].valid()) return by_numerator;
        const Value by_denominator = b_.mul(b_.div(y, x[1]), t[1]);
        return by_numerator.valid() ? b_.sub(by_numerator, by_denominator) : b_.neg(by_denominator);
      }
      case Op::kSub:
        if (t[0].valid() && t[1].valid()) return b_.sub(t[0], t[1]);
        break;
      default: break;
    }
    Value sum;
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (t[k].valid()) sum = plus(sum, times(partial(b_, f_.op(v), x, y, k), t[k]));
    }
    return sum;
  }

  Value structural(Value v, const Values& x, const Values& t, Value y) {
    if (rearranges(f_.op(v))) return b_.copy(f_, v, t);
    switch (const Op op = f_.op(v)) {
      case Op::kReduceSum:
      case Op::kCumSum: return b_.copy(f_, v, t);
      case Op::kCheck: return t[1];
      case Op::kSort: {
        const std::int64_t axis = f_.attr_as<AxesAttr>(v).axes[0];
        return take_along(b_, t[0], b_.argsort(x[0], axis), axis);
      }
      case Op::kReduceMin:
      case Op::kReduceMax: return reduce_extremum(v, x[0], t[0], y);
      case Op::kReduceProd: return reduce_product(v, x[0], t[0]);
      case Op::kPad: {
        const Value parts[] = {or_zeros(t[0], x[0]), or_zeros(t[1], x[1])};
        return b_.copy(f_, v, parts);
      }
      case Op::kConcatenate: {
        Values parts;
        for (std::size_t k = 0; k < x.size(); ++k) parts.push_back(or_zeros(t[k], x[k]));
        return b_.copy(f_, v, parts);
      }
      case Op::kGather: {
        if (!t[0].valid()) return {};
        Values parts = x;
        parts[0] = t[0];
        return b_.copy(f_, v, parts);
      }
      case Op::kScatterAdd:
      case Op::kScatterSet: {
        if (!t[0].valid() && !t[1].valid()) return {};
        Values parts = x;
        parts[0] = or_zeros(t[0], x[0]);
        parts[1] = or_zeros(t[1], x[1]);
        return b_.copy(f_, v, parts);
      }
      case Op::kDotGeneral: {
        if (is_square(v, x)) {
          const Value half[] = {x[0], t[0]};
          return b_.mul(b_.splat(2.0, b_.type(y)), b_.copy(f_, v, half));
        }
        Value sum;
        for (std::size_t k = 0; k < 2; ++k) {
          if (!t[k].valid()) continue;
          Values parts = x;
          parts[k] = t[k];
          sum = plus(sum, b_.copy(f_, v, parts));
        }
        return sum;
      }
      default: refuse(op);
    }
  }

  /// x . x: both factors the same, paired axis by axis, nothing free.
  bool is_square(Value v, const Values& x) const {
    const auto& a = f_.attr_as<DotAttr>(v);
    return x[0] == x[1] && a.batch_x == a.batch_y && a.contract_x == a.contract_y &&
           a.batch_x.size() + a.contract_x.size() ==
               static_cast<std::size_t>(f_.type(f_.operand(v, 0)).shape.rank());
  }

  /// Spreads a reduction's result over the axes it reduced.
  Value spread(Value v, Value reduced) {
    const Type& in = f_.type(f_.operand(v, 0));
    return b_.broadcast(reduced, in.shape,
                        other_axes(in.shape.rank(), f_.attr_as<AxesAttr>(v).axes));
  }

  /// Ties share equally.
  Value reduce_extremum(Value v, Value x, Value t, Value y) {
    const Dims& axes = f_.attr_as<AxesAttr>(v).axes;
    const Value here = b_.eq(x, spread(v, y));
    const Value number = b_.reduce_sum(b_.cast(here, b_.type(x).dtype), axes);
    const Value sum = b_.reduce_sum(b_.select(here, t, b_.zeros(b_.type(x))), axes);
    return b_.div(sum, number);
  }

  /// A loop over the reduced elements carrying (product, tangent): exact where factors are zero.
  Value reduce_product(Value v, Value x, Value t) {
    const Dims& axes = f_.attr_as<AxesAttr>(v).axes;
    const Type in = b_.type(x), out = f_.type(v);
    Dims order = axes;
    for (std::int64_t axis : other_axes(in.shape.rank(), axes)) order.push_back(axis);
    std::int64_t n = 1;
    for (std::int64_t axis : axes) n *= in.shape[static_cast<int>(axis)];
    const Shape rows = out.shape.with_leading(n);
    Builder body("product");
    body.param(scalar(DType::kI64));
    const Value product = body.param(out), slope = body.param(out);
    const Value factor = body.param(out), change = body.param(out);
    const Value next = body.add(body.mul(slope, factor), body.mul(product, change));
    LoopAttr attr;
    attr.trip = n;
    attr.carries = 2;
    attr.inputs = 2;
    attr.body = body.finish({body.mul(product, factor), next});
    const Value operands[] = {b_.splat(1.0, out), b_.zeros(out),
                              b_.reshape(b_.transpose(x, order), rows),
                              b_.reshape(b_.transpose(t, order), rows)};
    return b_.loop(attr, operands)[1];
  }

  // --- ops with several results

  void push_project(Value v) {
    const Value node = f_.operand(v, 0);
    const auto k = static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index);
    primal_[v.id] = results_[node.id].primal[k];
    tangent_[v.id] = nonzero(results_[node.id].tangent[k]);
  }

  void push_projected(Value v, const Values& x, const Values& t, bool active) {
    Pushed& out = results_[v.id];
    if (!active) {
      const Value node = b_.copy(f_, v, x);
      for (std::size_t k = 0; k < f_.result_types(v).size(); ++k) {
        out.primal.push_back(b_.project(node, static_cast<std::int64_t>(k)));
      }
      out.tangent.resize(out.primal.size());
      return;
    }
    switch (f_.op(v)) {
      case Op::kMap: out = push_map(v, x, t); break;
      case Op::kPairSum: out = push_pair_sum(v, x, t); break;
      case Op::kLoop: out = push_loop(v, x, t); break;
      case Op::kFft: out = push_fft(v, x, t); break;
      case Op::kWhile: out = push_while(b_, f_, v, x, t); break;
      case Op::kCond: out = push_cond(b_, f_, v, x, t); break;
      case Op::kCall: out = push_call(b_, f_.attr_as<CallAttr>(v), x, t); break;
      default:
        if (info(f_.op(v)).kind != OpKind::kLinearAlgebra) refuse(f_.op(v));
        out = push_linear_algebra(b_, f_, v, x, t);
    }
  }

  /// Linear: the transform of the tangents.
  Pushed push_fft(Value v, const Values& x, Values t) {
    for (std::size_t k = 0; k < t.size(); ++k) t[k] = or_zeros(t[k], x[k]);
    const auto& attr = f_.attr_as<FftAttr>(v);
    return {b_.fft(attr, x), b_.fft(attr, t)};
  }

  /// Adds operands [begin, end) and then their tangents through `add`, into the body's parameter
  /// list `primal` and `tangent` shifted by `offset`.
  template <class Add>
  static void add_list(const Values& x, const Values& t, std::size_t begin, std::size_t end,
                       std::size_t offset, Add add, Values& primal, Values& tangent) {
    for (std::size_t k = begin; k < end; ++k) add(x[k], primal[k + offset]);
    for (std::size_t k = begin; k < end; ++k) {
      if (t[k].valid()) add(t[k], tangent[k + offset]);
    }
  }

  /// The tangent of a stacked or row-summed result that is the same constant in every row.
  Value constant_rows(const Builder& body, Value t, Role role, const Type& stacked) {
    if (role != Role::kStack) return {};
    const auto value = splat_value(body.so_far(), t);
    return value ? b_.splat(*value, stacked) : Value{};
  }

  Pushed push_map(Value v, const Values& x, const Values& t) {
    const auto& a = f_.attr_as<MapAttr>(v);
    const auto rows = static_cast<std::size_t>(a.rows);
    BodyBuilder inner(b_, a.body->name());
    Values primal(x.size() + 1), tangent(x.size() + 1);
    inner.index(primal[0]);
    add_list(x, t, 0, rows, 1, [&](Value o, Value& into) { inner.row(o, into); }, primal, tangent);
    MapAttr attr;
    attr.count = a.count;
    attr.rows = inner.take_count();
    add_list(
        x, t, rows, x.size(), 1, [&](Value o, Value& into) { inner.invariant(o, into); }, primal,
        tangent);
    return finish_sum(v, a.roles, inner, *a.body, primal, tangent, attr,
                      [&](const MapAttr& m, const Values& o) { return b_.map(m, o); });
  }

  Pushed push_pair_sum(Value v, const Values& x, const Values& t) {
    const auto& a = f_.attr_as<PairAttr>(v);
    const auto at_i = static_cast<std::size_t>(a.rows_i);
    const auto rows = at_i + static_cast<std::size_t>(a.rows_j);
    BodyBuilder inner(b_, a.body->name());
    Values primal(x.size() + 2), tangent(x.size() + 2);
    inner.index(primal[0]);
    inner.index(primal[1]);
    const auto row = [&](Value o, Value& into) { inner.row(o, into); };
    PairAttr attr;
    attr.count = a.count;
    attr.kind = a.kind;
    add_list(x, t, 0, at_i, 2, row, primal, tangent);
    attr.rows_i = inner.take_count();
    add_list(x, t, at_i, rows, 2, row, primal, tangent);
    attr.rows_j = inner.take_count();
    add_list(
        x, t, rows, x.size(), 2, [&](Value o, Value& into) { inner.invariant(o, into); }, primal,
        tangent);
    return finish_sum(v, a.roles, inner, *a.body, primal, tangent, attr,
                      [&](const PairAttr& p, const Values& o) { return b_.pair_sum(p, o); });
  }

  /// Pushes the body forward and makes the op with its results, then those tangents that are not
  /// zero.
  template <class Attribute, class Make>
  Pushed finish_sum(Value v, const std::vector<Role>& roles, BodyBuilder& inner,
                    const Function& body, const Values& primal, const Values& tangent,
                    Attribute attr, Make make) {
    Builder& bb = inner.open();
    const Pushed inside = push_forward(bb, body, primal, tangent);
    Values results = inside.primal;
    attr.roles = roles;
    Pushed out;
    out.tangent.resize(roles.size());
    for (std::size_t k = 0; k < roles.size(); ++k) {
      const Value slope = inside.tangent[k];
      if (!slope.valid()) continue;
      out.tangent[k] = constant_rows(bb, slope, roles[k], f_.result_types(v)[k]);
      if (out.tangent[k].valid()) continue;
      results.push_back(slope);
      attr.roles.push_back(roles[k]);
    }
    attr.body = bb.finish(results);
    const Values made = make(attr, inner.operands());
    out.primal.assign(made.begin(), made.begin() + static_cast<long>(roles.size()));
    std::size_t next = roles.size();
    for (std::size_t k = 0; k < roles.size(); ++k) {
      if (inside.tangent[k].valid() && !out.tangent[k].valid()) out.tangent[k] = made[next++];
    }
    return out;
  }

  Pushed push_loop(Value v, const Values& x, const Values& t) {
    const auto& a = f_.attr_as<LoopAttr>(v);
    const auto invariants = static_cast<std::size_t>(a.invariants);
    const auto carries = static_cast<std::size_t>(a.carries);
    const auto inputs = static_cast<std::size_t>(a.inputs);
    const auto outputs = a.every.size();
    Flags active;
    for (Value tangent : t) active.push_back(tangent.valid());
    const Flags results = flow_through(f_, v, active, Through::kTangent);

    BodyBuilder inner(b_, a.body->name());
    Values primal(a.body->params().size()), tangent(a.body->params().size());
    inner.index(primal[0]);
    LoopAttr attr;
    attr.trip = a.trip;
    attr.dynamic = a.dynamic;
    attr.keep = a.keep;
    const auto invariant = [&](Value o, Value& into) { inner.invariant(o, into); };
    add_list(x, t, 0, invariants, 1, invariant, primal, tangent);
    attr.invariants = inner.take_count();
    Values carry_tangents(invariants + carries);
    for (std::size_t k = 0; k < carries; ++k) {
      if (results[k])
        carry_tangents[invariants + k] = or_zeros(t[invariants + k], x[invariants + k]);
    }
    add_list(
        x, carry_tangents, invariants, invariants + carries, 1,
        [&](Value o, Value& into) { inner.carry(o, into); }, primal, tangent);
    attr.carries = inner.take_count();
    add_list(
        x, t, invariants + carries, invariants + carries + inputs, 1,
        [&](Value o, Value& into) { inner.row(o, into); }, primal, tangent);
    attr.inputs = inner.take_count();

    Builder& bb = inner.open();
    const Pushed inside = push_forward(bb, *a.body, primal, tangent);
    Values made_inside(inside.primal.begin(), inside.primal.begin() + a.carries);
    const auto zeros_inside = [&](std::size_t k) {
      if (inside.tangent[k].valid()) return inside.tangent[k];
      return bb.zeros(bb.type(inside.primal[k]));
    };
    for (std::size_t k = 0; k < carries; ++k) {
      if (results[k]) made_inside.push_back(zeros_inside(k));
    }
    for (std::size_t k = 0; k < outputs; ++k) made_inside.push_back(inside.primal[carries + k]);
    attr.every = a.every;
    for (std::size_t k = 0; k < outputs; ++k) {
      if (!inside.tangent[carries + k].valid()) continue;
      made_inside.push_back(inside.tangent[carries + k]);
      attr.every.push_back(a.every[k]);
    }
    if (a.inverse) attr.inverse = push_inverse(a, bb, primal, tangent, results);
    attr.body = bb.finish(made_inside);
    Values operands = inner.operands();
    if (a.dynamic) operands.insert(operands.end(), x.end() - 2, x.end());
    const Values made = b_.loop(attr, operands);

    Pushed out;
    out.tangent.resize(carries + outputs);
    std::size_t next = 0;
    for (std::size_t k = 0; k < carries; ++k) out.primal.push_back(made[next++]);
    for (std::size_t k = 0; k < carries; ++k) {
      if (results[k]) out.tangent[k] = made[next++];
    }
    for (std::size_t k = 0; k < outputs; ++k) out.primal.push_back(made[next++]);
    for (std::size_t k = 0; k < outputs; ++k) {
      if (inside.tangent[carries + k].valid()) out.tangent[carries + k] = made[next++];
    }
    return out;
  }

  /// The inverse of a pushed loop's step: that of the primal carries, pushed. `primal` and
  /// `tangent` are the body's values for its parameters, in `bb`; those after the step are what it
  /// takes.
  static FunctionPtr push_inverse(const LoopAttr& a, const Builder& bb, const Values& primal,
                                  const Values& tangent, const Flags& active) {
    const Function& body = bb.so_far();
    Builder b(a.inverse->name());
    Values params;
    for (std::size_t k = 0; k < body.params().size(); ++k) {
      params.push_back(b.param(body.param_type(k), body.param_names()[k]));
    }
    const auto here = [&](const Values& there) {
      Values out;
      for (Value v : there) {
        if (!v.valid()) {
          out.push_back({});
        } else if (body.op(v) == Op::kParameter) {
          out.push_back(params[static_cast<std::size_t>(body.attr_as<IndexAttr>(v).index)]);
        } else {  // a splat constant, which is not passed (BodyBuilder)
          out.push_back(b.splat(splat_value(body, v).value(), body.type(v)));
        }
      }
      return out;
    };
    const Pushed before = push_forward(b, *a.inverse, here(primal), here(tangent));
    Values results = before.primal;
    for (std::size_t k = 0; k < before.primal.size(); ++k) {
      if (!active[k]) continue;
      const Value t = before.tangent[k];
      results.push_back(t.valid() ? t : b.zeros(b.type(before.primal[k])));
    }
    return b.finish(results);
  }

  Builder& b_;
  const Function& f_;
  Values primal_, tangent_;
  std::unordered_map<std::uint32_t, Pushed> results_;  ///< of nodes with several
};

}  // namespace

Pushed push_forward(Builder& b, const Function& f, std::span<const Value> primal,
                    std::span<const Value> tangent) {
  return Pusher(b, f).run(primal, tangent);
}

bool has_jvp_rule(Op op) {
  if (!is_elementwise(op)) return true;  // every other kind has its rules above
  switch (info(op).domain) {
    case OpDomain::kInt:
    case OpDomain::kBits:
    case OpDomain::kTest:
    case OpDomain::kCompare: return true;  // never carry tangents
    default: break;
  }
  switch (op) {
    case Op::kSelect:
    case Op::kMin:
    case Op::kMax:
    case Op::kCast:
    case Op::kBitcast: return true;  // refused by name
    default: return has_partials(op) || piecewise_constant(op);
  }
}

}  // namespace cotangent::transform
