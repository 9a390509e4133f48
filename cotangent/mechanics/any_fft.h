// A discrete Fourier transform of any length at set-up, where compiling one (docs/fft.md) would
// cost more than running it once: Bluestein's convolution by transforms of radix 2.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace cotangent::mechanics {

class AnyFft {
 public:
  explicit AnyFft(std::int64_t length);
  /// X_k = sum_n x_n e^(-2 pi i k n / length)
  std::vector<std::complex<double>> operator()(const std::vector<double>& x) const;

 private:
  void forward(std::complex<double>* a, std::size_t size) const;   // natural order -> reversed bits
  void backward(std::complex<double>* a, std::size_t size) const;  // and back, times the size

  std::size_t length_, size_ = 1;             // size_: a power of two, at least 2 length - 1
  std::vector<std::complex<double>> chirp_;   // e^(-pi i k^2 / length)
  std::vector<std::complex<double>> kernel_;  // the transform of its conjugate, over size_
  /// e^(-2 pi i k / (2 half)) from place `half` on, for each half a power of two.
  std::vector<std::complex<double>> turns_;
};

}  // namespace cotangent::mechanics
