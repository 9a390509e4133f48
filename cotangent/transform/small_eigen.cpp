// QR, and what rests on rotations: symmetric eigenvalues and singular values by Jacobi's method.
//
// A sweep of Jacobi's method visits all pairs as a round-robin tournament (Brent and Luk 1985): a
// step turns the pairs (i, n-1-i) at once and then moves everybody on by one place, so that places
// never change. The number of sweeps is fixed: convergence is quadratic in the end, and what is
// fixed takes the same time in every lane.
#include "cotangent/transform/small_matrices.h"

namespace cotangent::transform {

using namespace ir;

namespace {

using Kit = SmallMatrices;
using Step = Kit::Step;

/// Enough for graded and clustered spectra (measured: docs/linear_algebra.md), with one to spare.
std::int64_t sweeps(std::int64_t n, DType t) {
  if (n <= 2) return 2;
  return t == DType::kF32 ? 4 + (6 * n + 15) / 16 : 5 + (9 * n + 15) / 16;
}

/// Steps of a sweep: with an odd number one of them sits out.
std::int64_t steps_of(std::int64_t n) {
  return n < 2 ? 0 : n % 2 == 0 ? n - 1 : n;
}

/// The partner of place i; itself for the one that sits out.
std::int64_t partner(std::int64_t n, std::int64_t i) {
  return n - 1 - i;
}

/// Who comes to place i when everybody moves on by one; the first of an even number stays.
std::int64_t comes_from(std::int64_t n, std::int64_t i) {
  if (n % 2 != 0) return (i + n - 1) % n;
  return i == 0 ? 0 : i == 1 ? n - 1 : i - 1;
}

/// A constant [n] made place by place.
Value places(Kit& kit, std::int64_t n, DType t,
             const std::function<std::int64_t(std::int64_t)>& at) {
  Tensor list(Type{t, Shape{n}});
  for (std::int64_t i = 0; i < n; ++i) {
    if (is_float(t))
      list.set_real(i, static_cast<long double>(at(i)));
    else
      list.set_integer(i, at(i));
  }
  return kit.b.constant(list);
}

/// Rows, columns or elements of x at the indices.
Matrix at_places(Kit& kit, Matrix x, int axis, Value indices) {
  return kit.each(x, [&](Value e) {
    if (axis == 0) return kit.b.gather(e, indices);
    // A gather takes leading axes.
    return kit.transposed(kit.b.gather(kit.transposed(e), indices));
  });
}

/// What everybody does to be orthogonal to his partner: c x - s p x_partner, with p of size 1.
struct Turn {
  Value c, s;
  Matrix phase;  ///< absent: 1
};

/// Turns the pairs along an axis of a matrix, and moves on.
Matrix turned(Kit& kit, Matrix x, int axis, const Turn& turn) {
  const Shape shape = kit.b.type(x.re).shape;
  const std::int64_t n = shape[axis];
  const Value from = places(kit, n, DType::kI64, [&](std::int64_t i) { return comes_from(n, i); });
  const Value other =
      places(kit, n, DType::kI64, [&](std::int64_t i) { return partner(n, comes_from(n, i)); });
  const auto spread = [&](Value v) { return kit.spread(kit.b.gather(v, from), shape, axis); };
  const Matrix own = kit.scaled(at_places(kit, x, axis, from), spread(turn.c));
  Matrix his = at_places(kit, x, axis, other);
  if (turn.phase.valid()) his = kit.mul(his, kit.each(turn.phase, spread));
  return kit.sub(own, kit.scaled(his, spread(turn.s)));
}

/// The smaller angles that make [a, g; g^*, d] diagonal, seen from each of the two: the partner
/// finds the same angle with the other sign. Where `idle`, none.
Turn turn_for(Kit& kit, Value a, Matrix g, Value d, const std::function<Value(Value slope)>& idle) {
  Builder& b = kit.b;
  const Type t = b.type(a);
  const std::int64_t n = t.shape[0];
  Turn turn;
  Value size = g.re;
  if (g.im.valid()) {
    turn.phase = kit.conjugate(kit.phase(g));
    size = kit.size(g);
  }
  const Value one = kit.type_like(a, 1), zero = kit.type_like(a, 0);
  const Value slope = b.div(b.sub(d, a), b.mul(kit.type_like(a, 2), size));
  const Value length = b.unary(Op::kAbs, slope);
  const Value root = b.unary(Op::kSqrt, b.add(b.mul(slope, slope), one));
  // Equal diagonals: the first of the two turns forwards.
  const Value first =
      places(kit, n, t.dtype, [&](std::int64_t i) { return i < partner(n, i) ? 1 : -1; });
  const Value sign =
      b.select(b.lt(slope, zero), b.neg(one), b.select(b.gt(slope, zero), one, first));
  const Value alone =
      places(kit, n, DType::kBool, [&](std::int64_t i) { return i == partner(n, i); });
  Value none = b.binary(Op::kOr, alone, b.eq(size, zero));
  if (idle) none = b.binary(Op::kOr, none, idle(length));
  const Value tangent = b.select(none, zero, b.div(sign, b.add(length, root)));
  turn.c = b.unary(Op::kRsqrt, b.add(b.mul(tangent, tangent), one));
  turn.s = b.mul(tangent, turn.c);
  return turn;
}

/// Elements (i, i), or (i, partner of i): both partners read the upper triangle, so that they see
/// the same number.
Matrix along(Kit& kit, Matrix x, bool with_partner) {
  const Type t = kit.b.type(x.re);
  const std::int64_t n = t.shape[0];
  const auto other = [&](std::int64_t i) { return with_partner ? partner(n, i) : i; };
  const Value indices[] = {
      places(kit, n, DType::kI64, [&](std::int64_t i) { return std::min(i, other(i)); }),
      places(kit, n, DType::kI64, [&](std::int64_t i) { return std::max(i, other(i)); })};
  Matrix found = kit.each(x, [&](Value e) { return kit.b.gather(e, indices); });
  if (found.im.valid()) {
    const Value sign =
        places(kit, n, t.dtype, [&](std::int64_t i) { return i < other(i) ? 1 : -1; });
    found.im = kit.b.mul(found.im, sign);
  }
  return found;
}

/// Sorts values [n] and with them the columns of matrices, by exchanges of neighbours; NaN stays.
void sort_columns(Kit& kit, Value& values, std::vector<Matrix>& matrices, bool descending) {
  const std::int64_t n = kit.b.type(values).shape[0];
  if (n < 2) return;
  const auto exchange = [&](Kit& k, Step state, std::int64_t offset) {
    Builder& b = k.b;
    const std::int64_t half = (n - offset) / 2, end = offset + 2 * half;
    if (half == 0) return state;
    const auto low = [&](Value e, int axis) { return k.slice(e, axis, offset, end, 2); };
    const auto high = [&](Value e, int axis) { return k.slice(e, axis, offset + 1, end, 2); };
    const Value v = state.plain[0];
    const Value swap = descending ? b.lt(low(v, 0), high(v, 0)) : b.lt(high(v, 0), low(v, 0));
    const auto apply = [&](Value e, int axis) {
      const Value x = low(e, axis), y = high(e, axis);
      const Shape shape = b.type(x).shape;
      const Value flag = axis == 0 ? swap : k.spread(swap, shape, axis);
      const Value pair = k.join({k.with_axis(b.select(flag, y, x), axis + 1),
                                 k.with_axis(b.select(flag, x, y), axis + 1)},
                                axis + 1);
      Dims dims(shape.begin(), shape.end());
      dims[static_cast<std::size_t>(axis)] *= 2;
      return k.join(
          {k.slice(e, axis, 0, offset), b.reshape(pair, Shape(dims)), k.slice(e, axis, end, n)},
          axis);
    };
    for (Matrix& m : state.carries) m = k.each(m, [&](Value e) { return apply(e, 1); });
    state.plain[0] = apply(v, 0);
    return state;
  };
  const Step sorted = kit.iterate(
      (n + 1) / 2, n <= kUnrolledMatrix, {matrices, {values}, {}},
      [&](Kit& k, Value, const Step& state) { return exchange(k, exchange(k, state, 0), 1); });
  values = sorted.plain[0];
  matrices = sorted.carries;
}

/// For each column the factor that makes its first large component real and positive.
Matrix leading_phase(Kit& kit, Matrix v) {
  Builder& b = kit.b;
  const Shape shape = b.type(v.re).shape;
  const Value size = kit.size(v);
  const Value largest = b.reduce(Op::kReduceMax, size, {0});
  const Value enough = b.mul(kit.type_like(largest, 0.5), largest);
  const Value large = b.ge(size, kit.spread(enough, shape, 1));
  const Type index{DType::kI64, shape};
  const Value row = b.iota(index, 0);
  const Value first = b.reduce(
      Op::kReduceMin, b.select(large, row, b.splat(static_cast<double>(shape[0]), index)), {0});
  const Value here = b.eq(row, kit.spread(first, shape, 1));
  return kit.conjugate(kit.phase(kit.each(
      v, [&](Value e) { return b.reduce_sum(b.select(here, e, kit.type_like(e, 0)), {0}); })));
}

Matrix times_columns(Kit& kit, Matrix x, Matrix factors) {
  const Shape shape = kit.b.type(x.re).shape;
  return kit.mul(x, kit.each(factors, [&](Value e) { return kit.spread(e, shape, 1); }));
}

Matrix identity(Kit& kit, std::int64_t n, const Matrix& like) {
  const DType t = kit.b.type(like.re).dtype;
  Tensor one(Type{t, Shape{n, n}});
  for (std::int64_t k = 0; k < n; ++k) one.set_real(k * n + k, 1);
  return {kit.b.constant(one), like.im.valid() ? kit.b.zeros(one.type()) : Value{}};
}

/// Brings the largest element to about 1, so that no square vanishes or overflows.
Kit::Powers scale(Kit& kit, Matrix& a) {
  const Kit::Powers powers = kit.powers(kit.b.reduce(Op::kReduceMax, kit.largest_part(a), {0, 1}));
  a = kit.scaled(a, kit.fill(powers.up, kit.b.type(a.re).shape));
  return powers;
}

Value scaled_back(Kit& kit, Value values, const Kit::Powers& powers) {
  return kit.b.mul(values, kit.fill(powers.down, kit.b.type(values).shape));
}

/// The reflection x - v (w^H x) that takes the active numbers of a column, of which the first is
/// the head, to one number there, and the phase that makes that real and not negative.
struct Reflection {
  Matrix v, w, phase;
  Value length;  ///< what the column becomes

  Reflection(Kit& k, Matrix column, Value active) {
    Builder& b = k.b;
    const std::int64_t m = b.type(column.re).shape[0];
    const Value i = k.index(m), at_head = b.eq(i, k.type_like(i, 0));
    const Value none = k.type_like(column.re, 0);
    column = k.each(column, [&](Value e) { return b.select(active, e, none); });
    const Kit::Powers powers = k.powers(b.reduce(Op::kReduceMax, k.largest_part(column), {0}));
    const Matrix x = k.scaled(column, k.fill(powers.up, Shape{m}));
    const Matrix rest = k.each(x, [&](Value e) { return b.select(at_head, none, e); });
    const Value below = b.reduce_sum(k.square(rest), {0});
    const Matrix lead = k.each(x, [&](Value e) { return k.take(e, 0, 0); });
    const Matrix turn = k.phase(lead);
    const Value head = k.size(lead), zero = k.type_like(head, 0);
    const Value scaled_length = b.unary(Op::kSqrt, b.add(b.mul(head, head), below));
    length = b.mul(scaled_length, powers.down);
    // v = x + turn*length*e1 cancels nothing, and gives -turn*length.
    const Value first = b.add(head, scaled_length);
    const Value size = b.add(b.mul(first, first), below);
    // Nothing to reflect; NaN is not nothing.
    const Value done = b.binary(Op::kAnd, b.eq(below, zero), b.eq(head, head));
    const Value scale = b.select(done, zero, b.div(k.type_like(size, 2), size));
    v = k.select(at_head,
                 k.each(k.scaled(turn, first), [&](Value e) { return k.fill(e, Shape{m}); }), rest);
    w = k.scaled(v, k.fill(scale, Shape{m}));
    phase = k.conjugate(k.each(turn, [&](Value e) { return b.select(done, e, b.neg(e)); }));
  }

  /// Of the columns of x, with the head's row rolled to the end.
  Matrix applied(Kit& k, Matrix x) const {
    Builder& b = k.b;
    const Shape shape = b.type(x.re).shape;
    const Matrix ws = k.each(k.conjugate(w), [&](Value e) { return k.spread(e, shape, 0); });
    const Matrix sums = k.each(k.mul(ws, x), [&](Value e) { return b.reduce_sum(e, {0}); });
    const Matrix reflected = k.sub(x, k.outer(v, sums));
    const Matrix top = k.mul(k.each(reflected, [&](Value e) { return k.slice(e, 0, 0, 1); }),
                             k.each(phase, [&](Value e) { return k.fill(e, Shape{1, shape[1]}); }));
    return k.join({k.each(reflected, [&](Value e) { return k.slice(e, 0, 1, shape[0]); }), top}, 0);
  }
};

}  // namespace

/// Householder; finished rows and columns are rolled to the end. `c` becomes Q^H. What a column is
/// reflected by is made of the column times a power of two, so that no square of it is lost.
SmallFactors small_qr(Kit& kit, Matrix a) {
  const std::int64_t m = kit.b.type(a.re).shape[0], n = kit.b.type(a.re).shape[1];
  const std::int64_t count = std::min(m, n);
  const bool unrolled = std::max(m, n) <= kUnrolledMatrix;
  const Step start{{a, identity(kit, m, a)}, {}, {}};
  const Step made = kit.iterate(count, unrolled, start, [&](Kit& k, Value number, const Step& now) {
    Builder& b = k.b;
    const Matrix column = k.each(now.carries[0], [&](Value e) { return k.take(e, 1, 0); });
    const Reflection mirror(k, column, k.below(m, b.sub(b.constant_i64(m), number)));
    // The rest of a finished column is below the diagonal, or finished above.
    const Matrix last{k.join({k.slice(column.re, 0, 1, m), k.with_axis(mirror.length, 0)}, 0),
                      column.im.valid() ? k.roll(column.im, 0, 1) : Value{}};
    const Matrix others = k.each(now.carries[0], [&](Value e) { return k.slice(e, 1, 1, n); });
    Matrix left = k.each(last, [&](Value e) { return k.with_axis(e, 1); });
    if (n > 1) left = k.join({mirror.applied(k, others), left}, 1);
    return Step{{left, mirror.applied(k, now.carries[1])}, {}, {}};
  });
  const auto restored = [&](Value e) { return kit.slice(kit.roll(e, 0, m - count), 0, 0, count); };
  const Matrix c = kit.each(made.carries[1], restored);
  Matrix r = kit.each(kit.each(made.carries[0], restored),
                      [&](Value e) { return kit.roll(e, 1, n - count); });
  Matrices parts(kit.b);
  r = {parts.part(r.re, Matrices::Part::kUpper), parts.part(r.im, Matrices::Part::kStrictlyUpper)};
  return {{parts.adjoint(c), r}, {}};
}

SmallFactors small_eigh(Kit& kit, Matrix a) {
  const std::int64_t n = kit.b.type(a.re).shape[0];
  const DType t = kit.b.type(a.re).dtype;
  Matrices parts(kit.b);
  a = parts.from_lower(a);
  const Kit::Powers powers = scale(kit, a);
  const Step start{{a, identity(kit, n, a)}, {}, {}};
  const Step made =
      kit.iterate(steps_of(n) * sweeps(n, t), n == 2, start, [&](Kit& k, Value, const Step& now) {
        Builder& b = k.b;
        const Matrix x = now.carries[0];
        const Value own = along(k, {x.re, {}}, false).re;
        const Matrix between = along(k, x, true);
        std::function<Value(Value)> idle;
        if (n > 2) {
          // A large angle for a small element mixes vectors of one eigenvalue, which undoes what
          // was done between that eigenvalue and others: it can wait.
          const Matrix off = Matrices(b).part(x, Matrices::Part::kOffDiagonal);
          const Value largest = b.reduce(Op::kReduceMax, k.square(off), {0, 1});
          const Value small = b.mul(k.type_like(largest, 0x1p-9), largest);
          idle = [&k, &b, between, small](Value slope) {
            const Value size = k.square(between);
            return b.binary(Op::kAnd, b.lt(size, k.fill(small, b.type(size).shape)),
                            b.lt(slope, k.type_like(slope, 1)));
          };
        }
        const Turn turn = turn_for(k, own, between, k.b.reverse(own, {0}), idle);
        const Turn rows{turn.c, turn.s, turn.phase.valid() ? k.conjugate(turn.phase) : Matrix{}};
        Step next;
        next.carries.push_back(turned(k, turned(k, x, 0, rows), 1, turn));
        next.carries.push_back(turned(k, now.carries[1], 1, turn));
        return next;
      });
  Value w = scaled_back(kit, parts.diagonal(made.carries[0].re), powers);
  std::vector<Matrix> vectors{made.carries[1]};
  sort_columns(kit, w, vectors, false);
  return {{times_columns(kit, vectors[0], leading_phase(kit, vectors[0]))}, {w}};
}

namespace {

/// m >= n: U, s, V.
SmallFactors tall_svd(Kit& kit, Matrix a) {
  const std::int64_t n = kit.b.type(a.re).shape[1];
  const DType t = kit.b.type(a.re).dtype;
  const Step start{{a, identity(kit, n, a)}, {}, {}};
  const Step made =
      kit.iterate(steps_of(n) * sweeps(n, t), n == 2, start, [&](Kit& k, Value, const Step& now) {
        Builder& b = k.b;
        const Matrix x = now.carries[0];
        const Matrix other = k.each(x, [&](Value e) { return b.reverse(e, {1}); });
        const auto total = [&](Value e) { return b.reduce_sum(e, {0}); };
        const Matrix between = k.each(k.mul(k.conjugate(x), other), total);
        const Value size = total(k.square(x));
        const Turn turn = turn_for(k, size, between, b.reverse(size, {0}), {});
        Step next;
        for (const Matrix& m : now.carries) next.carries.push_back(turned(k, m, 1, turn));
        return next;
      });
  Value s = kit.b.unary(Op::kSqrt, kit.b.reduce_sum(kit.square(made.carries[0]), {0}));
  std::vector<Matrix> both = made.carries;
  sort_columns(kit, s, both, true);
  // Orthonormal even where a singular value is zero.
  return {{small_qr(kit, both[0]).matrices[0], both[1]}, {s}};
}

}  // namespace

SmallFactors small_svd(Kit& kit, Matrix a) {
  const std::int64_t m = kit.b.type(a.re).shape[0], n = kit.b.type(a.re).shape[1];
  Matrices parts(kit.b);
  const Kit::Powers powers = scale(kit, a);
  SmallFactors made = tall_svd(kit, m >= n ? a : parts.adjoint(a));
  made.values[0] = scaled_back(kit, made.values[0], powers);
  if (m < n) std::swap(made.matrices[0], made.matrices[1]);
  const Matrix phase = leading_phase(kit, made.matrices[0]);
  const Matrix u = times_columns(kit, made.matrices[0], phase);
  const Matrix v = times_columns(kit, made.matrices[1], phase);
  return {{u, parts.adjoint(v)}, made.values};
}

}  // namespace cotangent::transform
