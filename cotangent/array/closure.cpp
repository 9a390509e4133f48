#include "cotangent/array/closure.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "cotangent/array/evaluate.h"
#include "cotangent/ir/builder.h"

namespace cotangent::array {
namespace {

/// Captured values of a jitted function up to this many elements are written into its code.
constexpr std::int64_t kMaxFrozenElements = 64;

enum class Place { kInline, kCapture, kConstant, kParameter };

[[noreturn]] void refuse_escaped(const Node& placeholder) {
  throw UserError(
      "[" + placeholder.owner->what +
          "] an array made inside a traced function is used after the function returned",
      "return it as a result of the function instead of storing it elsewhere");
}

/// The nodes that a function is made of, operands first, and its captures in order of discovery.
class Collector {
 public:
  Collector(Capture mode, std::uint64_t trace) : mode_(mode), trace_(trace) {}

  void own(const NodePtr& placeholder) { places_.emplace(placeholder.get(), Place::kParameter); }

  void collect(const NodePtr& root) {
    if (!visit(root)) return;
    while (!stack_.empty()) {
      auto& [node, next] = stack_.back();
      if (next < node->operands.size()) {
        const NodePtr& operand = node->operands[next++];
        ++uses_[operand.get()];
        visit(operand);
      } else {
        order_.push_back(node);
        stack_.pop_back();
      }
    }
  }

  /// Of the operations collected, those that somebody else holds as well.
  std::vector<NodePtr> held() const {
    std::vector<NodePtr> found;
    for (const auto& [node, shared] : inlined_) {
      const bool pays = !node->constant && node->more.empty() && node->op != ir::Op::kBroadcast;
      const auto uses = uses_.find(node);
      const long known = uses == uses_.end() ? 0 : uses->second;
      if (pays && shared->use_count() > known) found.push_back(*shared);
    }
    return found;
  }

  Place place(const Node* node) const { return places_.at(node); }
  const std::vector<const Node*>& order() const { return order_; }
  const std::vector<NodePtr>& captures() const { return captures_; }
  bool foreign() const { return foreign_; }

 private:
  /// Notes where a node goes; true when its operands are wanted too.
  bool visit(const NodePtr& node) {
    const auto [at, fresh] = places_.emplace(node.get(), Place::kInline);
    if (!fresh) return false;
    at->second = classify(node);
    if (at->second == Place::kCapture) captures_.push_back(node);
    if (at->second == Place::kConstant) order_.push_back(node.get());
    if (at->second != Place::kInline) return false;
    inlined_.emplace_back(node.get(), &node);
    stack_.emplace_back(node.get(), 0);
    return true;
  }

  Place classify(const NodePtr& node) {
    if (node->kind == Node::Kind::kPlaceholder) return classify_placeholder(*node);
    switch (mode_) {
      case Capture::kProgram: return node->is_ready() ? Place::kCapture : Place::kInline;
      case Capture::kFrozen:
        if (!node->is_ready() && node->trace == 0 && node->serial < trace_) {
          if (node->constant) return Place::kInline;
          evaluate_nodes(std::span(&node, 1));
        }
        if (!node->is_ready()) return Place::kInline;
        return node->type.size() <= kMaxFrozenElements ? Place::kConstant : Place::kCapture;
      case Capture::kFree:
        if (node->is_ready()) return node->literal ? Place::kConstant : Place::kCapture;
        return node->trace >= trace_ || node->constant ? Place::kInline : Place::kCapture;
    }
    throw InternalError("no such capture mode");
  }

  Place classify_placeholder(const Node& node) {
    if (!node.owner->running) refuse_escaped(node);
    if (mode_ == Capture::kProgram) {
      throw UserError(
          "[eval] an array inside a traced function has no value yet: " + maker_of(node),
          "look at values outside the function, or return them");
    }
    if (mode_ == Capture::kFrozen) foreign_ = true;
    return Place::kCapture;
  }

  Capture mode_;
  std::uint64_t trace_;
  bool foreign_ = false;
  std::unordered_map<const Node*, Place> places_;
  std::unordered_map<const Node*, long> uses_;
  std::vector<std::pair<const Node*, const NodePtr*>> inlined_;
  std::vector<std::pair<const Node*, std::size_t>> stack_;
  std::vector<const Node*> order_;
  std::vector<NodePtr> captures_;
};

class Emitter {
 public:
  explicit Emitter(const std::string& name) : b_(name) {}

  void parameter(const Node* node) { values_[node] = {b_.param(node->type)}; }

  void emit(const Node* node, bool constant) {
    if (constant) {
      ir::Tensor value(node->type);
      std::memcpy(value.data(), node->buffer->data(), value.bytes());
      values_[node] = {value.type().is_scalar() || !repeats(value)
                           ? b_.constant(std::move(value))
                           : b_.splat(static_cast<double>(value.real(0)), node->type)};
      return;
    }
    if (node->kind == Node::Kind::kProject) {
      const auto& all = values_.at(node->operands[0].get());
      values_[node] = {all[static_cast<std::size_t>(node->index)]};
      return;
    }
    std::vector<ir::Value> operands;
    for (const NodePtr& operand : node->operands) operands.push_back(value(operand.get()));
    if (node->kind == Node::Kind::kCall) {
      values_[node] = b_.inline_call(*node->callee, operands);
      return;
    }
    const ir::Value made = b_.make(node->op, operands, node->attr, node->type);
    if (node->more.empty()) {
      values_[node] = {made};
      return;
    }
    auto& results = values_[node];
    for (std::size_t k = 0; k < node->more.size(); ++k) {
      results.push_back(b_.project(made, static_cast<std::int64_t>(k)));
    }
  }

  ir::Value value(const Node* node) const { return values_.at(node)[0]; }
  ir::FunctionPtr finish(std::span<const ir::Value> results) { return b_.finish(results); }

 private:
  /// Whether all elements are the same real number (which splat writes exactly).
  static bool repeats(const ir::Tensor& t) {
    if (!is_float(t.type().dtype) || t.size() < 2) return false;
    const std::size_t one = t.element_bytes();
    for (std::size_t k = one; k < t.bytes(); k += one) {
      if (std::memcmp(t.data(), t.data() + k, one) != 0) return false;
    }
    return true;
  }

  ir::Builder b_;
  std::unordered_map<const Node*, std::vector<ir::Value>> values_;
};

void emit_all(Emitter& emitter, const Collector& collector) {
  for (const Node* node : collector.order()) {
    emitter.emit(node, collector.place(node) == Place::kConstant);
  }
}

}  // namespace

Closure close_over(const std::string& name, std::span<const NodePtr> results,
                   std::span<const NodePtr> before, std::span<const NodePtr> after,
                   std::uint64_t trace, Capture mode) {
  const std::lock_guard lock(graph_mutex());
  Collector collector(mode, trace);
  for (const NodePtr& p : before) collector.own(p);
  for (const NodePtr& p : after) collector.own(p);
  for (const NodePtr& r : results) collector.collect(r);
  if (collector.foreign()) return {};
  Emitter emitter(name);
  for (const NodePtr& p : before) emitter.parameter(p.get());
  for (const NodePtr& c : collector.captures()) emitter.parameter(c.get());
  for (const NodePtr& p : after) emitter.parameter(p.get());
  emit_all(emitter, collector);
  std::vector<ir::Value> values;
  for (const NodePtr& r : results) values.push_back(emitter.value(r.get()));
  return {emitter.finish(values), collector.captures()};
}

Pending pending_program(std::span<const NodePtr> nodes) {
  Collector collector(Capture::kProgram, 0);
  std::vector<NodePtr> kept;
  const auto keep = [&](const NodePtr& node) {
    if (std::find(kept.begin(), kept.end(), node) == kept.end()) kept.push_back(node);
  };
  for (const NodePtr& node : nodes) {
    if (!node->is_ready()) collector.collect(node);
  }
  const std::vector<NodePtr> held = collector.held();
  for (const NodePtr& node : nodes) {
    if (!node->is_ready()) keep(node);
  }
  for (const NodePtr& node : held) keep(node);
  Emitter emitter("program");
  for (const NodePtr& c : collector.captures()) emitter.parameter(c.get());
  emit_all(emitter, collector);
  std::vector<ir::Value> values;
  for (const NodePtr& node : kept) values.push_back(emitter.value(node.get()));
  return {emitter.finish(values), collector.captures(), std::move(kept)};
}

}  // namespace cotangent::array
