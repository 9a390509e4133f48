// Small factorisations compiled: the evaluator's bits on the program after the passes. Large ones
// and large products by the library: near the evaluator's, in every layout; by the kernel
// interpreter: its bits.
#include <gtest/gtest.h>

#include <random>

#include "cotangent/backend/cpu/library_call.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/kernel/interpreter.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/transform/derivatives.h"
#include "tests/runtime/check.h"

namespace cotangent {
namespace {

using ir::Builder;
using ir::Dims;
using ir::DotAttr;
using ir::FunctionPtr;
using ir::Op;
using ir::SolveAttr;
using ir::Tensor;
using ir::Value;
using Tensors = std::vector<Tensor>;

/// 1, 2, 3 .. on the diagonal and a little besides.
Tensor well_posed(const ir::Type& type, std::uint64_t seed, double diagonal = 1) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Tensor t(type);
  const Shape& s = type.shape;
  const std::int64_t m = s[s.rank() - 2], n = s[s.rank() - 1];
  for (std::int64_t k = 0; k < t.size(); ++k) {
    const std::int64_t i = k % (m * n) / n, j = k % n;
    t.set_real(k, uniform(random) * 0.3 / static_cast<double>(std::max(m, n)) +
                      (i == j ? diagonal * static_cast<double>(i + 1) : 0));
  }
  return t;
}

ir::Type with_matrix(DType t, Dims batch, std::int64_t m, std::int64_t n) {
  batch.push_back(m);
  batch.push_back(n);
  return {t, Shape(batch)};
}

struct Made {
  FunctionPtr f;
  Tensors x;
};

Made factor(Op op, DType t, bool pairs, const Dims& batch, std::int64_t m, std::int64_t n) {
  Builder b("factor");
  Made made;
  std::vector<Value> x;
  for (int part = 0; part < (pairs ? 2 : 1); ++part) {
    made.x.push_back(well_posed(with_matrix(t, batch, m, n), 3 + part, part == 0 ? 1 : 0));
    x.push_back(b.param(made.x.back().type()));
  }
  made.f = b.finish(b.factor(op, x, {pairs}));
  return made;
}

constexpr Op kFactors[] = {Op::kCholesky, Op::kLu, Op::kQr, Op::kEigh, Op::kSvd};

bool square_only(Op op) {
  return op != Op::kQr && op != Op::kSvd;
}

void expect_bits(const Made& made, const runtime::CompileOptions& options) {
  const auto e = runtime::compile(made.f, options);
  path_check::expect_same(ir::evaluate(*e->program(), made.x), path_check::run(*e, made.x),
                          std::to_string(options.vector_bits) + " bits");
}

void expect_near(const Tensors& want, const Tensors& got, long double tolerance,
                 const std::string& how) {
  ASSERT_EQ(want.size(), got.size());
  for (std::size_t r = 0; r < want.size(); ++r) {
    for (std::int64_t k = 0; k < want[r].size(); ++k) {
      const long double x = want[r].real(k), y = got[r].real(k);
      ASSERT_NEAR(x, y, tolerance * std::max(1.0L, std::fabs(x)))
          << how << ", result " << r << ", element " << k;
    }
  }
}

TEST(SmallFactors, HaveTheEvaluatorsBits) {
  int width = 0;
  for (Op op : kFactors) {
    for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                        {2, 2},
                        {3, 3},
                        {4, 4},
                        {6, 6},
                        {4, 2},
                        {3, 5}}) {
      if (square_only(op) && m != n) continue;
      for (const Dims& batch : {Dims{}, Dims{11}, Dims{2, 3}}) {
        SCOPED_TRACE(std::string(name_of(op)) + " " + std::to_string(m) + " x " +
                     std::to_string(n) + ", batch of " + std::to_string(batch.size()));
        runtime::CompileOptions options;
        options.vector_bits = std::array{512, 128, 256}[width++ % 3];
        options.threads = width % 2 + 1;
        options.team_from = 0;
        options.optimize = 0;
        expect_bits(factor(op, width % 4 ? DType::kF64 : DType::kF32, false, batch, m, n), options);
        if (m == 3) {
          expect_bits(factor(op, DType::kF64, true, batch, m, n), options);
        }
      }
    }
  }
}

/// Near the ends of the range too: powers of two are made from the bits of numbers.
TEST(SmallFactors, HaveTheEvaluatorsBitsAtAnySize) {
  int width = 0;
  for (Op op : {Op::kQr, Op::kSvd}) {
    for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{2, 2}, {3, 3}, {4, 2}, {5, 8}}) {
      for (bool pairs : {false, true}) {
        for (DType t : {DType::kF64, DType::kF32}) {
          // One matrix to a lane: sizes from the smallest to the largest, zero, infinity, NaN.
          Made made = factor(op, t, pairs, {12}, m, n);
          for (Tensor& x : made.x) {
            for (std::int64_t k = 0; k < x.size(); ++k) {
              const auto lane = static_cast<double>(k / (m * n));
              const double e = t == DType::kF64 ? 67 * lane - 320 : 8.5 * lane - 44;
              const double size = lane > 10 ? INFINITY : lane > 9 ? 0 : std::pow(10, e);
              x.set_real(k, x.real(k) * size);  // and the NaN of 0 times infinity
            }
          }
          runtime::CompileOptions options;
          options.vector_bits = std::array{512, 128, 256}[width++ % 3];
          options.optimize = 0;
          SCOPED_TRACE(std::string(name_of(op)) + " " + std::to_string(m) + " x " +
                       std::to_string(n));
          expect_bits(made, options);
        }
      }
    }
  }
}

TEST(SmallFactors, GradientOfALogDeterminantInLanes) {
  Builder b("log_det");
  const Value a = b.param({DType::kF64, {9, 5, 5}});
  const Value l = b.factor(Op::kCholesky, a)[0];
  const ir::Type index{DType::kI64, {9, 5, 5}};
  const Value diagonal = b.eq(b.iota(index, 1), b.iota(index, 2));
  const Value logs = b.select(diagonal, b.unary(Op::kLog, l), b.zeros({DType::kF64, {9, 5, 5}}));
  const Made made{transform::value_and_grad(*b.finish({b.reduce_sum(logs)}), {0}),
                  {well_posed({DType::kF64, {9, 5, 5}}, 4)}};
  runtime::CompileOptions options;
  options.optimize = 0;
  expect_bits(made, options);
}

TEST(LibraryCalls, LargeFactorisationsAreNearTheEvaluator) {
  for (Op op : kFactors) {
    for (auto [m, n] :
         {std::pair<std::int64_t, std::int64_t>{17, 17}, {40, 40}, {33, 20}, {20, 33}}) {
      if (square_only(op) && m != n) continue;
      for (DType t : {DType::kF64, DType::kF32}) {
        for (bool pairs : {false, true}) {
          const Dims batch = m == 17 ? Dims{3} : Dims{};
          const Made made = factor(op, t, pairs, batch, m, n);
          const std::string how = std::string(name_of(op)) + (pairs ? " pairs " : " ") +
                                  std::to_string(m) + " x " + std::to_string(n) + " " +
                                  std::string(name_of(t));
          const Tensors want = ir::evaluate(*made.f, made.x);
          const auto e = runtime::compile(made.f);
          EXPECT_NE(e->kernels_text().find("call " + std::string(name_of(op))), std::string::npos);
          expect_near(want, path_check::run(*e, made.x), t == DType::kF64 ? 1e-12L : 3e-4L, how);
          // The interpreter calls the evaluator's own code.
          const kernel::Program program = kernel::lower(made.f);
          std::vector<const void*> in;
          for (const Tensor& x : made.x) in.push_back(x.data());
          Tensors got;
          for (const Tensor& w : want) got.emplace_back(w.type());
          std::vector<void*> out;
          for (Tensor& g : got) out.push_back(g.data());
          kernel::interpret(program, in, out);
          path_check::expect_same(want, got, how + ", interpreter");
        }
      }
    }
  }
}

/// Singular values and R scale with the matrix by the library too, and the rest stays.
TEST(LibraryCalls, ElementsOfAnySize) {
  for (Op op : {Op::kQr, Op::kSvd}) {
    for (DType t : {DType::kF64, DType::kF32}) {
      for (bool pairs : {false, true}) {
        const Made made = factor(op, t, pairs, {}, 20, 17);
        const Tensors want = ir::evaluate(*made.f, made.x);
        const auto e = runtime::compile(made.f);
        for (int power : t == DType::kF64 ? std::array{-1000, -600, 600, 1000}
                                          : std::array{-120, -70, 70, 110}) {
          const auto scaled = [](Tensor x, int by) {
            for (std::int64_t k = 0; k < x.size(); ++k) x.set_real(k, std::ldexp(x.real(k), by));
            return x;
          };
          Tensors x;
          for (const Tensor& part : made.x) x.push_back(scaled(part, power));
          Tensors got = path_check::run(*e, x);
          for (std::size_t r = 0; r < got.size(); ++r) {
            const std::size_t part = pairs ? 2 : 1;
            const bool grows = op == Op::kSvd ? r == part : r >= part;
            if (grows) got[r] = scaled(got[r], -power);
          }
          expect_near(want, got, t == DType::kF64 ? 1e-12L : 3e-4L,
                      std::string(name_of(op)) + " " + std::string(name_of(t)) + " 2^" +
                          std::to_string(power));
        }
      }
    }
  }
}

TEST(LibraryCalls, TriangularSolvesAllWays) {
  for (int bits = 0; bits < 16; ++bits) {
    const SolveAttr attr{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
    Builder b("solve");
    Tensors x;
    for (int part = 0; part < (attr.pairs ? 2 : 1); ++part) {
      x.push_back(well_posed({DType::kF64, {2, 19, 19}}, 5, part == 0 ? 1 : 0));
    }
    for (int part = 0; part < (attr.pairs ? 2 : 1); ++part) {
      x.push_back(well_posed({DType::kF64, {2, 19, 3}}, 6, 0));
    }
    std::vector<Value> params;
    for (const Tensor& t : x) params.push_back(b.param(t.type()));
    const FunctionPtr f = b.finish(b.triangular_solve(params, attr));
    expect_near(ir::evaluate(*f, x), path_check::run(*runtime::compile(f), x), 1e-12L,
                std::to_string(bits));
  }
}

TEST(LibraryCalls, FailuresAreNaN) {
  Made made = factor(Op::kCholesky, DType::kF64, false, {}, 20, 20);
  made.x[0].set_real(21, -1);  // (1, 1)
  const Tensors want = ir::evaluate(*made.f, made.x);
  const Tensors got = path_check::run(*runtime::compile(made.f), made.x);
  for (std::int64_t k = 0; k < want[0].size(); ++k) {
    EXPECT_EQ(std::isnan(want[0].real(k)), std::isnan(got[0].real(k))) << k;
  }
  for (Op op : {Op::kEigh, Op::kSvd}) {
    Made bad = factor(op, DType::kF64, false, {}, 20, 20);
    bad.x[0].set_real(20, NAN);  // (1, 0)
    for (const Tensor& t : path_check::run(*runtime::compile(bad.f), bad.x)) {
      EXPECT_TRUE(std::isnan(t.real(0))) << name_of(op);
    }
  }
}

/// Operands that are made, transposed, sliced out of a carry, inside a map and a time loop.
TEST(LibraryCalls, InsideMapsAndLoops) {
  constexpr std::int64_t n = 18;
  const ir::Type square{DType::kF64, {n, n}};
  Builder body("step");
  body.param({DType::kI64, {}});
  const Value a = body.param(square), x = body.param(square);
  const Value q = body.factor(Op::kQr, body.add(a, body.transpose(x, {1, 0})))[0];
  const Value next = body.triangular_solve(a, body.mul(q, x), SolveAttr{});
  ir::LoopAttr loop;
  loop.trip = 3;
  loop.invariants = 1, loop.carries = 1;
  loop.every = {1};
  loop.body = body.finish({next, body.factor(Op::kLu, next)[0]});
  Builder member("member");
  member.param({DType::kI64, {}});
  const Value operands[] = {member.param(square), member.param(square)};
  ir::MapAttr map;
  map.count = 4;
  map.rows = 2;
  map.roles = {ir::Role::kStack, ir::Role::kStack};
  map.body = member.finish(member.loop(loop, operands));
  Builder b("many");
  const ir::Type many{DType::kF64, {4, n, n}};
  const Value both[] = {b.param(many), b.param(many)};
  const FunctionPtr f = b.finish(b.map(map, both));
  const Tensors given{well_posed(many, 7), well_posed(many, 8, 0.5)};
  for (int threads : {1, 2}) {
    runtime::CompileOptions options;
    options.threads = threads;
    options.team_from = 0;
    expect_near(ir::evaluate(*f, given), path_check::run(*runtime::compile(f, options), given),
                1e-10L, "threads " + std::to_string(threads));
  }
}

// --- products

struct Product {
  const char* what;
  Shape x, y;
  DotAttr attr;
  Dims permute_x, permute_y;  ///< transposed before the product; empty: not
  Dims permute_result;
};

TEST(LibraryCalls, ProductsInEveryLayout) {
  const DotAttr plain{{}, {}, {1}, {0}};
  const Product products[] = {
      {"plain", {40, 33}, {33, 50}, plain, {}, {}, {}},
      {"x transposed", {33, 40}, {33, 50}, plain, {1, 0}, {}, {}},
      {"y transposed", {40, 33}, {50, 33}, plain, {}, {1, 0}, {}},
      {"by attributes", {33, 40}, {50, 33}, {{}, {}, {0}, {1}}, {}, {}, {}},
      {"result transposed", {40, 33}, {33, 50}, plain, {}, {}, {1, 0}},
      {"batch", {3, 40, 33}, {3, 33, 50}, {{0}, {0}, {2}, {1}}, {}, {}, {}},
      {"batch in the middle", {40, 3, 33}, {33, 50, 3}, {{1}, {2}, {2}, {0}}, {}, {}, {}},
      {"narrow", {300, 40}, {40, 9}, plain, {}, {}, {}},
      {"two contracted", {40, 5, 7}, {5, 7, 50}, {{}, {}, {1, 2}, {0, 1}}, {}, {}, {}},
      {"two contracted, other order", {40, 5, 7}, {7, 5, 50}, {{}, {}, {1, 2}, {1, 0}}, {}, {}, {}},
      {"many free", {4, 10, 33}, {33, 5, 10}, {{}, {}, {2}, {0}}, {}, {}, {}},
      {"two batches", {2, 3, 40, 33}, {2, 3, 33, 50}, {{0, 1}, {0, 1}, {3}, {2}}, {}, {}, {}},
  };
  for (const Product& p : products) {
    for (DType t : {DType::kF64, DType::kF32}) {
      Builder b("product");
      const auto turned = [&](Value v, const Dims& permutation) {
        return permutation.empty() ? v : b.transpose(v, permutation);
      };
      const Value x = b.param({t, p.x}), y = b.param({t, p.y});
      const Value z = b.dot_general(turned(x, p.permute_x), turned(y, p.permute_y), p.attr);
      const FunctionPtr f = b.finish({turned(z, p.permute_result), b.mul(z, z)});
      const Tensors given = path_check::arguments_for(*f);
      runtime::CompileOptions options;
      const auto e = runtime::compile(f, options);
      EXPECT_NE(e->kernels_text().find("call dot_general"), std::string::npos) << p.what;
      const Tensors want = ir::evaluate(*f, given);
      expect_near(want, path_check::run(*e, given), t == DType::kF64 ? 1e-12L : 1e-3L, p.what);
      // Ours on request, with the evaluator's bits.
      options.library_products = false;
      const auto own = runtime::compile(f, options);
      EXPECT_EQ(own->kernels_text().find("call dot_general"), std::string::npos) << p.what;
      path_check::expect_same(ir::evaluate(*own->program(), given), path_check::run(*own, given),
                              p.what);
      // The interpreter reads and writes through the same strides.
      kernel::LowerOptions lowering;
      lowering.library_products = [] { return true; };
      const kernel::Program program = kernel::lower(f, lowering);
      std::vector<const void*> in;
      for (const Tensor& g : given) in.push_back(g.data());
      Tensors got;
      for (const Tensor& w : want) got.emplace_back(w.type());
      std::vector<void*> out;
      for (Tensor& g : got) out.push_back(g.data());
      kernel::interpret(program, in, out);
      path_check::expect_same(want, got, p.what);
    }
  }
}

/// Rows of 130 in an array of the kernel's own, 136 apart: the library is told the stride.
TEST(LibraryCalls, ReadArraysOfPaddedRows) {
  constexpr std::int64_t n = 130;
  Builder body("row");
  body.param({DType::kI64, {}});
  const Value row = body.param({DType::kF64, {n}});
  const Value sum = body.broadcast_to(body.reduce_sum(row), {n});
  const Value y = body.add(body.mul(row, sum), body.reverse(row, {0}));
  ir::MapAttr attr;
  attr.count = n / 2;
  attr.rows = 1;
  attr.roles = {ir::Role::kStack, ir::Role::kStack};
  attr.body = body.finish({y, body.mul(y, row)});
  Builder b("padded");
  const auto made = b.map(attr, std::array{b.param({DType::kF64, {n / 2, n}})});
  const Value both = b.concatenate(made, 0);
  const FunctionPtr f =
      b.finish({b.factor(Op::kLu, both)[0], b.dot_general(both, both, {{}, {}, {1}, {0}})});
  const auto e = runtime::compile(f);
  const std::string text = e->kernels_text();
  EXPECT_NE(text.find("[130,130] by [136,1] ->"), std::string::npos) << text;
  const Tensors given = path_check::arguments_for(*f);
  expect_near(ir::evaluate(*f, given), path_check::run(*e, given), 1e-9L, "padded");
}

TEST(LibraryCalls, SmallProductsStayOurs) {
  Builder b("product");
  const Value x = b.param({DType::kF64, {64, 16, 16}}), y = b.param({DType::kF64, {64, 16, 16}});
  const FunctionPtr f = b.finish({b.dot_general(x, y, {{0}, {0}, {2}, {1}})});
  EXPECT_EQ(runtime::compile(f)->kernels_text().find("call dot_general"), std::string::npos);
}

TEST(LibraryCalls, TheLibraryIsThere) {
  EXPECT_TRUE(backend::cpu::library_available());
  EXPECT_EQ(backend::cpu::library_text().find("OpenBLAS 0."), 0u) << backend::cpu::library_text();
  EXPECT_EQ(std::getenv("OPENBLAS_CORETYPE"), nullptr);
}

}  // namespace
}  // namespace cotangent
