// The text form of a program. print -> parse gives the same program.
#pragma once

#include <string>
#include <string_view>

#include "cotangent/ir/function.h"

namespace cotangent::ir {

/// Readable text, one line a node, bodies nested in braces. Constants of more than
/// `max_elements` elements are shown with "..." (and then do not parse); -1: all.
std::string print(const Function& f, std::int64_t max_elements = -1);

/// Reads what print writes. Throws UserError with line and column.
FunctionPtr parse(std::string_view text);

}  // namespace cotangent::ir
