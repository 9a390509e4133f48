// What each file of python/src adds to the extension module cotangent._core.
#pragma once

#include <nanobind/nanobind.h>

namespace cotangent::python {

void bind_errors(nanobind::module_& m);        // errors.cpp: UserError and its kin
void bind_command_line(nanobind::module_& m);  // command_line.cpp: `python -m cotangent`

}  // namespace cotangent::python
