// Each example against the physics it is about. Tolerances come from theory or from the data's
// digits; each says which.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {
using nlohmann::json;
using std::numbers::pi;

json run_example(const std::string& name, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"run", example(name), "--json", "--quiet"};
  for (const std::string& argument : more) arguments.push_back(argument);
  const CliResult result = run_cli(arguments);
  EXPECT_EQ(result.code, 0) << result.err;
  return result.code == 0 ? result.json() : json();
}

json invariant(const json& answer, const std::string& name) {
  for (const json& one : answer.at("invariants")) {
    if (one.at("name") == name) return one;
  }
  ADD_FAILURE() << "no invariant " << name;
  return json();
}

double relative_error(const json& answer, const std::string& name) {
  return invariant(answer, name).at("max_rel_error");
}

struct Curve {
  std::vector<double> t, value;
};
Curve curve(const json& answer, const std::string& name) {
  const json& observable = answer.at("observables").at(name);
  return {observable.at("t"), observable.at("value")};
}

/// |q(t) - q(0)|: the largest element.
double distance(const json& a, const json& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].is_array())
      largest = std::max(largest, distance(a[i], b[i]));
    else
      largest = std::max(largest, std::abs(a[i].get<double>() - b[i].get<double>()));
  }
  return largest;
}

// Reference: energy at t = 0 and the bars of the outer solar system (Hairer, Lubich, Wanner). The
// six-stage Nystroem splitting has a relative energy error of 1.2e-12 there, the triple
// jump 2.6e-9.
TEST(Examples, OuterSolarSystem) {
  const json answer = run_example("outer_solar_system");
  EXPECT_EQ(answer.at("steps"), 20000);
  EXPECT_NEAR(invariant(answer, "energy").at("initial"), -3.215453183208163e-08, 1e-22);
  EXPECT_LT(relative_error(answer, "energy"), 1e-9);
  EXPECT_LT(relative_error(answer, "momentum"), 1e-12);
  EXPECT_LT(relative_error(answer, "angular_momentum"), 1e-12);
  for (const char* name : {"momentum", "angular_momentum"}) {
    EXPECT_EQ(invariant(answer, name).at("how"), "proved");
  }
  // Jupiter: semi-major axis 5.2 AU, eccentricity 0.05.
  const Curve jupiter = curve(answer, "jupiter_distance");
  EXPECT_NEAR(*std::ranges::min_element(jupiter.value), 5.2 * 0.95, 0.06);
  EXPECT_NEAR(*std::ranges::max_element(jupiter.value), 5.2 * 1.05, 0.06);
}

TEST(Examples, TheTripleJumpMissesTheEnergyBar) {
  const json answer = run_example("outer_solar_system", {"--set", "run.method=yoshida4"});
  EXPECT_GT(relative_error(answer, "energy"), 1e-9);
}

TEST(Examples, OuterSolarSystemThereAndBack) {
  const CliResult result =
      run_cli({"check", example("outer_solar_system"), "--reverse", "--json", "--quiet"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.json().at("steps"), 20000);
  EXPECT_LT(result.json().at("q_distance").get<double>(), 1e-8);  // AU
}

// Ten whole periods: the orbit closes. At order 6 and 1000 steps a period the phase error is below
// 1e-9; round-off adds about 1e-12.
TEST(Examples, KeplerCloses) {
  const json answer = run_example("kepler");
  EXPECT_NEAR(invariant(answer, "energy").at("initial"), -0.5, 1e-15);
  EXPECT_LT(relative_error(answer, "energy"), 1e-10);
  EXPECT_LT(relative_error(answer, "angular_momentum"), 1e-12);
  EXPECT_LT(distance(answer.at("final").at("q"), json::parse("[[0.4, 0.0]]")), 1e-7);
  EXPECT_LT(distance(answer.at("final").at("p"), json::parse("[[0.0, 2.0]]")), 1e-7);
  const Curve radius = curve(answer, "radius");
  EXPECT_NEAR(*std::ranges::min_element(radius.value), 0.4, 1e-6);  // 1 - e
  EXPECT_NEAR(*std::ranges::max_element(radius.value), 1.6, 1e-6);  // 1 + e
  for (double e : curve(answer, "eccentricity_x").value) EXPECT_NEAR(e, 0.6, 1e-8);
}

// Reference: the initial data of the figure eight close to 3.9e-8 in one period; the orbit is
// stable and errors grow about linearly, so five periods close to 5 * 3.9e-8, doubled for safety.
TEST(Examples, FigureEightCloses) {
  const json answer = run_example("figure_eight");
  const json start = json::parse("[[0.97000436, -0.24308753], [-0.97000436, 0.24308753], [0, 0]]");
  EXPECT_LT(distance(answer.at("final").at("q"), start), 4e-7);
  EXPECT_LT(relative_error(answer, "energy"), 1e-11);
  EXPECT_LT(relative_error(answer, "momentum"), 1e-13);
  for (double c : curve(answer, "centre").value) EXPECT_LT(c, 1e-12);
}

// Exact: below E = 1/6 the orbit stays in the triangle, where the potential is below E.
TEST(Examples, HenonHeilesStaysInside) {
  const json answer = run_example("henon_heiles");
  EXPECT_NEAR(invariant(answer, "energy").at("initial"), 0.125, 1e-15);
  EXPECT_LT(relative_error(answer, "energy"), 1e-6);  // order 4 at dt = 0.02; bounded, no drift
  const Curve potential = curve(answer, "potential"), height = curve(answer, "height");
  EXPECT_LT(*std::ranges::max_element(potential.value), 0.125 * (1 + 1e-6));
  EXPECT_GE(*std::ranges::min_element(potential.value), 0);
  EXPECT_LT(*std::ranges::max_element(height.value), 1.0);
  EXPECT_GT(*std::ranges::min_element(height.value), -0.5);
}

// Fermi, Pasta, Ulam, Tsingou 1955: the energy leaves the first mode and comes back. Recurrence
// time and height from an independent leapfrog in plain C++ at the same step: 0.91 near t =
// 311,000.
TEST(Examples, FputRecurs) {
  const json answer = run_example("fput_chain");
  const Curve mode = curve(answer, "mode_1");
  const double start = mode.value.front();
  EXPECT_NEAR(start, 129.0 * std::pow(std::sin(pi / 258), 2), 1e-12);  // (w_1 129/2)^2 / 129
  double least = 1, best = 0, at = 0;
  for (std::size_t k = 0; k < mode.t.size(); ++k) {
    const double part = mode.value[k] / start;
    least = std::min(least, part);
    if (mode.t[k] > 200000 && part > best) {
      best = part;
      at = mode.t[k];
    }
  }
  EXPECT_LT(least, 0.1);
  EXPECT_GT(best, 0.9);
  EXPECT_NEAR(at, 311500, 2500);
  EXPECT_LT(relative_error(answer, "energy"), 1e-3);
}

// Reference: the global minimum of 13 atoms, -44.326801 (Cambridge Cluster Database).
TEST(Examples, LennardJonesStaysAboveTheMinimum) {
  const json answer = run_example("lennard_jones_13");
  const Curve potential = curve(answer, "potential"), kinetic = curve(answer, "kinetic");
  EXPECT_NEAR(potential.value.front(), -44.326801, 1e-6);
  EXPECT_NEAR(invariant(answer, "energy").at("initial"),
              potential.value.front() + kinetic.value.front(), 1e-12);
  EXPECT_GE(*std::ranges::min_element(potential.value), -44.326802);
  // A cluster in its well shares its energy between the two kinds: about half each once it rattles.
  EXPECT_LT(*std::ranges::max_element(potential.value), -44.326801 + kinetic.value.front() + 1e-4);
  EXPECT_LT(relative_error(answer, "energy"), 1e-7);
  EXPECT_LT(relative_error(answer, "momentum"), 1e-12);
  EXPECT_LT(relative_error(answer, "angular_momentum"), 1e-12);
  for (double r : curve(answer, "radius").value)
    EXPECT_NEAR(r, 1.04, 0.08);  // it does not evaporate
}

// Theory of small oscillations: full exchange after pi/(w_2 - w_1), all of it back after twice
// that; at 0.05 rad the frequencies shift by theta^2/16 = 1.6e-4 relative.
TEST(Examples, CoupledPendulumsBeat) {
  const json answer = run_example("coupled_pendulums");
  const double exchange = pi / (std::sqrt(1.1) - 1);
  const Curve first = curve(answer, "energy_0"), second = curve(answer, "energy_1");
  const double whole = first.value.front();
  // Where the second pendulum has most, averaged over the fast swing: the centre of its energy
  // over the first two exchanges.
  double weight = 0, moment = 0, most = 0, left = whole;
  for (std::size_t k = 0; k < second.t.size() && second.t[k] <= 2 * exchange; ++k) {
    weight += second.value[k];
    moment += second.value[k] * second.t[k];
    most = std::max(most, second.value[k]);
    if (std::abs(second.t[k] - exchange) < 2) left = std::min(left, first.value[k]);
  }
  EXPECT_NEAR(moment / weight, exchange, 0.01 * exchange);
  EXPECT_NEAR(most / whole, 1, 0.05);
  EXPECT_LT(left / whole, 0.01);
  for (const char* name : {"together", "against"}) {
    const Curve mode = curve(answer, name);
    for (double e : mode.value) EXPECT_NEAR(e, mode.value.front(), 2e-3 * mode.value.front());
  }
  EXPECT_LT(relative_error(answer, "energy"), 1e-7);
}

// Kohn 1961: the centre of mass is a free oscillator, exactly: X cos(wt) + V/w sin(wt). The method
// (order 4, dt = 0.01) keeps its phase to about t (w dt)^4 / 100 < 2e-7.
TEST(Examples, TrappedChargesSwingAsOne) {
  const json answer = run_example("charges_in_a_trap");
  const json& centre = answer.at("observables").at("centre");
  const std::vector<double> t = centre.at("t");
  const double w[] = {1, 1, 2};
  const json explained = run_cli({"explain", example("charges_in_a_trap"), "--json"}).json();
  const json& facts = explained.at("facts");
  const auto turned = std::ranges::find_if(
      facts, [](const json& fact) { return fact.at("name") == "rotation_invariant"; });
  ASSERT_NE(turned, facts.end());
  EXPECT_EQ(turned->at("value"), false);
  // The initial velocity from two samples: the last one and theory must agree on every other.
  for (int c = 0; c < 3; ++c) {
    const double x0 = centre.at("value")[0][c];
    const double x1 = centre.at("value")[1][c];
    const double v0 = (x1 - x0 * std::cos(w[c] * t[1])) * w[c] / std::sin(w[c] * t[1]);
    for (std::size_t k = 0; k < t.size(); ++k) {
      const double exact = x0 * std::cos(w[c] * t[k]) + v0 / w[c] * std::sin(w[c] * t[k]);
      ASSERT_NEAR(centre.at("value")[k][c].get<double>(), exact, 1e-6) << t[k];
    }
  }
  const Curve lz = curve(answer, "lz");
  for (double l : lz.value) EXPECT_NEAR(l, lz.value.front(), 1e-11);
}

// Reference: the parabola. Before the backboard the ball is free, so the energy and the speed
// across are those of the throw.
TEST(Examples, Basket) {
  const json answer = run_example("basket");
  EXPECT_LT(relative_error(answer, "energy"), 1e-8);
  const Curve across = curve(answer, "across");
  // x(t) = 5.5 t is 3.3 from the ring at t = 0.6, well before the board.
  const std::size_t early = 460;
  EXPECT_NEAR(across.value[early], 5.5 * across.t[early] - 6.0, 1e-9);
}

// Theory: with v = 1 + s the half axis is 1 / (2 - v^2) = 1 + 2 s + 5 s^2 + ..., so s of 0.01 gives
// a mean of 1.0005 and a deviation of 0.02; a thousand members know these to 0.02 / sqrt(1000) and
// 0.02 / sqrt(2000), and four of those are allowed. A ring of radius 1 has a deviation of 1/sqrt(2)
// along any axis; after 20 turns the phases differ by 20 (2 pi) (3/2) 0.02 = 3.8.
TEST(Examples, KeplerEnsembleBecomesARing) {
  const json answer = run_example("kepler_ensemble");
  EXPECT_EQ(answer.at("ensemble").at("size"), 1000);
  EXPECT_EQ(answer.at("ensemble").at("seed"), 7);
  EXPECT_EQ(answer.at("ensemble").at("finite_members"), 1000);
  const Curve mean = curve(answer, "half_axis.mean"), spread = curve(answer, "half_axis.std");
  EXPECT_NEAR(mean.value.front(), 1.0005, 4 * 0.02 / std::sqrt(1000.0));
  EXPECT_NEAR(spread.value.front(), 0.02, 4 * 0.02 / std::sqrt(2000.0));
  // Each member keeps its energy to the method's 3e-9.
  EXPECT_NEAR(mean.value.back(), mean.value.front(), 1e-8);
  EXPECT_NEAR(spread.value.back(), spread.value.front(), 1e-8);
  EXPECT_LT(curve(answer, "energy_error.max").value.back(), 1e-8);
  EXPECT_NEAR(curve(answer, "half_axis.q50").value.back(), 1,
              4 * 1.2533 * 0.02 / std::sqrt(1000.0));
  const Curve along = curve(answer, "along.std");
  EXPECT_EQ(along.value.front(), 0);
  EXPECT_NEAR(along.value.back(), 1 / std::sqrt(2.0), 0.05);
}

// Exact: d/dt (x^2 / 2) = sigma (x y - x^2) and dz/dt = x y - beta z average to (end - start) / T,
// which is below 0.4 / sigma and 0.05 here; sampling every 0.05 adds less than that. Malkus (1972)
// proved the mean of z to be at most rho - 1.
TEST(Examples, LorenzMeansAgree) {
  const json answer = run_example("lorenz");
  const auto mean = [&](const char* name) {
    const Curve c = curve(answer, name);
    double sum = 0;
    for (double x : c.value) sum += x;
    return sum / static_cast<double>(c.value.size());
  };
  const double square = mean("square"), product = mean("product"), height = mean("height");
  EXPECT_NEAR(square, product, 0.1);
  EXPECT_NEAR(product, 8.0 / 3.0 * height, 0.2);
  EXPECT_LT(height, 27);
  EXPECT_GT(height, 23);  // and it is no fixed point, where it would be 27
  EXPECT_EQ(answer.at("final").size(), 3);
  EXPECT_TRUE(answer.at("final").at("z").is_number());
  EXPECT_TRUE(answer.at("invariants").empty());
}

// Exact: the fixed points of the map taken four times at r = 3.5, which attract it; 3.2 has two, in
// closed form (r + 1 +- sqrt((r - 3)(r + 1))) / (2 r).
TEST(Examples, LogisticMapTakesTurns) {
  const std::vector<double> four = curve(run_example("logistic_map"), "population").value;
  ASSERT_EQ(four.size(), 1001);
  for (std::size_t k = 900; k + 4 < four.size(); ++k) {
    EXPECT_NEAR(four[k + 4], four[k], 1e-14);
    EXPECT_GT(std::abs(four[k + 2] - four[k]), 0.01);
  }
  const double r = 3.2;
  const std::vector<double> two =
      curve(run_example("logistic_map", {"--set", "parameters.r=3.2"}), "population").value;
  const double low = (r + 1 - std::sqrt((r - 3) * (r + 1))) / (2 * r);
  const double high = (r + 1 + std::sqrt((r - 3) * (r + 1))) / (2 * r);
  EXPECT_NEAR(std::min(two[999], two[1000]), low, 1e-14);
  EXPECT_NEAR(std::max(two[999], two[1000]), high, 1e-14);
}

// Landau and Lifshitz, Mechanics, 37: for M^2 < 2 E I_2 the middle component is sn(rate t) and is
// zero every 2 K(k) / rate. The step's error in E, 1e-6 of it, moves that by 0.02.
TEST(Examples, RigidBodyTurnsOver) {
  const json answer = run_example("rigid_body");
  const Curve middle = curve(answer, "middle"), length = curve(answer, "length");
  for (double x : length.value) EXPECT_NEAR(x, length.value.front(), 1e-12);
  EXPECT_LT(relative_error(answer, "energy"), 1e-5);
  const double i1 = 1, i2 = 2, i3 = 3, two_e = 0.01 * 0.01 / i1 + 1 / i2, m2 = 1 + 0.01 * 0.01;
  const double rate = std::sqrt((i2 - i1) * (two_e * i3 - m2) / (i1 * i2 * i3));
  const double k2 = (i3 - i2) * (m2 - two_e * i1) / ((i2 - i1) * (two_e * i3 - m2));
  const double between = 2 * std::comp_ellint_1(std::sqrt(k2)) / rate;
  std::vector<double> zeros;
  for (std::size_t k = 1; k < middle.t.size(); ++k) {
    const double a = middle.value[k - 1], b = middle.value[k];
    if ((a < 0) == (b < 0)) continue;
    zeros.push_back(middle.t[k - 1] + (middle.t[k] - middle.t[k - 1]) * a / (a - b));
  }
  ASSERT_GE(zeros.size(), 5);
  for (std::size_t k = 1; k < zeros.size(); ++k) {
    EXPECT_NEAR(zeros[k] - zeros[k - 1], between, 0.1);
  }
}

}  // namespace
}  // namespace cotangent::apps::testing
