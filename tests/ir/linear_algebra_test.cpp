// Factorisations by the evaluator: residuals and structure to round-off, conventions, a few numbers
// known in closed form, and refusals by name.
#include "cotangent/ir/linear_algebra.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <random>

#include "cotangent/ir/text.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir {
namespace {

using Number = std::complex<long double>;

struct Dense {
  std::int64_t m = 0, n = 0;
  std::vector<Number> a;
  Number& operator()(std::int64_t i, std::int64_t j) {
    return a[static_cast<std::size_t>(i * n + j)];
  }
  const Number& operator()(std::int64_t i, std::int64_t j) const {
    return a[static_cast<std::size_t>(i * n + j)];
  }
};

Dense zeros(std::int64_t m, std::int64_t n) {
  return {m, n, std::vector<Number>(static_cast<std::size_t>(m * n))};
}

Dense product(const Dense& x, const Dense& y) {
  Dense out = zeros(x.m, y.n);
  for (std::int64_t i = 0; i < x.m; ++i) {
    for (std::int64_t k = 0; k < x.n; ++k) {
      for (std::int64_t j = 0; j < y.n; ++j) out(i, j) += x(i, k) * y(k, j);
    }
  }
  return out;
}

Dense adjoint(const Dense& x) {
  Dense out = zeros(x.n, x.m);
  for (std::int64_t i = 0; i < x.m; ++i) {
    for (std::int64_t j = 0; j < x.n; ++j) out(j, i) = std::conj(x(i, j));
  }
  return out;
}

long double distance(const Dense& x, const Dense& y) {
  long double most = 0;
  for (std::size_t k = 0; k < x.a.size(); ++k) most = std::max(most, std::abs(x.a[k] - y.a[k]));
  return most;
}

Dense identity(std::int64_t n) {
  Dense out = zeros(n, n);
  for (std::int64_t k = 0; k < n; ++k) out(k, k) = 1;
  return out;
}

/// Matrix number `at` of a batch; `im` may be null.
Dense dense(const Tensor& re, const Tensor* im, std::int64_t at) {
  const Shape& s = re.type().shape;
  Dense out = zeros(s[s.rank() - 2], s[s.rank() - 1]);
  for (std::int64_t k = 0; k < out.m * out.n; ++k) {
    const std::int64_t e = at * out.m * out.n + k;
    out.a[static_cast<std::size_t>(k)] = {re.real(e), im ? im->real(e) : 0};
  }
  return out;
}

struct Case {
  DType dtype;
  bool pairs;
  std::int64_t m, n;
};

std::vector<Case> cases(bool square) {
  std::vector<Case> all;
  for (DType t : {DType::kF64, DType::kF32}) {
    for (bool pairs : {false, true}) {
      for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                          {3, 3},
                          {8, 8},
                          {21, 21},
                          {5, 2},
                          {2, 5},
                          {9, 1},
                          {1, 4}}) {
        if (m == n || !square) all.push_back({t, pairs, m, n});
      }
    }
  }
  return all;
}

long double tolerance(const Case& c) {
  return (c.dtype == DType::kF64 ? 1e-14L : 5e-6L) * static_cast<long double>(c.m + c.n);
}

constexpr std::int64_t kBatch = 2;

/// A batch of two; real and imaginary parts.
std::vector<Tensor> random_matrices(const Case& c, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Tensor> out;
  for (int part = 0; part < (c.pairs ? 2 : 1); ++part) {
    Tensor t(Type{c.dtype, Shape{kBatch, c.m, c.n}});
    for (std::int64_t k = 0; k < t.size(); ++k) {
      t.set_real(k, std::ldexp(static_cast<double>(random() >> 11), -52) - 1.0);
    }
    out.push_back(t);
  }
  return out;
}

/// The results of a factorisation of the case's matrices.
struct Made {
  std::vector<Tensor> operands, results;
  bool pairs;
  Dense operand(std::int64_t at) const {
    return dense(operands[0], pairs ? &operands[1] : nullptr, at);
  }
  /// A matrix result, by the position of its real part.
  Dense matrix(std::size_t k, std::int64_t at) const {
    return dense(results[k], pairs ? &results[k + 1] : nullptr, at);
  }
};

Made factor(Op op, const Case& c, std::vector<Tensor> operands) {
  Builder b("factor");
  std::vector<Value> x;
  for (const Tensor& t : operands) x.push_back(b.param(t.type()));
  const FunctionPtr f = b.finish(b.factor(op, x, {c.pairs}));
  // The text form round-trips on the way.
  EXPECT_TRUE(structurally_equal(*f, *parse(print(*f))));
  return {operands, evaluate(*f, operands), c.pairs};
}

/// Hermitian, and positive definite by the diagonal, from a random batch.
std::vector<Tensor> hermitian(const Case& c, std::uint64_t seed, double shift) {
  const std::vector<Tensor> random = random_matrices(c, seed);
  std::vector<Tensor> out = random;
  for (std::int64_t at = 0; at < kBatch; ++at) {
    for (std::int64_t i = 0; i < c.n; ++i) {
      for (std::int64_t j = 0; j < c.n; ++j) {
        const std::int64_t e = (at * c.n + i) * c.n + j, o = (at * c.n + j) * c.n + i;
        const long double diagonal = i == j ? shift : 0;
        out[0].set_real(e, random[0].real(e) / 2 + random[0].real(o) / 2 + diagonal);
        if (c.pairs) out[1].set_real(e, random[1].real(e) / 2 - random[1].real(o) / 2);
      }
    }
  }
  return out;
}

TEST(LinearAlgebra, CholeskyGivesTheMatrixBack) {
  for (const Case& c : cases(true)) {
    const Made made = factor(Op::kCholesky, c, hermitian(c, 1, static_cast<double>(c.n)));
    for (std::int64_t at = 0; at < kBatch; ++at) {
      const Dense l = made.matrix(0, at);
      EXPECT_LT(distance(product(l, adjoint(l)), made.operand(at)), tolerance(c));
      for (std::int64_t i = 0; i < c.n; ++i) {
        EXPECT_GT(l(i, i).real(), 0);
        EXPECT_EQ(l(i, i).imag(), 0);
        for (std::int64_t j = i + 1; j < c.n; ++j) EXPECT_EQ(l(i, j), Number(0));
      }
    }
  }
}

TEST(LinearAlgebra, CholeskyReadsTheLowerTriangleAndSaysNaN) {
  const Case c{DType::kF64, false, 3, 3};
  std::vector<Tensor> a = hermitian(c, 2, 3);
  const Made clean = factor(Op::kCholesky, c, a);
  a[0].set_real(1, NAN);
  EXPECT_TRUE(factor(Op::kCholesky, c, a).results[0].same_bits(clean.results[0]));
  // Indefinite: NaN from the first column that fails.
  const Tensor bad = Tensor::of<double>(Shape{2, 2}, {1, 2, 2, 1});
  const Tensor l = testing::run(Op::kIsFinite, {factor(Op::kCholesky, c, {bad}).results[0]});
  EXPECT_EQ(l.integer(0), 1);
  EXPECT_EQ(l.integer(2), 1);
  EXPECT_EQ(l.integer(3), 0);
}

TEST(LinearAlgebra, LuGivesTheRowsOfTheMatrix) {
  for (const Case& c : cases(true)) {
    const Made made = factor(Op::kLu, c, random_matrices(c, 3));
    const Tensor& rows = made.results.back();
    EXPECT_EQ(rows.type(), (Type{DType::kI64, Shape{kBatch, c.n}}));
    for (std::int64_t at = 0; at < kBatch; ++at) {
      const Dense both = made.matrix(0, at), a = made.operand(at);
      Dense l = identity(c.n), u = zeros(c.n, c.n), permuted = zeros(c.n, c.n);
      for (std::int64_t i = 0; i < c.n; ++i) {
        for (std::int64_t j = 0; j < c.n; ++j) {
          (j < i ? l : u)(i, j) = both(i, j);
          permuted(i, j) = a(rows.integer(at * c.n + i), j);
          if (!c.pairs && j < i) {
            EXPECT_LE(std::abs(both(i, j)), 1.0L);
          }
        }
      }
      EXPECT_LT(distance(product(l, u), permuted), tolerance(c));
    }
  }
  // A singular matrix factorises too.
  const Tensor singular = Tensor::of<double>(Shape{2, 2}, {0, 1, 0, 2});
  const Tensor lu = factor(Op::kLu, {DType::kF64, false, 2, 2}, {singular}).results[0];
  EXPECT_TRUE(lu.same_bits(singular));
}

TEST(LinearAlgebra, QrIsOrthonormalTimesUpper) {
  for (const Case& c : cases(false)) {
    const std::int64_t k = std::min(c.m, c.n);
    const Made made = factor(Op::kQr, c, random_matrices(c, 4));
    for (std::int64_t at = 0; at < kBatch; ++at) {
      const Dense q = made.matrix(0, at), r = made.matrix(c.pairs ? 2 : 1, at);
      EXPECT_LT(distance(product(q, r), made.operand(at)), tolerance(c));
      EXPECT_LT(distance(product(adjoint(q), q), identity(k)), tolerance(c));
      for (std::int64_t i = 0; i < k; ++i) {
        EXPECT_GE(r(i, i).real(), 0);
        EXPECT_EQ(r(i, i).imag(), 0);
        for (std::int64_t j = 0; j < i; ++j) EXPECT_EQ(r(i, j), Number(0));
      }
    }
  }
}

TEST(LinearAlgebra, EighDiagonalises) {
  for (const Case& c : cases(true)) {
    const Made made = factor(Op::kEigh, c, hermitian(c, 5, 0));
    for (std::int64_t at = 0; at < kBatch; ++at) {
      const Dense v = made.matrix(1, at);
      Dense scaled = v;
      for (std::int64_t j = 0; j < c.n; ++j) {
        const long double w = made.results[0].real(at * c.n + j);
        if (j > 0) {
          EXPECT_GE(w, made.results[0].real(at * c.n + j - 1));
        }
        for (std::int64_t i = 0; i < c.n; ++i) scaled(i, j) *= w;
      }
      EXPECT_LT(distance(product(made.operand(at), v), scaled), tolerance(c));
      EXPECT_LT(distance(product(adjoint(v), v), identity(c.n)), tolerance(c));
    }
  }
}

TEST(LinearAlgebra, SvdIsUSV) {
  for (const Case& c : cases(false)) {
    const std::int64_t k = std::min(c.m, c.n);
    const Made made = factor(Op::kSvd, c, random_matrices(c, 6));
    const std::size_t s = c.pairs ? 2 : 1;
    for (std::int64_t at = 0; at < kBatch; ++at) {
      const Dense u = made.matrix(0, at), vh = made.matrix(s + 1, at);
      Dense scaled = u;
      for (std::int64_t j = 0; j < k; ++j) {
        const long double value = made.results[s].real(at * k + j);
        EXPECT_GE(value, 0);
        if (j > 0) {
          EXPECT_LE(value, made.results[s].real(at * k + j - 1));
        }
        for (std::int64_t i = 0; i < c.m; ++i) scaled(i, j) *= value;
      }
      EXPECT_LT(distance(product(scaled, vh), made.operand(at)), tolerance(c));
      EXPECT_LT(distance(product(adjoint(u), u), identity(k)), tolerance(c));
      EXPECT_LT(distance(product(vh, adjoint(vh)), identity(k)), tolerance(c));
    }
  }
}

TEST(LinearAlgebra, SvdOfRankOneIsStillOrthonormal) {
  const Case c{DType::kF64, false, 4, 3};
  Tensor a(Type{DType::kF64, Shape{4, 3}});
  for (std::int64_t k = 0; k < 12; ++k) a.set_real(k, 1);
  const Made made = factor(Op::kSvd, c, {a});
  const Dense u = made.matrix(0, 0);
  EXPECT_LT(distance(product(adjoint(u), u), identity(3)), 1e-14L);
  EXPECT_NEAR(made.results[1].real(0), std::sqrt(12.0L), 1e-14L);
  EXPECT_NEAR(made.results[1].real(1), 0.0L, 1e-15L);
}

/// Eigenvalues of the second difference matrix: 2 - 2 cos(k pi / (n + 1)).
TEST(LinearAlgebra, EighOfTheSecondDifference) {
  constexpr std::int64_t n = 12;
  Tensor a(Type{DType::kF64, Shape{n, n}});
  for (std::int64_t k = 0; k < n; ++k) {
    a.set_real(k * n + k, 2);
    if (k > 0) a.set_real(k * n + k - 1, -1);
  }
  const Made made = factor(Op::kEigh, {DType::kF64, false, n, n}, {a});
  for (std::int64_t k = 0; k < n; ++k) {
    const long double angle = static_cast<long double>(k + 1) * 3.14159265358979323846L / (n + 1);
    EXPECT_NEAR(made.results[0].real(k), 2 - 2 * std::cos(angle), 2e-14L);
  }
}

TEST(LinearAlgebra, NaNSpreadsAndIsNotLost) {
  for (Op op : {Op::kCholesky, Op::kQr, Op::kEigh, Op::kSvd}) {
    Tensor a = Tensor::of<double>(Shape{3, 3}, {4, 1, 0, 1, 5, 2, 0, 2, 6});
    a.set_real(7, NAN);
    bool found = false;
    for (const Tensor& t : factor(op, {DType::kF64, false, 3, 3}, {a}).results) {
      for (std::int64_t k = 0; k < t.size(); ++k) found = found || std::isnan(t.real(k));
    }
    EXPECT_TRUE(found) << name_of(op);
  }
}

TEST(LinearAlgebra, TriangularSolveAllWays) {
  for (const Case& c : cases(true)) {
    std::vector<Tensor> a = random_matrices(c, 7);
    for (std::int64_t at = 0; at < kBatch; ++at) {
      for (std::int64_t i = 0; i < c.n; ++i) {
        const std::int64_t e = (at * c.n + i) * c.n + i;
        a[0].set_real(e, a[0].real(e) + static_cast<long double>(c.n));
      }
    }
    std::vector<Tensor> operands = a;
    for (const Tensor& t : random_matrices({c.dtype, c.pairs, c.n, 3}, 8)) operands.push_back(t);
    for (int bits = 0; bits < 8; ++bits) {
      const SolveAttr attr{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, c.pairs};
      if (attr.unit_diagonal && c.n > 8) continue;  // badly conditioned
      Builder b("solve");
      std::vector<Value> x;
      for (const Tensor& t : operands) x.push_back(b.param(t.type()));
      const FunctionPtr f = b.finish(b.triangular_solve(x, attr));
      const std::vector<Tensor> got = evaluate(*f, operands);
      const std::size_t right = c.pairs ? 2 : 1;
      for (std::int64_t at = 0; at < kBatch; ++at) {
        Dense t = dense(a[0], c.pairs ? &a[1] : nullptr, at);
        for (std::int64_t i = 0; i < c.n; ++i) {
          for (std::int64_t j = 0; j < c.n; ++j) {
            if (attr.lower ? j > i : j < i) t(i, j) = 0;
          }
          if (attr.unit_diagonal) t(i, i) = 1;
        }
        if (attr.transposed) t = adjoint(t);
        const Dense solution = dense(got[0], c.pairs ? &got[1] : nullptr, at);
        const Dense given = dense(operands[right], c.pairs ? &operands[right + 1] : nullptr, at);
        long double size = 1;
        for (const Number& e : solution.a) size = std::max(size, std::abs(e));
        EXPECT_LT(distance(product(t, solution), given), tolerance(c) * size);
      }
    }
  }
}

std::string message_of(Op op, std::vector<Type> types, Attr attr) {
  try {
    infer(op, types, attr, {});
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

TEST(LinearAlgebra, RefusesByName) {
  const auto f64 = [](Shape s) { return Type{DType::kF64, s}; };
  const auto has = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  has(message_of(Op::kCholesky, {f64({2, 3})}, FactorAttr{}), "[cholesky] takes square matrices");
  has(message_of(Op::kQr, {f64({3})}, FactorAttr{}), "[qr] takes a matrix in the last two axes");
  has(message_of(Op::kLu, {{DType::kI64, {2, 2}}}, FactorAttr{}), "[lu] does not take i64[2,2]");
  has(message_of(Op::kEigh, {f64({2, 2})}, FactorAttr{true}), "[eigh] takes 2 operands (real and");
  has(message_of(Op::kSvd, {f64({2, 2}), f64({2, 1})}, FactorAttr{true}), "[svd] the parts of a");
  has(message_of(Op::kTriangularSolve, {f64({2, 2}), f64({3, 1})}, SolveAttr{}),
      "[triangular_solve] takes [.., n, n] and [.., n, k]");
}

}  // namespace

std::set<Op> testing::linear_algebra_ops_tested() {
  return {Op::kTriangularSolve, Op::kCholesky, Op::kLu, Op::kQr, Op::kEigh, Op::kSvd};
}

}  // namespace cotangent::ir
