#include "cotangent/base/json_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>

namespace cotangent {
namespace {

TEST(JsonText, NumbersReadBackToTheBit) {
  std::mt19937_64 random(7);
  for (int k = 0; k < 20000; ++k) {
    const double x = std::bit_cast<double>(random());
    if (x != x || x - x != 0) continue;
    const std::string text = json_number(x);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)),
              std::bit_cast<std::uint64_t>(x))
        << text;
    EXPECT_NE(text.find_first_of(".e"), std::string::npos) << text;
  }
  EXPECT_EQ(json_number(10), "10.0");
  EXPECT_EQ(json_number(-0.0), "-0.0");
  EXPECT_EQ(json_number(200000), "200000.0");
  EXPECT_EQ(json_number(1e-8), "1e-08");
  EXPECT_EQ(json_number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(json_number(-std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonText, StringsAreAlwaysValid) {
  EXPECT_EQ(json_quote("plain"), "\"plain\"");
  EXPECT_EQ(json_quote("a\"b\\c\nd\te"), R"("a\"b\\c\nd\te")");
  EXPECT_EQ(json_quote(std::string("\0\x1f", 2)), R"("\u0000\u001f")");
  EXPECT_EQ(json_quote("H\xc3\xa9non"), "\"H\xc3\xa9non\"");
  EXPECT_EQ(json_quote("\xc3"), "\"\xef\xbf\xbd\"");                  // cut short
  EXPECT_EQ(json_quote("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");  // overlong
  EXPECT_EQ(json_quote("</script>"), R"("\u003c/script>")");
}

}  // namespace
}  // namespace cotangent
