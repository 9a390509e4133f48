// Small energies that are odd: what tests on samples are easily wrong about. Each with the right
// answers, or with `~` where nobody could prove what is true.
#include <gtest/gtest.h>

#include "cotangent/formats/system_file.h"
#include "tests/corpus/expected.h"

namespace cotangent::mechanics {
namespace {

struct Odd {
  std::string name, energies, facts;
  std::string initial = "q = [1.0]\np = [0.3]";
  std::string parameters = "";
};

Facts facts_of(const Odd& odd) {
  const std::string text =
      (odd.parameters.empty() ? "" : "[parameters]\n" + odd.parameters + "\n") + "[energy]\n" +
      odd.energies + "\n[initial]\n" + odd.initial + "\n[run]\ndt = 0.01\nt_end = 0.1\n";
  const formats::LoadedFile loaded = formats::parse_system_text(odd.name, text);
  return find_facts(loaded.system, loaded.initial);
}

void check(const std::vector<Odd>& all) {
  for (const Odd& odd : all) {
    SCOPED_TRACE(odd.name);
    expect_facts(facts_of(odd), expected_of(odd.facts));
  }
}

const std::string kTwo = "q = [1.0, 0.4]\np = [0.3, -0.2]";
const std::string kFree = "kinetic = \"sum(i, p[i]^2)/2\"\n";
const std::string kInPlane = "q = [[1.0, 0.4]]\np = [[0.3, -0.2]]";

// What cancels leaves round-off of its own size, and round-off is no counterexample.
TEST(OddEnergies, RoundingOfWhatCancelsIsNoCounterexample) {
  check({
      {"a fourth power and its expansion",
       "h = \"(q[0] + p[0])^4 - q[0]^4 - p[0]^4 - 4*q[0]^3*p[0] - 6*q[0]^2*p[0]^2 - "
       "4*q[0]*p[0]^3\"",
       " separable yes"},
      {"a sum of angles",
       "h = \"cosh(q[0] + p[0]) - cosh(q[0])*cosh(p[0]) - sinh(q[0])*sinh(p[0])\"",
       " separable yes~, velocity_dependent no~"},
      {"a product of exponentials", "h = \"p[0]^2/2 + exp(q[0] + p[0]) - exp(q[0])*exp(p[0])\"",
       " separable yes~"},
      {"an angle between, large", kFree + "v = \"1e9*(cos(q[0])*cos(q[1]) + sin(q[0])*sin(q[1]))\"",
       " translation_invariant yes!", kTwo},
      {"a square of sine and cosine", kFree + "v = \"sin(q[0])^2 + cos(q[0])^2\"",
       " translation_invariant yes!, linear yes~"},
      {"a cubic that is none", kFree + "v = \"(q[0] + 1)^3 - q[0]^3 - 3*q[0]^2\"", " linear yes~"},
      {"a double angle", "h = \"p[0]^2/2 + p[0]*(sin(2*q[0]) - 2*sin(q[0])*cos(q[0]))\"",
       " separable yes~"},
      {"tanh by exponentials",
       "h = \"p[0]^2/2 + p[0]*(tanh(q[0]) - (exp(2*q[0]) - 1)/(exp(2*q[0]) + 1))\"",
       " separable yes~"},
      {"a cubic that is none, driven",
       kFree + "v = \"q[0]^2*cos(t) + (q[0] + 1)^3 - q[0]^3 - 3*q[0]^2\"", " linear yes~"},
      {"a square far out", kFree + "v = \"sin(q[0])^2 + cos(q[0])^2\"", " linear yes~",
       "q = [1e8]\np = [1.0]"},
      {"axes that are turned",
       "kinetic = \"dot(p[0], p[0])/2\"\nv = \"(cos(0.3)*q[0,0] + sin(0.3)*q[0,1])^2 + "
       "(cos(0.3)*q[0,1] - sin(0.3)*q[0,0])^2\"",
       " rotation_invariant yes", kInPlane},
      {"three directions that are rounded",
       kFree + "v = \"q[0]^2 + (0.8660254037844386*q[1] - 0.5*q[0])^2 + "
               "(0.8660254037844386*q[1] + 0.5*q[0])^2\"",
       " rotation_invariant yes~", kTwo},
  });
}

TEST(OddEnergies, WhatIsRoundOffAndFoldsIsSaidToBeOpen) {
  const Fact fact =
      facts_of({"the root of a square", "h = \"p[0]*sqrt(q[0]^2) - p[0]*abs(q[0])\"", ""})
          .find("separable");
  EXPECT_EQ(fact.how, How::kTested);
  EXPECT_EQ(fact.detail.find("d2E"), std::string::npos) << fact.detail;
  EXPECT_NE(fact.detail.find("samples cannot tell"), std::string::npos) << fact.detail;
}

// A small number by itself is no rounding.
TEST(OddEnergies, ASmallDependenceIsOne) {
  check({
      {"a weak field beside a constant", kFree + "field = \"1e-20*q[0] + 5\"",
       " translation_invariant no, rotation_invariant no"},
      {"a weak field beside a strong bond",
       kFree + "bond = \"(q[0] - q[1])^2\"\nfield = \"1e-20*q[0]\"", " translation_invariant no",
       kTwo},
      {"a weak mixture", "h = \"(p[0]^2 + q[0]^2)/2 + 1e-30*q[0]*p[0]\"",
       " separable no, velocity_dependent yes"},
      {"a weak mixture of a large term", "h = \"1e6*p[0]^2*(1 + 1e-30*q[0])\"", " separable no"},
      {"a weak mixture by a division", "h = \"p[0]^2/2 + p[0]*q[0]/1e40\"", " separable no"},
      {"a mixture beside a constant", "h = \"1e15 + p[0]^2/2 + 1e-3*p[0]*q[0]\"", " separable no"},
      {"a mixture between constants", "h = \"p[0]^2/2 + (1e16 + q[0]*p[0]) - 1e16\"",
       " separable no"},
      {"a weak field of very small bonds", kFree + "v = \"1e-300*(q[0] - q[1])^2 + 1e-310*q[0]\"",
       " translation_invariant no", kTwo},
      {"a quartic of small states", kFree + "v = \"q[0]^2/2 + q[0]^4\"", " linear no",
       "q = [1e-8]\np = [1e-8]"},
      {"a quartic at rest", kFree + "v = \"q[0]^2/2 + 1e-10*q[0]^4\"", " linear no",
       "q = [0.0]\np = [0.0]"},
      {"a weak quartic", kFree + "v = \"q[0]^2/2 + 1e-30*q[0]^4\"", " linear no"},
      {"a weak mixture among what cancels",
       "h = \"(q[0] + p[0])^2/2 - q[0]*p[0] + 1e-14*q[0]*p[0]\"", " separable no"},
      {"a weak field among what cancels",
       kFree + "v = \"1e3*(cos(q[0])*cos(q[1]) + sin(q[0])*sin(q[1])) + 1e-10*sin(q[0])\"",
       " translation_invariant no", kTwo},
      {"a weak quartic among what cancels",
       kFree + "v = \"(q[0] + 1)^3 - q[0]^3 - 3*q[0]^2 + 1e-12*q[0]^4\"", " linear no"},
      {"a high power", "h = \"p[0]^2/2 + p[0]*q[0]^50\"", " separable no", "q = [0.05]\np = [0.3]"},
      {"a root that is softened", kFree + "v = \"sqrt((q[0] - q[1])^2 + 1e-16)\"",
       " translation_invariant yes!, linear no", kTwo},
  });
}

// What happens only where samples near the start do not come.
TEST(OddEnergies, AreLookedAtWhereTheirOpsAreOfTheirScale) {
  check({
      {"a bump that is narrow", "h = \"p[0]^2*exp(-1e4*q[0]^2)\"",
       " separable no, velocity_dependent yes"},
      {"a bump that is narrow, by a parameter", "h = \"p[0]^2*exp(-a*q[0]^2)\"", " separable no",
       "q = [1.0]\np = [0.3]", "a = 1e4"},
      {"a bump that is narrow and away", "h = \"p[0]^2/2*(1 + exp(-((q[0] - 5)/0.01)^2))\"",
       " separable no"},
      {"a bump in the plane of a pair",
       "h = \"sum(i, p[i]^2)/2 + p[0]*exp(-1e4*((q[0] - 3)^2 + (q[1] + 2)^2))\"", " separable no",
       kTwo},
      {"a bump of one of many", "h = \"sum(i, p[i]^2*(1 + exp(-1e4*q[i]^2)))/2\"", " separable no",
       "q = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]\np = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, "
       "1.0]"},
      {"a step that is steep", kFree + "v = \"erf(1e6*q[0])\"", " linear no"},
      {"a switch that is far", "h = \"p[0]^2/2*(1 + erfc(1e3*(q[0] + 4)))\"", " separable no"},
      {"a switch that is far and steep", "h = \"p[0]^2/2 + p[0]*tanh(1e9*(q[0] - 30))\"",
       " separable no"},
      {"a switch in p", "h = \"p[0]^2/2 + q[0]*tanh(1e3*(p[0] - 7))\"", " separable no"},
      {"a dent in a parabola", kFree + "v = \"q[0]^2/2 + 1e-3*exp(-1e8*q[0]^2)\"", " linear no"},
      {"a dent in the middle of nowhere",
       kFree + "v = \"(q[0] - q[1])^2 + exp(-1e6*(q[0] + 3)^2)\"", " translation_invariant no",
       kTwo},
      {"a dent in a round well",
       "kinetic = \"dot(p[0], p[0])/2\"\n"
       "v = \"dot(q[0], q[0]) + 1e-3*exp(-1e5*((q[0,0] - 2)^2 + q[0,1]^2))\"",
       " rotation_invariant no", kInPlane},
      {"two bumps, far",
       "h = \"p[0]^2/2 + p[0]*(exp(-1e6*(q[0] - 7)^2) + exp(-1e6*(q[0] + 9)^2))\"",
       " separable no"},
      {"a step of a step", "h = \"p[0]^2/2 + p[0]*tanh(1e2*tanh(1e4*(q[0] - 3)))\"",
       " separable no"},
      {"an exponential of an exponential", "h = \"p[0]^2/2*(1 + exp(-exp(1e3*(q[0] + 2))))\"",
       " separable no"},
      {"a window", "h = \"p[0]^2/2 + p[0]*(tanh(1e6*(q[0] - 3)) - tanh(1e6*(q[0] - 3.0001)))\"",
       " separable no"},
      {"a logistic switch", "h = \"p[0]^2/2 + p[0]/(1 + exp(-1e4*(q[0] - 20)))\"", " separable no"},
      {"spikes that come back", "h = \"p[0]^2/2 + p[0]*exp(1e5*(cos(q[0]) - 1))\"",
       " separable no"},
      {"a moment", "h = \"p[0]^2/2 + p[0]*q[0]*exp(-1e6*(t - 5)^2)\"", " separable no"},
      {"a quartic for a moment", kFree + "v = \"q[0]^4*exp(-1e6*(t - 5)^2) + q[0]^2\"",
       " linear no"},
      {"a contact of two", kFree + "v = \"exp(-1e6*(q[0] - q[1] - 3)^2) + q[0]^2\"",
       " linear no, translation_invariant no", kTwo},
      {"a bump of the product of two",
       kFree + "v = \"exp(-1e6*(q[0]*q[1] - 7)^2) + (q[0] - q[1])^2\"", " translation_invariant no",
       kTwo},
      {"a bump by parameters", kFree + "v = \"exp(-k*(q[0] - c)^2) + (q[0] - q[1])^2\"",
       " translation_invariant no", kTwo, "k = 1e8\nc = 12.0"},
      {"a direction",
       "kinetic = \"dot(p[0], p[0])/2\"\n"
       "v = \"-1/norm(q[0])*(1 + 0.1*exp(-1e4*(q[0,0]/norm(q[0]) + 0.3)^2))\"",
       " rotation_invariant no", kInPlane},
      {"a pole that is softened", "h = \"p[0]^2/2*(1 + 1e-30/(q[0]^2 + 1e-24)^3)\"",
       " separable no"},
  });
}

// Bodies of more rows than are written out: the numbers that they name place the states.
TEST(OddEnergies, BumpsOfManyRowsAreFoundByTheirNumbers) {
  std::string q, p;
  for (int k = 0; k < 70; ++k) {
    q += (k ? ", " : "") + std::to_string(k) + ".5";
    p += k ? ", 0.1" : "0.1";
  }
  const std::string initial = "q = [" + q + "]\np = [" + p + "]";
  check({
      {"about the origin", "h = \"sum(i, p[i]^2*(1 + exp(-1e4*q[i]^2)))/2\"", " separable no",
       initial},
      {"about a number", kFree + "v = \"sum(i, q[i]^2/2 + exp(-1e6*(q[i] + 90)^2))\"", " linear no",
       initial},
  });
}

// What rounding hides from every sample, algebra sees where it is a polynomial.
TEST(OddEnergies, WhatLargeTermsHideIsFoundByAlgebra) {
  check({
      {"a field that large terms hide", kFree + "v = \"1e20*q[0] - 1e20*q[1] + q[0]\"",
       " translation_invariant no", kTwo},
      {"a weak field in the bond", kFree + "v = \"(q[0] - q[1])^2 + 1e-20*q[0]\"",
       " translation_invariant no", kTwo},
      {"a weak quartic in a bond", kFree + "v = \"(q[0] - q[1])^4 + 1e-25*q[1]^4\"",
       " translation_invariant no", kTwo},
      {"a field of parameters that is off", kFree + "v = \"(q[0] - q[1])^2 + (a - b)*q[0]\"",
       " translation_invariant yes~", kTwo, "a = 0.1\nb = 0.1"},
      {"a field of parameters", kFree + "v = \"(q[0] - q[1])^2 + 1e-20*(a - b)*q[0]\"",
       " translation_invariant no", kTwo, "a = 0.1\nb = 0.3"},
  });
}

// q^n is what n makes it.
TEST(OddEnergies, PowersGoByTheValueOfTheirExponent) {
  const auto well = [](const std::string& n, const std::string& facts) {
    return Odd{n, kFree + "v = \"q[0]^n\"", facts, "q = [1.0]\np = [0.3]", n};
  };
  check({
      well("n = 2.0", " smooth yes!, singular no!, may_jump no!, linear yes~"),
      well("n = 6", " smooth yes!, singular no!, may_jump no!, linear no"),
      well("n = 2.5", " smooth no, singular yes, linear no"),
      well("n = 0.5", " smooth no, singular yes, linear no"),
      well("n = -2.0", " smooth yes!, singular yes, linear no"),
      {"computed", kFree + "v = \"(q[0]^2)^(n/2)\"", " smooth yes!, singular no!",
       "q = [1.0]\np = [0.3]", "n = 4.0"},
      {"of many", kFree + "v = \"sum(i, q[i]^n)\"", " smooth yes!, singular no!", kTwo, "n = 2.0"},
  });
  const Fact fact = facts_of(well("n = 2.0", "")).find("smooth");
  EXPECT_NE(fact.detail.find("with n = 2 as set"), std::string::npos) << fact.detail;
  EXPECT_NE(fact.detail.find("kink"), std::string::npos) << fact.detail;
}

TEST(OddEnergies, TheBoundOfWhatMayHideIsSaid) {
  const Fact fact =
      facts_of({"exponentials", "h = \"p[0]^2/2 + exp(q[0] + p[0]) - exp(q[0])*exp(p[0])\"", ""})
          .find("separable");
  EXPECT_NE(fact.detail.find(", to within "), std::string::npos) << fact.detail;
}

}  // namespace
}  // namespace cotangent::mechanics
