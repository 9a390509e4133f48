// Lane mode: a body with all its values in registers; second-order ops inside it as structured
// loops.
#include <algorithm>

#include "cotangent/ir/moves.h"
#include "cotangent/kernel/lowering.h"

namespace cotangent::kernel {

using ir::Op;
using ir::Role;

namespace {

/// Which nodes the given results need.
std::vector<char> needed_nodes(const Function& f, const std::vector<Value>& results) {
  std::vector<char> needed(f.size(), 0);
  for (Value r : results) needed[r.id] = 1;
  for (std::uint32_t id = static_cast<std::uint32_t>(f.size()); id-- > 0;) {
    if (!needed[id]) continue;
    for (Value u : f.operands(Value{id})) needed[u.id] = 1;
  }
  return needed;
}

/// Costs nothing until it is read.
bool is_free(Op op) {
  return ir::rearranges(op) || ir::info(op).kind == ir::OpKind::kLeaf || op == Op::kProject;
}

constexpr std::int64_t kPlainCost = 24;
constexpr std::int64_t kTooMuch = INT64_C(1) << 40;

/// `first` .. `last`: the parameters whose elements are in registers, not in memory.
std::int64_t cost_in_registers(const Function& f, std::int64_t first, std::int64_t last) {
  const std::vector<char> needed = needed_nodes(f, {f.results().begin(), f.results().end()});
  std::int64_t total = 0;
  for (Value r : f.results()) {
    total += f.type(r).size();
    if (f.type(r).size() > 256) return kTooMuch;
  }
  for (std::uint32_t id = 0; id < f.size() && total < kTooMuch; ++id) {
    const Value v{id};
    const Op op = f.op(v);
    if (!needed[id] || is_free(op)) continue;
    const auto operands = f.operands(v);
    std::int64_t size = 0;
    for (const ir::Type& t : f.result_types(v)) size += t.size();
    if (size > 256) return kTooMuch;
    switch (ir::info(op).kind) {
      case ir::OpKind::kReduce:
      case ir::OpKind::kContract: {
        const std::int64_t in = f.type(operands[0]).size();
        const std::int64_t n = size > 0 ? std::max<std::int64_t>(in / size, 1) : 1;
        total += size * (n <= kUnrolledReduction ? n : 40);
        break;
      }
      case ir::OpKind::kIndex:
        if (op == Op::kGather) {
          // A gather from registers is a chain of selections.
          const std::int64_t from = f.type(operands[0]).size();
          Value x = operands[0];
          while (is_free(f.op(x)) && !f.operands(x).empty()) x = f.operand(x, 0);
          const bool parameter = f.op(x) == Op::kParameter;
          const std::int64_t k = parameter ? f.attr_as<ir::IndexAttr>(x).index : 0;
          const bool in_memory = f.op(x) == Op::kConstant || f.op(x) == Op::kIota ||
                                 (parameter && (k < first || k >= last));
          total += size * (in_memory ? 4 : from);
        } else {
          total += (f.type(operands[1]).size() + 1) * (size + 1);
        }
        break;
      case ir::OpKind::kLinearAlgebra: return kTooMuch;
      case ir::OpKind::kShape: total += 2 * size; break;
      case ir::OpKind::kSecondOrder: {
        std::int64_t begin = 0, end = 0;
        if (op == Op::kLoop) {
          const auto& a = f.attr_as<ir::LoopAttr>(v);
          begin = 1 + a.invariants, end = begin + a.carries;
        }
        if (op == Op::kWhile) {
          const auto& a = f.attr_as<ir::WhileAttr>(v);
          begin = 1 + a.invariants, end = begin + a.carries;
        }
        std::int64_t cost = 0;
        for (const ir::FunctionPtr& body : ir::bodies_of(f.attr(v))) {
          cost += cost_in_registers(*body, begin, end);
        }
        if (cost >= kTooMuch) return kTooMuch;
        std::int64_t in = 0;
        for (Value u : operands) in += is_free(f.op(u)) ? 0 : f.type(u).size();
        if (in > 256) return kTooMuch;
        if (op == Op::kLoop || op == Op::kWhile || op == Op::kCond) {
          total += cost + 2 * size + 4 * in;
        } else if (op == Op::kMap) {
          const auto& a = f.attr_as<ir::MapAttr>(v);
          const bool stacks = std::count(a.roles.begin(), a.roles.end(), Role::kStack) > 0;
          total += (cost + 4 * in) * (stacks ? a.count : std::min<std::int64_t>(a.count, 17));
        } else {
          const auto& a = f.attr_as<ir::PairAttr>(v);
          const bool rows = std::count(a.roles.begin(), a.roles.end(), Role::kTotal) <
                            static_cast<std::int64_t>(a.roles.size());
          total += (cost + 4 * in) * 2 * (rows ? a.count : std::min<std::int64_t>(a.count, 17));
        }
        break;
      }
      default: total += size;
    }
  }
  return std::min(total, kTooMuch);
}

bool has_large_product(const Function& f) {
  // Written out, from 8 x 8 on, a product of matrices is slower than from memory of its lane: code
  // beyond the instruction cache, and more values than registers.
  constexpr std::int64_t kWrittenOut = 8 * 8 * 8;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (f.op(v) == Op::kDotGeneral) {
      std::int64_t terms = f.type(v).size();
      for (std::int64_t axis : f.attr_as<ir::DotAttr>(v).contract_x) {
        terms *= f.type(f.operand(v, 0)).shape[static_cast<int>(axis)];
      }
      if (terms >= kWrittenOut) return true;
    }
    for (const ir::FunctionPtr& body : ir::bodies_of(f.attr(v))) {
      if (has_large_product(*body)) return true;
    }
  }
  return false;
}

}  // namespace

std::int64_t lane_cost(const Function& f) {
  return cost_in_registers(f, 0, 0);
}

LaneBytes lane_bytes(const Function& f) {
  const std::vector<char> needed = needed_nodes(f, {f.results().begin(), f.results().end()});
  const auto end = static_cast<std::uint32_t>(f.size());
  std::vector<int> uses(end, 0);
  std::vector<std::uint32_t> last(end, 0);  // that reads it
  std::vector<char> stored(end, 0);
  for (Value r : f.results()) last[r.id] = end;
  for (std::uint32_t id = end; id-- > 0;) {
    const Value v{id};
    // What is read once is computed there.
    const bool once = uses[id] <= 1 && (ir::is_elementwise(f.op(v)) || f.op(v) == Op::kGather);
    stored[id] = needed[id] && (f.op(v) == Op::kParameter || !(is_free(f.op(v)) || once));
    for (Value u : f.operands(v)) {
      uses[u.id] += needed[id];
      if (needed[id]) last[u.id] = std::max(last[u.id], stored[id] ? id : last[id]);
    }
  }
  std::vector<std::int64_t> freed(end + 1, 0);
  LaneBytes bytes;
  std::int64_t live = 0;
  for (std::uint32_t id = 0; id < end; ++id) {
    const Value v{id};
    LaneBytes inside;
    for (const ir::FunctionPtr& body : ir::bodies_of(f.attr(v))) {
      const LaneBytes of = lane_bytes(*body);
      inside = {std::max(inside.all, of.all), std::max(inside.at_once, of.at_once)};
    }
    std::int64_t own = 0;
    for (const ir::Type& t : f.result_types(v)) {
      if (stored[id] && !in_registers(t.shape)) own += t.bytes();
    }
    if (stored[id]) {
      bytes.all += own + inside.all;
      live += own;
      freed[last[id]] += own;
      bytes.at_once = std::max(bytes.at_once, live + inside.at_once);
    }
    live -= freed[id];
  }
  return bytes;
}

bool needs_library(const Function& f) {
  return f.contains_op([](Op op) { return ir::info(op).kind == ir::OpKind::kLinearAlgebra; });
}

bool runs_in_lanes(const Function& body, std::int64_t count) {
  constexpr std::int64_t kLeastLanes = 4, kMostBytes = 128 << 10, kMostAtOnce = 80 << 10;
  if (count < kLeastLanes || needs_library(body)) return false;
  const LaneBytes bytes = lane_bytes(body);
  return bytes.all <= kMostBytes || bytes.at_once <= kMostAtOnce;
}

bool is_plain_body(const Function& f) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Op op = f.op(Value{id});
    const bool small = ir::info(op).kind == ir::OpKind::kReduce || op == Op::kDotGeneral;
    if (small && f.type(f.operand(Value{id}, 0)).size() > kUnrolledReduction) return false;
    if (!small && !ir::is_elementwise(op) && !is_free(op)) return false;
  }
  return lane_cost(f) <= kPlainCost;
}

/// Whether all values of a body are kept in registers, one instance a lane.
bool Lowering::in_registers_whole(const Function& body) const {
  return lane_cost(body) <= options_.most_in_registers && !has_large_product(body);
}

Frame& Lowering::new_frame(const ir::FunctionPtr& f, bool lane) {
  Frame& fr = frames_.emplace_back();
  fr.keep = f;
  fr.f = f.get();
  fr.lane = lane;
  fr.refs.resize(f->size());
  return fr;
}

void Lowering::bind_outer(Frame& body, std::size_t param, Frame& fr, Value v,
                          std::initializer_list<Id> prefix) {
  Ref& ref = body.refs[body.f->params()[param].id];
  ref.kind = Ref::Kind::kOuter;
  ref.frame = &fr;
  ref.value = v;
  for (Id id : prefix) ref.prefix.push(id);
}

void Lowering::bind_registers(Frame& body, std::size_t param, Elements registers) {
  Ref& ref = body.refs[body.f->params()[param].id];
  ref.kind = Ref::Kind::kRegisters;
  ref.registers = std::move(registers);
}

/// What a loop is going to read, where it may not be at literal indices, is made before it.
void Lowering::make_before(Frame& fr, std::span<const Value> operands) {
  for (Value u : operands) {
    if (fr.refs[u.id].kind == Ref::Kind::kNone && better_whole(fr, u)) whole(fr, u);
  }
}

/// Evaluates, at the head of the body, what should not be left to the first use: loops, and points
/// of very long chains of operations.
void Lowering::force(Frame& body) {
  const Function& f = *body.f;
  const std::vector<char> needed = needed_nodes(f, {f.results().begin(), f.results().end()});
  std::vector<int> depth(f.size(), 0);
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (!needed[id]) continue;
    for (Value u : f.operands(v)) depth[id] = std::max(depth[id], depth[u.id] + 1);
    const Op op = f.op(v);
    if (ir::is_second_order(op) || op == Op::kScatterAdd || op == Op::kScatterSet) {
      lane_results(body, v);
    } else if (depth[id] > 200 && f.type(v).size() <= 64) {
      all_elements(body, v);
      depth[id] = 0;
    }
  }
}

Lowering::Elements Lowering::body_results(Frame& body, const std::vector<std::size_t>& which) {
  force(body);
  Elements all;
  for (std::size_t r : which) {
    const Elements one = all_elements(body, body.f->results()[r]);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

const std::vector<std::vector<Id>>& Lowering::lane_results(Frame& fr, Value node) {
  const auto known = fr.lane_results.find(node.id);
  if (known != fr.lane_results.end() && b.block_open(known->second.block)) {
    return known->second.results;
  }
  ensure(fr.lane, "lowering: a second-order op outside the schedule");
  Frame::LaneResults made;
  made.block = b.current_block();
  switch (fr.f->op(node)) {
    case Op::kMap: made.results = lane_map(fr, node); break;
    case Op::kPairSum: made.results = lane_pair_sum(fr, node); break;
    case Op::kLoop: made.results = lane_loop(fr, node); break;
    case Op::kWhile: made.results = lane_while(fr, node); break;
    case Op::kCond: made.results = lane_cond(fr, node); break;
    default: made.results = {lane_scatter(fr, node)};
  }
  return fr.lane_results[node.id] = std::move(made), fr.lane_results[node.id].results;
}

Frame& Lowering::bind_map(Frame& fr, Value node, Id i) {
  const auto& a = fr.f->attr_as<ir::MapAttr>(node);
  Frame& body = new_frame(a.body, true);
  bind_registers(body, 0, {i});
  const auto operands = fr.f->operands(node);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    if (static_cast<std::int64_t>(k) < a.rows) {
      bind_outer(body, k + 1, fr, operands[k], {i});
    } else {
      bind_outer(body, k + 1, fr, operands[k], {});
    }
  }
  return body;
}

Frame& Lowering::bind_pair(Frame& fr, Value node, Id i, Id j) {
  const auto& a = fr.f->attr_as<ir::PairAttr>(node);
  Frame& body = new_frame(a.body, true);
  bind_registers(body, 0, {i});
  bind_registers(body, 1, {j});
  const auto operands = fr.f->operands(node);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const auto at = static_cast<std::int64_t>(k);
    if (at < a.rows_i) {
      bind_outer(body, k + 2, fr, operands[k], {i});
    } else if (at < a.rows_i + a.rows_j) {
      bind_outer(body, k + 2, fr, operands[k], {j});
    } else {
      bind_outer(body, k + 2, fr, operands[k], {});
    }
  }
  return body;
}

bool pairs_stand_alone(const ir::PairAttr& a) {
  constexpr std::int64_t kMostInstructions = 1000;
  if (a.count > kMostInstructions) return false;  // whose square need not fit
  const std::int64_t pairs = a.count * (a.count - 1);
  return pairs <= kMostInstructions && pairs * lane_cost(*a.body) <= kMostInstructions;
}

Lowering::Elements Lowering::zero_sums(const Function& body,
                                       const std::vector<std::size_t>& which) {
  Elements zeros;
  for (std::size_t r : which) {
    const ir::Type t = body.result_type(r);
    zeros.insert(zeros.end(), static_cast<std::size_t>(t.size()), b.constant(t.dtype, 0));
  }
  return zeros;
}

Lowering::Elements Lowering::plus_pair(Frame& fr, Value node, Id row, Id other, bool at_j,
                                       const std::vector<std::size_t>& which,
                                       const Elements& sums) {
  Frame& body = at_j ? bind_pair(fr, node, other, row) : bind_pair(fr, node, row, other);
  const Elements terms = body_results(body, which);
  Elements z;
  for (std::size_t e = 0; e < terms.size(); ++e) z.push_back(b.add(sums[e], terms[e]));
  return z;
}

Lowering::Elements Lowering::pair_row(Frame& fr, Value node, Id row, bool at_j,
                                      const std::vector<std::size_t>& which) {
  const auto& a = fr.f->attr_as<ir::PairAttr>(node);
  Id lo = b.i64(0), hi = b.i64(a.count), skip = kNoId;
  if (a.kind == ir::PairKind::kUnequal) {
    skip = row;
  } else if (at_j) {
    hi = row;
  } else {
    lo = b.add(row, b.i64(1));
  }
  const auto loop = b.open_for(ForKind::kSerial, lo, hi, zero_sums(*a.body, which), skip);
  return b.close_for(plus_pair(fr, node, row, loop.index, at_j, which, loop.args));
}

std::vector<Lowering::Elements> Lowering::pair_rows(Frame& fr, Value node, bool at_j,
                                                    const std::vector<std::size_t>& which) {
  const auto& a = fr.f->attr_as<ir::PairAttr>(node);
  std::vector<Elements> rows(static_cast<std::size_t>(a.count), zero_sums(*a.body, which));
  if (which.empty()) return rows;
  const auto add = [&](std::int64_t row, std::int64_t other) {
    Elements& sums = rows[static_cast<std::size_t>(row)];
    sums = plus_pair(fr, node, b.i64(row), b.i64(other), at_j, which, sums);
  };
  // In this order each row adds its others in ascending order, as it has to.
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t j = i + 1; j < a.count; ++j) {
      const bool both = a.kind == ir::PairKind::kUnequal;
      if (both || !at_j) add(i, j);
      if (both || at_j) add(j, i);
    }
  }
  return rows;
}

namespace {

/// Cuts a list of elements into the results it is made of.
std::vector<std::vector<Id>> cut(const Function& body, const std::vector<std::size_t>& which,
                                 const std::vector<Id>& all) {
  std::vector<std::vector<Id>> parts;
  auto at = all.begin();
  for (std::size_t r : which) {
    const auto n = static_cast<std::ptrdiff_t>(body.result_type(r).size());
    parts.emplace_back(at, at + n);
    at += n;
  }
  return parts;
}

}  // namespace

Lowering::At Lowering::once(At make) {
  // first(k) and next(total, k) ask for the same element: nested loops in it are emitted once.
  return [this, make = std::move(make), last = kNoId, block = std::uint32_t{0},
          made = Elements{}](Id k) mutable {
    if (last != k || !b.block_open(block)) {
      made = make(k);
      last = k;
      block = b.current_block();
    }
    return made;
  };
}

std::vector<Lowering::Elements> Lowering::lane_map(Frame& fr, Value node) {
  const ir::MapAttr a = fr.f->attr_as<ir::MapAttr>(node);
  std::vector<std::size_t> stacks, totals;
  for (std::size_t r = 0; r < a.roles.size(); ++r) {
    (a.roles[r] == Role::kStack ? stacks : totals).push_back(r);
  }
  std::vector<Elements> results(a.roles.size());
  if (!stacks.empty()) {
    for (std::int64_t i = 0; i < a.count; ++i) {
      const auto parts = cut(*a.body, stacks, body_results(bind_map(fr, node, b.i64(i)), stacks));
      for (std::size_t s = 0; s < stacks.size(); ++s) {
        Elements& all = results[stacks[s]];
        all.insert(all.end(), parts[s].begin(), parts[s].end());
      }
    }
  }
  if (totals.empty()) return results;
  make_before(fr, fr.f->operands(node));
  const auto at = once([&](Id k) { return body_results(bind_map(fr, node, k), totals); });
  const auto plus = [&](const Elements& x, const Elements& y) {
    Elements z;
    for (std::size_t e = 0; e < x.size(); ++e) z.push_back(b.add(x[e], y[e]));
    return z;
  };
  Elements sums;
  if (a.count == 0) {
    for (std::size_t r : totals) {
      const ir::Type t = a.body->result_type(r);
      sums.insert(sums.end(), static_cast<std::size_t>(t.size()), b.constant(t.dtype, 0));
    }
  } else {
    sums = ordered(
        a.count, true, at, [&](const Elements& total, Id k) { return plus(total, at(k)); }, plus);
  }
  const auto parts = cut(*a.body, totals, sums);
  for (std::size_t s = 0; s < totals.size(); ++s) results[totals[s]] = parts[s];
  return results;
}

std::vector<Lowering::Elements> Lowering::lane_pair_sum(Frame& fr, Value node) {
  const ir::PairAttr a = fr.f->attr_as<ir::PairAttr>(node);
  std::vector<std::size_t> at_i, at_j, totals;
  for (std::size_t r = 0; r < a.roles.size(); ++r) {
    (a.roles[r] == Role::kAtI ? at_i : a.roles[r] == Role::kAtJ ? at_j : totals).push_back(r);
  }
  std::vector<Elements> results(a.roles.size());
  make_before(fr, fr.f->operands(node));
  for (bool j : {false, true}) {
    const auto& which = j ? at_j : at_i;
    if (which.empty()) continue;
    const bool apart = pairs_stand_alone(a);
    const std::vector<Elements> all =
        apart ? pair_rows(fr, node, j, which) : std::vector<Elements>{};
    for (std::int64_t row = 0; row < a.count; ++row) {
      const auto parts = cut(
          *a.body, which,
          apart ? all[static_cast<std::size_t>(row)] : pair_row(fr, node, b.i64(row), j, which));
      for (std::size_t s = 0; s < which.size(); ++s) {
        Elements& elements = results[which[s]];
        elements.insert(elements.end(), parts[s].begin(), parts[s].end());
      }
    }
  }
  if (totals.empty()) return results;
  const auto at = once([&](Id k) { return pair_row(fr, node, k, false, totals); });
  const auto plus = [&](const Elements& x, const Elements& y) {
    Elements z;
    for (std::size_t e = 0; e < x.size(); ++e) z.push_back(b.add(x[e], y[e]));
    return z;
  };
  Elements sums;
  if (a.count == 0) {
    for (std::size_t r : totals) {
      const ir::Type t = a.body->result_type(r);
      sums.insert(sums.end(), static_cast<std::size_t>(t.size()), b.constant(t.dtype, 0));
    }
  } else {
    sums = ordered(
        a.count, true, at, [&](const Elements& total, Id k) { return plus(total, at(k)); }, plus);
  }
  const auto parts = cut(*a.body, totals, sums);
  for (std::size_t s = 0; s < totals.size(); ++s) results[totals[s]] = parts[s];
  return results;
}

std::vector<Lowering::Elements> Lowering::lane_loop(Frame& fr, Value node) {
  const ir::LoopAttr a = fr.f->attr_as<ir::LoopAttr>(node);
  const auto operands = fr.f->operands(node);
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  const auto inputs = static_cast<std::size_t>(a.inputs);
  Id first = b.i64(0), count = b.i64(a.trip);
  if (a.dynamic) {
    first = element(fr, operands[invariants + carries + inputs], {});
    count = element(fr, operands[invariants + carries + inputs + 1], {});
    count = b.op(Op::kMin, {b.op(Op::kMax, {count, b.i64(0)}), b.i64(a.trip)});
  }
  Elements inits;
  std::vector<std::size_t> begins;
  for (std::size_t c = 0; c < carries; ++c) {
    begins.push_back(inits.size());
    const Elements init = all_elements(fr, operands[invariants + c]);
    inits.insert(inits.end(), init.begin(), init.end());
  }
  const auto types = fr.f->result_types(node);
  for (std::size_t o = 0; o < a.every.size(); ++o) {
    begins.push_back(inits.size());
    const ir::Type& t = types[carries + o];
    inits.insert(inits.end(), static_cast<std::size_t>(t.size()), b.constant(t.dtype, 0));
  }
  begins.push_back(inits.size());
  const auto part = [&](const std::vector<Id>& all, std::size_t k) {
    return Elements(all.begin() + static_cast<std::ptrdiff_t>(begins[k]),
                    all.begin() + static_cast<std::ptrdiff_t>(begins[k + 1]));
  };

  make_before(fr, operands.first(invariants));
  make_before(fr, operands.subspan(invariants + carries, inputs));
  const auto loop = b.open_steps(count, inits);
  const Id iteration = b.add(first, loop.index);
  Frame& body = new_frame(a.body, true);
  bind_registers(body, 0, {iteration});
  for (std::size_t k = 0; k < invariants; ++k) bind_outer(body, k + 1, fr, operands[k], {});
  for (std::size_t c = 0; c < carries; ++c) {
    bind_registers(body, invariants + c + 1, part(loop.args, c));
  }
  for (std::size_t n = 0; n < inputs; ++n) {
    bind_outer(body, invariants + carries + n + 1, fr, operands[invariants + carries + n],
               {loop.index});
  }
  force(body);
  Elements yields;
  for (std::size_t c = 0; c < carries; ++c) {
    const Elements next = all_elements(body, a.body->results()[c]);
    yields.insert(yields.end(), next.begin(), next.end());
  }
  const Id done = b.add(iteration, b.i64(1));
  for (std::size_t o = 0; o < a.every.size(); ++o) {
    const Elements value = all_elements(body, a.body->results()[carries + o]);
    const Elements old = part(loop.args, carries + o);
    const Id every = b.i64(a.every[o]);
    const Id now = b.op(Op::kEq, {b.op(Op::kMod, {done, every}), b.i64(0)});
    const Id slot =
        b.sub(b.sub(b.op(Op::kDiv, {done, every}), b.op(Op::kDiv, {first, every})), b.i64(1));
    for (std::size_t e = 0; e < old.size(); ++e) {
      const auto row = static_cast<std::int64_t>(e / value.size());
      const Id here = b.both(now, b.op(Op::kEq, {slot, b.i64(row)}));
      yields.push_back(b.select(here, value[e % value.size()], old[e]));
    }
  }
  const Elements all = b.close_for(yields);
  std::vector<Elements> results;
  for (std::size_t k = 0; k + 1 < begins.size(); ++k) results.push_back(part(all, k));
  return results;
}

Lowering::Elements Lowering::lane_scatter(Frame& fr, Value node) {
  const Function& f = *fr.f;
  const auto operands = f.operands(node);
  const Shape& shape = f.type(node).shape;
  const Shape& places = f.type(operands[2]).shape;
  Elements all = all_elements(fr, operands[0]);
  if (all.empty()) return all;
  std::int64_t rows = 1;
  for (std::size_t k = 2; k < operands.size(); ++k) rows *= shape[static_cast<int>(k) - 2];
  const auto rest = static_cast<std::int64_t>(all.size()) / rows;
  const bool adds = f.op(node) == Op::kScatterAdd;
  for (std::int64_t p = 0; p < places.size(); ++p) {
    const Index place = constant_index(places, p);
    Id row = b.i64(0);
    for (std::size_t k = 2; k < operands.size(); ++k) {
      const std::int64_t n = shape[static_cast<int>(k) - 2];
      row = b.add(b.mul(row, b.i64(n)), gathered_axis(fr, operands[k], place, n, kNoId));
    }
    for (std::int64_t e = 0; e < rest; ++e) {
      const Index at = constant_index(f.type(operands[1]).shape, p * rest + e);
      const Id update = element(fr, operands[1], at);
      for (std::int64_t r = 0; r < rows; ++r) {
        Id& slot = all[static_cast<std::size_t>(r * rest + e)];
        const Id here = b.op(Op::kEq, {row, b.i64(r)});
        slot = b.select(here, adds ? b.add(slot, update) : update, slot);
      }
    }
  }
  return all;
}

}  // namespace cotangent::kernel
