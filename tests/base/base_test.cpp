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
  EXPECT_EQ((Shape{1LL << 30, (1LL << 30) - 1}).size(), (1LL << 60) - (1LL << 30));
  EXPECT_THROW((Shape{1LL << 30, 1LL << 30}), UserError);
  EXPECT_THROW((Shape{1LL << 32, 1LL << 32}), UserError);     // 2^64, 0 when it wraps
  EXPECT_THROW((Shape{(1LL << 62) + 1, 4}), UserError);       // 2^64 + 4
  EXPECT_THROW((Shape{0, 1LL << 32, 1LL << 32}), UserError);  // its rows are none
  EXPECT_THROW((Shape{1LL << 32, 1LL << 32, -1}), UserError);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1}).with_leading(1), UserError);
  EXPECT_THROW((Shape{-1}), UserError);
}

TEST(DType, NamesAndSizes) {
  EXPECT_EQ(name_of(DType::kF32), "f32");
  EXPECT_EQ(size_of(DType::kBool), 1u);
  EXPECT_TRUE(is_signed(DType::kI32) && !is_signed(DType::kU32));
  EXPECT_TRUE(is_integer(DType::kU64) && !is_integer(DType::kBool) && !is_integer(DType::kF32));
  for (DType t : {DType::kU8, DType::kI8, DType::kI16, DType::kF16, DType::kBF16}) {
    EXPECT_TRUE(is_storage(t) && !is_float(t) && !is_integer(t) && !is_bool(t)) << name_of(t);
    EXPECT_EQ(size_of(t), t == DType::kU8 || t == DType::kI8 ? 1u : 2u) << name_of(t);
    EXPECT_EQ(is_signed(t), t != DType::kU8) << name_of(t);
  }
  for (int k = 0; k <= static_cast<int>(DType::kBool); ++k) {
    EXPECT_FALSE(is_storage(static_cast<DType>(k)));
  }
}

// IEEE 754-2008, binary16: the largest, the least normal and the least subnormal number.
TEST(Half, KnownNumbers) {
  const auto bits = [](double x) { return Float16(x).bits; };
  EXPECT_EQ(bits(1), 0x3c00);
  EXPECT_EQ(bits(-2), 0xc000);
  EXPECT_EQ(bits(65504), 0x7bff);
  EXPECT_EQ(bits(0x1p-14), 0x0400);
  EXPECT_EQ(bits(0x1p-24), 0x0001);
  EXPECT_EQ(bits(-0.0), 0x8000);
  EXPECT_EQ(bits(1.0 / 3), 0x3555);
  EXPECT_EQ(bits(std::numeric_limits<double>::infinity()), 0x7c00);
  EXPECT_EQ(bits(-1e300), 0xfc00);
  EXPECT_EQ(bits(std::nan("")), Float16::kNaN);
  const auto brain = [](double x) { return BFloat16(x).bits; };
  EXPECT_EQ(brain(1), 0x3f80);
  EXPECT_EQ(brain(-2), 0xc000);
  EXPECT_EQ(brain(1.0 / 3), 0x3eab);                // 0x3eaaaaab rounded up
  EXPECT_EQ(brain(3.3895313892515355e38), 0x7f7f);  // the largest
  EXPECT_EQ(brain(0x1p-133), 0x0001);
  EXPECT_EQ(brain(1e39), 0x7f80);
}

// One rounding, ties to even: half way to infinity, to the least number, between two neighbours.
TEST(Half, RoundsOnceTiesToEven) {
  const auto bits = [](double x) { return Float16(x).bits; };
  EXPECT_EQ(bits(65519.999999), 0x7bff);
  EXPECT_EQ(bits(65520), 0x7c00);
  EXPECT_EQ(bits(0x1p-25), 0);
  EXPECT_EQ(bits(0x1.00000001p-25), 1);
  EXPECT_EQ(bits(1 + 0x1p-11), 0x3c00);
  EXPECT_EQ(bits(1 + 3 * 0x1p-11), 0x3c02);
  EXPECT_EQ(bits(1 + 0x1p-11 + 0x1p-50), 0x3c01);  // two roundings would give 0x3c00
  EXPECT_EQ(Float16(0x1.ffep-15).bits, 0x0400);    // the largest subnormal rounds to normal
  EXPECT_EQ(BFloat16(1 + 0x1p-8 + 0x1p-40).bits, 0x3f81);
}

template <class H>
void every_number_reads_back() {
  for (int k = 0; k < 65536; ++k) {
    H h;
    h.bits = static_cast<std::uint16_t>(k);
    const float x = static_cast<float>(h);
    if (x != x) {
      EXPECT_EQ(H(x).bits, H::kNaN);
      continue;
    }
    EXPECT_EQ(H(x).bits, k);
    EXPECT_EQ(H(static_cast<double>(x)).bits, k);
    if (k % 0x8000 > 0 && k % 0x8000 <= H::kInfinity) {  // ascending, as the bits are
      H below = h;
      --below.bits;
      EXPECT_LT(std::fabs(static_cast<float>(below)), std::fabs(x));
    }
  }
}
TEST(Half, EveryNumberReadsBack) {
  every_number_reads_back<Float16>();
  every_number_reads_back<BFloat16>();
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
