// Factorisations put together again, and derivatives with known formulas; numpy_test.cpp compares
// solve, inv, det, cholesky, eigenvalues and singular values with numpy's.
#include "cotangent/array/linear_algebra.h"

#include <cmath>

#include "cotangent/array/custom.h"
#include "cotangent/array/jit.h"
#include "cotangent/array/random.h"
#include "cotangent/array/transforms.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

void expect_equal(const Complex& x, const Complex& y) {
  expect_equal(x.re, y.re);
  expect_equal(x.im, y.im);
}

Complex adjoint(const Complex& z) {
  return conj(Complex(swapaxes(z.re, -1, -2), swapaxes(z.im, -1, -2)));
}
Array adjoint(const Array& x) {
  return swapaxes(x, -1, -2);
}

Array some(std::uint64_t seed, Shape shape) {
  return normal(Key(seed), shape);
}
Complex some_complex(std::uint64_t seed, Shape shape) {
  return {some(seed, shape), some(seed + 1, shape)};
}
/// Factors times a diagonal of real numbers.
Array times(const Array& x, const Array& w) {
  return x * expand_dims(w, -2);
}
Complex times(const Complex& x, const Array& w) {
  return {times(x.re, w), times(x.im, w)};
}
Array rows_of(const Array& x, const Array& rows) {
  return take_along_axis(x, broadcast_to(expand_dims(rows, -1), x.shape()), x.ndim() - 2);
}
Complex rows_of(const Complex& z, const Array& rows) {
  return {rows_of(z.re, rows), rows_of(z.im, rows)};
}
Array lower(const Array& x) {
  return tril(x, -1) + eye(x.shape(-1));
}
Complex lower(const Complex& z) {
  return {lower(z.re), tril(z.im, -1)};
}
Array upper(const Array& x) {
  return triu(x);
}
Complex upper(const Complex& z) {
  return {triu(z.re), triu(z.im)};
}

template <class M>
void put_together(const M& square, const M& tall) {
  const M positive = matmul(square, adjoint(square));
  const M l = cholesky(positive);
  expect_equal(matmul(l, adjoint(l)), positive);
  const Lu<M> f = lu(square);
  expect_equal(matmul(lower(f.lu), upper(f.lu)), rows_of(square, f.rows));
  const Qr<M> qr_of = qr(tall);
  expect_equal(matmul(qr_of.q, qr_of.r), tall);
  const Eigh<M> e = eigh(positive);
  expect_equal(matmul(times(e.v, e.w), adjoint(e.v)), positive);
  const Svd<M> s = svd(tall);
  expect_equal(matmul(times(s.u, s.s), s.vh), tall);
  expect_equal(matmul(square, inv(square)), matmul(adjoint(qr(square).q), qr(square).q));
}

TEST(Factors, MakeTheMatrix) {
  put_together(some(1, {4, 4}), some(2, {5, 3}));
  put_together(some(3, {2, 3, 3}), some(4, {2, 3, 4}));
  put_together(some_complex(5, {4, 4}), some_complex(7, {5, 3}));
  put_together(some_complex(9, {2, 3, 3}), some_complex(11, {2, 3, 4}));
}

TEST(TriangularSolve, ReadsOneTriangleAndBroadcasts) {
  const Array a = some(1, {3, 3}) + 4.0 * eye(3), b = some(2, {5, 3, 2});
  const Array x = triangular_solve(a, b);
  EXPECT_EQ(x.shape(), (Shape{5, 3, 2}));
  expect_equal(matmul(tril(a), x), b);
  expect_equal(matmul(triu(a), triangular_solve(a, b, {.lower = false})), b);
  expect_equal(matmul(tril(a).T(), triangular_solve(a, b, {.transposed = true})), b);
  expect_equal(matmul(lower(a), triangular_solve(a, b, {.unit_diagonal = true})), b);
  const Array v = some(3, {3});
  EXPECT_EQ(triangular_solve(a, v).shape(), Shape{3});
  expect_equal(matmul(tril(a), triangular_solve(a, v)), v);
  const Complex c(a, some(4, {3, 3}));
  const Complex y = triangular_solve(c, Complex(b), {.transposed = true});
  const Complex low(tril(c.re), tril(c.im));
  expect_equal(matmul(adjoint(low), y), Complex(b));
}

TEST(Solve, TakesVectorsMatricesBatchesAndIntegers) {
  EXPECT_EQ(show(solve(Array::of({{2, 0}, {0, 4}}), Array::of({2, 8}))), "f64[2] 1.0 2.0");
  const Array a = some(1, {4, 3, 3}), v = some(2, {3});
  const Array back = squeeze(matmul(a, expand_dims(solve(a, v), -1)), -1);
  expect_equal(back, broadcast_to(v, {4, 3}), 1e-12);
  EXPECT_EQ(solve(a.astype(DType::kF32), v.astype(DType::kF32)).dtype(), DType::kF32);
  EXPECT_THAT(error_of([&] { solve(a, some(1, {4, 2})); }),
              testing::HasSubstr("[solve] shapes do not fit: f64[4,3,3] and f64[4,2]"));
  EXPECT_THAT(error_of([] { inv(ones({2, 3})); }), testing::HasSubstr("[inv] of f64[2,3]"));
  EXPECT_THAT(error_of([] { cholesky(ones({3})); }), testing::HasSubstr("[cholesky]"));
}

TEST(Det, CountsTheSignOfThePermutation) {
  EXPECT_EQ(det(Array::of({{0.0, 1.0}, {1.0, 0.0}})).item(), -1);
  EXPECT_EQ(det(Array::of({{0, 1, 0}, {0, 0, 1}, {1, 0, 0}})).item(), 1);
  EXPECT_EQ(det(Array::of({{1.0, 2.0}, {2.0, 4.0}})).item(), 0);
  EXPECT_EQ(det(Array::of({{3.0}})).item(), 3);
  const auto [sign_of, log_of] = slogdet(-1e200 * eye(3));
  EXPECT_EQ(sign_of.item(), -1);
  EXPECT_NEAR(log_of.item(), 600 * std::log(10.0), 1e-10);
  // det(i I) of order 3 is i^3 = -i; of order 5, i.
  const Complex turn = det(Complex(zeros({3, 3}), eye(3)));
  EXPECT_EQ(turn.re.item(), 0);
  EXPECT_EQ(turn.im.item(), -1);
  EXPECT_EQ(det(Complex(zeros({5, 5}), eye(5))).im.item(), 1);
}

// Jacobi: d log|det a| = tr(a^-1 da); d (a^-1 b) = -a^-1 da a^-1 b; d w = diag(V^T da V).
TEST(LinearAlgebra, DerivativesHaveTheirFormulas) {
  const Array a = some(1, {4, 4}) + 3.0 * eye(4), b = some(2, {4});
  expect_equal(grad([](Array a) { return slogdet(a).second; })(a), inv(a).T(), 1e-12);
  expect_equal(grad([](Array a) { return det(a); })(a), det(a) * inv(a).T(), 1e-12);
  const Array x = solve(a, b);
  const Array back = solve(a.T(), ones({4}));
  expect_equal(grad([&](Array a) { return sum(solve(a, b)); })(a), -outer(back, x), 1e-12);
  expect_equal(grad([&](Array b) { return sum(solve(a, b)); })(b), back, 1e-12);
  const Array s = a + a.T(), d = some(3, {4, 4}), ds = d + d.T();
  const Array v = eigh(s).v;
  expect_equal(jvp([](Array s) { return eigvalsh(s); }, s, ds).second,
               diagonal(matmul(v.T(), matmul(ds, v))), 1e-12);
}

TEST(LinearAlgebra, EqualValuesHaveDerivativesAndTheirVectorsAreRefused) {
  // Symmetric functions of the values: the trace of the square, whose gradient is 2 a.
  const Array a = diag(Array::of({2.0, 2.0, 5.0}));
  const auto squares = [](Array a) { return sum(square(eigvalsh(a))); };
  expect_equal(grad(squares)(a), 2 * a);
  expect_equal(jit(grad([](Array a) { return sum(square(svd(a).s)); }))(a), 2 * a);
  // Vectors that are not differentiated.
  expect_equal(grad([&](Array a) { return sum(eigvalsh(a)) + sum(eigh(stop_gradient(a)).v); })(a),
               eye(3));
  const auto vectors = [](Array a) { return sum(sin(eigh(a).v)); };
  const auto words = testing::AllOf(testing::HasSubstr("[eigh] two eigenvalues are equal"),
                                    testing::HasSubstr("to do: differentiate the values alone"));
  EXPECT_TRUE(std::isfinite(vectors(a).item()));
  EXPECT_THAT(error_of([&] { grad(vectors)(a).eval(); }), words);
  EXPECT_THAT(error_of([&] { jvp(vectors, a, ones({3, 3})).second.eval(); }), words);
  EXPECT_THAT(error_of([&] { hessian(squares)(a).eval(); }), words);
  const Array other = diag(Array::of({1.0, 2.0, 5.0}));
  const auto lanes = jit(vmap(grad(vectors)));
  EXPECT_TRUE(all(isfinite(lanes(stack({other, 2 * other})))));
  EXPECT_THAT(error_of([&] { lanes(stack({other, a})); }),
              testing::AllOf(words, testing::HasSubstr("lane 1")));
  EXPECT_THAT(error_of([&] { grad([](Array a) { return sum(svd(a).u); })(eye(3)).eval(); }),
              testing::HasSubstr("[svd] two singular values are equal"));
}

TEST(LinearAlgebra, WorksInLanesAndUnderJit) {
  const Array a = some(1, {6, 3, 3}), b = some(2, {6, 3});
  const auto one = [](Array a, Array b) { return solve(a, b); };
  const Array lanes = vmap(one)(a, b);
  for (int k = 0; k < 6; ++k) expect_equal(lanes[k], solve(a[k], b[k]), 1e-11);
  expect_equal(jit(one)(a[0], b[0]), lanes[0], 1e-11);
}

// What linear_algebra.h says of elements that are not finite.
TEST(LinearAlgebra, ElementsThatAreNotFinite) {
  const auto all_nan = [](const Array& x) { return all(isnan(x)).item<bool>(); };
  for (const double bad : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
    for (const std::int64_t n : {2, 3, 16, 20}) {
      const Array a = eye(n).at(0, 0).set(bad);
      const auto [u, s, vh] = svd(a);
      EXPECT_TRUE(all_nan(u) && all_nan(s) && all_nan(vh)) << n << " " << bad;
      if (n > 16) continue;
      const auto [w, v] = eigh(a);
      EXPECT_TRUE(all_nan(w) && all_nan(v)) << n << " " << bad;
      // A block that the element does not reach.
      if (!std::isnan(bad)) {
        EXPECT_EQ(lu(a).lu(1, 1).item(), 1) << n << " " << bad;
      }
      EXPECT_FALSE(isfinite(cholesky(a)(0, 0)).item<bool>()) << n << " " << bad;
    }
  }
}

}  // namespace
}  // namespace cotangent::array
