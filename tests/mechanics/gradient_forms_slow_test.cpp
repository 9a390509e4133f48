// Every method on every system that has one.
#include <gtest/gtest.h>

#include "tests/mechanics/gradient_forms.h"

namespace cotangent::mechanics::test {
namespace {

TEST(GradientFormsSlow, EveryMethodOnEverySystem) {
  for (const Case& c : cases()) {
    expect_transpose(c, 0);
    expect_differences(c, 7);
    expect_same_whatever_is_kept(c, 7);
    expect_bits_of_run_and_evaluator(c);
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
