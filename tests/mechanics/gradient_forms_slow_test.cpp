// Every method on every system that has one.
#include <gtest/gtest.h>

#include "tests/mechanics/gradient_forms.h"

namespace cotangent::mechanics::test {
namespace {

TEST(GradientFormsSlow, EveryMethodOnEverySystem) {
  for (const Case& c : cases()) {
    for (std::int64_t every : {0, 7}) {
      expect_transpose(c, every);
      expect_differences(c, every);
      expect_same_whatever_is_kept(c, every);
    }
    expect_bits_of_run_and_evaluator(c);
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
