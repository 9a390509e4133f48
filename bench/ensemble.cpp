// The outer solar system alone and as an ensemble of many, by the same method in one run: whether a
// member costs what a lane of one core should. bench/run_ensemble calls it.
//
//   bench_ensemble FILE [MEMBERS] [ROUNDS]
//
// A member is a SIMD lane, so so many members a second are to be had as one system makes alone,
// times the lanes, times the cores. The share of that is printed for one thread, by processor time
// (other work on the machine does not count), and for all, by wall time; 0.8 is asked for. Times
// are of the loop: what a run of no steps takes is not in them. Least of the rounds; one alone and
// many in turn.
#include "cotangent/mechanics/ensemble.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>

#include "cotangent/formats/system_file.h"

namespace {

using namespace cotangent;
using namespace cotangent::mechanics;

constexpr double kBar = 0.8;
constexpr std::int64_t kAloneSteps = 400000;

struct Seconds {
  double wall = 1e30, processor = 1e30;
};

double processor_now() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double wall_now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

Seconds seconds_of(const std::function<void()>& work) {
  const double wall = wall_now(), processor = processor_now();
  work();
  return {wall_now() - wall, processor_now() - processor};
}

/// A system file with its plan, alone or as an ensemble.
class Case {
 public:
  Case(const formats::LoadedFile& file, const Facts& facts, const std::string& method,
       std::int64_t steps, std::int64_t members, int threads)
      : initial_(file.initial), steps_(steps), members_(members) {
    RunSettings run = file.run;
    run.method = method;
    run.order.reset();
    run.steps = steps;
    Plan plan = make_plan(file.system, facts, run, &initial_);
    if (members > 1) {
      EnsembleSettings settings;
      settings.size = members;
      Spread spread;
      spread.name = std::string("v");
      spread.end = file.system.shape.size();
      spread.law = Spread::Law::kRelative;
      spread.scale = ir::Tensor::scalar_of<double>(1e-4);
      settings.spreads.push_back(std::move(spread));
      plan_ensemble(file.system, run, settings, plan);
    }
    FlowOptions options;
    options.threads = threads;
    flow_ = Flow::compile(file.system, facts, plan, options);
  }

  /// Of a step of one member; the least so far.
  const Seconds& measure() {
    const Seconds none = seconds_of([&] { flow_->run(initial_, 0); });
    RunResult result;
    const Seconds all = seconds_of([&] { result = flow_->run(initial_, steps_); });
    if (result.status != RunStatus::kFinished) std::exit(1);
    const double each = 1 / static_cast<double>(steps_ * members_);
    best_.wall = std::min(best_.wall, result.run_s * each);
    best_.processor = std::min(best_.processor, (all.processor - none.processor) * each);
    return best_;
  }
  const Seconds& best() const { return best_; }

 private:
  InitialState initial_;
  std::int64_t steps_, members_;
  std::shared_ptr<const Flow> flow_;
  Seconds best_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "bench_ensemble FILE [MEMBERS] [ROUNDS]\n"), 2;
  setenv("COTANGENT_CACHE", "off", 1);
  const std::int64_t members = argc > 2 ? std::atoll(argv[2]) : 10000;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  const formats::LoadedFile file = formats::load_system_file(argv[1]);
  const Facts facts = find_facts(file.system, file.initial);
  const int lanes = runtime::host_vector_bits() / 64, cores = runtime::host_threads();
  const std::int64_t steps = std::max<std::int64_t>(20, 10'000'000 / members / 20 * 20);
  std::printf("%s\n%lld members, %lld steps; alone %lld steps; ns a step of one system\n\n",
              runtime::host_description().c_str(), static_cast<long long>(members),
              static_cast<long long>(steps), static_cast<long long>(kAloneSteps));
  std::printf("%-16s%10s%12s%10s%14s%10s\n", "method", "alone", "one core", "share", "all cores",
              "share");
  bool met = true;
  for (const char* method : {"leapfrog", "rkn4", "wisdom_holman"}) {
    Case alone(file, facts, method, kAloneSteps, 1, 1);
    Case one(file, facts, method, steps, members, 1),
        all(file, facts, method, steps, members, cores);
    for (int r = 0; r < rounds; ++r) alone.measure(), one.measure(), all.measure();
    const double share = alone.best().processor / (one.best().processor * lanes);
    const double shared = alone.best().wall / (all.best().wall * lanes * cores);
    std::printf("%-16s%10.1f%12.2f%10.2f%14.2f%10.2f  %s\n", method, 1e9 * alone.best().processor,
                1e9 * one.best().processor, share, 1e9 * all.best().wall, shared,
                shared >= kBar ? "ok" : "MISSED");
    std::fflush(stdout);
    met = met && shared >= kBar;
  }
  return met ? 0 : 1;
}
