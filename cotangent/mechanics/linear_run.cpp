#include "cotangent/mechanics/linear_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/retype.h"

namespace cotangent::mechanics {

namespace {

constexpr double kLong = 120, kTooLong = 4 * 3600;  // seconds of a run

/// Where and by what a run without steps was asked for.
struct Asked {
  std::string what;
  SourceSpan span;
};
Asked asked_by(const RunSettings& settings) {
  const bool by_matrix = !settings.matrix.empty() && settings.matrix != "auto";
  if (by_matrix) return {"matrix = \"" + settings.matrix + "\"", settings.matrix_span};
  return {"method \"" + settings.method + "\"", settings.method_span};
}

std::string duration(double seconds) {
  if (seconds < 120) return std::to_string(std::lround(seconds)) + " s";
  if (seconds < 7200) return std::to_string(std::lround(seconds / 60)) + " minutes";
  return std::to_string(std::lround(seconds / 3600)) + " hours";
}

}  // namespace

std::shared_ptr<const LinearFlow> linear_flow_for(const System& system, const std::string& method,
                                                  std::optional<bool> modes) {
  return LinearFlow::make(linear_system(system), method, modes);
}

Jumps plan_jumps(const System& system, const Facts& facts, const RunSettings& settings,
                 const std::string& method) {
  const Asked asked = asked_by(settings);
  const auto refuse = [&](const std::string& what, SourceSpan where, const std::string& why,
                          const std::string& remedy) {
    throw UserError({what, place_text(system, where), why, remedy});
  };
  const Fact& linear = facts.find("linear");
  if (!std::get<bool>(linear.value) || linear.how != How::kProved) {
    refuse(asked.what + " does not fit this system", asked.span,
           "it is for equations of motion that are linear: " + linear.detail,
           system.form == Form::kCanonical
               ? "use method = \"exact_kicks\": the quadratic terms exactly, the others as kicks"
               : "use method = \"auto\"");
  }
  Jumps jumps;
  try {
    jumps.flow = linear_flow_for(system, method, settings.modes);
  } catch (const UserError& e) {
    ErrorParts parts = e.parts();
    if (parts.where.empty()) {
      parts.where = place_text(system, settings.modes ? settings.modes_span : asked.span);
    }
    throw UserError(parts);
  }
  jumps.decisions.push_back(linear_decision(*jumps.flow, settings.steps, settings.dt));
  const std::int64_t samples = samples_of(system, settings);
  const double seconds = seconds_by_jumps(*jumps.flow, samples, settings.steps, settings.dt);
  const std::string said = std::to_string(samples) + " samples by " + jumps.flow->way() +
                           " take about " + duration(seconds);
  if (std::isinf(seconds) || seconds > kTooLong) {
    refuse(asked.what + " is out of reach for a run as long as this", asked.span,
           std::isinf(seconds)
               ? "a sample by " + jumps.flow->way() + " takes longer than anybody waits"
               : said,
           "take fewer samples ([observe] every) or fewer steps, or go step by step, with method = "
           "\"leapfrog\" or another");
  }
  if (seconds > kLong) {
    jumps.decisions.push_back({"warning", duration(seconds),
                               said + "; fewer samples ([observe] every), or steps, are quicker"});
  }
  return jumps;
}

std::int64_t samples_of(const System& system, const RunSettings& settings) {
  std::int64_t every = cadence_of(settings);
  for (const Observable& o : system.observables) {
    if (o.every > 0) every = std::min(every, o.every);
  }
  return settings.steps / every + 1;
}

double seconds_by_jumps(const LinearFlow& flow, std::int64_t samples, std::int64_t steps,
                        double dt) {
  constexpr double kSecondsOfOperation = 1e-9;
  return static_cast<double>(samples + 1) * flow.cost(steps, dt) * kSecondsOfOperation;
}

Decision linear_decision(const LinearFlow& flow, std::int64_t steps, double dt) {
  Decision d;
  d.decision = "steps";
  const bool map = flow.system().form == Form::kMap;
  const bool exact = flow.method() == "exact" && !map;
  d.choice = "all at once, by " + flow.way();
  d.reason =
      std::string("the equations of motion are linear (proved), so N steps are one matrix: ") +
      (exact ? "the exact flow of N dt"
       : map ? "the N-th power of the map's"
             : "the N-th power of that of a step of " + flow.method()) +
      ", each sample from the initial state";
  if (!map) {
    char text[96];
    std::snprintf(text, sizeof text, "; a phase is off by at most about n h w eps = %.1e rad",
                  flow.phase_error(steps, dt));
    d.reason += text;
  }
  return d;
}

}  // namespace cotangent::mechanics
