#include "python/src/bindings.h"

#include "cotangent/base/version.h"

NB_MODULE(_core, m) {
  m.doc() = "Cotangent's compiled part; use the package `cotangent`.";
  m.attr("__version__") = cotangent::kVersion;
  cotangent::python::bind_errors(m);
  cotangent::python::bind_command_line(m);
}
