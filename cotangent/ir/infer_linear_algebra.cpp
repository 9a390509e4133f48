#include "cotangent/ir/linear_algebra.h"

namespace cotangent::ir {
namespace {

[[noreturn]] void refuse_matrices(Op op, const std::string& why, const std::string& remedy = "") {
  throw UserError("[" + std::string(name_of(op)) + "] " + why, remedy);
}

/// The matrices among the operands, one type each; checks that both halves of a pair agree.
std::vector<Type> matrices(Op op, std::span<const Type> in, bool pairs, std::size_t count) {
  const std::size_t each = pairs ? 2 : 1;
  if (in.size() != count * each) {
    refuse_matrices(op, "takes " + std::to_string(count * each) + " operands" +
                   (pairs ? " (real and imaginary parts)" : "") + ", given " +
                   std::to_string(in.size()));
  }
  std::vector<Type> found;
  for (std::size_t k = 0; k < count; ++k) {
    const Type& t = in[k * each];
    if (!is_float(t.dtype)) refuse_matrices(op, "does not take " + t.text());
    if (t.shape.rank() < 2) refuse_matrices(op, "takes a matrix in the last two axes, given " + t.text());
    if (pairs && in[k * each + 1] != t) {
      refuse_matrices(op, "the parts of a complex matrix differ: " + t.text() + " and " +
                     in[k * each + 1].text());
    }
    found.push_back(t);
  }
  return found;
}

Type with_last_axes(const Type& like, std::int64_t rows, std::int64_t columns) {
  Dims axes(like.shape.begin(), like.shape.end());
  axes[axes.size() - 2] = rows;
  axes[axes.size() - 1] = columns;
  return like.with_shape(Shape(axes));
}

/// The batch axes and one more.
Type with_vector(const Type& like, std::int64_t n, DType dtype) {
  Dims axes(like.shape.begin(), like.shape.end() - 1);
  axes.back() = n;
  return Type{dtype, Shape(axes)};
}

std::vector<Type> infer_solve(Op op, std::span<const Type> in, const SolveAttr& a) {
  const std::vector<Type> m = matrices(op, in, a.pairs, 2);
  const int rank = m[0].shape.rank();
  bool fits = m[1].dtype == m[0].dtype && m[1].shape.rank() == rank &&
              m[0].shape[rank - 1] == m[0].shape[rank - 2] &&
              m[1].shape[rank - 2] == m[0].shape[rank - 1];
  for (int k = 0; fits && k < rank - 2; ++k) fits = m[0].shape[k] == m[1].shape[k];
  if (!fits) {
    refuse_matrices(op, "takes [.., n, n] and [.., n, k], given " + m[0].text() + " and " + m[1].text(),
           "a single right-hand side has k = 1; the batch axes must agree");
  }
  return std::vector<Type>(a.pairs ? 2 : 1, m[1]);
}

}  // namespace

bool has_pairs(const Attr& attr) {
  if (const auto* solve = std::get_if<SolveAttr>(&attr)) return solve->pairs;
  if (const auto* factor = std::get_if<FactorAttr>(&attr)) return factor->pairs;
  throw InternalError("not an attribute of linear algebra");
}

std::vector<Type> infer_linear_algebra(Op op, std::span<const Type> in, const Attr& attr) {
  if (op == Op::kTriangularSolve) return infer_solve(op, in, std::get<SolveAttr>(attr));
  const bool pairs = std::get<FactorAttr>(attr).pairs;
  const Type a = matrices(op, in, pairs, 1)[0];
  const std::int64_t m = a.shape[a.shape.rank() - 2], n = a.shape[a.shape.rank() - 1];
  const std::int64_t k = std::min(m, n);
  if (op != Op::kQr && op != Op::kSvd && m != n) {
    refuse_matrices(op, "takes square matrices, given " + a.text());
  }
  std::vector<Type> out;
  const auto add = [&](const Type& t) { out.insert(out.end(), pairs ? 2 : 1, t); };
  switch (op) {
    case Op::kCholesky: add(a); break;
    case Op::kLu:
      add(a);
      out.push_back(with_vector(a, n, DType::kI64));
      break;
    case Op::kQr:
      add(with_last_axes(a, m, k));
      add(with_last_axes(a, k, n));
      break;
    case Op::kEigh:
      out.push_back(with_vector(a, n, a.dtype));
      add(a);
      break;
    case Op::kSvd:
      add(with_last_axes(a, m, k));
      out.push_back(with_vector(a, k, a.dtype));
      add(with_last_axes(a, k, n));
      break;
    default: throw InternalError("no type rule");
  }
  return out;
}

}  // namespace cotangent::ir
