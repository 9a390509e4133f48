// The [run] table.
#pragma once

#include "cotangent/formats/values.h"

namespace cotangent::formats {

/// Reads [run]: two of dt, t_end and steps, and the overrides of the plan. Places from
/// `overrides_begin` on are of a --set, which wins over what the file says. Throws UserError.
mechanics::RunSettings read_run(const ValueSource& source, const Node& run,
                                const lang::Context& names, std::uint32_t overrides_begin);

}  // namespace cotangent::formats
