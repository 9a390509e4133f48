// Facts: rules first; what no rule settles is tested on samples near the initial state.
#include "cotangent/mechanics/facts.h"

#include <algorithm>
#include <iterator>

#include "cotangent/base/error.h"
#include "cotangent/mechanics/facts_context.h"

namespace cotangent::mechanics {
namespace {

/// The order in which facts are told, whatever the form of the system and whoever found them.
constexpr const char* kOrder[] = {"degrees_of_freedom",
                                  "skew",
                                  "jacobi",
                                  "metric_symmetric",
                                  "metric_positive",
                                  "entropy_is_casimir",
                                  "energy_not_dissipated",
                                  "casimirs",
                                  "separable",
                                  "velocity_dependent",
                                  "degree",
                                  "quadratic_kinetic",
                                  "quadratic_part",
                                  "linear",
                                  "cost",
                                  "time_dependent",
                                  "periodic",
                                  "translation_invariant",
                                  "rotation_invariant",
                                  "galilean_invariant",
                                  "scale_invariant",
                                  "cyclic",
                                  "pairwise",
                                  "pair_range",
                                  "smooth",
                                  "may_jump",
                                  "singular",
                                  "stiff",
                                  "near_integrable",
                                  "constrained"};

Facts in_order(Facts facts) {
  const auto place = [](const Fact& f) {
    const auto at = std::ranges::find_if(kOrder, [&](const char* name) { return f.name == name; });
    if (at == std::end(kOrder)) throw InternalError("no place in the order of facts for " + f.name);
    return at - std::begin(kOrder);
  };
  std::ranges::stable_sort(facts.all, {}, place);  // those of one name by their terms, as given
  return facts;
}

}  // namespace

const Fact& Facts::find(const std::string& name) const {
  for (const Fact& f : all) {
    if (f.name == name) return f;
  }
  throw InternalError("no fact is named " + name);
}

bool Facts::holds(const std::string& name) const {
  return std::get<bool>(find(name).value);
}

Facts find_facts(const System& system, const InitialState& initial) {
  FactContext c(system, initial);
  if (system.form != Form::kCanonical) {
    want_true_gradients(c);
    find_of_other_form(c);
    return in_order(std::move(c.facts));
  }
  if (system.terms.empty())
    throw UserError("the system has no energy term", "give one in [energy]");
  ensure(initial.p || initial.v, "find_facts: neither p nor v");
  want_true_gradients(c);
  const Shape& s = system.shape;
  c.add("degrees_of_freedom", s.size(), How::kProved,
        s.rank() == 2
            ? std::to_string(s[0]) + (s[0] == 1 ? " particle in " : " particles in ") +
                  std::to_string(s[1]) + (s[1] == 1 ? " dimension" : " dimensions")
            : std::to_string(s[0]) + (s[0] == 1 ? " scalar coordinate" : " scalar coordinates"));
  find_splitting(c);
  find_time(c);
  find_symmetries(c);
  find_shape(c);
  find_probe(c);
  c.add("constrained", false, How::kProved, "no constraint is given").derivation = {
      "a system of this form has no constraints"};
  return in_order(std::move(c.facts));
}

}  // namespace cotangent::mechanics
