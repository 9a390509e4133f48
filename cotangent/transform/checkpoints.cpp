#include "cotangent/transform/checkpoints.h"

#include <algorithm>

namespace cotangent::transform {

using namespace ir;

namespace {

const Type kIndex = scalar(DType::kI64);

}  // namespace

Value steps_to_advance(Builder& b, Value n, Value d) {
  // beta(d, r), r for the least r with n <= beta(d, r).
  WhileAttr search;
  search.invariants = 2;
  search.carries = 2;
  const auto inside = [](Builder& s, auto result) {
    s.param(kIndex);
    const Value n = s.param(kIndex, "n"), d = s.param(kIndex, "d");
    const Value beta = s.param(kIndex, "beta"), r = s.param(kIndex, "r");
    return s.finish(result(n, d, beta, r));
  };
  Builder more("is_less"), next("next_r");
  search.condition =
      inside(more, [&](Value n, Value, Value beta, Value) { return Values{more.lt(beta, n)}; });
  search.body = inside(next, [&](Value, Value d, Value beta, Value r) {
    const Value up = next.add(r, next.constant_i64(1));
    return Values{next.div(next.mul(beta, next.add(d, up)), up), up};
  });
  const Value start[] = {n, d, b.constant_i64(1), b.constant_i64(0)};
  const Values found = b.while_loop(search, start);
  const Value one = b.constant_i64(1), both = b.add(d, found[1]);
  const Value left = b.div(b.mul(found[0], found[1]), both);    // beta(d, r - 1)
  const Value right = b.div(b.mul(left, d), b.sub(both, one));  // beta(d - 1, r - 1)
  const Value most = b.binary(Op::kMin, left, b.sub(n, right));
  return b.binary(Op::kMax, one, b.binary(Op::kMin, most, b.sub(n, one)));
}

std::int64_t steps_to_advance(std::int64_t n, std::int64_t d) {
  std::int64_t beta = 1, r = 0;
  while (beta < n) {
    ++r;
    beta = beta * (d + r) / r;
  }
  const std::int64_t left = beta * r / (d + r);       // beta(d, r - 1)
  const std::int64_t right = left * d / (d + r - 1);  // beta(d - 1, r - 1)
  return std::max<std::int64_t>(1, std::min({left, n - right, n - 1}));
}

Checkpoints::Checkpoints(FunctionPtr step, std::size_t invariants, std::int64_t trip,
                         std::int64_t slots)
    : step_(std::move(step)), invariants_(invariants), trip_(trip), slots_(slots) {}

Values Checkpoints::begin(Builder& b, std::span<const Value> carries) const {
  Values stack;
  for (Value x : carries) {
    const Type t = b.type(x);
    const Value first = b.reshape(x, t.shape.with_leading(1));
    const Value parts[] = {first, b.zeros(t.with_shape(t.shape.with_leading(slots_ - 1)))};
    stack.push_back(slots_ > 1 ? b.concatenate(parts, 0) : first);
  }
  stack.push_back(b.zeros({DType::kI64, Shape{slots_}}));
  stack.push_back(b.constant_i64(0));
  return stack;
}

/// The last entry: the carries, then their step.
Values Checkpoints::top_of(Builder& b, std::span<const Value> stack) const {
  Values entry;
  for (std::size_t k = 0; k <= carries(); ++k) entry.push_back(b.gather(stack[k], stack.back()));
  return entry;
}

Values Checkpoints::advance(Builder& b, std::span<const Value> invariants,
                            std::span<const Value> state, Value from, Value count) const {
  LoopAttr loop;
  loop.trip = trip_;
  loop.dynamic = true;
  loop.invariants = static_cast<std::int64_t>(invariants_);
  loop.carries = static_cast<std::int64_t>(carries());
  loop.body = step_;
  Values operands(invariants.begin(), invariants.end());
  operands.insert(operands.end(), state.begin(), state.begin() + loop.carries);
  operands.push_back(from);
  operands.push_back(count);
  return b.loop(loop, operands);
}

Checkpoints::State Checkpoints::at(Builder& b, std::span<const Value> invariants,
                                   std::span<const Value> stack, Value step) const {
  WhileAttr fill;
  fill.invariants = static_cast<std::int64_t>(invariants_) + 1;
  fill.carries = static_cast<std::int64_t>(stack.size());
  fill.limit = slots_;
  // Both bodies: (iteration, invariants..., step, stack...).
  const auto body = [&](const char* name, auto results) {
    Builder f(name);
    f.param(kIndex);
    Values inside, held;
    for (Value x : invariants) inside.push_back(f.param(b.type(x)));
    const Value wanted = f.param(kIndex, "step");
    for (Value x : stack) held.push_back(f.param(b.type(x)));
    return f.finish(results(f, inside, wanted, held));
  };
  fill.condition =
      body("wants_entry", [&](Builder& f, const Values&, Value wanted, const Values& held) {
        const Value at = f.gather(held[carries()], held.back());
        const Value room = f.lt(held.back(), f.constant_i64(slots_ - 1));
        return Values{f.binary(Op::kAnd, f.lt(at, wanted), room)};
      });
  fill.body =
      body("add_entry", [&](Builder& f, const Values& inside, Value wanted, const Values& held) {
        const Values entry = top_of(f, held);
        const Value from = entry.back(), one = f.constant_i64(1);
        const Value n = f.add(f.sub(wanted, from), one);
        const Value places = f.sub(f.constant_i64(slots_), held.back());
        const Value count = steps_to_advance(f, n, places);
        Values next = advance(f, inside, entry, from, count);
        next.push_back(f.add(from, count));
        const Value place[] = {f.add(held.back(), one)};
        Values out;
        for (std::size_t k = 0; k < next.size(); ++k) {
          out.push_back(f.scatter_set(held[k], next[k], place));
        }
        out.push_back(place[0]);
        return out;
      });
  Values operands(invariants.begin(), invariants.end());
  operands.push_back(step);
  operands.insert(operands.end(), stack.begin(), stack.end());
  Values filled = b.while_loop(fill, operands);
  filled.pop_back();  // how often
  const Values entry = top_of(b, filled);
  const Value left = b.sub(step, entry.back());
  State state{advance(b, invariants, entry, entry.back(), left), filled};
  // An entry of this very step is not needed any more.
  const Value zero = b.constant_i64(0);
  const Value less = b.binary(Op::kMax, b.sub(filled.back(), b.constant_i64(1)), zero);
  state.stack.back() = b.select(b.eq(left, zero), less, filled.back());
  return state;
}

}  // namespace cotangent::transform
