// Exact: what the arrays of a lane take in all, and how much of that at any one time.
#include <gtest/gtest.h>

#include "cotangent/ir/builder.h"
#include "cotangent/kernel/lowering.h"

namespace cotangent::kernel {
namespace {

using ir::Builder;
using ir::Role;
using ir::Type;
using ir::Value;

constexpr std::int64_t kRow = 1024, kBytes = 8 * kRow;
const Type kIndex{DType::kI64, {}}, kLine{DType::kF64, {kRow}};

/// Each element times the one that comes as far from the end.
Value step(Builder& b, Value x) {
  Builder inner("element");
  inner.param(kIndex);
  const Value a = inner.param({DType::kF64, {}}), c = inner.param({DType::kF64, {}});
  ir::MapAttr attr;
  attr.count = kRow;
  attr.rows = 2;
  attr.roles = {Role::kStack};
  attr.body = inner.finish({inner.mul(a, c)});
  return b.map(attr, std::array{x, b.reverse(x, {0})})[0];
}

TEST(LaneBytes, AnArrayThatNothingReadsAnyMoreIsNotCounted) {
  for (int steps : {1, 2, 3, 8}) {
    Builder b("chain");
    Value x = b.param(kLine);
    for (int k = 0; k < steps; ++k) x = step(b, x);
    const LaneBytes bytes = lane_bytes(*b.finish({x}));
    EXPECT_EQ(bytes.all, (1 + steps) * kBytes);
    EXPECT_EQ(bytes.at_once, 2 * kBytes);
  }
}

TEST(LaneBytes, AnArrayReadLaterThroughAViewIsKept) {
  Builder b("kept");
  const Value x = b.param(kLine), turned = b.reshape(x, {2, kRow / 2});
  const Value z = step(b, step(b, step(b, x)));
  const LaneBytes bytes = lane_bytes(*b.finish({z, b.reshape(turned, {kRow})}));
  EXPECT_EQ(bytes.all, 4 * kBytes);
  EXPECT_EQ(bytes.at_once, 3 * kBytes);
}

TEST(LaneBytes, LongChainsRunInLanesAndWideRowsDoNot) {
  for (int steps : {4, 40}) {
    Builder b("chain");
    Value x = b.param(kLine);
    for (int k = 0; k < steps; ++k) x = step(b, x);
    EXPECT_TRUE(runs_in_lanes(*b.finish({x}), 64)) << steps;
  }
  // Twenty arrays, each wanted to the end.
  Builder b("wide");
  std::vector<Value> all{b.param(kLine)};
  for (int k = 0; k < 20; ++k) all.push_back(step(b, all.back()));
  EXPECT_FALSE(runs_in_lanes(*b.finish(all), 64));
}

}  // namespace
}  // namespace cotangent::kernel
