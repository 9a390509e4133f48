// Energies with checks in them: of a person, of a loop with a limit, of a root that is looked for.
#include <gtest/gtest.h>

#include "cotangent/array/check.h"
#include "cotangent/array/implicit.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/loops.h"
#include "cotangent/array/products.h"
#include "cotangent/base/error.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/gradient.h"
#include "cotangent/mechanics/source_code.h"
#include "cotangent/mechanics/traced_system.h"

namespace cotangent::mechanics {
namespace {

using array::Array;
using array::dot;
using Potential = std::function<Array(const Array&)>;

InitialState start(double p = 0.1) {
  InitialState initial;
  initial.q = ir::Tensor::of<double>({2}, std::vector<double>{0.3, 0.4});
  initial.p = ir::Tensor::of<double>({2}, std::vector<double>{p, 0.2});
  return initial;
}

System system_of(const Potential& potential) {
  return hamiltonian(Shape{2}, {parameter("k", 1.0)}, [&](const Traced& at) {
    return NamedArrays{{"kinetic", dot(at.p(), at.p()) / 2},
                       {"potential", at["k"] * potential(dot(at.q(), at.q()))}};
  });
}

RunSettings settings(const std::string& method, const std::string& precision = "f64") {
  RunSettings run;
  run.dt = 0.01;
  run.steps = 300;
  run.method = method;
  run.precision = precision;
  return run;
}

RunResult result_of(const System& system, const RunSettings& run, double p = 0.1) {
  const InitialState initial = start(p);
  const Facts facts = find_facts(system, initial);
  const Plan plan = make_plan(system, facts, run, &initial);
  return Flow::compile(system, facts, plan)->run(initial, plan.steps);
}

Array plain(const Array& r) {
  return sqrt(r + 1.0);
}

Array checked(const Array& r) {
  return array::check(sqrt(r + 1.0), r < 4.0, "too far out");
}

/// The root by Newton's method.
Array searched(const Array& r) {
  return array::find_root([](const Array& x, const Array& of) { return x * x - of - 1.0; },
                          Array(1.1), {}, r);
}

/// The root by Heron's.
Array looped(const Array& r) {
  return array::while_loop([=](const Array& x) { return abs(x * x - r - 1.0) > 1e-13; },
                           [=](const Array& x) { return (x + (r + 1.0) / x) / 2.0; }, Array(1.1),
                           40);
}

class CheckedEnergies : public ::testing::TestWithParam<const char*> {};

TEST_P(CheckedEnergies, MoveAsThePlainOne) {
  const RunSettings run = settings(GetParam());
  const RunResult wanted = result_of(system_of(plain), run);
  for (const Potential& potential : {Potential(checked), Potential(searched), Potential(looped)}) {
    const RunResult r = result_of(system_of(potential), run);
    ASSERT_EQ(r.status, RunStatus::kFinished);
    // Of its choices auto may make others.
    const double near = run.method == "auto" ? 1e-5 : 1e-9;
    for (std::int64_t k = 0; k < 2; ++k) EXPECT_NEAR(r.q.real(k), wanted.q.real(k), near);
    ASSERT_FALSE(r.invariants.empty());
    EXPECT_LT(r.invariants[0].max_rel_error, 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, CheckedEnergies,
                         ::testing::Values("auto", "leapfrog", "rkn4", "implicit_midpoint",
                                           "dopri5"));

TEST(CheckedEnergy, RunsInLessPrecision) {
  for (const char* precision : {"f32", "compensated", "lattice"}) {
    const RunResult r = result_of(system_of(checked), settings("leapfrog", precision));
    EXPECT_EQ(r.status, RunStatus::kFinished) << precision;
  }
  EXPECT_THROW(result_of(system_of(checked), settings("leapfrog", "double-single")), UserError);
}

TEST(CheckedEnergy, SaysWhatFailed) {
  for (const char* method : {"leapfrog", "implicit_midpoint", "dopri5"}) {
    const RunResult r = result_of(system_of(checked), settings(method), 9.0);
    EXPECT_EQ(r.status, RunStatus::kStopped) << method;
    EXPECT_LT(r.t, 0.3) << method;
    EXPECT_NE(r.stopped_why.find("too far out"), std::string::npos)
        << method << ": " << r.stopped_why;
  }
}

TEST(CheckedEnergy, HasGradients) {
  const auto slope = [&](const Potential& potential) {
    System system = system_of(potential);
    observe(system, [](const Traced& at) { return NamedArrays{{"r", dot(at.q(), at.q())}}; });
    const InitialState initial = start();
    const Facts facts = find_facts(system, initial);
    const Plan plan = make_plan(system, facts, settings("leapfrog"), &initial);
    const Objective objective{"r", system.observables[0].value, 0};
    const auto gradient = Gradient::compile(system, facts, plan, objective, {"k"}, {});
    return gradient->run(initial, plan.steps).gradient[0].second.real(0);
  };
  const double wanted = slope(plain);
  EXPECT_NEAR(slope(checked), wanted, 1e-12);
  EXPECT_NEAR(slope(searched), wanted, 1e-9);
  EXPECT_NEAR(slope(looped), wanted, 1e-9);
}

TEST(CheckedEnergy, HasNoPrintedSource) {
  const System system = system_of(checked);
  const InitialState initial = start();
  const Facts facts = find_facts(system, initial);
  const Plan plan = make_plan(system, facts, settings("leapfrog"), &initial);
  try {
    (void)source_code(system, facts, plan, initial, backend::source::Dialect::kC, "run");
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("has a check"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace cotangent::mechanics
