// Indexing against numpy's answers.
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

const Array kTable = reshape(arange(12), {3, 4});
const Array kCube = reshape(arange(24), {2, 3, 4});

TEST(Indexing, IntegersAndSlices) {
  EXPECT_EQ(show(kTable(1)), "i64[4] 4 5 6 7");
  EXPECT_EQ(show(kTable[-1]), "i64[4] 8 9 10 11");
  EXPECT_EQ(show(kTable(1, -1)), "i64 7");
  EXPECT_EQ(show(kTable(slice(1, -1), 0)), "i64[1] 4");
  EXPECT_EQ(show(kTable(all, 1)), "i64[3] 1 5 9");
  EXPECT_EQ(show(kTable(_, slice(1, 3))), "i64[3,2] 1 2 5 6 9 10");
  EXPECT_EQ(show(kTable(slice(_, _, 2), slice(_, _, -1))), "i64[2,4] 3 2 1 0 11 10 9 8");
  EXPECT_EQ(show(kTable(0, slice(3, 0, -2))), "i64[2] 3 1");
  EXPECT_EQ(show(kTable(0, slice(-2, _, -1))), "i64[3] 2 1 0");
  EXPECT_EQ(show(kTable(0, slice(100))), "i64[4] 0 1 2 3");
  EXPECT_EQ(show(kTable(0, slice(2, 1))), "i64[0]");
  EXPECT_EQ(show(arange(10)(slice(1, _, 3))), "i64[3] 1 4 7");
}

TEST(Indexing, EllipsisAndNewAxis) {
  EXPECT_EQ(show(kCube(ellipsis, 0)), "i64[2,3] 0 4 8 12 16 20");
  EXPECT_EQ(show(kCube(1, ellipsis, slice(1))), "i64[3,1] 12 16 20");
  EXPECT_EQ(kCube(newaxis).shape(), (Shape{1, 2, 3, 4}));
  EXPECT_EQ(kCube(ellipsis, newaxis).shape(), (Shape{2, 3, 4, 1}));
  EXPECT_EQ(kCube(0, newaxis, all, newaxis, 1).shape(), (Shape{1, 3, 1}));
  EXPECT_EQ(show(arange(2)(all, newaxis) + arange(2)), "i64[2,2] 0 1 1 2");
}

TEST(Indexing, IntegerArrays) {
  EXPECT_EQ(show(kTable(Array::of({2, 0, -1}))), "i64[3,4] 8 9 10 11 0 1 2 3 8 9 10 11");
  EXPECT_EQ(show(kTable(Array::of({0, 1}), Array::of({1, 3}))), "i64[2] 1 7");
  EXPECT_EQ(show(kTable(Array::of({{0}, {2}}), Array::of({1, 3}))), "i64[2,2] 1 3 9 11");
  EXPECT_EQ(show(kTable(all, Array::of({3, 0}))), "i64[3,2] 3 0 7 4 11 8");
  EXPECT_EQ(show(kTable(slice(1, _), Array::of({3, 0}))), "i64[2,2] 7 4 11 8");
  EXPECT_EQ(show(kTable(Array(1))), "i64[4] 4 5 6 7");
  // Apart from one another: their axes go in front. An integer counts as an array.
  EXPECT_EQ(kCube(Array::of({0, 1, 1}), all, Array::of({0, 1, 2})).shape(), (Shape{3, 3}));
  EXPECT_EQ(show(kCube(0, all, Array::of({1, 2}))), "i64[2,3] 1 5 9 2 6 10");
  const Array four = reshape(arange(16), {2, 2, 2, 2}), i = Array::of({1, 0, 1});
  EXPECT_EQ(show(four(slice(1), i, all, i)), "i64[3,1,2] 5 7 0 2 5 7");
  EXPECT_EQ(show(four(slice(1), i, i)), "i64[1,3,2] 6 7 0 1 6 7");
  EXPECT_EQ(show(kCube(all, 0, Array::of({1, 2}))), "i64[2,2] 1 2 13 14");
  EXPECT_EQ(kCube(all, Array::of({{0, 1}, {2, 0}, {1, 1}}), newaxis).shape(),
            (Shape{2, 3, 2, 1, 4}));
}

TEST(Indexing, Setting) {
  const Array x = zeros({2, 3}, DType::kI64);
  EXPECT_EQ(show(x.at(0).set(5)), "i64[2,3] 5 5 5 0 0 0");
  EXPECT_EQ(show(x.at(all, 1).set(Array::of({7, 8}))), "i64[2,3] 0 7 0 0 8 0");
  EXPECT_EQ(show(x.at(1, slice(_, _, -1)).set(Array::of({1, 2, 3}))), "i64[2,3] 0 0 0 3 2 1");
  EXPECT_EQ(show(x.at(0, slice(_, _, 2)).set(9)), "i64[2,3] 9 0 9 0 0 0");
  EXPECT_EQ(show(x.at(ellipsis, newaxis, 0).set(Array::of({{1}, {2}}))), "i64[2,3] 1 0 0 2 0 0");
  EXPECT_EQ(show(x.at(slice(2, 2)).set(9)), "i64[2,3] 0 0 0 0 0 0");
  EXPECT_EQ(show(x.at(ellipsis).set(4)), "i64[2,3] 4 4 4 4 4 4");
  EXPECT_EQ(show(kTable.at(1, 1).get()), "i64 5");
  EXPECT_THAT(error_of([&] { x.at(0).set(1.5); }),
              testing::HasSubstr("[at.set] f64 values into i64[2,3]"));
  EXPECT_THAT(error_of([&] { x.at(0).set(arange(2)); }),
              testing::HasSubstr("values into a place of shape [3]"));
}

TEST(Indexing, Adding) {
  const Array x = ones({2, 3});
  EXPECT_EQ(show(x.at(0, slice(1, _)).add(2)), "f64[2,3] 1.0 3.0 3.0 1.0 1.0 1.0");
  EXPECT_EQ(show(zeros({3}).at(Array::of({0, 2, 0})).add(Array::of({1.0, 2.0, 4.0}))),
            "f64[3] 5.0 0.0 2.0");
  // What is not written to keeps its sign.
  EXPECT_EQ(show(Array::of({-0.0, 1.0}).at(1).add(1)), "f64[2] -0.0 2.0");
}

TEST(Indexing, SettingByArrays) {
  const Array x = zeros({3, 4}, DType::kI64);
  EXPECT_EQ(show(x.at(Array::of({0, 2}), Array::of({1, 3})).set(Array::of({5, 6}))),
            "i64[3,4] 0 5 0 0 0 0 0 0 0 0 0 6");
  EXPECT_EQ(show(x.at(slice(1, _), Array::of({3, 0})).set(Array::of({{1, 2}, {3, 4}}))),
            "i64[3,4] 0 0 0 0 2 0 0 1 4 0 0 3");
  EXPECT_EQ(show(x.at(Array::of({1, 1})).set(Array::of({{1}, {2}}))),
            "i64[3,4] 0 0 0 0 2 2 2 2 0 0 0 0");
  const Array y = zeros({2, 2, 3}, DType::kI64);
  EXPECT_EQ(show(y.at(0, all, Array::of({2, 0})).set(Array::of({{1, 2}, {3, 4}}))),
            "i64[2,2,3] 3 0 1 4 0 2 0 0 0 0 0 0");
}

TEST(Indexing, SettingWhatWasReadGivesBackTheArray) {
  // Read and write agree about where every element is, for all kinds of indices together.
  const Array i = Array::of({1, 0}), j = Array::of({{2}, {0}});
  const Array x = kCube.astype(DType::kF64);
  const auto check = [&](auto... index) {
    EXPECT_EQ(reals(x.at(index...).set(x(index...))), reals(x));
    const Array marked = zeros({2, 3, 4}).at(index...).set(1.0 + x(index...));
    EXPECT_EQ(reals(sum(marked)), reals(sum(where(marked > 0, 1.0 + x, 0.0))));
  };
  check(i, slice(1, _), slice(_, _, 2));
  check(slice(_, _, -1), j, i);
  check(slice(_, _, -1), j, slice(1, 3));
  check(i, slice(_, _, -2), i);
  check(1, slice(_, _, -2), i);
  check(all, 2, newaxis, slice(3, 0, -1));
  check(ellipsis, i);
}

TEST(Indexing, Refusals) {
  EXPECT_THAT(error_of([] { kTable(3); }),
              testing::HasSubstr("[index] index 3 on axis 0 of i64[3,4]"));
  EXPECT_THAT(error_of([] { kTable(0, -5); }), testing::HasSubstr("that axis takes -4 to 3"));
  EXPECT_THAT(error_of([] { kTable(0, 0, 0); }), testing::HasSubstr("3 indices for i64[3,4]"));
  EXPECT_THAT(error_of([] { kTable(ellipsis, ellipsis); }), testing::HasSubstr("one ellipsis"));
  EXPECT_THAT(error_of([] { kTable(kTable > 3); }),
              testing::AllOf(testing::HasSubstr("[index] a mask"), testing::HasSubstr("where(")));
  EXPECT_THAT(error_of([] { kTable(slice(_, _, 0)); }), testing::HasSubstr("step 0"));
}

}  // namespace
}  // namespace cotangent::array
