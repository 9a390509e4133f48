// Monitors on the example files: the shadow energy warns of a dt that is too large before the run
// is wasted, and of no other; no good run is stopped.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/early_stop.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/shadow.h"

namespace cotangent::formats {
namespace {

using namespace mechanics;

struct Prepared {
  LoadedFile file;
  Facts facts;
  Plan plan;
  ir::Tensor p;
};

Prepared prepare(const std::string& name, const std::vector<Override>& overrides = {}) {
  const char* root = std::getenv("COTANGENT_SOURCE_DIR");
  const std::string path = std::string(root ? root : ".") + "/examples/" + name + ".toml";
  Prepared x{load_system_file(path, overrides), {}, {}, {}};
  x.facts = find_facts(x.file.system, x.file.initial);
  x.plan = make_plan(x.file.system, x.facts, x.file.run, &x.file.initial);
  x.p =
      x.file.initial.p ? *x.file.initial.p : momentum_from_velocity(x.file.system, x.file.initial);
  return x;
}

std::optional<ShadowWarning> warning(const Prepared& x) {
  const Coefficients c = coefficients_of(x.plan.composition);
  return check_shadow(x.file.system, {c.first_kick, c.drift, c.kick}, x.plan.composition.order,
                      x.file.initial.q, x.p, x.plan.dt, x.plan.steps);
}

TEST(ShadowOfExamples, SaysNothingOfGoodSteps) {
  for (const char* name : {"charges_in_a_trap", "coupled_pendulums", "figure_eight", "fput_chain",
                           "henon_heiles", "kepler", "lennard_jones_13", "outer_solar_system"}) {
    const auto w = warning(prepare(name));
    EXPECT_FALSE(w) << name << ": " << (w ? w->text : "");
  }
}

TEST(ShadowOfExamples, WarnsOfStepsThatAreTooLargeBeforeTheRunIsWasted) {
  const struct {
    const char* name;
    const char* dt;
  } all[] = {{"coupled_pendulums", "2.5"}, {"fput_chain", "1.5"},
             {"henon_heiles", "2.5"},      {"kepler", "0.6"},
             {"lennard_jones_13", "0.08"}, {"outer_solar_system", "2000.0"}};
  for (const auto& [name, dt] : all) {
    const Prepared x = prepare(
        name,
        {{"run.dt", dt}, {"run.t_end", std::to_string(300 * std::stod(dt))}, {"run.order", "2"}});
    const auto w = warning(x);
    ASSERT_TRUE(w) << name;
    EXPECT_GT(w->suggested_dt, 0) << name;
    EXPECT_LT(w->suggested_dt, x.plan.dt) << name;
    // What it warns of happens: the run is not one of this system any more.
    const auto flow = Flow::compile(x.file.system, x.facts, x.plan);
    const RunResult run = flow->run(x.file.initial, x.plan.steps);
    EXPECT_TRUE(run.status == RunStatus::kNonFinite || run.invariants.at(0).max_rel_error > 0.3)
        << name << ' ' << run.invariants.at(0).max_rel_error;
  }
}

TEST(EarlyStopOfExamples, StopsNoGoodRun) {
  for (const char* name : {"charges_in_a_trap", "coupled_pendulums", "figure_eight", "fput_chain",
                           "henon_heiles", "kepler", "lennard_jones_13", "outer_solar_system"}) {
    const Prepared x = prepare(name);
    const auto flow = Flow::compile(x.file.system, x.facts, x.plan);
    const RunResult run = flow->run(x.file.initial, std::min<std::int64_t>(x.plan.steps, 50000));
    for (const Invariant& i : run.invariants) {
      if (i.name != "energy") continue;
      for (std::size_t n = 1; n <= i.series.step.size(); n += 11) {
        Series so_far = i.series;
        so_far.step.resize(n), so_far.t.resize(n), so_far.values.resize(n);
        const auto why = goes_wrong(so_far, i.scale);
        ASSERT_FALSE(why) << name << ": " << *why;
      }
    }
  }
}

}  // namespace
}  // namespace cotangent::formats
