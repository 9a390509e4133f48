// The names that a file makes: [define] and [parameters].
#pragma once

#include <string>
#include <vector>

#include "cotangent/formats/values.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::formats {

/// Refuses a key that cannot name `what`, a parameter, a term or an observable; `reserved_too`:
/// also one that means something already.
void check_name(const SourcePtr& file, const Entry& entry, const std::string& what,
                bool reserved_too);

/// [define], into `names`. `parameters` is the table beside it.
void read_definitions(const SourcePtr& file, const Node& define, const Node& parameters,
                      lang::Context& names);

/// [parameters], into `names` too. Computed ones are worked out after those they use; all are
/// listed in the order of the file.
struct ReadParameters {
  std::vector<mechanics::Parameter> real, whole;
};
ReadParameters read_parameters(const ValueSource& source, const Node& parameters,
                               lang::Context& names);

}  // namespace cotangent::formats
