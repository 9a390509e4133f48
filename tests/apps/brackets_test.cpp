// Brackets from the command line: Casimirs are invariants, what a structure meets is a fact, and
// what is wrong with one has its place.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
using nlohmann::json;

const std::string kBody =
    "[parameters]\nI = [2.0, 1.0, 0.6666666666666666]\n[structure]\nkind = \"lie_poisson\"\n"
    "J = [[0, \"-z[2]\", \"z[1]\"], [\"z[2]\", 0, \"-z[0]\"], [\"-z[1]\", \"z[0]\", 0]]\n"
    "[energy]\nkinetic = \"sum(i, z[i]^2 / (2*I[i]))\"\n[initial]\nz = [0.45, 0.0, 0.89]\n"
    "[run]\ndt = 0.1\nsteps = 500\n";
const std::string kTop =
    "[structure]\nkind = \"lie_poisson\"\nalgebra = \"se3\"\n[energy]\n"
    "kinetic = \"z[0]^2/2 + z[1]^2/2 + z[2]^2/4\"\nweight = \"0.3*z[5]\"\n"
    "[initial]\nz = [0.1, 0.2, 1.5, 0.0, 0.6, 0.8]\n[run]\ndt = 0.05\nsteps = 500\n";

json named(const json& list, const std::string& name, const char* key = "name") {
  for (const json& x : list) {
    if (x.at(key) == name) return x;
  }
  return {};
}

TEST(Brackets, CasimirsAreInvariantsOfTheRun) {
  const TemporaryFolder folder;
  const std::string body = folder.write("body.toml", kBody), top = folder.write("top.toml", kTop);
  const CliResult run = run_cli({"run", body, "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json one = named(run.json().at("invariants"), "casimir");
  ASSERT_FALSE(one.is_null()) << run.out;
  EXPECT_EQ(one["how"], "proved");
  EXPECT_NEAR(one["initial"].get<double>(), 0.45 * 0.45 + 0.89 * 0.89, 1e-15);
  EXPECT_LT(one["max_rel_error"].get<double>(), 1e-13);
  // A method that keeps nothing does not keep it either, and is seen not to.
  const json drifting =
      named(run_cli({"run", body, "--json", "--set", "run.method=rk4", "--set", "run.dt=0.5"})
                .json()["invariants"],
            "casimir");
  EXPECT_GT(drifting["max_rel_error"].get<double>(), 1e-6);
  // |Gamma|^2 and Pi . Gamma.
  const json two = run_cli({"run", top, "--json"}).json()["invariants"];
  std::vector<double> initial;
  for (const char* name : {"casimir_1", "casimir_2"}) {
    const json x = named(two, name);
    ASSERT_FALSE(x.is_null()) << two;
    EXPECT_LT(x["max_abs_error"].get<double>(), 1e-13) << name;
    initial.push_back(std::abs(x["initial"].get<double>()));
  }
  EXPECT_NE(initial[0], initial[1]);
  const CliResult taken = run_cli({"run", body, "--set", "observe.casimir=\"z[0]\""});
  EXPECT_EQ(taken.code, 2);
  EXPECT_NE(taken.err.find("has the name of a result of this run"), std::string::npos) << taken.err;
}

TEST(Brackets, WhatAStructureMeetsIsAFact) {
  const TemporaryFolder folder;
  const json explained = run_cli({"explain", folder.write("body.toml", kBody), "--json"}).json();
  for (const char* name : {"skew", "jacobi"}) {
    const json fact = named(explained["facts"], name);
    ASSERT_FALSE(fact.is_null()) << name;
    EXPECT_EQ(fact["value"], true);
    EXPECT_EQ(fact["how"], "proved");
    EXPECT_FALSE(fact["derivation"].empty());
  }
  const json casimirs = named(explained["facts"], "casimirs");
  ASSERT_FALSE(casimirs.is_null());
  EXPECT_EQ(casimirs["value"], "z[0]^2 + z[1]^2 + z[2]^2");
  EXPECT_EQ(casimirs["how"], "proved");
  const json monitors = named(explained["plan"], "monitors", "decision");
  EXPECT_NE(monitors["choice"].get<std::string>().find("casimir"), std::string::npos) << monitors;
  EXPECT_NE(monitors["reason"].get<std::string>().find("z[0]^2 + z[1]^2 + z[2]^2"),
            std::string::npos);
  // Only an identity of trigonometry makes it one: tested.
  std::string bent = kBody;
  const std::string one = "*(cos(2*z[2]) + 2*sin(z[2])^2)\"";
  bent.replace(bent.find("\"-z[0]\""), 7, "\"-z[0]" + one);
  bent.replace(bent.find("\"z[0]\""), 6, "\"z[0]" + one);
  const json tested = run_cli({"explain", folder.write("bent.toml", bent), "--json"}).json();
  EXPECT_EQ(named(tested["facts"], "jacobi")["how"], "tested") << tested;
  EXPECT_TRUE(named(tested["facts"], "casimirs").is_null());
}

/// What fails is a fact, too, and the plan is refused with the place.
TEST(Brackets, WhatIsWrongHasItsPlace) {
  const TemporaryFolder folder;
  const auto changed = [](std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  };
  const auto file = [](const std::string& metric, const std::string& entropy) {
    return "[structure]\nkind = \"metriplectic\"\n"
           "J = [[0, 1, 0], [-1, 0, 0], [0, 0, 0]]\nmetric = [" +
           metric + "]\nentropy = \"" + entropy +
           "\"\n[energy]\nH = \"z[0]^2/2 + z[1]^2/2 + z[2]\"\n[initial]\nz = [1.0, 0.5, 0.2]\n"
           "[run]\ndt = 0.01\nsteps = 10\n";
  };
  // Friction: the energy that p loses is heat z[2].
  const std::string good = "[0, 0, 0], [0, 1, \"-z[1]\"], [0, \"-z[1]\", \"z[1]^2\"]";
  EXPECT_EQ(run_cli({"run", folder.write("good.toml", file(good, "z[2]")), "-q"}).code, 0);
  const struct {
    std::string text;
    const char *place, *says, *fact;
  } all[] = {
      {changed(kBody, "\"z[2]\", 0,", "\"2*z[2]\", 0,"), "a.toml:5:5\n", "J is not antisymmetric",
       "skew"},
      {changed(changed(kBody, "\"-z[2]\"", "\"-z[2] - z[0]^2\""), "\"z[2]\", 0,",
               "\"z[2] + z[0]^2\", 0,"),
       "a.toml:5:5\n", "Jacobi identity", "jacobi"},
      {changed(changed(kBody, "\"-z[2]\"", "\"-z[2]*(1 + t)\""), "\"z[2]\", 0,",
               "\"z[2]*(1 + t)\", 0,"),
       "a.toml:5:5\n", "J reads the time t", nullptr},
      {file("[0, 0, 0], [0, 1, 0], [0, 0, 0]", "z[2]"), "a.toml:4:10\n",
       "the metric G changes the energy", "energy_not_dissipated"},
      {file(good, "z[0]"), "a.toml:5:12\n", "changes the entropy", "entropy_is_casimir"},
      {file("[0, 0, 0], [0, -1, \"z[1]\"], [0, \"z[1]\", \"-z[1]^2\"]", "z[2]"), "a.toml:4:10\n",
       "negative eigenvalue", "metric_positive"},
  };
  for (const auto& x : all) {
    const std::string path = folder.write("a.toml", x.text);
    const CliResult r = run_cli({"run", path});
    EXPECT_EQ(r.code, 2) << x.says << r.out;
    EXPECT_NE(r.err.find(x.says), std::string::npos) << x.says << "\n" << r.err;
    EXPECT_NE(r.err.find(x.place), std::string::npos) << x.place << r.err;
    EXPECT_NE(r.err.find("to do:"), std::string::npos) << r.err;
    const json facts = run_cli({"explain", path, "--json"}).json()["facts"];
    if (!x.fact) continue;
    const json fact = named(facts, x.fact);
    ASSERT_FALSE(fact.is_null()) << x.fact;
    EXPECT_EQ(fact["value"], false) << x.fact;
    EXPECT_EQ(fact["how"], "tested") << x.fact;
  }
}

}  // namespace
}  // namespace cotangent::apps::testing
