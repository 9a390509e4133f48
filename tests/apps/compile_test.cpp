// `cotangent compile`: the C of every example, compiled by cc, ends in the bits of `cotangent run`;
// what cannot be printed, or written, is refused.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kSteps = "1000";

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  for (std::size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    text.append(buffer.data(), n);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return text;
}

/// Prints FILE as C, compiles it, runs it, and compares all that both say.
void compare_with_run(const std::string& file, const std::vector<std::string>& more,
                      const std::string& flags) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = {"compile", file, "--target", "c", "-o", folder / "x.c"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliResult printed = run_cli(arguments);
  ASSERT_EQ(printed.code, 0) << printed.err;
  const std::string command = "cc -Wall -Wextra -Wpedantic -Werror " + flags +
                              " -DCOTANGENT_MAIN " + (folder / "x.c") + " -o " + (folder / "x") +
                              " -lm 2>&1";
  ASSERT_EQ(output_of(command), "");
  const json got = json::parse(output_of((folder / "x") + " " + kSteps));
  arguments = {"run", file, "--json", "--quiet", "--set", std::string("run.steps=") + kSteps};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliResult ran = run_cli(arguments);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const json want = ran.json();
  EXPECT_EQ(got.at("state_hash"), want.at("state_hash"));
  EXPECT_EQ(got.at("steps"), want.at("steps"));
  EXPECT_EQ(got.at("t"), want.at("t"));
  for (const char* name : {"q", "p", "v"}) EXPECT_EQ(got.at(name), want.at("final").at(name));
  for (const json& i : want.at("invariants")) {
    const json& value = got.at(i.at("name").get<std::string>());
    EXPECT_EQ(i.at("name") == "energy" ? value.back() : value, i.at("final")) << i.at("name");
  }
  for (const auto& [name, series] : want.at("observables").items()) {
    EXPECT_EQ(got.at(name), series.at("value").back()) << name;
  }
}

class CompileExamples : public ::testing::TestWithParam<const char*> {};
TEST_P(CompileExamples, CHasTheBitsOfRun) {
  compare_with_run(example(GetParam()), {}, "-std=c99 -O1 -march=native");
}
INSTANTIATE_TEST_SUITE_P(All, CompileExamples,
                         ::testing::Values("basket", "charges_in_a_trap", "coupled_pendulums",
                                           "figure_eight", "fput_chain", "henon_heiles", "kepler",
                                           "kapitza", "lennard_jones_13", "mercury",
                                           "outer_solar_system", "shadow_energy"));

TEST(Compile, EveryExampleIsInTheList) {
  std::size_t examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(example("kepler")).parent_path())) {
    if (entry.path().extension() != ".toml") continue;
    // The others it refuses by name.
    examples += run_cli({"compile", entry.path(), "--target", "c", "--quiet"}).code == 0;
  }
  EXPECT_EQ(examples, 12u);
}

TEST(Compile, SinglePrecisionHasTheBitsOfRun) {
  compare_with_run(example("lennard_jones_13"), {"--set", "run.precision=f32"}, "-std=c11 -O2");
}

TEST(Compile, ErrorTermsHaveTheBitsOfRun) {
  for (const char* precision : {"compensated", "double-single"}) {
    const std::string set = std::string("run.precision=") + precision;
    compare_with_run(example("outer_solar_system"), {"--set", set}, "-std=c99 -O2 -march=native");
    compare_with_run(example("kepler"), {"--set", set}, "-std=c99 -O3 -march=native");
    compare_with_run(example("kepler"), {"--set", set, "--set", "run.compensated=[\"p\"]"},
                     "-std=c11 -O1");
  }
}

TEST(Compile, ErrorTermsAreInTheInterface) {
  const std::vector<std::string> set = {"--set", "run.precision=double-single"};
  const auto text = [&](const char* target) {
    std::vector<std::string> arguments = {"compile", example("kepler"), "--target", target};
    arguments.insert(arguments.end(), set.begin(), set.end());
    const CliResult result = run_cli(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  EXPECT_THAT(text("c"), HasSubstr("float q_error[1][2];  /* what rounding took from q */"));
  EXPECT_THAT(text("c"), HasSubstr("float gradient_error[1][2];"));
  EXPECT_THAT(text("cuda"), HasSubstr("q_error"));
}

// Time in the force, a parameter that is an array, names that are words of C.
constexpr const char* kDriven = R"~(
title = 'driven */ "pair"'
[parameters]
int = [1.5, 2.5]
fmaf = 0.3
[energy]
kinetic = "sum(i, p[i]^2 / (2*int[i]))"
drive = "sum(i, q[i]^4) - fmaf * q[0] * cos(2*t)"
[initial]
q = [0.5, -0.25]
v = [0.0, 1.0]
[run]
dt = 0.01
steps = 1000
[observe]
double = "q[0]*q[1] + t"
gradient = "q[1]"
)~";

TEST(Compile, TimeAndParametersAndNames) {
  const TemporaryFolder folder;
  compare_with_run(folder.write("while.toml", kDriven), {}, "-std=c99 -O2");
}

TEST(Compile, ParametersMayBeCalledWhatTheStateIs) {
  const TemporaryFolder folder;
  const std::string file = folder.write("names.toml", R"~(
[parameters]
q_error = 1.5
p_error = [0.25, 0.5]
gradient_error = 0.1
q_out = 0.5
[energy]
kinetic = "sum(i, p[i]^2) / 2 * q_error"
v = "sum(i, q[i]^2 * p_error[i]) * gradient_error + q_out * sum(i, q[i])"
[initial]
q = [0.1, 0.2]
p = [1.0, 0.3]
[run]
dt = 0.01
steps = 50
)~");
  for (const char* precision : {"f64", "compensated"}) {
    // Of springs `run` alone would take the exact flow, which has no source.
    compare_with_run(
        file, {"--set", std::string("run.precision=") + precision, "--set", "run.method=rkn4"},
        "-std=c99 -O1");
  }
}

TEST(Compile, GpuDialectsSayTheirKernels) {
  const CliResult cuda = run_cli({"compile", example("kepler"), "--target", "cuda", "--json"});
  ASSERT_EQ(cuda.code, 0) << cuda.err;
  EXPECT_EQ(cuda.json().at("kernels").size(), 2u);
  EXPECT_EQ(cuda.json().at("kernels")[0].at("name"), "kepler_chunk");
  EXPECT_THAT(cuda.json().at("text").get<std::string>(),
              HasSubstr("__global__ void kepler_chunk("));
  const CliResult wgsl = run_cli(
      {"compile", example("kepler"), "--target", "wgsl", "--json", "--set", "run.precision=f32"});
  ASSERT_EQ(wgsl.code, 0) << wgsl.err;
  EXPECT_EQ(wgsl.json().at("kernels")[0].at("bindings")[0].at("name"), "inputs_f32");
  EXPECT_THAT(wgsl.json().at("text").get<std::string>(), HasSubstr("fn kepler_chunk("));
}

void expect_refused(const std::vector<std::string>& arguments, const std::string& what,
                    const std::string& remedy) {
  const CliResult result = run_cli(arguments);
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(what));
  EXPECT_THAT(result.err, HasSubstr(remedy));
}

TEST(Compile, Refusals) {
  const TemporaryFolder folder;
  const std::string taken = folder.write("taken.c", "mine");
  const std::string file = example("kepler");
  expect_refused({"compile", file, "--target", "wgsl"}, "WGSL has no f64", "run.precision=f32");
  for (const char* precision : {"compensated", "double-single"}) {
    expect_refused(
        {"compile", file, "--target", "wgsl", "--set", std::string("run.precision=") + precision},
        "WGSL does not keep the error terms", "--target cuda");
  }
  expect_refused({"compile", file, "--target", "c", "--set", "run.precision=f32", "--set",
                  "initial.q=[[1e39, 0.0]]"},
                 "the initial q[0,0] is 1e+39", "precision = \"f64\"");
  expect_refused({"compile", file, "--target", "cudo"}, "did you mean 'cuda'?", "c, cuda, wgsl");
  expect_refused({"compile", file}, "--target", "");
  expect_refused({"compile", file, "--target", "c", "-o", taken}, "is there already",
                 "--overwrite");
  expect_refused({"compile", file, "--target", "c", "-o", folder.path().string()}, "is a folder",
                 "name a file");
  expect_refused({"compile", file, "--target", "c", "-o", folder / "no/x.c"}, "there is no folder",
                 "make it first");
  EXPECT_EQ(read_file(taken), "mine");
  EXPECT_EQ(folder.entries(), 1u);
}

}  // namespace
}  // namespace cotangent::apps::testing
