#include "cotangent/transform/faults.h"

#include <algorithm>
#include <array>
#include <map>

#include "cotangent/transform/control.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// A fault as scalar values. Site is kNoFault where there is none, the rest means nothing then.
/// Invalid values are constants: no record at all, step and lane -1, payload 0.
struct Record {
  Value site, step, lane, payload;
  bool valid() const { return site.valid(); }
};

/// The fields of a record that are there, in a fixed order.
constexpr Value Record::* kFields[] = {&Record::site, &Record::step, &Record::lane,
                                       &Record::payload};
constexpr std::int64_t kDefaults[] = {kNoFault, -1, -1, 0};
using Fields = std::array<bool, 4>;

Fields fields_of(const Record& r) {
  Fields there{};
  for (std::size_t k = 0; k < 4; ++k) there[k] = (r.*kFields[k]).valid();
  return there;
}

Value field(Builder& b, const Record& r, std::size_t k) {
  const Value v = r.*kFields[k];
  return v.valid() ? v : b.constant_i64(kDefaults[k]);
}

Value is_fault(Builder& b, const Record& r) {
  return b.ne(r.site, b.constant_i64(kNoFault));
}

/// Field by field x where `p` holds, else y.
Record choose(Builder& b, Value p, const Record& x, const Record& y) {
  Record out;
  for (std::size_t k = 0; k < 4; ++k) {
    if (!(x.*kFields[k]).valid() && !(y.*kFields[k]).valid()) continue;
    out.*kFields[k] = b.select(p, field(b, x, k), field(b, y, k));
  }
  return out;
}

/// The lesser of two by (step, lane, site), `x` if they are equal.
Record least(Builder& b, const Record& x, const Record& y) {
  if (!x.valid()) return y;
  if (!y.valid()) return x;
  Value less = b.lt(y.site, x.site);
  for (std::size_t k : {std::size_t{2}, std::size_t{1}}) {
    const bool both_default = !(x.*kFields[k]).valid() && !(y.*kFields[k]).valid();
    if (both_default) continue;
    const Value p = field(b, x, k), q = field(b, y, k);
    less = b.binary(Op::kOr, b.lt(q, p), b.binary(Op::kAnd, b.eq(q, p), less));
  }
  const Value takes_y = b.binary(Op::kAnd, is_fault(b, y),
                                 b.binary(Op::kOr, b.unary(Op::kNot, is_fault(b, x)), less));
  return choose(b, takes_y, y, x);
}

/// A body whose checks are exposed: its results, then the fields of its record that are there.
struct ExposedBody {
  FunctionPtr f;
  Fields there{};
  bool any() const { return there[0]; }
};

/// What is around a body: the outermost loop gives the step of a fault, the outermost map the lane.
struct Within {
  bool loop = false, map = false;
};

class Exposer {
 public:
  Exposer(Builder& b, const Function& f, std::map<std::int64_t, FaultSite>& sites,
          Within within = {})
      : b_(b), f_(f), sites_(sites), within_(within), images_(f.size()) {}

  Values run(std::span<const Value> params, Record& record) {
    for (std::size_t k = 0; k < params.size(); ++k) images_[f_.params()[k].id] = params[k];
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      const Op op = f_.op(v);
      if (op == Op::kParameter) continue;
      const auto spans = f_.spans(v);
      b_.set_spans({spans.begin(), spans.end()});
      if (op == Op::kProject && results_.contains(f_.operand(v, 0).id)) {
        images_[id] =
            results_[f_.operand(v, 0).id][static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index)];
        continue;
      }
      Values x;
      for (Value u : f_.operands(v)) x.push_back(images_[u.id]);
      if (op == Op::kCheck)
        images_[id] = check(v, x);
      else if (f_.is_kept(v))
        second_order(v, x);
      else
        images_[id] = b_.copy(f_, v, x);
    }
    record = least(b_, static_record(), record_);
    Values results;
    for (Value r : f_.results()) results.push_back(images_[r.id]);
    return results;
  }

 private:
  struct Failed {
    std::int64_t site;
    Value holds, payload;
  };

  Value check(Value v, const Values& x) {
    const auto& a = f_.attr_as<CheckAttr>(v);
    const auto [known, is_new] = sites_.try_emplace(a.site);
    FaultSite& site = known->second;
    if (!is_new && site.message != a.message) {
      throw UserError("[check] number " + std::to_string(a.site) + " has two messages, \"" +
                      site.message + "\" and \"" + a.message + "\"; number them apart");
    }
    site.site = a.site;
    site.message = a.message;
    for (const SourceSpan& s : f_.spans(v)) {
      if (std::find(site.spans.begin(), site.spans.end(), s) == site.spans.end()) {
        site.spans.push_back(s);
      }
    }
    Value holds = x[0];
    if (!b_.type(holds).is_scalar()) {
      const Value least = b_.reduce(Op::kReduceMin, b_.cast(holds, DType::kI32), {});
      holds = b_.ne(least, b_.constant(0, DType::kI32));
    }
    failed_.push_back({a.site, holds, x.size() > 2 ? x[2] : Value{}});
    return x[1];
  }

  /// The checks of this body itself: the one with the least site, the first of equal ones.
  Record static_record() {
    std::stable_sort(failed_.begin(), failed_.end(),
                     [](const Failed& x, const Failed& y) { return x.site < y.site; });
    Record out;
    for (std::size_t k = failed_.size(); k-- > 0;) {
      const Failed& c = failed_[k];
      const Record here{b_.constant_i64(c.site), {}, {}, c.payload};
      const Record otherwise = out.valid() ? out : Record{b_.constant_i64(kNoFault), {}, {}, {}};
      out = choose(b_, c.holds, otherwise, here);
    }
    return out;
  }

  ExposedBody expose(const Function& body, Within within) {
    within.loop = within.loop || within_.loop;
    within.map = within.map || within_.map;
    Builder b(body.name());
    Values params;
    for (std::size_t k = 0; k < body.params().size(); ++k) {
      params.push_back(b.param(body.param_type(k), body.param_names()[k]));
    }
    Record record;
    Values results = Exposer(b, body, sites_, within).run(params, record);
    for (auto member : kFields) {
      if ((record.*member).valid()) results.push_back(record.*member);
    }
    return {b.finish(results), fields_of(record)};
  }

  /// The record at results `at`... of an op over an exposed body.
  static Record record_at(const Values& made, std::size_t at, const Fields& there) {
    Record out;
    for (std::size_t k = 0; k < 4; ++k) {
      if (there[k]) out.*kFields[k] = made[at++];
    }
    return out;
  }

  void second_order(Value v, const Values& x) {
    switch (f_.op(v)) {
      case Op::kMap: return map(v, x);
      case Op::kPairSum: return pair_sum(v, x);
      case Op::kLoop: return loop(v, x);
      case Op::kWhile: return while_loop(v, x);
      case Op::kCond: return cond(v, x);
      default: throw InternalError("expose_faults: a call");
    }
  }

  void keep(Value v, const Values& made, Record record) {
    if (within_.loop) record.step = {};
    if (within_.map) record.lane = {};
    const std::size_t n = f_.result_types(v).size();
    results_[v.id].assign(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(n));
    record_ = least(b_, record_, record);
  }

  // --- map, pair_sum: a record a row; of the stacked ones the least

  void map(Value v, const Values& x) {
    MapAttr a = f_.attr_as<MapAttr>(v);
    ExposedBody body = expose(*a.body, {.map = true});
    std::size_t n = a.roles.size();
    for (std::size_t k = 0; k < 4; ++k) {
      if (body.there[k]) a.roles.push_back(Role::kStack);
    }
    a.body = body.f;
    const Values made = b_.map(a, x);
    keep(v, made, body.any() ? of_rows(record_at(made, n, body.there), a.count, true) : Record{});
  }

  /// The least of the records in rows; the row becomes the lane.
  Record of_rows(const Record& rows, std::int64_t count, bool lanes) {
    if (count == 0) return {};
    const Type line{DType::kI64, Shape{count}};
    const auto spread = [&](Value s) { return b_.broadcast_to(s, line.shape); };
    Value bad = b_.ne(rows.site, spread(b_.constant_i64(kNoFault)));
    // Where rows are lanes they settle equal steps, else the records' own lanes and sites do.
    for (Value Record::* field : {&Record::step, &Record::lane, &Record::site}) {
      const Value key = rows.*field;
      if (!key.valid() || (lanes && field != &Record::step)) continue;
      const Value here = b_.select(bad, key, spread(b_.constant_i64(INT64_MAX)));
      const Value lowest = b_.reduce(Op::kReduceMin, here, {0});
      bad = b_.binary(Op::kAnd, bad, b_.eq(key, spread(lowest)));
    }
    const Value index = b_.iota(line, 0);
    const Value row =
        b_.reduce(Op::kReduceMin, b_.select(bad, index, spread(b_.constant_i64(count))), {0});
    const Value any = b_.lt(row, b_.constant_i64(count));
    Record out;
    for (std::size_t k = 0; k < 4; ++k) {
      if ((rows.*kFields[k]).valid()) out.*kFields[k] = b_.gather(rows.*kFields[k], row);
    }
    out.site = b_.select(any, out.site, b_.constant_i64(kNoFault));
    if (lanes) out.lane = row;
    return out;
  }

  /// Faults of pairs are looked for apart from the sums: for every i a loop over j, of what the
  /// record needs.
  void pair_sum(Value v, const Values& x) {
    PairAttr a = f_.attr_as<PairAttr>(v);
    const ExposedBody body = expose(*a.body, {});
    const std::size_t n = a.roles.size(), all = body.f->results().size();
    Flags sums(all, false), records(all, false);
    for (std::size_t k = 0; k < all; ++k) (k < n ? sums : records)[k] = true;
    const Flags every(body.f->params().size(), true);
    a.body = restrict_to(*body.f, every, sums);
    const Values made = b_.pair_sum(a, x);
    if (!body.any() || a.count == 0) return keep(v, made, {});

    const auto at_i = static_cast<std::size_t>(a.rows_i);
    const auto at_j = at_i + static_cast<std::size_t>(a.rows_j);
    Builder row("pairs");
    Values in_row{row.param(scalar(DType::kI64))}, order;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const Type t = b_.type(x[k]);
      in_row.push_back(row.param(k < at_i ? row_of(t) : t));
    }
    // The loop's invariants: i, rows at i, the pair's invariants; its inputs: rows at j.
    Builder step("pair");
    Values seen(x.size() + 2);
    seen[1] = step.param(scalar(DType::kI64));
    const auto pass = [&](std::size_t k, Value operand, const Type& type) {
      seen[k] = step.param(type);
      order.push_back(operand);
    };
    pass(0, in_row[0], scalar(DType::kI64));
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (k < at_i || k >= at_j) pass(k + 2, in_row[k + 1], row.type(in_row[k + 1]));
    }
    LoopAttr loop;
    loop.trip = a.count;
    loop.invariants = static_cast<std::int64_t>(order.size());
    Record carried;
    for (std::size_t k = 0; k < 4; ++k) {
      if (!body.there[k]) continue;
      carried.*kFields[k] = step.param(scalar(DType::kI64));
      order.push_back(row.constant_i64(kDefaults[k]));
      ++loop.carries;
    }
    for (std::size_t k = at_i; k < at_j; ++k) {
      pass(k + 2, in_row[k + 1], row_of(b_.type(x[k])));
      ++loop.inputs;
    }
    const FunctionPtr only = restrict_to(*body.f, every, records);
    Record now = record_at(step.inline_call(*only, seen), 0, body.there);
    const Value pairs =
        a.kind == PairKind::kLess ? step.lt(seen[0], seen[1]) : step.ne(seen[0], seen[1]);
    now.site = step.select(pairs, now.site, step.constant_i64(kNoFault));
    Values next;
    const Record kept = least(step, carried, now);
    for (std::size_t k = 0; k < 4; ++k) {
      if (body.there[k]) next.push_back(kept.*kFields[k]);
    }
    loop.body = step.finish(next);
    MapAttr rows;
    rows.count = a.count;
    rows.rows = a.rows_i;
    rows.roles.assign(next.size(), Role::kStack);
    rows.body = row.finish(row.loop(loop, order));
    keep(v, made, of_rows(record_at(b_.map(rows, x), 0, body.there), a.count, false));
  }

  // --- loops: carry the first fault; from it on the carries stay

  /// What a loop's body makes beside its own results.
  struct Frozen {
    Value fine;      ///< no fault yet, nor in this step
    Values results;  ///< the fields of the record carried: site, step, maybe lane and payload
  };

  static Fields carried_fields(const ExposedBody& body) {
    Fields there = body.there;
    there[1] = true;
    return there;
  }

  /// Inside the new body: the record after this step.
  static Frozen freeze(Builder& b, const ExposedBody& body, const Values& made, std::size_t n,
                       const Values& carried, Value iteration) {
    Frozen out;
    const Fields there = carried_fields(body);
    const Record old = record_at(carried, 0, there);
    Record now = record_at(made, n, body.there);
    now.step = iteration;
    const Value before = b.unary(Op::kNot, is_fault(b, old));
    out.fine = b.binary(Op::kAnd, before, b.unary(Op::kNot, is_fault(b, now)));
    const Record next = choose(b, before, now, old);
    for (std::size_t k = 0; k < 4; ++k) {
      if (there[k]) out.results.push_back(next.*kFields[k]);
    }
    return out;
  }

  static Value kept_if_not(Builder& b, Value fine, Value next, Value old) {
    return b.select(b.broadcast_to(fine, b.type(old).shape), next, old);
  }

  void loop(Value v, const Values& x) {
    LoopAttr a = f_.attr_as<LoopAttr>(v);
    a.keep = {};  // for derivatives, which are taken before
    a.inverse = nullptr;
    const ExposedBody body = expose(*a.body, {.loop = true});
    if (!body.any()) {
      a.body = body.f;
      return keep(v, b_.loop(a, x), {});
    }
    const Function& old = *a.body;
    const auto invariants = static_cast<std::size_t>(a.invariants);
    const auto carries = static_cast<std::size_t>(a.carries);
    const auto inputs = static_cast<std::size_t>(a.inputs);
    const Fields there = carried_fields(body);
    Builder step(old.name());
    Values seen, carried, operands;
    const auto param = [&](std::size_t k) {
      seen.push_back(step.param(old.param_type(k), old.param_names()[k]));
    };
    for (std::size_t k = 0; k <= invariants + carries; ++k) param(k);
    operands.assign(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(invariants + carries));
    for (std::size_t k = 0; k < 4; ++k) {
      if (!there[k]) continue;
      carried.push_back(step.param(scalar(DType::kI64)));
      operands.push_back(b_.constant_i64(kDefaults[k]));
    }
    for (std::size_t k = 0; k < inputs; ++k) param(invariants + carries + k + 1);
    operands.insert(operands.end(), x.begin() + static_cast<std::ptrdiff_t>(invariants + carries),
                    x.end());
    const Values made = step.inline_call(*body.f, seen);
    const std::size_t n = old.results().size();
    const Frozen frozen = freeze(step, body, made, n, carried, seen[0]);
    Values next;
    for (std::size_t k = 0; k < carries; ++k) {
      next.push_back(kept_if_not(step, frozen.fine, made[k], seen[1 + invariants + k]));
    }
    next.insert(next.end(), frozen.results.begin(), frozen.results.end());
    next.insert(next.end(), made.begin() + a.carries,
                made.begin() + static_cast<std::ptrdiff_t>(n));
    a.carries += static_cast<std::int64_t>(carried.size());
    a.body = step.finish(next);
    Values results = b_.loop(a, operands);
    const Record record = record_at(results, carries, there);
    results.erase(results.begin() + static_cast<std::ptrdiff_t>(carries),
                  results.begin() + a.carries);
    keep(v, results, record);
  }

  void while_loop(Value v, const Values& x) {
    WhileAttr a = f_.attr_as<WhileAttr>(v);
    const ExposedBody body = expose(*a.body, {.loop = true});
    if (!body.any()) {
      a.body = body.f;
      return keep(v, b_.while_loop(a, x), {});
    }
    const Function& old = *a.body;
    const auto invariants = static_cast<std::size_t>(a.invariants);
    const auto carries = static_cast<std::size_t>(a.carries);
    const Fields there = carried_fields(body);
    Builder step(old.name()), condition(a.condition->name());
    Values seen, seen_by_condition, carried, site;
    for (std::size_t k = 0; k < old.params().size(); ++k) {
      seen.push_back(step.param(old.param_type(k), old.param_names()[k]));
      seen_by_condition.push_back(condition.param(old.param_type(k)));
    }
    Values operands = x;
    for (std::size_t k = 0; k < 4; ++k) {
      if (!there[k]) continue;
      carried.push_back(step.param(scalar(DType::kI64)));
      site.push_back(condition.param(scalar(DType::kI64)));
      operands.push_back(b_.constant_i64(kDefaults[k]));
    }
    const Value fine = condition.eq(site[0], condition.constant_i64(kNoFault));
    const Value goes_on = condition.inline_call(*a.condition, seen_by_condition)[0];
    a.condition = condition.finish({condition.binary(Op::kAnd, fine, goes_on)});
    const Values made = step.inline_call(*body.f, seen);
    const Frozen frozen = freeze(step, body, made, carries, carried, seen[0]);
    Values next;
    for (std::size_t k = 0; k < carries; ++k) {
      next.push_back(kept_if_not(step, frozen.fine, made[k], seen[1 + invariants + k]));
    }
    next.insert(next.end(), frozen.results.begin(), frozen.results.end());
    a.carries += static_cast<std::int64_t>(carried.size());
    a.body = step.finish(next);
    Values results = b_.while_loop(a, operands);
    const Record record = record_at(results, carries, there);
    // The iteration that faulted is not counted: it did nothing.
    const Value count = b_.sub(results.back(), b_.cast(is_fault(b_, record), DType::kI64));
    results.resize(carries);
    results.push_back(count);
    keep(v, results, record);
  }

  void cond(Value v, const Values& x) {
    const auto& a = f_.attr_as<CondAttr>(v);
    const ExposedBody yes = expose(*a.on_true, {}), no = expose(*a.on_false, {});
    Fields there{};
    for (std::size_t k = 0; k < 4; ++k) there[k] = yes.there[k] || no.there[k];
    const std::size_t n = a.on_true->results().size();
    const CondAttr both{with_fields(yes, n, there), with_fields(no, n, there)};
    const Values made = b_.cond(both, x);
    keep(v, made, record_at(made, n, there));
  }

  /// An exposed body that gives all of these fields.
  static FunctionPtr with_fields(const ExposedBody& body, std::size_t n, const Fields& there) {
    Builder b(body.f->name());
    Values params;
    for (std::size_t k = 0; k < body.f->params().size(); ++k) {
      params.push_back(b.param(body.f->param_type(k), body.f->param_names()[k]));
    }
    Values made = b.inline_call(*body.f, params);
    const Record record = record_at(made, n, body.there);
    made.resize(n);
    for (std::size_t k = 0; k < 4; ++k) {
      if (there[k]) made.push_back(field(b, record, k));
    }
    return b.finish(made);
  }

  Builder& b_;
  const Function& f_;
  std::map<std::int64_t, FaultSite>& sites_;
  const Within within_;
  Values images_;
  std::map<std::uint32_t, Values> results_;
  std::vector<Failed> failed_;
  Record record_;  ///< of second-order ops so far
};

}  // namespace

Exposed expose_faults(const Function& given) {
  const FunctionPtr inlined = inline_calls(given);
  std::map<std::int64_t, FaultSite> sites;
  Builder b(given.name());
  Values params;
  for (std::size_t k = 0; k < inlined->params().size(); ++k) {
    params.push_back(b.param(inlined->param_type(k), inlined->param_names()[k]));
  }
  Record record;
  Values results = Exposer(b, *inlined, sites).run(params, record);
  Values parts;
  for (std::size_t k : {std::size_t{1}, std::size_t{2}, std::size_t{0}, std::size_t{3}}) {
    parts.push_back(b.reshape(field(b, record, k), Shape{1}));
  }
  results.push_back(b.concatenate(parts, 0));
  Exposed out;
  out.program = b.finish(results);
  for (auto& [number, site] : sites) out.sites.push_back(std::move(site));
  return out;
}

}  // namespace cotangent::transform
