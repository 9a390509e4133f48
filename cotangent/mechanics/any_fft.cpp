#include "cotangent/mechanics/any_fft.h"

#include <cmath>

namespace cotangent::mechanics {
namespace {

using Complex = std::complex<double>;

Complex turn(std::int64_t part, std::int64_t of) {  // e^(-2 pi i part / of)
  const long double angle = -2 * 3.14159265358979323846264338327950288L *
                            static_cast<long double>(part) / static_cast<long double>(of);
  return {static_cast<double>(std::cos(angle)), static_cast<double>(std::sin(angle))};
}

// Written out: the operator of std::complex looks for infinities.
Complex times(Complex x, Complex y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

}  // namespace

AnyFft::AnyFft(std::int64_t length) : length_(static_cast<std::size_t>(length)) {
  while (size_ < 2 * length_ - 1) size_ *= 2;
  turns_.resize(size_);
  for (std::size_t half = size_ / 2, stride = 1; half > 0; half /= 2, stride *= 2) {
    for (std::size_t k = 0; k < half; ++k) {
      turns_[half + k] = stride == 1
                             ? turn(static_cast<std::int64_t>(k), static_cast<std::int64_t>(size_))
                             : turns_[size_ / 2 + k * stride];
    }
  }
  std::int64_t square = 0;  // k^2 modulo 2 length
  for (std::int64_t k = 0; k < length; ++k) {
    chirp_.push_back(turn(square, 2 * length));
    square = (square + 2 * k + 1) % (2 * length);
  }
  kernel_.assign(size_, 0);
  for (std::size_t k = 0; k < length_; ++k) {
    kernel_[k] = std::conj(chirp_[k]) / static_cast<double>(size_);
    kernel_[(size_ - k) % size_] = kernel_[k];
  }
  forward(kernel_.data(), size_);
}

// Depth first: a part that fits into a cache is finished there.
void AnyFft::forward(Complex* a, std::size_t size) const {
  if (size == 1) return;
  const std::size_t half = size / 2;
  for (std::size_t k = 0; k < half; ++k) {
    const Complex difference = a[k] - a[half + k];
    a[k] += a[half + k];
    a[half + k] = times(difference, turns_[half + k]);
  }
  forward(a, half);
  forward(a + half, half);
}

void AnyFft::backward(Complex* a, std::size_t size) const {
  if (size == 1) return;
  const std::size_t half = size / 2;
  backward(a, half);
  backward(a + half, half);
  for (std::size_t k = 0; k < half; ++k) {
    const Complex turned = times(a[half + k], std::conj(turns_[half + k]));
    a[half + k] = a[k] - turned;
    a[k] += turned;
  }
}

std::vector<Complex> AnyFft::operator()(const std::vector<double>& x) const {
  std::vector<Complex> a(size_, 0);
  for (std::size_t k = 0; k < length_; ++k) a[k] = x[k] * chirp_[k];
  forward(a.data(), size_);
  for (std::size_t k = 0; k < size_; ++k) a[k] = times(a[k], kernel_[k]);
  backward(a.data(), size_);
  a.resize(length_);
  for (std::size_t k = 0; k < length_; ++k) a[k] = times(a[k], chirp_[k]);
  return a;
}

}  // namespace cotangent::mechanics
