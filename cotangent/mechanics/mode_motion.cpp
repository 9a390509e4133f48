#include "cotangent/mechanics/mode_motion.h"

#include <cmath>
#include <complex>

namespace cotangent::mechanics {
namespace {

using Complex = std::complex<long double>;

/// The matrix of an affine motion of (xi, eta), less 1: products keep the digits of small parts.
struct Affine {
  long double d[2][2] = {{0, 0}, {0, 0}};
  long double xi = 0, eta = 0;
};

/// First x, then y.
Affine after(const Affine& y, const Affine& x) {
  Affine z;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      z.d[i][j] = x.d[i][j] + y.d[i][j] + y.d[i][0] * x.d[0][j] + y.d[i][1] * x.d[1][j];
    }
  }
  z.xi = x.xi + y.xi + y.d[0][0] * x.xi + y.d[0][1] * x.eta;
  z.eta = x.eta + y.eta + y.d[1][0] * x.xi + y.d[1][1] * x.eta;
  return z;
}

/// sinh(z)/z
Complex sinhc(Complex z) {
  if (std::abs(z) < 1e-3L) return 1.0L + z * z / 6.0L * (1.0L + z * z / 20.0L);
  return std::sinh(z) / z;
}

/// The integral of e^(a (time - s)) e^(b s).
Complex exponentials(Complex a, Complex b, long double time) {
  if (std::abs((a - b) * time) > 1) return (std::exp(a * time) - std::exp(b * time)) / (a - b);
  return time * std::exp((a + b) * time / 2.0L) * sinhc((a - b) * time / 2.0L);
}

/// Stumpff's c_m(x) = sum (-x)^j / (2j + m)!
long double stumpff(int m, long double x) {
  long double factorial = 1;
  for (int k = 2; k <= m; ++k) factorial *= k;
  if (std::abs(x) < 1) {
    long double term = 1 / factorial, sum = 0;
    for (int j = 0; j < 14; ++j) {
      sum += term;
      term *= -x / ((2 * j + m + 1) * static_cast<long double>(2 * j + m + 2));
    }
    return sum;
  }
  const long double w = std::sqrt(std::abs(x));
  if (m == 0) return x > 0 ? std::cos(w) : std::cosh(w);
  if (m == 1) return x > 0 ? std::sin(w) / w : std::sinh(w) / w;
  return (1 / (factorial / (m * (m - 1))) - stumpff(m - 2, x)) / x;
}

/// The same integrals of s^k.
Response of_power(int k, long double lambda, long double time) {
  const long double x = lambda * time * time;
  long double factor = 1;  // k! time^(k + 1)
  for (int j = 1; j <= k; ++j) factor *= j;
  for (int j = 0; j <= k; ++j) factor *= time;
  return {factor * time * stumpff(k + 2, x), factor * stumpff(k + 1, x)};
}

/// The same integrals of e^(b s), as complex numbers.
struct ComplexResponse {
  Complex sine, cosine;
};
ComplexResponse of_exponential(Complex b, long double lambda, long double time) {
  const long double x = std::abs(lambda) * time * time;
  if (x < 1e-8L && std::abs(b * time) > 1) {  // two terms of the series in lambda
    const auto power = [&](int m) {           // the integral of (time - s)^m / m! e^(b s)
      Complex value = (std::exp(b * time) - 1.0L) / b;
      long double term = 1;
      for (int k = 1; k <= m; ++k) {
        term *= time / k;
        value = (value - term) / b;
      }
      return value;
    };
    return {power(1) - lambda * power(3), power(0) - lambda * power(2)};
  }
  if (x < 1e-8L) {  // the series in b as well
    ComplexResponse sum{0, 0};
    Complex term = 1;
    for (int k = 0; k < 24; ++k) {
      const Response r = of_power(k, lambda, time);
      sum.sine += term * r.sine;
      sum.cosine += term * r.cosine;
      term *= b / static_cast<long double>(k + 1);
    }
    return sum;
  }
  const Complex a = std::sqrt(Complex(-lambda, 0));  // i w, or the rate of growth
  const Complex plus = exponentials(a, b, time), minus = exponentials(-a, b, time);
  return {(plus - minus) / (2.0L * a), (plus + minus) / 2.0L};
}

}  // namespace

ModeStep free_motion(long double lambda, long double time) {
  ModeStep s;
  long double c1 = time;
  if (lambda > 0) {  // the phase itself, without the rounding of its square
    const long double w = std::sqrt(lambda);
    s.m[0][0] = s.m[1][1] = std::cos(w * time);
    c1 = std::sin(w * time) / w;
  } else if (lambda < 0) {
    const long double x = lambda * time * time;
    s.m[0][0] = s.m[1][1] = stumpff(0, x);
    c1 = time * stumpff(1, x);
  }
  s.m[0][1] = c1;
  s.m[1][0] = -lambda * c1;
  return s;
}

ModeStep composed_motion(const Coefficients& splitting, long double lambda, double dt,
                         std::int64_t steps, const ModePush& push) {
  const long double h = steps < 0 ? -static_cast<long double>(dt) : static_cast<long double>(dt);
  const auto kick = [&](double b) {
    return Affine{{{0, 0}, {-b * h * lambda, 0}}, 0, b * h * push.eta};
  };
  const auto drift = [&](double a) { return Affine{{{0, a * h}, {0, 0}}, a * h * push.xi, 0}; };
  Affine step = kick(splitting.first_kick);
  for (std::size_t k = 0; k < splitting.drift.size(); ++k) {
    step = after(kick(splitting.kick[k]), after(drift(splitting.drift[k]), step));
  }
  Affine sum;
  for (auto count = static_cast<std::uint64_t>(steps < 0 ? -steps : steps); count > 0;
       count >>= 1) {
    if (count & 1) sum = after(step, sum);
    step = after(step, step);
  }
  return {{{1 + sum.d[0][0], sum.d[0][1]}, {sum.d[1][0], 1 + sum.d[1][1]}}, sum.xi, sum.eta};
}

Response response(long double lambda, long double time, long double t0, const Drive& f) {
  if (f.w == 0 && f.decay == 0) {
    // (t0 + s)^power, by powers of s
    Response sum;
    long double binomial = 1;
    for (int k = 0; k <= f.power; ++k) {
      const Response r = of_power(k, lambda, time);
      const long double weight =
          binomial * (f.power == k ? 1 : std::pow(t0, static_cast<long double>(f.power - k)));
      sum.sine += weight * r.sine;
      sum.cosine += weight * r.cosine;
      binomial *= static_cast<long double>(f.power - k) / (k + 1);
    }
    return sum;
  }
  // f is the real part of F e^(b t), F = 1 or -i.
  const Complex b(f.decay, f.w);
  const Complex start = std::exp(b * t0) * (f.sine ? Complex(0, -1) : Complex(1, 0));
  const ComplexResponse r = of_exponential(b, lambda, time);
  return {std::real(start * r.sine), std::real(start * r.cosine)};
}

}  // namespace cotangent::mechanics
