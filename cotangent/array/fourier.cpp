#include "cotangent/array/fourier.h"

#include <algorithm>

#include "cotangent/array/indexing.h"
#include "cotangent/array/record.h"

namespace cotangent::array {
namespace {

using ir::FftKind;

/// The op transforms this many axes at once.
constexpr std::size_t kAtOnce = 3;

Array real_of(std::string_view op, const Array& x) {
  return convert(op, x, {to_real(x.element_type()).dtype, false});
}

void want_elements(std::string_view op, const Array& x, const Dims& axes) {
  for (const std::int64_t k : axes) {
    if (x.shape()[static_cast<int>(k)] > 0) continue;
    refuse(op, "axis " + std::to_string(k) + " of " + x.type_text() + " has no elements",
           "give n, then zeros are put there, or check the shape before");
  }
}

/// In the order they are named.
Dims named_axes(std::string_view op, const Axes& axes, int rank) {
  if (!axes.given()) return all_axes(rank);
  normal_axes(op, axes.list(), rank);  // refuses
  Dims out;
  for (std::int64_t axis : axes.list()) out.push_back(normal_axis(op, axis, rank));
  return out;
}

/// Permutation that puts `axes` last, in their order; and the one that undoes it.
std::pair<Dims, Dims> to_the_end(const Dims& axes, int rank) {
  Dims order;
  for (std::int64_t k = 0; k < rank; ++k) {
    if (std::find(axes.begin(), axes.end(), k) == axes.end()) order.push_back(k);
  }
  order.insert(order.end(), axes.begin(), axes.end());
  Dims back(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    back[static_cast<std::size_t>(order[k])] = static_cast<std::int64_t>(k);
  }
  return {order, back};
}

Array moved(const Array& x, const Dims& order) {
  return std::is_sorted(order.begin(), order.end()) ? x : transpose(x, order);
}

/// Of these axes, at most kAtOnce, with the op's kind. One part or two in and out.
std::vector<Array> transformed(FftKind kind, const std::vector<Array>& parts, const Dims& axes,
                               std::int64_t length = 0) {
  const auto [order, back] = to_the_end(axes, parts[0].ndim());
  std::vector<NodePtr> operands;
  for (const Array& x : parts) operands.push_back(moved(x, order).node());
  const ir::FftAttr attr{kind, static_cast<std::int64_t>(axes.size()), length};
  std::vector<Array> out;
  for (const NodePtr& made : make_second_order(Op::kFft, std::move(operands), attr)) {
    out.push_back(moved(Array(made), back));
  }
  return out;
}

/// Complex to complex, any number of axes.
Complex complex_transform(std::string_view op, FftKind kind, const Complex& z, const Dims& axes) {
  want_elements(op, z.re, axes);
  std::vector<Array> parts{real_of(op, z.re), real_of(op, z.im)};
  for (std::size_t k = 0; k < axes.size(); k += kAtOnce) {
    const std::size_t end = std::min(k + kAtOnce, axes.size());
    parts = transformed(kind, parts,
                        Dims(axes.begin() + static_cast<std::ptrdiff_t>(k),
                             axes.begin() + static_cast<std::ptrdiff_t>(end)));
  }
  return {parts[0], parts[1]};
}

/// The last kAtOnce of the axes and the rest.
std::pair<Dims, Dims> last_and_rest(std::string_view op, const Dims& axes, const Array& x) {
  if (axes.empty()) refuse(op, "of no axis of " + x.type_text(), "name one axis at least");
  const std::size_t at = axes.size() - std::min(axes.size(), kAtOnce);
  const auto middle = axes.begin() + static_cast<std::ptrdiff_t>(at);
  return {Dims(middle, axes.end()), Dims(axes.begin(), middle)};
}

Complex real_forward(std::string_view op, const Array& x, const Dims& axes) {
  const auto [last, rest] = last_and_rest(op, axes, x);
  want_elements(op, x, last);
  const std::vector<Array> made = transformed(FftKind::kRealForward, {real_of(op, x)}, last);
  return complex_transform(op, FftKind::kForward, {made[0], made[1]}, rest);
}

Array real_inverse(std::string_view op, const Complex& z, std::optional<std::int64_t> n,
                   const Dims& axes) {
  const auto [last, rest] = last_and_rest(op, axes, z.re);
  const Complex half = complex_transform(op, FftKind::kInverse, z, rest);
  const std::int64_t given = z.re.shape()[static_cast<int>(last.back())];
  if (!n && given < 2) {
    refuse(op,
           std::to_string(given) + (given == 1 ? " coefficient gives" : " coefficients give") +
               " no elements: the axis has 2 (m - 1) of them for m coefficients",
           "give n, the number of elements of the result");
  }
  return transformed(FftKind::kRealInverse, {half.re, half.im}, last,
                     n.value_or(2 * (given - 1)))[0];
}

/// The first n elements of the axis, zeros behind them where it has fewer.
Array fitted(std::string_view op, const Array& x, std::int64_t n, int axis) {
  if (n < 1) refuse(op, "length " + std::to_string(n), "take 1 or more elements");
  const std::int64_t has = x.shape()[axis];
  if (n == has) return x;
  if (n > has) {
    std::vector<std::int64_t> low(static_cast<std::size_t>(x.ndim()), 0), high = low;
    high[static_cast<std::size_t>(axis)] = n - has;
    return pad(x, low, high);
  }
  std::vector<Index> indices(static_cast<std::size_t>(x.ndim()), all);
  indices[static_cast<std::size_t>(axis)] = slice(0, n);
  return get_index(x, indices);
}

Complex fitted(std::string_view op, const Complex& z, std::int64_t n, int axis) {
  return Complex(fitted(op, z.re, n, axis), fitted(op, z.im, n, axis));
}

Complex one_axis(std::string_view op, FftKind kind, const Complex& z, std::optional<std::int64_t> n,
                 int axis) {
  const int k = normal_axis(op, axis, z.re.ndim());
  return complex_transform(op, kind, n ? fitted(op, z, *n, k) : z, {k});
}

Array shifted(std::string_view op, Array x, const Axes& axes, bool back) {
  for (std::int64_t k : named_axes(op, axes, x.ndim())) {
    const int axis = static_cast<int>(k);
    const std::int64_t half = x.shape()[axis] / 2;
    x = roll(x, back ? -half : half, axis);
  }
  return x;
}

}  // namespace

Complex fft(const Complex& z, std::optional<std::int64_t> n, int axis) {
  return one_axis("fft", FftKind::kForward, z, n, axis);
}
Complex ifft(const Complex& z, std::optional<std::int64_t> n, int axis) {
  return one_axis("ifft", FftKind::kInverse, z, n, axis);
}

Complex rfft(const Array& x, std::optional<std::int64_t> n, int axis) {
  const int k = normal_axis("rfft", axis, x.ndim());
  return real_forward("rfft", n ? fitted("rfft", x, *n, k) : x, {k});
}

Array irfft(const Complex& z, std::optional<std::int64_t> n, int axis) {
  const int k = normal_axis("irfft", axis, z.re.ndim());
  // Only so many coefficients enter.
  return real_inverse("irfft", n ? fitted("irfft", z, *n / 2 + 1, k) : z, n, {k});
}

Complex fftn(const Complex& z, Axes axes) {
  return complex_transform("fftn", FftKind::kForward, z, named_axes("fftn", axes, z.re.ndim()));
}
Complex ifftn(const Complex& z, Axes axes) {
  return complex_transform("ifftn", FftKind::kInverse, z, named_axes("ifftn", axes, z.re.ndim()));
}
Complex rfftn(const Array& x, Axes axes) {
  return real_forward("rfftn", x, named_axes("rfftn", axes, x.ndim()));
}
Array irfftn(const Complex& z, std::optional<std::int64_t> n, Axes axes) {
  const Dims list = named_axes("irfftn", axes, z.re.ndim());
  if (list.empty()) return real_inverse("irfftn", z, n, list);  // refuses
  const int last = static_cast<int>(list.back());
  return real_inverse("irfftn", n ? fitted("irfftn", z, *n / 2 + 1, last) : z, n, list);
}
Complex fft2(const Complex& z, Axes axes) {
  return fftn(z, std::move(axes));
}
Complex ifft2(const Complex& z, Axes axes) {
  return ifftn(z, std::move(axes));
}
Complex rfft2(const Array& x, Axes axes) {
  return rfftn(x, std::move(axes));
}
Array irfft2(const Complex& z, std::optional<std::int64_t> n, Axes axes) {
  return irfftn(z, n, std::move(axes));
}

Array fftfreq(std::int64_t n, double spacing) {
  if (n < 1) {
    refuse("fftfreq", "of " + std::to_string(n) + " elements", "give a number above 0");
  }
  const Array k = whole_range(0, n);
  const Array cycles = where(k < (n + 1) / 2, k, k - n).astype(DType::kF64);
  return cycles / (static_cast<double>(n) * spacing);
}
Array rfftfreq(std::int64_t n, double spacing) {
  if (n < 1) {
    refuse("rfftfreq", "of " + std::to_string(n) + " elements", "give a number above 0");
  }
  return whole_range(0, n / 2 + 1).astype(DType::kF64) / (static_cast<double>(n) * spacing);
}

Array fftshift(const Array& x, Axes axes) {
  return shifted("fftshift", x, axes, false);
}
Array ifftshift(const Array& x, Axes axes) {
  return shifted("ifftshift", x, axes, true);
}

}  // namespace cotangent::array
