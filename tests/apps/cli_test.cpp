// The command line: what it prints where, its exit codes, and that nothing is half-written.
#include "tests/apps/cli.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <numbers>

#include "cotangent/io/hdf5_file.h"

namespace cotangent::apps::testing {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kOscillator = R"(title = "Oscillator"
[energy]
kinetic = "p[0]^2 / 2"
spring = "q[0]^2 / 2"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 0.1
t_end = 10.0
[observe]
every = 10
position = "q[0]"
)";

constexpr const char* kOverAnEdge = R"toml(title = "Free fall over an edge"
[energy]
kinetic = "p[0]^2 / 2"
well = "sqrt(q[0])"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 0.01
t_end = 20.0
method = "leapfrog"
[observe]
every = 10
position = "q[0]"
)toml";

/// A chain of 100 sites with held ends, its lowest mode: w = 2 sin(pi / 202), a billion steps.
TEST(Cli, ALinearChainTakesABillionStepsAtOnce) {
  const TemporaryFolder folder;
  std::string q, p;
  for (int k = 1; k <= 100; ++k) {
    const double x = std::sin(M_PI * k / 101);
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.17g\n", x);
    q += digits;
    p += "0.0\n";
  }
  folder.write("q.csv", q);
  folder.write("p.csv", p);
  const std::string file = folder.write("chain.toml", R"toml([energy]
kinetic = "sum(i, p[i]^2) / 2"
springs = "sum(i in 0..99, (q[i+1] - q[i])^2) / 2"
ends = "(q[0]^2 + q[99]^2) / 2"
[initial]
q = {file = "q.csv"}
p = {file = "p.csv"}
[run]
dt = 0.25
steps = 1000000000
method = "exact"
[observe]
every = 500000000
middle = "q[50]"
)toml");
  const CliResult result = run_cli({"run", file, "--json", "--quiet"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json answer = result.json();
  const long double w = 2 * std::sin(std::numbers::pi_v<long double> / 202);
  const double expected =
      std::sin(M_PI * 51 / 101) * static_cast<double>(std::cos(w * 0.25L * 1e9L));
  // The phase error n h w eps is 1e-9.
  EXPECT_NEAR(answer.at("observables").at("middle").at("value").back().get<double>(), expected,
              1e-8);
  const CliResult other = run_cli({"grad", file, "--of", "q[0]", "--wrt", "q"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("exact"), std::string::npos) << other.err;
}

/// A step that is in resonance with the spring is warned of before the run.
TEST(Cli, AResonantStepIsWarnedOf) {
  const TemporaryFolder folder;
  const std::string file = folder.write("stiff.toml", R"toml([energy]
kinetic = "(p[0]^2 + p[1]^2) / 2"
stiff = "(100 * pi)^2 * q[0]^2 / 2"
slow = "q[1]^2 / 200 + q[0]^2 * q[1]^2"
[initial]
q = [0.0001, 1.0]
p = [0.0, 0.0]
[run]
dt = 1.0
steps = 10
method = "exact_kicks"
)toml");
  const CliResult result = run_cli({"run", file, "--quiet"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("warning: "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("resonance"), std::string::npos) << result.err;
  const CliResult clear = run_cli({"run", file, "--quiet", "--set=run.dt=1.006"});
  EXPECT_EQ(clear.err.find("resonance"), std::string::npos) << clear.err;
}

/// No method here: H is not T(p) + V(q).
constexpr const char* kMixed = R"toml([energy]
kinetic = "p[0]^2 / 2"
mixed = "q[0] * p[0]"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 0.1
t_end = 1.0
method = "leapfrog"
)toml";

/// Ten feet up, let go.
constexpr const char* kFall = R"toml([parameters]
m = "1 slug"
g = "1 gn"
[energy]
kinetic = "p[0]^2 / (2*m)"
gravity = "m*g*q[0]"
[initial]
q = ["10 ft"]
p = [0]
[run]
dt = "1 ms"
t_end = "0.5 s"
[observe.height]
expr = "q[0]"
unit = "ft"
)toml";

TEST(Run, ResultsCarryTheirUnits) {
  const TemporaryFolder folder;
  const std::string file = folder.write("fall.toml", kFall);
  const CliResult run = run_cli({"run", file, "--json", "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json answer = run.json();
  EXPECT_EQ(answer["units"]["t"], "s");
  EXPECT_EQ(answer["units"]["q"], "m");
  EXPECT_EQ(answer["units"]["p"], "kg m/s");
  EXPECT_EQ(answer["units"]["v"], "m/s");
  EXPECT_EQ(answer["units"]["energy"], "J");
  EXPECT_EQ(answer["units"]["parameters"]["g"], "m/s^2");
  EXPECT_EQ(answer["invariants"][0]["unit"], "J");
  EXPECT_EQ(answer["observables"]["height"]["unit"], "ft");
  // 10 ft - g t^2/2, which leapfrog gives to round-off
  EXPECT_NEAR(answer["observables"]["height"]["value"].back().get<double>(),
              10 - 9.80665 * 0.125 / 0.3048, 1e-12);
  const CliResult text = run_cli({"run", file, "--quiet", "--out", folder / "out"});
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part :
       {"steps of dt = 0.001 s", "at t = 0.5 s, q in m, v in m/s", "  ft\n", "  J\n"}) {
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
  }
  // Without units there is none of it.
  const json plain =
      run_cli({"run", folder.write("plain.toml", kOscillator), "--json", "--quiet"}).json();
  EXPECT_FALSE(plain.contains("units"));
  EXPECT_FALSE(plain["observables"]["position"].contains("unit"));
}

TEST(Cli, VersionAndHelp) {
  const CliResult version = run_cli({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out.rfind("cotangent ", 0), 0u);
  const CliResult help = run_cli({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* word : {"run", "explain", "check", "doctor", "Exit codes"}) {
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
  const CliResult run_help = run_cli({"run", "--help"});
  EXPECT_EQ(run_help.code, 0);
  for (const char* word : {"--set", "--out", "--quiet", "--threads", "--json"}) {
    EXPECT_NE(run_help.out.find(word), std::string::npos) << word;
  }
}

TEST(Cli, ABadCommandLineIsBadInput) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"fly"},
                                             {"run"},
                                             {"run", "x.toml", "--fast"},
                                             {"run", "x.toml", "--threads", "0"}}) {
    const CliResult result = run_cli(arguments);
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err, "");
  }
  const CliResult section = run_cli({"explain", example("kepler"), "--show=kernel"});
  EXPECT_EQ(section.code, 2);
  EXPECT_NE(section.err.find("did you mean 'kernels'"), std::string::npos) << section.err;
}

TEST(Cli, TheAnswerIsOneObject) {
  const TemporaryFolder folder;
  const CliResult result = run_cli({"run", folder.write("oscillator.toml", kOscillator), "--json",
                                    "--set", "run.method=leapfrog"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json answer = result.json();
  EXPECT_EQ(answer.at("schema"), "cotangent.run/1");
  EXPECT_EQ(answer.at("title"), "Oscillator");
  EXPECT_TRUE(answer.at("plan").at("method").is_string());
  EXPECT_TRUE(answer.at("plan").at("order").is_number_integer());
  EXPECT_FALSE(answer.at("plan").at("reasons").empty());
  EXPECT_TRUE(answer.at("dt").is_number_float());
  EXPECT_EQ(answer.at("dt"), 0.1);
  EXPECT_EQ(answer.at("steps"), 100);
  EXPECT_NEAR(answer.at("t").get<double>(), 10.0, 1e-12);
  for (const char* name : {"q", "p", "v"}) EXPECT_EQ(answer.at("final").at(name).size(), 1u);
  const json& energy = answer.at("invariants").at(0);
  EXPECT_EQ(energy.at("name"), "energy");
  EXPECT_TRUE(energy.at("how") == "proved" || energy.at("how") == "tested");
  EXPECT_EQ(energy.at("initial"), 0.5);
  EXPECT_TRUE(energy.at("final").is_number());
  EXPECT_TRUE(energy.at("max_abs_error").is_number());
  EXPECT_TRUE(energy.at("max_rel_error").is_number());
  const json& position = answer.at("observables").at("position");
  ASSERT_EQ(position.at("t").size(), 11u);
  ASSERT_EQ(position.at("value").size(), 11u);
  EXPECT_EQ(position.at("value").at(0), 1.0);
  EXPECT_EQ(position.at("value").at(10), answer.at("final").at("q").at(0));
  EXPECT_EQ(answer.at("state_hash").get<std::string>().size(), 16u);
  for (const char* name : {"front_s", "compile_s", "run_s", "steps_per_s"}) {
    EXPECT_GT(answer.at("timing").at(name).get<double>(), 0) << name;
  }
  EXPECT_EQ(answer.at("outputs"), json::array());
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(Cli, TheAnswerIsOnStdoutAndTheRestOnStderr) {
  const TemporaryFolder folder;
  const std::string file = folder.write("oscillator.toml", kOscillator);
  const CliResult text = run_cli({"run", file});
  EXPECT_EQ(text.code, 0);
  for (const char* word : {"Oscillator", "plan", "invariants", "energy", "final state", "timing"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word;
  }
  const CliResult quiet = run_cli({"run", file, "--quiet", "--json"});
  EXPECT_EQ(quiet.err, "");
  EXPECT_NE(text.err.find("100 steps"), std::string::npos) << text.err;
  const CliResult missing = run_cli({"run", folder / "missing.toml"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_EQ(missing.out, "");
  EXPECT_NE(missing.err.find("missing.toml"), std::string::npos);
}

TEST(Cli, SetOverridesAndTheLastOneWins) {
  const TemporaryFolder folder;
  const std::string file = folder.write("oscillator.toml", kOscillator);
  const json answer = run_cli({"run", file, "--json", "--set", "run.dt=0.5", "--set=run.dt=0.25",
                               "--set", "run.method=leapfrog", "--set", "initial.q=[2.0]"})
                          .json();
  EXPECT_EQ(answer.at("dt"), 0.25);
  EXPECT_EQ(answer.at("steps"), 40);
  EXPECT_EQ(answer.at("plan").at("method"), "leapfrog");
  EXPECT_EQ(answer.at("invariants").at(0).at("initial"), 2.0);
  for (const char* bad : {"run.dt", "=5", "run.speed=3", "run.dt=fast", "run.dt=0"}) {
    const CliResult result = run_cli({"run", file, "--set", bad});
    EXPECT_EQ(result.code, 2) << bad << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST(Cli, OutputsReadBackToTheBit) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const CliResult result = run_cli({"run", example("figure_eight"), "--out", out, "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json answer = result.json();
  ASSERT_EQ(answer.at("outputs").size(), 3u);
  for (const json& path : answer.at("outputs")) {
    EXPECT_TRUE(fs::is_regular_file(path.get<std::string>())) << path;
  }
  EXPECT_EQ(json::parse(read_file(out + "/result.json")), answer);
  std::ifstream csv(out + "/trajectory.csv");
  std::string line, last;
  std::getline(csv, line);
  EXPECT_EQ(line.rfind("step,t,\"q[0,0]\",\"q[0,1]\",\"q[1,0]\"", 0), 0u) << line;
  std::size_t rows = 0;
  while (std::getline(csv, line)) {
    last = line;
    ++rows;
  }
  EXPECT_EQ(rows, 501u);
  std::istringstream cells(last);
  std::vector<double> numbers;
  for (std::string cell; std::getline(cells, cell, ',');) numbers.push_back(std::stod(cell));
  ASSERT_EQ(numbers.size(), 14u);
  EXPECT_EQ(numbers[0], 20000);
  EXPECT_EQ(numbers[2], answer.at("final").at("q")[0][0].get<double>());
  EXPECT_EQ(numbers[13], answer.at("final").at("p")[2][1].get<double>());
  EXPECT_EQ(std::distance(fs::directory_iterator(out), fs::directory_iterator()), 3);
}

TEST(Cli, WatchingChangesNothing) {
  const TemporaryFolder folder;
  const std::string plain =
      run_cli({"run", example("figure_eight"), "--json"}).json().at("state_hash");
  const json watched =
      run_cli({"run", example("figure_eight"), "--json", "--out", folder / "out", "--trace",
               folder / "trace.json", "--log", folder / "log.jsonl", "--threads", "1"})
          .json();
  EXPECT_EQ(watched.at("state_hash"), plain);
  const json trace = json::parse(read_file(folder / "trace.json"));
  std::vector<std::string> spans;
  for (const json& event : trace.at("traceEvents")) {
    if (event.at("ph") == "X") spans.push_back(event.at("name"));
  }
  for (const char* name : {"parse and trace", "facts", "plan", "compile", "run", "write outputs"}) {
    EXPECT_NE(std::ranges::find(spans, name), spans.end()) << name;
  }
  std::ifstream log(folder / "log.jsonl");
  for (std::string line; std::getline(log, line);) EXPECT_TRUE(json::accept(line)) << line;
}

TEST(Cli, ALargeTrajectoryGoesToHdf5) {
  const TemporaryFolder folder;
  const CliResult result =
      run_cli({"run", example("fput_chain"), "--json", "--out", folder / "out", "--set",
               "run.t_end=1000", "--set", "observe.every=2", "--threads", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_FALSE(fs::exists(folder / "out/trajectory.csv"));
  const io::Samples q = io::read_samples(folder / "out/trajectory.h5", "trajectory/q");
  EXPECT_EQ(q.t.size(), 5001u);
  EXPECT_EQ(q.shape, (Shape{128}));
  const std::vector<double> final_q = result.json().at("final").at("q");
  for (std::size_t k = 0; k < 128; ++k) EXPECT_EQ(q.values[5000 * 128 + k], final_q[k]);
  EXPECT_EQ(io::read_samples(folder / "out/trajectory.h5", "observables/mode_1").t.size(), 5001u);
  EXPECT_EQ(io::read_samples(folder / "out/trajectory.h5", "invariants/energy").t.size(), 5001u);
}

TEST(Cli, AnOutputFolderThatCannotBeUsedIsSaidBeforehand) {
  const TemporaryFolder folder;
  const std::string file = folder.write("oscillator.toml", kOscillator);
  ASSERT_EQ(run_cli({"run", file, "--out", folder / "out"}).code, 0);
  const std::string before = read_file(folder / "out/result.json");
  const CliResult again = run_cli({"run", file, "--out", folder / "out", "--set", "run.dt=0.05"});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("--overwrite"), std::string::npos) << again.err;
  EXPECT_EQ(again.out, "");
  EXPECT_EQ(read_file(folder / "out/result.json"), before);
  EXPECT_EQ(
      run_cli({"run", file, "--out", folder / "out", "--set", "run.dt=0.05", "--overwrite"}).code,
      0);
  EXPECT_NE(read_file(folder / "out/result.json"), before);
  for (const std::string& bad : {file, folder / "no/such", std::string("/proc/nothing")}) {
    const CliResult result = run_cli({"run", file, "--out", bad});
    EXPECT_EQ(result.code, 2) << bad << result.err;
    EXPECT_EQ(result.out, "");
  }
}

class StoppedCli : public ::testing::TestWithParam<int> {};

TEST_P(StoppedCli, KeepsWhatThereIs) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const std::string log = folder / "log.jsonl";
  const CliResult result = run_cli(
      {"run", example("outer_solar_system"), "--json", "--out", out, "--log", log, "--set",
       "run.t_end=2e12", "--set", "observe.every=1000000", "--set", "observe.lz.every=1000000"},
      [&](int child) {
        // Two progress events: the time loop is well under way.
        for (int k = 0; k < 6000; ++k, usleep(10000)) {
          const std::string text = read_file(log);
          const std::size_t first = text.find("\"progress\"");
          if (first == std::string::npos) continue;
          if (text.find("\"progress\"", first + 1) != std::string::npos) break;
        }
        kill(child, GetParam());
      });
  EXPECT_EQ(result.code, 130) << result.err;
  const json answer = result.json();
  EXPECT_EQ(answer.at("status"), "interrupted");
  EXPECT_GT(answer.at("steps").get<std::int64_t>(), 0);
  EXPECT_LT(answer.at("steps").get<std::int64_t>(), 200000000000);
  EXPECT_EQ(json::parse(read_file(out + "/result.json")), answer);
  EXPECT_TRUE(fs::exists(out + "/report.html"));
}

INSTANTIATE_TEST_SUITE_P(Signals, StoppedCli, ::testing::Values(SIGINT, SIGTERM));

TEST(Cli, ANonFiniteStateStopsTheRunAndKeepsTheRest) {
  const TemporaryFolder folder;
  const std::string file = folder.write("fall.toml", kOverAnEdge);
  const std::string out = folder / "out";
  const CliResult result = run_cli({"run", file, "--out", out, "--json"});
  EXPECT_EQ(result.code, 3) << result.out << result.err;
  const json answer = result.json();
  EXPECT_EQ(answer.at("status"), "non-finite");
  const std::int64_t step = answer.at("fault").at("step");
  EXPECT_EQ(answer.at("steps"), step - 1);
  EXPECT_TRUE(std::isfinite(answer.at("final").at("q").at(0).get<double>()));
  for (const json& x : answer.at("observables").at("position").at("value"))
    EXPECT_TRUE(x.is_number());
  EXPECT_EQ(json::parse(read_file(out + "/result.json")), answer);
  EXPECT_NE(result.err.find("step"), std::string::npos);
  EXPECT_NE(result.err.find("fall.toml:"), std::string::npos) << result.err;
}

TEST(Cli, AnEnergyThatIsNotFiniteIsNotSilent) {
  const TemporaryFolder folder;
  const std::string file = folder.write("log.toml", R"toml([energy]
kinetic = "p[0]^2 / 2"
well = "log(q[0])"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 0.01
t_end = 20.0
method = "leapfrog"
[observe]
every = 10
)toml");  // dH/dq = 1/q is finite below zero, where log(q) is not
  const CliResult result = run_cli({"run", file, "--json", "--quiet"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("warning: energy is not finite in"), std::string::npos) << result.err;
  EXPECT_TRUE(result.json().at("invariants").at(0).at("max_rel_error").is_null());
}

TEST(Cli, ExplainHasTheShapeOfTheAnswer) {
  const CliResult result = run_cli({"explain", example("outer_solar_system"), "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json answer = result.json();
  std::map<std::string, json> facts;
  for (const json& fact : answer.at("facts")) {
    EXPECT_TRUE(fact.at("how") == "proved" || fact.at("how") == "tested");
    EXPECT_TRUE(fact.at("detail").is_string());
    facts[fact.at("name")] = fact.at("value");
  }
  const std::map<std::string, bool> expected = {
      {"separable", true},          {"linear", false},
      {"time_dependent", false},    {"translation_invariant", true},
      {"rotation_invariant", true}, {"pairwise", true}};
  for (const auto& [name, value] : expected) EXPECT_EQ(facts[name], json(value)) << name;
  for (const json& decision : answer.at("plan")) {
    EXPECT_FALSE(decision.at("decision").get<std::string>().empty());
    EXPECT_FALSE(decision.at("reason").get<std::string>().empty());
    EXPECT_TRUE(decision.at("choice").is_string());
  }
}

TEST(Cli, ExplainShowsEveryIntermediate) {
  const CliResult result =
      run_cli({"explain", example("kepler"), "--show=facts,plan,program,kernels,code"});
  ASSERT_EQ(result.code, 0) << result.err;
  std::size_t at = 0;
  for (const char* section : {"facts\n", "\nplan\n", "\nprogram\n", "\nkernels\n", "\ncode\n"}) {
    const std::size_t found = result.out.find(section, at);
    ASSERT_NE(found, std::string::npos) << section;
    at = found;
  }
  EXPECT_GT(result.out.size(), at + 200);
}

TEST(Cli, ExplainHasTheFactsOfAnEnergyNoMethodTakes) {
  const TemporaryFolder folder;
  const std::string file = folder.write("mixed.toml", kMixed);
  const CliResult run = run_cli({"run", file});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "");
  const CliResult result = run_cli({"explain", file, "--json"});
  ASSERT_EQ(result.code, 2) << result.err;
  EXPECT_EQ(result.err, run.err);
  const json answer = result.json();
  const auto separable = std::ranges::find(answer.at("facts"), "separable",
                                           [](const json& fact) { return fact.at("name"); });
  ASSERT_NE(separable, answer.at("facts").end());
  EXPECT_EQ(separable->at("value"), false);
  EXPECT_NE(separable->at("detail").get<std::string>().find("\"mixed\" mixes q and p"),
            std::string::npos);
  EXPECT_EQ(separable->at("place"), file + ":3:10");
  EXPECT_EQ(answer.at("plan"), json::array());
  const std::string message = answer.at("refused").at("message");
  EXPECT_EQ("error: " + message + '\n', run.err);
  EXPECT_NE(message.find(file + ":3:10"), std::string::npos) << message;

  const CliResult text = run_cli({"explain", file});
  EXPECT_EQ(text.code, 2) << text.err;
  EXPECT_EQ(text.err, run.err);
  EXPECT_NE(text.out.find("separable: no"), std::string::npos) << text.out;
  const std::size_t plan = text.out.find("\nplan\n");
  ASSERT_NE(plan, std::string::npos) << text.out;
  EXPECT_NE(text.out.find("refused: no method for this energy", plan), std::string::npos)
      << text.out;
  const CliResult facts = run_cli({"explain", file, "--show=facts"});
  EXPECT_EQ(facts.code, 0) << facts.err;
  EXPECT_EQ(facts.out, text.out.substr(0, plan));
}

TEST(Cli, ExplainRefusesWhatItIsAskedForAndCannotShow) {
  const TemporaryFolder folder;
  const std::string file = folder.write("mixed.toml", kMixed);
  const std::string refusal = run_cli({"run", file}).err;
  for (const char* show : {"plan", "facts,plan", "program", "kernels", "code"}) {
    const CliResult result = run_cli({"explain", file, std::string("--show=") + show});
    EXPECT_EQ(result.code, 2) << show;
    EXPECT_EQ(result.err, refusal) << show;
    const bool has_plan = std::string(show).ends_with("plan");
    EXPECT_EQ(result.out.find("plan\n  refused: no method") != std::string::npos, has_plan) << show;
    EXPECT_EQ(result.out.empty(), !has_plan) << show;
    const CliResult as_json = run_cli({"explain", file, std::string("--show=") + show, "--json"});
    EXPECT_EQ(as_json.code, 2) << show;
    EXPECT_TRUE(as_json.json().at("refused").contains("message")) << show;
  }
  // Whatever the planner refuses: facts, then the refusal.
  const std::vector<std::string> slip = {example("kepler"), "--set", "run.method=leapfrogg"};
  const CliResult typo = run_cli({"explain", slip[0], slip[1], slip[2], "--json"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_EQ(typo.err, run_cli({"run", slip[0], slip[1], slip[2]}).err);
  EXPECT_FALSE(typo.json().at("facts").empty());
}

/// How steps of a linear system are made, and with what coefficients, is open to whoever asks.
TEST(Cli, SplittingMatrixAndModesAreDecisions) {
  const TemporaryFolder folder;
  const std::string file = folder.write("system.toml", kOscillator);
  const auto choice = [&](std::vector<std::string> sets, const char* decision) {
    std::vector<std::string> arguments = {"explain", file, "--json"};
    for (const std::string& s : sets) arguments.push_back("--set=" + s);
    const CliResult result = run_cli(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    const json answer = result.json();
    for (const json& d : answer.at("plan")) {
      if (d.at("decision") == decision) return d.at("choice").get<std::string>();
    }
    return std::string();
  };
  EXPECT_EQ(choice({"run.splitting=chin4"}, "method"), "chin4");
  EXPECT_EQ(choice({"run.matrix=exact"}, "method"), "exact");
  EXPECT_EQ(choice({"run.method=leapfrog", "run.matrix=method"}, "method"), "leapfrog");
  EXPECT_NE(choice({"run.matrix=exact"}, "steps").find("modes"), std::string::npos);
  EXPECT_NE(choice({"run.matrix=exact", "run.modes=false"}, "steps").find("a matrix of 2 rows"),
            std::string::npos);
  // All three give the same place, each to its own error.
  const auto end = [&](std::vector<std::string> sets) {
    std::vector<std::string> arguments = {"run", file, "--json", "--quiet"};
    for (const std::string& s : sets) arguments.push_back("--set=" + s);
    const CliResult result = run_cli(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.json().at("observables").at("position").at("value").back().get<double>();
  };
  const double exact = end({"run.matrix=exact"});
  EXPECT_NEAR(end({"run.matrix=exact", "run.modes=false"}), exact, 1e-13);
  EXPECT_NEAR(end({"run.splitting=chin4"}), exact, 1e-3);
  const double leapfrog = end({"run.method=leapfrog"});
  EXPECT_NEAR(end({"run.method=leapfrog", "run.matrix=method"}), leapfrog, 1e-13);
  EXPECT_GT(std::abs(leapfrog - exact), 1e-4);
}

TEST(Cli, CheckFailsWhenTheToleranceIsMissed) {
  EXPECT_EQ(run_cli({"check", example("kepler"), "--reverse"}).code, 0);
  const CliResult tight =
      run_cli({"check", example("outer_solar_system"), "--reverse", "--tolerance", "1e-18"});
  EXPECT_EQ(tight.code, 4) << tight.out;
  EXPECT_NE(tight.out.find("FAILED"), std::string::npos);
  EXPECT_EQ(run_cli({"check", example("kepler")}).code, 2);
}

TEST(Cli, ACheckThatTurnsNonFiniteSaysWhatTheRunSays) {
  const TemporaryFolder folder;
  const std::string file = folder.write("fall.toml", kOverAnEdge);
  const CliResult run = run_cli({"run", file, "--json", "--quiet", "--set=monitor.shadow=false"});
  ASSERT_EQ(run.code, 3);
  for (const char* part : {"(t = ", "first made by ", "fall.toml:", "^"}) {
    EXPECT_NE(run.err.find(part), std::string::npos) << part << '\n' << run.err;
  }
  const CliResult text = run_cli({"check", file, "--reverse", "--quiet"});
  EXPECT_EQ(text.code, 3) << text.err;
  EXPECT_EQ(text.err, run.err);
  const CliResult result = run_cli({"check", file, "--reverse", "--json", "--quiet"});
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.err, run.err);
  const json answer = result.json();
  EXPECT_EQ(answer.at("ok"), false);
  EXPECT_EQ(answer.at("status"), "non-finite");
  EXPECT_EQ(answer.at("fault"), run.json().at("fault"));
}

TEST(Cli, OutOfTheRangeOfF32IsSaidSo) {
  const TemporaryFolder folder;
  const std::string file = folder.write("tiny.toml", R"([parameters]
a = 1e-30
[energy]
kinetic = "sum(i, p[i]^2) / 2"
well = "a / (q[0] - q[1])^2"
[initial]
q = [0.5, 0.0]
p = [-1.0, 0.0]
[run]
dt = 0.5
steps = 4
method = "leapfrog"
)");
  EXPECT_EQ(run_cli({"run", file, "--quiet"}).code, 0);
  const CliResult narrow = run_cli({"run", file, "--quiet", "--set", "run.precision=f32"});
  EXPECT_EQ(narrow.code, 3);
  EXPECT_THAT(narrow.err, ::testing::HasSubstr("run.precision = \"f64\""));
}

TEST(Cli, DoctorFindsTheSameBitsEverywhere) {
  const CliResult result = run_cli({"doctor", "--json"});
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  const json answer = result.json();
  EXPECT_TRUE(answer.at("ok"));
  EXPECT_GE(answer.at("backends").size(), 4u);
  for (const json& backend : answer.at("backends")) {
    EXPECT_TRUE(backend.at("same_bits")) << backend;
    EXPECT_EQ(backend.at("value_difference"), 0.0);
    EXPECT_EQ(backend.at("gradient_difference"), 0.0);
  }
}

}  // namespace
}  // namespace cotangent::apps::testing
