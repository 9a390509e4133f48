// Which sides of selections are worth a branch.
#include "cotangent/kernel/lazy_sides.h"

#include <gtest/gtest.h>

namespace cotangent::kernel {
namespace {

using ir::Op;

/// A block of f64 operations on values from outside (0: x, 1: y, 2: a predicate, bool).
class Lines {
 public:
  static constexpr Id x = 0, y = 1, p = 2;

  Id op(Op op, std::vector<Id> operands) {
    Instr i;
    i.code = Code::kOp;
    i.op = op;
    i.operands = std::move(operands);
    i.result = next_++;
    block.instrs.push_back(std::move(i));
    return block.instrs.back().result;
  }
  /// A chain of products.
  Id chain(Id from, int length) {
    for (int k = 0; k < length; ++k) from = op(Op::kMul, {from, from});
    return from;
  }
  /// A loop that gives one value.
  Id loop() {
    Instr i;
    i.code = Code::kFor;
    i.operands = {x, x, kNoId};
    i.results = {next_++};
    i.body = std::make_unique<Block>();
    block.instrs.push_back(std::move(i));
    return block.instrs.back().results[0];
  }
  std::size_t place(Id id) const { return id - 3; }

  Block block;

 private:
  Id next_ = 3;
};

TEST(LazySides, ALongSideThatNothingElseNeeds) {
  Lines b;
  const Id shared = b.chain(b.y, 4);
  const Id costly = b.chain(shared, kLazyFrom);
  const Id cheap = b.chain(b.x, 3);
  const Id chosen = b.op(Op::kSelect, {b.p, costly, cheap});
  b.block.yields = {chosen, shared};
  const auto sides = lazy_sides(b.block);
  ASSERT_EQ(sides.size(), 1u);
  EXPECT_EQ(sides[0].predicate, b.p);
  EXPECT_TRUE(sides[0].when);
  EXPECT_EQ(sides[0].at, b.place(chosen));
  EXPECT_EQ(sides[0].results, std::vector<Id>{costly});
  ASSERT_EQ(sides[0].instrs.size(), static_cast<std::size_t>(kLazyFrom));  // not what is shared
  EXPECT_EQ(sides[0].instrs.front(), b.place(shared) + 1);
  EXPECT_EQ(sides[0].instrs.back(), b.place(costly));
}

TEST(LazySides, AShortSideIsComputed) {
  Lines b;
  const Id costly = b.chain(b.y, kLazyFrom - 1);
  b.block.yields = {b.op(Op::kSelect, {b.p, b.x, costly})};
  EXPECT_TRUE(lazy_sides(b.block).empty());
}

TEST(LazySides, TheSideOfFalse) {
  Lines b;
  const Id costly = b.chain(b.y, kLazyFrom);
  b.block.yields = {b.op(Op::kSelect, {b.p, b.x, costly})};
  const auto sides = lazy_sides(b.block);
  ASSERT_EQ(sides.size(), 1u);
  EXPECT_FALSE(sides[0].when);
}

/// Several selections by one predicate share a side; the second part of it may stand behind the
/// first selection, if it reads nothing that is made there.
TEST(LazySides, SelectionsByOnePredicateShare) {
  Lines b;
  const Id part = b.chain(b.y, kLazyFrom - 2);
  const Id first = b.op(Op::kSelect, {b.p, part, b.x});
  const Id between = b.op(Op::kAdd, {first, first});
  const Id more = b.chain(part, 2);
  const Id second = b.op(Op::kSelect, {b.p, more, between});
  b.block.yields = {second};
  const auto sides = lazy_sides(b.block);
  ASSERT_EQ(sides.size(), 1u);
  EXPECT_EQ(sides[0].at, b.place(first));
  EXPECT_EQ(sides[0].results, (std::vector<Id>{part, more}));
  EXPECT_EQ(sides[0].instrs.size(), static_cast<std::size_t>(kLazyFrom));
}

TEST(LazySides, WhatReadsTheFirstSelectionStays) {
  Lines b;
  const Id part = b.chain(b.y, kLazyFrom);
  const Id first = b.op(Op::kSelect, {b.p, part, b.x});
  const Id more = b.op(Op::kMul, {part, first});
  b.block.yields = {b.op(Op::kSelect, {b.p, more, b.x})};
  EXPECT_TRUE(lazy_sides(b.block).empty());
}

/// What a loop of the block gives is there after the loop only.
TEST(LazySides, WhatALoopGivesIsMadeAtTheLoop) {
  Lines b;
  const Id part = b.chain(b.y, kLazyFrom);
  const Id first = b.op(Op::kSelect, {b.p, part, b.x});
  const Id given = b.loop();
  const Id more = b.op(Op::kMul, {part, given});
  b.block.yields = {first, b.op(Op::kSelect, {b.p, more, b.x})};
  EXPECT_TRUE(lazy_sides(b.block).empty());
}

/// A value that is also the predicate's, the other side's, or wanted elsewhere is no side.
TEST(LazySides, ValuesWithOtherUsersStay) {
  Lines b;
  const Id used = b.chain(b.y, kLazyFrom);
  const Id chosen = b.op(Op::kSelect, {b.p, used, b.x});
  b.block.yields = {chosen, b.op(Op::kNeg, {used})};
  EXPECT_TRUE(lazy_sides(b.block).empty());

  Lines both;
  const Id same = both.chain(both.y, kLazyFrom);
  both.block.yields = {both.op(Op::kSelect, {both.p, same, same})};
  EXPECT_TRUE(lazy_sides(both.block).empty());
}

/// What either branch of an if gives on is wanted there.
TEST(LazySides, BranchesAreUsers) {
  for (const bool other : {false, true}) {
    Lines b;
    const Id used = b.chain(b.y, kLazyFrom);
    const Id chosen = b.op(Op::kSelect, {b.p, used, b.x});
    Instr branch;
    branch.code = Code::kIf;
    branch.operands = {b.p};
    branch.body = std::make_unique<Block>();
    branch.other = std::make_unique<Block>();
    branch.body->yields = {other ? b.x : used};
    branch.other->yields = {other ? used : b.x};
    b.block.instrs.push_back(std::move(branch));
    b.block.yields = {chosen};
    EXPECT_TRUE(lazy_sides(b.block).empty()) << other;
  }
}

/// The outer selection takes the inner one with it, as a side of its own.
TEST(LazySides, NestedSelections) {
  Lines b;
  const Id costly = b.chain(b.y, kLazyFrom);
  const Id inner = b.op(Op::kSelect, {b.p, costly, b.x});
  const Id q = b.op(Op::kLt, {b.x, b.y});
  const Id more = b.chain(inner, 5);
  const Id outer = b.op(Op::kSelect, {q, more, b.y});
  b.block.yields = {outer};
  const auto sides = lazy_sides(b.block);
  ASSERT_EQ(sides.size(), 1u);
  EXPECT_EQ(sides[0].predicate, q);
  EXPECT_EQ(sides[0].at, b.place(outer));
  EXPECT_EQ(sides[0].instrs.size(), static_cast<std::size_t>(kLazyFrom) + 6);
  ASSERT_EQ(sides[0].inner.size(), 1u);
  EXPECT_EQ(sides[0].inner[0].predicate, b.p);
  EXPECT_EQ(sides[0].inner[0].at, b.place(inner));
  EXPECT_EQ(sides[0].inner[0].results, std::vector<Id>{costly});
}

/// The side of "not equal" is nearly always taken, that of "equal" seldom.
TEST(LazySides, TheUsualSideIsComputed) {
  for (const bool usual : {false, true}) {
    Lines b;
    const Id costly = b.chain(b.y, kLazyFrom);
    const Id equal = b.op(Op::kOr, {b.op(Op::kEq, {b.x, b.y}), b.op(Op::kEq, {b.y, b.x})});
    b.block.yields = {b.op(Op::kSelect, usual ? std::vector<Id>{equal, b.x, costly}
                                              : std::vector<Id>{equal, costly, b.x})};
    EXPECT_EQ(lazy_sides(b.block).size(), usual ? 0u : 1u);
  }
}

}  // namespace
}  // namespace cotangent::kernel
