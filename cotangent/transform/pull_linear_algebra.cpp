#include "cotangent/ir/linear_algebra.h"
#include "cotangent/transform/matrices.h"
#include "cotangent/transform/puller.h"

namespace cotangent::transform {

using namespace ir;

/// Linear in b: the cotangent of b solves with the (conjugate) transpose.
void Puller::triangular_solve(Value v) {
  SolveAttr attr = f_.attr_as<SolveAttr>(v);
  const std::size_t each = attr.pairs ? 2 : 1;
  Matrices m(b_);
  for (std::size_t k = 0; k < each; ++k) {
    if (linear(operand(v, k))) {
      refuse(Op::kTriangularSolve, "the matrix depends on the linear parameters");
    }
    if (!linear(operand(v, each + k))) want_zero(operand(v, each + k), Op::kTriangularSolve);
  }
  Matrix a{of(operand(v, 0)), attr.pairs ? of(operand(v, 1)) : Value{}};
  const auto& cts = result_cts_[v.id];
  const Matrix ct{cts[0].value, attr.pairs ? cts[1].value : Value{}};
  // A column is used when any element of any part is; every element of it then is.
  bool masked = true;
  Value used;
  const Type type = f_.result_types(v)[0];
  const int rank = type.shape.rank();
  for (const Cotangent& c : cts) {
    if (!c.valid()) continue;
    masked = masked && c.mask.valid();
    if (!masked) break;
    const Value here = any(c.mask, {rank - 2});
    used = used.valid() ? b_.binary(Op::kOr, used, here) : here;
  }
  Value mask;
  if (masked) {
    const Type flags{DType::kBool, type.shape};
    mask = m.columns(used, flags);
    // A matrix none of whose columns is used may hold NaN, which must not meet the zeros.
    const Type t = b_.type(a.re);
    Dims batch;
    for (int k = 0; k < rank - 2; ++k) batch.push_back(k);
    const Value needed = b_.broadcast(any(used, {rank - 2}), t.shape, batch);
    const Value one = m.identity(t).re;
    a.re = b_.select(needed, a.re, one);
    if (attr.pairs) a.im = b_.select(needed, a.im, b_.zeros(t));
  }
  attr.transposed = !attr.transposed;
  const Matrix back = m.solve(a, ct, attr);
  const Value parts[] = {back.re, back.im};
  for (std::size_t k = 0; k < each; ++k) {
    add_to(operand(v, each + k), {parts[k], mask, masked});
  }
}

}  // namespace cotangent::transform
