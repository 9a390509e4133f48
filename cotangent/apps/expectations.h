// Results that were expected of a run, and what it gave.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cotangent/apps/example_index.h"

namespace cotangent::apps {

/// The number at `path` of an answer of `run --json`, which is a text. A path is made of keys and
/// indices, "final.q[0][1]"; an invariant is found by its name, "invariants.energy.max_rel_error".
/// Of samples, "observables.radius", it takes `first`, `last`, `least`, `greatest`, `mean` or
/// `span` (greatest - least). NaN for what is not finite. UserError where there is nothing.
double value_at(const std::string& answer, const std::string& path);

struct Outcome {
  Expectation expected;
  double value = 0;
  bool met() const;
};

std::vector<Outcome> outcomes_of(const std::vector<Expectation>& expected,
                                 const std::string& answer);

/// "0.4 +- 1e-07", "below 1e-10", "above 2.5, below 3"
std::string bound_text(const Expectation& expected);

void write_outcomes_text(std::ostream& out, const std::vector<Outcome>& outcomes);

}  // namespace cotangent::apps
