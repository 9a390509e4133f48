// The [ensemble] table.
#pragma once

#include "cotangent/formats/values.h"
#include "cotangent/mechanics/ensemble_settings.h"

namespace cotangent::formats {

/// `system` and `initial` are read already; `parameters` is the table of the file. Throws
/// UserError.
mechanics::EnsembleSettings read_ensemble(const ValueSource& source, const Entry& entry,
                                          const lang::Context& names, const Node& parameters,
                                          const mechanics::System& system,
                                          const mechanics::InitialState& initial);

}  // namespace cotangent::formats
