// The number of a check that is known by its message.
#pragma once

#include <cstdint>
#include <string_view>

namespace cotangent::ir {

/// A number of the message alone, so that the same program recorded again is the same program.
inline std::int64_t site_of(std::string_view message) {
  std::uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (const char c : message) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return static_cast<std::int64_t>(hash >> 16);
}

/// Of a check that also fails where one within what it is about does: larger than every other, so
/// that of the two the other is told.
inline std::int64_t late_site_of(std::string_view message) {
  return site_of(message) | (std::int64_t{1} << 48);
}

}  // namespace cotangent::ir
