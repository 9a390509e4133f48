#include "cotangent/mechanics/linear_run.h"

#include <cstdio>

namespace cotangent::mechanics {

std::shared_ptr<const LinearFlow> linear_flow_for(const System& system, const std::string& method) {
  return LinearFlow::make(linear_system(system), method);
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
