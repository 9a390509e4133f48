// Order and running sums; numpy_test.cpp compares them with numpy's on random arrays.
#include "cotangent/array/sorting.h"

#include "cotangent/array/jit.h"
#include "cotangent/array/loops.h"
#include "cotangent/array/transforms.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Sort, HasNanLastAndKeepsTheElementType) {
  EXPECT_EQ(show(sort(Array::of({3.0, kNan, -kInf, 0.0, -0.0, 2.0}))),
            "f64[6] -inf -0.0 0.0 2.0 3.0 nan");
  EXPECT_EQ(show(sort(Array::of({3, -1, 2}, DType::kI32))), "i32[3] -1 2 3");
  EXPECT_EQ(show(sort(Array::of({true, false, true}))), "bool[3] 0 1 1");
}

TEST(Sort, TakesTheLastAxisUnlessToldOtherwise) {
  const Array x = Array::of({{3, 1, 2}, {0, 5, 4}});
  EXPECT_EQ(show(sort(x)), "i64[2,3] 1 2 3 0 4 5");
  EXPECT_EQ(show(sort(x, 0)), "i64[2,3] 0 1 2 3 5 4");
  EXPECT_EQ(show(sort(x, -2)), "i64[2,3] 0 1 2 3 5 4");
  EXPECT_EQ(show(sort(x, std::nullopt)), "i64[6] 0 1 2 3 4 5");
  EXPECT_EQ(show(sort(Array::from(std::vector<double>{}))), "f64[0]");
  EXPECT_THAT(error_of([&] { sort(x, 2); }), testing::HasSubstr("[sort] axis 2 of an array"));
  EXPECT_THAT(error_of([&] { sort(Array(1.0)); }), testing::HasSubstr("[sort]"));
}

TEST(Argsort, IsStableAndTakesMinusZeroForZero) {
  EXPECT_EQ(show(argsort(Array::of({0.0, kNan, -0.0, 1.0, 0.0, kNan}))), "i64[6] 0 2 4 3 1 5");
  EXPECT_EQ(show(argsort(Array::of({true, false, true}))), "i64[3] 1 0 2");
  const Array x = Array::of({{3.0, 1.0, 2.0}, {0.5, 0.5, 0.25}});
  EXPECT_EQ(reals(take_along_axis(x, argsort(x), 1)), reals(sort(x)));
}

TEST(Cumsum, FlattensUnlessGivenAnAxis) {
  const Array x = Array::of({{1, 2}, {3, 4}});
  EXPECT_EQ(show(cumsum(x)), "i64[4] 1 3 6 10");
  EXPECT_EQ(show(cumsum(x, 0)), "i64[2,2] 1 2 4 6");
  EXPECT_EQ(show(cumsum(x, -1)), "i64[2,2] 1 3 3 7");
  EXPECT_EQ(show(cumsum(Array::of({true, true, false}))), "i64[3] 1 2 2");
  EXPECT_EQ(show(cumulative_sum(Array::of({1.5, 2.0}))), "f64[2] 1.5 3.5");
  EXPECT_THAT(error_of([&] { cumulative_sum(x); }), testing::HasSubstr("give the axis"));
}

TEST(Sort, HasDerivatives) {
  const Array x = Array::of({3.0, 1.0, 2.0}), w = Array::of({1.0, 10.0, 100.0});
  EXPECT_EQ(reals(grad([&](Array x) { return sum(w * sort(x)); })(x)),
            (std::vector<double>{100, 1, 10}));
  EXPECT_EQ(reals(grad([&](Array x) { return sum(w * cumsum(x)); })(x)),
            (std::vector<double>{111, 110, 100}));
  const auto square_of_sorted = [](Array x) { return square(sort(x)); };
  EXPECT_EQ(reals(jvp(square_of_sorted, x, w).second), (std::vector<double>{20, 400, 6}));
  EXPECT_EQ(reals(vmap([](Array x) { return sort(x); })(Array::of({{2.0, 1.0}, {3.0, 4.0}}))),
            (std::vector<double>{1, 2, 3, 4}));
}

TEST(Sort, WorksInBranches) {
  const auto f = [](Array x) {
    return cond(sum(x) > 0.0, [](Array x) { return sort(x); }, [](Array x) { return cumsum(x); }, x);
  };
  const Array x = Array::of({3.0, 1.0, 2.0}), w = Array::of({1.0, 10.0, 100.0});
  EXPECT_EQ(reals(jit(f)(x)), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(reals(jit(f)(-x)), (std::vector<double>{-3, -4, -6}));
  const auto slope = grad([&](Array x) { return sum(w * f(x)); });
  EXPECT_EQ(reals(slope(x)), (std::vector<double>{100, 1, 10}));
  EXPECT_EQ(reals(slope(-x)), (std::vector<double>{111, 110, 100}));
}

}  // namespace
}  // namespace cotangent::array
