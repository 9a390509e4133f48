// Products of small matrices, many of them: lanes along the columns of a result, its rows in
// registers. An element of the left matrix is spread over a vector, a row of the right one is a
// vector, and no matrix is transposed.
#include <algorithm>

#include "cotangent/kernel/schedule.h"

namespace cotangent::kernel {

using ir::Op;

namespace {

/// Rows and columns from which rows in registers beat one matrix a lane, and columns that one turn
/// of the loops may have.
constexpr std::int64_t kLeastRows = 4, kLeastColumns = 4, kMostColumns = 32;
/// Sums that grow side by side: as many as hide the latency of one, and with a row of the other
/// matrix they fit the registers of AVX2.
constexpr std::int64_t kSums = 8;

bool holds(const Dims& axes, std::int64_t axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

/// The one axis that is neither batch nor contracted; -1: none or several.
int free_axis(const Shape& shape, const Dims& batch, const Dims& contract) {
  if (shape.rank() != static_cast<int>(batch.size() + contract.size()) + 1) return -1;
  int axis = 0;
  while (holds(batch, axis) || holds(contract, axis)) ++axis;
  return axis;
}

/// Into how many parts the columns of a result are cut, whose sums grow side by side: an element of
/// the left matrix is spread once for all.
std::int64_t column_groups(const ir::Type& t) {
  const std::int64_t bytes =
      t.shape[t.shape.rank() - 1] * static_cast<std::int64_t>(size_of(t.dtype));
  return bytes % 128 == 0 ? 2 : 1;
}

/// The value whose elements these are in the same order.
Value through_reshapes(const Function& f, Value v) {
  while (f.op(v) == Op::kReshape) v = f.operand(v, 0);
  return v;
}

}  // namespace

bool is_small_product(const Function& f, Value v) {
  if (f.op(v) != Op::kDotGeneral) return false;
  const ir::Type& t = f.type(v);
  if (t.dtype != DType::kF64 && t.dtype != DType::kF32) return false;
  const auto& a = f.attr_as<ir::DotAttr>(v);
  const Shape &x = f.type(f.operand(v, 0)).shape, &y = f.type(f.operand(v, 1)).shape;
  const int row = free_axis(x, a.batch_x, a.contract_x);
  const int column = free_axis(y, a.batch_y, a.contract_y);
  if (row < 0 || column != y.rank() - 1 || a.contract_x.size() != 1) return false;
  const std::int64_t terms = x[static_cast<int>(a.contract_x[0])];
  return terms > 1 && ir::dot_in_one_chain(terms, 1, 1) && x[row] >= kLeastRows &&
         y[column] >= kLeastColumns && y[column] <= kMostColumns;
}

bool makes_small_products(const Function& body) {
  bool any = false;
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    const Value v{id};
    switch (body.op(v)) {
      case Op::kParameter:
      case Op::kProject: break;
      case Op::kReshape:
        if (body.op(through_reshapes(body, v)) != Op::kParameter) return false;
        break;
      case Op::kMap: {
        const auto& a = body.attr_as<ir::MapAttr>(v);
        const bool stacks = std::count(a.roles.begin(), a.roles.end(), ir::Role::kStack) ==
                            static_cast<std::ptrdiff_t>(a.roles.size());
        if (!stacks || !makes_small_products(*a.body)) return false;
        any = true;
        break;
      }
      case Op::kDotGeneral:
        if (!is_small_product(body, v)) return false;
        any = true;
        break;
      default: return false;
    }
  }
  return any;
}

bool Scheduler::gives_whole_rows(const Node& n) const {
  if (n.kind == Kind::kProduct) return true;
  return n.kind == Kind::kMapSerial && makes_small_products(*ir::body_of(f_.attr(n.value)));
}

/// Whether the rows of an array are rows of memory, now or once its node has run.
bool Scheduler::has_whole_rows(Value v) const {
  v = through_reshapes(f_, v);
  const int last = type(v).shape.rank() - 1;
  if (last < 0 || fr_.refs[v.id].kind != Ref::Kind::kNone) {
    return last < 0 || (l_.view(fr_, v) && l_.side_by_side(fr_, v, last));
  }
  const int at = node_of_[v.id];
  return at >= 0 && gives_whole_rows(nodes_[static_cast<std::size_t>(at)]);
}

void Scheduler::emit_product(Node& n) {
  Out& out = n.outs[0];
  if (out.ref.kind == Ref::Kind::kNone) {
    out.ref = out.want ? out.want->dest : l_.raw_buffer(type(n.value), "product of matrices");
  }
  out.memory = true;
  l_.small_product(fr_, n.value, out.ref);
  finish(out);
}

void Lowering::small_product(Frame& fr, Value v, const Ref& to) {
  const Function& f = *fr.f;
  const Shape& shape = f.type(v).shape;
  const auto batches = static_cast<std::size_t>(shape.rank()) - 2;
  if (shape.size() == 0) return;
  Index at;
  bool shares = false;
  const auto open = [&](std::int64_t n) {
    const bool here = !in_shared_ && n >= kLeastShared;
    if (here) in_shared_ = shares = true;
    return b.open_for(here ? ForKind::kShared : ForKind::kSerial, b.i64(0), b.i64(n)).index;
  };
  for (std::size_t k = 0; k < batches; ++k) at.push(open(shape[static_cast<int>(k)]));
  const std::int64_t rows = shape[static_cast<int>(batches)];
  const std::int64_t most = kSums / column_groups(f.type(v));
  const std::int64_t tiles = (rows + most - 1) / most, height = (rows + tiles - 1) / tiles;
  const std::int64_t whole = rows / height;
  if (whole == 1) {
    product_rows(fr, v, to, at, b.i64(0), height);
  } else {
    const Id tile = open(whole);
    product_rows(fr, v, to, at, b.mul(tile, b.i64(height)), height);
    b.close_for();
  }
  if (rows % height != 0) product_rows(fr, v, to, at, b.i64(whole * height), rows % height);
  for (std::size_t k = 0; k < batches; ++k) b.close_for();
  if (shares) in_shared_ = false;
}

/// `count` rows of a product, each a sum of its own, all their sums growing side by side.
void Lowering::product_rows(Frame& fr, Value v, const Ref& to, const Index& batch, Id first,
                            std::int64_t count) {
  const Function& f = *fr.f;
  const auto& a = f.attr_as<ir::DotAttr>(v);
  const Value x = f.operand(v, 0), y = f.operand(v, 1);
  const Shape &xs = f.type(x).shape, &ys = f.type(y).shape;
  const int row = free_axis(xs, a.batch_x, a.contract_x);
  const std::int64_t terms = xs[static_cast<int>(a.contract_x[0])];
  const std::int64_t groups = column_groups(f.type(v)), width = ys[ys.rank() - 1] / groups;
  const auto columns = b.open_for(ForKind::kSimd, b.i64(0), b.i64(width));
  // Read here and not before the loop: spread over a vector they cost no more than the sums do,
  // while all elements of a matrix would need more registers than there are.
  const auto reader = [&](Value u) -> std::function<Id(const Index&)> {
    const std::optional<Ref> ref = view(fr, u);
    if (!ref) return [this, &fr, u](const Index& at) { return element(fr, u, at); };
    return [this, ref = *ref, version = b.new_version()](const Index& at) {
      return b.load(ref.buffer, version, address(ref, at));
    };
  };
  const auto left = reader(x), right = reader(y);
  Index xi = zero_index(xs.rank()), yi = zero_index(ys.rank());
  const auto set = [](Index& index, std::int64_t axis, Id id) {
    index.at[static_cast<std::size_t>(axis)] = id;
  };
  for (std::size_t k = 0; k < a.batch_x.size(); ++k) {
    set(xi, a.batch_x[k], batch[static_cast<int>(k)]);
    set(yi, a.batch_y[k], batch[static_cast<int>(k)]);
  }
  Elements sums(static_cast<std::size_t>(count * groups));
  Elements q(static_cast<std::size_t>(groups));
  const auto column = [&](std::int64_t g) { return b.add(columns.index, b.i64(g * width)); };
  for (std::int64_t k = 0; k < terms; ++k) {
    set(xi, a.contract_x[0], b.i64(k));
    set(yi, a.contract_y[0], b.i64(k));
    for (std::int64_t g = 0; g < groups; ++g) {
      set(yi, ys.rank() - 1, column(g));
      q[static_cast<std::size_t>(g)] = right(yi);
    }
    for (std::int64_t r = 0; r < count; ++r) {
      set(xi, row, b.add(first, b.i64(r)));
      const Id p = left(xi);
      for (std::int64_t g = 0; g < groups; ++g) {
        Id& sum = sums[static_cast<std::size_t>(r * groups + g)];
        const Id other = q[static_cast<std::size_t>(g)];
        sum = k == 0 ? b.mul(p, other) : b.op(Op::kFma, {p, other, sum});
      }
    }
  }
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t g = 0; g < groups; ++g) {
      Index place = batch;
      place.push(b.add(first, b.i64(r)));
      place.push(column(g));
      store_element(to, place, sums[static_cast<std::size_t>(r * groups + g)]);
    }
  }
  b.close_for();
}

}  // namespace cotangent::kernel
