#include "cotangent/array/reduce.h"

#include <algorithm>
#include <cmath>

#include "cotangent/array/elementwise.h"
#include "cotangent/array/products.h"
#include "cotangent/array/record.h"
#include "cotangent/array/shaping.h"

namespace cotangent::array {
namespace {

Dims chosen(std::string_view op, const Axes& axes, int rank) {
  return axes.given() ? normal_axes(op, axes.list(), rank) : all_axes(rank);
}

std::int64_t count_of(const Array& x, const Dims& axes) {
  std::int64_t n = 1;
  for (std::int64_t k : axes) n *= x.shape()[static_cast<int>(k)];
  return n;
}

Array with_kept(const Array& reduced, const Array& x, const Dims& axes, bool keepdims) {
  if (!keepdims) return reduced;
  Dims shape = dims_of(x.shape());
  for (std::int64_t k : axes) shape[static_cast<std::size_t>(k)] = 1;
  return reshape(reduced, Shape(shape));
}

Array reduce(Op op, const Array& x, const Dims& axes, bool keepdims) {
  if (axes.empty()) return x;
  const Array reduced = make(op, {x.node()}, ir::AxesAttr{axes}, {}, x.is_weak());
  return with_kept(reduced, x, axes, keepdims);
}

Array total(Op op, std::string_view name, const Array& x, const Axes& axes, bool keepdims) {
  want_computing(name, std::span(&x, 1));
  const Array numbers = is_bool(x.dtype()) ? x.astype(DType::kI64) : x;
  return reduce(op, numbers, chosen(name, axes, x.ndim()), keepdims);
}

Array extremum(Op op, std::string_view name, const Array& x, const Axes& axes, bool keepdims) {
  want_computing(name, std::span(&x, 1));
  const Dims list = chosen(name, axes, x.ndim());
  if (count_of(x, list) == 0) {
    refuse(name, "of no elements: " + x.type_text(), "check the shape before reducing");
  }
  if (!is_bool(x.dtype())) return reduce(op, x, list, keepdims);
  return reduce(op, x.astype(DType::kI32), list, keepdims).astype(DType::kBool);
}

Array truth_of(const Array& x) {
  return is_bool(x.dtype()) ? x : x != scalar_like(0, x);
}

Array arg_extremum(bool least, const Array& given, std::optional<int> axis, bool keepdims) {
  const char* name = least ? "argmin" : "argmax";
  Array x = is_bool(given.dtype()) ? given.astype(DType::kI32) : given;
  if (!axis) x = reshape(x, Shape{x.size()});
  const int k = normal_axis(name, axis.value_or(0), x.ndim());
  const std::int64_t n = x.shape()[k];
  if (n == 0) {
    refuse(name, "of no elements: " + x.type_text(), "check the shape before reducing");
  }
  const Array best = least ? min(x, k, true) : max(x, k, true);
  const Array places = make(Op::kIota, {}, ir::AxesAttr{{k}}, ir::Type{DType::kI64, x.shape()});
  const Array hit = (x == best) | (x != x);
  const Array first = reduce(Op::kReduceMin, where(hit, places, Array(n)), {k}, false);
  if (!keepdims) return first;
  if (!axis) return reshape(first, Shape(Dims(static_cast<std::size_t>(given.ndim()), 1)));
  return with_kept(first, x, {k}, true);
}

}  // namespace

Array sum(const Array& x, Axes axes, bool keepdims) {
  return total(Op::kReduceSum, "sum", x, axes, keepdims);
}
Array prod(const Array& x, Axes axes, bool keepdims) {
  return total(Op::kReduceProd, "prod", x, axes, keepdims);
}
Array min(const Array& x, Axes axes, bool keepdims) {
  return extremum(Op::kReduceMin, "min", x, axes, keepdims);
}
Array max(const Array& x, Axes axes, bool keepdims) {
  return extremum(Op::kReduceMax, "max", x, axes, keepdims);
}

Array mean(const Array& x, Axes axes, bool keepdims) {
  const std::int64_t n = count_of(x, chosen("mean", axes, x.ndim()));
  const Array real = convert("mean", x, to_real(x.element_type()));
  return sum(real, std::move(axes), keepdims) / static_cast<double>(n);
}

Array var(const Array& x, Axes axes, bool keepdims, std::int64_t ddof) {
  const std::int64_t n = count_of(x, chosen("var", axes, x.ndim()));
  const Array away = x - mean(x, axes, true);
  return sum(away * away, std::move(axes), keepdims) / static_cast<double>(n - ddof);
}

Array stddev(const Array& x, Axes axes, bool keepdims, std::int64_t ddof) {
  return sqrt(var(x, std::move(axes), keepdims, ddof));
}

Array any(const Array& x, Axes axes, bool keepdims) {
  const Array numbers = truth_of(x).astype(DType::kI32);
  const Dims list = chosen("any", axes, x.ndim());
  if (count_of(x, list) == 0) return sum(numbers, std::move(axes), keepdims).astype(DType::kBool);
  return reduce(Op::kReduceMax, numbers, list, keepdims).astype(DType::kBool);
}

Array all(const Array& x, Axes axes, bool keepdims, WholeAxis) {
  const Array numbers = truth_of(x).astype(DType::kI32);
  const Dims list = chosen("all", axes, x.ndim());
  if (count_of(x, list) == 0) return prod(numbers, std::move(axes), keepdims).astype(DType::kBool);
  return reduce(Op::kReduceMin, numbers, list, keepdims).astype(DType::kBool);
}

Array argmin(const Array& x, std::optional<int> axis, bool keepdims) {
  return arg_extremum(true, x, axis, keepdims);
}
Array argmax(const Array& x, std::optional<int> axis, bool keepdims) {
  return arg_extremum(false, x, axis, keepdims);
}

Array norm(const Array& x, Axes axes, bool keepdims) {
  const Array real = convert("norm", x, to_real(x.element_type()));
  // Of a vector as system files have it, with the same bits.
  if (real.ndim() == 1 && !keepdims && chosen("norm", axes, 1).size() == 1) {
    return sqrt(dot(real, real));
  }
  return sqrt(sum(real * real, std::move(axes), keepdims));
}

Array logsumexp(const Array& x, Axes axes, bool keepdims) {
  if (count_of(x, chosen("logsumexp", axes, x.ndim())) == 0) {
    refuse("logsumexp", "of no elements: " + x.type_text(), "check the shape before reducing");
  }
  const Array real = convert("logsumexp", x, to_real(x.element_type()));
  const Array top = max(real, axes, true);
  const Array shift = where(isfinite(top), top, 0.0);
  const Array kept = log(sum(exp(real - shift), axes, true)) + shift;
  if (keepdims) return kept;
  const Dims list = chosen("logsumexp", axes, x.ndim());
  return squeeze(kept, Axes(std::vector<std::int64_t>(list.begin(), list.end())));
}

}  // namespace cotangent::array
