// x[i, j]: bounds, and how an entry reaches the body of a reduction.
//
// An access whose index runs with one reduction is a *row operand* of it: x itself, a slice, two
// slices for a wrap-around, or a gather by constant indices, all made outside the body. What
// reverse mode makes of it then stays as large as x. Only an access that depends on several indices
// at once, or on a value of the body, is a gather in the body.
#include <algorithm>

#include "cotangent/lang/tracer.h"

namespace cotangent::lang {
namespace {

constexpr std::int64_t kMaxListedIndices = std::int64_t{1} << 25;
constexpr std::int64_t kMaxCombinations = std::int64_t{1} << 22;

}  // namespace

TracedValue Tracer::eval_subscript(const Expr& e) {
  const TracedValue x = eval(*e.children[0]);
  std::vector<IntegerId> indices;
  std::vector<const Expr*> places;
  for (std::size_t k = 1; k < e.children.size(); ++k) {
    const Expr& place = *e.children[k];
    const TracedValue index = eval(place);
    if (index.kind != ValueKind::kInteger) {
      refuse(place, "an index is " + describe(index), "an integer",
             index.kind == ValueKind::kReal && index.shape.rank() == 0
                 ? "indices are made of integers, with + - * % and integer parameters; '/' and "
                   "floor give reals"
                 : "");
    }
    indices.push_back(index.integer);
    places.push_back(&place);
  }
  at(e);
  return access(e, x, std::move(indices), std::move(places));
}

TracedValue Tracer::access(const Expr& e, TracedValue x, std::vector<IntegerId> indices,
                           std::vector<const Expr*> places) {
  if (x.kind == ValueKind::kBoolean || static_cast<int>(indices.size()) > x.shape.rank()) {
    const std::string rank = std::to_string(x.shape.rank());
    refuse(e,
           "'" + text_of(*e.children[0]) + "' is " + describe(x) + " and is given " +
               std::to_string(indices.size()) + (indices.size() == 1 ? " index" : " indices"),
           x.shape.rank() == 0 ? "no index" : "at most " + rank,
           x.shape.rank() == 0 ? "remove the index" : "leave out what is too many");
  }
  for (std::size_t k = 0; k < indices.size(); ++k) {
    check_index(e, *places[k], indices[k], x.shape[static_cast<int>(k)]);
  }
  if (x.kind == ValueKind::kReal) return access_real(std::move(x), std::move(indices));
  x.indices.insert(x.indices.end(), indices.begin(), indices.end());
  for (std::size_t k = 0; k < indices.size(); ++k) x.shape = x.shape.row();
  if (x.shape.rank() > 0) return x;
  return integer(integers_.lookup(x.table, x.indices));
}

TracedValue Tracer::access_real(TracedValue x, std::vector<IntegerId> indices) {
  while (!indices.empty()) {
    if (const auto c = integers_.constant_value(indices[0])) {
      const std::int64_t k = std::clamp<std::int64_t>(*c, 0, x.shape[0] - 1);
      x = to_real(element(x, k));
      indices.erase(indices.begin());
      continue;
    }
    // The outermost reduction that an index runs with; the axes that run with it come first.
    std::optional<Group> outer;
    bool in_body = false;
    for (IntegerId index : indices) {
      const std::uint64_t slots = integers_.node(index).slots;
      if (slots == 0) continue;
      const auto group = group_of(slots);
      in_body = in_body || !group || group->level <= x.noted.level;
      if (group && (!outer || group->level < outer->level)) outer = group;
    }
    std::vector<IntegerId> first, rest;
    ir::Dims first_axes, rest_axes;
    for (std::size_t k = 0; !in_body && k < indices.size(); ++k) {
      const auto group = group_of(integers_.node(indices[k]).slots);
      const bool is_first = group && group->level == outer->level;
      in_body = is_first && !(*group == *outer);
      (is_first ? first : rest).push_back(indices[k]);
      (is_first ? first_axes : rest_axes).push_back(static_cast<std::int64_t>(k));
    }
    if (in_body) return real(gather_here(x.noted, indices));
    ir::Dims order = first_axes;
    order.insert(order.end(), rest_axes.begin(), rest_axes.end());
    for (int axis = static_cast<int>(indices.size()); axis < x.shape.rank(); ++axis) {
      order.push_back(axis);
    }
    Noted arranged = x.noted;
    if (!std::is_sorted(order.begin(), order.end())) {
      arranged = emit(ir::Op::kTranspose, {arranged}, ir::AxesAttr{order});
    }
    if (first.size() == 1) {
      x = real(row_leaf(rows(arranged, first[0], *outer), *outer));
    } else {
      std::vector<Noted> operands{arranged};
      for (std::size_t k = 0; k < first.size(); ++k) {
        std::vector<std::int64_t> values = values_over(first[k], *outer);
        const std::int64_t length = type(arranged).shape[static_cast<int>(k)];
        for (std::int64_t& value : values) value = std::clamp<std::int64_t>(value, 0, length - 1);
        const Shape shape{static_cast<std::int64_t>(values.size())};
        operands.push_back(constant(ir::Tensor::of<std::int64_t>(shape, values)));
      }
      x = real(row_leaf(emit(ir::Op::kGather, operands), *outer));
    }
    indices = std::move(rest);
  }
  return x;
}

Noted Tracer::gather_here(Noted x, std::span<const IntegerId> indices) {
  std::vector<Noted> operands{x};
  for (IntegerId index : indices) operands.push_back(lower(index));
  return emit(ir::Op::kGather, operands);
}

Noted Tracer::row_leaf(Noted stacked, Group group) {
  const Noted outside = import(stacked, group.level - 1);
  const ir::Type t = type(outside);
  const LeafKind kind = group.second ? LeafKind::kRowJ : LeafKind::kRowI;
  return {group.level, scope(group.level).leaf(kind, outside.id, t.with_shape(t.shape.row()))};
}

// --- rows

Noted Tracer::rows(Noted x, IntegerId index, Group group) {
  const std::int64_t length = type(x).shape[0];
  const IntegerNode& n = integers_.node(index);
  if (n.affine && n.affine->slot >= 0) {
    const AffineForm& f = *n.affine;
    const IndexDomain& domain = slots_[static_cast<std::size_t>(f.slot)].domain;
    Wide start = static_cast<Wide>(f.a) * domain.start + f.b;
    const Wide step = static_cast<Wide>(f.a) * domain.step;
    const Wide last = start + step * (domain.count > 0 ? domain.count - 1 : 0);
    if (!domain.list && f.modulus == 0 && domain.count > 0 && step != 0 && start >= 0 &&
        start < length && last >= 0 && last < length) {
      return strided(x, static_cast<std::int64_t>(start), static_cast<std::int64_t>(step),
                     domain.count);
    }
    if (!domain.list && f.modulus > 0 && f.modulus <= length && step == 1 &&
        domain.count <= f.modulus && domain.count > 0) {
      start = (start % f.modulus + f.modulus) % f.modulus;
      const auto from = static_cast<std::int64_t>(start);
      const std::int64_t before = std::min(domain.count, f.modulus - from);
      const Noted head = strided(x, from, 1, before);
      if (before == domain.count) return head;
      const Noted tail = strided(x, 0, 1, domain.count - before);
      return emit(ir::Op::kConcatenate, {head, tail}, ir::AxesAttr{{0}});
    }
  }
  std::vector<std::int64_t> values = values_over(index, group);
  for (std::int64_t& v : values) v = std::clamp<std::int64_t>(v, 0, length - 1);
  return rows_from(x, values);
}

/// Rows by listed indices: one or two runs of neighbours are slices, even steps a strided one.
Noted Tracer::rows_from(Noted x, std::span<const std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  if (count == 0) return strided(x, 0, 1, 0);
  std::vector<std::int64_t> breaks;
  bool even = true;
  for (std::size_t k = 1; k < values.size(); ++k) {
    const std::int64_t step = values[k] - values[k - 1];
    if (step != 1 && breaks.size() < 2) breaks.push_back(static_cast<std::int64_t>(k));
    even = even && step == values[1] - values[0];
  }
  if (breaks.empty()) return strided(x, values[0], 1, count);
  if (even && values[1] != values[0]) return strided(x, values[0], values[1] - values[0], count);
  if (breaks.size() == 1) {
    const std::int64_t at_break = breaks[0];
    const Noted head = strided(x, values[0], 1, at_break);
    const Noted tail = strided(x, values[static_cast<std::size_t>(at_break)], 1, count - at_break);
    return emit(ir::Op::kConcatenate, {head, tail}, ir::AxesAttr{{0}});
  }
  return emit(ir::Op::kGather, {x, constant(ir::Tensor::of<std::int64_t>(Shape{count}, values))});
}

Noted Tracer::strided(Noted x, std::int64_t start, std::int64_t step, std::int64_t count) {
  const Shape shape = type(x).shape;
  if (start == 0 && step == 1 && count == shape[0]) return x;
  const bool backwards = step < 0;
  const std::int64_t last = start + step * (count > 0 ? count - 1 : 0);
  const std::int64_t low = backwards ? last : start, high = backwards ? start : last;
  ir::SliceAttr slice;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    slice.start.push_back(axis == 0 ? low : 0);
    slice.limit.push_back(axis == 0 ? (count == 0 ? low : high + 1) : shape[axis]);
    slice.stride.push_back(axis == 0 ? std::abs(step) : 1);
  }
  const Noted taken = emit(ir::Op::kSlice, {x}, std::move(slice));
  return backwards ? emit(ir::Op::kReverse, {taken}, ir::AxesAttr{{0}}) : taken;
}

// --- the values an index takes

std::optional<Tracer::Group> Tracer::group_of(std::uint64_t slots) const {
  std::optional<Group> group;
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    if (!(slots >> k & 1)) continue;
    const Group g{slots_[k].level, slots_[k].second};
    if (group && !(*group == g)) return std::nullopt;
    group = g;
  }
  return group;
}

std::int64_t Tracer::count_of(Group group) const {
  for (const Slot& s : slots_) {
    if (s.level == group.level && s.second == group.second) return s.domain.count;
  }
  throw InternalError("no such index");
}

std::vector<std::int64_t> Tracer::values_over(IntegerId id, Group group) {
  const std::int64_t count = count_of(group);
  if (count > kMaxListedIndices) {
    refuse(*here_, "an index runs over " + std::to_string(count) + " values in an uneven way",
           "at most " + std::to_string(kMaxListedIndices) + ", or an index of the form i+c");
  }
  std::vector<std::vector<std::int64_t>> held;
  std::vector<int> numbers;
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    if (!(integers_.node(id).slots >> k & 1)) continue;
    held.push_back(slots_[k].domain.values());
    numbers.push_back(static_cast<int>(k));
  }
  std::vector<IndexColumn> columns;
  for (std::size_t k = 0; k < held.size(); ++k) columns.push_back({numbers[k], held[k]});
  const auto nodes = static_cast<std::int64_t>(integers_.needed_by(id).size());
  spend(*here_, 1 + count * nodes / 64);
  return integers_.evaluate(id, columns, static_cast<std::size_t>(count));
}

std::optional<Tracer::Combinations> Tracer::combinations(std::uint64_t slots) {
  Combinations all;
  std::vector<Group> groups;
  std::int64_t total = 1;
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    if (!(slots >> k & 1)) continue;
    all.slots.push_back(static_cast<int>(k));
    const Group g{slots_[k].level, slots_[k].second};
    if (std::find(groups.begin(), groups.end(), g) != groups.end()) continue;
    groups.push_back(g);
    total *= std::max<std::int64_t>(slots_[k].domain.count, 0);
    if (total > (groups.size() == 1 ? kMaxListedIndices : kMaxCombinations)) return std::nullopt;
  }
  spend(*here_, 1 + total * static_cast<std::int64_t>(all.slots.size()) / 64);
  all.rows = static_cast<std::size_t>(total);
  // Position of row r in group g: (r / inner) % count, where inner counts the groups after it.
  std::vector<std::vector<std::int64_t>> positions;
  std::int64_t inner = total;
  for (const Group& g : groups) {
    const std::int64_t count = count_of(g);
    inner = count > 0 ? inner / count : 0;
    std::vector<std::int64_t>& p = positions.emplace_back(all.rows);
    for (std::size_t r = 0; r < all.rows; ++r) {
      p[r] = static_cast<std::int64_t>(r) / inner % count;
    }
  }
  for (int slot : all.slots) {
    const Slot& s = slots_[static_cast<std::size_t>(slot)];
    const auto g = std::find(groups.begin(), groups.end(), Group{s.level, s.second});
    const auto& p = positions[static_cast<std::size_t>(g - groups.begin())];
    std::vector<std::int64_t>& column = all.columns.emplace_back(all.rows);
    for (std::size_t r = 0; r < all.rows; ++r) column[r] = s.domain.value(p[r]);
  }
  all.possible.assign(all.rows, true);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto pair = scopes_[static_cast<std::size_t>(groups[g].level)].pair;
    if (!pair) continue;
    const auto other =
        std::find(groups.begin(), groups.end(), Group{groups[g].level, !groups[g].second});
    const std::int64_t count = count_of(groups[g]);
    for (std::size_t r = 0; r < all.rows; ++r) {
      const std::int64_t mine = positions[g][r];
      if (other == groups.end()) {
        // Alone, the last cannot be first in i<j, nor the first second; one alone has no partner.
        if (*pair == ir::PairKind::kLess && mine == (groups[g].second ? 0 : count - 1)) {
          all.possible[r] = false;
        }
        if (count < 2) all.possible[r] = false;
      } else if (!groups[g].second) {
        const std::int64_t theirs = positions[static_cast<std::size_t>(other - groups.begin())][r];
        const bool meets = *pair == ir::PairKind::kLess ? mine < theirs : mine != theirs;
        if (!meets) all.possible[r] = false;
      }
    }
  }
  for (IntegerId guard : guards_) {
    if ((integers_.node(guard).slots & ~slots) != 0) continue;
    const std::vector<std::int64_t> holds = values_over(guard, all);
    for (std::size_t r = 0; r < all.rows; ++r) {
      if (holds[r] == 0) all.possible[r] = false;
    }
  }
  return all;
}

std::vector<std::int64_t> Tracer::values_over(IntegerId id, const Combinations& all) {
  std::vector<IndexColumn> columns;
  for (std::size_t k = 0; k < all.slots.size(); ++k) {
    columns.push_back({all.slots[k], all.columns[k]});
  }
  const auto nodes = static_cast<std::int64_t>(integers_.needed_by(id).size());
  spend(*here_, 1 + static_cast<std::int64_t>(all.rows) * nodes / 64);
  return integers_.evaluate(id, columns, all.rows);
}

void Tracer::check_index(const Expr& whole, const Expr& place, IntegerId index,
                         std::int64_t length) {
  const IntegerNode& n = integers_.node(index);
  if (n.low >= 0 && n.high < length) return;
  const std::string shown = text_of(*whole.children[0]);
  const std::string range = length == 0
                                ? "no entries: it has length 0"
                                : "0 to " + std::to_string(length - 1) + ": '" + shown +
                                      "' has length " + std::to_string(length) + " on this axis";
  const auto all = combinations(n.slots);
  if (!all) {
    refuse(place, "cannot check that the index '" + text_of(place) + "' stays in bounds",
           range + "; it takes too many combinations of values",
           "use an index of the form i+c or (i+c) % len(x)");
  }
  const std::vector<std::int64_t> values = values_over(index, *all);
  for (std::size_t r = 0; r < all->rows; ++r) {
    if (!all->possible[r] || (values[r] >= 0 && values[r] < length)) continue;
    std::string when;
    for (std::size_t k = 0; k < all->slots.size(); ++k) {
      when += (k == 0 ? " at " : ", ") + slots_[static_cast<std::size_t>(all->slots[k])].name +
              " = " + std::to_string(all->columns[k][r]);
    }
    refuse(place,
           "index " + std::to_string(values[r]) + " is out of bounds in '" + text_of(whole) + "'" +
               when,
           range,
           n.slots == 0
               ? (length == 0 ? "remove it" : "count from 0, up to " + std::to_string(length - 1))
               : "run over a smaller range, as in i in 0..len(x)-1, or wrap around with "
                 "(i+1) % len(x)");
  }
}

}  // namespace cotangent::lang
