// What each file of python/src adds to the extension module cotangent._core.
#pragma once

#include <nanobind/nanobind.h>

namespace cotangent {
class Error;
namespace array {
class Array;
}
}  // namespace cotangent

namespace cotangent::python {

void bind_errors(nanobind::module_& m);  // errors.cpp: UserError and its kin
/// Makes `e` the error that Python raises.
void set_error(const Error& e);                // errors.cpp
void bind_command_line(nanobind::module_& m);  // command_line.cpp: `python -m cotangent`
void bind_system(nanobind::module_& m);        // system.cpp: systems and their facts
void bind_flow(nanobind::module_& m);          // flow.cpp: plans and flows
void bind_run(nanobind::module_& m);           // run.cpp: what a run gives
void bind_gradient(nanobind::module_& m);      // gradient.cpp: gradients of runs and their check

/// Arrays of numpy's kind, functions of functions, systems from functions: what follows, and the
/// names of all that, `_array_names`.
void bind_array_package(nanobind::module_& m);  // array_class.cpp
void bind_arrays(nanobind::module_& m);         // array_class.cpp: Array, and
void bind_array_functions(nanobind::module_& m, nanobind::class_<array::Array>& c);  // ...
void bind_namespaces(nanobind::module_& m);      // array_namespaces.cpp: linalg, fft, ..., Complex
void bind_trees(nanobind::module_& m);           // trees.cpp: structures of dicts, tuples, ...
void bind_transforms(nanobind::module_& m);      // transforms.cpp: derivatives, vmap, loops
void bind_jit(nanobind::module_& m);             // jitted.cpp
void bind_traced_systems(nanobind::module_& m);  // systems_traced.cpp
void bind_flow_layer(nanobind::module_& m);      // flow_layer.cpp: flows for PyTorch and JAX
array::Array reshape_as(const array::Array& x, nanobind::handle shape);

}  // namespace cotangent::python
