// Exact identity: the vector 1/sqrt(x) made from the 14-bit estimate has the bits of the division
// of 1 by the square root, for random arguments, for every special one, and for those whose root
// has a significand of ones only (where the theorem behind the last step says nothing).
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/runtime/executable.h"

namespace cotangent {
namespace {

void expect_same_bits(std::vector<double> x) {
  x.resize((x.size() + 7) / 8 * 8, 2.0);
  const auto n = static_cast<std::int64_t>(x.size());
  ir::Builder b("rsqrt");
  const ir::Value p = b.param({DType::kF64, Shape{n}});
  const ir::FunctionPtr f = b.finish({b.unary(ir::Op::kRsqrt, p)});
  for (int bits : {128, 256, 512}) {
    runtime::CompileOptions options;
    options.passes = false;
    options.vector_bits = bits;
    const ir::Tensor in = ir::Tensor::of<double>(Shape{n}, std::span<const double>(x));
    const ir::Tensor out = runtime::compile(f, options)->call(std::span(&in, 1))[0];
    int wrong = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double want = 1.0 / std::sqrt(x[k]);
      const double got = out.as<double>()[k];
      const bool same = (want != want && got != got) ||
                        std::bit_cast<std::uint64_t>(want) == std::bit_cast<std::uint64_t>(got);
      if (!same && ++wrong < 5) ADD_FAILURE() << "x = " << x[k] << ", width " << bits;
    }
    EXPECT_EQ(wrong, 0);
  }
}

TEST(Rsqrt, RandomBits) {
  std::mt19937_64 random(11);
  std::vector<double> x;
  for (int k = 0; k < 1000000; ++k) x.push_back(std::bit_cast<double>(random() & ~(1ull << 63)));
  expect_same_bits(x);
}

TEST(Rsqrt, ModerateArguments) {
  std::mt19937_64 random(12);
  std::uniform_real_distribution<double> uniform(0.5, 8.0);
  std::vector<double> x;
  for (int k = 0; k < 3000000; ++k) x.push_back(uniform(random));
  expect_same_bits(x);
}

TEST(Rsqrt, RootsOfOnesOnlyAndNeighboursOfPowersOfTwo) {
  std::vector<double> x;
  for (int e = -1074; e <= 1023; ++e) {
    double up = std::ldexp(1.0, e), down = up;
    for (int k = 0; k < 12; ++k) {
      x.push_back(up);
      x.push_back(down);
      up = std::nextafter(up, std::numeric_limits<double>::infinity());
      down = std::nextafter(down, 0.0);
    }
  }
  int ones = 0;
  for (double v : x) {
    constexpr std::uint64_t kOnes = (1ull << 52) - 1;
    if ((std::bit_cast<std::uint64_t>(std::sqrt(v)) & kOnes) == kOnes) ++ones;
  }
  EXPECT_GT(ones, 1000);  // the case is really among them
  expect_same_bits(x);
}

/// Every significand of two binades, every denormal, and every exponent.
TEST(Rsqrt, SinglePrecisionExhaustively) {
  std::vector<float> x;
  for (std::uint32_t k = 0; k < (1u << 24); ++k) x.push_back(std::bit_cast<float>(0x3f800000u + k));
  for (std::uint32_t k = 0; k < (1u << 23); k += 3) x.push_back(std::bit_cast<float>(k));
  std::mt19937 random(13);
  for (std::uint32_t e = 0; e < 512; ++e) {
    for (std::uint32_t k = 0; k < 4096; ++k) {
      const std::uint32_t m = k < 64 ? k : k < 128 ? 0x7fffffu - k + 64 : random() & 0x7fffffu;
      x.push_back(std::bit_cast<float>(e << 23 | m));
    }
  }
  x.resize(x.size() / 16 * 16);
  const auto n = static_cast<std::int64_t>(x.size());
  ir::Builder b("rsqrt");
  const ir::Value p = b.param({DType::kF32, Shape{n}});
  const ir::FunctionPtr f = b.finish({b.unary(ir::Op::kRsqrt, p)});
  const ir::Tensor in = ir::Tensor::of<float>(Shape{n}, std::span<const float>(x));
  for (int bits : {128, 256, 512}) {
    runtime::CompileOptions options;
    options.passes = false;
    options.vector_bits = bits;
    const ir::Tensor out = runtime::compile(f, options)->call(std::span(&in, 1))[0];
    const auto got = out.as<float>();
    int wrong = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const float want = 1.0f / std::sqrt(x[k]);
      const bool same = (want != want && got[k] != got[k]) ||
                        std::bit_cast<std::uint32_t>(want) == std::bit_cast<std::uint32_t>(got[k]);
      if (!same && ++wrong < 5)
        ADD_FAILURE() << "x = " << x[k] << ", width " << bits << ", " << got[k] << " for " << want;
    }
    EXPECT_EQ(wrong, 0) << bits;
  }
}

TEST(Rsqrt, ZerosInfinitiesNansAndNegatives) {
  const double inf = std::numeric_limits<double>::infinity();
  const double tiny = std::numeric_limits<double>::denorm_min();
  expect_same_bits({0.0, -0.0, inf, -inf, std::nan(""), -1.0, tiny, -tiny, 3 * tiny,
                    std::numeric_limits<double>::min(), std::numeric_limits<double>::max(), 1.0,
                    4.0});
}

/// Pair loops leave out the repair for infinity and run again where a NaN shows: a body so far away
/// that the square of its distance is infinite pulls with 0.
TEST(Rsqrt, PairLoopsRunAgainWhereTheStepsGiveNan) {
  for (const DType t : {DType::kF32, DType::kF64}) {
    constexpr std::int64_t kN = 40;
    ir::Builder body("pair");
    body.param(ir::scalar(DType::kI64), "i"), body.param(ir::scalar(DType::kI64), "j");
    const ir::Value xi = body.param(ir::scalar(t)), xj = body.param(ir::scalar(t));
    const ir::Value d = body.sub(xj, xi);
    const ir::Value w =
        body.unary(ir::Op::kRsqrt, body.add(body.mul(d, d), body.constant(0.01, t)));
    ir::PairAttr attr;
    attr.count = kN;
    attr.kind = ir::PairKind::kUnequal;
    attr.rows_i = attr.rows_j = 1;
    attr.roles = {ir::Role::kAtI};
    attr.body = body.finish({body.mul(w, d)});
    ir::Builder b("pull");
    const ir::Value x = b.param({t, Shape{kN}});
    const ir::Value operands[] = {x, x};
    const ir::FunctionPtr f = b.finish(b.pair_sum(attr, operands));
    ir::Tensor at({t, Shape{kN}});
    for (std::int64_t k = 0; k < kN; ++k) at.set_real(k, 0.1L * static_cast<double>(k * k % 17));
    at.set_real(23, t == DType::kF32 ? 1e30L : 1e200L);
    const ir::Tensor want = ir::evaluate(*f, std::span(&at, 1))[0];
    for (std::int64_t k = 0; k < kN; ++k) ASSERT_TRUE(std::isfinite(want.real(k)));
    for (int bits : {128, 256, 512}) {
      runtime::CompileOptions options;
      options.passes = false;
      options.vector_bits = bits;
      EXPECT_TRUE(runtime::compile(f, options)->call(std::span(&at, 1))[0].same_bits(want)) << bits;
    }
  }
}

}  // namespace
}  // namespace cotangent
