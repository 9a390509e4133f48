// Interpreted programs: the bits of compiled code, results in the memory of arguments, faults.
#include "cotangent/runtime/interpreted.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/random_program.h"
#include "tests/runtime/check.h"

namespace cotangent {
namespace {

TEST(Interpreted, RandomProgramsHaveTheBitsOfCompiledCode) {
  runtime::CompileOptions options;
  options.optimize = 0;
  options.library_products = false;
  for (std::uint64_t seed = 1; seed <= 16; ++seed) {
    const ir::FunctionPtr f = ir::random_program(seed);
    const auto code = runtime::compile(f, options), slow = runtime::interpreted(f);
    const auto arguments = ir::random_arguments(*code->program(), seed);
    path_check::expect_same(path_check::run(*code, arguments), path_check::run(*slow, arguments),
                            "seed " + std::to_string(seed));
  }
}

TEST(Interpreted, AResultMayBeTheMemoryOfAnArgument) {
  ir::Builder b("reversed");
  const ir::Value x = b.param({DType::kF64, {300}}, "x");
  const auto f = runtime::interpreted(b.finish({b.reverse(x, {0})}));
  std::vector<double> memory(300);
  std::iota(memory.begin(), memory.end(), 1.0);
  const void* in[] = {memory.data()};
  void* out[] = {memory.data()};
  f->call_raw(in, out);
  for (std::size_t k = 0; k < 300; ++k) EXPECT_EQ(memory[k], 300.0 - static_cast<double>(k));
}

TEST(Interpreted, AFaultIsTold) {
  ir::Builder b("checked");
  const ir::Value x = b.param(ir::scalar(), "x");
  const ir::Value positive = b.gt(x, b.constant(0.0));
  const auto f = runtime::interpreted(b.finish({b.check(positive, x, {7, "x is not positive"})}));
  ASSERT_EQ(f->checks().size(), 1u);
  const ir::Tensor good = ir::Tensor::scalar_of(2.0), bad = ir::Tensor::scalar_of(-2.0);
  EXPECT_EQ(f->call(std::span(&good, 1))[0].real(0), 2);
  EXPECT_THROW(f->call(std::span(&bad, 1)), UserError);
}

}  // namespace
}  // namespace cotangent
