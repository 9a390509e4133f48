#include "cotangent/transform/pull.h"

#include <algorithm>

#include "cotangent/transform/control.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/keep.h"
#include "cotangent/transform/puller.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr const char* kNoRule = "it is applied to a value that depends on the linear parameters";

}  // namespace

void each_value(std::vector<LoopRecord>& records, const std::function<void(Value&)>& visit) {
  for (LoopRecord& record : records) {
    for (Values* list : {&record.results, &record.kept}) {
      for (Value& v : *list) {
        if (v.valid()) visit(v);
      }
    }
    each_value(record.inside, visit);
  }
}

Pulled pull_back(Builder& b, const Function& f, std::span<const Value> params,
                 std::span<const Cotangent> results, const PullOptions& options) {
  Flags linear;
  for (Value p : params) linear.push_back(!p.valid());
  const FunctionPtr bounded = bound_whiles(f, linear);
  const FunctionPtr blocked = block_loops(bounded ? *bounded : f, linear);
  const Function& whole = blocked ? *blocked : bounded ? *bounded : f;
  return Puller(b, whole, options).run(params, results);
}

bool has_transpose_rule(Op op) {
  // What moves, contracts or transforms numbers is linear whichever op it is; of the other kinds
  // some ops are.
  switch (info(op).kind) {
    case OpKind::kShape:
    case OpKind::kIndex:
    case OpKind::kContract:
    case OpKind::kFourier:
    case OpKind::kCheck:
    case OpKind::kSecondOrder: return true;  // a while without a limit is refused by name
    default: break;
  }
  switch (op) {
    case Op::kNeg:
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
    case Op::kFma:
    case Op::kSelect:
    case Op::kCast:
    case Op::kReduceSum:
    case Op::kCumSum:
    case Op::kTriangularSolve: return true;
    default: return false;
  }
}

void Puller::refuse(Op op, const std::string& why) {
  throw UserError("[" + std::string(name_of(op)) + "] is not linear: " + why,
                  "transpose takes programs that are linear in the parameters named");
}

void Puller::want_zero(Value v, Op op) const {
  if (!is_zero(f_, v))
    refuse(op, "an operand that does not depend on the linear parameters is not zero");
}

Pulled Puller::run(std::span<const Value> params, std::span<const Cotangent> results) {
  const std::vector<SourceSpan> outer_spans = b_.spans();
  forward(params);
  for (std::size_t k = 0; k < options_.begun.size(); ++k) {
    if (options_.begun[k].valid()) ct_[f_.params()[k].id].value = options_.begun[k];
  }
  for (std::size_t k = 0; k < results.size(); ++k) {
    const Value r = f_.results()[k];
    if (linear(r) && results[k].valid()) add_to(r, results[k]);
  }
  for (std::size_t id = f_.size(); id-- > 0;) {
    const Value v{static_cast<std::uint32_t>(id)};
    if (!linear_[id] || f_.op(v) == Op::kParameter) continue;
    const auto spans = f_.spans(v);
    b_.set_spans(spans.empty() ? outer_spans : std::vector<SourceSpan>(spans.begin(), spans.end()));
    backward(v);
  }
  b_.set_spans(outer_spans);
  Pulled out;
  for (Value r : f_.results()) out.results.push_back(linear(r) ? Value{} : of(r));
  for (Value p : f_.params()) out.params.push_back(clean(ct_[p.id]));
  if (options_.records) out.loops = records();
  return out;
}

// --- forward

void Puller::forward(std::span<const Value> params) {
  for (std::size_t k = 0; k < params.size(); ++k) {
    const Value p = f_.params()[k];
    copy_[p.id] = params[k];
    linear_[p.id] = !params[k].valid();
  }
  for (std::uint32_t id = 0; id < f_.size(); ++id) {
    if (f_.op(Value{id}) != Op::kParameter) forward_node(Value{id});
  }
}

void Puller::forward_node(Value v) {
  const Op op = f_.op(v);
  if (op == Op::kProject) {
    const Value node = operand(v, 0);
    const auto k = static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index);
    linear_[v.id] = linear_results_[node.id][k];
    if (!linear(v)) copy_[v.id] = copied_results_[node.id][k];
    return;
  }
  Values operands;
  Flags flags;
  bool any = false;
  for (Value x : f_.operands(v)) {
    operands.push_back(linear(x) ? Value{} : of(x));
    flags.push_back(linear(x));
    any = any || linear(x);
  }
  if (is_projected(op)) {
    if (any && !has_transpose_rule(op)) refuse(op, kNoRule);
    const std::size_t n = f_.result_types(v).size();
    Flags results(n, false);
    if (any) results = flow_through(f_, v, flags, Through::kDependence);
    Flags rest = results;
    rest.flip();
    linear_[v.id] = any;
    if (any && op == Op::kLoop) {
      forward_loop(v, operands, rest);
    } else {
      copied_results_[v.id] = copy_part(b_, f_, v, operands, rest);
    }
    linear_results_[v.id] = std::move(results);
    if (any) result_cts_[v.id].resize(n);
    return;
  }
  linear_[v.id] = any;
  if (!any) {
    copy_[v.id] = b_.copy(f_, v, operands);
  } else if (!has_transpose_rule(op)) {
    refuse(op, kNoRule);
  }
}

/// A loop with a linear part: the rest of it, and what its reverse wants kept.
void Puller::forward_loop(Value v, std::span<const Value> operands, const Flags& results) {
  LoopRecord& record = loops_[v.id];
  if (options_.given) {
    record = options_.given->at(next_given_++);
    copied_results_[v.id] = record.results;
    return;
  }
  Flags linear_results = results;
  linear_results.flip();
  const Keep keep = choose_keep(f_, v, linear_results).keep;
  const bool keeps = keep.kind == KeepKind::kAll || keep.kind == KeepKind::kEvery;
  copied_results_[v.id] = copy_part(b_, f_, v, operands, results, keeps ? &record.kept : nullptr,
                                    keep.kind == KeepKind::kAll ? &record.inside : nullptr);
  record.results = copied_results_[v.id];
}

std::vector<LoopRecord> Puller::records() const {
  std::vector<LoopRecord> all;
  for (const auto& [id, record] : loops_) all.push_back(record);
  return all;
}

// --- cotangents

Cotangent Puller::clean(Cotangent ct) {
  if (ct.valid() && ct.dirty && ct.mask.valid()) {
    ct.value = b_.select(ct.mask, ct.value, b_.zeros(b_.type(ct.value)));
  }
  ct.dirty = false;
  return ct;
}

void Puller::add_to(Value operand, Cotangent ct) {
  if (!ct.valid() || !linear(operand) || is_zero(b_.so_far(), ct.value)) return;
  Cotangent& held = ct_[operand.id];
  held = held.valid() ? added(held, ct) : ct;
}

Cotangent Puller::added(Cotangent x, Cotangent y) {
  x = clean(x);
  y = clean(y);
  x.value = add_scattered(b_, x.value, y.value);
  const bool masked = x.mask.valid() && y.mask.valid();
  x.mask = masked ? b_.binary(Op::kOr, x.mask, y.mask) : Value{};
  return x;
}

/// The cotangent `value` = ct times or over `factor`, which may not be finite outside the mask.
Cotangent Puller::scaled(const Cotangent& ct, Value value, Value factor) {
  const bool harmless = is_finite_constant(b_.so_far(), factor);
  return {value, ct.mask, ct.dirty || (ct.mask.valid() && !harmless)};
}

/// x + y; when y scatters into zeros, it scatters into x instead.
Value add_scattered(Builder& b, Value x, Value y) {
  const Function& f = b.so_far();
  if (f.op(y) != Op::kScatterAdd || !is_zero(f, f.operand(y, 0))) return b.add(x, y);
  const auto all = f.operands(y);
  const Values indices(all.begin() + 2, all.end());
  return b.scatter_add(x, all[1], indices);
}

/// Whether the mask holds anywhere along the axes.
Value Puller::any(Value mask, Dims axes) {
  if (axes.empty()) return mask;
  const Value counts = b_.reduce(Op::kReduceMax, b_.cast(mask, kMaskCount), std::move(axes));
  return b_.ne(counts, b_.zeros(b_.type(counts)));
}

// --- backward

void Puller::backward(Value v) {
  const Op op = f_.op(v);
  if (op == Op::kProject) {
    const Value node = operand(v, 0);
    const auto k = static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index);
    result_cts_[node.id][k] = clean(ct_[v.id]);
    return;
  }
  if (is_projected(op)) {
    const auto& cts = result_cts_[v.id];
    if (std::none_of(cts.begin(), cts.end(), [](const Cotangent& c) { return c.valid(); })) return;
    switch (op) {
      case Op::kMap: return map(v);
      case Op::kPairSum: return pair_sum(v);
      case Op::kLoop: return loop(v);
      case Op::kCond: return cond(v);
      case Op::kTriangularSolve: return triangular_solve(v);
      case Op::kFft: return fft(v);
      case Op::kCall: return call(v);
      default:
        throw UserError("[while] has no reverse mode without a limit",
                        "give it a limit, use a loop with a bound, or differentiate the equation "
                        "it solves (a call with a derivative of its own; of arrays in C++ "
                        "Gradient::kOfFinalIterate, find_root, fixed_point)");
    }
  }
  const Cotangent ct = ct_[v.id];
  if (!ct.valid()) return;
  if (is_elementwise(op)) return elementwise(v, ct);
  if (op == Op::kDotGeneral) return dot_general(v, clean(ct));
  if (op == Op::kScatterAdd || op == Op::kScatterSet) return scatter(v, clean(ct));
  if (op == Op::kCheck) {
    const auto x = f_.operands(v);
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (k != 1 && linear(x[k])) refuse(op, "what it checks depends on the linear parameters");
    }
    return add_to(x[1], ct);
  }
  structural(v, clean(ct));
}

void Puller::elementwise(Value v, const Cotangent& ct) {
  const Op op = f_.op(v);
  const auto x = f_.operands(v);
  switch (op) {
    case Op::kNeg: return add_to(x[0], {b_.neg(ct.value), ct.mask, ct.dirty});
    case Op::kAdd:
    case Op::kSub:
      for (std::size_t k = 0; k < 2; ++k) {
        if (!linear(x[k])) want_zero(x[k], op);
      }
      add_to(x[0], ct);
      if (linear(x[1])) {
        add_to(x[1], op == Op::kAdd ? ct : Cotangent{b_.neg(ct.value), ct.mask, ct.dirty});
      }
      return;
    case Op::kMul: {
      if (linear(x[0]) && linear(x[1])) refuse(op, "both factors depend on the linear parameters");
      const std::size_t k = linear(x[0]) ? 0 : 1;
      const Value factor = of(x[1 - k]);
      return add_to(x[k], scaled(ct, b_.mul(ct.value, factor), factor));
    }
    case Op::kDiv: {
      if (linear(x[1])) refuse(op, "the denominator depends on the linear parameters");
      const Value factor = of(x[1]);
      return add_to(x[0], scaled(ct, b_.div(ct.value, factor), b_.div(ct.value, factor)));
    }
    case Op::kFma: {
      if (linear(x[0]) && linear(x[1])) refuse(op, "both factors depend on the linear parameters");
      if (!linear(x[2])) want_zero(x[2], op);
      add_to(x[2], ct);
      if (!linear(x[0]) && !linear(x[1])) return;
      const std::size_t k = linear(x[0]) ? 0 : 1;
      const Value factor = of(x[1 - k]);
      return add_to(x[k], scaled(ct, b_.mul(ct.value, factor), factor));
    }
    case Op::kSelect: {
      if (linear(x[0])) refuse(op, "the predicate depends on the linear parameters");
      const Value yes = of(x[0]), no = b_.unary(Op::kNot, yes);
      const Value zeros = b_.zeros(b_.type(ct.value));
      for (std::size_t k = 1; k <= 2; ++k) {
        if (!linear(x[k])) {
          want_zero(x[k], op);
          continue;
        }
        const Value here = k == 1 ? yes : no;
        const Value kept =
            k == 1 ? b_.select(yes, ct.value, zeros) : b_.select(yes, zeros, ct.value);
        const Value mask = ct.mask.valid() ? b_.binary(Op::kAnd, ct.mask, here) : here;
        add_to(x[k], {kept, mask, ct.dirty});
      }
      return;
    }
    case Op::kCast:
      return add_to(x[0], {b_.cast(ct.value, f_.type(x[0]).dtype), ct.mask, ct.dirty});
    default: throw InternalError("no transpose rule for " + std::string(name_of(op)));
  }
}

void Puller::structural(Value v, const Cotangent& ct) {
  const Op op = f_.op(v);
  const Value x = operand(v, 0);
  const Type in = f_.type(x);
  const int rank = in.shape.rank();
  // Applies a shape change to the cotangent and its mask alike.
  const auto both = [&](auto change) {
    return Cotangent{change(ct.value), ct.mask.valid() ? change(ct.mask) : Value{}};
  };
  switch (op) {
    case Op::kReduceSum: {
      const Dims kept = other_axes(rank, f_.attr_as<AxesAttr>(v).axes);
      return add_to(x, both([&](Value c) { return b_.broadcast(c, in.shape, kept); }));
    }
    case Op::kReshape: return add_to(x, both([&](Value c) { return b_.reshape(c, in.shape); }));
    case Op::kTranspose: {
      const Dims& perm = f_.attr_as<AxesAttr>(v).axes;
      Dims inverse(perm.size());
      for (std::size_t k = 0; k < perm.size(); ++k) {
        inverse[static_cast<std::size_t>(perm[k])] = static_cast<std::int64_t>(k);
      }
      return add_to(x, both([&](Value c) { return b_.transpose(c, inverse); }));
    }
    case Op::kBroadcast: {
      const Dims repeated = other_axes(f_.type(v).shape.rank(), f_.attr_as<AxesAttr>(v).axes);
      if (repeated.empty()) return add_to(x, ct);
      return add_to(x, {b_.reduce_sum(ct.value, repeated),
                        ct.mask.valid() ? any(ct.mask, repeated) : Value{}});
    }
    case Op::kSlice: {
      const auto& a = f_.attr_as<SliceAttr>(v);
      Dims high, interior;
      for (int k = 0; k < rank; ++k) {
        const auto i = static_cast<std::size_t>(k);
        const std::int64_t n = f_.type(v).shape[k];
        const std::int64_t covered = n > 0 ? (n - 1) * a.stride[i] + 1 : 0;
        high.push_back(in.shape[k] - a.start[i] - covered);
        interior.push_back(a.stride[i] - 1);
      }
      return add_to(x, both([&](Value c) {
                      return b_.pad(c, b_.constant(0.0, b_.type(c).dtype), a.start, high, interior);
                    }));
    }
    case Op::kPad: {
      const auto& a = f_.attr_as<PadAttr>(v);
      Dims limit, stride;
      for (int k = 0; k < rank; ++k) {
        const auto i = static_cast<std::size_t>(k);
        const std::int64_t n = in.shape[k];
        limit.push_back(a.low[i] + (n > 0 ? (n - 1) * (a.interior[i] + 1) + 1 : 0));
        stride.push_back(a.interior[i] + 1);
      }
      add_to(x, both([&](Value c) { return b_.slice(c, a.low, limit, stride); }));
      const Value value = operand(v, 1);
      if (!linear(x)) want_zero(x, op);
      if (!linear(value)) return want_zero(value, op);
      const Value inside = b_.pad(b_.splat(1.0, in.with_dtype(DType::kBool)),
                                  b_.constant(0.0, DType::kBool), a.low, a.high, a.interior);
      const Value outside = b_.select(inside, b_.zeros(b_.type(ct.value)), ct.value);
      return add_to(value, {b_.reduce_sum(outside), {}});
    }
    case Op::kConcatenate: {
      const auto axis = static_cast<std::size_t>(f_.attr_as<AxesAttr>(v).axes[0]);
      std::int64_t begin = 0;
      for (Value part : f_.operands(v)) {
        const Shape& s = f_.type(part).shape;
        Dims start(static_cast<std::size_t>(rank), 0), limit(s.begin(), s.end());
        start[axis] = begin;
        limit[axis] = begin += s[static_cast<int>(axis)];
        if (!linear(part)) {
          want_zero(part, op);
          continue;
        }
        add_to(part,
               both([&](Value c) { return b_.slice(c, start, limit, Dims(start.size(), 1)); }));
      }
      return;
    }
    case Op::kReverse:
      return add_to(x, both([&](Value c) { return b_.reverse(c, f_.attr_as<AxesAttr>(v).axes); }));
    case Op::kCumSum: {  // element k is in the sums k, k + 1, ...
      const Dims& axes = f_.attr_as<AxesAttr>(v).axes;
      const auto from_the_end = [&](Value c) {
        return b_.reverse(b_.cumulative_sum(b_.reverse(c, axes), axes[0]), axes);
      };
      Value mask;
      if (ct.mask.valid()) {
        const Value counts = from_the_end(b_.cast(ct.mask, kMaskCount));
        mask = b_.ne(counts, b_.zeros(b_.type(counts)));
      }
      return add_to(x, {from_the_end(ct.value), mask});
    }
    case Op::kGather: {
      Values indices;
      for (std::size_t k = 1; k < f_.operands(v).size(); ++k) {
        if (linear(operand(v, k))) refuse(op, "an index depends on the linear parameters");
        indices.push_back(of(operand(v, k)));
      }
      Value mask;
      if (ct.mask.valid()) {
        const Type counts = in.with_dtype(kMaskCount);
        mask = b_.ne(b_.scatter_add(b_.zeros(counts), b_.cast(ct.mask, kMaskCount), indices),
                     b_.zeros(counts));
      }
      return add_to(x, {b_.scatter_add(b_.zeros(in), ct.value, indices), mask});
    }
    default: throw InternalError("no transpose rule for " + std::string(name_of(op)));
  }
}

/// Which updates of a scatter_set are still there at the end (bool, the shape of the indices).
Value Puller::last_writes(Value v) {
  Values indices;
  for (std::size_t k = 2; k < f_.operands(v).size(); ++k) indices.push_back(of(operand(v, k)));
  const Type index = b_.type(indices[0]).with_dtype(DType::kI64);
  const Shape& target = f_.type(v).shape;
  Dims leading(target.begin(), target.begin() + indices.size());
  const Type line{DType::kI64, Shape{index.size()}};
  const Value serial = b_.reshape(b_.iota(line, 0), index.shape);
  const Value writer =
      b_.scatter_set(b_.splat(-1.0, Type{DType::kI64, Shape(leading)}), serial, indices);
  return b_.eq(b_.gather(writer, indices), serial);
}

void Puller::scatter(Value v, const Cotangent& ct) {
  const Op op = f_.op(v);
  const Value x = operand(v, 0), updates = operand(v, 1);
  Values indices;
  for (std::size_t k = 2; k < f_.operands(v).size(); ++k) {
    if (linear(operand(v, k))) refuse(op, "an index depends on the linear parameters");
    indices.push_back(of(operand(v, k)));
  }
  if (!linear(x)) want_zero(x, op);
  if (!linear(updates)) want_zero(updates, op);
  const Type in = f_.type(updates);
  if (linear(x)) {
    if (op == Op::kScatterAdd) {
      add_to(x, ct);
    } else {
      const auto without = [&](Value c) {
        return b_.scatter_set(c, b_.zeros(in.with_dtype(b_.type(c).dtype)), indices);
      };
      add_to(x, {without(ct.value), ct.mask.valid() ? without(ct.mask) : Value{}});
    }
  }
  if (linear(updates)) {
    Value back = b_.gather(ct.value, indices);
    Value mask = ct.mask.valid() ? b_.gather(ct.mask, indices) : Value{};
    if (op == Op::kScatterSet) {
      const Value last = last_writes(v);
      Dims dims;
      for (int k = 0; k < b_.type(last).shape.rank(); ++k) dims.push_back(k);
      const Value kept = b_.broadcast(last, in.shape, dims);
      back = b_.select(kept, back, b_.zeros(in));
      mask = mask.valid() ? b_.binary(Op::kAnd, mask, kept) : kept;
    }
    add_to(updates, {back, mask});
  }
}

void Puller::dot_general(Value v, const Cotangent& ct) {
  const auto& a = f_.attr_as<DotAttr>(v);
  const Value x = operand(v, 0), y = operand(v, 1);
  if (linear(x) && linear(y))
    refuse(Op::kDotGeneral, "both factors depend on the linear parameters");
  const bool left = linear(x);
  const Value to = left ? x : y, with = left ? y : x;
  const Dims& batch_to = left ? a.batch_x : a.batch_y;
  const Dims& batch_with = left ? a.batch_y : a.batch_x;
  const Dims& contract_to = left ? a.contract_x : a.contract_y;
  const Dims& contract_with = left ? a.contract_y : a.contract_x;
  const auto free_of = [&](Value operand, Dims batch, const Dims& contract) {
    batch.insert(batch.end(), contract.begin(), contract.end());
    return other_axes(f_.type(operand).shape.rank(), batch);
  };
  const Dims free_to = free_of(to, batch_to, contract_to);
  const Dims free_with = free_of(with, batch_with, contract_with);
  const auto range = [](std::size_t begin, std::size_t n) {
    Dims out;
    for (std::size_t k = 0; k < n; ++k) out.push_back(static_cast<std::int64_t>(begin + k));
    return out;
  };
  // Axes of the cotangent: batch, free of x, free of y.
  const std::size_t nb = batch_to.size();
  const Dims batch_ct = range(0, nb);
  const Dims free_with_ct = range(left ? nb + free_to.size() : nb, free_with.size());
  const Dims free_to_ct = range(left ? nb : nb + free_with.size(), free_to.size());

  Value factor = of(with), mask;
  if (ct.mask.valid()) {
    // The factor's own infinities outside the mask must not meet the cotangent's zeros.
    const Value used = any(ct.mask, free_to_ct);  // batch, free_with
    Dims dims = batch_with;
    dims.insert(dims.end(), free_with.begin(), free_with.end());
    Dims sorted = dims, order;
    std::sort(sorted.begin(), sorted.end());
    for (std::int64_t axis : sorted) {
      order.push_back(std::find(dims.begin(), dims.end(), axis) - dims.begin());
    }
    const Type t = f_.type(with);
    factor =
        b_.select(b_.broadcast(b_.transpose(used, order), t.shape, sorted), factor, b_.zeros(t));
    const Value there = any(ct.mask, free_with_ct);  // batch, free_to
    dims = batch_to;
    dims.insert(dims.end(), free_to.begin(), free_to.end());
    sorted = dims;
    order.clear();
    std::sort(sorted.begin(), sorted.end());
    for (std::int64_t axis : sorted) {
      order.push_back(std::find(dims.begin(), dims.end(), axis) - dims.begin());
    }
    mask = b_.broadcast(b_.transpose(there, order), f_.type(to).shape, sorted);
  }
  const Value product =
      b_.dot_general(ct.value, factor, DotAttr{batch_ct, batch_with, free_with_ct, free_with});
  // Its axes: batch, free_to, then contract_with in ascending order.
  Dims permutation(static_cast<std::size_t>(f_.type(to).shape.rank()));
  std::int64_t position = 0;
  for (std::int64_t axis : batch_to) permutation[static_cast<std::size_t>(axis)] = position++;
  for (std::int64_t axis : free_to) permutation[static_cast<std::size_t>(axis)] = position++;
  Dims ascending = contract_with;
  std::sort(ascending.begin(), ascending.end());
  for (std::int64_t axis : ascending) {
    const auto pair = std::find(contract_with.begin(), contract_with.end(), axis);
    const std::int64_t own = contract_to[static_cast<std::size_t>(pair - contract_with.begin())];
    permutation[static_cast<std::size_t>(own)] = position++;
  }
  add_to(to, {b_.transpose(product, permutation), mask});
}

}  // namespace cotangent::transform
