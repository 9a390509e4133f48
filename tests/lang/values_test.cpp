// Values of traced expressions against plain C++, rule by rule of the grammar.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "tests/lang/support.h"

namespace cotangent::lang::testing {
namespace {

World particles() {
  World w({4, 3});
  w.real("m", {4}, {1.5, 2.5, 0.75, 3.25})
      .real("k", 2.25)
      .whole("n", 3)
      .whole("type", {4}, {0, 1, 1, 0})
      .real("eps", {2, 2}, {1.0, 0.5, 0.25, 2.0});
  return w;
}

TEST(Numbers, LiteralsAndConstants) {
  const World w = particles();
  EXPECT_EQ(w.value("3"), 3);
  EXPECT_EQ(w.value("2.5e-3"), 2.5e-3);
  EXPECT_EQ(w.value(".5 + 1."), 1.5);
  EXPECT_EQ(w.value("1E3"), 1000);
  EXPECT_EQ(w.value("1e-400"), 0);
  EXPECT_EQ(w.value("pi"), std::numbers::pi);
  EXPECT_EQ(w.value("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(w.value("k"), 2.25);
  EXPECT_EQ(w.value("n"), 3);
  EXPECT_EQ(w.value("t"), 0.37);
}

TEST(Operators, Precedence) {
  const World w = particles();
  EXPECT_EQ(w.value("2 + 3*4"), 14);
  EXPECT_EQ(w.value("2*3 + 4"), 10);
  EXPECT_EQ(w.value("(2 + 3)*4"), 20);
  EXPECT_EQ(w.value("2 - 3 - 4"), -5);
  EXPECT_EQ(w.value("24/4/2"), 3);
  EXPECT_EQ(w.value("24/4*2"), 12);
  EXPECT_EQ(w.value("-2^2"), -4);
  EXPECT_EQ(w.value("-k^2"), -(2.25 * 2.25));
  EXPECT_EQ(w.value("(-k)^2"), 2.25 * 2.25);
  EXPECT_EQ(w.value("2^3^2"), 512);
  EXPECT_EQ(w.value("2^-1"), 0.5);
  EXPECT_EQ(w.value("2^-1^2"), 0.5);  // 2^(-(1^2))
  EXPECT_EQ(w.value("-2^-2"), -0.25);
  EXPECT_EQ(w.value("--3"), 3);
  EXPECT_EQ(w.value("2*-3"), -6);
  EXPECT_EQ(w.value("2 - -3"), 5);
  EXPECT_EQ(w.value("-7 % 3"), 2);  // (-7) % 3
  EXPECT_EQ(w.value("where(1 + 1 == 2 and 3 > 2 or 1 > 2, 1, 0)"), 1);
  EXPECT_EQ(w.value("where(1 > 2 and 1 > 2 or 3 > 2, 1, 0)"), 1);
  EXPECT_EQ(w.value("where(3 > 2 or 3 > 2 and 1 > 2, 1, 0)"), 1);
  EXPECT_EQ(w.value("where(not (1 > 2) and 1 < 2, 1, 0)"), 1);
}

TEST(Operators, DivisionIsRealAndModuloIsFloored) {
  const World w = particles();
  EXPECT_EQ(w.value("3/2"), 1.5);
  EXPECT_EQ(w.value("n/2"), 1.5);
  EXPECT_EQ(w.value("7 % 3"), 1);
  EXPECT_EQ(w.value("(-7) % 3"), 2);
  EXPECT_EQ(w.value("7 % (-3)"), -2);
  EXPECT_EQ(w.value("(-7.5) % 2"), 0.5);
  EXPECT_EQ(w.value("(0 - k) % 2"), -2.25 - 2 * std::floor(-2.25 / 2));
  EXPECT_EQ(w.value("1/3"), 1.0 / 3.0);
}

TEST(Operators, Powers) {
  const World w = particles();
  const double k = 2.25;
  EXPECT_EQ(w.value("k^0"), 1);
  EXPECT_EQ(w.value("k^1"), k);
  EXPECT_EQ(w.value("k^2"), k * k);
  EXPECT_EQ(w.value("k^3"), k * (k * k));
  EXPECT_EQ(w.value("k^-1"), 1 / k);
  EXPECT_EQ(w.value("k^-2"), 1 / (k * k));
  EXPECT_EQ(w.value("k^0.5"), std::sqrt(k));
  EXPECT_EQ(w.value("k^-0.5"), 1 / std::sqrt(k));
  EXPECT_EQ(w.value("k^-1.5"), 1 / (k * std::sqrt(k)));
  EXPECT_EQ(w.value("k^2.0"), k * k);
  EXPECT_EQ(w.value("k^n"), k * (k * k));
  EXPECT_NEAR(w.value("k^12"), std::pow(k, 12), 1e-12 * std::pow(k, 12));
  EXPECT_DOUBLE_EQ(w.value("k^1.7"), std::pow(k, 1.7));
  EXPECT_DOUBLE_EQ(w.value("k^1.5"), std::pow(k, 1.5));
  EXPECT_DOUBLE_EQ(w.value("k^k"), std::pow(k, k));
  EXPECT_DOUBLE_EQ(w.value("2^k"), std::pow(2, k));
  EXPECT_DOUBLE_EQ(w.value("k^100"), std::pow(k, 100));
  EXPECT_EQ(w.value("7^20"), 79792266297612001.0);
  EXPECT_EQ(count_ops(*w.observable("k^2"), ir::Op::kPow), 0);
  EXPECT_EQ(count_ops(*w.observable("k^2"), ir::Op::kMul), 1);
  EXPECT_EQ(count_ops(*w.observable("k^8"), ir::Op::kMul), 3);
  EXPECT_EQ(count_ops(*w.observable("k^0.5"), ir::Op::kSqrt), 1);
}

TEST(Operators, Comparisons) {
  const World w = particles();
  const auto holds = [&](const std::string& c) { return w.value("where(" + c + ", 1, 0)"); };
  EXPECT_EQ(holds("k < 3"), 1);
  EXPECT_EQ(holds("k <= 2.25"), 1);
  EXPECT_EQ(holds("k > 2.25"), 0);
  EXPECT_EQ(holds("k >= 2.25"), 1);
  EXPECT_EQ(holds("k == 2.25"), 1);
  EXPECT_EQ(holds("k != 2.25"), 0);
  EXPECT_EQ(holds("n < 3"), 0);
  EXPECT_EQ(holds("n <= 3"), 1);
  EXPECT_EQ(holds("n > 2"), 1);
  EXPECT_EQ(holds("n >= 4"), 0);
  EXPECT_EQ(holds("n == 3"), 1);
  EXPECT_EQ(holds("n != 3"), 0);
  EXPECT_EQ(holds("n == 3 and k > 3"), 0);
  EXPECT_EQ(holds("n == 3 or k > 3"), 1);
  EXPECT_EQ(holds("not (n == 3)"), 0);
  EXPECT_EQ(holds("not (k > 3)"), 1);
}

TEST(Functions, OfOneNumber) {
  const World w = particles();
  const struct {
    const char* name;
    double (*f)(double);
    double x;
  } all[] = {{"exp", std::exp, 0.3},     {"expm1", std::expm1, 0.3},    {"log", std::log, 0.3},
             {"log1p", std::log1p, 0.3}, {"sqrt", std::sqrt, 0.3},      {"cbrt", std::cbrt, -0.3},
             {"sin", std::sin, 0.3},     {"cos", std::cos, 0.3},        {"tan", std::tan, 0.3},
             {"asin", std::asin, 0.3},   {"acos", std::acos, 0.3},      {"atan", std::atan, 0.3},
             {"sinh", std::sinh, 0.3},   {"cosh", std::cosh, 0.3},      {"tanh", std::tanh, 0.3},
             {"erf", std::erf, 0.3},     {"abs", std::fabs, -0.3},      {"floor", std::floor, -0.3},
             {"ceil", std::ceil, -0.3},  {"round", std::nearbyint, 2.5}};
  for (const auto& c : all) {
    const std::string text = std::string(c.name) + "(" + std::to_string(c.x) + ")";
    EXPECT_DOUBLE_EQ(w.value(text), c.f(c.x)) << text;
  }
  EXPECT_EQ(w.value("sign(-0.3)"), -1);
  EXPECT_EQ(w.value("sign(k)"), 1);
}

TEST(Functions, OfIntegersStayIntegers) {
  const World w = particles();
  EXPECT_EQ(w.value("q[abs(-2), 0]"), w.q(2, 0));
  EXPECT_EQ(w.value("q[min(3, 2, n), 0]"), w.q(2, 0));
  EXPECT_EQ(w.value("q[max(0, 1), 0]"), w.q(1, 0));
  EXPECT_EQ(w.value("q[sign(5), 0]"), w.q(1, 0));
  EXPECT_EQ(w.value("q[floor(2), 0]"), w.q(2, 0));
  EXPECT_EQ(w.value("q[2^1, 0]"), w.q(2, 0));
  EXPECT_EQ(w.value("q[where(n > 2, 2, 7), 0]"), w.q(2, 0));
  EXPECT_EQ(w.value("q[len(q) - 1, len(q[0]) - 1]"), w.q(3, 2));
  EXPECT_EQ(w.value("q[sum(i in 0..3, i), 0]"), w.q(3, 0));
  EXPECT_EQ(w.value("q[max_over(i, type[i]), 0]"), w.q(1, 0));
}

TEST(Functions, OfTwo) {
  const World w = particles();
  EXPECT_EQ(w.value("min(k, 3)"), 2.25);
  EXPECT_EQ(w.value("max(k, 3, 2.5)"), 3);
  EXPECT_DOUBLE_EQ(w.value("atan2(k, -1)"), std::atan2(2.25, -1));
}

TEST(Vectors, EntriesAndArithmetic) {
  const World w = particles();
  EXPECT_EQ(w.value("q[1,2]"), w.q(1, 2));
  EXPECT_EQ(w.value("q[1][2]"), w.q(1, 2));
  EXPECT_EQ(w.values("q[1]"), (std::vector<double>{w.q(1, 0), w.q(1, 1), w.q(1, 2)}));
  EXPECT_EQ(w.values("q").size(), 12u);
  EXPECT_EQ(w.values("q[1] - q[2]")[1], w.q(1, 1) - w.q(2, 1));
  EXPECT_EQ(w.values("q - p")[5], w.q(5) - w.p(5));
  EXPECT_EQ(w.values("2*q[1]")[1], 2 * w.q(1, 1));
  EXPECT_EQ(w.values("q[1]*k")[1], 2.25 * w.q(1, 1));
  EXPECT_EQ(w.values("q[1]/k")[1], w.q(1, 1) / 2.25);
  EXPECT_EQ(w.values("-q[1]")[2], -w.q(1, 2));
  EXPECT_EQ(w.values("v/2")[3], w.v(3) / 2);
  EXPECT_EQ(w.values("[1, 2.5, k]"), (std::vector<double>{1, 2.5, 2.25}));
  EXPECT_EQ(w.value("[1, 2.5, k][1]"), 2.5);
  EXPECT_EQ(w.value("[[1, 2], [3, 4]][1, 0]"), 3);
  EXPECT_EQ(w.values("q[0] + [0, 0, 1]")[2], w.q(0, 2) + 1);
  EXPECT_EQ(w.values("(q - p)[2]")[1], w.q(2, 1) - w.p(2, 1));
  EXPECT_EQ(w.value("len(q)"), 4);
  EXPECT_EQ(w.value("len(q[0])"), 3);
  EXPECT_EQ(w.value("len(type)"), 4);
}

TEST(Vectors, DotNormCross) {
  const World w = particles();
  const auto dot = [&](auto a, auto b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; };
  const std::vector<double> a = w.values("q[1]"), b = w.values("p[2]");
  EXPECT_DOUBLE_EQ(w.value("dot(q[1], p[2])"), dot(a, b));
  EXPECT_DOUBLE_EQ(w.value("norm(q[1])"), std::sqrt(dot(a, a)));
  EXPECT_DOUBLE_EQ(w.value("norm(q[1] - p[2])^2"),
                   dot(w.values("q[1] - p[2]"), w.values("q[1] - p[2]")));
  const std::vector<double> c = w.values("cross(q[1], p[2])");
  EXPECT_DOUBLE_EQ(c[0], a[1] * b[2] - a[2] * b[1]);
  EXPECT_DOUBLE_EQ(c[1], a[2] * b[0] - a[0] * b[2]);
  EXPECT_DOUBLE_EQ(c[2], a[0] * b[1] - a[1] * b[0]);
  EXPECT_DOUBLE_EQ(w.value("cross(q[1], p[2])[1]"), c[1]);
  EXPECT_DOUBLE_EQ(w.value("cross([1, 2], [3, 5])"), -1);
  World flat({2, 2});
  EXPECT_DOUBLE_EQ(flat.value("cross(q[0], p[0])"),
                   flat.q(0, 0) * flat.p(0, 1) - flat.q(0, 1) * flat.p(0, 0));
}

TEST(Where, TheBranchNotTakenLeaksNothing) {
  const World w = particles();
  EXPECT_EQ(w.value("where(k > 0, k, log(0 - k))"), 2.25);
  EXPECT_EQ(w.value("where(k < 0, log(0 - k), k)"), 2.25);
  EXPECT_EQ(w.values("where(k > 0, q[0], q[0]/0)"), w.values("q[0]"));
  EXPECT_EQ(w.value("where(n == 3, 1, 1.5)"), 1);
}

// --- reductions

TEST(Sum, OverOneIndex) {
  const World w = particles();
  double expected = 0;
  const double m[] = {1.5, 2.5, 0.75, 3.25};
  for (int i = 0; i < 4; ++i) {
    double square = 0;
    for (int k = 0; k < 3; ++k) square += w.p(i, k) * w.p(i, k);
    expected += square / (2 * m[i]);
  }
  EXPECT_DOUBLE_EQ(w.value("sum(i, dot(p[i], p[i]) / (2*m[i]))"), expected);
  EXPECT_DOUBLE_EQ(w.value("sum(i, q[i,0])"), w.q(0, 0) + w.q(1, 0) + w.q(2, 0) + w.q(3, 0));
  EXPECT_DOUBLE_EQ(w.values("sum(i, m[i]*q[i])")[1],
                   m[0] * w.q(0, 1) + m[1] * w.q(1, 1) + m[2] * w.q(2, 1) + m[3] * w.q(3, 1));
  EXPECT_EQ(w.value("sum(i in 1..3, i)"), 3);
  EXPECT_DOUBLE_EQ(w.value("sum(i in 0..5, 0.5*i)"), 5);
  EXPECT_DOUBLE_EQ(w.value("sum(i in 2..5, 0.5*i)"), 4.5);
  EXPECT_DOUBLE_EQ(w.value("sum(i in 0..9 if i % 3 == 1, 0.5*i)"), 6);
  EXPECT_DOUBLE_EQ(w.value("sum(i in 0..9 if i*i % 5 == 1, 0.5*i)"), 5.5);  // 1, 4, 6
  EXPECT_EQ(w.value("sum(i in 2..2, q[i,0])"), 0);
  EXPECT_EQ(w.value("sum(i in 3..1, q[i,0])"), 0);
  EXPECT_EQ(w.value("sum(i, 1 + 0*type[i])"), 4);
}

TEST(Sum, StaysOneMap) {
  const World w = particles();
  const auto f = w.observable("sum(i, dot(p[i], p[i]) / (2*m[i]))");
  EXPECT_EQ(count_ops(*f, ir::Op::kMap), 1);
  EXPECT_EQ(count_ops(*f, ir::Op::kGather), 0);
  EXPECT_EQ(count_ops_outside(*f, ir::Op::kSlice), 0);  // rows of p and m themselves
}

TEST(Sum, ShiftedStridedAndWrapped) {
  const World w({6});
  const auto q = [&](int i) { return w.q(i); };
  double expected = 0;
  for (int i = 0; i < 5; ++i) expected += (q(i + 1) - q(i)) * (q(i + 1) - q(i));
  EXPECT_DOUBLE_EQ(w.value("sum(i in 0..len(q)-1, (q[i+1] - q[i])^2)"), expected);
  const double wrap = q(0) - q(5);
  EXPECT_DOUBLE_EQ(w.value("sum(i, (q[(i+1) % len(q)] - q[i])^2)"), expected + wrap * wrap);
  EXPECT_DOUBLE_EQ(w.value("sum(i, q[(i-1) % len(q)]*p[i])"), q(5) * w.p(0) + q(0) * w.p(1) +
                                                                  q(1) * w.p(2) + q(2) * w.p(3) +
                                                                  q(3) * w.p(4) + q(4) * w.p(5));
  EXPECT_DOUBLE_EQ(w.value("sum(i in 0..3, q[2*i])"), q(0) + q(2) + q(4));
  EXPECT_DOUBLE_EQ(w.value("sum(i in 0..3, p[i]*q[5-i])"),
                   w.p(0) * q(5) + w.p(1) * q(4) + w.p(2) * q(3));
  EXPECT_DOUBLE_EQ(w.value("sum(i in 0..3, p[i]*q[5-2*i])"),
                   w.p(0) * q(5) + w.p(1) * q(3) + w.p(2) * q(1));
  EXPECT_DOUBLE_EQ(w.value("sum(i in 0..6, q[i*i % 6])"), q(0) + q(1) + q(4) + q(3) + q(4) + q(1));
  // Which operations do it.
  EXPECT_EQ(count_ops(*w.observable("sum(i in 0..5, q[i+1])"), ir::Op::kGather), 0);
  EXPECT_EQ(count_ops(*w.observable("sum(i, q[i]*q[(i+1) % len(q)])"), ir::Op::kGather), 0);
  EXPECT_EQ(count_ops(*w.observable("sum(i, q[i]*q[(i+1) % len(q)])"), ir::Op::kConcatenate), 1);
  EXPECT_EQ(count_ops_outside(*w.observable("sum(i in 0..6, q[i*i % 6])"), ir::Op::kGather), 1);
}

TEST(Sum, Pairs) {
  const World w = particles();
  const double m[] = {1.5, 2.5, 0.75, 3.25};
  double less = 0, unequal = 0;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      double square = 0;
      for (int k = 0; k < 3; ++k) square += (w.q(i, k) - w.q(j, k)) * (w.q(i, k) - w.q(j, k));
      if (i < j) less += m[i] * m[j] / std::sqrt(square);
      if (i != j) unequal += m[i] * (i + 1) / std::sqrt(square);
    }
  }
  EXPECT_NEAR(w.value("sum(i<j, m[i]*m[j] / norm(q[i] - q[j]))"), less, 1e-13 * less);
  EXPECT_NEAR(w.value("sum(i!=j, m[i]*(i+1) / norm(q[i] - q[j]))"), unequal, 1e-13 * unequal);
  const auto f = w.observable("sum(i<j, m[i]*m[j] / norm(q[i] - q[j]))");
  EXPECT_EQ(count_ops(*f, ir::Op::kPairSum), 1);
  EXPECT_EQ(count_ops(*f, ir::Op::kGather), 0);
  EXPECT_EQ(count_ops(*f, ir::Op::kMap), 0);
}

TEST(Sum, PairsWithTypes) {
  const World w = particles();
  const int type[] = {0, 1, 1, 0};
  const double eps[2][2] = {{1.0, 0.5}, {0.25, 2.0}};
  double expected = 0;
  for (int i = 0; i < 4; ++i) {
    for (int j = i + 1; j < 4; ++j) expected += eps[type[i]][type[j]] * w.q(i, 0) * w.q(j, 0);
  }
  EXPECT_DOUBLE_EQ(w.value("sum(i<j, eps[type[i], type[j]]*q[i,0]*q[j,0])"), expected);
  EXPECT_DOUBLE_EQ(w.value("sum(i<j, eps[type[i]][type[j]]*q[i,0]*q[j,0])"), expected);
  double same = 0;
  for (int i = 0; i < 4; ++i) {
    for (int j = i + 1; j < 4; ++j) {
      if (type[i] == type[j]) same += w.q(i, 0) * w.q(j, 0);
    }
  }
  EXPECT_DOUBLE_EQ(w.value("sum(i<j if type[i] == type[j], q[i,0]*q[j,0])"), same);
}

TEST(Sum, Triples) {
  const World w({5});
  double expected = 0, filtered = 0;
  for (int i = 0; i < 5; ++i) {
    for (int j = i + 1; j < 5; ++j) {
      for (int k = j + 1; k < 5; ++k) {
        expected += w.q(i) * w.q(j) * w.p(k);
        if (k - i == 2) filtered += w.q(i) * w.q(j) * w.p(k);
      }
    }
  }
  EXPECT_NEAR(w.value("sum(i<j<k, q[i]*q[j]*p[k])"), expected, 1e-14);
  EXPECT_NEAR(w.value("sum(i<j<k if k - i == 2, q[i]*q[j]*p[k])"), filtered, 1e-14);
  EXPECT_NE(w.error("sum(i<j<l, q[i]*q[j]*p[k])"), "");
}

TEST(Sum, Filters) {
  const World w({6});
  double even = 0, positive = 0, both = 0;
  for (int i = 0; i < 6; ++i) {
    if (i % 2 == 0) even += w.q(i);
    if (w.q(i) > 0) positive += w.q(i);
    if (i > 0 && w.q(i) > w.q(i - 1)) both += w.q(i);
  }
  EXPECT_DOUBLE_EQ(w.value("sum(i if i % 2 == 0, q[i])"), even);
  EXPECT_DOUBLE_EQ(w.value("sum(i if q[i] > 0, q[i])"), positive);
  EXPECT_DOUBLE_EQ(w.value("sum(i if i > 0 and q[i] > q[i-1], q[i])"), both);
  EXPECT_DOUBLE_EQ(w.value("sum(i if q[i] > q[i-1] and i > 0, q[i])"), both);
  EXPECT_EQ(w.value("sum(i if i > 5, q[i])"), 0);
  double counted = 0, indices = 0;
  for (int i = 0; i < 6; ++i) {
    if (w.q(i) > 0) counted += 1, indices += i;
  }
  EXPECT_EQ(w.value("sum(i if q[i] > 0, 1)"), counted);
  EXPECT_EQ(w.value("sum(i if q[i] > 0, i)"), indices);
  EXPECT_EQ(w.value("sum(i in 1..4, sum(j in 0..4 if j < i, j))"), 0 + 1 + 3);
  EXPECT_EQ(w.value("sum(i if 1 > 2, q[i])"), 0);
  EXPECT_DOUBLE_EQ(w.value("sum(i if 1 < 2, q[i])"), w.value("sum(i, q[i])"));
  // An integer filter is decided at trace.
  EXPECT_EQ(count_ops(*w.observable("sum(i if i % 2 == 0, q[i])"), ir::Op::kSelect), 0);
  EXPECT_EQ(count_ops(*w.observable("sum(i if q[i] > 0, q[i])"), ir::Op::kSelect), 1);
  // What a filter excludes leaks nothing.
  EXPECT_DOUBLE_EQ(w.value("sum(i if q[i] > 0, sqrt(q[i]))"), [&] {
    double s = 0;
    for (int i = 0; i < 6; ++i)
      if (w.q(i) > 0) s += std::sqrt(w.q(i));
    return s;
  }());
}

TEST(Sum, FiltersOverPairs) {
  const World w({6});
  double cut = 0, near = 0;
  for (int i = 0; i < 6; ++i) {
    for (int j = i + 1; j < 6; ++j) {
      if (std::fabs(w.q(i) - w.q(j)) < 1) cut += w.q(i) * w.q(j);
      if (j - i <= 2) near += w.q(i) * w.q(j);
    }
  }
  EXPECT_NEAR(w.value("sum(i<j if abs(q[i] - q[j]) < 1, q[i]*q[j])"), cut, 1e-14);
  EXPECT_NEAR(w.value("sum(i<j if j - i <= 2, q[i]*q[j])"), near, 1e-14);
}

TEST(Reductions, ProdMinMax) {
  const World w({5});
  double product = 1, least = 1e9, most = -1e9, pair = 1e9, triple = -1e9, unequal = 1;
  for (int i = 0; i < 5; ++i) {
    product *= w.q(i);
    least = std::min(least, w.q(i));
    most = std::max(most, w.q(i));
    for (int j = 0; j < 5; ++j) {
      if (i < j) pair = std::min(pair, std::fabs(w.q(i) - w.q(j)));
      if (i != j) unequal *= w.q(i) - 2 * w.q(j);
      for (int k = j + 1; k < 5 && i < j; ++k) triple = std::max(triple, w.q(i) * w.q(j) * w.q(k));
    }
  }
  EXPECT_DOUBLE_EQ(w.value("prod(i, q[i])"), product);
  EXPECT_EQ(w.value("min_over(i, q[i])"), least);
  EXPECT_EQ(w.value("max_over(i, q[i])"), most);
  EXPECT_EQ(w.value("min_over(i<j, abs(q[i] - q[j]))"), pair);
  EXPECT_DOUBLE_EQ(w.value("max_over(i<j<k, q[i]*q[j]*q[k])"), triple);
  double below = 1;
  for (int i = 0; i < 5; ++i) {
    for (int j = i + 1; j < 5; ++j) below *= w.q(i) - 2 * w.q(j);
  }
  EXPECT_NEAR(w.value("prod(i<j, q[i] - 2*q[j])"), below, 1e-13 * std::fabs(below));
  EXPECT_NEAR(w.value("prod(i!=j, q[i] - 2*q[j])"), unequal, 1e-12 * std::fabs(unequal));
  EXPECT_EQ(w.value("max_over(i if q[i] < 0, q[i])"), [&] {
    double x = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < 5; ++i)
      if (w.q(i) < 0) x = std::max(x, w.q(i));
    return x;
  }());
  EXPECT_EQ(w.value("prod(i in 0..0, q[i])"), 1);
  EXPECT_EQ(w.value("min_over(i if q[i] > 100, q[i])"), std::numeric_limits<double>::infinity());
}

TEST(Reductions, Nested) {
  const World w({4, 3});
  double expected = 0;
  for (int i = 0; i < 4; ++i) {
    double row = 0;
    for (int k = 0; k < 3; ++k) row += w.q(i, k) * (k + 1);
    expected += row * row;
  }
  EXPECT_NEAR(w.value("sum(i, sum(k, q[i,k]*(k+1))^2)"), expected, 1e-13);
  double columns = 0;
  for (int k = 0; k < 3; ++k) {
    double column = 0;
    for (int i = 0; i < 4; ++i) column += w.q(i, k);
    columns += column * column;
  }
  EXPECT_NEAR(w.value("sum(k, sum(i, q[i,k])^2)"), columns, 1e-13);
  double lower = 0;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < i; ++j) lower += w.q(i, 0) * w.q(j, 1);
  }
  EXPECT_NEAR(w.value("sum(i, sum(j in 0..i, q[i,0]*q[j,1]))"), lower, 1e-13);
  EXPECT_NEAR(w.value("sum(i in 0..4, sum(j in 0..4 if j < i, q[i,0]*q[j,1]))"), lower, 1e-13);
  double least = 0;
  for (int i = 0; i < 4; ++i) {
    double x = 1e9;
    for (int j = 0; j < 4; ++j)
      if (j != i) x = std::min(x, std::fabs(w.q(i, 0) - w.q(j, 0)));
    least += x;
  }
  EXPECT_NEAR(w.value("sum(i, min_over(j if j != i, abs(q[i,0] - q[j,0])))"), least, 1e-13);
  // A pair sum inside a map, and an access with both indices.
  double diagonal = 0;
  for (int k = 0; k < 3; ++k) {
    for (int i = 0; i < 4; ++i) {
      for (int j = i + 1; j < 4; ++j) diagonal += w.q(i, k) * w.q(j, (k + 1) % 3);
    }
  }
  EXPECT_NEAR(w.value("sum(k in 0..3, sum(i<j, q[i,k]*q[j,(k+1) % 3]))"), diagonal, 1e-13);
  double both = 0;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) both += w.q(i + j, 0) * (i + 2 * j);
  }
  EXPECT_NEAR(w.value("sum(i in 0..2, sum(j in 0..2, q[i+j,0]*(i+2*j)))"), both, 1e-13);
  double trace = 0;
  for (int i = 0; i < 3; ++i) trace += w.q(i, i);
  EXPECT_NEAR(w.value("sum(i in 0..3, q[i,i])"), trace, 1e-14);
}

TEST(Reductions, WhatDoesNotDependOnTheIndexIsOutside) {
  const World w({4});
  const auto f = w.observable("sum(i, sin(t)*q[i])");
  EXPECT_EQ(count_ops_outside(*f, ir::Op::kSin), 1);
  const auto g = w.observable("sum(i, q[i]*sum(j, p[j]))");
  EXPECT_EQ(count_ops_outside(*g, ir::Op::kMap), 2);
  EXPECT_DOUBLE_EQ(w.value("sum(i, q[i]*sum(j, p[j]))"),
                   (w.q(0) + w.q(1) + w.q(2) + w.q(3)) * (w.p(0) + w.p(1) + w.p(2) + w.p(3)));
}

TEST(Reductions, GuardsOfWhere) {
  const World w({4});
  EXPECT_DOUBLE_EQ(w.value("sum(i, where(i > 0, q[i]*q[i-1], 0))"),
                   w.q(1) * w.q(0) + w.q(2) * w.q(1) + w.q(3) * w.q(2));
  EXPECT_DOUBLE_EQ(w.value("sum(i, q[where(i > 0, i-1, 3)]*p[i])"),
                   w.q(3) * w.p(0) + w.q(0) * w.p(1) + w.q(1) * w.p(2) + w.q(2) * w.p(3));
}

TEST(Reductions, ThePairBoundsAreExact) {
  const World w({4});
  // The first of i<j never is the last entry, the second never the first.
  EXPECT_DOUBLE_EQ(w.value("sum(i<j, q[i+1]*p[j]*q[i])"), [&] {
    double s = 0;
    for (int i = 0; i < 4; ++i)
      for (int j = i + 1; j < 4; ++j) s += w.q(i + 1) * w.p(j) * w.q(i);
    return s;
  }());
  EXPECT_NE(w.error("sum(i<j, q[j+1]*p[j]*q[i])"), "");
}

// --- definitions

TEST(Define, InlinesWithIndicesAndValues) {
  World w = particles();
  w.define("r(i,j)", "norm(q[i] - q[j])")
      .define("square(x)", "dot(x, x)")
      .define("mu", "m[0]*m[1]")
      .define("phi(i, j, a)", "a*r(i, j)^2 + mu");
  EXPECT_DOUBLE_EQ(w.value("r(0, 1)"), w.value("norm(q[0] - q[1])"));
  EXPECT_DOUBLE_EQ(w.value("sum(i<j, 1/r(i,j))"), w.value("sum(i<j, 1/norm(q[i] - q[j]))"));
  EXPECT_DOUBLE_EQ(w.value("sum(i, square(p[i])/m[i])"), w.value("sum(i, dot(p[i],p[i])/m[i])"));
  EXPECT_DOUBLE_EQ(w.value("sum(a<b, phi(a, b, k))"),
                   w.value("sum(i<j, k*dot(q[i]-q[j], q[i]-q[j]) + m[0]*m[1])"));
  EXPECT_EQ(w.value("mu"), 1.5 * 2.5);
  EXPECT_EQ(w.value("mu()"), 1.5 * 2.5);
  // The range of a bare index is found through the definition.
  EXPECT_DOUBLE_EQ(w.value("sum(i, r(i, 0))"), w.value("sum(i, norm(q[i] - q[0]))"));
}

TEST(Define, HasIndicesOfItsOwn) {
  World w({4});
  w.define("total(x)", "x*sum(i, q[i])")
      .define("row(i)", "sum(j, q[j]*p[i])")
      .define("entry(x, k)", "x[k]")
      .define("shifted(k)", "entry(q, (k+1) % len(q))");
  const double sum = w.q(0) + w.q(1) + w.q(2) + w.q(3);
  double expected = 0, next = 0;
  for (int i = 0; i < 4; ++i) {
    expected += w.p(i) * sum;
    next += w.p(i) * w.q((i + 1) % 4);
  }
  EXPECT_DOUBLE_EQ(w.value("sum(i, total(p[i]))"), expected);
  EXPECT_DOUBLE_EQ(w.value("sum(i, row(i))"), expected);
  EXPECT_DOUBLE_EQ(w.value("sum(j, row(j))"), expected);
  EXPECT_DOUBLE_EQ(w.value("sum(k, entry(p, k)*shifted(k))"), next);
  EXPECT_DOUBLE_EQ(w.value("sum(i, entry(q - p, i))"), sum - (w.p(0) + w.p(1) + w.p(2) + w.p(3)));
}

TEST(Sum, AlongOtherAxesAndTables) {
  World w({2, 3});
  w.whole("pair", {3, 2}, {0, 1, 1, 0, 1, 1})
      .whole("grid", {2, 2}, {1, 0, 2, 1})
      .real("k", {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9})
      .real("cube", {2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const int pair[3][2] = {{0, 1}, {1, 0}, {1, 1}};
  const int grid[2][2] = {{1, 0}, {2, 1}};
  double a = 0, b = 0, c = 0, d = 0, e = 0, f = 0;
  for (int i = 0; i < 3; ++i) {
    a += w.q(pair[i][0], i) * w.p(pair[i][1], 0);
    b += w.q(1, i) * (i + 1);
    for (int j = 0; j < 3; ++j) {
      c += (3 * i + j + 1) * w.q(0, i) * w.q(1, j);
      if (i < j) d += (3 * j + i + 1) * w.q(0, i) * w.q(1, j);
      for (int n = 0; n < 2; ++n) e += (6 * n + 2 * i + n + 1) * w.q(n, j);
    }
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) f += grid[i][j] * w.q(i, grid[j][i]);
  }
  EXPECT_DOUBLE_EQ(w.value("sum(i, q[pair[i,0], i]*p[pair[i][1], 0])"), a);
  EXPECT_DOUBLE_EQ(w.value("sum(i, q[1,i]*(i+1))"), b);
  EXPECT_NEAR(w.value("sum(i, sum(j, k[i,j]*q[0,i]*q[1,j]))"), c, 1e-12);
  EXPECT_NEAR(w.value("sum(j, sum(i, k[i,j]*q[0,i]*q[1,j]))"), c, 1e-12);
  EXPECT_NEAR(w.value("sum(i<j, k[j,i]*q[0,i]*q[1,j])"), d, 1e-12);
  EXPECT_NEAR(w.value("sum(n, sum(i, sum(j, cube[n,i,n]*q[n,j])))"), e, 1e-12);
  EXPECT_NEAR(w.value("sum(i, sum(j, grid[i,j]*q[i,grid[j,i]]))"), f, 1e-12);
  EXPECT_DOUBLE_EQ(w.value("dot(pair[1], [2.5, 1])"), 2.5);
  EXPECT_DOUBLE_EQ(w.values("pair + pair")[5], 2);
  EXPECT_DOUBLE_EQ(w.value("sum(i, dot(pair[i], [1, 2]))"), 2 + 1 + 3);
}

TEST(Constants, OfParametersAlone) {
  Context names;
  names.add_parameter("f", ir::Tensor::scalar_of(2.5));
  names.add_parameter("n", ir::Tensor::scalar_of<std::int64_t>(6));
  names.add_parameter("m", ir::Tensor::of<double>({3}, {1, 2, 4}));
  const auto value = [&](const std::string& text) {
    return evaluate_constant(names, *parse_expression(plain_text(text)));
  };
  EXPECT_EQ(value("2*pi*f").as<double>()[0], 2 * std::numbers::pi * 2.5);
  EXPECT_EQ(value("n*2 + 1").type().dtype, DType::kI64);
  EXPECT_EQ(value("n*2 + 1").integer(0), 13);
  EXPECT_EQ(value("n/4").as<double>()[0], 1.5);
  EXPECT_EQ(value("sum(i, m[i])").as<double>()[0], 7);
  EXPECT_EQ(value("2*m").as<double>()[2], 8);
  EXPECT_EQ(value("m").type().shape, Shape{3});
}

}  // namespace
}  // namespace cotangent::lang::testing
