// A kernel program as bytes: the same bytes exactly for programs that get the same code. Names,
// notes and remarks, which people read, are left out. For naming compiled code by its content.
#pragma once

#include <string>

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

void append_canonical(std::string& out, const Program& program);

}  // namespace cotangent::kernel
