// Reductions and contractions in the fixed order of ir/reduction_order.h.
#include <algorithm>
#include <limits>

#include "cotangent/ir/reduction_order.h"
#include "cotangent/kernel/lowering.h"

namespace cotangent::kernel {

using ir::kReduceBlock;
using ir::kReduceLanes;
using ir::Op;

namespace {

Op step_of(Op op) {
  switch (op) {
    case Op::kReduceProd: return Op::kMul;
    case Op::kReduceMin: return Op::kMin;
    case Op::kReduceMax: return Op::kMax;
    default: return Op::kAdd;
  }
}

Dims free_axes(const Shape& shape, const Dims& batch, const Dims& contract) {
  Dims axes;
  for (std::int64_t k = 0; k < shape.rank(); ++k) {
    const bool used = std::find(batch.begin(), batch.end(), k) != batch.end() ||
                      std::find(contract.begin(), contract.end(), k) != contract.end();
    if (!used) axes.push_back(k);
  }
  return axes;
}

}  // namespace

Id Lowering::empty_reduction(Op op, DType t) {
  if (op == Op::kReduceProd) return b.number(1, t);
  if (op != Op::kReduceMin && op != Op::kReduceMax) return b.number(0, t);
  const bool top = op == Op::kReduceMin;
  if (is_float(t)) {
    const double inf = std::numeric_limits<double>::infinity();
    return b.number(top ? inf : -inf, t);
  }
  switch (t) {
    case DType::kI32: return b.constant(t, bits_of_i64(top ? INT32_MAX : INT32_MIN, t));
    case DType::kI64: return b.constant(t, bits_of_i64(top ? INT64_MAX : INT64_MIN, t));
    case DType::kU32: return b.constant(t, top ? UINT32_MAX : 0);
    default: return b.constant(t, top ? UINT64_MAX : 0);
  }
}

Lowering::Reduction Lowering::reduction(Frame& fr, Value v, Id predicate) {
  const Function& f = *fr.f;
  const Value x = f.operand(v, 0);
  const Shape shape = f.type(x).shape;
  Reduction r;
  r.n = 1;
  if (f.op(v) != Op::kDotGeneral) {
    const Dims axes = f.attr_as<ir::AxesAttr>(v).axes;
    Dims lengths;
    for (std::int64_t k : axes) lengths.push_back(shape[static_cast<int>(k)]);
    for (std::int64_t n : lengths) r.n *= n;
    r.step = step_of(f.op(v));
    const auto get = [this, &fr, x, axes, lengths, shape, predicate](const Index& kept, Id k) {
      const Index moving = split(k, lengths);
      Index full;
      std::size_t from_axes = 0;
      int from_kept = 0;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        if (from_axes < axes.size() && axes[from_axes] == axis) {
          full.push(moving[static_cast<int>(from_axes++)]);
        } else {
          full.push(kept[from_kept++]);
        }
      }
      return element(fr, x, full, predicate);
    };
    r.first = get;
    r.next = [this, get, step = r.step](const Index& kept, Id total, Id k) {
      return b.op(step, {total, get(kept, k)});
    };
    return r;
  }
  const Value y = f.operand(v, 1);
  const Shape ys = f.type(y).shape;
  const ir::DotAttr a = f.attr_as<ir::DotAttr>(v);
  Dims lengths;
  for (std::int64_t k : a.contract_x) lengths.push_back(shape[static_cast<int>(k)]);
  for (std::int64_t n : lengths) r.n *= n;
  const Dims free_x = free_axes(shape, a.batch_x, a.contract_x);
  const Dims free_y = free_axes(ys, a.batch_y, a.contract_y);
  r.in_one_chain = ir::dot_in_one_chain(r.n, free_x.size(), free_y.size());
  const auto both = [=, this, &fr](const Index& kept, Id k) {
    const Index moving = split(k, lengths);
    Index xi = zero_index(shape.rank()), yi = zero_index(ys.rank());
    int next = 0;
    const auto set = [](Index& index, std::int64_t axis, Id id) {
      index.at[static_cast<std::size_t>(axis)] = id;
    };
    for (std::size_t n = 0; n < a.batch_x.size(); ++n, ++next) {
      set(xi, a.batch_x[n], kept[next]);
      set(yi, a.batch_y[n], kept[next]);
    }
    for (std::int64_t axis : free_x) set(xi, axis, kept[next++]);
    for (std::int64_t axis : free_y) set(yi, axis, kept[next++]);
    for (std::size_t n = 0; n < a.contract_x.size(); ++n) {
      set(xi, a.contract_x[n], moving[static_cast<int>(n)]);
      set(yi, a.contract_y[n], moving[static_cast<int>(n)]);
    }
    return std::pair(element(fr, x, xi, predicate), element(fr, y, yi, predicate));
  };
  const bool fused = is_float(f.type(v).dtype);
  r.step = Op::kAdd;
  r.first = [this, both](const Index& kept, Id k) {
    const auto [p, q] = both(kept, k);
    return b.mul(p, q);
  };
  r.next = [this, both, fused](const Index& kept, Id total, Id k) {
    const auto [p, q] = both(kept, k);
    return fused ? b.op(Op::kFma, {p, q, total}) : b.add(total, b.mul(p, q));
  };
  return r;
}

Id Lowering::reduce_element(Frame& fr, Value v, const Index& kept, Id predicate) {
  const Reduction r = reduction(fr, v, predicate);
  if (r.n == 0) return empty_reduction(fr.f->op(v), fr.f->type(v).dtype);
  if (r.in_one_chain) {
    Id total = r.first(kept, b.i64(0));
    for (std::int64_t k = 1; k < r.n; ++k) total = r.next(kept, total, b.i64(k));
    return total;
  }
  return ordered(
      r.n, false, [&](Id k) { return Elements{r.first(kept, k)}; },
      [&](const Elements& total, Id k) { return Elements{r.next(kept, total[0], k)}; },
      [&](const Elements& x, const Elements& y) {
        return Elements{b.op(r.step, {x[0], y[0]})};
      })[0];
}

Lowering::Elements Lowering::ordered(std::int64_t n, bool compact, const At& first,
                                     const Next& next, const Combine& combine) {
  if (n > kReduceBlock || (compact && n > kUnrolledReduction)) {
    return ordered_compact(n, first, next, combine);
  }
  return ordered_block(n, first, next, combine, false);
}

Lowering::Elements Lowering::ordered_block(std::int64_t n, const At& first, const Next& next,
                                           const Combine& combine, bool) {
  if (n <= kReduceLanes) {
    Elements total = first(b.i64(0));
    for (std::int64_t k = 1; k < n; ++k) total = next(total, b.i64(k));
    return total;
  }
  std::vector<Elements> part;
  for (std::int64_t l = 0; l < kReduceLanes; ++l) part.push_back(first(b.i64(l)));
  const std::int64_t full = n / kReduceLanes;
  const std::size_t width = part[0].size();
  std::int64_t done = kReduceLanes;
  if (n > kUnrolledReduction) {
    Elements inits;
    for (const Elements& p : part) inits.insert(inits.end(), p.begin(), p.end());
    const auto loop = b.open_for(ForKind::kSerial, b.i64(1), b.i64(full), inits);
    const Id base = b.mul(loop.index, b.i64(kReduceLanes));
    Elements yields;
    for (std::int64_t l = 0; l < kReduceLanes; ++l) {
      const auto at =
          loop.args.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(l) * width);
      const Elements total(at, at + static_cast<std::ptrdiff_t>(width));
      const Elements sum = next(total, b.add(base, b.i64(l)));
      yields.insert(yields.end(), sum.begin(), sum.end());
    }
    const Elements sums = b.close_for(yields);
    for (std::size_t l = 0; l < part.size(); ++l) {
      std::copy_n(sums.begin() + static_cast<std::ptrdiff_t>(l * width), width, part[l].begin());
    }
    done = full * kReduceLanes;
  }
  for (std::int64_t k = done; k < n; ++k) {
    Elements& p = part[static_cast<std::size_t>(k % kReduceLanes)];
    p = next(p, b.i64(k));
  }
  for (std::size_t half = kReduceLanes / 2; half >= 1; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) part[l] = combine(part[l], part[l + half]);
  }
  return part[0];
}

Lowering::Elements Lowering::ordered_compact(std::int64_t n, const At& first, const Next& next,
                                             const Combine& combine) {
  // Types of the elements: from one element, made where it is dead unless it is constant.
  const auto choose = [&](Id p, const Elements& x, const Elements& y) {
    Elements z;
    for (std::size_t k = 0; k < x.size(); ++k) z.push_back(b.select(p, x[k], y[k]));
    return z;
  };
  if (n > kReduceBlock) {
    const std::int64_t blocks = (n + kReduceBlock - 1) / kReduceBlock;
    const std::int64_t last = n - (blocks - 1) * kReduceBlock;
    // One block's total; the last, shorter one is made of its own code.
    const auto block = [&](Id k, std::int64_t m) {
      const Id base = b.mul(k, b.i64(kReduceBlock));
      return ordered(
          m, true, [&](Id e) { return first(b.add(base, e)); },
          [&](const Elements& total, Id e) { return next(total, b.add(base, e)); }, combine);
    };
    const auto any_block = [&](Id k) {
      if (last == kReduceBlock) return block(k, kReduceBlock);
      if (b.is_const(k)) return block(k, b.const_i64(k) == blocks - 1 ? last : kReduceBlock);
      // The whole block's code reads inside the array for every k but the last.
      const Id inner = b.op(Op::kMin, {k, b.i64(blocks - 2)});
      return choose(b.op(Op::kEq, {k, b.i64(blocks - 1)}), block(b.i64(blocks - 1), last),
                    block(inner, kReduceBlock));
    };
    return ordered(
        blocks, true, any_block,
        [&](const Elements& total, Id k) { return combine(total, any_block(k)); }, combine);
  }
  const Elements sample = first(b.i64(0));
  Elements inits;
  for (std::int64_t l = 0; l < kReduceLanes; ++l) {
    for (Id x : sample) inits.push_back(b.constant(b.type(x), 0));
  }
  const std::int64_t trips = (n + kReduceLanes - 1) / kReduceLanes;
  const auto loop = b.open_for(ForKind::kSerial, b.i64(0), b.i64(trips), inits);
  const Id base = b.mul(loop.index, b.i64(kReduceLanes));
  const Id start = b.op(Op::kEq, {loop.index, b.i64(0)});
  Elements yields;
  const std::size_t width = sample.size();
  for (std::int64_t l = 0; l < kReduceLanes; ++l) {
    const auto at =
        loop.args.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(l) * width);
    const Elements old(at, at + static_cast<std::ptrdiff_t>(width));
    Id k = b.add(base, b.i64(l));
    const bool ragged = n % kReduceLanes != 0 && l >= n % kReduceLanes;
    const Id inside = ragged ? b.op(Op::kLt, {k, b.i64(n)}) : kNoId;
    if (ragged) k = b.op(Op::kMin, {k, b.i64(n - 1)});
    Elements sum = choose(start, first(k), next(old, k));
    if (ragged) sum = choose(inside, sum, old);
    yields.insert(yields.end(), sum.begin(), sum.end());
  }
  const Elements sums = b.close_for(yields);
  std::vector<Elements> part;
  for (std::size_t l = 0; l < kReduceLanes; ++l) {
    const auto at = sums.begin() + static_cast<std::ptrdiff_t>(l * width);
    part.emplace_back(at, at + static_cast<std::ptrdiff_t>(width));
  }
  for (std::size_t half = kReduceLanes / 2; half >= 1; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) part[l] = combine(part[l], part[l + half]);
  }
  return part[0];
}

Lowering::Elements Lowering::lanes_block(std::int64_t n, const std::vector<DType>& types,
                                         const At& first, const Next& next,
                                         const Combine& combine) {
  if (n <= kUnrolledReduction || in_lanes_) return ordered(n, true, first, next, combine);
  const std::int64_t full = n / kReduceLanes;
  std::vector<std::uint32_t> buffers;
  for (DType t : types) {
    Buffer buffer;
    buffer.kind = in_shared_ ? BufferKind::kThread : BufferKind::kScratch;
    buffer.dtype = t;
    buffer.count = kReduceLanes;
    buffer.note = "eight partial results";
    buffers.push_back(b.add_buffer(std::move(buffer)));
  }
  const auto lanes = b.open_for(ForKind::kSimd, b.i64(0), b.i64(kReduceLanes));
  const Elements start = first(lanes.index);
  const auto loop = b.open_for(ForKind::kSerial, b.i64(1), b.i64(full), start);
  const Id k = b.add(b.mul(loop.index, b.i64(kReduceLanes)), lanes.index);
  const Elements sums = b.close_for(next(loop.args, k));
  for (std::size_t e = 0; e < sums.size(); ++e) b.store(buffers[e], lanes.index, sums[e]);
  b.close_for();
  std::vector<std::uint32_t> versions;
  for (std::uint32_t buffer : buffers) {
    versions.push_back(b.new_version());
    version_of_buffer_[buffer] = versions.back();
  }
  std::vector<Elements> part;
  for (std::int64_t l = 0; l < kReduceLanes; ++l) {
    Elements p;
    for (std::size_t e = 0; e < buffers.size(); ++e) {
      p.push_back(b.load(buffers[e], versions[e], b.i64(l)));
    }
    if (full * kReduceLanes + l < n) p = next(p, b.i64(full * kReduceLanes + l));
    part.push_back(std::move(p));
  }
  for (std::size_t half = kReduceLanes / 2; half >= 1; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) part[l] = combine(part[l], part[l + half]);
  }
  return part[0];
}

Lowering::Elements Lowering::ordered_lanes(std::int64_t n, const std::vector<DType>& types,
                                           const At& first, const Next& next,
                                           const Combine& combine) {
  if (n <= kReduceBlock || in_lanes_) return lanes_block(n, types, first, next, combine);
  const std::int64_t blocks = (n + kReduceBlock - 1) / kReduceBlock;
  const std::int64_t whole = n / kReduceBlock;
  std::vector<std::uint32_t> buffers;
  for (DType t : types) {
    Buffer buffer;
    buffer.kind = in_shared_ ? BufferKind::kThread : BufferKind::kScratch;
    buffer.dtype = t;
    buffer.count = blocks;
    buffer.note = "results of blocks of 4096";
    buffers.push_back(b.add_buffer(std::move(buffer)));
  }
  const auto one_block = [&](Id k, std::int64_t m) {
    const Id base = b.mul(k, b.i64(kReduceBlock));
    const Elements total = lanes_block(
        m, types, [&](Id e) { return first(b.add(base, e)); },
        [&](const Elements& sum, Id e) { return next(sum, b.add(base, e)); }, combine);
    for (std::size_t e = 0; e < total.size(); ++e) b.store(buffers[e], k, total[e]);
  };
  const bool shares = whole >= kLeastShared && !in_shared_;
  const auto loop =
      b.open_for(shares ? ForKind::kShared : ForKind::kSerial, b.i64(0), b.i64(whole));
  if (shares) in_shared_ = true;
  one_block(loop.index, kReduceBlock);
  if (shares) in_shared_ = false;
  b.close_for();
  if (whole < blocks) one_block(b.i64(whole), n - whole * kReduceBlock);
  std::vector<std::uint32_t> versions;
  for (std::uint32_t buffer : buffers) {
    versions.push_back(b.new_version());
    version_of_buffer_[buffer] = versions.back();
  }
  const At get = [&](Id k) {
    Elements p;
    for (std::size_t e = 0; e < buffers.size(); ++e) {
      p.push_back(b.load(buffers[e], versions[e], k));
    }
    return p;
  };
  return ordered_lanes(
      blocks, types, get, [&](const Elements& total, Id k) { return combine(total, get(k)); },
      combine);
}

Lowering::Elements Lowering::reduce_to_registers(Frame& fr, Value v) {
  const ir::Type type = fr.f->type(v);
  const std::int64_t outputs = type.size();
  const Reduction r = reduction(fr, v, kNoId);
  std::vector<Index> kept;
  for (std::int64_t k = 0; k < outputs; ++k) kept.push_back(constant_index(type.shape, k));
  if (r.n == 0) {
    return Elements(static_cast<std::size_t>(outputs), empty_reduction(fr.f->op(v), type.dtype));
  }
  return ordered_lanes(
      r.n, std::vector<DType>(static_cast<std::size_t>(outputs), type.dtype),
      [&](Id k) {
        Elements x;
        for (const Index& at : kept) x.push_back(r.first(at, k));
        return x;
      },
      [&](const Elements& total, Id k) {
        Elements x;
        for (std::size_t e = 0; e < kept.size(); ++e) x.push_back(r.next(kept[e], total[e], k));
        return x;
      },
      [&](const Elements& x, const Elements& y) {
        Elements z;
        for (std::size_t e = 0; e < x.size(); ++e) z.push_back(b.op(r.step, {x[e], y[e]}));
        return z;
      });
}

}  // namespace cotangent::kernel
