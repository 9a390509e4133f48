#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/interrupt.h"
#include "cotangent/apps/outputs.h"
#include "cotangent/apps/run_notes.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

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
  return run_and_tell(options, console, [&](const Answer& answer) {
    if (options.json)
      write_answer_json(console.out, answer, 2);
    else
      write_answer_text(console.out, answer);
  });
}

int run_and_tell(const RunOptions& options, Console& console,
                 const std::function<void(const Answer&)>& tell) {
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

  for (const std::string& text : warnings_before(prepared)) telemetry.warn(text);

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
  tell(answer);
  console.out.flush();
  for (const RunNote& note : notes_after(prepared, result)) telemetry.log(note.level, note.text);
  if (result.status == mechanics::RunStatus::kInterrupted) {
    telemetry.warn("interrupted after step " + telemetry::grouped(result.steps) + " of " +
                   telemetry::grouped(prepared.plan.steps) + "; the answer is up to there");
  }
  return code_of(result.status);
}

}  // namespace cotangent::apps
