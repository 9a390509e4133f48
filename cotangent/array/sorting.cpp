#include "cotangent/array/sorting.h"

#include "cotangent/array/elementwise.h"
#include "cotangent/array/record.h"
#include "cotangent/array/shaping.h"

namespace cotangent::array {
namespace {

/// The op along an axis of x, which has one at least.
Array along(std::string_view name, Op op, const Array& given, std::optional<int> axis) {
  const Array x = axis ? given : ravel(given);
  const int k = normal_axis(name, axis.value_or(0), x.ndim());
  const bool weak = op != Op::kArgsort && x.is_weak();
  return make(op, {x.node()}, ir::AxesAttr{{k}}, {}, weak);
}

}  // namespace

Array sort(const Array& x, std::optional<int> axis) {
  if (!is_bool(x.dtype())) return along("sort", Op::kSort, x, axis);
  return along("sort", Op::kSort, x.astype(DType::kI32), axis).astype(DType::kBool);
}

Array argsort(const Array& x, std::optional<int> axis) {
  if (is_bool(x.dtype())) return along("argsort", Op::kArgsort, x.astype(DType::kI32), axis);
  // The op has -0 before 0; to numpy they are equal, and -0 + 0 is 0.
  const Array keys = is_float(x.dtype()) ? x + 0.0 : x;
  return along("argsort", Op::kArgsort, keys, axis);
}

Array cumsum(const Array& x, std::optional<int> axis) {
  return along("cumsum", Op::kCumSum, is_bool(x.dtype()) ? x.astype(DType::kI64) : x, axis);
}

Array cumulative_sum(const Array& x, std::optional<int> axis) {
  if (!axis && x.ndim() != 1) {
    refuse("cumulative_sum", "of " + x.type_text() + " along no axis", "give the axis");
  }
  return cumsum(x, axis);
}

}  // namespace cotangent::array
