#include <gtest/gtest.h>

#include "cotangent/base/text.h"

namespace cotangent {
namespace {

TEST(NearestName, FindsLikelySlips) {
  const std::vector<std::string> known = {"norm", "prod", "dot", "cross", "min_over", "kernels"};
  EXPECT_EQ(nearest_name("nrom", known), "norm");  // neighbours swapped
  EXPECT_EQ(nearest_name("nor", known), "norm");
  EXPECT_EQ(nearest_name("normm", known), "norm");
  EXPECT_EQ(nearest_name("corss", known), "cross");
  EXPECT_EQ(nearest_name("kernel", known), "kernels");
  EXPECT_EQ(nearest_name("minover", known), "min_over");
  EXPECT_EQ(nearest_name("potential", known), "");
}

}  // namespace
}  // namespace cotangent
