// Transposes of the second-order ops. map: a stacked result's cotangent is a row operand, a total's
// an invariant; a row operand's cotangent is stacked, an invariant's is a total. pair_sum: likewise
// with rows at i and at j. The body's non-linear part is recomputed inside, so no buffer of the
// size of the pairs is made. loop: the forward loop keeps its carries; the reversed loop rebuilds
// the body's values from them and applies the body's transpose.
#include <algorithm>

#include "cotangent/transform/puller.h"

namespace cotangent::transform {

using namespace ir;

namespace {

std::size_t index_params(Op op) {
  return op == Op::kPairSum ? 2 : 1;
}

}  // namespace

FunctionPtr part_of(const Function& body, const Flags& params, const Flags& results,
                    const std::vector<std::size_t>& also) {
  Builder b(body.name());
  Values inside(body.params().size());
  for (std::size_t k = 0; k < inside.size(); ++k) {
    if (params[k]) inside[k] = b.param(body.param_type(k), body.param_names()[k]);
  }
  const Pulled part = pull_back(b, body, inside, {});
  Values wanted;
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (results[k]) wanted.push_back(part.results[k]);
  }
  for (std::size_t k : also) wanted.push_back(inside[k]);
  return b.finish(wanted);
}

Values copy_part(Builder& b, const Function& f, Value node, std::span<const Value> operands,
                 const Flags& results, Values* kept_carries) {
  const std::size_t n = results.size();
  Values out(n), kept;
  bool all = !kept_carries, none = true;
  for (Value x : operands) all = all && x.valid();
  for (bool r : results) {
    all = all && r;
    none = none && !r;
  }
  if (all) {
    const Value copied = b.copy(f, node, operands);
    for (std::size_t k = 0; k < n; ++k) out[k] = b.project(copied, static_cast<std::int64_t>(k));
    return out;
  }
  if (!is_second_order(f.op(node))) return out;  // every result depends on what was dropped
  if (is_control(f.op(node))) return copy_control_part(b, f, node, operands, results);
  Attr attr = f.attr(node);
  const FunctionPtr body = body_of(attr);
  const std::size_t offset = index_params(f.op(node));
  Flags params(body->params().size(), true);
  const auto count = [&](std::size_t begin, std::size_t end) {
    std::int64_t total = 0;
    for (std::size_t k = begin; k < end; ++k) total += params[k + offset] ? 1 : 0;
    return total;
  };
  for (std::size_t k = offset; k < params.size(); ++k) params[k] = operands[k - offset].valid();
  if (f.op(node) != Op::kLoop && none) return out;
  if (auto* a = std::get_if<MapAttr>(&attr)) {
    a->rows = count(0, static_cast<std::size_t>(a->rows));
  }
  if (auto* a = std::get_if<PairAttr>(&attr)) {
    const auto i = static_cast<std::size_t>(a->rows_i), j = static_cast<std::size_t>(a->rows_j);
    a->rows_i = count(0, i);
    a->rows_j = count(i, i + j);
  }
  std::vector<std::size_t> also;
  if (auto* a = std::get_if<LoopAttr>(&attr)) {
    const auto invariants = static_cast<std::size_t>(a->invariants);
    const auto carries = static_cast<std::size_t>(a->carries);
    const auto inputs = static_cast<std::size_t>(a->inputs);
    for (std::size_t k = 0; k < carries; ++k) params[offset + invariants + k] = results[k];
    a->invariants = count(0, invariants);
    a->carries = count(invariants, invariants + carries);
    a->inputs = count(invariants + carries, invariants + carries + inputs);
    std::vector<std::int64_t> every;
    for (std::size_t k = carries; k < n; ++k) {
      if (results[k]) every.push_back(a->every[k - carries]);
    }
    for (std::size_t k = 0; kept_carries && k < carries; ++k) {
      if (!results[k]) continue;
      also.push_back(offset + invariants + k);
      every.push_back(1);
    }
    a->every = every;
    for (std::size_t k = 0; k < operands.size() && k + offset < params.size(); ++k) {
      if (params[k + offset]) kept.push_back(operands[k]);
    }
    if (a->dynamic) kept.insert(kept.end(), operands.end() - 2, operands.end());
    if (none && also.empty()) {
      if (kept_carries) kept_carries->assign(carries, Value{});
      return out;
    }
    a->body = part_of(*body, params, results, also);
    const Values made = b.loop(*a, kept);
    std::size_t next = 0;
    for (std::size_t k = 0; k < n; ++k) {
      if (results[k]) out[k] = made[next++];
    }
    if (kept_carries) {
      kept_carries->assign(carries, Value{});
      for (std::size_t k = 0; k < carries; ++k) {
        if (results[k]) (*kept_carries)[k] = made[next++];
      }
    }
    return out;
  }
  for (Value x : operands) {
    if (x.valid()) kept.push_back(x);
  }
  const FunctionPtr part = part_of(*body, params, results);
  const auto pick = [&](std::vector<Role>& roles) {
    std::vector<Role> picked;
    for (std::size_t k = 0; k < n; ++k) {
      if (results[k]) picked.push_back(roles[k]);
    }
    roles = picked;
  };
  Values made;
  if (auto* a = std::get_if<MapAttr>(&attr)) {
    pick(a->roles);
    a->body = part;
    made = b.map(*a, kept);
  } else {
    auto& p = std::get<PairAttr>(attr);
    pick(p.roles);
    p.body = part;
    made = b.pair_sum(p, kept);
  }
  std::size_t next = 0;
  for (std::size_t k = 0; k < n; ++k) {
    if (results[k]) out[k] = made[next++];
  }
  return out;
}

namespace {

/// The parts of a sum: `scattered` into zeros, and the rest.
struct Parts {
  Values scattered;  // scatter_add nodes
  Value rest;
};

void take_apart(Builder& b, Value v, Parts& parts) {
  const Function& f = b.so_far();
  if (f.op(v) == Op::kAdd) {
    const Value x = f.operand(v, 0), y = f.operand(v, 1);
    take_apart(b, x, parts);
    take_apart(b, y, parts);
  } else if (f.op(v) == Op::kScatterAdd) {
    parts.scattered.push_back(v);
    take_apart(b, f.operand(v, 0), parts);
  } else if (!is_zero(f, v)) {
    parts.rest = parts.rest.valid() ? b.add(parts.rest, v) : v;
  }
}

}  // namespace

/// Pulls the body back and makes the op whose results are the linear operands' cotangents; operand
/// k's has role roles[k]. Masks come out beside them, as counts where the role sums.
template <class Attribute, class Make>
void Puller::finish_sum(Value node, BodyBuilder& inner, const Values& params,
                        const std::vector<Cotangent>& cts, const std::vector<Role>& roles,
                        Attribute attr, Make make) {
  const FunctionPtr body = body_of(f_.attr(node));
  const std::size_t offset = index_params(f_.op(node));
  Builder& bb = inner.open();
  Values results;
  attr.roles.clear();
  const auto operands = f_.operands(node);
  Pulled inside = pull_back(bb, *body, params, cts);
  // Where every index of a map scatters into an invariant's cotangent, the updates are stacked and
  // scattered once outside: the body makes no array of the invariant's size.
  std::vector<Parts> parts(operands.size());
  for (std::size_t k = 0; k < operands.size(); ++k) {
    Cotangent& ct = inside.params[k + offset];
    if (f_.op(node) != Op::kMap || roles[k] != Role::kTotal || !linear(operands[k]) ||
        !ct.valid()) {
      continue;
    }
    take_apart(bb, ct.value, parts[k]);
    if (parts[k].scattered.empty()) continue;
    const bool fits = std::all_of(
        parts[k].scattered.begin(), parts[k].scattered.end(),
        [&](Value s) { return bb.type(bb.so_far().operand(s, 1)).shape.rank() < Shape::kMaxRank; });
    if (!fits) {
      parts[k] = {};
      continue;
    }
    for (Value s : parts[k].scattered) {
      const auto all = bb.so_far().operands(s);
      for (std::size_t o = 1; o < all.size(); ++o) {
        results.push_back(all[o]);
        attr.roles.push_back(Role::kStack);
      }
    }
    ct = {parts[k].rest, {}};
  }
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Cotangent& ct = inside.params[k + offset];
    if (!linear(operands[k]) || !ct.valid()) continue;
    results.push_back(ct.value);
    attr.roles.push_back(roles[k]);
    if (!ct.mask.valid()) continue;
    results.push_back(roles[k] == Role::kStack ? ct.mask : bb.cast(ct.mask, kMaskCount));
    attr.roles.push_back(roles[k]);
  }
  if (results.empty()) return;
  std::vector<std::vector<std::size_t>> updates(operands.size());  // operand counts of scatters
  for (std::size_t k = 0; k < operands.size(); ++k) {
    for (Value s : parts[k].scattered) updates[k].push_back(bb.so_far().operands(s).size() - 1);
  }
  attr.body = bb.finish(results);
  const Values made = make(attr, inner.operands());
  std::size_t next = 0;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    for (std::size_t n : updates[k]) {
      const std::span<const Value> stacked(made.data() + next, n);
      const Value zeros = b_.zeros(f_.type(operands[k]));
      add_to(operands[k], {b_.scatter_add(zeros, stacked[0], stacked.subspan(1)), {}});
      next += n;
    }
  }
  // What comes back to one operand by two ways (its rows at i and at j) is added first.
  std::vector<std::pair<Value, Cotangent>> back;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Cotangent& ct = inside.params[k + offset];
    if (!linear(operands[k]) || !ct.valid()) continue;
    Cotangent outside{made[next++], {}};
    if (ct.mask.valid()) {
      outside.mask = made[next++];
      if (roles[k] != Role::kStack) {
        outside.mask = b_.ne(outside.mask, b_.zeros(b_.type(outside.mask)));
      }
    }
    const auto held = std::find_if(back.begin(), back.end(),
                                   [&](const auto& b) { return b.first == operands[k]; });
    if (held == back.end()) {
      back.emplace_back(operands[k], outside);
    } else {
      held->second = added(held->second, outside);
    }
  }
  for (const auto& [operand, ct] : back) add_to(operand, ct);
}

void Puller::map(Value node) {
  const auto& a = f_.attr_as<MapAttr>(node);
  const auto operands = f_.operands(node);
  const std::vector<Cotangent> given = result_cts_[node.id];
  const auto rows = static_cast<std::size_t>(a.rows);
  BodyBuilder inner(b_, a.body->name() + "_t");
  Values params(operands.size() + 1);
  std::vector<Cotangent> cts(given.size());
  std::vector<Role> roles;
  inner.index(params[0]);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    roles.push_back(k < rows ? Role::kStack : Role::kTotal);
  }
  MapAttr attr;
  attr.count = a.count;
  for (std::size_t k = 0; k < rows; ++k) {
    if (!linear(operands[k])) inner.row(of(operands[k]), params[k + 1]);
  }
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (!given[k].valid() || a.roles[k] != Role::kStack) continue;
    inner.row(given[k].value, cts[k].value);
    if (given[k].mask.valid()) inner.row(given[k].mask, cts[k].mask);
  }
  attr.rows = inner.take_count();
  for (std::size_t k = rows; k < operands.size(); ++k) {
    if (!linear(operands[k])) inner.invariant(of(operands[k]), params[k + 1]);
  }
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (!given[k].valid() || a.roles[k] != Role::kTotal) continue;
    inner.invariant(given[k].value, cts[k].value);
    if (given[k].mask.valid()) inner.invariant(given[k].mask, cts[k].mask);
  }
  finish_sum(node, inner, params, cts, roles, attr,
             [&](const MapAttr& m, const Values& o) { return b_.map(m, o); });
}

void Puller::pair_sum(Value node) {
  const auto& a = f_.attr_as<PairAttr>(node);
  const auto operands = f_.operands(node);
  const std::vector<Cotangent> given = result_cts_[node.id];
  const auto at_i = static_cast<std::size_t>(a.rows_i);
  const auto rows = at_i + static_cast<std::size_t>(a.rows_j);
  BodyBuilder inner(b_, a.body->name() + "_t");
  Values params(operands.size() + 2);
  std::vector<Cotangent> cts(given.size());
  std::vector<Role> roles;
  inner.index(params[0]);
  inner.index(params[1]);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    roles.push_back(k < at_i ? Role::kAtI : k < rows ? Role::kAtJ : Role::kTotal);
  }
  PairAttr attr;
  attr.count = a.count;
  attr.kind = a.kind;
  const auto add_rows = [&](std::size_t begin, std::size_t end, Role role) {
    for (std::size_t k = begin; k < end; ++k) {
      if (!linear(operands[k])) inner.row(of(operands[k]), params[k + 2]);
    }
    for (std::size_t k = 0; k < given.size(); ++k) {
      if (!given[k].valid() || a.roles[k] != role) continue;
      inner.row(given[k].value, cts[k].value);
      if (given[k].mask.valid()) inner.row(given[k].mask, cts[k].mask);
    }
  };
  add_rows(0, at_i, Role::kAtI);
  attr.rows_i = inner.take_count();
  add_rows(at_i, rows, Role::kAtJ);
  attr.rows_j = inner.take_count();
  for (std::size_t k = rows; k < operands.size(); ++k) {
    if (!linear(operands[k])) inner.invariant(of(operands[k]), params[k + 2]);
  }
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (!given[k].valid() || a.roles[k] != Role::kTotal) continue;
    inner.invariant(given[k].value, cts[k].value);
    if (given[k].mask.valid()) inner.invariant(given[k].mask, cts[k].mask);
  }
  finish_sum(node, inner, params, cts, roles, attr,
             [&](const PairAttr& p, const Values& o) { return b_.pair_sum(p, o); });
}

namespace {

/// Rows 0..n-1 of `x` in the order `index` (i64[n], clamped by gather).
Value rows_at(Builder& b, Value x, Value index) {
  return b.gather(x, index);
}

}  // namespace

/// The cotangent of a per-step output, one row a step: zero at the steps that emit nothing.
Value Puller::expand_output(Value ct, std::int64_t every, const LoopAttr& a, Value first,
                            Value count) {
  const Type t = b_.type(ct);
  const Shape row = t.shape.row();
  if (!a.dynamic) {
    if (every == 1) return ct;
    Dims low(static_cast<std::size_t>(t.shape.rank()), 0), high = low, interior = low;
    low[0] = interior[0] = every - 1;
    const Value spread = b_.pad(ct, b_.constant(0.0, t.dtype), low, high, interior);
    return b_.slice_rows(spread, 0, a.trip);
  }
  // Iteration first + k emits into slot (first + k + 1)/every - first/every - 1.
  const Type line{DType::kI64, Shape{a.trip}};
  const auto spread = [&](Value s) { return b_.broadcast_to(s, line.shape); };
  const Value k = b_.iota(line, 0);
  const Value next = b_.add(b_.add(spread(first), k), b_.splat(1, line));
  const Value step = b_.splat(static_cast<double>(every), line);
  const Value slot = b_.sub(
      b_.sub(b_.div(next, step), spread(b_.div(first, b_.constant_i64(every)))), b_.splat(1, line));
  const Value emits = b_.binary(Op::kAnd, b_.eq(b_.binary(Op::kMod, next, step), b_.zeros(line)),
                                b_.lt(k, spread(count)));
  const Type rows = t.with_shape(row.with_leading(a.trip));
  return b_.select(b_.broadcast(emits, rows.shape, {0}), rows_at(b_, ct, slot), b_.zeros(rows));
}

void Puller::loop(Value node) {
  const auto& a = f_.attr_as<LoopAttr>(node);
  if (a.trip == 0) {  // the carries pass through
    for (std::size_t k = 0; k < static_cast<std::size_t>(a.carries); ++k) {
      const Value init = operand(node, static_cast<std::size_t>(a.invariants) + k);
      add_to(init, result_cts_[node.id][k]);
    }
    return;
  }
  const auto operands = f_.operands(node);
  const std::vector<Cotangent> given = result_cts_[node.id];
  const Flags& linear_results = linear_results_[node.id];
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  const auto inputs = static_cast<std::size_t>(a.inputs);
  const std::size_t first_input = invariants + carries, n = first_input + inputs;
  Value first, count;
  if (a.dynamic) {
    if (linear(operands[n]) || linear(operands[n + 1])) refuse(Op::kLoop, "its count is linear");
    first = of(operands[n]);
    count = b_.binary(Op::kMin, of(operands[n + 1]), b_.constant_i64(a.trip));
    count = b_.binary(Op::kMax, count, b_.constant_i64(0));
  }
  for (std::size_t k = 0; k < carries; ++k) {
    if (linear_results[k] && !linear(operands[invariants + k])) {
      want_zero(operands[invariants + k], Op::kLoop);
    }
  }
  // Step k' of the reversed loop undoes step count-1-k'.
  const Type line{DType::kI64, Shape{a.trip}};
  const auto turned = [&](Value rows) {
    if (!a.dynamic) return b_.reverse(rows, {0});
    const Value last = b_.broadcast_to(b_.sub(count, b_.constant_i64(1)), line.shape);
    return rows_at(b_, rows, b_.sub(last, b_.iota(line, 0)));
  };

  BodyBuilder inner(b_, a.body->name() + "_t");
  Values params(n + 1);
  std::vector<Cotangent> cts(given.size());
  Values sums(n);    // running cotangents of linear invariants, inside
  Value step, last;  // the reversed loop's own index; the last iteration's index
  inner.index(step);
  LoopAttr attr;
  attr.trip = a.trip;
  attr.dynamic = a.dynamic;
  for (std::size_t k = 0; k < invariants; ++k) {
    if (!linear(operands[k])) inner.invariant(of(operands[k]), params[k + 1]);
  }
  const Value last_outside =
      a.dynamic ? b_.sub(b_.add(first, count), b_.constant_i64(1)) : b_.constant_i64(a.trip - 1);
  inner.invariant(last_outside, last);
  attr.invariants = inner.take_count();
  // Carries: cotangents of linear carries, then sums for linear invariants.
  const auto zeros_like = [&](Value x) { return b_.zeros(f_.type(x)); };
  for (std::size_t k = 0; k < carries; ++k) {
    if (!linear_results[k]) continue;
    inner.carry(given[k].valid() ? given[k].value : zeros_like(operands[invariants + k]),
                cts[k].value);
  }
  for (std::size_t k = 0; k < invariants; ++k) {
    if (linear(operands[k])) inner.carry(zeros_like(operands[k]), sums[k]);
  }
  attr.carries = inner.take_count();
  // Inputs, turned: kept carries, inputs that are not linear, outputs' cotangents.
  const Values& kept = kept_carries_[node.id];
  for (std::size_t k = 0; k < carries; ++k) {
    if (!linear_results[k]) inner.row(turned(kept[k]), params[invariants + k + 1]);
  }
  for (std::size_t k = first_input; k < n; ++k) {
    if (!linear(operands[k])) inner.row(turned(of(operands[k])), params[k + 1]);
  }
  for (std::size_t k = carries; k < given.size(); ++k) {
    if (!given[k].valid()) continue;
    const std::int64_t every = a.every[k - carries];
    inner.row(turned(expand_output(given[k].value, every, a, first, count)), cts[k].value);
  }
  attr.inputs = inner.take_count();

  Builder& bb = inner.open();
  // The index the reversed loop passes counts from 0 (`first` is 0 for it).
  params[0] = bb.sub(last, step);
  const Pulled inside = pull_back(bb, *a.body, params, cts);
  const auto value_or_zeros = [&](std::size_t param) {
    const Cotangent& ct = inside.params[param];
    return ct.valid() ? ct.value : bb.zeros(a.body->param_type(param));
  };
  for (std::size_t k = 0; k < carries; ++k) {  // an affine carry is not linear
    const Value r = inside.results[k];
    if (linear_results[k] && r.valid() && !is_zero(bb.so_far(), r)) {
      refuse(Op::kLoop, "a carry that depends on the linear parameters is set to something else");
    }
  }
  Values results;
  for (std::size_t k = 0; k < carries; ++k) {
    if (linear_results[k]) results.push_back(value_or_zeros(invariants + k + 1));
  }
  for (std::size_t k = 0; k < invariants; ++k) {
    if (!linear(operands[k])) continue;
    const Cotangent& ct = inside.params[k + 1];
    results.push_back(ct.valid() ? add_scattered(bb, sums[k], ct.value) : sums[k]);
  }
  for (std::size_t k = first_input; k < n; ++k) {
    if (!linear(operands[k]) || !inside.params[k + 1].valid()) continue;
    results.push_back(inside.params[k + 1].value);
    attr.every.push_back(1);
  }
  if (results.empty()) return;
  attr.body = bb.finish(results);
  Values outside = inner.operands();
  if (a.dynamic) {
    outside.push_back(b_.constant_i64(0));
    outside.push_back(count);
  }
  const Values made = b_.loop(attr, outside);
  std::size_t next = 0;
  for (std::size_t k = 0; k < carries; ++k) {
    if (linear_results[k]) add_to(operands[invariants + k], {made[next++], {}});
  }
  for (std::size_t k = 0; k < invariants; ++k) {
    if (linear(operands[k])) add_to(operands[k], {made[next++], {}});
  }
  for (std::size_t k = first_input; k < n; ++k) {
    if (!linear(operands[k]) || !inside.params[k + 1].valid()) continue;
    Value back = turned(made[next++]);
    if (a.dynamic) {
      const Value reached = b_.lt(b_.iota(line, 0), b_.broadcast_to(count, line.shape));
      const Type t = b_.type(back);
      back = b_.select(b_.broadcast(reached, t.shape, {0}), back, b_.zeros(t));
    }
    add_to(operands[k], {back, {}});
  }
}

}  // namespace cotangent::transform
