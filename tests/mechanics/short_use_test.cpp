// Programs for a few calls: no machine code where an interpreter is done sooner, one result for
// all.
#include "cotangent/mechanics/short_use.h"

#include <gtest/gtest.h>

#include "cotangent/ir/builder.h"

namespace cotangent::mechanics {
namespace {

TEST(ShortUse, FewCallsAreInterpretedAndAllHaveTheSameBits) {
  ir::Builder b("waves");
  const ir::Value x = b.param({DType::kF64, {100}}, "x");
  const ir::FunctionPtr f = b.finish({b.unary(ir::Op::kTanh, b.mul(x, x))});  // 200 operations
  ir::Tensor at({DType::kF64, {100}});
  for (std::int64_t k = 0; k < 100; ++k) at.set_real(k, 0.03L * k - 1);
  const auto few = code_for(f, 100), more = code_for(f, 5e4), many = code_for(f, 1e6);
  EXPECT_EQ(few->times().codegen_s, 0);
  EXPECT_GT(more->times().codegen_s, 0);
  EXPECT_GT(many->times().codegen_s, 0);
  const auto expected = many->call(std::span(&at, 1));
  EXPECT_TRUE(few->call(std::span(&at, 1))[0].same_bits(expected[0]));
  EXPECT_TRUE(more->call(std::span(&at, 1))[0].same_bits(expected[0]));
}

}  // namespace
}  // namespace cotangent::mechanics
