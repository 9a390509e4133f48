// The discrete Fourier transform, as the op `fft` defines it. Conventions are numpy's: forward
// e^(-2 pi i k n / N) without a factor, inverse e^(+2 pi i k n / N) divided by N; a real transform
// keeps N/2 + 1 of the last axis, and its inverse does not look at the imaginary parts of what a
// real array cannot have.
#pragma once

#include <complex>
#include <span>
#include <vector>

#include "cotangent/ir/attr.h"

namespace cotangent::ir {

inline bool is_inverse(FftKind kind) {
  return kind == FftKind::kInverse || kind == FftKind::kRealInverse;
}

/// Result types; throws UserError "[fft] ...".
std::vector<Type> infer_fft(std::span<const Type> in, const FftAttr& attr);

using ComplexLine = std::vector<std::complex<long double>>;

/// e^(2 pi i k / n), 0 <= k < n, exact at the multiples of a quarter turn.
std::complex<long double> root_of_unity(std::int64_t k, std::int64_t n);

/// sum_j x[j] e^(sign 2 pi i j k / n) for every k.
ComplexLine fourier_sums(const ComplexLine& x, int sign);

/// The definition: one axis after the other, each by the sum it is (cut by the factors of the
/// length), in long double, rounded once at the end.
std::vector<Tensor> evaluate_fft(Operands in, const FftAttr& attr, bool extended);

}  // namespace cotangent::ir
