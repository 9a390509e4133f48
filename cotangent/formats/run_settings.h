// The [run] table.
#pragma once

#include "cotangent/formats/values.h"

namespace cotangent::formats {

/// Reads [run]. Places from `overrides_begin` on are of a --set: between t_end and steps, one that was set
/// wins over one of the file. Throws UserError.
mechanics::RunSettings read_run(const ValueSource& source, const Node& run,
                                const lang::Context& names, std::uint32_t overrides_begin);

}  // namespace cotangent::formats
