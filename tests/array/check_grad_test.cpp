// check_grad and find_non_finite of functions of arrays: trees, captures, loops, complex steps.
#include "cotangent/array/check_grad.h"

#include "cotangent/array/arrays.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

using testing::HasSubstr;
using Verdict = GradCheck::Verdict;

struct Model {
  Array weights, bias;
};

TEST(CheckGrad, OfTreesWithCaptures) {
  const Array data = Array::of({{1.0, 2.0}, {-0.5, 0.3}, {0.7, -1.0}});
  const auto loss = [&](Model m, Array k) {
    const Array y = tanh(matmul(data * k.astype(DType::kF64), m.weights) + m.bias);
    return std::pair(sum(y * y), y);
  };
  const Model at{Array::of({0.4, -0.8}), 0.1};
  const GradCheck check = check_grad(loss, at, Array::of({1, 2}));
  EXPECT_TRUE(check) << check.text();
  EXPECT_EQ(check.reverse.compared, 3);
  EXPECT_LT(check.reverse.worst, 1e-9);
  // The leaf that is wrong is named by its path.
  const auto wrong = custom_jvp([](Array x) { return x * x; },
                                [](Array x, Array dx) { return std::pair(x * x, 2.02 * x * dx); });
  const auto bad = [&](Model m) { return sum(m.weights) + wrong(m.bias); };
  EXPECT_THAT(check_grad(bad, at).reason, HasSubstr("argument.1: 0.202, differences 0.2"));
  // f32, loops and lanes.
  const auto run = [](Array x) {
    const auto body = [](Array, Array x) { return x + 0.1 * sin(x * x); };
    return vmap([&](Array x) { return fori_loop(0, 6, body, x); })(x);
  };
  const GradCheck single = check_grad(run, Array::of({0.3, 1.0, -2.0}, DType::kF32));
  EXPECT_TRUE(single) << single.text();
  EXPECT_EQ(single.reverse.tolerance, 1e-3);
}

TEST(CheckGrad, OptionsAndRefusals) {
  GradCheckOptions few;
  few.components = 2;
  few.directions = 1;
  const auto f = [](Array x) { return sum(sin(x)); };
  const GradCheck check = check_grad(few, f, linspace(0, 1, 50));
  EXPECT_EQ(check.reverse.compared, 2);
  EXPECT_EQ(check.forward.compared, 1);
  expect_refused([&] { check_grad(f, Array::of({1, 2})); }, "check_grad", "is real");
  expect_refused([&] { jit([&](Array x) { return check_grad(f, x) ? x : x; })(Array(1.0)); },
                 "check_grad", "there are no numbers");
}

TEST(CheckGrad, ComplexStepHasAllDigits) {
  const auto f = [](auto x, auto y) { return exp(x) * y / (x * x + y * y); };
  const Array x = Array::of({0.3, -1.5, 2.0}), y = Array::of({1.0, 0.5, 30.0});
  const GradCheck check = check_grad(complex_step(f), x, y);
  EXPECT_TRUE(check) << check.text();
  EXPECT_LT(check.reverse.worst, 1e-14) << check.text();
  EXPECT_LT(check.differences.worst, 1e-14) << check.text();
  EXPECT_EQ(check.reverse.compared, 6);
}

// The gradient of a run that stops being finite: the op, the step and the lane.
TEST(FindNonFinite, InAGradient) {
  // sqrt of a distance that is 0 at the second step of lane 1 only: the run is finite, its gradient
  // is not.
  const auto run = [](Array x) {
    const auto body = [](Array, Array x) { return sqrt(abs(x - 1.0)); };
    return fori_loop(0, 3, body, x);
  };
  const auto loss = [&](Array x) { return sum(vmap(run)(x)); };
  const Array at = Array::of({3.5, 2.0, 7.5});  // 2 -> 1 -> 0 -> 1
  EXPECT_FALSE(find_non_finite(loss, at));
  const auto found = find_non_finite(grad(loss), at);
  ASSERT_TRUE(found);
  const std::string text = found->text();
  EXPECT_THAT(text, HasSubstr("result, element [1] is "));
  std::vector<std::pair<ir::Op, std::int64_t>> levels;
  for (const ir::NonFiniteLevel& level : found->levels) {
    if (level.op != ir::Op::kCall) levels.emplace_back(level.op, level.index);
  }
  ASSERT_EQ(levels.size(), 2u) << text;
  EXPECT_EQ(levels[0], std::pair(ir::Op::kMap, std::int64_t{1})) << text;
  EXPECT_EQ(levels[1], std::pair(ir::Op::kLoop, std::int64_t{1})) << text;
  EXPECT_TRUE(found->op == ir::Op::kDiv || found->op == ir::Op::kRsqrt) << text;
  const GradCheck check = check_grad(loss, at);
  EXPECT_EQ(check.verdict, Verdict::kFail);
  EXPECT_THAT(check.text(), HasSubstr("step 1 of loop")) << check.text();
}

TEST(FindNonFinite, NamesArguments) {
  const auto f = [](Model m) { return std::pair(m.bias, m.weights * 2.0); };
  const auto found = find_non_finite(f, Model{Array::of({1.0, 1.0 / 0.0}), 0.0});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text(),
            "result.1, element [1] is inf\n"
            "  it came with argument 0: argument.0 : f64[2], element [1] = inf");
}

// A wrong slope that is nothing beside another one is none the less wrong.
TEST(CheckGrad, ASmallWrongSlopeBesideALargeOneDoesNotPass) {
  const auto wrong = custom_jvp([](Array x, Array c) { return c * x * x / 2.0; },
                                [](Array x, Array c, Array dx, Array dc) {
                                  return std::pair(c * x * x / 2.0, 3.0 * c * x * dx + 0.0 * dc);
                                });
  const auto f = [&](Array x) { return 1e9 * x(0) + wrong(x(1), Array(1.0)); };
  EXPECT_NE(check_grad(f, Array::of({1.0, 1.0})).verdict, transform::GradCheck::Verdict::kPass);
}

// A solver's message holds a number in f32; the program is one of f64 all the same.
TEST(CheckGrad, OfAProgramWithASolverHasTheDigitsOfF64) {
  const auto root = [](Array a) { return find_root([=](Array x) { return x * x - a; }, 1.0); };
  const auto check = check_grad(root, Array(2.0));
  EXPECT_TRUE(check) << check.text();
  EXPECT_EQ(check.reverse.tolerance, 1e-6);
  const auto off = custom_jvp([=](Array a) { return root(a); },
                              [=](Array a, Array da) {
                                const Array x = root(a);
                                return std::pair(x, da * (1.0 + 2.5e-4) / (2.0 * x));
                              });
  EXPECT_EQ(check_grad([&](Array a) { return off(a); }, Array(2.0)).verdict,
            transform::GradCheck::Verdict::kFail);
}

}  // namespace
}  // namespace cotangent::array
