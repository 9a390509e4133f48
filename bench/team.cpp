// What a team of threads costs a call: a call of threads that do nothing, and tanh of 8,000 and of
// 1e6 numbers, in turn on one thread and on all. Microseconds of wall clock a call: least, median
// and mean of the calls. With a number, so many threads that compute something else run beside.
//
//   cmake --build build/release --target bench_team && build/release/bench/bench_team
//   build/release/bench/bench_team 2
#include "cotangent/runtime/team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/runtime/executable.h"

namespace {

using namespace cotangent;

/// Microseconds of each of the calls, ascending.
template <class F>
std::vector<double> times_of(F call, int calls) {
  std::vector<double> times;
  for (int k = 0; k < calls; ++k) {
    const auto start = std::chrono::steady_clock::now();
    call();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    times.push_back(took.count());
  }
  std::sort(times.begin(), times.end());
  return times;
}

void print(const char* what, int threads, const std::vector<double>& times) {
  const double mean =
      std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
  std::printf("  %-20s %2d threads  %9.2f  %9.2f  %9.2f\n", what, threads, times.front(),
              times[times.size() / 2], mean);
}

runtime::ExecutablePtr tanh_of(std::int64_t n, int threads) {
  ir::Builder b("tanh");
  const ir::Value x = b.param({DType::kF64, {n}}, "x");
  runtime::CompileOptions options;
  options.threads = threads;
  options.team_from = 0;
  options.cache.on = false;
  return runtime::compile(b.finish({b.unary(ir::Op::kTanh, x)}), options);
}

void calls_of_tanh(const char* what, std::int64_t n, int calls) {
  std::vector<double> x(static_cast<std::size_t>(n)), y = x;
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = 1e-3 * static_cast<double>(k % 4000) - 2;
  const void* in[] = {x.data()};
  void* out[] = {y.data()};
  for (int threads : {1, runtime::host_threads()}) {
    const auto f = tanh_of(n, threads);
    print(what, threads, times_of([&] { f->call_raw(in, out); }, calls));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int beside = argc > 1 ? std::atoi(argv[1]) : 0;
  std::atomic<bool> over = false;
  std::vector<std::jthread> busy;
  for (int k = 0; k < beside; ++k) {
    busy.emplace_back([&] {
      while (!over) {
      }
    });
  }
  std::printf("%s, %d busy threads beside; us a call: least, median, mean\n",
              runtime::host_description().c_str(), beside);
  const int all = runtime::host_threads();
  print("nothing", all, times_of([&] { runtime::run_team(all, [](auto...) {}); }, 5000));
  calls_of_tanh("tanh of 8,000", 8000, 5000);
  calls_of_tanh("tanh of 1e6", 1000000, 200);
  over = true;
  return 0;
}
