#include <nanobind/stl/string.h>

#include "cotangent/base/error.h"
#include "python/src/bindings.h"
#include "python/src/source_line.h"

namespace nb = nanobind;

namespace cotangent::python {
namespace {

/// The Python class of each kind, kept for as long as the interpreter lives.
PyObject* user_error = nullptr;
PyObject* device_error = nullptr;
PyObject* internal_error = nullptr;

void raise(PyObject* type, const Error& e) {
  ErrorParts parts = e.parts();
  if (type == user_error) {
    parts.where = parts.where.empty() ? user_line() : place_in_python(parts.where);
    parts.what = in_python(parts.what);
    parts.remedy = in_python(parts.remedy);
  }
  const nb::object error = nb::handle(type)(Error(parts).what());
  error.attr("what") = parts.what;
  error.attr("where") = parts.where;
  error.attr("why") = parts.why;
  error.attr("remedy") = parts.remedy;
  PyErr_SetObject(type, error.ptr());
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& e) {
    set_error(e);
  }
}

}  // namespace

void set_error(const Error& e) {
  raise(dynamic_cast<const UserError*>(&e)     ? user_error
        : dynamic_cast<const DeviceError*>(&e) ? device_error
                                               : internal_error,
        e);
}

void bind_errors(nb::module_& m) {
  // The classes are Python's own (python/cotangent/errors.py), so that they document themselves.
  const nb::module_ errors = nb::module_::import_("cotangent.errors");
  user_error = nb::object(errors.attr("UserError")).release().ptr();
  device_error = nb::object(errors.attr("DeviceError")).release().ptr();
  internal_error = nb::object(errors.attr("InternalError")).release().ptr();
  nb::register_exception_translator(translate);
  m.def(
      "_refuse",
      [](const std::string& what, const std::string& remedy, const std::string& why) {
        throw UserError({what, "", why, remedy});
      },
      nb::arg("what"), nb::arg("remedy") = "", nb::arg("why") = "",
      nb::sig("def _refuse(what: str, remedy: str = '', why: str = '') -> typing.NoReturn"),
      "Raises a UserError with the caller's line.");
}

}  // namespace cotangent::python
