// Ensembles from the command line.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "cotangent/io/hdf5_file.h"
#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
using nlohmann::json;

/// Oscillators whose springs differ; the amplitude of each is a half.
constexpr const char* kSprings = R"toml(title = "Springs"
[parameters]
k = 4.0
[energy]
kinetic = "p[0]^2 / 2"
spring = "k * q[0]^2 / 2"
[initial]
q = [0.5]
p = [0.0]
[ensemble]
size = 50
seed = 3
quantiles = [0.05, 0.95]
covariance = ["place", "speed"]
[ensemble.spread]
k = {uniform = [3.0, 5.0]}
[run]
dt = 0.01
t_end = 2.0
[observe]
every = 20
place = "q[0]"
speed = "abs(p[0])"
)toml";

std::vector<std::vector<std::string>> csv(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream text(read_file(path));
  for (std::string line; std::getline(text, line);) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

TEST(Ensemble, TheAnswerHasStatistics) {
  const TemporaryFolder folder;
  const CliResult run =
      run_cli({"run", folder.write("springs.toml", kSprings), "--json", "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json answer = run.json();
  EXPECT_EQ(answer.at("ensemble").dump(), R"({"finite_members":50,"seed":3,"size":50})");
  const json& seen = answer.at("observables");
  for (const char* name : {"place.mean", "place.std", "place.min", "place.max", "place.q05",
                           "place.q95", "speed.mean", "covariance", "energy_error.max"}) {
    EXPECT_TRUE(seen.contains(name)) << name;
  }
  const auto last = [&](const char* name) {
    return seen.at(name).at("value").back().get<double>();
  };
  EXPECT_LT(last("place.min"), last("place.q05"));
  EXPECT_LT(last("place.q05"), last("place.q95"));
  // The final state is the mean of the members.
  EXPECT_NEAR(answer.at("final").at("q")[0].get<double>(), last("place.mean"), 1e-15);
  const double variance = seen.at("covariance").at("value").back()[0][0];
  EXPECT_NEAR(variance, std::pow(last("place.std"), 2), 1e-15);
  EXPECT_TRUE(answer.at("invariants").empty());
}

TEST(Ensemble, TheTextHasATableOfStatistics) {
  const TemporaryFolder folder;
  const CliResult run = run_cli({"run", folder.write("springs.toml", kSprings)});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* says :
       {"50 members, 50 finite at the end, seed 3", "observables over the members at t = 2", "mean",
        "q95", "mean of the members at t = 2", "spread in k"}) {
    EXPECT_NE(run.out.find(says), std::string::npos) << says << '\n' << run.out;
  }
  EXPECT_EQ(run.out.find("place.mean"), std::string::npos) << run.out;
  EXPECT_NE(run.err.find("50 members, 200 steps"), std::string::npos) << run.err;
  EXPECT_EQ(run.err.find("energy 0"), std::string::npos) << run.err;
}

TEST(Ensemble, StatisticsHaveTheUnitsOfTheirObservables) {
  const TemporaryFolder folder;
  const std::string file = folder.write(
      "a.toml",
      "[parameters]\nm = \"2 lb\"\nk = \"30 N/m\"\n[energy]\nkinetic = \"p[0]^2/(2*m)\"\n"
      "spring = \"k*q[0]^2/2\"\n[initial]\nq = [\"1 ft\"]\np = [0]\n[run]\ndt = \"1 ms\"\n"
      "steps = 20\n[ensemble]\nsize = 400\ncovariance = [\"place\", \"speed\"]\n"
      "[ensemble.spread]\nq = {normal = \"1 in\"}\nm = {relative = \"1 %\"}\n[observe]\n"
      "speed = \"v[0]\"\n[observe.place]\nexpr = \"q[0]\"\nunit = \"in\"\n");
  const CliResult run = run_cli({"run", file, "--json", "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json answer = run.json();
  const json& seen = answer.at("observables");
  EXPECT_EQ(seen["place.std"]["unit"], "in");
  EXPECT_EQ(seen["speed.mean"]["unit"], "m/s");
  EXPECT_EQ(seen["covariance"]["units"], (std::vector<std::string>{"in", "m/s"}));
  // One inch, give or take 1 over sqrt(2 n): 3.5%.
  EXPECT_NEAR(seen["place.std"]["value"][0].get<double>(), 1, 4 * 0.036);
}

TEST(Ensemble, OutHasStatisticsAndMembers) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const CliResult run = run_cli({"run", folder.write("springs.toml", kSprings), "--json", "--quiet",
                                 "--out", out, "--set", "observe.slow={expr=\"q[0]\", every=50}"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto members = csv(out + "/members.csv");
  ASSERT_EQ(members.size(), 51);
  EXPECT_EQ(members[0], (std::vector<std::string>{"member", "q[0]", "p[0]"}));
  double mean = 0;
  for (std::size_t k = 1; k < members.size(); ++k) mean += std::stod(members[k][1]) / 50;
  EXPECT_NEAR(mean, run.json().at("final").at("q")[0].get<double>(), 1e-14);
  // Observables of another cadence leave cells empty where they have no sample.
  const auto rows = csv(out + "/trajectory.csv");
  ASSERT_EQ(rows.size(), 1 + 11 + 2);  // steps 0, 20, ..., 200, and 50 and 150
  EXPECT_EQ(rows[0][2], "q.mean[0]");
  const auto column = static_cast<std::size_t>(
      std::find(rows[0].begin(), rows[0].end(), "slow.mean") - rows[0].begin());
  ASSERT_LT(column, rows[0].size());
  EXPECT_EQ(rows[2][0], "20");
  EXPECT_EQ(rows[2][column], "");
  EXPECT_EQ(rows[4][0], "50");
  EXPECT_EQ(rows[4][2], "");
  EXPECT_NE(rows[4][column], "");
  EXPECT_NE(read_file(out + "/report.html").find("place.q95"), std::string::npos);
  // An earlier run's members go away with it.
  std::string one = kSprings;
  one.erase(one.find("[ensemble]"), one.find("[run]") - one.find("[ensemble]"));
  ASSERT_EQ(run_cli({"run", folder.write("one.toml", one), "--quiet", "--out", out}).code, 2);
  ASSERT_EQ(
      run_cli({"run", folder.write("one.toml", one), "--quiet", "--out", out, "--overwrite"}).code,
      0);
  EXPECT_FALSE(std::filesystem::exists(out + "/members.csv"));
}

TEST(Ensemble, ManyMembersGoToHdf5) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const CliResult run =
      run_cli({"run", folder.write("springs.toml", kSprings), "--json", "--quiet", "--out", out,
               "--set", "ensemble.size=300000", "--set", "run.t_end=0.2"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_FALSE(std::filesystem::exists(out + "/members.csv"));
  const io::PlainArray q = io::read_array(out + "/trajectory.h5", "members/q");
  EXPECT_EQ(q.shape, (Shape{300000, 1}));
  double mean = 0;
  for (double x : q.values) mean += x / 300000;
  EXPECT_NEAR(mean, run.json().at("final").at("q")[0].get<double>(), 1e-12);
  const io::Samples spread = io::read_samples(out + "/trajectory.h5", "observables/place.std");
  EXPECT_EQ(spread.t.size(), 2);
  EXPECT_EQ(io::read_samples(out + "/trajectory.h5", "trajectory/q.mean").t.size(), 2);
}

TEST(Ensemble, CommandsForOneRunRefuseItByName) {
  const TemporaryFolder folder;
  const std::string file = folder.write("springs.toml", kSprings);
  const std::vector<std::vector<std::string>> commands = {
      {"check", file, "--reverse"},
      {"check", file, "--grad"},
      {"check", file, "--evaluate"},
      {"grad", file, "--of", "q[0]", "--wrt", "q"},
      {"compile", file, "--target", "c"}};
  for (const auto& command : commands) {
    const CliResult result = run_cli(command);
    EXPECT_EQ(result.code, 2) << command[0] << result.err;
    EXPECT_NE(result.err.find("asks for an ensemble"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("without [ensemble]"), std::string::npos) << result.err;
  }
  const CliResult explained = run_cli({"explain", file});
  EXPECT_EQ(explained.code, 0) << explained.err;
  EXPECT_NE(explained.out.find("50 members, seed 3"), std::string::npos) << explained.out;
  EXPECT_NE(explained.out.find("energy_error, finite_members"), std::string::npos);
  EXPECT_EQ(explained.out.find("since H is invariant"), std::string::npos) << explained.out;
}

TEST(Ensemble, WhatMembersCannotDoIsRefusedWithItsPlace) {
  const TemporaryFolder folder;
  const std::string file = folder.write("springs.toml", kSprings);
  const struct {
    const char* set;
    const char* says;
    const char* where;
  } all[] = {{"run.method=exact", "not by method = \"exact\"", "run.method"},
             {"run.precision=f32", "the precision is f32", "run.precision"},
             {"observe.energy_error=\"q[0]\"", "\"energy_error\" has the name", ""},
             {"observe.finite_members=\"q[0]\"", "\"finite_members\" has the name", ""},
             {"observe.covariance=\"q[0]\"", "\"covariance\" has the name", ""}};
  for (const auto& x : all) {
    const CliResult r = run_cli({"run", file, "--set", x.set});
    EXPECT_EQ(r.code, 2) << x.set << r.err;
    EXPECT_NE(r.err.find(x.says), std::string::npos) << r.err;
    EXPECT_NE(r.err.find(x.where), std::string::npos) << r.err;
  }
}

/// Of equations, which have no energy, members are counted as well.
TEST(Ensemble, MembersOfEquationsAreCounted) {
  const TemporaryFolder folder;
  const CliResult r =
      run_cli({"run",
               folder.write("a.toml",
                            "[equations]\nx = \"x^2\"\n[initial]\nx = 0.1\n[ensemble]\nsize = 6\n"
                            "[ensemble.spread]\nx = {values = [0.1, 1.5, -1.0, 0.2, 1.4, 0.0]}\n"
                            "[run]\ndt = 0.125\nsteps = 20\n[observe]\nevery = 1\n"),
               "--json"});
  ASSERT_EQ(r.code, 0) << r.err;
  const json finite = r.json()["observables"]["finite_members"]["value"];
  EXPECT_EQ(finite.front(), 6);
  EXPECT_EQ(finite.back(), 4);
  EXPECT_NE(r.err.find("2 of 6 members are not finite at the end"), std::string::npos) << r.err;
}

/// Where k < -1e5 a member flies off beyond all numbers in the two seconds: about half of them.
TEST(Ensemble, LostMembersAreCounted) {
  const TemporaryFolder folder;
  std::string text = kSprings;
  const std::string from = "uniform = [3.0, 5.0]";
  text.replace(text.find(from), from.size(), "uniform = [-4e5, 0.0]");
  const CliResult run = run_cli({"run", folder.write("springs.toml", text), "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const int finite = run.json().at("ensemble").at("finite_members");
  EXPECT_GT(finite, 5);
  EXPECT_LT(finite, 45);
  EXPECT_NE(run.err.find(std::to_string(50 - finite) + " of 50 members are not finite at the end"),
            std::string::npos)
      << run.err;
}

}  // namespace
}  // namespace cotangent::apps::testing
