// Facts: rules first; what no rule settles is tested on samples near the initial state.
#include "cotangent/mechanics/facts.h"

#include "cotangent/base/error.h"
#include "cotangent/mechanics/facts_context.h"

namespace cotangent::mechanics {

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
    find_of_other_form(c);
    return std::move(c.facts);
  }
  if (system.terms.empty())
    throw UserError("the system has no energy term", "give one in [energy]");
  ensure(initial.p || initial.v, "find_facts: neither p nor v");
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
  return std::move(c.facts);
}

}  // namespace cotangent::mechanics
