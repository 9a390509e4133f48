// What is to be said of a run beside its answer.
#pragma once

#include <string>
#include <vector>

#include "cotangent/apps/prepared.h"

namespace cotangent::apps {

struct RunNote {
  telemetry::Level level = telemetry::Level::kWarning;  ///< kError: why it did not come to its end
  std::string text;
};

/// Before it: forces that do not see a jump, steps that are too long, what the planner warns of.
std::vector<std::string> warnings_before(const Prepared& prepared);

/// After it, in this order: samples that are not finite, the fault, what monitors say, an accuracy
/// that was missed, why it was stopped, members that were lost.
std::vector<RunNote> notes_after(const Prepared& prepared, const mechanics::RunResult& result);

/// Where a run is, for who shows it.
telemetry::ProgressEvent event_of(const mechanics::Progress& progress);

}  // namespace cotangent::apps
