// Trees of arrays: what jit, grad, vmap and loops take and give besides a single Array.
//
// A tree is an Array, a number, an enum or a string; a std::tuple, pair, array, vector or optional
// of trees; a struct of trees that is an aggregate (up to 12 members); or a class with a member
// `auto tree_fields() { return std::tie(a, b); }`, const as well. Arrays are its leaves, in order;
// everything else is part of its structure.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cotangent/array/array.h"

namespace cotangent::array {
namespace tree_detail {

struct AnyField {
  template <class T>
  operator T() const;
};

template <class T, class... Fields>
consteval std::size_t count_fields() {
  if constexpr (requires { T{Fields{}..., AnyField{}}; }) {
    return count_fields<T, Fields..., AnyField>();
  } else {
    return sizeof...(Fields);
  }
}

template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; };
template <class T>
concept HasFields = requires(T& t) { t.tree_fields(); };

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// The members of an aggregate, as references.
template <class T>
auto fields_of(T& t) {
  constexpr std::size_t n = count_fields<std::remove_const_t<T>>();
  static_assert(n <= 12, "a struct of arrays with more than 12 members: give it tree_fields()");
  if constexpr (n == 0) {
    return std::tuple<>();
  } else if constexpr (n == 1) {
    auto& [a] = t;
    return std::tie(a);
  } else if constexpr (n == 2) {
    auto& [a, b] = t;
    return std::tie(a, b);
  } else if constexpr (n == 3) {
    auto& [a, b, c] = t;
    return std::tie(a, b, c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = t;
    return std::tie(a, b, c, d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = t;
    return std::tie(a, b, c, d, e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, f] = t;
    return std::tie(a, b, c, d, e, f);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, f, g] = t;
    return std::tie(a, b, c, d, e, f, g);
  } else if constexpr (n == 8) {
    auto& [a, b, c, d, e, f, g, h] = t;
    return std::tie(a, b, c, d, e, f, g, h);
  } else if constexpr (n == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = t;
    return std::tie(a, b, c, d, e, f, g, h, i);
  } else if constexpr (n == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (n == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k);
  } else {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
  }
}

}  // namespace tree_detail

/// Calls visitor.leaf(Array&) for the leaves and visitor.fixed(value) for the rest of the
/// structure.
template <class T, class Visitor>
void walk_tree(T& tree, Visitor& visitor) {
  using Plain = std::remove_const_t<T>;
  const auto walk_all = [&](auto&&... fields) { (walk_tree(fields, visitor), ...); };
  if constexpr (std::same_as<Plain, Array>) {
    visitor.leaf(tree);
  } else if constexpr (std::is_arithmetic_v<Plain> || std::is_enum_v<Plain> ||
                       std::same_as<Plain, std::string>) {
    visitor.fixed(tree);
  } else if constexpr (tree_detail::TupleLike<Plain>) {
    std::apply(walk_all, tree);
  } else if constexpr (tree_detail::IsVector<Plain>::value) {
    visitor.fixed(tree.size());
    for (auto& element : tree) walk_tree(element, visitor);
  } else if constexpr (tree_detail::IsOptional<Plain>::value) {
    visitor.fixed(tree.has_value());
    if (tree) walk_tree(*tree, visitor);
  } else if constexpr (tree_detail::HasFields<T>) {
    std::apply(walk_all, tree.tree_fields());
  } else {
    static_assert(std::is_aggregate_v<Plain>,
                  "not a tree of arrays: give the class a member tree_fields()");
    std::apply(walk_all, tree_detail::fields_of(tree));
  }
}

namespace tree_detail {

struct Gather {
  std::vector<Array>& leaves;
  void leaf(const Array& x) { leaves.push_back(x); }
  template <class T>
  void fixed(const T&) {}
};

struct Point {
  std::vector<const Array*>& leaves;
  std::string& structure;
  void leaf(const Array& x) {
    leaves.push_back(&x);
    structure += 'a';
  }
  template <class T>
  void fixed(const T& value) {
    if constexpr (std::same_as<T, std::string>) {
      structure += std::to_string(value.size()) + ":" + value;
    } else {
      structure.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
};

struct Replace {
  std::span<const Array> from;
  std::size_t next = 0;
  void leaf(Array& x) { x = from[next++]; }
  template <class T>
  void fixed(const T&) {}
};

}  // namespace tree_detail

/// The leaves, in order.
template <class T>
std::vector<Array> leaves_of(const T& tree) {
  std::vector<Array> leaves;
  tree_detail::Gather gather{leaves};
  walk_tree(tree, gather);
  return leaves;
}

namespace tree_detail {

/// Where the leaves are: members by their number, as ".1", elements of a vector as "[1]".
template <class T>
void add_paths(const T& tree, const std::string& here, std::vector<std::string>& paths) {
  const auto add_all = [&](const auto&... fields) {
    std::size_t k = 0;
    (add_paths(fields, here + "." + std::to_string(k++), paths), ...);
  };
  if constexpr (std::same_as<T, Array>) {
    paths.push_back(here);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> ||
                       std::same_as<T, std::string>) {
    return;
  } else if constexpr (TupleLike<T>) {
    std::apply(add_all, tree);
  } else if constexpr (IsVector<T>::value) {
    for (std::size_t k = 0; k < tree.size(); ++k) {
      add_paths(tree[k], here + "[" + std::to_string(k) + "]", paths);
    }
  } else if constexpr (IsOptional<T>::value) {
    if (tree) add_paths(*tree, here, paths);
  } else if constexpr (HasFields<const T>) {
    std::apply(add_all, tree.tree_fields());
  } else {
    std::apply(add_all, fields_of(tree));
  }
}

}  // namespace tree_detail

/// The places of the leaves, in order, for messages: ".0", ".1[2]" behind the root.
template <class T>
std::vector<std::string> leaf_paths(const T& tree, const std::string& root) {
  std::vector<std::string> paths;
  tree_detail::add_paths(tree, root, paths);
  return paths;
}

/// Adds pointers to the leaves, and the structure as bytes.
template <class T>
void point_to_leaves(const T& tree, std::vector<const Array*>& leaves, std::string& structure) {
  tree_detail::Point point{leaves, structure};
  walk_tree(tree, point);
}

/// The same structure with other leaves.
template <class T>
T with_leaves(T tree, std::span<const Array> leaves) {
  tree_detail::Replace replace{leaves};
  walk_tree(tree, replace);
  ensure(replace.next == leaves.size(), "with_leaves: number of leaves");
  return tree;
}

/// Numbers given to a traced function are arrays inside it.
template <class T>
using lifted_t = std::conditional_t<std::is_arithmetic_v<T>, Array, T>;

}  // namespace cotangent::array
