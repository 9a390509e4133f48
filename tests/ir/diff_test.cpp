// What a pass changed, as people read it.
#include "cotangent/ir/diff.h"

#include <gtest/gtest.h>

#include "cotangent/ir/random_program.h"
#include "cotangent/ir/text.h"

namespace cotangent::ir {
namespace {

TEST(Diff, NothingBetweenAProgramAndItself) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    EXPECT_EQ(diff(*random_program(seed), *random_program(seed)), "") << seed;
  }
}

TEST(Diff, ALineThatGoesDoesNotDragTheOthersAlong) {
  const FunctionPtr before = parse(
      "function f(%0: f64) {\n  %1 = sin %0 : f64\n  %2 = mul %0, %0 : f64\n"
      "  %3 = sub %2, %1 : f64\n  %4 = sqrt %3 : f64\n  %5 = abs %4 : f64\n  return %5\n}\n");
  const FunctionPtr after = parse(
      "function f(%0: f64) {\n  %1 = mul %0, %0 : f64\n  %2 = sub %1, %0 : f64\n"
      "  %3 = sqrt %2 : f64\n  %4 = abs %3 : f64\n  return %4\n}\n");
  EXPECT_EQ(diff(*before, *after, 1),
            "  function f(%0: f64) {\n"
            "-   %1 = sin %0 : f64\n"
            "    %1 = mul %0, %0 : f64\n"
            "-   %3 = sub %2, %1 : f64\n"
            "+   %2 = sub %1, %0 : f64\n"
            "    %3 = sqrt %2 : f64\n");
}

TEST(Diff, AnotherOpAndAnotherOperandShow) {
  const auto program = [](const char* line) {
    return parse(std::string("function f(%0: f64, %1: f64) {\n  %2 = neg %0 : f64\n"
                             "  %3 = neg %1 : f64\n") +
                 line + "  return %4\n}\n");
  };
  const FunctionPtr sum = program("  %4 = sub %2, %3 : f64\n");
  EXPECT_NE(diff(*sum, *program("  %4 = div %2, %3 : f64\n")).find("+   %4 = div"),
            std::string::npos);
  // The ops are alike all along; what they are done to is not.
  EXPECT_NE(diff(*sum, *program("  %4 = sub %3, %2 : f64\n")).find("+   %4 = sub"),
            std::string::npos);
}

// The lines kept and added are the program after; those kept and removed the one before.
TEST(Diff, BothProgramsCanBeReadFromIt) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const FunctionPtr a = random_program(seed), b = random_program(seed + 1);
    const std::string text = diff(*a, *b, 100000);
    std::istringstream lines(text);
    std::string after;
    std::size_t before = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line[0] != '+') ++before;
      if (line[0] != '-') after += line.substr(2) + "\n";
    }
    EXPECT_EQ(after, print(*b, 8)) << seed;
    const std::string was = print(*a, 8);
    EXPECT_EQ(before, static_cast<std::size_t>(std::ranges::count(was, '\n'))) << seed;
  }
}

}  // namespace
}  // namespace cotangent::ir
