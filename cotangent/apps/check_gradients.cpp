#include "cotangent/apps/check_gradients.h"

#include <algorithm>
#include <ostream>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/interrupt.h"
#include "cotangent/apps/refusals.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/mechanics/check_gradient.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {

using transform::GradCheck;
using transform::GradCheckRow;

namespace {

void write_json(std::ostream& out, const GradCheck& check, const Prepared& prepared) {
  io::JsonWriter json(out);
  json.begin_object().field("schema", "cotangent.check/1").field("check", "grad");
  json.field("steps", prepared.plan.steps).field("verdict", verdict_text(check));
  json.field("ok", check.verdict == GradCheck::Verdict::kPass).field("reason", check.reason);
  json.key("ways").begin_array();
  for (const GradCheckRow* row :
       {&check.reverse, &check.forward, &check.differences, &check.identity}) {
    json.begin_object().field("way", row->method).field("state", state_text(*row));
    json.field("compared", row->compared).field("worst", row->worst);
    json.field("tolerance", row->tolerance).field("where", row->where).end_object();
  }
  json.end_array().field("kinks", check.kinks).field("without_digits", check.no_digits);
  json.end_object();
  out << '\n';
}

}  // namespace

const char* verdict_text(const GradCheck& check) {
  switch (check.verdict) {
    case GradCheck::Verdict::kPass: return "pass";
    case GradCheck::Verdict::kFail: return "fail";
    case GradCheck::Verdict::kInconclusive: return "inconclusive";
  }
  return "";
}

const char* state_text(const GradCheckRow& row) {
  switch (row.state) {
    case GradCheckRow::State::kAgrees: return "agrees";
    case GradCheckRow::State::kDisagrees: return "disagrees";
    case GradCheckRow::State::kNotFinite: return "not finite";
    case GradCheckRow::State::kNothing: return "nothing";
    case GradCheckRow::State::kRefused: return "refused";
  }
  return "";
}

std::vector<std::string> variables_of(const Prepared& prepared) {
  std::vector<std::string> names = {"q", prepared.file.initial.p ? "p" : "v"};
  if (prepared.file.system.form != mechanics::Form::kCanonical) {
    names.clear();
    for (const mechanics::StateArray& x : prepared.file.system.arrays) names.push_back(x.name);
  }
  for (const mechanics::Parameter& x : prepared.file.system.parameters) names.push_back(x.name);
  return names;
}

int check_gradients(const CheckOptions& options, Console& console) {
  refuse_foreign_cpu(options);
  Prepared prepared;
  std::optional<mechanics::Objective> objective;
  if (options.of.empty()) {
    prepared = prepare(options, console.telemetry,
                       {mechanics::Kinds::kKicksAndDrifts, "a check of gradients"});
  } else {
    PreparedObjective with = prepare_objective(options, options.of, console.telemetry);
    objective = with.objective;
    objective->every = 0;
    prepared = std::move(with);
  }
  refuse_ensemble(prepared, "`cotangent check --grad`");
  refuse_jumps(prepared, "`cotangent check --grad`");
  refuse_integers(prepared, options.wrt);
  const std::vector<std::string> wrt = options.wrt.empty() ? variables_of(prepared) : options.wrt;
  transform::GradCheckOptions how;
  how.components = options.components;
  if (options.tolerance) how.tolerance = *options.tolerance;
  // A run that does not finish says what `run` says.
  const InterruptFlag interrupt;
  mechanics::RunControl control;
  control.interrupted = [&] { return interrupt.raised(); };
  const mechanics::RunResult once =
      mechanics::Flow::compile(prepared.file.system, prepared.facts, prepared.plan,
                               flow_options(options, console.telemetry))
          ->run(prepared.file.initial, prepared.plan.steps, control);
  if (once.fault) {
    if (options.json) {
      io::JsonWriter json(console.out);
      json.begin_object().field("schema", "cotangent.check/1").field("check", "grad");
      json.field("status", "non-finite").field("ok", false);
      write_fault(json, *once.fault);
      json.end_object();
      console.out << '\n';
    }
    console.telemetry.log(telemetry::Level::kError, fault_text(once, prepared));
    return kNonFinite;
  }
  if (once.status == mechanics::RunStatus::kStopped) {
    console.telemetry.log(telemetry::Level::kError, stop_text(once));
    return kNonFinite;
  }
  console.telemetry.info("about " + telemetry::grouped(20 * (options.components + how.directions)) +
                         " runs of " + telemetry::grouped(prepared.plan.steps) + " steps");
  GradCheck check;
  try {
    check = mechanics::check_gradient(
        prepared.file.system, prepared.facts, prepared.plan, prepared.file.initial, objective, wrt,
        prepared.file.run.gradient, how, flow_options(options, console.telemetry),
        control.interrupted);
  } catch (const mechanics::CheckInterrupted&) {
    console.telemetry.warn("interrupted: there is no verdict");
    return kInterrupted;
  }
  if (options.json) {
    write_json(console.out, check, prepared);
  } else {
    console.out << check.text() << '\n';
    if (check.verdict == GradCheck::Verdict::kInconclusive && check.no_digits > 0) {
      console.out << "Differences of a long or chaotic run have no digits: take fewer steps.\n";
    }
  }
  return check.verdict == GradCheck::Verdict::kPass ? kOk : kCheckFailed;
}

}  // namespace cotangent::apps
