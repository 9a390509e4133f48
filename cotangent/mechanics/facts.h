// Facts about a system, each proved (with a derivation by rules) or tested (with the samples
// named).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

enum class How { kProved, kTested };

struct Fact {
  std::string name;
  std::variant<bool, std::int64_t, std::string> value;
  How how = How::kTested;
  std::string detail;                   ///< one line: why, or the counterexample
  std::vector<std::string> derivation;  ///< the steps of the proof; empty when tested
  SourceSpan place;  ///< where a false fact is decided (the mixing op, say); may be empty
  std::string term;  ///< the term it is about, or ""
};

struct Facts {
  std::vector<Fact> all;
  const Fact& find(const std::string& name) const;  ///< throws InternalError when absent
  bool holds(const std::string& name) const;        ///< value of a yes-or-no fact
};

/// Yes-or-no facts: separable, linear, time_dependent, translation_invariant, rotation_invariant,
/// pairwise. Others: "degree" for each term ("2 in p, 0 in q"), quadratic_kinetic, smooth,
/// may_jump, ... `initial` gives the neighbourhood in which tested facts are sampled.
Facts find_facts(const System& system, const InitialState& initial);

}  // namespace cotangent::mechanics
