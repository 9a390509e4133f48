#include "cotangent/base/version.h"
#include "python/src/bindings.h"

NB_MODULE(_core, m) {
  m.doc() = "Cotangent's compiled part; use the package `cotangent`.";
  m.attr("VERSION") = cotangent::kVersion;
  cotangent::python::bind_errors(m);
  cotangent::python::bind_command_line(m);
  cotangent::python::bind_system(m);
  cotangent::python::bind_flow(m);
  cotangent::python::bind_run(m);
  cotangent::python::bind_gradient(m);
  cotangent::python::bind_array_package(m);
}
