#include "python/src/trees.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "cotangent/array/record.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cotangent::python {
namespace {

constexpr int kMaxDepth = 500;

nb::object attribute(nb::handle x, const char* name) {
  PyObject* found = PyObject_GetAttrString(x.ptr(), name);
  if (!found) PyErr_Clear();
  return nb::steal(found);
}

nb::object enum_class() {
  static PyObject* found = nb::module_::import_("enum").attr("Enum").ptr();
  return nb::borrow(found);
}

bool is_ordered(nb::handle x) {
  static PyObject* found = nb::module_::import_("collections").attr("OrderedDict").ptr();
  return !PyDict_CheckExact(x.ptr()) && PyObject_IsInstance(x.ptr(), found) == 1;
}

/// An empty one of a class of dicts, past its __init__; `factory` of a defaultdict.
nb::object empty_dict(nb::handle type, nb::handle factory) {
  if (!type.is_valid()) return nb::dict();
  nb::object made = type.attr("__new__")(type);
  if (factory.is_valid()) made.attr("default_factory") = factory;
  return made;
}

bool same(nb::handle a, nb::handle b) {
  if (a.ptr() == b.ptr()) return true;
  if (!a.is_valid() || !b.is_valid()) return false;
  const int answer = PyObject_RichCompareBool(a.ptr(), b.ptr(), Py_EQ);
  if (answer < 0) throw nb::python_error();
  return answer == 1;
}

}  // namespace

Tree Tree::flatten(nb::handle x, std::vector<nb::object>& leaves) {
  Tree tree;
  const std::size_t before = leaves.size();
  tree.add(x, leaves, 0);
  tree.leaves_ = leaves.size() - before;
  return tree;
}

void Tree::add(nb::handle x, std::vector<nb::object>& leaves, int depth) {
  if (depth > kMaxDepth) {
    array::refuse("tree", "lists and dicts more than 500 deep", "give a tree without cycles");
  }
  PyObject* o = x.ptr();
  const auto leaf = [&] {
    nodes_.push_back({});
    leaves.push_back(nb::borrow(x));
  };
  if (Py_TYPE(o) == reinterpret_cast<PyTypeObject*>(nb::type<array::Array>().ptr()) ||
      PyFloat_Check(o) || PyLong_CheckExact(o) || PyBool_Check(o)) {
    return leaf();
  }
  if (o == Py_None) {
    nodes_.push_back({Kind::kNone, 0, {}, {}, {}});
    return;
  }
  if (PyTuple_CheckExact(o) || PyList_CheckExact(o)) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    nodes_.push_back({PyTuple_CheckExact(o) ? Kind::kTuple : Kind::kList,
                      static_cast<std::uint32_t>(n),
                      {},
                      {},
                      {}});
    for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(o); ++k) {
      add(PySequence_Fast_GET_ITEM(o, k), leaves, depth + 1);
    }
    return;
  }
  if (PyDict_Check(o)) {
    const nb::object keys = nb::steal(PyDict_Keys(o));
    // The order of an OrderedDict is part of it; of several kinds keys are as they were put in.
    if (!is_ordered(x) && PyList_Sort(keys.ptr()) < 0) PyErr_Clear();
    const std::size_t n = nb::len(keys);
    const bool plain = PyDict_CheckExact(o);
    const nb::object factory = plain ? nb::object() : attribute(x, "default_factory");
    nodes_.push_back({Kind::kDict, static_cast<std::uint32_t>(n),
                      plain ? nb::object() : nb::object(nb::borrow(x.type())), keys, factory});
    for (std::size_t k = 0; k < n; ++k) {
      add(PyDict_GetItem(o, PyList_GET_ITEM(keys.ptr(), static_cast<Py_ssize_t>(k))), leaves,
          depth + 1);
    }
    return;
  }
  if (PyUnicode_Check(o) || PyBytes_Check(o)) {
    nodes_.push_back({Kind::kFixed, 0, {}, nb::borrow(x), {}});
    return;
  }
  if (PyObject_CheckBuffer(o)) return leaf();
  const nb::handle type(reinterpret_cast<PyObject*>(Py_TYPE(o)));
  if (PyTuple_Check(o)) {
    if (const nb::object names = attribute(type, "_fields"); names.is_valid()) {
      nodes_.push_back(
          {Kind::kNamed, static_cast<std::uint32_t>(nb::len(x)), nb::borrow(type), names, {}});
      for (nb::handle child : x) add(child, leaves, depth + 1);
      return;
    }
  }
  if (const nb::object fields = attribute(type, "__dataclass_fields__"); fields.is_valid()) {
    return add_fields(x, fields, leaves, depth);
  }
  if (PyObject_IsInstance(o, enum_class().ptr()) == 1) {
    nodes_.push_back({Kind::kFixed, 0, {}, nb::borrow(x), {}});
    return;
  }
  if (const nb::object flatten = attribute(type, "tree_flatten"); flatten.is_valid()) {
    const nb::object both = flatten(x);
    const nb::object children = both[0];
    nodes_.push_back({Kind::kCustom,
                      static_cast<std::uint32_t>(nb::len(children)),
                      nb::borrow(type),
                      nb::object(both[1]),
                      {}});
    for (nb::handle child : children) add(child, leaves, depth + 1);
    return;
  }
  leaf();
}

void Tree::add_fields(nb::handle x, nb::handle fields, std::vector<nb::object>& leaves, int depth) {
  nb::list moving, fixed, fixed_values;
  for (nb::handle name : nb::borrow<nb::dict>(fields).keys()) {
    const nb::object field = nb::object(fields[name]);
    const nb::object metadata = field.attr("metadata");
    if (nb::cast<bool>(nb::bool_(nb::object(metadata.attr("get")("static", false))))) {
      fixed.append(name);
      fixed_values.append(x.attr(name));
    } else {
      moving.append(name);
    }
  }
  nodes_.push_back({Kind::kFields, static_cast<std::uint32_t>(nb::len(moving)),
                    nb::borrow(x.type()), nb::make_tuple(moving, fixed), fixed_values});
  for (nb::handle name : moving) add(nb::object(x.attr(name)), leaves, depth + 1);
}

nb::object Tree::unflatten(const std::vector<nb::object>& leaves) const {
  if (leaves.size() != leaves_) {
    array::refuse(
        "tree", std::to_string(leaves.size()) + " leaves for a tree of " + std::to_string(leaves_),
        "give one for each *: " + text());
  }
  std::size_t node = 0, leaf = 0;
  return build(node, leaf, leaves);
}

nb::object Tree::build(std::size_t& at, std::size_t& leaf,
                       const std::vector<nb::object>& leaves) const {
  const Node& node = nodes_[at++];
  switch (node.kind) {
    case Kind::kLeaf: return leaves[leaf++];
    case Kind::kNone: return nb::none();
    case Kind::kFixed: return node.rest;
    case Kind::kTuple: {
      nb::object made = nb::steal(PyTuple_New(node.children));
      for (std::uint32_t k = 0; k < node.children; ++k) {
        PyTuple_SET_ITEM(made.ptr(), k, build(at, leaf, leaves).release().ptr());
      }
      return made;
    }
    case Kind::kDict: {
      const nb::object made = empty_dict(node.type, node.more);
      for (std::uint32_t k = 0; k < node.children; ++k) {
        const nb::object value = build(at, leaf, leaves);
        if (PyObject_SetItem(made.ptr(), nb::object(node.rest[k]).ptr(), value.ptr()) < 0) {
          throw nb::python_error();
        }
      }
      return made;
    }
    default: break;
  }
  nb::list children;
  for (std::uint32_t k = 0; k < node.children; ++k) children.append(build(at, leaf, leaves));
  if (node.kind == Kind::kList) return children;
  if (node.kind == Kind::kNamed) return node.type(*children);
  if (node.kind == Kind::kCustom) {
    return node.type.attr("tree_unflatten")(node.rest, nb::tuple(children));
  }
  // A dataclass, past its __init__, which may look at values.
  const nb::object object = nb::module_::import_("builtins").attr("object");
  const nb::object made = object.attr("__new__")(node.type);
  const nb::object set = object.attr("__setattr__");
  for (std::uint32_t k = 0; k < node.children; ++k) {
    set(made, node.rest[0][k], nb::object(children[k]));
  }
  const std::size_t fixed = nb::len(node.more);
  for (std::size_t k = 0; k < fixed; ++k) set(made, node.rest[1][k], node.more[k]);
  return made;
}

bool Tree::operator==(const Tree& other) const {
  if (nodes_.size() != other.nodes_.size()) return false;
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    const Node &a = nodes_[k], &b = other.nodes_[k];
    if (a.kind != b.kind || a.children != b.children || a.type.ptr() != b.type.ptr()) return false;
    if (a.kind == Kind::kFixed && a.rest.type().ptr() != b.rest.type().ptr()) return false;
    if (!same(a.rest, b.rest) || !same(a.more, b.more)) return false;
  }
  return true;
}

int Tree::traverse(visitproc visit, void* arg) const {
  for (const Node& node : nodes_) {
    Py_VISIT(node.type.ptr());
    Py_VISIT(node.rest.ptr());
    Py_VISIT(node.more.ptr());
  }
  return 0;
}

std::vector<std::string> Tree::paths(const std::string& root) const {
  std::vector<std::string> all;
  std::size_t node = 0;
  add_paths(node, root, all);
  return all;
}

void Tree::add_paths(std::size_t& at, const std::string& here,
                     std::vector<std::string>& paths) const {
  const Node& node = nodes_[at++];
  if (node.kind == Kind::kLeaf) paths.push_back(here);
  for (std::uint32_t k = 0; k < node.children; ++k) {
    const auto text = [](const nb::object& x) { return nb::cast<std::string>(nb::str(x)); };
    const auto repr = [](const nb::object& x) { return nb::cast<std::string>(nb::repr(x)); };
    std::string step;
    switch (node.kind) {
      case Kind::kDict: step = "[" + repr(node.rest[k]) + "]"; break;
      case Kind::kNamed: step = "." + text(node.rest[k]); break;
      case Kind::kFields: step = "." + text(node.rest[0][k]); break;
      default: step = "[" + std::to_string(k) + "]";
    }
    add_paths(at, here + step, paths);
  }
}

std::string Tree::text() const {
  std::size_t node = 0;
  return text_of(node);
}

std::string Tree::text_of(std::size_t& at) const {
  const Node& node = nodes_[at++];
  const auto text = [](const nb::object& x) { return nb::cast<std::string>(nb::str(x)); };
  const auto repr = [](const nb::object& x) { return nb::cast<std::string>(nb::repr(x)); };
  switch (node.kind) {
    case Kind::kLeaf: return "*";
    case Kind::kNone: return "None";
    case Kind::kFixed: return repr(node.rest);
    default: break;
  }
  std::string inside;
  for (std::uint32_t k = 0; k < node.children; ++k) {
    if (k) inside += ", ";
    if (node.kind == Kind::kDict) inside += repr(node.rest[k]) + ": ";
    if (node.kind == Kind::kNamed) inside += text(node.rest[k]) + "=";
    if (node.kind == Kind::kFields) inside += text(node.rest[0][k]) + "=";
    inside += text_of(at);
  }
  switch (node.kind) {
    case Kind::kTuple: return "(" + inside + (node.children == 1 ? ",)" : ")");
    case Kind::kList: return "[" + inside + "]";
    case Kind::kDict:
      if (!node.type.is_valid()) return "{" + inside + "}";
      return text(node.type.attr("__name__")) + "({" + inside + "})";
    default: return text(node.type.attr("__name__")) + "(" + inside + ")";
  }
}

void bind_trees(nb::module_& m) {
  nb::class_<Tree>(m, "_Tree", "The structure of a tree, without its leaves.")
      .def_prop_ro("size", &Tree::size, "How many leaves there are.")
      .def("unflatten", &Tree::unflatten, "leaves"_a,
           nb::sig(
               "def unflatten(self, leaves: collections.abc.Sequence[typing.Any]) -> typing.Any"),
           "The tree with these leaves.")
      .def("paths", &Tree::paths, "root"_a, "Where the leaves are, for messages.")
      .def(
          "__eq__",
          [](const Tree& a, nb::handle b) {
            return nb::isinstance<Tree>(b) && a == nb::cast<const Tree&>(b);
          },
          nb::sig("def __eq__(self, other: object, /) -> bool"))
      .def("__repr__", &Tree::text);
  m.def(
      "_flatten",
      [](nb::handle x) {
        std::vector<nb::object> leaves;
        Tree tree = Tree::flatten(x, leaves);
        return nb::make_tuple(leaves, tree);
      },
      "x"_a.none(), nb::sig("def _flatten(x: typing.Any) -> tuple[list[typing.Any], _Tree]"),
      "The leaves of a tree, and its structure.");
}

}  // namespace cotangent::python
