#include "cotangent/ir/function.h"

#include <cmath>

namespace cotangent::ir {

std::span<const SourceSpan> Function::spans(Value v) const {
  const auto found = spans_.find(v.id);
  if (found == spans_.end()) return {};
  return found->second;
}

bool Function::is_splat(Value v, double value) const {
  while (op(v) == Op::kBroadcast || op(v) == Op::kReshape) v = operand(v, 0);
  if (op(v) != Op::kConstant) return false;
  const Tensor& literal = *attr_as<LiteralAttr>(v).value;
  for (std::int64_t k = 0; k < literal.size(); ++k) {
    const long double element = literal.real(k);
    if (element != value || std::signbit(element) != std::signbit(value)) return false;
  }
  return literal.size() > 0;
}

bool Function::is_kept(Value v) const {
  if (op(v) == Op::kCheck) return true;
  if (!is_second_order(op(v))) return false;
  if (const auto* c = std::get_if<CondAttr>(&attr(v))) {
    return c->on_true->has_checks() || c->on_false->has_checks();
  }
  return body_of(attr(v))->has_checks();
}

bool Function::contains_op(const std::function<bool(Op)>& wanted) const {
  for (const Node& node : nodes_) {
    if (wanted(node.op)) return true;
    if (!is_second_order(node.op)) continue;
    for (const FunctionPtr& body : bodies_of(attrs_[node.attr])) {
      if (body->contains_op(wanted)) return true;
    }
  }
  return false;
}

std::size_t Function::total_size() const {
  std::size_t n = nodes_.size();
  for (const Attr& attr : attrs_) {
    for (const FunctionPtr& body : bodies_of(attr)) n += body->total_size();
  }
  return n;
}

namespace {

/// Attributes equal, bodies compared by structure.
bool attrs_equal(const Attr& a, const Attr& b) {
  const auto bodies_a = bodies_of(a), bodies_b = bodies_of(b);
  if (bodies_a.size() != bodies_b.size() || bodies_a == bodies_b) return a == b;
  if (a != with_bodies(b, bodies_a)) return false;
  for (std::size_t k = 0; k < bodies_a.size(); ++k) {
    if (!structurally_equal(*bodies_a[k], *bodies_b[k])) return false;
  }
  return true;
}

}  // namespace

bool structurally_equal(const Function& a, const Function& b) {
  if (a.size() != b.size() || a.params().size() != b.params().size() ||
      a.results().size() != b.results().size()) {
    return false;
  }
  for (std::uint32_t id = 0; id < a.size(); ++id) {
    const Value v{id};
    if (a.op(v) != b.op(v) || a.operands(v).size() != b.operands(v).size() ||
        a.result_types(v).size() != b.result_types(v).size()) {
      return false;
    }
    if (!std::equal(a.operands(v).begin(), a.operands(v).end(), b.operands(v).begin()))
      return false;
    if (!std::equal(a.result_types(v).begin(), a.result_types(v).end(),
                    b.result_types(v).begin())) {
      return false;
    }
    if (!attrs_equal(a.attr(v), b.attr(v))) return false;
  }
  return std::equal(a.results().begin(), a.results().end(), b.results().begin());
}

}  // namespace cotangent::ir
