// What the packages cotangent.linalg, .fft and .random are made of: factorisations, transforms,
// keys; and complex arrays.
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
using array::Complex;
using array::Key;
using array::refuse;

namespace {

/// A pair of real arrays: itself, a real array, a Python or NumPy complex number or array.
Complex to_complex(nb::handle x, const char* op) {
  if (nb::isinstance<Complex>(x)) return nb::cast<Complex>(x);
  Array real;
  const bool number = PyComplex_Check(x.ptr());
  const bool numpy =
      !number && !nb::isinstance<Array>(x) && nb::hasattr(x, "dtype") && nb::hasattr(x, "imag") &&
      nb::cast<std::string>(nb::object(x.attr("dtype")).attr("name")).starts_with("complex");
  if (number || numpy) {
    return {to_array(nb::object(x.attr("real")), op), to_array(nb::object(x.attr("imag")), op)};
  }
  return Complex(to_array(x, op));
}

template <class F>
nb::object operate(const F& f, const Complex& z, nb::handle y) {
  Array real;
  if (nb::isinstance<Complex>(y) || PyComplex_Check(y.ptr()) || nb::hasattr(y, "imag") ||
      to_operand(y, real)) {
    return nb::cast(f(z, to_complex(y, "complex")));
  }
  return nb::borrow(Py_NotImplemented);
}

/// Copies, which are the object itself, and pickles, by a function of cotangent.transforms on its
/// arrays.
template <class T>
void bind_restoring(nb::class_<T>& c, const char* restore) {
  c.def("__copy__", [](const T& x) { return x; });
  c.def("__deepcopy__", [](const T& x, nb::handle) { return x; }, "memo"_a);
  c.def(
      "__reduce__",
      [restore](nb::handle x) {
        return nb::make_tuple(nb::module_::import_("cotangent.transforms").attr(restore),
                              nb::object(x.attr("tree_flatten")()[0]));
      },
      nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));
}

void bind_complex(nb::module_& m) {
  nb::class_<Complex> c(
      m, "Complex",
      "A complex array: a pair of real ones, `re` and `im`, of one shape and type."
      "\n\nThere is no complex element type. The gradient of a real L is (dL/dre, "
      "dL/dim), as a Complex.");
  c.def(
      "__init__",
      [](Complex* z, ArrayLike re, nb::object im) {
        if (im.is_none()) {
          new (z) Complex(to_complex(re.object, "Complex"));
        } else {
          new (z) Complex(re.as("Complex"), to_array(im, "Complex"));
        }
      },
      "re"_a, "im"_a = nb::none(),
      nb::sig("def __init__(self, re: cotangent.typing.ArrayLike, im: cotangent.typing.ArrayLike | "
              "None = None) -> None"));
  c.attr("__array_ufunc__") = nb::none();  // NumPy leaves operators to us
  c.def(
      "__array__",
      [](const Complex& z, nb::object dtype, nb::object) {
        const nb::module_ numpy = nb::module_::import_("numpy");
        const nb::object sum = numpy.attr("asarray")(z.re) +
                               numpy.attr("asarray")(z.im) * nb::steal(PyComplex_FromDoubles(0, 1));
        const nb::object made = numpy.attr("asarray")(sum);  // of no axes it is a number
        return dtype.is_none() ? made : made.attr("astype")(dtype);
      },
      "dtype"_a = nb::none(), "copy"_a = nb::none());
  c.def_ro("re", &Complex::re, "The real part.").def_ro("im", &Complex::im, "The imaginary part.");
  c.def_prop_ro("real", [](const Complex& z) { return z.re; }, "The real part.");
  c.def_prop_ro("imag", [](const Complex& z) { return z.im; }, "The imaginary part.");
  c.def_prop_ro(
      "shape", [](const Complex& z) { return from_shape(z.shape()); },
      nb::sig("def shape(self) -> tuple[int, ...]"), "The lengths of the axes.");
  const auto both = [&](const char* method, const char* reflected, auto f) {
    c.def(
        method, [f](const Complex& x, nb::handle y) { return operate(f, x, y); }, nb::is_operator(),
        nb::sig(
            (std::string("def ") + method + "(self, other: typing.Any, /) -> Complex").c_str()));
    c.def(
        reflected,
        [f](const Complex& x, nb::handle y) {
          return operate([&](const Complex& a, const Complex& b) { return f(b, a); }, x, y);
        },
        nb::is_operator(),
        nb::sig(
            (std::string("def ") + reflected + "(self, other: typing.Any, /) -> Complex").c_str()));
  };
  using Z = const Complex&;
  both("__add__", "__radd__", [](Z x, Z y) { return x + y; });
  both("__sub__", "__rsub__", [](Z x, Z y) { return x - y; });
  both("__mul__", "__rmul__", [](Z x, Z y) { return x * y; });
  both("__truediv__", "__rtruediv__", [](Z x, Z y) { return x / y; });
  both("__matmul__", "__rmatmul__", [](Z x, Z y) { return array::matmul(x, y); });
  c.def("__neg__", [](Z z) { return -z; });
  c.def("__abs__", [](Z z) { return array::abs(z); });
  c.def(
      "__getitem__",
      [](Z z, nb::handle key) {
        const auto indices = to_indices(key);
        return Complex(array::get_index(z.re, indices), array::get_index(z.im, indices));
      },
      "key"_a.none(), nb::sig("def __getitem__(self, key: cotangent.typing.Index, /) -> Complex"));
  c.def("__repr__", [](Z z) { return "Complex(" + z.text() + ")"; });
  c.def("conj", [](Z z) { return array::conj(z); }, "re - i im");
  c.def("angle", [](Z z) { return array::angle(z); }, "The angle in (-pi, pi].");
  c.def("abs2", [](Z z) { return array::abs2(z); }, "re^2 + im^2");
  c.def("exp", [](Z z) { return array::exp(z); }, "e to the z.");
  c.def("log", [](Z z) { return array::log(z); }, "The principal value of the logarithm.");
  c.def("sqrt", [](Z z) { return array::sqrt(z); }, "The principal value of the root.");
  c.def(
      "sum",
      [](Z z, AxesLike axis, bool keepdims) {
        return array::sum(z, to_axes(axis.object, "sum"), keepdims);
      },
      "axis"_a = nb::none(), "keepdims"_a = false, "The sum over all axes or those given.");
  c.def(
      "to_numpy",
      [](Z z) {
        return to_numpy(z.re).attr("__add__")(
            to_numpy(z.im).attr("__mul__")(nb::steal(PyComplex_FromDoubles(0.0, 1.0))));
      },
      nb::sig("def to_numpy(self) -> numpy.typing.NDArray[typing.Any]"), "A NumPy array: a copy.");
  c.def(
      "tree_flatten", [](Z z) { return nb::make_tuple(nb::make_tuple(z.re, z.im), nb::none()); },
      nb::sig("def tree_flatten(self) -> tuple[tuple[Array, Array], None]"),
      "(parts, rest), as trees want it.");
  bind_restoring(c, "_restored_complex");
  c.def_static(
      "tree_unflatten",
      [](nb::handle, nb::handle parts) {
        // Whatever the leaves are: their shapes may be those of lanes.
        Complex z;
        z.re = to_array(nb::object(parts[0]), "Complex");
        z.im = to_array(nb::object(parts[1]), "Complex");
        return z;
      },
      "rest"_a.none(), "parts"_a,
      nb::sig("def tree_unflatten(rest: None, parts: tuple[Array, Array]) -> Complex"),
      "Of what tree_flatten gave.");
}

/// A function of a matrix: of real ones, and of Complex.
template <class F>
nb::object of_matrix(const F& f, nb::handle a, const char* op) {
  if (nb::isinstance<Complex>(a)) return nb::cast(f(nb::cast<const Complex&>(a)));
  return nb::cast(f(to_array(a, op)));
}

template <class... T>
nb::object tuple_of(const T&... parts) {
  return nb::make_tuple(parts...);
}

constexpr const char* kMatrix = "(a: typing.Any) -> ";

void bind_linalg(nb::module_& m) {
  const auto matrix = [&](const char* name, const char* gives, auto f, const char* doc) {
    m.def((std::string("_linalg_") + name).c_str(),
          [f, name](nb::handle a) { return of_matrix(f, a, name); }, "a"_a,
          nb::sig((std::string("def _linalg_") + name + kMatrix + gives).c_str()), doc);
  };
  matrix(
      "cholesky", "Array", [](const auto& a) { return array::cholesky(a); },
      "The lower L [..., n, n] with L L^T = a (of Complex L L^H), a positive definite [..., n, n], "
      "of which the lower triangle is read. NaN where it is not.\n\nRight-looking up to 16 x 16, "
      "else LAPACK's. UserError where the last two axes are not equal.");
  matrix(
      "inv", "Array", [](const auto& a) { return array::inv(a); },
      "The inverse of a [..., n, n], by LU.\n\nInfinite or NaN where it is singular. UserError "
      "where the last two axes are not equal.");
  matrix(
      "det", "Array", [](const auto& a) { return array::det(a); },
      "The determinant [...] of a [..., n, n], by LU; slogdet does not overflow.\n\nUserError "
      "where the last two axes are not equal.");
  matrix(
      "eigvalsh", "Array", [](const auto& a) { return array::eigvalsh(a); },
      "The eigenvalues [..., n] of a symmetric a [..., n, n], ascending; the lower triangle is "
      "read.\n\nJacobi's method up to 16 x 16, else LAPACK's. UserError where the last two axes "
      "are not equal.");
  matrix(
      "eigh", "tuple[Array, Array]",
      [](const auto& a) {
        const auto e = array::eigh(a);
        return tuple_of(e.w, e.v);
      },
      "(w, v): eigenvalues [..., n], ascending, and eigenvectors as columns [..., n, n], of a "
      "symmetric a [..., n, n], of which the lower triangle is read.\n\nJacobi's method up to 16 x "
      "16, else LAPACK's; signs are fixed (docs/linear_algebra.md). The derivative is Giles's "
      "(2008); where two eigenvalues are equal that of v is a UserError when it is computed.");
  matrix(
      "qr", "tuple[Array, Array]",
      [](const auto& a) {
        const auto e = array::qr(a);
        return tuple_of(e.q, e.r);
      },
      "(q, r): orthonormal columns [..., m, k], and an upper triangle [..., k, n] with diagonal >= "
      "0, of a [..., m, n]; k = min(m, n).\n\nHouseholder's method up to 16 x 16, else LAPACK's. "
      "The derivative is infinite or NaN where a has not full rank.");
  matrix(
      "svd", "tuple[Array, Array, Array]",
      [](const auto& a) {
        const auto e = array::svd(a);
        return tuple_of(e.u, e.s, e.vh);
      },
      "(u, s, vh), the reduced ones, [..., m, k], [..., k], [..., k, n], s descending, of a [..., "
      "m, n]; k = min(m, n).\n\nOne-sided Jacobi (Hestenes) up to 16 x 16, else LAPACK's; signs "
      "are fixed (docs/linear_algebra.md). The derivative is Townsend's (2016); where two singular "
      "values are equal that of u and vh is a UserError when it is computed.");
  matrix(
      "lu", "tuple[Array, Array]",
      [](const auto& a) {
        const auto e = array::lu(a);
        return tuple_of(e.lu, e.rows);
      },
      "(lu, rows): L below the unit diagonal and U in one matrix [..., n, n], and the order of the "
      "rows [..., n], a[rows] = L U, of a [..., n, n]; partial pivoting.\n\nOf a singular matrix "
      "it is given; its derivative is infinite or NaN.");
  m.def(
      "_linalg_slogdet",
      [](ArrayLike a) {
        const auto both = array::slogdet(a.as("slogdet"));
        return nb::make_tuple(both.first, both.second);
      },
      "a"_a, nb::sig("def _linalg_slogdet(a: cotangent.typing.ArrayLike) -> tuple[Array, Array]"),
      "(sign, log |det a|), both [...], of a [..., n, n], without overflow, by LU.\n\nUserError "
      "where the last two axes are not equal.");
  m.def(
      "_linalg_solve",
      [](nb::handle a, nb::handle b) -> nb::object {
        if (nb::isinstance<Complex>(a) || nb::isinstance<Complex>(b)) {
          return nb::cast(array::solve(to_complex(a, "solve"), to_complex(b, "solve")));
        }
        return nb::cast(array::solve(to_array(a, "solve"), to_array(b, "solve")));
      },
      "a"_a, "b"_a, nb::sig("def _linalg_solve(a: typing.Any, b: typing.Any) -> typing.Any"),
      "The x with a x = b, by LU: a [..., n, n], b [n] or [..., n, k], x like b.\n\nDivides by "
      "zero where a is singular. A Complex where one of them is. UserError for shapes that do not "
      "fit.");
  m.def(
      "_linalg_triangular_solve",
      [](ArrayLike a, ArrayLike b, bool lower, bool transposed, bool unit_diagonal) {
        return array::triangular_solve(a.as("triangular_solve"), b.as("triangular_solve"),
                                       {lower, transposed, unit_diagonal});
      },
      "a"_a, "b"_a, "lower"_a = true, "transposed"_a = false, "unit_diagonal"_a = false,
      "The x like b with a x = b, a [..., n, n] a triangle: the other one is not read; b [..., n, "
      "k].\n\n`lower`: which one. `transposed`: a^T x = b. `unit_diagonal`: the diagonal is taken "
      "as 1. UserError for shapes that do not fit.");
}

void bind_fft(nb::module_& m) {
  const auto line = [&](const char* name, const char* gives, auto f, const char* doc) {
    m.def((std::string("_fft_") + name).c_str(),
          [f, name](nb::handle z, std::optional<std::int64_t> n, int axis) {
            return f(z, n, axis, name);
          },
          "z"_a, "n"_a = nb::none(), "axis"_a = -1,
          nb::sig((std::string("def _fft_") + name +
                   "(z: typing.Any, n: int | None = None, axis: int = -1) -> " + gives)
                      .c_str()),
          doc);
  };
  using N = std::optional<std::int64_t>;
  line(
      "fft", "Complex",
      [](nb::handle z, N n, int axis, const char* op) {
        return array::fft(to_complex(z, op), n, axis);
      },
      "The discrete Fourier transform of one axis, X[k] = sum of x[m] e^(-2 pi i k m / n), of its "
      "first n elements, with zeros where there are fewer; numpy's factors.\n\nStockham's stages, "
      "Bluestein's convolution for prime factors above 13 (docs/fft.md). UserError for an axis "
      "that is not there, and for length 0.");
  line(
      "ifft", "Complex",
      [](nb::handle z, N n, int axis, const char* op) {
        return array::ifft(to_complex(z, op), n, axis);
      },
      "The inverse of fft.");
  line(
      "rfft", "Complex",
      [](nb::handle z, N n, int axis, const char* op) {
        return array::rfft(to_array(z, op), n, axis);
      },
      "The n/2 + 1 coefficients of a real array that are no mirror image.");
  line(
      "irfft", "Array",
      [](nb::handle z, N n, int axis, const char* op) {
        return array::irfft(to_complex(z, op), n, axis);
      },
      "The inverse of rfft, of length n, or 2(m - 1).");
  const auto several = [&](const char* name, const char* gives, auto f, const char* doc) {
    m.def((std::string("_fft_") + name).c_str(),
          [f, name](nb::handle z, AxesLike axes) { return f(z, to_axes(axes.object, name), name); },
          "z"_a, "axes"_a = nb::none(),
          nb::sig((std::string("def _fft_") + name +
                   "(z: typing.Any, axes: cotangent.typing.Axes = None) -> " + gives)
                      .c_str()),
          doc);
  };
  using A = array::Axes;
  several(
      "fftn", "Complex",
      [](nb::handle z, A a, const char* op) { return array::fftn(to_complex(z, op), a); },
      "fft of several axes; of all when none are given.");
  several(
      "ifftn", "Complex",
      [](nb::handle z, A a, const char* op) { return array::ifftn(to_complex(z, op), a); },
      "The inverse of fftn.");
  several(
      "rfftn", "Complex",
      [](nb::handle z, A a, const char* op) { return array::rfftn(to_array(z, op), a); },
      "fftn of a real array: the last axis is halved.");
  several(
      "fftshift", "Array",
      [](nb::handle z, A a, const char* op) { return array::fftshift(to_array(z, op), a); },
      "Frequency 0 to the middle of the axes.");
  several(
      "ifftshift", "Array",
      [](nb::handle z, A a, const char* op) { return array::ifftshift(to_array(z, op), a); },
      "The inverse of fftshift.");
  m.def(
      "_fft_irfftn",
      [](nb::handle z, std::optional<std::int64_t> n, AxesLike axes) {
        return array::irfftn(to_complex(z, "irfftn"), n, to_axes(axes.object, "irfftn"));
      },
      "z"_a, "n"_a = nb::none(), "axes"_a = nb::none(),
      nb::sig("def _fft_irfftn(z: typing.Any, n: int | None = None, axes: cotangent.typing.Axes = "
              "None) -> Array"),
      "The inverse of rfftn; n is the length of the last axis.");
  m.def(
      "_fft_fftfreq", [](std::int64_t n, double d) { return array::fftfreq(n, d); }, "n"_a,
      "d"_a = 1.0, "The frequencies of fft's coefficients, in cycles over the spacing d.");
  m.def(
      "_fft_rfftfreq", [](std::int64_t n, double d) { return array::rfftfreq(n, d); }, "n"_a,
      "d"_a = 1.0, "The frequencies of rfft's coefficients, in cycles over the spacing d.");
}

DType dtype_or(nb::handle x, DType otherwise) {
  return x.is_none() ? otherwise : to_dtype(x);
}

void bind_random(nb::module_& m) {
  nb::class_<Key> c(m, "Key",
                    "What a draw of random numbers takes: the same key gives the same numbers, in "
                    "any batch, in a loop, on any device.\n\nA key is for one draw of each kind; "
                    "ct.random.split makes new ones.");
  c.def("__init__", [](Key* key, ArrayLike seed) { new (key) Key(seed.as("Key")); }, "seed"_a);
  c.def(
      "with_member",
      [](const Key& k, ArrayLike member) { return k.with_member(member.as("with_member")); }, "k"_a,
      "The key of member k of an ensemble; k may be traced, or an array.");
  c.def(
      "with_step", [](const Key& k, ArrayLike step) { return k.with_step(step.as("with_step")); },
      "k"_a, "The key of step k of a run; k may be traced, or an array.");
  c.def_prop_ro(
      "shape", [](const Key& k) { return from_shape(k.shape()); },
      nb::sig("def shape(self) -> tuple[int, ...]"), "Of an array of keys its lengths.");
  c.def("__len__", [](const Key& k) {
    if (k.shape().rank() == 0) {
      PyErr_SetString(PyExc_TypeError, "len() of one key");
      throw nb::python_error();
    }
    return k.shape()[0];
  });
  const auto at = [](const Key& k, const std::vector<array::Index>& indices) {
    Key chosen;
    chosen.seed = array::get_index(k.seed, indices);
    chosen.member = array::get_index(k.member, indices);
    chosen.step = array::get_index(k.step, indices);
    return chosen;
  };
  c.def(
      "__getitem__", [at](const Key& k, nb::handle key) { return at(k, to_indices(key)); },
      "key"_a.none(), nb::sig("def __getitem__(self, key: cotangent.typing.Index, /) -> Key"));
  c.def(
      "__iter__",
      [at](const Key& k) {
        nb::list all;
        if (k.shape().rank() == 0) {
          PyErr_SetString(PyExc_TypeError, "iteration over one key: ct.random.split makes several");
          throw nb::python_error();
        }
        for (std::int64_t n = 0; n < k.shape()[0]; ++n) all.append(at(k, {array::Index(n)}));
        return nb::iter(all);
      },
      nb::sig("def __iter__(self) -> collections.abc.Iterator[Key]"));
  c.def(
      "tree_flatten",
      [](const Key& k) {
        return nb::make_tuple(nb::make_tuple(k.seed, k.member, k.step), nb::none());
      },
      nb::sig("def tree_flatten(self) -> tuple[tuple[Array, Array, Array], None]"),
      "(parts, rest), as trees want it.");
  bind_restoring(c, "_restored_key");
  c.def("__repr__", [](const Key& k) {
    const auto part = [](const char* name, const Array& x) {
      return std::string(name) + "=" + nb::cast<std::string>(nb::str(nb::cast(x)));
    };
    return "Key(" + part("seed", k.seed) + ", " + part("member", k.member) + ", " +
           part("step", k.step) + ")";
  });
  c.def_static(
      "tree_unflatten",
      [](nb::handle, nb::handle parts) {
        Key k;
        k.seed = to_array(nb::object(parts[0]), "Key");
        k.member = to_array(nb::object(parts[1]), "Key");
        k.step = to_array(nb::object(parts[2]), "Key");
        return k;
      },
      "rest"_a.none(), "parts"_a,
      nb::sig("def tree_unflatten(rest: None, parts: tuple[Array, Array, Array]) -> Key"),
      "Of what tree_flatten gave.");

  m.def(
      "_random_split", [](const Key& key, std::int64_t num) { return array::split(key, num); },
      "key"_a, "num"_a = 2,
      "`num` new keys, one array of them, made of the key's own bits; iteration gives each.");
  m.def(
      "_random_bits",
      [](const Key& key, ShapeLike shape, DTypeLike dtype) {
        return array::random_bits(key, to_shape(shape.object, "bits"),
                                  dtype_or(dtype.object, DType::kU64));
      },
      "key"_a, "shape"_a = nb::tuple(), "dtype"_a = nb::none(),
      "Random bits of a shape, uint64 or uint32: Philox4x32-10 (Salmon and others 2011).");
  m.def(
      "_random_uniform",
      [](const Key& key, ShapeLike shape, DTypeLike dtype, nb::object minval, nb::object maxval) {
        const Shape s = to_shape(shape.object, "uniform");
        const DType t = dtype_or(dtype.object, DType::kF64);
        if (minval.is_none() && maxval.is_none()) return array::uniform(key, s, t);
        return array::uniform(key, s, t,
                              minval.is_none() ? Array(0.0) : to_array(minval, "uniform"),
                              maxval.is_none() ? Array(1.0) : to_array(maxval, "uniform"));
      },
      "key"_a, "shape"_a = nb::tuple(), "dtype"_a = nb::none(), "minval"_a = nb::none(),
      "maxval"_a = nb::none(),
      "Reals of a shape in [minval, maxval), [0, 1) unless said otherwise; float64 or float32.");
  m.def(
      "_random_normal",
      [](const Key& key, ShapeLike shape, DTypeLike dtype) {
        return array::normal(key, to_shape(shape.object, "normal"),
                             dtype_or(dtype.object, DType::kF64));
      },
      "key"_a, "shape"_a = nb::tuple(), "dtype"_a = nb::none(),
      "Reals of a shape with mean 0 and variance 1, float64 or float32, by Box and Muller.");
  m.def(
      "_random_bernoulli",
      [](const Key& key, ArrayLike p, nb::object shape) {
        const Array chance = p.as("bernoulli");
        return shape.is_none() ? array::bernoulli(key, chance)
                               : array::bernoulli(key, chance, to_shape(shape, "bernoulli"));
      },
      "key"_a, "p"_a = 0.5, "shape"_a = nb::none(),
      "Bools, true with probability p, of the shape of p unless one is given.");
  m.def(
      "_random_randint",
      [](const Key& key, ShapeLike shape, std::int64_t minval, std::int64_t maxval,
         DTypeLike dtype) {
        return array::randint(key, to_shape(shape.object, "randint"), minval, maxval,
                              dtype_or(dtype.object, DType::kI64));
      },
      "key"_a, "shape"_a, "minval"_a, "maxval"_a, "dtype"_a = nb::none(),
      "Integers of a shape, minval <= k < maxval, int64 unless said otherwise.");
  m.def(
      "_random_permutation",
      [](const Key& key, nb::handle x, int axis) {
        if (PyLong_Check(x.ptr())) return array::permutation(key, nb::cast<std::int64_t>(x));
        return array::permutation(key, to_array(x, "permutation"), axis);
      },
      "key"_a, "x"_a, "axis"_a = 0,
      nb::sig("def _random_permutation(key: Key, x: cotangent.typing.ArrayLike, axis: int = 0) -> "
              "Array"),
      "0 .. x - 1 in random order, int64 [x]; of an array, its slices along an axis.");
}

}  // namespace

void bind_namespaces(nb::module_& m) {
  bind_complex(m);
  bind_linalg(m);
  bind_fft(m);
  bind_random(m);
}

}  // namespace cotangent::python
