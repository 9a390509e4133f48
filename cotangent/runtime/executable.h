// Compiled programs. `compile` runs the passes, lowers to a kernel program, generates CPU code, and
// gives something that can be called. Immutable and shared; calls from several threads are safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cotangent/ir/function.h"
#include "cotangent/kernel/cost.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/runtime/code_cache.h"
#include "cotangent/transform/faults.h"
#include "cotangent/transform/passes.h"

namespace cotangent::runtime {

struct CompileOptions {
  int threads = 1;  ///< size of the team for kernels worth a team; never changes results
  double team_from =
      3e5;  ///< operations that threads can share, from which they may be worth it; 0: always
  int vector_bits = 0;  ///< 128, 256, 512; 0: what the host does best. Never changes results
  bool passes = true;   ///< false: the program is taken as it is (already post-pass)
  transform::PassOptions pass_options;
  kernel::LowerOptions lowering;
  /// Large matrix products go to OpenBLAS where it is installed: faster, and within round-off of
  /// the evaluator, not equal to it. False: our own, with the evaluator's bits.
  bool library_products = true;
  bool keep_code = false;  ///< keep the generated LLVM IR and assembly text for explain
  int optimize = -1;       ///< code-generation level 0..3; -1: chosen by size
  /// The processor code is made for: one of machine_names(), "" for this host. Code for one that
  /// this host is not can be looked at, and refuses to run.
  std::string cpu;
  CacheOptions cache;  ///< where compiled code is kept from one process to the next
  /// Told what compiling does, and of every call; must outlive the executable.
  telemetry::Telemetry* telemetry = nullptr;
};

/// Calls so far; counted where the telemetry wants kernels.
struct CallStats {
  std::int64_t calls = 0;
  double seconds = 0;
};

/// "3 calls, 0.12 ms, 5.1 GF/s, 2 GB/s": what `units` (calls, or steps of a run) of this cost came
/// to in these calls; no rates where `units` is 0: not known.
std::string text_of(const CallStats& stats, const kernel::Cost& cost, double units);

struct CompileTimes {
  double passes_s = 0, lower_s = 0, codegen_s = 0;
  bool cached = false;  ///< the code was there already
};

class Executable {
 public:
  virtual ~Executable() = default;

  /// The program that runs, after all passes: the evaluator on this gives the same bits. Where the
  /// program given had checks, it has one more result than that: the fault (transform/faults.h).
  virtual const ir::FunctionPtr& program() const = 0;

  /// The checks of the program given, ascending; empty: there is no fault among the results.
  virtual std::span<const transform::FaultSite> checks() const = 0;

  /// Row-major arguments and results, one pointer each, types as program()'s parameters and
  /// results, the fault included: a raw call throws for none. A result
  /// may be the same memory as an argument of the same type.
  virtual void call_raw(std::span<const void* const> arguments,
                        std::span<void* const> results) const = 0;

  /// Convenience over call_raw: checks types (UserError), allocates results. A fault is thrown as a
  /// UserError with its step, its lane and the message of its check.
  std::vector<ir::Tensor> call(std::span<const ir::Tensor> arguments) const;
  /// The same, with the fault (if there are checks) as the last result.
  std::vector<ir::Tensor> call_with_fault(std::span<const ir::Tensor> arguments) const;

  virtual std::string kernels_text()
      const = 0;  ///< the kernel program, with each kernel's kind and why
  virtual std::string code_text() const = 0;  ///< LLVM IR then assembly; "" unless keep_code
  virtual CompileTimes times() const = 0;

  virtual kernel::Cost cost() const { return {}; }
  virtual CallStats stats() const { return {}; }
};
using ExecutablePtr = std::shared_ptr<const Executable>;

ExecutablePtr compile(const ir::FunctionPtr& f, const CompileOptions& options = {});

/// Compiles several programs together (one LLVM module: cheaper than one by one).
std::vector<ExecutablePtr> compile_all(std::span<const ir::FunctionPtr> functions,
                                       const CompileOptions& options = {});

/// What CompileOptions::cpu may be: "native" first.
std::vector<std::string> machine_names();
/// Why code for `cpu` cannot run here, "" when it can. UserError for a name that is not known.
std::string why_not_run(const std::string& cpu);

/// "x86-64, AVX-512, 2 threads" for doctor and logs.
std::string host_description();
int host_vector_bits();
/// The processors that this process may use (its affinity when it was first asked).
int host_threads();

}  // namespace cotangent::runtime
