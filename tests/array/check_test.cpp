// Exact identity: checks in lazy, jitted and mapped functions, and in loops; what they say.
#include "cotangent/array/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cotangent/array/elementwise.h"
#include "cotangent/array/evaluate.h"
#include "cotangent/array/jit.h"
#include "cotangent/array/loops.h"
#include "cotangent/array/reduce.h"
#include "cotangent/array/transforms.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Array safe_root(const Array& x) {
  return sqrt(check(x, x >= 0.0, "the root of a negative number"));
}

TEST(Check, WhatHoldsIsTheValueItself) {
  const Array x = Array::of({4.0, 9.0});
  EXPECT_EQ(safe_root(x)[1].item(), 3.0);
  EXPECT_EQ(jit(safe_root)(x)[0].item(), 2.0);
  EXPECT_EQ(check(Array(2), Array(true), "never").dtype(), Array(2).dtype());
}

TEST(Check, ANumberDoesNotHold) {
  const Array x(2.0);
  EXPECT_THROW(check(x < 3.0, x, "the two the other way round"), UserError);
}

TEST(Check, AnEvaluationThatFailsThrowsEveryTime) {
  const Array y = safe_root(Array::of({4.0, -9.0}));
  for (int k = 0; k < 2; ++k) {
    EXPECT_THAT(error_of([&] { y.eval(); }),
                AllOf(HasSubstr("the root of a negative number"), HasSubstr("lazy evaluation")));
  }
  EXPECT_THAT(error_of([] { check(Array(1.0), Array(false), "").eval(); }),
              HasSubstr("there is no message"));
}

TEST(Check, AJittedCallThatFailsThrowsAndTheNextOneWorks) {
  const auto f = jit([](Array x) { return sum(safe_root(x)); });
  EXPECT_EQ(f(Array::of({1.0, 4.0})).item(), 3.0);
  EXPECT_THAT(error_of([&] { f(Array::of({1.0, -4.0})); }),
              AllOf(HasSubstr("the root of a negative number"), HasSubstr("'jit'")));
  EXPECT_EQ(f(Array::of({9.0, 4.0})).item(), 5.0);
}

TEST(Check, StepAndLaneAreTold) {
  const auto steps = [](Array x) {
    return fori_loop(0, 10, [](Array, Array y) { return check(y - 1.0, y > 0.0, "spent"); }, x);
  };
  const auto lanes = jit(vmap(steps));
  EXPECT_EQ(lanes(Array::of({20.0, 30.0}))[1].item(), 20.0);
  EXPECT_THAT(error_of([&] { lanes(Array::of({20.0, 7.0, 3.0, 11.0})); }),
              AllOf(HasSubstr("spent"), HasSubstr("step 3"), HasSubstr("lane 2")));
}

TEST(Check, DerivativesPassThrough) {
  const auto f = [](Array x) { return sum(safe_root(x)); };
  EXPECT_EQ(grad(f)(Array::of({4.0, 16.0}))[1].item(), 0.125);
  EXPECT_THAT(error_of([&] { grad(f)(Array::of({4.0, -16.0})).eval(); }),
              HasSubstr("the root of a negative number"));
}

TEST(Check, NumbersAndARemedyInTheMessage) {
  const auto f = [](Array x, Array n) {
    return check(x, x < 2.0, "{real} is too much after {count} steps\n  to do: take fewer", n, x);
  };
  EXPECT_EQ(f(1.5, 7).item(), 1.5);
  EXPECT_EQ(grad(f)(1.5, 7).item(), 1.0);
  EXPECT_THAT(
      error_of([&] { f(2.75, 12).eval(); }),
      AllOf(HasSubstr("2.75 is too much after 12 steps\n"), HasSubstr("\n  to do: take fewer")));
  const auto lanes = jit(vmap(f));
  EXPECT_THAT(error_of([&] { lanes(Array::of({-1.0, 3e30}), Array::of({5, 1 << 30})); }),
              HasSubstr("3e+30 is too much after 1073741824 steps, lane 1"));
  expect_refused([&] { f(1.0, 2.0); }, "check", "its numbers are");
}

TEST(Check, TheSameProgramAgainIsNotCompiledAgain) {
  default_context().clear();
  for (int k = 0; k < 10; ++k) safe_root(Array::of({4.0, 9.0})).eval();
  const auto before = default_context().statistics();
  safe_root(Array::of({4.0, 9.0})).eval();
  EXPECT_EQ(default_context().statistics().compilations, before.compilations);
  EXPECT_EQ(default_context().statistics().cache_hits, before.cache_hits + 1);
}

}  // namespace
}  // namespace cotangent::array
