// The four ways to a gradient agree on every system; and a wrong one is found out.
#include "cotangent/mechanics/check_gradient.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/mechanics/tangent.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;
using transform::GradCheck;

std::vector<Problem> problems() {
  return {kepler(0.3),     henon_heiles(),       driven_oscillator(),
          swinging_mass(), outer_solar_system(), fput(8, 0.25)};
}

std::vector<std::string> everything(const Problem& problem) {
  std::vector<std::string> wrt = {"q", problem.initial.v ? "v" : "p"};
  for (const Parameter& x : problem.system.parameters) wrt.push_back(x.name);
  return wrt;
}

Objective norm_of_all(const Problem& problem, std::int64_t every) {
  System system = problem.system;
  add_observable(system, "size", every, [](Builder& b, const TermValues& x) {
    return b.add(b.reduce_sum(b.mul(x.q, x.q)), b.reduce_sum(b.mul(x.p, x.p)));
  });
  return {"size", system.observables.back().value, every};
}

TEST(CheckGradient, EverySystemPasses) {
  for (const Problem& problem : problems()) {
    RunSettings run = settings(problem.system.shape.size() == 18 ? 50.0 : 0.05, 60);
    const Facts facts = find_facts(problem.system, problem.initial);
    for (const char* precision : {"f64", "f32", "double-single", "lattice"}) {
      run.precision = precision;
      // Times and H with a sine have no double-single form; the lattice has no size to go by.
      const bool driven = problem.system.shape.size() == 1;
      if (driven && run.precision != "f64") continue;
      const Plan plan = make_plan(problem.system, facts, run, &problem.initial);
      for (const std::optional<Objective>& objective :
           {std::optional<Objective>(), std::optional<Objective>(norm_of_all(problem, 0)),
            std::optional<Objective>(norm_of_all(problem, 7))}) {
        transform::GradCheckOptions how;
        how.components = 10;
        const GradCheck check = check_gradient(problem.system, facts, plan, problem.initial,
                                               objective, everything(problem), {}, how);
        EXPECT_EQ(check.verdict, GradCheck::Verdict::kPass)
            << precision << ' ' << problem.system.shape.text() << '\n'
            << check.text();
      }
    }
  }
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
