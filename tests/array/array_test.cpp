// Making arrays, reading them, printing them, and what is refused. Printed texts are numpy's
// (1.24).
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

TEST(Array, FromLists) {
  EXPECT_EQ(show(Array::of({1.0, 2.5})), "f64[2] 1.0 2.5");
  EXPECT_EQ(show(Array::of({{1, 2, 3}, {4, 5, 6}})), "i64[2,3] 1 2 3 4 5 6");
  EXPECT_EQ(show(Array::of({{{1, 2}}, {{3, 4}}})), "i64[2,1,2] 1 2 3 4");
  EXPECT_EQ(show(Array::of({true, false})), "bool[2] 1 0");
  EXPECT_EQ(show(Array::of({1, 2}, DType::kF32)), "f32[2] 1.0 2.0");
  EXPECT_EQ(show(Array(3)), "i64 3");
  EXPECT_EQ(show(Array(true)), "bool 1");
  EXPECT_EQ(show(Array()), "f64 0.0");
  EXPECT_THAT(error_of([] { Array::of({{1, 2}, {3}}); }), testing::HasSubstr("differ in length"));
}

TEST(Array, FromListsOfSeveralKinds) {
  EXPECT_EQ(show(Array::of({1, 2.5})), "f64[2] 1.0 2.5");
  EXPECT_EQ(show(Array::of({1.0, NAN, 2.0f})), "f64[3] 1.0 nan 2.0");
  EXPECT_EQ(show(Array::of({true, 2})), "i64[2] 1 2");
  EXPECT_EQ(show(Array::of({1, -3LL})), "i64[2] 1 -3");
  EXPECT_EQ(show(Array::of({{1, 2.5}, {3, 4}})), "f64[2,2] 1.0 2.5 3.0 4.0");
  EXPECT_EQ(show(Array::of({1, 2.5}, DType::kF32)), "f32[2] 1.0 2.5");
  const int n = 7;
  EXPECT_EQ(show(Array::of({n, 0.5})), "f64[2] 7.0 0.5");
  EXPECT_EQ(show(Array::of({(1LL << 53) + 1, 0LL})), "i64[2] 9007199254740993 0");
  expect_refused([] { Array::of({1LL << 40, 1}, DType::kI32); }, "Array::of", "is no i32");
}

TEST(Array, FromEmptyLists) {
  EXPECT_EQ(show(Array::of<double>({})), "f64[0]");
  EXPECT_EQ(show(Array::of<int>({})), "i64[0]");
  EXPECT_EQ(Array::of<double>({{}, {}}).shape(), (Shape{2, 0}));
}

TEST(Array, FromMemory) {
  const std::vector<float> values{1, 2, 3, 4};
  EXPECT_EQ(show(Array::from(values)), "f32[4] 1.0 2.0 3.0 4.0");
  EXPECT_EQ(show(Array::from(values, Shape{2, 2})), "f32[2,2] 1.0 2.0 3.0 4.0");
  EXPECT_EQ(show(Array::from(std::vector<std::int16_t>{-1, 2})), "i64[2] -1 2");
  const std::int32_t raw[] = {7, 8};
  EXPECT_EQ(show(Array::from(raw, Shape{2, 1}, DType::kI32)), "i32[2,1] 7 8");
  EXPECT_THAT(error_of([&] { Array::from(values, Shape{3}); }),
              testing::HasSubstr("4 values for the shape [3]"));
  auto buffer = std::make_shared<runtime::Buffer>(8);
  EXPECT_THAT(error_of([&] { Array::from(buffer, Shape{2}, DType::kF64); }),
              testing::HasSubstr("8 bytes for f64[2], which has 16"));
}

TEST(Array, BuffersAreAlignedAndShared) {
  const Array x = Array::of({1.0, 2.0, 3.0});
  const Array copy = x;
  EXPECT_EQ(x.data<double>().data(), copy.data<double>().data());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(x.data<double>().data()) % 64, 0u);
  const Array y = x + 1;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(y.data<double>().data()) % 64, 0u);
}

TEST(Array, Reading) {
  EXPECT_EQ(Array::of({2.5}).item(), 2.5);
  EXPECT_EQ(Array::of({{7}}).item<int>(), 7);
  EXPECT_EQ(static_cast<double>(Array(3)), 3.0);
  EXPECT_TRUE(static_cast<bool>(Array(2) > 1));
  EXPECT_EQ(Array::of({1, 2}).values<float>(), (std::vector<float>{1, 2}));
  const std::uint64_t big = UINT64_MAX;
  EXPECT_EQ(Array::from(std::vector<std::uint64_t>{big}).item<std::uint64_t>(), big);
  EXPECT_EQ(Array::of({{1.0, 2.0}}).shape(-1), 2);
  EXPECT_THAT(error_of([] { Array::of({1, 2}).item(); }),
              testing::HasSubstr("i64[2] has 2 elements, not one"));
  EXPECT_THAT(error_of([] { static_cast<void>(Array::of({1, 2}).data<double>()); }),
              testing::HasSubstr("i64[2] is read as f64"));
  EXPECT_THAT(error_of([] {
                if (Array::of({1, 2}) == Array::of({1, 2})) throw InternalError("reached");
              }),
              testing::AllOf(testing::HasSubstr("[if] bool[2] has 2 elements"),
                             testing::HasSubstr("any or all")));
}

TEST(Array, Conversions) {
  EXPECT_EQ(show(Array::of({1.9, -1.9}).astype(DType::kI64)), "i64[2] 1 -1");
  EXPECT_EQ(show(Array::of({0.0, -2.0}).astype(DType::kBool)), "bool[2] 0 1");
  EXPECT_EQ(show(Array::of({3, 0}).astype(DType::kBool)), "bool[2] 1 0");
  EXPECT_EQ(show(Array::of({0.1}).astype(DType::kF32)), "f32[1] 0.10000000149011612");
  EXPECT_FALSE(Array(2.0).astype(DType::kF64).is_weak());
}

TEST(Array, CompoundAssignmentMakesANewValue) {
  Array x = Array::of({1.0, 2.0});
  const Array before = x;
  x += 1;
  x *= x;
  x -= 0.5;
  x /= 2;
  EXPECT_EQ(reals(x), (std::vector<double>{1.75, 4.25}));
  EXPECT_EQ(reals(before), (std::vector<double>{1, 2}));
}

TEST(ArrayText, Reals) {
  EXPECT_EQ(Array::of({1.0, 2.5, -3.125}).text(), "[ 1.     2.5   -3.125]");
  EXPECT_EQ(Array::of({1e10, 1.0}).text(), "[1.e+10 1.e+00]");
  EXPECT_EQ(Array::of({1e-5, 0.1}).text(), "[1.e-05 1.e-01]");
  EXPECT_EQ(Array::of({1.0 / 3, 2.0 / 3, 100.0}).text(),
            "[  0.33333333   0.66666667 100.        ]");
  EXPECT_EQ(Array::of({std::nan(""), 1.0, -HUGE_VAL}).text(), "[ nan   1. -inf]");
  EXPECT_EQ(Array::of({{1.5, -2.0}, {100.0, 3.0}}).text(), "[[  1.5  -2. ]\n [100.    3. ]]");
  EXPECT_EQ(Array::of({0.0, -0.0}).text(), "[ 0. -0.]");
  EXPECT_EQ(Array::of({123456789.123, 1.0}).text(), "[1.23456789e+08 1.00000000e+00]");
  EXPECT_EQ(Array::of({1e100, -1e-100}).text(), "[ 1.e+100 -1.e-100]");
  EXPECT_EQ(Array::of({0.1, 0.25, 1e-3, 1234.5}).text(),
            "[1.0000e-01 2.5000e-01 1.0000e-03 1.2345e+03]");
  EXPECT_EQ(Array::of({1.0 / 3}, DType::kF32).text(), "[0.33333334]");
  EXPECT_EQ(linspace(0, 1, 9).text(), "[0.    0.125 0.25  0.375 0.5   0.625 0.75  0.875 1.   ]");
}

TEST(ArrayText, OneNumber) {
  EXPECT_EQ(Array(0.1 + 0.2).text(), "0.30000000000000004");
  EXPECT_EQ(Array(1e20).text(), "1e+20");
  EXPECT_EQ(Array(5).text(), "5");
  EXPECT_EQ(Array(false).text(), "False");
}

TEST(ArrayText, StorageTypes) {
  EXPECT_EQ(Array::of({0.1, 0.25, -3.0}).astype(DType::kF16).text(), "[ 0.1   0.25 -3.  ]");
  EXPECT_EQ(Array::of({0.1, -3.0}).astype(DType::kBF16).text(), "[ 0.1 -3. ]");
  EXPECT_EQ(Array(0.1).astype(DType::kF16).text(), "0.1");
  EXPECT_EQ(Array::of({1, 255}).astype(DType::kU8).text(), "[  1 255]");
}

TEST(ArrayText, IntegersAndBool) {
  EXPECT_EQ(Array::of({1, -20, 300}).text(), "[  1 -20 300]");
  EXPECT_EQ(Array::of({true, false}).text(), "[ True False]");
  EXPECT_EQ((Array::from(std::vector<std::uint64_t>{0, 1, 2, 3}) * (std::int64_t{1} << 62)).text(),
            "[                   0  4611686018427387904  9223372036854775808\n"
            " 13835058055282163712]");
}

TEST(ArrayText, ManyAxesAndLongLines) {
  EXPECT_EQ(reshape(arange(12), {2, 3, 2}).text(),
            "[[[ 0  1]\n  [ 2  3]\n  [ 4  5]]\n\n [[ 6  7]\n  [ 8  9]\n  [10 11]]]");
  EXPECT_EQ(zeros({2, 0}).text(), "[]");
  EXPECT_EQ(arange(2000).text(), "[   0    1    2 ... 1997 1998 1999]");
  EXPECT_EQ(linspace(0, 1, 12).text(),
            "[0.         0.09090909 0.18181818 0.27272727 0.36363636 0.45454545\n"
            " 0.54545455 0.63636364 0.72727273 0.81818182 0.90909091 1.        ]");
  const Array table = reshape(arange(3000).astype(DType::kF64), {30, 100}) / 7;
  EXPECT_EQ(table.text().substr(0, 98),
            "[[0.00000000e+00 1.42857143e-01 2.85714286e-01 ... 1.38571429e+01\n"
            "  1.40000000e+01 1.41428571e+01]");
  EXPECT_THAT(table.text(), testing::HasSubstr("4.27142857e+01]\n ...\n [3.85714286e+02"));
}

}  // namespace
}  // namespace cotangent::array
