// Which entries of the state a program reads, entry by entry.
#pragma once

#include <optional>
#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

inline constexpr std::int64_t kMaxTracedEntries = 512;

/// For each element of parameter k of f, whether result 0 may depend on it: a clear entry is a
/// proof of independence. Nothing when the parameter has more than kMaxTracedEntries elements.
std::optional<std::vector<bool>> entries_read(const ir::Function& f, std::size_t k);

}  // namespace cotangent::mechanics
