// Exact identity: compiled code gives the bits of the reference evaluator at every vector width and
// number of threads. A few hundred programs; differential_slow_test.cpp runs the 10,000.
#include <gtest/gtest.h>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/transform/passes.h"
#include "tests/runtime/differential.h"

namespace cotangent {
namespace {

using differential::Batch;

ir::FunctionPtr random_program(std::uint64_t seed) {
  ir::RandomProgramOptions options;
  options.nodes = 4 + static_cast<int>(seed % 24);
  options.depth = static_cast<int>(seed % 4);
  options.fourier = true;
  return transform::expand_fft(*ir::random_program(seed, options));
}

TEST(Executable, RandomProgramsHaveTheEvaluatorsBits) {
  int shown = 0;
  for (std::uint64_t k = 0; k < 8; ++k) {
    Batch batch;
    batch.first = 1 + 50 * k;
    batch.options.passes = false;
    batch.options.vector_bits = std::array{512, 256, 128, 64}[k % 4];
    batch.options.optimize = k % 3 == 0 ? 0 : 1;
    batch.program = random_program;
    differential::compare(batch, shown);
  }
}

TEST(Executable, TeamsHaveTheEvaluatorsBits) {
  int shown = 0;
  for (std::uint64_t k = 0; k < 4; ++k) {
    Batch batch;
    batch.first = 1001 + 50 * k;
    batch.options.passes = false;
    batch.options.threads = k % 2 == 0 ? 2 : 16;
    batch.options.team_from = 0;
    batch.options.vector_bits = k % 2 == 0 ? 512 : 128;
    batch.options.optimize = 0;
    batch.program = random_program;
    differential::compare(batch, shown);
  }
}

TEST(Executable, AResultMayBeTheMemoryOfAnArgument) {
  ir::Builder b("reverse");
  const ir::Value x = b.param({DType::kF64, Shape{9}});
  const ir::FunctionPtr f = b.finish({b.reverse(x, {0})});
  std::vector<double> data = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const void* in[] = {data.data()};
  void* out[] = {data.data()};
  runtime::compile(f)->call_raw(in, out);
  EXPECT_EQ(data, (std::vector<double>{9, 8, 7, 6, 5, 4, 3, 2, 1}));
}

TEST(Executable, RefusesArgumentsOfAnotherType) {
  ir::Builder b("twice");
  const ir::Value x = b.param({DType::kF64, Shape{3}});
  const auto e = runtime::compile(b.finish({b.add(x, x)}));
  const ir::Tensor wrong({DType::kF64, Shape{4}});
  EXPECT_THROW(e->call(std::span(&wrong, 1)), UserError);
  EXPECT_THROW(e->call({}), UserError);
}

TEST(Executable, SaysWhatItMade) {
  ir::Builder b("twice");
  const ir::Value x = b.param({DType::kF64, Shape{3}});
  runtime::CompileOptions options;
  options.keep_code = true;
  options.passes = false;
  const auto e = runtime::compile(b.finish({b.add(x, x)}), options);
  EXPECT_NE(e->kernels_text().find("# kind: solo"), std::string::npos);
  EXPECT_NE(e->kernels_text().find("add"), std::string::npos);
  EXPECT_NE(e->code_text().find("define"), std::string::npos);
  EXPECT_FALSE(runtime::host_description().empty());
}

}  // namespace
}  // namespace cotangent
