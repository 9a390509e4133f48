// Dimensions of expressions: what may be added to what, and what comes out.
//
// A name whose dimension nobody gave (a parameter that is a bare number) is an unknown; uses settle
// it, as types are inferred: in "p^2/(2*m)", an energy, m is a mass. A dimension is then a product
// of base powers and powers of unknowns, and each demand "these two are equal" is one linear
// equation over the fractions, solved for one unknown (Kennedy, "Relational parametricity and units
// of measure", POPL 1997, section 2). Bare numbers in an expression have no dimension, but 0 has
// every one.
//
// An expression is checked after it has been traced: names, shapes and types are right already.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cotangent/lang/tracer.h"
#include "cotangent/lang/units.h"

namespace cotangent::lang {

/// known * product of unknown[k]^n, sorted by k, no power 0.
struct DimensionTerm {
  Dimension known;
  std::vector<std::pair<int, Rational>> unknowns;

  DimensionTerm() = default;
  DimensionTerm(Dimension d) : known(std::move(d)) {}  // NOLINT: a dimension is such a product
  bool is_known() const { return unknowns.empty(); }
};
DimensionTerm operator*(const DimensionTerm& a, const DimensionTerm& b);
DimensionTerm operator/(const DimensionTerm& a, const DimensionTerm& b);
DimensionTerm power(const DimensionTerm& a, const Rational& n);

class Dimensions {
 public:
  /// Definitions are taken from `names`, which must outlive this.
  explicit Dimensions(const Context& names);

  /// A new unknown; `name` is what it is called in messages.
  DimensionTerm unknown(std::string name);
  /// What a name (q, p, v, t, a parameter) has. `constant` is its value where it is an integer that
  /// is baked in, so that it may be a power.
  void set(const std::string& name, DimensionTerm dimension,
           std::optional<Rational> constant = std::nullopt);
  /// An array [n] whose entries differ in dimension: it must be indexed by numbers.
  void set_entries(const std::string& name, std::vector<DimensionTerm> entries);
  const DimensionTerm* find(const std::string& name) const;

  /// The dimension of an expression. Throws UserError where it has none.
  DimensionTerm infer(const Expression& expression);
  /// The same, which must be `wanted`; `what` names the expression: "the energy term 'kinetic'".
  DimensionTerm expect(const Expression& expression, const DimensionTerm& wanted,
                       const std::string& what);
  /// Whether two can be equal; settles unknowns so that they are. `where` is told when a later use
  /// disagrees.
  bool unify(const DimensionTerm& a, const DimensionTerm& b, const std::string& where);

  /// With the unknowns that are settled put in.
  DimensionTerm settled(const DimensionTerm& d) const;
  /// "length", "mass*length^2", "energy*[k]" where k is an unknown.
  std::string words(const DimensionTerm& d) const;
  /// What was said of a settled unknown of this name: "'k' has no unit and was taken for ...", or
  /// "".
  std::string settled_note(const std::string& name) const;

 private:
  friend class DimensionWalk;
  struct Unknown {
    std::string name;
    bool settled = false;
    DimensionTerm value;
    std::string where;
  };
  struct Symbol {
    DimensionTerm dimension;
    std::shared_ptr<const std::vector<DimensionTerm>> entries;
    std::optional<Rational> constant;
  };

  const Context& names_;
  std::vector<Unknown> unknowns_;
  std::unordered_map<std::string, Symbol> symbols_;
  std::int64_t budget_;
};

}  // namespace cotangent::lang
