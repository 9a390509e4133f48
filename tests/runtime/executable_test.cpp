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

/// Programs first .. first + count - 1 against the evaluator, 50 to a module.
void compare_with_evaluator(std::uint64_t first, std::uint64_t count,
                            const std::function<runtime::CompileOptions(std::uint64_t)>& options_of) {
  constexpr std::uint64_t kBatch = 50;
  int shown = 0;
  for (std::uint64_t begin = first; begin < first + count && shown < 4; begin += kBatch) {
    std::vector<ir::FunctionPtr> programs;
    for (std::uint64_t k = 0; k < kBatch; ++k) programs.push_back(program_of(begin + k));
    const runtime::CompileOptions options = options_of(begin / kBatch);
    const auto executables = runtime::compile_all(programs, options);
    for (std::uint64_t k = 0; k < kBatch; ++k) {
      const std::uint64_t seed = begin + k;
      const auto arguments = ir::random_arguments(*programs[k], seed, seed % 2 == 0);
      const auto want = ir::evaluate(*programs[k], arguments);
      const auto got = executables[k]->call(arguments);
      for (std::size_t r = 0; r < want.size(); ++r) {
        if (want[r].same_bits(got[r]) || shown >= 4) continue;
        ++shown;
        ADD_FAILURE() << "seed " << seed << ", width " << options.vector_bits << ", threads "
                      << options.threads << ", result " << r << "\n"
                      << shrunk(programs[k], seed, options);
        break;
      }
    }
  }
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Executable, RandomProgramsHaveTheEvaluatorsBits) {
  compare_with_evaluator(number_from("COTANGENT_SEED", 1), number_from("COTANGENT_PROGRAMS", 600),
                         [](std::uint64_t batch) {
                           runtime::CompileOptions options;
                           options.passes = false;
                           options.vector_bits = std::array{512, 256, 128, 64}[batch % 4];
                           options.optimize = batch % 3 == 0 ? 0 : 1;
                           return options;
                         });
}

TEST(Executable, TeamsHaveTheEvaluatorsBits) {
  compare_with_evaluator(number_from("COTANGENT_SEED", 1), number_from("COTANGENT_PROGRAMS", 200),
                         [](std::uint64_t batch) {
                           runtime::CompileOptions options;
                           options.passes = false;
                           options.threads = batch % 2 == 0 ? 2 : 16;
                           options.team_from = 0;
                           options.vector_bits = std::array{512, 128}[batch % 2];
                           options.optimize = 0;
                           return options;
                         });
}

}  // namespace
}  // namespace cotangent
