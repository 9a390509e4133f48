// [run]: two of dt, t_end and steps, and what --set does to them. Exact.
#include "cotangent/formats/run_settings.h"

#include <gtest/gtest.h>

#include "cotangent/formats/system_file.h"

namespace cotangent::formats {
namespace {

LoadedFile load(const std::string& run, const std::vector<std::string>& sets = {}) {
  std::vector<Override> overrides;
  for (const std::string& text : sets) overrides.push_back(parse_override(text));
  return parse_system_text("run.toml",
                           "[parameters]\ng = 1.0\n[energy]\nT = \"p[0]^2/2 + g*q[0]\"\n[initial]\n"
                           "q = [1.0]\np = [0.0]\n[run]\n" +
                               run,
                           overrides);
}

std::string error_of(const std::string& run, const std::vector<std::string>& sets = {}) {
  try {
    load(run, sets);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

struct Case {
  std::string file;
  std::vector<std::string> sets;
  double dt;
  std::int64_t steps;
};

TEST(RunSettings, WhatIsSetWinsOverTheFile) {
  const std::string ends = "dt = 0.5\nt_end = 8.0\n";
  const std::string counts = "dt = 0.5\nsteps = 16\n";
  const std::string neither = "t_end = 8.0\nsteps = 16\n";
  const std::vector<Case> all = {
      {ends, {}, 0.5, 16},
      {counts, {}, 0.5, 16},
      {neither, {}, 0.5, 16},
      // steps for t_end and the other way round, dt stays
      {ends, {"run.steps=10"}, 0.5, 10},
      {counts, {"run.t_end=4"}, 0.5, 8},
      {ends, {"run.t_end=4"}, 0.5, 8},
      {counts, {"run.steps=10"}, 0.5, 10},
      // a file without dt
      {neither, {"run.steps=32"}, 0.25, 32},
      {neither, {"run.t_end=4"}, 0.25, 16},
      {neither, {"run.dt=2"}, 2, 4},
      // two of them
      {ends, {"run.steps=10", "run.dt=0.25"}, 0.25, 10},
      {ends, {"run.steps=10", "run.t_end=5"}, 0.5, 10},
      {counts, {"run.t_end=4", "run.dt=0.25"}, 0.25, 16},
      {ends, {"run.dt=0.25"}, 0.25, 32},
      // the last of several
      {ends, {"run.steps=10", "run.steps=12"}, 0.5, 12},
  };
  for (const Case& c : all) {
    std::string shown = c.file;
    for (const std::string& set : c.sets) shown += "--set " + set + "\n";
    ASSERT_EQ(error_of(c.file, c.sets), "") << shown;
    const LoadedFile loaded = load(c.file, c.sets);
    EXPECT_EQ(loaded.run.dt, c.dt) << shown;
    EXPECT_EQ(loaded.run.steps, c.steps) << shown;
  }
}

TEST(RunSettings, ASetEndThatIsNoWholeNumberOfStepsIsRefused) {
  const std::string message = error_of("dt = 0.5\nsteps = 16\n", {"run.t_end=4.1"});
  EXPECT_NE(message.find("no whole number of steps"), std::string::npos) << message;
  EXPECT_NE(message.find("--set run.t_end=4.1"), std::string::npos) << message;
}

TEST(RunSettings, AMethodSetFromOutsideLeavesKeysOfOthersBehind) {
  const std::string file =
      "dt = 0.5\nsteps = 16\nmethod = \"dopri5\"\ntolerance = 1e-5\ncorrector = 11\n";
  EXPECT_EQ(load(file).run.rtol, 1e-5);
  EXPECT_EQ(load(file, {"run.method=rk45"}).run.rtol, 1e-5);
  const mechanics::RunSettings other = load(file, {"run.method=leapfrog"}).run;
  EXPECT_EQ(other.rtol, 1e-9);
  EXPECT_TRUE(other.tolerance_span.empty());
  EXPECT_FALSE(other.corrector.has_value());
  // An order of its own has every method by name but a composition's parts.
  const std::string fourth = "dt = 0.5\nsteps = 16\norder = 4\n";
  EXPECT_EQ(load(fourth).run.order, 4);
  EXPECT_EQ(load(fourth, {"run.method=auto"}).run.order, 4);
  EXPECT_EQ(load(fourth, {"run.method=lie_poisson"}).run.order, 4);
  EXPECT_FALSE(load(fourth, {"run.method=leapfrog"}).run.order.has_value());
  EXPECT_FALSE(load(fourth, {"run.method=kepler"}).run.order.has_value());
  EXPECT_EQ(load(fourth, {"run.method=leapfrog", "run.order=6"}).run.order, 6);
  // What is set too stays, for the planner to refuse.
  EXPECT_EQ(load(file, {"run.method=leapfrog", "run.corrector=3"}).run.corrector, 3);
  EXPECT_NE(error_of("dt = 0.5\nsteps = 16\ncorrector = -1\n", {"run.method=leapfrog"}), "");
}

TEST(RunSettings, AllThreeAreOneTooMany) {
  EXPECT_TRUE(
      error_of("dt = 0.5\nt_end = 8.0\nsteps = 16\n").starts_with("[run] has dt, t_end and steps"));
  EXPECT_TRUE(error_of("dt = 1.0\nt_end = 1.0\n", {"run.dt=0.5", "run.t_end=8", "run.steps=16"})
                  .starts_with("[run] has dt, t_end and steps"));
}

TEST(RunSettings, StepsAreCountedExactly) {
  EXPECT_EQ(load("dt = 0.5\nsteps = 9007199254740992\n").run.steps, 9007199254740992);
  for (const char* steps : {"9007199254740993", "9007199254740994", "9223372036854775807", "0"}) {
    const std::string message = error_of(std::string("dt = 0.5\nsteps = ") + steps + "\n");
    EXPECT_NE(message.find(std::string("steps is ") + steps), std::string::npos) << message;
    EXPECT_NE(message.find("2^53"), std::string::npos) << message;
    EXPECT_NE(message.find("to do: "), std::string::npos) << message;
  }
}

TEST(RunSettings, ErrorsPointIntoTheSetText) {
  const std::string file = "dt = 0.5\nt_end = 8.0\n";
  const std::pair<std::string, std::string> all[] = {
      {"run.dt=-5", "run.toml:11:14\n    11 | --set run.dt=-5\n       |              ^~\n"},
      {"run.dt=[", "run.toml:11:15\n    11 | --set run.dt=[\n       |               ^\n"},
      {"run.dtt=5", "run.toml:11:11\n    11 | --set run.dtt=5\n       |           ^~~\n"},
      {"run.dt=1 2", "run.toml:11:16\n    11 | --set run.dt=1 2\n       |                ^\n"},
  };
  for (const auto& [set, shown] : all) {
    const std::string message = error_of(file, {set});
    EXPECT_NE(message.find(shown), std::string::npos) << message;
    EXPECT_NE(message.find("to do: "), std::string::npos) << message;
  }
}

TEST(RunSettings, BadSetValuesSayWhatToDo) {
  for (const char* set : {"run.dt=small", "run.dt=nan", "run.dt=inf", "run.dt=0", "run.dt=true",
                          "run.dt=[1,2]", "run.dt=2020-01-01", "run.dt=1..2", "run.dt={a=1}",
                          "run.steps=1.5", "run.t_end=-1", "run=3", "runn.dt=1", "title=1"}) {
    const std::string message = error_of("dt = 0.5\nt_end = 8.0\n", {set});
    const std::string shown = std::string(set).substr(0, std::string(set).find('=') + 1);
    EXPECT_NE(message.find("--set " + shown), std::string::npos) << set << '\n' << message;
    EXPECT_NE(message.find("to do: "), std::string::npos) << set << '\n' << message;
  }
  const std::string deep = error_of("dt = 0.5\nsteps = 1\n", {"run.x=" + std::string(300, '[')});
  EXPECT_NE(deep.find("to do: "), std::string::npos) << deep;
  const std::string axes = error_of("dt = [[[[[[[[[[1]]]]]]]]]]\nsteps = 1\n");
  EXPECT_NE(axes.find("to do: "), std::string::npos) << axes;
  EXPECT_TRUE(error_of("dt = 0.5\nsteps = 1\n", {"run.dt=small"})
                  .starts_with("dt is the text \"small\"\n"));
  EXPECT_THROW(parse_override("run.dt"), UserError);
}

TEST(RunSettings, SetReplacesParametersAndAddsNone) {
  EXPECT_EQ(error_of("dt = 0.5\nsteps = 16\n", {"parameters.g=2.0"}), "");
  EXPECT_EQ(error_of("dt = 0.5\nsteps = 16\n", {"observe.every=2", "observe.x=\"q[0]\""}), "");
  EXPECT_EQ(error_of("dt = 0.5\nsteps = 16\n", {"run.method=leapfrog"}), "");
  const std::string message = error_of("dt = 0.5\nsteps = 16\n", {"parameters.t=1"});
  EXPECT_TRUE(message.starts_with("there is no parameter 't' to set")) << message;
  EXPECT_NE(message.find("to do: "), std::string::npos) << message;
}

TEST(RunSettings, PrecisionAndWhatIsCompensated) {
  const std::string run = "dt = 0.5\nsteps = 16\n";
  using Parts = std::vector<std::string>;
  EXPECT_EQ(load(run).run.precision, "f64");
  for (const char* name : {"f64", "f32", "compensated", "double-single"}) {
    const LoadedFile file = load(run + "precision = \"" + name + "\"\n");
    EXPECT_EQ(file.run.precision, name);
    EXPECT_EQ(file.run.compensated, Parts{});
    EXPECT_EQ(load(run, {std::string("run.precision=") + name}).run.precision, name);
  }
  const std::string narrow = run + "precision = \"compensated\"\ncompensated = [\"p\"]\n";
  EXPECT_EQ(load(narrow).run.compensated, Parts{"p"});
  EXPECT_EQ(load(narrow, {"run.compensated=[\"q\", \"p\"]"}).run.compensated, (Parts{"q", "p"}));
  // What the file compensates stays with a precision that can, and gives way to one that cannot.
  EXPECT_EQ(load(narrow, {"run.precision=double-single"}).run.compensated, Parts{"p"});
  EXPECT_EQ(load(narrow, {"run.precision=f64"}).run.compensated, Parts{});
  // In one place it is a contradiction, which the planner refuses.
  EXPECT_EQ(load(run + "precision = \"f32\"\ncompensated = [\"p\"]\n").run.compensated, Parts{"p"});
  EXPECT_EQ(load(run, {"run.precision=f32", "run.compensated=[\"p\"]"}).run.compensated,
            Parts{"p"});
}

TEST(RunSettings, Lattice) {
  const std::string run = "dt = 0.5\nsteps = 16\nprecision = \"lattice\"\n";
  EXPECT_EQ(load(run).run.q_spacing, 0);
  const mechanics::RunSettings given = load(run + "lattice = {q = 1e-16, p = \"= 2^-50\"}\n").run;
  EXPECT_EQ(given.q_spacing, 1e-16);
  EXPECT_EQ(given.p_spacing, 0x1p-50);
  // A precision set from outside runs the file all the same.
  EXPECT_EQ(load(run + "lattice = {q = 1e-16, p = 1e-16}\n", {"run.precision=f64"}).run.q_spacing,
            0);
  EXPECT_NE(error_of(run, {"run.precision=f64", "run.lattice={q=1,p=1}"}).find("the precision is"),
            std::string::npos);
}

TEST(RunSettings, Gradient) {
  const std::string run = "dt = 0.5\nsteps = 16\n";
  const mechanics::GradientSettings none = load(run).run.gradient;
  EXPECT_EQ(none.policy, "auto");
  EXPECT_EQ(none.budget, 268435456);
  EXPECT_EQ(none.drift_tolerance, 1e-6);
  const mechanics::GradientSettings given =
      load(run + "[gradient]\npolicy = \"reverse\"\nbudget = \"1.5 MiB\"\ntolerance = 0\n")
          .run.gradient;
  EXPECT_EQ(given.policy, "reverse");
  EXPECT_EQ(given.budget, 1572864);
  EXPECT_EQ(given.drift_tolerance, 0);
  EXPECT_EQ(load(run, {"gradient.budget=4096"}).run.gradient.budget, 4096);
}

TEST(RunSettings, SizesInBytes) {
  EXPECT_EQ(parse_bytes("0"), 0);
  EXPECT_EQ(parse_bytes("4096"), 4096);
  EXPECT_EQ(parse_bytes("10 B"), 10);
  EXPECT_EQ(parse_bytes("10MB"), 10000000);
  EXPECT_EQ(parse_bytes("2 kB"), 2000);
  EXPECT_EQ(parse_bytes("2KiB"), 2048);
  EXPECT_EQ(parse_bytes("0.5 GiB"), 536870912);
  EXPECT_EQ(parse_bytes("1 TB"), 1000000000000);
  for (const char* bad : {"", "MB", "-1", "10 mb", "1 PB", "nan", "1e30", "10 MBs"}) {
    EXPECT_FALSE(parse_bytes(bad)) << bad;
  }
}

}  // namespace
}  // namespace cotangent::formats
