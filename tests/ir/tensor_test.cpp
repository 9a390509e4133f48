#include "cotangent/ir/tensor.h"

#include <gtest/gtest.h>

#include <cmath>

namespace cotangent::ir {
namespace {

TEST(Tensor, ElementsOfEveryTypeAreExact) {
  EXPECT_EQ(Tensor::scalar_of<std::int64_t>(INT64_MIN).real(0), -0x1p63L);
  EXPECT_EQ(Tensor::scalar_of<std::uint64_t>(UINT64_MAX).real(0), 0x1p64L - 1);
  EXPECT_EQ(Tensor::scalar_of<std::uint32_t>(UINT32_MAX).integer(0), 4294967295);
  EXPECT_EQ(Tensor::scalar_of<bool>(true).integer(0), 1);
  EXPECT_EQ(Tensor::scalar_of<float>(0.1f).real(0), static_cast<long double>(0.1f));
  EXPECT_THROW(Tensor::scalar_of<float>(0.1f).integer(0), InternalError);
  EXPECT_THROW(Tensor::scalar_of<float>(0.1f).as<double>(), InternalError);
  EXPECT_THROW(Tensor::of<double>(Shape{3}, {1, 2}), InternalError);
}

TEST(Tensor, SameBits) {
  const auto t = [](std::initializer_list<double> x) {
    return Tensor::of<double>(Shape{static_cast<std::int64_t>(x.size())}, x);
  };
  EXPECT_TRUE(t({1, NAN}).same_bits(t({1, -NAN})));  // all NaNs are one
  EXPECT_FALSE(t({0.0}).same_bits(t({-0.0})));
  EXPECT_FALSE(t({1, 2}).same_bits(t({1, 3})));
  EXPECT_FALSE(t({1, 2}).same_bits(t({1, 2}).reshaped({2, 1})));
  EXPECT_FALSE(t({1}).same_bits(Tensor::of<float>(Shape{1}, {1.0f})));
  EXPECT_FALSE(t({1}).same_bits(t({1}).to_extended()));
  EXPECT_TRUE(t({}).same_bits(t({})));
}

TEST(Tensor, ExtendedStorage) {
  Tensor x = Tensor::of<double>(Shape{2}, {0.1, NAN}).to_extended();
  EXPECT_TRUE(x.extended());
  EXPECT_EQ(x.element_bytes(), sizeof(long double));
  x.set_real(0, 0.1L);
  EXPECT_EQ(x.real(0), 0.1L);
  EXPECT_EQ(x.to_double().real(0), static_cast<long double>(0.1));
  EXPECT_TRUE(std::isnan(x.to_double().real(1)));
  const Tensor f = Tensor::scalar_of<float>(1);
  EXPECT_FALSE(f.to_extended().extended());
  EXPECT_TRUE(f.to_extended().same_bits(f));
}

TEST(Tensor, Filled) {
  EXPECT_EQ(filled({DType::kI32, {3}}, -7).integer(2), -7);
  EXPECT_EQ(filled({DType::kF32, {3}}, 0.5L).real(2), 0.5L);
  EXPECT_EQ(filled({DType::kBool, {}}, 1).integer(0), 1);
  EXPECT_EQ(filled({DType::kF64, {0, 4}}, 1).size(), 0);
  EXPECT_EQ(filled({DType::kU64, {}}, 0x1p63L).real(0), 0x1p63L);
}

TEST(Type, Text) {
  EXPECT_EQ((Type{DType::kF64, {6, 3}}).text(), "f64[6,3]");
  EXPECT_EQ(scalar(DType::kBool).text(), "bool");
  EXPECT_EQ((Type{DType::kU32, {0}}).text(), "u32[0]");
  EXPECT_EQ((Type{DType::kF32, {2, 5}}).bytes(), 40);
}

}  // namespace
}  // namespace cotangent::ir
