// Linear systems as matrices: what is read off, N steps at once against closed forms and against
// stepping, structure of chains, drives, damping, refusals.
#include "cotangent/mechanics/linear.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>

#include "cotangent/mechanics/linear_flow.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

enum class Ends { kHeld, kFree, kMixed, kRing };

/// sum p^2/(2 m) + k/2 sum (q_(i+1) - q_i)^2 + pin/2 sum q^2, parameters m, k, pin; [n] or [n, d].
Problem chain(Shape shape, Ends ends, double k = 2, double pin = 0, double m = 1.5) {
  Problem problem{empty_system(shape, {real("m", m), real("k", k), real("pin", pin)}), {}};
  const std::int64_t n = shape[0];
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.div(b.reduce_sum(b.mul(v.p, v.p)), b.mul(b.constant(2.0), v.parameters[0]));
  });
  add_term(problem.system, "springs", [=](Builder& b, const TermValues& v) {
    const Value r = b.sub(b.slice_rows(v.q, 1, n), b.slice_rows(v.q, 0, n - 1));
    Value sum = b.reduce_sum(b.mul(r, r));
    const Value first = b.row(v.q, 0), last = b.row(v.q, n - 1), across = b.sub(first, last);
    if (ends == Ends::kHeld || ends == Ends::kMixed) {
      sum = b.add(sum, b.reduce_sum(b.mul(first, first)));
    }
    if (ends == Ends::kHeld) sum = b.add(sum, b.reduce_sum(b.mul(last, last)));
    if (ends == Ends::kRing) sum = b.add(sum, b.reduce_sum(b.mul(across, across)));
    return b.mul(b.div(v.parameters[1], b.constant(2.0)), sum);
  });
  if (pin != 0) {
    add_term(problem.system, "pins", [](Builder& b, const TermValues& v) {
      return b.mul(b.div(v.parameters[2], b.constant(2.0)), b.reduce_sum(b.mul(v.q, v.q)));
    });
  }
  std::vector<double> q, p;
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    q.push_back(std::sin(0.37 * static_cast<double>(i)) + 0.1);
    p.push_back(std::cos(0.11 * static_cast<double>(i * i)));
  }
  problem.initial.q = tensor(shape, q);
  problem.initial.p = tensor(shape, p);
  return problem;
}

std::vector<double> state_of(const InitialState& s) {
  std::vector<double> x;
  for (const Tensor* half : {&s.q, &*s.p}) {
    const auto values = half->as<double>();
    x.insert(x.end(), values.begin(), values.end());
  }
  return x;
}

double distance(std::span<const double> x, std::span<const double> y) {
  double largest = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    largest = std::max(largest, std::isnan(x[k]) ? INFINITY : std::abs(x[k] - y[k]));
  }
  return largest;
}

std::vector<double> advanced(const LinearFlow& flow, std::vector<double> x, std::int64_t steps,
                             double dt, double t0 = 0) {
  flow.advance(x, steps, dt, t0);
  return x;
}

System equations(std::int64_t n, std::vector<Parameter> parameters, const TermBody& rate,
                 Form form = Form::kEquations) {
  System s = empty_system(Shape{n}, std::move(parameters));
  s.form = form;
  Builder b("rate");
  TermValues v;
  v.q = b.param({DType::kF64, Shape{n}}, "x");
  v.t = b.param(ir::scalar(DType::kF64), "t");
  for (const Parameter& p : s.parameters) v.parameters.push_back(b.param(p.value.type(), p.name));
  s.rate = b.finish({rate(b, v)});
  return s;
}
Value vector_of(Builder& b, std::vector<Value> entries) {
  for (Value& e : entries) e = b.reshape(e, Shape{1});
  return b.concatenate(entries, 0);
}

// --- what is read off

class Patterns : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Sparse, Patterns, testing::Bool());

TEST_P(Patterns, AreFoundToTheBit) {
  // With entries that are all the same, two look like one halfway between them.
  const bool same = GetParam();
  std::mt19937_64 random(3);
  const std::int64_t n = 3000;
  std::vector<Entry> entries;
  std::uniform_real_distribution<double> value(-1, 1);
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<std::int64_t> columns;
    for (int k = 0; k < 6; ++k) {
      const auto j = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
      if (std::find(columns.begin(), columns.end(), j) == columns.end()) columns.push_back(j);
    }
    for (std::int64_t j : columns) entries.push_back({i, j, same ? 1.0 : value(random)});
  }
  const SparseMatrix a = sparse_from(n, n, entries);
  int calls = 0;
  const Product product = [&](std::span<const double> v) {
    ++calls;
    std::vector<double> y(static_cast<std::size_t>(n), 0.0);
    a.add_product(1.0, v.data(), y.data());
    return y;
  };
  const SparseMatrix found = find_sparse(product, n, n, 1);
  EXPECT_EQ(found.start, a.start);
  EXPECT_EQ(found.column, a.column);
  EXPECT_EQ(found.value, a.value);
  EXPECT_LT(calls, 500);
}

TEST(Sparse, ABandCostsAFewProducts) {
  const std::int64_t n = 1000;
  int calls = 0;
  const Product ring = [&](std::span<const double> v) {
    ++calls;
    std::vector<double> y(v.size());
    for (std::int64_t i = 0; i < n; ++i) {
      y[static_cast<std::size_t>(i)] = 3 * v[static_cast<std::size_t>(i)] -
                                       v[static_cast<std::size_t>((i + 1) % n)] -
                                       2 * v[static_cast<std::size_t>((i + n - 1) % n)];
    }
    return y;
  };
  const SparseMatrix a = find_sparse(ring, n, n, 1);
  EXPECT_LE(calls, 8);
  EXPECT_EQ(a.entries(), 3 * n);
  EXPECT_EQ(a.at(0, n - 1), -2);
  EXPECT_EQ(a.at(n - 1, 0), -1);
}

TEST(Linear, ReadsAChain) {
  const LinearSystem s = linear_system(chain(Shape{100}, Ends::kFree).system);
  EXPECT_TRUE(s.separable);
  EXPECT_TRUE(s.drives.empty());
  EXPECT_EQ(s.n, 200);
  EXPECT_EQ(s.stiffness.at(0, 0), 2);
  EXPECT_EQ(s.stiffness.at(50, 50), 4);
  EXPECT_EQ(s.stiffness.at(50, 51), -2);
  EXPECT_EQ(s.stiffness.entries(), 298);
  EXPECT_EQ(s.a.at(3, 103), 1 / 1.5);
  EXPECT_EQ(s.a.at(103, 4), 2);
}

TEST(Linear, RefusesWhatIsNot) {
  try {
    linear_system(henon_heiles().system);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("\"potential\""), std::string::npos) << e.what();
  }
  EXPECT_THROW(linear_system(swinging_mass().system), UserError);  // coefficients move
  Problem kick = harmonic(1);
  add_term(kick.system, "drive", [](Builder& b, const TermValues& v) {
    return b.mul(b.reduce_sum(v.q), b.unary(ir::Op::kTanh, v.t));
  });
  EXPECT_THROW(linear_system(kick.system), UserError);  // no sum of powers and cosines
  EXPECT_THROW(LinearFlow::make(linear_system(harmonic(1).system), "euler"), UserError);
  EXPECT_THROW(LinearFlow::make(linear_system(driven_oscillator().system), "leapfrog"), UserError);
}

// --- modes

TEST(LinearFlow, AnOscillatorAtAnyStep) {
  const double w = 1.3, h = 0.7;
  const auto flow = LinearFlow::make(linear_system(harmonic(w).system));
  for (const std::int64_t n : {0LL, 1LL, -3LL, 1000LL, 1000000000LL}) {
    const std::vector<double> x = advanced(*flow, {1.0, 0.5}, n, h);
    const long double t = static_cast<long double>(n) * h,
                      lw = std::sqrt(static_cast<long double>(w * w));
    const double q = static_cast<double>(std::cos(lw * t) + 0.5L / lw * std::sin(lw * t));
    EXPECT_NEAR(x[0], q, 1e-15 + 4e-10 * (std::abs(n) > 10000)) << n;
    EXPECT_LE(std::abs(x[0] - q), 1e-15 + flow->phase_error(n, h));
  }
}

TEST(LinearFlow, ChainsMoveAsTheirMatrixDoes) {
  // Modes of a formula against the exponential of the whole matrix.
  for (const Ends ends : {Ends::kHeld, Ends::kFree, Ends::kMixed, Ends::kRing}) {
    for (const double pin : {0.0, 0.3}) {
      for (const Shape& shape : {Shape{12}, Shape{5, 3}, Shape{9, 2}}) {
        const Problem problem = chain(shape, ends, 2, pin);
        LinearSystem s = linear_system(problem.system);
        const auto modes = LinearFlow::make(s);
        EXPECT_NE(modes->way().find("sites"), std::string::npos) << modes->way();
        s.separable = false;
        const auto matrix = LinearFlow::make(s);
        EXPECT_NE(matrix->way().find("matrix"), std::string::npos);
        const std::vector<double> x = state_of(problem.initial);
        for (const std::int64_t n : {1, 57, -1000}) {
          EXPECT_LT(distance(advanced(*modes, x, n, 0.3), advanced(*matrix, x, n, 0.3)), 2e-12)
              << shape.text() << modes->way() << " " << n;
        }
      }
    }
  }
}

TEST(LinearFlow, LongChainsByFft) {
  for (const Ends ends : {Ends::kHeld, Ends::kFree, Ends::kMixed, Ends::kRing}) {
    const Problem problem = chain(Shape{2500}, ends, 1, 0.1, 1);
    const LinearSystem s = linear_system(problem.system);
    const auto modes = LinearFlow::make(s);
    EXPECT_NE(modes->way().find("sites"), std::string::npos) << modes->way();
    LinearSystem other = s;
    other.separable = false;
    const auto series = LinearFlow::make(other);
    EXPECT_NE(series->way().find("series"), std::string::npos);
    const std::vector<double> x = state_of(problem.initial);
    EXPECT_LT(distance(advanced(*modes, x, 100, 0.2), advanced(*series, x, 100, 0.2)), 1e-12);
  }
}

TEST(LinearFlow, ShortTimesBySeriesLongOnesByTheMatrix) {
  const Problem problem = chain(Shape{100}, Ends::kRing, 1, 0.1, 1);
  LinearSystem s = linear_system(problem.system);
  const auto modes = LinearFlow::make(s);
  s.separable = false;
  const auto other = LinearFlow::make(s);
  const std::vector<double> x = state_of(problem.initial);
  for (const std::int64_t n : {1, -3, 100000}) {
    EXPECT_LT(distance(advanced(*modes, x, n, 0.3), advanced(*other, x, n, 0.3)),
              1e-12 + 4e-15 * static_cast<double>(n))
        << n;
  }
}

TEST(LinearFlow, UnequalMassesAndFullMassMatrices) {
  Problem problem{empty_system(Shape{6}, {reals("m", {1, 2, 0.5, 3, 1, 0.1})}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    const Value sum = b.reduce_sum(v.p);  // couples all momenta
    return b.add(b.mul(b.constant(0.5), b.reduce_sum(b.div(b.mul(v.p, v.p), v.parameters[0]))),
                 b.mul(b.constant(0.05), b.mul(sum, sum)));
  });
  add_term(problem.system, "springs", [](Builder& b, const TermValues& v) {
    const Value r = b.sub(b.slice_rows(v.q, 1, 6), b.slice_rows(v.q, 0, 5));
    return b.add(b.reduce_sum(b.mul(r, r)), b.mul(b.constant(-0.2), b.reduce_sum(v.q)));
  });
  LinearSystem s = linear_system(problem.system);
  const auto modes = LinearFlow::make(s);
  EXPECT_EQ(modes->way(), "modes of 6 coordinates");
  EXPECT_EQ(modes->frequencies().size(), 6u);
  s.separable = false;
  const auto matrix = LinearFlow::make(s);
  std::vector<double> x(12);
  for (std::size_t k = 0; k < 12; ++k) x[k] = std::sin(static_cast<double>(k * k));
  for (const std::int64_t n : {1, 40, -40}) {
    const auto y = advanced(*modes, x, n, 0.5), z = advanced(*matrix, x, n, 0.5);
    for (std::size_t k = 0; k < 12; ++k) EXPECT_NEAR(y[k], z[k], 1e-12 * (1 + std::abs(z[k])));
  }
}

TEST(LinearFlow, BatchesAreMembers) {
  const Problem problem = chain(Shape{20}, Ends::kHeld);
  const auto flow = LinearFlow::make(linear_system(problem.system));
  std::vector<double> x = state_of(problem.initial), both = x;
  std::vector<double> y = x;
  for (double& e : y) e = 1 - e;
  both.insert(both.end(), y.begin(), y.end());
  flow->advance(both, 12345, 0.1);
  x = advanced(*flow, x, 12345, 0.1);
  y = advanced(*flow, y, 12345, 0.1);
  x.insert(x.end(), y.begin(), y.end());
  EXPECT_EQ(both, x);
}

TEST(LinearFlow, EqualsSteppingForTenThousandSteps) {
  const std::int64_t n = 1000, steps = 10000;
  const Problem problem = chain(Shape{n}, Ends::kHeld, 1, 0, 1);
  for (const char* method : {"leapfrog", "suzuki4"}) {
    const Ready r = ready(problem, settings(0.1, steps, method, steps));
    const RunResult run = r.flow->run(problem.initial, steps);
    InitialState end;
    end.q = run.q;
    end.p = run.p;
    const auto flow = LinearFlow::make(linear_system(problem.system), method);
    EXPECT_LT(distance(advanced(*flow, state_of(problem.initial), steps, 0.1), state_of(end)),
              1e-10)
        << method;
  }
  // The exact flow at once and one step after the other.
  const auto flow = LinearFlow::make(linear_system(problem.system));
  std::vector<double> x = state_of(problem.initial);
  for (std::int64_t k = 0; k < 100; ++k) flow->advance(x, 100, 0.1);
  EXPECT_LT(distance(x, advanced(*flow, state_of(problem.initial), steps, 0.1)), 1e-10);
}

TEST(LinearFlow, ABillionStepsHaveTheStatedPhaseError) {
  // One wave of a chain with m = k = 1, w = 2 sin(pi j / (2 (n + 1))).
  const std::int64_t n = 1000, steps = 1000000000;
  const double h = 0.1;
  const Problem problem = chain(Shape{n}, Ends::kHeld, 1, 0, 1);
  const auto flow = LinearFlow::make(linear_system(problem.system));
  const long double pi = 3.14159265358979323846264338327950288L;
  EXPECT_NEAR(flow->phase_error(steps, h), 1e9 * 0.1 * 2 * 0x1p-53, 1e-12);
  for (const std::int64_t j : {1, 500, 1000}) {
    std::vector<double> x(2 * n, 0.0);
    for (std::int64_t i = 0; i < n; ++i) {
      x[static_cast<std::size_t>(i)] = static_cast<double>(
          std::sin(pi * static_cast<long double>(j * (i + 1)) / static_cast<long double>(n + 1)));
    }
    const long double w = 2 * std::sin(pi * static_cast<long double>(j) / (2 * (n + 1)));
    const double c = static_cast<double>(std::cos(w * h * static_cast<long double>(steps)));
    std::vector<double> expected = x;
    for (double& e : expected) e *= c;
    const auto y = advanced(*flow, x, steps, h);
    EXPECT_LT(distance(std::span(y).first(n), std::span(expected).first(n)),
              1e-13 + flow->phase_error(steps, h))
        << j;
  }
}

TEST(LinearFlow, GrowingAndForcelessModes) {
  Problem problem{empty_system(Shape{3}), {}};
  add_term(problem.system, "H", [](Builder& b, const TermValues& v) {
    const Value half = b.constant(0.5), x = b.row(v.q, 0), y = b.row(v.q, 1);
    return b.add(b.mul(half, b.reduce_sum(b.mul(v.p, v.p))),
                 b.mul(half, b.sub(b.mul(x, x), b.mul(y, y))));
  });
  const auto flow = LinearFlow::make(linear_system(problem.system));
  const auto x = advanced(*flow, {1, 1, 1, 0, 0, 2}, 3, 0.5);
  EXPECT_NEAR(x[0], std::cos(1.5), 1e-15);
  EXPECT_NEAR(x[1], std::cosh(1.5), 1e-15);
  EXPECT_NEAR(x[2], 1 + 2 * 1.5, 1e-15);
}

// --- drives

TEST(LinearFlow, DrivesInAndOutOfResonance) {
  // q'' = -w^2 q + 0.3 + 0.2 t^2 + cos(u t) + exp(-t/2) sin(3 t), by modes and as one matrix; and
  // against the long sum of small Runge-Kutta steps.
  for (const double u : {0.7, 1.3, 1.3 + 1e-9}) {
    Problem problem = harmonic(1.3);
    add_term(problem.system, "drive", [&](Builder& b, const TermValues& v) {
      Value f = b.add(b.constant(0.3), b.mul(b.constant(0.2), b.mul(v.t, v.t)));
      f = b.add(f, b.unary(ir::Op::kCos, b.mul(b.constant(u), v.t)));
      f = b.add(f, b.mul(b.unary(ir::Op::kExp, b.mul(b.constant(-0.5), v.t)),
                         b.unary(ir::Op::kSin, b.mul(b.constant(3.0), v.t))));
      return b.neg(b.mul(b.reduce_sum(v.q), f));
    });
    LinearSystem s = linear_system(problem.system);
    const auto modes = LinearFlow::make(s);
    s.separable = false;
    const auto matrix = LinearFlow::make(s);
    const double t0 = 0.4, h = 0.05;
    const int steps = 200;
    const auto force = [&](long double t) {
      return 0.3L + 0.2L * t * t + std::cos(u * t) + std::exp(-0.5L * t) * std::sin(3 * t);
    };
    long double q = 0.7L, p = -0.2L;
    const int inner = 20;
    for (int k = 0; k < steps * inner; ++k) {
      const long double d = static_cast<long double>(h) / inner, t = t0 + k * d;
      const long double ww = 1.3 * 1.3;
      const auto rate = [&](long double x, long double s_) { return -ww * x + force(s_); };
      const long double a1 = p, b1 = rate(q, t);
      const long double a2 = p + d / 2 * b1, b2 = rate(q + d / 2 * a1, t + d / 2);
      const long double a3 = p + d / 2 * b2, b3 = rate(q + d / 2 * a2, t + d / 2);
      const long double a4 = p + d * b3, b4 = rate(q + d * a3, t + d);
      q += d / 6 * (a1 + 2 * a2 + 2 * a3 + a4);
      p += d / 6 * (b1 + 2 * b2 + 2 * b3 + b4);
    }
    for (const auto& flow : {modes, matrix}) {
      const auto x = advanced(*flow, {0.7, -0.2}, steps, h, t0);
      EXPECT_NEAR(x[0], static_cast<double>(q), 1e-8) << flow->way() << u;
      EXPECT_NEAR(x[1], static_cast<double>(p), 1e-8) << flow->way() << u;
    }
    const auto x = advanced(*modes, {0.7, -0.2}, steps, h, t0);
    const auto y = advanced(*matrix, {0.7, -0.2}, steps, h, t0);
    EXPECT_LT(distance(x, y), 1e-12) << u;
  }
}

Problem driven_by(const std::function<Value(Builder&, Value)>& force) {
  Problem problem = harmonic(1.3);
  add_term(problem.system, "drive", [&](Builder& b, const TermValues& v) {
    return b.neg(b.mul(b.reduce_sum(v.q), force(b, v.t)));
  });
  return problem;
}

/// cos(t), the time itself its angle: q(t) = (cos t - cos 1.3 t) / (1.3^2 - 1) from rest at 0.
TEST(LinearFlow, ACosineOfTheTimeItself) {
  const Problem problem = driven_by([](Builder& b, Value t) { return b.unary(ir::Op::kCos, t); });
  const auto flow = LinearFlow::make(linear_system(problem.system));
  const auto x = advanced(*flow, {0, 0}, 100, 0.25);
  EXPECT_NEAR(x[0], (std::cos(25.0) - std::cos(1.3 * 25.0)) / (1.3 * 1.3 - 1), 1e-13);
}

/// Near t = 0 each of them is a constant or a line to every digit, and later it is not.
TEST(LinearFlow, WhatChangesLaterIsNoDrive) {
  using ir::Op;
  const std::function<Value(Builder&, Value)> forces[] = {
      [](Builder& b, Value t) {
        return b.select(b.lt(b.constant(50.0), t), b.constant(1.0), b.constant(0.0));
      },
      [](Builder& b, Value t) {
        return b.binary(Op::kMax, b.constant(0.0), b.sub(t, b.constant(50.0)));
      },
      [](Builder& b, Value t) { return b.unary(Op::kErf, b.sub(t, b.constant(50.0))); },
      [](Builder& b, Value t) {
        const Value u = b.sub(t, b.constant(50.0));
        return b.unary(Op::kExp, b.neg(b.mul(u, u)));
      },
      [](Builder& b, Value t) { return b.unary(Op::kCos, b.unary(Op::kExp, t)); },
  };
  for (std::size_t k = 0; k < std::size(forces); ++k) {
    EXPECT_THROW(linear_system(driven_by(forces[k]).system), UserError) << k;
  }
}

TEST(LinearFlow, AForcelessModeThatIsDriven) {
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "H", [](Builder& b, const TermValues& v) {
    return b.sub(b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p))),
                 b.mul(b.reduce_sum(v.q), b.unary(ir::Op::kSin, b.mul(b.constant(2.0), v.t))));
  });
  const auto flow = LinearFlow::make(linear_system(problem.system));
  for (const double t : {0.01, 0.3, 5.0}) {
    const auto x = advanced(*flow, {0, 0}, 1, t);
    EXPECT_NEAR(x[1], (1 - std::cos(2 * t)) / 2, 1e-15);
    EXPECT_NEAR(x[0], t / 2 - std::sin(2 * t) / 4, 1e-15);
  }
}

// --- other forms

TEST(LinearFlow, ADampedDrivenOscillator) {
  // x'' = -x - x'/2 + cos(0.8 t): the closed form, after a billion steps too.
  const System system = equations(2, {real("c", 0.5)}, [](Builder& b, const TermValues& v) {
    const Value x = b.row(v.q, 0), y = b.row(v.q, 1);
    const Value drive = b.unary(ir::Op::kCos, b.mul(b.constant(0.8), v.t));
    return vector_of(b, {y, b.sub(b.sub(drive, x), b.mul(v.parameters[0], y))});
  });
  const auto flow = LinearFlow::make(linear_system(system));
  EXPECT_EQ(flow->way(), "a matrix of 4 rows");
  const long double u = 0.8, c = 0.5, d = (1 - u * u) * (1 - u * u) + c * c * u * u;
  const long double a = (1 - u * u) / d, b = c * u / d;  // a cos + b sin stays
  const long double w = std::sqrt(1 - c * c / 4);
  for (const std::int64_t n : {7, 500, 100000000}) {
    const double h = 0.1;
    const long double t = static_cast<long double>(n) * h;
    // x(0) = 1, x'(0) = 0
    const long double x0 = 1 - a, v0 = -b * u;
    const long double x =
        std::exp(-c * t / 2) * (x0 * std::cos(w * t) + (v0 + c / 2 * x0) / w * std::sin(w * t)) +
        a * std::cos(u * t) + b * std::sin(u * t);
    EXPECT_NEAR(advanced(*flow, {1, 0}, n, h)[0], static_cast<double>(x),
                1e-14 + 1e-17 * static_cast<double>(n))
        << n;
  }
}

TEST(LinearFlow, ASpinInAField) {
  // A bracket with constant J: x' = J grad(b . x + x^2/2).
  System system = empty_system(Shape{3});
  system.form = Form::kBracket;
  const auto function = [&](const std::string& name, const TermBody& body) {
    Builder b(name);
    TermValues v;
    v.q = b.param({DType::kF64, Shape{3}}, "x");
    v.t = b.param(ir::scalar(DType::kF64), "t");
    return b.finish({body(b, v)});
  };
  system.structure.poisson = function("J", [](Builder& b, const TermValues&) {
    return b.constant(tensor(Shape{3, 3}, {0, -3, 2, 3, 0, -1, -2, 1, 0}));
  });
  system.terms.push_back({"H",
                          function("H",
                                   [](Builder& b, const TermValues& v) {
                                     return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.q, v.q)));
                                   }),
                          {}});
  const auto flow = LinearFlow::make(linear_system(system));
  // A turn about (1, 2, 3): the axis stays; a whole turn brings back all.
  const double turn = 2 * M_PI / std::sqrt(14.0);
  EXPECT_LT(distance(advanced(*flow, {1, 2, 3}, 77, 0.3), std::vector<double>{1, 2, 3}), 1e-14);
  EXPECT_LT(distance(advanced(*flow, {1, 0, 0}, 100, turn / 100), std::vector<double>{1, 0, 0}),
            1e-14);
}

TEST(LinearFlow, MapsHavePowers) {
  const System system = equations(
      2, {},
      [](Builder& b, const TermValues& v) {
        const Value x = b.row(v.q, 0), y = b.row(v.q, 1);
        return vector_of(b, {y, b.add(b.add(x, y), b.constant(1.0))});
      },
      Form::kMap);
  const auto flow = LinearFlow::make(linear_system(system));
  std::vector<double> x = {0, 1}, y = x;
  for (int k = 0; k < 60; ++k) y = {y[1], y[0] + y[1] + 1};
  EXPECT_EQ(advanced(*flow, x, 60, 1), y);
  EXPECT_LT(distance(advanced(*flow, advanced(*flow, x, 20, 1), -20, 1), x), 1e-9);
}

TEST(LinearFlow, AMagneticFieldMixesPositionsAndMomenta) {
  // H = ((p_x + y/2)^2 + (p_y - x/2)^2)/2: circles of period 2 pi, whatever the start.
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "H", [](Builder& b, const TermValues& v) {
    const Value half = b.constant(0.5);
    const Value u = b.add(b.row(v.p, 0), b.mul(half, b.row(v.q, 1)));
    const Value w = b.sub(b.row(v.p, 1), b.mul(half, b.row(v.q, 0)));
    return b.mul(half, b.add(b.mul(u, u), b.mul(w, w)));
  });
  const auto flow = LinearFlow::make(linear_system(problem.system));
  const std::vector<double> x = {0.3, -0.2, 1, 0.4};
  EXPECT_LT(distance(advanced(*flow, x, 1000, 2 * M_PI / 1000), x), 1e-14);
  EXPECT_GT(distance(advanced(*flow, x, 500, 2 * M_PI / 1000), x), 1);
  EXPECT_THROW(LinearFlow::make(linear_system(problem.system), "leapfrog"), UserError);
}

}  // namespace
}  // namespace cotangent::mechanics::test
