// [run]'s wishes, [multirate], [monitor], [ensemble]: what is read.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cotangent/formats/system_file.h"

namespace cotangent::formats {
namespace {

const std::string kChain = R"toml([parameters]
m = [1.0, 2.0]
k = 3.0
n = 2
[energy]
kinetic = "sum(i, dot(p[i], p[i])/(2*m[i]))"
bonds = "k*norm(q[0] - q[1])^2"
bends = "dot(q[0], q[1])"
field = "n*q[0,0]"
[initial]
q = [[1.0, 0.0], [2.0, 1.0]]
p = [[0.0, 0.0], [0.0, 0.0]]
[observe]
a = "q[0,0]"
b = "q[1,0]"
)toml";
const std::string kRun = "[run]\ndt = 0.1\nsteps = 10\n";

LoadedFile parse(const std::string& more, const std::string& run = kRun) {
  return parse_system_text("control.toml", kChain + run + more);
}

TEST(ControlTables, WishesOfTheRun) {
  const auto plain = parse("").run;
  EXPECT_FALSE(plain.accuracy || plain.corrector || plain.multirate);
  EXPECT_EQ(plain.rtol, 1e-9);
  EXPECT_EQ(plain.atol, 1e-12);
  EXPECT_TRUE(plain.coordinates.empty() && plain.coordinates_span.empty());
  const auto run = parse(
                       "tolerance = 1e-7\ncoordinates = \"jacobi\"\ncorrector = 11\n"
                       "splitting = \"ABA864\"\nmodes = false\nmatrix = \"method\"\n")
                       .run;
  EXPECT_EQ(run.rtol, 1e-7);
  EXPECT_EQ(run.atol, 1e-7);
  EXPECT_EQ(run.coordinates, "jacobi");
  EXPECT_EQ(run.corrector, 11);
  EXPECT_EQ(run.splitting, "ABA864");
  EXPECT_EQ(run.modes, false);
  EXPECT_EQ(parse("modes = \"auto\"\n").run.modes, std::nullopt);
  EXPECT_EQ(run.matrix, "method");
  for (const SourceSpan& span : {run.tolerance_span, run.coordinates_span, run.corrector_span,
                                 run.splitting_span, run.modes_span, run.matrix_span}) {
    EXPECT_FALSE(span.empty());
  }
  const auto both = parse("tolerance = {rtol = 1e-6, atol = 1e-10}\n").run;
  EXPECT_EQ(both.rtol, 1e-6);
  EXPECT_EQ(both.atol, 1e-10);
}

/// accuracy takes the place of dt, steps and tolerance, and needs the time to run.
TEST(ControlTables, AccuracyInPlaceOfAStep) {
  const auto run = parse("", "[run]\naccuracy = 1e-8\nt_end = 25.0\n").run;
  EXPECT_EQ(run.accuracy, 1e-8);
  EXPECT_EQ(run.duration, 25.0);
  EXPECT_EQ(run.steps, 0);
  EXPECT_FALSE(run.accuracy_span.empty());
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      parse("", text);
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  };
  for (const char* other : {"dt = 0.1\n", "steps = 10\n", "tolerance = 1e-9\n"}) {
    const std::string key = std::string(other).substr(0, std::string(other).find(' '));
    EXPECT_NE(refusal("[run]\naccuracy = 1e-8\nt_end = 25.0\n" + std::string(other))
                  .find("accuracy and " + key),
              std::string::npos)
        << key;
  }
  EXPECT_NE(refusal("[run]\naccuracy = 1e-8\n").find("t_end"), std::string::npos);
}

TEST(ControlTables, WhatIsSetFromOutsideWinsOverAccuracy) {
  const auto with = [](const std::string& run, const std::string& set) {
    return parse_system_text("control.toml", kChain + run, {parse_override(set)}).run;
  };
  const auto asked = with("[run]\ndt = 0.1\nsteps = 10\norder = 6\n", "run.accuracy=1e-6");
  EXPECT_FALSE(asked.order);
  EXPECT_EQ(asked.accuracy, 1e-6);
  EXPECT_DOUBLE_EQ(asked.duration, 1.0);
  const auto step = with("[run]\naccuracy = 1e-6\nt_end = 1.0\n", "run.dt=0.125");
  EXPECT_FALSE(step.accuracy);
  EXPECT_EQ(step.steps, 8);
}

TEST(ControlTables, Multirate) {
  using Levels = std::vector<std::vector<std::string>>;
  const auto fast = *parse("[multirate]\nfast = [\"bonds\"]\ninner = 10\n").run.multirate;
  EXPECT_EQ(fast.levels, (Levels{{}, {"bonds"}}));
  EXPECT_EQ(fast.inner, std::vector<std::int64_t>{10});
  const auto nested = *parse(
                           "[multirate]\nlevels = [[\"field\"], [\"bends\"], [\"bonds\"]]\n"
                           "inner = [4, 5]\n")
                           .run.multirate;
  EXPECT_EQ(nested.levels, (Levels{{"field"}, {"bends"}, {"bonds"}}));
  EXPECT_EQ(nested.inner, (std::vector<std::int64_t>{4, 5}));
}

TEST(ControlTables, Monitor) {
  EXPECT_FALSE(parse("").run.monitor.any());
  const auto m = parse(
                     "[monitor]\nshadow = true\nlyapunov = 3\nmegno = true\nsymplecticity = true\n"
                     "every = 7\nstop = true\n")
                     .run.monitor;
  EXPECT_TRUE(m.shadow && m.megno && m.symplecticity && m.stop);
  EXPECT_EQ(m.lyapunov, 3);
  EXPECT_EQ(m.every, 7);
  EXPECT_EQ(parse("[monitor]\nlyapunov = \"all\"\n").run.monitor.lyapunov, 8);
}

TEST(ControlTables, Ensemble) {
  EXPECT_FALSE(parse("").ensemble.has_value());
  const auto e = *parse(
                      "[ensemble]\nsize = 3\nseed = 9\nquantiles = [0.05, 0.5]\n"
                      "covariance = [\"a\", \"b\"]\n[ensemble.spread]\n"
                      "p = {normal = 0.01}\nm = {relative = [0.05, 0.1]}\n"
                      "\"q[0,1]\" = {uniform = [-1, 1]}\n\"q[1]\" = {lognormal = 0.2}\n"
                      "k = {values = [1.0, 2.0, 3.0]}\n")
                      .ensemble;
  EXPECT_EQ(e.size, 3);
  EXPECT_EQ(e.seed, 9u);
  EXPECT_EQ(e.quantiles, (std::vector<double>{0.05, 0.5}));
  EXPECT_EQ(e.covariance, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(e.spreads.size(), 5u);
  using Law = mechanics::Spread::Law;
  EXPECT_EQ(e.spreads[0].law, Law::kNormal);
  EXPECT_EQ(e.spreads[0].end, 4);
  EXPECT_FALSE(e.spreads[0].parameter);
  EXPECT_EQ(e.spreads[0].scale.as<double>()[0], 0.01);
  EXPECT_EQ(e.spreads[1].law, Law::kRelative);
  EXPECT_TRUE(e.spreads[1].parameter);
  EXPECT_EQ(e.spreads[1].scale.as<double>()[1], 0.1);
  EXPECT_EQ(e.spreads[2].law, Law::kUniform);
  EXPECT_EQ(e.spreads[2].begin, 1);
  EXPECT_EQ(e.spreads[2].end, 2);
  EXPECT_EQ(e.spreads[2].low, -1);
  EXPECT_EQ(e.spreads[2].high, 1);
  EXPECT_EQ(e.spreads[3].law, Law::kLogNormal);
  EXPECT_EQ(e.spreads[3].begin, 2);
  EXPECT_EQ(e.spreads[3].end, 4);
  EXPECT_EQ(e.spreads[4].law, Law::kValues);
  EXPECT_EQ(e.spreads[4].values.type().shape, (Shape{3, 1}));
  EXPECT_EQ(e.spreads[4].values.as<double>()[2], 3);
}

TEST(ControlTables, MembersFromAFile) {
  const auto folder = std::filesystem::temp_directory_path() / "cotangent_members_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "members.csv") << "1,2,3,4\n5,6,7,8\n";
  const auto loaded = parse_system_text(
      "control.toml",
      kChain + kRun + "[ensemble]\nsize = 2\nspread = {q = {values = {file = \"members.csv\"}}}\n",
      {}, folder);
  const auto& values = loaded.ensemble->spreads[0].values;
  EXPECT_EQ(values.type().shape, (Shape{2, 4}));
  EXPECT_EQ(values.as<double>()[5], 6);
  ASSERT_EQ(loaded.files.size(), 1u);
  std::filesystem::remove_all(folder);
}

TEST(ControlTables, SpreadsOfAStateWithoutMomenta) {
  const auto loaded = parse_system_text(
      "control.toml",
      "[equations]\nx = \"-x\"\ny = [\"x\"]\n[initial]\nx = 1.0\ny = [1.0]\n[run]\ndt = 0.1\n"
      "steps = 3\n[ensemble]\nsize = 4\nspread = {y = {normal = 1.0}, x = {relative = 0.5}}\n");
  EXPECT_EQ(loaded.ensemble->spreads[0].name, "y");
  EXPECT_EQ(loaded.ensemble->spreads[0].begin, 0);
  EXPECT_EQ(loaded.ensemble->spreads[1].end, 1);
}

}  // namespace
}  // namespace cotangent::formats
