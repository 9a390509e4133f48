// Random bits, and the ops along one axis: sort, argsort, cumulative_sum.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "cotangent/ir/evaluate_op.h"
#include "cotangent/ir/philox.h"

namespace cotangent::ir {
namespace {

/// The order of sort: -0 before +0; any NaN after every number, before no other.
template <class T>
bool sorts_before(T x, T y) {
  if constexpr (!std::is_integral_v<T>) {
    if (std::isnan(x)) return false;
    if (std::isnan(y)) return true;
    if (x == 0 && y == 0) return std::signbit(x) && !std::signbit(y);
  }
  return x < y;
}

template <class T>
void scan(Op op, const Tensor& in, int axis, Tensor& out) {
  const Shape& shape = in.type().shape;
  const std::int64_t n = shape[axis];
  std::int64_t outer = 1, inner = 1;
  for (int k = 0; k < axis; ++k) outer *= shape[k];
  for (int k = axis + 1; k < shape.rank(); ++k) inner *= shape[k];
  for (std::int64_t line = 0; line < outer * inner; ++line) {
    const auto place = [&](std::int64_t k) {
      return static_cast<std::size_t>((line / inner * n + k) * inner + line % inner);
    };
    const auto x = [&](std::int64_t k) { return in.as<T>()[place(k)]; };
    if (op == Op::kCumSum) {
      T total{};
      for (std::int64_t k = 0; k < n; ++k) {
        using Unsigned = std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                            std::type_identity<T>>::type;
        total = k == 0 ? x(0)
                       : static_cast<T>(static_cast<Unsigned>(total) + static_cast<Unsigned>(x(k)));
        out.as<T>()[place(k)] = total;
      }
      continue;
    }
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t i, std::int64_t j) { return sorts_before(x(i), x(j)); });
    for (std::int64_t k = 0; k < n; ++k) {
      const std::int64_t from = order[static_cast<std::size_t>(k)];
      if (op == Op::kSort)
        out.as<T>()[place(k)] = x(from);
      else
        out.as<std::int64_t>()[place(k)] = from;
    }
  }
}

}  // namespace

void evaluate_scan(Op op, const Tensor& in, std::int64_t axis, Tensor& out) {
  const int k = static_cast<int>(axis);
  if (in.extended()) return scan<long double>(op, in, k, out);
  switch (in.type().dtype) {
    case DType::kF64: return scan<double>(op, in, k, out);
    case DType::kF32: return scan<float>(op, in, k, out);
    case DType::kI32: return scan<std::int32_t>(op, in, k, out);
    case DType::kI64: return scan<std::int64_t>(op, in, k, out);
    case DType::kU32: return scan<std::uint32_t>(op, in, k, out);
    case DType::kU64: return scan<std::uint64_t>(op, in, k, out);
    default: throw InternalError("no order of this element type");
  }
}

void evaluate_random_bits(Operands in, std::int64_t site, Tensor& out) {
  const auto number = [&](std::size_t k) { return static_cast<std::uint64_t>(in[k].integer(0)); };
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const std::uint64_t seed = number(0), member = number(1), step = number(2);
  const bool narrow = out.type().dtype == DType::kU32;
  for (std::int64_t k = 0; k < out.size(); ++k) {
    const auto block = static_cast<std::uint32_t>(k / (narrow ? 4 : 2));
    const auto words = philox4x32({block, low(step), low(member),
                                   low(static_cast<std::uint64_t>(site)) | low(step >> 32) << 16},
                                  {low(seed), low(seed >> 32)});
    const auto at = static_cast<std::size_t>(k);
    if (narrow) {
      out.as<std::uint32_t>()[at] = words[at % 4];
    } else {
      const std::size_t first = 2 * (at % 2);
      out.as<std::uint64_t>()[at] = words[first] | std::uint64_t{words[first + 1]} << 32;
    }
  }
}

}  // namespace cotangent::ir
