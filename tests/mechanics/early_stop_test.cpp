// When a run is stopped early, and when it is not: made-up series, and those of real runs.
#include "cotangent/mechanics/early_stop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

Series series(std::size_t n, const std::function<double(double)>& f) {
  Series s;
  s.name = "energy";
  for (std::size_t k = 0; k < n; ++k) {
    s.step.push_back(static_cast<std::int64_t>(k));
    s.t.push_back(static_cast<double>(k) / static_cast<double>(n));
    s.values.push_back(f(s.t.back()));
  }
  return s;
}

TEST(EarlyStop, GoodSeriesGoOn) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  double walk = 0;
  for (std::size_t n : {1, 10, 24, 100, 1000}) {
    const std::vector<std::function<double(double)>> good = {
        [](double) { return -1.0; },
        [](double t) { return -1 + 0.3 * std::sin(40 * t); },                        // swings
        [](double t) { return -1 + 0.15 * std::sin(1.2 * t); },                      // slowly
        [](double t) { return -1 + 0.9 * std::exp(-1e4 * (t - 0.9) * (t - 0.9)); },  // an encounter
        [](double t) { return -1 + 0.01 * t; },               // a drift worth nothing
        [](double t) { return -1 + (t > 0.5 ? 0.15 : 0); },   // an encounter not quite resolved
        [](double t) { return -1 + (t > 0.995 ? 0.5 : 0); },  // which may come back
        [](double t) { return -1 + (std::sin(9 * t) > 0 ? 0.5 : 0); },  // and does
        [](double t) { return -1 + 1e-9 * std::exp(15 * t); },          // growth from round-off
        [&](double) { return -1 + 1e-3 * (walk += normal(random)); }};
    for (std::size_t k = 0; k < good.size(); ++k) {
      const auto why = goes_wrong(series(n, good[k]), 1);
      EXPECT_FALSE(why) << n << ' ' << k << ' ' << why.value_or("");
    }
  }
}

TEST(EarlyStop, BadSeriesAreStoppedWithTheReason) {
  const struct {
    std::function<double(double)> f;
    const char* reason;
  } bad[] = {{[](double t) { return -1 + 1e-4 * std::exp(8 * t); }, "exponentially"},
             {[](double t) { return -1 + 0.5 * t + 0.02 * std::sin(60 * t); }, "drifts"},
             {[](double t) { return -1 - 0.5 * t; }, "drifts"},
             {[](double t) { return (t > 0.5 ? -0.4 : -1) + 0.02 * std::sin(60 * t); }, "jumps"},
             {[](double t) { return t > 0.5 ? 5e3 : -1; }, "times the energy"},
             {[](double t) { return t > 0.5 ? NAN : -1; }, "no number"}};
  for (const auto& [f, reason] : bad) {
    const auto why = goes_wrong(series(400, f), 1);
    ASSERT_TRUE(why) << reason;
    EXPECT_NE(why->find(reason), std::string::npos) << *why;
    EXPECT_NE(why->find("t = "), std::string::npos) << *why;
  }
}

TEST(EarlyStop, FrictionMayTakeEnergyAway) {
  const Series falls = series(400, [](double t) { return 1 - 0.9 * t; });
  EXPECT_TRUE(goes_wrong(falls, 1));
  EXPECT_FALSE(goes_wrong(falls, 1, {}, true));
  EXPECT_TRUE(goes_wrong(series(400, [](double t) { return 1 + 0.9 * t; }), 1, {}, true));
}

TEST(EarlyStop, TheTotalIsTheLastOfASample) {
  Series s = series(100, [](double t) { return 1 + t; });
  Series pair = s;
  pair.shape = Shape{2};
  pair.values.clear();
  for (double x : s.values) pair.values.insert(pair.values.end(), {1.0, x});
  EXPECT_EQ(goes_wrong(s, 1), goes_wrong(pair, 1));
  EXPECT_TRUE(goes_wrong(s, 1));
}

TEST(EarlyStop, AnExplodingStateIsOne) {
  EXPECT_FALSE(explodes(series(100, [](double t) { return 1 + 1e6 * t; })));
  EXPECT_TRUE(explodes(series(100, [](double t) { return std::exp(60 * t); })));
  EXPECT_TRUE(explodes(series(100, [](double t) { return t > 0.5 ? INFINITY : 1; })));
}

/// The verdict on a run while it goes on: after every sample, as a driver would ask.
std::optional<std::string> verdict(const Problem& problem, const RunSettings& s, double& at) {
  const Ready r = ready(problem, s);
  const RunResult run = r.flow->run(problem.initial, s.steps);
  Series energy = run.invariants.at(0).series, so_far = energy;
  for (std::size_t n = 1; n <= energy.step.size(); n += 7) {
    so_far.step.assign(energy.step.begin(), energy.step.begin() + static_cast<long>(n));
    so_far.t.assign(energy.t.begin(), energy.t.begin() + static_cast<long>(n));
    so_far.values.assign(energy.values.begin(), energy.values.begin() + static_cast<long>(n));
    if (auto why = goes_wrong(so_far, run.invariants.at(0).scale)) {
      at = static_cast<double>(n) / static_cast<double>(energy.step.size());
      return why;
    }
  }
  return run.status == RunStatus::kNonFinite ? std::optional<std::string>("no number")
                                             : std::nullopt;
}

TEST(EarlyStop, OfRealRuns) {
  double at = 1;
  for (const Problem& problem : {harmonic(1), kepler(0.6), henon_heiles(), fput(16, 0.25)}) {
    for (const char* method : {"leapfrog", "suzuki4"}) {
      const auto why = verdict(problem, settings(0.02, 20000, method, 20), at);
      EXPECT_FALSE(why) << method << ' ' << why.value_or("");
    }
  }
  // Above the limit of stability, h w = 2: by a little, which takes a while.
  const auto why = verdict(harmonic(1), settings(2.001, 400, "leapfrog", 2), at);
  ASSERT_TRUE(why);
  EXPECT_LT(at, 1) << *why;
}

}  // namespace
}  // namespace cotangent::mechanics::test
