// From a system file to a plan: what run, explain and check share.
#pragma once

#include <optional>

#include "cotangent/apps/commands.h"
#include "cotangent/base/error.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/gradient.h"

namespace cotangent::apps {

struct Prepared {
  formats::LoadedFile file;
  mechanics::Facts facts;
  mechanics::Plan plan;
  std::optional<UserError> refused;  ///< why there is no plan; only from prepare_to_explain
  double front_s = 0;                ///< parse, trace, facts, plan
};

/// What a command asks of the plan where the file leaves the method to it.
struct Wanted {
  mechanics::Kinds kinds = mechanics::Kinds::kAll;
  std::string by;  ///< "a gradient"
  /// An expression to trace beside the file's own, or a name: LoadedFile::asked.
  std::string of = {};
};

/// Throws UserError for anything wrong with the input; writes nothing.
Prepared prepare(const FileOptions& options, telemetry::Telemetry& telemetry,
                 const Wanted& wanted = {});

/// The same, but where the planner refuses, the facts are there, the plan is empty, and `refused`
/// says why.
Prepared prepare_to_explain(const FileOptions& options, telemetry::Telemetry& telemetry,
                            const Wanted& wanted = {});

/// The same of a file that is read.
Prepared prepare_loaded(formats::LoadedFile file, telemetry::Telemetry& telemetry,
                        const Wanted& wanted = {});

/// A system file with something to differentiate.
struct PreparedObjective : Prepared {
  mechanics::Objective objective;  ///< `every`: the observable's own cadence, if it has one
};
/// `of`: the name of an observable or an energy term, "energy", or an expression as in [observe].
/// The plan is one for gradients.
PreparedObjective prepare_objective(const FileOptions& options, const std::string& of,
                                    telemetry::Telemetry& telemetry);

/// Of a file that was read with `of`, and prepared.
PreparedObjective with_objective(Prepared prepared, const std::string& of);

/// What the command line says about compiling.
mechanics::FlowOptions flow_options(const FileOptions& options, telemetry::Telemetry& telemetry);

/// Of the plan's method, in dt; 0 where it has none: exact, or a map.
int order_of(const mechanics::Plan& plan);
/// "suzuki4 of order 4", or the method alone.
std::string method_text(const mechanics::Plan& plan);

/// The plan with all its reasons, or why there is none.
std::string plan_text(const Prepared& prepared);

/// UserError when --cpu names a processor that is not known, or whose code this host cannot run.
void refuse_foreign_cpu(const FileOptions& options);

/// "degree of kinetic"; plain "linear" for a yes-or-no fact, whose term is only where it was
/// decided.
std::string title_text(const mechanics::Fact& fact);
std::string value_text(const mechanics::Fact& fact);  ///< "yes", "no", "3", "2 in p"
const char* how_text(mechanics::How how);             ///< "proved", "tested"

}  // namespace cotangent::apps
