// What the gradient of a run of a system file costs, in time and in memory, by policy.
//
//   build/release/bench/bench_run_gradients [part of a row's name]     times
//   build/release/bench/bench_run_gradients --memory [part of a name]  memory, each row in a child
//
// Times are wall times of one thread, the least of several, of the sum of squares of the last state
// by q, p and all parameters, without the horizon; a ratio is over the value alone, by the program
// that runs the steps. Memory is the peak of the process as the operating system counted it
// (wait4).
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/bodies.h"
#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/gradient.h"

namespace {

using namespace cotangent;
using namespace cotangent::mechanics;

double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

struct Case {
  const char* name;
  const char* file;  ///< in examples/; null: the bodies
  int order;
  const char* precision;
  const char* policy;
  std::int64_t steps;
  std::int64_t budget = kDefaultGradientBudget;
};

/// Sum of all squares.
Objective squares(const System& system) {
  ir::Builder b("squares");
  const ir::Type state{DType::kF64, system.shape};
  const ir::Value q = b.param(state), p = b.param(state);
  b.param(state);
  b.param(ir::scalar(DType::kF64));
  for (const Parameter& x : system.parameters) b.param(x.value.type());
  const ir::Value sum = b.add(b.reduce_sum(b.mul(q, q)), b.reduce_sum(b.mul(p, p)));
  return {"squares", b.finish({sum}), 0};
}

struct Made {
  formats::LoadedFile file;
  std::shared_ptr<const Gradient> gradient;
};

Made make(const Case& c) {
  Made made{c.file ? formats::load_system_file(std::string("examples/") + c.file + ".toml")
                   : bench::bodies(),
            nullptr};
  RunSettings run = made.file.run;
  run.steps = c.steps;
  run.order = c.order;
  run.precision = c.precision;
  const System& system = made.file.system;
  const Facts facts = find_facts(system, made.file.initial);
  const Plan plan = make_plan(system, facts, run, &made.file.initial);
  std::vector<std::string> wrt = {"q", made.file.initial.p ? "p" : "v"};
  for (const Parameter& x : system.parameters) wrt.push_back(x.name);
  GradientSettings settings;
  settings.policy = c.policy;
  settings.budget = c.budget;
  settings.horizon = false;  // one more run forward, by choice
  FlowOptions options;
  options.threads = 1;
  made.gradient = Gradient::compile(system, facts, plan, squares(system), wrt, settings, options);
  return made;
}

void time(const Case& c) {
  const Made made = make(c);
  double value = 1e30, both = 1e30;
  GradientControl alone;
  alone.value_only = true;
  GradientResult result;
  const double stop = now() + 3;
  for (int k = 0; k < 3 || now() < stop; ++k) {
    double start = now();
    made.gradient->run(made.file.initial, c.steps, alone);
    value = std::min(value, now() - start);
    start = now();
    result = made.gradient->run(made.file.initial, c.steps);
    both = std::min(both, now() - start);
  }
  std::printf(
      "%-22s %-11s order %d %9lld steps  value %9.3f ms  both %9.3f ms  ratio %.2f  kept %s",
      c.name, c.policy, c.order, static_cast<long long>(c.steps), value * 1e3, both * 1e3,
      both / value, bytes_text(result.kept_bytes).c_str());
  if (result.plan.policy == GradientPolicy::kReverse) {
    std::printf("  drift %.1e%s", result.drift ? result.drift->distance : result.worst_drift,
                result.drift ? " (fell back)" : "");
  }
  std::printf("\n");
  std::fflush(stdout);
}

/// The peak of a child that runs it, in bytes; or of one that runs the value only.
std::int64_t peak(const char* self, std::size_t row, std::int64_t steps, bool value) {
  const pid_t child = fork();
  if (child == 0) {
    const std::string which = std::to_string(row), count = std::to_string(steps);
    execl(self, self, "--child", which.c_str(), count.c_str(), value ? "value" : "both", nullptr);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  return status == 0 ? std::int64_t{usage.ru_maxrss} * 1024 : -1;
}

const std::vector<Case> kTimed = {
    {"kepler", "kepler", 2, "f64", "all", 100000},
    {"kepler", "kepler", 6, "f64", "all", 10000},
    {"lj13", "lennard_jones_13", 2, "f64", "all", 2000},
    {"lj13", "lennard_jones_13", 4, "f64", "all", 1000},
    {"bodies64", nullptr, 2, "f64", "all", 1000},
    {"kepler", "kepler", 2, "f64", "reverse", 1000000},
    {"kepler", "kepler", 6, "f64", "reverse", 100000},
    {"pendulums", "coupled_pendulums", 2, "f64", "reverse", 1000000},
    {"pendulums", "coupled_pendulums", 4, "f64", "reverse", 100000},
    {"lj13 lattice", "lennard_jones_13", 2, "lattice", "reverse", 10000},
    {"lj13 lattice", "lennard_jones_13", 4, "lattice", "reverse", 2000},
    {"bodies64 lattice", nullptr, 2, "lattice", "reverse", 1000},
    {"bodies64 lattice", nullptr, 4, "lattice", "reverse", 1000},
    {"kepler", "kepler", 2, "f64", "checkpoints", 1000000},
    {"bodies64", nullptr, 2, "f64", "checkpoints", 1000},
    {"bodies64 10 MB", nullptr, 2, "f64", "checkpoints", 100000, 10000000},
};

const std::vector<Case> kMeasured = {
    {"kepler", "kepler", 2, "f64", "reverse", 0},
    {"pendulums", "coupled_pendulums", 2, "f64", "reverse", 0},
    {"lj13 lattice", "lennard_jones_13", 2, "lattice", "reverse", 0},
    {"bodies64 10 MB", nullptr, 2, "f64", "checkpoints", 0, 10000000},
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "--child") {
    Case c = kMeasured[static_cast<std::size_t>(std::stoll(words[1]))];
    c.steps = std::stoll(words[2]);
    const Made made = make(c);
    GradientControl control;
    control.value_only = words[3] == "value";
    return made.gradient->run(made.file.initial, c.steps, control).status == RunStatus::kFinished
               ? 0
               : 1;
  }
  const bool memory = !words.empty() && words[0] == "--memory";
  const std::string part = words.size() > (memory ? 1u : 0u) ? words.back() : "";
  if (!memory) {
    for (const Case& c : kTimed) {
      if ((std::string(c.name) + ' ' + c.policy).find(part) != std::string::npos) time(c);
    }
    return 0;
  }
  for (std::size_t row = 0; row < kMeasured.size(); ++row) {
    const Case& c = kMeasured[row];
    if (std::string(c.name).find(part) == std::string::npos) continue;
    // What LJ13 and 64 bodies take a step is a hundred times what the others do.
    const bool large = c.file == nullptr || std::string(c.file) == "lennard_jones_13";
    for (std::int64_t steps : {1000, 10000, 100000, 1000000, 10000000}) {
      if (large && steps > 100000) break;
      const std::int64_t value = peak(argv[0], row, steps, true);
      const std::int64_t both = peak(argv[0], row, steps, false);
      std::printf("%-16s %-11s %9lld steps  value %s  both %s, %s more\n", c.name, c.policy,
                  static_cast<long long>(steps), bytes_text(value).c_str(),
                  bytes_text(both).c_str(), bytes_text(both - value).c_str());
      std::fflush(stdout);
    }
  }
}
