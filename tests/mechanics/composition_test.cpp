// The order conditions of every composition, in long double.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "cotangent/mechanics/plan.h"
#include "cotangent/mechanics/programs.h"

namespace cotangent::mechanics {
namespace {

// A symmetric step of order 2 is exp(h X1 + h^3 X3 + h^5 X5 + h^7 X7 ..) with letters that do not
// commute. A word over 1, 3, 5, 7 stands for their product; its weight is the sum of its letters.
using Word = std::vector<int>;
using Series = std::map<Word, long double>;

std::vector<Word> words(int weight) {
  if (weight == 0) return {{}};
  std::vector<Word> all;
  for (int letter = 1; letter <= std::min(weight, 9); letter += 2) {
    for (Word w : words(weight - letter)) {
      w.insert(w.begin(), letter);
      all.push_back(w);
    }
  }
  return all;
}

long double factorial(std::size_t n) {
  return n < 2 ? 1 : static_cast<long double>(n) * factorial(n - 1);
}

Series stage(long double g, int order) {
  Series s;
  for (int weight = 0; weight <= order; ++weight) {
    for (const Word& w : words(weight))
      s[w] = std::pow(g, static_cast<long double>(weight)) / factorial(w.size());
  }
  return s;
}

Series product(const Series& a, const Series& b) {
  Series s;
  for (const auto& [w, unused] : a) {
    long double sum = 0;
    for (std::size_t k = 0; k <= w.size(); ++k) {
      const auto at = w.begin() + static_cast<std::ptrdiff_t>(k);
      sum += a.at(Word(w.begin(), at)) * b.at(Word(at, w.end()));
    }
    s[w] = sum;
  }
  return s;
}

/// Largest violation of the conditions of weight <= order.
long double residual(const std::vector<double>& gamma, int order) {
  Series total = stage(gamma[0], order);
  for (std::size_t k = 1; k < gamma.size(); ++k) total = product(total, stage(gamma[k], order));
  long double worst = 0;
  for (const auto& [w, value] : total) {
    const bool only_x1 = std::all_of(w.begin(), w.end(), [](int c) { return c == 1; });
    worst = std::max(worst, std::abs(value - (only_x1 ? 1 / factorial(w.size()) : 0)));
  }
  return worst;
}

TEST(Composition, MeetsItsOrderConditionsAndNoMore) {
  for (const std::string& name : method_names()) {
    if (name == "auto") continue;
    const Composition& c = *composition_named(name);
    EXPECT_LT(residual(c.gamma, c.order), 2e-15L) << name;
    EXPECT_GT(residual(c.gamma, c.order + 1), 1e-7L) << name;
  }
}

TEST(Composition, IsAPalindromeThatSumsToOne) {
  for (const std::string& name : method_names()) {
    if (name == "auto") continue;
    const std::vector<double>& g = composition_named(name)->gamma;
    long double sum = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      EXPECT_EQ(g[k], g[g.size() - 1 - k]) << name;
      sum += g[k];
    }
    EXPECT_NEAR(static_cast<double>(sum), 1, 3e-16) << name;
  }
}

TEST(Composition, AWrongDigitIsSeen) {
  Composition c = composition_for(8);
  c.gamma[3] += 1e-9;
  EXPECT_GT(residual(c.gamma, 8), 1e-11L);
}

TEST(Composition, OneOfEachOrderIsChosenAndTheTripleJumpIsNot) {
  EXPECT_EQ(composition_for(2).name, "leapfrog");
  EXPECT_EQ(composition_for(4).name, "suzuki4");
  EXPECT_EQ(composition_for(6).name, "kahanli6");
  EXPECT_EQ(composition_for(8).name, "kahanli8");
  EXPECT_EQ(composition_named("no such"), nullptr);
}

TEST(Composition, KicksAndDriftsAddUpToOneStep) {
  for (int order : {2, 4, 6, 8}) {
    const Coefficients c = coefficients_of(composition_for(order));
    double kick = c.first_kick, drift = 0;
    for (double k : c.kick) kick += k;
    for (double d : c.drift) drift += d;
    EXPECT_NEAR(kick, 1, 1e-15);
    EXPECT_NEAR(drift, 1, 1e-15);
    EXPECT_EQ(c.time_after.back(), 1);
    EXPECT_EQ(c.first_kick, c.kick.back());
  }
}

}  // namespace
}  // namespace cotangent::mechanics
