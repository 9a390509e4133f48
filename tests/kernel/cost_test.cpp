// Exact: operations and bytes counted by hand.
#include "cotangent/kernel/cost.h"

#include <gtest/gtest.h>

#include "cotangent/ir/text.h"
#include "cotangent/kernel/lower.h"

namespace cotangent::kernel {
namespace {

Cost cost_of_text(const char* text) {
  return cost_of(lower(ir::parse(text)));
}

TEST(Cost, AnElementwiseChain) {
  const Cost cost = cost_of_text(
      "function f(%0: f64[100], %1: f32[100]) {\n  %2 = mul %0, %0 : f64[100]\n"
      "  %3 = fma %2, %0, %2 : f64[100]\n  %4 = sqrt %1 : f32[100]\n  return %3, %4\n}\n");
  EXPECT_FALSE(cost.per_step);
  EXPECT_EQ(cost.flops, 100 * (1 + 2 + 1));
  EXPECT_EQ(cost.bytes, 100 * (8 + 8 + 4 + 4));
}

// Of a loop whose count comes with the call, one turn: here n additions, in registers or in memory.
TEST(Cost, OneStepOfALoopOfUnknownLength) {
  const Cost cost = cost_of_text(
      "function f(%0: f64[64], %1: i64, %2: i64) {\n"
      "  %3 = loop %0, %1, %2 {trip=1000, invariants=0, carries=1, inputs=0, every=[], "
      "dynamic=true} "
      ": (f64[64]) body step(%0: i64, %1: f64[64]) {\n    %2 = add %1, %1 : f64[64]\n"
      "    return %2\n  }\n  %4 = project %3 {index=0} : f64[64]\n  return %4\n}\n");
  EXPECT_TRUE(cost.per_step);
  EXPECT_EQ(cost.flops, 64);
}

}  // namespace
}  // namespace cotangent::kernel
