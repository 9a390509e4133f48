#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <iostream>

#include "cotangent/apps/commands.h"
#include "python/src/bindings.h"
#include "python/src/lock.h"

namespace nb = nanobind;

namespace cotangent::python {

void bind_command_line(nb::module_& m) {
  m.def(
      "run_command_line",
      [](const std::vector<std::string>& arguments, const std::string& examples,
         const std::string& python) {
        std::vector<const char*> argv;
        for (const std::string& a : arguments) argv.push_back(a.c_str());
        const Unlocked unlocked;
        return apps::run_command_line(static_cast<int>(argv.size()), argv.data(), std::cout,
                                      std::cerr, {examples, python});
      },
      nb::arg("arguments"), nb::arg("examples"), nb::arg("python"),
      "The command line, as the program `cotangent` has it; arguments[0] is the program's name, "
      "`examples` the folder of the examples, `python` the interpreter that runs those in Python. "
      "Gives the exit code.");
}

}  // namespace cotangent::python
