#include "cotangent/ir/fft.h"

#include <cmath>
#include <numbers>

namespace cotangent::ir {
namespace {

using Complex = std::complex<long double>;
using Line = ComplexLine;

void want(bool condition, const std::string& message) {
  if (!condition) throw UserError("[fft] " + message);
}

/// Transforms every line along `axis`, forward or back (divided by the length).
void transform_axis(Line& x, const Shape& shape, int axis, bool inverse) {
  const std::int64_t n = shape[axis];
  std::int64_t stride = 1;
  for (int k = axis + 1; k < shape.rank(); ++k) stride *= shape[k];
  Line line(static_cast<std::size_t>(n));
  for (std::int64_t start = 0; start < shape.size(); ++start) {
    if (start / stride % n != 0) continue;
    const auto at = [&](std::int64_t j) { return static_cast<std::size_t>(start + j * stride); };
    for (std::int64_t j = 0; j < n; ++j) line[static_cast<std::size_t>(j)] = x[at(j)];
    const Line y = fourier_sums(line, inverse ? 1 : -1);
    for (std::int64_t j = 0; j < n; ++j) {
      x[at(j)] = y[static_cast<std::size_t>(j)] / static_cast<long double>(inverse ? n : 1);
    }
  }
}

Shape with_last(const Shape& shape, std::int64_t n) {
  Dims axes(shape.begin(), shape.end());
  axes.back() = n;
  return Shape(axes);
}

/// Another length of the last axis; element j of a line comes from `from(j)`.
template <class From>
Line resized(const Line& x, std::int64_t from_length, std::int64_t length, From from) {
  Line y;
  const std::int64_t lines = static_cast<std::int64_t>(x.size()) / from_length;
  for (std::int64_t line = 0; line < lines; ++line) {
    for (std::int64_t j = 0; j < length; ++j) {
      y.push_back(from(
          [&](std::int64_t k) { return x[static_cast<std::size_t>(line * from_length + k)]; }, j));
    }
  }
  return y;
}

}  // namespace

Complex root_of_unity(std::int64_t k, std::int64_t n) {
  const std::int64_t quarter = 4 * k / n, rest = 4 * k - quarter * n;
  const long double angle = std::numbers::pi_v<long double> / 2 * static_cast<long double>(rest) /
                            static_cast<long double>(n);
  const Complex z(std::cos(angle), std::sin(angle));
  switch (quarter % 4) {
    case 0: return z;
    case 1: return {-z.imag(), z.real()};
    case 2: return -z;
    default: return {z.imag(), -z.real()};
  }
}

ComplexLine fourier_sums(const Line& x, int sign) {
  const auto n = static_cast<std::int64_t>(x.size());
  std::int64_t radix = 2;
  while (radix < n && n % radix != 0) ++radix;
  if (n == 1) return x;
  const std::int64_t rest = n / radix;
  std::vector<Line> parts;
  for (std::int64_t r = 0; r < radix; ++r) {
    Line part;
    for (std::int64_t j = 0; j < rest; ++j)
      part.push_back(x[static_cast<std::size_t>(j * radix + r)]);
    parts.push_back(fourier_sums(part, sign));
  }
  Line y;
  for (std::int64_t k = 0; k < n; ++k) {
    Complex sum = 0;
    for (std::int64_t r = 0; r < radix; ++r) {
      const Complex w = root_of_unity(r * k % n, n);
      sum += parts[static_cast<std::size_t>(r)][static_cast<std::size_t>(k % rest)] *
             (sign > 0 ? w : std::conj(w));
    }
    y.push_back(sum);
  }
  return y;
}

std::vector<Type> infer_fft(std::span<const Type> in, const FftAttr& a) {
  const bool real_in = a.kind == FftKind::kRealForward;
  const std::size_t operands = real_in ? 1 : 2;
  want(in.size() == operands, "takes " + std::to_string(operands) + " operand" +
                                  (real_in ? "" : "s (real and imaginary parts)") + ", given " +
                                  std::to_string(in.size()));
  const Type& x = in[0];
  for (const Type& t : in) {
    want(is_float(t.dtype), "does not take " + t.text());
    if (t != x) want(false, "real and imaginary parts differ: " + x.text() + " and " + t.text());
  }
  want(a.axes >= 1 && a.axes <= 3,
       "transforms 1, 2 or 3 axes, asked for " + std::to_string(a.axes));
  want(x.shape.rank() >= a.axes,
       std::to_string(a.axes) + " axes of " + x.text() + ", which has fewer");
  for (std::int64_t k = 0; k < a.axes; ++k) {
    want(x.shape[x.shape.rank() - 1 - static_cast<int>(k)] > 0,
         "an axis of length 0 cannot be transformed: " + x.text());
  }
  const std::int64_t last = x.shape[x.shape.rank() - 1];
  want((a.kind == FftKind::kRealInverse) == (a.length != 0),
       "a length is given for a real inverse, and for nothing else");
  switch (a.kind) {
    case FftKind::kForward:
    case FftKind::kInverse: return {x, x};
    case FftKind::kRealForward: {
      const Type half = x.with_shape(with_last(x.shape, last / 2 + 1));
      return {half, half};
    }
    case FftKind::kRealInverse:
      want(a.length > 0 && a.length / 2 + 1 == last,
           "a real inverse of length " + std::to_string(a.length) + " takes " +
               std::to_string(a.length / 2 + 1) + " on the last axis, given " + x.text());
      return {x.with_shape(with_last(x.shape, a.length))};
  }
  throw InternalError("fft: no such kind");
}

std::vector<Tensor> evaluate_fft(Operands in, const FftAttr& a, bool extended) {
  std::vector<Type> types;
  for (std::size_t k = 0; k < in.size(); ++k) types.push_back(in[k].type());
  const std::vector<Type> out = infer_fft(types, a);
  const Shape& shape = types[0].shape;
  const int rank = shape.rank();
  Line x;
  for (std::int64_t k = 0; k < in[0].size(); ++k) {
    x.emplace_back(in[0].real(k), in.size() > 1 ? in[1].real(k) : 0.0L);
  }
  const bool inverse = is_inverse(a.kind);
  // A real inverse comes to its last axis last, and a real forward transform begins there.
  const auto axes = static_cast<int>(a.axes);
  if (a.kind == FftKind::kRealInverse) {
    for (int k = rank - axes; k < rank - 1; ++k) transform_axis(x, shape, k, true);
    const std::int64_t half = shape[rank - 1], n = a.length;
    x = resized(x, half, n, [&](auto line, std::int64_t j) {
      if (j == 0 || 2 * j == n) return Complex(line(j).real(), 0);
      return 2 * j < n ? line(j) : std::conj(line(n - j));
    });
    transform_axis(x, with_last(shape, n), rank - 1, true);
  } else {
    for (int k = rank - 1; k >= rank - axes; --k) transform_axis(x, shape, k, inverse);
    if (a.kind == FftKind::kRealForward) {
      const std::int64_t n = shape[rank - 1];
      x = resized(x, n, n / 2 + 1, [](auto line, std::int64_t j) { return line(j); });
    }
  }
  std::vector<Tensor> results;
  for (const Type& t : out) results.emplace_back(t, extended);
  for (std::size_t k = 0; k < x.size(); ++k) {
    const auto at = static_cast<std::int64_t>(k);
    results[0].set_real(at, x[k].real());
    if (results.size() > 1) results[1].set_real(at, x[k].imag());
  }
  return results;
}

}  // namespace cotangent::ir
