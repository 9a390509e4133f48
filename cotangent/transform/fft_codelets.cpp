#include "cotangent/transform/fft_codelets.h"

#include "cotangent/ir/fft.h"

namespace cotangent::transform {

using namespace ir;

namespace {

using Pairs = std::vector<Pair>;

Pair plus(Builder& b, Pair x, Pair y) {
  return {b.add(x.re, y.re), b.add(x.im, y.im)};
}
Pair minus(Builder& b, Pair x, Pair y) {
  return {b.sub(x.re, y.re), b.sub(x.im, y.im)};
}

Pairs two(Builder& b, const Pairs& x) {
  return {plus(b, x[0], x[1]), minus(b, x[0], x[1])};
}

Pairs four(Builder& b, const Pairs& x) {
  const Pair s = plus(b, x[0], x[2]), d = minus(b, x[0], x[2]);
  const Pair t = plus(b, x[1], x[3]), e = minus(b, x[1], x[3]);
  // -i e = (e.im, -e.re)
  return {plus(b, s, t),
          {b.add(d.re, e.im), b.sub(d.im, e.re)},
          minus(b, s, t),
          {b.sub(d.re, e.im), b.add(d.im, e.re)}};
}

/// An odd prime: cosines multiply x[j] + x[n-j], sines their difference.
Pairs odd_prime(Builder& b, const Pairs& x) {
  const auto n = static_cast<std::int64_t>(x.size());
  const std::int64_t half = (n - 1) / 2;
  const DType t = b.type(x[0].re).dtype;
  const auto number = [&](long double value) { return b.constant(static_cast<double>(value), t); };
  Pairs sum, difference, out(x.size());
  for (std::int64_t j = 1; j <= half; ++j) {
    const auto at = static_cast<std::size_t>(j), mirror = static_cast<std::size_t>(n - j);
    sum.push_back(plus(b, x[at], x[mirror]));
    difference.push_back(minus(b, x[at], x[mirror]));
  }
  out[0] = x[0];
  for (const Pair& s : sum) out[0] = plus(b, out[0], s);
  for (std::int64_t k = 1; k <= half; ++k) {
    Pair even = x[0], odd;
    for (std::int64_t j = 1; j <= half; ++j) {
      const auto at = static_cast<std::size_t>(j - 1);
      const auto w = root_of_unity(j * k % n, n);
      const Value c = number(w.real()), s = number(w.imag());
      even = {b.fma(sum[at].re, c, even.re), b.fma(sum[at].im, c, even.im)};
      odd = j == 1 ? Pair{b.mul(difference[at].re, s), b.mul(difference[at].im, s)}
                   : Pair{b.fma(difference[at].re, s, odd.re), b.fma(difference[at].im, s, odd.im)};
    }
    // X[k] = even - i odd, X[n-k] = even + i odd.
    out[static_cast<std::size_t>(k)] = {b.add(even.re, odd.im), b.sub(even.im, odd.re)};
    out[static_cast<std::size_t>(n - k)] = {b.sub(even.re, odd.im), b.add(even.im, odd.re)};
  }
  return out;
}

/// The radix a codelet of length n begins with; n itself: it is a base case.
std::int64_t first_radix(std::int64_t n) {
  for (std::int64_t r : {4, 2, 3, 5, 7, 11, 13}) {
    if (n % r == 0) return r;
  }
  return n;
}

}  // namespace

bool is_smooth(std::int64_t n) {
  for (std::int64_t p : {2, 3, 5, 7, 11, 13}) {
    while (n % p == 0) n /= p;
  }
  return n == 1;
}

bool has_codelet(std::int64_t n) {
  return n <= kLongestCodelet && is_smooth(n);
}

Pair times(Builder& b, Pair x, Pair w) {
  return {b.fma(b.neg(x.im), w.im, b.mul(x.re, w.re)), b.fma(x.re, w.im, b.mul(x.im, w.re))};
}

Pair turned(Builder& b, Pair x, std::int64_t k, std::int64_t n) {
  const auto w = std::conj(root_of_unity(k % n, n));
  const std::int64_t eighths = 8 * (k % n);
  const DType t = b.type(x.re).dtype;
  const auto number = [&](long double value) { return b.constant(static_cast<double>(value), t); };
  if (eighths % n != 0) {
    const Value c = number(w.real()), s = number(w.imag()), minus_s = number(-w.imag());
    return {b.fma(x.im, minus_s, b.mul(x.re, c)), b.fma(x.re, s, b.mul(x.im, c))};
  }
  const Value h = number(root_of_unity(1, 8).real());
  switch (eighths / n) {
    case 0: return x;
    case 1: return {b.mul(b.add(x.re, x.im), h), b.mul(b.sub(x.im, x.re), h)};
    case 2: return {x.im, b.neg(x.re)};
    case 3: return {b.mul(b.sub(x.im, x.re), h), b.mul(b.neg(b.add(x.re, x.im)), h)};
    case 4: return {b.neg(x.re), b.neg(x.im)};
    case 5: return {b.mul(b.neg(b.add(x.re, x.im)), h), b.mul(b.sub(x.re, x.im), h)};
    case 6: return {b.neg(x.im), x.re};
    default: return {b.mul(b.sub(x.re, x.im), h), b.mul(b.add(x.re, x.im), h)};
  }
}

std::vector<Pair> codelet(Builder& b, const std::vector<Pair>& x) {
  const auto n = static_cast<std::int64_t>(x.size());
  const std::int64_t radix = first_radix(n), rest = n / radix;
  if (n == 1) return x;
  if (rest == 1) return n == 2 ? two(b, x) : n == 4 ? four(b, x) : odd_prime(b, x);
  // x[k rest + p] -> over k, turned by p j -> over p: X[j + radix i].
  std::vector<Pairs> columns(static_cast<std::size_t>(radix));
  for (std::int64_t p = 0; p < rest; ++p) {
    Pairs column;
    for (std::int64_t k = 0; k < radix; ++k)
      column.push_back(x[static_cast<std::size_t>(k * rest + p)]);
    const Pairs y = codelet(b, column);
    for (std::int64_t j = 0; j < radix; ++j) {
      const auto at = static_cast<std::size_t>(j);
      columns[at].push_back(turned(b, y[at], p * j, n));
    }
  }
  Pairs out(x.size());
  for (std::int64_t j = 0; j < radix; ++j) {
    const Pairs y = codelet(b, columns[static_cast<std::size_t>(j)]);
    for (std::int64_t i = 0; i < rest; ++i) {
      out[static_cast<std::size_t>(j + radix * i)] = y[static_cast<std::size_t>(i)];
    }
  }
  return out;
}

}  // namespace cotangent::transform
