// jit on Python functions: recorded once for each structure of the arguments, then called without
// Python in between.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <deque>

#include "cotangent/array/record.h"
#include "python/src/bindings.h"
#include "python/src/lock.h"
#include "python/src/py_tree.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cotangent::python {

using array::Array;
using array::refuse;
namespace jit_detail = array::jit_detail;

namespace {

class Jitted {
 public:
  Jitted(nb::object f, std::vector<std::int64_t> static_argnums,
         std::vector<std::string> static_argnames)
      : f_(std::move(f)),
        argnums_(std::move(static_argnums)),
        argnames_(std::move(static_argnames)) {}

  nb::object operator()(const nb::args& args, const nb::kwargs& kwargs) {
    Call call = call_of(args, kwargs);
    std::vector<nb::object> objects;
    const Tree tree = Tree::flatten(call.moving, objects);
    std::vector<Array> leaves(objects.size());
    for (std::size_t k = 0; k < objects.size(); ++k) {
      if (!to_operand(objects[k], leaves[k], Memory::kBorrow)) refuse_leaf(tree, objects, k);
      if (leaves[k].is_traced()) return f_(*args, **kwargs);
    }
    jit_detail::Key key{nullptr, {}, structure_of(tree, call.fixed)};
    key.leaves.reserve(leaves.size());
    for (const Array& x : leaves) key.leaves.push_back(&x);
    std::shared_ptr<const jit_detail::Program> program = cache_->find(key);
    if (!program) {
      program = record(call, tree, leaves);
      if (!program) return f_(*args, **kwargs);
      cache_->add(key, program);
      results_.push_back(std::static_pointer_cast<const Tree>(program->shape));
    }
    std::vector<Array> results;
    {
      const Unlocked unlocked;
      results = jit_detail::run(*program, key.leaves);
    }
    objects.clear();
    for (Array& x : results) objects.push_back(nb::cast(std::move(x)));
    return static_cast<const Tree*>(program->shape.get())->unflatten(objects);
  }

  std::size_t programs() const { return cache_->size(); }

  /// For the garbage collector: a function may hold what holds it.
  int traverse(visitproc visit, void* arg) const {
    Py_VISIT(f_.ptr());
    for (const Structure& s : structures_) {
      Py_VISIT(s.fixed.ptr());
      if (const int stop = s.tree.traverse(visit, arg)) return stop;
    }
    for (const auto& tree : results_) {
      if (const int stop = tree->traverse(visit, arg)) return stop;
    }
    return 0;
  }
  void clear() {
    f_.reset();
    structures_.clear();
    results_.clear();
    cache_ = std::make_unique<jit_detail::Cache>();
  }

 private:
  struct Call {
    nb::object moving;  ///< (args, kwargs), None in the place of what is fixed
    nb::object fixed;   ///< those, or an invalid object
  };

  Call call_of(const nb::args& args, const nb::kwargs& kwargs) const {
    const bool none = kwargs.size() == 0;
    if (argnums_.empty() && argnames_.empty()) {
      return {nb::steal(PyTuple_Pack(2, args.ptr(), none ? Py_None : kwargs.ptr())), {}};
    }
    nb::list moving, fixed;
    nb::dict moving_names, fixed_names;
    const auto count = static_cast<std::int64_t>(args.size());
    for (std::int64_t k = 0; k < count; ++k) {
      const bool is_fixed = std::any_of(argnums_.begin(), argnums_.end(),
                                        [&](std::int64_t n) { return n == k || n + count == k; });
      const nb::object value = nb::object(args[static_cast<std::size_t>(k)]);
      moving.append(is_fixed ? nb::none() : value);
      if (is_fixed) fixed.append(nb::make_tuple(k, value));
    }
    for (const auto& [name, value] : kwargs) {
      const std::string text = nb::cast<std::string>(name);
      const bool is_fixed = std::find(argnames_.begin(), argnames_.end(), text) != argnames_.end();
      (is_fixed ? fixed_names : moving_names)[name] = value;
    }
    return {nb::make_tuple(nb::tuple(moving), moving_names), nb::make_tuple(fixed, fixed_names)};
  }

  /// Calls f with parameters in the place of arrays.
  nb::object call_with(const Call& call, const nb::object& inside) const {
    const nb::object args = inside[0];
    nb::dict kwargs;
    if (!nb::object(inside[1]).is_none()) kwargs = nb::borrow<nb::dict>(nb::object(inside[1]));
    if (!call.fixed.is_valid()) return f_(*nb::borrow<nb::tuple>(args), **kwargs);
    nb::list all(args);
    for (nb::handle pair : nb::object(call.fixed[0])) {
      all[nb::cast<std::size_t>(nb::object(pair[0]))] = nb::object(pair[1]);
    }
    for (const auto& [name, value] : nb::borrow<nb::dict>(nb::object(call.fixed[1]))) {
      kwargs[name] = value;
    }
    return f_(*nb::tuple(all), **kwargs);
  }

  [[noreturn]] static void refuse_leaf(const Tree& tree, const std::vector<nb::object>& objects,
                                       std::size_t k) {
    // Of (args, kwargs): the first step says which.
    refuse("jit",
           "argument " + tree.paths("")[k].substr(3) + " is " +
               nb::cast<std::string>(nb::repr(objects[k].type())) + ", no array and no number",
           PyComplex_Check(objects[k].ptr())
               ? "write ct.Complex(z), a pair of real arrays"
               : "give arrays, numbers and trees of them; name what stays fixed in static_argnums "
                 "or static_argnames");
  }

  /// The number of a structure among those seen, as bytes of the key.
  std::string structure_of(const Tree& tree, const nb::object& fixed) {
    std::size_t k = 0;
    for (; k < structures_.size(); ++k) {
      const Structure& seen = structures_[k];
      if (!(seen.tree == tree) || seen.fixed.is_valid() != fixed.is_valid()) continue;
      if (!fixed.is_valid() || seen.fixed.equal(fixed)) break;
    }
    if (k == structures_.size()) structures_.push_back({tree, fixed});
    return std::string(reinterpret_cast<const char*>(&k), sizeof k);
  }

  std::shared_ptr<const jit_detail::Program> record(const Call& call, const Tree& tree,
                                                    const std::vector<Array>& leaves) const {
    jit_detail::Recording recording("jit");
    const std::vector<Array> parameters = recording.parameters_like(leaves);
    PyTree result;
    {
      std::vector<nb::object> inside;
      for (const Array& p : parameters) inside.push_back(nb::cast(p));
      result = PyTree::from(call_with(call, tree.unflatten(inside)), "jit", "the result");
    }
    std::shared_ptr<jit_detail::Program> program;
    {
      const Unlocked unlocked;
      program = jit_detail::compile(recording, parameters, result.leaves);
    }
    if (program) program->shape = result.structure;
    return program;
  }

  struct Structure {
    Tree tree;
    nb::object fixed;
  };
  nb::object f_;
  std::vector<std::int64_t> argnums_;
  std::vector<std::string> argnames_;
  std::deque<Structure> structures_;  ///< grows under the interpreter's lock; none moves
  std::deque<std::shared_ptr<const Tree>> results_;  ///< of the programs
  std::unique_ptr<jit_detail::Cache> cache_ = std::make_unique<jit_detail::Cache>();
};

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (PyObject** dict = _PyObject_GetDictPtr(self)) Py_VISIT(*dict);
  if (!nb::inst_ready(self)) return 0;
  return nb::inst_ptr<Jitted>(self)->traverse(visit, arg);
}

int clear(PyObject* self) {
  if (PyObject** dict = _PyObject_GetDictPtr(self)) Py_CLEAR(*dict);
  nb::inst_ptr<Jitted>(self)->clear();
  return 0;
}

/// A jitted function in a class is a method.
PyObject* bind_method(PyObject* self, PyObject* instance, PyObject*) {
  if (!instance || instance == Py_None) return nb::handle(self).inc_ref().ptr();
  return PyMethod_New(self, instance);
}

PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clear)},
                       {Py_tp_descr_get, reinterpret_cast<void*>(bind_method)},
                       {0, nullptr}};

}  // namespace

void bind_jit(nb::module_& m) {
  nb::class_<Jitted>(m, "_Jitted", nb::type_slots(slots), nb::dynamic_attr(),
                     "A compiled function; see jit.")
      .def(nb::init<nb::object, std::vector<std::int64_t>, std::vector<std::string>>(), "f"_a,
           "static_argnums"_a, "static_argnames"_a)
      .def(
          "__call__", [](Jitted& f, nb::args args, nb::kwargs kwargs) { return f(args, kwargs); },
          nb::sig("def __call__(self, *args: typing.Any, **kwargs: typing.Any) -> typing.Any"))
      .def_prop_ro("programs", &Jitted::programs, "How many structures have been compiled.");
}

}  // namespace cotangent::python
