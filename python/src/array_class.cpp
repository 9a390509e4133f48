// The class cotangent.Array: numpy's array, lazy, never changed.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "cotangent/array/record.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cotangent::python {

using array::Array;
using array::refuse;

namespace {

/// f(x, y), or NotImplemented where y is no operand.
template <class F>
nb::object operate(const F& f, const Array& x, nb::handle y) {
  Array other;
  if (!to_operand(y, other)) return nb::borrow(Py_NotImplemented);
  return nb::cast(f(x, other));
}

std::string signature(const char* method, const char* operand = "cotangent.typing.ArrayLike") {
  return std::string("def ") + method + "(self, other: " + operand + ", /) -> Array";
}

void bind_operators(nb::class_<Array>& c) {
  using namespace array;
  const auto both = [&](const char* method, const char* reflected, auto f) {
    c.def(
        method, [f](const Array& x, nb::handle y) { return operate(f, x, y); }, nb::is_operator(),
        nb::sig(signature(method).c_str()));
    c.def(
        reflected,
        [f](const Array& x, nb::handle y) {
          return operate([&](const Array& a, const Array& b) { return f(b, a); }, x, y);
        },
        nb::is_operator(), nb::sig(signature(reflected).c_str()));
  };
#define OPERATOR(name, alias, method, doc)    \
  both("__" #method "__", "__r" #method "__", \
       [](const Array& x, const Array& y) { return name(x, y); });
#define COMPARISON(name, sign, method)                                                 \
  c.def(                                                                               \
      "__" #method "__",                                                               \
      [](const Array& x, nb::handle y) {                                               \
        return operate([](const Array& a, const Array& b) { return a sign b; }, x, y); \
      },                                                                               \
      nb::is_operator(), nb::sig(signature("__" #method "__").c_str()));
#include "python/src/array_functions.inc"
#undef OPERATOR
#undef COMPARISON
  c.attr("__hash__") = nb::none();
  c.def("__neg__", [](const Array& x) { return -x; });
  c.def("__pos__", [](const Array& x) { return x; });
  c.def("__abs__", [](const Array& x) { return abs(x); });
  c.def("__invert__", [](const Array& x) { return ~x; });
  c.def(
      "__divmod__",
      [](const Array& x, ArrayLike y) {
        const Array other = y.as("divmod");
        return nb::make_tuple(floor_divide(x, other), remainder(x, other));
      },
      nb::sig("def __divmod__(self, other: cotangent.typing.ArrayLike, /) -> tuple[Array, Array]"));
}

nb::object number_of(const Array& x, const char* what) {
  want_value(x, what);
  evaluate(x);
  if (is_bool(x.dtype())) return nb::bool_(x.item<bool>());
  if (is_float(x.dtype()) || is_storage_float(x.dtype())) return nb::float_(x.item());
  if (x.dtype() == DType::kU64) return nb::int_(x.item<std::uint64_t>());
  return nb::int_(x.item<std::int64_t>());
}

std::string repr_of(const Array& x) {
  if (x.is_traced()) return x.text();
  const nb::object numpy = nb::module_::import_("numpy");
  const std::string prefix = "Array(";
  const std::string values = nb::cast<std::string>(
      numpy.attr("array2string")(to_numpy(x), "separator"_a = ", ", "prefix"_a = prefix));
  const std::string type = nb::cast<std::string>(nb::str(from_dtype(x.dtype())));
  return prefix + values + ", dtype=" + type + (x.is_weak() ? ", weak" : "") + ")";
}

void bind_values(nb::class_<Array>& c) {
  c.def("__bool__", [](const Array& x) {
    want_value(x, "if");
    evaluate(x);
    return static_cast<bool>(x);
  });
  c.def(
      "__float__", [](const Array& x) { return nb::float_(number_of(x, "float")); },
      nb::sig("def __float__(self) -> float"));
  c.def(
      "__int__", [](const Array& x) { return nb::int_(number_of(x, "int")); },
      nb::sig("def __int__(self) -> int"));
  c.def(
      "__index__",
      [](const Array& x) {
        if (!is_integer(x.dtype()) && !is_storage_integer(x.dtype())) {
          PyErr_SetString(PyExc_TypeError, "only an array of one integer is an index");
          throw nb::python_error();
        }
        return nb::int_(number_of(x, "index"));
      },
      nb::sig("def __index__(self) -> int"));
  c.def(
      "item", [](const Array& x) { return number_of(x, "item"); },
      nb::sig("def item(self) -> float | int | bool"),
      "The number of an array with one element. Computes; UserError while tracing.");
  c.def(
      "tolist", [](const Array& x) { return to_numpy(x).attr("tolist")(); },
      nb::sig("def tolist(self) -> typing.Any"), "The elements as nested lists of Python numbers.");
  c.def(
      "to_numpy", [](const Array& x) { return to_numpy(x); },
      nb::sig("def to_numpy(self) -> numpy.typing.NDArray[typing.Any]"),
      "NumPy's view of the elements: no copy, read only. Computes; UserError while tracing.");
  c.def(
      "__array__",
      [](const Array& x, nb::object dtype, nb::object copy) {
        nb::object made = to_numpy(x);
        if (!dtype.is_none()) made = made.attr("astype")(dtype, "copy"_a = false);
        if (!copy.is_none() && nb::cast<bool>(copy)) made = made.attr("copy")();
        return made;
      },
      "dtype"_a = nb::none(), "copy"_a = nb::none(),
      nb::sig("def __array__(self, dtype: typing.Any = None, copy: bool | None = None) -> "
              "numpy.typing.NDArray[typing.Any]"));
  c.def(
      "__dlpack__",
      [](const Array& x, nb::object, nb::object max_version, nb::object dl_device,
         nb::object copy) {
        if (!dl_device.is_none() && nb::cast<int>(dl_device[0]) != 1) {
          PyErr_SetString(PyExc_BufferError, "arrays lie on the CPU: dl_device is (1, 0)");
          throw nb::python_error();
        }
        const bool versioned = !max_version.is_none() && nb::cast<int>(max_version[0]) >= 1;
        const bool wanted = !copy.is_none() && nb::cast<bool>(copy);
        if (!wanted) return to_dlpack(x, versioned);
        want_value(x, "__dlpack__");
        evaluate(x);
        return to_dlpack(Array::from(x.node()->buffer->data(), x.shape(), x.dtype()), versioned);
      },
      nb::kw_only(), "stream"_a = nb::none(), "max_version"_a = nb::none(),
      "dl_device"_a = nb::none(), "copy"_a = nb::none(),
      nb::sig("def __dlpack__(self, *, stream: object = None, max_version: tuple[int, int] | None "
              "= None, dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> "
              "typing.Any"),
      "The memory for other libraries, without a copy: it must not be written. A versioned "
      "capsule, which says so, where `max_version` allows it.");
  c.def(
      "__dlpack_device__", [](const Array&) { return nb::make_tuple(1, 0); },
      nb::sig("def __dlpack_device__(self) -> tuple[int, int]"));
  c.def(
      "eval",
      [](const Array& x) {
        want_value(x, "eval");
        evaluate(x);
        return x;
      },
      "Computes the numbers now; the array itself. UserError while tracing.");
  c.def("__repr__", &repr_of);
  c.def("__str__", [](const Array& x) {
    if (!x.is_traced()) evaluate(x);
    return x.text();
  });
  c.def("__format__", [](const Array& x, const std::string& spec) {
    if (spec.empty()) return x.text();
    return nb::cast<std::string>(
        nb::module_::import_("builtins").attr("format")(number_of(x, "format"), spec));
  });
  c.def(
      "__reduce__",
      [](const Array& x) {
        return nb::make_tuple(nb::module_::import_("cotangent.transforms").attr("_restored"),
                              nb::make_tuple(to_numpy(x)));
      },
      nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));
  c.def("__copy__", [](const Array& x) { return x; });
  c.def("__deepcopy__", [](const Array& x, nb::handle) { return x; }, "memo"_a);
}

/// x.at: then x.at[indices].
struct At {
  Array array;
};

/// What x.at[indices] names: with the array and the indices still at hand.
struct Named {
  Array x;
  std::vector<array::Index> indices;
  bool by_arrays;  ///< an index array is among them: elements may be named twice

  array::IndexedArray elements() const { return {x, indices}; }
};

/// A copy of x with f(element, value) in the place of every element that is named, as often as it
/// is named. With index arrays one after the other.
template <class F>
Array changed(const Named& at, nb::handle given, const char* op, const F& f) {
  const Array value = to_array(given, op);
  if (!at.by_arrays) return at.elements().set(f(at.elements().get(), value));
  const Array places =
      array::get_index(array::reshape(array::arange(at.x.size()), at.x.shape()), at.indices);
  const Array values = array::ravel(array::broadcast_to(value, places.shape()));
  const Array flat = array::ravel(places);
  const Array y = array::fori_loop(
      0, flat.size(),
      [&](const Array& i, const Array& y) {
        const Array k = flat(i);
        return y.at(k).set(f(y(k), values(i)));
      },
      array::ravel(at.x));
  return array::reshape(y, at.x.shape());
}

bool is_index_array(nb::handle k) {
  if (PyTuple_Check(k.ptr()) || PySlice_Check(k.ptr()) || PyLong_Check(k.ptr())) return false;
  return !k.is_none() && k.ptr() != Py_Ellipsis;
}

void bind_indexing(nb::module_& m, nb::class_<Array>& c) {
  nb::class_<Named> named(m, "IndexedArray",
                          "Elements of an array, as x.at[...] names them; see Array.at.");
  named.def(
           "get", [](const Named& at) { return at.elements().get(); }, "x[...]")
      .def(
          "set",
          [](const Named& at, ArrayLike value) { return at.elements().set(value.as("set")); },
          "value"_a,
          "A copy of x with these elements replaced; `value` broadcasts. Where an index "
          "repeats, the last one wins.")
      .def(
          "add",
          [](const Named& at, ArrayLike value) { return at.elements().add(value.as("add")); },
          "value"_a, "A copy of x with these elements added to; repeated indices all count.")
      .def(
          "subtract",
          [](const Named& at, ArrayLike value) { return at.elements().add(-value.as("subtract")); },
          "value"_a, "A copy of x with these elements taken from; repeated indices all count.");
  const auto by = [&](const char* name, auto f, const char* doc) {
    named.def(
        name,
        [name, f](const Named& at, ArrayLike value) { return changed(at, value.object, name, f); },
        "value"_a, doc);
  };
  by(
      "multiply", [](const Array& x, const Array& y) { return x * y; },
      "A copy of x with these elements multiplied; repeated indices all count, one after the "
      "other.");
  by(
      "divide", [](const Array& x, const Array& y) { return x / y; },
      "A copy of x with these elements divided; repeated indices all count, one after the other.");
  by(
      "power", [](const Array& x, const Array& y) { return array::power(x, y); },
      "A copy of x with these elements raised to a power, as often as they are named.");
  by(
      "min", [](const Array& x, const Array& y) { return array::minimum(x, y); },
      "A copy of x with these elements, or the values where those are smaller.");
  by(
      "max", [](const Array& x, const Array& y) { return array::maximum(x, y); },
      "A copy of x with these elements, or the values where those are greater.");
  nb::class_<At>(m, "IndexUpdate", "What x.at is; see Array.at.")
      .def(
          "__getitem__",
          [](const At& at, nb::handle key) {
            bool by_arrays = false;
            if (PyTuple_Check(key.ptr())) {
              for (nb::handle k : key) by_arrays = by_arrays || is_index_array(k);
            }
            return Named{at.array, to_indices(key), by_arrays || is_index_array(key)};
          },
          "key"_a.none(),
          nb::sig("def __getitem__(self, key: cotangent.typing.Index, /) -> IndexedArray"));
  c.def_prop_ro(
      "at", [](const Array& x) { return At{x}; },
      "x.at[i, j].set(y), .add(y), ...: a copy of x with elements changed.");
  c.def(
      "__getitem__",
      [](const Array& x, nb::handle key) { return array::get_index(x, to_indices(key)); },
      "key"_a.none(), nb::sig("def __getitem__(self, key: cotangent.typing.Index, /) -> Array"));
  c.def(
      "__setitem__",
      [](const Array&, nb::handle, nb::handle) {
        refuse("set", "the values of an Array never change", "write x = x.at[...].set(y)");
      },
      "key"_a.none(), "value"_a.none(),
      nb::sig("def __setitem__(self, key: typing.Any, value: typing.Any, /) -> typing.NoReturn"));
  c.def("__len__", [](const Array& x) {
    if (x.ndim() == 0) {
      PyErr_SetString(PyExc_TypeError, "len() of an array without axes");
      throw nb::python_error();
    }
    return x.shape(0);
  });
  c.def(
      "__iter__",
      [](const Array& x) {
        if (x.ndim() == 0) {
          PyErr_SetString(PyExc_TypeError, "iteration over an array without axes");
          throw nb::python_error();
        }
        nb::list rows;
        for (std::int64_t k = 0; k < x.shape(0); ++k) rows.append(x[k]);
        return nb::iter(rows);
      },
      nb::sig("def __iter__(self) -> collections.abc.Iterator[Array]"));
}

/// The function of the package that has the name of a NumPy function, with NumPy's defaults, or
/// None.
nb::object namesake(nb::handle function) {
  const nb::module_ other = nb::module_::import_("cotangent._as_numpy");
  const std::string name = nb::cast<std::string>(function.attr("__name__"));
  if (nb::object ours = nb::getattr(other, name.c_str(), nb::none()); !ours.is_none()) return ours;
  nb::object home = nb::module_::import_("cotangent");
  const nb::object module = nb::getattr(function, "__module__", nb::none());
  for (const char* part : {"linalg", "fft"}) {
    if (nb::str(module).equal(nb::str((std::string("numpy.") + part).c_str())))
      home = home.attr(part);
  }
  return nb::getattr(home, name.c_str(), nb::none());
}

/// x with NumPy's arrays in the place of ours, in lists, tuples and dicts too.
nb::object with_numpy(nb::handle x, const char* name) {
  if (nb::isinstance<Array>(x)) {
    const Array& ours = nb::cast<const Array&>(x);
    want_value(ours, name);
    return to_numpy(ours);
  }
  if (PyTuple_CheckExact(x.ptr())) return nb::tuple(with_numpy(nb::list(x), name));
  if (PyList_CheckExact(x.ptr())) {
    nb::list result;
    for (nb::handle each : nb::borrow<nb::list>(x)) result.append(with_numpy(each, name));
    return result;
  }
  if (PyDict_CheckExact(x.ptr())) {
    nb::dict result;
    for (auto [key, value] : nb::borrow<nb::dict>(x)) result[key] = with_numpy(value, name);
    return result;
  }
  return nb::borrow(x);
}

/// What NumPy computes itself, on our memory: `call` is `function` or a method of it.
nb::object by_numpy(nb::handle function, nb::handle call, nb::handle args, nb::handle kwargs) {
  const std::string name = "np." + nb::cast<std::string>(function.attr("__name__"));
  return call(*nb::borrow<nb::tuple>(with_numpy(args, name.c_str())),
              **nb::borrow<nb::dict>(with_numpy(kwargs, name.c_str())));
}

void bind_numpy_protocols(nb::class_<Array>& c) {
  c.def(
      "__array_ufunc__",
      [](const Array&, nb::handle ufunc, const std::string& method, nb::args inputs,
         nb::kwargs kwargs) {
        const nb::object ours = namesake(ufunc);
        if (method == "__call__" && !ours.is_none() && !kwargs.contains("out")) {
          return ours(*inputs, **kwargs);
        }
        if (kwargs.contains("out")) {
          for (nb::handle out : nb::borrow<nb::tuple>(kwargs["out"])) {
            if (nb::isinstance<Array>(out)) {
              refuse("numpy", "out= with a cotangent.Array: its values never change",
                     "write x = np.add(x, y), or convert with np.asarray");
            }
          }
        }
        return by_numpy(ufunc, ufunc.attr(method.c_str()), inputs, kwargs);
      },
      nb::sig("def __array_ufunc__(self, ufunc: typing.Any, method: str, *inputs: typing.Any, "
              "**kwargs: typing.Any) -> typing.Any"));
  c.def(
      "__array_function__",
      [](const Array&, nb::handle function, nb::handle, nb::handle args, nb::handle kwargs) {
        const nb::object ours = namesake(function);
        if (ours.is_none()) return by_numpy(function, function, args, kwargs);
        try {
          return ours(*nb::borrow<nb::tuple>(args), **nb::borrow<nb::dict>(kwargs));
        } catch (nb::python_error& error) {
          // An argument that ours does not have: NumPy computes it, of values.
          if (!error.matches(PyExc_TypeError)) throw;
        }
        return by_numpy(function, function, args, kwargs);
      },
      nb::sig("def __array_function__(self, function: typing.Any, types: typing.Any, args: "
              "typing.Any, kwargs: typing.Any) -> typing.Any"));
  c.attr("__array_priority__") = 1000;
}

void bind_properties(nb::class_<Array>& c) {
  c.def_prop_ro(
      "shape", [](const Array& x) { return from_shape(x.shape()); },
      nb::sig("def shape(self) -> tuple[int, ...]"), "The lengths of the axes.");
  c.def_prop_ro(
      "dtype", [](const Array& x) { return from_dtype(x.dtype()); },
      nb::sig("def dtype(self) -> numpy.dtype[typing.Any]"), "NumPy's type of the elements.");
  c.def_prop_ro("ndim", &Array::ndim, "The number of axes.");
  c.def_prop_ro("size", &Array::size, "The number of elements.");
  c.def_prop_ro(
      "itemsize", [](const Array& x) { return size_of(x.dtype()); }, "Bytes of an element.");
  c.def_prop_ro(
      "nbytes",
      [](const Array& x) { return static_cast<std::size_t>(x.size()) * size_of(x.dtype()); },
      "Bytes of all elements.");
  c.def_prop_ro("weak", &Array::is_weak,
                "Whether it takes the type of its partners, as Python's numbers do.");
  c.def_prop_ro("is_traced", &Array::is_traced,
                "Whether it is inside a function that is traced: there are no numbers.");
  c.def_prop_ro("T", [](const Array& x) { return x.T(); }, "The axes in reverse order.");
  c.def(
      "astype", [](const Array& x, DTypeLike dtype) { return x.astype(to_dtype(dtype.object)); },
      "dtype"_a, "Converted; reals to integers truncate and saturate, NaN gives 0.");
  c.def(
      "reshape",
      [](const Array& x, nb::args shape) {
        return reshape_as(x, shape.size() == 1 ? nb::object(shape[0]) : nb::object(shape));
      },
      nb::sig("def reshape(self, *shape: cotangent.typing.Shape) -> Array"),
      "The same elements in another shape; one length may be -1.");
  c.def("ravel", [](const Array& x) { return array::ravel(x); }, "All elements in one axis.");
  c.def("flatten", [](const Array& x) { return array::ravel(x); }, "All elements in one axis.");
  c.def(
      "transpose",
      [](const Array& x, nb::args axes) {
        if (axes.size() == 0) return x.T();
        const nb::object all = axes.size() == 1 ? nb::object(axes[0]) : nb::object(axes);
        return array::transpose(x, to_axes(all, "transpose").list());
      },
      nb::sig("def transpose(self, *axes: cotangent.typing.Axes) -> Array"),
      "The axes in another order; reversed when none is given.");
  c.def(
      "squeeze",
      [](const Array& x, AxesLike axis) {
        return array::squeeze(x, to_axes(axis.object, "squeeze"));
      },
      "axis"_a = nb::none(), "Axes of length 1 taken out.");
  c.def(
      "dot", [](const Array& x, ArrayLike y) { return array::dot(x, y.as("dot")); }, "y"_a,
      "See ct.dot.");
  c.def("copy", [](const Array& x) { return x; }, "The array itself: its values never change.");
  c.def_prop_ro(
      "mT", [](const Array& x) { return array::swapaxes(x, -1, -2); },
      "The last two axes exchanged.");
  c.def("conj", [](const Array& x) { return x; }, "The array itself: it is real.");
  c.def_prop_ro("real", [](const Array& x) { return x; }, "The array itself: it is real.");
  c.def_prop_ro("imag", [](const Array& x) { return array::zeros_like(x); }, "Zeros: it is real.");
  c.def("round", [](const Array& x) { return array::round(x); }, "See ct.round.");
  c.def(
      "clip",
      [](const Array& x, nb::object min, nb::object max) {
        Array y = min.is_none() ? x : array::maximum(x, to_array(min, "clip"));
        return max.is_none() ? y : array::minimum(y, to_array(max, "clip"));
      },
      "min"_a = nb::none(), "max"_a = nb::none(),
      nb::sig("def clip(self, min: cotangent.typing.ArrayLike | None = None, max: "
              "cotangent.typing.ArrayLike | None = None) -> Array"),
      "See ct.clip.");
  c.def(
      "cumsum", [](const Array& x, std::optional<int> axis) { return array::cumsum(x, axis); },
      "axis"_a = nb::none(), "See ct.cumsum.");
  c.def(
      "sort", [](const Array& x, std::optional<int> axis) { return array::sort(x, axis); },
      "axis"_a.none() = -1, "A sorted copy; see ct.sort.");
  c.def(
      "argsort", [](const Array& x, std::optional<int> axis) { return array::argsort(x, axis); },
      "axis"_a.none() = -1, "See ct.argsort.");
  c.def(
      "swapaxes", [](const Array& x, int a, int b) { return array::swapaxes(x, a, b); }, "axis1"_a,
      "axis2"_a, "See ct.swapaxes.");
  c.def(
      "repeat",
      [](const Array& x, std::int64_t n, std::optional<int> axis) {
        return array::repeat(x, n, axis);
      },
      "repeats"_a, "axis"_a = nb::none(), "See ct.repeat.");
  c.def(
      "take",
      [](const Array& x, ArrayLike indices, std::optional<int> axis) {
        return array::take(x, indices.as("take"), axis);
      },
      "indices"_a, "axis"_a = nb::none(), "See ct.take.");
  c.def(
      "diagonal",
      [](const Array& x, std::int64_t offset, int axis1, int axis2) {
        return array::diagonal(x, offset, axis1, axis2);
      },
      "offset"_a = 0, "axis1"_a = 0, "axis2"_a = 1, "See ct.diagonal.");
  c.def("trace", [](const Array& x) { return array::trace(x); }, "See ct.trace.");
}

}  // namespace

void bind_arrays(nb::module_& m) {
  nb::class_<Array> c(
      m, "Array", nb::type_slots(buffer_slots), nb::is_weak_referenceable(),
      "numpy's array, lazy: operations are recorded, and done when a value is looked "
      "at.\n\nThe values never change; `x += 1` makes a new one. Made by ct.array, "
      "ct.asarray and the functions of the package.");
  m.def(
      "array",
      [](nb::handle x, DTypeLike dtype) {
        const Array made = to_array(x, "array");
        return dtype.object.is_none() ? made : made.astype(to_dtype(dtype.object));
      },
      "x"_a, "dtype"_a = nb::none(),
      nb::sig("def array(x: cotangent.typing.ArrayLike | collections.abc.Sequence[typing.Any], "
              "dtype: cotangent.typing.DTypeLike = None) -> Array"),
      "An array of numbers, nested lists of numbers or arrays, or a copy of a NumPy array, a "
      "tensor or a buffer.\n\nfloat64, int64 or bool unless the elements say otherwise. ValueError "
      "for rows of unequal lengths, UserError for types that there are no arrays of.");
  m.def(
      "asarray",
      [](nb::handle x, DTypeLike dtype) {
        const Array made = to_array(x, "asarray", Memory::kBorrow);
        return dtype.object.is_none() ? made : made.astype(to_dtype(dtype.object));
      },
      "x"_a, "dtype"_a = nb::none(),
      nb::sig("def asarray(x: cotangent.typing.ArrayLike | collections.abc.Sequence[typing.Any], "
              "dtype: cotangent.typing.DTypeLike = None) -> Array"),
      "The same as `array`, without a copy where the memory is row-major: it is shared, and must "
      "not be written as long as the array or what is computed from it is in use.");
  m.def(
      "from_dlpack",
      [](nb::handle x, nb::object copy) {
        const bool wanted = !copy.is_none() && nb::cast<bool>(copy);
        if (auto found = from_dlpack(x, wanted ? Memory::kCopy : Memory::kBorrow)) return *found;
        refuse("from_dlpack", "the object has no __dlpack__",
               "give a tensor or array of another library");
      },
      "x"_a, nb::kw_only(), "copy"_a = nb::none(),
      nb::sig("def from_dlpack(x: typing.Any, *, copy: bool | None = None) -> Array"),
      "The array of another library, without a copy where it is row-major and on the CPU: shared "
      "as `asarray` shares it.");
  bind_operators(c);
  bind_values(c);
  bind_indexing(m, c);
  bind_numpy_protocols(c);
  bind_properties(c);
  bind_array_functions(m, c);
}

void bind_array_package(nb::module_& m) {
  // Arrays that a person's module holds when the interpreter ends are no mistake to be told of.
  nb::set_leak_warnings(false);
  const nb::object before = nb::module_::import_("builtins").attr("set")(m.attr("__dict__"));
  bind_arrays(m);
  bind_namespaces(m);
  bind_trees(m);
  bind_transforms(m);
  bind_jit(m);
  bind_traced_systems(m);
  bind_flow_layer(m);
  nb::list names;
  for (nb::handle name : nb::borrow<nb::dict>(nb::object(m.attr("__dict__"))).keys()) {
    const bool hidden = nb::cast<std::string>(name).starts_with("_");
    if (!hidden && !nb::cast<bool>(before.attr("__contains__")(name))) names.append(name);
  }
  names.sort();
  m.attr("_array_names") = names;
}

}  // namespace cotangent::python
