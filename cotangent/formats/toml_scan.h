// What is looked at before the TOML library sees a text.
#pragma once

#include <string>

#include "cotangent/base/span.h"

namespace cotangent::formats {

inline constexpr std::size_t kMaxValuesPerFile = 2'000'000;
inline constexpr std::size_t kMaxHeadersPerFile = 4096;

/// Checks file->text[begin, end): UTF-8, nesting of brackets, parts of dotted keys, the number of
/// values and of table headers. Returns an ASCII text of the same length: keys like r(i,j) are
/// spelled with '-' for what TOML does not take in a bare key, and each byte beyond ASCII, which
/// may stand in strings and comments only, is '?'. Throws UserError with the place.
std::string scan_toml(const SourcePtr& file, std::uint32_t begin, std::uint32_t end);

}  // namespace cotangent::formats
