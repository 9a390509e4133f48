// One element of an array value, as scalar code.
#include <algorithm>

#include "cotangent/kernel/lowering.h"

namespace cotangent::kernel {

using ir::Op;

std::size_t Frame::MemoHash::operator()(const MemoKey& k) const {
  std::uint64_t h = (std::uint64_t(k.value) << 32 | k.predicate) * 0x9E3779B97F4A7C15ull;
  for (int i = 0; i < k.index.rank; ++i) {
    h = (h ^ k.index[i]) * 0xD6E8FEB86659FD93ull;
    h ^= h >> 29;
  }
  return static_cast<std::size_t>(h);
}

Index Lowering::constant_index(const Shape& shape, std::int64_t linear) {
  Index index;
  index.rank = shape.rank();
  for (int k = shape.rank(); k-- > 0;) {
    index.at[static_cast<std::size_t>(k)] = b.i64(linear % shape[k]);
    linear /= shape[k];
  }
  return index;
}

Index Lowering::zero_index(int rank) {
  Index index;
  for (int k = 0; k < rank; ++k) index.push(b.i64(0));
  return index;
}

Index Lowering::split(Id linear, const Dims& lengths) {
  Index index;
  std::int64_t stride = 1;
  for (std::int64_t n : lengths) stride *= n;
  for (std::size_t k = 0; k < lengths.size(); ++k) {
    if (lengths[k] == 0) return zero_index(static_cast<int>(lengths.size()));
    stride /= lengths[k];
    Id at = b.op(Op::kDiv, {linear, b.i64(stride)});
    if (k > 0) at = b.op(Op::kMod, {at, b.i64(lengths[k])});
    index.push(at);
  }
  return index;
}

/// The element at `index` of an array in registers: a chain of selections along each axis whose
/// index is not a literal. Indices out of range (in padding) give some element.
Id Lowering::pick(const Elements& elements, const Shape& shape, const Index& index) {
  const Dims strides = row_major(shape);
  const std::function<Id(int, std::int64_t)> along = [&](int axis, std::int64_t base) -> Id {
    if (axis == shape.rank()) return elements[static_cast<std::size_t>(base)];
    const std::int64_t n = shape[axis], stride = strides[static_cast<std::size_t>(axis)];
    if (b.is_const(index[axis])) {
      const std::int64_t k = std::clamp<std::int64_t>(b.const_i64(index[axis]), 0, n - 1);
      return along(axis + 1, base + k * stride);
    }
    Id result = along(axis + 1, base);
    for (std::int64_t k = 1; k < n; ++k) {
      const Id here = b.op(Op::kEq, {index[axis], b.i64(k)});
      result = b.select(here, along(axis + 1, base + k * stride), result);
    }
    return result;
  };
  ensure(!elements.empty(), "an element of an empty array");
  return along(0, 0);
}

Id Lowering::address(const Ref& ref, const Index& index) {
  Id at = ref.offset == kNoId ? b.i64(0) : ref.offset;
  for (int k = 0; k < index.rank; ++k) {
    at = b.add(at, b.mul(index[k], b.i64(ref.strides[static_cast<std::size_t>(k)])));
  }
  return at;
}

Id Lowering::read(const Ref& ref, const ir::Type& type, const Index& index, Id predicate) {
  switch (ref.kind) {
    case Ref::Kind::kRegisters: {
      if (ref.registers.empty()) return b.constant(type.dtype, 0);
      return pick(ref.registers, type.shape, index);
    }
    case Ref::Kind::kBuffer: {
      const auto known = version_of_buffer_.find(ref.buffer);
      ensure(known != version_of_buffer_.end() && known->second == ref.version,
             "lowering: a value is read after its buffer was reused");
      return b.load(ref.buffer, ref.version, address(ref, index), predicate);
    }
    case Ref::Kind::kOuter: {
      Index full = ref.prefix;
      for (int k = 0; k < index.rank; ++k) full.push(index[k]);
      return element(*ref.frame, ref.value, full, predicate);
    }
    case Ref::Kind::kNone: break;
  }
  throw InternalError("lowering: a value without a place");
}

void Lowering::remember(Frame& fr, Value v, const Index& index, Id id) {
  fr.memo[{v.id, kNoId, index}] = id;
}

Id Lowering::element(Frame& fr, Value v, const Index& index, Id predicate) {
  const auto known = fr.memo.find({v.id, kNoId, index});
  if (known != fr.memo.end() && b.in_scope(known->second)) return known->second;
  const Ref& ref = fr.refs[v.id];
  if (ref.kind != Ref::Kind::kNone) return read(ref, fr.f->type(v), index, predicate);
  const Frame::MemoKey key{v.id, predicate, index};
  if (predicate != kNoId) {
    const auto with = fr.memo.find(key);
    if (with != fr.memo.end() && b.in_scope(with->second)) return with->second;
  }
  const auto literal = [&](Id id) { return b.is_const(id); };
  if (!std::all_of(index.at.begin(), index.at.begin() + index.rank, literal) &&
      better_whole(fr, v)) {
    return pick(whole(fr, v), fr.f->type(v).shape, index);
  }
  ensure(++element_depth_ < 20000, "lowering: an expression is nested too deeply");
  const Id id = compute(fr, v, index, predicate);
  --element_depth_;
  fr.memo[key] = id;
  return id;
}

Lowering::Elements Lowering::all_elements(Frame& fr, Value v) {
  Elements all;
  const Shape& shape = fr.f->type(v).shape;
  for (std::int64_t k = 0; k < shape.size(); ++k) {
    all.push_back(element(fr, v, constant_index(shape, k)));
  }
  return all;
}

/// What one element costs where nothing is known of others: as at an index that is no literal,
/// which memory of elements at other indices does not help.
double Lowering::tree_of(Frame& fr, Value v) {
  if (fr.tree.empty()) fr.tree.assign(fr.f->size(), -1);
  double& known = fr.tree[v.id];
  if (known >= 0) return known;
  const Function& f = *fr.f;
  const Op op = f.op(v);
  double cost = 1;
  if (const Ref& ref = fr.refs[v.id]; ref.kind != Ref::Kind::kNone) {
    if (ref.kind == Ref::Kind::kOuter) cost = tree_of(*ref.frame, ref.value);
  } else if (op != Op::kProject && !ir::is_second_order(op)) {
    for (Value u : f.operands(v)) cost += tree_of(fr, u);
    if (ir::info(op).kind == ir::OpKind::kReduce || op == Op::kDotGeneral) {
      const auto in = static_cast<double>(f.type(f.operand(v, 0)).size());
      cost *= std::max(1.0, in / std::max(1.0, static_cast<double>(f.type(v).size())));
    }
  }
  return fr.tree[v.id] = std::min(cost, 1e30);
}

/// Whether a value that is wanted at an index that is no literal is better made whole and picked
/// from: the operations of one element, nothing shared, are more than all elements take.
bool Lowering::better_whole(Frame& fr, Value v) {
  constexpr double kLongTree = 40;
  constexpr std::int64_t kMost = 256;  // elements in registers
  const std::int64_t size = fr.f->type(v).size();
  return fr.lane && size > 0 && size <= kMost &&
         tree_of(fr, v) > kLongTree + 2 * static_cast<double>(size);
}

const Lowering::Elements& Lowering::whole(Frame& fr, Value v) {
  const auto known = fr.wholes.find(v.id);
  if (known != fr.wholes.end() && b.block_open(known->second.block)) {
    return known->second.results[0];
  }
  Frame::LaneResults made{b.current_block(), {all_elements(fr, v)}};
  return (fr.wholes[v.id] = std::move(made)).results[0];
}

Id Lowering::literal(Frame& fr, Value v, const Index& index, Id predicate) {
  const auto& value = fr.f->attr_as<ir::LiteralAttr>(v).value;
  const DType t = value->type().dtype;
  if (value->size() == 0) return b.constant(t, 0);
  const Dims strides = row_major(value->type().shape);
  std::int64_t linear = 0;
  bool fixed = true;
  for (int k = 0; k < index.rank; ++k) {
    fixed = fixed && b.is_const(index[k]);
    if (fixed) linear += b.const_i64(index[k]) * strides[static_cast<std::size_t>(k)];
  }
  if (fixed) {
    if (linear < 0 || linear >= value->size()) return b.constant(t, 0);
    return b.constant(t, read_element(value->data(), linear, t));
  }
  bool splat = true;
  const Bits first = read_element(value->data(), 0, t);
  for (std::int64_t k = 1; splat && k < value->size(); ++k) {
    splat = read_element(value->data(), k, t) == first;
  }
  if (splat) return b.constant(t, first);
  auto found = constants_.find(value.get());
  if (found == constants_.end()) {
    Buffer buffer;
    buffer.kind = BufferKind::kConstant;
    buffer.dtype = t;
    buffer.count = value->size();
    buffer.data.assign(value->data(), value->data() + value->bytes());
    buffer.note = value->type().text();
    const std::uint32_t id = b.add_buffer(std::move(buffer));
    found = constants_.emplace(value.get(), id).first;
    constant_tensors_.push_back(value);
    version_of_buffer_[id] = 0;  // version 0: what is there when the kernel starts
  }
  Ref ref;
  ref.kind = Ref::Kind::kBuffer;
  ref.buffer = found->second;
  ref.strides = strides;
  return read(ref, value->type(), index, predicate);
}

/// Index over `from` of the element with index `index` over `to`; both have the same row-major
/// order. Axes are matched in groups of equal size, so [N,3] -> [N,1,3] divides nothing.
Index Lowering::reshaped(const Shape& from, const Shape& to, const Index& index) {
  if (from.size() == 0) return zero_index(from.rank());
  Index result;
  int i = 0, j = 0;  // next axis of `to`, of `from`
  while (j < from.rank() || i < to.rank()) {
    if (j < from.rank() && from[j] == 1) {
      result.push(b.i64(0));
      ++j;
      continue;
    }
    if (i < to.rank() && to[i] == 1) {
      ++i;
      continue;
    }
    std::int64_t size_to = to[i], size_from = from[j];
    Id linear = index[i++];
    Dims lengths{from[j++]};
    while (size_to != size_from) {
      if (size_to < size_from) {
        linear = b.add(b.mul(linear, b.i64(to[i])), index[i]);
        size_to *= to[i++];
      } else {
        lengths.push_back(from[j]);
        size_from *= from[j++];
      }
    }
    const Index parts = split(linear, lengths);
    for (int k = 0; k < parts.rank; ++k) result.push(parts[k]);
  }
  return result;
}

Id Lowering::gathered_axis(Frame& fr, Value indices, const Index& place, std::int64_t length,
                           Id predicate) {
  const Id raw = element(fr, indices, place, predicate);
  if (b.type(raw) == DType::kU64) {
    const Id last =
        b.constant(DType::kU64, static_cast<Bits>(std::max<std::int64_t>(length - 1, 0)));
    return b.cast(b.op(Op::kMin, {raw, last}), DType::kI64);
  }
  const Id low = b.op(Op::kMax, {b.cast(raw, DType::kI64), b.i64(0)});
  return b.op(Op::kMin, {low, b.i64(std::max<std::int64_t>(length - 1, 0))});
}

Id Lowering::compute(Frame& fr, Value v, const Index& index, Id predicate) {
  const Function& f = *fr.f;
  const Op op = f.op(v);
  const ir::Type& type = f.type(v);
  const auto operands = f.operands(v);
  const auto shape_of = [&](std::size_t k) -> const Shape& { return f.type(operands[k]).shape; };
  if (ir::is_elementwise(op)) {
    Id x[3];
    for (std::size_t k = 0; k < operands.size(); ++k) {
      x[k] = element(fr, operands[k], index, predicate);
    }
    if (op == Op::kCast || op == Op::kBitcast) {
      return b.type(x[0]) == type.dtype ? x[0] : b.convert(op, x[0], type.dtype);
    }
    return b.op_typed(op, {x, operands.size()});
  }
  switch (op) {
    case Op::kConstant: return literal(fr, v, index, predicate);
    case Op::kIota: {
      const auto axis = static_cast<int>(f.attr_as<ir::AxesAttr>(v).axes[0]);
      return b.cast(index[axis], type.dtype);
    }
    case Op::kReduceSum:
    case Op::kReduceProd:
    case Op::kReduceMin:
    case Op::kReduceMax:
    case Op::kDotGeneral: return reduce_element(fr, v, index, predicate);
    case Op::kReshape:
      if (std::optional<Ref> ref = view(fr, v)) return read(*ref, type, index, predicate);
      return element(fr, operands[0], reshaped(shape_of(0), type.shape, index), predicate);
    case Op::kTranspose: {
      const Dims& perm = f.attr_as<ir::AxesAttr>(v).axes;
      Index from;
      from.rank = index.rank;
      for (int k = 0; k < index.rank; ++k) {
        from.at[static_cast<std::size_t>(perm[static_cast<std::size_t>(k)])] = index[k];
      }
      return element(fr, operands[0], from, predicate);
    }
    case Op::kBroadcast: {
      Index from;
      for (std::int64_t axis : f.attr_as<ir::AxesAttr>(v).axes) {
        from.push(index[static_cast<int>(axis)]);
      }
      return element(fr, operands[0], from, predicate);
    }
    case Op::kSlice: {
      const auto& a = f.attr_as<ir::SliceAttr>(v);
      Index from;
      for (int k = 0; k < index.rank; ++k) {
        const auto at = static_cast<std::size_t>(k);
        from.push(b.add(b.mul(index[k], b.i64(a.stride[at])), b.i64(a.start[at])));
      }
      return element(fr, operands[0], from, predicate);
    }
    case Op::kReverse: {
      Index from = index;
      for (std::int64_t axis : f.attr_as<ir::AxesAttr>(v).axes) {
        const auto k = static_cast<int>(axis);
        from.at[static_cast<std::size_t>(k)] = b.sub(b.i64(type.shape[k] - 1), index[k]);
      }
      return element(fr, operands[0], from, predicate);
    }
    case Op::kPad: {
      const auto& a = f.attr_as<ir::PadAttr>(v);
      Index from;
      Id inside = b.constant(DType::kBool, 1);
      for (int k = 0; k < index.rank; ++k) {
        const auto at = static_cast<std::size_t>(k);
        const std::int64_t n = shape_of(0)[k];
        Id i = b.sub(index[k], b.i64(a.low[at]));
        if (a.low[at] > 0) inside = b.both(inside, b.op(Op::kLe, {b.i64(0), i}));
        if (a.interior[at] > 0) {
          const Id step = b.i64(a.interior[at] + 1);
          inside = b.both(inside, b.op(Op::kEq, {b.op(Op::kMod, {i, step}), b.i64(0)}));
          i = b.op(Op::kDiv, {i, step});
        }
        if (a.high[at] > 0 || n == 0) inside = b.both(inside, b.op(Op::kLt, {i, b.i64(n)}));
        from.push(i);
      }
      const Id outside = element(fr, operands[1], {}, kNoId);
      if (b.is_const(inside)) {
        return b.const_i64(inside) ? element(fr, operands[0], from, predicate) : outside;
      }
      return b.select(inside, element(fr, operands[0], from, b.both(predicate, inside)), outside);
    }
    case Op::kConcatenate: {
      const auto axis = static_cast<int>(f.attr_as<ir::AxesAttr>(v).axes[0]);
      Id result = kNoId;
      std::int64_t end = type.shape[axis];
      for (std::size_t k = operands.size(); k-- > 0;) {
        const std::int64_t n = shape_of(k)[axis], begin = end - n;
        if (n > 0) {
          Id inside = b.both(b.op(Op::kLe, {b.i64(begin), index[axis]}),
                             b.op(Op::kLt, {index[axis], b.i64(end)}));
          if (n == type.shape[axis]) inside = b.constant(DType::kBool, 1);
          Index from = index;
          from.at[static_cast<std::size_t>(axis)] = b.sub(index[axis], b.i64(begin));
          if (!b.is_const(inside)) {
            const Id part = element(fr, operands[k], from, b.both(predicate, inside));
            result = result == kNoId ? part : b.select(inside, part, result);
          } else if (b.const_i64(inside)) {
            result = element(fr, operands[k], from, predicate);
          }
        }
        end = begin;
      }
      return result == kNoId ? b.constant(type.dtype, 0) : result;
    }
    case Op::kGather: {
      Index place, from;
      const int rank = f.type(operands[1]).shape.rank();
      for (int k = 0; k < rank; ++k) place.push(index[k]);
      for (std::size_t k = 1; k < operands.size(); ++k) {
        from.push(
            gathered_axis(fr, operands[k], place, shape_of(0)[static_cast<int>(k) - 1], predicate));
      }
      for (int k = rank; k < index.rank; ++k) from.push(index[k]);
      return element(fr, operands[0], from, predicate);
    }
    case Op::kScatterAdd:
    case Op::kScatterSet: {
      Ref ref;
      ref.kind = Ref::Kind::kRegisters;
      ref.registers = lane_results(fr, v)[0];
      return read(ref, type, index, predicate);
    }
    case Op::kProject: {
      const auto which = static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index);
      if (const auto row = fr.row_values.find(v.id); row != fr.row_values.end()) {
        // An element of this very row at a running index.
        const Frame::RowValues& made = row->second;
        Index rest;
        for (int k = 0; k < index.rank; ++k) {
          if (k >= made.row.rank) {
            rest.push(index[k]);
          } else {
            ensure(index[k] == made.row[k], "lowering: another row is read inside its loop nest");
          }
        }
        const auto inner = type.shape.axes().subspan(static_cast<std::size_t>(made.row.rank));
        return pick(made.values, Shape(inner), rest);
      }
      if (!fr.inlined.empty() && fr.inlined[operands[0].id]) {
        Frame& body = bind_map(fr, operands[0], index[0]);
        Index rest;
        for (int k = 1; k < index.rank; ++k) rest.push(index[k]);
        return element(body, body.f->results()[which], rest, predicate);
      }
      Ref ref;
      ref.kind = Ref::Kind::kRegisters;
      ref.registers = lane_results(fr, operands[0])[which];
      return read(ref, type, index, predicate);
    }
    default: break;
  }
  throw InternalError("lowering: no element of '" + std::string(ir::name_of(op)) + "'");
}

}  // namespace cotangent::kernel
