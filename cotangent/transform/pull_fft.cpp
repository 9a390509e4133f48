#include "cotangent/transform/puller.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// Along the last axis: how often a coefficient of a real line of length n stands in its whole
/// transform (1 at the ends that are their own mirror, else 2), times `factor`.
Value multiplicities(Builder& b, const Type& type, std::int64_t n, double factor, bool inverse) {
  const std::int64_t half = n / 2 + 1;
  Tensor line(Type{type.dtype, Shape{half}});
  for (std::int64_t k = 0; k < half; ++k) {
    const long double times = k == 0 || 2 * k == n ? 1 : 2;
    line.set_real(k, (inverse ? 1 / times : times) * static_cast<long double>(factor));
  }
  return b.broadcast(b.constant(std::move(line)), type.shape, {type.shape.rank() - 1});
}

}  // namespace

/// The adjoint, on real and imaginary parts as independent numbers. With F the forward sums over
/// all N = n1 n2 n3 elements, H for a real array's half spectrum, m the multiplicities:
///   forward        y = F x          x' = conj(F) y'       = N inverse(y')
///   inverse        y = conj(F) x/N  x' = F y' / N         = forward(y') / N
///   real forward   y = H x          x' = Re conj(F) pad y'  = N real_inverse(y' / m)
///   real inverse   y = ...          x' = m H y' / N       = m real_forward(y') / N
void Puller::fft(Value v) {
  const auto& a = f_.attr_as<FftAttr>(v);
  const auto& cts = result_cts_[v.id];
  const auto types = f_.result_types(v);
  const Type in = f_.type(operand(v, 0));
  // The whole array is as long as the real side, or as either side of a complex transform.
  const Shape& whole = a.kind == FftKind::kRealInverse ? types[0].shape : in.shape;
  const int rank = whole.rank();
  double n = 1;
  Dims axes;
  for (int k = rank - static_cast<int>(a.axes); k < rank; ++k) {
    n *= static_cast<double>(whole[k]);
    axes.push_back(k);
  }
  const std::int64_t last = whole[rank - 1];

  Values y;
  bool masked = true;
  Value mask;
  for (std::size_t k = 0; k < cts.size(); ++k) {
    y.push_back(cts[k].valid() ? cts[k].value : b_.zeros(types[k]));
    if (!cts[k].valid()) continue;
    masked = masked && cts[k].mask.valid();
    if (masked) mask = mask.valid() ? b_.binary(Op::kOr, mask, cts[k].mask) : cts[k].mask;
  }
  const auto scaled = [&](Values x, double factor) {
    for (Value& part : x) part = b_.mul(part, b_.splat(factor, b_.type(part)));
    return x;
  };
  const auto weighted = [&](Values x, double factor, bool inverse) {
    for (Value& part : x) {
      part = b_.mul(part, multiplicities(b_, b_.type(part), last, factor, inverse));
    }
    return x;
  };
  Values x;
  switch (a.kind) {
    case FftKind::kForward: x = scaled(b_.fft({FftKind::kInverse, a.axes, 0}, y), n); break;
    case FftKind::kInverse: x = scaled(b_.fft({FftKind::kForward, a.axes, 0}, y), 1 / n); break;
    case FftKind::kRealForward:
      x = b_.fft({FftKind::kRealInverse, a.axes, last}, weighted(y, n, true));
      break;
    case FftKind::kRealInverse:
      x = weighted(b_.fft({FftKind::kRealForward, a.axes, 0}, y), 1 / n, false);
      break;
  }
  Value kept;
  if (masked && mask.valid()) {
    // Every element of a transformed block meets every other.
    Dims outer;
    for (int k = 0; k < rank - static_cast<int>(a.axes); ++k) outer.push_back(k);
    kept = b_.broadcast(any(mask, axes), in.shape, outer);
  }
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (!linear(operand(v, k)))
      want_zero(operand(v, k), Op::kFft);
    else
      add_to(operand(v, k), {x[k], kept});
  }
}

}  // namespace cotangent::transform
