// The four ways to a gradient agree; and a wrong one is found out.
#include "cotangent/mechanics/check_gradient.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/mechanics/tangent.h"
#include "tests/mechanics/gradient_cases.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;
using transform::GradCheck;

TEST(CheckGradient, PassesWithVelocitiesAndMasses) {
  expect_passes(outer_solar_system(), "f64", 4);
}

// An energy whose derivative is given wrongly: the sign of the spring's.
TEST(CheckGradient, AWrongDerivativeIsFoundOut) {
  Problem problem = harmonic(1.0);
  System& system = problem.system;
  add_term(system, "anharmonic", [](Builder& b, const TermValues& v) {
    Builder body("fourth"), vjp("fourth_vjp");
    const Value x = body.param(b.type(v.q));
    ir::CallAttr call;
    call.body = body.finish({body.mul(body.mul(x, x), body.mul(x, x))});
    // jvp: 4 x^3 dx; here its curvature comes out wrong, since a stop stands in it.
    Builder jvp("fourth_jvp");
    const Value at = jvp.param(b.type(v.q)), dx = jvp.param(b.type(v.q));
    Builder still("still");
    const Value s = still.param(b.type(v.q));
    ir::CallAttr stop;
    stop.body = still.finish({s});
    Builder none("still_jvp");
    const Value n = none.param(b.type(v.q));
    none.param(b.type(v.q));
    stop.jvp = none.finish({n, none.zeros(b.type(v.q))});
    const Value held = jvp.call(stop, std::vector<Value>{at})[0];
    const Value cube = jvp.mul(jvp.mul(at, at), held);
    call.jvp =
        jvp.finish({jvp.mul(cube, at), jvp.mul(jvp.mul(jvp.splat(4.0, b.type(v.q)), cube), dx)});
    return b.reduce_sum(b.call(call, std::vector<Value>{v.q})[0]);
  });
  const RunSettings run = settings(0.05, 40);
  const Facts facts = find_facts(system, problem.initial);
  const Plan plan = make_plan(system, facts, run);
  transform::GradCheckOptions how;
  const GradCheck check =
      check_gradient(system, facts, plan, problem.initial, {}, {"q", "p"}, {}, how);
  EXPECT_EQ(check.verdict, GradCheck::Verdict::kFail) << check.text();
  EXPECT_NE(check.text().find("disagrees"), std::string::npos);
}

// The tangent of the harmonic oscillator is its own flow.
TEST(Tangent, OfTheOscillatorIsARotation) {
  const Problem problem = harmonic(1.0);
  RunSettings run = settings(0.01, 5000);
  run.order = 8;
  const Facts facts = find_facts(problem.system, problem.initial);
  const Plan plan = make_plan(problem.system, facts, run);
  const auto tangent = Tangent::compile(problem.system, plan, norm_of_all(problem, 0));
  Direction d{tensor(Shape{1}, {1.0}), tensor(Shape{1}, {0.0}), {}};
  std::vector<Tensor> parameters;
  for (const Parameter& x : problem.system.parameters) {
    parameters.push_back(x.value);
    d.parameters.emplace_back(x.value.type());
  }
  const TangentResult r = tangent->run(problem.initial, parameters, run.steps, d);
  EXPECT_NEAR(static_cast<double>(r.dq.real(0)), std::cos(50.0), 1e-11);
  EXPECT_NEAR(static_cast<double>(r.dp.real(0)), -std::sin(50.0), 1e-11);
  // |q|^2 + |p|^2 = 1 from q = 1: its slope is 2.
  EXPECT_NEAR(r.value, 1.0, 1e-11);
  EXPECT_NEAR(r.d_value, 2.0, 1e-10);
}

}  // namespace
}  // namespace cotangent::mechanics::test
