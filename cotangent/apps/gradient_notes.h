// What is asked of a gradient, and what is to be said of one beside its numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/apps/run_notes.h"

namespace cotangent::apps {

/// Whether `at` is "mean"; UserError unless it is that or "final", and where `every` is given
/// without a mean.
bool refuse_other_place(const std::string& at, std::optional<std::int64_t> every);

/// The objective with its cadence: 0 at the end; of a mean as given, else its own, else the plan's.
mechanics::Objective objective_at(const PreparedObjective& prepared, bool mean,
                                  std::optional<std::int64_t> every);

/// Parameters that nothing reads, what undoing drifted by, why there is no gradient, and whether
/// its digits are lost. Of kind kError: it is not what was asked for.
std::vector<RunNote> notes_on_gradient(const Prepared& prepared,
                                       const mechanics::Objective& objective,
                                       const std::vector<std::string>& wrt, bool mean,
                                       const mechanics::GradientResult& result);

}  // namespace cotangent::apps
