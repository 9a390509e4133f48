// Every kind of bad input, from the command line: exit code 2, the place, and nothing written.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
namespace fs = std::filesystem;

struct Bad {
  const char* name;
  std::string from, to;          ///< what is replaced in the good file
  std::vector<std::string> say;  ///< what the error must hold
  bool place = true;             ///< whether there is a line to show
  bool facts = false;            ///< whether the planner refuses: explain has facts to show
};

constexpr const char* kGood = R"toml(title = "Three bodies"
[parameters]
m = [1.0, 2.0, 3.0]
[energy]
kinetic = "sum(i, dot(p[i], p[i]) / (2*m[i]))"
gravity = "-sum(i<j, m[i]*m[j] / norm(q[i] - q[j]))"
[initial]
q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]
p = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
[run]
dt = 0.01
t_end = 1.0
[observe]
every = 10
distance = "norm(q[1] - q[0])"
)toml";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.substr(0, at) + to + text.substr(at + from.size());
}

std::string deep_expression() {
  return std::string(10000, '(') + "q[0,0]" + std::string(10000, ')');
}

const std::vector<Bad>& cases() {
  static const std::vector<Bad> all = {
      {"syntax", "norm(q[i] - q[j])", "norm(q[i] - q[j]", {"^"}},
      {"toml_syntax", "[run]", "[run", {}},
      {"unknown_name", "m[i]*m[j]", "mm[i]*m[j]", {"mm", "m"}},
      {"unknown_function", "norm(q[i]", "nrom(q[i]", {"norm"}},
      {"no_range", "sum(i, dot(p[i], p[i])", "sum(k, dot(p[0], p[0])", {"k"}},
      {"ranges_disagree", "m = [1.0, 2.0, 3.0]", "m = [1.0, 2.0]", {}},
      {"out_of_bounds", "norm(q[1] - q[0])", "norm(q[3] - q[0])", {"3"}},
      {"shapes", "norm(q[1] - q[0])", "norm(q[1] - m[0])", {}},
      {"vector_product", "norm(q[1] - q[0])", "norm(q[1] * q[0])", {"dot", "cross"}},
      {"state_shapes",
       "p = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]",
       "p = [[0.0, 0.0], [0.0, 1.0]]",
       {}},
      {"unread_key", "dt = 0.01", "dt = 0.01\nspeed = 3", {"speed"}},
      {"unread_table", "[run]", "[runn]\nx = 1\n[run]", {"runn"}},
      {"dt_zero", "dt = 0.01", "dt = 0.0", {"dt"}},
      {"dt_negative", "dt = 0.01", "dt = -0.01", {"dt"}},
      {"dt_longer", "dt = 0.01", "dt = 2.0", {"dt"}},
      {"not_whole", "t_end = 1.0", "t_end = 1.005", {"whole"}},
      {"nan", "[1.0, 0.0], [0.0, 2.0]", "[1.0, nan], [0.0, 2.0]", {}},
      {"infinity", "[1.0, 0.0], [0.0, 2.0]", "[1.0, inf], [0.0, 2.0]", {}},
      {"deep", "norm(q[1] - q[0])", deep_expression(), {}},
      {"missing_data",
       "q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]",
       "q = {file = \"missing.csv\"}",
       {"missing.csv"}},
      {"path_leaves",
       "q = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]",
       "q = {file = \"../../etc/passwd\"}",
       {}},
      {"method_that_does_not_fit",
       "t_end = 1.0",
       "t_end = 1.0\nmethod = \"exact\"",
       {"exact", "linear", "exact_kicks"},
       true,
       true},
      {"bad_method",
       "t_end = 1.0",
       "t_end = 1.0\nmethod = \"leapfrogg\"",
       {"leapfrog"},
       true,
       true},
      {"bad_order", "t_end = 1.0", "t_end = 1.0\norder = 5", {"order"}, true, true},
      {"key_without_effect",
       "t_end = 1.0",
       "t_end = 1.0\nmethod = \"rk4\"\ntolerance = 1e-8",
       {"tolerance has no effect", "\"rk4\"", "dopri5"},
       true,
       true},
      {"later_lists", "[run]", "[lists]\nbonds = [[0, 1]]\n[run]", {"lists"}},
      {"later_box", "[run]", "[box]\nlengths = [1.0, 1.0]\n[run]", {"box"}},
      {"later_lagrangian", "[run]", "[lagrangian]\nL = \"0\"\n[run]", {"lagrangian"}},
  };
  return all;
}

class BadInput : public ::testing::TestWithParam<Bad> {};

TEST_P(BadInput, IsRefusedWithItsPlace) {
  const Bad& bad = GetParam();
  const TemporaryFolder folder;
  const std::string file = folder.write("system.toml", replaced(kGood, bad.from, bad.to));
  for (const char* command : {"run", "explain"}) {
    std::vector<std::string> arguments = {command, file, "--log", folder / "log.jsonl"};
    if (std::string(command) == "run") {
      arguments.push_back("--out");
      arguments.push_back(folder / "out");
    }
    const CliResult result = run_cli(arguments);
    EXPECT_EQ(result.code, 2) << command << '\n' << result.out << result.err;
    const bool shows = bad.facts && std::string(command) == "explain";
    EXPECT_EQ(result.out.rfind("facts\n", 0) == 0, shows) << result.out;
    EXPECT_EQ(result.out.empty(), !shows) << result.out;
    EXPECT_EQ(result.err.rfind("error: ", 0), 0u) << result.err;
    if (bad.place) {
      EXPECT_NE(result.err.find("system.toml:"), std::string::npos) << result.err;
      EXPECT_NE(result.err.find('^'), std::string::npos) << result.err;
    }
    for (const std::string& word : bad.say) {
      EXPECT_NE(result.err.find(word), std::string::npos) << word << '\n' << result.err;
    }
    EXPECT_LT(result.err.size(), 4000u);
    EXPECT_EQ(folder.entries(), 1u) << "something was written";
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, BadInput, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BadInput, TheFileItIsMadeFromIsGood) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_cli({"run", folder.write("system.toml", kGood), "--quiet"}).code, 0);
}

TEST(BadInput, AHugeFileIsRefusedUnread) {
  const TemporaryFolder folder;
  const std::string file = folder.write("huge.toml", kGood);
  fs::resize_file(file, 100'000'000);
  const CliResult result = run_cli({"run", file, "--out", folder / "out"});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_NE(result.err.find("16"), std::string::npos) << result.err;  // the limit, in MB
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(BadInput, OddFiles) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_cli({"run", folder / "missing.toml"}).code, 2);
  EXPECT_EQ(run_cli({"run", folder.path().string()}).code, 2);
  EXPECT_EQ(run_cli({"run", "/dev/zero"}).code, 2);
  EXPECT_EQ(run_cli({"run", folder.write("empty.toml", "")}).code, 2);
  std::string noise;
  for (int k = 0; k < 5000; ++k) noise += static_cast<char>((k * 7919) % 256);
  EXPECT_EQ(run_cli({"run", folder.write("noise.toml", noise)}).code, 2);
}

}  // namespace
}  // namespace cotangent::apps::testing
