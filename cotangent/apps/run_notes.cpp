#include "cotangent/apps/run_notes.h"

#include <algorithm>
#include <cmath>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/statistics.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

/// A finite state may still have an energy or an observable that is not: that is never silent.
void note_non_finite_samples(const mechanics::RunResult& result, std::vector<RunNote>& notes) {
  const auto look = [&](const mechanics::Series& series) {
    const io::SampleView view = view_of(series);
    std::size_t bad = 0, first = 0;
    for (std::size_t k = 0; k < view.t.size(); ++k) {
      const auto row = view.row(k);
      if (std::all_of(row.begin(), row.end(), [](double x) { return std::isfinite(x); })) continue;
      if (bad++ == 0) first = k;
    }
    if (bad == 0) return;
    notes.push_back({telemetry::Level::kWarning,
                     series.name + " is not finite in " + std::to_string(bad) + " of " +
                         std::to_string(view.t.size()) +
                         " samples, first at t = " + number_text(view.t[first], 15)});
  };
  for (const mechanics::Invariant& invariant : result.invariants) look(invariant.series);
  for (const mechanics::Series& series : result.observables) look(series);
}

/// The probe that found dt and order may not have seen what came later.
void note_missed_accuracy(const Prepared& prepared, const mechanics::RunResult& result,
                          std::vector<RunNote>& notes) {
  const auto& asked = prepared.plan.accuracy;
  if (!asked) return;
  for (const mechanics::Invariant& invariant : result.invariants) {
    if (invariant.name != "energy" || !(invariant.max_rel_error > *asked)) continue;
    notes.push_back(
        {telemetry::Level::kWarning,
         "accuracy = " + shortest(*asked) + " was asked for, and the energy is off by " +
             error_text(invariant.max_rel_error) +
             ": the short runs that found dt did not see this coming; give order and dt, or "
             "a smaller accuracy"});
  }
}

}  // namespace

std::vector<std::string> warnings_before(const Prepared& prepared) {
  std::vector<std::string> texts;
  for (const mechanics::Fact& jump : prepared.facts.all) {
    if (jump.name != "may_jump" || !std::get<bool>(jump.value)) continue;
    texts.push_back(jump.detail + (prepared.file.source && !jump.place.empty()
                                       ? "\n" + show_place(*prepared.file.source, jump.place)
                                       : ""));
  }
  for (std::string& text :
       mechanics::warnings_before(prepared.file.system, prepared.plan, prepared.file.initial)) {
    texts.push_back(std::move(text));
  }
  for (const mechanics::Decision& d : prepared.plan.decisions) {
    if (d.choice == "warning") texts.push_back(d.reason);
  }
  return texts;
}

std::vector<RunNote> notes_after(const Prepared& prepared, const mechanics::RunResult& result) {
  using telemetry::Level;
  std::vector<RunNote> notes;
  if (!result.fault || result.fault->step > 0) note_non_finite_samples(result, notes);
  if (result.fault) notes.push_back({Level::kError, fault_text(result, prepared)});
  for (const std::string& text : result.warnings) notes.push_back({Level::kWarning, text});
  if (!result.goes_wrong.empty()) notes.push_back({Level::kWarning, result.goes_wrong});
  note_missed_accuracy(prepared, result, notes);
  if (result.status == mechanics::RunStatus::kStopped) {
    notes.push_back({Level::kError, stop_text(result)});
  }
  if (!prepared.plan.ensemble) return notes;
  const std::int64_t lost = prepared.plan.ensemble->size - finite_members(result);
  if (lost > 0) {
    notes.push_back({Level::kWarning,
                     telemetry::grouped(lost) + " of " +
                         telemetry::grouped(prepared.plan.ensemble->size) +
                         " members are not finite at the end; the statistics are of the others"});
  }
  return notes;
}

telemetry::ProgressEvent event_of(const mechanics::Progress& progress) {
  telemetry::ProgressEvent event;
  event.step = progress.step;
  event.steps = progress.steps;
  event.t = progress.t;
  event.seconds = progress.seconds;
  event.energy_error = progress.energy_error;
  return event;
}

}  // namespace cotangent::apps
