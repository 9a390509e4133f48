// Derivatives of factorisations against differences, forward against reverse; and the expansion of
// small ones against the evaluator's own algorithms.
#include "cotangent/ir/linear_algebra.h"

#include <array>
#include <complex>

#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

struct Case {
  std::int64_t m, n;
  bool pairs;
};

/// Diagonal 1, 2, 3 .. and a little besides: positive definite where it is Hermitian, with distinct
/// eigenvalues and singular values, and pivots that do not change places.
Tensors well_posed(const Case& c, std::int64_t batch, DType t, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensors out;
  for (int part = 0; part < (c.pairs ? 2 : 1); ++part) {
    const Shape shape = batch > 0 ? Shape{batch, c.m, c.n} : Shape{c.m, c.n};
    Tensor a = random_like(Type{t, shape}, random);
    for (std::int64_t k = 0; k < a.size(); ++k) {
      const std::int64_t e = k % (c.m * c.n), i = e / c.n, j = e % c.n;
      const long double diagonal = i == j && part == 0 ? static_cast<long double>(i + 1) : 0;
      a.set_real(k, a.real(k) * 0.3L / static_cast<long double>(std::max(c.m, c.n)) + diagonal);
    }
    out.push_back(a);
  }
  return out;
}

FunctionPtr factor(Op op, const Tensors& operands, bool pairs) {
  Builder b("factor");
  Values x;
  for (const Tensor& t : operands) x.push_back(b.param(t.type()));
  return b.finish(b.factor(op, x, {pairs}));
}

TEST(LinearAlgebra, DerivativesOfFactorisations) {
  for (Op op : {Op::kCholesky, Op::kLu, Op::kQr, Op::kEigh, Op::kSvd}) {
    const bool square = op != Op::kQr && op != Op::kSvd;
    for (const Case& c : {Case{3, 3, false},
                          {3, 3, true},
                          {4, 2, false},
                          {2, 4, false},
                          {4, 2, true},
                          {2, 3, true},
                          {1, 1, false},
                          {1, 1, true}}) {
      if (square && c.m != c.n) continue;
      SCOPED_TRACE(std::string(name_of(op)) + (c.pairs ? " pairs " : " ") + std::to_string(c.m) +
                   " x " + std::to_string(c.n));
      const Tensors x = well_posed(c, c.m == 3 ? 2 : 0, DType::kF64, 7);
      check_derivatives(*factor(op, x, c.pairs), x, c.pairs ? Positions{0, 1} : Positions{0}, 3);
    }
  }
}

TEST(LinearAlgebra, DerivativesOfTriangularSolve) {
  for (int bits = 0; bits < 16; ++bits) {
    const SolveAttr attr{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
    SCOPED_TRACE(bits);
    const Case c{3, 3, attr.pairs};
    Tensors x = well_posed(c, 2, DType::kF64, 8);
    for (const Tensor& t : well_posed({3, 2, attr.pairs}, 2, DType::kF64, 9)) x.push_back(t);
    Builder b("solve");
    Values params;
    for (const Tensor& t : x) params.push_back(b.param(t.type()));
    const FunctionPtr f = b.finish(b.triangular_solve(params, attr));
    Positions wrt;
    for (std::size_t k = 0; k < x.size(); ++k) wrt.push_back(k);
    check_derivatives(*f, x, wrt, 4);
    check_derivatives(*f, x, {0}, 5);
    check_derivatives(*f, x, {x.size() - 1}, 6);
  }
}

/// log det A = 2 sum log L_ii has gradient A^-1 and Hessian -A^-1 V A^-1.
TEST(LinearAlgebra, HessianOfLogDeterminant) {
  Builder b("log_det");
  const Value a = b.param({DType::kF64, {3, 3}});
  const Value l = b.factor(Op::kCholesky, a)[0];
  const Value i = b.iota({DType::kI64, {3, 3}}, 0), j = b.iota({DType::kI64, {3, 3}}, 1);
  const Value logs = b.select(b.eq(i, j), b.unary(Op::kLog, l), b.zeros({DType::kF64, {3, 3}}));
  const FunctionPtr f = b.finish({b.mul(b.constant(2.0), b.reduce_sum(logs))});
  // A = diag(2, 4, 5): the gradient is diag(1/2, 1/4, 1/5), of the lower triangle.
  const Tensor at = Tensor::of<double>(Shape{3, 3}, {2, 0, 0, 0, 4, 0, 0, 0, 5});
  const Tensor gradient = evaluate(*grad(*f, {0}), {{at}})[0];
  EXPECT_NEAR(gradient.real(0), 0.5L, 1e-15L);
  EXPECT_NEAR(gradient.real(4), 0.25L, 1e-15L);
  EXPECT_NEAR(gradient.real(8), 0.2L, 1e-15L);
  const Tensor v = Tensor::of<double>(Shape{3, 3}, {1, 0, 0, 1, 2, 0, 0, 0, 0});
  const Tensor second = evaluate(*hvp(*f, {0}), {{at, v}})[0];
  EXPECT_NEAR(second.real(0), -0.25L, 1e-15L);       // -V_00 / (A_00)^2
  EXPECT_NEAR(second.real(3), -2 * 0.125L, 1e-15L);  // both triangles fall on the lower one
  EXPECT_NEAR(second.real(4), -2 * 0.0625L, 1e-15L);
}

TEST(LinearAlgebra, EqualEigenvaluesKeepTheirOwnDerivative) {
  Builder b("values");
  const Value a = b.param({DType::kF64, {2, 2}});
  const FunctionPtr f = b.finish({b.reduce_sum(b.factor(Op::kEigh, a)[0])});
  const Tensor one = Tensor::of<double>(Shape{2, 2}, {1, 0, 0, 1});
  const Tensor trace = evaluate(*grad(*f, {0}), {{one}})[0];
  EXPECT_TRUE(trace.same_bits(one));
  // Vectors have none there, and say so.
  Builder c("vectors");
  const Value x = c.param({DType::kF64, {2, 2}});
  const FunctionPtr g = c.finish({c.reduce_sum(c.factor(Op::kEigh, x)[1])});
  EXPECT_FALSE(std::isfinite(static_cast<double>(evaluate(*grad(*g, {0}), {{one}})[0].real(2))));
}

/// Where a select leaves a solve out, its NaN goes nowhere.
TEST(LinearAlgebra, MaskedSolveLeaksNothing) {
  Builder b("masked");
  const Type t{DType::kF64, {2, 2}};
  const Value a = b.param(t), x = b.param(t);
  const Value y = b.triangular_solve(a, b.mul(x, x), SolveAttr{});
  const Value good = b.splat(0.0, t.with_dtype(DType::kBool));
  const FunctionPtr f = b.finish({b.reduce_sum(b.select(good, y, x))});
  const Tensor singular = Tensor::of<double>(Shape{2, 2}, {0, 0, 0, 0});
  const Tensor at = Tensor::of<double>(Shape{2, 2}, {1, 2, 3, 4});
  const Tensors gradient = evaluate(*grad(*f, {0, 1}), {{singular, at}});
  for (std::int64_t k = 0; k < 4; ++k) {
    EXPECT_EQ(gradient[0].real(k), 0.0L);
    EXPECT_EQ(gradient[1].real(k), 1.0L);
  }
}

// --- the expansion

bool holds_linear_algebra(const Function& f) {
  return f.contains_op([](Op op) { return info(op).kind == OpKind::kLinearAlgebra; });
}

void expect_near(const Tensors& got, const Tensors& want, long double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t r = 0; r < want.size(); ++r) {
    ASSERT_EQ(got[r].type(), want[r].type());
    for (std::int64_t k = 0; k < want[r].size(); ++k) {
      ASSERT_NEAR(got[r].real(k), want[r].real(k),
                  tolerance * std::max(1.0L, std::fabs(want[r].real(k))))
          << "result " << r << ", element " << k;
    }
  }
}

void check_expansion(const FunctionPtr& f, const Tensors& x, long double tolerance) {
  const FunctionPtr expanded = expand_linear_algebra(*f);
  verify(*expanded);
  EXPECT_FALSE(holds_linear_algebra(*expanded));
  EXPECT_LT(expanded->total_size(), 1100u) << print(*expanded);
  expect_near(evaluate(*expanded, x), evaluate(*f, x), tolerance);
}

TEST(ExpandLinearAlgebra, FactorisationsAgreeWithTheEvaluator) {
  for (Op op : {Op::kCholesky, Op::kLu, Op::kQr, Op::kEigh, Op::kSvd}) {
    const bool square = op != Op::kQr && op != Op::kSvd;
    for (bool pairs : {false, true}) {
      for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                          {2, 2},
                          {3, 3},
                          {4, 4},
                          {5, 5},
                          {8, 8},
                          {16, 16},
                          {3, 2},
                          {2, 4},
                          {7, 3},
                          {5, 9}}) {
        if (square && m != n) continue;
        for (DType t : {DType::kF64, DType::kF32}) {
          const std::int64_t batch = m == 3 ? 3 : 0;
          SCOPED_TRACE(std::string(name_of(op)) + (pairs ? " pairs " : " ") + std::to_string(m) +
                       " x " + std::to_string(n) + " " + std::string(name_of(t)));
          const Tensors x = well_posed({m, n, pairs}, batch, t, 11);
          check_expansion(factor(op, x, pairs), x, t == DType::kF64 ? 4e-14L : 3e-5L);
        }
      }
    }
  }
}

TEST(ExpandLinearAlgebra, SolvesAgreeWithTheEvaluator) {
  for (int bits = 0; bits < 16; ++bits) {
    const SolveAttr attr{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
    for (std::int64_t n : {1, 3, 6}) {
      SCOPED_TRACE(std::to_string(bits) + ", " + std::to_string(n));
      Tensors x = well_posed({n, n, attr.pairs}, n == 3 ? 2 : 0, DType::kF64, 12);
      for (const Tensor& t : well_posed({n, 2, attr.pairs}, n == 3 ? 2 : 0, DType::kF64, 13)) {
        x.push_back(t);
      }
      Builder b("solve");
      Values params;
      for (const Tensor& t : x) params.push_back(b.param(t.type()));
      check_expansion(b.finish(b.triangular_solve(params, attr)), x, 1e-14L);
    }
  }
}

TEST(ExpandLinearAlgebra, LuPivots) {
  for (std::int64_t n : {3, 4, 7}) {
    std::mt19937_64 random(5);
    const Tensors x{random_like({DType::kF64, {n, n}}, random)};
    const FunctionPtr f = factor(Op::kLu, x, false);
    const Tensors got = evaluate(*expand_linear_algebra(*f), x), want = evaluate(*f, x);
    EXPECT_TRUE(got[1].same_bits(want[1]));
    bool moved = false;
    for (std::int64_t k = 0; k < n; ++k) moved = moved || want[1].integer(k) != k;
    EXPECT_TRUE(moved);
    expect_near(got, want, 1e-13L);
  }
}

/// Q diag(w) Q^T with Q from a random matrix.
Tensor with_spectrum(std::int64_t n, const std::function<double(std::int64_t)>& w, unsigned seed) {
  std::mt19937_64 random(seed);
  const Tensors x{random_like({DType::kF64, {n, n}}, random)};
  const Tensor q = evaluate(*factor(Op::kQr, x, false), x)[0];
  Tensor a(q.type());
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      long double sum = 0;
      for (std::int64_t k = 0; k < n; ++k) sum += q.real(i * n + k) * w(k) * q.real(j * n + k);
      a.set_real(i * n + j, sum);
    }
  }
  return a;
}

/// max |A V - V diag(w)| and |V^T V - 1| of an expanded eigh; the same of A^T A for an svd.
void check_residuals(const Tensor& a, const char* what) {
  SCOPED_TRACE(what);
  const std::int64_t n = a.type().shape[0];
  const auto at = [&](const Tensor& t, std::int64_t i, std::int64_t j) {
    return t.real(i * n + j);
  };
  long double size = 0;
  for (std::int64_t k = 0; k < n * n; ++k) size = std::max(size, std::fabs(a.real(k)));
  const auto tolerance = 3e-15L * static_cast<long double>(n);
  const Tensors e = evaluate(*expand_linear_algebra(*factor(Op::kEigh, {a}, false)), {{a}});
  const Tensors s = evaluate(*expand_linear_algebra(*factor(Op::kSvd, {a}, false)), {{a}});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      long double av = 0, vv = 0, usv = 0, uu = 0;
      for (std::int64_t k = 0; k < n; ++k) {
        av += at(a, i, k) * at(e[1], k, j);
        vv += at(e[1], k, i) * at(e[1], k, j);
        usv += at(s[0], i, k) * s[1].real(k) * at(s[2], k, j);
        uu += at(s[0], k, i) * at(s[0], k, j);
      }
      ASSERT_NEAR(av, at(e[1], i, j) * e[0].real(j), tolerance * size * 4)
          << "eigh " << i << " " << j;
      ASSERT_NEAR(vv, i == j ? 1.0L : 0.0L, tolerance * 2);
      ASSERT_NEAR(usv, at(a, i, j), tolerance * size * 4) << "svd " << i << " " << j;
      ASSERT_NEAR(uu, i == j ? 1.0L : 0.0L, tolerance * 2);
    }
  }
}

TEST(ExpandLinearAlgebra, JacobiOnHardSpectra) {
  for (std::int64_t n : {2, 3, 4, 5, 8, 11, 16}) {
    SCOPED_TRACE(n);
    for (unsigned seed = 1; seed <= 2; ++seed) {
      const auto check = [&](const char* what, const std::function<double(std::int64_t)>& w) {
        check_residuals(with_spectrum(n, w, seed), what);
      };
      check("graded", [](std::int64_t k) { return std::pow(10.0, -double(k)); });
      check("geometric, signs mixed",
            [](std::int64_t k) { return std::ldexp(k % 2 ? -1.0 : 1.0, static_cast<int>(-k)); });
      check("clustered", [](std::int64_t k) { return 1 + 1e-10 * double(k * k); });
      check("two clusters", [](std::int64_t k) { return k % 2 ? 1.0 : 2.0 + 1e-13 * double(k); });
      check("plus and minus one", [](std::int64_t k) { return k % 2 ? -1.0 : 1.0; });
      check("rank two", [](std::int64_t k) { return k < 2 ? 1.0 : 0.0; });
    }
    Tensor scaled(Type{DType::kF64, Shape{n, n}}), hilbert(scaled.type()), ones(scaled.type());
    std::mt19937_64 random(3);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        const double x = std::ldexp(static_cast<double>(random() >> 11), -52) - 1.0;
        for (std::int64_t e : {i * n + j, j * n + i}) {
          scaled.set_real(e, x * std::pow(10.0, -double(i + j)));
          hilbert.set_real(e, 1.0L / static_cast<long double>(i + j + 1));
          ones.set_real(e, 1);
        }
      }
    }
    check_residuals(scaled, "scaled rows and columns");
    check_residuals(hilbert, "Hilbert");
    check_residuals(ones, "all ones");
    check_residuals(Tensor(scaled.type()), "zero");
  }
}

// --- elements of any size

using Number = std::complex<long double>;

/// One matrix of numbers that are wide enough for products of any f64.
struct Wide {
  std::int64_t m, n;
  std::vector<Number> a;
  Number at(std::int64_t i, std::int64_t j) const { return a[static_cast<std::size_t>(i * n + j)]; }
};

/// Result `at` as a matrix of real or complex numbers, each times `factor`.
Wide wide(const Tensors& from, std::size_t at, bool pairs, long double factor = 1) {
  const Shape& s = from[at].type().shape;
  Wide out{s[0], s[1], {}};
  for (std::int64_t k = 0; k < from[at].size(); ++k) {
    out.a.emplace_back(from[at].real(k) * factor, pairs ? from[at + 1].real(k) * factor : 0);
  }
  return out;
}

/// max |x diag(d) y - a|, with d absent: 1.
long double residual(const Wide& x, const std::vector<long double>& d, const Wide& y,
                     const Wide& a) {
  long double most = 0;
  for (std::int64_t i = 0; i < x.m; ++i) {
    for (std::int64_t j = 0; j < y.n; ++j) {
      Number sum = -a.at(i, j);
      for (std::int64_t k = 0; k < x.n; ++k) {
        sum += x.at(i, k) * (d.empty() ? 1 : d[static_cast<std::size_t>(k)]) * y.at(k, j);
      }
      if (!(std::abs(sum) <= most)) most = std::abs(sum);
      if (std::isnan(most)) return most;
    }
  }
  return most;
}

Wide adjoint(const Wide& x) {
  Wide out{x.n, x.m, {}};
  for (std::int64_t j = 0; j < x.n; ++j) {
    for (std::int64_t i = 0; i < x.m; ++i) out.a.push_back(std::conj(x.at(i, j)));
  }
  return out;
}

Wide one(std::int64_t n) {
  Wide out{n, n, {}};
  for (std::int64_t k = 0; k < n * n; ++k) out.a.emplace_back(k % (n + 1) == 0 ? 1 : 0);
  return out;
}

/// Q R = A, V w V^H = A and U s V^H = A relative to `scale`, and orthonormal Q, U, V.
void expect_factors(Op op, const Tensors& a, const Tensors& made, bool pairs, long double scale,
                    long double tolerance, long double lost) {
  Wide given = wide(a, 0, pairs, 1 / scale);
  const std::size_t part = pairs ? 2 : 1;
  const auto numbers = [&](std::size_t at) {
    std::vector<long double> s;
    for (std::int64_t k = 0; k < made[at].size(); ++k) s.push_back(made[at].real(k) / scale);
    return s;
  };
  const Wide first = wide(made, op == Op::kEigh ? 1 : 0, pairs);
  EXPECT_LE(residual(adjoint(first), {}, first, one(first.n)), tolerance) << "orthonormal";
  if (op == Op::kQr) {
    EXPECT_LE(residual(first, {}, wide(made, part, pairs, 1 / scale), given), tolerance + lost);
    return;
  }
  if (op == Op::kEigh) {
    // The lower triangle is read.
    for (std::int64_t i = 0; i < given.n; ++i) {
      for (std::int64_t j = i; j < given.n; ++j) {
        const Number low = given.at(j, i);
        given.a[static_cast<std::size_t>(i * given.n + j)] = i == j ? low.real() : std::conj(low);
      }
    }
    EXPECT_LE(residual(first, numbers(0), adjoint(first), given), tolerance + lost);
    return;
  }
  const Wide vh = wide(made, part + 1, pairs);
  EXPECT_LE(residual(vh, {}, adjoint(vh), one(vh.m)), tolerance) << "orthonormal V";
  EXPECT_LE(residual(first, numbers(part), vh, given), tolerance + lost);
}

/// Numbers near the ends of the range: what is lost of the smallest is a few of its last bits.
TEST(LinearAlgebra, OrthogonalFactorsOfElementsOfAnySize) {
  struct Scale {
    DType dtype;
    double scale;
  };
  for (const Scale& c : {Scale{DType::kF64, 1e-310},
                         {DType::kF64, 1e-300},
                         {DType::kF64, 1e-200},
                         {DType::kF64, 1e-160},
                         {DType::kF64, 1},
                         {DType::kF64, 1e150},
                         {DType::kF64, 1e200},
                         {DType::kF64, 1e300},
                         {DType::kF64, 4e306},
                         {DType::kF32, 1e-42},
                         {DType::kF32, 1e-38},
                         {DType::kF32, 1e-20},
                         {DType::kF32, 1e18},
                         {DType::kF32, 1e37}}) {
    const bool narrow = c.dtype == DType::kF32;
    const long double last = narrow ? 0x1p-149L : 0x1p-1074L;
    for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                        {2, 2},
                        {3, 3},
                        {4, 4},
                        {5, 5},
                        {8, 8},
                        {4, 2},
                        {2, 4},
                        {8, 5},
                        {5, 8}}) {
      for (bool pairs : {false, true}) {
        std::mt19937_64 random(static_cast<std::uint64_t>(m * 16 + n));
        Tensors a;
        for (int part = 0; part < (pairs ? 2 : 1); ++part) {
          a.push_back(random_like(Type{c.dtype, Shape{m, n}}, random));
          for (std::int64_t k = 0; k < m * n; ++k) a.back().set_real(k, a.back().real(k) * c.scale);
        }
        for (Op op : {Op::kQr, Op::kEigh, Op::kSvd}) {
          if (op == Op::kEigh && m != n) continue;
          SCOPED_TRACE(std::string(name_of(op)) + (pairs ? " pairs " : " ") + std::to_string(m) +
                       " x " + std::to_string(n) + " " + std::string(name_of(c.dtype)) + " of " +
                       std::to_string(std::log10(c.scale)));
          const long double tolerance = (narrow ? 1e-6L : 2e-15L) * static_cast<long double>(m + n);
          const long double lost = last / c.scale * static_cast<long double>(2 * (m + n));
          const FunctionPtr f = factor(op, a, pairs);
          expect_factors(op, a, evaluate(*f, a), pairs, c.scale, tolerance, lost);
          expect_factors(op, a, evaluate(*expand_linear_algebra(*f), a), pairs, c.scale, tolerance,
                         lost);
        }
      }
    }
  }
}

TEST(LinearAlgebra, QrAndSvdOfZeroGradedAndInfiniteMatrices) {
  const auto both = [](Op op, const Tensor& a) {
    const FunctionPtr f = factor(op, {a}, false);
    return std::array{evaluate(*f, {{a}}), evaluate(*expand_linear_algebra(*f), {{a}})};
  };
  const auto square = [](std::vector<double> a) { return Tensor::of<double>(Shape{2, 2}, a); };
  const Tensor zero = square({0, 0, 0, 0}), identity = square({1, 0, 0, 1});
  for (const Tensors& made : both(Op::kQr, zero)) {
    EXPECT_TRUE(made[0].same_bits(identity));
    EXPECT_TRUE(made[1].same_bits(zero));
  }
  for (const Tensors& made : both(Op::kSvd, zero)) {
    EXPECT_TRUE(made[0].same_bits(identity));
    EXPECT_TRUE(made[1].same_bits(Tensor::of<double>(Shape{2}, {0, 0})));
  }
  // The square of what is below the diagonal is lost beside 1, or one column's beside the other's.
  for (const Tensor& a : {square({1, 2, 1e-160, 3}), square({1, 0, 0, 1e-200}),
                          square({1e-250, 1, 1e-250, 2}), square({1e200, 1, 3e200, 1e-100})}) {
    for (Op op : {Op::kQr, Op::kSvd}) {
      for (const Tensors& made : both(op, a)) {
        const long double scale = std::max({a.real(0), a.real(1), a.real(2), a.real(3)});
        expect_factors(op, {a}, made, false, scale, 1e-15L, 0);
      }
    }
  }
  for (const Tensors& made : both(Op::kQr, square({1, 0, 0, 1e-200}))) {
    EXPECT_EQ(made[1].real(3), static_cast<long double>(1e-200));
  }
  for (float bad : {INFINITY, -INFINITY, NAN}) {
    for (int at = 0; at < 4; ++at) {
      Tensor a = square({4, 1, 2, 3});
      a.set_real(at, bad);
      for (Op op : {Op::kQr, Op::kSvd}) {
        for (const Tensors& made : both(op, a)) {
          bool found = false;
          for (const Tensor& t : made) {
            for (std::int64_t k = 0; k < t.size(); ++k) found = found || std::isnan(t.real(k));
          }
          EXPECT_TRUE(found) << name_of(op) << " with " << bad << " at " << at;
        }
      }
    }
  }
}

/// x times 2^e, exactly.
Tensor at_scale(const Tensor& x, int e) {
  if (x.type().dtype == DType::kI64) return x;
  Tensor out(x.type());
  for (std::int64_t k = 0; k < x.size(); ++k) out.set_real(k, std::ldexp(x.real(k), e));
  return out;
}

/// By which power of two the results of a factorisation grow when its operand grows by 2^e.
std::vector<int> growth(Op op, bool pairs, int e) {
  const auto repeated = [&](std::initializer_list<int> each) {
    std::vector<int> out;
    for (int x : each) out.insert(out.end(), pairs ? 2 : 1, x);
    return out;
  };
  std::vector<int> out;
  switch (op) {
    case Op::kCholesky: return repeated({e / 2});
    case Op::kLu: out = repeated({e}), out.push_back(0); return out;  // and L: see the test
    case Op::kQr: return repeated({0, e});
    case Op::kEigh: out = repeated({0}), out.insert(out.begin(), e); return out;
    default: out = repeated({0, 0}), out.insert(out.begin() + (pairs ? 2 : 1), e); return out;
  }
}

/// A power of two changes no bit of a factorisation but the exponents.
TEST(LinearAlgebra, PowersOfTwoGoThroughFactorisationsExactly) {
  for (Op op : {Op::kCholesky, Op::kLu, Op::kQr, Op::kEigh, Op::kSvd}) {
    for (DType t : {DType::kF64, DType::kF32}) {
      for (std::int64_t n : {2, 3, 5, 8}) {
        for (bool pairs : {false, true}) {
          Tensors a = well_posed({n, n, pairs}, 0, t, 17);
          // Two equal eigenvalues, and imaginary parts of nothing on the diagonal.
          if (n > 2) a[0].set_real(n + 1, 1);
          for (std::int64_t i = 0; pairs && i < n; ++i) a[1].set_real(i * (n + 1), 0);
          const FunctionPtr plain = factor(op, a, pairs);
          for (const FunctionPtr& f : {plain, expand_linear_algebra(*plain)}) {
            const Tensors want = evaluate(*f, a);
            for (int e : t == DType::kF64 ? std::array{-900, -600, 600, 900}
                                          : std::array{-86, -70, 70, 100}) {
              SCOPED_TRACE(std::string(name_of(op)) + (pairs ? " pairs " : " ") +
                           std::to_string(n) + " " + std::string(name_of(t)) + " 2^" +
                           std::to_string(e) + (f == plain ? "" : " expanded"));
              Tensors x;
              for (const Tensor& part : a) x.push_back(at_scale(part, e));
              const Tensors got = evaluate(*f, x);
              const std::vector<int> by = growth(op, pairs, e);
              for (std::size_t r = 0; r < got.size(); ++r) {
                Tensor expected = at_scale(want[r], by[r]);
                for (std::int64_t k = 0; op == Op::kLu && r + 1 < got.size() && k < n * n; ++k) {
                  if (k % n < k / n) expected.set_real(k, want[r].real(k));  // L
                }
                EXPECT_TRUE(got[r].same_bits(expected)) << "result " << r;
              }
            }
          }
        }
      }
    }
  }
}

/// Nor of their derivatives, when the direction grows with the matrix.
TEST(LinearAlgebra, PowersOfTwoGoThroughDerivativesExactly) {
  for (Op op : {Op::kCholesky, Op::kLu, Op::kQr, Op::kEigh, Op::kSvd}) {
    for (bool pairs : {false, true}) {
      Tensors x = well_posed({3, 3, pairs}, 0, DType::kF64, 17);
      for (std::int64_t i = 0; pairs && i < 3; ++i) x[1].set_real(i * 4, 0);
      const FunctionPtr f = factor(op, x, pairs);
      const Tensors direction = well_posed({3, 3, pairs}, 0, DType::kF64, 18);
      x.insert(x.end(), direction.begin(), direction.end());
      const FunctionPtr forward = jvp(*f, pairs ? Positions{0, 1} : Positions{0});
      const FunctionPtr expanded = expand_linear_algebra(*forward);
      const std::size_t results = f->results().size();
      for (const FunctionPtr& g : {forward, expanded}) {
        const Tensors want = evaluate(*g, x);
        for (int e : {-800, 800}) {
          SCOPED_TRACE(std::string(name_of(op)) + (pairs ? " pairs 2^" : " 2^") +
                       std::to_string(e) + (g == forward ? "" : " expanded"));
          Tensors y;
          for (const Tensor& part : x) y.push_back(at_scale(part, e));
          const Tensors got = evaluate(*g, y);
          const std::vector<int> by = growth(op, pairs, e);
          for (std::size_t r = results; r < got.size(); ++r) {
            const bool lu = op == Op::kLu;
            for (std::int64_t k = 0; k < got[r].size(); ++k) {
              const bool is_l = lu && k % 3 < k / 3;
              EXPECT_EQ(got[r].real(k), std::ldexp(want[r].real(k), is_l ? 0 : by[r - results]))
                  << "tangent " << r - results << ", element " << k;
            }
          }
        }
      }
    }
  }
}

TEST(LinearAlgebra, PowersOfTwoGoThroughSolvesExactly) {
  for (bool pairs : {false, true}) {
    Tensors x = well_posed({5, 5, pairs}, 0, DType::kF64, 18);
    for (const Tensor& t : well_posed({5, 2, pairs}, 0, DType::kF64, 19)) x.push_back(t);
    Builder b("solve");
    Values params;
    for (const Tensor& t : x) params.push_back(b.param(t.type()));
    const FunctionPtr plain = b.finish(b.triangular_solve(params, {.lower = true, .pairs = pairs}));
    const FunctionPtr expanded = expand_linear_algebra(*plain);
    for (const FunctionPtr& f : {plain, expanded}) {
      const Tensors want = evaluate(*f, x);
      for (auto [e, d] : {std::pair{-900, -900}, {-900, 30}, {900, 900}, {900, -30}, {0, 900}}) {
        SCOPED_TRACE(std::to_string(e) + " " + std::to_string(d) + (pairs ? " pairs" : "") +
                     (f == plain ? "" : " expanded"));
        Tensors y;
        for (std::size_t k = 0; k < x.size(); ++k) {
          y.push_back(at_scale(x[k], k < x.size() / 2 ? e : d));
        }
        const Tensors got = evaluate(*f, y);
        for (std::size_t r = 0; r < got.size(); ++r) {
          EXPECT_TRUE(got[r].same_bits(at_scale(want[r], d - e))) << "result " << r;
        }
      }
    }
  }
}

TEST(ExpandLinearAlgebra, LargeOnesAreLeft) {
  const Tensors x = well_posed({17, 17, false}, 0, DType::kF64, 1);
  const FunctionPtr f = factor(Op::kCholesky, x, false);
  EXPECT_TRUE(structurally_equal(*expand_linear_algebra(*f), *f));
}

}  // namespace
}  // namespace cotangent::transform
