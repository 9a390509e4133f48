#include "cotangent/mechanics/shadow_series.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "cotangent/base/error.h"

namespace cotangent::mechanics {
namespace {

/// A fraction of 64-bit integers; `fits` is lost when a result does not.
struct Rational {
  std::int64_t num = 0, den = 1;
  bool fits = true;

  Rational() = default;
  Rational(std::int64_t n, std::int64_t d = 1, bool ok = true) : num(n), den(d), fits(ok) {
    const std::int64_t g = std::gcd(num, den);
    if (g > 1) num /= g, den /= g;
    if (den < 0) num = -num, den = -den;
  }
  bool zero() const { return num == 0 && fits; }
  long double value() const {
    return static_cast<long double>(num) / static_cast<long double>(den);
  }
};

Rational operator*(const Rational& a, const Rational& b) {
  const Rational x(a.num, b.den), y(b.num, a.den);  // reduced crosswise first
  std::int64_t n = 0, d = 1;
  const bool over =
      __builtin_mul_overflow(x.num, y.num, &n) || __builtin_mul_overflow(x.den, y.den, &d);
  return over ? Rational(0, 1, false) : Rational(n, d, a.fits && b.fits);
}
Rational operator+(const Rational& a, const Rational& b) {
  const std::int64_t g = std::gcd(a.den, b.den);
  std::int64_t x = 0, y = 0, n = 0, d = 1;
  const bool over = __builtin_mul_overflow(a.num, b.den / g, &x) ||
                    __builtin_mul_overflow(b.num, a.den / g, &y) ||
                    __builtin_add_overflow(x, y, &n) ||
                    __builtin_mul_overflow(a.den, b.den / g, &d);
  return over ? Rational(0, 1, false) : Rational(n, d, a.fits && b.fits);
}
Rational quotient(const Rational& a, const Rational& b) {
  return a * Rational(b.den, b.num, b.fits);
}

/// Arithmetic that the algebra below needs of a number.
bool is_zero(const Rational& x) {
  return x.zero();
}
bool is_zero(long double x) {
  return x == 0;
}
template <class Number>
Number whole(std::int64_t n, std::int64_t d = 1);
template <>
Rational whole<Rational>(std::int64_t n, std::int64_t d) {
  return {n, d};
}
template <>
long double whole<long double>(std::int64_t n, std::int64_t d) {
  return static_cast<long double>(n) / static_cast<long double>(d);
}
Rational times(const Rational& x, const Rational& y) {
  return x * y;
}
long double times(long double x, const Rational& y) {
  return x * y.value();
}

// A noncommutative polynomial in T (0) and V (1), truncated: the coefficient of a word of length n,
// read as a binary number `bits` with the first letter highest, stands at 2^n - 1 + bits.
template <class Number>
using Words = std::vector<Number>;

std::size_t place(int length, std::size_t bits) {
  return (std::size_t{1} << length) - 1 + bits;
}

template <class Number>
Words<Number> product(const Words<Number>& a, const Words<Number>& b, int degree) {
  Words<Number> c(a.size(), whole<Number>(0));
  for (int m = 0; m <= degree; ++m) {
    for (std::size_t u = 0; u < (std::size_t{1} << m); ++u) {
      if (is_zero(a[place(m, u)])) continue;
      for (int n = 0; n + m <= degree; ++n) {
        for (std::size_t v = 0; v < (std::size_t{1} << n); ++v) {
          Number& to = c[place(m + n, u << n | v)];
          to = to + a[place(m, u)] * b[place(n, v)];
        }
      }
    }
  }
  return c;
}

/// exp(c letter)
template <class Number>
Words<Number> exponential(const Number& c, std::size_t letter, int degree) {
  Words<Number> e(place(degree + 1, 0), whole<Number>(0));
  Number power = whole<Number>(1);
  std::size_t bits = 0;
  for (int n = 0; n <= degree; ++n) {
    e[place(n, bits)] = power;
    power = power * c * whole<Number>(1, n + 1);
    bits = bits << 1 | letter;
  }
  return e;
}

template <class Number>
Words<Number> logarithm(Words<Number> x, int degree) {
  x[0] = whole<Number>(0);
  Words<Number> power = x, log = x;
  for (int k = 2; k <= degree; ++k) {
    power = product(power, x, degree);
    for (std::size_t w = 0; w < log.size(); ++w) {
      log[w] = log[w] + power[w] * whole<Number>(k % 2 == 0 ? -1 : 1, k);
    }
  }
  return log;
}

/// Coefficients of the left-normed brackets {..{{V, T}, w_3}, .. w_n} of one degree, by the bits of
/// w_3 .. w_n. Dynkin: a Lie element sum c_w w is sum c_w [..[w_1, w_2], .. w_n] / n.
template <class Number>
std::vector<Number> left_normed(const Words<Number>& log, int degree) {
  const std::size_t count = std::size_t{1} << (degree - 2);
  const std::int64_t sign = degree % 2 == 0 ? -1 : 1;  // [L_A, L_B] = -L_{A, B}, degree - 1 times
  std::vector<Number> c;
  for (std::size_t s = 0; s < count; ++s) {
    const Number vt = log[place(degree, std::size_t{2} * count | s)];
    const Number tv = log[place(degree, std::size_t{1} * count | s)];
    c.push_back((vt + tv * whole<Number>(-1)) * whole<Number>(sign, degree));
  }
  return c;
}

/// The bracket [..[[V, T], w_3], .. w_n] spelled out in words of its degree.
std::vector<Rational> spelled(int degree, std::size_t suffix) {
  std::vector<Rational> x(4);
  x[2] = 1, x[1] = -1;  // VT - TV
  for (int n = 3; n <= degree; ++n) {
    const std::size_t letter = suffix >> (degree - n) & 1;
    std::vector<Rational> y(x.size() * 2);
    for (std::size_t w = 0; w < x.size(); ++w) {
      Rational& right = y[w << 1 | letter];
      right = right + x[w];
      Rational& left = y[letter << (n - 1) | w];
      left = left + x[w] * Rational(-1);
    }
    x = std::move(y);
  }
  return x;
}

/// The brackets of one degree written in some of them, taken in the order given.
struct Basis {
  std::vector<std::size_t> members;
  std::vector<std::vector<Rational>> in_members;  ///< by suffix
};

Basis make_basis(int degree, const std::vector<std::size_t>& order) {
  struct Row {
    std::vector<Rational> words, members;
    std::size_t pivot;
  };
  Basis basis;
  basis.in_members.resize(order.size());
  std::vector<Row> rows;
  for (std::size_t suffix : order) {
    Row row{spelled(degree, suffix), std::vector<Rational>(order.size()), 0};
    // words = this bracket - sum members x brackets
    for (const Row& r : rows) {
      const Rational f = row.words[r.pivot];
      if (f.zero()) continue;
      for (std::size_t w = 0; w < row.words.size(); ++w) {
        row.words[w] = row.words[w] + f * r.words[w] * Rational(-1);
      }
      for (std::size_t k = 0; k < order.size(); ++k) {
        row.members[k] = row.members[k] + f * r.members[k];
      }
    }
    row.pivot = 0;
    while (row.pivot < row.words.size() && row.words[row.pivot].zero()) ++row.pivot;
    if (row.pivot == row.words.size()) {
      basis.in_members[suffix] = row.members;
      continue;
    }
    // Normalised: pivot = 1 and words = sum members x brackets.
    const Rational scale = quotient(Rational(1), row.words[row.pivot]);
    for (Rational& w : row.words) w = w * scale;
    for (Rational& m : row.members) m = m * scale * Rational(-1);
    row.members[suffix] = scale;
    rows.push_back(row);
    basis.members.push_back(suffix);
    basis.in_members[suffix].resize(order.size());
    basis.in_members[suffix][suffix] = 1;
  }
  return basis;
}

std::string word_of(int degree, std::size_t suffix) {
  std::string word = "VT";
  for (int n = 3; n <= degree; ++n) word += (suffix >> (degree - n) & 1) != 0 ? 'V' : 'T';
  return word;
}

std::string text_of(const Rational& x) {
  return std::to_string(x.num) + (x.den == 1 ? "" : "/" + std::to_string(x.den));
}
std::string text_of(long double) {
  return "";
}
long double value_of(const Rational& x) {
  return x.value();
}
long double value_of(long double x) {
  return x;
}
bool fits(const Rational& x) {
  return x.fits;
}
bool fits(long double) {
  return true;
}

/// The series, or nothing when a fraction did not fit.
template <class Number>
std::optional<std::vector<ShadowTerm>> series(
    const std::vector<std::pair<Number, std::size_t>>& flows, int degree, const BracketCost& cost) {
  Words<Number> step = exponential(whole<Number>(0), 0, degree);
  for (const auto& [c, letter] : flows) {
    step = product(step, exponential(c, letter, degree), degree);
  }
  const Words<Number> log = logarithm(step, degree);
  std::vector<ShadowTerm> terms;
  for (int n = 2; n <= degree; ++n) {
    const std::vector<Number> c = left_normed(log, n);
    std::vector<std::size_t> order(c.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<double> costs(c.size(), 1);
    for (std::size_t k = 0; cost && k < c.size(); ++k) costs[k] = cost(word_of(n, k));
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return costs[a] < costs[b]; });
    const Basis basis = make_basis(n, order);
    for (std::size_t member : basis.members) {
      Number sum = whole<Number>(0);
      for (std::size_t k = 0; k < c.size(); ++k) {
        if (!is_zero(c[k])) sum = sum + times(c[k], basis.in_members[k][member]);
      }
      if (!fits(sum)) return std::nullopt;
      if (is_zero(sum) || costs[member] == 0) continue;
      terms.push_back({word_of(n, member), value_of(sum), text_of(sum)});
    }
  }
  return terms;
}

/// `x` as a fraction, if it is a whole number of 64ths of small size.
std::optional<Rational> dyadic(double x) {
  const double scaled = x * 64;
  if (std::abs(scaled) > 1 << 12 || scaled != std::floor(scaled)) return std::nullopt;
  return Rational(static_cast<std::int64_t>(scaled), 64);
}

}  // namespace

std::vector<std::string> shadow_words(int degree) {
  std::vector<std::string> words;
  for (std::size_t k = 0; degree >= 2 && k < (std::size_t{1} << (degree - 2)); ++k) {
    words.push_back(word_of(degree, k));
  }
  return words;
}

std::vector<ShadowTerm> shadow_series(const Coefficients& splitting, int degree,
                                      const BracketCost& cost) {
  ensure(degree >= 1 && degree <= kMaxShadowDegree, "shadow_series: degree");
  std::vector<std::pair<long double, std::size_t>> flows = {{splitting.first_kick, 1}};
  long double drifts = 0, kicks = splitting.first_kick;
  for (std::size_t k = 0; k < splitting.drift.size(); ++k) {
    flows.emplace_back(splitting.drift[k], 0);
    flows.emplace_back(splitting.kick.at(k), 1);
    drifts += splitting.drift[k];
    kicks += splitting.kick[k];
  }
  if (std::abs(drifts - 1) > 1e-10L || std::abs(kicks - 1) > 1e-10L) {
    throw UserError("the drifts or the kicks of a splitting do not sum to 1",
                    "a step that is consistent with H = T + V has both sums equal to 1");
  }
  std::vector<std::pair<Rational, std::size_t>> exact;
  for (const auto& [c, letter] : flows) {
    const std::optional<Rational> x = dyadic(static_cast<double>(c));
    if (!x) break;
    exact.emplace_back(*x, letter);
  }
  if (exact.size() == flows.size()) {
    if (auto terms = series(exact, degree, cost)) return *terms;
  }
  std::vector<ShadowTerm> terms = *series(flows, degree, cost);
  long double largest = 1;
  for (const ShadowTerm& t : terms) largest = std::max(largest, std::abs(t.coefficient));
  std::erase_if(terms,
                [&](const ShadowTerm& t) { return std::abs(t.coefficient) < 1e-13L * largest; });
  return terms;
}

}  // namespace cotangent::mechanics
