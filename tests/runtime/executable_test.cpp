// Exact identity: compiled code gives the bits of the reference evaluator, at every vector width
// and number of threads.
#include <gtest/gtest.h>

#include <cstdlib>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/ir/shrink.h"
#include "cotangent/ir/text.h"
#include "cotangent/runtime/executable.h"

namespace cotangent {
namespace {

ir::FunctionPtr program_of(std::uint64_t seed) {
  ir::RandomProgramOptions options;
  options.nodes = 4 + static_cast<int>(seed % 24);
  options.depth = static_cast<int>(seed % 4);
  return ir::random_program(seed, options);
}

bool differs(const ir::Function& f, std::uint64_t seed, const runtime::CompileOptions& options) {
  const auto arguments = ir::random_arguments(f, seed, seed % 2 == 0);
  const auto want = ir::evaluate(f, arguments);
  const auto got =
      runtime::compile(std::make_shared<const ir::Function>(f), options)->call(arguments);
  for (std::size_t r = 0; r < want.size(); ++r) {
    if (!want[r].same_bits(got[r])) return true;
  }
  return false;
}

/// The smallest program that still differs, with its kernel.
std::string shrunk(const ir::FunctionPtr& f, std::uint64_t seed,
                   const runtime::CompileOptions& options) {
  const auto fails = [&](const ir::Function& g) { return differs(g, seed, options); };
  if (!fails(*f)) return "(does not differ when compiled alone)\n" + ir::print(*f);
  const ir::FunctionPtr small = ir::shrink(f, fails, 400);
  return ir::print(*small) + runtime::compile(small, options)->kernels_text();
}

TEST(Executable, RandomProgramsHaveTheEvaluatorsBits) {
  const char* from = std::getenv("COTANGENT_SEED");
  const char* many = std::getenv("COTANGENT_PROGRAMS");
  const std::uint64_t first = from ? std::strtoull(from, nullptr, 10) : 1;
  const std::uint64_t count = many ? std::strtoull(many, nullptr, 10) : 200;
  constexpr std::uint64_t kBatch = 50;
  int shown = 0;
  for (std::uint64_t begin = first; begin < first + count && shown < 4; begin += kBatch) {
    std::vector<ir::FunctionPtr> programs;
    for (std::uint64_t k = 0; k < kBatch; ++k) programs.push_back(program_of(begin + k));
    runtime::CompileOptions options;
    options.passes = false;
    options.vector_bits = std::array{512, 256, 128, 64}[(begin / kBatch) % 4];
    options.optimize = (begin / kBatch) % 3 == 0 ? 0 : 1;
    const auto executables = runtime::compile_all(programs, options);
    for (std::uint64_t k = 0; k < kBatch; ++k) {
      const std::uint64_t seed = begin + k;
      const auto arguments = ir::random_arguments(*programs[k], seed, seed % 2 == 0);
      const auto want = ir::evaluate(*programs[k], arguments);
      const auto got = executables[k]->call(arguments);
      for (std::size_t r = 0; r < want.size(); ++r) {
        if (want[r].same_bits(got[r]) || shown >= 4) continue;
        ++shown;
        ADD_FAILURE() << "seed " << seed << ", width " << options.vector_bits << ", result " << r
                      << "\n" << shrunk(programs[k], seed, options);
        break;
      }
    }
  }
}

}  // namespace
}  // namespace cotangent
