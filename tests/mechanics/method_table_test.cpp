// Keys of a file that a method does not read are refused; splittings by name; all steps of a linear
// system at once by modes, by a matrix, or by the powers of a method's own.
#include "cotangent/mechanics/method_table.h"

#include <gtest/gtest.h>

#include <functional>

#include "cotangent/mechanics/linear_flow.h"
#include "cotangent/mechanics/split_flows.h"
#include "tests/mechanics/planned.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Value;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

RunSettings with(const std::string& method, const std::function<void(RunSettings&)>& set) {
  RunSettings s = settings(0.01, 100, method);
  set(s);
  return s;
}

TEST(MethodTable, NamesAndAliasesMeetInOneRow) {
  EXPECT_EQ(plain_method_name("whfast"), "wisdom_holman");
  EXPECT_EQ(plain_method_name("verlet"), "leapfrog");
  EXPECT_EQ(plain_method_name("rkn4"), "rkn4");
  EXPECT_EQ(plain_method_name("nothing"), "nothing");
  EXPECT_EQ(method_row("nothing"), nullptr);
  EXPECT_TRUE(method_row("lie_poisson")->takes(Form::kBracket));
  EXPECT_FALSE(method_row("lie_poisson")->takes(Form::kCanonical));
  for (const std::string& name : method_names()) {
    if (name == "auto") continue;
    EXPECT_NE(method_row(name), nullptr) << name;
  }
}

/// Each key, on a method that does not read it: the key, the method and one that does are named.
TEST(MethodTable, KeysWithoutEffectAreRefused) {
  const Problem p = kepler(0.3);
  const auto corrector = [](RunSettings& s) { s.corrector = 11; };
  const auto tolerance = [](RunSettings& s) { s.rtol = 1e-6; };
  const auto multirate = [](RunSettings& s) {
    s.multirate = MultirateSettings{{{}, {"potential"}}, {3}, {}, {}};
  };
  struct Case {
    const char* method;
    std::function<void(RunSettings&)> set;
    const char *says, *remedy;
  };
  const std::vector<Case> cases = {
      {"leapfrog", corrector, "corrector has no effect on the method \"leapfrog\"",
       "wisdom_holman"},
      {"dopri5", corrector, "corrector has no effect", "wisdom_holman"},
      {"rk4", [](RunSettings& s) { s.coordinates = "jacobi"; }, "coordinates has no effect",
       "wisdom_holman"},
      {"rk4", tolerance, "tolerance has no effect on the method \"rk4\"", "dopri5"},
      {"leapfrog", tolerance, "tolerance has no effect", "dopri5"},
      {"implicit_midpoint", tolerance, "tolerance has no effect", "dopri5"},
      {"rk4", [](RunSettings& s) { s.compensated = {"q"}; }, "compensated has no effect",
       "leapfrog"},
      {"rk4", [](RunSettings& s) { s.precision = "f32"; },
       "precision = \"f32\" with the method \"rk4\"", "write precision = \"f64\""},
      {"chin4", [](RunSettings& s) { s.precision = "f32"; }, "the method \"chin4\"", "f64"},
      {"rk4", [](RunSettings& s) { s.splitting = "rkn4"; }, "splitting has no effect", "leapfrog"},
      {"leapfrog", [](RunSettings& s) { s.modes = false; }, "modes has no effect", "\"exact\""},
      {"rk4", [](RunSettings& s) { s.matrix = "method"; }, "matrix", "exact"},
      {"leapfrog", multirate, "[multirate] has no effect", "\"multirate\""},
      {"rk4", multirate, "[multirate] has no effect", "\"multirate\""},
  };
  for (const Case& c : cases) {
    const std::string said = plan_refusal(p, with(c.method, c.set));
    EXPECT_TRUE(has(said, c.says)) << c.method << ": " << said;
    EXPECT_TRUE(has(said, c.remedy)) << c.method << ": " << said;
  }
  // What a method reads it takes.
  EXPECT_EQ(plan_refusal(p, with("dopri5", tolerance)), "");
  EXPECT_EQ(plan_refusal(outer_solar_system(), with("whfast", corrector)), "");
  EXPECT_EQ(plan_refusal(p, with("leapfrog", [](RunSettings& s) { s.precision = "f32"; })), "");
}

TEST(MethodTable, ExactHasNoLevels) {
  RunSettings s = settings(0.01, 100, "exact");
  s.multirate = MultirateSettings{{{}, {"spring"}}, {3}, {}, {}};
  EXPECT_TRUE(
      has(plan_refusal(harmonic(1), s), "[multirate] has no effect on the method \"exact\""));
}

TEST(MethodTable, MethodsForOtherSystemsSayWhatTheyAreFor) {
  const std::string brackets = plan_refusal(kepler(0.3), settings(0.01, 100, "lie_poisson"));
  EXPECT_TRUE(has(brackets, "is not offered for this system")) << brackets;
  EXPECT_TRUE(has(brackets, "[structure]")) << brackets;
  EXPECT_FALSE(has(brackets, "did you mean")) << brackets;
  const std::string maps = plan_refusal(kepler(0.3), settings(0.01, 100, "iterate"));
  EXPECT_TRUE(has(maps, "it is for a [map]")) << maps;
  const std::string slip = plan_refusal(kepler(0.3), settings(0.01, 100, "leapfrogg"));
  EXPECT_TRUE(has(slip, "did you mean \"leapfrog\"")) << slip;
}

TEST(MethodTable, ASplittingByName) {
  const Problem p = kepler(0.3);
  EXPECT_EQ(plan_of(p, with("auto", [](RunSettings& s) { s.splitting = "yoshida6"; })).method,
            "yoshida6");
  EXPECT_EQ(plan_of(p, with("rkn4", [](RunSettings& s) { s.splitting = "rkn4"; })).method, "rkn4");
  EXPECT_TRUE(has(plan_refusal(p, with("auto", [](RunSettings& s) { s.splitting = "rkn5"; })),
                  "there is no splitting \"rkn5\"; did you mean"));
  EXPECT_TRUE(has(plan_refusal(p, with("leapfrog", [](RunSettings& s) { s.splitting = "rkn4"; })),
                  "they differ"));
  EXPECT_TRUE(has(plan_refusal(p, with("auto",
                                       [](RunSettings& s) {
                                         s.splitting = "rkn4";
                                         s.order = 6;
                                       })),
                  "is of order 4, not 6"));
}

/// p^4/4 + q^2/2.
Problem quartic_kinetic() {
  Problem p{empty_system(Shape{1}), {}};
  add_term(p.system, "kinetic", [](Builder& b, const TermValues& v) {
    const Value pp = b.mul(v.p, v.p);
    return b.mul(b.constant(0.25), b.reduce_sum(b.mul(pp, pp)));
  });
  add_term(p.system, "spring", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.q, v.q)));
  });
  p.initial.q = tensor(Shape{1}, {0.4});
  p.initial.p = tensor(Shape{1}, {0.9});
  return p;
}

TEST(MethodTable, ASplittingThatDoesNotFitNamesTheFact) {
  const auto by = [](const char* name) {
    return with("auto", [=](RunSettings& s) { s.splitting = name; });
  };
  EXPECT_TRUE(has(plan_refusal(quartic_kinetic(), by("rkn4")), "T quadratic in p"));
  EXPECT_TRUE(has(plan_refusal(quartic_kinetic(), by("chin4")), "T quadratic in p"));
  EXPECT_TRUE(has(plan_refusal(swinging_mass(), by("split4")), "dH/dp depends on time"));
  EXPECT_EQ(plan_refusal(quartic_kinetic(), by("split4")), "");
}

/// Rows with force gradients and with a processor run from a plan, at their order.
TEST(MethodTable, ForceGradientsAndProcessorsRun) {
  const Problem p = kepler(0.3);
  for (const char* name : {"chin4", "gradient4", "processed4"}) {
    std::vector<double> error;
    for (const std::int64_t steps : {200, 400}) {
      RunSettings s = settings(6.0 / static_cast<double>(steps), steps);
      s.splitting = name;
      const Plan plan = plan_of(p, s);
      EXPECT_EQ(plan.method, name);
      ASSERT_NE(plan.integrator, nullptr);
      const RunResult r =
          Flow::compile(p.system, find_facts(p.system, p.initial), plan)->run(p.initial, steps);
      ASSERT_EQ(r.status, RunStatus::kFinished);
      const RunResult fine =
          ready(p, settings(6.0 / 4000, 4000, "sofroniou10")).flow->run(p.initial, 4000);
      double sum = 0;
      for (std::int64_t k = 0; k < 2; ++k) {
        sum += std::pow(static_cast<double>(r.q.real(k) - fine.q.real(k)), 2);
      }
      error.push_back(std::sqrt(sum));
    }
    EXPECT_NEAR(std::log2(error[0] / error[1]), 4, 0.3) << name;
  }
}

const Decision& decision(const Plan& plan, const std::string& name) {
  for (const Decision& d : plan.decisions) {
    if (d.decision == name) return d;
  }
  throw InternalError("no decision " + name);
}

/// p^2/2 + (q[i+1] - q[i])^2/2.
Problem springs(std::int64_t n) {
  Problem p{empty_system(Shape{n}), {}};
  add_term(p.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(p.system, "springs", [=](Builder& b, const TermValues& v) {
    const Value r = b.sub(b.slice_rows(v.q, 1, n), b.slice_rows(v.q, 0, n - 1));
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(r, r)));
  });
  p.initial.q = ir::Tensor(ir::Type{DType::kF64, Shape{n}});
  p.initial.q.set_real(0, 1);
  p.initial.p = ir::Tensor(ir::Type{DType::kF64, Shape{n}});
  return p;
}

/// The N-th power of the matrix of a method is what N of its steps give.
TEST(MethodTable, PowersOfAMethodsMatrix) {
  const Problem p = springs(6);
  for (const char* name : {"leapfrog", "rkn4"}) {
    const RunResult by_steps = ready(p, settings(0.3, 1000, name)).flow->run(p.initial, 1000);
    for (const std::optional<bool> modes : {std::optional<bool>{}, std::optional(false)}) {
      RunSettings s = settings(0.3, 1000, name);
      s.matrix = "method";
      s.modes = modes;
      const Plan plan = plan_of(p, s);
      EXPECT_EQ(plan.method, name);
      ASSERT_NE(plan.linear, nullptr);
      EXPECT_TRUE(has(decision(plan, "steps").choice, modes ? "matrix" : "modes"))
          << decision(plan, "steps").choice;
      const RunResult r =
          Flow::compile(p.system, find_facts(p.system, p.initial), plan)->run(p.initial, 1000);
      for (std::int64_t k = 0; k < 6; ++k) {
        EXPECT_NEAR(static_cast<double>(r.q.real(k)), static_cast<double>(by_steps.q.real(k)),
                    1e-10)
            << name;
      }
    }
  }
  RunSettings s = settings(0.3, 1000);
  s.matrix = "method";  // of what auto takes
  s.order = 6;
  EXPECT_EQ(plan_of(p, s).linear->method(), "blanesmoan6");
  s.splitting = "kahanli6";
  EXPECT_EQ(plan_of(p, s).linear->method(), "kahanli6");
  EXPECT_TRUE(has(plan_refusal(kepler(0.3), s), "linear"));
}

TEST(MethodTable, MatrixAndModesThatDoNotFit) {
  const Problem p = harmonic(2);
  const auto refused = [&](const std::string& method, const std::string& matrix) {
    return plan_refusal(p, with(method, [&](RunSettings& s) { s.matrix = matrix; }));
  };
  EXPECT_TRUE(has(refused("leapfrog", "exact"), "matrix = \"exact\" with method = \"leapfrog\""));
  EXPECT_TRUE(has(refused("exact", "method"), "matrix = \"method\" with method = \"exact\""));
  EXPECT_TRUE(has(refused("auto", "matrix"), "matrix is \"matrix\""));
  EXPECT_NE(plan_of(p, with("auto", [](RunSettings& s) { s.matrix = "exact"; })).linear, nullptr);
  EXPECT_TRUE(
      has(plan_refusal(p, with("exact", [](RunSettings& s) { s.precision = "f32"; })), "f64"));
  // H = p q/2 + ...: no modes.
  Problem mixed = harmonic(1);
  add_term(mixed.system, "mixed", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.q, v.p)));
  });
  const std::string said =
      plan_refusal(mixed, with("exact", [](RunSettings& s) { s.modes = true; }));
  EXPECT_TRUE(has(said, "no normal modes")) << said;
  EXPECT_TRUE(has(said, "couples q and p")) << said;
  EXPECT_EQ(plan_refusal(mixed, with("exact", [](RunSettings& s) { s.modes = false; })), "");
}

/// Exponentials of a matrix for every one of a million samples.
TEST(MethodTable, JumpsThatWouldTakeTooLong) {
  const Problem p = springs(60);
  RunSettings s = settings(0.1, 1'000'000'000, "exact", 1);
  s.modes = false;
  const std::string said = plan_refusal(p, s);
  EXPECT_TRUE(has(said, "out of reach")) << said;
  EXPECT_TRUE(has(said, "[observe] every")) << said;
  s.steps = 4000;
  EXPECT_TRUE(has(decision(plan_of(p, s), "warning").reason, "4001 samples"));
  s.every = 1000;
  EXPECT_THROW(decision(plan_of(p, s), "warning"), InternalError);
}

}  // namespace
}  // namespace cotangent::mechanics::test
