#include "cotangent/transform/pull_loop.h"

#include <algorithm>

namespace cotangent::transform {

using namespace ir;

void Puller::loop(Value node) {
  LoopReversal(*this, node).run();
}

LoopReversal::LoopReversal(Puller& puller, Value node)
    : p_(puller),
      b_(puller.b_),
      node_(node),
      a_(puller.f_.attr_as<LoopAttr>(node)),
      x_(puller.f_.operands(node)),
      given_(puller.result_cts_[node.id]),
      linear_results_(puller.linear_results_[node.id]),
      invariants_(static_cast<std::size_t>(a_.invariants)),
      carries_(static_cast<std::size_t>(a_.carries)),
      inputs_(static_cast<std::size_t>(a_.inputs)),
      line_{DType::kI64, Shape{a_.trip}},
      keep_(choose_keep(puller.f_, node, linear_results_).keep.kind),
      inner_(b_, a_.body->name() + "_t"),
      params_(size() + 1),
      cts_(given_.size()),
      sums_(size()),
      after_(carries_),
      input_given_(size(), false) {
  attr_.trip = a_.trip;
  attr_.dynamic = a_.dynamic;
}

void LoopReversal::run() {
  if (a_.trip == 0) return pass_carries_through();
  find_count();
  for (std::size_t k = 0; k < carries_; ++k) {
    if (linear_results_[k] && !linear(carry(k))) p_.want_zero(x_[carry(k)], Op::kLoop);
  }
  inner_.index(step_);
  if (keep_ == KeepKind::kBinomial) make_checkpoints();
  add_invariants();
  add_carries();
  add_inputs();
  Builder& body = inner_.open();
  // The reversed loop's index counts from 0 (`first` is 0 for it).
  params_[0] = body.sub(last_, step_);
  rebuild_carries(body);
  const Values results = reverse_step(body);
  if (results.empty()) return;
  attr_.body = body.finish(results);
  Values outside = inner_.operands();
  if (a_.dynamic) {
    outside.push_back(b_.constant_i64(0));
    outside.push_back(count_);
  }
  hand_out(make_loop(std::move(outside)));
}

/// A sum for an invariant is an array of the invariant's size in every lane. Where a step does
/// nothing to it but scatter a few updates, they are outputs instead, scattered after the loop: the
/// map around finds that and scatters outside of all lanes.
Values LoopReversal::make_loop(Values operands) {
  const FunctionPtr whole = attr_.body;
  const Function& f = *whole;
  const auto carries = static_cast<std::size_t>(attr_.carries);
  const auto first_carry = static_cast<std::size_t>(attr_.invariants);
  std::size_t sum = 0;  // the carry that is the next linear invariant's sum
  for (std::size_t k = 0; k < carries_; ++k) sum += linear_results_[k] ? 1 : 0;
  Flags scattered(carries, false);
  bool any = false;
  const std::vector<int> uses = p_.options_.lanes ? use_counts(f) : std::vector<int>();
  for (std::size_t k = 0; p_.options_.lanes && k < invariants_; ++k) {
    if (!linear(k)) continue;
    const std::size_t c = sum++;
    const Value so_far = f.params()[1 + first_carry + c], next = f.results()[c];
    if (f.op(next) != Op::kScatterAdd || f.operand(next, 0) != so_far || uses[so_far.id] != 1) {
      continue;
    }
    const Type updates = f.type(f.operand(next, 1));
    scattered[c] = updates.shape.rank() < Shape::kMaxRank &&
                   updates.size() <= f.type(next).size() / std::max<std::int64_t>(attr_.trip, 1);
    any = any || scattered[c];
  }
  if (!any) return b_.loop(attr_, operands);

  Builder body(f.name());
  Values params(f.params().size()), wanted, kept;
  for (std::size_t k = 0; k < params.size(); ++k) {
    const std::size_t c = k - 1 - first_carry;  // wraps before the first
    if (c < carries && scattered[c]) continue;
    params[k] = body.param(f.param_type(k), f.param_names()[k]);
  }
  for (std::size_t r = 0; r < f.results().size(); ++r) {
    if (r >= carries || !scattered[r]) wanted.push_back(f.results()[r]);
  }
  const std::size_t before = wanted.size();
  for (std::size_t c = 0; c < carries; ++c) {
    if (!scattered[c]) continue;
    const auto all = f.operands(f.results()[c]);
    wanted.insert(wanted.end(), all.begin() + 1, all.end());
    --attr_.carries;
  }
  attr_.every.resize(attr_.every.size() + wanted.size() - before, 1);
  attr_.body = body.finish(clone(body, f, params, wanted));
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const std::size_t c = k - first_carry;
    if (c >= carries || !scattered[c]) kept.push_back(operands[k]);
  }
  const Values made = b_.loop(attr_, kept);
  Values all;  // as the whole loop would give them
  std::size_t next = 0, next_scattered = before;
  for (std::size_t r = 0; r < f.results().size(); ++r) {
    if (r >= carries || !scattered[r]) {
      all.push_back(made[next++]);
      continue;
    }
    const std::size_t n = f.operands(f.results()[r]).size() - 1;
    const std::span<const Value> stacked(made.data() + next_scattered, n);
    all.push_back(b_.scatter_add(operands[first_carry + r], stacked[0], stacked.subspan(1)));
    next_scattered += n;
  }
  attr_.carries = static_cast<std::int64_t>(carries);  // hand_out reads the whole loop's
  return all;
}

void LoopReversal::pass_carries_through() {
  for (std::size_t k = 0; k < carries_; ++k) p_.add_to(x_[carry(k)], given_[k]);
}

void LoopReversal::find_count() {
  if (!a_.dynamic) return;
  const std::size_t n = size();
  if (linear(n) || linear(n + 1)) Puller::refuse(Op::kLoop, "its count is linear");
  first_ = copied(n);
  count_ = b_.binary(Op::kMin, copied(n + 1), b_.constant_i64(a_.trip));
  count_ = b_.binary(Op::kMax, count_, b_.constant_i64(0));
}

/// Rows, one a step, in the order of the reversed loop: its step k undoes step count-1-k.
Value LoopReversal::turned(Value rows) {
  if (!a_.dynamic) return b_.reverse(rows, {0});
  const Value last = b_.broadcast_to(b_.sub(count_, b_.constant_i64(1)), line_.shape);
  return b_.gather(rows, b_.sub(last, b_.iota(line_, 0)));
}

/// The cotangent of a per-step output, one row a step: zero at the steps that emit nothing.
Value LoopReversal::expand_output(Value ct, std::int64_t every) {
  const Type t = b_.type(ct);
  const Shape row = t.shape.row();
  if (!a_.dynamic) {
    if (every == 1) return ct;
    Dims low(static_cast<std::size_t>(t.shape.rank()), 0), high = low, interior = low;
    low[0] = interior[0] = every - 1;
    const Value spread = b_.pad(ct, b_.constant(0.0, t.dtype), low, high, interior);
    return b_.slice_rows(spread, 0, a_.trip);
  }
  // Iteration first + k emits into slot (first + k + 1)/every - first/every - 1.
  const auto spread = [&](Value s) { return b_.broadcast_to(s, line_.shape); };
  const Value k = b_.iota(line_, 0);
  const Value next = b_.add(b_.add(spread(first_), k), b_.splat(1, line_));
  const Value step = b_.splat(static_cast<double>(every), line_);
  const Value slot =
      b_.sub(b_.sub(b_.div(next, step), spread(b_.div(first_, b_.constant_i64(every)))),
             b_.splat(1, line_));
  const Value emits = b_.binary(Op::kAnd, b_.eq(b_.binary(Op::kMod, next, step), b_.zeros(line_)),
                                b_.lt(k, spread(count_)));
  const Type rows = t.with_shape(row.with_leading(a_.trip));
  return b_.select(b_.broadcast(emits, rows.shape, {0}), b_.gather(ct, slot), b_.zeros(rows));
}

/// The part of the body that is not linear, as the step that checkpoints advance by: it counts from
/// 0 and reads count and first, the invariants, and its inputs as whole arrays.
void LoopReversal::make_checkpoints() {
  advancing_ = {a_.dynamic ? count_ : b_.constant_i64(a_.trip),
                a_.dynamic ? first_ : b_.constant_i64(0)};
  Flags params(size() + 1, true), results(carries_, false);
  for (std::size_t k = 0; k < size(); ++k) {
    const bool is_carry = k >= invariants_ && k < first_input();
    params[k + 1] = is_carry ? !linear_results_[k - invariants_] : !linear(k);
    if (params[k + 1] && !is_carry) advancing_.push_back(copied(k));
  }
  for (std::size_t k = 0; k < carries_; ++k) results[k] = !linear_results_[k];
  const FunctionPtr part = part_of(*a_.body, params, results);
  Builder b(a_.body->name() + "_again");
  const Value local = b.param(scalar(DType::kI64), "step");
  Values invariants, rows, carries;
  for (std::size_t k = 0; k < advancing_.size(); ++k) {
    invariants.push_back(b.param(b_.type(advancing_[k])));
  }
  for (std::size_t k = 0; k < carries_; ++k) {
    if (results[k]) carries.push_back(b.param(a_.body->param_type(carry(k) + 1)));
  }
  Values arguments{b.add(invariants[1], local)};
  std::size_t next = 2, next_carry = 0;
  for (std::size_t k = 0; k < size(); ++k) {
    if (!params[k + 1]) continue;
    if (k < invariants_) {
      arguments.push_back(invariants[next++]);
    } else if (k < first_input()) {
      arguments.push_back(carries[next_carry++]);
    } else {
      arguments.push_back(b.gather(invariants[next++], local));
    }
  }
  checkpoints_.emplace(b.finish(b.inline_call(*part, arguments)), invariants.size(), a_.trip,
                       choose_keep(p_.f_, node_, linear_results_).keep.number);
}

void LoopReversal::add_invariants() {
  for (std::size_t k = 0; k < invariants_; ++k) {
    if (!linear(k)) inner_.invariant(copied(k), params_[k + 1]);
  }
  const Value last = a_.dynamic ? b_.sub(b_.add(first_, count_), b_.constant_i64(1))
                                : b_.constant_i64(a_.trip - 1);
  inner_.invariant(last, last_);
  advancing_inside_.resize(advancing_.size());
  for (std::size_t k = 0; k < advancing_.size(); ++k) {
    inner_.invariant(advancing_[k], advancing_inside_[k]);
  }
  attr_.invariants = inner_.take_count();
}

/// Cotangents of linear carries, sums for linear invariants, and what steps back.
void LoopReversal::add_carries() {
  const auto zeros_like = [&](Value x) { return b_.zeros(p_.f_.type(x)); };
  for (std::size_t k = 0; k < carries_; ++k) {
    if (!linear_results_[k]) continue;
    inner_.carry(given_[k].valid() ? given_[k].value : zeros_like(x_[carry(k)]), cts_[k].value);
  }
  for (std::size_t k = 0; k < invariants_; ++k) {
    if (!linear(k)) continue;
    // On top of what has come so far, so that blocks of steps add in the order of steps.
    const Cotangent held = p_.clean(std::exchange(p_.ct_[x_[k].id], {}));
    inner_.carry(held.valid() ? held.value : zeros_like(x_[k]), sums_[k]);
  }
  if (keep_ == KeepKind::kReverse) {
    for (std::size_t k = 0; k < carries_; ++k) {
      if (!linear_results_[k]) inner_.carry(p_.copied_results_[node_.id][k], after_[k]);
    }
  }
  if (checkpoints_) {
    Values start;
    for (std::size_t k = 0; k < carries_; ++k) {
      if (!linear_results_[k]) start.push_back(copied(carry(k)));
    }
    const Values stack = checkpoints_->begin(b_, start);
    stack_.resize(stack.size());
    for (std::size_t k = 0; k < stack.size(); ++k) inner_.carry(stack[k], stack_[k]);
  }
  attr_.carries = inner_.take_count();
}

/// Kept carries, inputs that are not linear, cotangents of outputs.
void LoopReversal::add_inputs() {
  if (!checkpoints_ && keep_ != KeepKind::kReverse) {
    const Values& kept = p_.loops_.at(node_.id).kept;
    for (std::size_t k = 0; k < carries_; ++k) {
      if (!linear_results_[k]) inner_.row(turned(kept[k]), params_[carry(k) + 1]);
    }
  }
  for (std::size_t k = first_input(); k < size(); ++k) {
    if (!linear(k)) inner_.row(turned(copied(k)), params_[k + 1]);
  }
  records_ = p_.loops_.at(node_.id).inside;
  each_value(records_, [&](Value& v) {
    const Value rows = turned(v);
    inner_.row(rows, v);
  });
  for (std::size_t k = carries_; k < given_.size(); ++k) {
    if (!given_[k].valid()) continue;
    inner_.row(turned(expand_output(given_[k].value, a_.every[k - carries_])), cts_[k].value);
  }
  attr_.inputs = inner_.take_count();
}

/// The carries at the start of the step, where they are not among the inputs.
void LoopReversal::rebuild_carries(Builder& b) {
  if (checkpoints_) {
    const Value count = advancing_inside_[0], one = b.constant_i64(1);
    const Value place = b.sub(b.sub(count, one), step_);
    Checkpoints::State state = checkpoints_->at(b, advancing_inside_, stack_, place);
    stack_ = std::move(state.stack);
    std::size_t next = 0;
    for (std::size_t k = 0; k < carries_; ++k) {
      if (!linear_results_[k]) params_[carry(k) + 1] = state.carries[next++];
    }
  }
  if (keep_ != KeepKind::kReverse) return;
  Values after = params_;
  for (std::size_t k = 0; k < carries_; ++k) after[carry(k) + 1] = after_[k];
  const Pulled before = pull_back(b, *a_.inverse, after, {});
  for (std::size_t k = 0; k < carries_; ++k) {
    if (linear_results_[k]) continue;
    if (!before.results[k].valid()) {
      Puller::refuse(Op::kLoop, "its inverse makes what is not linear from what is");
    }
    params_[carry(k) + 1] = before.results[k];
  }
}

/// The body's transpose. Gives the reversed loop's next carries, then its outputs.
Values LoopReversal::reverse_step(Builder& b) {
  Values begun(size() + 1);
  for (std::size_t k = 0; k < invariants_; ++k) begun[k + 1] = sums_[k];
  PullOptions options;
  options.begun = begun;
  options.lanes = p_.options_.lanes;
  if (!records_.empty()) options.given = &records_;
  const Pulled inside = pull_back(b, *a_.body, params_, cts_, options);
  for (std::size_t k = 0; k < carries_; ++k) {  // an affine carry is not linear
    const Value r = inside.results[k];
    if (linear_results_[k] && r.valid() && !is_zero(b.so_far(), r)) {
      Puller::refuse(Op::kLoop,
                     "a carry that depends on the linear parameters is set to something else");
    }
  }
  Values results;
  for (std::size_t k = 0; k < carries_; ++k) {
    if (!linear_results_[k]) continue;
    const Cotangent& ct = inside.params[carry(k) + 1];
    results.push_back(ct.valid() ? ct.value : b.zeros(a_.body->param_type(carry(k) + 1)));
  }
  for (std::size_t k = 0; k < invariants_; ++k) {
    if (linear(k)) results.push_back(inside.params[k + 1].value);
  }
  if (keep_ == KeepKind::kReverse) {
    for (std::size_t k = 0; k < carries_; ++k) {
      if (!linear_results_[k]) results.push_back(params_[carry(k) + 1]);
    }
  }
  results.insert(results.end(), stack_.begin(), stack_.end());
  for (std::size_t k = first_input(); k < size(); ++k) {
    if (!linear(k) || !inside.params[k + 1].valid()) continue;
    input_given_[k] = true;
    results.push_back(inside.params[k + 1].value);
    attr_.every.push_back(1);
  }
  return results;
}

void LoopReversal::hand_out(const Values& made) {
  std::size_t next = 0;
  for (std::size_t k = 0; k < carries_; ++k) {
    if (linear_results_[k]) p_.add_to(x_[carry(k)], {made[next++], {}});
  }
  for (std::size_t k = 0; k < invariants_; ++k) {
    if (linear(k)) p_.add_to(x_[k], {made[next++], {}});
  }
  next = static_cast<std::size_t>(attr_.carries);
  for (std::size_t k = first_input(); k < size(); ++k) {
    if (!input_given_[k]) continue;
    Value back = turned(made[next++]);
    if (a_.dynamic) {
      const Value reached = b_.lt(b_.iota(line_, 0), b_.broadcast_to(count_, line_.shape));
      const Type t = b_.type(back);
      back = b_.select(b_.broadcast(reached, t.shape, {0}), back, b_.zeros(t));
    }
    p_.add_to(x_[k], {back, {}});
  }
}

}  // namespace cotangent::transform
