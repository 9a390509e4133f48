// check_grad says who is wrong, where, and when nothing can be said.
#include "cotangent/transform/check_grad.h"

#include <gmock/gmock.h>

#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

using testing::HasSubstr;
using State = GradCheckRow::State;
using Verdict = GradCheck::Verdict;

const Type kVector{DType::kF64, Shape{3}};

/// factor * sum(w sin(x)), with an elementwise result besides: derivatives that differ by a factor
/// are wrong ones.
FunctionPtr program(double factor, DType dtype = DType::kF64) {
  const Type type = kVector.with_dtype(dtype);
  Builder b("f");
  const Value x = b.param(type, "x"), w = b.param(type, "w");
  const Value y = b.mul(b.unary(Op::kSin, x), w);
  return b.finish({b.mul(b.reduce_sum(y), b.splat(factor, scalar(dtype))), b.mul(y, x)});
}

const Tensors kAt{vector_of({0.3, -1.2, 40}), vector_of({1, 2, -0.5})};

TEST(CheckGrad, Passes) {
  const GradCheck check = check_grad(*program(1), {0, 1}, kAt);
  EXPECT_TRUE(check) << check.text();
  for (const GradCheckRow* row : {&check.reverse, &check.forward, &check.differences}) {
    EXPECT_EQ(row->state, State::kAgrees) << row->method;
    EXPECT_LT(row->worst, 1e-10) << check.text();
  }
  EXPECT_LT(check.identity.worst, 1e-14);
  EXPECT_EQ(check.reverse.compared, 6);
  EXPECT_EQ(check.forward.compared, 2 * 4);
  EXPECT_THAT(check.text(), HasSubstr("check_grad: pass\n  reverse     agrees     6     worst "));
}

TEST(CheckGrad, SaysWhoIsWrong) {
  const FunctionPtr f = program(1), other = program(1.001);
  const FunctionPtr forward = jvp(*f, {0}), reverse = vjp(*f, {0});
  const GradCheck bad_reverse = check_grad(*f, forward, vjp(*other, {0}), {0}, kAt);
  EXPECT_EQ(bad_reverse.verdict, Verdict::kFail);
  EXPECT_THAT(bad_reverse.reason, HasSubstr("reverse disagrees. x["));
  EXPECT_EQ(bad_reverse.forward.state, State::kAgrees);
  EXPECT_EQ(bad_reverse.identity.state, State::kDisagrees);
  const GradCheck bad_forward = check_grad(*f, jvp(*other, {0}), reverse, {0}, kAt);
  EXPECT_EQ(bad_forward.verdict, Verdict::kFail);
  EXPECT_THAT(bad_forward.reason, HasSubstr("forward disagrees. result 0: "));
  EXPECT_EQ(bad_forward.reverse.state, State::kAgrees);
  const GradCheck both = check_grad(*f, jvp(*other, {0}), vjp(*other, {0}), {0}, kAt);
  EXPECT_EQ(both.verdict, Verdict::kFail);
  EXPECT_THAT(both.reason, HasSubstr("agree with each other and not with differences"));
  EXPECT_EQ(both.identity.state, State::kAgrees);
  // Within the tolerance that is asked for.
  GradCheckOptions loose;
  loose.tolerance = loose.identity_tolerance = 1e-2;
  EXPECT_TRUE(check_grad(*f, forward, vjp(*other, {0}), {0}, kAt, loose));
}

// One wrong element in a thousand-fold larger gradient is found, and named.
TEST(CheckGrad, NamesTheWorstElement) {
  const Type type{DType::kF64, Shape{2, 3}};
  const auto weighted = [&](double one) {
    Builder b("f");
    const Value x = b.param(type, "x");
    const Value w = b.constant(Tensor::of<double>(Shape{2, 3}, {1000, 2000, 1000, 500, one, 1000}));
    return b.finish({b.reduce_sum(b.mul(w, b.mul(x, x)))});
  };
  Tensor at(type);
  for (std::int64_t k = 0; k < 6; ++k) at.set_real(k, 1 + 0.1 * static_cast<double>(k));
  const FunctionPtr f = weighted(1);
  const GradCheck check = check_grad(*f, jvp(*f, {0}), vjp(*weighted(1.01), {0}), {0}, Tensors{at});
  EXPECT_THAT(check.reason, HasSubstr("x[1,1]: 2.828, differences 2.8")) << check.text();
}

TEST(CheckGrad, SinglePrecisionIsDifferencedInDouble) {
  const Tensors at{Tensor::of<float>(Shape{3}, {0.3f, -1.2f, 40.f}),
                   Tensor::of<float>(Shape{3}, {1.f, 2.f, -0.5f})};
  const FunctionPtr f = program(1, DType::kF32);
  const GradCheck check = check_grad(*f, {0, 1}, at);
  EXPECT_TRUE(check) << check.text();
  EXPECT_LT(check.differences.worst, 1e-10) << check.text();
  EXPECT_LT(check.reverse.worst, 1e-5) << check.text();
  EXPECT_FALSE(check_grad(*f, jvp(*f, {0}), vjp(*program(1.01, DType::kF32), {0}), {0}, at));
}

FunctionPtr of_vector(const std::function<Value(Builder&, Value)>& build) {
  Builder b("f");
  const Value x = b.param(kVector, "x");
  return b.finish({b.reduce_sum(build(b, x))});
}

TEST(CheckGrad, IsInconclusiveAtKinksAndJumps) {
  const FunctionPtr abs = of_vector([](Builder& b, Value x) { return b.unary(Op::kAbs, x); });
  const GradCheck check = check_grad(*abs, {0}, Tensors{vector_of({1, 0, -2})});
  EXPECT_EQ(check.verdict, Verdict::kInconclusive) << check.text();
  EXPECT_THAT(check.reason, HasSubstr("a kink at "));
  EXPECT_THAT(check.reason, HasSubstr("from the left and "));
  EXPECT_EQ(check.reverse.compared, 2);  // the other two are compared
  EXPECT_TRUE(check_grad(*abs, {0}, Tensors{vector_of({1, 0.5, -2})}));
  // Near by it is harmless, or as if it were there: a right derivative never fails.
  for (const double near : {5e-4, 1e-5, 1e-6, 1e-7, 3e-8, 1e-9, 1e-12}) {
    const GradCheck beside = check_grad(*abs, {0}, Tensors{vector_of({1, near, -2})});
    EXPECT_NE(beside.verdict, Verdict::kFail) << near << beside.text();
    EXPECT_EQ(beside.verdict == Verdict::kPass, near > 5e-7) << near << beside.text();
  }
  // A wrong derivative elsewhere is not hidden by the kink.
  const FunctionPtr twice =
      of_vector([](Builder& b, Value x) { return b.unary(Op::kAbs, b.scale(b.constant(2.), x)); });
  EXPECT_EQ(check_grad(*abs, jvp(*abs, {0}), vjp(*twice, {0}), {0}, Tensors{vector_of({1, 0, -2})})
                .verdict,
            Verdict::kFail);
  const FunctionPtr jump = of_vector([](Builder& b, Value x) { return b.unary(Op::kFloor, x); });
  EXPECT_EQ(check_grad(*jump, {0}, Tensors{vector_of({1, 0.5, -2.5})}).verdict,
            Verdict::kInconclusive);
  EXPECT_TRUE(check_grad(*jump, {0}, Tensors{vector_of({1.5, 0.5, -2.5})}));
  // The domain ends here: one side is not a number.
  const FunctionPtr edge =
      of_vector([](Builder& b, Value x) { return b.binary(Op::kPow, x, b.splat(1.5, kVector)); });
  const GradCheck domain = check_grad(*edge, {0}, Tensors{vector_of({1, 0, 2})});
  EXPECT_EQ(domain.verdict, Verdict::kInconclusive) << domain.text();
  EXPECT_THAT(domain.reason, HasSubstr("no digits"));
}

// Steps find their own size, between a thousandth and a ten-millionth.
TEST(CheckGrad, ArgumentsOfAnyScale) {
  for (const double scale : {1e-5, 1e-2, 1.0, 1e8}) {
    SCOPED_TRACE(scale);
    const FunctionPtr f = of_vector([&](Builder& b, Value x) {
      const Value y = b.mul(x, b.splat(1 / scale, kVector));
      return b.mul(b.unary(Op::kSin, y), b.unary(Op::kExp, y));
    });
    const Tensors at{vector_of({0.3 * scale, -scale, 0.7 * scale})};
    const GradCheck check = check_grad(*f, {0}, at);
    EXPECT_TRUE(check) << check.text();
    EXPECT_LT(check.reverse.worst, 1e-8) << check.text();
  }
}

TEST(CheckGrad, NamesWhatIsNotFinite) {
  const FunctionPtr root = of_vector([](Builder& b, Value x) { return b.unary(Op::kSqrt, x); });
  const GradCheck slope = check_grad(*root, {0}, Tensors{vector_of({1, 0, 2})});
  EXPECT_EQ(slope.verdict, Verdict::kFail);
  EXPECT_EQ(slope.forward.state, State::kNotFinite);
  ASSERT_TRUE(slope.non_finite);
  EXPECT_EQ(slope.non_finite->at, 1);
  EXPECT_THAT(slope.text(), HasSubstr(" gave inf: "));
  const GradCheck value = check_grad(*root, {0}, Tensors{vector_of({1, -1, 2})});
  EXPECT_EQ(value.verdict, Verdict::kInconclusive);
  EXPECT_THAT(value.text(), HasSubstr("the function itself is not finite here"));
  EXPECT_THAT(value.text(), HasSubstr("sqrt gave nan: "));
}

// A derivative of one's own that is wrong; and one that has reverse mode only.
TEST(CheckGrad, DerivativesOfOnesOwn) {
  const auto square = [](double jvp_factor, double vjp_factor) {
    Builder body("square");
    const Value x = body.param(scalar());
    CallAttr attr;
    attr.body = body.finish({body.mul(x, x)});
    if (jvp_factor != 0) {
      Builder b("jvp");
      const Value at = b.param(scalar()), d = b.param(scalar());
      attr.jvp = b.finish({b.mul(at, at), b.mul(b.mul(b.constant(jvp_factor), at), d)});
    }
    if (vjp_factor != 0) {
      Builder b("vjp");
      const Value at = b.param(scalar());
      b.param(scalar());
      const Value ct = b.param(scalar());
      attr.vjp = b.finish({b.mul(b.mul(b.constant(vjp_factor), at), ct)});
    }
    Builder b("f");
    const Value in = b.param(scalar(), "x");
    return b.finish({b.call(attr, std::span(&in, 1))[0]});
  };
  const Tensors at{number_of(1.5)};
  EXPECT_TRUE(check_grad(*square(2, 0), {0}, at));
  EXPECT_THAT(check_grad(*square(3, 0), {0}, at).reason, HasSubstr("given by hand, is wrong"));
  const GradCheck reverse_only = check_grad(*square(0, 2), {0}, at);
  EXPECT_TRUE(reverse_only) << reverse_only.text();
  EXPECT_EQ(reverse_only.forward.state, State::kRefused);
  EXPECT_THAT(check_grad(*square(0, 3), {0}, at).reason, HasSubstr("reverse disagrees. x: 4.5"));
}

}  // namespace
}  // namespace cotangent::transform
