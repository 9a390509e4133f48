// The plan of an ensemble.
#include <algorithm>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/ensemble.h"
#include "cotangent/mechanics/exponents.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::mechanics {
namespace {

/// Of the monitors of one run only those that have a meaning for many are left.
void decide_monitors(const System& system, Plan& plan) {
  plan.watch.invariants.clear();
  const std::string reason =
      "statistics over the members; momenta and other invariants are watched in single runs";
  Decision monitors{"monitors", "finite_members", reason};
  if (!system.terms.empty()) monitors.choice = "energy_error, " + monitors.choice;
  const auto found = std::ranges::find(plan.decisions, "monitors", &Decision::decision);
  if (found == plan.decisions.end()) {
    plan.decisions.push_back(std::move(monitors));
  } else {
    *found = std::move(monitors);
  }
}

}  // namespace

void refuse_names_of_statistics(const System& system) {
  for (const Observable& o : system.observables) {
    if (o.name != "energy_error" && o.name != "finite_members" && o.name != "covariance") continue;
    throw UserError({"the observable \"" + o.name + "\" has the name of a statistic",
                     place_text(system, o.span),
                     "an ensemble has energy_error, finite_members and covariance of its own",
                     "call it something else"});
  }
}

void plan_ensemble(const System& system, const RunSettings& run, const EnsembleSettings& settings,
                   Plan& plan) {
  const auto refuse = [&](SourceSpan where, std::string what, std::string why, std::string remedy) {
    if (where.empty()) where = settings.size_span;
    throw UserError(
        {std::move(what), place_text(system, where), std::move(why), std::move(remedy)});
  };
  if (plan.arithmetic.state != DType::kF64 || plan.arithmetic.lattice()) {
    refuse(run.precision_span, "an ensemble runs in f64, and the precision is " + plan.precision,
           "", "take run.precision out, or [ensemble]");
  }
  if (run.monitor.any()) {
    refuse(settings.size_span, "[monitor] beside [ensemble]", "monitors watch one run",
           "leave one of the two out");
  }
  if (run.accuracy) {
    refuse(run.accuracy_span, "accuracy beside [ensemble]",
           "order and dt are found for the state of the file, and members differ from it",
           "give order and dt, small enough for all members");
  }
  if (plan.linear) {
    refuse(run.method_span,
           "an ensemble goes step by step, not by method = \"" + plan.method + "\"",
           "each member has a matrix of its own", "choose another method, or take [ensemble] out");
  }
  for (const Spread& spread : settings.spreads) {
    if (!plan.integrator || !spread.parameter) continue;
    for (const std::size_t k : plan.integrator->fixed) {
      if (system.parameters[k].name != spread.name) continue;
      refuse(spread.span,
             "a spread on '" + spread.name + "' with the method \"" + plan.method + "\"",
             "the method was made for the value that the file gives",
             "spread other parameters, or choose another method, such as \"leapfrog\"");
    }
  }
  for (const std::size_t k : exponents_of(system)) {
    const std::string& name = system.parameters[k].name;
    if (std::ranges::find(settings.spreads, name, &Spread::name) == settings.spreads.end())
      continue;
    plan.decisions.push_back(
        {"spread", "warning",
         "'" + name +
             "' is an exponent: the facts hold for the value that the "
             "file gives; at others a power may have a kink, or an end where its "
             "base vanishes"});
  }
  refuse_names_of_statistics(system);
  plan.ensemble = settings;
  decide_monitors(system, plan);
  std::vector<std::string> names;
  for (const Spread& s : settings.spreads) {
    if (std::ranges::find(names, s.name) == names.end()) names.push_back(s.name);
  }
  plan.decisions.push_back(
      {"ensemble",
       telemetry::grouped(settings.size) + " members, seed " + std::to_string(settings.seed),
       (names.empty() ? std::string("all alike") : "spread in " + join(names, ", ")) +
           "; one launch, a member a SIMD lane; only their statistics are kept while it runs"});
}

}  // namespace cotangent::mechanics
