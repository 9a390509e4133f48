// The seeds of the system-file fuzzer and random changes of them, in every build.
#include <gtest/gtest.h>

#include "tests/fuzz/formats_system_file.cpp"
#include "tests/fuzz/mutate.h"

namespace cotangent::fuzz {
namespace {

TEST(Fuzz, SystemFileSeedsAndTheirMutations) {
  const std::vector<std::string> seeds = read_seeds("formats_system_file");
  ASSERT_GE(seeds.size(), 4u);
  for (const std::string& text : seeds) run(text, LLVMFuzzerTestOneInput);
  const std::vector<std::string> words = {"[run]\n",
                                          "[units]\n",
                                          "unit = ",
                                          "value",
                                          "\"1 kg\"",
                                          "\"3 m/s^2\"",
                                          " kg",
                                          "^(1/2)",
                                          "sqrt(",
                                          "[energy]\n",
                                          "[initial]\n",
                                          "[observe]\n",
                                          "[define]\n",
                                          "[parameters]\n",
                                          "[equations]\n",
                                          "[map]\n",
                                          "[structure]\n",
                                          "[symmetries]\n",
                                          "[ensemble]\n",
                                          "[monitor]\n",
                                          "[multirate]\n",
                                          "kind",
                                          "J",
                                          "z",
                                          "s",
                                          "x[i]",
                                          "x[i,k]",
                                          "\"contact\"",
                                          "normal",
                                          "fast",
                                          "inner",
                                          "[[",
                                          "]]",
                                          "[",
                                          "]",
                                          "{",
                                          "}",
                                          "=",
                                          " = ",
                                          "\"",
                                          "\"\"\"",
                                          "'",
                                          "'''",
                                          "\n",
                                          "\r\n",
                                          "#",
                                          ",",
                                          ".",
                                          "dt",
                                          "t_end",
                                          "steps",
                                          "every",
                                          "expr",
                                          "file",
                                          "q",
                                          "p",
                                          "v",
                                          "nan",
                                          "-inf",
                                          "1e999",
                                          "0",
                                          "-1",
                                          "1.5",
                                          "true",
                                          "\"= 1/0\"",
                                          "\"= m\"",
                                          "\\u0000",
                                          "\\",
                                          "r(i,j)",
                                          "\xEF\xBB\xBF",
                                          "\xff",
                                          "\n@@@run.dt=",
                                          "1979-05-27"};
  Mutator mutator(20260102, seeds, words);
  for (int k = 0; k < 20'000; ++k) run(mutator.next(), LLVMFuzzerTestOneInput);
}

}  // namespace
}  // namespace cotangent::fuzz
