// Trees of Python objects: dicts, lists, tuples, named tuples, dataclasses and None around leaves.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

namespace cotangent::python {

/// The structure of a tree, without its leaves. Text (str, bytes) and enums are part of it, and so
/// are fields of a dataclass with metadata {"static": True}. Dicts have their keys in order,
/// but for an OrderedDict; a dict of another class comes back as one of it.
/// Classes with JAX's tree_flatten(self) -> (children, rest), tree_unflatten(rest, children) take
/// part; Array is a leaf, and so is whatever is no tree.
class Tree {
 public:
  /// Appends the leaves of x.
  static Tree flatten(nanobind::handle x, std::vector<nanobind::object>& leaves);

  std::size_t size() const { return leaves_; }
  nanobind::object unflatten(const std::vector<nanobind::object>& leaves) const;
  bool operator==(const Tree& other) const;
  /// Where the leaves are: root["q"][0].mass
  std::vector<std::string> paths(const std::string& root) const;
  std::string text() const;  ///< {'q': *, 'p': (*, *)}
  /// For the garbage collector: what this tree, and nobody else, holds.
  int traverse(visitproc visit, void* arg) const;

 private:
  enum class Kind : std::uint8_t {
    kLeaf,
    kNone,
    kTuple,
    kList,
    kDict,
    kNamed,
    kFields,
    kCustom,
    kFixed
  };
  struct Node {
    Kind kind = Kind::kLeaf;
    std::uint32_t children = 0;
    nanobind::object
        type;  ///< of named tuples, dataclasses, classes; of dicts that are no plain ones
    nanobind::object rest;  ///< keys, names of fields, or what is fixed
    nanobind::object more;  ///< of a dataclass: the values of the fixed fields; a default_factory
  };
  void add(nanobind::handle x, std::vector<nanobind::object>& leaves, int depth);
  void add_fields(nanobind::handle x, nanobind::handle fields,
                  std::vector<nanobind::object>& leaves, int depth);
  nanobind::object build(std::size_t& node, std::size_t& leaf,
                         const std::vector<nanobind::object>& leaves) const;
  void add_paths(std::size_t& node, const std::string& here, std::vector<std::string>& paths) const;
  std::string text_of(std::size_t& node) const;

  std::vector<Node> nodes_;  ///< each before its children
  std::size_t leaves_ = 0;
};

}  // namespace cotangent::python
