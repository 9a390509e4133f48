// Ranges of integers. That they are never wrong is tested by printed C under a sanitizer, too
// (tests/backend).
#include "cotangent/kernel/ranges.h"

#include <gtest/gtest.h>

#include "cotangent/kernel/kernel_builder.h"

namespace cotangent::kernel {
namespace {

struct Fixture : ::testing::Test {
  Program program;
  KernelBuilder b{program};
  std::uint32_t version = b.new_version();

  Id input(DType t) {
    Buffer made;
    made.kind = BufferKind::kInput;
    made.dtype = t;
    made.count = 1;
    return b.load(b.add_buffer(made), version, b.i64(0));
  }
  void expect(Id id, std::int64_t lo, std::int64_t hi, bool plain = true) {
    const Ranges r = find_ranges(program);
    EXPECT_EQ(r.of[id].lo, lo);
    EXPECT_EQ(r.of[id].hi, hi);
    EXPECT_EQ(r.plain[id], plain);
  }
};
using RangesTest = Fixture;

TEST_F(RangesTest, IndicesOfALoop) {
  const auto loop = b.open_for(ForKind::kParallel, b.i64(2), b.i64(10));
  const Id scaled = b.add(b.mul(loop.index, b.i64(3)), b.i64(1));
  const Id backward = b.sub(b.i64(0), loop.index);
  b.close_for();
  expect(loop.index, 2, 9, false);
  expect(scaled, 7, 28);
  expect(backward, -9, -2);
}

TEST_F(RangesTest, TheCountOfAWhileIsBelowItsLimit) {
  const Id p = input(DType::kBool);
  for (const bool limited : {true, false}) {
    const auto args = b.open_while(p, std::vector{b.i64(0), b.i64(5)});
    const Id next = b.add(args[0], b.i64(1));
    const Id other = b.add(args[1], b.i64(3));
    const Id in_time = b.op(ir::Op::kLt, {limited ? next : other, b.i64(40)});
    const auto after = b.close_while(b.both(p, in_time), std::vector{next, other});
    for (const bool first : {true, false}) {
      const std::size_t k = first ? 0 : 1;
      const std::int64_t start = first ? 0 : 5, step = first ? 1 : 3;
      const Id sum = first ? next : other;
      if (first == limited) {
        expect(args[k], start, 39, false);
        expect(sum, start + step, 39 + step);
        expect(after[k], start, 39 + step, false);
      } else {
        expect(args[k], INT64_MIN, INT64_MAX, false);
        expect(after[k], INT64_MIN, INT64_MAX, false);
      }
    }
  }
}

// Nothing is known of a count that starts at or above the limit, that goes down, or whose limit is
// not what the loop ends by.
TEST_F(RangesTest, OtherWhilesSayNothing) {
  const Id p = input(DType::kBool);
  const auto check = [&](std::int64_t start, std::int64_t step, bool holds_anyway) {
    const auto args = b.open_while(p, std::vector{b.i64(start)});
    const Id next = b.add(args[0], b.i64(step));
    const Id in_time = b.op(ir::Op::kLt, {next, b.i64(40)});
    const Id again = holds_anyway ? b.op(ir::Op::kOr, {p, in_time}) : b.both(p, in_time);
    const auto after = b.close_while(again, std::vector{next});
    expect(args[0], INT64_MIN, INT64_MAX, false);
    expect(after[0], INT64_MIN, INT64_MAX, false);
  };
  check(40, 1, false);
  check(0, -1, false);
  check(0, 1, true);
  check(0, INT64_MAX, false);  // it wraps
}

TEST_F(RangesTest, WhatMayWrapIsNotPlain) {
  const Id x = input(DType::kI64), y = input(DType::kI32);
  expect(b.add(x, b.i64(1)), INT64_MIN, INT64_MAX, false);
  expect(b.mul(y, y), INT32_MIN, INT32_MAX, false);
  expect(b.op(ir::Op::kNeg, {y}), INT32_MIN, INT32_MAX, false);
  expect(b.op(ir::Op::kAbs, {y}), INT32_MIN, INT32_MAX, false);
  const Id wide = b.cast(y, DType::kI64);
  expect(b.mul(wide, wide), -(std::int64_t{1} << 62) + (std::int64_t{1} << 31),
         std::int64_t{1} << 62);
}

TEST_F(RangesTest, ClampsBindWhatIsRead) {
  const Id x = input(DType::kI64);
  const Id clamped = b.op(ir::Op::kMin, {b.op(ir::Op::kMax, {x, b.i64(0)}), b.i64(7)});
  expect(clamped, 0, 7, false);
  expect(b.op(ir::Op::kMod, {clamped, b.i64(3)}), 0, 2);
  expect(b.op(ir::Op::kMod, {x, b.i64(3)}), 0, 2, false);  // x may be negative
  expect(b.op(ir::Op::kDiv, {clamped, b.i64(2)}), 0, 3);
  expect(b.op(ir::Op::kDiv, {clamped, x}), INT64_MIN, INT64_MAX, false);  // by zero, perhaps
  expect(b.op(ir::Op::kShl, {clamped, b.i64(4)}), 0, 112);
  expect(b.op(ir::Op::kShl, {clamped, x}), INT64_MIN, INT64_MAX, false);
}

TEST_F(RangesTest, UnsignedOnesStayInTheirType) {
  const Id x = input(DType::kU32), y = input(DType::kU64);
  expect(b.op(ir::Op::kSub, {x, x}), 0, UINT32_MAX, false);
  expect(b.add(y, y), INT64_MIN, INT64_MAX, false);
  expect(b.cast(x, DType::kI64), 0, UINT32_MAX, false);
  expect(b.op(ir::Op::kDiv, {y, b.constant(DType::kU64, 3)}), INT64_MIN, INT64_MAX);
}

}  // namespace
}  // namespace cotangent::kernel
