// `cotangent grad`: the gradient of what a run ends in, or of a mean over it.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/answer.h"
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

std::string drift_text(const mechanics::GradientResult& result) {
  return "undoing the run drifted by " + error_text(result.drift->distance) + " down to step " +
         telemetry::grouped(result.drift->step) + " (t = " + number_text(result.drift->t, 6) +
         "), beyond the tolerance: from that point on the gradient is by checkpoints";
}

std::string lost_text(const mechanics::GradientResult& result, bool mean) {
  const mechanics::Horizon& h = *result.horizon;
  return "the gradient has lost its digits: from t = " + number_text(*h.lost_at, 4) +
         " on round-off decides what the state does, not the initial state (a small change of it "
         "grows by " +
         error_text(h.growth) + ", a Lyapunov exponent of about " + number_text(h.lyapunov, 3) +
         ")" +
         (mean ? "; the gradient of a long-time mean is not the mean of such gradients: average "
                 "over an ensemble of shorter runs, or over windows shorter than that"
               : "; take a shorter run, or a mean over an ensemble of shorter runs");
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

std::string fault_text(const mechanics::GradientFault& fault, const Prepared& prepared) {
  const std::string at =
      "step " + telemetry::grouped(fault.step) + " (t = " + number_text(fault.t, 6) + ")";
  std::string text = fault.of_value ? fault.component + " is not finite at " + at
                                    : "the gradient is not finite: going backwards, " + at +
                                          " is the first whose adjoint is not: " + fault.component;
  if (!fault.op.empty()) text += ", first made by " + fault.op;
  if (!fault.where.empty()) text += " " + fault.where;
  if (!fault.expression.empty()) {
    text += (fault.of_value ? ", in " : ", the derivative of ") + fault.expression;
  }
  if (prepared.file.source && !fault.place.empty()) {
    text += "\n" + show_place(*prepared.file.source, fault.place);
  }
  if (fault.of_value) return text;
  return text +
         "\nA root, a norm or a power may have no slope where it is zero: see the table of "
         "kinks in docs/derivatives.md.";
}

}  // namespace

int grad_command(const GradOptions& given, Console& console) {
  telemetry::Telemetry& telemetry = console.telemetry;
  const InterruptFlag interrupt;
  GradOptions options = given;
  refuse_foreign_cpu(options);
  if (options.at != "final" && options.at != "mean") {
    throw UserError("--at: '" + options.at + "' is no place to take the objective at",
                    "write --at final or --at mean");
  }
  const bool mean = options.at == "mean";
  if (options.every && !mean) {
    throw UserError("--every is the cadence of a mean, and the objective is taken at the end",
                    "leave --every out, or write --at mean");
  }
  const PreparedObjective prepared = prepare_objective(options, options.of, telemetry);
  refuse_ensemble(prepared, "`cotangent grad`");
  refuse_jumps(prepared, "`cotangent grad`");
  refuse_integers(prepared, options.wrt);
  mechanics::Objective objective = prepared.objective;
  objective.every = !mean             ? 0
                    : options.every   ? *options.every
                    : objective.every ? objective.every
                                      : prepared.plan.every;
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
  const std::vector<std::string> unread =
      mechanics::unread_parameters(prepared.file.system, prepared.plan, objective);
  for (const std::string& name : unread) {
    if (std::find(options.wrt.begin(), options.wrt.end(), name) == options.wrt.end()) continue;
    telemetry.warn("the gradient by " + name +
                   " is zero: neither the motion nor the objective reads it; initial values that "
                   "the file works out from it are held fixed");
  }
  if (result.drift) telemetry.warn(drift_text(result));
  if (result.fault) {
    mechanics::RunResult run;
    run.fault = result.fault;
    run.status = result.status;
    run.steps = result.steps;
    telemetry.log(telemetry::Level::kError, apps::fault_text(run, prepared));
    return kNonFinite;
  }
  if (result.status == mechanics::RunStatus::kStopped) {
    mechanics::RunResult run;
    run.status = result.status;
    run.stopped_why = result.stopped_why;
    run.steps = result.steps;
    run.t = std::fma(static_cast<double>(result.steps), prepared.plan.dt, prepared.file.initial.t);
    telemetry.log(telemetry::Level::kError, stop_text(run));
    return kNonFinite;
  }
  if (result.gradient_fault) {
    telemetry.log(telemetry::Level::kError, fault_text(*result.gradient_fault, prepared));
    return kNonFinite;
  }
  if (result.status == mechanics::RunStatus::kInterrupted) {
    telemetry.warn("interrupted: there is no gradient");
    return kInterrupted;
  }
  if (result.horizon && result.horizon->lost_at) {
    telemetry.log(telemetry::Level::kError, lost_text(result, mean));
    return kCheckFailed;
  }
  return kOk;
}

}  // namespace cotangent::apps
