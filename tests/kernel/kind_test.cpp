// What kind of kernel programs become, and when threads are worth their barriers.
#include "cotangent/kernel/kind.h"

#include <gtest/gtest.h>

#include "cotangent/ir/text.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::kernel {
namespace {

constexpr double kFrom = 3e5;

Work work_of_text(const std::string& text) {
  return work_of(lower(ir::parse(text)));
}

/// n elements, a loop of `trip` steps over them.
std::string steps(int n, int trip) {
  const std::string type = "f64[" + std::to_string(n) + "]";
  return "function f(%0: " + type + ") {\n  %1 = loop %0 {trip=" + std::to_string(trip) +
         ", invariants=0, carries=1, inputs=0, every=[], dynamic=false} : (" + type +
         ") body step(%0: i64, %1: " + type + ") {\n    %2 = mul %1, %1 : " + type +
         "\n    %3 = add %2, %1 : " + type +
         "\n    return %3\n  }\n  %2 = project %1 {index=0} : " + type + "\n  return %2\n}\n";
}

TEST(Kind, ASerialLoopWithAnOutputAStepIsNoTeam) {
  const Work work = work_of_text(
      "function f(%0: f64, %1: f64[100003]) {\n  %2 = loop %0, %1 {trip=100003, invariants=0, "
      "carries=1, inputs=1, every=[1], dynamic=false} : (f64, f64[100003]) "
      "body step(%0: i64, %1: f64, %2: f64) {\n    %3 = add %1, %2 : f64\n    return %3, %3\n  }\n"
      "  %3 = project %2 {index=1} : f64[100003]\n  return %3\n}\n");
  EXPECT_GT(work.all, kFrom);
  EXPECT_EQ(work.shared, 0);
  EXPECT_GE(work.barriers, 100003);
  EXPECT_FALSE(worth_a_team(work, kFrom));
  EXPECT_EQ(kind_of(work, kFrom, false), Kind::kSolo);
}

TEST(Kind, LargeArraysInALoopAreATeam) {
  const Work work = work_of_text(steps(1000000, 50));
  EXPECT_FALSE(work.per_step);
  EXPECT_NEAR(work.shared, work.all, 0.01 * work.all);
  EXPECT_TRUE(worth_a_team(work, kFrom));
  EXPECT_EQ(kind_of(work, kFrom, true), Kind::kTeam);
}

TEST(Kind, SmallArraysInALongLoopAreNot) {
  const Work work = work_of_text(steps(1000, 100000));  // 10^8 operations, 4,000 a barrier
  EXPECT_GT(work.shared, kFrom);
  EXPECT_FALSE(worth_a_team(work, kFrom));
  EXPECT_TRUE(worth_a_team(work, 0));
  EXPECT_EQ(kind_of(work, kFrom, false), Kind::kSolo);
}

TEST(Kind, InstancesOfALoopAreLanes) {
  const Work work = work_of(lower(transform::vmap(ir::parse(steps(2, 1000)), 4096)));
  EXPECT_TRUE(worth_a_team(work, kFrom));
  EXPECT_EQ(work.barriers, 1);
  for (bool team : {false, true}) EXPECT_EQ(kind_of(work, kFrom, team), Kind::kLane);
}

TEST(Kind, ALargeExpressionIsAGrid) {
  for (int n : {3, 1000000}) {
    const std::string type = "f64[" + std::to_string(n) + "]";
    const Work work = work_of_text("function f(%0: " + type + ") {\n  %1 = mul %0, %0 : " + type +
                                   "\n  return %1\n}\n");
    EXPECT_EQ(kind_of(work, kFrom, false), n > 3 ? Kind::kGrid : Kind::kSolo);
    EXPECT_EQ(worth_a_team(work, kFrom), n > 3);
  }
}

}  // namespace
}  // namespace cotangent::kernel
