// A chain of 1e6 masses (Fermi-Pasta-Ulam-Tsingou, alpha) by leapfrog, against memory bandwidth.
//
//   cmake --preset release && cmake --build build/release --target bench
//   build/release/bench/bench_fput             # one thread and two
//
// Floor: the state is q, p and the kept force, 8 MB each. A step that visits memory once would read
// and write all three: 48 bytes a site. Two passes are needed (every site must have drifted before
// any force is taken): kick-drift reads q, p, f and writes q, p (40 bytes); force-kick reads q, p and
// writes f, p (32 bytes): 72 bytes a site and step. The triad a[i] = b[i] + s*c[i] over arrays of the
// same size gives the bandwidth of this machine in the same run; stores to memory that was not read
// before are counted once, as the processor's counters of useful bytes would.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/flow.h"

namespace {

using namespace cotangent;

constexpr std::int64_t kSites = 1'000'000;
constexpr double kBytesPerSiteStep = 72;

double seconds_of(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

/// Bytes a second of the triad over three arrays of `n` doubles, `threads` threads.
double triad(std::int64_t n, int threads) {
  std::vector<double> a(static_cast<std::size_t>(n)), b(a.size(), 1.0), c(a.size(), 2.0);
  std::vector<double> rates;
  constexpr int kSweeps = 20;
  for (int repeat = 0; repeat < 7; ++repeat) {
    const double s = 3.0 + repeat;
    const double time = seconds_of([&] {
      std::vector<std::thread> team;
      const auto part = [&](int id) {
        double *pa = a.data(), *pb = b.data(), *pc = c.data();
        const std::int64_t begin = n * id / threads, end = n * (id + 1) / threads;
        for (int sweep = 0; sweep < kSweeps; ++sweep) {
#pragma omp simd
          for (std::int64_t i = begin; i < end; ++i) pa[i] = pb[i] + s * pc[i];
          std::swap(pa, pb);
        }
      };
      for (int id = 1; id < threads; ++id) team.emplace_back(part, id);
      part(0);
      for (std::thread& t : team) t.join();
    });
    rates.push_back(24.0 * static_cast<double>(n) * kSweeps / time);
  }
  return median(rates);
}

/// The chain as a system file with its state in data files beside it, as a person would have it.
std::filesystem::path write_chain(const std::filesystem::path& folder, std::int64_t steps) {
  std::ofstream q(folder / "q.csv"), p(folder / "p.csv"), file(folder / "chain.toml");
  for (std::int64_t i = 0; i < kSites; ++i) {
    q << std::sin(0.001 * static_cast<double>(i)) << '\n';
    p << "0\n";
  }
  file << "[energy]\nkinetic = \"sum(i, p[i]^2) / 2\"\n"
       << "springs = \"sum(i in 0.." << kSites - 1
       << ", (q[i+1] - q[i])^2/2 + 0.25*(q[i+1] - q[i])^3/3)\"\n"
       << "[initial]\nq = {file = \"q.csv\"}\np = {file = \"p.csv\"}\n"
       << "[run]\ndt = 0.1\nsteps = " << steps << "\nmethod = \"leapfrog\"\n"
       << "[observe]\nevery = " << steps << "\n";
  return folder / "chain.toml";
}

}  // namespace

int main() {
  constexpr std::int64_t kSteps = 100;
  const auto folder = std::filesystem::temp_directory_path() /
                      ("cotangent_bench_fput_" + std::to_string(std::random_device{}()));
  std::filesystem::create_directory(folder);
  const auto file = formats::load_system_file(write_chain(folder, kSteps));
  std::filesystem::remove_all(folder);
  const auto facts = mechanics::find_facts(file.system, file.initial);
  const auto plan = mechanics::make_plan(file.system, facts, file.run);
  std::printf("chain of %lld sites, leapfrog, %lld steps a repeat; floor %g bytes a site and step\n",
              static_cast<long long>(kSites), static_cast<long long>(kSteps), kBytesPerSiteStep);
  for (int threads : {1, 2}) {
    mechanics::FlowOptions options;
    options.threads = threads;
    const auto flow = mechanics::Flow::compile(file.system, facts, plan, options);
    mechanics::RunControl whole;
    whole.chunk = kSteps;
    std::vector<double> times;
    for (int repeat = 0; repeat < 5; ++repeat) {
      times.push_back(flow->run(file.initial, kSteps, whole).run_s);
    }
    const double rate = kBytesPerSiteStep * static_cast<double>(kSites * kSteps) / median(times);
    const double bandwidth = triad(kSites, threads);
    std::printf("%d thread%s: %.1f steps/s, %.1f GB/s of the floor's bytes; triad %.1f GB/s; ratio "
                "%.2f\n",
                threads, threads > 1 ? "s" : "", static_cast<double>(kSteps) / median(times),
                rate / 1e9, bandwidth / 1e9, rate / bandwidth);
  }
  return 0;
}
