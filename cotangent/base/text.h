// Small text utilities.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cotangent {

/// The shortest decimal text that reads back as the same bits; "nan", "inf", "-inf" otherwise.
std::string shortest(double value);
std::string shortest(float value);

/// "512 B", "3.1 MiB": three digits, in powers of 1024.
std::string bytes_text(std::int64_t bytes);

std::string join(std::span<const std::string> parts, std::string_view separator);
std::string join(std::span<const std::int64_t> parts, std::string_view separator);

/// The entry of `known` nearest to `name` by edit distance, or "" when none is near enough
/// to be a likely slip.
std::string nearest_name(std::string_view name, std::span<const std::string> known);

}  // namespace cotangent
