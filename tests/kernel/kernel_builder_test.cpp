// Exact: what the builder shares, and what it must not.
#include "cotangent/kernel/kernel_builder.h"

#include <gtest/gtest.h>

#include "cotangent/ir/builder.h"
#include "cotangent/kernel/lower.h"

namespace cotangent::kernel {
namespace {

using ir::Op;

/// A program with loads of two elements of each type.
class Differences : public ::testing::Test {
 protected:
  Id read(DType t, std::int64_t k) {
    Buffer buffer;
    buffer.kind = BufferKind::kScratch;
    buffer.dtype = t;
    buffer.count = 2;
    const std::uint32_t at = b.add_buffer(std::move(buffer));
    return b.load(at, b.new_version(), b.i64(k));
  }

  Program program;
  KernelBuilder b{program};
};

TEST_F(Differences, SquaresAndSizesOfBothWaysAreOneValue) {
  for (DType t : {DType::kF64, DType::kF32}) {
    const Id x = read(t, 0), y = read(t, 1), z = read(t, 1);
    const Id there = b.sub(x, y), back = b.sub(y, x);
    EXPECT_NE(there, back);
    EXPECT_EQ(b.mul(there, there), b.mul(back, back));
    EXPECT_EQ(b.op(Op::kFma, {back, back, z}), b.op(Op::kFma, {there, there, z}));
    EXPECT_EQ(b.op(Op::kAbs, {there}), b.op(Op::kAbs, {back}));
    // And what is made of them.
    const auto distance = [&](Id d, Id e) {
      return b.op(Op::kRsqrt, {b.op(Op::kFma, {d, d, b.mul(e, e)})});
    };
    EXPECT_EQ(distance(there, b.sub(x, z)), distance(back, b.sub(z, x)));
  }
}

TEST_F(Differences, WhatSeesTheSignIsNotShared) {
  const Id x = read(DType::kF64, 0), y = read(DType::kF64, 1);
  const Id there = b.sub(x, y), back = b.sub(y, x);
  EXPECT_NE(b.mul(there, x), b.mul(back, x));
  EXPECT_NE(b.mul(there, back), b.mul(there, there));
  EXPECT_NE(b.op(Op::kFma, {there, x, y}), b.op(Op::kFma, {back, x, y}));
  EXPECT_NE(b.op(Op::kNeg, {there}), b.op(Op::kNeg, {back}));
}

TEST_F(Differences, WhatWasMadeUnderAConditionIsNotSeenOutside) {
  const Id x = read(DType::kF64, 0), y = read(DType::kF64, 1);
  b.open_if(b.op(Op::kLt, {x, y}));
  const Id inside = b.sub(x, y);
  const Id square = b.mul(inside, inside);
  b.close_if();
  const Id outside = b.sub(y, x);
  EXPECT_NE(b.mul(outside, outside), square);
  EXPECT_EQ(program.body.instrs.back().operands, (std::vector<Id>{outside, outside}));
}

std::size_t count(const Block& block, Op op) {
  std::size_t n = 0;
  for (const Instr& i : block.instrs) {
    n += i.code == Code::kOp && i.op == op;
    if (i.body) n += count(*i.body, op);
    if (i.other) n += count(*i.other, op);
  }
  return n;
}

TEST(SharedPairs, InALaneADistanceIsComputedOnceForBothOfAPair) {
  constexpr std::int64_t kBodies = 5, kMembers = 64;
  ir::Builder pair("pair");
  pair.param({DType::kI64, {}});
  pair.param({DType::kI64, {}});
  const ir::Value xi = pair.param({DType::kF64, Shape{3}}),
                  xj = pair.param({DType::kF64, Shape{3}});
  const ir::Value d = pair.sub(xi, xj);
  const ir::Value square = pair.reduce(Op::kReduceSum, pair.mul(d, d), {0});
  const ir::Value weight = pair.broadcast_to(pair.unary(Op::kRsqrt, square), Shape{3});
  ir::PairAttr sum;
  sum.count = kBodies;
  sum.kind = ir::PairKind::kUnequal;
  sum.rows_i = sum.rows_j = 1;
  sum.roles = {ir::Role::kAtI};
  sum.body = pair.finish({pair.mul(d, weight)});

  ir::Builder member("member");
  member.param({DType::kI64, {}});
  const ir::Value x = member.param({DType::kF64, Shape{kBodies, 3}});
  ir::MapAttr map;
  map.count = kMembers;
  map.rows = 1;
  map.roles = {ir::Role::kStack};
  map.body = member.finish(member.pair_sum(sum, std::array{x, x}));
  ir::Builder b("forces");
  const ir::Value all = b.param({DType::kF64, Shape{kMembers, kBodies, 3}});
  const Program program = lower(b.finish(b.map(map, std::array{all})));
  EXPECT_EQ(count(program.body, Op::kRsqrt), kBodies * (kBodies - 1) / 2);
}

}  // namespace
}  // namespace cotangent::kernel
