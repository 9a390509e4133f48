// Block mode: the loop nests of a schedule.
#include <algorithm>

#include "cotangent/kernel/schedule.h"

namespace cotangent::kernel {

using ir::Op;
using ir::Role;

// --- buffers and rows

std::int64_t row_stride(std::int64_t n, DType t) {
  constexpr std::int64_t kLine = 64, kPage = 4096;
  const auto size = static_cast<std::int64_t>(size_of(t));
  std::int64_t bytes = (n * size + kLine - 1) / kLine * kLine;
  if (bytes >= kPage && bytes % (4 * kLine) == 0) bytes += kLine;
  return bytes / size;
}

Ref Lowering::new_buffer(const ir::Type& type, const std::string& note) {
  const Shape& shape = type.shape;
  Ref ref;
  ref.kind = Ref::Kind::kBuffer;
  Buffer buffer;
  buffer.dtype = type.dtype;
  buffer.note = type.text() + (note.empty() ? "" : ", " + note);
  const int axis = layout_of(shape).simd_axis;
  if (in_shared_) buffer.kind = BufferKind::kThread;
  if (in_lanes_) buffer.kind = BufferKind::kLane;
  if (axis < 0 || in_lanes_) {
    ref.strides = row_major(shape);
    buffer.count = shape.size();
  } else {
    // Planes of the simd axis, each padded to 64 bytes: [outer.., inner.., simd].
    std::int64_t stride = row_stride(shape[axis], type.dtype);
    ref.strides.assign(static_cast<std::size_t>(shape.rank()), 1);
    for (int k = shape.rank() - 1; k > axis; --k) {
      ref.strides[static_cast<std::size_t>(k)] = stride;
      stride *= shape[k];
    }
    for (int k = axis - 1; k >= 0; --k) {
      ref.strides[static_cast<std::size_t>(k)] = stride;
      stride *= shape[k];
    }
    buffer.count = stride;
    buffer.plane = shape[axis];
  }
  ref.buffer = b.add_buffer(std::move(buffer));
  touch(ref);
  return ref;
}

Ref Lowering::raw_buffer(const ir::Type& type, const std::string& note) {
  Ref ref;
  ref.kind = Ref::Kind::kBuffer;
  ref.strides = row_major(type.shape);
  Buffer buffer;
  buffer.dtype = type.dtype;
  buffer.count = type.size();
  buffer.note = type.text() + ", " + note;
  if (in_shared_) buffer.kind = BufferKind::kThread;
  ref.buffer = b.add_buffer(std::move(buffer));
  touch(ref);
  return ref;
}

void Lowering::touch(Ref& ref) {
  ref.version = b.new_version();
  version_of_buffer_[ref.buffer] = ref.version;
}

void Lowering::store_element(const Ref& to, const Index& index, Id value) {
  b.store(to.buffer, address(to, index), value);
}

/// In lanes, `unit` rows in one turn of the innermost loop: neighbouring elements of each lane then
/// stand together, and are read or written as whole rows of memory.
void Lowering::for_row_units(const Domain& domain, std::int64_t unit,
                             const std::function<void(const Index& row)>& row) {
  const std::int64_t n = domain.lengths.empty() ? 0 : domain.lengths.back();
  if (!in_lanes_ || unit < 2 || n < unit) return for_rows(domain, row);
  Index outer;
  for (std::size_t k = 0; k + 1 < domain.lengths.size(); ++k) {
    if (domain.lengths[k] == 0) return;
    outer.push(b.open_for(ForKind::kSerial, b.i64(0), b.i64(domain.lengths[k])).index);
  }
  const auto at = [&](Id last) {
    Index index = outer;
    index.push(last);
    row(index);
  };
  const auto units = b.open_for(ForKind::kSerial, b.i64(0), b.i64(n / unit));
  const Id first = b.mul(units.index, b.i64(unit));
  for (std::int64_t k = 0; k < unit; ++k) at(b.add(first, b.i64(k)));
  b.close_for();
  if (n % unit != 0) {
    at(b.open_for(ForKind::kSerial, b.i64(n / unit * unit), b.i64(n)).index);
    b.close_for();
  }
  for (std::size_t k = 0; k + 1 < domain.lengths.size(); ++k) b.close_for();
}

void Lowering::for_rows(const Domain& domain, const std::function<void(const Index& row)>& row) {
  Index index;
  if (domain.lengths.empty()) return row(index);
  for (std::int64_t n : domain.lengths) {
    if (n == 0) return;
  }
  // Where there is an outer loop, threads share that: one barrier for all its rows.
  const bool shares =
      domain.lengths.size() > 1 && domain.lengths[0] >= kLeastShared && !in_lanes_ && !in_shared_;
  for (std::size_t k = 0; k < domain.lengths.size(); ++k) {
    const bool last = k + 1 == domain.lengths.size();
    const ForKind kind = k == 0 && shares     ? ForKind::kShared
                         : last && !in_lanes_ ? ForKind::kParallel
                                              : ForKind::kSerial;
    index.push(b.open_for(kind, b.i64(0), b.i64(domain.lengths[k])).index);
  }
  if (shares) in_shared_ = true;
  row(index);
  if (shares) in_shared_ = false;
  for (std::size_t k = 0; k < domain.lengths.size(); ++k) b.close_for();
}

void Lowering::for_row_elements(const Shape& shape, const Domain& domain, const Index& row,
                                const std::function<void(const Index&)>& visit) {
  Dims rest;
  for (int k = static_cast<int>(domain.lengths.size()); k < shape.rank(); ++k)
    rest.push_back(shape[k]);
  const Shape inner{std::span<const std::int64_t>(rest)};
  for (std::int64_t e = 0; e < inner.size(); ++e) {
    const Index at = constant_index(inner, e);
    Index full = row;
    for (int k = 0; k < at.rank; ++k) full.push(at[k]);
    visit(full);
  }
}

void Lowering::copy_into(Frame& fr, Value v, const Ref& to) {
  const Shape shape = fr.f->type(v).shape;
  const Domain domain = domain_of(shape);
  const auto unit = static_cast<std::int64_t>(64 / size_of(fr.f->type(v).dtype));
  for_row_units(domain, unit, [&](const Index& row) {
    std::vector<std::pair<Index, Id>> stores;
    for_row_elements(shape, domain, row,
                     [&](const Index& at) { stores.emplace_back(at, element(fr, v, at)); });
    for (const auto& [at, id] : stores) store_element(to, at, id);
  });
}

void Lowering::copy_buffer(const ir::Type& type, const Ref& from, const Ref& to) {
  const Domain domain = domain_of(type.shape);
  for_rows(domain, [&](const Index& row) {
    for_row_elements(type.shape, domain, row,
                     [&](const Index& at) { store_element(to, at, read(from, type, at, kNoId)); });
  });
}

void Lowering::fill_zero(const ir::Type& type, const Ref& to) {
  const Domain domain = domain_of(type.shape);
  for_rows(domain, [&](const Index& row) {
    for_row_elements(type.shape, domain, row,
                     [&](const Index& at) { store_element(to, at, b.constant(type.dtype, 0)); });
  });
}

// --- emission

Scheduler::Out* Scheduler::out_of(Node& n, std::size_t result) {
  for (Out& out : n.outs) {
    if (out.value.valid() && f_.op(out.value) == Op::kProject &&
        f_.attr_as<ir::IndexAttr>(out.value).index == static_cast<std::int64_t>(result)) {
      return &out;
    }
  }
  return nullptr;
}

/// After the stores: later readers see the new contents.
void Scheduler::finish(Out& out) {
  if (!out.memory) return;
  l_.touch(out.ref);
  if (out.value.valid()) fr_.refs[out.value.id] = out.ref;
  if (out.want && out.want->top.valid()) {
    Ref& whole = fr_.refs[out.want->top.id] = out.want->whole;
    whole.version = out.ref.version;
  }
}

void Scheduler::emit_row(Node& n, const Index& row,
                         std::vector<std::pair<Id, std::pair<Out*, Index>>>& stores) {
  const auto keep = [&](Out& out, const Index& at, Id id) {
    if (out.value.valid()) l_.remember(fr_, out.value, at, id);
    if (out.memory) stores.push_back({id, {&out, at}});
  };
  if (n.kind == Kind::kPoint) {
    Out& out = n.outs[0];
    l_.for_row_elements(type(n.value).shape, n.domain, row,
                        [&](const Index& at) { keep(out, at, l_.element(fr_, n.value, at)); });
    return;
  }
  const bool pair = n.kind == Kind::kPair;
  const auto results_at = [&](bool at_j) {
    const std::vector<std::size_t> which = results_of(n, at_j);
    if (which.empty()) return;
    const auto& written = at_j ? n.rows_j : n.rows_i;
    const std::vector<Id> all = !written.empty()
                                    ? written[static_cast<std::size_t>(b_.const_i64(row[0]))]
                                : pair ? l_.pair_row(fr_, n.value, row[0], at_j, which)
                                       : l_.body_results(l_.bind_map(fr_, n.value, row[0]), which);
    std::size_t next = 0;
    for (std::size_t r : which) {
      Out& out = *out_of(n, r);
      const auto row_size = type(out.value).size() / std::max<std::int64_t>(n.domain.lengths[0], 1);
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(next);
      fr_.row_values[out.value.id] = {row, {begin, begin + static_cast<std::ptrdiff_t>(row_size)}};
      l_.for_row_elements(type(out.value).shape, n.domain, row,
                          [&](const Index& at) { keep(out, at, all[next++]); });
    }
  };
  results_at(false);
  results_at(true);
}

/// Which results of a map or of a sum over pairs are wanted, of those at i or those at j.
std::vector<std::size_t> Scheduler::results_of(Node& n, bool at_j) {
  std::vector<std::size_t> which;
  for (const Out& out : n.outs) {
    const auto r = static_cast<std::size_t>(f_.attr_as<ir::IndexAttr>(out.value).index);
    const bool second =
        n.kind == Kind::kPair && f_.attr_as<ir::PairAttr>(n.value).roles[r] == Role::kAtJ;
    if (second == at_j) which.push_back(r);
  }
  return which;
}

/// Whether the pairs of a group in a lane are written out: there are few, and what they read is
/// made before the group.
bool Scheduler::writes_out(const std::vector<Node*>& group) const {
  if (!l_.in_lanes_) return false;
  bool any = false;
  for (const Node* n : group) {
    if (n->kind == Kind::kMap) {
      const auto& map = f_.attr_as<ir::MapAttr>(n->value);
      if (lane_cost(*map.body) * n->domain.lengths[0] > kMaxPairCost) return false;
    }
    if (n->kind != Kind::kPair) continue;
    any = true;
    if (!pairs_stand_alone(f_.attr_as<ir::PairAttr>(n->value))) return false;
    for (const Dep& dep : n->deps) {
      if (dep.node >= 0 && std::ranges::count(group, &nodes_[static_cast<std::size_t>(dep.node)])) {
        return false;
      }
    }
  }
  return any;
}

void Scheduler::emit_group(const std::vector<Node*>& group) {
  for (Node* n : group) {
    for (Out& out : n->outs) {
      if (!out.memory || out.ref.kind != Ref::Kind::kNone) continue;
      if (out.want) {
        out.ref = out.want->dest;
      } else {
        out.ref = l_.new_buffer(type(out.value), "");
      }
    }
  }
  std::int64_t unit = 1;
  for (Node* n : group) {
    for (const Out& out : n->outs) {
      if (n->kind != Kind::kPoint || !out.want || out.want->side_by_side) continue;
      unit = static_cast<std::int64_t>(64 / size_of(type(n->value).dtype));
    }
  }
  const auto emit = [&](const Index& row) {
    std::vector<std::pair<Id, std::pair<Out*, Index>>> stores;
    for (Node* n : group) emit_row(*n, row, stores);
    for (const auto& [id, where] : stores) l_.store_element(where.first->ref, where.second, id);
  };
  if (writes_out(group)) {
    for (Node* n : group) {
      if (n->kind != Kind::kPair) continue;
      n->rows_i = l_.pair_rows(fr_, n->value, false, results_of(*n, false));
      n->rows_j = l_.pair_rows(fr_, n->value, true, results_of(*n, true));
    }
    for (std::int64_t k = 0; k < group[0]->domain.lengths[0]; ++k) {
      Index row;
      row.push(b_.i64(k));
      emit(row);
    }
  } else {
    l_.for_row_units(group[0]->domain, unit, emit);
  }
  fr_.row_values.clear();
  for (Node* n : group) {
    for (Out& out : n->outs) finish(out);
  }
}

void Scheduler::emit_single(Node& n) {
  switch (n.kind) {
    case Kind::kRegisters:
    case Kind::kReduce: {
      Out& out = n.outs[0];
      const std::vector<Id> all = n.kind == Kind::kReduce ? l_.reduce_to_registers(fr_, n.value)
                                                          : l_.all_elements(fr_, n.value);
      if (out.want && out.want->has_dest) {
        const Shape& shape = type(n.value).shape;
        for (std::size_t k = 0; k < all.size(); ++k) {
          l_.store_element(out.want->dest, l_.constant_index(shape, static_cast<std::int64_t>(k)),
                           all[k]);
        }
        l_.touch(out.want->dest);
      }
      if (out.value.valid()) {
        Ref& ref = fr_.refs[out.value.id];
        ref.kind = Ref::Kind::kRegisters;
        ref.registers = all;
      }
      return;
    }
    case Kind::kScatter: return emit_scatter(n);
    case Kind::kLoop: return emit_loop(n);
    case Kind::kCall: return emit_call(n);
    case Kind::kProduct: return emit_product(n);
    case Kind::kMapSerial: return emit_map_body(n, map_kind(n));
    case Kind::kMapLanes: return emit_map_body(n, ForKind::kParallel);
    case Kind::kWhile: return emit_while(n);
    case Kind::kCond: return emit_cond(n);
    case Kind::kPairSerial: return emit_pair_serial(n);
    case Kind::kGuard: return emit_guard(n);
    default: throw InternalError("lowering: not a single node");
  }
}

void Scheduler::emit_guard(Node& n) {
  b_.open_if(n.guarded[0].guard);
  Frame& sub = l_.new_frame(fr_.keep, false);
  sub.f = fr_.f;
  sub.refs = fr_.refs;
  std::vector<Want> wants = n.guarded;
  for (Want& w : wants) {
    w.guard = kNoId;
    w.dest.offset = w.slot();
  }
  l_.schedule(sub, std::move(wants));
  b_.close_if();
}

void Scheduler::emit_scatter(Node& n) {
  Out& out = n.outs[0];
  const Value v = n.value;
  const auto operands = f_.operands(v);
  if (out.ref.kind == Ref::Kind::kNone) {
    out.ref = out.want ? out.want->dest : l_.new_buffer(type(v), "");
  }
  out.memory = true;
  Ref& to = out.ref;
  const Ref& from = fr_.refs[operands[0].id];
  const bool in_place = from.kind == Ref::Kind::kBuffer && from.buffer == to.buffer;
  if (!in_place) l_.copy_into(fr_, operands[0], to);
  const Shape& shape = type(v).shape;
  const Shape& places = type(operands[2]).shape;
  const std::size_t indices = operands.size() - 2;
  Dims rest;
  for (int k = static_cast<int>(indices); k < shape.rank(); ++k) rest.push_back(shape[k]);
  const Shape rest_shape{std::span<const std::int64_t>(rest)};
  if (places.size() > 0 && shape.size() > 0) {
    const auto loop = b_.open_for(ForKind::kSerial, b_.i64(0), b_.i64(places.size()));
    l_.touch(to);
    const Index place = l_.split(loop.index, Dims(places.begin(), places.end()));
    Index head;
    for (std::size_t k = 0; k < indices; ++k) {
      head.push(l_.gathered_axis(fr_, operands[k + 2], place, shape[static_cast<int>(k)], kNoId));
    }
    const Domain domain = domain_of(rest_shape);
    const Ref current = to;
    l_.for_rows(domain, [&](const Index& row) {
      l_.for_row_elements(rest_shape, domain, row, [&](const Index& at) {
        Index target = head, source = place;
        for (int k = 0; k < at.rank; ++k) target.push(at[k]), source.push(at[k]);
        Id value = l_.element(fr_, operands[1], source);
        if (f_.op(v) == Op::kScatterAdd)
          value = b_.add(l_.read(current, type(v), target, kNoId), value);
        l_.store_element(current, target, value);
      });
    });
    b_.close_for();
  }
  finish(out);
}

/// Of a map that runs its instances one after another: threads share them where there are enough
/// for all. The library shares its own work out.
ForKind Scheduler::map_kind(const Node& n) const {
  const std::int64_t count = f_.attr_as<ir::MapAttr>(n.value).count;
  const bool shares = count >= kLeastShared && !l_.in_lanes_ && !l_.in_shared_ &&
                      !l_.calls_library(*ir::body_of(f_.attr(n.value)));
  return shares ? ForKind::kShared : ForKind::kSerial;
}

/// Runs the body of a map as a schedule of its own for every index of an outer loop.
void Scheduler::emit_map_body(Node& n, ForKind kind) {
  const ir::MapAttr a = f_.attr_as<ir::MapAttr>(n.value);
  const ir::FunctionPtr body = split_totals(a.body);
  for (Out& out : n.outs) {
    out.memory = true;
    if (out.ref.kind == Ref::Kind::kNone) {
      out.ref = out.want              ? out.want->dest
                : gives_whole_rows(n) ? l_.raw_buffer(type(out.value), "products of matrices")
                                      : l_.new_buffer(type(out.value), "");
    }
  }
  if (a.count > 0) {
    const auto loop = b_.open_for(kind, b_.i64(0), b_.i64(a.count));
    const bool lanes = is_simd(kind), shared = kind == ForKind::kShared;
    if (lanes) l_.in_lanes_ = true;
    if (shared) l_.in_shared_ = true;
    Frame& inner = l_.new_frame(body, false);
    l_.bind_registers(inner, 0, {loop.index});
    const auto operands = f_.operands(n.value);
    std::vector<char> used(body->size(), 0);
    for (std::uint32_t id = 0; id < body->size(); ++id) {
      for (Value u : body->operands(Value{id})) used[u.id] = 1;
    }
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const bool row = static_cast<std::int64_t>(k) < a.rows;
      if (row)
        l_.bind_outer(inner, k + 1, fr_, operands[k], {loop.index});
      else
        l_.bind_outer(inner, k + 1, fr_, operands[k], {});
      // A lane reads its own row from memory that lies side by side with its neighbours'.
      const Value param = body->params()[k + 1];
      const bool there = reads_rows_once(*body, param) && l_.side_by_side(fr_, operands[k], 0);
      if (lanes && row && used[param.id] && !there && !in_registers(body->type(param).shape)) {
        Ref own = l_.new_buffer(body->type(param), "a row, for its lane");
        l_.copy_into(inner, param, own);
        l_.touch(own);
        inner.refs[param.id] = own;
      }
    }
    std::vector<Want> wants;
    for (Out& out : n.outs) {
      Want w;
      w.value =
          body->results()[static_cast<std::size_t>(f_.attr_as<ir::IndexAttr>(out.value).index)];
      w.has_dest = true;
      w.dest = out.ref;
      const Id row = b_.mul(loop.index, b_.i64(out.ref.strides[0]));
      w.dest.offset = out.ref.offset == kNoId ? row : b_.add(out.ref.offset, row);
      w.side_by_side = !l_.in_lanes_ || (lanes && out.ref.strides[0] == 1);
      w.dest.strides.erase(w.dest.strides.begin());
      wants.push_back(std::move(w));
    }
    l_.schedule(inner, std::move(wants));
    if (lanes) l_.in_lanes_ = false;
    if (shared) l_.in_shared_ = false;
    b_.close_for();
  }
  for (Out& out : n.outs) finish(out);
}

void Scheduler::emit_pair_serial(Node& n) {
  const ir::PairAttr a = f_.attr_as<ir::PairAttr>(n.value);
  const ir::FunctionPtr body = split_totals(a.body);
  for (Out& out : n.outs) {
    out.memory = true;
    out.ref = l_.new_buffer(type(out.value), "");
    l_.fill_zero(type(out.value), out.ref);
  }
  // Ascending in i, then in j, as the evaluator does it: each row receives its terms in order.
  const auto outer = b_.open_for(ForKind::kSerial, b_.i64(0), b_.i64(a.count));
  const bool less = a.kind == ir::PairKind::kLess;
  const auto loop = b_.open_for(ForKind::kSerial, less ? b_.add(outer.index, b_.i64(1)) : b_.i64(0),
                                b_.i64(a.count), {}, less ? kNoId : outer.index);
  Frame& inner = l_.new_frame(body, false);
  l_.bind_registers(inner, 0, {outer.index});
  l_.bind_registers(inner, 1, {loop.index});
  const auto operands = f_.operands(n.value);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const auto at = static_cast<std::int64_t>(k);
    if (at < a.rows_i) {
      l_.bind_outer(inner, k + 2, fr_, operands[k], {outer.index});
    } else if (at < a.rows_i + a.rows_j) {
      l_.bind_outer(inner, k + 2, fr_, operands[k], {loop.index});
    } else {
      l_.bind_outer(inner, k + 2, fr_, operands[k], {});
    }
  }
  std::vector<Want> wants;
  for (Out& out : n.outs) {
    Want w;
    w.value = body->results()[static_cast<std::size_t>(f_.attr_as<ir::IndexAttr>(out.value).index)];
    w.has_dest = true;
    w.dest = l_.new_buffer(body->type(w.value), "term of a pair");
    wants.push_back(std::move(w));
  }
  l_.schedule(inner, wants);
  for (std::size_t k = 0; k < n.outs.size(); ++k) {
    Out& out = n.outs[k];
    const auto r = static_cast<std::size_t>(f_.attr_as<ir::IndexAttr>(out.value).index);
    const ir::Type row_type = a.body->result_type(r);
    l_.touch(wants[k].dest);
    l_.touch(out.ref);
    Ref row = out.ref;
    row.offset =
        b_.mul(a.roles[r] == Role::kAtJ ? loop.index : outer.index, b_.i64(out.ref.strides[0]));
    row.strides.erase(row.strides.begin());
    const Domain domain = domain_of(row_type.shape);
    l_.for_rows(domain, [&](const Index& at_row) {
      l_.for_row_elements(row_type.shape, domain, at_row, [&](const Index& at) {
        const Id sum =
            b_.add(l_.read(row, row_type, at, kNoId), l_.read(wants[k].dest, row_type, at, kNoId));
        l_.store_element(row, at, sum);
      });
    });
  }
  b_.close_for();
  b_.close_for();
  for (Out& out : n.outs) finish(out);
}

void Scheduler::emit_loop(Node& n) {
  const ir::LoopAttr a = f_.attr_as<ir::LoopAttr>(n.value);
  const ir::FunctionPtr body = split_totals(a.body);
  const std::vector<Value> operands(f_.operands(n.value).begin(), f_.operands(n.value).end());
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  const auto inputs = static_cast<std::size_t>(a.inputs);
  Id first = b_.i64(0), count = b_.i64(a.trip);
  if (a.dynamic) {
    first = l_.element(fr_, operands[invariants + carries + inputs], {});
    count = l_.element(fr_, operands[invariants + carries + inputs + 1], {});
    count = b_.op(Op::kMin, {b_.op(Op::kMax, {count, b_.i64(0)}), b_.i64(a.trip)});
  }

  // Carries: small ones in registers, the others in a buffer that every iteration updates.
  std::vector<Ref> carry(carries);
  std::vector<std::vector<Id>> inits(carries);
  std::vector<Id> all_inits;
  for (std::size_t c = 0; c < carries; ++c) {
    const Value init = operands[invariants + c];
    const ir::Type& t = type(init);
    if (in_registers(t.shape)) {
      inits[c] = l_.all_elements(fr_, init);
      all_inits.insert(all_inits.end(), inits[c].begin(), inits[c].end());
      continue;
    }
    Out* out = out_of(n, c);
    if (out && out->ref.kind == Ref::Kind::kNone && out->want) out->ref = out->want->dest;
    carry[c] = out && out->ref.kind != Ref::Kind::kNone ? out->ref : l_.new_buffer(t, "carry");
    const Ref& from = fr_.refs[init.id];
    const bool there = from.kind == Ref::Kind::kBuffer && from.buffer == carry[c].buffer;
    if (!there) l_.copy_into(fr_, init, carry[c]);
  }

  // Outputs: one slot an emission.
  const auto types = f_.result_types(n.value);
  std::vector<Ref> output(a.every.size());
  for (std::size_t o = 0; o < a.every.size(); ++o) {
    Out* out = out_of(n, carries + o);
    if (!out) continue;
    const ir::Type& t = types[carries + o];
    const ir::Type row = body->result_type(carries + o);
    if (out->want) {
      output[o] = out->want->dest;
    } else {
      // Rows laid out as a row of their own would be.
      Ref slot = l_.new_buffer(row, "");
      Buffer& buffer = l_.program_.buffers[slot.buffer];
      slot.strides.insert(slot.strides.begin(), buffer.count);
      buffer.count *= t.shape[0];
      buffer.note = t.text() + ", outputs of a loop";
      output[o] = slot;
    }
    out->memory = true;
    out->ref = output[o];
    if (a.dynamic || a.trip % a.every[o] != 0) l_.fill_zero(t, output[o]);
  }

  const auto loop = b_.open_steps(count, all_inits);
  const Id iteration = b_.add(first, loop.index);
  Frame& inner = l_.new_frame(body, false);
  l_.bind_registers(inner, 0, {iteration});
  for (std::size_t k = 0; k < invariants; ++k) l_.bind_outer(inner, k + 1, fr_, operands[k], {});
  std::vector<Want> wants;
  std::size_t next = 0;
  for (std::size_t c = 0; c < carries; ++c) {
    const Value param = body->params()[invariants + c + 1];
    Want w;
    w.value = body->results()[c];
    if (in_registers(body->type(param).shape)) {
      const auto at = loop.args.begin() + static_cast<std::ptrdiff_t>(next);
      l_.bind_registers(inner, invariants + c + 1,
                        {at, at + static_cast<std::ptrdiff_t>(inits[c].size())});
      next += inits[c].size();
      wants.push_back(std::move(w));
      continue;
    }
    l_.touch(carry[c]);
    inner.refs[param.id] = carry[c];
    if (w.value == param) continue;
    w.has_dest = true;
    w.dest = carry[c];
    w.carry = static_cast<int>(c);
    w.carry_param = param;
    wants.push_back(std::move(w));
  }
  for (std::size_t k = 0; k < inputs; ++k) {
    l_.bind_outer(inner, invariants + carries + k + 1, fr_, operands[invariants + carries + k],
                  {loop.index});
  }
  const Id done = b_.add(iteration, b_.i64(1));
  for (std::size_t o = 0; o < a.every.size(); ++o) {
    if (!out_of(n, carries + o) || body->result_type(carries + o).size() == 0) continue;
    Want w;
    w.value = body->results()[carries + o];
    w.has_dest = true;
    w.dest = output[o];
    w.every = a.every[o];
    const Id base = w.dest.offset;
    const std::int64_t stride = w.dest.strides[0];
    const auto offset_of = [this, base, stride](Id slot) {
      const Id at = b_.mul(slot, b_.i64(stride));
      return base == kNoId ? at : b_.add(base, at);
    };
    if (a.every[o] == 1) {
      w.dest.offset = offset_of(loop.index);
    } else {
      const Id every = b_.i64(a.every[o]);
      const std::int64_t slots = types[carries + o].shape[0];
      w.guard = b_.op(Op::kEq, {b_.op(Op::kMod, {done, every}), b_.i64(0)});
      w.slot = [this, done, first, every, slots, offset_of] {
        const Id before = b_.op(Op::kDiv, {first, every});
        Id slot = b_.sub(b_.sub(b_.op(Op::kDiv, {done, every}), before), b_.i64(1));
        slot = b_.op(Op::kMin, {b_.op(Op::kMax, {slot, b_.i64(0)}), b_.i64(slots - 1)});
        return offset_of(slot);
      };
    }
    w.dest.strides.erase(w.dest.strides.begin());
    wants.push_back(std::move(w));
  }
  l_.schedule(inner, std::move(wants));
  std::vector<Id> yields;
  for (std::size_t c = 0; c < carries; ++c) {
    if (!in_registers(type(operands[invariants + c]).shape)) continue;
    const std::vector<Id> values = l_.all_elements(inner, body->results()[c]);
    yields.insert(yields.end(), values.begin(), values.end());
  }
  const std::vector<Id> finals = b_.close_for(yields);

  next = 0;
  for (std::size_t c = 0; c < carries; ++c) {
    Out* out = out_of(n, c);
    if (in_registers(type(operands[invariants + c]).shape)) {
      if (out) {
        Ref& ref = fr_.refs[out->value.id];
        ref.kind = Ref::Kind::kRegisters;
        const auto at = finals.begin() + static_cast<std::ptrdiff_t>(next);
        ref.registers.assign(at, at + static_cast<std::ptrdiff_t>(inits[c].size()));
      }
      next += inits[c].size();
      continue;
    }
    l_.touch(carry[c]);
    if (out) fr_.refs[out->value.id] = out->ref = carry[c];
  }
  for (std::size_t o = 0; o < a.every.size(); ++o) {
    if (Out* out = out_of(n, carries + o)) finish(*out);
  }
}

}  // namespace cotangent::kernel
