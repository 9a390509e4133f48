// The text form of a program. print -> parse gives the same program.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cotangent/base/span.h"
#include "cotangent/ir/function.h"

namespace cotangent::ir {

/// Readable text, one line a node, bodies nested in braces. Constants of more than
/// `max_elements` elements are shown with "..." (and then do not parse); -1: all.
std::string print(const Function& f, std::int64_t max_elements = -1);

/// Reads what print writes. Throws UserError with line and column.
FunctionPtr parse(std::string_view text);

/// The same of a text that stands in a file, for the places of errors: byte k of it at offsets[k]
/// of the file's text; one offset more for its end.
FunctionPtr parse(std::string_view text, const SourceFile& file,
                  std::span<const std::uint32_t> offsets);

}  // namespace cotangent::ir
