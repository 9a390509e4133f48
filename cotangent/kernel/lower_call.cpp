// Calls of the library: which values are, and where their operands and results lie.
#include <algorithm>
#include <optional>

#include "cotangent/kernel/schedule.h"

namespace cotangent::kernel {

using ir::Op;

namespace {

/// An array in a buffer, seen as batch axes and a matrix.
struct Placed {
  Ref ref;
  Dims batch;  ///< strides
  std::int64_t rows = 0, columns = 0, row_stride = 0, column_stride = 0;
};

/// A buffer that holds `v` already, through transpositions and enclosing functions.
std::optional<Ref> in_memory(const Frame& fr, Value v, KernelBuilder& b) {
  const Ref& ref = fr.refs[v.id];
  if (ref.kind == Ref::Kind::kBuffer) return ref;
  if (ref.kind == Ref::Kind::kOuter) {
    std::optional<Ref> outer = in_memory(*ref.frame, ref.value, b);
    if (!outer) return {};
    for (int k = 0; k < ref.prefix.rank; ++k) {
      const Id step = b.mul(ref.prefix[k], b.i64(outer->strides[static_cast<std::size_t>(k)]));
      outer->offset = outer->offset == kNoId ? step : b.add(outer->offset, step);
    }
    outer->strides.erase(outer->strides.begin(), outer->strides.begin() + ref.prefix.rank);
    return outer;
  }
  if (ref.kind == Ref::Kind::kNone && fr.f->op(v) == Op::kTranspose) {
    std::optional<Ref> from = in_memory(fr, fr.f->operand(v, 0), b);
    if (!from) return {};
    const Dims& permutation = fr.f->attr_as<ir::AxesAttr>(v).axes;
    Dims strides;
    for (std::int64_t axis : permutation) {
      strides.push_back(from->strides[static_cast<std::size_t>(axis)]);
    }
    from->strides = strides;
    return from;
  }
  return {};
}

/// The stride of several axes taken as one, or nothing when they cannot be.
std::optional<std::int64_t> joined(const Shape& shape, const Dims& strides, const Dims& axes) {
  std::int64_t stride = 0, reach = 0;
  for (std::size_t k = axes.size(); k-- > 0;) {
    const std::int64_t n = shape[static_cast<int>(axes[k])];
    const std::int64_t own = strides[static_cast<std::size_t>(axes[k])];
    if (n == 1) continue;
    if (reach == 0)
      stride = own;
    else if (own != reach)
      return {};
    reach = own * n;
  }
  return stride;
}

std::int64_t length(const Shape& shape, const Dims& axes) {
  std::int64_t n = 1;
  for (std::int64_t axis : axes) n *= shape[static_cast<int>(axis)];
  return n;
}

Dims free_axes(int rank, const Dims& batch, const Dims& contract) {
  Dims axes;
  for (int k = 0; k < rank; ++k) {
    if (std::find(batch.begin(), batch.end(), k) == batch.end() &&
        std::find(contract.begin(), contract.end(), k) == contract.end()) {
      axes.push_back(k);
    }
  }
  return axes;
}

Dims range(std::size_t begin, std::size_t n) {
  Dims axes;
  for (std::size_t k = 0; k < n; ++k) axes.push_back(static_cast<std::int64_t>(begin + k));
  return axes;
}

std::optional<Placed> placed(const Ref& ref, const Shape& shape, const Dims& batch,
                             const Dims& rows, const Dims& columns) {
  const auto row = joined(shape, ref.strides, rows), column = joined(shape, ref.strides, columns);
  if (!row || !column) return {};
  Placed p{ref, {}, length(shape, rows), length(shape, columns), *row, *column};
  for (std::int64_t axis : batch) p.batch.push_back(ref.strides[static_cast<std::size_t>(axis)]);
  return p;
}

/// A fresh buffer laid out as batch, rows, columns.
Placed packed(Ref ref, const Shape& shape, const Dims& batch, const Dims& rows,
              const Dims& columns) {
  std::int64_t stride = 1;
  ref.strides.assign(static_cast<std::size_t>(shape.rank()), 1);
  for (const Dims* axes : {&columns, &rows, &batch}) {
    for (std::size_t k = axes->size(); k-- > 0;) {
      ref.strides[static_cast<std::size_t>((*axes)[k])] = stride;
      stride *= shape[static_cast<int>((*axes)[k])];
    }
  }
  return *placed(ref, shape, batch, rows, columns);
}

}  // namespace

/// Ops of linear algebra, and products of large matrices when these are asked for.
bool Lowering::is_call(const Function& f, Value v) const {
  const Op op = f.op(v);
  if (ir::info(op).kind == ir::OpKind::kLinearAlgebra) return true;
  if (op != Op::kDotGeneral || !options_.library_products || in_lanes_ || in_shared_) return false;
  if (!is_float(f.type(v).dtype)) return false;
  const auto& a = f.attr_as<ir::DotAttr>(v);
  const Shape &x = f.type(f.operand(v, 0)).shape, &y = f.type(f.operand(v, 1)).shape;
  const std::int64_t k = length(x, a.contract_x);
  const std::int64_t m = length(x, free_axes(x.rank(), a.batch_x, a.contract_x));
  const std::int64_t n = length(y, free_axes(y.rank(), a.batch_y, a.contract_y));
  constexpr std::int64_t kLeastSide = 8;  // products of thin matrices are bound by memory
  return std::min(m, n) >= kLeastSide && k >= kLeastSide && m * n * k >= options_.library_from &&
         options_.library_products();
}

bool Lowering::calls_library(const Function& f) const {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    if (is_call(f, Value{id})) return true;
    for (const ir::FunctionPtr& body : ir::bodies_of(f.attr(Value{id}))) {
      if (calls_library(*body)) return true;
    }
  }
  return false;
}

void Scheduler::emit_call(Node& n) {
  const Value v = n.value;
  const auto operands = f_.operands(v);
  LibraryCall call;
  call.op = f_.op(v);
  std::vector<Placed> arrays;

  // An operand where it lies if its axes can be seen as rows and columns there, else a copy.
  const auto read = [&](Value u, const Dims& batch, const Dims& rows, const Dims& columns) {
    const Shape& shape = type(u).shape;
    if (const std::optional<Ref> there = in_memory(fr_, u, b_)) {
      if (const auto p = placed(*there, shape, batch, rows, columns)) return arrays.push_back(*p);
    }
    Ref own = l_.raw_buffer(type(u), "for the library");
    const Placed p = packed(own, shape, batch, rows, columns);
    l_.copy_into(fr_, u, p.ref);
    arrays.push_back(p);
  };
  struct Later {
    Out* out;
    Ref from;
  };
  std::vector<Later> copies;
  std::size_t first_result = 0;
  const auto write = [&](Out* out, const ir::Type& t, const Dims& batch, const Dims& rows,
                         const Dims& columns) {
    if (out) {
      out->memory = true;
      if (out->ref.kind == Ref::Kind::kNone) {
        out->ref = out->want ? out->want->dest : l_.new_buffer(t, "");
      }
      if (const auto p = placed(out->ref, t.shape, batch, rows, columns)) {
        return arrays.push_back(*p);
      }
    }
    const Placed p = packed(l_.raw_buffer(t, "of the library"), t.shape, batch, rows, columns);
    if (out) copies.push_back({out, p.ref});
    arrays.push_back(p);
  };

  std::size_t batch_rank = 0;
  if (call.op == Op::kDotGeneral) {
    const auto& a = f_.attr_as<ir::DotAttr>(v);
    const Shape &x = type(operands[0]).shape, &y = type(operands[1]).shape;
    // One order of the contracted axes for both.
    const Dims free_x = free_axes(x.rank(), a.batch_x, a.contract_x);
    const Dims free_y = free_axes(y.rank(), a.batch_y, a.contract_y);
    batch_rank = a.batch_x.size();
    for (std::int64_t axis : a.batch_x) call.batch.push_back(x[static_cast<int>(axis)]);
    read(operands[0], a.batch_x, free_x, a.contract_x);
    read(operands[1], a.batch_y, a.contract_y, free_y);
    first_result = arrays.size();
    write(&n.outs[0], type(v), range(0, batch_rank), range(batch_rank, free_x.size()),
          range(batch_rank + free_x.size(), free_y.size()));
  } else {
    const Shape& shape = type(operands[0]).shape;
    batch_rank = static_cast<std::size_t>(shape.rank()) - 2;
    for (std::size_t k = 0; k < batch_rank; ++k) call.batch.push_back(shape[static_cast<int>(k)]);
    if (const auto* solve = std::get_if<ir::SolveAttr>(&f_.attr(v))) {
      call.lower = solve->lower, call.transposed = solve->transposed;
      call.unit_diagonal = solve->unit_diagonal, call.pairs = solve->pairs;
    } else {
      call.pairs = f_.attr_as<ir::FactorAttr>(v).pairs;
    }
    const Dims batch = range(0, batch_rank);
    for (Value u : operands) read(u, batch, range(batch_rank, 1), range(batch_rank + 1, 1));
    first_result = arrays.size();
    const auto types = f_.result_types(v);
    for (std::size_t k = 0; k < types.size(); ++k) {
      const bool vector = types[k].shape.rank() == static_cast<int>(batch_rank) + 1;
      const Dims rows = vector ? Dims{} : range(batch_rank, 1);
      write(out_of(n, k), types[k], batch, rows, range(batch_rank + (vector ? 0 : 1), 1));
    }
  }
  std::vector<Id> offsets;
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    const Placed& p = arrays[k];
    LibraryCall::Array array{p.ref.buffer, k >= first_result, p.rows, p.columns, p.batch};
    array.strides.push_back(p.row_stride);
    array.strides.push_back(p.column_stride);
    call.arrays.push_back(std::move(array));
    offsets.push_back(p.ref.offset);
  }
  b_.call(std::move(call), std::move(offsets));
  for (const Later& copy : copies) {
    Ref from = copy.from;
    l_.touch(from);
    l_.copy_buffer(type(copy.out->value), from, copy.out->ref);
  }
  for (Out& out : n.outs) finish(out);
}

}  // namespace cotangent::kernel
