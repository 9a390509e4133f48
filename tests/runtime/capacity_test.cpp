// A list that outgrows its room: bits as if it had been sized right at first, however it is cut
// into chunks.
#include "cotangent/runtime/capacity.h"

#include <gtest/gtest.h>

#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"

namespace cotangent {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Type;
using ir::Value;

constexpr std::int64_t kFull = 7, kBounds = 2;

/// A logistic map that writes down where it was above 0.6: (list, number, x, first, count) -> the
/// same after `count` steps. Leaves [0, 1] when r > 4. Dishonest: its check gives the capacity that
/// it has for the one that it wants.
ir::FunctionPtr recorder(std::int64_t capacity, double r, bool honest = true) {
  const Type whole = ir::scalar(DType::kI64), real = ir::scalar();
  Builder step("step");
  const Value k = step.param(whole);
  const Value list = step.param({DType::kF64, {capacity}});
  const Value number = step.param(whole), x = step.param(real);
  Value next = step.mul(step.mul(step.constant(r), x), step.sub(step.constant(1.0), x));
  next = step.check(step.le(next, step.constant(1.0)), next, {kBounds, "x left [0, 1]"}, k);
  const Value high = step.lt(step.constant(0.6), next);
  const Value longer = step.add(number, step.cast(high, DType::kI64));
  const Value fits = step.le(longer, step.constant_i64(capacity));
  const Value wants = honest ? longer : step.constant_i64(capacity);
  const Value room = step.check(fits, longer, {kFull, "the list is full"}, wants);
  // An index past the end is clamped: only a step that is undone writes there.
  const Value old = step.gather(list, number);
  const Value written = step.scatter_set(list, step.select(high, next, old), std::span(&number, 1));
  const Value same = step.broadcast_to(high, {capacity});
  ir::LoopAttr loop;
  loop.trip = 64;
  loop.carries = 3;
  loop.dynamic = true;
  loop.body = step.finish({step.select(same, written, list), room, next});
  Builder b("recorder");
  std::vector<Value> operands;
  operands.push_back(b.param({DType::kF64, {capacity}}, "list"));
  operands.push_back(b.param(whole, "number"));
  operands.push_back(b.param(real, "x"));
  operands.push_back(b.param(whole, "first"));
  operands.push_back(b.param(whole, "count"));
  return b.finish(b.loop(loop, operands));
}

std::vector<Tensor> run(runtime::GrowingProgram& program, std::int64_t steps, std::int64_t chunk) {
  std::vector<Tensor> carry{Tensor(Type{DType::kF64, {program.capacity()}}),
                            Tensor::scalar_of<std::int64_t>(0), Tensor::scalar_of(0.3)};
  for (std::int64_t first = 0; first < steps; first += chunk) {
    std::vector<Tensor> arguments = carry;
    arguments.push_back(Tensor::scalar_of(first));
    arguments.push_back(Tensor::scalar_of(std::min(chunk, steps - first)));
    carry = program.call(std::move(arguments));
  }
  return carry;
}

TEST(Capacity, GrowsAndHasTheBitsOfTheRightSizeAtFirst) {
  const auto make = [](std::int64_t capacity) { return runtime::compile(recorder(capacity, 3.9)); };
  runtime::GrowingProgram right(make, {kFull}, 1000, 1000);
  const auto want = run(right, 300, 50);
  EXPECT_EQ(right.times_grown(), 0);
  const std::int64_t number = want[1].integer(0);
  ASSERT_GT(number, 100);
  for (std::int64_t chunk : {50, 64, 7}) {
    runtime::GrowingProgram small(make, {kFull}, 3, 1000);
    const auto got = run(small, 300, chunk);
    EXPECT_GT(small.times_grown(), 3);
    EXPECT_GE(small.capacity(), number);
    EXPECT_LT(small.capacity(), 2 * number);
    EXPECT_EQ(got[1].integer(0), number);
    EXPECT_TRUE(got[2].same_bits(want[2]));
    for (std::int64_t k = 0; k < number; ++k) EXPECT_EQ(got[0].real(k), want[0].real(k));
  }
}

TEST(Capacity, IsRefusedBeyondTheMost) {
  const auto make = [](std::int64_t capacity) { return runtime::compile(recorder(capacity, 3.9)); };
  runtime::GrowingProgram small(make, {kFull}, 3, 20);
  try {
    run(small, 300, 50);
    FAIL() << "no refusal";
  } catch (const UserError& error) {
    EXPECT_EQ(error.parts().what, "a list wants 21 entries");
    EXPECT_EQ(error.parts().why, "at most 20 are allowed");
  }
  EXPECT_EQ(small.capacity(), 20);
}

TEST(Capacity, ACheckThatWantsNoMoreThanThereIsIsRefused) {
  const auto make = [](std::int64_t capacity) {
    return runtime::compile(recorder(capacity, 3.9, false));
  };
  runtime::GrowingProgram small(make, {kFull}, 3, 1000);
  try {
    run(small, 300, 50);
    FAIL() << "no refusal";
  } catch (const UserError& error) {
    EXPECT_EQ(error.parts().what, "capacity check 7 fails with room for 3 entries and wants 3");
  }
}

TEST(Capacity, OtherFaultsAreThrown) {
  const auto make = [](std::int64_t capacity) { return runtime::compile(recorder(capacity, 4.5)); };
  runtime::GrowingProgram small(make, {kFull}, 3, 1000);
  try {
    run(small, 300, 50);
    FAIL() << "no fault";
  } catch (const UserError& error) {
    EXPECT_EQ(error.parts().what.substr(0, 13), "x left [0, 1]");
  }
}

}  // namespace
}  // namespace cotangent
