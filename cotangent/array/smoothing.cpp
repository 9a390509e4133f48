#include "cotangent/array/smoothing.h"

#include <numbers>

#include "cotangent/array/indexing.h"
#include "cotangent/array/record.h"

namespace cotangent::array {
namespace {

constexpr double kInverseRoot2 = std::numbers::sqrt2 / 2;
constexpr double kInverseRoot2Pi = std::numbers::inv_sqrtpi * kInverseRoot2;

/// Real arguments, and a width in their type.
Array real(std::string_view op, const Array& x) {
  return convert(op, x, to_real(x.element_type()));
}
Array in_widths(std::string_view op, const Array& x, const Smoothing& s) {
  if (!s.width.is_traced() && s.width.ndim() == 0 && !(s.width.item() > 0)) {
    refuse(op, "the width is " + s.width.text(), "give a positive one");
  }
  return x / s.width;
}

/// The value of one and the derivative of the other, where that is asked for.
Array chosen(const Array& exact, const Array& smooth, const Smoothing& s) {
  if (!s.exact) return smooth;
  return straight_through(broadcast_to(exact, smooth.shape()).astype(smooth.dtype()), smooth);
}

Array step_of(const Array& u) {  // of x / width
  return 0.5 * erfc(-kInverseRoot2 * u);
}
Array relu_of(const Array& x, const Array& u, const Array& width) {
  return x * step_of(u) + width * (kInverseRoot2Pi * exp(-0.5 * u * u));
}

}  // namespace

Array smooth_step(const Array& given, const Smoothing& s) {
  const Array x = real("smooth_step", given);
  return chosen(x > 0.0, step_of(in_widths("smooth_step", x, s)), s);
}

Array smooth_sign(const Array& given, const Smoothing& s) {
  const Array x = real("smooth_sign", given);
  return chosen(sign(x), erf(kInverseRoot2 * in_widths("smooth_sign", x, s)), s);
}

Array smooth_abs(const Array& given, const Smoothing& s) {
  const Array x = real("smooth_abs", given), u = in_widths("smooth_abs", x, s);
  const Array smooth =
      x * erf(kInverseRoot2 * u) + s.width * (2 * kInverseRoot2Pi * exp(-0.5 * u * u));
  return chosen(abs(x), smooth, s);
}

Array smooth_relu(const Array& given, const Smoothing& s) {
  const Array x = real("smooth_relu", given);
  return chosen(maximum(x, 0.0), relu_of(x, in_widths("smooth_relu", x, s), s.width), s);
}

Array smooth_maximum(const Array& x, const Array& y, const Smoothing& s) {
  const Array d = real("smooth_maximum", x - y);
  const Array smooth = y + relu_of(d, in_widths("smooth_maximum", d, s), s.width);
  return chosen(maximum(x, y), smooth, s);
}

Array smooth_minimum(const Array& x, const Array& y, const Smoothing& s) {
  const Array d = real("smooth_minimum", x - y);
  const Array smooth = x - relu_of(d, in_widths("smooth_minimum", d, s), s.width);
  return chosen(minimum(x, y), smooth, s);
}

Array smooth_clip(const Array& x, const Array& low, const Array& high, const Smoothing& s) {
  const Array above = real("smooth_clip", x - low), beyond = real("smooth_clip", x - high);
  const Array smooth = low + relu_of(above, in_widths("smooth_clip", above, s), s.width) -
                       relu_of(beyond, in_widths("smooth_clip", beyond, s), s.width);
  return chosen(clip(x, low, high), smooth, s);
}

Array smooth_where(const Array& given, const Array& x, const Array& y, const Smoothing& s) {
  const Array d = real("smooth_where", given), u = in_widths("smooth_where", d, s);
  return chosen(where(d > 0.0, x, y), x * step_of(u) + y * step_of(-u), s);
}

namespace smoothing_detail {

void check_options(const SmoothedOptions& options, std::span<const Array> leaves) {
  if (!(options.width > 0)) {
    refuse("smoothed_grad", "the width is " + Array(options.width).text(), "give a positive one");
  }
  if (options.samples < 2) {
    refuse("smoothed_grad", std::to_string(options.samples) + " samples have no standard error",
           "give at least 2");
  }
  if (leaves.empty()) refuse("smoothed_grad", "there is nothing to differentiate", "give an array");
  for (const Array& x : leaves) {
    if (!is_float(x.dtype())) {
      refuse("smoothed_grad", "an argument is " + x.type_text() + ", which takes no noise",
             "capture it in place of giving it as an argument");
    }
  }
}

std::pair<Array, Array> mean_and_error(const Array& terms) {
  const auto n = static_cast<double>(terms.shape(0));
  return {mean(terms, 0), sqrt(var(terms, 0, false, 1) / n)};
}

std::vector<Array> draws(const Key& key, std::int64_t samples, std::span<const Array> leaves) {
  const Key keys = split(key, static_cast<std::int64_t>(leaves.size()));
  std::vector<Array> xi;
  for (std::size_t k = 0; k < leaves.size(); ++k) {
    std::vector<std::int64_t> shape = {samples};
    shape.insert(shape.end(), leaves[k].shape().begin(), leaves[k].shape().end());
    xi.push_back(normal(keys(static_cast<std::int64_t>(k)), Shape(shape), leaves[k].dtype()));
  }
  return xi;
}

}  // namespace smoothing_detail

}  // namespace cotangent::array
