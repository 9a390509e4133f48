#include "cotangent/mechanics/gradient_plan.h"

#include <algorithm>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/integrator_adjoint.h"

namespace cotangent::mechanics {
namespace {

/// Steps whose tape stays in a second-level cache.
constexpr std::int64_t kTapeBytes = std::int64_t{256} << 10;
/// States that watch an undone run.
constexpr std::int64_t kWatched = 64;

/// count * bytes, at most 2^62.
std::int64_t bytes_of(std::int64_t count, std::int64_t bytes) {
  const std::int64_t most = std::int64_t{1} << 62;
  return bytes > 0 && count > most / bytes ? most : count * bytes;
}

std::string counted(std::int64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

/// UserError where a step has no inverse that is as good as it.
void check_undoing(const System& system, const Integrator& method) {
  if (method.symmetric) return;
  std::string why = "a step of it with -dt does not undo one with dt";
  if (system.form == Form::kMap) why = "a map has no way back: two states may have one image";
  throw UserError({"the policy reverse with the method " + method.method, "", why,
                   "take the policy checkpoints, or leave it to be chosen"});
}

}  // namespace

const char* name_of(GradientPolicy policy) {
  switch (policy) {
    case GradientPolicy::kAll: return "all";
    case GradientPolicy::kCheckpoints: return "checkpoints";
    case GradientPolicy::kReverse: return "reverse";
  }
  return "";
}

std::vector<std::string> gradient_policy_names() {
  return {"auto", "all", "checkpoints", "reverse"};
}

KeptBytes kept_bytes(const System& system, const Plan& plan, bool sampled) {
  if (plan.integrator) {
    KeptBytes kept;
    for (const NamedType& x : plan.integrator->carry) kept.state += x.type.bytes();
    for (std::size_t k : moving_arrays(*plan.integrator)) {
      kept.tape += plan.integrator->carry[k].type.bytes();
    }
    if (sampled) kept.end = kept.tape;
    return kept;
  }
  const Arithmetic& arithmetic = plan.arithmetic;
  const bool single = arithmetic.state == DType::kF32 && !arithmetic.errors() && !arithmetic.pairs;
  const std::int64_t array = system.shape.size() * (single ? 4 : 8);
  return {.tape = array * (2 * plan.composition.stages() + (sampled ? 1 : 0)),
          .end = 0,
          .state = carry_bytes(arithmetic, system.shape)};
}

GradientPlan plan_gradient(const System& system, const Plan& plan, bool sampled,
                           const GradientSettings& settings) {
  const std::vector<std::string> known = gradient_policy_names();
  if (std::find(known.begin(), known.end(), settings.policy) == known.end()) {
    const std::string near = nearest_name(settings.policy, known);
    throw UserError("there is no policy \"" + settings.policy + "\" of gradients" +
                        (near.empty() ? "" : "; did you mean \"" + near + "\"?"),
                    "the policies are " + join(known, ", "));
  }
  const auto [tape, end, state] = kept_bytes(system, plan, sampled);
  const std::int64_t n = std::max<std::int64_t>(1, plan.steps), budget = settings.budget;

  GradientPlan g;
  // The horizon sees what lies between chunks: it wants many.
  const std::int64_t longest = settings.horizon ? std::max<std::int64_t>(1, n / kWatched) : n;
  g.chunk = std::clamp<std::int64_t>(kTapeBytes / std::max<std::int64_t>(1, tape), 1, longest);
  const auto set_chunks = [&] { g.chunks = (n + g.chunk - 1) / g.chunk; };
  set_chunks();
  const std::string steps = counted(n, "step") + " of " + bytes_text(tape);
  const bool fits = static_cast<double>(n) * static_cast<double>(tape) +
                        static_cast<double>(g.chunks) * static_cast<double>(end) <=
                    static_cast<double>(budget);
  if (settings.policy == "all" || (settings.policy == "auto" && fits)) {
    g.policy = GradientPolicy::kAll;
    g.bytes = bytes_of(g.chunks * g.chunk, tape) + g.chunks * end;
    g.reason = steps + " are all kept: no step is run again";
    if (!fits) {
      throw UserError("keeping every step takes " + bytes_text(bytes_of(n, tape)) +
                          ", and the budget is " + bytes_text(budget),
                      "raise the budget, or leave the policy to be chosen");
    }
    return g;
  }
  if (settings.policy == "reverse") {
    if (plan.integrator) check_undoing(system, *plan.integrator);
    g.policy = GradientPolicy::kReverse;
    g.slots = std::min(kWatched, g.chunks);
    g.bytes = (g.slots + 2) * state;
    g.reason = "steps are undone one by one, whatever their number; " + counted(g.slots, "state") +
               (g.slots == 1 ? " is" : " are") +
               " kept to watch the drift of that, and to go on from should it pass " +
               shortest(settings.drift_tolerance);
    if (g.bytes > budget) {
      throw UserError("the states that watch an undone run take " + bytes_text(g.bytes) +
                          ", and the budget is " + bytes_text(budget),
                      "raise the budget, or take the policy checkpoints");
    }
    return g;
  }
  g.policy = GradientPolicy::kCheckpoints;
  if (budget < tape + end + state) {
    throw UserError("a budget of " + bytes_text(budget) + " holds no state of " +
                        bytes_text(state) + " and no tape of a step, " + bytes_text(tape + end),
                    "give at least " + bytes_text(tape + end + state));
  }
  // As many steps a chunk as it takes for all states between chunks to fit, if that can be.
  const auto whole = [&](std::int64_t chunk) {
    return static_cast<double>(chunk) * static_cast<double>(tape) + static_cast<double>(end) +
           static_cast<double>((n + chunk - 1) / chunk) * static_cast<double>(state);
  };
  const auto best = static_cast<std::int64_t>(
      std::sqrt(static_cast<double>(n) * static_cast<double>(state) / static_cast<double>(tape)));
  std::int64_t chunk = g.chunk;
  while (whole(chunk) > static_cast<double>(budget) && chunk < best)
    chunk = std::min(best, 2 * chunk);
  while (whole(chunk) > static_cast<double>(budget) && chunk > std::max<std::int64_t>(1, best)) {
    chunk = std::max<std::int64_t>(std::max<std::int64_t>(1, best), chunk / 2);
  }
  const bool once = whole(chunk) <= static_cast<double>(budget);
  if (!once) chunk = std::max<std::int64_t>(1, std::min(chunk, (budget - end) / 2 / tape));
  g.chunk = std::min(chunk, n);
  set_chunks();
  g.slots = once ? g.chunks : std::max<std::int64_t>(1, (budget - g.chunk * tape - end) / state);
  g.bytes = g.chunk * tape + end + g.slots * state;
  g.reason = steps + " do not fit into " + bytes_text(budget) + ": " + counted(g.slots, "state") +
             " of " + bytes_text(state) + ", " + std::to_string(g.chunk) +
             " steps apart, are kept" +
             (once ? ", and each step is run once more"
                   : " where they cost least, and steps are run again more than once");
  if (fits) g.reason = "you asked for it: " + g.reason.substr(g.reason.find(": ") + 2);
  return g;
}

Decision gradients_by_another(const System& system, const Facts& facts, const RunSettings& settings,
                              const InitialState* initial, const Plan& plan) {
  RunSettings other = settings;
  other.kinds = Kinds::kKicksAndDrifts;
  other.kinds_for = "a gradient";
  other.monitor = {};
  if (other.accuracy) {  // dt has been found
    other.accuracy = {};
    other.dt = plan.dt;
    other.steps = plan.steps;
  }
  try {
    const Plan by = make_plan(system, facts, other, initial);
    const auto found = std::ranges::find(by.decisions, "gradients", &Decision::decision);
    ensure(found != by.decisions.end(), "a plan for a gradient says nothing of gradients");
    return {"gradients", found->choice,
            "a gradient goes by \"" + by.method + "\", not by \"" + plan.method +
                "\": " + found->reason};
  } catch (const UserError& refusal) {
    return {"gradients", "none", refusal.parts().what + ": " + refusal.parts().remedy};
  }
}

}  // namespace cotangent::mechanics
