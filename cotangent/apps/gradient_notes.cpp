#include "cotangent/apps/gradient_notes.h"

#include <algorithm>
#include <cmath>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

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

std::string gradient_fault_text(const mechanics::GradientFault& fault, const Prepared& prepared) {
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

bool refuse_other_place(const std::string& at, std::optional<std::int64_t> every) {
  if (at != "final" && at != "mean") {
    throw UserError("--at: '" + at + "' is no place to take the objective at",
                    "choose final or mean");
  }
  if (every && at != "mean") {
    throw UserError("--every is the cadence of a mean, and the objective is taken at the end",
                    "leave --every out, or take the objective at mean");
  }
  return at == "mean";
}

mechanics::Objective objective_at(const PreparedObjective& prepared, bool mean,
                                  std::optional<std::int64_t> every) {
  mechanics::Objective objective = prepared.objective;
  objective.every = !mean             ? 0
                    : every           ? *every
                    : objective.every ? objective.every
                                      : prepared.plan.every;
  return objective;
}

std::vector<RunNote> notes_on_gradient(const Prepared& prepared,
                                       const mechanics::Objective& objective,
                                       const std::vector<std::string>& wrt, bool mean,
                                       const mechanics::GradientResult& result) {
  using telemetry::Level;
  std::vector<RunNote> notes;
  for (const std::string& name :
       mechanics::unread_parameters(prepared.file.system, prepared.plan, objective)) {
    if (std::find(wrt.begin(), wrt.end(), name) == wrt.end()) continue;
    notes.push_back({Level::kWarning,
                     "the gradient by " + name +
                         " is zero: neither the motion nor the objective reads it; initial values "
                         "that the file works out from it are held fixed"});
  }
  if (result.drift) notes.push_back({Level::kWarning, drift_text(result)});
  mechanics::RunResult run;  // that did not come to its end
  run.fault = result.fault;
  run.status = result.status;
  run.stopped_why = result.stopped_why;
  run.steps = result.steps;
  run.t = std::fma(static_cast<double>(result.steps), prepared.plan.dt, prepared.file.initial.t);
  if (result.fault) {
    notes.push_back({Level::kError, fault_text(run, prepared)});
  } else if (result.status == mechanics::RunStatus::kStopped) {
    notes.push_back({Level::kError, stop_text(run)});
  } else if (result.gradient_fault) {
    notes.push_back({Level::kError, gradient_fault_text(*result.gradient_fault, prepared)});
  } else if (result.status == mechanics::RunStatus::kInterrupted) {
    notes.push_back({Level::kWarning, "interrupted: there is no gradient"});
  } else if (result.horizon && result.horizon->lost_at) {
    notes.push_back({Level::kError, lost_text(result, mean)});
  }
  return notes;
}

}  // namespace cotangent::apps
