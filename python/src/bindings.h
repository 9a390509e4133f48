// What each file of python/src adds to the extension module cotangent._core.
#pragma once

#include <nanobind/nanobind.h>

namespace cotangent::python {

void bind_errors(nanobind::module_& m);        // errors.cpp: UserError and its kin
void bind_command_line(nanobind::module_& m);  // command_line.cpp: `python -m cotangent`
void bind_system(nanobind::module_& m);        // system.cpp: systems and their facts
void bind_flow(nanobind::module_& m);          // flow.cpp: plans and flows
void bind_run(nanobind::module_& m);           // run.cpp: what a run gives
void bind_gradient(nanobind::module_& m);      // gradient.cpp: gradients of runs and their check

}  // namespace cotangent::python
