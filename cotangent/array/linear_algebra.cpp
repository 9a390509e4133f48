#include "cotangent/array/linear_algebra.h"

#include "cotangent/array/indexing.h"
#include "cotangent/array/record.h"
#include "cotangent/array/reduce.h"

namespace cotangent::array {
namespace {

// One text serves real and complex matrices: a matrix is a list of its parts.
using Parts = std::vector<Array>;

Parts parts_of(const Array& x) {
  return {x};
}
Parts parts_of(const Complex& z) {
  return {z.re, z.im};
}

template <class M>
constexpr bool kPairs = std::same_as<M, Complex>;

/// The matrix of the results from `first` on.
template <class M>
M matrix(const std::vector<NodePtr>& results, std::size_t first) {
  if constexpr (kPairs<M>) {
    return Complex(Array(results[first]), Array(results[first + 1]));
  } else {
    return Array(results[first]);
  }
}

template <class M>
M each(const M& x, const auto& f) {
  if constexpr (kPairs<M>) {
    return Complex(f(x.re), f(x.im));
  } else {
    return f(x);
  }
}

template <class M>
M real_parts(std::string_view op, const M& x) {
  return each(x, [&](const Array& part) {
    const ElementType t{to_real(part.element_type()).dtype, false};
    return convert(op, part, t);
  });
}

void want_square(std::string_view op, const Array& a) {
  if (a.ndim() < 2 || a.shape(-1) != a.shape(-2)) {
    refuse(op, "of " + a.type_text(), "the last two axes hold square matrices");
  }
}

const Array& first_part(const Array& x) {
  return x;
}
const Array& first_part(const Complex& z) {
  return z.re;
}

template <class M>
std::vector<NodePtr> factor(Op op, std::string_view name, const M& given) {
  if (first_part(given).ndim() < 2) {
    refuse(name, "of " + first_part(given).type_text(),
           "the last two axes hold matrices: reshape it, or use expand_dims");
  }
  if (op == Op::kCholesky || op == Op::kEigh) want_square(name, first_part(given));
  const M a = real_parts(name, given);
  std::vector<NodePtr> operands;
  for (const Array& part : parts_of(a)) operands.push_back(part.node());
  return make_second_order(op, std::move(operands), ir::FactorAttr{kPairs<M>});
}

/// a and b of one element type with one batch; b as matrices. `vector`: b was one.
template <class M>
struct System {
  M a, b;
  bool vector;
};

template <class M>
System<M> system_of(std::string_view op, const M& a, const M& b) {
  const Array &pa = first_part(a), &pb = first_part(b);
  want_square(op, pa);
  if (pb.ndim() == 0) {
    refuse(op, "the right side is the scalar " + pb.type_text(),
           "give a vector, or matrices in the last two axes");
  }
  const bool vector = pb.ndim() == 1;
  const ElementType both = to_real(promote(pa.element_type(), pb.element_type()));
  const ElementType t{both.dtype, false};
  const std::int64_t n = pa.shape(-1), rows = vector ? pb.shape(0) : pb.shape(-2);
  if (rows != n) {
    refuse(op, "shapes do not fit: " + pa.type_text() + " and " + pb.type_text(),
           "the right side has as many rows as the matrix");
  }
  const auto batch_of = [](const Array& x, int axes) {
    return zeros(Shape(x.shape().axes().first(static_cast<std::size_t>(x.ndim() - axes))));
  };
  const Array batches[] = {batch_of(pa, 2), vector ? zeros({}) : batch_of(pb, 2)};
  const Shape batch = broadcast_shapes(op, batches);
  const auto spread = [&](const Array& x, std::int64_t columns) {
    Dims shape = dims_of(batch);
    shape.push_back(n);
    shape.push_back(columns);
    return broadcast_to_shape(convert(op, x, t), Shape(shape));
  };
  System<M> s{each(a, [&](const Array& x) { return spread(x, n); }),
              each(b,
                   [&](const Array& x) {
                     return vector ? spread(expand_dims(x, 1), 1) : spread(x, x.shape(-1));
                   }),
              vector};
  return s;
}

template <class M>
M triangular(const M& a, const M& b, const TriangularOptions& options) {
  std::vector<NodePtr> operands;
  for (const Array& part : parts_of(a)) operands.push_back(part.node());
  for (const Array& part : parts_of(b)) operands.push_back(part.node());
  const ir::SolveAttr attr{options.lower, options.transposed, options.unit_diagonal, kPairs<M>};
  return matrix<M>(make_second_order(Op::kTriangularSolve, std::move(operands), attr), 0);
}

template <class M>
M as_given(const System<M>& s, const M& x) {
  return s.vector ? each(x, [](const Array& part) { return squeeze(part, -1); }) : x;
}

template <class M>
M triangular_solve_of(const M& a, const M& b, const TriangularOptions& options) {
  const System<M> s = system_of("triangular_solve", a, b);
  return as_given(s, triangular(s.a, s.b, options));
}

template <class M>
M solve_of(std::string_view op, const M& a, const M& b) {
  const System<M> s = system_of(op, a, b);
  const Lu<M> f = lu(s.a);
  const Array rows = expand_dims(f.rows, -1);
  const M ordered = each(s.b, [&](const Array& x) {
    return take_along_axis(x, broadcast_to(rows, x.shape()), x.ndim() - 2);
  });
  const M half = triangular(f.lu, ordered, {.lower = true, .unit_diagonal = true});
  return as_given(s, triangular(f.lu, half, {.lower = false}));
}

template <class M>
M inverse_of(const M& a) {
  const Array& part = first_part(a);
  want_square("inv", part);
  return solve_of<M>("inv", a, M(eye(part.shape(-1), -1, 0, to_real(part.element_type()).dtype)));
}

/// 1 or -1: the sign of a permutation, by the number of pairs in the wrong order.
Array sign_of(const Array& rows, DType t) {
  const Array wrong = expand_dims(rows, -1) > expand_dims(rows, -2);
  const Array count = sum(triu(wrong.astype(DType::kI64), 1), {-1, -2});
  return (1 - 2 * (count % 2)).astype(t);
}

Array diagonal_of(const Array& x) {
  return diagonal(x, 0, -2, -1);
}

}  // namespace

Array cholesky(const Array& a) {
  return matrix<Array>(factor(Op::kCholesky, "cholesky", a), 0);
}
Complex cholesky(const Complex& a) {
  return matrix<Complex>(factor(Op::kCholesky, "cholesky", a), 0);
}

Lu<Array> lu(const Array& a) {
  const auto made = factor(Op::kLu, "lu", a);
  return {matrix<Array>(made, 0), Array(made[1])};
}
Lu<Complex> lu(const Complex& a) {
  const auto made = factor(Op::kLu, "lu", a);
  return {matrix<Complex>(made, 0), Array(made[2])};
}

Qr<Array> qr(const Array& a) {
  const auto made = factor(Op::kQr, "qr", a);
  return {matrix<Array>(made, 0), matrix<Array>(made, 1)};
}
Qr<Complex> qr(const Complex& a) {
  const auto made = factor(Op::kQr, "qr", a);
  return {matrix<Complex>(made, 0), matrix<Complex>(made, 2)};
}

Eigh<Array> eigh(const Array& a) {
  const auto made = factor(Op::kEigh, "eigh", a);
  return {Array(made[0]), matrix<Array>(made, 1)};
}
Eigh<Complex> eigh(const Complex& a) {
  const auto made = factor(Op::kEigh, "eigh", a);
  return {Array(made[0]), matrix<Complex>(made, 1)};
}
Array eigvalsh(const Array& a) {
  return eigh(a).w;
}
Array eigvalsh(const Complex& a) {
  return eigh(a).w;
}

Svd<Array> svd(const Array& a) {
  const auto made = factor(Op::kSvd, "svd", a);
  return {matrix<Array>(made, 0), Array(made[1]), matrix<Array>(made, 2)};
}
Svd<Complex> svd(const Complex& a) {
  const auto made = factor(Op::kSvd, "svd", a);
  return {matrix<Complex>(made, 0), Array(made[2]), matrix<Complex>(made, 3)};
}

Array triangular_solve(const Array& a, const Array& b, TriangularOptions options) {
  return triangular_solve_of(a, b, options);
}
Complex triangular_solve(const Complex& a, const Complex& b, TriangularOptions options) {
  return triangular_solve_of(a, b, options);
}

Array solve(const Array& a, const Array& b) {
  return solve_of("solve", a, b);
}
Complex solve(const Complex& a, const Complex& b) {
  return solve_of("solve", a, b);
}
Array inv(const Array& a) {
  return inverse_of(a);
}
Complex inv(const Complex& a) {
  return inverse_of(a);
}

Array det(const Array& a) {
  want_square("det", a);
  const Lu<Array> f = lu(a);
  return sign_of(f.rows, f.lu.dtype()) * prod(diagonal_of(f.lu), -1);
}

Complex det(const Complex& a) {
  want_square("det", a.re);
  const Lu<Complex> f = lu(a);
  // The product of the diagonal, halves with halves.
  Complex d(diagonal_of(f.lu.re), diagonal_of(f.lu.im));
  if (d.re.shape(-1) == 0) d = Complex(sum(d.re, -1, true) + 1.0);
  for (std::int64_t n = d.re.shape(-1); n > 1; n = d.re.shape(-1)) {
    const auto part = [&](std::int64_t from, std::int64_t to) {
      return d(ellipsis, slice(from, to));
    };
    const Complex product = part(0, n / 2) * part(n / 2, n / 2 * 2);
    if (n % 2 == 0) {
      d = product;
    } else {
      const Complex last = part(n - 1, n);
      d = Complex(concatenate({product.re, last.re}, -1), concatenate({product.im, last.im}, -1));
    }
  }
  const Array sign = sign_of(f.rows, d.re.dtype());
  return {sign * squeeze(d.re, -1), sign * squeeze(d.im, -1)};
}

std::pair<Array, Array> slogdet(const Array& a) {
  want_square("slogdet", a);
  const Lu<Array> f = lu(a);
  const Array d = diagonal_of(f.lu);
  const Array s = sign_of(f.rows, d.dtype()) * prod(sign(d), -1);
  return {s, sum(log(abs(d)), -1)};
}

}  // namespace cotangent::array
