// sort, argsort and cumulative_sum -> the program's ops.
//
// Sorting is by whole numbers: a real is read as an integer that ascends with it, -0 before +0, NaN
// last. Up to kNetwork elements go through Batcher's network of compare-exchanges (Knuth, The Art
// of Computer Programming 3, 5.2.2, algorithm M), which has no branches and runs in lanes. More are
// cut into short runs, which a network sorts side by side, and then merged pairwise, every pass
// over the whole array: n log2(n / run) steps. A pass is kChains merges at once, each making an
// equal part of the output; where in the two runs a part begins is found by bisection (the merge
// path of O. Green, S. Odeh, Y. Birk, "Merge path", 2014). A step of a chain waits for what it
// loads, so the chains are what keeps the machine busy; they are one vector.
#include <algorithm>
#include <limits>
#include <map>

#include "cotangent/transform/math_terms.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr std::int64_t kNetwork = 32;
/// Elements of a run: with its index an item is two numbers, and four such items fill the
/// registers.
constexpr std::int64_t kRun = 8, kRunOfPairs = 4;
constexpr std::int64_t kChains = 16;
constexpr std::int64_t kUnrolledSum = 16;

// --- keys

bool is_narrow(DType t) {
  return size_of(t) == 4;
}
DType key_type(DType t) {
  return is_narrow(t) ? DType::kI32 : DType::kI64;
}

/// The largest key; any NaN has it.
Num largest(Num key) {
  const bool narrow = key.type().dtype == DType::kI32;
  return integer(key, narrow ? std::numeric_limits<std::int32_t>::max()
                             : std::numeric_limits<std::int64_t>::max());
}

/// Turns the bits of a negative real around, so that integers ascend as the reals do; its own
/// inverse.
Num mirrored(Num i) {
  const std::int64_t sign = is_narrow(i.type().dtype) ? 31 : 63;
  return i ^ (shift_right(i, sign) & largest(i));
}

Num top_bit(Num i) {
  return integer(i, is_narrow(i.type().dtype) ? std::numeric_limits<std::int32_t>::min()
                                              : std::numeric_limits<std::int64_t>::min());
}

Num sort_key(Num x) {
  const DType t = x.type().dtype;
  if (is_float(t)) return select(x == x, mirrored(bits(x)), largest(bits(x)));
  if (is_signed(t)) return x;
  const Num i{x.b, x.b->bitcast(x.v, key_type(t))};
  return i ^ top_bit(i);
}

Num from_key(Num key, DType t) {
  if (is_float(t)) return from_bits(mirrored(key));
  return is_signed(t) ? key : Num{key.b, key.b->bitcast((key ^ top_bit(key)).v, t)};
}

// --- items: a key, or a key and the index it came from

using Item = std::vector<Num>;

void compare_exchange(Item& x, Item& y) {
  if (x.size() == 1) {
    const Num low = apply(Op::kMin, x[0], y[0]);
    y[0] = apply(Op::kMax, x[0], y[0]);
    x[0] = low;
    return;
  }
  const Num swap = (y[0] < x[0]) | ((y[0] == x[0]) & (y[1] < x[1]));
  for (std::size_t k = 0; k < 2; ++k) {
    const Num low = select(swap, y[k], x[k]);
    y[k] = select(swap, x[k], y[k]);
    x[k] = low;
  }
}

/// Algorithm M, with its names.
void sort_by_network(std::vector<Item>& items) {
  const std::size_t n = items.size();
  std::size_t top = 1;
  while (2 * top < n) top *= 2;
  for (std::size_t p = top; p > 0; p /= 2) {
    std::size_t q = top, r = 0, d = p;
    for (;;) {
      for (std::size_t i = 0; i + d < n; ++i) {
        if ((i & p) == r) compare_exchange(items[i], items[i + d]);
      }
      if (q == p) break;
      d = q - p, q /= 2, r = p;
    }
  }
}

/// Sorts along the last axis of [n] or [rows, n].
Item sort_short(const Item& table) {
  Builder& b = *table[0].b;
  const Shape shape = table[0].type().shape;
  const bool flat = shape.rank() == 1;
  const std::int64_t n = shape[shape.rank() - 1];
  std::vector<Item> columns;
  for (std::int64_t k = 0; k < n; ++k) {
    Item item;
    for (Num part : table) {
      const Value column = flat ? b.slice_rows(part.v, k, k + 1)
                                : b.slice(part.v, {0, k}, {shape[0], k + 1}, {1, 1});
      item.push_back({&b, b.reshape(column, flat ? Shape{} : Shape{shape[0]})});
    }
    columns.push_back(item);
  }
  sort_by_network(columns);
  Item sorted;
  for (std::size_t part = 0; part < table.size(); ++part) {
    Values parts;
    for (const Item& item : columns) {
      parts.push_back(b.reshape(item[part].v, flat ? Shape{1} : Shape{shape[0], 1}));
    }
    sorted.push_back({&b, b.concatenate(parts, flat ? 0 : 1)});
  }
  return sorted;
}

// --- merging

/// Chains of one pass: where in the left and in the right run each is, and where its left run ends.
struct Places {
  Num left, right, end;
};

/// Chain c makes the outputs from c * part on; finds how many of them the left run gives.
Places find_places(Num keys, Num width, std::int64_t size) {
  Builder& b = *keys.b;
  const Type line = width.type();
  const Num output = Num{&b, b.iota(line, 0)} * static_cast<double>(size / kChains);
  const Num base = output & -(width + width);  // runs are powers of two long
  const Num before = output - base;

  Builder body("bisect");
  body.param(scalar(DType::kI64));
  const Num x{&body, body.param(keys.type())};
  const Num first{&body, body.param(line)}, second{&body, body.param(line)};
  const Num low{&body, body.param(line)}, high{&body, body.param(line)};
  const Num middle = shift_right(low + high, 1);
  const Num from_left{&body, body.gather(x.v, (first + middle).v)};
  const Num from_right{&body, body.gather(x.v, (second - middle).v)};
  const Num open = low < high, right_first = from_right < from_left;
  LoopAttr attr;
  for (std::int64_t n = size; n > 0; n /= 2) ++attr.trip;
  attr.invariants = 3;
  attr.carries = 2;
  attr.body = body.finish(
      {select(open & !right_first, middle + 1, low).v, select(open & right_first, middle, high).v});
  const Num least = apply(Op::kMax, before - width, before.with(0));
  const Value operands[] = {keys.v, base.v, (base + width + before - 1).v, least.v,
                            apply(Op::kMin, before, width).v};
  const Num taken{&b, b.loop(attr, operands)[0]};
  return {base + taken, base + width + (before - taken), base + width};
}

/// Merges neighbouring runs of `width` ([kChains], all the same).
Item merge_runs(const Item& items, Num width) {
  Builder& b = *items[0].b;
  const std::int64_t size = items[0].type().size();
  const Places start = find_places(items[0], width, size);
  const Type line = width.type();

  Builder body("merge");
  body.param(scalar(DType::kI64));
  Item x;
  for (Num part : items) x.push_back({&body, body.param(part.type())});
  const Num w{&body, body.param(line)};
  const Num left{&body, body.param(line)}, right{&body, body.param(line)};
  const Num end{&body, body.param(line)};
  const Num x_left{&body, body.gather(x[0].v, left.v)};
  const Num x_right{&body, body.gather(x[0].v, right.v)};
  // Equal keys: the left one first, so that merging is stable.
  const Num from_left = (right == end + w) | ((left < end) & !(x_right < x_left));
  const Num step = cast(from_left, line.dtype);
  const Num next_left = left + step, next_right = right + (1 - step);
  const Num done = (next_left == end) & (next_right == end + w);
  Values results{select(done, end + w, next_left).v, select(done, end + w + w, next_right).v,
                 select(done, end + w + w, end).v, select(from_left, x_left, x_right).v};
  if (items.size() == 2) {
    results.push_back(body.gather(x[1].v, select(from_left, left, right).v));
  }
  LoopAttr attr;
  attr.trip = size / kChains;
  attr.invariants = static_cast<std::int64_t>(items.size()) + 1;
  attr.carries = 3;
  attr.every.assign(items.size(), 1);
  attr.body = body.finish(results);
  Values operands;
  for (Num part : items) operands.push_back(part.v);
  for (Num place : {width, start.left, start.right, start.end}) operands.push_back(place.v);
  const Values made = b.loop(attr, operands);
  Item merged;
  for (std::size_t k = 0; k < items.size(); ++k) {
    merged.push_back({&b, b.reshape(b.transpose(made[3 + k], {1, 0}), Shape{size})});
  }
  return merged;
}

/// Sorts [n]; places are counted in `place`.
Item sort_line(const Item& given, DType place) {
  Builder& b = *given[0].b;
  const std::int64_t n = given[0].type().size();
  if (n <= kNetwork) return sort_short(given);
  const std::int64_t run = given.size() == 1 ? kRun : kRunOfPairs;
  std::int64_t size = run, passes = 0;
  for (; size < n; size *= 2) ++passes;
  Item items;
  for (Num part : given) {
    const Num most = largest({&b, b.row(part.v, 0)});  // at the end, and so behind equal keys
    items.push_back({&b, b.pad(part.v, most.v, {0}, {size - n}, {0})});
    items.back().v = b.reshape(items.back().v, Shape{size / run, run});
  }
  items = sort_short(items);

  Builder body("pass");
  const Num iteration{&body, body.param(scalar(DType::kI64))};
  Item carried;
  for (const Num& part : items) {
    carried.push_back({&body, body.param(part.type().with_shape(Shape{size}))});
  }
  const Num pass = cast(iteration, place);
  const Num width = apply(Op::kShl, integer(pass, run), pass);
  const Num widths{&body, body.broadcast_to(width.v, Shape{kChains})};
  Values results;
  for (Num part : merge_runs(carried, widths)) results.push_back(part.v);
  LoopAttr attr;
  attr.trip = passes;
  attr.carries = static_cast<std::int64_t>(items.size());
  attr.body = body.finish(results);
  Values operands;
  for (Num part : items) operands.push_back(b.reshape(part.v, Shape{size}));
  const Values made = b.loop(attr, operands);
  Item sorted;
  for (Value v : made) sorted.push_back({&b, b.slice_rows(v, 0, n)});
  return sorted;
}

/// Sorts every row of [rows, n].
Item sort_rows(const Item& table, DType place) {
  Builder& b = *table[0].b;
  const Shape shape = table[0].type().shape;
  if (shape[1] <= kNetwork) return sort_short(table);
  Builder body("row");
  body.param(scalar(DType::kI64));
  MapAttr attr;
  attr.count = shape[0];
  attr.rows = static_cast<std::int64_t>(table.size());
  attr.roles.assign(table.size(), Role::kStack);
  Item row;
  Values operands, results;
  for (Num part : table) {
    row.push_back({&body, body.param(part.type().with_shape(shape.row()))});
    operands.push_back(part.v);
  }
  for (Num part : sort_line(row, place)) results.push_back(part.v);
  attr.body = body.finish(results);
  Item sorted;
  for (Value v : b.map(attr, operands)) sorted.push_back({&b, v});
  return sorted;
}

// --- the ops

/// Gives `change` x with `axis` as the last one, all others as rows ([n] where there are none), and
/// puts the result's axes back.
Value along_rows(Builder& b, Value x, std::int64_t axis,
                 const std::function<Value(Value)>& change) {
  const Shape shape = b.type(x).shape;
  Dims order = other_axes(shape.rank(), {axis}), back(order.size() + 1), moved;
  order.push_back(axis);
  for (std::size_t k = 0; k < order.size(); ++k) {
    back[static_cast<std::size_t>(order[k])] = static_cast<std::int64_t>(k);
    moved.push_back(shape[static_cast<int>(order[k])]);
  }
  const std::int64_t n = moved.back(), rows = n == 0 ? 0 : shape.size() / n;
  const Value table = b.reshape(b.transpose(x, order), rows == 1 ? Shape{n} : Shape{rows, n});
  return b.transpose(b.reshape(change(table), Shape(moved)), back);
}

Item sorted_items(const Item& table, DType place) {
  return table[0].type().shape.rank() == 1 ? sort_line(table, place) : sort_rows(table, place);
}

Value expand_sort(Builder& b, Value x, std::int64_t axis, DType place) {
  const DType t = b.type(x).dtype;
  return along_rows(b, x, axis, [&](Value table) {
    return from_key(sorted_items({sort_key({&b, table})}, place)[0], t).v;
  });
}

Value expand_argsort(Builder& b, Value x, std::int64_t axis, DType place) {
  return along_rows(b, x, axis, [&](Value table) {
    const Num key = sort_key({&b, table});
    const Type counts = key.type().with_dtype(place);
    const Num index{&b, b.iota(counts, counts.shape.rank() - 1)};
    if (!is_narrow(key.type().dtype) || place != DType::kI64) {
      return cast(sorted_items({key, index}, place)[1], DType::kI64).v;
    }
    // A narrow key and its index make one number that sorts alone.
    const Num both = shift_left(cast(key, DType::kI64), 32) | index;
    const Num sorted = sorted_items({both}, place)[0];
    return (sorted & integer(sorted, 0xffffffff)).v;
  });
}

Value expand_cumulative_sum(Builder& b, Value x, std::int64_t axis) {
  const Type type = b.type(x);
  const std::int64_t n = type.shape[static_cast<int>(axis)];
  if (type.size() == 0) return x;
  Dims order = other_axes(type.shape.rank(), {axis}), back;
  order.insert(order.begin(), axis);
  for (std::int64_t k = 0; k < type.shape.rank(); ++k) {
    back.push_back(std::find(order.begin(), order.end(), k) - order.begin());
  }
  const Value rows = b.transpose(x, order);
  const Type row = b.type(rows).with_shape(b.type(rows).shape.row());
  Value sums;
  if (n <= kUnrolledSum) {
    Values parts;
    Value total;
    for (std::int64_t k = 0; k < n; ++k) {
      const Value next = b.row(rows, k);
      total = k == 0 ? next : b.add(total, next);
      parts.push_back(b.reshape(total, row.shape.with_leading(1)));
    }
    sums = b.concatenate(parts, 0);
  } else {
    Builder body("sum");
    body.param(scalar(DType::kI64));
    const Value total = body.param(row), next = body.param(row);
    const Value sum = body.add(total, next);
    LoopAttr attr;
    attr.trip = n;
    attr.carries = attr.inputs = 1;
    attr.every = {1};
    attr.body = body.finish({sum, sum});
    // -0 + x is x, whatever zero x may be.
    const Value operands[] = {b.splat(is_float(type.dtype) ? -0.0 : 0.0, row), rows};
    sums = b.loop(attr, operands)[1];
  }
  return b.transpose(sums, back);
}

}  // namespace

FunctionPtr expand_scans(const Function& f, bool wide_integers) {
  const DType place = wide_integers ? DType::kI64 : DType::kI32;
  // Where the order of a value is asked for as well, its sorted elements are read by it.
  std::map<std::pair<std::uint32_t, std::int64_t>, Value> orders;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (f.op(v) == Op::kArgsort) orders[{f.operand(v, 0).id, f.attr_as<AxesAttr>(v).axes[0]}] = {};
  }
  const RewriteRule rule = [&](Builder& b, Value v, std::span<const Value> x) -> Value {
    const Op op = f.op(v);
    if (info(op).kind != OpKind::kScan) return {};
    const std::int64_t axis = f.attr_as<AxesAttr>(v).axes[0];
    if (op == Op::kCumSum) return expand_cumulative_sum(b, x[0], axis);
    const auto order = orders.find({f.operand(v, 0).id, axis});
    if (order == orders.end()) return expand_sort(b, x[0], axis, place);
    if (!order->second.valid()) order->second = expand_argsort(b, x[0], axis, place);
    return op == Op::kArgsort ? order->second : take_along(b, x[0], order->second, axis);
  };
  return rewrite(f, rule, [&](const Function& body) { return expand_scans(body, wide_integers); });
}

}  // namespace cotangent::transform
