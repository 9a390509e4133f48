// Compiled random bits, sorts and running sums give the evaluator's bits at every width; the
// evaluator runs the program as it was before any pass.
#include <gtest/gtest.h>

#include <random>

#include "cotangent/ir/builder.h"
#include "tests/runtime/check.h"

namespace cotangent {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Type;
using ir::Value;

Tensor rough(const Type& type, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor t(type);
  const double special[] = {0.0, -0.0, HUGE_VAL, -HUGE_VAL, NAN, 1e-300};
  for (std::int64_t k = 0; k < t.size(); ++k) {
    if (!is_float(type.dtype))
      t.set_integer(k, static_cast<std::int64_t>(random() % 100) - 50);
    else
      t.set_real(k, random() % 8 == 0 ? special[random() % 6]
                                      : static_cast<double>(random() % 2000) / 16 - 60);
  }
  return t;
}

TEST(CompiledDataOps, RandomBits) {
  Builder b("draws");
  const Value seed = b.param(ir::scalar(DType::kU64)), step = b.param(ir::scalar(DType::kU64));
  const Value member = b.param(ir::scalar(DType::kU32));
  std::vector<Value> results;
  for (DType t : {DType::kU32, DType::kU64}) {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{16}, Shape{5, 61}}) {
      results.push_back(b.random_bits(seed, member, step, 7, {t, shape}));
    }
  }
  path_check::check_passes_too(b.finish(results),
                               {Tensor::scalar_of<std::uint64_t>(0xfedcba9876543210),
                                Tensor::scalar_of<std::uint64_t>(0xaaaa123456789abc),
                                Tensor::scalar_of<std::uint32_t>(0xfffffff0)},
                               "bits");
}

TEST(CompiledDataOps, SortsAndSums) {
  struct Case {
    DType dtype;
    Shape shape;
    int axis;
  };
  for (const auto& [t, shape, axis] :
       {Case{DType::kF64, {9}, 0}, Case{DType::kF64, {100}, 0}, Case{DType::kF64, {6, 17}, 1},
        Case{DType::kF64, {40, 3}, 0}, Case{DType::kF64, {2, 5, 3}, 1}, Case{DType::kF32, {500}, 0},
        Case{DType::kI64, {70}, 0}, Case{DType::kU32, {31}, 0}}) {
    Builder b("scans");
    const Value x = b.param({t, shape});
    const ir::FunctionPtr f = b.finish(
        {b.sort(x, axis), b.argsort(b.reverse(x, {axis}), axis), b.cumulative_sum(x, axis)});
    path_check::check_passes_too(f, {rough({t, shape}, 3)}, Type{t, shape}.text());
  }
}

}  // namespace
}  // namespace cotangent
