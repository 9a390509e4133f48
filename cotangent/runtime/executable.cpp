#include "cotangent/runtime/executable.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#ifdef __linux__
#include <sched.h>
#endif

#include "cotangent/backend/cpu/cpu_code.h"
#include "cotangent/backend/cpu/library_call.h"
#include "cotangent/base/array_memory.h"
#include "cotangent/kernel/kind.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/kernel/reuse_results.h"
#include "cotangent/runtime/fault.h"
#include "cotangent/runtime/team.h"

namespace cotangent::runtime {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Scratch memory, kept between calls; several calls at once each get their own.
class ScratchPool {
 public:
  explicit ScratchPool(std::size_t bytes) : bytes_((bytes + 63) / 64 * 64) {}
  ~ScratchPool() {
    for (void* p : free_) std::free(p);
  }
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;

  void* take() {
    if (bytes_ == 0) return nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        void* p = free_.back();
        free_.pop_back();
        return p;
      }
    }
    void* p = allocate_array(bytes_);
    if (!p)
      throw DeviceError("no memory for " + std::to_string(bytes_) + " bytes of scratch space");
    std::memset(p, 0, bytes_);
    return p;
  }
  void give(void* p) {
    if (!p) return;
    const std::lock_guard lock(mutex_);
    free_.push_back(p);
  }

 private:
  std::size_t bytes_;
  std::mutex mutex_;
  std::vector<void*> free_;
};

class CpuExecutable final : public Executable {
 public:
  CpuExecutable(ir::FunctionPtr program, std::vector<transform::FaultSite> checks,
                std::shared_ptr<const kernel::Program> kernel,
                std::shared_ptr<const backend::cpu::CodeModule> code, std::size_t which,
                int threads, const TeamOptions& team, std::string why, CompileTimes times,
                telemetry::Telemetry* telemetry)
      : program_(std::move(program)),
        checks_(std::move(checks)),
        kernel_(std::move(kernel)),
        module_(std::move(code)),
        code_(module_->kernels()[which]),
        threads_(threads),
        team_(team),
        why_(std::move(why)),
        times_(times),
        telemetry_(telemetry && !telemetry->empty() ? telemetry : nullptr),
        span_name_("kernel " + program_->name()),
        counts_(telemetry_ && telemetry_->wants(telemetry::Detail::kKernels)),
        scratch_(code_.scratch_bytes + static_cast<std::size_t>(threads) * code_.lane_bytes) {}

  const ir::FunctionPtr& program() const override { return program_; }
  std::span<const transform::FaultSite> checks() const override { return checks_; }

  void call_raw(std::span<const void* const> arguments,
                std::span<void* const> results) const override {
    ensure(arguments.size() == program_->params().size() &&
               results.size() == program_->results().size(),
           "call_raw: number of arguments and results");
    if (!code_.run) {
      const backend::cpu::Machine& machine = module_->machine();
      throw UserError("code for '" + machine.name + "' cannot run here: " + machine.cannot_run_here,
                      "compile for this host, or for a processor it can stand for");
    }
    const double begin = telemetry_ ? telemetry_->now() : 0;
    // A result that shares memory with an argument is made aside.
    std::vector<void*> out(results.begin(), results.end());
    std::vector<std::unique_ptr<std::byte[]>> aside(results.size());
    for (std::size_t r = 0; r < out.size(); ++r) {
      const auto bytes = static_cast<std::size_t>(program_->result_type(r).bytes());
      const auto* begin = static_cast<const std::byte*>(results[r]);
      for (std::size_t a = 0; a < arguments.size() && !aside[r]; ++a) {
        const auto* from = static_cast<const std::byte*>(arguments[a]);
        const auto size = static_cast<std::size_t>(program_->param_type(a).bytes());
        if (bytes > 0 && from < begin + bytes && begin < from + size) {
          aside[r] = std::make_unique<std::byte[]>(bytes);
          out[r] = aside[r].get();
        }
      }
    }
    void* scratch = scratch_.take();
    const auto run = [&](backend::cpu::TeamContext* team, std::int64_t thread,
                         std::int64_t threads) {
      code_.run(arguments.data(), out.data(), scratch, code_.constants.get(), team, thread,
                threads);
    };
    if (threads_ > 1) {
      run_team(threads_, std::ref(run), team_);
    } else {
      run(nullptr, 0, 1);
    }
    scratch_.give(scratch);
    for (std::size_t r = 0; r < out.size(); ++r) {
      if (aside[r]) {
        std::memcpy(results[r], out[r], static_cast<std::size_t>(program_->result_type(r).bytes()));
      }
    }
    if (telemetry_) note_call(begin);
  }

  std::string kernels_text() const override { return why_ + kernel::print(*kernel_); }
  std::string code_text() const override { return module_->text(); }
  CompileTimes times() const override { return times_; }
  kernel::Cost cost() const override { return kernel::cost_of(*kernel_); }
  CallStats stats() const override {
    return {calls_.load(std::memory_order_relaxed),
            1e-9 * static_cast<double>(nanoseconds_.load(std::memory_order_relaxed))};
  }

 private:
  void note_call(double begin) const {
    const double end = telemetry_->now();
    telemetry_->span(span_name_, begin, end);
    if (!counts_) return;
    calls_.fetch_add(1, std::memory_order_relaxed);
    nanoseconds_.fetch_add(static_cast<std::int64_t>(1e9 * (end - begin)),
                           std::memory_order_relaxed);
  }

  ir::FunctionPtr program_;
  std::vector<transform::FaultSite> checks_;
  std::shared_ptr<const kernel::Program> kernel_;
  std::shared_ptr<const backend::cpu::CodeModule> module_;
  backend::cpu::KernelCode code_;
  int threads_;
  TeamOptions team_;
  std::string why_;
  CompileTimes times_;
  telemetry::Telemetry* telemetry_;  ///< null when nobody listens
  std::string span_name_;
  bool counts_;
  mutable std::atomic<std::int64_t> calls_{0}, nanoseconds_{0};
  mutable ScratchPool scratch_;
};

bool calls_library(const kernel::Block& block) {
  return std::any_of(block.instrs.begin(), block.instrs.end(), [](const kernel::Instr& i) {
    return i.code == kernel::Code::kCall || (i.body && calls_library(*i.body)) ||
           (i.other && calls_library(*i.other));
  });
}

/// Short work does not wait long for threads that the cores have no time for. The library's results
/// may depend on the number of threads.
TeamOptions team_options(const kernel::Program& program, const kernel::Work& work) {
  constexpr double kOperationsPerNs = 10, kShortNs = 1e6;
  const double ns = work.all / kOperationsPerNs;
  TeamOptions options;
  options.all = calls_library(program.body);
  if (!work.per_step && !options.all && ns < kShortNs) {
    options.patience = std::chrono::nanoseconds(static_cast<std::int64_t>(ns) + 1);
  }
  return options;
}

std::string whole_number(double x) {
  return std::to_string(static_cast<std::int64_t>(x));
}

/// Kind and launches, as comment lines.
std::string reasons(const kernel::Program& program, const kernel::Work& work, double team_from,
                    int threads, int threads_given) {
  const bool team = threads > 1;
  std::string text = "# kind: ";
  text += kernel::name_of(kernel::kind_of(work, team_from, team));
  text += team ? ", " + std::to_string(threads) + " threads: about " : ", one thread: about ";
  text += whole_number(work.all) + (work.per_step ? " operations a step" : " operations a call");
  text += ", " + whole_number(work.shared) + " of them in loops that threads can share, with " +
          whole_number(std::ceil(work.barriers)) + " barriers; ";
  text += threads_given == 1 ? "one thread was asked for" : team ? "worth a team" : "no team";
  text += ", which is worth it from " + whole_number(team_from) + " and " +
          whole_number(team_from / kernel::kBarriersIn) + " a barrier\n";
  return text + "# launches: 1 a call, " + std::to_string(kernel::size_of_block(program.body)) +
         " instructions\n";
}

/// For the log; `why` is kind and launches, as comment lines.
std::string kernel_text(const kernel::Program& program, const std::string& why, bool cached) {
  const kernel::Cost cost = kernel::cost_of(program);
  return "kernel " + program.name + ": " + whole_number(cost.flops) + " flops, " +
         whole_number(cost.bytes) + " bytes a " + (cost.per_step ? "step" : "call") +
         (cached ? ", code from the cache" : "") + "\n" + why.substr(0, why.size() - 1);
}

}  // namespace

std::string text_of(const CallStats& stats, const kernel::Cost& cost, double units) {
  std::string text = std::to_string(stats.calls) + (stats.calls == 1 ? " call" : " calls");
  if (cost.per_step && units > 0) text += ", " + whole_number(units) + " steps";
  const double rate = stats.seconds > 0 ? 1e-9 * units / stats.seconds : 0;
  char times[100];
  std::snprintf(times, sizeof times, ", %.3f ms", 1e3 * stats.seconds);
  text += times;
  if (units == 0) return text;
  std::snprintf(times, sizeof times, ", %.3g GF/s, %.3g GB/s", rate * cost.flops,
                rate * cost.bytes);
  return text + times;
}

std::vector<ir::Tensor> Executable::call(std::span<const ir::Tensor> arguments) const {
  std::vector<ir::Tensor> results = call_with_fault(arguments);
  if (checks().empty()) return results;
  if (const auto fault = read_fault(results.back().as<std::int64_t>())) {
    throw_fault(*fault, checks(), program()->name());
  }
  results.pop_back();
  return results;
}

std::vector<ir::Tensor> Executable::call_with_fault(std::span<const ir::Tensor> arguments) const {
  const ir::Function& f = *program();
  if (arguments.size() != f.params().size()) {
    throw UserError("'" + f.name() + "' takes " + std::to_string(f.params().size()) +
                    " arguments, given " + std::to_string(arguments.size()));
  }
  std::vector<const void*> in;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (arguments[k].type() != f.param_type(k) || arguments[k].extended()) {
      throw UserError("'" + f.name() + "', argument " + std::to_string(k) + " is " +
                      arguments[k].type().text() + ", should be " + f.param_type(k).text());
    }
    in.push_back(arguments[k].data());
  }
  std::vector<ir::Tensor> results;
  for (std::size_t k = 0; k < f.results().size(); ++k) results.emplace_back(f.result_type(k));
  std::vector<void*> out;
  for (ir::Tensor& t : results) out.push_back(t.data());
  call_raw(in, out);
  return results;
}

std::vector<ExecutablePtr> compile_all(std::span<const ir::FunctionPtr> functions,
                                       const CompileOptions& options) {
  const int threads = std::max(options.threads, 1);
  const auto wants = [&](telemetry::Detail detail) {
    return options.telemetry && options.telemetry->wants(detail);
  };
  kernel::LowerOptions lowering = options.lowering;
  if (options.library_products && !lowering.library_products) {
    lowering.library_products = backend::cpu::library_available;
  }
  std::vector<ir::FunctionPtr> programs;
  std::vector<std::shared_ptr<const kernel::Program>> kernels;
  std::vector<backend::cpu::KernelRequest> requests;
  std::vector<CompileTimes> times;
  std::vector<TeamOptions> teams;
  std::vector<std::string> why;
  std::vector<std::vector<transform::FaultSite>> checks;
  for (const ir::FunctionPtr& given : functions) {
    CompileTimes t;
    auto start = std::chrono::steady_clock::now();
    ir::FunctionPtr f = given;
    checks.emplace_back();
    if (f->has_checks()) {
      transform::Exposed exposed = transform::expose_faults(*f);
      f = exposed.program;
      checks.back() = std::move(exposed.sites);
    }
    transform::PassOptions pass_options = options.pass_options;
    if (!pass_options.telemetry) pass_options.telemetry = options.telemetry;
    programs.push_back(options.passes ? transform::run_passes(f, pass_options) : f);
    t.passes_s = seconds_since(start);
    start = std::chrono::steady_clock::now();
    telemetry::Span lower_span(options.telemetry, "lower " + f->name());
    kernel::Program lowered = kernel::lower(programs.back(), lowering);
    kernel::reuse_results(lowered);
    kernels.push_back(std::make_shared<const kernel::Program>(std::move(lowered)));
    lower_span.close();
    t.lower_s = seconds_since(start);
    times.push_back(t);
    const kernel::Work work = kernel::work_of(*kernels.back());
    const bool team = threads > 1 && kernel::worth_a_team(work, options.team_from);
    requests.push_back({kernels.back().get(), team});
    teams.push_back(team_options(*kernels.back(), work));
    why.push_back(reasons(*kernels.back(), work, options.team_from, team ? threads : 1, threads));
  }
  const auto start = std::chrono::steady_clock::now();
  backend::cpu::CodeOptions code;
  code.vector_bits = options.vector_bits;
  code.level = options.optimize;
  code.keep_text = options.keep_code || wants(telemetry::Detail::kCode);
  code.cpu = options.cpu;
  code.telemetry = options.telemetry;
  const auto store = open_cache(options.cache, options.telemetry);
  code.store = store.get();
  const auto module = backend::cpu::compile_kernels(requests, code);
  const double codegen = seconds_since(start);
  if (wants(telemetry::Detail::kKernels)) {
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      options.telemetry->debug(kernel_text(*kernels[k], why[k], module->from_store()));
      if (wants(telemetry::Detail::kSource)) options.telemetry->debug(kernel::print(*kernels[k]));
    }
    if (wants(telemetry::Detail::kCode)) options.telemetry->debug(module->text());
  }
  std::vector<ExecutablePtr> result;
  for (std::size_t k = 0; k < programs.size(); ++k) {
    times[k].codegen_s = codegen;
    times[k].cached = module->from_store();
    result.push_back(std::make_shared<CpuExecutable>(
        programs[k], std::move(checks[k]), kernels[k], module, k, requests[k].team ? threads : 1,
        teams[k], why[k], times[k], options.telemetry));
  }
  return result;
}

ExecutablePtr compile(const ir::FunctionPtr& f, const CompileOptions& options) {
  return compile_all(std::span(&f, 1), options)[0];
}

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  for (const backend::cpu::Machine& machine : backend::cpu::known_machines()) {
    names.push_back(machine.name);
  }
  return names;
}

std::string why_not_run(const std::string& cpu) {
  return backend::cpu::machine_named(cpu).cannot_run_here;
}

std::string host_description() {
  const int n = host_threads();
  return backend::cpu::host_cpu_text() + ", " + std::to_string(n) +
         (n == 1 ? " thread" : " threads");
}

int host_vector_bits() {
  return backend::cpu::host_vector_bits();
}

int host_threads() {
  static const int count = [] {
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }();
  return count;
}

}  // namespace cotangent::runtime
