// Gravity by leapfrog: Cotangent's compiled run against the same method written by hand in C++,
// side by side in one process, the two in turn.
//
//   cmake --preset release && cmake --build build/release --target bench
//   build/release/bench/bench_nbody            # 6 and 1,000 bodies, 1 thread and all cores
//
// Floor per pair and vector of eight: 3 subtractions, 3 for r^2, the reciprocal square root (two
// Newton steps on the 14-bit estimate: 1 + 7), 3 for m/r^3, 3 to accumulate: 20 operations, 10
// cycles at two a cycle. Prints the median of the ratios peer time / our time: above 1 we are
// faster.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include "bench/peer_nbody.h"
#include "cotangent/base/text.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/flow.h"

namespace {

using namespace cotangent;

struct Problem {
  std::string name;
  double g, dt;
  std::vector<double> m, q, v;
  int n() const { return static_cast<int>(m.size()); }
};

Problem outer_solar_system() {
  return {"6 bodies (outer solar system)",
          2.95912208286e-4,
          10.0,
          {1.00000597682, 0.000954786104043, 0.000285583733151, 0.0000437273164546,
           0.0000517759138449, 1 / 1.3e8},
          {0, 0, 0, -3.5023653, -3.8169847, -1.5507963, 9.0755314, -3.0458353, -1.6483708,
           8.3101420, -16.2901086, -7.2521278, 11.4707666, -25.7294829, -10.8169456, -15.5387357,
           -25.2225594, -3.1902382},
          {0, 0, 0, 0.00565429, -0.00412490, -0.00190589, 0.00168318, 0.00483525, 0.00192462,
           0.00354178, 0.00137102, 0.00055029, 0.00288930, 0.00114527, 0.00039677, 0.00276725,
           -0.00170702, -0.00136504}};
}

/// A loose ball of equal masses, fast enough not to form close pairs in the time measured.
Problem ball(int n) {
  Problem p{std::to_string(n) + " bodies", 1.0, 1e-5, {}, {}, {}};
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (int i = 0; i < n; ++i) {
    p.m.push_back(1.0 / n);
    for (int k = 0; k < 3; ++k) p.q.push_back(uniform(random));
    for (int k = 0; k < 3; ++k) p.v.push_back(0.5 * uniform(random));
  }
  return p;
}

std::string rows(const std::vector<double>& values) {
  std::string text = "[";
  for (std::size_t k = 0; k < values.size(); k += 3) {
    text += (k ? ", [" : "[") + shortest(values[k]) + ", " + shortest(values[k + 1]) + ", " +
            shortest(values[k + 2]) + "]";
  }
  return text + "]";
}

std::string system_text(const Problem& p, std::int64_t steps, std::int64_t every) {
  std::string m = "[";
  for (std::size_t k = 0; k < p.m.size(); ++k) m += (k ? ", " : "") + shortest(p.m[k]);
  return "[parameters]\nG = " + shortest(p.g) + "\nm = " + m +
         "]\n[energy]\nkinetic = \"sum(i, dot(p[i], p[i]) / (2*m[i]))\"\n"
         "gravity = \"-sum(i<j, G*m[i]*m[j] / norm(q[i] - q[j]))\"\n[initial]\nq = " +
         rows(p.q) + "\nv = " + rows(p.v) + "\n[run]\ndt = " + shortest(p.dt) +
         "\nsteps = " + std::to_string(steps) +
         "\nmethod = \"leapfrog\"\n[observe]\nevery = " + std::to_string(every) + "\n";
}

double seconds_of(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void fill(peer::Bodies& b, const Problem& p) {
  for (int i = 0; i < p.n(); ++i) {
    const auto k = static_cast<std::size_t>(i) * 3;
    b.m[i] = p.m[static_cast<std::size_t>(i)];
    b.inverse_m[i] = 1 / b.m[i];
    b.x[i] = p.q[k], b.y[i] = p.q[k + 1], b.z[i] = p.q[k + 2];
    b.px[i] = b.m[i] * p.v[k], b.py[i] = b.m[i] * p.v[k + 1], b.pz[i] = b.m[i] * p.v[k + 2];
  }
}

void compare(const Problem& p, std::int64_t steps, std::int64_t every, int threads) {
  const auto file = formats::parse_system_text(p.name, system_text(p, steps, every));
  const auto facts = mechanics::find_facts(file.system, file.initial);
  const auto plan = mechanics::make_plan(file.system, facts, file.run);
  mechanics::FlowOptions options;
  options.threads = threads;
  const auto flow = mechanics::Flow::compile(file.system, facts, plan, options);
  mechanics::RunControl whole;
  whole.chunk = steps;

  constexpr int kRepeats = 9;
  const struct {
    peer::Force kind;
    const char* name;
  } peers[] = {{peer::Force::kPlain, "omp simd over j, sqrt and /"},
               {peer::Force::kExact, "rows in lanes, sqrt and /"},
               {peer::Force::kFast, "rows in lanes, rsqrt14 + 2 Newton"}};
  std::printf("%s, %lld steps, monitors every %lld, %d thread%s\n", p.name.c_str(),
              static_cast<long long>(steps), static_cast<long long>(every), threads,
              threads > 1 ? "s" : "");
  double ours_energy = 0;
  for (const auto& other : peers) {
    std::vector<double> ratio, ours, theirs;
    double peer_energy = 0;
    for (int k = 0; k < kRepeats; ++k) {
      peer::Bodies b(p.n());
      fill(b, p);
      std::vector<peer::Monitors> samples;
      theirs.push_back(seconds_of(
          [&] { samples = peer::run(other.kind, b, p.g, p.dt, steps, every, threads); }));
      peer_energy = samples.back().energy;
      mechanics::RunResult result;
      const double around = seconds_of([&] { result = flow->run(file.initial, steps, whole); });
      ours.push_back(result.run_s > 0 ? result.run_s : around);
      ours_energy = result.invariants.at(0).series.values.back();
      ratio.push_back(theirs.back() / ours.back());
    }
    const auto median = [](std::vector<double> v) {
      std::sort(v.begin(), v.end());
      return v[v.size() / 2];
    };
    std::printf(
        "  against %-36s ratio %.2f (%.2f..%.2f)   ours %.4g steps/s, peer %.4g steps/s, "
        "energies differ by %.1e\n",
        other.name, median(ratio), *std::min_element(ratio.begin(), ratio.end()),
        *std::max_element(ratio.begin(), ratio.end()), static_cast<double>(steps) / median(ours),
        static_cast<double>(steps) / median(theirs),
        std::abs(ours_energy - peer_energy) / std::abs(peer_energy));
  }
}

}  // namespace

int main() {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  compare(outer_solar_system(), 200000, 100, 1);
  compare(ball(1000), 200, 100, 1);
  if (cores > 1) compare(ball(1000), 200, 100, cores);
  return 0;
}
