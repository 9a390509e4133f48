// The square of a root is what stands under it.
#include <cmath>

#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

/// n of x^n, n an even whole constant from 2 to 64; else 0.
static std::int64_t even_power(const Function& f, Value n) {
  while (f.op(n) == Op::kBroadcast || f.op(n) == Op::kReshape) n = f.operand(n, 0);
  if (f.op(n) != Op::kConstant || f.type(n).size() < 1) return 0;
  const Tensor& value = *f.attr_as<LiteralAttr>(n).value;
  const auto x = static_cast<double>(value.real(0));
  for (std::int64_t k = 1; k < value.size(); ++k) {
    if (value.real(k) != value.real(0)) return 0;
  }
  return x >= 2 && x <= 64 && std::fmod(x, 2) == 0 ? static_cast<std::int64_t>(x) : 0;
}

FunctionPtr squares_of_roots(const Function& f) {
  const RewriteRule rule = [&](Builder& b, Value v, std::span<const Value> x) -> Value {
    std::int64_t n = 0;
    if (f.op(v) == Op::kMul && x[0] == x[1]) n = 2;
    if (f.op(v) == Op::kPow) n = even_power(f, f.operand(v, 1));
    if (n == 0 || b.so_far().op(x[0]) != Op::kSqrt) return {};
    Value square = b.so_far().operand(x[0], 0);
    Value result;
    for (n /= 2; n > 0; n >>= 1) {
      if (n & 1) result = result.valid() ? b.mul(result, square) : square;
      if (n > 1) square = b.mul(square, square);
    }
    return result;
  };
  return rewrite(f, rule, squares_of_roots);
}

}  // namespace cotangent::transform
