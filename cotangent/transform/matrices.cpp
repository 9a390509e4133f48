#include "cotangent/transform/matrices.h"

#include <numeric>

namespace cotangent::transform {

using namespace ir;

namespace {

Dims batch_axes(int rank) {
  Dims axes(static_cast<std::size_t>(rank - 2));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace

std::int64_t rows_of(const Type& t) {
  return t.shape[t.shape.rank() - 2];
}
std::int64_t columns_of(const Type& t) {
  return t.shape[t.shape.rank() - 1];
}

Value Matrices::product(Value x, Value y) {
  if (!x.valid() || !y.valid()) return {};
  const int rank = b_.type(x).shape.rank();
  const Dims batch = batch_axes(rank);
  return b_.dot_general(x, y, DotAttr{batch, batch, {rank - 1}, {rank - 2}});
}

Matrix Matrices::mul(Matrix x, Matrix y) {
  return {plus(product(x.re, y.re), minus(product(x.im, y.im))),
          plus(product(x.re, y.im), product(x.im, y.re))};
}

Matrix Matrices::adjoint(Matrix x) {
  const Matrix turned = each(x, [&](Value e) {
    const int rank = b_.type(e).shape.rank();
    Dims permutation = batch_axes(rank);
    permutation.push_back(rank - 1);
    permutation.push_back(rank - 2);
    return b_.transpose(e, permutation);
  });
  return {turned.re, minus(turned.im)};
}

Matrix Matrices::half(Matrix x) {
  return each(x, [&](Value e) { return b_.mul(b_.splat(0.5, b_.type(e)), e); });
}

Value Matrices::where(const Type& like, Part which) {
  const Type index{DType::kI64, like.shape};
  const int rank = like.shape.rank();
  const Value i = b_.iota(index, rank - 2), j = b_.iota(index, rank - 1);
  switch (which) {
    case Part::kLower: return b_.ge(i, j);
    case Part::kStrictlyLower: return b_.gt(i, j);
    case Part::kUpper: return b_.le(i, j);
    case Part::kStrictlyUpper: return b_.lt(i, j);
    case Part::kDiagonal: return b_.eq(i, j);
    case Part::kOffDiagonal: return b_.ne(i, j);
  }
  throw InternalError("no such part of a matrix");
}

Value Matrices::part(Value x, Part which) {
  return x.valid() ? b_.select(where(b_.type(x), which), x, b_.zeros(b_.type(x))) : x;
}

Matrix Matrices::part(Matrix x, Part which) {
  return {part(x.re, which), part(x.im, which)};
}

Matrix Matrices::from_lower(Matrix x) {
  const Matrix strict = part(x, Part::kStrictlyLower);
  return add({part(x.re, Part::kLower), strict.im}, adjoint(strict));
}

Value Matrices::diagonal(Value x) {
  return b_.reduce_sum(part(x, Part::kDiagonal), {b_.type(x).shape.rank() - 1});
}

Matrix Matrices::identity(const Type& type) {
  return {b_.cast(where(type, Part::kDiagonal), type.dtype), {}};
}

Value Matrices::rows(Value v, const Type& type) {
  Dims dims = batch_axes(type.shape.rank());
  dims.push_back(type.shape.rank() - 2);
  return b_.broadcast(v, type.shape, dims);
}

Value Matrices::columns(Value v, const Type& type) {
  Dims dims = batch_axes(type.shape.rank());
  dims.push_back(type.shape.rank() - 1);
  return b_.broadcast(v, type.shape, dims);
}

Matrix Matrices::solve(Matrix a, Matrix x, SolveAttr attr) {
  if (!x.valid()) return x;
  attr.pairs = a.im.valid();
  const Value like = x.re.valid() ? x.re : x.im;
  const Value zeros = b_.zeros(b_.type(like));
  if (!attr.pairs) {
    return each(x, [&](Value e) { return b_.triangular_solve(a.re, e, attr); });
  }
  const Value operands[] = {a.re, a.im, x.re.valid() ? x.re : zeros, x.im.valid() ? x.im : zeros};
  const Values both = b_.triangular_solve(operands, attr);
  return {both[0], both[1]};
}

Matrix Matrices::solve_right(Matrix a, Matrix x, SolveAttr attr) {
  attr.transposed = !attr.transposed;
  return adjoint(solve(a, adjoint(x), attr));
}

Matrix Matrices::columns_of(Matrix x, std::int64_t begin, std::int64_t end) {
  return each(x, [&](Value e) {
    const Shape& s = b_.type(e).shape;
    Dims start(static_cast<std::size_t>(s.rank()), 0), limit(s.begin(), s.end());
    start.back() = begin;
    limit.back() = end;
    return b_.slice(e, start, limit, Dims(start.size(), 1));
  });
}

Matrix Matrices::beside(Matrix x, Matrix y) {
  const auto join = [&](Value u, Value v, Matrix left, Matrix right) {
    if (!u.valid() && !v.valid()) return Value{};
    const auto zeros_like = [&](Matrix m) { return b_.zeros(b_.type(m.re.valid() ? m.re : m.im)); };
    const Value parts[] = {u.valid() ? u : zeros_like(left), v.valid() ? v : zeros_like(right)};
    return b_.concatenate(parts, b_.type(parts[0]).shape.rank() - 1);
  };
  return {join(x.re, y.re, x, y), join(x.im, y.im, x, y)};
}

Matrix Matrices::permute_rows(Matrix x, Value order) {
  const Type index = b_.type(order);
  Values indices;
  for (int axis = 0; axis < index.shape.rank() - 1; ++axis) indices.push_back(b_.iota(index, axis));
  indices.push_back(order);
  return each(x, [&](Value e) { return b_.gather(e, indices); });
}

}  // namespace cotangent::transform
