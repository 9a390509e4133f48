#include "cotangent/mechanics/rounding.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/reduction_order.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Function;
using ir::FunctionPtr;
using ir::Op;
using ir::Role;
using ir::Tensor;
using ir::Value;

/// Of a sum of n terms, how many roundings one of them goes through, in the order of
/// ir/reduction_order.h; rather more than fewer.
double roundings_of_sum(std::int64_t n) {
  if (n <= ir::kMatrixChain) return static_cast<double>(n);
  return static_cast<double>(std::min(n, ir::kReduceBlock) / ir::kReduceLanes + 4) +
         (n > ir::kReduceBlock ? roundings_of_sum((n - 1) / ir::kReduceBlock + 1) : 0);
}

/// An op that has no rule here.
struct NoRule {};

struct Rounded {
  Value value;
  Value error;  ///< not valid: exact
};

/// Copies a function into `b`, each value with a bound beside it.
class Follower {
 public:
  Follower(Builder& b, double unit) : b_(b), unit_(unit) {}

  std::vector<Rounded> follow(const Function& f, const std::vector<Rounded>& arguments) {
    std::vector<Rounded> at(f.size());
    std::vector<std::vector<Rounded>> results_of(f.size());
    for (std::uint32_t id = 0; id < f.size(); ++id) {
      const Value v{id};
      std::vector<Rounded> x;
      for (Value o : f.operands(v)) x.push_back(at[o.id]);
      switch (f.op(v)) {
        case Op::kParameter:
          at[id] = arguments[static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index)];
          break;
        case Op::kProject:
          at[id] = results_of[f.operand(v, 0).id]
                             [static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index)];
          break;
        case Op::kMap: results_of[id] = map(f.attr_as<ir::MapAttr>(v), x); break;
        case Op::kPairSum: results_of[id] = pair_sum(f.attr_as<ir::PairAttr>(v), x); break;
        case Op::kLoop: results_of[id] = loop(f.attr_as<ir::LoopAttr>(v), x); break;
        default: at[id] = plain(f, v, x);
      }
    }
    std::vector<Rounded> results;
    for (Value r : f.results()) results.push_back(at[r.id]);
    return results;
  }

  /// The bound of a value that is a sum of `parts` (each not negative; those not valid are zero).
  Value total(std::initializer_list<Value> parts) {
    Value sum;
    for (Value part : parts) {
      if (part.valid()) sum = sum.valid() ? b_.add(sum, part) : part;
    }
    return sum;
  }
  Value magnitude(Value x) { return b_.unary(Op::kAbs, x); }
  Value times(double factor, Value x) { return b_.mul(b_.splat(factor, b_.type(x)), x); }
  Value error_of(const Rounded& x) {
    return x.error.valid() ? x.error : b_.zeros(b_.type(x.value));
  }

 private:
  Rounded plain(const Function& f, Value v, const std::vector<Rounded>& x) {
    std::vector<Value> values;
    for (const Rounded& o : x) values.push_back(o.value);
    if (ir::is_second_order(f.op(v)) || ir::is_projected(f.op(v))) throw NoRule{};
    Rounded out{b_.copy(f, v, values), {}};
    if (!is_float(f.type(v).dtype)) return out;
    const std::vector<std::size_t> wrong = inexact(x);
    switch (f.op(v)) {
      case Op::kConstant: out.error = of_constant(*f.attr_as<ir::LiteralAttr>(v).value); break;
      case Op::kIota: break;
      case Op::kNeg:
      case Op::kAbs: out.error = x[0].error; break;
      case Op::kCheck: out.error = x[1].error; break;
      case Op::kAdd:
      case Op::kSub: out.error = total({x[0].error, x[1].error, rounding_of(out.value)}); break;
      case Op::kMul:
        out.error = total({x[0].error.valid() ? b_.mul(x[0].error, magnitude(x[1].value)) : Value{},
                           x[1].error.valid() ? b_.mul(magnitude(x[0].value), x[1].error) : Value{},
                           rounding_of(out.value)});
        break;
      case Op::kReduceSum:
      case Op::kCumSum: {
        const auto same = [&](Value y) { return b_.make(f.op(v), std::span(&y, 1), f.attr(v)); };
        const std::int64_t in = f.type(f.operand(v, 0)).size();
        const std::int64_t out_of = std::max<std::int64_t>(f.type(v).size(), 1);
        const double roundings =
            f.op(v) == Op::kCumSum ? static_cast<double>(in) : roundings_of_sum(in / out_of);
        out.error = total({x[0].error.valid() ? same(x[0].error) : Value{},
                           times(roundings * unit_, same(magnitude(x[0].value)))});
        break;
      }
      case Op::kDotGeneral: {
        const auto& how = f.attr_as<ir::DotAttr>(v);
        const Value a = magnitude(values[0]), c = magnitude(values[1]);
        std::int64_t n = 1;
        for (std::int64_t k : how.contract_x) {
          n *= f.type(f.operand(v, 0)).shape[static_cast<int>(k)];
        }
        out.error = total({x[0].error.valid() ? b_.dot_general(x[0].error, c, how) : Value{},
                           x[1].error.valid() ? b_.dot_general(a, x[1].error, how) : Value{},
                           times(roundings_of_sum(n) * unit_, b_.dot_general(a, c, how))});
        break;
      }
      case Op::kReduceProd: {
        // At magnitudes: with signs, what the errors of two factors do could cancel.
        const Value size = magnitude(values[0]);
        const double n = static_cast<double>(f.type(f.operand(v, 0)).size());
        out.error = total({x[0].error.valid() ? slope(f, v, {size}, 0, x[0].error) : Value{},
                           times(n * unit_, magnitude(out.value))});
        break;
      }
      case Op::kScatterAdd: {
        std::vector<Value> sizes = values, errors = values;
        for (std::size_t k : {0u, 1u}) {
          sizes[k] = magnitude(values[k]);
          errors[k] = error_of(x[k]);
        }
        const double n = static_cast<double>(f.type(f.operand(v, 1)).size());
        out.error = total({wrong.empty() ? Value{} : b_.copy(f, v, errors),
                           times(n * unit_, b_.copy(f, v, sizes))});
        break;
      }
      case Op::kSign:
      case Op::kFloor:
      case Op::kCeil:
      case Op::kRound:
        // A jump that the error reaches counts.
        if (wrong.empty()) break;
        out.error = b_.sub(b_.unary(f.op(v), b_.add(values[0], x[0].error)),
                           b_.unary(f.op(v), b_.sub(values[0], x[0].error)));
        break;
      default:
        if (!ruled(f.op(v))) throw NoRule{};
        // One operand at a time: what two errors do may not cancel.
        for (std::size_t k : wrong) {
          const Value moved = magnitude(slope(f, v, values, k, x[k].error));
          out.error = total({out.error, moved});
        }
        if (!exact(f.op(v))) out.error = total({out.error, rounding_of(out.value)});
    }
    return out;
  }

  /// Ops whose derivative along the errors bounds theirs; of those that jump (a remainder, a select
  /// by a comparison) while the errors do not reach a jump.
  static bool ruled(Op op) {
    switch (ir::info(op).kind) {
      case ir::OpKind::kElementwise: return op != Op::kBitcast;
      case ir::OpKind::kReduce:
      case ir::OpKind::kShape:
      case ir::OpKind::kIndex: return true;
      case ir::OpKind::kScan: return op == Op::kSort;
      default: return false;
    }
  }
  /// Ops that give one of their operands, or a number that floats hold.
  static bool exact(Op op) {
    switch (op) {
      case Op::kMin:
      case Op::kMax:
      case Op::kSelect:
      case Op::kReduceMin:
      case Op::kReduceMax:
      case Op::kSort:
      case Op::kGather:
      case Op::kScatterSet: return true;
      default: return ir::info(op).kind == ir::OpKind::kShape;
    }
  }

  static std::vector<std::size_t> inexact(const std::vector<Rounded>& x) {
    std::vector<std::size_t> all;
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (x[k].error.valid()) all.push_back(k);
    }
    return all;
  }

  Value rounding_of(Value value) { return times(unit_, magnitude(value)); }

  Value of_constant(const Tensor& c) {
    Tensor bound(c.type());
    bool any = false;
    for (std::int64_t k = 0; k < c.size(); ++k) {
      const long double x = c.real(k);
      if (!is_long(static_cast<double>(x))) continue;
      bound.set_real(k, std::abs(x) * kUnitF64);
      any = true;
    }
    return any ? b_.constant(std::move(bound)) : Value{};
  }

  /// d op / d operand k, along `along`.
  Value slope(const Function& f, Value v, std::vector<Value> values, std::size_t k, Value along) {
    Builder one("op");
    std::vector<Value> operands;
    for (Value o : f.operands(v)) operands.push_back(one.param(f.type(o)));
    const FunctionPtr op = one.finish({one.make(f.op(v), operands, f.attr(v), f.type(v))});
    values.push_back(along);
    return b_.inline_call(*transform::jvp(*op, {k}), values).back();
  }

  // --- bodies: results, then their bounds

  /// The body on values and their bounds, group by group as `spread` puts the operands. A result
  /// that is summed goes through so many `roundings`.
  FunctionPtr body_of(const Function& body, std::size_t indices, const std::vector<Rounded>& x,
                      const std::vector<std::vector<std::size_t>>& groups,
                      const std::vector<Role>& roles, double roundings) {
    Builder b(body.name());
    std::vector<Rounded> arguments(body.params().size());
    for (std::size_t k = 0; k < indices; ++k) arguments[k].value = b.param(body.param_type(k));
    for (const std::vector<std::size_t>& group : groups) {
      for (std::size_t k : group) {
        arguments[indices + k].value = b.param(body.param_type(indices + k));
      }
      for (std::size_t k : group) {
        if (!x[k].error.valid()) continue;
        arguments[indices + k].error = b.param(body.param_type(indices + k));
      }
    }
    Follower inner(b, unit_);
    std::vector<Value> values, errors;
    const std::vector<Rounded> results = inner.follow(body, arguments);
    for (std::size_t k = 0; k < results.size(); ++k) {
      const Rounded& r = results[k];
      values.push_back(r.value);
      if (!is_float(b.type(r.value).dtype)) continue;
      // What is summed afterwards is rounded by what is added.
      const Value summed = roles[k] == Role::kStack
                               ? Value{}
                               : inner.times(roundings * unit_, inner.magnitude(r.value));
      const Value error = inner.total({r.error, summed});
      errors.push_back(error.valid() ? error : b.zeros(b.type(r.value)));
    }
    values.insert(values.end(), errors.begin(), errors.end());
    return b.finish(values);
  }

  /// Operands group by group: values, then the bounds there are.
  static std::vector<Value> spread(const std::vector<Rounded>& x,
                                   const std::vector<std::vector<std::size_t>>& groups,
                                   std::vector<std::int64_t>& counts) {
    std::vector<Value> operands;
    for (const std::vector<std::size_t>& group : groups) {
      const std::size_t before = operands.size();
      for (std::size_t k : group) operands.push_back(x[k].value);
      for (std::size_t k : group) {
        if (x[k].error.valid()) operands.push_back(x[k].error);
      }
      counts.push_back(static_cast<std::int64_t>(operands.size() - before));
    }
    return operands;
  }

  static std::vector<std::vector<std::size_t>> groups_of(std::vector<std::int64_t> sizes,
                                                         std::size_t all) {
    std::vector<std::vector<std::size_t>> groups;
    std::size_t k = 0;
    for (std::int64_t size : sizes) {
      groups.emplace_back();
      for (std::int64_t n = 0; n < size; ++n) groups.back().push_back(k++);
    }
    groups.emplace_back();
    while (k < all) groups.back().push_back(k++);
    return groups;
  }

  static std::vector<Rounded> paired(const Function& body, const std::vector<Value>& results) {
    std::vector<Rounded> out;
    std::size_t bound = body.results().size();
    for (std::size_t k = 0; k < body.results().size(); ++k) {
      const bool real = is_float(body.result_type(k).dtype);
      out.push_back({results[k], real ? results[bound++] : Value{}});
    }
    return out;
  }

  static std::vector<Role> doubled(const Function& body, std::vector<Role> roles) {
    const std::size_t n = roles.size();
    for (std::size_t k = 0; k < n; ++k) {
      if (is_float(body.result_type(k).dtype)) roles.push_back(roles[k]);
    }
    return roles;
  }

  std::vector<Rounded> map(const ir::MapAttr& m, const std::vector<Rounded>& x) {
    const auto groups = groups_of({m.rows}, x.size());
    std::vector<std::int64_t> counts;
    const std::vector<Value> operands = spread(x, groups, counts);
    ir::MapAttr both = m;
    both.body = body_of(*m.body, 1, x, groups, m.roles, roundings_of_sum(m.count));
    both.rows = counts[0];
    both.roles = doubled(*m.body, m.roles);
    return paired(*m.body, b_.map(both, operands));
  }

  std::vector<Rounded> pair_sum(const ir::PairAttr& p, const std::vector<Rounded>& x) {
    const auto groups = groups_of({p.rows_i, p.rows_j}, x.size());
    std::vector<std::int64_t> counts;
    const std::vector<Value> operands = spread(x, groups, counts);
    ir::PairAttr both = p;
    // Row sums go from left to right; a total is a sum of these.
    const double roundings = static_cast<double>(p.count) + roundings_of_sum(p.count);
    both.body = body_of(*p.body, 2, x, groups, p.roles, roundings);
    both.rows_i = counts[0];
    both.rows_j = counts[1];
    both.roles = doubled(*p.body, p.roles);
    return paired(*p.body, b_.pair_sum(both, operands));
  }

  std::vector<Rounded> loop(const ir::LoopAttr& l, std::vector<Rounded> x) {
    if (l.dynamic) throw NoRule{};
    const auto groups = groups_of({l.invariants, l.carries}, x.size());
    for (std::size_t k : groups[1]) {
      if (is_float(b_.type(x[k].value).dtype)) x[k].error = error_of(x[k]);
    }
    std::vector<std::int64_t> counts;
    const std::vector<Value> operands = spread(x, groups, counts);
    const std::vector<Role> as_they_are(l.body->results().size(), Role::kStack);
    const FunctionPtr body = body_of(*l.body, 1, x, groups, as_they_are, 0);
    // A loop has carries first: theirs and their bounds, then the outputs and theirs.
    Builder b(body->name());
    std::vector<Value> params;
    for (std::size_t k = 0; k < body->params().size(); ++k) {
      params.push_back(b.param(body->param_type(k)));
    }
    const std::vector<Rounded> all = paired(*l.body, b.inline_call(*body, params));
    ir::LoopAttr both = l;
    both.keep = {};
    both.inverse = nullptr;
    both.invariants = counts[0];
    both.carries = counts[1];
    both.inputs = counts[2];
    const auto carries = static_cast<std::size_t>(l.carries);
    std::vector<Value> results;
    const auto give = [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) results.push_back(all[k].value);
      for (std::size_t k = begin; k < end; ++k) {
        if (!all[k].error.valid()) continue;
        results.push_back(all[k].error);
        if (begin == carries) both.every.push_back(l.every[k - carries]);
      }
    };
    give(0, carries);
    give(carries, all.size());
    both.body = b.finish(results);
    const std::vector<Value> made = b_.loop(both, operands);
    std::vector<Rounded> out;
    std::size_t at = 0;
    const auto take = [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) out.push_back({made[at++], {}});
      for (std::size_t k = begin; k < end; ++k) {
        if (all[k].error.valid()) out[k].error = made[at++];
      }
    };
    take(0, carries);
    take(carries, all.size());
    return out;
  }

  Builder& b_;
  double unit_;
};

/// f with the results that are named, in that order.
FunctionPtr only(const Function& f, const std::vector<std::size_t>& results) {
  Builder b(f.name());
  std::vector<Value> x, wanted;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    x.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  const std::vector<Value> all = b.inline_call(f, x);
  for (std::size_t r : results) wanted.push_back(all[r]);
  return transform::simplify(*b.finish(wanted));
}

}  // namespace

bool is_long(double x) {
  if (x == 0 || !std::isfinite(x)) return false;
  int exponent = 0;
  const double scaled = std::ldexp(std::frexp(x, &exponent), 32);
  return scaled != std::floor(scaled);
}

FunctionPtr with_rounding(const Function& f, const std::vector<std::size_t>& results,
                          const std::vector<std::size_t>& rounded, double unit) {
  const FunctionPtr wanted = only(f, results);
  Builder b(f.name());
  Follower follower(b, unit);
  std::vector<Rounded> arguments;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    arguments.push_back({b.param(f.param_type(k), f.param_names()[k]), {}});
  }
  for (std::size_t k : rounded) {
    arguments[k].error = follower.times(kUnitF64, follower.magnitude(arguments[k].value));
  }
  std::vector<Rounded> all;
  try {
    all = follower.follow(*wanted, arguments);
  } catch (const NoRule&) {
    return nullptr;
  }
  std::vector<Value> out;
  for (const Rounded& r : all) out.push_back(r.value);
  for (const Rounded& r : all) {
    ensure(is_float(b.type(r.value).dtype), "with_rounding: a result that is no float");
    out.push_back(follower.error_of(r));
  }
  return transform::simplify(*b.finish(out));
}

}  // namespace cotangent::mechanics
