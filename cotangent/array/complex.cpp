#include "cotangent/array/complex.h"

#include <ostream>

#include "cotangent/array/record.h"
#include "cotangent/array/reduce.h"

namespace cotangent::array {

Complex::Complex(Array real_part, Array imaginary_part) {
  const Array both[] = {std::move(real_part), std::move(imaginary_part)};
  Matched m = match("Complex", both);
  const ElementType t = to_real(m.type);
  re = convert("Complex", m.operands[0], t);
  im = convert("Complex", m.operands[1], t);
}

Complex operator+(const Complex& x, const Complex& y) {
  return {x.re + y.re, x.im + y.im};
}
Complex operator-(const Complex& x, const Complex& y) {
  return {x.re - y.re, x.im - y.im};
}

Complex operator*(const Complex& x, const Complex& y) {
  return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
}

Complex operator/(const Complex& x, const Complex& y) {
  // R. L. Smith, 1962: divide by the larger part of y first.
  const Array first = abs(y.re) >= abs(y.im);
  const Array large = where(first, y.re, y.im), small = where(first, y.im, y.re);
  const Array ratio = small / large;
  const Array scale = 1.0 / (large + small * ratio);
  const Array re = where(first, x.re + x.im * ratio, x.re * ratio + x.im) * scale;
  const Array im = where(first, x.im - x.re * ratio, x.im * ratio - x.re) * scale;
  return {re, im};
}

Complex operator-(const Complex& x) {
  return {-x.re, -x.im};
}
Array operator==(const Complex& x, const Complex& y) {
  return (x.re == y.re) & (x.im == y.im);
}

Complex conj(const Complex& z) {
  return {z.re, -z.im};
}
Array abs(const Complex& z) {
  return hypot(z.re, z.im);
}
Array abs2(const Complex& z) {
  return z.re * z.re + z.im * z.im;
}
Array angle(const Complex& z) {
  return atan2(z.im, z.re);
}

Complex exp(const Complex& z) {
  return polar(exp(z.re), z.im);
}
Complex log(const Complex& z) {
  return {log(abs(z)), angle(z)};
}

Complex sqrt(const Complex& z) {
  // The part that is a sum is safe; the other follows from it, since their product is im / 2.
  const Array sum_part = sqrt(0.5 * (abs(z) + abs(z.re)));
  const Array zero = sum_part == 0.0;
  const Array other = where(zero, 0.0, z.im / (2.0 * where(zero, 1.0, sum_part)));
  const Array right = z.re >= 0.0;
  const Array im = where(right, other, where(z.im < 0.0, -sum_part, sum_part));
  return {where(right, sum_part, abs(other)), im};
}

Complex polar(const Array& length, const Array& angle) {
  return {length * cos(angle), length * sin(angle)};
}

Complex matmul(const Complex& x, const Complex& y) {
  return {matmul(x.re, y.re) - matmul(x.im, y.im), matmul(x.re, y.im) + matmul(x.im, y.re)};
}

Complex sum(const Complex& z, Axes axes, bool keepdims) {
  return {sum(z.re, axes, keepdims), sum(z.im, axes, keepdims)};
}

Complex where(const Array& condition, const Complex& x, const Complex& y) {
  return {where(condition, x.re, y.re), where(condition, x.im, y.im)};
}

Complex reshape(const Complex& z, Shape shape) {
  return {reshape(z.re, shape), reshape(z.im, shape)};
}

Complex transpose(const Complex& z, std::vector<std::int64_t> axes) {
  return {transpose(z.re, axes), transpose(z.im, axes)};
}

std::string Complex::text() const {
  eval(re, im);
  return re.text() + " + " + im.text() + "j";
}

std::ostream& operator<<(std::ostream& out, const Complex& z) {
  return out << z.text();
}

}  // namespace cotangent::array
