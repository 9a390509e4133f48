// Small factorisations and triangular solves become ordinary ops of the program, so that they live
// in the registers of a lane, fuse, and print for every back end. Larger ones are left to the
// library.
#include <limits>

#include "cotangent/ir/linear_algebra.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/small_matrices.h"

namespace cotangent::transform {

using namespace ir;

namespace {

using Kit = SmallMatrices;
using Step = Kit::Step;

constexpr std::int64_t kSmallMatrix = 16;

/// Right-looking: column 0 is finished, the rest updated and moved up and left by one.
Matrix small_cholesky(Kit& kit, Matrix a) {
  const std::int64_t n = kit.b.type(a.re).shape[0];
  const bool unrolled = n <= kUnrolledMatrix;
  const Step made = kit.iterate(n, unrolled, {{a}, {}, {}}, [&](Kit& k, Value, const Step& state) {
    Builder& b = k.b;
    const Matrix now = state.carries[0];
    const std::int64_t rows = b.type(now.re).shape[0];
    const Value d = k.take(k.take(now.re, 0, 0), 0, 0);
    const Value nan = k.type_like(d, std::numeric_limits<double>::quiet_NaN());
    const Value root = b.unary(Op::kSqrt, b.select(b.gt(d, k.type_like(d, 0)), d, nan));
    const Value head = k.with_axis(root, 0);
    Step next;
    Matrix column{head, now.im.valid() ? k.type_like(head, 0) : Value{}};
    if (rows > 1) {
      const Matrix tail =
          k.over(k.each(now, [&](Value e) { return k.slice(k.take(e, 1, 0), 0, 1, rows); }),
                 k.fill(root, Shape{rows - 1}));
      column = k.join({column, tail}, 0);
      const Matrix corner = k.each(now, [&](Value e) { return k.lower_corner(e, false); });
      const Matrix left = k.sub(corner, k.outer(tail, k.conjugate(tail)));
      next.carries = {k.each(left, [&](Value e) {
        if (unrolled) return e;
        return b.pad(e, b.constant(0.0, b.type(e).dtype), {0, 0}, {1, 1}, {0, 0});
      })};
    } else {
      next.carries = {now};
    }
    next.outputs = {k.each(column, [&](Value e) {
      if (rows == n) return e;
      return b.pad(e, b.constant(0.0, b.type(e).dtype), {0}, {n - rows}, {0});
    })};
    return next;
  });
  return kit.each(made.outputs[0], [&](Value e) { return kit.transposed(kit.skewed(e)); });
}

/// Forward substitution: row 0 is finished, the rest updated and moved up.
Matrix small_forward(Kit& kit, Matrix a, Matrix x, bool unit) {
  const std::int64_t n = kit.b.type(a.re).shape[0];
  const bool unrolled = n <= kUnrolledMatrix;
  const Step made =
      kit.iterate(n, unrolled, {{a, x}, {}, {}}, [&](Kit& k, Value, const Step& state) {
        Builder& b = k.b;
        const Matrix left = state.carries[0], right = state.carries[1];
        const std::int64_t rows = b.type(left.re).shape[0];
        Matrix row = k.each(right, [&](Value e) { return k.take(e, 0, 0); });
        if (!unit) {
          const Shape shape = b.type(row.re).shape;
          row = k.div(row, k.each(left, [&](Value e) {
            return k.fill(k.take(k.take(e, 0, 0), 0, 0), shape);
          }));
        }
        Step next{state.carries, {}, {row}};
        if (rows == 1) return next;
        const Matrix column =
            k.each(left, [&](Value e) { return k.slice(k.take(e, 1, 0), 0, 1, rows); });
        const Matrix rest = k.each(right, [&](Value e) { return k.slice(e, 0, 1, rows); });
        next.carries[0] = k.each(left, [&](Value e) { return k.lower_corner(e, !unrolled); });
        next.carries[1] = k.each(k.sub(rest, k.outer(column, row)), [&](Value e) {
          if (unrolled) return e;
          return b.pad(e, b.constant(0.0, b.type(e).dtype), {0, 0}, {1, 0}, {0, 0});
        });
        return next;
      });
  return made.outputs[0];
}

Matrix small_solve(Kit& kit, Matrix a, Matrix x, const SolveAttr& attr) {
  if (attr.transposed) a = kit.conjugate(kit.each(a, [&](Value e) { return kit.transposed(e); }));
  const bool forward = attr.lower != attr.transposed;
  if (forward) return small_forward(kit, a, x, attr.unit_diagonal);
  const auto turned = [&](Value e) { return kit.b.reverse(e, {0}); };
  a = kit.each(a, [&](Value e) { return kit.b.reverse(e, {0, 1}); });
  return kit.each(small_forward(kit, a, kit.each(x, turned), attr.unit_diagonal), turned);
}

/// Partial pivoting. Rows and columns that are finished are rolled to the end, so that the pivot's
/// place is always (0, 0); after n steps all are back where they belong.
SmallFactors small_lu(Kit& kit, Matrix a) {
  const std::int64_t n = kit.b.type(a.re).shape[0];
  const bool unrolled = n <= kUnrolledMatrix;
  const Step start{{a}, {kit.index(n)}, {}};
  const Step made = kit.iterate(n, unrolled, start, [&](Kit& k, Value number, const Step& state) {
    Builder& b = k.b;
    const Matrix now = state.carries[0];
    const Value rows = state.plain[0];
    const Shape square{n, n};
    const Value active = k.below(n, b.sub(b.constant_i64(n), number));
    // The first of the largest among the active rows.
    const Matrix column = k.each(now, [&](Value e) { return k.take(e, 1, 0); });
    Value size = b.unary(Op::kAbs, column.re);
    if (column.im.valid()) size = b.add(size, b.unary(Op::kAbs, column.im));
    size = b.select(active, size, k.type_like(size, -1));
    const Value best = k.fill(b.reduce(Op::kReduceMax, size, {0}), Shape{n});
    const Value i = k.index(n);
    const Value found = b.reduce(
        Op::kReduceMin, b.select(b.eq(size, best), i, k.type_like(i, static_cast<double>(n))), {0});
    // With NaN there is no largest: the rows stay.
    const Value pivot = b.select(b.lt(found, b.constant_i64(n)), found, b.constant_i64(0));
    const Value here = b.eq(i, k.fill(pivot, Shape{n}));
    const Value here2 = k.spread(here, square, 0);
    const auto exchanged = [&](Value x, Value at, const Value& first) {
      const Value chosen = b.reduce_sum(b.select(at, x, k.type_like(x, 0)), {0});
      const Value others = b.select(at, first, x);
      return k.join({k.with_axis(chosen, 0), k.slice(others, 0, 1, n)}, 0);
    };
    const Matrix swapped = k.each(
        now, [&](Value e) { return exchanged(e, here2, k.spread(k.take(e, 0, 0), square, 1)); });
    const Value order = exchanged(rows, here, k.fill(k.take(rows, 0, 0), Shape{n}));
    Matrix whole = swapped;
    if (n > 1) {
      const Shape strip{n - 1}, corner{n - 1, n - 1};
      const Value busy = k.slice(active, 0, 1, n);
      const Matrix top = k.each(swapped, [&](Value e) { return k.take(e, 0, 0); });
      const Matrix head = k.each(top, [&](Value e) { return k.fill(k.take(e, 0, 0), strip); });
      const Matrix side =
          k.each(swapped, [&](Value e) { return k.slice(k.take(e, 1, 0), 0, 1, n); });
      Value zero = b.eq(head.re, k.type_like(head.re, 0));
      if (head.im.valid()) {
        zero = b.binary(Op::kAnd, zero, b.eq(head.im, k.type_like(head.im, 0)));
      }
      const Value divides = b.binary(Op::kAnd, busy, b.unary(Op::kNot, zero));
      const Matrix factors = k.select(divides, k.div(side, head), side);
      const Matrix inner = k.each(swapped, [&](Value e) { return k.lower_corner(e, false); });
      const Matrix along = k.each(top, [&](Value e) { return k.slice(e, 0, 1, n); });
      const Value both = b.binary(Op::kAnd, k.spread(busy, corner, 0), k.spread(busy, corner, 1));
      const Matrix updated = k.select(both, k.sub(inner, k.outer(factors, along)), inner);
      const Matrix low =
          k.join({k.each(factors, [&](Value e) { return k.with_axis(e, 1); }), updated}, 1);
      whole = k.join({k.each(top, [&](Value e) { return k.with_axis(e, 0); }), low}, 0);
    }
    Step next;
    next.carries = {k.each(whole, [&](Value e) { return k.roll(k.roll(e, 0, 1), 1, 1); })};
    next.plain = {k.roll(order, 0, 1)};
    return next;
  });
  return {{made.carries[0]}, {made.plain[0]}};
}

bool is_small(Op op, std::span<const Type> operands, const Attr& attr) {
  const auto small = [](const Type& t) {
    return rows_of(t) <= kSmallMatrix && columns_of(t) <= kSmallMatrix;
  };
  const std::size_t each = has_pairs(attr) ? 2 : 1;
  return small(operands[0]) && (op != Op::kTriangularSolve || small(operands[each]));
}

/// All results for one matrix, in the order of the op.
Values expand_one(Builder& b, Op op, const Attr& attr, std::span<const Value> x) {
  Kit kit(b);
  const bool pairs = has_pairs(attr);
  const Matrix a{x[0], pairs ? x[1] : Value{}};
  SmallFactors made;
  switch (op) {
    case Op::kTriangularSolve: {
      const Matrix right{x[pairs ? 2 : 1], pairs ? x[3] : Value{}};
      made.matrices = {small_solve(kit, a, right, std::get<SolveAttr>(attr))};
      break;
    }
    case Op::kCholesky: made.matrices = {small_cholesky(kit, a)}; break;
    case Op::kLu: made = small_lu(kit, a); break;
    case Op::kQr: made = small_qr(kit, a); break;
    case Op::kEigh: made = small_eigh(kit, a); break;
    case Op::kSvd: made = small_svd(kit, a); break;
    default: throw InternalError("not an op of linear algebra");
  }
  Values out;
  const auto give = [&](const Matrix& m) {
    out.push_back(m.re);
    if (pairs) out.push_back(m.im.valid() ? m.im : b.zeros(b.type(m.re)));
  };
  if (op == Op::kEigh) out = made.values;
  give(made.matrices[0]);
  if (op != Op::kEigh) out.insert(out.end(), made.values.begin(), made.values.end());
  if (made.matrices.size() > 1) give(made.matrices[1]);
  return out;
}

Values expand(Builder& b, const Function& f, Value v, std::span<const Value> x) {
  const Op op = f.op(v);
  const Attr& attr = f.attr(v);
  std::vector<Type> in;
  for (Value u : x) in.push_back(b.type(u));
  if (info(op).kind != OpKind::kLinearAlgebra || !is_small(op, in, attr)) return {};
  const auto types = f.result_types(v);
  const Shape& shape = in[0].shape;
  const int batch_rank = shape.rank() - 2;
  std::int64_t count = 1;
  for (int k = 0; k < batch_rank; ++k) count *= shape[k];
  Values out;
  bool empty = true;
  for (const Type& t : types) empty = empty && t.size() == 0;
  if (empty) {
    for (const Type& t : types) out.push_back(b.zeros(t));
    return out;
  }
  const auto one = [&](const Type& t) {
    return t.with_shape(Shape(Dims(t.shape.begin() + batch_rank, t.shape.end())));
  };
  const auto restored = [&](Values made) {
    for (std::size_t k = 0; k < made.size(); ++k) made[k] = b.reshape(made[k], types[k].shape);
    return made;
  };
  if (count == 1) {
    for (std::size_t k = 0; k < x.size(); ++k) out.push_back(b.reshape(x[k], one(in[k]).shape));
    return restored(expand_one(b, op, attr, out));
  }
  // A batch is a map over its matrices, one to a lane.
  Builder body(std::string(name_of(op)));
  body.param(scalar(DType::kI64), "i");
  Values params, operands;
  for (std::size_t k = 0; k < x.size(); ++k) {
    params.push_back(body.param(one(in[k])));
    operands.push_back(b.reshape(x[k], one(in[k]).shape.with_leading(count)));
  }
  MapAttr map;
  map.count = count;
  map.rows = static_cast<std::int64_t>(x.size());
  map.roles.assign(types.size(), Role::kStack);
  map.body = body.finish(expand_one(body, op, attr, params));
  return restored(b.map(map, operands));
}

}  // namespace

FunctionPtr expand_linear_algebra(const Function& f) {
  return rewrite(f, {}, expand_linear_algebra,
                 [&](Builder& b, Value v, std::span<const Value> x, const Values&) {
                   return expand(b, f, v, x);
                 });
}

}  // namespace cotangent::transform
