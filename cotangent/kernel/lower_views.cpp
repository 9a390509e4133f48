// Values that are other values' elements in another order: read and written where those are.
#include <algorithm>
#include <optional>

#include "cotangent/kernel/schedule.h"

namespace cotangent::kernel {

using ir::Op;

/// Axes are matched in groups of equal size, as Lowering::reshaped does; a group of several axes of
/// `from` must lie evenly in memory.
std::optional<Dims> reshaped_strides(const Shape& from, const Dims& strides, const Shape& to) {
  if (from.size() == 0) return std::nullopt;
  Dims out(static_cast<std::size_t>(to.rank()), 0);
  int i = 0, j = 0;
  while (i < to.rank()) {
    if (to[i] == 1) {
      ++i;
      continue;
    }
    while (from[j] == 1) ++j;
    int end_to = i + 1, end_from = j + 1;
    std::int64_t size_to = to[i], size_from = from[j];
    while (size_to != size_from) {
      if (size_to < size_from)
        size_to *= to[end_to++];
      else
        size_from *= from[end_from++];
    }
    std::int64_t step = -1, next = -1;
    for (int k = end_from - 1; k >= j; --k) {
      if (from[k] == 1) continue;
      const std::int64_t stride = strides[static_cast<std::size_t>(k)];
      if (next >= 0 && stride != next) return std::nullopt;
      if (step < 0) step = stride;
      next = stride * from[k];
    }
    for (int k = end_to - 1; k >= i; --k) {
      out[static_cast<std::size_t>(k)] = step;
      step *= to[k];
    }
    i = end_to;
    j = end_from;
  }
  return out;
}

/// Where v lies as a whole, when it is a buffer seen through shape ops and enclosing functions.
std::optional<Ref> Lowering::view(Frame& fr, Value v) {
  const Ref& own = fr.refs[v.id];
  if (own.kind == Ref::Kind::kBuffer) return own;
  if (own.kind == Ref::Kind::kOuter) {
    std::optional<Ref> ref = view(*own.frame, own.value);
    if (!ref) return std::nullopt;
    for (int k = 0; k < own.prefix.rank; ++k) {
      const Id at = b.mul(own.prefix[k], b.i64(ref->strides[static_cast<std::size_t>(k)]));
      ref->offset = ref->offset == kNoId ? at : b.add(ref->offset, at);
    }
    ref->strides.erase(ref->strides.begin(), ref->strides.begin() + own.prefix.rank);
    return ref;
  }
  const Function& f = *fr.f;
  if (own.kind != Ref::Kind::kNone) return std::nullopt;
  if (f.op(v) != Op::kTranspose && f.op(v) != Op::kReshape) return std::nullopt;
  const Value u = f.operand(v, 0);
  std::optional<Ref> ref = view(fr, u);
  if (!ref) return std::nullopt;
  if (f.op(v) == Op::kReshape) {
    const auto strides = reshaped_strides(f.type(u).shape, ref->strides, f.type(v).shape);
    if (!strides) return std::nullopt;
    ref->strides = *strides;
    return ref;
  }
  Dims strides;
  for (std::int64_t axis : f.attr_as<ir::AxesAttr>(v).axes) {
    strides.push_back(ref->strides[static_cast<std::size_t>(axis)]);
  }
  ref->strides = std::move(strides);
  return ref;
}

/// Whether neighbours along an axis lie side by side wherever v's elements come from (or are the
/// same value).
bool Lowering::side_by_side(Frame& fr, Value v, int axis) {
  if (const auto ref = view(fr, v)) return ref->strides[static_cast<std::size_t>(axis)] <= 1;
  const Ref& own = fr.refs[v.id];
  if (own.kind == Ref::Kind::kOuter) {
    return side_by_side(*own.frame, own.value, axis + own.prefix.rank);
  }
  if (own.kind != Ref::Kind::kNone) return false;
  const Function& f = *fr.f;
  if (ir::is_elementwise(f.op(v))) {
    for (Value u : f.operands(v)) {
      if (!side_by_side(fr, u, axis)) return false;
    }
    return true;
  }
  switch (f.op(v)) {
    case Op::kTranspose:
      return side_by_side(
          fr, f.operand(v, 0),
          static_cast<int>(f.attr_as<ir::AxesAttr>(v).axes[static_cast<std::size_t>(axis)]));
    case Op::kBroadcast: {
      const Dims& dims = f.attr_as<ir::AxesAttr>(v).axes;
      for (std::size_t k = 0; k < dims.size(); ++k) {
        if (dims[k] == axis) return side_by_side(fr, f.operand(v, 0), static_cast<int>(k));
      }
      return true;
    }
    case Op::kConstant: return row_major(f.type(v).shape)[static_cast<std::size_t>(axis)] <= 1;
    default: return false;
  }
}

/// Whether a body reads each element of a parameter once, as the rows of one map.
bool reads_rows_once(const Function& f, Value v) {
  for (;;) {
    Value user;
    int users = 0;
    for (std::uint32_t id = v.id + 1; id < f.size(); ++id) {
      for (Value u : f.operands(Value{id})) {
        if (u == v) ++users, user = Value{id};
      }
    }
    for (Value r : f.results()) users += r == v;
    if (users != 1 || !user.valid()) return false;
    const Op op = f.op(user);
    if (op == Op::kMap) {
      const std::int64_t rows = f.attr_as<ir::MapAttr>(user).rows;
      for (std::int64_t k = 0; k < rows; ++k) {
        if (f.operand(user, static_cast<std::size_t>(k)) == v) return true;
      }
      return false;
    }
    if (op != Op::kReshape && op != Op::kTranspose && !ir::is_elementwise(op)) return false;
    v = user;
  }
}

// --- results of maps written where a view of them is wanted

namespace {

/// Strides of an array of ours; short rows stay side by side.
Dims padded_row_major(const ir::Type& t) {
  constexpr std::int64_t kPadded = 512;  // bytes
  Dims strides = row_major(t.shape);
  const int rank = t.shape.rank();
  if (rank < 2) return strides;
  const std::int64_t n = t.shape[rank - 1];
  if (n * static_cast<std::int64_t>(size_of(t.dtype)) < kPadded) return strides;
  std::int64_t stride = row_stride(n, t.dtype);
  for (int k = rank - 2; k >= 0; --k) {
    strides[static_cast<std::size_t>(k)] = stride;
    stride *= t.shape[k];
  }
  return strides;
}

}  // namespace

/// Collects the map results that v is put together from, each with its place in `dest`. False when
/// there is anything else, or another reader.
bool Scheduler::parts_of(Value v, const Ref& dest, bool top, std::vector<Want>& parts) const {
  if (!top && uses_[v.id] != 1) return false;
  if (fr_.refs[v.id].kind != Ref::Kind::kNone) return false;
  const auto operands = f_.operands(v);
  Ref at = dest;
  switch (f_.op(v)) {
    case Op::kProject: {
      const Value node = operands[0];
      if (f_.op(node) != Op::kMap || fr_.refs[node.id].kind != Ref::Kind::kNone) return false;
      const ir::FunctionPtr body = ir::body_of(f_.attr(node));
      for (const Want& w : wants_) {
        if (!top && w.value == v) return false;
      }
      if (is_plain_body(*body)) return false;
      if (!l_.in_lanes_ && l_.in_registers_whole(*body)) return false;
      Want part;
      part.value = v;
      part.has_dest = true;
      part.dest = dest;
      parts.push_back(std::move(part));
      return true;
    }
    case Op::kTranspose: {
      const Dims& perm = f_.attr_as<ir::AxesAttr>(v).axes;
      for (std::size_t k = 0; k < perm.size(); ++k) {
        at.strides[static_cast<std::size_t>(perm[k])] = dest.strides[k];
      }
      return parts_of(operands[0], at, false, parts);
    }
    case Op::kReshape: {
      const auto strides = reshaped_strides(type(v).shape, dest.strides, type(operands[0]).shape);
      if (!strides) return false;
      at.strides = *strides;
      return parts_of(operands[0], at, false, parts);
    }
    case Op::kConcatenate: {
      const auto axis = static_cast<std::size_t>(f_.attr_as<ir::AxesAttr>(v).axes[0]);
      std::int64_t begin = 0;
      for (Value u : operands) {
        const Id shift = b_.i64(begin * dest.strides[axis]);
        at.offset = dest.offset == kNoId ? shift : b_.add(dest.offset, shift);
        if (!parts_of(u, at, false, parts)) return false;
        begin += type(u).shape[static_cast<int>(axis)];
      }
      return true;
    }
    default: return false;
  }
}

/// The values seen through, down to the parts: nothing is computed for them.
void Scheduler::forget_views(Value v) {
  if (f_.op(v) == Op::kProject) {
    uses_[v.id] = 0;
    return;
  }
  viewed_[v.id] = 1;
  for (Value u : f_.operands(v)) forget_views(u);
}

/// Whether the rows of a map over the columns of v, its only reader, become as many places of a
/// result that lie as v's would without padding: then v may be that result (reuse_results.h).
bool Scheduler::becomes_result(Value v, const std::vector<Want>& wants) const {
  const std::int64_t count = type(v).size();
  Dims strides = row_major(type(v).shape);
  for (;;) {
    Value user;
    for (std::uint32_t id = v.id + 1; id < f_.size() && !user.valid(); ++id) {
      for (Value u : f_.operands(Value{id})) {
        if (u == v) user = Value{id};
      }
    }
    if (!user.valid() || uses_[v.id] != 1) return false;
    if (f_.op(user) == Op::kMap) {
      return std::any_of(wants.begin(), wants.end(), [&](const Want& w) {
        return f_.op(w.value) == Op::kProject && f_.operand(w.value, 0) == user && w.has_dest &&
               l_.program_.buffers[w.dest.buffer].kind == BufferKind::kOutput &&
               type(w.value).size() == count && strides.front() == 1 && w.dest.strides == strides;
      });
    }
    if (f_.op(user) == Op::kTranspose) {
      Dims turned;
      for (std::int64_t axis : f_.attr_as<ir::AxesAttr>(user).axes) {
        turned.push_back(strides[static_cast<std::size_t>(axis)]);
      }
      strides = turned;
    } else if (f_.op(user) == Op::kReshape) {
      const auto reshaped = reshaped_strides(type(v).shape, strides, type(user).shape);
      if (!reshaped) return false;
      strides = *reshaped;
    } else {
      return false;
    }
    v = user;
  }
}

void Scheduler::place_views() {
  viewed_.assign(f_.size(), 0);
  std::vector<Want> wants;
  for (Want& want : wants_) {
    std::vector<Want> parts;
    const bool view = f_.op(want.value) != Op::kProject;
    const bool plain = want.has_dest && want.carry < 0 && want.guard == kNoId && view &&
                       want.every == 1 && want.side_by_side;
    if (plain && uses_[want.value.id] == 0 && wanted_once(want.value) &&
        parts_of(want.value, want.dest, true, parts)) {
      forget_views(want.value);
      for (Want& part : parts) {
        part.side_by_side = want.side_by_side;
        wants.push_back(std::move(part));
      }
    } else {
      wants.push_back(std::move(want));
    }
  }
  // Between maps: an array of its own, in the order that the view has.
  if (!l_.in_lanes_) {
    for (std::uint32_t id = static_cast<std::uint32_t>(f_.size()); id-- > 0;) {
      const Value v{id};
      const bool view =
          f_.op(v) == Op::kTranspose || f_.op(v) == Op::kReshape || f_.op(v) == Op::kConcatenate;
      if (!view || !needed_[id] || viewed_[id] || uses_[id] == 0) continue;
      Ref ref;
      ref.kind = Ref::Kind::kBuffer;
      std::vector<Want> parts;
      bool placed = false;
      const bool in_place = becomes_result(v, wants);
      for (const Dims& strides : {in_place ? row_major(type(v).shape) : padded_row_major(type(v)),
                                  row_major(type(v).shape)}) {
        ref.strides = strides;
        parts.clear();
        placed = parts_of(v, ref, true, parts);
        if (placed) break;
      }
      if (!placed) continue;
      // A transposition whose lanes would not write side by side is left to the reader.
      const bool scattered = std::any_of(parts.begin(), parts.end(), [&](const Want& part) {
        const auto& a = f_.attr_as<ir::MapAttr>(f_.operand(part.value, 0));
        const bool lanes = runs_in_lanes(*a.body, a.count);
        return (lanes ? part.dest.strides.front() : part.dest.strides.back()) != 1;
      });
      if (scattered && f_.op(v) == Op::kTranspose) continue;
      Buffer buffer;
      if (l_.in_shared_) buffer.kind = BufferKind::kThread;
      buffer.dtype = type(v).dtype;
      const Shape& shape = type(v).shape;
      buffer.count = shape.rank() == 0 ? 1 : ref.strides[0] * shape[0];
      buffer.note = type(v).text() + ", a view of what maps give";
      ref.buffer = b_.add_buffer(std::move(buffer));
      l_.touch(ref);
      forget_views(v);
      for (Want& part : parts) {
        part.dest.buffer = ref.buffer;
        part.dest.version = ref.version;
        part.top = v;
        part.whole = ref;
        wants.push_back(std::move(part));
      }
    }
  }
  wants_ = std::move(wants);
}

bool Scheduler::wanted_once(Value v) const {
  int times = 0;
  for (const Want& w : wants_) times += w.value == v;
  return times == 1;
}

}  // namespace cotangent::kernel
