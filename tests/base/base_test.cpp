// Shapes, number text, places in source text, errors.
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "cotangent/base/dtype.h"
#include "cotangent/base/error.h"
#include "cotangent/base/shape.h"
#include "cotangent/base/span.h"
#include "cotangent/base/text.h"

namespace cotangent {
namespace {

TEST(Shape, RowsAndSizes) {
  EXPECT_EQ((Shape{}).size(), 1);
  EXPECT_EQ((Shape{2, 0, 3}).size(), 0);
  EXPECT_EQ((Shape{2, 3}).row(), (Shape{3}));
  EXPECT_EQ((Shape{3}).with_leading(2), (Shape{2, 3}));
  EXPECT_EQ((Shape{2, 3}).text(), "[2,3]");
  EXPECT_EQ(Shape{}.text(), "");
  EXPECT_NE((Shape{1}), (Shape{}));
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), UserError);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1}).with_leading(1), UserError);
  EXPECT_THROW((Shape{-1}), UserError);
}

TEST(DType, NamesAndSizes) {
  EXPECT_EQ(name_of(DType::kF32), "f32");
  EXPECT_EQ(size_of(DType::kBool), 1u);
  EXPECT_TRUE(is_signed(DType::kI32) && !is_signed(DType::kU32));
  EXPECT_TRUE(is_integer(DType::kU64) && !is_integer(DType::kBool) && !is_integer(DType::kF32));
}

TEST(Text, ShortestReadsBack) {
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(shortest(-0.0), "-0");
  EXPECT_EQ(shortest(0.1f), "0.1");
  EXPECT_EQ(shortest(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(shortest(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(shortest(std::nan("")), "nan");
  std::mt19937_64 random(1);
  for (int k = 0; k < 20000; ++k) {
    const std::uint64_t bits = random();
    double x, y = 0;
    std::memcpy(&x, &bits, sizeof x);
    if (!std::isfinite(x)) continue;
    const std::string text = shortest(x);
    std::from_chars(text.data(), text.data() + text.size(), y);
    ASSERT_EQ(std::memcmp(&x, &y, sizeof x), 0) << text;
  }
}

TEST(Text, NearestName) {
  const std::vector<std::string> known = {"gravity", "kinetic", "sin", "cos"};
  EXPECT_EQ(nearest_name("gravty", known), "gravity");
  EXPECT_EQ(nearest_name("sim", known), "sin");
  EXPECT_EQ(nearest_name("completely_other", known), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'x'), known), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

TEST(Text, Join) {
  EXPECT_EQ(join(std::vector<std::int64_t>{1, -2}, ","), "1,-2");
  EXPECT_EQ(join(std::vector<std::string>{"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join(std::vector<std::string>{}, ","), "");
}

TEST(Span, ShowsThePlaceWithACaret) {
  const SourceFile file{"f.toml", "one\ntwo = bad + 1\nthree"};
  EXPECT_EQ(show_place(file, {0, 10, 13}), "f.toml:2:7\n    2 | two = bad + 1\n      |       ^~~");
  EXPECT_EQ(show_place(file, {0, 0, 1}), "f.toml:1:1\n    1 | one\n      | ^");
  // At the end of the text, past it, and on a line of 100 kB: still a short answer.
  EXPECT_NE(show_place(file, {0, 23, 24}).find("f.toml:3:6"), std::string::npos);
  EXPECT_NE(show_place(file, {0, 900, 901}).find("f.toml:3:6"), std::string::npos);
  std::string long_line(100001, 'a');
  long_line[50000] = '!';
  const SourceFile wide{"w", long_line};
  const std::string shown = show_place(wide, {0, 50000, 50001});
  EXPECT_LT(shown.size(), 300u);
  EXPECT_NE(shown.find('!'), std::string::npos);
  EXPECT_NE(shown.find("w:1:50001"), std::string::npos);
}

TEST(Error, PartsAreJoined) {
  const UserError e({"what", "where", "why", "remedy"});
  EXPECT_STREQ(e.what(), "what\n  at where\n  expected: why\n  to do: remedy");
  EXPECT_STREQ(UserError("what").what(), "what");
  EXPECT_NE(std::string(InternalError("x").what()).find("bug in Cotangent"), std::string::npos);
  EXPECT_NO_THROW(ensure(true, "x"));
  EXPECT_THROW(ensure(false, "x"), InternalError);
}

}  // namespace
}  // namespace cotangent
