#include "cotangent/array/indexing.h"

#include <algorithm>

#include "cotangent/array/elementwise.h"
#include "cotangent/array/record.h"
#include "cotangent/array/shaping.h"

namespace cotangent::array {
namespace {

/// A slice of an axis of known length: `count` elements from `first`, `step` apart.
struct Range {
  std::int64_t first = 0, step = 1, count = 0;
  bool is_whole(std::int64_t n) const { return first == 0 && step == 1 && count == n; }
  std::int64_t lowest() const { return step > 0 ? first : first + (count - 1) * step; }
};

/// Python's slice.indices.
Range range_of(const Slice& s, std::int64_t n) {
  if (s.step == 0) refuse("index", "a slice with step 0", "give a step above or below 0");
  const bool up = s.step > 0;
  const auto place = [&](std::int64_t k) {
    return std::clamp<std::int64_t>(k < 0 ? k + n : k, up ? 0 : -1, up ? n : n - 1);
  };
  const std::int64_t start = s.start ? place(*s.start) : up ? 0 : n - 1;
  const std::int64_t stop = s.stop ? place(*s.stop) : up ? n : -1;
  const std::int64_t reach = up ? stop - start : start - stop;
  if (reach <= 0) return {start, 1, 0};
  // (reach - 1) / |step|, of every step.
  const std::int64_t more = std::abs((reach - 1) / s.step);
  return {start, more ? s.step : 1, more + 1};
}

/// What one entry between the brackets does.
struct Entry {
  enum class Kind { kInteger, kRange, kArray, kNew } kind = Kind::kRange;
  int axis = -1;           ///< of x; -1 for a new axis
  std::int64_t index = 0;  ///< kInteger
  Range range;             ///< kRange
  Array array;             ///< kArray
};

struct Plan {
  std::vector<Entry> entries;
  bool has_arrays = false;
  bool neighbours = true;  ///< the arrays stand side by side
  Shape block;             ///< shape the index arrays broadcast to
};

std::int64_t checked(std::int64_t k, std::int64_t n, int axis, const Array& x) {
  if (k < -n || k >= n) {
    refuse(
        "index",
        "index " + std::to_string(k) + " on axis " + std::to_string(axis) + " of " + x.type_text(),
        "that axis takes " + std::to_string(-n) + " to " + std::to_string(n - 1));
  }
  return k < 0 ? k + n : k;
}

/// Fills in the ellipsis and the axes not mentioned.
std::vector<Index::Value> complete(const Array& x, const std::vector<Index>& given) {
  int used = 0, dots = 0;
  for (const Index& i : given) {
    if (std::holds_alternative<Ellipsis>(i.value())) {
      ++dots;
    } else if (!std::holds_alternative<NewAxis>(i.value())) {
      ++used;
    }
  }
  if (dots > 1) {
    refuse("index", "more than one ellipsis", "write all for each axis of the others");
  }
  if (used > x.ndim()) {
    refuse("index", std::to_string(used) + " indices for " + x.type_text(),
           "it has " + std::to_string(x.ndim()) + (x.ndim() == 1 ? " axis" : " axes"));
  }
  std::vector<Index::Value> all;
  const auto fill = [&] {
    all.insert(all.end(), static_cast<std::size_t>(x.ndim() - used), Slice{});
  };
  for (const Index& i : given) {
    if (std::holds_alternative<Ellipsis>(i.value())) {
      fill();
    } else {
      all.push_back(i.value());
    }
  }
  if (dots == 0) fill();
  return all;
}

Plan plan_of(const Array& x, const std::vector<Index>& given) {
  Plan plan;
  const std::vector<Index::Value> all = complete(x, given);
  for (const Index::Value& v : all) {
    plan.has_arrays = plan.has_arrays || std::holds_alternative<Array>(v);
  }
  int axis = 0;
  std::vector<Array> arrays;
  for (const Index::Value& v : all) {
    Entry e;
    if (std::holds_alternative<NewAxis>(v)) {
      e.kind = Entry::Kind::kNew;
      plan.entries.push_back(e);
      continue;
    }
    e.axis = axis++;
    const std::int64_t n = x.shape()[e.axis];
    if (const auto* k = std::get_if<std::int64_t>(&v)) {
      e.index = checked(*k, n, e.axis, x);
      // Next to arrays an integer is an array without axes.
      e.kind = plan.has_arrays ? Entry::Kind::kArray : Entry::Kind::kInteger;
      if (plan.has_arrays) e.array = convert("index", Array(e.index), {DType::kI64, false});
    } else if (const auto* s = std::get_if<Slice>(&v)) {
      e.range = range_of(*s, n);
    } else {
      e.kind = Entry::Kind::kArray;
      e.array = wrapped_index("index", std::get<Array>(v), n);
    }
    if (e.kind == Entry::Kind::kArray) arrays.push_back(e.array);
    plan.entries.push_back(std::move(e));
  }
  if (!plan.has_arrays) return plan;
  plan.block = broadcast_shapes("index", arrays);
  int runs = 0;
  bool before = false;
  for (Entry& e : plan.entries) {
    const bool is_array = e.kind == Entry::Kind::kArray;
    if (is_array && !before) ++runs;
    before = is_array;
    if (is_array) e.array = broadcast_to_shape(e.array, plan.block);
  }
  plan.neighbours = runs == 1;
  return plan;
}

Array permuted(const Array& x, const Dims& order) {
  std::vector<std::int64_t> axes(order.begin(), order.end());
  return axes.empty() ? x : transpose(x, axes);
}

Dims inverse(const Dims& order) {
  Dims out(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    out[static_cast<std::size_t>(order[k])] = static_cast<std::int64_t>(k);
  }
  return out;
}

/// The ranges (and, where there are no arrays, integers) of all axes of x; axes keep their places.
Array sliced(const Array& x, const Plan& plan) {
  Dims start, limit, stride, reversed;
  bool whole = true;
  for (const Entry& e : plan.entries) {
    if (e.kind == Entry::Kind::kNew) continue;
    const std::int64_t n = x.shape()[e.axis];
    Range r{0, 1, n};
    if (e.kind == Entry::Kind::kRange) r = e.range;
    if (e.kind == Entry::Kind::kInteger) r = {e.index, 1, 1};
    whole = whole && r.is_whole(n);
    const std::int64_t step = std::abs(r.step);
    start.push_back(r.count ? r.lowest() : 0);
    limit.push_back(r.count ? r.lowest() + (r.count - 1) * step + 1 : 0);
    stride.push_back(step);
    if (r.step < 0) reversed.push_back(e.axis);
  }
  if (whole) return x;
  const Array part =
      make(Op::kSlice, {x.node()}, ir::SliceAttr{start, limit, stride}, {}, x.is_weak());
  if (reversed.empty()) return part;
  return make(Op::kReverse, {part.node()}, ir::AxesAttr{reversed}, {}, x.is_weak());
}

/// Where the axes of the block of arrays stand among the axes that stay, new axes not counted.
int place_of_block(const Plan& plan) {
  int place = 0;
  for (const Entry& e : plan.entries) {
    if (e.kind == Entry::Kind::kArray) break;
    if (e.kind == Entry::Kind::kRange) ++place;
  }
  return plan.neighbours ? place : 0;
}

/// The shape of x(indices), or without its new axes.
Dims result_shape(const Plan& plan, bool with_new) {
  Dims shape;
  bool placed = false;
  const auto place_block = [&] {
    if (plan.has_arrays && !placed) {
      shape.insert(shape.end(), plan.block.begin(), plan.block.end());
    }
    placed = true;
  };
  if (!plan.neighbours) place_block();
  for (const Entry& e : plan.entries) {
    if (e.kind == Entry::Kind::kArray) place_block();
    if (e.kind == Entry::Kind::kRange) shape.push_back(e.range.count);
    if (e.kind == Entry::Kind::kNew && with_new) shape.push_back(1);
  }
  return shape;
}

Array gathered(const Array& x, const Plan& plan) {
  Dims order;
  std::vector<NodePtr> operands{nullptr};
  for (const Entry& e : plan.entries) {
    if (e.kind != Entry::Kind::kArray) continue;
    order.push_back(e.axis);
    operands.push_back(e.array.node());
  }
  for (const Entry& e : plan.entries) {
    if (e.kind == Entry::Kind::kRange) order.push_back(e.axis);
  }
  operands[0] = permuted(x, order).node();
  const Array found = make(Op::kGather, operands, {}, {}, x.is_weak());
  // [block, rest] -> the block at its place among the rest.
  const int place = place_of_block(plan), block = plan.block.rank();
  Dims back;
  for (int k = 0; k < place; ++k) back.push_back(block + k);
  for (int k = 0; k < block; ++k) back.push_back(k);
  for (int k = place; k < found.ndim() - block; ++k) back.push_back(block + k);
  return permuted(found, back);
}

Array value_for(const char* op, const Array& x, const Array& value, const Plan& plan) {
  const ElementType t = common_type(op, x, value);
  if (t.dtype != x.dtype()) {
    refuse(op, value.type_text() + " values into " + x.type_text(), "convert one with astype");
  }
  const Array converted = convert(op, value, {x.dtype(), false});
  const Shape shape = shape_of(op, result_shape(plan, true));
  const int missing = shape.rank() - value.ndim();
  bool fits = missing >= 0;
  for (int k = 0; fits && k < value.ndim(); ++k) {
    fits = value.shape()[k] == 1 || value.shape()[k] == shape[k + missing];
  }
  if (!fits) {
    refuse(op,
           value.type_text() + " values into a place " +
               (shape.rank() ? "of shape " + shape.text() : "for one number"),
           "lengths, aligned at the end, must be equal or 1 in the values");
  }
  return reshape(broadcast_to_shape(converted, shape), Shape(result_shape(plan, false)));
}

/// Without arrays: the value is laid out over x and chosen by a mask; no scatter is needed.
Array write_ranges(const Array& x, const Array& value, const Plan& plan, bool add) {
  Dims region, low, high, interior, reversed;
  bool whole = true;
  for (const Entry& e : plan.entries) {
    if (e.kind == Entry::Kind::kNew) continue;
    const std::int64_t n = x.shape()[e.axis];
    const Range r = e.kind == Entry::Kind::kInteger ? Range{e.index, 1, 1} : e.range;
    if (r.count == 0) return x;
    whole = whole && r.is_whole(n);
    region.push_back(r.count);
    const std::int64_t step = std::abs(r.step);
    low.push_back(r.lowest());
    interior.push_back(step - 1);
    high.push_back(n - (r.lowest() + (r.count - 1) * step + 1));
    if (r.step < 0) reversed.push_back(e.axis);
  }
  Array over = reshape(value, Shape(region));
  if (!reversed.empty()) over = make(Op::kReverse, {over.node()}, ir::AxesAttr{reversed});
  if (whole) return add ? x + over : over;
  const ir::PadAttr layout{low, high, interior};
  const Array zero = scalar_like(0, Array(over));
  const Array laid = make(Op::kPad, {over.node(), zero.node()}, layout);
  const Array here =
      make(Op::kPad, {broadcast_to_shape(Array(true), Shape(region)).node(), Array(false).node()},
           layout);
  return where(here, add ? x + laid : laid, x);
}

/// With arrays: x as [arrays, parts of axes, whole axes], one index array for each of the first
/// two.
Array write_arrays(const Array& x, const Array& value, const Plan& plan, bool add) {
  const int block = plan.block.rank(), place = place_of_block(plan);
  Dims array_axes, part_axes, whole_axes;  // of x
  Dims part_places, whole_places;          // of value
  Dims index_shape = dims_of(plan.block);
  std::vector<const Entry*> arrays, parts;
  int range = 0;
  for (const Entry& e : plan.entries) {
    if (e.kind == Entry::Kind::kArray) {
      array_axes.push_back(e.axis);
      arrays.push_back(&e);
    }
    if (e.kind != Entry::Kind::kRange) continue;
    const std::int64_t at = range < place ? range : range + block;
    ++range;
    if (e.range.is_whole(x.shape()[e.axis])) {
      whole_axes.push_back(e.axis);
      whole_places.push_back(at);
    } else {
      part_axes.push_back(e.axis);
      part_places.push_back(at);
      parts.push_back(&e);
      index_shape.push_back(e.range.count);
    }
  }
  Dims order = array_axes, from;
  order.insert(order.end(), part_axes.begin(), part_axes.end());
  order.insert(order.end(), whole_axes.begin(), whole_axes.end());
  for (int k = 0; k < block; ++k) from.push_back(place + k);
  from.insert(from.end(), part_places.begin(), part_places.end());
  from.insert(from.end(), whole_places.begin(), whole_places.end());

  const Shape shape(index_shape);
  std::vector<NodePtr> operands{permuted(x, order).node(), permuted(value, from).node()};
  for (const Entry* e : arrays) {
    Dims wide = dims_of(e->array.shape());
    wide.resize(index_shape.size(), 1);
    operands.push_back(broadcast_to_shape(reshape(e->array, Shape(wide)), shape).node());
  }
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const Range& r = parts[k]->range;
    const Array places = make(Op::kIota, {}, ir::AxesAttr{{block + static_cast<int>(k)}},
                              ir::Type{DType::kI64, shape});
    operands.push_back((places * r.step + r.first).node());
  }
  const Array written = make(add ? Op::kScatterAdd : Op::kScatterSet, operands);
  return permuted(written, inverse(order));
}

Array write(const char* op, const Array& x, const Array& value, const std::vector<Index>& indices,
            bool add) {
  if (add) want_computing(op, std::span(&x, 1));
  const Plan plan = plan_of(x, indices);
  const Array ready = value_for(op, x, value, plan);
  return plan.has_arrays ? write_arrays(x, ready, plan, add) : write_ranges(x, ready, plan, add);
}

}  // namespace

Array get_index(const Array& x, const std::vector<Index>& indices) {
  const Plan plan = plan_of(x, indices);
  Array part = sliced(x, plan);
  if (plan.has_arrays) part = gathered(part, plan);
  return reshape(part, shape_of("index", result_shape(plan, true)));
}

Array IndexedArray::set(const Array& value) const {
  return write("at.set", x_, value, indices_, false);
}

Array IndexedArray::add(const Array& value) const {
  return write("at.add", x_, value, indices_, true);
}

Array Array::operator[](std::int64_t k) const {
  return get_index(*this, {Index(k)});
}

}  // namespace cotangent::array
