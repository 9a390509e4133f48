// Where the person's own code is, for errors.
#pragma once

#include <string>

namespace cotangent::python {

/// "model.py:12, in energy\n    r = norm(x - y)": the innermost line that is being run and is not
/// of this package or NumPy; empty where there is none.
std::string user_line();

/// Where an option of the person's own call was wrong, in place of the line that a command line would
/// have for it: the call, and "run.dt=-1" with a caret. Other places as they are.
std::string place_in_python(const std::string& where);

/// An error's text in words of Python where it speaks C++: ct.float64 for DType::kF64.
std::string in_python(std::string text);

}  // namespace cotangent::python
