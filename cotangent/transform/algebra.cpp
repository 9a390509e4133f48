// Polynomials over atoms. An atom is a free variable, a constant that is not a short dyadic number,
// or a function of polynomials that is not polynomial itself. Products are normalised by a few
// identities of the reals: sqrt(u) sqrt(u) = u, u inv(u) = 1, |u| |u| = u u, and p p = p for truth
// values (held as 0 and 1, so that select(p, a, b) = p a + (1 - p) b). Equality of the normal forms
// proves equality; difference proves nothing.
#include "cotangent/transform/algebra.h"

#include <algorithm>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/transform/algebra_impl.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr std::size_t kMaxTerms = 20000;
constexpr std::size_t kMaxDegree = 64;
constexpr std::size_t kMaxAtoms = 100000;
constexpr std::int64_t kShortMantissa = 1 << 20;

}  // namespace

// --- coefficients

Dyadic Dyadic::of(std::int64_t mantissa, int exponent) {
  Dyadic d{mantissa, exponent};
  d.normalise();
  return d;
}

void Dyadic::normalise() {
  if (mantissa == 0) {
    exponent = 0;
    return;
  }
  while (mantissa % 2 == 0) {
    mantissa /= 2;
    ++exponent;
  }
}

Dyadic operator+(const Dyadic& x, const Dyadic& y) {
  if (x.mantissa == 0) return y;
  if (y.mantissa == 0) return x;
  const Dyadic& low = x.exponent <= y.exponent ? x : y;
  const Dyadic& high = x.exponent <= y.exponent ? y : x;
  const int shift = high.exponent - low.exponent;
  if (shift > 100) throw GaveUp{};
  Int128 scaled, total;
  if (__builtin_mul_overflow(high.mantissa, static_cast<Int128>(1) << shift, &scaled) ||
      __builtin_add_overflow(scaled, low.mantissa, &total)) {
    throw GaveUp{};
  }
  Dyadic d{total, low.exponent};
  d.normalise();
  return d;
}

Dyadic operator*(const Dyadic& x, const Dyadic& y) {
  Dyadic d{0, x.exponent + y.exponent};
  if (__builtin_mul_overflow(x.mantissa, y.mantissa, &d.mantissa)) throw GaveUp{};
  d.normalise();
  return d;
}

double Dyadic::value() const {
  return std::ldexp(static_cast<double>(mantissa), exponent);
}

// --- polynomials

Algebra::Algebra(std::int64_t max_work) : impl_(new Impl) {
  impl_->max_work = max_work;
}
Algebra::~Algebra() {
  delete impl_;
}

Algebra::Element Algebra::Impl::intern(Polynomial p) {
  if (p.terms.size() > kMaxTerms) throw GaveUp{};
  const auto [it, fresh] = ids.try_emplace(p, static_cast<Element>(polynomials.size()));
  if (fresh) polynomials.push_back(&it->first);
  return it->second;
}

Algebra::Element Algebra::Impl::short_number(const Dyadic& d) {
  Polynomial p;
  if (d.mantissa != 0) p.terms[{}] = d;
  return intern(std::move(p));
}

Algebra::Element Algebra::Impl::of_atom(std::uint32_t atom) {
  Polynomial p;
  p.terms[{atom}] = Dyadic::of(1, 0);
  return intern(std::move(p));
}

std::uint32_t Algebra::Impl::make_atom(Atom a) {
  const auto [it, fresh] = atom_ids.try_emplace(a, static_cast<std::uint32_t>(atoms.size()));
  if (fresh) {
    if (atoms.size() >= kMaxAtoms) throw GaveUp{};
    atoms.push_back(std::move(a));
  }
  return it->second;
}

Algebra::Element Algebra::Impl::unknown() {
  Atom a;
  a.kind = Atom::Kind::kUnknown;
  a.serial = unknowns++;
  const auto id = static_cast<std::uint32_t>(atoms.size());
  atoms.push_back(std::move(a));
  return of_atom(id);
}

Algebra::Element Algebra::Impl::number(double value) {
  if (!std::isfinite(value)) return unknown();  // inf - inf is not 0
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  const Dyadic d = Dyadic::of(static_cast<std::int64_t>(std::ldexp(fraction, 53)), exponent - 53);
  const Int128 size = d.mantissa < 0 ? -d.mantissa : d.mantissa;
  if (size <= kShortMantissa) return short_number(d);
  // A long constant is a symbol, so that coefficients stay exact however it is multiplied.
  const Element symbol = function_atom(Op::kConstant, {}, std::fabs(value));
  return value < 0 ? scaled(symbol, Dyadic::of(-1, 0)) : symbol;
}

Algebra::Element Algebra::Impl::function_atom(Op op, std::vector<Element> arguments,
                                              double constant, std::uint32_t extra) {
  Atom a;
  a.kind = Atom::Kind::kFunction;
  a.op = op;
  a.arguments = std::move(arguments);
  a.constant = constant;
  a.serial = extra;
  return of_atom(make_atom(std::move(a)));
}

Algebra::Element Algebra::Impl::scaled(Element x, const Dyadic& by) {
  Polynomial p = *polynomials[x];
  for (auto& [monomial, c] : p.terms) c = c * by;
  return intern(std::move(p));
}

Algebra::Element Algebra::Impl::add(Element x, Element y) {
  Polynomial p = *polynomials[x];
  for (const auto& [monomial, c] : polynomials[y]->terms) {
    auto [it, fresh] = p.terms.try_emplace(monomial, c);
    if (fresh) continue;
    it->second = it->second + c;
    if (it->second.mantissa == 0) p.terms.erase(it);
  }
  return intern(std::move(p));
}

Algebra::Element Algebra::Impl::neg(Element x) {
  return scaled(x, Dyadic::of(-1, 0));
}

const Atom* Algebra::Impl::single_atom(Element x) const {
  const Polynomial& p = *polynomials[x];
  if (p.terms.size() != 1 || p.terms.begin()->first.size() != 1) return nullptr;
  const Dyadic& c = p.terms.begin()->second;
  return c.mantissa == 1 && c.exponent == 0 ? &atoms[p.terms.begin()->first[0]] : nullptr;
}

bool Algebra::Impl::is_function(std::uint32_t atom, Op op) const {
  return atoms[atom].kind == Atom::Kind::kFunction && atoms[atom].op == op;
}

/// What atom * atom is, when an identity says so.
std::optional<Algebra::Element> Algebra::Impl::square(std::uint32_t atom) {
  const Atom a = atoms[atom];
  if (a.kind != Atom::Kind::kFunction) return std::nullopt;
  if (a.op == Op::kSqrt) return a.arguments[0];
  if (a.op == Op::kAbs) return mul(a.arguments[0], a.arguments[0]);
  if (a.truth()) return of_atom(atom);
  if (a.op == Op::kDiv) {  // inv(sqrt u)^2 = inv(u)
    const Atom* inner = single_atom(a.arguments[0]);
    if (inner && inner->kind == Atom::Kind::kFunction && inner->op == Op::kSqrt) {
      return inverse(inner->arguments[0]);
    }
  }
  return std::nullopt;
}

/// One monomial (with repetitions) as a polynomial in normal form.
Algebra::Element Algebra::Impl::normal(Monomial m, const Dyadic& c) {
  // u inv(u) = 1 for atoms u.
  for (std::size_t k = 0; k < m.size(); ++k) {
    if (!is_function(m[k], Op::kDiv)) continue;
    const Element inverted = atoms[m[k]].arguments[0];
    for (std::size_t j = 0; j < m.size(); ++j) {  // sqrt(u) inv(u) = inv(sqrt(u))
      if (!is_function(m[j], Op::kSqrt) || atoms[m[j]].arguments[0] != inverted) continue;
      const Element instead = function_atom(Op::kDiv, {of_atom(m[j])});
      m.erase(m.begin() + static_cast<long>(std::max(j, k)));
      m.erase(m.begin() + static_cast<long>(std::min(j, k)));
      return mul(normal(std::move(m), c), instead);
    }
    const Polynomial& of = *polynomials[inverted];
    if (of.terms.size() != 1 || of.terms.begin()->first.size() != 1) continue;
    const std::uint32_t u = of.terms.begin()->first[0];
    const auto found = std::find(m.begin(), m.end(), u);
    if (found == m.end()) continue;
    const std::uint32_t inverse_id = m[k];
    m.erase(found);
    m.erase(std::find(m.begin(), m.end(), inverse_id));
    return normal(std::move(m), c);
  }
  for (std::size_t k = 0; k + 1 < m.size(); ++k) {
    if (m[k] != m[k + 1]) continue;
    const std::optional<Element> u = square(m[k]);
    if (!u) continue;
    m.erase(m.begin() + static_cast<long>(k), m.begin() + static_cast<long>(k) + 2);
    return mul(normal(std::move(m), c), *u);
  }
  if (m.size() > kMaxDegree) throw GaveUp{};
  Polynomial p;
  p.terms[std::move(m)] = c;
  return intern(std::move(p));
}

Algebra::Element Algebra::Impl::mul(Element x, Element y) {
  const Polynomial p = *polynomials[x], q = *polynomials[y];
  work += static_cast<std::int64_t>(p.terms.size() * q.terms.size());
  if (work > max_work) throw GaveUp{};
  Polynomial total;
  std::vector<Element> special;  // products that an identity rewrites
  for (const auto& [m, c] : p.terms) {
    for (const auto& [n, d] : q.terms) {
      Monomial both;
      both.reserve(m.size() + n.size());
      std::merge(m.begin(), m.end(), n.begin(), n.end(), std::back_inserter(both));
      const Element e = normal(std::move(both), c * d);
      const Polynomial& one = *polynomials[e];
      if (one.terms.size() != 1) {
        special.push_back(e);
        continue;
      }
      auto [it, fresh] =
          total.terms.try_emplace(one.terms.begin()->first, one.terms.begin()->second);
      if (fresh) continue;
      it->second = it->second + one.terms.begin()->second;
      if (it->second.mantissa == 0) total.terms.erase(it);
    }
    if (total.terms.size() > kMaxTerms) throw GaveUp{};
  }
  Element out = intern(std::move(total));
  for (Element e : special) out = add(out, e);
  return out;
}

/// Whether the polynomial's first coefficient is negative (the sign that canonical forms remove).
bool Algebra::Impl::leads_negative(Element x) const {
  const Polynomial& p = *polynomials[x];
  return !p.terms.empty() && p.terms.begin()->second.mantissa < 0;
}

Algebra::Element Algebra::Impl::inverse(Element x) {
  const Polynomial p = *polynomials[x];
  if (p.terms.empty()) return function_atom(Op::kDiv, {x});  // 1/0: opaque
  if (p.terms.size() == 1) {  // the inverse of a product is the product of inverses
    const auto& [m, c] = *p.terms.begin();
    const bool two = c.mantissa == 1 || c.mantissa == -1;
    Element out =
        two ? short_number(Dyadic::of(c.mantissa > 0 ? 1 : -1, -c.exponent))
            : scaled(function_atom(Op::kDiv, {short_number(Dyadic{
                                                 c.mantissa < 0 ? -c.mantissa : c.mantissa, 0})}),
                     Dyadic::of(c.mantissa > 0 ? 1 : -1, -c.exponent));
    for (std::uint32_t atom : m) {
      const Atom a = atoms[atom];
      const bool inverted = a.kind == Atom::Kind::kFunction && a.op == Op::kDiv;
      out = mul(out, inverted ? a.arguments[0] : function_atom(Op::kDiv, {of_atom(atom)}));
    }
    return out;
  }
  // inv(c u) = inv(u)/c for a power of two c.
  const Dyadic lead = p.terms.begin()->second;
  const int sign = lead.mantissa < 0 ? -1 : 1;
  const Dyadic factor = Dyadic::of(sign, -lead.exponent);
  return scaled(function_atom(Op::kDiv, {scaled(x, factor)}), factor);
}

Algebra::Element Algebra::Impl::root(Element x) {
  const Polynomial& p = *polynomials[x];
  if (p.terms.size() == 1 && p.terms.begin()->first.empty()) {
    const double value = p.terms.begin()->second.value(), r = std::sqrt(value);
    if (value >= 0 && r == std::floor(r) && r < 1e6) return number(r);
  }
  if (p.terms.empty()) return x;
  return function_atom(Op::kSqrt, {x});
}

Algebra::Element Algebra::Impl::power(Element x, Element y) {
  const Polynomial& exponent = *polynomials[y];
  const bool constant = exponent.terms.empty() ||
                        (exponent.terms.size() == 1 && exponent.terms.begin()->first.empty());
  if (!constant) return function_atom(Op::kPow, {x, y});
  const double e = exponent.terms.empty() ? 0 : exponent.terms.begin()->second.value();
  const double n = std::floor(std::fabs(e));
  if (n > 32 || std::floor(2 * e) != 2 * e) return function_atom(Op::kPow, {x, y});
  Element out = number(1);
  for (int k = 0; k < static_cast<int>(n); ++k) out = mul(out, x);
  if (n != std::fabs(e)) out = mul(out, root(x));
  return e < 0 ? inverse(out) : out;
}

// --- the public face: what gives up becomes a value that equals nothing else

namespace {

template <class F>
Algebra::Element guarded(Algebra::Impl& impl, F f) {
  try {
    return f();
  } catch (const GaveUp&) {
    return impl.unknown();
  }
}

}  // namespace

Algebra::Element Algebra::atom(std::string name) {
  Atom a;
  a.kind = Atom::Kind::kVariable;
  a.name = std::move(name);
  return impl_->of_atom(impl_->make_atom(std::move(a)));
}
Algebra::Element Algebra::number(double value) {
  return impl_->number(value);
}
Algebra::Element Algebra::add(Element a, Element b) {
  return guarded(*impl_, [&] { return impl_->add(a, b); });
}
Algebra::Element Algebra::sub(Element a, Element b) {
  return guarded(*impl_, [&] { return impl_->add(a, impl_->neg(b)); });
}
Algebra::Element Algebra::mul(Element a, Element b) {
  return guarded(*impl_, [&] { return impl_->mul(a, b); });
}
bool Algebra::is_zero(Element a) const {
  return impl_->polynomials[a]->terms.empty();
}

bool Algebra::surely_not_zero(Element a) const {
  return impl_->surely_not_zero(a);
}

/// The value of an atom that reads no variable.
std::optional<long double> Algebra::Impl::number_of(std::uint32_t id) const {
  const Atom& a = atoms[id];
  if (a.kind != Atom::Kind::kFunction) return std::nullopt;
  if (a.op == Op::kConstant) return a.constant;
  if ((a.op != Op::kDiv && a.op != Op::kSqrt) || a.arguments.size() != 1) return std::nullopt;
  long double value = 0;
  for (const auto& [m, c] : polynomials[a.arguments[0]]->terms) {
    long double product = c.value();
    for (std::uint32_t atom : m) {
      const auto x = number_of(atom);
      if (!x) return std::nullopt;
      product *= *x;
    }
    value += product;
  }
  return a.op == Op::kDiv ? 1 / value : std::sqrt(value);
}

bool Algebra::Impl::surely_not_zero(Element x) const {
  struct Coefficient {
    long double sum = 0, size = 0;
  };
  std::map<Monomial, Coefficient> coefficients;  // by the variables of a monomial
  for (const auto& [m, c] : polynomials[x]->terms) {
    long double value = c.value();
    Monomial variables;
    for (std::uint32_t atom : m) {
      if (atoms[atom].kind == Atom::Kind::kVariable) {
        variables.push_back(atom);
        continue;
      }
      const auto number = number_of(atom);
      if (!number) return false;
      value *= *number;
    }
    Coefficient& all = coefficients[std::move(variables)];
    all.sum += value;
    all.size += std::abs(value);
  }
  constexpr long double kOfConstants = 0x1p-50L;  // some of them in a product, rounded
  return std::ranges::any_of(coefficients, [](const auto& of) {
    const long double most = std::abs(of.second.sum);
    return std::isfinite(most) && most > kOfConstants * of.second.size;
  });
}

std::string Algebra::Impl::atom_text(std::uint32_t id) const {
  const Atom& a = atoms[id];
  if (a.kind == Atom::Kind::kVariable) return a.name;
  if (a.kind == Atom::Kind::kUnknown) return "?" + std::to_string(a.serial);
  if (a.op == Op::kConstant) return shortest(a.constant);
  std::string out = a.op == Op::kDiv ? "inv" : std::string(name_of(a.op));
  out += "(";
  for (std::size_t k = 0; k < a.arguments.size(); ++k)
    out += (k ? ", " : "") + text(a.arguments[k]);
  return out + ")";
}

std::string Algebra::Impl::text(Element x) const {
  const Polynomial& p = *polynomials[x];
  if (p.terms.empty()) return "0";
  std::string out;
  for (const auto& [m, c] : p.terms) {
    const double value = c.value();
    out += out.empty() ? (value < 0 ? "-" : "") : (value < 0 ? " - " : " + ");
    const double size = std::fabs(value);
    std::string factors = size == 1 && !m.empty() ? "" : shortest(size);
    for (std::size_t k = 0; k < m.size();) {
      std::size_t n = 1;
      while (k + n < m.size() && m[k + n] == m[k]) ++n;
      factors += (factors.empty() ? "" : "*") + atom_text(m[k]);
      if (n > 1) factors += "^" + std::to_string(n);
      k += n;
    }
    out += factors;
    if (out.size() > 4000) return out + " ...";
  }
  return out;
}

std::string Algebra::text(Element a) const {
  return impl_->text(a);
}

}  // namespace cotangent::transform
