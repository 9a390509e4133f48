// The cases of the performance table: ours and the same written by hand, in turn in one process.
// Called by bench/run, which adds the other peers; prints a JSON line a measurement.
//
//   bench_suite [--quick] [--one-core] [--results FOLDER] [NAME...]
//
// NAME is a case, or the start of its name. --one-core uses one thread and measures the time it
// ran, for a busy machine. --results writes what gradients are into FOLDER/<case>.bin, the raw
// numbers of the last result, for the peers to compare theirs with.
//
// "seconds" is the least of several calls, wall time, with all cores unless the case is of one.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/hand/hand.h"
#include "bench/systems.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/vmap.h"

namespace {

using namespace cotangent;
using namespace bench;

bool processor_time = false;

/// Wall time; or the time this thread had a core, for cases of one core on a busy machine.
double now() {
  if (processor_time) {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Suite {
  bool quick = false;
  std::string results;  ///< the folder of --results, or empty
  std::vector<std::string> wanted;
  int cores = runtime::host_threads();
  double fma_peak[2] = {}, root_peak[2] = {};  ///< of one core, in f32 and f64

  bool wants(const std::string& name) const {
    return wanted.empty() || std::any_of(wanted.begin(), wanted.end(),
                                         [&](const std::string& w) { return name.starts_with(w); });
  }

  static void line(const std::string& name, const std::string& who, double seconds,
                   const std::string& more = "") {
    std::printf("{\"case\": \"%s\", \"who\": \"%s\", \"seconds\": %.6g%s}\n", name.c_str(),
                who.c_str(), seconds, more.c_str());
    std::fflush(stdout);
  }

  /// The two in turn, so that what disturbs one disturbs the other.
  void pair(const std::string& name, const std::function<void()>& ours,
            const std::function<void()>& hand, double work = 0, const char* unit = "") const {
    double best_ours = 1e30, best_hand = 1e30;
    const double stop = now() + (quick ? 0.3 : 3.0);
    for (int r = 0; r < 3 || now() < stop; ++r) {
      double start = now();
      ours();
      best_ours = std::min(best_ours, now() - start);
      if (!hand) continue;
      start = now();
      hand();
      best_hand = std::min(best_hand, now() - start);
    }
    std::string more;
    if (work > 0) {
      more = ", \"work\": " + std::to_string(work) + ", \"unit\": \"" + unit + "\"";
    }
    line(name, "cotangent", best_ours, more);
    if (hand) line(name, "hand-written C++", best_hand, more);
  }
};

/// A compiled program with arguments and results of its own.
class Call {
 public:
  Call(const ir::FunctionPtr& f, int threads, double team_from = 3e5) {
    runtime::CompileOptions options;
    options.threads = threads;
    options.team_from = team_from;
    executable_ = runtime::compile(f, options);
    const ir::Function& program = *executable_->program();
    for (std::size_t k = 0; k < program.params().size(); ++k) {
      arguments_.emplace_back(program.param_type(k));
      ir::Tensor& t = arguments_.back();
      for (std::int64_t n = 0; n < t.size(); ++n) {
        const double x = 0.1 + 0.013 * static_cast<double>(k) + 1e-4 * static_cast<double>(n % 997);
        if (t.type().dtype == DType::kF64) t.as<double>()[static_cast<std::size_t>(n)] = x;
        if (t.type().dtype == DType::kF32)
          t.as<float>()[static_cast<std::size_t>(n)] = static_cast<float>(x);
      }
    }
    for (std::size_t k = 0; k < program.results().size(); ++k)
      results_.emplace_back(program.result_type(k));
    for (const ir::Tensor& t : arguments_) in_.push_back(t.data());
    for (ir::Tensor& t : results_) out_.push_back(t.data());
  }

  void operator()() { executable_->call_raw(in_, out_); }
  runtime::CompileTimes times() const { return executable_->times(); }
  double flops() const { return executable_->cost().flops; }
  ir::Tensor& argument(std::size_t k) { return arguments_[k]; }
  ir::Tensor& result(std::size_t k) { return results_[k]; }

 private:
  runtime::ExecutablePtr executable_;
  std::vector<ir::Tensor> arguments_, results_;
  std::vector<const void*> in_;
  std::vector<void*> out_;
};

std::string name_of_type(DType t) {
  return std::string(name_of(t));
}

void write(const std::string& path, const ir::Tensor& t) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(t.data()), static_cast<std::streamsize>(t.bytes()));
  if (!file) std::fprintf(stderr, "bench_suite: cannot write %s\n", path.c_str());
}

void scalar_loops(const Suite& s) {
  if (s.wants("logistic")) {
    Call ours(rollout(logistic_step, 1, DType::kF64, 10000000), 1);
    volatile double start = 0.1, sink = 0;
    s.pair(
        "logistic", std::ref(ours), [&] { sink = hand::logistic(start, 3.9, 10000000); }, 1e7,
        "steps");
  }
  if (s.wants("carries60")) {
    Call ours(rollout(carries60_step, 60, DType::kF64, 614), 1);
    std::vector<double> x(60);
    for (int k = 0; k < 60; ++k) x[static_cast<std::size_t>(k)] = 0.1 + 0.013 * k;
    s.pair(
        "carries60", std::ref(ours),
        [&] {
          std::vector<double> y = x;
          hand::carries60(y.data(), 614);
          x[0] += 1e-9 * y[1];
        },
        614, "steps");
  }
}

/// A value with its gradient.
void gradients(const Suite& s) {
  if (s.wants("gradient-carries60")) {
    transform::Positions all(60);
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = k;
    Call ours(transform::value_and_grad(*carries60_end(), all), 1);
    s.pair("gradient-carries60", std::ref(ours), {}, 614, "steps");
  }
  for (const DType t : {DType::kF64, DType::kF32}) {
    const std::string name = "gradient-cartpole-" + name_of_type(t);
    if (!s.wants(name)) continue;
    const ir::FunctionPtr one = transform::value_and_grad(*pushed_cartpole(1000, {}, t), {4});
    Call ours(transform::vmap(one, 4096), s.cores);
    s.pair(name, std::ref(ours), {}, 4096e3, "steps");
    if (!s.results.empty()) write(s.results + "/" + name + ".bin", ours.result(1));
  }
}

template <class T>
void small_system(const Suite& s, const char* system, Step step, std::int64_t state,
                  void (*by_hand)(T*, std::int64_t, std::int64_t, int)) {
  const DType t = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
  for (std::int64_t lanes : {std::int64_t{4096}, std::int64_t{1}}) {
    const std::string name =
        std::string(lanes > 1 ? "lanes-" : "one-") + system + "-" + name_of_type(t);
    if (!s.wants(name)) continue;
    const std::int64_t steps = lanes > 1 ? 1000 : 1000000;
    ir::FunctionPtr f = rollout(step, state, t, steps);
    if (lanes > 1) f = transform::vmap(f, lanes);
    Call ours(f, lanes > 1 ? s.cores : 1);
    std::vector<T> x(static_cast<std::size_t>(state * lanes));
    const auto fill = [&] {
      for (std::int64_t k = 0; k < state; ++k) {
        for (std::int64_t n = 0; n < lanes; ++n) {
          x[static_cast<std::size_t>(k * lanes + n)] = static_cast<T>(
              0.1 + 0.013 * static_cast<double>(k) + 1e-4 * static_cast<double>(n % 997));
        }
      }
    };
    s.pair(
        name, std::ref(ours),
        [&] {
          fill();
          by_hand(x.data(), lanes, steps, lanes > 1 ? s.cores : 1);
        },
        static_cast<double>(lanes * steps), "steps");
    const double peak = s.fma_peak[sizeof(T) == 8] * (lanes > 1 ? s.cores : 1);
    if (lanes > 1) Suite::line(name, "bound", ours.flops() / peak);
  }
}

template <class T>
void gravity_case(const Suite& s, std::int64_t n) {
  const DType t = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
  const std::string name = "gravity-" + std::to_string(n) + "-" + name_of_type(t);
  if (!s.wants(name)) return;
  Call ours(gravity(n, t, 1e-2), 1);
  std::vector<T> x(static_cast<std::size_t>(3 * n)), a(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    x[k] = static_cast<T>(0.618 * static_cast<double>(k * k % 1009) / 1009);
    ours.argument(0).as<T>()[k] = x[k];
  }
  const double pairs = static_cast<double>(n) * static_cast<double>(n);
  s.pair(
      name, std::ref(ours), [&] { hand::gravity<T>(x.data(), a.data(), n, T(1e-2)); }, pairs,
      "pairs");
  // A pair: 3 differences, 4 operations for the distance, the estimate of the root and Newton steps
  // on it (3 pairs of operations in f64, 2 in f32), 2 for its cube, 6 to add three products; and
  // one root, in a unit of its own. Whichever takes longer is the bound.
  const double operations = 16 + (sizeof(T) == 8 ? 6 : 4);
  const double ports = pairs * operations / (s.fma_peak[sizeof(T) == 8] / 2);
  const double roots = s.root_peak[sizeof(T) == 8] > 0 ? pairs / s.root_peak[sizeof(T) == 8] : 0;
  Suite::line(name, "bound", std::max(ports, roots));
}

template <class F>
double least(int repeats, F f) {
  double best = 1e30;
  for (int r = 0; r < repeats; ++r) {
    const double start = now();
    f();
    best = std::min(best, now() - start);
  }
  return best;
}

void memory_bound(const Suite& s) {
  const std::int64_t n = s.quick ? 10000000 : 100000000;
  const auto doubles = [](std::int64_t count) {
    return std::vector<double>(static_cast<std::size_t>(count), 0.5);
  };
  // Bytes a second of the triad by hand, asked for right after what it bounds.
  const auto bandwidth = [&](auto triad_by_hand) {
    const auto a = doubles(n);
    auto c = doubles(n);
    return 16.0 * static_cast<double>(n) /
           least(5, [&] { triad_by_hand(a.data(), a.data(), c.data(), 3, n, s.cores); });
  };
  // So many bytes by the stores that compilers make, and by such as ours.
  const auto bounds = [&](const char* name, double bytes) {
    Suite::line(name, "bound", bytes / bandwidth(hand::triad));
    Suite::line(name, "bound past caches", bytes / bandwidth(hand::triad_past_caches));
  };
  if (s.wants("triad")) {
    Call ours(triad(n), s.cores);
    const auto a = doubles(n), b = doubles(n);
    auto c = doubles(n);
    s.pair(
        "triad", std::ref(ours), [&] { hand::triad(a.data(), b.data(), c.data(), 3, n, s.cores); },
        24.0 * static_cast<double>(n), "bytes");
    Suite::line("triad", "bound past caches", least(10, [&] {
                  hand::triad_past_caches(a.data(), b.data(), c.data(), 3, n, s.cores);
                }));
  }
  if (s.wants("chain")) {
    Call ours(chain(n), s.cores);
    const auto a = doubles(n);
    auto c = doubles(n);
    // The bound: a copy that moves as many bytes, with the stores of the triad.
    s.pair(
        "chain", std::ref(ours), [&] { hand::triad(a.data(), a.data(), c.data(), 3, n, s.cores); },
        16.0 * static_cast<double>(n), "bytes");
    bounds("chain", 16.0 * static_cast<double>(n));
  }
  if (s.wants("stencil5")) {
    const std::int64_t rows = s.quick ? 2002 : 10002, columns = s.quick ? 2002 : 10002;
    Call ours(stencil5(rows, columns), s.cores);
    const auto in = doubles(rows * columns);
    auto out = doubles(rows * columns);
    s.pair(
        "stencil5", std::ref(ours),
        [&] { hand::stencil5(in.data(), out.data(), rows, columns, s.cores); },
        16.0 * static_cast<double>(rows * columns), "bytes");
    bounds("stencil5", 16.0 * static_cast<double>(rows * columns));
  }
  if (s.wants("stencil27")) {
    const std::int64_t m = s.quick ? 202 : 402;
    Call ours(stencil27(m), s.cores);
    const auto in = doubles(m * m * m);
    auto out = doubles(m * m * m);
    s.pair(
        "stencil27", std::ref(ours), [&] { hand::stencil27(in.data(), out.data(), m, s.cores); },
        16.0 * static_cast<double>(m * m * m), "bytes");
    bounds("stencil27", 16.0 * static_cast<double>(m * m * m));
  }
}

template <class T>
void matrices(const Suite& s) {
  const DType t = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
  for (std::int64_t n : {3, 4, 8, 16}) {
    const std::string name = "matmul-" + std::to_string(n) + "-" + name_of_type(t);
    if (!s.wants(name)) continue;
    const std::int64_t count = 65536 / (n * n) * 16;
    Call ours(transform::vmap(matmul(n, t), count), s.cores);
    std::vector<T> a(static_cast<std::size_t>(count * n * n), T(0.5)), b = a, c = a;
    s.pair(
        name, std::ref(ours),
        [&] {
          hand::small_matmul<T>(a.data(), b.data(), c.data(), count, static_cast<int>(n), s.cores);
        },
        2.0 * static_cast<double>(count * n * n * n), "flops");
  }
}

/// From a program to the end of its first step; the code cache is off.
void cold_start(const Suite& s) {
  struct Case {
    const char* name;
    Step step;
    std::int64_t state;
  };
  for (const Case& c :
       {Case{"cold-pendulum", pendulum_step, 2}, Case{"cold-20000", large_step, 67}}) {
    if (!s.wants(c.name)) continue;
    double best = 1e30;
    std::string parts;
    for (int r = 0; r < (s.quick ? 2 : 5); ++r) {
      const double start = now();
      Call ours(rollout(c.step, c.state, DType::kF64, 1), 1);
      ours();
      best = std::min(best, now() - start);
      const runtime::CompileTimes t = ours.times();
      parts = ", \"passes\": " + std::to_string(t.passes_s) +
              ", \"lowering\": " + std::to_string(t.lower_s) +
              ", \"code\": " + std::to_string(t.codegen_s);
    }
    Suite::line(c.name, "cotangent", best, parts);
  }
}

/// e = 0.3, dt = T/1000: what carrying an error term costs and buys. "energy_error" is the median
/// over the lanes of the largest relative energy error at whole periods, where leapfrog's own
/// oscillation does not show.
void precision(const Suite& s) {
  constexpr std::int64_t kLanes = 256;
  const std::int64_t steps = s.quick ? 100000 : 100000000;  // a sample every 1,000: a period
  const double period = 2 * 3.14159265358979323846;
  double wide_seconds = 0;
  for (const auto& [name, kind] :
       {std::pair{"f64", Precision::kF64}, std::pair{"f32", Precision::kF32},
        std::pair{"f32-compensated", Precision::kCompensated},
        std::pair{"f32-double-single", Precision::kDoubleSingle}}) {
    const std::string title = std::string("kepler-") + name;
    if (!s.wants(title)) continue;
    Call ours(transform::vmap(kepler(kind, period / 1000, steps, steps / 1000), kLanes), s.cores);
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const double turn = 0.01 * static_cast<double>(l), e = 0.3;
      const double p = std::sqrt((1 + e) / (1 - e));
      const auto at = static_cast<std::size_t>(2 * l);
      ours.argument(0).as<double>()[at] = (1 - e) * std::cos(turn);
      ours.argument(0).as<double>()[at + 1] = (1 - e) * std::sin(turn);
      ours.argument(1).as<double>()[at] = -p * std::sin(turn);
      ours.argument(1).as<double>()[at + 1] = p * std::cos(turn);
    }
    const double start = now();
    ours();
    const double seconds = now() - start;
    if (kind == Precision::kF64) wide_seconds = seconds;
    if (kind == Precision::kCompensated && wide_seconds > 0) {
      Suite::line(title, "in f64", wide_seconds);
    }
    auto worst = ours.result(0).as<double>();
    std::sort(worst.begin(), worst.end());
    char error[40];
    std::snprintf(error, sizeof error, ", \"energy_error\": %.3e", worst[kLanes / 2]);
    Suite::line(title, "cotangent", seconds, error + (", \"steps\": " + std::to_string(steps)));
  }
}

void call_overhead(const Suite& s) {
  if (!s.wants("call")) return;
  Builder b("tiny");
  const Value x = b.param(ir::scalar()), y = b.param(ir::scalar());
  Call ours(b.finish({b.add(x, y)}), 1);
  constexpr int kCalls = 100000;
  s.pair(
      "call",
      [&] {
        for (int k = 0; k < kCalls; ++k) ours();
      },
      nullptr, kCalls, "calls");
}

}  // namespace

int main(int argc, char** argv) {
  setenv("COTANGENT_CACHE", "off", 1);
  Suite s;
  for (int k = 1; k < argc; ++k) {
    if (std::strcmp(argv[k], "--quick") == 0)
      s.quick = true;
    else if (std::strcmp(argv[k], "--one-core") == 0)
      s.cores = 1, processor_time = true;
    else if (std::strcmp(argv[k], "--results") == 0 && k + 1 < argc)
      s.results = argv[++k];
    else
      s.wanted.push_back(argv[k]);
  }
  s.fma_peak[0] = hand::fma_peak<float>(), s.fma_peak[1] = hand::fma_peak<double>();
  s.root_peak[0] = hand::root_peak<float>(), s.root_peak[1] = hand::root_peak<double>();
  std::printf(
      "{\"host\": \"%s\", \"fma_peak_f64\": %.4g, \"fma_peak_f32\": %.4g, "
      "\"root_peak_f64\": %.4g, \"root_peak_f32\": %.4g}\n",
      runtime::host_description().c_str(), s.fma_peak[1], s.fma_peak[0], s.root_peak[1],
      s.root_peak[0]);
  cold_start(s);
  call_overhead(s);
  precision(s);
  scalar_loops(s);
  gradients(s);
  small_system<double>(s, "lorenz", lorenz_step, 3, hand::lorenz<double>);
  small_system<float>(s, "lorenz", lorenz_step, 3, hand::lorenz<float>);
  small_system<double>(s, "pendulum", double_pendulum_step, 4, hand::double_pendulum<double>);
  small_system<float>(s, "pendulum", double_pendulum_step, 4, hand::double_pendulum<float>);
  small_system<double>(s, "cartpole", cartpole_step, 4, hand::cartpole<double>);
  small_system<float>(s, "cartpole", cartpole_step, 4, hand::cartpole<float>);
  for (std::int64_t n : {1024, 16384}) {
    gravity_case<double>(s, n);
    gravity_case<float>(s, n);
  }
  matrices<double>(s);
  matrices<float>(s);
  memory_bound(s);
}
