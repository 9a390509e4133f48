// What one program changed into, line by line, for people.
#pragma once

#include <string>

#include "cotangent/ir/function.h"

namespace cotangent::ir {

/// The text forms of two programs as a unified diff, with `context` lines around what differs; ""
/// when they compute the same. The numbers of values do not count, as they shift when a line before
/// goes: a line is unchanged when it does the same to values that are made by like ops.
std::string diff(const Function& before, const Function& after, std::size_t context = 2);

}  // namespace cotangent::ir
