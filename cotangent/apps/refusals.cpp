#include "cotangent/apps/refusals.h"

#include <algorithm>

#include "cotangent/base/error.h"

namespace cotangent::apps {
namespace {

std::string place_of(const Prepared& prepared, SourceSpan span) {
  return prepared.file.source && !span.empty() ? show_place(*prepared.file.source, span) : "";
}

}  // namespace

void refuse_ensemble(const Prepared& prepared, const std::string& command) {
  if (!prepared.plan.ensemble) return;
  throw UserError(ErrorParts{command + " works on one run, and this file asks for an ensemble",
                             place_of(prepared, prepared.plan.ensemble->size_span),
                             "`cotangent run` and `cotangent explain` take ensembles",
                             "give it a copy of the file without [ensemble]"});
}

void refuse_integrator(const Prepared& prepared, const std::string& command) {
  if (!prepared.plan.integrator && !prepared.plan.linear) return;
  const bool canonical = prepared.file.system.form == mechanics::Form::kCanonical;
  throw UserError(
      ErrorParts{command + " does not know the method " + prepared.plan.method,
                 place_of(prepared, prepared.file.run.method_span),
                 "it takes compositions of kicks and drifts, of q and p",
                 canonical ? "choose one, for example --set run.method=leapfrog"
                           : "`cotangent run` takes this file; for a difference, run it twice with "
                             "--set parameters.NAME=VALUE"});
}

void refuse_jumps(const Prepared& prepared, const std::string& command) {
  if (!prepared.plan.linear) return;
  const bool canonical = prepared.file.system.form == mechanics::Form::kCanonical;
  throw UserError(ErrorParts{
      command + " does not know the method " + prepared.plan.method,
      place_of(prepared, prepared.file.run.method_span),
      "its runs are jumps from the initial state, by a matrix worked out from the values "
      "of the parameters: there are no steps to differentiate",
      std::string("choose one that steps, for example --set run.method=") +
          (canonical ? "leapfrog" : "implicit_midpoint")});
}

void refuse_integers(const Prepared& prepared, const std::vector<std::string>& names) {
  for (const mechanics::Parameter& p : prepared.file.integers) {
    if (std::ranges::find(names, p.name) == names.end()) continue;
    throw UserError(ErrorParts{"'" + p.name + "' is an integer: there is no derivative by it",
                               place_of(prepared, p.span), "real parameters and parts of the state",
                               "write its numbers with a point, as in 1.0, if they may vary"});
  }
}

void refuse_map(const Prepared& prepared, const std::string& command) {
  if (prepared.file.system.form != mechanics::Form::kMap) return;
  throw UserError(ErrorParts{command + " goes back in time, and a map has no way back",
                             place_of(prepared, prepared.file.system.arrays[0].span),
                             "two states may have the same image",
                             "use `cotangent check --evaluate`, or write the inverse as a map of "
                             "its own and compare"});
}

}  // namespace cotangent::apps
