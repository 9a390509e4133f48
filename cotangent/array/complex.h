// Complex arrays: a pair of real ones. There is no complex element type.
//
// The gradient of a real function L of z is the pair (dL/dre, dL/dim), itself a Complex. Arithmetic
// is by the real parts; division scales first, so that it overflows only where the quotient does.
#pragma once

#include "cotangent/array/elementwise.h"
#include "cotangent/array/products.h"
#include "cotangent/array/shaping.h"

namespace cotangent::array {

class Complex {
 public:
  Complex() = default;
  Complex(Array re) : re(std::move(re)), im(zeros_like(this->re)) {}
  Complex(Array re, Array im);  ///< broadcast and promoted to one type
  template <Number T>
  Complex(T value) : Complex(Array(value), Array(0.0)) {}

  Array re, im;

  const Shape& shape() const { return re.shape(); }
  auto tree_fields() { return std::tie(re, im); }
  auto tree_fields() const { return std::tie(re, im); }
  std::string text() const;  ///< "[1. 3.] + [2. -1.]j"

  template <class... I>
  Complex operator()(const I&... indices) const {
    return {re(indices...), im(indices...)};
  }
};

inline Array real(const Complex& z) {
  return z.re;
}
inline Array imag(const Complex& z) {
  return z.im;
}

Complex operator+(const Complex& x, const Complex& y);
Complex operator-(const Complex& x, const Complex& y);
Complex operator*(const Complex& x, const Complex& y);
Complex operator/(const Complex& x, const Complex& y);
Complex operator-(const Complex& x);
Array operator==(const Complex& x, const Complex& y);

Complex conj(const Complex& z);
Array abs(const Complex& z);    ///< without overflow on the way; its gradient at 0 is not finite
Array abs2(const Complex& z);   ///< |z|^2
Array angle(const Complex& z);  ///< in (-pi, pi]
Complex exp(const Complex& z);
Complex log(const Complex& z);   ///< principal value
Complex sqrt(const Complex& z);  ///< principal value, for finite z
Complex polar(const Array& length, const Array& angle);
Complex matmul(const Complex& x, const Complex& y);
Complex sum(const Complex& z, Axes axes = {}, bool keepdims = false);
Complex where(const Array& condition, const Complex& x, const Complex& y);
Complex reshape(const Complex& z, Shape shape);
Complex transpose(const Complex& z, std::vector<std::int64_t> axes = {});

std::ostream& operator<<(std::ostream& out, const Complex& z);

}  // namespace cotangent::array
