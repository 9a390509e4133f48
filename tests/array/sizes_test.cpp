// Sizes, counts and numbers at the ends of what 64 bits hold: refused by name, never wrapped.
#include <limits>

#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/random.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

constexpr std::int64_t kMin = INT64_MIN, kMax = INT64_MAX;

TEST(Sizes, AShapeWithTooManyElementsIsRefusedWhereItIsMade) {
  const std::string limit = "more than 2^60 - 1 elements";
  expect_refused([] { zeros({1LL << 32, 1LL << 32}); }, "shape", "[4294967296,4294967296]");
  expect_refused([] { zeros({1LL << 32, 1LL << 32}); }, "shape", limit);
  expect_refused([] { zeros({(1LL << 62) + 1, 4}); }, "shape", limit);
  expect_refused([] { zeros({1LL << 60}, DType::kU8); }, "shape", limit);
  expect_refused([] { full({1LL << 33, 1LL << 31}, 1.0); }, "shape", limit);
  expect_refused([] { eye(1LL << 32); }, "shape", limit);
  expect_refused([] { reshape(arange(0), {1LL << 32, 1LL << 32}); }, "reshape", "elements");
  expect_refused([] { reshape(arange(0), {1LL << 32, 1LL << 32, 0, -1}); }, "reshape", "elements");
  // As numpy, an axis of length 0 does not excuse the others: a row of it is an array too.
  expect_refused([] { zeros({0, 1LL << 32, 1LL << 32}); }, "shape", limit);
  // The largest that there is, and the numbers of its axes.
  EXPECT_EQ(zeros({(1LL << 60) - 1}).size(), (1LL << 60) - 1);
  EXPECT_EQ(broadcast_to(1.0, {1LL << 30, 1LL << 29}).size(), 1LL << 59);
}

TEST(Sizes, OperationsThatGrowAnArray) {
  expect_refused([] { tile(arange(16), {1LL << 60}); }, "tile", "elements");
  expect_refused([] { repeat(arange(16), 1LL << 60); }, "repeat", "elements");
  expect_refused([] { pad(arange(16), {1LL << 62}, {1LL << 62}); }, "pad", "elements");
  const Array long_one = broadcast_to(1.0, {1LL << 59});
  expect_refused([&] { concatenate(std::vector<Array>(64, long_one)); }, "concatenate", "elements");
  expect_refused([&] { outer(long_one, long_one); }, "mul", "elements");
  expect_refused([&] { long_one(newaxis, all) + broadcast_to(1.0, {1LL << 59, 1}); }, "add",
                 "elements");
  expect_refused([&] { tensordot(long_one, long_one, 0); }, "dot_general", "elements");
  expect_refused([&] { diag(arange(3), kMax); }, "diag", "elements");
  expect_refused([&] { diag(arange(3), kMin); }, "diag", "elements");
}

TEST(Sizes, ShapesThatAreNone) {
  expect_refused([] { zeros({2, -1}); }, "shape", "[2,-1] has an axis of negative length");
  expect_refused([] { zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}); }, "shape",
                 "9 axes; there are at most 8");
  expect_refused([] { expand_dims(zeros({1, 1, 1, 1, 1, 1, 1, 1}), 0); }, "expand_dims", "9 axes");
}

TEST(Sizes, Ranges) {
  expect_refused([] { whole_range(kMin, kMax); }, "arange", "elements");
  EXPECT_EQ(show(whole_range(kMin, kMax, kMax)),
            "i64[3] -9223372036854775808 -1 9223372036854775806");
  EXPECT_EQ(show(whole_range(kMax, kMin, kMin)), "i64[2] 9223372036854775807 -1");
  expect_refused([] { whole_range(0, 300, 100, DType::kU8); }, "arange", "u8 is a storage type");
  expect_refused([] { whole_range(0, 3, 1, DType::kBool); }, "arange", "bool");
  const Array x = arange(10);
  EXPECT_EQ(show(x(slice(kMin, kMax, kMax))), "i64[1] 0");
  EXPECT_EQ(show(x(slice(_, _, kMin))), "i64[1] 9");
  EXPECT_EQ(show(x(slice(kMax, kMin, -1))), "i64[10] 9 8 7 6 5 4 3 2 1 0");
  EXPECT_EQ(show(x(slice(2, _, kMax))), "i64[1] 2");
  EXPECT_EQ(show(roll(arange(3), kMin)), "i64[3] 2 0 1");
}

TEST(Sizes, Diagonals) {
  const Array x = ones({2, 2});
  EXPECT_EQ(show(tril(x, kMax)), "f64[2,2] 1.0 1.0 1.0 1.0");
  EXPECT_EQ(show(tril(x, kMin)), "f64[2,2] 0.0 0.0 0.0 0.0");
  EXPECT_EQ(show(triu(x, kMin)), "f64[2,2] 1.0 1.0 1.0 1.0");
  EXPECT_EQ(show(triu(x, kMax)), "f64[2,2] 0.0 0.0 0.0 0.0");
  EXPECT_EQ(show(eye(2, 2, kMax)), "f64[2,2] 0.0 0.0 0.0 0.0");
  EXPECT_EQ(show(diagonal(x, kMin)), "f64[0]");
  EXPECT_EQ(show(diagonal(x, kMax)), "f64[0]");
}

TEST(Sizes, UnsignedIndicesAreClampedToTheEnd) {
  const Array far = Array::of({18446744073709551615ull, 2ull}, DType::kU64);
  EXPECT_EQ(show(arange(5)(far)), "i64[2] 4 2");
  EXPECT_EQ(show(take(arange(5), far)), "i64[2] 4 2");
  EXPECT_EQ(show(arange(5)(Array::of({-1, -9, 9}))), "i64[3] 4 0 4");
}

TEST(Sizes, ConversionsToNumbersSaturateAsAstypeDoes) {
  EXPECT_EQ(Array(1e20).item<int>(), INT32_MAX);
  EXPECT_EQ(Array(-1e20).item<int>(), INT32_MIN);
  EXPECT_EQ(Array(std::nan("")).item<int>(), 0);
  EXPECT_EQ(Array(-1.5).item<unsigned>(), 0u);
  EXPECT_EQ(Array(1e300).item<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(Array(-2.75).item<std::int8_t>(), -2);
  EXPECT_EQ(Array::of({1e20, -1e20}).values<std::int64_t>(),
            (std::vector<std::int64_t>{kMax, kMin}));
  // ... for which this is what astype gives.
  for (const double x : {1e20, -1e20, std::nan(""), 2147483647.5, -2147483649.0, 0.9}) {
    EXPECT_EQ(Array(x).item<std::int32_t>(), Array(x).astype(DType::kI32).item<std::int32_t>())
        << x;
    EXPECT_EQ(Array(x).item<std::uint32_t>(), Array(x).astype(DType::kU32).item<std::uint32_t>())
        << x;
  }
}

TEST(Sizes, NumbersThatATypeDoesNotHold) {
  expect_refused([] { Array::of({-1}, DType::kU64); }, "Array::of", "-1 is no u64");
  expect_refused([] { Array::of({1LL, 1LL << 30, 5000000000LL}, DType::kI32); }, "Array::of",
                 "5000000000 is no i32");
  expect_refused([] { Array::of({{1}, {-7}}, DType::kU32); }, "Array::of", "-7 is no u32");
  expect_refused([] { Array::of({256}, DType::kU8); }, "Array::of", "256 is no u8");
  EXPECT_EQ(show(Array::of({18446744073709551615ull})), "u64[1] 18446744073709551615");
  EXPECT_EQ(show(Array::of({255, 0}, DType::kU8)), "u8[2] 255 0");
}

}  // namespace
}  // namespace cotangent::array
