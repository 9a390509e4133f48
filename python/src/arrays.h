// Arrays between Python and C++: what Python gives where an array is wanted, and what it gets.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <string_view>
#include <vector>

#include "cotangent/array/arrays.h"

namespace cotangent::python {

/// Whether memory of another library's array becomes ours, or is only looked at. `kBorrow` is for
/// calls that are over before the other side can write to it.
enum class Memory { kCopy, kBorrow };

/// An array of a number, a NumPy scalar or array, what has DLPack or the buffer protocol, or nested
/// lists of these. Python's own numbers are weak (promote.h). UserError for all else.
array::Array to_array(nanobind::handle x, std::string_view op, Memory memory = Memory::kCopy);

/// The same for an operator's other operand: false for what is no number and no array, so that
/// Python may ask the other side.
bool to_operand(nanobind::handle x, array::Array& out, Memory memory = Memory::kCopy);

/// numpy's names of types ("float64"), what numpy.dtype takes, and "bfloat16".
DType to_dtype(nanobind::handle x);
/// The numpy.dtype of a type; of bf16, which numpy lacks, ml_dtypes' where it is installed and
/// otherwise its name.
nanobind::object from_dtype(DType t);

/// One length or several.
Shape to_shape(nanobind::handle x, std::string_view op);
nanobind::tuple from_shape(const Shape& shape);

/// None, one axis, or several.
array::Axes to_axes(nanobind::handle x, std::string_view op);

/// What numpy takes in square brackets.
std::vector<array::Index> to_indices(nanobind::handle key);

/// Refuses to look at a value while tracing, in words of Python.
void want_value(const array::Array& x, const char* what);

/// Computes the numbers, without the interpreter's lock.
void evaluate(const array::Array& x);

// --- exchange.cpp
/// Memory of a buffer, or of an object with __dlpack__; nothing where x has neither.
std::optional<array::Array> from_buffer(nanobind::handle x, Memory memory);
std::optional<array::Array> from_dlpack(nanobind::handle x, Memory memory);
/// numpy's view of x, read only and without a copy.
nanobind::object to_numpy(const array::Array& x);
nanobind::capsule to_dlpack(const array::Array& x, bool versioned);
/// Lets go of a Python object, whoever holds the interpreter's lock.
void release_later(PyObject* object);
extern PyType_Slot buffer_slots[];

/// A parameter of a bound function that takes whatever becomes an array.
struct ArrayLike {
  nanobind::handle object;
  array::Array as(std::string_view op) const { return to_array(object, op); }
};
// What C++ writes with a sign only.
inline array::Array bitwise_and(const array::Array& x, const array::Array& y) {
  return x & y;
}
inline array::Array bitwise_or(const array::Array& x, const array::Array& y) {
  return x | y;
}
inline array::Array bitwise_xor(const array::Array& x, const array::Array& y) {
  return x ^ y;
}

/// One that takes None, an axis, or several.
struct AxesLike {
  nanobind::handle object;
};
/// One that takes a length or several.
struct ShapeLike {
  nanobind::handle object;
};
/// One that takes what names a type of elements.
struct DTypeLike {
  nanobind::handle object;
};

}  // namespace cotangent::python

namespace nanobind::detail {

#define COTANGENT_TAKES_ANYTHING(Type, text)                                    \
  template <>                                                                   \
  struct type_caster<cotangent::python::Type> {                                 \
    NB_TYPE_CASTER(cotangent::python::Type, const_name(text))                   \
    bool from_python(handle src, std::uint32_t, cleanup_list*) noexcept {       \
      value.object = src;                                                       \
      return true;                                                              \
    }                                                                           \
    static handle from_cpp(const Value& v, rv_policy, cleanup_list*) noexcept { \
      return handle(v.object).inc_ref();                                        \
    }                                                                           \
  };
COTANGENT_TAKES_ANYTHING(ArrayLike, "cotangent.typing.ArrayLike")
COTANGENT_TAKES_ANYTHING(AxesLike, "cotangent.typing.Axes")
COTANGENT_TAKES_ANYTHING(ShapeLike, "cotangent.typing.Shape")
COTANGENT_TAKES_ANYTHING(DTypeLike, "cotangent.typing.DTypeLike")
#undef COTANGENT_TAKES_ANYTHING

}  // namespace nanobind::detail
