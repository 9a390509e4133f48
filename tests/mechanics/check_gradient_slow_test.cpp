// The four ways to a gradient agree on every system in every precision.
#include "tests/mechanics/gradient_cases.h"
#include "tests/mechanics/gradient_forms.h"

namespace cotangent::mechanics::test {
namespace {

TEST(CheckGradientSlow, EverySystemPasses) {
  for (const Problem& problem :
       {kepler(0.3), henon_heiles(), outer_solar_system(), fput(8, 0.25)}) {
    for (const char* precision : {"f64", "f32", "double-single", "lattice"}) {
      expect_passes(problem, precision, 10);
    }
  }
  // Times and a sine in H have no double-single form; the lattice has no size to go by.
  for (const Problem& problem : {driven_oscillator(), swinging_mass()}) {
    expect_passes(problem, "f64", 10);
  }
  for (const Case& c : cases()) {
    const System& system = c.problem.system;
    const Facts facts = find_facts(system, c.problem.initial);
    const Plan plan = make_plan(system, facts, c.run, &c.problem.initial);
    for (const std::optional<Objective>& objective :
         {std::optional<Objective>(), std::optional<Objective>(objective_of(c.problem)),
          std::optional<Objective>(objective_of(c.problem, 7))}) {
      transform::GradCheckOptions how;
      how.components = 10;
      const transform::GradCheck check = check_gradient(
          system, facts, plan, c.problem.initial, objective, all_variables(c.problem), {}, how);
      EXPECT_EQ(check.verdict, transform::GradCheck::Verdict::kPass)
          << c.name << " by " << plan.method << '\n'
          << check.text();
    }
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
