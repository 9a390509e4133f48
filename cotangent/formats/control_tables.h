// The [multirate] and [monitor] tables.
#pragma once

#include "cotangent/formats/values.h"

namespace cotangent::formats {

/// [multirate]; its names are checked to be energy terms. Throws UserError.
mechanics::MultirateSettings read_multirate(const ValueSource& source, const Entry& entry,
                                            const lang::Context& names,
                                            const std::vector<mechanics::EnergyTerm>& terms);

/// [monitor]; `dimension` is that of the state. Throws UserError.
mechanics::MonitorSettings read_monitor(const ValueSource& source, const Entry& entry,
                                        const lang::Context& names, std::int64_t dimension);

}  // namespace cotangent::formats
