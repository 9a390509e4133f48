// The examples by the command line: what there is, running one, and what it says when a result is
// missed. Each example's own results are checked by examples_run_test.sh, and those in Python by
// tests/python/wheel_test.sh.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "cotangent/apps/expectations.h"
#include "cotangent/base/error.h"
#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kSwing = R"([energy]
kinetic = "p[0]^2 / 2"
spring = "q[0]^2 / 2"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = "= pi / 100"
steps = 100
)";

/// A gallery of one's own; `bound` is what is expected of q at the end, which is -1.
class OwnGallery {
 public:
  explicit OwnGallery(const std::string& bound = "near = -1.0\nwithin = 1e-9",
                      const std::string& more = "", const std::string& value = "final.q[0]") {
    folder_.write("swing.toml", kSwing);
    fs::create_directory(folder_.path() / "gallery");
    folder_.write("gallery/index.toml",
                  "[swing]\nfile = \"swing.toml\"\ntitle = \"A swing\"\nshows = \"half a turn\"\n"
                  "[[swing.expect]]\nthat = \"q at the end\"\nsince = \"cos(pi)\"\nvalue = \"" +
                      value + "\"\n" + bound + "\n" + more);
    setenv("COTANGENT_EXAMPLES", folder_.path().c_str(), 1);
  }
  ~OwnGallery() { unsetenv("COTANGENT_EXAMPLES"); }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
};

TEST(Gallery, ListsExamplesWithKindAndWhatTheyShow) {
  const CliResult text = run_cli({"examples", "list"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("kepler"), std::string::npos);
  EXPECT_NE(text.out.find("planet_masses"), std::string::npos);
  const json list = run_cli({"examples", "list", "--json"}).json().at("examples");
  EXPECT_GE(list.size(), 20);
  std::map<std::string, int> kinds;
  for (const json& e : list) {
    ++kinds[e.at("kind")];
    EXPECT_TRUE(fs::is_regular_file(e.at("file").get<std::string>())) << e;
    EXPECT_EQ(fs::path(e.at("file").get<std::string>()).stem(), e.at("name").get<std::string>());
  }
  EXPECT_GE(kinds["Python"], 8);
  EXPECT_GE(kinds["C++"], 2);
  EXPECT_GE(kinds["TOML"], 10);
}

// A file in examples/ that the index forgets is an example that nobody runs.
TEST(Gallery, HasEveryFileOfExamples) {
  std::set<std::string> listed;
  const json list = run_cli({"examples", "list", "--json"}).json();
  for (const json& e : list.at("examples")) {
    listed.insert(fs::path(e.at("file").get<std::string>()).filename());
  }
  for (const auto& entry : fs::directory_iterator(fs::path(example("kepler")).parent_path())) {
    const fs::path& path = entry.path();
    EXPECT_TRUE(!entry.is_regular_file() || listed.contains(path.filename())) << path;
  }
}

TEST(Gallery, RunsASystemAndSaysWhatWasExpected) {
  const CliResult result = run_cli({"examples", "run", "kepler", "--quiet"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("cotangent run"), std::string::npos);
  EXPECT_NE(result.out.find("state hash"), std::string::npos);  // the answer of `run`
  EXPECT_NE(result.out.find("expected"), std::string::npos);
  EXPECT_NE(result.out.find("Kepler's"), std::string::npos);
  EXPECT_EQ(result.out.find("MISSED"), std::string::npos);
}

TEST(Gallery, TheAnswerAsJsonHasTheRunAndItsOutcomes) {
  const json answer = run_cli({"examples", "run", "kepler", "--json", "--quiet"}).json();
  EXPECT_EQ(answer.at("schema"), "cotangent.example/1");
  EXPECT_EQ(answer.at("name"), "kepler");
  EXPECT_EQ(answer.at("passed"), true);
  EXPECT_EQ(answer.at("expected").size(), 4);
  for (const json& e : answer.at("expected")) EXPECT_EQ(e.at("met"), true);
  // The same run, to the bit, as the one without the gallery.
  const json run = run_cli({"run", example("kepler"), "--json", "--quiet"}).json();
  EXPECT_EQ(answer.at("answer").at("state_hash"), run.at("state_hash"));
  EXPECT_EQ(answer.at("answer").at("observables"), run.at("observables"));
}

TEST(Gallery, AMissedResultIsACodeOfItsOwn) {
  const OwnGallery missed("near = -0.5\nwithin = 0.1");
  const CliResult text = run_cli({"examples", "run", "swing", "--quiet"});
  EXPECT_EQ(text.code, 4);
  EXPECT_NE(text.out.find("MISSED"), std::string::npos) << text.out;
  const CliResult as_json = run_cli({"examples", "run", "swing", "--quiet", "--json"});
  EXPECT_EQ(as_json.code, 4);
  EXPECT_EQ(as_json.json().at("passed"), false);
  EXPECT_NEAR(as_json.json().at("expected")[0].at("value").get<double>(), -1, 1e-9);
}

TEST(Gallery, EachKindOfBoundCanBeMissed) {
  for (const char* bound :
       {"below = -1.5", "above = -0.5", "above = -2\nbelow = -1.5", "near = -1.1\nwithin = 0.05"}) {
    const OwnGallery missed(bound);
    EXPECT_EQ(run_cli({"examples", "run", "swing", "--quiet"}).code, 4) << bound;
  }
  for (const char* bound : {"below = -0.5", "above = -1.5", "above = -2\nbelow = 0"}) {
    const OwnGallery met(bound);
    EXPECT_EQ(run_cli({"examples", "run", "swing", "--quiet"}).code, 0) << bound;
  }
}

TEST(Gallery, OutGoesToTheRun) {
  const OwnGallery gallery;
  const std::string out = gallery.folder() / "out";
  EXPECT_EQ(run_cli({"examples", "run", "swing", "--quiet", "--out", out}).code, 0);
  EXPECT_TRUE(fs::exists(fs::path(out) / "report.html"));
  EXPECT_TRUE(fs::exists(fs::path(out) / "result.json"));
}

TEST(Gallery, AnUnknownNameGetsTheNearest) {
  for (const char* what : {"run", "show", "copy"}) {
    const CliResult result = run_cli({"examples", what, "keppler"});
    EXPECT_EQ(result.code, 2);
    EXPECT_NE(result.err.find("'kepler'"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("examples list"), std::string::npos) << result.err;
  }
}

TEST(Gallery, ShowsAFileAsItIs) {
  EXPECT_EQ(run_cli({"examples", "show", "kepler"}).out, read_file(example("kepler")));
}

TEST(Gallery, CopiesAnExampleWithWhatItReads) {
  const TemporaryFolder folder;
  const CliResult first = run_cli({"examples", "copy", "planet_masses", folder.path()});
  EXPECT_EQ(first.code, 0) << first.err;
  for (const char* name : {"planet_masses.cpp", "gallery/picture.h", "outer_solar_system.toml"}) {
    EXPECT_TRUE(fs::exists(folder.path() / name)) << name;
  }
  // Python's share a file.
  EXPECT_EQ(run_cli({"examples", "copy", "trojans", folder.path()}).code, 0);
  EXPECT_EQ(run_cli({"examples", "copy", "pluto", folder.path()}).code, 0);
  folder.write("planet_masses.cpp", "changed");
  const CliResult again = run_cli({"examples", "copy", "planet_masses", folder.path()});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("--overwrite"), std::string::npos);
  EXPECT_EQ(run_cli({"examples", "copy", "planet_masses", folder.path(), "--overwrite"}).code, 0);
  EXPECT_EQ(run_cli({"examples", "copy", "kepler", folder / "none"}).code, 2);
}

// Without a python3, without the package, without the program: each says what to do.
TEST(Gallery, SaysWhatAProgramLacks) {
  const OwnGallery gallery("below = 0", R"([script]
file = "script.py"
title = "A script"
shows = "nothing"
asserts = ["nothing"]
[program]
file = "program.cpp"
title = "A program"
shows = "nothing"
asserts = ["nothing"]
)");
  gallery.folder().write("script.py", "import cotangent\n");
  const std::string path = std::getenv("PATH");
  const CliResult program = run_cli({"examples", "run", "program"});
  EXPECT_EQ(program.code, 2);
  EXPECT_NE(program.err.find("example_program"), std::string::npos) << program.err;
  const TemporaryFolder empty;
  setenv("PATH", empty.path().c_str(), 1);
  const CliResult no_python = run_cli({"examples", "run", "script"});
  // A python3 that has no package cotangent.
  fs::permissions(empty.write("python3", "#!/bin/sh\nexit 1\n"), fs::perms::owner_all);
  const CliResult no_package = run_cli({"examples", "run", "script"});
  // One that runs the script, which fails.
  fs::permissions(
      empty.write("python3", "#!/bin/sh\n[ \"$1\" = -c ] && exit 0\necho ran; exit 7\n"),
      fs::perms::owner_all);
  const CliResult fails = run_cli({"examples", "run", "script"});
  const CliResult with_out = run_cli({"examples", "run", "script", "--out", empty / "out"});
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(no_python.code, 2);
  EXPECT_NE(no_python.err.find("'python3'"), std::string::npos) << no_python.err;
  EXPECT_EQ(no_package.code, 2);
  EXPECT_NE(no_package.err.find("pip install"), std::string::npos) << no_package.err;
  EXPECT_EQ(fails.code, 4);
  EXPECT_NE(fails.out.find("ran"), std::string::npos) << fails.out;
  EXPECT_EQ(with_out.code, 2);
  EXPECT_NE(with_out.err.find("--picture"), std::string::npos) << with_out.err;
}

TEST(Gallery, APictureIsRefusedBeforeTheRun) {
  const TemporaryFolder folder;
  const std::string there = folder.write("there.svg", "old");
  const std::vector<std::vector<std::string>> wrong = {
      {"kepler", folder / "x.gif", ".png or .svg"},
      {"basket_throw", folder / "x.png", ".svg"},
      {"kepler", there, "--overwrite"},
      {"kepler", folder / "none/x.svg", "folder"},
  };
  for (const std::vector<std::string>& w : wrong) {
    const CliResult result = run_cli({"examples", "run", w[0], "--quiet", "--picture", w[1]});
    EXPECT_EQ(result.code, 2) << w[1];
    EXPECT_EQ(result.out, "") << w[1];
    EXPECT_NE(result.err.find(w[2]), std::string::npos) << result.err;
  }
  EXPECT_EQ(read_file(there), "old");
}

TEST(Gallery, AnIndexThatIsWrongIsToldWithItsPlace) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "no bound"},
      {"near = 1.0", "no bound"},
      {"blow = 1.0", "'blow' is no key"},
      {"below = \"1\"", "a string"},
      {"below = 1\n[other]\nfile = \"other.txt\"\ntitle = \"x\"\nshows = \"y\"", "an example is a"},
      {"below = 1\n[other]\nfile = \"other.toml\"\ntitle = \"x\"\nshows = \"y\"", "has expect"},
  };
  for (const auto& [bound, says] : wrong) {
    const OwnGallery gallery(bound);
    const CliResult result = run_cli({"examples", "list"});
    EXPECT_EQ(result.code, 2) << bound;
    EXPECT_NE(result.err.find("index.toml:"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find(says), std::string::npos) << result.err;
  }
  const OwnGallery nowhere("below = 1", "", "final.r");
  const CliResult result = run_cli({"examples", "run", "swing", "--quiet"});
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("'r'"), std::string::npos) << result.err;
}

TEST(Gallery, AFolderWithoutExamplesIsTold) {
  const TemporaryFolder empty;
  setenv("COTANGENT_EXAMPLES", empty.path().c_str(), 1);
  const CliResult result = run_cli({"examples", "list"});
  unsetenv("COTANGENT_EXAMPLES");
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("COTANGENT_EXAMPLES"), std::string::npos) << result.err;
}

TEST(Gallery, PlacesInAnAnswer) {
  const std::string answer = R"({"final": {"q": [[1, 2], [3, null]]},
    "invariants": [{"name": "energy", "max_rel_error": 0.5}],
    "observables": {"r": {"t": [0, 1, 2], "value": [4, -1, 3]},
                    "s.mean": {"t": [0], "value": [7]},
                    "c": {"t": [0, 1], "value": [[1, 2], [5, 8]]}}})";
  EXPECT_EQ(value_at(answer, "final.q[1][0]"), 3);
  EXPECT_TRUE(std::isnan(value_at(answer, "final.q[1][1]")));
  EXPECT_EQ(value_at(answer, "invariants.energy.max_rel_error"), 0.5);
  EXPECT_EQ(value_at(answer, "observables.r.first"), 4);
  EXPECT_EQ(value_at(answer, "observables.r.last"), 3);
  EXPECT_EQ(value_at(answer, "observables.r.least"), -1);
  EXPECT_EQ(value_at(answer, "observables.r.greatest"), 4);
  EXPECT_EQ(value_at(answer, "observables.r.mean"), 2);
  EXPECT_EQ(value_at(answer, "observables.r.span"), 5);
  EXPECT_EQ(value_at(answer, "observables.s.mean.last"), 7);  // a statistic over an ensemble
  EXPECT_EQ(value_at(answer, "observables.r.value[1]"), -1);
  EXPECT_EQ(value_at(answer, "observables.c.last[1]"), 8);
  EXPECT_EQ(value_at(answer, "observables.c.greatest"), 8);
  for (const char* nothing : {"final.p", "final.q", "final.q[2][0]", "final.q[0", "final.q[x]", "",
                              "observables.r.middle", "invariants.spin.max_rel_error"}) {
    EXPECT_THROW(value_at(answer, nothing), UserError) << nothing;
  }
}

}  // namespace
}  // namespace cotangent::apps::testing
