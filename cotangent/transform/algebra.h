// Exact algebra over the reals on scalarised bodies: polynomials with exact coefficients over atoms
// (parameters' elements, and non-polynomial functions of polynomials, hash-consed). Used to *prove*
// that two programs are equal or that one is zero; never to compute values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::transform {

/// A polynomial: monomial (sorted atom ids, repeated for powers) -> coefficient. Coefficients are
/// short dyadic numbers, held exactly; longer constants (0.1) are atoms.
class Polynomial;

/// Interprets (scalar or small-shaped) programs over polynomials. An interpreter for one question;
/// limits on the number of monomials and atoms make it give up, never hang.
class Algebra {
 public:
  /// `max_work`: products of terms, a microsecond each, after which it gives up.
  explicit Algebra(std::int64_t max_work = 4'000'000);
  ~Algebra();
  Algebra(const Algebra&) = delete;
  Algebra& operator=(const Algebra&) = delete;

  using Element = std::uint32_t;          ///< handle of a hash-consed polynomial
  using Elements = std::vector<Element>;  ///< row-major elements of one array value

  Element atom(std::string name);  ///< a free variable
  Element number(double value);
  /// Arithmetic that passes a limit gives a fresh value that equals nothing else (so it proves
  /// nothing).
  Element add(Element a, Element b);
  Element sub(Element a, Element b);
  Element mul(Element a, Element b);
  bool is_zero(Element a) const;
  /// Whether it takes a value other than zero, by what is known here: a polynomial in free variables
  /// and numbers, with a coefficient that the rounding of its long constants to 2^-53 cannot have
  /// made. False proves nothing, as `is_zero` being false does not.
  bool surely_not_zero(Element a) const;
  std::string text(Element a) const;  ///< readable, for derivations

  /// Interprets `f` on the given elements of each parameter. A nested map/pair_sum/loop becomes
  /// opaque atoms keyed by its body and its arguments. nullopt when it gives up (size limits).
  std::optional<std::vector<Elements>> interpret(const ir::Function& f,
                                                 std::span<const Elements> arguments);

  struct Impl;  ///< the inside (algebra_impl.h)

 private:
  Impl* impl_;
};

}  // namespace cotangent::transform
