// `cotangent grad`: what it prints where, its exit codes, what it refuses.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
using nlohmann::json;

// x'' = -k x from x = a at rest: x(t) = a cos(w t), w = sqrt(k).
constexpr const char* kSpring = R"(title = "Spring"
[parameters]
k = 4.0
unused = 1.0
[energy]
kinetic = "p[0]^2 / 2"
spring = "k * q[0]^2 / 2"
[initial]
q = [0.5]
p = [0.0]
[run]
dt = 0.001
steps = 2000
order = 6
[observe]
position = "q[0]"
)";

TEST(Grad, IsOneObjectWithTheDerivativesOfTheExactSolution) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  for (const char* of : {"q[0]", "position"}) {
    const CliResult result = run_cli({"grad", file, "--of", of, "--wrt", "q,p,k", "--json", "-q"});
    ASSERT_EQ(result.code, 0) << result.err;
    const json answer = result.json();
    EXPECT_EQ(answer.at("schema"), "cotangent.grad/1");
    EXPECT_EQ(answer.at("status"), "finished");
    const double w = 2, t = 2;
    EXPECT_NEAR(answer.at("value").get<double>(), 0.5 * std::cos(w * t), 1e-12);
    EXPECT_NEAR(answer.at("grad").at("q").at(0).get<double>(), std::cos(w * t), 1e-12);
    EXPECT_NEAR(answer.at("grad").at("p").at(0).get<double>(), std::sin(w * t) / w, 1e-12);
    EXPECT_NEAR(answer.at("grad").at("k").get<double>(), -0.5 * t * std::sin(w * t) / (2 * w),
                1e-12);
    EXPECT_EQ(answer.at("policy"), "all");
    EXPECT_GT(answer.at("peak_bytes").get<std::int64_t>(), 1000000);
    EXPECT_GT(answer.at("kept_bytes").get<std::int64_t>(), 0);
    EXPECT_TRUE(answer.at("horizon").at("lost_at").is_null());
    EXPECT_GT(answer.at("horizon").at("digits").get<double>(), 10);
  }
}

TEST(Grad, OfAMeanAndOfEnergies) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  const CliResult mean = run_cli(
      {"grad", file, "--of", "q[0]", "--wrt", "q", "--at", "mean", "--every", "1", "--json", "-q"});
  ASSERT_EQ(mean.code, 0) << mean.err;
  double sum = 0;  // over the steps, the first and the last state among them
  for (int k = 0; k <= 2000; ++k) sum += std::cos(2 * 0.001 * k);
  EXPECT_NEAR(mean.json().at("grad").at("q").at(0).get<double>(), sum / 2001, 1e-12);
  // Energy is conserved: its gradient at the end is that at the start.
  const CliResult energy =
      run_cli({"grad", file, "--of", "energy", "--wrt", "q,k", "--json", "-q"});
  EXPECT_NEAR(energy.json().at("grad").at("q").at(0).get<double>(), 4 * 0.5, 1e-10);
  EXPECT_NEAR(energy.json().at("grad").at("k").get<double>(), 0.125, 1e-10);
  EXPECT_EQ(run_cli({"grad", file, "--of", "spring", "--wrt", "q", "-q"}).code, 0);
}

TEST(Grad, EveryPolicyHasTheSameAnswerWithinItsBudget) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  const auto by = [&](std::vector<std::string> more) {
    std::vector<std::string> all = {"grad", file, "--of", "q[0]", "--wrt", "k", "--json", "-q"};
    all.insert(all.end(), more.begin(), more.end());
    const CliResult result = run_cli(all);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.json();
  };
  const json all = by({"--policy", "all"});
  const json few = by({"--policy", "checkpoints", "--budget", "4kB"});
  EXPECT_EQ(few.at("grad"), all.at("grad"));
  EXPECT_EQ(few.at("policy"), "checkpoints");
  EXPECT_LE(few.at("kept_bytes").get<int>(), 4000);
  const json undone = by({"--policy", "reverse"});
  EXPECT_EQ(undone.at("policy"), "reverse");
  EXPECT_EQ(undone.at("drift").at("fell_back"), false);
  EXPECT_NEAR(undone.at("grad").at("k").get<double>(), all.at("grad").at("k").get<double>(), 1e-11);
  // What the file says holds, and the command line wins over it.
  EXPECT_EQ(by({"--set", "gradient.policy=checkpoints"}).at("policy"), "checkpoints");
  EXPECT_EQ(by({"--set", "gradient.policy=checkpoints", "--policy", "all"}).at("policy"), "all");
}

TEST(Grad, AFallBackIsSaid) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  const CliResult result = run_cli({"grad", file, "--of", "q[0]", "--wrt", "k", "--policy",
                                    "reverse", "--tolerance", "0", "--json"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.json().at("drift").at("fell_back"), true);
  EXPECT_NE(result.err.find("by checkpoints"), std::string::npos) << result.err;
}

TEST(Grad, AParameterThatNothingReadsIsNamed) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  const CliResult result = run_cli({"grad", file, "--of", "q[0]", "--wrt", "unused,k"});
  EXPECT_EQ(result.code, 0);
  EXPECT_NE(result.err.find("the gradient by unused is zero"), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("the gradient by k is zero"), std::string::npos);
  for (const char* word : {"gradient", "unused", "k ", "policy all", "digits are left"}) {
    EXPECT_NE(result.out.find(word), std::string::npos) << word << '\n' << result.out;
  }
}

TEST(CheckGrad, PassesOnSystemsWithoutPositionsAndMomenta) {
  const std::vector<std::vector<std::string>> runs = {
      {example("lorenz"), "--set", "run.t_end=2"},
      {example("logistic_map"), "--set", "run.steps=12"},
      {example("rigid_body"), "--set", "run.t_end=4"},
      {example("coupled_pendulums"), "--set", "run.steps=20", "--set", "run.method=rk4"},
  };
  for (const std::vector<std::string>& run : runs) {
    std::vector<std::string> all = {"check", "--grad", "-q"};
    all.insert(all.end(), run.begin(), run.end());
    const CliResult text = run_cli(all);
    EXPECT_EQ(text.code, 0) << run[0] << '\n' << text.out << text.err;
    EXPECT_NE(text.out.find("check_grad: pass"), std::string::npos) << text.out;
  }
}

// x_1 = r x (1 - x), and once more.
TEST(Grad, OfAMapIsItsClosedForm) {
  const CliResult result = run_cli({"grad", example("logistic_map"), "--of", "x", "--wrt", "x,r",
                                    "--set", "run.steps=2", "--json", "-q"});
  ASSERT_EQ(result.code, 0) << result.err;
  const double r = 3.5, x = 0.3, y = r * x * (1 - x), slope = r * (1 - 2 * y);
  const json answer = result.json();
  EXPECT_NEAR(answer.at("value").get<double>(), r * y * (1 - y), 1e-15);
  EXPECT_NEAR(answer.at("grad").at("x").get<double>(), slope * r * (1 - 2 * x), 1e-14);
  EXPECT_NEAR(answer.at("grad").at("r").get<double>(), y * (1 - y) + slope * x * (1 - x), 1e-14);
  EXPECT_EQ(answer.at("method"), "iterate");
}

TEST(Grad, OfEquationsAndBracketsHasTheirNames) {
  const json lorenz = run_cli({"grad", example("lorenz"), "--of", "height", "--at", "mean", "--wrt",
                               "x,z,rho", "--set", "run.t_end=1", "--json", "-q"})
                          .json();
  EXPECT_EQ(lorenz.at("grad").size(), 3u);
  EXPECT_TRUE(lorenz.at("grad").at("z").is_number());
  EXPECT_GT(lorenz.at("horizon").at("digits").get<double>(), 10);
  const json body = run_cli({"grad", example("rigid_body"), "--of", "length", "--wrt", "z,moments",
                             "--json", "-q"})
                        .json();
  // The length is a Casimir: its gradient is that at the start, and none by the moments.
  const std::vector<double> z = body.at("grad").at("z").get<std::vector<double>>();
  EXPECT_NEAR(z[1], 1 / std::sqrt(1.0001), 1e-9);
  for (double x : body.at("grad").at("moments").get<std::vector<double>>()) EXPECT_NEAR(x, 0, 1e-9);
}

// A path of Lorenz's forgets where it came from.
TEST(Grad, OfALongRunOfEquationsHasLostItsDigits) {
  const CliResult result = run_cli({"grad", example("lorenz"), "--of", "z", "--wrt", "x", "--set",
                                    "run.t_end=100", "--json", "-q"});
  EXPECT_EQ(result.code, 4);
  EXPECT_NEAR(result.json().at("horizon").at("lyapunov").get<double>(), 0.9, 0.1);
}

TEST(Grad, OtherMethodsRefuseByName) {
  const TemporaryFolder folder;
  const std::string spring = folder.write("spring.toml", kSpring);
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{spring, "--of", "q[0]", "--wrt", "q", "--set", "run.method=exact"}, "exact"},
      {{example("lorenz"), "--of", "x", "--wrt", "q"}, "x, y, z, sigma, rho, beta"},
      {{example("logistic_map"), "--of", "x", "--wrt", "x", "--policy", "reverse"}, "no way back"},
      {{example("lorenz"), "--of", "x", "--wrt", "x", "--policy", "reverse"}, "rk4"},
      {{example("kepler_ensemble"), "--of", "q[0]", "--wrt", "q"}, "ensemble"},
  };
  for (const auto& [arguments, words] : cases) {
    std::vector<std::string> all = {"grad"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const CliResult result = run_cli(all);
    EXPECT_EQ(result.code, 2) << words;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(words), std::string::npos) << words << "\n" << result.err;
  }
}

// Henon-Heiles near its escape energy: within 600 units of time nothing is left.
TEST(Grad, LostDigitsAreAFailedCheck) {
  const std::vector<std::string> command = {"grad",  example("henon_heiles"),
                                            "--of",  "q[0]",
                                            "--wrt", "q",
                                            "--set", "run.dt=0.05",
                                            "--set", "run.t_end=1500",
                                            "--set", "initial.q=[0.0, -0.1]",
                                            "--set", "initial.p=[0.5575, 0.0]",
                                            "--json"};
  const CliResult result = run_cli(command);
  EXPECT_EQ(result.code, 4) << result.err;
  EXPECT_NE(result.err.find("lost its digits: from t = "), std::string::npos) << result.err;
  const double lost = result.json().at("horizon").at("lost_at").get<double>();
  EXPECT_GT(lost, 100);
  EXPECT_LT(lost, 1500);
}

TEST(Grad, ThatIsNotFiniteNamesStepOpAndPlace) {
  const TemporaryFolder folder;
  const std::string file = folder.write("kink.toml", R"([energy]
kinetic = "dot(p[0], p[0]) / 2"
well = "abs(q[0,0])^1.5 + q[0,1]^2"
[initial]
q = [[0.0, 1.0]]
p = [[0.0, 0.0]]
[run]
dt = 0.01
steps = 1000
order = 2
)");
  const CliResult result =
      run_cli({"grad", file, "--of", "q[0,0] + q[0,1]", "--wrt", "q", "--json", "-q"});
  EXPECT_EQ(result.code, 3);
  const json answer = result.json();
  EXPECT_EQ(answer.at("status"), "non-finite");
  EXPECT_EQ(answer.at("gradient_fault").at("step"), 1000);
  EXPECT_EQ(answer.at("gradient_fault").at("expression"), "abs(q[0,0])^1.5");
  EXPECT_FALSE(answer.contains("grad"));
  for (const char* part : {"kink.toml:3:9", "step 1,000", "gradient by q[0,0]", "^~~~"}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << '\n' << result.err;
  }
}

TEST(Grad, ARunThatTurnsNonFiniteSaysWhatRunSays) {
  const TemporaryFolder folder;
  const std::string file = folder.write("fall.toml", R"toml([energy]
kinetic = "p[0]^2 / 2"
well = "sqrt(q[0])"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 0.01
t_end = 20.0
method = "leapfrog"
)toml");
  const CliResult run = run_cli({"run", file, "--json", "-q", "--set=monitor.shadow=false"});
  const CliResult grad = run_cli({"grad", file, "--of", "q[0]", "--wrt", "q", "--json", "-q"});
  EXPECT_EQ(grad.code, 3);
  EXPECT_EQ(grad.err, run.err);
  EXPECT_EQ(grad.json().at("fault"), run.json().at("fault"));
}

TEST(Grad, BadInputIsSaid) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--of", "q[0"}, "--wrt is required"},
      {{"--wrt", "q"}, "--of is required"},
      {{"--of", "q[0", "--wrt", "q"}, "add the missing ']'"},
      {{"--of", "q", "--wrt", "q"}, "one real number"},
      {{"--of", "q[0]", "--wrt", "r"}, "no \"r\""},
      {{"--of", "q[0]", "--wrt", "v"}, "gives momenta"},
      {{"--of", "q[0]", "--wrt", "q", "--at", "start"}, "--at"},
      {{"--of", "q[0]", "--wrt", "q", "--every", "3"}, "--every"},
      {{"--of", "q[0]", "--wrt", "q", "--policy", "alll"}, "did you mean \"all\""},
      {{"--of", "q[0]", "--wrt", "q", "--budget", "much"}, "--budget"},
      {{"--of", "q[0]", "--wrt", "q", "--policy", "all", "--budget", "10"}, "raise the budget"},
      {{"--of", "nothing", "--wrt", "q"}, "nothing"},
      {{"--of", "q[0]", "--wrt", ""}, "a name is missing"},
      {{"--of", "q[0]", "--wrt", "q,,p"}, "a name is missing"},
      {{"--of", "q[0]", "--wrt", "q", "--at", "mean", "--every", "0"}, "no whole number from 1"},
      {{"--of", "q[0]", "--wrt", "q", "--tolerance", "nan"}, "--tolerance"},
  };
  for (const auto& [arguments, words] : cases) {
    std::vector<std::string> all = {"grad", file};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const CliResult result = run_cli(all);
    EXPECT_EQ(result.code, 2) << words;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(words), std::string::npos) << words << "\n" << result.err;
  }
}

TEST(Grad, AnErrorShowsTheExpressionAsItWasWritten) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  for (const char* command : {"grad", "check"}) {
    std::vector<std::string> all = {command, file, "--of", "2*nope[0]", "--wrt", "q"};
    if (all[0] == "check") all.push_back("--grad");
    const CliResult result = run_cli(all);
    EXPECT_EQ(result.code, 2);
    EXPECT_NE(result.err.find("spring.toml:17:8\n"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("17 | --of 2*nope[0]\n"), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find("gradient_of"), std::string::npos) << result.err;
  }
  const CliResult typo = run_cli({"grad", file, "--of", "positoin", "--wrt", "q"});
  EXPECT_NE(typo.err.find("or by name position, kinetic, spring, energy"), std::string::npos)
      << typo.err;
  EXPECT_NE(typo.err.find("did you mean 'position'?"), std::string::npos) << typo.err;
  // An observable of any name of the file's own does no harm, and quotes need no care.
  const std::string own =
      folder.write("own.toml", std::string(kSpring) + "gradient_of = \"p[0]\"\n");
  const json by_name = run_cli({"grad", own, "--of", "gradient_of", "--wrt", "q", "--json"}).json();
  EXPECT_NEAR(by_name["value"].get<double>(), -std::sin(4.0), 1e-9);
  const json of = run_cli({"grad", own, "--of", "q[0]", "--wrt", "q", "--json"}).json();
  EXPECT_NEAR(of["value"].get<double>(), 0.5 * std::cos(4.0), 1e-9);
  EXPECT_NE(run_cli({"grad", file, "--of", "q[\"0\"]", "--wrt", "q"}).err.find("--of q[\"0\"]"),
            std::string::npos);
}

TEST(Grad, AnIntegerIsSaidToBeOne) {
  const TemporaryFolder folder;
  std::string text = kSpring;
  text.replace(text.find("unused = 1.0"), 12, "unused = 3");
  const std::string file = folder.write("spring.toml", text);
  for (const char* command : {"grad", "check"}) {
    std::vector<std::string> all = {command, file, "--of", "q[0]", "--wrt", "q,unused"};
    if (all[0] == "check") all.push_back("--grad");
    const CliResult result = run_cli(all);
    EXPECT_EQ(result.code, 2);
    EXPECT_NE(result.err.find("'unused' is an integer"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("spring.toml:4:10\n"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("as in 1.0"), std::string::npos) << result.err;
  }
}

/// What the plan of a file says of gradients.
json gradients_of(const std::string& file, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all = {"explain", file, "--json"};
  all.insert(all.end(), more.begin(), more.end());
  const json answer = run_cli(all).json();
  json found;
  for (const json& decision : answer.at("plan")) {
    if (decision.at("decision") != "gradients") continue;
    EXPECT_TRUE(found.is_null()) << "twice";
    found = decision;
  }
  return found;
}

TEST(Grad, ExplainHasTheChoiceAndItsMemory) {
  const auto gradients = [](const std::vector<std::string>& more) {
    return gradients_of(example("outer_solar_system"), more).at("choice").get<std::string>();
  };
  EXPECT_EQ(gradients({}), "all, 33.1 MiB");
  EXPECT_EQ(gradients({"--set", "gradient.budget=1MB"}).substr(0, 12), "checkpoints,");
  EXPECT_EQ(gradients({"--set", "gradient.policy=reverse"}).substr(0, 8), "reverse,");
}

// Where `auto` takes for a run what it does not take for a gradient, the plan says how one goes.
TEST(Grad, ExplainSaysByWhichMethodAGradientGoes) {
  const TemporaryFolder folder;
  const std::string run = "[run]\ndt = 0.01\nt_end = 1.0\n";
  const std::pair<const char*, std::string> files[] = {
      {"kepler",
       "[energy]\nkinetic = \"dot(p[0], p[0])/2\"\nfall = \"-1/norm(q[0])\"\n"
       "[initial]\nq = [[0.7, 0.2]]\np = [[0.1, 1.2]]\n"},
      {"exact",
       "[energy]\nkinetic = \"p[0]^2/2\"\nspring = \"q[0]^2/2\"\n"
       "[initial]\nq = [1.0]\np = [0.3]\n"}};
  for (const auto& [method, text] : files) {
    const std::string file = folder.write(std::string(method) + ".toml", text + run);
    const json decision = gradients_of(file);
    ASSERT_FALSE(decision.is_null()) << method;
    const json grad =
        run_cli({"grad", file, "--of", "energy", "--wrt", "q", "--json", "-q"}).json();
    const std::string by = grad.at("method"), policy = grad.at("policy");
    EXPECT_EQ(decision.at("choice").get<std::string>().substr(0, policy.size()), policy);
    const std::string reason = decision.at("reason");
    EXPECT_EQ(reason.find("a gradient goes by \"" + by + "\", not by \"" + method + "\""), 0u)
        << reason;
    EXPECT_FALSE(gradients_of(file, {"--set", "run.accuracy=1e-6"}).is_null()) << method;
  }
}

TEST(CheckGrad, PassesOnTheExamplesAndSaysSo) {
  for (const char* name : {"kepler", "outer_solar_system", "lennard_jones_13"}) {
    const CliResult text =
        run_cli({"check", example(name), "--grad", "--set", "run.steps=100", "-q"});
    EXPECT_EQ(text.code, 0) << text.out << text.err;
    for (const char* word : {"check_grad: pass", "reverse", "forward", "differences", "dot"}) {
      EXPECT_NE(text.out.find(word), std::string::npos) << word << '\n' << text.out;
    }
  }
  const json answer = run_cli({"check", example("kepler"), "--grad", "--of", "radius", "--wrt",
                               "q,p", "--set", "run.steps=100", "--json", "-q"})
                          .json();
  EXPECT_EQ(answer.at("schema"), "cotangent.check/1");
  EXPECT_EQ(answer.at("verdict"), "pass");
  EXPECT_EQ(answer.at("ok"), true);
  EXPECT_EQ(answer.at("ways").size(), 4u);
}

// Henon-Heiles near its escape energy, for 100 Lyapunov times.
TEST(CheckGrad, ARunWithoutDigitsIsInconclusive) {
  const CliResult result =
      run_cli({"check", example("henon_heiles"), "--grad", "--components", "2", "--set",
               "run.dt=0.05", "--set", "run.t_end=1500", "--set", "initial.q=[0.0, -0.1]", "--set",
               "initial.p=[0.5575, 0.0]", "-q"});
  EXPECT_EQ(result.code, 4) << result.out;
  EXPECT_NE(result.out.find("inconclusive"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("take fewer steps"), std::string::npos) << result.out;
  EXPECT_EQ(run_cli({"check", example("kepler"), "--grad", "--reverse"}).code, 2);
}

TEST(Grad, BlanksBetweenNamesAndTheFileLastAreFine) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  const CliResult result = run_cli({"grad", "--of", "q[0]", "--wrt", "q, p", file, "--json", "-q"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.json().at("grad").size(), 2u);
}

// No gradient is asked for, so what it may keep stops nothing.
TEST(Grad, ABudgetStopsNoRun) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  for (const char* command : {"run", "explain"}) {
    const CliResult result = run_cli({command, file, "--json", "-q", "--set", "gradient.policy=all",
                                      "--set", "gradient.budget=10"});
    EXPECT_EQ(result.code, 0) << result.err;
  }
}

TEST(Grad, AnObjectiveThatIsNotFiniteIsNamed) {
  const TemporaryFolder folder;
  const std::string file = folder.write("spring.toml", kSpring);
  const CliResult value =
      run_cli({"grad", file, "--of", "log(0*q[0]) + p[0]", "--wrt", "q", "--json", "-q"});
  EXPECT_EQ(value.code, 3);
  EXPECT_EQ(value.json().at("status"), "non-finite");
  EXPECT_NE(value.err.find("is not finite at step 2,000"), std::string::npos) << value.err;
  const CliResult slope =
      run_cli({"grad", file, "--of", "sqrt(q[0] - q[0])", "--wrt", "q", "--json", "-q"});
  EXPECT_EQ(slope.code, 3);
  EXPECT_NE(slope.err.find("the gradient is not finite"), std::string::npos) << slope.err;
}

TEST(CheckGrad, ARunThatBlowsUpSaysWhatRunSays) {
  const TemporaryFolder folder;
  const std::string file = folder.write("fall.toml", R"toml([energy]
kinetic = "p[0]^2 / 2"
well = "sqrt(q[0])"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 0.01
t_end = 20.0
method = "leapfrog"
)toml");
  const CliResult run = run_cli({"run", file, "--json", "-q", "--set=monitor.shadow=false"});
  const CliResult check = run_cli({"check", file, "--grad", "--json", "-q"});
  EXPECT_EQ(check.code, 3);
  EXPECT_EQ(check.err, run.err);
  EXPECT_EQ(check.json().at("fault"), run.json().at("fault"));
  EXPECT_EQ(run_cli({"check", example("kepler"), "--grad", "--wrt", "v", "-q"}).code, 2);
}

}  // namespace
}  // namespace cotangent::apps::testing
