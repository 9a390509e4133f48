// The order conditions and the error constant of every row of the table, in long double.
#include "cotangent/mechanics/splitting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace cotangent::mechanics {
namespace {

// A word over B (kick, 0) and A (drift, 1), with a leading 1: "BA" is 0b101. A series has one
// coefficient for each word up to a length.
using Series = std::vector<long double>;

int length(std::size_t word) {
  int n = 0;
  while (word > 1) word >>= 1, ++n;
  return n;
}

long double factorial(int n) {
  return n < 2 ? 1 : static_cast<long double>(n) * factorial(n - 1);
}

/// series * exp(c letter)
void multiply(Series& series, std::size_t letter, long double c) {
  for (std::size_t w = series.size(); w-- > 2;) {
    long double factor = 1, sum = series[w];
    std::size_t rest = w;
    for (int k = 1; rest > 1 && (rest & 1) == letter; ++k) {
      rest >>= 1;
      factor *= c / static_cast<long double>(k);
      sum += factor * series[rest];
    }
    series[w] = sum;
  }
}

/// series * (1 + c [B, [A, B]]): all of exp through words of length 5.
void multiply_force_gradient(Series& series, long double c) {
  for (std::size_t w = series.size(); w-- > 8;) {
    const std::size_t end = w & 7;
    const long double factor = end == 0b010 ? 2 : end == 0b001 || end == 0b100 ? -1 : 0;
    series[w] += factor * c * series[w >> 3];
  }
}

/// What the step is off exp(A + B), word by word.
Series errors(const Splitting& s, int weight) {
  Series series(std::size_t{2} << weight, 0);
  series[1] = 1;
  const auto force_gradient = [&](std::size_t k) {
    if (!s.force_gradient.empty()) multiply_force_gradient(series, s.force_gradient[k]);
  };
  for (const auto& x : s.processor) multiply(series, 0, x.kick), multiply(series, 1, x.drift);
  multiply(series, 0, s.first_kick);
  force_gradient(0);
  for (std::size_t k = 0; k < s.drift.size(); ++k) {
    multiply(series, 1, s.drift[k]);
    multiply(series, 0, s.kick[k]);
    force_gradient(k + 1);
  }
  for (std::size_t k = s.processor.size(); k-- > 0;) {
    multiply(series, 1, -s.processor[k].drift), multiply(series, 0, -s.processor[k].kick);
  }
  for (std::size_t w = 1; w < series.size(); ++w) series[w] -= 1 / factorial(length(w));
  return series;
}

/// Where T is quadratic, BBBA = 3 BBAB - 3 BABB + ABBB inside every word.
Series where_quadratic(Series error) {
  for (std::size_t w = 1; w < error.size(); ++w) {
    for (int at = length(w) - 4; at >= 0; --at) {
      if (((w >> at) & 15) != 0b0001) continue;
      const std::size_t rest = w - (std::size_t{0b0001} << at);
      error[rest + (std::size_t{0b0010} << at)] += 3 * error[w];
      error[rest + (std::size_t{0b0100} << at)] -= 3 * error[w];
      error[rest + (std::size_t{0b1000} << at)] += error[w];
      error[w] = 0;
      break;
    }
  }
  return error;
}

bool needs_quadratic(const Splitting& s) {
  return s.variant == Splitting::Variant::kNystroem ||
         s.variant == Splitting::Variant::kForceGradient;
}

long double largest(const Series& error, int first, int last) {
  long double worst = 0;
  for (std::size_t w = 2; w < error.size(); ++w) {
    const int n = length(w);
    if (n >= first && n <= last) worst = std::max(worst, std::abs(error[w]));
  }
  return worst;
}

long double residual(const Splitting& s) {
  const Series error = errors(s, s.order);
  return largest(needs_quadratic(s) ? where_quadratic(error) : error, 1, s.order);
}

bool is_lyndon(std::size_t w) {
  const int n = length(w);
  const std::size_t word = w ^ (std::size_t{1} << n);
  for (int k = 1; k < n; ++k) {  // against each of its ends, which are shorter
    const std::size_t end = word & ((std::size_t{1} << (n - k)) - 1);
    const std::size_t begin = word >> k;
    if (end < begin || end == begin) return false;
  }
  return true;
}

double norm(const Series& error, int weight) {
  long double sum = 0;
  for (std::size_t w = std::size_t{1} << weight; w < std::size_t{2} << weight; ++w) {
    if (is_lyndon(w)) sum += error[w] * error[w];
  }
  return static_cast<double>(std::sqrt(sum));
}

TEST(Splittings, MeetTheirOrderConditionsAndNoMore) {
  for (const Splitting& s : splittings()) {
    EXPECT_LT(residual(s), 5e-15L) << s.name;
    EXPECT_LT(s.residual, 1e-40) << s.name;
    Series error = errors(s, s.order + 1);
    if (needs_quadratic(s)) error = where_quadratic(error);
    EXPECT_GT(largest(error, s.order + 1, s.order + 1), 1e-10L) << s.name;
  }
}

TEST(Splittings, HaveTheErrorConstantsOfTheTable) {
  for (const Splitting& s : splittings()) {
    const Series error = errors(s, s.order + 1);
    const double quadratic = norm(where_quadratic(error), s.order + 1);
    EXPECT_NEAR(quadratic / s.error_quadratic, 1, 1e-4) << s.name;
    if (needs_quadratic(s)) {
      EXPECT_TRUE(std::isnan(s.error)) << s.name;
    } else {
      EXPECT_NEAR(norm(error, s.order + 1) / s.error, 1, 1e-4) << s.name;
    }
  }
}

TEST(Splittings, ArePalindromesOfOneStep) {
  for (const Splitting& s : splittings()) {
    std::vector<double> all = {s.first_kick};
    double kicks = s.first_kick, drifts = 0;
    for (std::size_t k = 0; k < s.drift.size(); ++k) {
      all.insert(all.end(), {s.drift[k], s.kick[k]});
      kicks += s.kick[k];
      drifts += s.drift[k];
    }
    std::vector<double> turned(all.rbegin(), all.rend());
    EXPECT_EQ(all, turned) << s.name;
    EXPECT_NEAR(kicks, 1, 1e-15) << s.name;
    EXPECT_NEAR(drifts, 1, 1e-15) << s.name;
    EXPECT_EQ(coefficients_of(s).time_after.back(), 1) << s.name;
    if (s.gamma.empty()) continue;
    EXPECT_EQ(s.variant, Splitting::Variant::kComposition);
    EXPECT_EQ(s.gamma, s.drift);
  }
}

TEST(Splittings, AWrongDigitIsSeen) {
  for (const char* name : {"kahanli8", "blanesmoan_s6", "rkn4", "gradient4", "processed4"}) {
    Splitting s = *splitting_named(name);
    s.drift[s.drift.size() / 2] += 1e-9;
    EXPECT_GT(residual(s), 1e-11L) << name;
  }
  Splitting s = *splitting_named("gradient4");
  s.force_gradient[1] += 1e-9;
  EXPECT_GT(residual(s), 1e-11L);
}

TEST(Splittings, ANystroemRowIsNoTwoWayOne) {
  const Splitting& s = *splitting_named("blanesmoan6");
  EXPECT_GT(largest(errors(s, 6), 1, 6), 1e-6L);  // order 6 only where T is quadratic
}

TEST(Splittings, OfEachOrderOneIsChosen) {
  EXPECT_EQ(composition_for(2).name, "leapfrog");
  EXPECT_EQ(composition_for(4).name, "suzuki4");
  EXPECT_EQ(composition_for(6).name, "kahanli6");
  EXPECT_EQ(composition_for(8).name, "kahanli8");
  EXPECT_EQ(composition_for(10).stages(), 35);
  EXPECT_EQ(splitting_named("no such"), nullptr);
  EXPECT_EQ(splitting_named("verlet")->name, "leapfrog");
  for (int order : {2, 4, 6, 8, 10}) {
    for (bool quadratic : {false, true}) {
      const Splitting& best = best_splitting(order, quadratic, false);
      EXPECT_EQ(best.order, order);
      EXPECT_TRUE(quadratic || !needs_quadratic(best));
      EXPECT_EQ(best_splitting(order, quadratic, true).variant, Splitting::Variant::kComposition);
    }
  }
  EXPECT_EQ(best_splitting(4, true, false).name, "rkn4");
  EXPECT_EQ(best_splitting(4, false, false).name, "split4");
  EXPECT_LT(best_splitting(4, true, false).effective_error(true), 0.3);
}

}  // namespace
}  // namespace cotangent::mechanics
