// Reductions, shapes, joining, index arrays, products: literal cases with numpy's answers.
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

const Array kSix = reshape(arange(6), {2, 3});  // 0 1 2 / 3 4 5

TEST(Reduce, AxesAndKeepdims) {
  EXPECT_EQ(show(sum(kSix)), "i64 15");
  EXPECT_EQ(show(sum(kSix, 0)), "i64[3] 3 5 7");
  EXPECT_EQ(show(sum(kSix, -1)), "i64[2] 3 12");
  EXPECT_EQ(show(sum(kSix, -1, true)), "i64[2,1] 3 12");
  EXPECT_EQ(show(sum(kSix, {0, 1}, true)), "i64[1,1] 15");
  EXPECT_EQ(show(prod(kSix + 1, 1)), "i64[2] 6 120");
  EXPECT_EQ(show(min(kSix, 0)), "i64[3] 0 1 2");
  EXPECT_EQ(show(max(kSix)), "i64 5");
  EXPECT_EQ(show(sum(Array::of({true, true, false}))), "i64 2");
  EXPECT_EQ(show(max(Array::of({true, false}))), "bool 1");
  EXPECT_EQ(show(max(Array::of({1.0, std::nan("")}))), "f64 nan");
  EXPECT_EQ(show(sum(zeros({0, 2}), 0)), "f64[2] 0.0 0.0");
  EXPECT_THAT(error_of([] { sum(kSix, 2); }),
              testing::HasSubstr("[sum] axis 2 of an array with 2"));
  EXPECT_THAT(error_of([] { sum(kSix, {0, -2}); }), testing::HasSubstr("named twice"));
  EXPECT_THAT(error_of([] { max(zeros({0})); }), testing::HasSubstr("[max] of no elements"));
}

TEST(Reduce, MeansAndSpread) {
  EXPECT_EQ(show(mean(kSix)), "f64 2.5");
  EXPECT_EQ(show(mean(kSix, 1)), "f64[2] 1.0 4.0");
  EXPECT_EQ(show(var(Array::of({1.0, 2.0, 3.0, 4.0}))), "f64 1.25");
  EXPECT_EQ(show(var(Array::of({1.0, 2.0, 3.0, 5.0}), 0, true, 1)), "f64[1] 2.9166666666666665");
  EXPECT_EQ(show(stddev(Array::of({1.0, 3.0}))), "f64 1.0");
  EXPECT_EQ(show(norm(Array::of({{3.0, 4.0}, {6.0, 8.0}}), 1)), "f64[2] 5.0 10.0");
  EXPECT_EQ(show(logsumexp(Array::of({1000.0, 1000.0}))), "f64 1000.6931471805599");
}

TEST(Reduce, TruthAndPlaces) {
  EXPECT_EQ(show(any(Array::of({{0, 0}, {0, 2}}), 1)), "bool[2] 0 1");
  EXPECT_EQ(show(all(Array::of({{1, 0}, {3, 2}}), 1)), "bool[2] 0 1");
  EXPECT_EQ(show(any(zeros({0}))), "bool 0");
  EXPECT_EQ(show(all(zeros({0}))), "bool 1");
  const Array x = Array::of({{3, 1, 1}, {5, 9, 9}});
  EXPECT_EQ(show(argmin(x)), "i64 1");
  EXPECT_EQ(show(argmax(x)), "i64 4");
  EXPECT_EQ(show(argmax(x, 1)), "i64[2] 0 1");
  EXPECT_EQ(show(argmin(x, 0, true)), "i64[1,3] 0 0 0");
  EXPECT_EQ(show(argmax(Array::of({1.0, std::nan(""), 7.0}))), "i64 1");
}

TEST(Make, Arrays) {
  EXPECT_EQ(show(arange(4)), "i64[4] 0 1 2 3");
  EXPECT_EQ(show(arange(5, -2, -3)), "i64[3] 5 2 -1");
  EXPECT_EQ(show(arange(3, 3)), "i64[0]");
  EXPECT_EQ(show(arange(0.0, 1.0, 0.3)), "f64[4] 0.0 0.3 0.6 0.8999999999999999");
  EXPECT_EQ(show(linspace(0, 1, 5)), "f64[5] 0.0 0.25 0.5 0.75 1.0");
  EXPECT_EQ(show(linspace(0, 1, 4, false)), "f64[4] 0.0 0.25 0.5 0.75");
  EXPECT_EQ(show(linspace(2, 5, 1)), "f64[1] 2.0");
  EXPECT_EQ(show(eye(2)), "f64[2,2] 1.0 0.0 0.0 1.0");
  EXPECT_EQ(show(eye(2, 3, 1)), "f64[2,3] 0.0 1.0 0.0 0.0 0.0 1.0");
  EXPECT_EQ(show(full({2}, 7)), "i64[2] 7 7");
  EXPECT_EQ(show(full_like(kSix, 1.5)), "i64[2,3] 1 1 1 1 1 1");
  EXPECT_EQ(show(ones_like(Array::of({2.5}))), "f64[1] 1.0");
  EXPECT_EQ(show(zeros({2}, DType::kBool)), "bool[2] 0 0");
  EXPECT_EQ(show(diag(Array::of({1, 2}))), "i64[2,2] 1 0 0 2");
  EXPECT_EQ(show(diag(Array::of({1, 2}), 1)), "i64[3,3] 0 1 0 0 0 2 0 0 0");
  EXPECT_EQ(show(diag(Array::of({1, 2}), -1)), "i64[3,3] 0 0 0 1 0 0 0 2 0");
  EXPECT_EQ(show(diag(kSix)), "i64[2] 0 4");
  EXPECT_EQ(show(diag(kSix, 1)), "i64[2] 1 5");
  EXPECT_EQ(show(diag(kSix, -1)), "i64[1] 3");
  EXPECT_EQ(show(trace(kSix)), "i64 4");
  EXPECT_EQ(show(diagonal(reshape(arange(8), {2, 2, 2}), 0, 0, 2)), "i64[2,2] 0 5 2 7");
  EXPECT_EQ(show(tril(kSix)), "i64[2,3] 0 0 0 3 4 0");
  EXPECT_EQ(show(tril(arange(1, 4))), "i64[3,3] 1 0 0 1 2 0 1 2 3");
  EXPECT_EQ(show(triu(arange(1, 4), 1)), "i64[3,3] 0 2 3 0 0 3 0 0 0");
  EXPECT_EQ(show(arange(3.0)), "f64[3] 0.0 1.0 2.0");
  EXPECT_EQ(show(arange(2.5)), "f64[3] 0.0 1.0 2.0");
  EXPECT_EQ(show(triu(kSix, 1)), "i64[2,3] 0 1 2 0 0 5");
  const auto grids = meshgrid({Array::of({1, 2}), Array::of({3, 4, 5})});
  EXPECT_EQ(show(grids[0]), "i64[2,3] 1 1 1 2 2 2");
  EXPECT_EQ(show(grids[1]), "i64[2,3] 3 4 5 3 4 5");
}

TEST(Shapes, Reshaping) {
  EXPECT_EQ(show(reshape(kSix, {3, -1})), "i64[3,2] 0 1 2 3 4 5");
  EXPECT_EQ(show(reshape(kSix, {-1})), "i64[6] 0 1 2 3 4 5");
  EXPECT_EQ(show(kSix.T()), "i64[3,2] 0 3 1 4 2 5");
  EXPECT_EQ(show(ravel(kSix.T())), "i64[6] 0 3 1 4 2 5");
  const Array x = zeros({2, 3, 4});
  EXPECT_EQ(transpose(x).shape(), (Shape{4, 3, 2}));
  EXPECT_EQ(transpose(x, {1, 2, 0}).shape(), (Shape{3, 4, 2}));
  EXPECT_EQ(swapaxes(x, 0, -1).shape(), (Shape{4, 3, 2}));
  EXPECT_EQ(moveaxis(x, 0, -1).shape(), (Shape{3, 4, 2}));
  EXPECT_EQ(moveaxis(x, -1, 0).shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(squeeze(zeros({1, 3, 1})).shape(), (Shape{3}));
  EXPECT_EQ(squeeze(zeros({1, 3, 1}), -1).shape(), (Shape{1, 3}));
  EXPECT_EQ(expand_dims(zeros({3}), {0, 2}).shape(), (Shape{1, 3, 1}));
  EXPECT_EQ(show(broadcast_to(Array::of({{1}, {2}}), {2, 2})), "i64[2,2] 1 1 2 2");
  EXPECT_THAT(error_of([] { reshape(kSix, {4, 2}); }),
              testing::HasSubstr("[reshape] sizes differ: i64[2,3] has 6 elements, [4,2] has 8"));
  EXPECT_THAT(error_of([] { reshape(kSix, {4, -1}); }), testing::HasSubstr("does not divide"));
  EXPECT_THAT(error_of([] { squeeze(kSix, 0); }), testing::HasSubstr("not of length 1"));
  EXPECT_THAT(error_of([] { broadcast_to(kSix, {3, 3}); }),
              testing::HasSubstr("does not fit [3,3]"));
}

TEST(Shapes, OrderAndJoining) {
  EXPECT_EQ(show(flip(kSix)), "i64[2,3] 5 4 3 2 1 0");
  EXPECT_EQ(show(flip(kSix, 1)), "i64[2,3] 2 1 0 5 4 3");
  EXPECT_EQ(show(roll(arange(5), 2)), "i64[5] 3 4 0 1 2");
  EXPECT_EQ(show(roll(kSix, 1)), "i64[2,3] 5 0 1 2 3 4");
  EXPECT_EQ(show(roll(kSix, -1, 1)), "i64[2,3] 1 2 0 4 5 3");
  EXPECT_EQ(show(pad(arange(3), {1}, {2}, 9)), "i64[6] 9 0 1 2 9 9");
  EXPECT_EQ(show(pad(Array::of({{1}}), {1, 0}, {0, 1})), "i64[2,2] 0 0 1 0");
  EXPECT_EQ(show(tile(Array::of({1, 2}), {2, 2})), "i64[2,4] 1 2 1 2 1 2 1 2");
  EXPECT_EQ(show(tile(kSix, {2})), "i64[2,6] 0 1 2 0 1 2 3 4 5 3 4 5");
  EXPECT_EQ(show(repeat(Array::of({1, 2}), 2)), "i64[4] 1 1 2 2");
  EXPECT_EQ(show(repeat(kSix, 2, 0)), "i64[4,3] 0 1 2 0 1 2 3 4 5 3 4 5");
  EXPECT_EQ(show(concatenate({kSix, Array::of({{1.5, 2.5, 3.5}})})),
            "f64[3,3] 0.0 1.0 2.0 3.0 4.0 5.0 1.5 2.5 3.5");
  EXPECT_EQ(show(stack({arange(2), arange(2) + 5})), "i64[2,2] 0 1 5 6");
  EXPECT_EQ(show(stack({arange(2), arange(2) + 5}, -1)), "i64[2,2] 0 5 1 6");
  EXPECT_EQ(show(split(arange(6), 3)[1]), "i64[2] 2 3");
  const auto parts = split(arange(6), std::vector<std::int64_t>{1, 4});
  EXPECT_EQ(show(parts[1]), "i64[3] 1 2 3");
  EXPECT_EQ(show(parts[2]), "i64[2] 4 5");
  EXPECT_THAT(error_of([] { split(arange(5), 2); }), testing::HasSubstr("length 5 into 2"));
  EXPECT_THAT(error_of([] { stack({arange(2), arange(3)}); }), testing::HasSubstr("shapes differ"));
  EXPECT_THAT(error_of([] { concatenate({kSix, zeros({2, 2})}); }),
              testing::HasSubstr("[concatenate] parts differ"));
}

TEST(Shapes, Taking) {
  EXPECT_EQ(show(take(kSix, Array::of({0, -1}))), "i64[2] 0 5");
  EXPECT_EQ(show(take(kSix, Array::of({2, 0}), 1)), "i64[2,2] 2 0 5 3");
  EXPECT_EQ(take(zeros({2, 5, 3}), zeros({4, 6}, DType::kI64), 1).shape(), (Shape{2, 4, 6, 3}));
  EXPECT_EQ(show(take(kSix, Array(1), 0)), "i64[3] 3 4 5");
  EXPECT_EQ(show(take_along_axis(kSix, Array::of({{2}, {0}}), 1)), "i64[2,1] 2 3");
  EXPECT_EQ(show(take_along_axis(kSix, Array::of({{1, 0, 1}}), 0)), "i64[1,3] 3 1 5");
  EXPECT_THAT(error_of([] { take(kSix, Array::of({true, false})); }),
              testing::HasSubstr("[take] a mask as an index"));
  EXPECT_THAT(error_of([] { take(kSix, Array::of({0.5})); }), testing::HasSubstr("not an integer"));
}

TEST(Products, Matmul) {
  const Array a = Array::of({{1, 2}, {3, 4}}), v = Array::of({5, 6});
  EXPECT_EQ(show(matmul(a, a)), "i64[2,2] 7 10 15 22");
  EXPECT_EQ(show(matmul(a, v)), "i64[2] 17 39");
  EXPECT_EQ(show(matmul(v, a)), "i64[2] 23 34");
  EXPECT_EQ(show(matmul(v, v)), "i64 61");
  EXPECT_EQ(matmul(zeros({5, 1, 2, 3}), zeros({4, 3, 7})).shape(), (Shape{5, 4, 2, 7}));
  EXPECT_EQ(show(matmul(stack({a, 2 * a}), a)), "i64[2,2,2] 7 10 15 22 14 20 30 44");
  EXPECT_EQ(matmul(zeros({3, 2, 4}), zeros({4})).shape(), (Shape{3, 2}));
  EXPECT_EQ(matmul(zeros({2}), zeros({3, 2, 4})).shape(), (Shape{3, 4}));
  EXPECT_THAT(error_of([&] { matmul(a, zeros({3, 2})); }),
              testing::HasSubstr("[matmul] shapes do not fit: i64[2,2] and f64[3,2]"));
  EXPECT_THAT(error_of([&] { matmul(a, 2); }), testing::HasSubstr("use *"));
}

TEST(Products, DotOuterTensordotCross) {
  const Array a = Array::of({{1, 2}, {3, 4}}), v = Array::of({5, 6});
  EXPECT_EQ(show(dot(v, 2)), "i64[2] 10 12");
  EXPECT_EQ(show(dot(v, v)), "i64 61");
  EXPECT_EQ(dot(zeros({2, 3}), zeros({4, 3, 5})).shape(), (Shape{2, 4, 5}));
  EXPECT_EQ(show(outer(v, Array::of({1, 10}))), "i64[2,2] 5 50 6 60");
  EXPECT_EQ(show(tensordot(a, a)), "i64 30");
  EXPECT_EQ(tensordot(zeros({2, 3, 4}), zeros({4, 3, 5}), {1, 2}, {1, 0}).shape(), (Shape{2, 5}));
  EXPECT_EQ(show(tensordot(a, v, 1)), "i64[2] 17 39");
  EXPECT_EQ(show(cross(Array::of({1, 0, 0}), Array::of({0, 1, 0}))), "i64[3] 0 0 1");
}

TEST(Products, Einsum) {
  const Array a = Array::of({{1, 2}, {3, 4}}), v = Array::of({5, 6});
  EXPECT_EQ(show(einsum("ij,jk->ik", {a, a})), "i64[2,2] 7 10 15 22");
  EXPECT_EQ(show(einsum("ij->ji", {a})), "i64[2,2] 1 3 2 4");
  EXPECT_EQ(show(einsum("ii->", {a})), "i64 5");
  EXPECT_EQ(show(einsum("ii->i", {a})), "i64[2] 1 4");
  EXPECT_EQ(show(einsum("ij->j", {a})), "i64[2] 4 6");
  EXPECT_EQ(show(einsum("i,j->ij", {v, v})), "i64[2,2] 25 30 30 36");
  EXPECT_EQ(show(einsum("ij,ij->i", {a, a})), "i64[2] 5 25");
  EXPECT_EQ(show(einsum("ij,j", {a, v})), "i64[2] 17 39");
  EXPECT_EQ(show(einsum("i,ij,j->", {v, a, v})), "i64 319");
  EXPECT_EQ(show(einsum("ij,kj->ki", {a, Array::of({{1, 0}})})), "i64[1,2] 1 3");
  EXPECT_EQ(show(einsum("ij,kl->il", {a, a})), "i64[2,2] 12 18 28 42");
  EXPECT_THAT(error_of([&] { einsum("...j->j", {a}); }), testing::HasSubstr("an ellipsis"));
  EXPECT_THAT(error_of([&] { einsum("ij,jk->ik", {a}); }), testing::HasSubstr("names 2 operands"));
  EXPECT_THAT(error_of([&] { einsum("ij,jk->ik", {a, zeros({3, 3})}); }),
              testing::HasSubstr("the letter j is 2 and 3"));
  EXPECT_THAT(error_of([&] { einsum("ij->k", {a}); }), testing::HasSubstr("names 'k'"));
}

}  // namespace
}  // namespace cotangent::array
