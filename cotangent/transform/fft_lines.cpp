#include "cotangent/transform/fft_lines.h"

#include <algorithm>
#include <numeric>

#include "cotangent/ir/fft.h"

namespace cotangent::transform {

using namespace ir;

namespace {

using Numbers = std::vector<long double>;

Value part(Builder& b, Value x, std::int64_t begin, std::int64_t end) {
  return b.slice(x, {begin}, {end}, {1});
}

/// The descending codelet lengths <= most, `stages` of them, that make n with the least sum; empty:
/// there are none.
std::vector<std::int64_t> split(std::int64_t n, std::int64_t stages, std::int64_t most) {
  std::vector<std::int64_t> best;
  for (std::int64_t r = std::min(most, n); r >= 2; --r) {
    if (n % r != 0 || !has_codelet(r)) continue;
    std::vector<std::int64_t> all{r};
    if (stages > 1) {
      const auto rest = split(n / r, stages - 1, r);
      all.insert(all.end(), rest.begin(), rest.end());
    } else if (n != r) {
      continue;
    }
    if (static_cast<std::int64_t>(all.size()) != stages) continue;
    const auto sum = [](const auto& x) {
      return std::accumulate(x.begin(), x.end(), std::int64_t{0});
    };
    if (best.empty() || sum(all) < sum(best)) best = std::move(all);
  }
  return best;
}

}  // namespace

std::vector<std::int64_t> radices_of(std::int64_t n) {
  ensure(is_smooth(n), "fft: a length without radices");
  for (std::int64_t stages = 1;; ++stages) {
    const auto all = split(n, stages, kLongestCodelet);
    if (!all.empty()) return all;
  }
}

Value FftLines::table(Builder& b, Shape shape, const Numbers& x) {
  Tensor values(Type{t_, shape});
  for (std::size_t k = 0; k < x.size(); ++k) values.set_real(static_cast<std::int64_t>(k), x[k]);
  return b.constant(std::move(values));
}

Value FftLines::places(Builder& b, const std::vector<std::int64_t>& at) {
  return b.constant(Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(at.size())},
                                             std::span<const std::int64_t>(at)));
}

Pair FftLines::gathered(Builder& b, Pair x, Value at) {
  return {b.gather(x.re, at), b.gather(x.im, at)};
}

Pair FftLines::scaled(Builder& b, Pair x, double scale) {
  if (scale == 1) return x;
  const Value factor = b.splat(scale, b.type(x.re));
  return {b.mul(x.re, factor), b.mul(x.im, factor)};
}

FunctionPtr FftLines::stage_body(std::int64_t radix, bool twiddles, double scale) {
  FunctionPtr& made = bodies_[{radix, twiddles, scale}];
  if (made) return made;
  Builder b("fft_" + std::to_string(radix));
  b.param(scalar(DType::kI64));
  const Type line{t_, Shape{radix}}, turns{t_, Shape{radix - 1}};
  const Pair x{b.param(line, "re"), b.param(line, "im")};
  Pair w;
  if (twiddles) w = {b.param(turns, "wr"), b.param(turns, "wi")};
  std::vector<Pair> in;
  for (std::int64_t k = 0; k < radix; ++k) in.push_back({b.row(x.re, k), b.row(x.im, k)});
  const std::vector<Pair> out = codelet(b, in);
  std::vector<Value> re, im;
  for (std::int64_t k = 0; k < radix; ++k) {
    Pair y = out[static_cast<std::size_t>(k)];
    if (twiddles && k > 0) y = times(b, y, {b.row(w.re, k - 1), b.row(w.im, k - 1)});
    y = scaled(b, y, scale);
    re.push_back(b.reshape(y.re, Shape{1}));
    im.push_back(b.reshape(y.im, Shape{1}));
  }
  return made = b.finish({b.concatenate(re, 0), b.concatenate(im, 0)});
}

/// Stockham's order, in digits: the line is [m, done] with p the rest of the input's index and the
/// digits of the output's index in `done`. A stage of radix r turns p = k m/r + p' into the digit
/// j: [r, m/r, done] -> [m/r, r, done].
Pair FftLines::staged(Builder& b, Pair x, double scale) {
  const std::int64_t n = b.type(x.re).size();
  std::int64_t m = n, done = 1;
  for (std::int64_t r : radices_of(n)) {
    const std::int64_t rest = m / r, columns = rest * done;
    const auto rows = [&](Value v) { return b.transpose(b.reshape(v, Shape{r, columns}), {1, 0}); };
    MapAttr attr;
    attr.count = columns;
    attr.roles = {Role::kStack, Role::kStack};
    std::vector<Value> operands{rows(x.re), rows(x.im)};
    const bool twiddles = rest > 1;
    if (twiddles) {
      Numbers wr, wi;
      for (std::int64_t j = 1; j < r; ++j) {
        for (std::int64_t p = 0; p < rest; ++p) {
          const auto w = std::conj(root_of_unity(j * p, m));
          wr.push_back(w.real());
          wi.push_back(w.imag());
        }
      }
      for (const Numbers& w : {wr, wi}) {
        const Value turns = table(b, Shape{r - 1, rest}, w);
        operands.push_back(
            b.reshape(b.transpose(b.broadcast(turns, Shape{r - 1, rest, done}, {0, 1}), {1, 2, 0}),
                      Shape{columns, r - 1}));
      }
    }
    attr.rows = static_cast<std::int64_t>(operands.size());
    attr.body = stage_body(r, twiddles, rest == 1 ? scale : 1);
    const auto made = b.map(attr, operands);
    const auto back = [&](Value v) {
      return b.reshape(b.transpose(b.reshape(v, Shape{rest, done, r}), {0, 2, 1}), Shape{n});
    };
    x = {back(made[0]), back(made[1])};
    m = rest;
    done *= r;
  }
  return x;
}

/// Bluestein (1970): j k = (j^2 + k^2 - (k - j)^2) / 2 makes the sum a convolution, done by
/// transforms of a smooth length.
Pair FftLines::bluestein(Builder& b, Pair x, double scale) {
  const std::int64_t n = b.type(x.re).size();
  std::int64_t m = 2 * n - 1;
  while (!is_smooth(m) || m % 4 != 0) ++m;
  Numbers cr, ci;
  ComplexLine kernel(static_cast<std::size_t>(m));
  for (std::int64_t j = 0; j < n; ++j) {
    const auto w = root_of_unity(j * j % (2 * n), 2 * n);
    cr.push_back(w.real());
    ci.push_back(-w.imag());
    kernel[static_cast<std::size_t>(j)] = w;
    if (j > 0) kernel[static_cast<std::size_t>(m - j)] = w;
  }
  kernel = fourier_sums(kernel, -1);
  Numbers kr, ki;
  for (const auto& z : kernel) {
    // The factors 1/m of the inverse and 1/n of the caller's are in here.
    kr.push_back(z.real() / static_cast<long double>(m));
    ki.push_back(z.imag() / static_cast<long double>(m));
  }
  const Pair chirp{table(b, Shape{n}, cr), table(b, Shape{n}, ci)};
  const Pair filter{table(b, Shape{m}, kr), table(b, Shape{m}, ki)};
  const Value zero = b.constant(0.0, t_);
  Pair y = times(b, x, chirp);
  y = {b.pad(y.re, zero, {0}, {m - n}, {0}), b.pad(y.im, zero, {0}, {m - n}, {0})};
  y = times(b, staged(b, y, 1), filter);
  const Pair back = staged(b, {y.im, y.re}, 1);  // exchanged parts: the inverse, without its factor
  y = {part(b, back.im, 0, n), part(b, back.re, 0, n)};
  return scaled(b, times(b, y, chirp), scale);
}

Pair FftLines::forward(Builder& b, Pair x, double scale) {
  const std::int64_t n = b.type(x.re).size();
  if (n == 1) return scaled(b, x, scale);
  return is_smooth(n) ? staged(b, x, scale) : bluestein(b, x, scale);
}

Pair FftLines::turns(Builder& b, std::int64_t n1, std::int64_t n2, bool inverse) {
  Numbers wr, wi;
  for (std::int64_t p = 0; p < n2; ++p) {
    for (std::int64_t j = 0; j < n1; ++j) {
      const auto w = root_of_unity(j * p, n1 * n2);
      wr.push_back(w.real());
      wi.push_back(inverse ? w.imag() : -w.imag());
    }
  }
  return {table(b, Shape{n2, n1}, wr), table(b, Shape{n2, n1}, wi)};
}

Pair FftLines::complex(Builder& b, Pair x, bool inverse) {
  if (!inverse) return forward(b, x, 1);
  const Pair y = forward(b, {x.im, x.re}, 1.0 / static_cast<double>(b.type(x.re).size()));
  return {y.im, y.re};
}

/// z = x + i y; then x's coefficients are (Z[k] + conj Z[-k]) / 2 and y's (Z[k] - conj Z[-k]) / 2i.
std::pair<Pair, Pair> FftLines::real_pair(Builder& b, Value x, Value y) {
  const std::int64_t n = b.type(x).size(), half = n / 2 + 1;
  const Pair z = forward(b, {x, y}, 1);
  std::vector<std::int64_t> mirror;
  for (std::int64_t k = 0; k < half; ++k) mirror.push_back((n - k) % n);
  const Pair here{part(b, z.re, 0, half), part(b, z.im, 0, half)};
  const Pair there = gathered(b, z, places(b, mirror));
  return {scaled(b, {b.add(here.re, there.re), b.sub(here.im, there.im)}, 0.5),
          scaled(b, {b.add(here.im, there.im), b.sub(there.re, here.re)}, 0.5)};
}

std::pair<Value, Value> FftLines::real_pair_inverse(Builder& b, Pair x, Pair y, std::int64_t n) {
  // Z[k] = X[k] + i Y[k], and conj X[n-k] + i conj Y[n-k] above the middle.
  std::vector<std::int64_t> from;
  Numbers sign;
  Tensor whole(Type{DType::kBool, Shape{n}});
  for (std::int64_t k = 0; k < n; ++k) {
    from.push_back(2 * k <= n ? k : n - k);
    sign.push_back(2 * k <= n ? 1 : -1);
    whole.set_integer(k, k != 0 && 2 * k != n);
  }
  const Value at = places(b, from), signs = table(b, Shape{n}, sign), keep = b.constant(whole);
  const auto spread = [&](Pair v) {
    const Pair g = gathered(b, v, at);
    return Pair{g.re, b.select(keep, b.mul(g.im, signs), b.zeros(b.type(g.im)))};
  };
  const Pair p = spread(x), q = spread(y);
  const Pair z = complex(b, {b.sub(p.re, q.im), b.add(p.im, q.re)}, true);
  return {z.re, z.im};
}

/// An even line is half as many complex numbers z[j] = x[2j] + i x[2j+1]; with E, O the
/// coefficients of its even and odd elements, X[k] = E[k] + e^(-2 pi i k / n) O[k].
Pair FftLines::real(Builder& b, Value x) {
  const std::int64_t n = b.type(x).size(), half = n / 2;
  if (n % 2 != 0) {
    const Pair z = forward(b, {x, b.zeros(b.type(x))}, 1);
    return {part(b, z.re, 0, half + 1), part(b, z.im, 0, half + 1)};
  }
  const Value pairs = b.reshape(x, Shape{half, 2});
  const auto column = [&](std::int64_t k) {
    return b.reshape(b.slice(pairs, {0, k}, {half, k + 1}, {1, 1}), Shape{half});
  };
  const Pair z = forward(b, {column(0), column(1)}, 1);
  std::vector<std::int64_t> here, there;
  Numbers wr, wi;
  for (std::int64_t k = 0; k <= half; ++k) {
    here.push_back(k % half);
    there.push_back((half - k) % half);
    const auto w = std::conj(root_of_unity(k, n));
    wr.push_back(w.real());
    wi.push_back(w.imag());
  }
  const Pair u = gathered(b, z, places(b, here)), v = gathered(b, z, places(b, there));
  const Pair w{table(b, Shape{half + 1}, wr), table(b, Shape{half + 1}, wi)};
  const Pair even = scaled(b, {b.add(u.re, v.re), b.sub(u.im, v.im)}, 0.5);
  const Pair odd = times(b, scaled(b, {b.add(u.im, v.im), b.sub(v.re, u.re)}, 0.5), w);
  return {b.add(even.re, odd.re), b.add(even.im, odd.im)};
}

Value FftLines::real_inverse(Builder& b, Pair x, std::int64_t n) {
  if (n % 2 != 0) {
    return real_pair_inverse(b, x, {b.zeros(b.type(x.re)), b.zeros(b.type(x.im))}, n).first;
  }
  const std::int64_t half = n / 2;
  Tensor inner(Type{DType::kBool, Shape{half + 1}});
  std::vector<std::int64_t> there;
  Numbers wr, wi;
  for (std::int64_t k = 0; k <= half; ++k) inner.set_integer(k, k != 0 && k != half);
  for (std::int64_t k = 0; k < half; ++k) {
    there.push_back(half - k);
    const auto w = root_of_unity(k, n);
    wr.push_back(w.real());
    wi.push_back(w.imag());
  }
  x.im = b.select(b.constant(inner), x.im, b.zeros(b.type(x.im)));
  const Pair u{part(b, x.re, 0, half), part(b, x.im, 0, half)};
  const Pair v = gathered(b, x, places(b, there));
  const Pair even = scaled(b, {b.add(u.re, v.re), b.sub(u.im, v.im)}, 0.5);
  const Pair odd = times(b, scaled(b, {b.sub(u.re, v.re), b.add(u.im, v.im)}, 0.5),
                         {table(b, Shape{half}, wr), table(b, Shape{half}, wi)});
  // Z = E + i O; its halves are divided by half, so the whole by n/2: as it should be.
  const Pair z = complex(b, {b.sub(even.re, odd.im), b.add(even.im, odd.re)}, true);
  const Value both[] = {b.reshape(z.re, Shape{half, 1}), b.reshape(z.im, Shape{half, 1})};
  return b.reshape(b.concatenate(both, 1), Shape{n});
}

}  // namespace cotangent::transform
