// sum, prod, min_over, max_over.
//
//   one index        map: total for sum; for the others stacked, then reduced
//   i<j, i!=j        sum: pair_sum; the others: a map over j inside a map over i, with a condition
//   i<j<k            map over the list of all triples
//
// A body is traced into a scope of its own; closing the scope gives the operation. A reduction none
// of whose operands depend on an index further out is noted outside of it.
#include <algorithm>
#include <limits>

#include "cotangent/lang/names.h"
#include "cotangent/lang/tracer.h"

namespace cotangent::lang {
namespace {

constexpr std::int64_t kMaxRange = std::int64_t{1} << 31;
constexpr std::int64_t kMaxStacked = 125'000'000;  // 1e9 bytes
constexpr std::int64_t kMaxTriples = 1'000'000;
constexpr int kMaxNestedReductions = 16;

double neutral(const std::string& reduction) {
  if (reduction == "sum") return 0;
  if (reduction == "prod") return 1;
  const double infinity = std::numeric_limits<double>::infinity();
  return reduction == "min_over" ? infinity : -infinity;
}

ir::Op reduce_op(const std::string& reduction) {
  if (reduction == "prod") return ir::Op::kReduceProd;
  return reduction == "min_over" ? ir::Op::kReduceMin : ir::Op::kReduceMax;
}

}  // namespace

TracedValue Tracer::eval_reduce(const Expr& e) {
  const ReduceParts& r = *e.reduce;
  at(e);
  if (r.form == IndexForm::kList) {
    fail(text(), r.index_begin, r.index_end,
         "a reduction over the list '" + r.list.name +
             "' needs [lists], which come with a later "
             "version",
         "i, i<j, i!=j, i<j<k or i in a..b",
         "keep the indices in an integer array of [parameters] and write sum(i in 0..len(a), ...)");
  }
  check_index_names(text(), r.indices);
  if (innermost() >= kMaxNestedReductions) {
    refuse(e, "reductions are nested more than " + std::to_string(kMaxNestedReductions) + " deep",
           "fewer reductions inside each other");
  }
  if (r.form == IndexForm::kLess || r.form == IndexForm::kUnequal) return reduce_pairs(e);
  if (r.form == IndexForm::kTriple) return reduce_triples(e);

  Reduction reduction;
  reduction.e = &e;
  reduction.names = {r.indices[0].name};
  reduction.filters = conjuncts(r.filter);
  reduction.body = [this, &r] { return eval(*r.body); };
  if (r.form == IndexForm::kOver) {
    reduction.domains = {IndexDomain::range(0, infer_range(e))};
    return reduce_map(std::move(reduction));
  }
  const auto bound = [&](const Expr& b) {
    const TracedValue v = eval(b);
    if (v.kind == ValueKind::kInteger) return v.integer;
    refuse(b, "the end of a range is " + describe(v), "an integer",
           "ranges are made of integers, integer parameters, len(x) and indices further out");
  };
  const IntegerId low = bound(*r.low), high = bound(*r.high);
  at(e);
  const std::int64_t from = integers_.node(low).low, to = integers_.node(high).high;
  if (static_cast<Wide>(to) - from > kMaxRange) {
    refuse(e, "a range has " + std::to_string(to) + " - " + std::to_string(from) + " values",
           "at most " + std::to_string(kMaxRange), "run over a smaller range");
  }
  reduction.domains = {IndexDomain::range(from, to)};
  if (!integers_.constant_value(low) || !integers_.constant_value(high)) {
    // Ends that depend on an index further out: the widest range, and conditions.
    reduction.conditions = [this, low, high, name = r.indices[0].name] {
      const IntegerId i = find_local(name)->integer;
      return std::vector<IntegerId>{integers_.make(IntegerOp::kLessEqual, low, i),
                                    integers_.make(IntegerOp::kLess, i, high)};
    };
  }
  return reduce_map(std::move(reduction));
}

void Tracer::check_index_names(const SourceText& text,
                               const std::vector<IndexName>& indices) const {
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const IndexName& i = indices[k];
    const auto refuse_name = [&](const std::string& what) {
      fail(text, i.begin, i.end, "the index '" + i.name + "' " + what,
           "an index whose name nothing else has",
           "choose another name, such as " + std::string(i.name == "i" ? "j" : "i"));
    };
    if (is_reserved(i.name)) refuse_name("has a reserved name");
    if (names_.state_shape(i.name)) refuse_name("has the name of a part of the state");
    if (names_.parameter(i.name)) refuse_name("has the name of a parameter");
    if (names_.definition(i.name)) refuse_name("has the name of a definition");
    if (find_local(i.name)) refuse_name("is already in use here");
    for (std::size_t m = 0; m < k; ++m) {
      if (indices[m].name == i.name) refuse_name("is named twice");
    }
  }
}

std::vector<const Expr*> Tracer::conjuncts(const Expr* filter) const {
  if (!filter) return {};
  if (filter->kind == ExprKind::kChain && !filter->ops.empty() &&
      filter->ops[0] == Operator::kAnd) {
    return filter->children;
  }
  return {filter};
}

int Tracer::bind(const std::string& name, IndexDomain domain, int level, bool second) {
  const int slot = static_cast<int>(slots_.size());
  const IntegerId id = integers_.index(slot, domain.least(), domain.most());
  slots_.push_back({std::move(domain), level, second, name});
  frames_.back().locals.emplace_back(name, integer(id));
  return slot;
}

void Tracer::open_map(const Reduction& r) {
  const int level = innermost() + 1;
  scopes_.push_back({Scope(r.e->name, level), std::nullopt});
  scope(level).leaf(LeafKind::kIndexI, 0, ir::scalar(DType::kI64));
  for (std::size_t k = 0; k < r.names.size(); ++k) bind(r.names[k], r.domains[k], level, false);
}

void Tracer::close_scope(std::size_t bound) {
  scopes_.pop_back();
  slots_.resize(slots_.size() - bound);
  auto& locals = frames_.back().locals;
  locals.resize(locals.size() - bound);
}

/// Conditions made of the reduction's own integers shrink its domain. Each is tried in a scope that
/// is thrown away; what cannot be decided is left for the body.
void Tracer::decide_filters(Reduction& r, std::vector<const Expr*>& undecided) {
  for (const Expr* filter : r.filters) {
    const std::size_t bound = r.names.size();
    const std::size_t guards = guards_.size(), frames = frames_.size(), scopes = scopes_.size();
    const std::size_t slots = slots_.size(), locals = frames_.back().locals.size();
    const int depth = depth_;
    open_map(r);
    std::vector<std::int64_t> holds;
    try {
      const TracedValue c = eval(*filter);
      at(*r.e);
      const int level = innermost();
      if (c.kind == ValueKind::kBoolean && c.is_integer_only()) {
        const IntegerNode& n = integers_.node(c.integer);
        const auto group = group_of(n.slots);
        if (n.slots == 0) {
          if (n.value == 0) {
            for (IndexDomain& d : r.domains) d = IndexDomain::range(0, 0);
          }
          close_scope(bound);
          continue;
        }
        if (group && group->level == level) holds = values_over(c.integer, *group);
      }
      close_scope(bound);
    } catch (const UserError&) {
      // It may only make sense once a later condition has cut the range; said again in the body.
      while (frames_.size() > frames) frames_.pop_back();
      while (scopes_.size() > scopes) scopes_.pop_back();
      guards_.resize(guards);
      slots_.resize(slots);
      frames_.back().locals.resize(locals);
      depth_ = depth;
    }
    if (holds.empty()) {
      undecided.push_back(filter);
      continue;
    }
    for (IndexDomain& d : r.domains) {
      std::vector<std::int64_t> kept;
      for (std::size_t k = 0; k < holds.size(); ++k) {
        if (holds[k] != 0) kept.push_back(d.value(static_cast<std::int64_t>(k)));
      }
      d = IndexDomain::of(std::move(kept));
    }
  }
}

/// The body where all conditions hold, the neutral element elsewhere.
TracedValue Tracer::filtered(const Expr& e, const std::vector<const Expr*>& filters,
                             const std::vector<IntegerId>& conditions,
                             const std::function<TracedValue()>& body) {
  const std::size_t guards = guards_.size();
  std::optional<Noted> holds;
  const auto require = [&](const TracedValue& c) {
    if (c.is_integer_only()) {
      guards_.push_back(c.integer);
      if (integers_.constant_value(c.integer) == 1) return;
    }
    const Noted x = to_bool(c);
    holds = holds ? emit(ir::Op::kAnd, {*holds, x}) : x;
  };
  for (IntegerId id : conditions) require(boolean(id));
  for (const Expr* filter : filters) {
    const TracedValue c = eval(*filter);
    if (c.kind != ValueKind::kBoolean) {
      refuse(*filter, "the condition after 'if' is " + describe(c), "a boolean",
             "write a comparison, such as i != 0");
    }
    at(*filter);
    require(c);
  }
  const TracedValue v = body();
  if (v.kind == ValueKind::kBoolean) {
    refuse(*e.reduce->body, e.name + " runs over booleans", "numbers",
           "where(c, 1, 0) makes a number; sum(i if c, 1) counts");
  }
  guards_.resize(guards);
  at(e);
  if (!holds) return v;
  const TracedValue x = to_real(v);
  const Noted other = constant(ir::Tensor::scalar_of(neutral(e.name)));
  return real(
      emit(ir::Op::kSelect, {broadcast(*holds, x.shape), x.noted, broadcast(other, x.shape)}));
}

/// Integers over indices that are all known: the result is an integer.
TracedValue Tracer::reduced_integers(const Reduction& r, const TracedValue& body) {
  const std::vector<std::int64_t> values = values_over(body.integer, Group{innermost(), false});
  const std::string& name = r.e->name;
  IntegerId result = integers_.constant(name == "sum" ? 0 : name == "prod" ? 1 : values.at(0));
  const IntegerOp op = name == "sum"        ? IntegerOp::kAdd
                       : name == "prod"     ? IntegerOp::kMul
                       : name == "min_over" ? IntegerOp::kMin
                                            : IntegerOp::kMax;
  // Wide in between: the order of the values must not decide whether they fit.
  Wide total = *integers_.constant_value(result);
  for (std::int64_t x : values) {
    switch (op) {
      case IntegerOp::kAdd: total += x; break;
      case IntegerOp::kMul: total *= x; break;
      case IntegerOp::kMin: total = std::min<Wide>(total, x); break;
      default: total = std::max<Wide>(total, x);
    }
    const Wide most = std::numeric_limits<std::int64_t>::max();
    if (op == IntegerOp::kMul && (total > most || total < -most)) break;
  }
  if (total > std::numeric_limits<std::int64_t>::max() ||
      total < -std::numeric_limits<std::int64_t>::max()) {
    refuse(*r.e, "the integer '" + text_of(*r.e) + "' does not fit in 64 bits", "a smaller integer",
           "make it a real: write 1.0*...");
  }
  return integer(integers_.constant(static_cast<std::int64_t>(total)));
}

TracedValue Tracer::reduce_map(Reduction r) {
  const Expr& e = *r.e;
  std::vector<const Expr*> undecided;
  decide_filters(r, undecided);
  const std::int64_t count = r.domains[0].count;
  at(e);
  if (count == 0 && e.name != "sum" && e.name != "prod") {
    refuse(e, e.name + " runs over nothing", "at least one value",
           "run over a range that is not empty");
  }
  if (e.name != "sum" && count > kMaxStacked) {
    refuse(e, e.name + " runs over " + std::to_string(count) + " values",
           "at most " + std::to_string(kMaxStacked), "run over a smaller range");
  }
  open_map(r);
  const std::size_t bound = r.names.size();
  const int level = innermost();
  const auto conditions = r.conditions ? r.conditions() : std::vector<IntegerId>{};
  const TracedValue body = filtered(e, undecided, conditions, r.body);
  // (A condition left over has made it a real.)
  if (body.kind == ValueKind::kInteger && count <= kMaxTriples) {
    const std::uint64_t own = ((std::uint64_t{1} << bound) - 1) << (slots_.size() - bound);
    const std::uint64_t slots = integers_.node(body.integer).slots;
    if ((slots & ~own) == 0) {
      const TracedValue total = reduced_integers(r, body);
      close_scope(bound);
      return total;
    }
  }
  const TracedValue x = to_real(body);
  if (e.name != "sum" && x.shape.rank() > 0) {
    refuse(*e.reduce->body, e.name + " runs over " + describe(body), "numbers",
           "take norm(...) or one entry");
  }
  if (count == 0) {
    const Shape shape = x.shape;
    close_scope(bound);
    return real(broadcast(constant(ir::Tensor::scalar_of(neutral(e.name))), shape));
  }
  const Scope::Closed closed = scope(level).close_body(import(x.noted, level).id);
  close_scope(bound);
  ir::MapAttr attr;
  attr.count = count;
  attr.rows = closed.rows_i;
  attr.roles = {e.name == "sum" ? ir::Role::kTotal : ir::Role::kStack};
  attr.body = closed.body;
  const Noted made = note_outside(closed, level, ir::Op::kMap, std::move(attr));
  if (e.name == "sum") return real(made);
  return real(emit(reduce_op(e.name), {made}, ir::AxesAttr{{0}}));
}

/// Notes an operation in the scope around the one just closed, or further out when its operands
/// come from there.
Noted Tracer::note_outside(const Scope::Closed& closed, int level, ir::Op op, ir::Attr attr) {
  std::vector<std::uint32_t> operands = closed.operands;
  int parent = level - 1;
  while (parent > 0) {
    std::vector<std::uint32_t> further;
    for (std::uint32_t id : operands) {
      std::uint32_t outer = scope(parent).invariant_of(id);
      if (const ir::Tensor* value = scope(parent).constant_value(id)) {
        outer = scope(parent - 1).constant(*value, span_);
      }
      if (outer == UINT32_MAX) break;
      further.push_back(outer);
    }
    if (further.size() != operands.size()) break;
    operands = std::move(further);
    --parent;
  }
  return {parent, scope(parent).note(op, std::move(operands), std::move(attr), {}, span_)};
}

// --- pairs and triples

TracedValue Tracer::reduce_pairs(const Expr& e) {
  const ReduceParts& r = *e.reduce;
  const std::int64_t count = infer_range(e);
  if (e.name != "sum") return reduce_nested_pairs(e, count);
  const ir::PairKind kind =
      r.form == IndexForm::kLess ? ir::PairKind::kLess : ir::PairKind::kUnequal;
  const int level = innermost() + 1;
  scopes_.push_back({Scope(e.name, level, true), kind});
  scope(level).leaf(LeafKind::kIndexI, 0, ir::scalar(DType::kI64));
  scope(level).leaf(LeafKind::kIndexJ, 0, ir::scalar(DType::kI64));
  bind(r.indices[0].name, IndexDomain::range(0, count), level, false);
  bind(r.indices[1].name, IndexDomain::range(0, count), level, true);
  const TracedValue body = filtered(e, conjuncts(r.filter), {}, [&] { return eval(*r.body); });
  const TracedValue x = to_real(body);
  const Scope::Closed closed = scope(level).close_body(import(x.noted, level).id);
  close_scope(2);
  ir::PairAttr attr;
  attr.count = count;
  attr.kind = kind;
  attr.rows_i = closed.rows_i;
  attr.rows_j = closed.rows_j;
  attr.roles = {ir::Role::kTotal};
  attr.body = closed.body;
  return real(note_outside(closed, level, ir::Op::kPairSum, std::move(attr)));
}

TracedValue Tracer::reduce_nested_pairs(const Expr& e, std::int64_t count) {
  const ReduceParts& r = *e.reduce;
  if (count < 2 && e.name != "prod") {
    refuse(e, e.name + " runs over nothing: there are no pairs among " + std::to_string(count),
           "at least one pair", "run over an array of two or more");
  }
  const std::string& i = r.indices[0].name;
  const std::string& j = r.indices[1].name;
  Reduction inner;
  inner.e = &e;
  inner.names = {j};
  inner.domains = {IndexDomain::range(0, count)};
  inner.filters = conjuncts(r.filter);
  inner.conditions = [this, &r, i, j] {
    const IntegerOp op = r.form == IndexForm::kLess ? IntegerOp::kLess : IntegerOp::kUnequal;
    return std::vector<IntegerId>{
        integers_.make(op, find_local(i)->integer, find_local(j)->integer)};
  };
  inner.body = [this, &r] { return eval(*r.body); };
  Reduction outer;
  outer.e = &e;
  outer.names = {i};
  outer.domains = {IndexDomain::range(0, count)};
  outer.body = [this, &inner] { return reduce_map(inner); };
  return reduce_map(std::move(outer));
}

TracedValue Tracer::reduce_triples(const Expr& e) {
  const ReduceParts& r = *e.reduce;
  const std::int64_t n = infer_range(e);
  const Wide wide = static_cast<Wide>(n) * (n - 1) * (n - 2) / 6;
  if (wide > kMaxTriples) {
    refuse(e, "there are too many triples among " + std::to_string(n),
           "at most " + std::to_string(kMaxTriples) + " triples (a length of 182)",
           "sum over pairs, or over neighbours with i in a..b");
  }
  std::vector<std::int64_t> values[3];
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) {
      for (std::int64_t k = j + 1; k < n; ++k) {
        values[0].push_back(i);
        values[1].push_back(j);
        values[2].push_back(k);
      }
    }
  }
  Reduction reduction;
  reduction.e = &e;
  for (std::size_t m = 0; m < 3; ++m) {
    reduction.names.push_back(r.indices[m].name);
    reduction.domains.push_back(IndexDomain::of(std::move(values[m])));
  }
  reduction.filters = conjuncts(r.filter);
  reduction.body = [this, &r] { return eval(*r.body); };
  return reduce_map(std::move(reduction));
}

}  // namespace cotangent::lang
