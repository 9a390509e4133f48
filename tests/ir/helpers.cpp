#include "tests/ir/helpers.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/splitmix.h"
#include "cotangent/ir/text.h"
#include "cotangent/ir/verifier.h"

namespace cotangent::ir::testing {

Tensor run(Op op, const std::vector<Tensor>& operands, Attr attr, Type hint) {
  Builder with_params("with_params"), with_constants("with_constants");
  std::vector<Value> params, constants;
  for (const Tensor& t : operands) {
    params.push_back(with_params.param(t.type()));
    constants.push_back(with_constants.constant(t));
  }
  const FunctionPtr f = with_params.finish({with_params.make(op, params, attr, hint)});
  const FunctionPtr g = with_constants.finish({with_constants.make(op, constants, attr, hint)});
  verify(*f);
  verify(*g);
  const Tensor result = evaluate(*f, operands)[0];
  const Tensor folded = evaluate(*g, {})[0];
  EXPECT_TRUE(result.same_bits(folded)) << "folding differs\n" << print(*f) << print(*g);
  return result;
}

template <class T>
std::vector<T> rough_numbers(std::int64_t n, std::uint64_t seed) {
  SplitMix random(seed);
  std::vector<T> x;
  for (std::int64_t k = 0; k < n; ++k) {
    if constexpr (std::is_floating_point_v<T>) {
      const double scale = std::ldexp(1.0, static_cast<int>(random.between(-12, 12)));
      x.push_back(static_cast<T>((random.unit() - 0.5) * scale));
    } else {
      x.push_back(static_cast<T>(random.next()));
    }
  }
  return x;
}
template std::vector<double> rough_numbers(std::int64_t, std::uint64_t);
template std::vector<float> rough_numbers(std::int64_t, std::uint64_t);
template std::vector<std::int32_t> rough_numbers(std::int64_t, std::uint64_t);
template std::vector<std::int64_t> rough_numbers(std::int64_t, std::uint64_t);
template std::vector<std::uint32_t> rough_numbers(std::int64_t, std::uint64_t);
template std::vector<std::uint64_t> rough_numbers(std::int64_t, std::uint64_t);

}  // namespace cotangent::ir::testing
