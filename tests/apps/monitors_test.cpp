// [monitor] and [symmetries] as people meet them: warnings before a run, what stands in the answer,
// and what `explain` says.
#include <gtest/gtest.h>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
using nlohmann::json;

constexpr const char* kFreePlane = R"toml(title = "A ball in a channel"
[energy]
kinetic = "(p[0]^2 + p[1]^2) / 2"
channel = "q[0]^2 / 2 + q[0]^4 / 4"
[initial]
q = [1.0, 0.0]
p = [0.0, 0.3]
[run]
dt = 0.05
steps = 400
method = "leapfrog"
)toml";

json named(const json& list, const std::string& name, const char* key = "name") {
  for (const json& x : list) {
    if (x[key] == name) return x;
  }
  return nullptr;
}

bool warned(const CliResult& r) {
  return r.err.find("at dt = ") != std::string::npos;
}

/// The bar: said before the run, in words, with a dt to try; and the run does go wrong.
TEST(Monitors, AStepThatIsTooLargeIsWarnedOfBeforeTheRun) {
  const struct {
    const char* name;
    const char* dt;
    const char* t_end;
  } all[] = {{"coupled_pendulums", "2.5", "750.0"},
             {"fput_chain", "1.5", "450.0"},
             {"henon_heiles", "2.5", "750.0"},
             {"kepler", "0.6", "180.0"},
             {"outer_solar_system", "2000.0", "600000.0"}};
  for (const auto& x : all) {
    const CliResult r =
        run_cli({"run", example(x.name), "--json", "--set", "run.order=2", "--set",
                 std::string("run.dt=") + x.dt, "--set", std::string("run.t_end=") + x.t_end});
    EXPECT_TRUE(warned(r)) << x.name << r.err;
    EXPECT_NE(r.err.find("; try dt = "), std::string::npos) << x.name << r.err;
    const json answer = r.json();
    const json energy = named(answer["invariants"], "energy");
    const bool wrong = answer["status"] == "non-finite" || energy["max_rel_error"].is_null() ||
                       energy["max_rel_error"] > 0.3;
    EXPECT_TRUE(wrong) << x.name << ' ' << answer["status"] << ' ' << energy["max_rel_error"];
  }
}

TEST(Monitors, NothingIsSaidOfGoodSteps) {
  for (const char* name :
       {"coupled_pendulums", "figure_eight", "henon_heiles", "kepler", "outer_solar_system"}) {
    const CliResult r = run_cli({"run", example(name), "--json"});
    EXPECT_EQ(r.code, 0) << name;
    EXPECT_EQ(r.err.find("warning"), std::string::npos) << name << r.err;
  }
}

TEST(Monitors, TheWarningIsInExplainAndCanBeSwitchedOff) {
  const std::vector<std::string> far = {"--set",      "run.order=2", "--set",
                                        "run.dt=0.6", "--set",       "run.t_end=180.0"};
  std::vector<std::string> arguments = {"explain", example("kepler"), "--json"};
  arguments.insert(arguments.end(), far.begin(), far.end());
  const json said = named(run_cli(arguments).json()["plan"], "warning", "decision");
  ASSERT_FALSE(said.is_null());
  EXPECT_TRUE(std::string(said["reason"]).starts_with("at dt = 0.6 ")) << said;
  arguments[0] = "run";
  arguments.insert(arguments.end(), {"--set", "monitor.shadow=false"});
  EXPECT_FALSE(warned(run_cli(arguments)));
}

TEST(Monitors, WhatIsAskedForStandsInTheAnswer) {
  const TemporaryFolder folder;
  const std::string file = folder.write(
      "channel.toml", std::string(kFreePlane) +
                          "[symmetries]\nshift = {dq = \"[0, 1]\"}\n[monitor]\nshadow = true\n"
                          "lyapunov = \"all\"\nmegno = true\nsymplecticity = true\nevery = 4\n");
  const CliResult r = run_cli({"run", file, "--json"});
  ASSERT_EQ(r.code, 0) << r.err;
  const json answer = r.json();
  const json shadow = named(answer["invariants"], "shadow_energy");
  const json energy = named(answer["invariants"], "energy");
  ASSERT_FALSE(shadow.is_null());
  EXPECT_LT(shadow["max_rel_error"], 0.02 * double(energy["max_rel_error"]));
  for (const char* name : {"p[1]", "shift"}) {
    const json x = named(answer["invariants"], name);
    ASSERT_FALSE(x.is_null()) << name;
    EXPECT_EQ(x["max_abs_error"], 0) << name;
    EXPECT_EQ(x["how"], "proved") << name;
    EXPECT_EQ(x["initial"], 0.3) << name;
  }
  EXPECT_EQ(answer["lyapunov"]["exponents"].size(), 4u);
  EXPECT_LT(answer["lyapunov"]["pairing"], 1e-12);
  EXPECT_FALSE(answer["megno"]["chaotic"]);
  EXPECT_TRUE(answer["symplecticity"]["keeps"]);
  const CliResult text = run_cli({"run", file});
  for (const char* word : {"beside the run", "Lyapunov exponents", "MEGNO", "symplecticity"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word << text.out;
  }
  const json plan = run_cli({"explain", file, "--json"}).json()["plan"];
  const std::string monitors = named(plan, "monitors", "decision")["choice"];
  for (const char* word : {"shadow_energy", "p[1]", "shift", "4 Lyapunov exponents", "MEGNO"}) {
    EXPECT_NE(monitors.find(word), std::string::npos) << word << ": " << monitors;
  }
}

/// What a run calls by a name of its own nothing else has.
TEST(Monitors, NamesOfResultsAreTaken) {
  const TemporaryFolder folder;
  const std::string plane = folder.write("plane.toml", kFreePlane);
  const std::string lorenz = example("lorenz");
  const auto observed = [&](const std::string& file, const std::string& name) {
    return run_cli({"run", file, "--set", "observe." + name + "=\"2*t\""});
  };
  for (const char* name : {"energy", "momentum", "angular_momentum", "shadow_energy", "lyapunov",
                           "megno", "symplecticity", "step", "t", "q", "p", "v"}) {
    const CliResult r = observed(plane, name);
    EXPECT_EQ(r.code, 2) << name;
    EXPECT_NE(r.err.find("the observable '" + std::string(name) + "' has the name of a result"),
              std::string::npos)
        << r.err;
    EXPECT_NE(r.err.find("--set observe." + std::string(name)), std::string::npos) << r.err;
    EXPECT_NE(r.err.find("call it something else"), std::string::npos) << r.err;
  }
  EXPECT_EQ(observed(lorenz, "x").code, 2);
  EXPECT_EQ(observed(lorenz, "q").code, 0);
  const CliResult term = run_cli({"run", plane, "--set", "energy.energy=\"q[0]\""});
  EXPECT_EQ(term.code, 2);
  EXPECT_NE(term.err.find("the energy term 'energy'"), std::string::npos) << term.err;
}

TEST(Monitors, AClaimThatFailsIsAWarningWithItsPlaceAndAFact) {
  const TemporaryFolder folder;
  const std::string file = folder.write(
      "channel.toml", std::string(kFreePlane) + "[symmetries]\naside = {dq = \"[1, 0]\"}\n");
  const CliResult r = run_cli({"run", file, "--json"});
  EXPECT_EQ(r.code, 0);
  EXPECT_NE(r.err.find("'aside' is no symmetry of this energy"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("channel.toml:13"), std::string::npos) << r.err;
  EXPECT_TRUE(named(r.json()["invariants"], "aside").is_null());
  const json fact = named(run_cli({"explain", file, "--json"}).json()["facts"], "aside_invariant");
  ASSERT_FALSE(fact.is_null());
  EXPECT_EQ(fact["value"], false);
}

TEST(Monitors, ARunThatGoesWrongStopsWithTheReason) {
  const TemporaryFolder folder;
  std::string text = kFreePlane;
  text.replace(text.find(" + q[0]^4 / 4"), 13, "");
  text.replace(text.find("dt = 0.05"), 9, "dt = 2.002");
  text.replace(text.find("steps = 400"), 11, "steps = 2400");
  const CliResult on = run_cli({"run", folder.write("a.toml", text), "--json"});
  EXPECT_NE(on.err.find("the energy"), std::string::npos) << on.err;
  const CliResult r =
      run_cli({"run", folder.write("b.toml", text + "[monitor]\nstop = true\n"), "--json"});
  EXPECT_EQ(r.code, 3) << r.err;
  const json answer = r.json();
  EXPECT_EQ(answer["status"], "stopped");
  EXPECT_LT(answer["steps"], 2400);
  EXPECT_NE(std::string(answer["stopped_why"]).find("the energy error"), std::string::npos);
  EXPECT_NE(r.err.find("stopped after step"), std::string::npos) << r.err;
  EXPECT_FALSE(named(answer["invariants"], "energy").is_null());
  const std::size_t once = r.out.find("\"stopped_why\"");
  ASSERT_NE(once, std::string::npos);
  EXPECT_EQ(r.out.find("\"stopped_why\"", once + 1), std::string::npos) << r.out;

  const CliResult back = run_cli({"check", folder / "b.toml", "--reverse", "--json"});
  EXPECT_EQ(back.code, 3) << back.err;
  EXPECT_EQ(back.json()["status"], "stopped");
  EXPECT_EQ(back.json()["ok"], false);
  EXPECT_NE(std::string(back.json()["stopped_why"]).find("the energy error"), std::string::npos);
}

/// What is measured beside a run is of no use to a run there and back.
TEST(Monitors, ACheckMeasuresNoGrowthRates) {
  const TemporaryFolder folder;
  const std::string file =
      folder.write("a.toml", std::string(kFreePlane) + "[monitor]\nmegno = true\n");
  const auto measured = [&](std::vector<std::string> command) {
    command.insert(command.end(), {"--trace", folder / "trace.json"});
    const CliResult r = run_cli(command);
    EXPECT_EQ(r.code, 0) << r.err;
    return read_file(folder / "trace.json").find("\"MEGNO\"") != std::string::npos;
  };
  EXPECT_TRUE(measured({"run", file}));
  EXPECT_FALSE(measured({"check", file, "--reverse"}));
}

TEST(Monitors, WhatCouldNotBeMeasuredIsSaidBesideTheAnswer) {
  const TemporaryFolder folder;
  const CliResult r = run_cli({"run",
                               folder.write("a.toml",
                                            "[parameters]\nr = 2.0\n[map]\nx = \"r*x*(1 - x)\"\n"
                                            "[initial]\nx = 0.5\n[run]\nsteps = 40\n"
                                            "[monitor]\nlyapunov = 1\n"),
                               "--json"});
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.json()["final"]["x"], 0.5);
  ASSERT_EQ(r.json()["warnings"].size(), 1u);
  EXPECT_NE(r.err.find("no Lyapunov exponents"), std::string::npos) << r.err;
}

TEST(Monitors, WhatHasNoMeaningIsRefusedByName) {
  const TemporaryFolder folder;
  std::string driven = kFreePlane;
  driven.replace(driven.find("q[0]^4 / 4"), 10, "q[0] * cos(t)");
  const CliResult r =
      run_cli({"run", folder.write("a.toml", driven + "[monitor]\nshadow = true\n")});
  EXPECT_EQ(r.code, 2);
  EXPECT_NE(r.err.find("the scheme's own energy is not known here: H depends on t"),
            std::string::npos)
      << r.err;
  EXPECT_EQ(run_cli({"run", folder.write("b.toml", driven)}).code, 0);
  const CliResult taken =
      run_cli({"run", folder.write("c.toml", std::string(kFreePlane) +
                                                 "[symmetries]\nenergy = {dq = \"[0, 1]\"}\n")});
  EXPECT_EQ(taken.code, 2) << taken.err;
}

TEST(Monitors, AStopNamesNoProgramOfOurs) {
  const TemporaryFolder folder;
  const std::string file = folder.write("blow_up.toml", R"toml([equations]
x = "x[0]^2 * [1.0]"
[initial]
x = [1.0]
[run]
dt = 0.1
t_end = 5.0
)toml");
  const CliResult r = run_cli({"run", file});
  EXPECT_NE(r.err.find("more than 1000 inner steps"), std::string::npos) << r.err;
  EXPECT_EQ(r.err.find("chunk"), std::string::npos) << r.err;
}

}  // namespace
}  // namespace cotangent::apps::testing
