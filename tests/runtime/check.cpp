#include "tests/runtime/check.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/text.h"
#include "cotangent/kernel/interpreter.h"
#include "cotangent/kernel/lower.h"

namespace cotangent::path_check {
namespace {

/// Memory for the results, full of rubbish: what a kernel leaves unwritten shows.
std::vector<ir::Tensor> rubbish_for(const ir::Function& f) {
  std::vector<ir::Tensor> results;
  for (std::size_t k = 0; k < f.results().size(); ++k) {
    results.emplace_back(f.result_type(k));
    std::fill_n(results.back().data(), results.back().bytes(), std::byte{0x5a});
  }
  return results;
}

}  // namespace

std::vector<ir::Tensor> arguments_for(const ir::Function& f) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(-2, 2);
  std::vector<ir::Tensor> arguments;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    ir::Tensor t(f.param_type(k));
    for (std::int64_t e = 0; e < t.size(); ++e) {
      if (is_float(t.type().dtype))
        t.set_real(e, uniform(random));
      else
        t.set_integer(e, static_cast<std::int64_t>(random() % 11));
    }
    arguments.push_back(std::move(t));
  }
  return arguments;
}

void expect_same(const std::vector<ir::Tensor>& want, const std::vector<ir::Tensor>& got,
                 const std::string& how) {
  ASSERT_EQ(want.size(), got.size());
  for (std::size_t r = 0; r < want.size(); ++r) {
    EXPECT_TRUE(want[r].same_bits(got[r])) << how << ", result " << r;
  }
}

std::vector<ir::Tensor> run(const runtime::Executable& e,
                            const std::vector<ir::Tensor>& arguments) {
  std::vector<const void*> in;
  for (const ir::Tensor& t : arguments) in.push_back(t.data());
  std::vector<ir::Tensor> results = rubbish_for(*e.program());
  std::vector<void*> out;
  for (ir::Tensor& t : results) out.push_back(t.data());
  e.call_raw(in, out);
  return results;
}

void check_passes_too(const ir::FunctionPtr& f, const std::vector<ir::Tensor>& arguments,
                      const std::string& what) {
  const auto want = ir::evaluate(*f, arguments);
  for (int bits : {128, 512}) {
    if (bits > runtime::host_vector_bits()) continue;
    runtime::CompileOptions options;
    options.vector_bits = bits;
    expect_same(want, runtime::compile(f, options)->call(arguments),
                what + ", " + std::to_string(bits) + " bits");
  }
}

void check(const ir::FunctionPtr& f, std::vector<ir::Tensor> arguments,
           const kernel::LowerOptions& lowering) {
  if (arguments.empty()) arguments = arguments_for(*f);
  const auto want = ir::evaluate(*f, arguments);
  const kernel::Program program = kernel::lower(f, lowering);
  std::vector<const void*> in;
  for (const ir::Tensor& t : arguments) in.push_back(t.data());
  std::vector<ir::Tensor> results = rubbish_for(*f);
  std::vector<void*> out;
  for (ir::Tensor& t : results) out.push_back(t.data());
  kernel::interpret(program, in, out);
  expect_same(want, results, "interpreter");
  for (int bits : {128, 256, 512}) {
    for (int threads : {1, 3}) {
      runtime::CompileOptions options;
      options.passes = false;
      options.lowering = lowering;
      options.vector_bits = bits;
      options.threads = threads;
      options.team_from = 0;
      options.optimize = bits == 512 ? 2 : 0;
      expect_same(want, run(*runtime::compile(f, options), arguments),
                  std::to_string(bits) + " bits, " + std::to_string(threads) + " threads");
    }
  }
  if (testing::Test::HasFailure()) std::cout << ir::print(*f, 8) << kernel::print(program);
}

}  // namespace cotangent::path_check
