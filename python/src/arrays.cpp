#include "python/src/arrays.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <array>
#include <set>

#include "cotangent/array/record.h"
#include "python/src/lock.h"

namespace nb = nanobind;

namespace cotangent::python {

using array::Array;
using array::refuse;

namespace {

struct NameOfType {
  DType dtype;
  const char* numpy;
};
constexpr NameOfType kTypes[] = {
    {DType::kF32, "float32"}, {DType::kF64, "float64"}, {DType::kI32, "int32"},
    {DType::kI64, "int64"},   {DType::kU32, "uint32"},  {DType::kU64, "uint64"},
    {DType::kBool, "bool"},   {DType::kU8, "uint8"},    {DType::kI8, "int8"},
    {DType::kI16, "int16"},   {DType::kF16, "float16"}, {DType::kBF16, "bfloat16"}};

std::optional<DType> dtype_named(std::string_view name) {
  for (const NameOfType& t : kTypes) {
    if (name == t.numpy || name == name_of(t.dtype)) return t.dtype;
  }
  return std::nullopt;
}

const char* numpy_name(DType t) {
  return std::find_if(std::begin(kTypes), std::end(kTypes),
                      [&](const NameOfType& n) { return n.dtype == t; })
      ->numpy;
}

std::string class_name(nb::handle x) {
  return nb::cast<std::string>(nb::handle(Py_TYPE(x.ptr())).attr("__name__"));
}

/// A Python number.
bool to_number(nb::handle x, Array& out) {
  PyObject* o = x.ptr();
  if (PyFloat_CheckExact(o)) {
    out = Array(PyFloat_AS_DOUBLE(o));
    return true;
  }
  if (PyBool_Check(o)) {
    out = Array(o == Py_True);
    return true;
  }
  if (!PyLong_Check(o)) return false;
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(o, &overflow);
  if (overflow == 0) {
    out = Array(static_cast<std::int64_t>(value));
    return true;
  }
  const unsigned long long wide = overflow > 0 ? PyLong_AsUnsignedLongLong(o) : 0;
  if (overflow < 0 || PyErr_Occurred()) {
    PyErr_Clear();
    refuse("array", "an integer that no 64 bits hold", "write it as a float");
  }
  out = Array(static_cast<std::uint64_t>(wide));
  return true;
}

bool is_list(nb::handle x) {
  return PyList_Check(x.ptr()) || PyTuple_Check(x.ptr());
}

/// Whether nested lists hold one of our arrays.
bool holds_array(nb::handle x) {
  if (nb::isinstance<Array>(x)) return true;
  if (!is_list(x)) return false;
  for (nb::handle element : x) {
    if (holds_array(element)) return true;
  }
  return false;
}

/// Refuses nested lists whose parts at one depth have other lengths, by the first such part.
void want_rows(nb::handle x, std::string_view op, const std::string& here) {
  if (!is_list(x)) return;
  const std::size_t n = nb::len(x);
  const auto what = [](nb::handle row) {
    return is_list(row) ? "a list of " + std::to_string(nb::len(row)) : "a " + class_name(row);
  };
  for (std::size_t k = 0; k < n; ++k) {
    const nb::object first = nb::object(x[0]), row = nb::object(x[k]);
    const std::string place = here + "[" + std::to_string(k) + "]";
    if (is_list(row) != is_list(first) || (is_list(row) && nb::len(row) != nb::len(first))) {
      refuse(op, place + " is " + what(row) + ", and " + here + "[0] " + what(first),
             "give rows of one length, of numbers");
    }
    want_rows(row, op, place);
  }
}

Array from_list(nb::handle x, std::string_view op) {
  if (holds_array(x)) {
    std::vector<Array> rows;
    for (nb::handle element : x) rows.push_back(to_array(element, op));
    return array::stack(rows);
  }
  nb::object made;
  try {
    made = nb::module_::import_("numpy").attr("asarray")(x);
  } catch (nb::python_error& e) {
    want_rows(x, op, "the list");
    refuse(op, "a list that is no array of numbers: " + nb::cast<std::string>(nb::str(e.value())),
           "give rows of one length, of numbers");
  }
  if (auto found = from_buffer(made, Memory::kCopy)) return *found;
  refuse(op, "a list that is no array of numbers", "give rows of equal lengths, of numbers");
}

bool to_any(nb::handle x, Array& out, Memory memory) {
  if (nb::isinstance<Array>(x)) {
    out = nb::cast<const Array&>(x);
    return true;
  }
  if (to_number(x, out)) return true;
  if (PyUnicode_Check(x.ptr()) || PyBytes_Check(x.ptr())) return false;
  if (auto found = from_buffer(x, memory)) {
    out = *found;
    return true;
  }
  if (auto found = from_dlpack(x, memory)) {
    out = *found;
    return true;
  }
  if (!PyType_Check(x.ptr()) && nb::hasattr(x, "__array__")) {
    const nb::object made = nb::module_::import_("numpy").attr("asarray")(x);
    if (auto found = from_buffer(made, memory)) {
      out = *found;
      return true;
    }
  }
  return false;
}

}  // namespace

Array to_array(nb::handle x, std::string_view op, Memory memory) {
  Array out;
  if (to_any(x, out, memory)) return out;
  if (is_list(x)) return from_list(x, op);
  if (nb::isinstance<array::Complex>(x) || PyComplex_Check(x.ptr())) {
    refuse(op, "takes real arrays and numbers, not " + class_name(x),
           "ct.Complex has methods (abs, exp, log, sqrt, sum, conj) and its parts z.re and z.im");
  }
  refuse(op, "takes arrays and numbers, not " + class_name(x),
         "give a number, a NumPy array, nested lists of numbers, or what has DLPack");
}

bool to_operand(nb::handle x, Array& out, Memory memory) {
  return to_any(x, out, memory);
}

DType to_dtype(nb::handle x) {
  if (PyUnicode_Check(x.ptr())) {
    if (const auto found = dtype_named(nb::cast<std::string>(x))) return *found;
  }
  std::string name;
  try {
    name = nb::cast<std::string>(nb::module_::import_("numpy").attr("dtype")(x).attr("name"));
  } catch (nb::python_error&) {
    refuse("dtype", nb::cast<std::string>(nb::repr(x)) + " names no type of elements",
           "write ct.float64, \"float32\", or a NumPy dtype");
  }
  if (const auto found = dtype_named(name)) return *found;
  refuse("dtype", "there are no arrays of " + name,
         name.starts_with("complex")
             ? "take ct.Complex, a pair of real arrays"
             : "take float32, float64, int32, int64, uint32, uint64 or "
               "bool, or for storage uint8, int8, int16, float16, bfloat16");
}

nb::object from_dtype(DType t) {
  // Made once: numpy's dtypes live as long as the interpreter.
  static std::array<PyObject*, kDTypeCount> made{};
  PyObject*& slot = made[static_cast<std::size_t>(t)];
  if (!slot) {
    nb::object found;
    if (t == DType::kBF16) {
      try {
        found = nb::module_::import_("numpy").attr("dtype")(
            nb::module_::import_("ml_dtypes").attr("bfloat16"));
      } catch (nb::python_error&) {
        found = nb::str(numpy_name(t));
      }
    } else {
      found = nb::module_::import_("numpy").attr("dtype")(numpy_name(t));
    }
    slot = found.release().ptr();
  }
  return nb::borrow(slot);
}

namespace {

std::int64_t to_length(nb::handle x, std::string_view op, const char* what) {
  if (PyIndex_Check(x.ptr()) && !PyBool_Check(x.ptr())) {
    const Py_ssize_t n = PyNumber_AsSsize_t(x.ptr(), PyExc_OverflowError);
    if (n != -1 || !PyErr_Occurred()) return n;
    const bool large = PyErr_ExceptionMatches(PyExc_OverflowError);
    PyErr_Clear();
    if (large) refuse(op, std::string(what) + " does not fit in 64 bits", "give a smaller integer");
  }
  refuse(op, std::string(what) + " is " + class_name(x) + ", not an integer",
         std::string("give an integer as ") + what);
}

std::vector<std::int64_t> to_integers(nb::handle x, std::string_view op, const char* what) {
  std::vector<std::int64_t> all;
  if (is_list(x)) {
    for (nb::handle element : x) all.push_back(to_length(element, op, what));
  } else {
    all.push_back(to_length(x, op, what));
  }
  return all;
}

}  // namespace

Shape to_shape(nb::handle x, std::string_view op) {
  return array::shape_of(op, to_integers(x, op, "a length"));
}

nb::tuple from_shape(const Shape& shape) {
  nb::object made = nb::steal(PyTuple_New(shape.rank()));
  for (int k = 0; k < shape.rank(); ++k) {
    PyTuple_SET_ITEM(made.ptr(), k, PyLong_FromLongLong(shape[k]));
  }
  return nb::borrow<nb::tuple>(made);
}

array::Axes to_axes(nb::handle x, std::string_view op) {
  if (x.is_none()) return {};
  return array::Axes(to_integers(x, op, "an axis"));
}

namespace {

std::optional<std::int64_t> to_bound(PyObject* x) {
  if (x == Py_None) return std::nullopt;
  return to_length(x, "index", "a bound of a slice");
}

array::Index to_index(nb::handle x) {
  PyObject* o = x.ptr();
  if (o == Py_None) return array::newaxis;
  if (o == Py_Ellipsis) return array::ellipsis;
  if (PySlice_Check(o)) {
    const auto* s = reinterpret_cast<PySliceObject*>(o);
    return array::Slice{to_bound(s->start), to_bound(s->stop), to_bound(s->step).value_or(1)};
  }
  if (PyLong_Check(o) && !PyBool_Check(o)) {
    return static_cast<std::int64_t>(to_length(x, "index", "an index"));
  }
  Array indices = to_array(x, "index");
  // A NumPy integer is an integer: it is checked.
  const bool known = !nb::isinstance<Array>(x) && indices.ndim() == 0;
  if (known && is_integer(indices.dtype())) return indices.item<std::int64_t>();
  return indices;
}

}  // namespace

std::vector<array::Index> to_indices(nb::handle key) {
  std::vector<array::Index> all;
  if (PyTuple_Check(key.ptr())) {
    for (nb::handle element : key) all.push_back(to_index(element));
  } else {
    all.push_back(to_index(key));
  }
  return all;
}

namespace {

/// A parameter that x is made of and whose trace is over, or null.
const array::Node* left_over(const Array& x) {
  std::vector<const array::Node*> open{x.node().get()};
  std::set<const array::Node*> seen;
  while (!open.empty()) {
    const array::Node* node = open.back();
    open.pop_back();
    if (!node || node->trace == 0 || node->is_ready() || !seen.insert(node).second) continue;
    if (node->owner && !node->owner->running) return node;
    for (const array::NodePtr& operand : node->operands) open.push_back(operand.get());
  }
  return nullptr;
}

}  // namespace

void want_value(const Array& x, const char* what) {
  if (!x.is_traced()) return;
  if (const array::Node* parameter = left_over(x)) {
    throw UserError(
        {std::string("[") + what + "] the value of " + x.type_text() + ", made by " +
             array::maker_of(*x.node()) + " while " + parameter->owner->what +
             " traced a function, is asked for after that function returned",
         "",
         "a traced function runs once to be recorded; what it keeps in a global, a list "
         "or an attribute has a shape and no numbers, then or later",
         "return it as a result of the function"});
  }
  throw UserError(
      {std::string("[") + what + "] the value of " + x.type_text() + ", made by " +
           array::maker_of(*x.node()) +
           ", is asked for while a function is traced, where it is not known",
       "",
       "a number that is known: a traced function runs once to be recorded, with "
       "arrays that have a shape and no numbers",
       "ct.where(condition, x, y) and ct.cond(condition, f, g, x) choose; "
       "ct.fori_loop, ct.while_loop and ct.scan repeat; ct functions stand for NumPy's; "
       "or give the number as a static argument"});
}

void evaluate(const Array& x) {
  if (x.is_evaluated()) return;
  const Unlocked unlocked;
  x.eval();
}

}  // namespace cotangent::python
