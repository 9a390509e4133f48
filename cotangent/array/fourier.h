// Discrete Fourier transforms with numpy's conventions (docs/fft.md): forward without a factor,
// inverse divided by the number of elements. Integers become f64; any length but 0 is taken.
#pragma once

#include <optional>

#include "cotangent/array/complex.h"

namespace cotangent::array {

/// Of one axis; with `n`, of its first n elements, or of as many with zeros behind them.
Complex fft(const Complex& z, std::optional<std::int64_t> n = {}, int axis = -1);
Complex ifft(const Complex& z, std::optional<std::int64_t> n = {}, int axis = -1);
/// Real to the n/2 + 1 coefficients that are no mirror image, and back to length n (else 2(m - 1)).
Complex rfft(const Array& x, std::optional<std::int64_t> n = {}, int axis = -1);
Array irfft(const Complex& z, std::optional<std::int64_t> n = {}, int axis = -1);

/// Of several axes, each named once; of all when none are given. A real transform halves the last.
Complex fftn(const Complex& z, Axes axes = {});
Complex ifftn(const Complex& z, Axes axes = {});
Complex rfftn(const Array& x, Axes axes = {});
Array irfftn(const Complex& z, std::optional<std::int64_t> n = {}, Axes axes = {});
Complex fft2(const Complex& z, Axes axes = {-2, -1});
Complex ifft2(const Complex& z, Axes axes = {-2, -1});
Complex rfft2(const Array& x, Axes axes = {-2, -1});
Array irfft2(const Complex& z, std::optional<std::int64_t> n = {}, Axes axes = {-2, -1});

/// Frequencies of the coefficients, in cycles over the spacing: 0, 1, ..., -2, -1 over n spacing.
Array fftfreq(std::int64_t n, double spacing = 1.0);
Array rfftfreq(std::int64_t n, double spacing = 1.0);
/// Frequency 0 to the middle of the axes, and back.
Array fftshift(const Array& x, Axes axes = {});
Array ifftshift(const Array& x, Axes axes = {});

}  // namespace cotangent::array
