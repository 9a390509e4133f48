#include "tests/runtime/differential.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/ir/shrink.h"
#include "cotangent/ir/text.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::differential {
namespace {

/// Position of the first result whose bits differ, or -1.
int first_difference(const runtime::Executable& e, std::uint64_t seed) {
  const auto arguments = ir::random_arguments(*e.program(), seed, seed % 2 == 0);
  const auto want = ir::evaluate(*e.program(), arguments);
  const auto got = e.call_with_fault(arguments);
  for (std::size_t r = 0; r < want.size(); ++r) {
    if (!want[r].same_bits(got[r])) return static_cast<int>(r);
  }
  return -1;
}

std::string shrunk(const ir::FunctionPtr& f, std::uint64_t seed, runtime::CompileOptions options) {
  options.passes = false;  // f is after the passes already
  const auto compiled = [&](const ir::Function& g) {
    return runtime::compile(std::make_shared<const ir::Function>(g), options);
  };
  const auto fails = [&](const ir::Function& g) {
    return first_difference(*compiled(g), seed) >= 0;
  };
  if (!fails(*f)) return "(the same bits when compiled alone)\n" + ir::print(*f);
  const ir::FunctionPtr small = ir::shrink(f, fails, 400);
  return ir::print(*small) + compiled(*small)->kernels_text();
}

}  // namespace

void compare(const Batch& batch, int& shown) {
  std::vector<ir::FunctionPtr> programs;
  for (std::uint64_t k = 0; k < batch.count; ++k) {
    ir::FunctionPtr f = batch.program(batch.first + k);
    // What the library computes is near the evaluator's, not equal to it.
    if (!batch.options.passes) f = transform::expand_linear_algebra(*f);
    programs.push_back(std::move(f));
  }
  const auto executables = runtime::compile_all(programs, batch.options);
  for (std::uint64_t k = 0; k < batch.count && shown < 3; ++k) {
    const std::uint64_t seed = batch.first + k;
    const int result = first_difference(*executables[k], seed);
    if (result < 0) continue;
    ++shown;
    ADD_FAILURE() << "seed " << seed << ", width " << batch.options.vector_bits << ", threads "
                  << batch.options.threads << ", result " << result << "\n"
                  << shrunk(executables[k]->program(), seed, batch.options);
  }
}

ir::FunctionPtr random_mapped(std::uint64_t seed, std::int64_t lanes) {
  ir::RandomProgramOptions options;
  options.nodes = 4 + static_cast<int>(seed % 14);
  options.depth = static_cast<int>(seed % 3);
  options.fourier = true;
  const ir::FunctionPtr f = ir::random_program(seed, options);
  transform::Flags mapped;
  for (std::size_t p = 0; p < f->params().size(); ++p) mapped.push_back((seed >> p) % 4 != 0);
  return transform::expand_fft(*transform::vmap(f, lanes, mapped));
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace cotangent::differential
