#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/base/error.h"
#include "cotangent/formats/document.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/formats/toml_writer.h"
#include "tests/formats/systems.h"

namespace cotangent::formats {
namespace {

using testing::kOuterSolarSystem;
using testing::replaced;

LoadedFile parse(const std::string& text, std::vector<Override> overrides = {}) {
  return parse_system_text("system.toml", text, overrides);
}

std::string written(const std::string& text) {
  auto file = std::make_shared<SourceFile>(SourceFile{"a.toml", text});
  return toml_text(parse_document(file, 0, static_cast<std::uint32_t>(text.size())));
}

TEST(TomlWriter, WritesWhatReadsBack) {
  const std::string text =
      "title = \"a \\\"b\\\" \\\\ \\n\\t\\u0001 \\u00E9\"\nwhole = 7\nreal = 7.0\nsmall = 1e-300\n"
      "flag = true\nlist = [1, [2.5, \"x\"], {a = 1, \"b c\" = false}]\n\n"
      "[define]\n\"r(i,j)\" = \"norm(q[i] - q[j])\"\n\n[empty]\n";
  const std::string once = written(text);
  EXPECT_EQ(written(once), once);
  EXPECT_NE(once.find("whole = 7\n"), std::string::npos);
  EXPECT_NE(once.find("real = 7.0\n"), std::string::npos);
  EXPECT_NE(once.find("title = \"a \\\"b\\\" \\\\ \\n\\t\\u0001 \xC3\xA9\"\n"), std::string::npos);
  EXPECT_NE(once.find("[define]\n\"r(i,j)\" = \"norm(q[i] - q[j])\"\n"), std::string::npos);
  EXPECT_NE(once.find("[empty]"), std::string::npos);
}

TEST(SystemText, WithoutOverridesIsTheFile) {
  const std::string text = "# a comment\n" + kOuterSolarSystem;
  EXPECT_EQ(system_text(parse(text)), text);
}

TEST(SystemText, WithOverridesIsTheSameSystem) {
  const std::vector<Override> overrides = {
      {"parameters.G", "3e-4"}, {"run.steps", "40"}, {"observe.every", "10"}};
  const LoadedFile file = parse(kOuterSolarSystem, overrides);
  const std::string text = system_text(file);
  EXPECT_EQ(text.find("t_end"), std::string::npos) << text;
  const LoadedFile again = parse(text);
  EXPECT_EQ(again.run.steps, 40);
  EXPECT_EQ(again.run.dt, file.run.dt);
  EXPECT_EQ(again.run.every, 10);
  ASSERT_EQ(again.system.parameters.size(), file.system.parameters.size());
  for (std::size_t k = 0; k < file.system.parameters.size(); ++k) {
    EXPECT_TRUE(again.system.parameters[k].value.same_bits(file.system.parameters[k].value));
  }
  EXPECT_TRUE(again.initial.q.same_bits(file.initial.q));
  EXPECT_TRUE(again.initial.v->same_bits(*file.initial.v));
  EXPECT_EQ(system_text(again), text);
}

/// What an override leaves without effect would be an error, or a warning, in a file of its own.
TEST(SystemText, LeavesOutWhatHasNoEffect) {
  const auto text = [](const std::string& run, std::vector<Override> overrides) {
    return system_text(
        parse(replaced(kOuterSolarSystem, "[run]\ndt = 10.0\nt_end = 200000.0\n", "[run]\n" + run),
              overrides));
  };
  const std::string dopri = text("dt = 1.0\nt_end = 8.0\nmethod = \"dopri5\"\ntolerance = 1e-6\n",
                                 {{"run.method", "leapfrog"}});
  EXPECT_EQ(dopri.find("tolerance"), std::string::npos) << dopri;
  const std::string accurate = text("dt = 0.5\nsteps = 16\n", {{"run.accuracy", "1e-6"}});
  EXPECT_EQ(accurate.find("dt ="), std::string::npos) << accurate;
  EXPECT_EQ(accurate.find("steps"), std::string::npos);
  EXPECT_EQ(parse(accurate).run.duration, 8.0);
  const std::string stepped = text("accuracy = 1e-6\nt_end = 8.0\n", {{"run.dt", "0.5"}});
  EXPECT_EQ(stepped.find("accuracy"), std::string::npos) << stepped;
  EXPECT_EQ(parse(stepped).run.steps, 16);
  const std::string plain =
      text("dt = 1.0\nt_end = 8.0\nprecision = \"lattice\"\nlattice = {q = 1e-9, p = 1e-9}\n",
           {{"run.precision", "f64"}});
  EXPECT_EQ(plain.find("lattice"), std::string::npos) << plain;
}

/// A system that a program made has settings as a file has them.
TEST(Settle, GivesASystemItsSettings) {
  const LoadedFile file = parse(kOuterSolarSystem);
  const std::vector<Override> overrides = {{"run.dt", "5.0"},
                                           {"run.steps", "30"},
                                           {"parameters.G", "1e-4"},
                                           {"observe.every", "3"},
                                           {"observe.r", "\"G * norm(q[1] - q[0])\""},
                                           {"gradient.policy", "checkpoints"}};
  const LoadedFile settled = settle(file.system, file.initial, overrides, "norm(p[0])");
  EXPECT_EQ(settled.run.dt, 5.0);
  EXPECT_EQ(settled.run.steps, 30);
  EXPECT_EQ(settled.run.every, 3);
  EXPECT_EQ(settled.run.gradient.policy, "checkpoints");
  EXPECT_EQ(settled.system.parameters[0].value.as<double>()[0], 1e-4);
  EXPECT_EQ(settled.system.observables.size(), file.system.observables.size() + 1);
  EXPECT_EQ(settled.system.observables.back().name, "r");
  ASSERT_TRUE(settled.asked);
  EXPECT_EQ(settled.asked->value->result_type(0), ir::scalar());
  EXPECT_EQ(parse(system_text(settled)).run.every, 3);
}

TEST(Settle, RefusesByPlace) {
  const LoadedFile file = parse(kOuterSolarSystem);
  const auto refusal = [&](const std::string& key, const std::string& value) -> std::string {
    try {
      settle(file.system, file.initial, {{"run.dt", "1"}, {"run.steps", "2"}, {key, value}});
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(refusal("energy.more", "\"1\"").find("energy"), std::string::npos);
  EXPECT_NE(refusal("G", "1.0").find("write parameters.G"), std::string::npos);
  EXPECT_NE(refusal("parameters.g", "1.0").find("did you mean 'G'"), std::string::npos);
  EXPECT_NE(refusal("parameters.m", "1.0").find("shape"), std::string::npos);
  EXPECT_NE(refusal("run.order", "0").find("--set run.order=0"), std::string::npos);
  EXPECT_NE(refusal("observe.r", "\"nothing\"").find("nothing"), std::string::npos);
}

}  // namespace
}  // namespace cotangent::formats
