// Exact identity, 950 random programs: values and derivatives of printed C, by each compiler of
// this machine and at each level of optimisation, have the evaluator's bits. COTANGENT_PROGRAMS and
// COTANGENT_SEED change how many and which.
#include <gtest/gtest.h>

#include "tests/backend/c_library.h"
#include "tests/backend/printed_c.h"

namespace cotangent::testing {
namespace {

constexpr std::uint64_t kBatch = 50;

void run(const char* what, std::uint64_t otherwise,
         const std::function<ir::FunctionPtr(std::uint64_t)>& program) {
  const std::uint64_t first = number_from("COTANGENT_SEED", 1001);
  const std::uint64_t count = number_from("COTANGENT_PROGRAMS", otherwise);
  std::printf("%s: seeds %llu to %llu\n", what, static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1));
  const std::vector<std::string> compilers = c_compilers();
  const char* flags[] = {"-std=c99 -O0", "-std=c11 -O1", "-std=gnu11 -O2 -march=native",
                         "-std=c99 -O3 -march=native -fno-math-errno", "-std=c99 -O1 -mfma"};
  int shown = 0;
  for (std::uint64_t k = 0; k * kBatch < count && shown < 3; ++k) {
    PrintedBatch batch;
    batch.first = first + k * kBatch;
    batch.count = std::min(kBatch, count - k * kBatch);
    batch.compiler = compilers[k % compilers.size()];
    batch.flags = flags[k % std::size(flags)];
    batch.program = program;
    compare_printed(batch, shown);
  }
}

TEST(PrintedCSlow, ValuesOfRandomPrograms) {
  run("values", 400, random_values);
}

TEST(PrintedCSlow, DerivativesOfRandomPrograms) {
  run("derivatives", 300, random_derivatives);
}

TEST(PrintedCSlow, LanesOfRandomPrograms) {
  run("lanes", 150, random_lanes);
}

TEST(PrintedCudaSlow, HasTheBitsOnThreadsOfTheCpu) {
  const std::uint64_t first = number_from("COTANGENT_SEED", 1);
  const std::uint64_t count = number_from("COTANGENT_PROGRAMS", 100);
  int shown = 0;
  for (std::uint64_t k = 0; k < count && shown < 3; k += 20) {
    PrintedBatch batch;
    batch.on = PrintedOn::kCudaThreads;
    batch.program = k % 40 == 0 ? random_values : random_derivatives;
    batch.first = first + k, batch.count = std::min<std::uint64_t>(20, count - k);
    batch.compiler = "c++";
    batch.flags = "-std=c++20 -O0 -ffp-contract=off -pthread";
    compare_printed(batch, shown);
  }
}

TEST(PrintedCudaSlow, HasTheBitsOnADevice) {
  if (!has_cuda_device()) GTEST_SKIP() << "this machine has no GPU with nvcc";
  const std::uint64_t first = number_from("COTANGENT_SEED", 1);
  const std::uint64_t count = number_from("COTANGENT_PROGRAMS", 60);
  std::function<ir::FunctionPtr(std::uint64_t)> programs[] = {random_values, random_derivatives,
                                                              random_lanes};
  int shown = 0;
  for (std::uint64_t k = 0; k < count && shown < 3; k += 10) {
    PrintedBatch batch;
    batch.on = PrintedOn::kCudaDevice;
    batch.program = programs[k / 10 % 3];
    batch.first = first + k, batch.count = std::min<std::uint64_t>(10, count - k);
    batch.compiler = "nvcc";
    batch.flags = "-O1 -fmad=false";
    compare_printed(batch, shown);
  }
}

}  // namespace
}  // namespace cotangent::testing
