// A plan of a problem, its refusal, and what it says of a decision.
#pragma once

#include <string>

#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {

inline Plan plan_of(const Problem& p, const RunSettings& s) {
  return make_plan(p.system, find_facts(p.system, p.initial), s, &p.initial);
}

/// The text of the UserError, or "" where there is a plan.
inline std::string plan_refusal(const Problem& p, const RunSettings& s) {
  try {
    plan_of(p, s);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

/// "choice: reason", or "".
inline std::string decision(const Plan& plan, const std::string& name) {
  for (const Decision& d : plan.decisions) {
    if (d.decision == name) return d.choice + ": " + d.reason;
  }
  return "";
}

}  // namespace cotangent::mechanics::test
