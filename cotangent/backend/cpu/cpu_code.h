// Kernel programs -> machine code, through LLVM. No LLVM type shows here.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "cotangent/backend/cpu/machine.h"
#include "cotangent/base/private_store.h"
#include "cotangent/kernel/kernel_program.h"
#include "cotangent/telemetry/telemetry.h"

namespace cotangent::backend::cpu {

struct CodeOptions {
  int vector_bits = 0;     ///< 128, 256, 512; 0: the machine's best. Never changes results
  int level = -1;          ///< code-generation level 0..3; -1: by size
  bool keep_text = false;  ///< keep LLVM IR and assembly
  std::string cpu;         ///< machine.h; "": this host
  /// Where object code is kept from one process to the next; null: nowhere. This and the next are
  /// used while compiling only.
  const PrivateStore* store = nullptr;
  telemetry::Telemetry* telemetry = nullptr;
  bool own_loader = true;  ///< false: LLVM's, which else takes what ours refuses
};

/// What a team of threads shares; the code calls `barrier` between the parts of a team kernel.
struct TeamContext {
  void (*barrier)(TeamContext*) = nullptr;
  /// Blocks taken of the rows that the team shares as it goes; the barrier makes it 0 again.
  alignas(64) std::atomic<std::int64_t> taken{0};
};

/// inputs, outputs: one pointer each, row-major. scratch: `scratch_bytes` and `lane_bytes` for each
/// thread, 64-byte aligned.
/// A solo kernel is called with thread 0 of 1.
using KernelFunction = void (*)(const void* const* inputs, void* const* outputs, void* scratch,
                                const void* constants, TeamContext* team, std::int64_t thread,
                                std::int64_t threads);

struct KernelCode {
  KernelFunction run = nullptr;  ///< null in code for a processor this host cannot run
  std::size_t scratch_bytes = 0, lane_bytes = 0;
  std::shared_ptr<const std::byte> constants;
};

/// Owns the code of several kernels.
class CodeModule {
 public:
  virtual ~CodeModule() = default;
  virtual std::span<const KernelCode> kernels() const = 0;
  virtual const std::string& text() const = 0;  ///< LLVM IR, then assembly; "" unless kept
  virtual const Machine& machine() const = 0;
  virtual bool from_store() const = 0;  ///< nothing was generated
  /// The object file; empty unless text was kept.
  virtual std::span<const std::byte> object() const = 0;
};

struct KernelRequest {
  const kernel::Program* program = nullptr;
  bool team = false;  ///< parallel loops are shared out between threads
};

/// One LLVM module for all. Throws DeviceError when the host's code generator refuses.
std::shared_ptr<const CodeModule> compile_kernels(std::span<const KernelRequest> kernels,
                                                  const CodeOptions& options);

/// Address of what generated code may call by name: the C library's elementary functions
/// ("cotangent.exp.f64"), or null. Such names, not addresses, are in object code that is kept.
const void* address_of_function(const std::string& name);

int host_vector_bits();
std::string host_cpu_text();  ///< "x86-64, AVX-512"

}  // namespace cotangent::backend::cpu
