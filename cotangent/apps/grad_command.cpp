// `cotangent grad`: the gradient of what a run ends in, or of a mean over it.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/gradient_notes.h"
#include "cotangent/apps/interrupt.h"
#include "cotangent/apps/refusals.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/formats/run_settings.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/gradient.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

constexpr std::size_t kShown = 24;  // entries of an array in the answer for people

/// The most memory this process has had, as the operating system counted it.
std::int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

mechanics::GradientSettings settings_of(const GradOptions& options,
                                        const mechanics::GradientSettings& from_file) {
  mechanics::GradientSettings settings = from_file;
  if (!options.policy.empty()) settings.policy = options.policy;
  if (!options.budget.empty()) {
    const auto bytes = formats::parse_bytes(options.budget);
    if (!bytes || *bytes < 1) {
      throw UserError("--budget: '" + options.budget + "' is no number of bytes",
                      "write a size such as 10MB, 256MiB or 4096");
    }
    settings.budget = *bytes;
  }
  if (options.tolerance) {
    if (!(*options.tolerance >= 0)) {
      throw UserError("--tolerance: not a number from 0", "write one such as 1e-6");
    }
    settings.drift_tolerance = *options.tolerance;
  }
  return settings;
}

void write_rows(TextTable& table, const std::string& name, const ir::Tensor& x) {
  const auto values = x.as<double>();
  std::vector<std::size_t> order(values.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  if (order.size() > kShown) {  // the largest
    std::partial_sort(
        order.begin(), order.begin() + kShown, order.end(),
        [&](std::size_t a, std::size_t b) { return std::abs(values[a]) > std::abs(values[b]); });
    order.resize(kShown);
    std::sort(order.begin(), order.end());
  }
  for (std::size_t k : order) {
    table.rows.push_back(
        {mechanics::component_name(name, x.type().shape, static_cast<std::int64_t>(k)),
         number_text(values[k], 15)});
  }
  if (values.size() > kShown) {
    table.rows.push_back({name, "(the " + std::to_string(kShown) + " largest of " +
                                    std::to_string(values.size()) + "; --json gives all)"});
  }
}

void write_json(std::ostream& out, const GradOptions& options, const Prepared& prepared,
                const mechanics::GradientResult& result) {
  io::JsonWriter json(out);
  json.begin_object().field("schema", "cotangent.grad/1");
  const bool finished = result.status == mechanics::RunStatus::kFinished;
  json.field("status", result.fault || result.gradient_fault             ? "non-finite"
                       : finished                                        ? "finished"
                       : result.status == mechanics::RunStatus::kStopped ? "stopped"
                                                                         : "interrupted");
  json.field("of", options.of).field("at", options.at);
  json.field("steps", result.steps).field("dt", prepared.plan.dt);
  json.field("method", prepared.plan.method);
  if (finished) {
    json.field("value", result.value).key("grad").begin_object();
    for (const auto& [name, x] : result.gradient) {
      json.key(name).array(x.type().shape, x.as<double>());
    }
    json.end_object();
  }
  json.field("policy", name_of(result.plan.policy)).field("policy_reason", result.plan.reason);
  json.field("kept_bytes", result.kept_bytes).field("peak_bytes", peak_bytes());
  if (result.plan.policy == mechanics::GradientPolicy::kReverse) {
    json.key("drift").begin_object().field("worst", result.worst_drift);
    json.field("fell_back", result.drift.has_value());
    if (result.drift) {
      json.field("step", result.drift->step).field("t", result.drift->t);
      json.field("distance", result.drift->distance);
    }
    json.end_object();
  }
  if (result.horizon) {
    const mechanics::Horizon& h = *result.horizon;
    json.key("horizon").begin_object().field("growth", h.growth);
    json.field("lyapunov", h.lyapunov).field("digits", h.digits).key("lost_at");
    if (h.lost_at) {
      json.value(*h.lost_at);
    } else {
      json.null();
    }
    json.end_object();
  }
  if (result.fault) write_fault(json, *result.fault);
  if (result.gradient_fault) {
    const mechanics::GradientFault& fault = *result.gradient_fault;
    json.key("gradient_fault").begin_object().field("step", fault.step).field("t", fault.t);
    json.field("component", fault.component).field("op", fault.op).field("where", fault.where);
    json.field("expression", fault.expression).end_object();
  }
  json.field("forward_seconds", result.forward_s).field("reverse_seconds", result.reverse_s);
  json.end_object();
  out << '\n';
}

void write_text(std::ostream& out, const GradOptions& options, const Prepared& prepared,
                const mechanics::GradientResult& result) {
  const mechanics::Plan& plan = prepared.plan;
  const double end = std::fma(static_cast<double>(plan.steps), plan.dt, prepared.file.initial.t);
  out << (options.at == "mean" ? "mean of " : "") << options.of
      << (options.at == "mean" ? " until t = " : " at t = ") << number_text(end, 15) << ": "
      << number_text(result.value, 15) << "\n\ngradient\n";
  TextTable table;
  table.right = {1};
  for (const auto& [name, x] : result.gradient) write_rows(table, name, x);
  out << table << '\n';
  out << "policy " << name_of(result.plan.policy) << ": " << result.plan.reason << '\n';
  out << "kept " << bytes_text(result.kept_bytes) << "; the process had "
      << bytes_text(peak_bytes()) << " at most\n";
  if (result.plan.policy == mechanics::GradientPolicy::kReverse && !result.drift) {
    out << "undone states were within " << error_text(result.worst_drift)
        << " of those that were there\n";
  }
  if (result.horizon && !result.horizon->lost_at) {
    out << "about " << number_text(std::floor(result.horizon->digits), 3)
        << " digits are left: a small change of the state grows by "
        << error_text(result.horizon->growth) << " until the end\n";
  }
}

}  // namespace

int grad_command(const GradOptions& given, Console& console) {
  telemetry::Telemetry& telemetry = console.telemetry;
  const InterruptFlag interrupt;
  GradOptions options = given;
  refuse_foreign_cpu(options);
  const bool mean = refuse_other_place(options.at, options.every);
  const PreparedObjective prepared = prepare_objective(options, options.of, telemetry);
  refuse_ensemble(prepared, "`cotangent grad`");
  refuse_jumps(prepared, "`cotangent grad`");
  refuse_integers(prepared, options.wrt);
  const mechanics::Objective objective = objective_at(prepared, mean, options.every);
  std::shared_ptr<const mechanics::Gradient> gradient;
  {
    const telemetry::Span span(telemetry, "compile");
    gradient = mechanics::Gradient::compile(
        prepared.file.system, prepared.facts, prepared.plan, objective, options.wrt,
        settings_of(options, prepared.file.run.gradient), flow_options(options, telemetry));
  }
  telemetry.info(method_text(prepared.plan) + ", " + telemetry::grouped(prepared.plan.steps) +
                 " steps there and back; compiled in " +
                 telemetry::duration_text(gradient->compile_seconds()));
  mechanics::GradientControl control;
  control.interrupted = [&] { return interrupt.raised(); };
  control.progress = [&](const mechanics::Progress& progress) {
    telemetry::ProgressEvent event;
    event.step = progress.step;
    event.steps = progress.steps;
    event.t = progress.t;
    event.seconds = progress.seconds;
    event.energy_error = std::nan("");
    event.last = progress.step == progress.steps;
    telemetry.progress(event);
  };
  mechanics::GradientResult result;
  {
    const telemetry::Span span(telemetry, "gradient");
    result = gradient->run(prepared.file.initial, prepared.plan.steps, control);
  }
  if (options.json) {
    write_json(console.out, options, prepared, result);
  } else if (result.status == mechanics::RunStatus::kFinished && !result.gradient_fault) {
    write_text(console.out, options, prepared, result);
  }
  console.out.flush();
  for (const RunNote& note : notes_on_gradient(prepared, objective, options.wrt, mean, result)) {
    telemetry.log(note.level, note.text);
  }
  if (result.fault || result.gradient_fault) return kNonFinite;
  switch (result.status) {
    case mechanics::RunStatus::kNonFinite:
    case mechanics::RunStatus::kStopped: return kNonFinite;
    case mechanics::RunStatus::kInterrupted: return kInterrupted;
    case mechanics::RunStatus::kFinished: break;
  }
  return result.horizon && result.horizon->lost_at ? kCheckFailed : kOk;
}

}  // namespace cotangent::apps
