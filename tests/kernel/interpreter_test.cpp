// Exact identity: the kernel program, executed literally, gives the bits of the reference
// evaluator.
#include "cotangent/kernel/interpreter.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/ir/shrink.h"
#include "cotangent/ir/text.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/kernel/reuse_results.h"
#include "cotangent/transform/faults.h"
#include "cotangent/transform/passes.h"

namespace cotangent {
namespace {

std::vector<ir::Tensor> run_kernel(const ir::Function& f, std::span<const ir::Tensor> arguments,
                                   bool reused = false) {
  kernel::Program program = kernel::lower(std::make_shared<const ir::Function>(f));
  if (reused) kernel::reuse_results(program);
  std::vector<const void*> in;
  for (const ir::Tensor& t : arguments) in.push_back(t.data());
  std::vector<ir::Tensor> results;
  for (std::size_t k = 0; k < f.results().size(); ++k) results.emplace_back(f.result_type(k));
  std::vector<void*> out;
  for (ir::Tensor& t : results) out.push_back(t.data());
  kernel::interpret(program, in, out);
  return results;
}

/// "" when all results have the same bits.
std::string difference(const ir::Function& f, std::uint64_t seed, bool special) {
  const auto arguments = ir::random_arguments(f, seed, special);
  const auto want = ir::evaluate(f, arguments);
  std::vector<ir::Tensor> got;
  try {
    got = run_kernel(f, arguments, seed % 2 == 1);
  } catch (const std::exception& error) {
    return std::string("throws: ") + error.what();
  }
  for (std::size_t k = 0; k < want.size(); ++k) {
    if (!want[k].same_bits(got[k])) return "result " + std::to_string(k) + " differs";
  }
  return "";
}

std::string report(const ir::FunctionPtr& f, std::uint64_t seed) {
  const auto fails = [&](const ir::Function& g) { return !difference(g, seed, false).empty(); };
  const ir::FunctionPtr small = ir::shrink(f, fails, 1000);
  std::string text = "seed " + std::to_string(seed) + ": " + difference(*f, seed, false) + "\n" +
                     ir::print(*small);
  try {
    text += kernel::print(kernel::lower(small));
  } catch (const std::exception&) {
  }
  return text;
}

TEST(KernelInterpreter, RandomProgramsHaveTheEvaluatorsBits) {
  const char* from = std::getenv("COTANGENT_SEED");
  const char* many = std::getenv("COTANGENT_PROGRAMS");
  const std::uint64_t first = from ? std::strtoull(from, nullptr, 10) : 1;
  const std::uint64_t count = many ? std::strtoull(many, nullptr, 10) : 500;
  int shown = 0;
  for (std::uint64_t seed = first; seed < first + count && shown < 3; ++seed) {
    ir::RandomProgramOptions options;
    options.nodes = 4 + static_cast<int>(seed % 24);
    options.depth = static_cast<int>(seed % 4);
    options.fourier = true;
    ir::FunctionPtr f = ir::random_program(seed, options);
    if (f->has_checks()) f = transform::expose_faults(*f).program;
    f = transform::expand_fft(*f);
    const bool special = seed % 2 == 0;
    const std::string text = difference(*f, seed, special);
    if (text.empty()) continue;
    ++shown;
    ADD_FAILURE() << "seed " << seed << ": " << text << "\n" << report(f, seed);
  }
}

}  // namespace
}  // namespace cotangent
