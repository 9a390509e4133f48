#include "cotangent/transform/keep.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cotangent/transform/passes.h"

namespace cotangent::transform {

using namespace ir;

namespace {

std::int64_t up_to_multiple(std::int64_t n, std::int64_t of) {
  return (n + of - 1) / of * of;
}

/// A block of whole outputs: the least common multiple of their cadences, more than the trip where
/// there is none.
std::int64_t cadence_of(const LoopAttr& a) {
  std::int64_t all = 1;
  for (std::int64_t every : a.every) {
    all = std::lcm(all, every);
    if (all > a.trip) return a.trip + 1;
  }
  return all;
}

/// The body with its iteration counted from `base`, which becomes the last invariant.
FunctionPtr counted_from_base(const Function& body, std::size_t invariants) {
  Builder b(body.name());
  const Value k = b.param(scalar(DType::kI64), body.param_names()[0]);
  Values arguments(1);
  const auto pass = [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      arguments.push_back(b.param(body.param_type(p), body.param_names()[p]));
    }
  };
  pass(1, 1 + invariants);
  const Value base = b.param(scalar(DType::kI64), "base");
  pass(1 + invariants, body.params().size());
  arguments[0] = b.add(base, k);
  return b.finish(b.inline_call(body, arguments));
}

/// A loop in blocks of `size` steps. Gives its results.
class Blocks {
 public:
  /// `keep`: of the loop over the steps of one block.
  Blocks(Builder& b, const LoopAttr& a, std::span<const Value> x, std::int64_t size, Keep keep)
      : b_(b),
        a_(a),
        x_(x),
        size_(size),
        keep_(keep),
        invariants_(static_cast<std::size_t>(a.invariants)),
        carries_(static_cast<std::size_t>(a.carries)),
        inputs_(static_cast<std::size_t>(a.inputs)) {}

  Values run() {
    const std::int64_t whole = a_.dynamic ? (a_.trip + size_ - 1) / size_ : a_.trip / size_;
    Values out = over_blocks(whole);
    if (!a_.dynamic && whole * size_ < a_.trip) add_rest(out, whole * size_);
    return out;
  }

 private:
  std::size_t first_input() const { return invariants_ + carries_; }

  /// The loop over the steps of one block.
  LoopAttr inner(std::int64_t trip) const {
    LoopAttr in = a_;
    in.keep = keep_;
    in.inverse = nullptr;
    in.trip = trip;
    if (!a_.dynamic) {
      in.invariants = a_.invariants + 1;
      in.body = counted_from_base(*a_.body, invariants_);
    }
    return in;
  }

  Values over_blocks(std::int64_t count) {
    const Type i64 = scalar(DType::kI64);
    LoopAttr outer;
    outer.trip = count;
    outer.invariants = a_.invariants + (a_.dynamic ? 2 : 0);
    outer.carries = a_.carries;
    outer.inputs = a_.inputs;
    outer.every.assign(a_.every.size(), 1);
    outer.dynamic = a_.dynamic;
    outer.keep = {KeepKind::kEvery, 1};
    Builder block(a_.body->name() + "_block");
    const Value number = block.param(i64, "block");
    Values inside, outside;
    const auto pass = [&](Value operand) {
      outside.push_back(operand);
      return block.param(b_.type(operand));
    };
    for (std::size_t k = 0; k < invariants_; ++k) inside.push_back(pass(x_[k]));
    Value first, steps;
    if (a_.dynamic) {
      first = pass(x_[x_.size() - 2]);
      const Value given = b_.binary(Op::kMin, x_[x_.size() - 1], b_.constant_i64(a_.trip));
      steps = pass(b_.binary(Op::kMax, given, b_.constant_i64(0)));
    }
    for (std::size_t k = 0; k < carries_; ++k) inside.push_back(pass(x_[invariants_ + k]));
    for (std::size_t k = 0; k < inputs_; ++k) {
      outside.push_back(in_blocks(x_[first_input() + k], count));
      inside.push_back(block.param(row_of(b_.type(outside.back()))));
    }
    const Value begin = block.mul(number, block.constant_i64(size_));
    if (!a_.dynamic) {
      inside.insert(inside.begin() + a_.invariants, begin);
    } else {
      inside.push_back(block.add(first, begin));
      inside.push_back(block.binary(Op::kMin, block.sub(steps, begin), block.constant_i64(size_)));
      const Value all = outside[invariants_ + 1];
      outside.push_back(b_.constant_i64(0));
      outside.push_back(b_.div(b_.add(all, b_.constant_i64(size_ - 1)), b_.constant_i64(size_)));
    }
    outer.body = block.finish(block.loop(inner(size_), inside));
    Values out = b_.loop(outer, outside);
    for (std::size_t k = 0; k < a_.every.size(); ++k) {
      Value& y = out[carries_ + k];
      const Shape row = b_.type(y).shape.row().row();
      y = b_.reshape(y, row.with_leading(count * (size_ / a_.every[k])));
      if (a_.dynamic) y = b_.slice_rows(y, 0, (a_.trip + a_.every[k] - 1) / a_.every[k]);
    }
    return out;
  }

  /// Rows by blocks: [count, size] + row. Rows beyond the trip, which no step reads, are zero.
  Value in_blocks(Value x, std::int64_t count) {
    const Type t = b_.type(x);
    const Shape row = t.shape.row();
    const std::int64_t rows = count * size_;
    if (rows < a_.trip) x = b_.slice_rows(x, 0, rows);
    if (rows > a_.trip) {
      const Value more = b_.zeros(t.with_shape(row.with_leading(rows - a_.trip)));
      const Value parts[] = {x, more};
      x = b_.concatenate(parts, 0);
    }
    return b_.reshape(x, row.with_leading(size_).with_leading(count));
  }

  /// The steps after the last whole block.
  void add_rest(Values& out, std::int64_t done) {
    Values operands(x_.begin(), x_.begin() + static_cast<std::ptrdiff_t>(invariants_));
    operands.push_back(b_.constant_i64(done));
    operands.insert(operands.end(), out.begin(), out.begin() + a_.carries);
    for (std::size_t k = 0; k < inputs_; ++k) {
      operands.push_back(b_.slice_rows(x_[first_input() + k], done, a_.trip));
    }
    const Values last = b_.loop(inner(a_.trip - done), operands);
    for (std::size_t k = 0; k < out.size(); ++k) {
      const Value parts[] = {out[k], last[k]};
      out[k] = k < carries_ ? last[k] : b_.concatenate(parts, 0);
    }
  }

  Builder& b_;
  const LoopAttr& a_;
  std::span<const Value> x_;
  std::int64_t size_;
  Keep keep_;
  std::size_t invariants_, carries_, inputs_;
};

/// What the loop over one block keeps: all, within what is left of a budget that was given.
Keep keep_of_block(const LoopAttr& a, std::int64_t size, std::int64_t bytes) {
  if (a.keep.kind != KeepKind::kAuto || a.keep.number == 0) return {KeepKind::kAll, 0};
  return {KeepKind::kAuto, a.keep.number - a.trip / size * bytes};
}

/// Bytes of the carries of a loop that do not depend on the linear parameters.
std::int64_t kept_bytes(const Function& f, Value loop, const Flags& linear_results) {
  const auto& a = f.attr_as<LoopAttr>(loop);
  std::int64_t bytes = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(a.carries); ++k) {
    if (linear_results[k]) continue;
    const Type t = f.type(f.operand(loop, static_cast<std::size_t>(a.invariants) + k));
    bytes += t.size() * static_cast<std::int64_t>(size_of(t.dtype));
  }
  return bytes;
}

bool has_room_for_an_axis(const Function& f, Value loop) {
  const auto& a = f.attr_as<LoopAttr>(loop);
  for (std::size_t k = static_cast<std::size_t>(a.invariants + a.carries);
       k < f.operands(loop).size(); ++k) {
    if (f.type(f.operand(loop, k)).shape.rank() >= Shape::kMaxRank) return false;
  }
  for (const Type& t : f.result_types(loop)) {
    if (t.shape.rank() >= Shape::kMaxRank) return false;
  }
  return true;
}

}  // namespace

KeepChoice choose_keep(Keep wanted, std::int64_t trip, std::int64_t bytes, std::int64_t cadence) {
  const auto all = KeepChoice{{KeepKind::kAll, 0}, trip * bytes};
  if (bytes == 0) return all;
  const auto every = [&](std::int64_t number) {
    if (number >= trip) return all;
    number = up_to_multiple(std::max<std::int64_t>(number, 1), cadence);
    if (number >= trip) return all;
    return KeepChoice{{KeepKind::kEvery, number}, (trip / number + number) * bytes};
  };
  const auto binomial = [&](std::int64_t number) {
    if (number >= trip) return all;
    number = std::max<std::int64_t>(number, 1);
    return KeepChoice{{KeepKind::kBinomial, number}, number * bytes};
  };
  switch (wanted.kind) {
    case KeepKind::kEvery:
      return wanted.number == 1 ? KeepChoice{wanted, trip * bytes} : every(wanted.number);
    case KeepKind::kAuto: {
      const std::int64_t budget = wanted.number > 0 ? wanted.number : kDefaultKeepBudget;
      if (trip <= budget / bytes) return all;
      const auto root = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(trip))));
      if (const KeepChoice some = every(root); some.bytes <= budget) return some;
      return binomial(budget / bytes);
    }
    case KeepKind::kReverse: return {wanted, 0};
    case KeepKind::kBinomial: return binomial(wanted.number);
    case KeepKind::kAll: break;
  }
  return all;
}

KeepChoice choose_keep(const Function& f, Value loop, const Flags& linear_results) {
  const auto& a = f.attr_as<LoopAttr>(loop);
  const KeepChoice choice =
      choose_keep(a.keep, a.trip, kept_bytes(f, loop, linear_results), cadence_of(a));
  if (choice.keep.kind != KeepKind::kEvery || has_room_for_an_axis(f, loop)) return choice;
  return choose_keep({KeepKind::kAll, 0}, a.trip, kept_bytes(f, loop, linear_results));
}

FunctionPtr block_loops(const Function& f, const Flags& params) {
  bool any = false;
  for (std::uint32_t id = 0; id < f.size() && !any; ++id) any = f.op(Value{id}) == Op::kLoop;
  if (!any) return nullptr;
  const Flags on = flow_nodes(f, params, Through::kDependence);
  std::vector<std::int64_t> sizes(f.size(), 0);
  std::vector<Keep> inside(f.size());
  any = false;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (f.op(v) != Op::kLoop || !on[id]) continue;
    Flags operands;
    for (Value x : f.operands(v)) operands.push_back(on[x.id]);
    const Flags results = flow_through(f, v, operands, Through::kDependence);
    const KeepChoice choice = choose_keep(f, v, results);
    if (choice.keep.kind != KeepKind::kEvery || choice.keep.number == 1) continue;
    sizes[id] = choice.keep.number;
    inside[id] = keep_of_block(f.attr_as<LoopAttr>(v), sizes[id], kept_bytes(f, v, results));
    any = true;
  }
  if (!any) return nullptr;
  return rewrite(f, {}, nullptr, [&](Builder& b, Value v, std::span<const Value> x, const Values&) {
    if (sizes[v.id] == 0) return Values{};
    return Blocks(b, f.attr_as<LoopAttr>(v), x, sizes[v.id], inside[v.id]).run();
  });
}

bool has_inverses(const Function& f) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (!is_second_order(f.op(v))) continue;
    if (f.op(v) == Op::kLoop && f.attr_as<LoopAttr>(v).inverse) return true;
    for (const FunctionPtr& body : bodies_of(f.attr(v))) {
      if (has_inverses(*body)) return true;
    }
  }
  return false;
}

FunctionPtr forget_inverses(const Function& f) {
  return rewrite(f, {}, forget_inverses,
                 [&](Builder& b, Value v, std::span<const Value> x, const Values&) {
                   if (f.op(v) != Op::kLoop) return Values{};
                   LoopAttr a = f.attr_as<LoopAttr>(v);
                   if (!a.inverse) return Values{};
                   a.keep = {};
                   a.inverse = nullptr;
                   a.body = forget_inverses(*a.body);
                   return b.loop(a, x);
                 });
}

}  // namespace cotangent::transform
