// Printed C, and printed CUDA on threads of the CPU or on a GPU, against the reference evaluator on
// the same post-pass program.
#pragma once

#include <functional>

#include "cotangent/ir/function.h"
#include "cotangent/kernel/lower.h"

namespace cotangent::testing {

/// Where a printed program runs. As CUDA C++ it runs on threads of the CPU (gpu_on_cpu.h), by a C++
/// compiler, or on a GPU, by nvcc.
enum class PrintedOn : std::uint8_t { kC, kCudaThreads, kCudaDevice };

/// Whether this machine has a GPU of NVIDIA's and nvcc.
bool has_cuda_device();

struct PrintedBatch {
  std::uint64_t first = 1;  ///< seeds first .. first + count - 1
  std::uint64_t count = 50;
  std::string compiler = "cc";
  std::string flags = "-std=c99 -O1";
  PrintedOn on = PrintedOn::kC;
  kernel::LowerOptions lower;
  std::function<ir::FunctionPtr(std::uint64_t seed)> program;  ///< before the passes
};

/// Prints the programs of a batch into one file, compiles it, runs each on random arguments
/// (special values for even seeds), and wants the evaluator's bits. Failing programs are shrunk and
/// printed with their seed; at most `shown` reaches 3.
void compare_printed(const PrintedBatch& batch, int& shown);

/// The program with its faults exposed, as compile() has it.
ir::FunctionPtr with_faults(const ir::FunctionPtr& f);

/// Random programs of sizes and nestings that depend on the seed; the vjp of differentiable ones.
ir::FunctionPtr random_values(std::uint64_t seed);
ir::FunctionPtr random_derivatives(std::uint64_t seed);
/// Seven instances of a small random program, one an iteration (vmap).
ir::FunctionPtr random_lanes(std::uint64_t seed);

/// An environment variable as a number: COTANGENT_SEED, COTANGENT_PROGRAMS.
std::uint64_t number_from(const char* name, std::uint64_t otherwise);

}  // namespace cotangent::testing
