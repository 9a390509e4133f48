// A system that no file gave, as the tables of one: its functions are programs there.
#pragma once

#include "cotangent/formats/document.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::formats {

/// [initial] of a system from there.
Node initial_table(const mechanics::System& system, const mechanics::InitialState& initial);

/// Puts the tables that say what a system is before those of `root`, which say how it is run; what
/// [observe] of `root` has is left as it is. UserError for a part that has no text.
void add_system(Node& root, const mechanics::System& system,
                const mechanics::InitialState& initial);

}  // namespace cotangent::formats
