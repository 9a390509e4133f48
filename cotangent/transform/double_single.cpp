// Every f64 value as a pair of f32. The arithmetic is Dekker's (1971), with fma for the errors of
// products; reductions are trees of pairwise sums, so that they need no loop of their own.
#include <algorithm>
#include <functional>
#include <limits>
#include <unordered_map>

#include "cotangent/base/error.h"
#include "cotangent/transform/compensated.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr std::int64_t kMostTerms = 4096;

bool is_pair(const Type& t) {
  return t.dtype == DType::kF64;
}

Type half_of(const Type& t) {
  return is_pair(t) ? t.with_dtype(DType::kF32) : t;
}

/// Arithmetic on pairs inside one builder.
class Pairs {
 public:
  explicit Pairs(Builder& b) : b_(b) {}

  Compensated neg(Compensated x) { return {b_.neg(x.value), b_.neg(x.error)}; }

  Compensated add(Compensated x, Compensated y) {
    // The accurate form: also the sum of the low parts is kept to its error.
    const Compensated high = two_sum(b_, x.value, y.value);
    const Compensated low = two_sum(b_, x.error, y.error);
    const Compensated once = fast_two_sum(b_, high.value, b_.add(high.error, low.value));
    return fast_two_sum(b_, once.value, b_.add(once.error, low.error));
  }

  Compensated mul(Compensated x, Compensated y) {
    const Compensated p = two_product(b_, x.value, y.value);
    const Value cross = b_.fma(x.error, y.value, b_.fma(x.value, y.error, p.error));
    return fast_two_sum(b_, p.value, cross);
  }

  Compensated div(Compensated x, Compensated y) {
    const Value q = b_.div(x.value, y.value);
    const Compensated rest = add(x, neg(mul(y, {q, zero(q)})));
    return finite(q, b_.div(b_.add(rest.value, rest.error), y.value));
  }

  Compensated sqrt(Compensated x) {
    const Value s = b_.unary(Op::kSqrt, x.value);
    const Value rest = b_.add(b_.fma(b_.neg(s), s, x.value), x.error);
    return finite(s, b_.div(rest, b_.add(s, s)));
  }

  Compensated rsqrt(Compensated x) {
    const Value y = b_.unary(Op::kRsqrt, x.value);
    const Compensated square = two_product(b_, y, y);
    const Compensated there = mul(x, square);
    const Value one = b_.splat(1, b_.type(y));
    const Value rest = b_.sub(b_.sub(one, there.value), there.error);
    return finite(y, b_.mul(b_.mul(b_.splat(0.5, b_.type(y)), y), rest));
  }

  Value less(Compensated x, Compensated y, Op last) {
    const Value ahead = b_.lt(x.value, y.value);
    const Value level = b_.eq(x.value, y.value);
    return b_.binary(Op::kOr, ahead, b_.binary(Op::kAnd, level, b_.binary(last, x.error, y.error)));
  }

  Compensated select(Value p, Compensated x, Compensated y) {
    return {b_.select(p, x.value, y.value), b_.select(p, x.error, y.error)};
  }

  Value zero(Value like) { return b_.zeros(b_.type(like)); }

 private:
  /// high + low, the low part left out where it is no number (0, infinity and NaN have none).
  Compensated finite(Value high, Value low) {
    const Compensated sum = fast_two_sum(b_, high, low);
    const Value good = b_.unary(Op::kIsFinite, sum.error);
    const Value fine = b_.binary(Op::kAnd, good, b_.unary(Op::kIsFinite, sum.value));
    return {b_.select(fine, sum.value, high), b_.select(fine, sum.error, zero(high))};
  }

  Builder& b_;
};

/// Gives the text of a place; may be empty.
using Show = std::function<std::string(SourceSpan)>;

class Converter {
 public:
  Converter(const Function& f, const Show& show)
      : f_(f), show_(show), b_(f.name()), pairs_(b_), image_(f.size()) {}

  FunctionPtr run() {
    for (std::size_t k = 0; k < f_.params().size(); ++k) {
      const Type t = f_.param_type(k);
      Compensated& x = image_[f_.params()[k].id];
      x.value = b_.param(half_of(t), f_.param_names()[k]);
      if (is_pair(t)) x.error = b_.param(half_of(t), f_.param_names()[k] + "_low");
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      const auto spans = f_.spans(v);
      b_.set_spans({spans.begin(), spans.end()});
      if (f_.op(v) != Op::kParameter) node(v);
    }
    Values results;
    for (Value r : f_.results()) push(results, image_[r.id]);
    return b_.finish(results);
  }

 private:
  static void push(Values& list, Compensated x) {
    list.push_back(x.value);
    if (x.error.valid()) list.push_back(x.error);
  }

  [[noreturn]] void refuse(Value v, const std::string& why) const {
    SourceSpan place;
    for (const SourceSpan& s : f_.spans(v)) {
      if (place.empty() || (!s.empty() && s.end - s.begin < place.end - place.begin)) place = s;
    }
    throw UserError({"[" + std::string(name_of(f_.op(v))) + "] has no double-single form",
                     show_ && !place.empty() ? show_(place) : "", why,
                     "compute it in f64, or leave the forces in f32"});
  }

  FunctionPtr converted(const Function& body) const { return Converter(body, show_).run(); }

  Compensated of(Value v, std::size_t k) const { return image_[f_.operand(v, k).id]; }
  bool pair(Value v) const { return is_pair(f_.type(v)); }

  void node(Value v) {
    const Op op = f_.op(v);
    if (op == Op::kProject) {
      image_[v.id] = results_.at(
          f_.operand(v, 0).id)[static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index)];
    } else if (op == Op::kMap) {
      map(v);
    } else if (op == Op::kPairSum) {
      pair_sum(v);
    } else if (op == Op::kLoop) {
      loop(v);
    } else if (is_projected(op)) {
      refuse(v, "only map, loop and pair_sum are turned into pairs");
    } else if (is_elementwise(op)) {
      image_[v.id] = elementwise(v);
    } else {
      image_[v.id] = other(v);
    }
  }

  Compensated plain(Value v) {
    Values x;
    for (std::size_t k = 0; k < f_.operands(v).size(); ++k) x.push_back(of(v, k).value);
    return {b_.copy(f_, v, x), {}};
  }

  Compensated elementwise(Value v) {
    const Op op = f_.op(v);
    if (op == Op::kCast) return cast(v);
    const bool of_pairs = is_pair(f_.type(f_.operands(v).back()));
    if (!of_pairs) return plain(v);
    const Compensated x = of(v, 0);
    const Compensated y = f_.operands(v).size() > 1 ? of(v, 1) : Compensated{};
    switch (op) {
      case Op::kNeg: return pairs_.neg(x);
      case Op::kAbs: {
        const Value negative = b_.lt(x.value, pairs_.zero(x.value));
        return pairs_.select(negative, pairs_.neg(x), {b_.unary(Op::kAbs, x.value), x.error});
      }
      case Op::kSqrt: return pairs_.sqrt(x);
      case Op::kRsqrt: return pairs_.rsqrt(x);
      case Op::kAdd: return pairs_.add(x, y);
      case Op::kSub: return pairs_.add(x, pairs_.neg(y));
      case Op::kMul: return pairs_.mul(x, y);
      case Op::kDiv: return pairs_.div(x, y);
      case Op::kFma: return pairs_.add(pairs_.mul(x, y), of(v, 2));
      case Op::kMin: return pairs_.select(pairs_.less(x, y, Op::kLt), x, y);
      case Op::kMax: return pairs_.select(pairs_.less(y, x, Op::kLt), x, y);
      case Op::kSelect: return pairs_.select(x.value, y, of(v, 2));
      case Op::kLt: return {pairs_.less(x, y, Op::kLt), {}};
      case Op::kLe: return {pairs_.less(x, y, Op::kLe), {}};
      case Op::kEq:
      case Op::kNe: {
        const Value same = b_.binary(Op::kAnd, b_.eq(x.value, y.value), b_.eq(x.error, y.error));
        return {op == Op::kEq ? same : b_.unary(Op::kNot, same), {}};
      }
      case Op::kIsFinite: return {b_.unary(Op::kIsFinite, x.value), {}};
      case Op::kSign: return {b_.unary(Op::kSign, x.value), pairs_.zero(x.value)};
      default: refuse(v, "it is no arithmetic: its formula is made for one number");
    }
  }

  Compensated cast(Value v) {
    const Type from = f_.type(f_.operand(v, 0)), to = f_.type(v);
    const Compensated x = of(v, 0);
    if (!is_pair(from) && !is_pair(to)) return plain(v);
    if (is_pair(from) && is_pair(to)) return x;
    if (is_pair(from)) {
      if (to.dtype == DType::kF32) return {x.value, {}};
      refuse(v, "an integer of a pair may need digits that neither part has");
    }
    if (from.dtype == DType::kF32) return {x.value, pairs_.zero(x.value)};
    // An integer: what f32 cannot hold of it goes into the low part.
    const Value high = b_.cast(x.value, DType::kF32);
    if (is_bool(from.dtype)) return {high, pairs_.zero(high)};
    const Value low = b_.cast(b_.sub(x.value, b_.cast(high, from.dtype)), DType::kF32);
    return {high, low};
  }

  Compensated literal(Value v) {
    const Tensor& t = *f_.attr_as<LiteralAttr>(v).value;
    if (!is_pair(t.type())) return {b_.constant(t), {}};
    Tensor high(half_of(t.type())), low(half_of(t.type()));
    for (std::int64_t k = 0; k < t.size(); ++k) {
      const auto x = static_cast<double>(t.real(k));
      const auto h = static_cast<float>(x);
      high.set_real(k, h);
      const double rest = x - static_cast<double>(h);
      low.set_real(k, rest - rest == 0 ? static_cast<float>(rest) : 0.0f);
    }
    return {b_.constant(high), b_.constant(low)};
  }

  Compensated other(Value v) {
    const Op op = f_.op(v);
    if (op == Op::kConstant) return literal(v);
    if (!pair(v)) return plain(v);
    if (info(op).kind == OpKind::kShape) return both(v);
    switch (op) {
      case Op::kReduceSum:
      case Op::kReduceProd:
      case Op::kReduceMin:
      case Op::kReduceMax: return reduce(op, of(v, 0), f_.attr_as<AxesAttr>(v).axes);
      case Op::kDotGeneral: return dot(v);
      case Op::kIota: {
        const Value high = b_.iota(half_of(f_.type(v)), f_.attr_as<AxesAttr>(v).axes[0]);
        return {high, pairs_.zero(high)};
      }
      case Op::kGather:
      case Op::kScatterSet: return both(v);
      default: refuse(v, "it neither moves numbers nor adds them in a tree");
    }
  }

  /// Moves the high parts and the low parts alike; indices are shared.
  Compensated both(Value v) {
    const auto moved = [&](bool low) {
      Values x;
      for (std::size_t k = 0; k < f_.operands(v).size(); ++k) {
        const Compensated c = of(v, k);
        x.push_back(low && c.error.valid() ? c.error : c.value);
      }
      return b_.make(f_.op(v), x, f_.attr(v), half_of(f_.type(v)));
    };
    return {moved(false), moved(true)};
  }

  Compensated each(Compensated x, const std::function<Value(Value)>& make) {
    return {make(x.value), make(x.error)};
  }

  Compensated combine(Op op, Compensated x, Compensated y) {
    switch (op) {
      case Op::kReduceProd: return pairs_.mul(x, y);
      case Op::kReduceMin: return pairs_.select(pairs_.less(x, y, Op::kLt), x, y);
      case Op::kReduceMax: return pairs_.select(pairs_.less(y, x, Op::kLt), x, y);
      default: return pairs_.add(x, y);
    }
  }

  /// Over `axes`: they go first and become one, then halves are joined until one row is left.
  Compensated reduce(Op op, Compensated x, const Dims& axes) {
    const Shape shape = b_.type(x.value).shape;
    const Dims kept = other_axes(shape.rank(), axes);
    Dims order = axes, rest;
    std::int64_t n = 1;
    for (std::int64_t k : axes) n *= shape[static_cast<int>(k)];
    for (std::int64_t k : kept) order.push_back(k), rest.push_back(shape[static_cast<int>(k)]);
    const Shape out{std::span<const std::int64_t>(rest)};
    if (n == 0) {
      const Type t{DType::kF32, out};
      const double inf = std::numeric_limits<double>::infinity();
      const double empty = op == Op::kReduceProd  ? 1
                           : op == Op::kReduceMin ? inf
                           : op == Op::kReduceMax ? -inf
                                                  : 0;
      return {b_.splat(empty, t), b_.zeros(t)};
    }
    x = each(x, [&](Value v) { return b_.reshape(b_.transpose(v, order), out.with_leading(n)); });
    while (n > 1) {
      const std::int64_t half = n / 2;
      const auto part = [&](std::int64_t begin, std::int64_t end) {
        return each(x, [&](Value v) { return b_.slice_rows(v, begin, end); });
      };
      Compensated joined = combine(op, part(0, half), part(half, 2 * half));
      if (n % 2 == 1) {
        const Compensated last = part(n - 1, n);
        joined = {b_.concatenate(Values{joined.value, last.value}, 0),
                  b_.concatenate(Values{joined.error, last.error}, 0)};
      }
      x = joined;
      n = half + n % 2;
    }
    return each(x, [&](Value v) { return b_.reshape(v, out); });
  }

  /// All products in one array, contracted axes first, then the tree.
  Compensated dot(Value v) {
    const auto& a = f_.attr_as<DotAttr>(v);
    const Shape xs = f_.type(f_.operand(v, 0)).shape, ys = f_.type(f_.operand(v, 1)).shape;
    Dims used_x = a.batch_x, used_y = a.batch_y;
    used_x.insert(used_x.end(), a.contract_x.begin(), a.contract_x.end());
    used_y.insert(used_y.end(), a.contract_y.begin(), a.contract_y.end());
    const Dims free_x = other_axes(xs.rank(), used_x), free_y = other_axes(ys.rank(), used_y);
    Dims lengths, axes;
    const auto length = [&](const Dims& list, const Shape& s) {
      for (std::int64_t k : list) lengths.push_back(s[static_cast<int>(k)]);
    };
    length(a.contract_x, xs), length(a.batch_x, xs), length(free_x, xs), length(free_y, ys);
    const Shape all{std::span<const std::int64_t>(lengths)};
    if (all.size() > kMostTerms) {
      refuse(v, "the " + std::to_string(all.size()) + " products would all be kept at once");
    }
    const auto contracted = static_cast<std::int64_t>(a.contract_x.size());
    const auto batched = static_cast<std::int64_t>(a.batch_x.size());
    const auto spread = [&](Compensated c, const Dims& contract, const Dims& batch,
                            const Dims& free, std::int64_t free_at) {
      Dims order = contract, to;
      order.insert(order.end(), batch.begin(), batch.end());
      order.insert(order.end(), free.begin(), free.end());
      for (std::int64_t k = 0; k < contracted + batched; ++k) to.push_back(k);
      for (std::size_t k = 0; k < free.size(); ++k)
        to.push_back(free_at + static_cast<std::int64_t>(k));
      return each(c, [&](Value x) { return b_.broadcast(b_.transpose(x, order), all, to); });
    };
    const std::int64_t first_free = contracted + batched;
    const Compensated x = spread(of(v, 0), a.contract_x, a.batch_x, free_x, first_free);
    const Compensated y = spread(of(v, 1), a.contract_y, a.batch_y, free_y,
                                 first_free + static_cast<std::int64_t>(free_x.size()));
    for (std::int64_t k = 0; k < contracted; ++k) axes.push_back(k);
    return reduce(Op::kReduceSum, pairs_.mul(x, y), axes);
  }

  // --- second order

  /// Operands first .. last of a node, pairs as two; returns how many there are now.
  std::int64_t hand_in(Value v, std::size_t first, std::size_t last, Values& operands) const {
    const std::size_t before = operands.size();
    for (std::size_t k = first; k < last; ++k) push(operands, of(v, k));
    return static_cast<std::int64_t>(operands.size() - before);
  }

  /// Takes the results of the new node two by two where the old one's are f64.
  std::vector<Compensated> hand_out(std::span<const Type> types, const Values& made) {
    std::vector<Compensated> out;
    std::size_t at = 0;
    for (const Type& t : types) {
      Compensated c{made[at++], {}};
      if (is_pair(t)) c.error = made[at++];
      out.push_back(c);
    }
    return out;
  }

  void map(Value v) {
    MapAttr a = f_.attr_as<MapAttr>(v);
    const std::size_t n = f_.operands(v).size();
    Values operands;
    const auto rows = static_cast<std::size_t>(a.rows);
    a.rows = hand_in(v, 0, rows, operands);
    hand_in(v, rows, n, operands);
    const std::vector<Role> roles = a.roles;
    std::vector<Type> stacked;
    a.roles.clear();
    for (std::size_t r = 0; r < roles.size(); ++r) {
      // Totals of pairs are summed outside, as pairs.
      const Type t = a.body->result_type(r);
      const Role role = is_pair(t) ? Role::kStack : roles[r];
      a.roles.insert(a.roles.end(), is_pair(t) ? 2 : 1, role);
      stacked.push_back(t);
    }
    a.body = converted(*a.body);
    std::vector<Compensated> out = hand_out(stacked, b_.map(a, operands));
    for (std::size_t r = 0; r < roles.size(); ++r) {
      if (roles[r] == Role::kTotal && out[r].error.valid())
        out[r] = reduce(Op::kReduceSum, out[r], {0});
    }
    results_[v.id] = std::move(out);
  }

  void loop(Value v) {
    LoopAttr a = f_.attr_as<LoopAttr>(v);
    a.keep = {};  // for derivatives, which are taken before
    a.inverse = nullptr;
    Values operands;
    const auto invariants = static_cast<std::size_t>(a.invariants);
    const auto carries = static_cast<std::size_t>(a.carries);
    const auto inputs = static_cast<std::size_t>(a.inputs);
    a.invariants = hand_in(v, 0, invariants, operands);
    a.carries = hand_in(v, invariants, invariants + carries, operands);
    a.inputs = hand_in(v, invariants + carries, invariants + carries + inputs, operands);
    hand_in(v, invariants + carries + inputs, f_.operands(v).size(), operands);
    const std::vector<std::int64_t> every = a.every;
    a.every.clear();
    for (std::size_t o = 0; o < every.size(); ++o) {
      a.every.insert(a.every.end(), is_pair(a.body->result_type(carries + o)) ? 2 : 1, every[o]);
    }
    a.body = converted(*a.body);
    results_[v.id] = hand_out(f_.result_types(v), b_.loop(a, operands));
  }

  /// Rows one after the other: a map over the member that receives, a loop over the other.
  void pair_sum(Value v) {
    const PairAttr a = f_.attr_as<PairAttr>(v);
    std::vector<Compensated> out(a.roles.size());
    const FunctionPtr body = converted(*a.body);
    const auto row_sums = [&](bool at_j) { return pair_rows(v, a, body, at_j); };
    const bool any_j = std::find(a.roles.begin(), a.roles.end(), Role::kAtJ) != a.roles.end();
    const std::vector<Compensated> at_i = row_sums(false);
    const std::vector<Compensated> at_j = any_j ? row_sums(true) : std::vector<Compensated>();
    for (std::size_t r = 0; r < a.roles.size(); ++r) {
      out[r] = a.roles[r] == Role::kAtJ ? at_j[r] : at_i[r];
      if (a.roles[r] != Role::kTotal) continue;
      out[r] = out[r].error.valid() ? reduce(Op::kReduceSum, out[r], {0})
                                    : Compensated{b_.reduce_sum(out[r].value, {0}), {}};
    }
    results_[v.id] = std::move(out);
  }

  std::vector<Compensated> pair_rows(Value v, const PairAttr& a, const FunctionPtr& body,
                                     bool at_j) {
    // The map's body: (row, all operands whole...) -> sums. The loop's body: one pair.
    const Type index = scalar(DType::kI64);
    Builder rows("row"), terms("pair");
    const Value row = rows.param(index, "row");
    const Value other = terms.param(index, "other"), own = terms.param(index, "own");
    Values operands, inner_operands{row}, seen;
    for (std::size_t k = 0; k < f_.operands(v).size(); ++k) {
      Values both;
      push(both, of(v, k));
      for (Value x : both) {
        operands.push_back(x);
        inner_operands.push_back(rows.param(b_.type(x)));
        seen.push_back(terms.param(b_.type(x)));
      }
    }
    std::vector<Compensated> sums;
    Values inits;
    const auto carry = [&](const Type& t) {
      inits.push_back(rows.zeros(t));
      return terms.param(t);
    };
    for (std::size_t r = 0; r < a.roles.size(); ++r) {
      const Type t = a.body->result_type(r);
      Compensated c{carry(half_of(t)), {}};
      if (is_pair(t)) c.error = carry(half_of(t));
      sums.push_back(c);
    }
    const Value i = at_j ? other : own, j = at_j ? own : other;
    Values arguments{i, j};
    std::size_t at = 0;
    for (std::size_t k = 0; k < f_.operands(v).size(); ++k) {
      const auto position = static_cast<std::int64_t>(k);
      const int parts = is_pair(f_.type(f_.operand(v, k))) ? 2 : 1;
      for (int part = 0; part < parts; ++part, ++at) {
        arguments.push_back(position < a.rows_i              ? terms.gather(seen[at], i)
                            : position < a.rows_i + a.rows_j ? terms.gather(seen[at], j)
                                                             : seen[at]);
      }
    }
    const Values made = terms.inline_call(*body, arguments);
    const Value taken = a.kind == PairKind::kLess ? terms.lt(i, j) : terms.ne(i, j);
    Pairs pairs(terms);
    Values next;
    at = 0;
    for (std::size_t r = 0; r < a.roles.size(); ++r) {
      const auto here = [&](Value x) { return terms.broadcast_to(taken, terms.type(x).shape); };
      if (!sums[r].error.valid()) {
        const Value sum = terms.add(sums[r].value, made[at]);
        next.push_back(terms.select(here(sum), sum, sums[r].value));
        ++at;
        continue;
      }
      const Compensated sum = pairs.add(sums[r], {made[at], made[at + 1]});
      push(next, pairs.select(here(sum.value), sum, sums[r]));
      at += 2;
    }
    LoopAttr loop;
    loop.trip = a.count;
    loop.invariants = static_cast<std::int64_t>(inner_operands.size());
    loop.carries = static_cast<std::int64_t>(inits.size());
    loop.body = terms.finish(next);
    inner_operands.insert(inner_operands.end(), inits.begin(), inits.end());
    MapAttr map;
    map.count = a.count;
    map.roles.assign(inits.size(), Role::kStack);
    map.body = rows.finish(rows.loop(loop, inner_operands));
    std::vector<Type> types;
    for (std::size_t r = 0; r < a.roles.size(); ++r) types.push_back(a.body->result_type(r));
    return hand_out(types, b_.map(map, operands));
  }

  const Function& f_;
  const Show& show_;
  Builder b_;
  Pairs pairs_;
  std::vector<Compensated> image_;
  std::unordered_map<std::uint32_t, std::vector<Compensated>> results_;
};

}  // namespace

FunctionPtr in_double_single(const Function& f, const Show& show) {
  return Converter(f, show).run();
}

}  // namespace cotangent::transform
