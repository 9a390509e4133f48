// COTANGENT_DEBUG, --trace, --cpu and check --evaluate, as a person uses them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {

using nlohmann::json;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

CliResult run_with_debug(const char* level, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"run", example("henon_heiles"), "--set", "run.steps=50",
                                        "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  ::setenv("COTANGENT_DEBUG", level, 1);
  CliResult result = run_cli(arguments);
  ::unsetenv("COTANGENT_DEBUG");
  return result;
}

TEST(Debug, EachLevelAddsToTheOneBefore) {
  const char* shown[] = {"debug: plan\n", "GF/s", "debug: kernel chunk\n  buffer",
                         "define void @kernel_0", "debug: pass contract of "};
  std::set<std::string> hashes;
  for (int level = 0; level <= 5; ++level) {
    const CliResult result = run_with_debug(std::to_string(level).c_str());
    ASSERT_EQ(result.code, 0) << result.err;
    hashes.insert(result.json()["state_hash"].get<std::string>());
    for (int k = 0; k < 5; ++k) {
      EXPECT_EQ(has(result.err, shown[k]), k < level) << "level " << level << ": " << shown[k];
    }
  }
  EXPECT_EQ(hashes.size(), 1u) << "looking changes nothing";
}

TEST(Debug, QuietKeepsWhatWasAskedFor) {
  EXPECT_TRUE(has(run_with_debug("1", {"--quiet"}).err, "debug: plan"));
}

TEST(Debug, AnotherValueIsBadInput) {
  for (const char* level : {"6", "-1", "all", "12"}) {
    const CliResult result = run_with_debug(level);
    EXPECT_EQ(result.code, 2) << level;
    EXPECT_TRUE(has(result.err, "COTANGENT_DEBUG is '")) << result.err;
  }
}

TEST(Trace, HoldsEveryPassLoweringCodeAndCall) {
  const TemporaryFolder folder;
  const CliResult result = run_cli({"run", example("henon_heiles"), "--set", "run.steps=50",
                                    "--trace", folder / "t.json", "--quiet"});
  ASSERT_EQ(result.code, 0) << result.err;
  std::map<std::string, int> spans;
  const json trace = json::parse(read_file(folder / "t.json"));
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] == "X") ++spans[event["name"].get<std::string>()];
  }
  for (const char* name :
       {"parse and trace", "facts", "plan", "compile", "lower start", "lower chunk", "emit LLVM IR",
        "generate machine code", "load code", "kernel start", "kernel chunk", "run",
        "pass contract of energy", "pass expand_math of energy_grad"}) {
    EXPECT_GE(spans[name], 1) << name;
  }
}

TEST(Cpu, EachThatRunsHereEndsInTheSameState) {
  std::set<std::string> hashes;
  int count = 0;
  for (const char* cpu : {"native", "x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"}) {
    const CliResult result = run_cli({"run", example("outer_solar_system"), "--set",
                                      "run.steps=200", "--cpu", cpu, "--json", "--quiet"});
    if (result.code == 0) {
      ++count;
      hashes.insert(result.json()["state_hash"].get<std::string>());
    } else {
      EXPECT_EQ(result.code, 2);
      EXPECT_TRUE(has(result.err, "cannot run here: this host")) << result.err;
      EXPECT_TRUE(has(result.err, "native")) << result.err;
    }
  }
  EXPECT_GE(count, 1);
  EXPECT_EQ(hashes.size(), 1u);
}

TEST(Cpu, CodeForAnotherKindCanBeLookedAt) {
  const CliResult result =
      run_cli({"explain", example("outer_solar_system"), "--show=code", "--cpu", "aarch64"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(has(result.out, "fmla\tv")) << "vectors, with a fused product and sum";
  for (const char* command : {"run", "explain", "check"}) {
    std::vector<std::string> arguments = {command, example("kepler"), "--cpu", "pdp-11"};
    if (std::string(command) == "check") arguments.emplace_back("--reverse");
    const CliResult unknown = run_cli(arguments);
    EXPECT_EQ(unknown.code, 2);
    EXPECT_TRUE(has(unknown.err, "no processor is known as 'pdp-11'")) << unknown.err;
    EXPECT_TRUE(has(unknown.err, "choose from native, x86-64-v2")) << unknown.err;
  }
}

TEST(Evaluate, EndsInTheStateOfTheCompiledRun) {
  for (const char* name : {"kepler", "henon_heiles", "outer_solar_system", "coupled_pendulums"}) {
    const std::vector<std::string> rest = {example(name), "--set", "run.steps=20", "--json",
                                           "--quiet"};
    std::vector<std::string> run = {"run"}, check = {"check", "--evaluate"};
    run.insert(run.end(), rest.begin(), rest.end());
    check.insert(check.end(), rest.begin(), rest.end());
    const CliResult compiled = run_cli(run), evaluated = run_cli(check);
    ASSERT_EQ(evaluated.code, 0) << evaluated.err;
    EXPECT_TRUE(evaluated.json()["ok"]);
    EXPECT_EQ(evaluated.json()["steps"], 20);
    EXPECT_EQ(evaluated.json()["q"], compiled.json()["final"]["q"]) << name;
    EXPECT_EQ(evaluated.json()["p"], compiled.json()["final"]["p"]) << name;
  }
}

TEST(Evaluate, NamesTheOpItsOperandsAndThePlace) {
  const TemporaryFolder folder;
  const std::string still = folder.write("still.toml", R"([energy]
kinetic = "sum(i, p[i]^2) / 2"
well = "1 / (q[0] - q[1])^2"
[initial]
q = [1.0, 1.0]
p = [0.0, 0.0]
[run]
dt = 0.5
steps = 10
method = "leapfrog"
)");
  const CliResult text = run_cli({"check", still, "--evaluate", "--quiet"});
  EXPECT_EQ(text.code, 3) << text.out << text.err;
  EXPECT_TRUE(has(text.out, "step 1 (t = 0.5) makes ")) << text.out;
  EXPECT_TRUE(has(text.out, " gives ")) << text.out;
  EXPECT_TRUE(has(text.out, " = 0")) << text.out;
  EXPECT_TRUE(has(text.out, "still.toml:3:")) << text.out;
  EXPECT_TRUE(has(text.out, "^")) << text.out;
  const CliResult result = run_cli({"check", still, "--evaluate", "--json", "--quiet"});
  EXPECT_EQ(result.code, 3);
  EXPECT_FALSE(result.json()["ok"]);
  EXPECT_EQ(result.json()["fault"]["step"], 1);
  EXPECT_TRUE(has(result.json()["fault"]["expression"], "q[0]")) << result.out;
  const CliResult run = run_cli({"run", still, "--json", "--quiet"});
  EXPECT_EQ(run.code, 3);
  EXPECT_EQ(run.json()["fault"]["step"], 0) << "the energy is not finite there already";
  EXPECT_EQ(run.json()["fault"]["expression"], "1 / (q[0] - q[1])^2");
}

TEST(Evaluate, OneCheckAtATime) {
  EXPECT_EQ(run_cli({"check", example("kepler")}).code, 2);
  EXPECT_EQ(run_cli({"check", example("kepler"), "--reverse", "--evaluate"}).code, 2);
}

// What cannot be written whole is said, not lost in silence.
TEST(Seeing, ATimelineOnAFullDiskIsAnError) {
  for (const char* option : {"--trace", "--log"}) {
    const CliResult r = run_cli(
        {"run", example("henon_heiles"), "--set", "run.steps=50", "--quiet", option, "/dev/full"});
    EXPECT_EQ(r.code, 1) << option;
    EXPECT_TRUE(has(r.err, std::string(option) + ": '/dev/full' could not be written whole"))
        << r.err;
  }
}

}  // namespace
}  // namespace cotangent::apps::testing
