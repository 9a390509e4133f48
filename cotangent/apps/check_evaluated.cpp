#include "cotangent/apps/check_evaluated.h"

#include <cmath>
#include <ostream>

#include "cotangent/apps/interrupt.h"
#include "cotangent/apps/named_arrays.h"
#include "cotangent/apps/prepared.h"
#include "cotangent/apps/refusals.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/mechanics/evaluate_steps.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

/// "step 2 of loop %7, lane 3 of map %4"; "" where the step itself has the op.
std::string levels_of(const ir::NonFinite& made) {
  std::vector<std::string> levels;
  for (const ir::NonFiniteLevel& level : made.levels) levels.push_back(level.text());
  return join(levels, ", ");
}

std::string text_of(const mechanics::FirstNonFinite& fault, const SourcePtr& source) {
  std::string text = "step " + telemetry::grouped(fault.step) + " (t = " + shortest(fault.t) +
                     ") makes " + fault.component;
  if (!fault.made) return text + " leave the lattice";
  const ir::NonFinite& made = *fault.made;
  text += " not finite\n  " + std::string(ir::name_of(made.op)) + " gives " + shortest(made.made) +
          " in " + made.function + (made.levels.empty() ? "" : ", " + levels_of(made)) + ":\n  " +
          made.line;
  if (source && !made.place.empty()) text += "\n" + show_place(*source, made.place);
  return text;
}

void write_json(std::ostream& out, const mechanics::EvaluatedRun& run, const Prepared& prepared) {
  const SourcePtr& source = prepared.file.source;
  io::JsonWriter json(out);
  json.begin_object().field("schema", "cotangent.check/1").field("check", "evaluate");
  json.field("steps", run.steps);
  const mechanics::System& system = prepared.file.system;
  const std::vector<NamedArray> state = system.form == mechanics::Form::kCanonical
                                            ? std::vector<NamedArray>{{"q", run.q}, {"p", run.p}}
                                            : arrays_of(system, run.x);
  for (const NamedArray& a : state) {
    json.key(a.name).array(a.value.type().shape, doubles_of(a.value));
  }
  if (run.fault) {
    const mechanics::FirstNonFinite& fault = *run.fault;
    json.key("fault").begin_object().field("step", fault.step).field("t", fault.t);
    json.field("component", fault.component);
    if (fault.made) {
      const ir::NonFinite& made = *fault.made;
      json.field("op", ir::name_of(made.op)).field("function", made.function);
      json.field("where", levels_of(made)).field("line", made.line);
      json.field("value", shortest(made.made));
      if (source && !made.place.empty()) {
        json.field("expression",
                   source->text.substr(made.place.begin, made.place.end - made.place.begin));
      }
    }
    json.end_object();
  }
  json.field("ok", !run.fault.has_value()).end_object();
  out << '\n';
}

}  // namespace

int check_evaluated(const CheckOptions& options, Console& console) {
  const InterruptFlag interrupt;
  const Prepared prepared =
      prepare(options, console.telemetry, {mechanics::Kinds::kSteps, "a check of steps"});
  refuse_ensemble(prepared, "`cotangent check --evaluate`");
  mechanics::FlowOptions how = flow_options(options, console.telemetry);
  how.reference = true;
  const auto flow =
      mechanics::Flow::compile(prepared.file.system, prepared.facts, prepared.plan, how);
  const std::int64_t steps = prepared.plan.steps;
  const double begin = console.telemetry.now();
  const auto between = [&](std::int64_t done) {
    telemetry::ProgressEvent event;
    event.step = done;
    event.steps = steps;
    event.seconds = console.telemetry.now() - begin;
    event.energy_error = NAN;
    event.last = done == steps;
    console.telemetry.progress(event);
    return !interrupt.raised();
  };
  const mechanics::EvaluatedRun run = mechanics::evaluate_steps(
      prepared.file.system, *flow, prepared.plan.dt, prepared.file.initial, steps, between);
  const SourcePtr& source = prepared.file.source;
  if (options.json) {
    write_json(console.out, run, prepared);
  } else if (run.fault) {
    console.out << text_of(*run.fault, source) << '\n';
  } else {
    console.out << "ok: all values of " << telemetry::grouped(run.steps)
                << " steps of dt = " << number_text(prepared.plan.dt, 15) << " with "
                << prepared.plan.method << " are finite\n";
  }
  if (run.interrupted) {
    console.telemetry.warn("interrupted after step " + telemetry::grouped(run.steps) + " of " +
                           telemetry::grouped(steps));
    return kInterrupted;
  }
  return run.fault ? kNonFinite : kOk;
}

}  // namespace cotangent::apps
