// A closed function of the array program: parameters, nodes in SSA order, results. Immutable and
// shared; made by Builder. Nodes are small, arena-owned, named by index (Value), and hash-consed:
// within a function, identity is equality.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "cotangent/base/span.h"
#include "cotangent/ir/attr.h"
#include "cotangent/ir/op.h"

namespace cotangent::ir {

/// A value of a function: the index of the node that makes it. Operands come before users.
struct Value {
  std::uint32_t id = UINT32_MAX;
  bool operator==(const Value&) const = default;
  bool valid() const { return id != UINT32_MAX; }
};

struct Node {
  Op op;
  std::uint32_t type;           ///< first of result_count entries in the type table
  std::uint32_t result_count;   ///< > 1 or second order: read through `project`
  std::uint32_t attr;           ///< entry in the attribute table; 0 is "none"
  std::uint32_t first_operand;  ///< in the operand table
  std::uint32_t operand_count;
};
static_assert(sizeof(Node) <= 64, "a node fits a cache line");

class Function {
 public:
  const std::string& name() const { return name_; }

  std::size_t size() const { return nodes_.size(); }
  std::span<const Node> nodes() const { return nodes_; }
  const Node& node(Value v) const { return nodes_[v.id]; }
  Op op(Value v) const { return nodes_[v.id].op; }
  std::span<const Value> operands(Value v) const {
    const Node& n = nodes_[v.id];
    return {operands_.data() + n.first_operand, n.operand_count};
  }
  Value operand(Value v, std::size_t k) const { return operands(v)[k]; }
  const Type& type(Value v) const { return types_[nodes_[v.id].type]; }
  std::span<const Type> result_types(Value v) const {
    return {types_.data() + nodes_[v.id].type, nodes_[v.id].result_count};
  }
  const Attr& attr(Value v) const { return attrs_[nodes_[v.id].attr]; }
  template <class A>
  const A& attr_as(Value v) const {
    return std::get<A>(attr(v));
  }

  std::span<const Value> params() const { return params_; }
  std::span<const std::string> param_names() const { return param_names_; }
  std::span<const Value> results() const { return results_; }
  Type param_type(std::size_t k) const { return type(params_[k]); }
  Type result_type(std::size_t k) const { return type(results_[k]); }

  /// Places in source text this node came from; may be empty.
  std::span<const SourceSpan> spans(Value v) const;

  /// Whether the node is a constant all of whose elements equal `value` exactly (through
  /// broadcast and reshape as well).
  bool is_splat(Value v, double value) const;

  /// Whether a check stands here or in a body (derivatives of a call do not count).
  bool has_checks() const { return has_checks_; }
  /// Whether a node is a check or has one in its bodies: it is kept though nobody reads it.
  bool is_kept(Value v) const;

  /// Whether an op here or in a body, at any depth, is one of the wanted ones.
  bool contains_op(const std::function<bool(Op)>& wanted) const;

  /// Number of nodes here and in all bodies.
  std::size_t total_size() const;

 private:
  friend class Builder;
  std::string name_;
  std::vector<Node> nodes_;
  std::vector<Value> operands_;
  std::vector<Type> types_;
  std::vector<Attr> attrs_;
  std::vector<Value> params_;
  std::vector<std::string> param_names_;
  std::vector<Value> results_;
  std::unordered_map<std::uint32_t, std::vector<SourceSpan>> spans_;
  bool has_checks_ = false;
};

/// Same parameters, nodes, results and bodies (names and spans do not count).
bool structurally_equal(const Function& a, const Function& b);

}  // namespace cotangent::ir
