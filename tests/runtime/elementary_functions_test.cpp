// Every elementary function, compiled at every vector width, gives the bits the evaluator gives on
// the program after the passes: an exact identity, on arguments with hostile bits as well.
#include <gtest/gtest.h>

#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::runtime {
namespace {

using namespace ir;

constexpr std::int64_t kCount = 4003;  // no multiple of a vector: tails as well

std::vector<Op> float_functions() {
  std::vector<Op> all;
  for (const OpInfo& entry : all_ops()) {
    const bool takes_floats = entry.domain == OpDomain::kFloat || is_transcendental(entry.op);
    if (takes_floats && entry.arity <= 2) all.push_back(entry.op);
  }
  return all;
}

/// All functions of two parameters of the type, one result each.
FunctionPtr every_function(DType t) {
  Builder b("functions");
  const Type type{t, Shape{kCount}};
  const Value x = b.param(type), y = b.param(type);
  std::vector<Value> results;
  for (Op op : float_functions()) {
    results.push_back(info(op).arity == 1 ? b.unary(op, x) : b.binary(op, x, y));
  }
  return b.finish(results);
}

/// Thirds: moderate numbers, any bits, bits at the edges of the format (denormals, powers of two,
/// significands of ones only).
Tensor arguments(DType t, std::mt19937_64& random) {
  Tensor out(Type{t, Shape{kCount}});
  const int size = t == DType::kF64 ? 64 : 32, fraction = t == DType::kF64 ? 52 : 23;
  const std::uint64_t low = (std::uint64_t{1} << fraction) - 1;
  for (std::int64_t i = 0; i < kCount; ++i) {
    if (i % 3 == 0) {
      out.set_real(i, std::ldexp(static_cast<double>(random() >> 11), -49) - 8.0);
      continue;
    }
    std::uint64_t bits = random() >> (64 - size);
    if (i % 3 == 1) {
      const auto edge = random() % 4;
      if (edge == 0) bits &= low | (std::uint64_t{1} << (size - 1));
      if (edge == 1) bits &= ~low;
      if (edge == 2) bits |= low;
      if (edge == 3) bits = (bits & ~low) + (random() % 5) - 2;
    }
    std::memcpy(out.data() + i * size / 8, &bits, static_cast<std::size_t>(size / 8));
  }
  return out;
}

class ElementaryFunctions : public testing::TestWithParam<int> {};

TEST_P(ElementaryFunctions, CompiledHaveTheBitsOfTheEvaluator) {
  std::mt19937_64 random(2);
  const std::vector<Op> ops = float_functions();
  ASSERT_GE(ops.size(), 18u);
  for (DType t : {DType::kF64, DType::kF32}) {
    CompileOptions options;
    options.vector_bits = GetParam();
    const ExecutablePtr executable = compile(every_function(t), options);
    const std::vector<Tensor> in = {arguments(t, random), arguments(t, random)};
    const std::vector<Tensor> got = executable->call(in);
    const std::vector<Tensor> expected = evaluate(*executable->program(), in);
    for (std::size_t k = 0; k < ops.size(); ++k) {
      EXPECT_TRUE(got[k].same_bits(expected[k])) << name_of(ops[k]) << " " << name_of(t);
    }
  }
}

/// Angles beyond the ordinary range take many operations, which a branch leaves out where no lane
/// holds one; here some lanes do and some do not, in whole vectors, tails and scalars.
TEST_P(ElementaryFunctions, FarAnglesAreBehindABranch) {
  CompileOptions options;
  options.vector_bits = GetParam();
  options.keep_code = true;
  options.cache.on = false;
  for (DType t : {DType::kF64, DType::kF32}) {
    for (const std::int64_t n : {0, 1, 5, 37}) {
      Builder b("angles");
      const Type type{t, n == 0 ? Shape{} : Shape{n}};
      const Value x = b.param(type);
      const ExecutablePtr executable =
          compile(b.finish({b.unary(Op::kSin, x), b.unary(Op::kTan, x)}), options);
      EXPECT_NE(executable->code_text().find("seldom:"), std::string::npos);
      for (int far_every : {1, 3, 1000}) {
        std::vector<Tensor> arguments = {Tensor(type)};
        Tensor& in = arguments[0];
        for (std::int64_t k = 0; k < in.size(); ++k) {
          const double size = k % far_every == far_every - 1 ? 0x1.8p100 : 1.0;
          in.set_real(k, size * (0.5 + static_cast<double>(k)) * (k % 2 ? 1 : -1));
        }
        const std::vector<Tensor> got = executable->call(arguments);
        const std::vector<Tensor> expected = evaluate(*executable->program(), arguments);
        EXPECT_TRUE(got[0].same_bits(expected[0])) << name_of(t) << " " << n << " " << far_every;
        EXPECT_TRUE(got[1].same_bits(expected[1])) << name_of(t) << " " << n << " " << far_every;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(VectorBits, ElementaryFunctions, testing::Values(128, 256, 512));

}  // namespace
}  // namespace cotangent::runtime
