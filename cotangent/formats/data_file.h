// Small text files of numbers.
//
// One row a line; numbers are separated by commas, semicolons, tabs or blanks; '#' begins a
// comment; blank lines are skipped; a first line without any number is a heading. One column gives
// an array [n], several give [n, columns]. All integers give i64, anything else f64. NaN and
// infinity are refused.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "cotangent/ir/tensor.h"

namespace cotangent::formats {

/// One row a line, numbers separated by blanks or by commas, one between any two; '#' begins a
/// comment, one heading is passed over. A field without a number is refused, and so is ';'. `name`
/// is what errors show.
ir::Tensor parse_data_text(const std::string& name, std::string_view text);

/// The file `name` inside `folder`: not absolute, without "..", and not led out by a link. Throws
/// UserError without a place, which the caller adds.
std::filesystem::path data_path(const std::filesystem::path& folder, const std::string& name);

/// A file's bytes; `limit` is checked before reading. Throws UserError.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit);

}  // namespace cotangent::formats
