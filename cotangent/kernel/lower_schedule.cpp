#include <algorithm>
#include <set>

#include "cotangent/ir/moves.h"
#include "cotangent/kernel/schedule.h"

namespace cotangent::kernel {

using ir::Op;
using ir::Role;

namespace {

constexpr std::int64_t kNever = INT64_MAX;
constexpr std::int64_t kMaxInlineCost = 64;
constexpr std::int64_t kSharedCost = 6;  ///< worth a buffer when used twice
constexpr std::int64_t kReplicatedCost =
    4;  ///< worth a buffer when each element is read many times

}  // namespace

Layout layout_of(const Shape& shape) {
  if (shape.size() <= kRegisterElements) return {-1};
  int axis = shape.rank() - 1;
  std::int64_t inner = 1;
  while (axis > 0 && inner * shape[axis] <= kUnrolledInner) inner *= shape[axis--];
  return {axis};
}

Domain domain_of(const Shape& shape) {
  Domain d;
  for (int k = 0; k <= layout_of(shape).simd_axis; ++k) d.lengths.push_back(shape[k]);
  return d;
}

Scheduler::Scheduler(Lowering& lowering, Frame& frame, std::vector<Want> wants)
    : l_(lowering), b_(lowering.b), fr_(frame), f_(*frame.f), wants_(std::move(wants)) {
  needed_.assign(f_.size(), 0);
  uses_.assign(f_.size(), 0);
  cost_.assign(f_.size(), 0);
  must_.assign(f_.size(), kNever);
  node_of_.assign(f_.size(), -1);
  for (const Want& w : wants_) {
    if (w.carry >= 0) carry_params_.push_back(w.carry_param.id);
  }
}

void Scheduler::run() {
  count_uses();
  place_views();
  choose_nodes();
  place_wants();
  find_deps();
  find_levels();
  decide_memory();
  emit();
}

void Scheduler::count_uses() {
  for (const Want& w : wants_) {
    if (w.guard == kNoId) needed_[w.value.id] = 1;
  }
  for (std::uint32_t id = static_cast<std::uint32_t>(f_.size()); id-- > 0;) {
    const Value v{id};
    // What already has a place (computed before a guarded block) is not looked through.
    if (!needed_[id] || fr_.refs[id].kind != Ref::Kind::kNone) continue;
    const auto operands = f_.operands(v);
    std::set<std::uint32_t> distinct;
    for (Value u : operands) {
      needed_[u.id] = 1;
      if (distinct.insert(u.id).second) ++uses_[u.id];
    }
    const auto must = [&](std::size_t k, std::int64_t cost) {
      must_[operands[k].id] = std::min(must_[operands[k].id], cost);
    };
    switch (f_.op(v)) {
      case Op::kMap: {
        const auto& a = f_.attr_as<ir::MapAttr>(v);
        const bool lanes = l_.in_registers_whole(*a.body);
        for (std::size_t k = lanes ? static_cast<std::size_t>(a.rows) : 0; k < operands.size();
             ++k) {
          must(k, 1);
        }
        break;
      }
      case Op::kPairSum:
        for (std::size_t k = 0; k < operands.size(); ++k) must(k, 1);
        break;
      case Op::kLoop: {
        const auto& a = f_.attr_as<ir::LoopAttr>(v);
        for (std::size_t k = 0; k < static_cast<std::size_t>(a.invariants); ++k) must(k, 1);
        for (std::int64_t k = a.invariants + a.carries; k < a.invariants + a.carries + a.inputs;
             ++k) {
          must(static_cast<std::size_t>(k), kReplicatedCost);
        }
        break;
      }
      case Op::kWhile: {
        const auto& a = f_.attr_as<ir::WhileAttr>(v);
        for (std::size_t k = 0; k < static_cast<std::size_t>(a.invariants); ++k) must(k, 1);
        break;
      }
      case Op::kCond:
        for (std::size_t k = 1; k < operands.size(); ++k) must(k, 1);
        break;
      case Op::kGather: must(0, kReplicatedCost); break;
      case Op::kDotGeneral:
        must(0, l_.is_call(f_, v) ? 1 : kReplicatedCost);
        must(1, l_.is_call(f_, v) ? 1 : kReplicatedCost);
        break;
      case Op::kBroadcast:
        if (type(v).size() > type(operands[0]).size()) must(0, kReplicatedCost);
        break;
      default:
        for (std::size_t k = 0; l_.is_call(f_, v) && k < operands.size(); ++k) must(k, 1);
        break;
    }
  }
}

std::int64_t Scheduler::reduction_length(Value v) const {
  const Shape& in = type(f_.operand(v, 0)).shape;
  std::int64_t n = 1;
  const bool dot = f_.op(v) == Op::kDotGeneral;
  const Dims& axes = dot ? f_.attr_as<ir::DotAttr>(v).contract_x : f_.attr_as<ir::AxesAttr>(v).axes;
  for (std::int64_t k : axes) n *= in[static_cast<int>(k)];
  return n;
}

/// Operations an element costs, when computed where it is used.
std::int64_t Scheduler::cost_of(Value v) const {
  std::int64_t sum = 0;
  for (Value u : f_.operands(v)) sum += cost_[u.id];
  switch (f_.op(v)) {
    case Op::kParameter:
    case Op::kConstant:
    case Op::kIota: return 0;
    case Op::kGather: return sum + 2;
    case Op::kPad: return sum + 2;
    case Op::kConcatenate: return sum + 2 * static_cast<std::int64_t>(f_.operands(v).size());
    case Op::kDiv:
    case Op::kSqrt:
    case Op::kRsqrt: return sum + 6;
    default: break;
  }
  if (ir::rearranges(f_.op(v))) return sum;
  const ir::OpKind kind = ir::info(f_.op(v)).kind;
  if (kind == ir::OpKind::kReduce || kind == ir::OpKind::kContract) {
    return reduction_length(v) * (sum + 1);
  }
  return sum + 1;
}

int Scheduler::add_node(Kind kind, Value v) {
  Node n;
  n.kind = kind;
  n.value = v;
  nodes_.push_back(std::move(n));
  return static_cast<int>(nodes_.size()) - 1;
}

void Scheduler::choose_kind(Value v) {
  const Op op = f_.op(v);
  const auto make = [&](Kind kind) {
    const int at = add_node(kind, v);
    node_of_[v.id] = at;
    Node& n = nodes_[static_cast<std::size_t>(at)];
    if (!ir::is_projected(op)) {
      n.outs.push_back({v, nullptr, false, {}});
      if (kind == Kind::kPoint) n.domain = domain_of(type(v).shape);
    }
    cost_[v.id] = 0;
  };
  if (op == Op::kProject && fr_.inlined[f_.operand(v, 0).id]) {
    const ir::FunctionPtr body = ir::body_of(f_.attr(f_.operand(v, 0)));
    std::int64_t rows = 0;
    for (Value u : f_.operands(f_.operand(v, 0))) rows += cost_[u.id];
    cost_[v.id] = lane_cost(*body) + rows;
    const bool wanted = cost_[v.id] >= must_[v.id] || cost_[v.id] > kMaxInlineCost;
    if (wanted && !in_registers(type(v).shape)) make(Kind::kPoint);
    return;
  }
  if (op == Op::kProject) {
    Node& n = nodes_[static_cast<std::size_t>(node_of_[f_.operand(v, 0).id])];
    node_of_[v.id] = node_of_[f_.operand(v, 0).id];
    n.outs.push_back({v, nullptr, false, {}});
    return;
  }
  if (op == Op::kParameter) return;
  if (op == Op::kMap && inlines(v)) {
    fr_.inlined[v.id] = 1;
    return;
  }
  if (op == Op::kMap) {
    const auto& a = f_.attr_as<ir::MapAttr>(v);
    const auto operands = f_.operands(v);
    const bool rows =
        std::all_of(operands.begin(), operands.end(), [&](Value u) { return has_whole_rows(u); });
    if (!l_.in_lanes_ && rows && makes_small_products(*a.body)) {
      make(Kind::kMapSerial);
      nodes_.back().domain.lengths = {a.count};
      return;
    }
    const bool lanes = !l_.in_lanes_ && runs_in_lanes(*a.body, a.count);
    make(l_.in_registers_whole(*a.body) ? Kind::kMap : lanes ? Kind::kMapLanes : Kind::kMapSerial);
    nodes_.back().domain.lengths = {a.count};
    return;
  }
  if (op == Op::kPairSum) {
    const auto& a = f_.attr_as<ir::PairAttr>(v);
    make(lane_cost(*a.body) <= kMaxPairCost ? Kind::kPair : Kind::kPairSerial);
    nodes_.back().domain.lengths = {a.count};
    return;
  }
  if (l_.is_call(f_, v)) return make(Kind::kCall);
  if (op == Op::kLoop) return make(Kind::kLoop);
  if (op == Op::kWhile) return make(Kind::kWhile);
  if (op == Op::kCond) return make(Kind::kCond);
  if (op == Op::kFft) throw InternalError("lowering: the pass expand_fft comes before kernels");
  if (op == Op::kScatterAdd || op == Op::kScatterSet) return make(Kind::kScatter);
  const std::int64_t cost = cost_of(v);
  cost_[v.id] = cost;
  const bool registers = in_registers(type(v).shape);
  const ir::OpKind kind = ir::info(op).kind;
  if ((kind == ir::OpKind::kReduce || kind == ir::OpKind::kContract) &&
      reduction_length(v) > kUnrolledReduction && type(v).size() > 0) {
    return make(registers ? Kind::kReduce : Kind::kPoint);
  }
  if (registers) {
    if (cost > kMaxInlineCost) make(Kind::kRegisters);
    return;
  }
  const bool shared = uses_[v.id] > 1 && cost >= kSharedCost && !ir::rearranges(op);
  const bool own = shared || cost > kMaxInlineCost || (cost > 0 && cost >= must_[v.id]);
  const bool product = !l_.in_lanes_ && is_small_product(f_, v) && has_whole_rows(f_.operand(v, 1));
  if (product && (own || uses_[v.id] == 0)) return make(Kind::kProduct);
  if (own) make(Kind::kPoint);
}

/// A map of a few plain operations whose results are each read by one value only.
bool Scheduler::inlines(Value map) const {
  if (!is_plain_body(*ir::body_of(f_.attr(map)))) return false;
  for (std::uint32_t id = map.id + 1; id < f_.size(); ++id) {
    const Value v{id};
    if (f_.op(v) == Op::kProject && f_.operand(v, 0) == map && needed_[id] && uses_[id] > 1)
      return false;
  }
  return true;
}

void Scheduler::choose_nodes() {
  fr_.inlined.assign(f_.size(), 0);
  for (std::uint32_t id = 0; id < f_.size(); ++id) {
    if (viewed_[id]) continue;
    if (needed_[id] && fr_.refs[id].kind == Ref::Kind::kNone) choose_kind(Value{id});
  }
}

/// Lets the node that makes the wanted value write it straight to its destination.
bool Scheduler::attach(Want& want) {
  const Value v = want.value;
  if (node_of_[v.id] < 0) return false;
  Node& n = nodes_[static_cast<std::size_t>(node_of_[v.id])];
  for (Out& out : n.outs) {
    if (out.value != v) continue;
    if (out.want) return false;
    switch (n.kind) {
      case Kind::kPoint:
      case Kind::kMap:
      case Kind::kPair:
      case Kind::kScatter:
      case Kind::kProduct:
      case Kind::kCall:
        if (want.carry < 0 && uses_[v.id] > 0) return false;
        break;
      case Kind::kMapSerial:
      case Kind::kMapLanes:
        if (want.carry >= 0 || uses_[v.id] > 0) return false;
        break;
      case Kind::kLoop: {
        const auto& a = f_.attr_as<ir::LoopAttr>(n.value);
        const bool carry = f_.attr_as<ir::IndexAttr>(v).index < a.carries;
        if (carry ? want.carry < 0 : want.carry >= 0 || uses_[v.id] > 0) return false;
        if (in_registers(type(v).shape)) return false;
        break;
      }
      default: return false;
    }
    out.want = &want;
    return true;
  }
  return false;
}

void Scheduler::add_copy(Want& want) {
  const bool registers = in_registers(type(want.value).shape);
  const int at = add_node(registers ? Kind::kRegisters : Kind::kPoint, want.value);
  Node& n = nodes_[static_cast<std::size_t>(at)];
  n.copy = true;
  if (!registers) n.domain = domain_of(type(want.value).shape);
  n.outs.push_back({{}, &want, true, {}});
}

void Scheduler::place_wants() {
  std::map<std::int64_t, int> guards;
  for (Want& want : wants_) {
    const Value v = want.value;
    if (want.guard != kNoId) {
      auto at = guards.find(want.every);
      if (at == guards.end()) at = guards.emplace(want.every, add_node(Kind::kGuard, v)).first;
      nodes_[static_cast<std::size_t>(at->second)].guarded.push_back(want);
      continue;
    }
    const bool placed = fr_.refs[v.id].kind != Ref::Kind::kNone;
    if (!want.has_dest) {
      // A value in registers: computed in its turn, before any carry it reads is overwritten.
      if (!placed && node_of_[v.id] < 0) {
        node_of_[v.id] = add_node(Kind::kRegisters, v);
        nodes_.back().outs.push_back({v, nullptr, false, {}});
      } else if (!placed) {
        for (Out& out : nodes_[static_cast<std::size_t>(node_of_[v.id])].outs) {
          if (out.value == v) out.memory = true;  // read after its loop nest
        }
      }
      continue;
    }
    if (!placed && node_of_[v.id] < 0 && !in_registers(type(v).shape)) {
      node_of_[v.id] = add_node(Kind::kPoint, v);
      nodes_.back().domain = domain_of(type(v).shape);
      nodes_.back().outs.push_back({v, nullptr, false, {}});
    }
    if (!attach(want)) add_copy(want);
  }
}

Scheduler::Symbols Scheduler::nowhere(Value v) const {
  return Symbols(static_cast<std::size_t>(type(v).shape.rank()), -1);
}

Scheduler::Symbols Scheduler::through_reshape(const Shape& from, const Shape& to,
                                              const Symbols& symbols) const {
  // Mirrors Lowering::reshaped: an axis keeps its index when it stands alone on both sides.
  Symbols result;
  if (from.size() == 0) return Symbols(static_cast<std::size_t>(from.rank()), -1);
  int i = 0, j = 0;
  while (j < from.rank() || i < to.rank()) {
    if (j < from.rank() && from[j] == 1) {
      result.push_back(-1), ++j;
      continue;
    }
    if (i < to.rank() && to[i] == 1) {
      ++i;
      continue;
    }
    std::int64_t size_to = to[i], size_from = from[j];
    const int symbol = symbols[static_cast<std::size_t>(i)];
    int axes = 1;
    bool alone = size_to == size_from;
    ++i, ++j;
    while (size_to != size_from) {
      if (size_to < size_from)
        size_to *= to[i++];
      else
        size_from *= from[j++], ++axes;
    }
    for (int k = 0; k < axes; ++k) result.push_back(alone ? symbol : -1);
  }
  return result;
}

void Scheduler::visit(Node& n, Value v, const Symbols& symbols) {
  const auto same_rows = [&](const Domain& other) {
    if (!n.grouped() || !(other == n.domain)) return false;
    for (std::size_t k = 0; k < n.domain.lengths.size(); ++k) {
      if (k >= symbols.size() || symbols[k] != static_cast<int>(k)) return false;
    }
    return true;
  };
  if (f_.op(v) == Op::kParameter || fr_.refs[v.id].kind != Ref::Kind::kNone) {
    if (std::find(carry_params_.begin(), carry_params_.end(), v.id) != carry_params_.end()) {
      n.deps.push_back({-1, v.id, v, same_rows(domain_of(type(v).shape))});
    }
    return;
  }
  // An op with several results is read through its projections; one that only a guarded block
  // wants is computed anew there.
  const int at = ir::is_projected(f_.op(v)) ? -1 : node_of_[v.id];
  if (at >= 0) {
    const Node& from = nodes_[static_cast<std::size_t>(at)];
    n.deps.push_back({at, UINT32_MAX, v, from.grouped() && same_rows(from.domain)});
    return;
  }
  auto& seen = visited_[{static_cast<int>(&n - &nodes_[0]), v.id}];
  if (std::find(seen.begin(), seen.end(), symbols) != seen.end()) return;
  seen.push_back(symbols);
  visit_operands(n, v, symbols);
}

void Scheduler::visit_operands(Node& n, Value v, const Symbols& symbols) {
  const Op op = f_.op(v);
  const auto operands = f_.operands(v);
  const auto plain = [&](std::size_t k) { visit(n, operands[k], nowhere(operands[k])); };
  if (ir::is_elementwise(op)) {
    for (Value u : operands) visit(n, u, symbols);
    return;
  }
  Symbols from;
  switch (op) {
    case Op::kTranspose: {
      from.resize(symbols.size());
      const Dims& perm = f_.attr_as<ir::AxesAttr>(v).axes;
      for (std::size_t k = 0; k < symbols.size(); ++k) {
        from[static_cast<std::size_t>(perm[k])] = symbols[k];
      }
      return visit(n, operands[0], from);
    }
    case Op::kBroadcast:
      for (std::int64_t axis : f_.attr_as<ir::AxesAttr>(v).axes) {
        from.push_back(symbols[static_cast<std::size_t>(axis)]);
      }
      return visit(n, operands[0], from);
    case Op::kReshape:
      return visit(n, operands[0],
                   through_reshape(type(operands[0]).shape, type(v).shape, symbols));
    case Op::kSlice: {
      const auto& a = f_.attr_as<ir::SliceAttr>(v);
      for (std::size_t k = 0; k < symbols.size(); ++k) {
        from.push_back(a.start[k] == 0 && a.stride[k] == 1 ? symbols[k] : -1);
      }
      return visit(n, operands[0], from);
    }
    case Op::kReverse: {
      from = symbols;
      for (std::int64_t axis : f_.attr_as<ir::AxesAttr>(v).axes)
        from[static_cast<std::size_t>(axis)] = -1;
      return visit(n, operands[0], from);
    }
    case Op::kPad: {
      const auto& a = f_.attr_as<ir::PadAttr>(v);
      for (std::size_t k = 0; k < symbols.size(); ++k) {
        from.push_back(a.low[k] == 0 && a.interior[k] == 0 ? symbols[k] : -1);
      }
      visit(n, operands[0], from);
      return plain(1);
    }
    case Op::kReduceSum:
    case Op::kReduceProd:
    case Op::kReduceMin:
    case Op::kReduceMax: {
      // A long reduction reads its rows through a running index: nothing it reads is forwarded.
      if (reduction_length(v) > kUnrolledReduction) return plain(0);
      const Dims& axes = f_.attr_as<ir::AxesAttr>(v).axes;
      std::size_t next = 0;
      for (int k = 0; k < type(operands[0]).shape.rank(); ++k) {
        const bool reduced = std::find(axes.begin(), axes.end(), k) != axes.end();
        from.push_back(reduced ? -1 : symbols[next++]);
      }
      return visit(n, operands[0], from);
    }
    case Op::kGather: {
      plain(0);
      for (std::size_t k = 1; k < operands.size(); ++k) {
        const auto rank = static_cast<std::size_t>(type(operands[k]).shape.rank());
        visit(n, operands[k],
              Symbols(symbols.begin(), symbols.begin() + static_cast<std::ptrdiff_t>(rank)));
      }
      return;
    }
    case Op::kProject: {
      const Value map = operands[0];
      if (!fr_.inlined[map.id]) return plain(0);
      const auto& a = f_.attr_as<ir::MapAttr>(map);
      const auto rows = f_.operands(map);
      for (std::size_t k = 0; k < rows.size(); ++k) {
        from = nowhere(rows[k]);
        if (static_cast<std::int64_t>(k) < a.rows) from[0] = symbols[0];
        visit(n, rows[k], from);
      }
      return;
    }
    case Op::kMap: {
      const auto& a = f_.attr_as<ir::MapAttr>(v);
      for (std::size_t k = 0; k < operands.size(); ++k) {
        from = nowhere(operands[k]);
        if (n.kind == Kind::kMap && static_cast<std::int64_t>(k) < a.rows) from[0] = 0;
        visit(n, operands[k], from);
      }
      return;
    }
    case Op::kPairSum: {
      const auto& a = f_.attr_as<ir::PairAttr>(v);
      bool any_i = false, any_j = false;
      for (const Out& out : n.outs) {
        if (!out.value.valid()) continue;
        const auto r = static_cast<std::size_t>(f_.attr_as<ir::IndexAttr>(out.value).index);
        (a.roles[r] == Role::kAtJ ? any_j : any_i) = true;
      }
      for (std::size_t k = 0; k < operands.size(); ++k) {
        from = nowhere(operands[k]);
        const auto at = static_cast<std::int64_t>(k);
        const bool own = at < a.rows_i ? !any_j : at < a.rows_i + a.rows_j && !any_i;
        if (n.kind == Kind::kPair && own) from[0] = 0;
        visit(n, operands[k], from);
      }
      return;
    }
    default:
      for (std::size_t k = 0; k < operands.size(); ++k) plain(k);
  }
}

void Scheduler::find_deps() {
  for (Node& n : nodes_) {
    if (n.kind == Kind::kGuard) {
      for (const Want& w : n.guarded) visit(n, w.value, nowhere(w.value));
      continue;
    }
    Symbols own;
    if (!ir::is_projected(f_.op(n.value))) {
      own = nowhere(n.value);
      for (std::size_t k = 0; k < n.domain.lengths.size(); ++k) own[k] = static_cast<int>(k);
    }
    if (n.copy) {
      visit(n, n.value, own);
      continue;
    }
    // A loop or a scatter that starts from the very carry it replaces works in place.
    std::size_t in_place = SIZE_MAX;
    if (n.kind == Kind::kScatter && n.outs[0].want && n.outs[0].want->carry >= 0 &&
        f_.operand(n.value, 0) == n.outs[0].want->carry_param) {
      in_place = 0;
    }
    if (n.kind == Kind::kLoop || in_place == 0) {
      std::set<std::size_t> own_inits;
      if (in_place == 0) own_inits.insert(0);
      if (n.kind == Kind::kLoop) {
        const auto& a = f_.attr_as<ir::LoopAttr>(n.value);
        for (const Out& out : n.outs) {
          const auto r = f_.attr_as<ir::IndexAttr>(out.value).index;
          if (r >= a.carries || !out.want || out.want->carry < 0) continue;
          const auto k = static_cast<std::size_t>(a.invariants + r);
          if (f_.operand(n.value, k) == out.want->carry_param) own_inits.insert(k);
        }
      }
      const auto operands = f_.operands(n.value);
      for (std::size_t k = 0; k < operands.size(); ++k) {
        if (!own_inits.count(k)) visit(n, operands[k], nowhere(operands[k]));
      }
      continue;
    }
    if (ir::is_projected(f_.op(n.value))) {
      visit_operands(n, n.value, {});
    } else {
      visit_operands(n, n.value, own);
    }
  }
  // Who overwrites which carry.
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    for (const Out& out : nodes_[k].outs) {
      if (out.want && out.want->carry >= 0) writer_[out.want->carry_param.id] = static_cast<int>(k);
    }
  }
}

/// One attempt at levels with the carries now in writer_; false when there is a cycle.
bool Scheduler::try_levels() {
  const std::size_t n = nodes_.size();
  struct Edge {
    int from, to;
    int gap;
  };
  std::vector<Edge> edges;
  for (std::size_t k = 0; k < n; ++k) {
    for (const Dep& dep : nodes_[k].deps) {
      if (dep.node >= 0) edges.push_back({dep.node, static_cast<int>(k), dep.aligned ? 0 : 1});
      if (dep.node >= 0) continue;
      const auto writer = writer_.find(dep.param);
      if (writer == writer_.end()) continue;
      const Node& w = nodes_[static_cast<std::size_t>(writer->second)];
      const bool stays =
          dep.aligned && w.grouped() && nodes_[k].grouped() && w.domain == nodes_[k].domain;
      if (writer->second == static_cast<int>(k)) {
        if (!stays) {
          writer_.erase(writer);
          return false;
        }
        continue;
      }
      edges.push_back({static_cast<int>(k), writer->second, stays ? 0 : 1});
    }
  }
  // Longest paths. Edges without a gap may form a cycle (two carries that read each other's rows):
  // its nodes end up on one level, and stores come last in a row. A cycle with a gap never settles.
  std::vector<int> level(n, 0);
  bool changed = true;
  for (std::size_t round = 0; changed && round <= n; ++round) {
    changed = false;
    for (const Edge& e : edges) {
      const int least = level[static_cast<std::size_t>(e.from)] + e.gap;
      int& to = level[static_cast<std::size_t>(e.to)];
      if (to < least) to = least, changed = true;
    }
  }
  if (!changed) {
    for (std::size_t k = 0; k < n; ++k) nodes_[k].level = level[k];
    return true;
  }
  // The writer that was pushed furthest is on such a cycle, or behind one.
  auto furthest = writer_.end();
  for (auto it = writer_.begin(); it != writer_.end(); ++it) {
    if (furthest == writer_.end() || level[static_cast<std::size_t>(it->second)] >
                                         level[static_cast<std::size_t>(furthest->second)]) {
      furthest = it;
    }
  }
  if (furthest == writer_.end()) throw InternalError("lowering: the schedule has a cycle");
  writer_.erase(furthest);
  return false;
}

void Scheduler::find_levels() {
  while (!try_levels()) {
  }
  // Carries that are not in writer_ any more get a second buffer.
  for (Node& n : nodes_) {
    for (Out& out : n.outs) {
      if (!out.want || out.want->carry < 0) continue;
      if (!writer_.count(out.want->carry_param.id)) {
        out.ref = l_.new_buffer(type(out.want->value), "second buffer of a carry");
        commits_.push_back(&out);
      }
    }
  }
}

void Scheduler::decide_memory() {
  for (Node& n : nodes_) {
    for (Out& out : n.outs) {
      if (out.want) out.memory = true;
    }
  }
  for (Node& user : nodes_) {
    for (const Dep& dep : user.deps) {
      if (dep.node < 0) continue;
      Node& from = nodes_[static_cast<std::size_t>(dep.node)];
      const bool together = dep.aligned && from.level == user.level && from.domain == user.domain;
      if (together) continue;
      for (Out& out : from.outs) {
        if (out.value == dep.value) out.memory = true;
      }
    }
  }
}

void Scheduler::emit() {
  int last = -1;
  for (const Node& n : nodes_) last = std::max(last, n.level);
  for (int level = 0; level <= last; ++level) {
    std::vector<char> done(nodes_.size(), 0);
    for (std::size_t k = 0; k < nodes_.size(); ++k) {
      if (nodes_[k].level != level || done[k]) continue;
      if (!nodes_[k].grouped()) {
        emit_single(nodes_[k]);
        continue;
      }
      std::vector<Node*> group;
      for (std::size_t m = k; m < nodes_.size(); ++m) {
        Node& other = nodes_[m];
        if (other.level == level && other.grouped() && other.domain == nodes_[k].domain) {
          group.push_back(&other);
          done[m] = 1;
        }
      }
      // Makers before users; copies last.
      std::stable_sort(group.begin(), group.end(), [](const Node* x, const Node* y) {
        return std::pair(x->copy, x->value.id) < std::pair(y->copy, y->value.id);
      });
      emit_group(group);
    }
  }
  for (Out* out : commits_) {
    l_.copy_buffer(type(out->want->value), out->ref, out->want->dest);
    l_.touch(out->want->dest);
  }
}

void Lowering::schedule(Frame& fr, std::vector<Want> wants) {
  Scheduler(*this, fr, std::move(wants)).run();
}

}  // namespace cotangent::kernel
