// The promotion table of promote.h, entry by entry, and how literals follow it.
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

std::string text(ElementType t) {
  return std::string(name_of(t.dtype)) + (t.weak ? "*" : "");
}

TEST(Promote, TheTable) {
  const std::vector<ElementType> types{{DType::kBool}, {DType::kI32},       {DType::kU32},
                                       {DType::kI64},  {DType::kU64},       {DType::kF32},
                                       {DType::kF64},  {DType::kI64, true}, {DType::kF64, true}};
  const std::vector<std::vector<std::string>> table{
      {"bool", "i32", "u32", "i64", "u64", "f32", "f64", "i64*", "f64*"},
      {"i32", "i32", "i64", "i64", "f64*", "f32", "f64", "i32", "f64*"},
      {"u32", "i64", "u32", "i64", "u64", "f32", "f64", "u32", "f64*"},
      {"i64", "i64", "i64", "i64", "f64*", "f32", "f64", "i64", "f64*"},
      {"u64", "f64*", "u64", "f64*", "u64", "f32", "f64", "u64", "f64*"},
      {"f32", "f32", "f32", "f32", "f32", "f32", "f64", "f32", "f32"},
      {"f64", "f64", "f64", "f64", "f64", "f64", "f64", "f64", "f64"},
      {"i64*", "i32", "u32", "i64", "u64", "f32", "f64", "i64*", "f64*"},
      {"f64*", "f64*", "f64*", "f64*", "f64*", "f32", "f64", "f64*", "f64*"}};
  for (std::size_t a = 0; a < types.size(); ++a) {
    for (std::size_t b = 0; b < types.size(); ++b) {
      EXPECT_EQ(text(promote(types[a], types[b])), table[a][b])
          << text(types[a]) << " with " << text(types[b]);
    }
  }
}

TEST(Promote, LiteralsTakeTheTypeOfTheirPartner) {
  const Array single = Array::of({1.0, 2.0}, DType::kF32);
  EXPECT_EQ((single * 2.5).type_text(), "f32[2]");
  EXPECT_EQ((single + 1).type_text(), "f32[2]");
  EXPECT_EQ((Array::of({1, 2}, DType::kU32) + 1).type_text(), "u32[2]");
  EXPECT_EQ((Array::of({1, 2}, DType::kI32) * 0.5).type_text(), "f64[2]");
  EXPECT_EQ((Array::of({true, false}) * 3).type_text(), "i64[2]");
  EXPECT_TRUE((Array(2) * 3.0).is_weak());
  EXPECT_FALSE(single.is_weak());
  EXPECT_EQ(where(single > 1, single, 0.0).type_text(), "f32[2]");
}

TEST(Promote, DivisionAndFunctionsOfRealsGiveReals) {
  const Array whole = Array::of({1, 2});
  EXPECT_EQ(show(whole / 4), "f64[2] 0.25 0.5");
  EXPECT_EQ(sqrt(whole).dtype(), DType::kF64);
  EXPECT_EQ(mean(whole).dtype(), DType::kF64);
  EXPECT_EQ(sqrt(Array::of({1.0}, DType::kF32)).dtype(), DType::kF32);
}

TEST(Promote, LiteralsThatDoNotFitAreRefused) {
  const Array small = Array::of({1, 2}, DType::kU32);
  EXPECT_THAT(error_of([&] { small + (-1); }), testing::HasSubstr("[add] -1 is no u32"));
  EXPECT_THAT(error_of([&] { Array::of({1}, DType::kI32) + (std::int64_t{1} << 40); }),
              testing::HasSubstr("is no i32"));
  EXPECT_EQ(show(Array::of({1}, DType::kI32) + Array::of({std::int64_t{1} << 40})),
            "i64[1] 1099511627777");
}

}  // namespace
}  // namespace cotangent::array
