// What is said where numbers stop being finite: a smaller dt only where it may help, and an energy
// that is not finite where the run starts before any step.
#include <gtest/gtest.h>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
using nlohmann::json;

/// Two bodies; what is said of them is put in.
std::string bodies(const std::string& mass, const std::string& second, const std::string& force) {
  return "[parameters]\nm = " + mass + "\nk = -2.0\n[energy]\n" +
         "kinetic = \"sum(i, dot(p[i], p[i])/(2*m))\"\nforce = \"" + force +
         "\"\n[initial]\nq = [[0.0, 0.0], " + second +
         "]\np = [[0.0, 0.1], [0.0, -0.1]]\n[run]\ndt = 0.01\nsteps = 50\nmethod = \"leapfrog\"\n";
}

void expect_said(const CliResult& r, std::initializer_list<const char*> all) {
  for (const char* text : all) EXPECT_NE(r.err.find(text), std::string::npos) << text << r.err;
}

TEST(Hints, AnEnergyThatIsNotFiniteAtTheStartIsRefusedWithItsTerm) {
  const TemporaryFolder folder;
  const struct {
    std::string text;
    const char *term, *expression, *place;
  } all[] = {
      {bodies("0.0", "[1.0, 0.0]", "0.1*dot(q[0], q[1])"), "kinetic", "dot(p[i], p[i])/(2*m)",
       "a.toml:5:19\n"},
      {bodies("1.0", "[0.0, 0.0]", "-1/norm(q[0] - q[1])"), "force", "-1/norm(q[0] - q[1])",
       "a.toml:6:10\n"},
      {bodies("1.0", "[1.0, 0.0]", "sqrt(k)*norm(q[0] - q[1])"), "force", "sqrt(k)",
       "a.toml:6:10\n"},
      // The force is finite: dH/dq = 1/q.
      {"[energy]\nkinetic = \"p[0]^2/2\"\nwell = \"log(q[0])\"\n[initial]\nq = [-1.0]\np = [0.0]\n"
       "[run]\ndt = 0.01\nsteps = 20\nmethod = \"leapfrog\"\n",
       "well", "log(q[0])", "a.toml:3:9\n"},
      {"[parameters]\nI = [1.0, 0.0, 2.0]\n[structure]\nkind = \"lie_poisson\"\nalgebra = \"so3\"\n"
       "[energy]\nturn = \"sum(i, z[i]^2/(2*I[i]))\"\n[initial]\nz = [1.0, 0.5, 0.2]\n[run]\n"
       "dt = 0.1\nsteps = 20\n",
       "turn", "z[i]^2/(2*I[i])", "a.toml:7:16\n"}};
  for (const auto& x : all) {
    const std::string file = folder.write("a.toml", x.text);
    const CliResult r = run_cli({"run", file, "--json"});
    EXPECT_EQ(r.code, 3) << x.term << r.err;
    expect_said(r, {"the energy is not finite at the start (t = 0): the term '", x.term,
                    x.expression, x.place, "No step is made"});
    EXPECT_EQ(r.err.find("smaller dt"), std::string::npos) << r.err;
    EXPECT_EQ(r.err.find("at dt ="), std::string::npos) << r.err;
    const json answer = r.json();
    EXPECT_EQ(answer["status"], "non-finite");
    EXPECT_EQ(answer["steps"], 0);
    EXPECT_EQ(answer["fault"]["step"], 0);
    EXPECT_EQ(answer["fault"]["component"], "the term '" + std::string(x.term) + "'");
    EXPECT_EQ(answer["fault"]["expression"], x.expression);
  }
}

TEST(Hints, NoAccuracyIsLookedForWhereNoneCanBe) {
  const TemporaryFolder folder;
  std::string text = bodies("1.0", "[0.0, 0.0]", "-1/norm(q[0] - q[1])");
  const std::string steps = "dt = 0.01\nsteps = 50\nmethod = \"leapfrog\"\n";
  text.replace(text.find(steps), steps.size(), "t_end = 1.0\naccuracy = 1e-6\n");
  const CliResult r = run_cli({"run", folder.write("a.toml", text)});
  EXPECT_EQ(r.code, 2) << r.out;
  expect_said(r, {"the energy is not finite where the run starts: the term 'force'",
                  "-1/norm(q[0] - q[1])", "a.toml:6:10\n", "change the initial state"});
}

TEST(Hints, AMapHasNoStep) {
  const TemporaryFolder folder;
  const CliResult r =
      run_cli({"run", folder.write("a.toml",
                                   "[map]\nx = \"5*x*(1 - x)\"\n[initial]\nx = 0.3\n[run]\n"
                                   "steps = 100\n")});
  EXPECT_EQ(r.code, 3);
  expect_said(r, {"not finite after step", "A map has no dt"});
  EXPECT_EQ(r.err.find("smaller dt"), std::string::npos) << r.err;
}

TEST(Hints, AMotionThatIsNotFiniteWhereItStartsHasNoUseForOne) {
  const TemporaryFolder folder;
  const auto equations = [](const std::string& method) {
    return "[parameters]\nk = -2.0\n[equations]\nx = \"-sqrt(k)*x^2\"\n[initial]\nx = 1.0\n[run]\n"
           "dt = 0.1\nsteps = 20\nmethod = \"" +
           method + "\"\n";
  };
  const std::string cusp =
      "[energy]\nkinetic = \"p[0]^2/2\"\ncusp = \"sqrt(q[0]^2)^0.5\"\n[initial]\nq = [0.0]\n"
      "p = [0.0]\n[run]\ndt = 0.01\nsteps = 20\nmethod = \"leapfrog\"\n";
  for (const std::string& text :
       {equations("rk4"), equations("dopri5"), equations("implicit_midpoint"), cusp}) {
    const CliResult r = run_cli({"run", folder.write("a.toml", text)});
    EXPECT_EQ(r.code, 3) << text << r.err;
    expect_said(r, {"not finite after step 1 ", "The motion is not finite where it starts"});
    expect_said(r, {text == cusp ? "q[0]" : "sqrt(k)"});
    EXPECT_EQ(r.err.find("smaller dt"), std::string::npos) << r.err;
  }
}

/// The control: past the edge of log(1 + q) only because the step is long.
TEST(Hints, WhereItMayHelpItIsSaid) {
  const TemporaryFolder folder;
  const CliResult r = run_cli(
      {"run", folder.write("a.toml",
                           "[energy]\nkinetic = \"p[0]^2/2\"\nedge = \"-sqrt(1 - q[0]) + q[0]^2\"\n"
                           "[initial]\nq = [0.5]\np = [2.0]\n[run]\ndt = 0.5\nsteps = 20\n"
                           "method = \"leapfrog\"\n")});
  EXPECT_EQ(r.code, 3) << r.err;
  expect_said(r, {"A smaller dt may help"});
}

}  // namespace
}  // namespace cotangent::apps::testing
