// What an answer says of an ensemble.
#pragma once

#include <iosfwd>

#include "cotangent/apps/answer.h"

namespace cotangent::apps {

/// Members whose state at the end is finite.
std::int64_t finite_members(const mechanics::RunResult& result);

/// "r" of "r.q05", where that is a statistic of an observable; else nothing.
std::string observable_of(const Prepared& prepared, const std::string& series);

/// The unit of a series of observables or of their statistics; "" where the file has none.
std::string unit_of(const Prepared& prepared, const std::string& series);

/// Those of the rows of the covariance: an entry has that of its row times that of its column.
std::vector<std::string> units_of_covariance(const Prepared& prepared);

/// A table of the observables' statistics at the end.
void write_statistics_text(std::ostream& out, const Answer& answer);

}  // namespace cotangent::apps
