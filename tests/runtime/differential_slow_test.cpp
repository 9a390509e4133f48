// Exact identity, 10,000 random programs: values and derivatives of compiled code have the bits of
// the reference evaluator on the same post-pass program. COTANGENT_PROGRAMS and COTANGENT_SEED
// change how many and which; the seed and the shrunk program of a failure are printed.
#include <gtest/gtest.h>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"
#include "tests/runtime/differential.h"

namespace cotangent {
namespace {

using differential::Batch;
using differential::number_from;

constexpr std::uint64_t kBatch = 50;

void run(const char* what, std::uint64_t otherwise,
         const std::function<ir::FunctionPtr(std::uint64_t)>& program, bool in_memory = false) {
  const std::uint64_t first = number_from("COTANGENT_SEED", 1);
  const std::uint64_t count = number_from("COTANGENT_PROGRAMS", otherwise);
  std::printf("%s: seeds %llu to %llu\n", what, static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1));
  int shown = 0;
  for (std::uint64_t k = 0; k * kBatch < count && shown < 3; ++k) {
    Batch batch;
    batch.first = first + k * kBatch;
    batch.count = std::min(kBatch, count - k * kBatch);
    batch.options.vector_bits = std::array{512, 256, 128, 64}[k % 4];
    batch.options.threads = std::array{1, 1, 2, 1, 16}[k % 5];
    batch.options.team_from = 0;
    // Most of the time is LLVM's, and its higher levels take three times as long: they meet every
    // width and team, but few batches.
    batch.options.optimize = k % 23 == 0 ? 2 : k % 23 == 11 ? 1 : 0;
    if (in_memory && k % 3 != 0) batch.options.lowering.most_in_registers = 0;
    batch.program = program;
    differential::compare(batch, shown);
  }
}

TEST(DifferentialSlow, ValuesOfRandomPrograms) {
  run("values", 4000, [](std::uint64_t seed) {
    ir::RandomProgramOptions options;
    options.nodes = 4 + static_cast<int>(seed % 24);
    options.depth = static_cast<int>(seed % 4);
    options.fourier = true;
    return transform::expand_fft(*ir::random_program(seed, options));
  });
}

TEST(DifferentialSlow, DerivativesOfRandomPrograms) {
  run("derivatives", 4000, [](std::uint64_t seed) {
    ir::RandomProgramOptions options;
    options.differentiable = true;
    options.nodes = 4 + static_cast<int>(seed % 12);
    options.depth = static_cast<int>(seed % 3);
    const ir::FunctionPtr f = ir::random_program(seed, options);
    transform::Positions wrt;
    for (std::size_t k = 0; k < f->params().size(); ++k) {
      if (is_float(f->param_type(k).dtype)) wrt.push_back(k);
    }
    return wrt.empty() ? f : transform::vjp(*f, wrt);
  });
}

/// Lanes read and write strided rows here: their accesses are taken together as transpositions.
TEST(DifferentialSlow, MappedRandomPrograms) {
  run(
      "mapped", 2000,
      [](std::uint64_t seed) {
        return differential::random_mapped(seed, 4 + static_cast<std::int64_t>(seed % 29));
      },
      true);
}

}  // namespace
}  // namespace cotangent
