// numpy's functions on our arrays: those of array_functions.inc, and those that make, shape, join,
// contract and order.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "cotangent/array/record.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cotangent::python {

using array::Array;

namespace {

// What C++ writes with a sign only.
Array positive(const Array& x) {
  return x;
}

using namespace array;

std::vector<Array> to_arrays(nb::handle list, const char* op) {
  if (nb::isinstance<Array>(list)) {
    std::vector<Array> rows;
    const Array& x = nb::cast<const Array&>(list);
    if (x.ndim() == 0) refuse(op, "one scalar, not several arrays", "give a list of arrays");
    for (std::int64_t k = 0; k < x.shape(0); ++k) rows.push_back(x[k]);
    return rows;
  }
  std::vector<Array> all;
  if (!PySequence_Check(list.ptr())) refuse(op, "takes several arrays", "give a list of arrays");
  for (nb::handle x : list) all.push_back(to_array(x, op));
  return all;
}

std::vector<std::int64_t> axes_list(nb::handle axes, const char* op) {
  return to_axes(axes, op).list();
}

std::optional<DType> maybe_dtype(nb::handle x) {
  if (x.is_none()) return std::nullopt;
  return to_dtype(x);
}
Array with_dtype(const Array& x, nb::handle dtype) {
  return dtype.is_none() ? x : x.astype(to_dtype(dtype));
}

std::string unary_doc(const char* what, const char* types) {
  return std::string(what) + ", element by element.\n\nThe shape of x. " + types +
         "\nUserError for what is no array of numbers.";
}
constexpr const char* kReal = "f32 or f64; integers and bools become float64.";
constexpr const char* kAny = "The type of x.";
constexpr const char* kTest = "Gives bool.";
/// A whole sentence is of whole arrays, what is none is said of their elements.
std::string binary_doc(std::string what) {
  if (!what.ends_with('.')) what += ", element by element.";
  return what +
         "\n\nShapes broadcast, types promote (docs/arrays.md). UserError where they do not fit.";
}
std::string reduction_doc(const char* what) {
  return std::string(what) +
         ".\n\nOver all axes, one, or several (`axis`); with `keepdims` they stay, with length 1.\n"
         "UserError for an axis that is not there.";
}

void bind_elementwise(nb::module_& m) {
  const auto unary = [&](const char* name, const char* alias, auto f, const std::string& doc) {
    for (const char* n : {name, alias}) {
      if (!*n) continue;
      const bool of_complex = std::string_view(name) == "abs";
      m.def(
          n,
          [f, name, of_complex](ArrayLike x) {
            if (of_complex && nb::isinstance<Complex>(x.object)) {
              return abs(nb::cast<const Complex&>(x.object));
            }
            return f(x.as(name));
          },
          "x"_a, doc.c_str());
    }
  };
#define REAL(name, alias, doc) \
  unary(#name, alias, [](const Array& x) { return name(x); }, unary_doc(doc, kReal));
#define ANY(name, alias, doc) \
  unary(#name, alias, [](const Array& x) { return name(x); }, unary_doc(doc, kAny));
#define TEST(name, alias, doc) \
  unary(#name, alias, [](const Array& x) { return name(x); }, unary_doc(doc, kTest));
#include "python/src/array_functions.inc"
#undef REAL
#undef ANY
#undef TEST
  unary(
      "invert", "bitwise_not", [](const Array& x) { return ~x; },
      unary_doc("The other bits; integers and bool", kAny));

  const auto binary = [&](const char* name, const char* alias, auto f, const std::string& doc) {
    for (const char* n : {name, alias}) {
      if (!*n) continue;
      const bool y_first = std::string_view(name) == "atan2";
      m.def(
          n, [f, name](ArrayLike x, ArrayLike y) { return f(x.as(name), y.as(name)); },
          nb::arg(y_first ? "y" : "x"), nb::arg(y_first ? "x" : "y"), doc.c_str());
    }
  };
#define BINARY(name, alias, doc) \
  binary(#name, alias, [](const Array& x, const Array& y) { return name(x, y); }, binary_doc(doc));
#define OPERATOR(name, alias, method, doc) BINARY(name, alias, doc)
#define COMPARISON(name, sign, method)                                    \
  binary(                                                                 \
      #name, "", [](const Array& x, const Array& y) { return x sign y; }, \
      binary_doc("x " #sign " y; gives bool, false where NaN takes part (but not x != y)"));
#include "python/src/array_functions.inc"
#undef BINARY
#undef OPERATOR
#undef COMPARISON

  m.def(
      "fma",
      [](ArrayLike x, ArrayLike y, ArrayLike z) {
        return fma(x.as("fma"), y.as("fma"), z.as("fma"));
      },
      "x"_a, "y"_a, "z"_a,
      "x y + z, rounded once, element by element.\n\nShapes broadcast, types promote. UserError "
      "where they do not fit.");
  m.def(
      "where",
      [](ArrayLike condition, ArrayLike x, ArrayLike y) {
        return where(condition.as("where"), x.as("where"), y.as("where"));
      },
      "condition"_a, "x"_a, "y"_a,
      "x where the condition holds, else y.\n\nShapes broadcast, x and y promote. What is not "
      "chosen leaks nothing into values or gradients, NaN included.");
  m.def(
      "clip",
      [](ArrayLike x, nb::object min, nb::object max) {
        Array y = x.as("clip");
        if (!min.is_none()) y = maximum(y, to_array(min, "clip"));
        return max.is_none() ? y : minimum(y, to_array(max, "clip"));
      },
      "x"_a, "min"_a = nb::none(), "max"_a = nb::none(),
      nb::sig("def clip(x: cotangent.typing.ArrayLike, min: cotangent.typing.ArrayLike | None = "
              "None, max: cotangent.typing.ArrayLike | None = None) -> Array"),
      "x, between `min` and `max`; None is no bound. At a bound the derivative is that of the "
      "bound.\n\nShapes broadcast, types promote. UserError where they do not fit.");
  m.def(
      "allclose",
      [](ArrayLike x, ArrayLike y, double rtol, double atol) {
        const Array a = x.as("allclose"), b = y.as("allclose");
        want_value(a, "allclose");
        want_value(b, "allclose");
        return allclose(a, b, rtol, atol);
      },
      "x"_a, "y"_a, "rtol"_a = 1e-5, "atol"_a = 1e-8,
      "Whether |x - y| <= atol + rtol |y| everywhere. Computes; UserError while tracing.");
}

void bind_reductions(nb::module_& m, nb::class_<Array>& c) {
  const auto reduction = [&](const char* name, auto f, const std::string& doc) {
    m.def(
        name,
        [f, name](ArrayLike x, AxesLike axis, bool keepdims) {
          return f(x.as(name), to_axes(axis.object, name), keepdims);
        },
        "x"_a, "axis"_a = nb::none(), "keepdims"_a = false, doc.c_str());
    c.def(
        name,
        [f, name](const Array& x, AxesLike axis, bool keepdims) {
          return f(x, to_axes(axis.object, name), keepdims);
        },
        "axis"_a = nb::none(), "keepdims"_a = false, doc.c_str());
  };
#define REDUCTION(name, function, doc)                                                     \
  reduction(                                                                               \
      #name, [](const Array& x, Axes axes, bool keep) { return function(x, axes, keep); }, \
      reduction_doc(doc));
#include "python/src/array_functions.inc"
#undef REDUCTION
  m.def(
      "logsumexp",
      [](ArrayLike x, AxesLike axis, bool keepdims) {
        return logsumexp(x.as("logsumexp"), to_axes(axis.object, "logsumexp"), keepdims);
      },
      "x"_a, "axis"_a = nb::none(), "keepdims"_a = false,
      reduction_doc("log(sum(exp(x))), without overflow").c_str());
  const auto spread = [&](const char* name, auto f, const char* what) {
    const std::string doc = reduction_doc(what);
    m.def(
        name,
        [f, name](ArrayLike x, AxesLike axis, bool keepdims, std::int64_t ddof) {
          return f(x.as(name), to_axes(axis.object, name), keepdims, ddof);
        },
        "x"_a, "axis"_a = nb::none(), "keepdims"_a = false, "ddof"_a = 0, doc.c_str());
    c.def(
        name,
        [f, name](const Array& x, AxesLike axis, bool keepdims, std::int64_t ddof) {
          return f(x, to_axes(axis.object, name), keepdims, ddof);
        },
        "axis"_a = nb::none(), "keepdims"_a = false, "ddof"_a = 0, doc.c_str());
  };
  spread(
      "var", [](const Array& x, Axes a, bool k, std::int64_t d) { return var(x, a, k, d); },
      "The mean squared distance from the mean, by n - ddof");
  spread(
      "std", [](const Array& x, Axes a, bool k, std::int64_t d) { return stddev(x, a, k, d); },
      "The square root of the mean squared distance from the mean, by n - ddof");
  const auto extremum = [&](const char* name, auto f, const char* what) {
    m.def(
        name,
        [f, name](ArrayLike x, std::optional<int> axis, bool keepdims) {
          return f(x.as(name), axis, keepdims);
        },
        "x"_a, "axis"_a = nb::none(), "keepdims"_a = false, what);
    c.def(
        name,
        [f](const Array& x, std::optional<int> axis, bool keepdims) {
          return f(x, axis, keepdims);
        },
        "axis"_a = nb::none(), "keepdims"_a = false, what);
  };
  extremum(
      "argmin", [](const Array& x, std::optional<int> a, bool k) { return argmin(x, a, k); },
      "The int64 index of the first smallest element (or NaN); of the flattened array when no "
      "axis is given.");
  extremum(
      "argmax", [](const Array& x, std::optional<int> a, bool k) { return argmax(x, a, k); },
      "The int64 index of the first greatest element (or NaN); of the flattened array when no "
      "axis is given.");
}

void bind_making(nb::module_& m) {
  const auto filled = [&](const char* name, auto f, const char* doc) {
    m.def(
        name,
        [f, name](ShapeLike shape, DTypeLike dtype) {
          return f(to_shape(shape.object, name), maybe_dtype(dtype.object).value_or(DType::kF64));
        },
        "shape"_a, "dtype"_a = nb::none(), doc);
  };
  filled(
      "zeros", [](Shape s, DType t) { return zeros(s, t); },
      "Zeros, float64 unless said otherwise.");
  filled(
      "ones", [](Shape s, DType t) { return ones(s, t); }, "Ones, float64 unless said otherwise.");
  m.def(
      "full",
      [](ShapeLike shape, ArrayLike fill_value, DTypeLike dtype) {
        return full(to_shape(shape.object, "full"),
                    with_dtype(fill_value.as("full"), dtype.object));
      },
      "shape"_a, "fill_value"_a, "dtype"_a = nb::none(), "One value everywhere, of its type.");
  const auto like = [&](const char* name, auto f, const char* doc) {
    m.def(
        name,
        [f, name](ArrayLike x, DTypeLike dtype) { return f(with_dtype(x.as(name), dtype.object)); },
        "x"_a, "dtype"_a = nb::none(), doc);
  };
  like(
      "zeros_like", [](const Array& x) { return zeros_like(x); },
      "Zeros of the shape and type of x.");
  like(
      "ones_like", [](const Array& x) { return ones_like(x); }, "Ones of the shape and type of x.");
  m.def(
      "full_like",
      [](ArrayLike x, ArrayLike fill_value, DTypeLike dtype) {
        return full_like(with_dtype(x.as("full_like"), dtype.object), fill_value.as("full_like"));
      },
      "x"_a, "fill_value"_a, "dtype"_a = nb::none(), "One value, of the shape and type of x.");
  m.def(
      "arange",
      [](nb::object start, nb::object stop, nb::object step, DTypeLike dtype) {
        if (stop.is_none()) {
          stop = start;
          start = nb::int_(0);
        }
        const auto number = [](nb::handle x) {
          const Array a = to_array(x, "arange");
          want_value(a, "arange");
          return a;
        };
        const Array first = number(start), last = number(stop);
        const Array by = step.is_none() ? Array(1) : number(step);
        const bool whole = is_integer(promote(promote(first.dtype(), last.dtype()), by.dtype()));
        const Array made = whole ? whole_range(first.item<std::int64_t>(),
                                               last.item<std::int64_t>(), by.item<std::int64_t>())
                                 : arange(first.item(), last.item(), by.item());
        return with_dtype(made, dtype.object);
      },
      "start"_a, "stop"_a = nb::none(), "step"_a = nb::none(), "dtype"_a = nb::none(),
      nb::sig("def arange(start: float, stop: float | None = None, step: float | None = None, "
              "dtype: cotangent.typing.DTypeLike = None) -> Array"),
      "start, start + step, ... before stop: int64 of integers, float64 of reals. UserError for a "
      "step of 0.");
  m.def(
      "linspace",
      [](double start, double stop, std::int64_t num, bool endpoint, DTypeLike dtype) {
        return with_dtype(linspace(start, stop, num, endpoint), dtype.object);
      },
      "start"_a, "stop"_a, "num"_a = 50, "endpoint"_a = true, "dtype"_a = nb::none(),
      "`num` float64 values from start to stop, both included unless `endpoint` is false: [num].");
  m.def(
      "eye",
      [](std::int64_t n, std::optional<std::int64_t> columns, std::int64_t k, DTypeLike dtype) {
        return eye(n, columns.value_or(-1), k, maybe_dtype(dtype.object).value_or(DType::kF64));
      },
      "N"_a, "M"_a = nb::none(), "k"_a = 0, "dtype"_a = nb::none(),
      "Ones on the k-th diagonal of an N by M matrix, zeros elsewhere; M is N unless said "
      "otherwise.");
  m.def(
      "identity",
      [](std::int64_t n, DTypeLike dtype) {
        return eye(n, -1, 0, maybe_dtype(dtype.object).value_or(DType::kF64));
      },
      "n"_a, "dtype"_a = nb::none(), "The n by n identity matrix.");
  const auto banded = [&](const char* name, auto f, const char* doc) {
    m.def(
        name, [f, name](ArrayLike x, std::int64_t k) { return f(x.as(name), k); }, "x"_a, "k"_a = 0,
        doc);
  };
  banded(
      "diag", [](const Array& x, std::int64_t k) { return diag(x, k); },
      "Of a vector the matrix with it as k-th diagonal; of a matrix that diagonal. UserError for "
      "more axes.");
  banded(
      "tril", [](const Array& x, std::int64_t k) { return tril(x, k); },
      "x, with zeros above the k-th diagonal of the last two axes.");
  banded(
      "triu", [](const Array& x, std::int64_t k) { return triu(x, k); },
      "x, with zeros below the k-th diagonal of the last two axes.");
  m.def(
      "diagonal",
      [](ArrayLike x, std::int64_t offset, int axis1, int axis2) {
        return diagonal(x.as("diagonal"), offset, axis1, axis2);
      },
      "x"_a, "offset"_a = 0, "axis1"_a = 0, "axis2"_a = 1,
      "The diagonal of two axes, as the last axis of the result. UserError for fewer than two "
      "axes.");
  m.def(
      "trace", [](ArrayLike x) { return trace(x.as("trace")); }, "x"_a,
      "The sum of the diagonal of the first two axes. UserError for fewer than two.");
  m.def(
      "meshgrid",
      [](nb::args axes, const std::string& indexing) {
        if (indexing != "ij") {
          refuse("meshgrid", "indexing \"" + indexing + "\"",
                 "say indexing=\"ij\": result k varies "
                 "along axis k");
        }
        return meshgrid(to_arrays(axes, "meshgrid"));
      },
      "axes"_a, "indexing"_a = "ij",
      nb::sig("def meshgrid(*axes: cotangent.typing.ArrayLike, indexing: str = \"ij\") -> "
              "list[Array]"),
      "Grids of coordinates of vectors: result k varies along axis k. UserError for other arrays.");
}

void bind_shaping(nb::module_& m) {
  m.def(
      "reshape",
      [](ArrayLike x, ShapeLike shape) { return reshape_as(x.as("reshape"), shape.object); }, "x"_a,
      "shape"_a,
      "The same elements, row-major, in another shape; one length may be -1. UserError where their "
      "number differs.");
  m.def(
      "ravel", [](ArrayLike x) { return ravel(x.as("ravel")); }, "x"_a,
      "All elements in one axis.");
  m.def(
      "transpose",
      [](ArrayLike x, AxesLike axes) {
        return transpose(x.as("transpose"), axes_list(axes.object, "transpose"));
      },
      "x"_a, "axes"_a = nb::none(),
      "The axes in another order; reversed when none is given. UserError unless each is named "
      "once.");
  m.def(
      "permute_dims",
      [](ArrayLike x, AxesLike axes) {
        return transpose(x.as("permute_dims"), axes_list(axes.object, "permute_dims"));
      },
      "x"_a, "axes"_a, "transpose, by the array standard's name.");
  m.def(
      "swapaxes",
      [](ArrayLike x, int axis1, int axis2) { return swapaxes(x.as("swapaxes"), axis1, axis2); },
      "x"_a, "axis1"_a, "axis2"_a, "Two axes exchanged. UserError for an axis that is not there.");
  m.def(
      "moveaxis",
      [](ArrayLike x, int source, int destination) {
        return moveaxis(x.as("moveaxis"), source, destination);
      },
      "x"_a, "source"_a, "destination"_a,
      "One axis moved to another place. UserError for an axis that is not there.");
  m.def(
      "squeeze",
      [](ArrayLike x, AxesLike axis) {
        return squeeze(x.as("squeeze"), to_axes(axis.object, "squeeze"));
      },
      "x"_a, "axis"_a = nb::none(),
      "Axes of length 1 taken out; all such when none is given. UserError for an axis of another "
      "length.");
  m.def(
      "expand_dims",
      [](ArrayLike x, AxesLike axis) {
        return expand_dims(x.as("expand_dims"), to_axes(axis.object, "expand_dims"));
      },
      "x"_a, "axis"_a,
      "Axes of length 1 put in, at these places of the result. UserError for a place outside.");
  m.def(
      "broadcast_to",
      [](ArrayLike x, ShapeLike shape) {
        return broadcast_to(x.as("broadcast_to"), to_shape(shape.object, "broadcast_to"));
      },
      "x"_a, "shape"_a,
      "x repeated along missing axes, which come first, and those of length 1. UserError where "
      "another length differs.");
  m.def(
      "flip",
      [](ArrayLike x, AxesLike axis) { return flip(x.as("flip"), to_axes(axis.object, "flip")); },
      "x"_a, "axis"_a = nb::none(),
      "Elements in reverse order along axes; along all when none is given. UserError for an axis "
      "that is not there.");
  m.def(
      "roll",
      [](ArrayLike x, std::int64_t shift, std::optional<int> axis) {
        return roll(x.as("roll"), shift, axis);
      },
      "x"_a, "shift"_a, "axis"_a = nb::none(),
      "Elements moved along an axis, from the end to the front; flattened when none is given. "
      "UserError for an axis that is not there.");
  m.def(
      "pad",
      [](ArrayLike x, nb::object pad_width, const std::string& mode, ArrayLike constant_values) {
        if (mode != "constant") {
          refuse("pad", "mode \"" + mode + "\" is not supported yet", "use mode=\"constant\"");
        }
        const Array a = x.as("pad");
        const Array widths =
            broadcast_to(to_array(pad_width, "pad"), Shape{std::max(a.ndim(), 1), 2});
        const auto all = widths.values<std::int64_t>();
        std::vector<std::int64_t> low, high;
        for (int k = 0; k < a.ndim(); ++k) {
          low.push_back(all[static_cast<std::size_t>(2 * k)]);
          high.push_back(all[static_cast<std::size_t>(2 * k + 1)]);
        }
        return pad(a, low, high, constant_values.as("pad"));
      },
      "x"_a, "pad_width"_a, "mode"_a = "constant", "constant_values"_a = 0.0,
      nb::sig(
          "def pad(x: cotangent.typing.ArrayLike, pad_width: cotangent.typing.ArrayLike, "
          "mode: str = \"constant\", constant_values: cotangent.typing.ArrayLike = 0) -> Array"),
      "Elements of one value around x: pad_width is a number, (before, after), or one such pair "
      "an axis.");
  m.def(
      "tile",
      [](ArrayLike x, AxesLike reps) { return tile(x.as("tile"), axes_list(reps.object, "tile")); },
      "x"_a, "reps"_a, "x repeated as a whole, so often along each axis.");
  m.def(
      "repeat",
      [](ArrayLike x, std::int64_t repeats, std::optional<int> axis) {
        return repeat(x.as("repeat"), repeats, axis);
      },
      "x"_a, "repeats"_a, "axis"_a = nb::none(),
      "Each element repeated along an axis; flattened when none is given. UserError for an axis "
      "that is not there.");
  const auto joined = [&](const char* name, auto f, const char* doc) {
    m.def(
        name, [f, name](nb::object arrays, int axis) { return f(to_arrays(arrays, name), axis); },
        "arrays"_a, "axis"_a = 0,
        nb::sig((std::string("def ") + name +
                 "(arrays: collections.abc.Sequence[cotangent.typing.ArrayLike] | Array, axis: "
                 "int = 0) -> Array")
                    .c_str()),
        doc);
  };
  joined(
      "concatenate", [](const std::vector<Array>& p, int a) { return concatenate(p, a); },
      "Arrays one after the other along an axis; their types promote. UserError where their other "
      "axes differ.");
  joined(
      "stack", [](const std::vector<Array>& p, int a) { return stack(p, a); },
      "Arrays of one shape along a new axis; their types promote. UserError where shapes differ.");
  m.def(
      "split",
      [](ArrayLike x, nb::object parts, int axis) {
        const Array a = x.as("split");
        return PyLong_Check(parts.ptr()) ? split(a, axes_list(parts, "split")[0], axis)
                                         : split(a, axes_list(parts, "split"), axis);
      },
      "x"_a, "indices_or_sections"_a, "axis"_a = 0,
      nb::sig("def split(x: cotangent.typing.ArrayLike, indices_or_sections: int | "
              "collections.abc.Sequence[int], axis: int = 0) -> list[Array]"),
      "Equal parts along an axis, or those that end at these places: a list of arrays. UserError "
      "where parts would not be equal.");
  m.def(
      "take",
      [](ArrayLike x, ArrayLike indices, std::optional<int> axis) {
        return take(x.as("take"), indices.as("take"), axis);
      },
      "x"_a, "indices"_a, "axis"_a = nb::none(),
      "Elements along an axis (of the flattened array when none is given); what lies outside is "
      "clamped.");
  m.def(
      "take_along_axis",
      [](ArrayLike x, ArrayLike indices, int axis) {
        return take_along_axis(x.as("take_along_axis"), indices.as("take_along_axis"), axis);
      },
      "x"_a, "indices"_a, "axis"_a,
      "Elements along an axis by integer indices with the rank of x, clamped to the axis. "
      "UserError where shapes do not fit.");
  m.def(
      "sort", [](ArrayLike x, std::optional<int> axis) { return sort(x.as("sort"), axis); }, "x"_a,
      "axis"_a.none() = -1,
      "Ascending along an axis, NaN last, -0 before 0; None flattens. UserError for an axis that "
      "is not there.");
  m.def(
      "argsort",
      [](ArrayLike x, std::optional<int> axis) { return argsort(x.as("argsort"), axis); }, "x"_a,
      "axis"_a.none() = -1,
      "The int64 indices that sort; equal elements keep their order. None flattens. UserError for "
      "an axis that is not there.");
  m.def(
      "cumsum", [](ArrayLike x, std::optional<int> axis) { return cumsum(x.as("cumsum"), axis); },
      "x"_a, "axis"_a = nb::none(),
      "Running sums along an axis; flattened when none is given. UserError for an axis that is not "
      "there.");
}

void bind_products(nb::module_& m) {
  const auto product = [&](const char* name, auto f, const char* doc) {
    m.def(
        name, [f, name](ArrayLike x, ArrayLike y) { return f(x.as(name), y.as(name)); }, "x"_a,
        "y"_a, doc);
  };
  product(
      "dot", [](const Array& x, const Array& y) { return dot(x, y); },
      "Scalars multiply; else the last axis of x with the last but one of y, or the only one. "
      "UserError where their lengths differ.");
  product(
      "outer", [](const Array& x, const Array& y) { return outer(x, y); },
      "x[i] y[j] of the flattened arrays: [x.size, y.size].");
  product(
      "cross", [](const Array& x, const Array& y) { return cross(x, y); },
      "The cross product of the last axis, of length 3; the others broadcast. UserError for "
      "another length.");
  m.def(
      "tensordot",
      [](ArrayLike x, ArrayLike y, nb::object axes) {
        const Array a = x.as("tensordot"), b = y.as("tensordot");
        if (PyLong_Check(axes.ptr())) {
          const std::int64_t several = axes_list(axes, "tensordot")[0];
          if (several < 0 || several > std::min(a.ndim(), b.ndim())) {
            refuse("tensordot",
                   "over " + std::to_string(several) + " axes of " + a.type_text() + " and " +
                       b.type_text(),
                   "give as many as both have, or fewer");
          }
          return tensordot(a, b, static_cast<int>(several));
        }
        if (!PySequence_Check(axes.ptr()) || PySequence_Size(axes.ptr()) != 2) {
          PyErr_Clear();
          refuse("tensordot", "axes are no pair", "give a number, or (axes of x, axes of y)");
        }
        return tensordot(a, b, axes_list(axes[0], "tensordot"), axes_list(axes[1], "tensordot"));
      },
      "x"_a, "y"_a, "axes"_a = 2,
      nb::sig("def tensordot(x: cotangent.typing.ArrayLike, y: cotangent.typing.ArrayLike, axes: "
              "int | tuple[cotangent.typing.Axes, cotangent.typing.Axes] = 2) -> Array"),
      "The sum over the last `axes` axes of x and the first of y, or over pairs of axes. UserError "
      "where lengths differ.");
  m.def(
      "einsum",
      [](const std::string& formula, nb::args operands) {
        std::string plain;
        for (char c : formula) {
          if (c != ' ') plain += c;
        }
        return einsum(plain, to_arrays(operands, "einsum"));
      },
      "formula"_a, "operands"_a,
      nb::sig("def einsum(formula: str, *operands: cotangent.typing.ArrayLike) -> Array"),
      "\"ij,jk->ik\": sums over the letters that the result lacks. UserError for an ellipsis, and "
      "for a letter of two lengths.");
  m.def(
      "norm",
      [](ArrayLike x, AxesLike axis, bool keepdims) {
        return norm(x.as("norm"), to_axes(axis.object, "norm"), keepdims);
      },
      "x"_a, "axis"_a = nb::none(), "keepdims"_a = false,
      "sqrt of the sum of squares, over all axes or those given; its gradient at the origin is 0. "
      "UserError for an axis that is not there.");
}

}  // namespace

Array reshape_as(const Array& x, nb::handle shape) {
  std::vector<std::int64_t> lengths = to_axes(shape, "reshape").list();
  std::int64_t known = 1, missing = -1;
  for (std::size_t k = 0; k < lengths.size(); ++k) {
    if (lengths[k] != -1) {
      known *= lengths[k];
    } else if (missing >= 0) {
      refuse("reshape", "two lengths are -1", "give all lengths but one");
    } else {
      missing = static_cast<std::int64_t>(k);
    }
  }
  if (missing >= 0) {
    if (known <= 0 || x.size() % known != 0) {
      refuse("reshape",
             x.type_text() + " has " + std::to_string(x.size()) + " elements, no multiple of " +
                 std::to_string(known),
             "lengths multiply to the number of elements");
    }
    lengths[static_cast<std::size_t>(missing)] = x.size() / known;
  }
  return reshape(x, shape_of("reshape", lengths));
}

void bind_array_functions(nb::module_& m, nb::class_<Array>& c) {
  bind_elementwise(m);
  bind_reductions(m, c);
  bind_making(m);
  bind_shaping(m);
  bind_products(m);
}

}  // namespace cotangent::python
