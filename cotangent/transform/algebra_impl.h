// Inside of Algebra; split over algebra.cpp (polynomials) and algebra_interpret.cpp (programs).
#pragma once

#include <compare>
#include <deque>
#include <map>

#include "cotangent/transform/algebra.h"

namespace cotangent::transform {

/// Thrown when a limit is passed or a coefficient would round.
struct GaveUp {};

__extension__ typedef __int128 Int128;

/// mantissa * 2^exponent, exactly; the mantissa is odd or zero.
struct Dyadic {
  Int128 mantissa = 0;
  int exponent = 0;
  static Dyadic of(std::int64_t mantissa, int exponent);
  void normalise();
  double value() const;
  auto operator<=>(const Dyadic&) const = default;
};
Dyadic operator+(const Dyadic& x, const Dyadic& y);
Dyadic operator*(const Dyadic& x, const Dyadic& y);

using Monomial = std::vector<std::uint32_t>;  ///< sorted atom ids, repeated for powers

class Polynomial {
 public:
  std::map<Monomial, Dyadic> terms;
  auto operator<=>(const Polynomial&) const = default;
};

struct Atom {
  enum class Kind { kVariable, kFunction, kUnknown };
  Kind kind = Kind::kVariable;
  std::string name;                // of a variable
  ir::Op op = ir::Op::kParameter;  // of a function; div is the inverse, constant a long number
  std::vector<Algebra::Element> arguments;
  double constant = 0;
  std::uint32_t serial = 0;  // tells apart what the rest does not
  auto operator<=>(const Atom&) const = default;
  bool truth() const {
    return kind == Kind::kFunction &&
           (op == ir::Op::kLt || op == ir::Op::kEq || op == ir::Op::kIsFinite);
  }
};

struct Algebra::Impl {
  using Element = Algebra::Element;

  Element intern(Polynomial p);
  Element short_number(const Dyadic& d);
  Element number(double value);
  Element of_atom(std::uint32_t atom);
  std::uint32_t make_atom(Atom a);
  Element function_atom(ir::Op op, std::vector<Element> arguments, double constant = 0,
                        std::uint32_t extra = 0);
  Element unknown();

  Element scaled(Element x, const Dyadic& by);
  Element add(Element x, Element y);
  Element neg(Element x);
  Element mul(Element x, Element y);
  Element inverse(Element x);
  Element root(Element x);
  Element power(Element x, Element y);

  Element normal(Monomial m, const Dyadic& c);
  std::optional<Element> square(std::uint32_t atom);
  const Atom* single_atom(Element x) const;
  bool is_function(std::uint32_t atom, ir::Op op) const;
  bool leads_negative(Element x) const;

  std::optional<long double> number_of(std::uint32_t atom) const;
  bool surely_not_zero(Element x) const;

  std::string atom_text(std::uint32_t id) const;
  std::string text(Element x) const;

  std::map<Polynomial, Element> ids;
  std::vector<const Polynomial*> polynomials;  // keys of `ids`, by element
  std::map<Atom, std::uint32_t> atom_ids;
  std::deque<Atom> atoms;
  std::vector<ir::Attr> opaque;  // attributes of second-order ops met so far
  std::uint32_t unknowns = 0;
  std::int64_t work = 0, max_work = 0;
};

}  // namespace cotangent::transform
