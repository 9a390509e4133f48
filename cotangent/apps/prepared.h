// From a system file to a plan: what run, explain and check share.
#pragma once

#include "cotangent/apps/commands.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/flow.h"

namespace cotangent::apps {

struct Prepared {
  formats::LoadedFile file;
  mechanics::Facts facts;
  mechanics::Plan plan;
  double front_s = 0;  ///< parse, trace, facts, plan
};

/// Throws UserError for anything wrong with the input; writes nothing.
Prepared prepare(const FileOptions& options, telemetry::Telemetry& telemetry);

/// "degree of kinetic"; plain "linear" for a yes-or-no fact, whose term is only where it was
/// decided.
std::string title_text(const mechanics::Fact& fact);
std::string value_text(const mechanics::Fact& fact);  ///< "yes", "no", "3", "2 in p"
const char* how_text(mechanics::How how);             ///< "proved", "tested"

}  // namespace cotangent::apps
