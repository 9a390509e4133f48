// A Python tree as one that the C++ transformations take: its arrays are its leaves.
#pragma once

#include <memory>

#include "python/src/arrays.h"
#include "python/src/trees.h"

namespace cotangent::python {

struct PyTree {
  std::shared_ptr<const Tree> structure;
  std::vector<array::Array> leaves;

  /// Numbers become arrays. What is no array is refused with its place in `root`.
  static PyTree from(nanobind::handle x, const char* op, const std::string& root,
                     Memory memory = Memory::kCopy);
  nanobind::object object() const;

  auto tree_fields() { return std::tie(leaves); }
  auto tree_fields() const { return std::tie(leaves); }
};

/// Found before the one of array/tree.h: places in words of Python.
std::vector<std::string> leaf_paths(const PyTree& tree, const std::string& root);

}  // namespace cotangent::python
