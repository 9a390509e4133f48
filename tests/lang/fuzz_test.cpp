// The seeds of the expression fuzzer and random changes of them, in every build.
#include <gtest/gtest.h>

#include "tests/fuzz/lang_expression.cpp"
#include "tests/fuzz/mutate.h"

namespace cotangent::fuzz {
namespace {

TEST(Fuzz, ExpressionSeedsAndTheirMutations) {
  const std::vector<std::string> seeds = read_seeds("lang_expression");
  ASSERT_GE(seeds.size(), 10u);
  for (const std::string& text : seeds) run(text, LLVMFuzzerTestOneInput);
  const std::vector<std::string> words = {"sum(",
                                          "prod(",
                                          "min_over(",
                                          "(",
                                          ")",
                                          "[",
                                          "]",
                                          ",",
                                          "<",
                                          "!=",
                                          "==",
                                          "..",
                                          " in ",
                                          " if ",
                                          " and ",
                                          " or ",
                                          "not ",
                                          "where(",
                                          "len(",
                                          "norm(",
                                          "dot(",
                                          "cross(",
                                          "q",
                                          "p",
                                          "v",
                                          "t",
                                          "m",
                                          "k",
                                          "n",
                                          "type",
                                          "eps",
                                          "far",
                                          "r(",
                                          "i",
                                          "j",
                                          "0",
                                          "1",
                                          "2",
                                          "3",
                                          "-1",
                                          "1.5",
                                          "1e308",
                                          "9223372036854775807",
                                          "+",
                                          "-",
                                          "*",
                                          "/",
                                          "%",
                                          "^",
                                          "max(",
                                          "abs(",
                                          "floor("};
  Mutator mutator(20260101, seeds, words);
  for (int k = 0; k < 20'000; ++k) run(mutator.next(), LLVMFuzzerTestOneInput);
}

}  // namespace
}  // namespace cotangent::fuzz
