// Every form that an access or a reduction is traced to has a gradient, and it is the right one.
// The reference: central differences of the evaluated expression.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/transform/derivatives.h"
#include "tests/lang/support.h"

namespace cotangent::lang::testing {
namespace {

struct Case {
  const char* text;
  bool particles;  ///< q [5,3], else [6]
};

const Case kCases[] = {
    {"sum(i, dot(q[i], q[i])*m[i])", true},
    {"sum(i<j, m[i]*m[j]/norm(q[i] - q[j]))", true},
    {"sum(i!=j, m[i]*q[i,0]*q[j,1]^2)", true},
    {"sum(i<j if norm(q[i] - q[j]) < 2, norm(q[i] - q[j])^-6)", true},
    {"sum(i<j if kind[i] == kind[j], eps[kind[i], kind[j]]*dot(q[i], q[j]))", true},
    {"sum(i<j<l, q[i,0]*q[j,1]*q[l,2])", true},
    {"sum(i, cross(q[i], q[kind[i]])[2]^2)", true},
    {"norm(q[0]) + cross(q[1], q[2])[0] + [q[0,0], q[1,1], 2][1]^3", true},
    {"sum(k, sum(i, q[i,k])^2)", true},
    {"sum(i, sum(j in 0..i, q[i,0]*q[j,1]))", true},
    {"sum(i in 0..2, sum(j in 0..3, q[i+j,0]^2*(i + 2*j)))", true},
    {"min_over(i<j, norm(q[i] - q[j])) + max_over(i, q[i,2])", true},
    {"prod(i, q[i,0])", true},
    {"sum(i in 0..3, q[i,i]^2)", true},
    {"sum(i in 0..len(q)-1, (q[i+1] - q[i])^4)", false},
    {"sum(i, (q[(i+1) % len(q)] - q[i])^3)", false},
    {"sum(i in 0..3, q[2*i]^2*q[5-i])", false},
    {"sum(i, sin(q[next[i]])*q[i])", false},
    {"sum(i in 0..6, q[i*i % 6]^3)", false},
    {"sum(i if q[i] > 0, sqrt(q[i]))", false},
    {"sum(i, where(q[i] > 0, q[i]^0.5, q[i]^2))", false},
    {"sum(i, where(i > 0, q[i]*q[max(i-1, 0)], q[0]^2))", false},
    {"sum(i, abs(q[i])^1.7 + atan2(q[i], 2) + tanh(q[i]) + 3^q[i] + q[i] % 10)", false},
};

TEST(Gradients, AgreeWithDifferences) {
  for (const Case& c : kCases) {
    const Shape shape = c.particles ? Shape{5, 3} : Shape{6};
    Context names;
    names.set_state(shape);
    names.add_parameter("m", ir::Tensor::of<double>({5}, {1.5, 2.5, 0.75, 3.25, 1}));
    names.add_parameter("kind", ir::Tensor::of<std::int64_t>({5}, {0, 1, 1, 0, 1}));
    names.add_parameter("eps", ir::Tensor::of<double>({2, 2}, {1, 0.5, 0.5, 2}));
    names.add_parameter("next", ir::Tensor::of<std::int64_t>({6}, {3, 1, 4, 0, 5, 2}));
    const auto f = trace_energy(names, "h", *parse_expression(plain_text(c.text)));
    const auto gradient = transform::grad(*f, {0});
    ir::Tensor q(ir::Type{DType::kF64, shape});
    double x = 0.3;
    for (double& value : q.as<double>()) {
      x = std::fmod(x * 1.6180339887 + 0.7320508, 3.0);
      value = x - 1.3;
    }
    const auto arguments = [&](const ir::Tensor& at) {
      return std::vector<ir::Tensor>{at, q, ir::Tensor::scalar_of(0.0), names.parameter("m")->value,
                                     names.parameter("eps")->value};
    };
    const ir::Tensor got = ir::evaluate(*gradient, arguments(q))[0];
    ASSERT_EQ(got.type().shape, shape) << c.text;
    for (std::int64_t k = 0; k < q.size(); ++k) {
      const auto n = static_cast<std::size_t>(k);
      constexpr double kStep = 1e-5;
      ir::Tensor up = q, down = q;
      up.as<double>()[n] += kStep;
      down.as<double>()[n] -= kStep;
      const double difference = (ir::evaluate(*f, arguments(up))[0].as<double>()[0] -
                                 ir::evaluate(*f, arguments(down))[0].as<double>()[0]) /
                                (2 * kStep);
      const double scale = 1 + std::fabs(difference);
      EXPECT_NEAR(got.as<double>()[n], difference, 1e-7 * scale) << c.text << " at " << k;
    }
  }
}

TEST(Gradients, ReverseModeStaysSmall) {
  // No row operand turns into a gather of the whole array in the body.
  Context names;
  names.set_state(Shape{1000});
  for (const char* text : {"sum(i in 0..len(q)-1, (q[i+1] - q[i])^4)",
                           "sum(i, (q[(i+1) % len(q)] - q[i])^3)", "sum(i in 0..500, q[2*i]^2)"}) {
    const auto f = trace_energy(names, "h", *parse_expression(plain_text(text)));
    const auto gradient = transform::grad(*f, {0});
    EXPECT_EQ(count_ops(*gradient, ir::Op::kScatterAdd), 0) << text;
    EXPECT_EQ(count_ops(*gradient, ir::Op::kGather), 0) << text;
    EXPECT_LT(gradient->total_size(), 120u) << text;
  }
}

}  // namespace
}  // namespace cotangent::lang::testing
