#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/interrupt.h"
#include "cotangent/apps/outputs.h"
#include "cotangent/apps/statistics.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

telemetry::ProgressEvent event_of(const mechanics::Progress& progress) {
  telemetry::ProgressEvent event;
  event.step = progress.step;
  event.steps = progress.steps;
  event.t = progress.t;
  event.seconds = progress.seconds;
  event.energy_error = progress.energy_error;
  return event;
}

/// A finite state may still have an energy or an observable that is not: that is never silent.
void warn_of_non_finite_samples(const mechanics::RunResult& result,
                                telemetry::Telemetry& telemetry) {
  const auto look = [&](const mechanics::Series& series) {
    const io::SampleView view = view_of(series);
    std::size_t bad = 0, first = 0;
    for (std::size_t k = 0; k < view.t.size(); ++k) {
      const auto row = view.row(k);
      if (std::all_of(row.begin(), row.end(), [](double x) { return std::isfinite(x); })) continue;
      if (bad++ == 0) first = k;
    }
    if (bad == 0) return;
    telemetry.warn(series.name + " is not finite in " + std::to_string(bad) + " of " +
                   std::to_string(view.t.size()) +
                   " samples, first at t = " + number_text(view.t[first], 15));
  };
  for (const mechanics::Invariant& invariant : result.invariants) look(invariant.series);
  for (const mechanics::Series& series : result.observables) look(series);
}

/// The probe that found dt and order may not have seen what came later.
void warn_of_missed_accuracy(const Prepared& prepared, const mechanics::RunResult& result,
                             telemetry::Telemetry& telemetry) {
  const auto& asked = prepared.plan.accuracy;
  if (!asked) return;
  for (const mechanics::Invariant& invariant : result.invariants) {
    if (invariant.name != "energy" || !(invariant.max_rel_error > *asked)) continue;
    telemetry.warn("accuracy = " + shortest(*asked) + " was asked for, and the energy is off by " +
                   error_text(invariant.max_rel_error) +
                   ": the short runs that found dt did not see this coming; give order and dt, or "
                   "a smaller accuracy");
  }
}

int code_of(mechanics::RunStatus status) {
  switch (status) {
    case mechanics::RunStatus::kFinished: return kOk;
    case mechanics::RunStatus::kInterrupted: return kInterrupted;
    case mechanics::RunStatus::kNonFinite: return kNonFinite;
    case mechanics::RunStatus::kStopped: return kNonFinite;
  }
  return kOurFault;
}

}  // namespace

int run_command(const RunOptions& options, Console& console) {
  telemetry::Telemetry& telemetry = console.telemetry;
  const InterruptFlag interrupt;
  refuse_foreign_cpu(options);
  const Prepared prepared = prepare(options, telemetry);
  std::shared_ptr<const mechanics::Flow> flow;
  {
    const telemetry::Span span(telemetry, "compile");
    mechanics::FlowOptions how = flow_options(options, telemetry);
    how.trajectory = !options.out.empty();
    flow = mechanics::Flow::compile(prepared.file.system, prepared.facts, prepared.plan, how);
  }
  std::optional<OutputPlan> outputs;
  if (!options.out.empty()) outputs = plan_outputs(options.out, options.overwrite, prepared);

  telemetry.info(method_text(prepared.plan) + ", " +
                 (prepared.plan.ensemble
                      ? telemetry::grouped(prepared.plan.ensemble->size) + " members, "
                      : std::string()) +
                 telemetry::grouped(prepared.plan.steps) +
                 " steps of dt = " + number_text(prepared.plan.dt, 15) + "; compiled in " +
                 telemetry::duration_text(flow->compile_seconds()) +
                 (flow->code_was_cached() ? ", code from the cache" : ""));

  for (const mechanics::Fact& jump : prepared.facts.all) {
    if (jump.name != "may_jump" || !std::get<bool>(jump.value)) continue;
    telemetry.warn(jump.detail + (prepared.file.source && !jump.place.empty()
                                      ? "\n" + show_place(*prepared.file.source, jump.place)
                                      : ""));
  }

  for (const std::string& text :
       mechanics::warnings_before(prepared.file.system, prepared.plan, prepared.file.initial)) {
    telemetry.warn(text);
  }

  for (const mechanics::Decision& d : prepared.plan.decisions) {
    if (d.choice == "warning") telemetry.warn(d.reason);
  }

  mechanics::RunControl control;
  control.record_trajectory = outputs.has_value();
  control.interrupted = [&] { return interrupt.raised(); };
  telemetry::ProgressEvent last = event_of({});
  control.progress = [&](const mechanics::Progress& progress) {
    last = event_of(progress);
    telemetry.progress(last);
  };
  mechanics::RunResult result;
  {
    const telemetry::Span span(telemetry, "run");
    result = flow->run(prepared.file.initial, prepared.plan.steps, control);
  }
  last.step = result.steps;
  last.steps = prepared.plan.steps;
  last.t = result.t;
  last.seconds = result.run_s;
  last.last = true;
  telemetry.progress(last);

  Answer answer{prepared, result, {}};
  if (outputs) {
    const telemetry::Span span(telemetry, "write outputs");
    write_outputs(*outputs, answer);
  }
  if (options.json)
    write_answer_json(console.out, answer, 2);
  else
    write_answer_text(console.out, answer);
  console.out.flush();
  if (!result.fault || result.fault->step > 0) warn_of_non_finite_samples(result, telemetry);
  if (result.fault) {
    telemetry.log(telemetry::Level::kError, fault_text(result, prepared));
  }
  for (const std::string& text : result.warnings) telemetry.warn(text);
  if (!result.goes_wrong.empty()) telemetry.warn(result.goes_wrong);
  warn_of_missed_accuracy(prepared, result, telemetry);
  if (result.status == mechanics::RunStatus::kStopped) {
    telemetry.log(telemetry::Level::kError, stop_text(result));
  }
  if (prepared.plan.ensemble) {
    const std::int64_t lost = prepared.plan.ensemble->size - finite_members(result);
    if (lost > 0) {
      telemetry.warn(telemetry::grouped(lost) + " of " +
                     telemetry::grouped(prepared.plan.ensemble->size) +
                     " members are not finite at the end; the statistics are of the others");
    }
  }
  if (result.status == mechanics::RunStatus::kInterrupted) {
    telemetry.warn("interrupted after step " + telemetry::grouped(result.steps) + " of " +
                   telemetry::grouped(prepared.plan.steps) + "; the answer is up to there");
  }
  return code_of(result.status);
}

}  // namespace cotangent::apps
