// Solves and factorisations of a random program: of small matrices that are far from singular and
// have distinct eigenvalues where the program is tame.
#include <algorithm>
#include <cmath>

#include "cotangent/ir/random_scope.h"

namespace cotangent::ir {

/// A matrix of this type: in a tame program 1, 2, 3 ... on the diagonal plus a little of something.
Value RandomScope::well_posed(const Type& type) {
  Value v = of_type(type);
  if (!settings_.tame) return v;
  Builder& b = builder_;
  const int rank = type.shape.rank();
  const std::int64_t columns = type.shape[rank - 1];
  int exponent = 0;
  std::frexp(4.0 * static_cast<double>(std::max<std::int64_t>(columns, 1)), &exponent);
  v = b.mul(compress(v, 1), b.splat(std::ldexp(1.0, -exponent), type));
  const Type index{DType::kI64, type.shape};
  const Value i = b.iota(index, rank - 2), j = b.iota(index, rank - 1);
  const Value number = b.add(b.cast(i, type.dtype), b.splat(1, type));
  return b.add(v, b.select(b.eq(i, j), number, b.zeros(type)));
}

void RandomScope::linear_algebra(Op op) {
  const DType t = draw_dtype([](DType d) { return is_float(d); });
  Dims batch;
  if (random_.percent(30)) batch.push_back(random_.between(1, 3));
  const std::int64_t n = random_.percent(80) ? random_.between(1, 3) : random_.between(4, 6);
  const bool square = op != Op::kQr && op != Op::kSvd;
  const std::int64_t m = square || random_.percent(50) ? n : random_.between(1, 4);
  const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
    Dims axes = batch;
    axes.push_back(rows);
    axes.push_back(columns);
    return Type{t, Shape(axes)};
  };
  const bool pairs = random_.percent(30);
  std::vector<Value> operands{well_posed(matrix(m, n))};
  // Small beside the gaps between the diagonal's entries.
  if (pairs) {
    const Value im = of_type(matrix(m, n));
    operands.push_back(settings_.tame
                           ? builder_.mul(compress(im, 1), builder_.splat(1.0 / 64, matrix(m, n)))
                           : im);
  }
  Attr attr = FactorAttr{pairs};
  double limit = 8;
  if (op == Op::kTriangularSolve) {
    SolveAttr solve;
    solve.lower = random_.percent(50);
    solve.transposed = random_.percent(50);
    solve.unit_diagonal = random_.percent(30);
    solve.pairs = pairs;
    attr = solve;
    const Type right = matrix(n, random_.between(1, 3));
    for (int k = 0; k < (pairs ? 2 : 1); ++k) operands.push_back(of_type(right));
    limit =
        8 * std::max(bound(operands.back()), bound(operands[operands.size() - (pairs ? 2 : 1)]));
  }
  const Value node = builder_.make(op, operands, attr);
  const auto types = builder_.so_far().result_types(node);
  const std::size_t count = types.size();
  for (std::size_t k = 0; k < count; ++k) {
    add(builder_.project(node, static_cast<std::int64_t>(k)), settings_.tame ? limit : 1e30);
  }
}

}  // namespace cotangent::ir
