#include "python/src/source_line.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <utility>

namespace nb = nanobind;
using namespace nb::literals;

namespace cotangent::python {
namespace {

/// The folder of a module.
std::string folder_of(const char* module) {
  try {
    const std::string file = nb::cast<std::string>(nb::module_::import_(module).attr("__file__"));
    return file.substr(0, file.rfind('/') + 1);
  } catch (nb::python_error&) {
    return "\n";  // no file has this name
  }
}

bool is_library(const std::string& file) {
  static const std::string* own = new std::string(folder_of("cotangent.errors"));
  static const std::string* numpy = new std::string(folder_of("numpy"));
  return file.starts_with(*own) || file.starts_with(*numpy) || file.starts_with("<frozen");
}

}  // namespace

std::string user_line() {
  PyFrameObject* top = PyEval_GetFrame();
  nb::object frame = nb::borrow(reinterpret_cast<PyObject*>(top));
  while (frame.is_valid()) {
    auto* f = reinterpret_cast<PyFrameObject*>(frame.ptr());
    const nb::object code = nb::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(f)));
    const std::string file = nb::cast<std::string>(code.attr("co_filename"));
    if (!is_library(file)) {
      const int number = PyFrame_GetLineNumber(f);
      std::string where = file + ":" + std::to_string(number);
      const std::string name = nb::cast<std::string>(code.attr("co_name"));
      if (name != "<module>") where += ", in " + name;
      const std::string text = nb::cast<std::string>(
          nb::module_::import_("linecache").attr("getline")(file, number).attr("strip")());
      return text.empty() ? where : where + "\n    " + text;
    }
    frame = nb::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(f)));
  }
  return "";
}

std::string place_in_python(const std::string& where) {
  // "file:7:11\n    7 | --set run.dt=-1\n      |              ^~"
  const std::size_t line = where.find('\n'), caret = where.find('\n', line + 1);
  const bool of = where.find(" | --of ") != where.npos;
  const std::string_view mark = of ? " | --of " : " | --set ";
  const std::size_t set = where.find(mark, line);
  if (line == where.npos || caret == where.npos || set == where.npos || set > caret) return where;
  const std::size_t shift = set + mark.size() - line;  // of the line break and what is left out
  const std::string said = where.substr(line + shift, caret - line - shift);
  const std::string pointer = where.size() > caret + shift ? where.substr(caret + shift) : "";
  const std::string called = user_line();
  return (called.empty() ? "" : called + "\n    ") + said + "\n    " + pointer;
}

std::string in_python(std::string text) {
  constexpr std::pair<const char*, const char*> kWords[] = {
      {"DType::kF32", "ct.float32"},
      {"DType::kF64", "ct.float64"},
      {"DType::kI32", "ct.int32"},
      {"DType::kI64", "ct.int64"},
      {"DType::kU32", "ct.uint32"},
      {"DType::kU64", "ct.uint64"},
      {"DType::kBool", "bool"},
      {"grad<1>(f)", "argnums=1"},
      {", or try_find_root, which tells whether it converged", ", or a larger tolerance"},
      {"in place of Gradient::kOfFinalIterate", "of passes"},
      {"an ordinary C++ value", "a static argument"}};
  for (const auto& [cpp, python] : kWords) {
    for (std::size_t at = text.find(cpp); at != text.npos; at = text.find(cpp, at)) {
      text.replace(at, std::string_view(cpp).size(), python);
      at += std::string_view(python).size();
    }
  }
  return text;
}

}  // namespace cotangent::python
