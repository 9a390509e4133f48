// What is refused: the op at its place, the true cause, and what to do.
#include "cotangent/array/fourier.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/sorting.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Refusals, StorageTypesAreTheCause) {
  const Array bytes = Array::of({1, 2, 3}, DType::kU8);
  const Array half = Array::of({1.0, 2.0}, DType::kF16);
  expect_refused([&] { half + 1; }, "add", "f16 is a storage type");
  expect_refused([&] { bytes + bytes; }, "add", "u8 is a storage type");
  expect_refused([&] { bytes < 2; }, "lt", "u8 is a storage type");
  expect_refused([&] { power(bytes, 2); }, "power", "u8 is a storage type");
  expect_refused([&] { matmul(half, half); }, "matmul", "f16 is a storage type");
  expect_refused([&] { bytes.at(1).add(3); }, "at.add", "u8 is a storage type");
  expect_refused([&] { floor(half); }, "floor", "f16 is a storage type");
  expect_refused([&] { isnan(half); }, "isnan", "f16 is a storage type");
  expect_refused([&] { sum(half); }, "sum", "f16 is a storage type");
  expect_refused([&] { max(bytes); }, "max", "u8 is a storage type");
  expect_refused([&] { sort(half); }, "sort", "f16 is a storage type");
  expect_refused([&] { bytes(half); }, "index", "not an integer");
  // Nothing is converted behind one's back.
  expect_refused([&] { concatenate({arange(300), bytes}); }, "concatenate", "no common type");
  expect_refused([&] { where(true, arange(3) + 300, bytes); }, "where", "no common type");
  expect_refused([&] { bytes.at(0).set(arange(1)); }, "at.set", "no common type");
  expect_refused([&] { bytes.at(0).set(2.7); }, "at.set", "no common type");
  expect_refused([&] { bytes.at(1).set(300); }, "at.set", "300 is no u8");
  expect_refused([&] { pad(bytes, {1}, {1}, -1); }, "pad", "-1 is no u8");
}

TEST(Refusals, StorageTypesAreMoved) {
  const Array bytes = Array::of({1, 2, 3}, DType::kU8);
  const Array half = Array::of({1.0, 2.0}, DType::kF16);
  EXPECT_EQ(show(bytes.at(1).set(9)), "u8[3] 1 9 3");
  EXPECT_EQ(show(bytes.at(Array::of({0, -1})).set(Array::of({7, 8}, DType::kU8))), "u8[3] 7 2 8");
  EXPECT_EQ(show(half.at(slice(1, _)).set(0.5)), "f16[2] 1.0 0.5");
  EXPECT_EQ(show(half.at(0).set(3)), "f16[2] 3.0 2.0");
  EXPECT_EQ(show(pad(bytes, {1}, {2})), "u8[6] 0 1 2 3 0 0");
  EXPECT_EQ(show(pad(half, {1}, {0}, 0.25)), "f16[3] 0.25 1.0 2.0");
  EXPECT_EQ(show(where(Array::of({true, false, true}), bytes, 0)), "u8[3] 1 0 3");
  EXPECT_EQ(show(concatenate({bytes, Array::of({-300}, DType::kI16)})), "i16[4] 1 2 3 -300");
  EXPECT_EQ(show(tril(stack({bytes, bytes, bytes}))), "u8[3,3] 1 0 0 1 2 0 1 2 3");
}

TEST(Refusals, NameTheOpThatWasCalled) {
  const Array a = zeros({2, 3});
  expect_refused([] { take(zeros({0}), Array::of({1})); }, "take", "an axis that has none");
  expect_refused([] { zeros({0, 3})(Array::of({1})); }, "index", "an axis that has none");
  expect_refused([] { zeros({0}).at(Array::of({1})).set(2.0); }, "index", "an axis that has none");
  expect_refused([] { logsumexp(zeros({0})); }, "logsumexp", "no elements: f64[0]");
  expect_refused([] { irfft(Complex(ones({1}))); }, "irfft", "1 coefficient");
  expect_refused([&] { a.at(0).set(zeros({4})); }, "at.set",
                 "f64[4] values into a place of shape [3]");
  EXPECT_THAT(error_of([&] { a.at(0).set(zeros({4})); }), Not(HasSubstr("bool")));
  expect_refused([] { arange(3).at(0).set(Array::of({1})); }, "at.set",
                 "i64[1] values into a place for one number");
}

TEST(Refusals, SayWhatToDo) {
  const Array a = zeros({2, 3}), b = zeros({4});
  expect_refused([] { concatenate({}); }, "concatenate", "no arrays");
  expect_refused([&] { concatenate({a, b}); }, "concatenate", "f64[2,3] and f64[4]");
  expect_refused([] { stack({}); }, "stack", "no arrays");
  expect_refused([&] { stack({a, b}); }, "stack", "shapes differ");
  expect_refused([&] { reshape(a, {4, -1}); }, "reshape", "does not divide");
  expect_refused([&] { reshape(a, {-1, -1}); }, "reshape", "more than one");
  expect_refused([&] { reshape(a, {-2, 3}); }, "reshape", "negative length");
  expect_refused([&] { reshape(a, {7}); }, "reshape", "sizes differ");
  expect_refused([&] { transpose(a, {0, 0}); }, "transpose", "each named once");
  expect_refused([&] { squeeze(a, 0); }, "squeeze", "not of length 1");
  expect_refused([&] { pad(a, {-1}, {0}); }, "pad", "negative");
  expect_refused([&] { pad(a, {1, 1, 1}, {0}); }, "pad", "3 entries before and 1 behind");
  expect_refused([&] { a & 1; }, "and", "f64[2,3]");
  expect_refused([&] { left_shift(a, 1); }, "shl", "f64[2,3]");
  expect_refused([&] { tile(a, {-1}); }, "tile", "-1 times");
  expect_refused([&] { repeat(a, -1); }, "repeat", "-1 times");
  expect_refused([&] { cross(a, b); }, "cross", "length 3");
  expect_refused([&] { a(slice(0, 2, 0)); }, "index", "step 0");
  expect_refused([&] { a(ellipsis, ellipsis); }, "index", "more than one ellipsis");
  expect_refused([&] { sum(a, {0, -2}); }, "sum", "named twice");
  expect_refused([&] { fftn(a, {0, 0}); }, "fftn", "named twice");
  expect_refused([] { fft(zeros({0})); }, "fft", "no elements");
  expect_refused([&] { einsum("ij,jk->ik", {a}); }, "einsum", "names 2 operands");
  expect_refused([&] { einsum("ij,ij->ij", {a, a.T()}); }, "einsum", "the letter i");
  expect_refused([&] { einsum("ij->ik", {a}); }, "einsum", "'k', which no operand has");
  expect_refused([&] { einsum("ij->ii", {a}); }, "einsum", "'i' twice");
  expect_refused([&] { cholesky(a); }, "cholesky", "f64[2,3]");
  expect_refused([&] { eigh(b); }, "eigh", "f64[4]");
  expect_refused([&] { svd(b); }, "svd", "f64[4]");
  expect_refused([&] { qr(b); }, "qr", "f64[4]");
  expect_refused([&] { solve(eye(3), Array(1.0)); }, "solve", "scalar");
  expect_refused([] { Array::of({{1.0}, {1.0, 2.0}}); }, "Array::of", "rows differ in length");
  expect_refused([] { diag(zeros({2, 2, 2})); }, "diag", "f64[2,2,2]");
  expect_refused([] { argmax(zeros({0})); }, "argmax", "no elements");
}

TEST(Refusals, OnlyAllIsTheIndexOfAWholeAxis) {
  static_assert(std::is_constructible_v<Index, decltype(&all)>);
  static_assert(!std::is_constructible_v<Index, decltype(&any)>);
  static_assert(!std::is_constructible_v<Index, decltype(&prod)>);
  EXPECT_EQ(show(reshape(arange(4), {2, 2})(all, 1)), "i64[2] 1 3");
}

}  // namespace
}  // namespace cotangent::array
