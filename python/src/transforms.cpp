// The transformations of cotangent/array on Python functions and Python trees. Each takes a
// function of one tree; python/cotangent/transforms.py has the conventions of arguments.
#include <nanobind/stl/function.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <nanobind/typing.h>

#include "cotangent/array/record.h"
#include "python/src/bindings.h"
#include "python/src/py_tree.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cotangent::python {

using array::Array;
using array::refuse;

PyTree PyTree::from(nb::handle x, const char* op, const std::string& root, Memory memory) {
  std::vector<nb::object> objects;
  PyTree made;
  made.structure = std::make_shared<const Tree>(Tree::flatten(x, objects));
  made.leaves.reserve(objects.size());
  for (std::size_t k = 0; k < objects.size(); ++k) {
    Array leaf;
    if (!to_operand(objects[k], leaf, memory)) {
      const std::string type = nb::cast<std::string>(
          nb::handle(reinterpret_cast<PyObject*>(Py_TYPE(objects[k].ptr()))).attr("__name__"));
      refuse(op, made.structure->paths(root)[k] + " is " + type + ", no array and no number",
             PyComplex_Check(objects[k].ptr()) ? "write ct.Complex(z), a pair of real arrays"
                                               : "give arrays, numbers, and dicts, lists, tuples "
                                                 "and dataclasses of them; what stays "
                                                 "the same may be captured by the function");
    }
    made.leaves.push_back(std::move(leaf));
  }
  return made;
}

nb::object PyTree::object() const {
  std::vector<nb::object> objects;
  objects.reserve(leaves.size());
  for (const Array& x : leaves) objects.push_back(nb::cast(x));
  return structure->unflatten(objects);
}

std::vector<std::string> leaf_paths(const PyTree& tree, const std::string& root) {
  return tree.structure->paths(root);
}

namespace {

/// A Python function of one tree. What it gives has to have the structure `as`, if there is one.
struct Function {
  nb::object f;
  const char* op;
  std::shared_ptr<const Tree> as = nullptr;

  PyTree operator()(const PyTree& x) const { return given(f(x.object())); }
  PyTree given(nb::handle y) const {
    PyTree made = PyTree::from(y, op, "the result");
    if (as && !(*made.structure == *as)) {
      refuse(op, "the state is " + as->text() + " and becomes " + made.structure->text(),
             "the body gives a state of the same structure: the same keys, lengths and classes");
    }
    return made;
  }
};

Array one_array(const PyTree& y, const char* op) {
  if (y.leaves.size() == 1) return y.leaves[0];
  refuse(op, "the function gives " + y.structure->text() + ", not one array",
         "return one array; has_aux=True takes a pair (value, anything)");
}

PyTree like(const PyTree& x, nb::handle given, const char* op, const char* what) {
  PyTree made = PyTree::from(given, op, what);
  if (!(*made.structure == *x.structure)) {
    refuse(op,
           std::string(what) + " is " + made.structure->text() + ", what it belongs to " +
               x.structure->text(),
           "give both the same structure");
  }
  return made;
}

nb::object value_and_grad(nb::object f, nb::handle at, bool has_aux) {
  const PyTree x = PyTree::from(at, "grad", "the argument");
  if (!has_aux) {
    const Function inside{std::move(f), "grad"};
    auto [value, slope] =
        array::value_and_grad([&](const PyTree& y) { return one_array(inside(y), "grad"); })(x);
    return nb::make_tuple(value, slope.object());
  }
  std::shared_ptr<const Tree> rest;
  const auto both = [&](const PyTree& y) {
    const nb::object given = f(y.object());
    if (!PyTuple_Check(given.ptr()) || nb::len(given) != 2) {
      refuse("grad", "has_aux=True, and the function gives no pair", "return (value, anything)");
    }
    PyTree made = PyTree::from(nb::object(given[1]), "grad", "the result[1]");
    rest = made.structure;
    made.leaves.insert(
        made.leaves.begin(),
        one_array(PyTree::from(nb::object(given[0]), "grad", "the result[0]"), "grad"));
    return made;
  };
  auto [values, pull] = array::vjp(both, x);
  if (values.leaves[0].ndim() != 0 || !is_float(values.leaves[0].dtype())) {
    refuse("grad", "the function gives " + values.leaves[0].type_text() + ", not one real number",
           "sum or index it; jacrev and vjp take functions with several results");
  }
  PyTree cotangents = values;
  for (Array& c : cotangents.leaves) c = array::zeros_like(c);
  cotangents.leaves[0] = array::ones_like(values.leaves[0]);
  const PyTree slope = pull(cotangents);
  PyTree aux{rest, {values.leaves.begin() + 1, values.leaves.end()}};
  return nb::make_tuple(nb::make_tuple(values.leaves[0], aux.object()), slope.object());
}

void bind_derivatives(nb::module_& m) {
  m.def("_value_and_grad", &value_and_grad, "f"_a, "x"_a, "has_aux"_a,
        nb::sig("def _value_and_grad(f: collections.abc.Callable[[typing.Any], typing.Any], x: "
                "typing.Any, has_aux: bool) -> tuple[typing.Any, typing.Any]"));
  m.def(
      "_jvp",
      [](nb::object f, nb::handle at, nb::handle along) {
        const PyTree x = PyTree::from(at, "jvp", "primals");
        const PyTree dx = like(x, along, "jvp", "tangents");
        const auto [y, dy] =
            array::jvp(Function{std::move(f), "jvp"}, std::tuple(x), std::tuple(dx));
        return nb::make_tuple(y.object(), dy.object());
      },
      "f"_a, "x"_a, "dx"_a,
      nb::sig("def _jvp(f: collections.abc.Callable[[typing.Any], typing.Any], x: typing.Any, dx: "
              "typing.Any) -> tuple[typing.Any, typing.Any]"));
  m.def(
      "_vjp",
      [](nb::object f, nb::handle at) {
        const PyTree x = PyTree::from(at, "vjp", "the argument");
        auto [y, pull] = array::vjp(Function{std::move(f), "vjp"}, x);
        const nb::object back = nb::cpp_function(
            [y, pull](nb::handle cotangents) {
              return pull(like(y, cotangents, "vjp", "the cotangent")).object();
            },
            "cotangents"_a.none());
        return nb::make_tuple(y.object(), back);
      },
      "f"_a, "x"_a,
      nb::sig("def _vjp(f: collections.abc.Callable[[typing.Any], typing.Any], x: typing.Any) -> "
              "tuple[typing.Any, collections.abc.Callable[[typing.Any], typing.Any]]"));
  m.def(
      "_linearise",
      [](nb::object f, nb::handle at) {
        const PyTree x = PyTree::from(at, "linearise", "the argument");
        auto [y, push] = array::linearise(Function{std::move(f), "linearise"}, x);
        const nb::object forward = nb::cpp_function(
            [x, push](nb::handle tangents) {
              return push(like(x, tangents, "linearise", "the tangent")).object();
            },
            "tangents"_a.none());
        return nb::make_tuple(y.object(), forward);
      },
      "f"_a, "x"_a,
      nb::sig("def _linearise(f: collections.abc.Callable[[typing.Any], typing.Any], x: typing.Any)"
              " -> tuple[typing.Any, collections.abc.Callable[[typing.Any], typing.Any]]"));
  m.def(
      "_linear_transpose",
      [](nb::object f, nb::handle at, nb::handle along) {
        const PyTree x = PyTree::from(at, "linear_transpose", "the argument");
        const PyTree ct = PyTree::from(along, "linear_transpose", "the cotangent");
        return array::linear_transpose(Function{std::move(f), "linear_transpose"}, x)(ct).object();
      },
      "f"_a, "x"_a, "cotangents"_a,
      nb::sig("def _linear_transpose(f: collections.abc.Callable[[typing.Any], typing.Any], x: "
              "typing.Any, cotangents: typing.Any) -> typing.Any"));
}

/// f over lanes: `axes` has one entry a leaf of x, None for what all lanes share.
nb::object vmap(nb::object f, nb::handle at, const std::vector<array::LaneAxis>& axes,
                int out_axis) {
  using namespace array::transform_detail;
  PyTree x = PyTree::from(at, "vmap", "the argument");
  if (axes.size() != x.leaves.size()) {
    refuse(
        "vmap",
        std::to_string(axes.size()) + " in_axes for " + std::to_string(x.leaves.size()) + " arrays",
        "give one an argument, or a tree like it");
  }
  Recording recording("vmap");
  std::vector<Array> parameters, rows;
  std::int64_t lanes = -1;
  for (std::size_t k = 0; k < axes.size(); ++k) {
    if (!axes[k]) continue;
    Array& leaf = x.leaves[k];
    rows.push_back(lanes_first(leaf, *axes[k], lanes));
    leaf = recording.parameter(leaf.dtype(), rows.back().shape().row(), leaf.is_weak());
    parameters.push_back(leaf);
  }
  if (lanes < 0) refuse("vmap", "no argument has lanes", "give in_axes an axis, or call f itself");
  PyTree y = Function{std::move(f), "vmap"}(x);
  y.leaves = map_over(recording, parameters, y.leaves, rows, lanes);
  for (Array& leaf : y.leaves) leaf = lanes_at(leaf, out_axis);
  return y.object();
}

array::Keep to_keep(nb::handle x) {
  if (x.is_none()) return {};
  if (PyUnicode_Check(x.ptr()) && nb::cast<std::string>(x) == "all") return array::Keep::all();
  if (PyTuple_Check(x.ptr()) && nb::len(x) == 2 && PyUnicode_Check(nb::object(x[0]).ptr()) &&
      PyLong_Check(nb::object(x[1]).ptr())) {
    const std::string kind = nb::cast<std::string>(nb::object(x[0]));
    const auto n = nb::cast<std::int64_t>(nb::object(x[1]));
    if (kind == "every") return array::Keep::every(n);
    if (kind == "binomial") return array::Keep::binomial(n);
    if (kind == "budget") return array::Keep::budget(n);
  }
  refuse("keep", nb::cast<std::string>(nb::repr(x)),
         "give \"all\", (\"every\", n), (\"binomial\", n) or (\"budget\", bytes)");
}

std::int64_t whole(nb::handle x, const char* op) {
  const Array n = to_array(x, op);
  want_value(n, op);
  if (is_float(n.dtype())) refuse(op, "a bound is a real number", "give integers");
  return n.item<std::int64_t>();
}

void bind_loops(nb::module_& m) {
  m.def(
      "fori_loop",
      [](nb::handle lower, nb::handle upper, nb::object body, nb::handle init, nb::handle keep) {
        const PyTree state = PyTree::from(init, "fori_loop", "the state");
        const Function given{body, "fori_loop", state.structure};
        return array::fori_loop(
                   whole(lower, "fori_loop"), whole(upper, "fori_loop"),
                   [&](const Array& i, const PyTree& s) {
                     return given.given(body(i, s.object()));
                   },
                   state, to_keep(keep))
            .object();
      },
      "lower"_a, "upper"_a, "body_fun"_a, "init_val"_a.none(), "keep"_a = nb::none(),
      nb::sig("def fori_loop(lower: int, upper: int, body_fun: "
              "collections.abc.Callable[[Array, _T], typing.Any], init_val: _T, keep: "
              "cotangent.typing.Keep = None) -> _T"),
      "state = body_fun(i, state) for i = lower .. upper - 1; the last state.\n\nThe body is "
      "recorded once and stays a loop. The state is a tree whose structure, shapes and types do "
      "not change. `keep` says what a gradient in reverse keeps (docs/derivatives.md): None, "
      "\"all\", (\"every\", n), (\"binomial\", n), (\"budget\", bytes).");
  m.def(
      "while_loop",
      [](nb::object cond_fun, nb::object body, nb::handle init, std::int64_t limit) {
        const PyTree state = PyTree::from(init, "while_loop", "the state");
        const Function test{cond_fun, "while_loop"};
        return array::while_loop([&](const PyTree& s) { return one_array(test(s), "while_loop"); },
                                 Function{body, "while_loop", state.structure}, state, limit)
            .object();
      },
      "cond_fun"_a, "body_fun"_a, "init_val"_a.none(), "limit"_a = 0,
      nb::sig("def while_loop(cond_fun: collections.abc.Callable[[_T], typing.Any], body_fun: "
              "collections.abc.Callable[[_T], typing.Any], init_val: _T, limit: int = 0) -> _T"),
      "state = body_fun(state) as long as cond_fun(state), one bool, holds; the last state.\n\nThe "
      "state is a tree whose structure, shapes and types do not change. A gradient in reverse "
      "needs a `limit` of passes, and to hit it is a UserError; it keeps as many states.");
  m.def(
      "scan",
      [](nb::object body, nb::handle init, nb::handle xs, std::optional<std::int64_t> length,
         bool reverse, nb::handle keep) {
        const PyTree carry = PyTree::from(init, "scan", "the carry");
        PyTree rows = PyTree::from(xs, "scan", "xs");
        const auto turn = [&](std::vector<Array>& leaves) {
          for (Array& x : leaves) {
            if (reverse && x.ndim() > 0) x = array::flip(x, {0});
          }
        };
        turn(rows.leaves);
        const Function given{body, "scan", carry.structure};
        auto both = array::scan(
            [&](const PyTree& c, const PyTree& x) {
              const nb::object made = body(c.object(), x.object());
              if (!PyTuple_Check(made.ptr()) || nb::len(made) != 2) {
                refuse("scan", "the body gives no pair", "return (carry, y); y may be None");
              }
              return std::pair(given.given(nb::object(made[0])),
                               PyTree::from(nb::object(made[1]), "scan", "the result"));
            },
            carry, rows, length.value_or(-1), to_keep(keep));
        turn(both.second.leaves);
        return nb::make_tuple(both.first.object(), both.second.object());
      },
      "f"_a, "init"_a.none(), "xs"_a = nb::none(), "length"_a = nb::none(), "reverse"_a = false,
      "keep"_a = nb::none(),
      nb::sig(
          "def scan(f: collections.abc.Callable[[_T, typing.Any], tuple[typing.Any, "
          "typing.Any]], init: _T, xs: typing.Any = None, length: int | None = None, reverse: bool "
          "= False, keep: cotangent.typing.Keep = None) -> tuple[_T, typing.Any]"),
      "(carry, y) = f(carry, x) for every row x of the arrays of xs; (last carry, all ys "
      "stacked).\n\nWithout xs there are `length` passes, with x None. `reverse`: from the last "
      "row to "
      "the first, each y in its row's place. `keep` as in fori_loop.");
  m.def(
      "cond",
      [](nb::handle pred, nb::object on_true, nb::object on_false, nb::args operands) {
        const PyTree x = PyTree::from(operands, "cond", "the operands");
        const auto branch = [](const nb::object& f) {
          return [&f](const PyTree& given) {
            return PyTree::from(f(*nb::tuple(given.object())), "cond", "the result");
          };
        };
        std::shared_ptr<const Tree> first;
        const auto checked = [&](const nb::object& f) {
          return [&, run = branch(f)](const PyTree& given) {
            PyTree y = run(given);
            if (!first) {
              first = y.structure;
            } else if (!(*first == *y.structure)) {
              refuse("cond", "the branches give " + first->text() + " and " + y.structure->text(),
                     "both give trees of the same structure");
            }
            return y;
          };
        };
        return array::cond(to_array(pred, "cond"), checked(on_true), checked(on_false), x).object();
      },
      "pred"_a, "true_fun"_a, "false_fun"_a, "operands"_a,
      nb::sig("def cond(pred: cotangent.typing.ArrayLike, true_fun: collections.abc.Callable[..., "
              "_T], false_fun: collections.abc.Callable[..., _T], *operands: typing.Any) -> _T"),
      "true_fun(*operands) where `pred`, one bool, holds, else false_fun(*operands).\n\nOnly that "
      "one is run; both give trees of the same structure, shapes and types.");
  const auto pairs = [&](const char* name, array::Pairs which, array::loop_detail::Place place,
                         const char* doc) {
    m.def(
        name,
        [name, which, place](nb::object f, nb::handle given) {
          const PyTree rows = PyTree::from(given, name, "rows");
          return array::pair_sum(
                     [&](const PyTree& a, const PyTree& b) {
                       return PyTree::from(f(a.object(), b.object()), name, "the result");
                     },
                     rows, which, place)
              .object();
        },
        "f"_a, "rows"_a,
        nb::sig((std::string("def ") + name +
                 "(f: collections.abc.Callable[[_T, _T], _U], rows: _T) "
                 "-> _U")
                    .c_str()),
        doc);
  };
  pairs(
      "pair_sum", array::Pairs::kLess, array::loop_detail::Place::kTotal,
      "The sum of f(row i, row j) over all pairs i < j of rows of the arrays of `rows`, a tree of "
      "[N, ...]: an array of the shape of what f gives.\n\nIt stays a sum over pairs, also in its "
      "derivatives: no array has the size of the pairs. Terms are added in an order that N fixes. "
      "UserError where lengths differ.");
  pairs("pair_sum_rows", array::Pairs::kUnequal, array::loop_detail::Place::kAtI,
        "For each row i the sum of f(row i, row j) over all other rows j, in ascending order: [N] "
        "+ the shape of what f gives. Otherwise as pair_sum.");
}

/// The real tangents of y, with its types; shapes have to be those of y.
std::vector<Array> slopes_like(const char* op, const PyTree& y, const PyTree& slope) {
  std::vector<Array> slopes;
  for (std::size_t k = 0; k < y.leaves.size(); ++k) {
    const Array& value = y.leaves[k];
    if (!is_float(value.dtype())) continue;
    if (slope.leaves[k].shape() != value.shape()) {
      refuse(op,
             y.structure->paths("the tangent")[k] + " is " + slope.leaves[k].type_text() +
                 ", and the value " + value.type_text(),
             "give the tangent the shape of the value");
    }
    slopes.push_back(slope.leaves[k].astype(value.dtype()));
  }
  return slopes;
}

/// See _no_derivative.
nb::object no_derivative(nb::handle like, nb::handle of, const std::string& message) {
  PyTree made = PyTree::from(like, "custom", "the result");
  // A condition that never holds, of what is given: a check of constants would be one of
  // surroundings.
  Array total = 0.0, never = Array(false);
  for (const Array& leaf : made.leaves) never = array::any(array::logical_or(never, leaf < leaf));
  for (const Array& leaf : PyTree::from(of, "custom", "the tangent").leaves) {
    if (is_float(leaf.dtype())) total = total + array::sum(leaf).astype(DType::kF64);
  }
  total = total * array::check(Array(1.0), never, message);
  for (Array& leaf : made.leaves) {
    leaf = is_float(leaf.dtype()) ? broadcast_to(total, leaf.shape()).astype(leaf.dtype())
                                  : array::zeros_like(leaf);
  }
  return made.object();
}

/// The call of f at x whose jvp takes the call's result: derivative(x, y, dx) -> dy. So a
/// derivative of the derivative goes through that result, and follows the same rule (ir/attr.h).
nb::object custom_jvp(const Function& f, const nb::object& derivative, const PyTree& x) {
  using namespace array::custom_detail;
  Recording body("custom_jvp"), rule("custom_jvp");
  std::vector<Array> parameters, rule_parameters;
  const PyTree y = f(placed(body, x, parameters));
  const PyTree at = placed(rule, x, rule_parameters);
  const PyTree value = placed(rule, y, rule_parameters);
  const PyTree along = real_parameters(rule, x, rule_parameters);
  const PyTree slope =
      like(y, derivative(at.object(), value.object(), along.object()), "custom_jvp", "the tangent");
  PyTree result = y;
  result.leaves = call_with_jvp(body, parameters, y.leaves, rule, rule_parameters,
                                slopes_like("custom_jvp", y, slope), x.leaves);
  return result.object();
}

void bind_others(nb::module_& m) {
  m.def(
      "stop_gradient",
      [](nb::handle x) {
        PyTree tree = PyTree::from(x, "stop_gradient", "the argument");
        for (Array& leaf : tree.leaves) leaf = array::stop_gradient(leaf);
        return tree.object();
      },
      "x"_a, nb::sig("def stop_gradient(x: _T) -> _T"), "x, through which no derivative passes.");
  m.def(
      "_custom_jvp",
      [](nb::object f, nb::object derivative, nb::handle at) {
        return custom_jvp(Function{std::move(f), "custom_jvp"}, derivative,
                          PyTree::from(at, "custom_jvp", "the arguments"));
      },
      "f"_a, "jvp"_a, "x"_a,
      nb::sig("def _custom_jvp(f: typing.Any, jvp: typing.Any, x: typing.Any) -> typing.Any"),
      "f(x), whose derivative is jvp(x, f(x), dx): the tangent alone.");
  m.def(
      "_custom_vjp",
      [](nb::object f, nb::object pull, nb::handle at) {
        const PyTree x = PyTree::from(at, "custom_vjp", "the arguments");
        const Function inside{std::move(f), "custom_vjp"};
        return array::custom_vjp(inside,
                                 [&](const PyTree& p, const PyTree& y, const PyTree& ct) {
                                   return like(p, pull(p.object(), y.object(), ct.object()),
                                               "custom_vjp", "the tuple of cotangents");
                                 })(x)
            .object();
      },
      "f"_a, "pull"_a, "x"_a,
      nb::sig("def _custom_vjp(f: typing.Any, pull: typing.Any, x: typing.Any) -> typing.Any"),
      "f(x), whose derivative in reverse is pull(x, f(x), cotangent).");
  m.def(
      "_same_array",
      [](nb::handle x, nb::handle y) {
        return nb::isinstance<Array>(x) && nb::isinstance<Array>(y) &&
               nb::cast<const Array&>(x).node() == nb::cast<const Array&>(y).node();
      },
      "x"_a.none(), "y"_a.none(), "Whether both are one array, not only equal ones.");
  m.def("_no_derivative", &no_derivative, "like"_a.none(), "of"_a.none(), "message"_a,
        nb::sig("def _no_derivative(like: typing.Any, of: typing.Any, message: str) -> typing.Any"),
        "A tree like `like`, linear in the reals of `of`, which it is a UserError to compute.");
  m.def(
      "check",
      [](ArrayLike x, ArrayLike holds, const std::string& message) {
        return array::check(x.as("check"), holds.as("check"), message);
      },
      "x"_a, "holds"_a, "message"_a,
      "x; where `holds` is not true everywhere, what computes it raises a UserError with the "
      "message, the iteration and the lane. The result has to be used.");
  m.def(
      "check_derivatives",
      [](nb::object f, nb::args args) {
        const PyTree x = PyTree::from(args, "check_derivatives", "the arguments");
        const auto report = array::check_grad(
            [&](const PyTree& y) {
              return PyTree::from(f(*nb::tuple(y.object())), "check_derivatives", "the result");
            },
            x);
        return nb::make_tuple(static_cast<bool>(report), report.text());
      },
      "f"_a, "args"_a,
      nb::sig("def check_derivatives(f: collections.abc.Callable[..., typing.Any], *args: "
              "typing.Any) -> "
              "tuple[bool, str]"),
      "(right, report): whether the derivatives of f at these arguments are right, and what was "
      "compared: reverse and forward mode with differences (Ridders 1982), and with each other by "
      "dot products (docs/derivatives.md).\n\nFalse too where differences say nothing, as at "
      "kinks. Runs on the reference evaluator: slow.");
  m.def(
      "find_root",
      [](nb::object f, nb::handle x0, nb::args args) {
        const PyTree start = PyTree::from(x0, "find_root", "x0");
        const PyTree rest = PyTree::from(args, "find_root", "the arguments");
        return array::find_root(
                   [&](const PyTree& x, const PyTree& a) {
                     return PyTree::from(f(x.object(), *nb::tuple(a.object())), "find_root",
                                         "the result");
                   },
                   start, array::SolveOptions{}, rest)
            .object();
      },
      "f"_a, "x0"_a, "args"_a,
      nb::sig("def find_root(f: collections.abc.Callable[..., typing.Any], x0: _T, *args: "
              "typing.Any) -> _T"),
      "The x near x0 with f(x, *args) = 0, by Newton's method, whose steps are halved until the "
      "largest |f| decreases; differentiated by the equation, not through the iterations.\n\nx0 is "
      "a tree of reals, f gives one like it; the start has no derivative, `args` and arrays that f "
      "takes from outside have. UserError when it is run and does not converge, with the residual "
      "and the lane; and where a derivative is asked for and df/dx is singular.");
}

}  // namespace

void bind_transforms(nb::module_& m) {
  m.attr("_T") = nb::type_var("_T");
  m.attr("_U") = nb::type_var("_U");
  bind_derivatives(m);
  m.def("_vmap", &vmap, "f"_a, "x"_a, "axes"_a, "out_axis"_a,
        nb::sig(
            "def _vmap(f: collections.abc.Callable[[typing.Any], typing.Any], x: typing.Any, axes:"
            " collections.abc.Sequence[int | None], out_axis: int) -> typing.Any"));
  bind_loops(m);
  bind_others(m);
}

}  // namespace cotangent::python
