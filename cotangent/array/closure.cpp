#include "cotangent/array/closure.h"

#include <algorithm>
#include <cstring>

#include "cotangent/array/evaluate.h"
#include "cotangent/ir/builder.h"

namespace cotangent::array {
namespace {

/// Captured values of a jitted function up to this many elements are written into its code.
constexpr std::int64_t kMaxFrozenElements = 64;

enum class Place : std::uint8_t { kInline, kCapture, kConstant, kParameter };

[[noreturn]] void refuse_escaped(const Node& parameter) {
  throw UserError(
      "[" + parameter.owner->what +
          "] an array made inside a traced function is used after the function returned",
      "return it as a result of the function instead of storing it elsewhere");
}

/// What a walk knows of a node.
struct Note {
  const NodePtr* node = nullptr;
  Place place = Place::kInline;
  long uses = 0;  ///< by the operations collected
  ir::Value value;
  std::vector<ir::Value> results;  ///< of a node with several
};

/// The nodes that a function is made of, operands first, and its captures in order of discovery.
class Collector {
 public:
  Collector(Capture mode, std::uint64_t trace) : mode_(mode), trace_(trace), walk_(next_serial()) {}

  void own(const NodePtr& parameter) { note_of(parameter).place = Place::kParameter; }

  void collect(const NodePtr& root) {
    if (!visit(root)) return;
    while (!stack_.empty()) {
      auto& [slot, next] = stack_.back();
      const auto& operands = (*notes_[slot].node)->operands;
      if (next < operands.size()) {
        const NodePtr& operand = operands[next++];
        visit(operand);
        ++note_of(operand).uses;
      } else {
        order_.push_back(slot);
        stack_.pop_back();
      }
    }
  }

  /// Of the operations collected, those that somebody else holds as well.
  std::vector<NodePtr> held() const {
    std::vector<NodePtr> found;
    for (const Note& note : notes_) {
      const Node& node = **note.node;
      const bool pays = note.place == Place::kInline && !node.constant && node.more.empty() &&
                        node.op != ir::Op::kBroadcast;
      if (pays && note.node->use_count() > note.uses) found.push_back(*note.node);
    }
    return found;
  }

  /// What is known of a node; noted when it is met for the first time.
  Note& note_of(const NodePtr& node) {
    if (node->walk != walk_) {
      node->walk = walk_;
      node->slot = static_cast<std::uint32_t>(notes_.size());
      notes_.push_back({&node, Place::kInline, 0, {}, {}});
    }
    return notes_[node->slot];
  }
  const std::vector<std::uint32_t>& order() const { return order_; }
  Note& note(std::uint32_t slot) { return notes_[slot]; }
  const std::vector<NodePtr>& captures() const { return captures_; }
  bool foreign() const { return foreign_; }

 private:
  /// Notes where a node goes; true when its operands are wanted too.
  bool visit(const NodePtr& node) {
    if (node->walk == walk_) return false;
    const Place place = classify(node);
    note_of(node).place = place;
    if (place == Place::kCapture) captures_.push_back(node);
    if (place == Place::kConstant) order_.push_back(node->slot);
    if (place != Place::kInline) return false;
    stack_.emplace_back(node->slot, 0);
    return true;
  }

  Place classify(const NodePtr& node) {
    if (node->kind == Node::Kind::kParameter) return classify_parameter(*node);
    switch (mode_) {
      case Capture::kProgram: return node->is_ready() ? Place::kCapture : Place::kInline;
      case Capture::kFrozen:
        if (!node->is_ready()) return Place::kInline;
        return node->type.size() <= kMaxFrozenElements ? Place::kConstant : Place::kCapture;
      case Capture::kFree:
        if (node->is_ready()) return node->literal ? Place::kConstant : Place::kCapture;
        return node->trace >= trace_ || node->constant ? Place::kInline : Place::kCapture;
      case Capture::kInside:
        if (node->is_ready()) return node->literal ? Place::kConstant : Place::kCapture;
        return node->serial >= trace_ || node->constant ? Place::kInline : Place::kCapture;
    }
    throw InternalError("no such capture mode");
  }

  Place classify_parameter(const Node& node) {
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
  std::uint64_t trace_, walk_;
  bool foreign_ = false;
  std::vector<Note> notes_;
  std::vector<std::pair<std::uint32_t, std::size_t>> stack_;
  std::vector<std::uint32_t> order_;
  std::vector<NodePtr> captures_;
};

class Emitter {
 public:
  Emitter(const std::string& name, Collector& collector) : b_(name), collector_(collector) {}

  void parameter(const NodePtr& node) { collector_.note_of(node).value = b_.param(node->type); }

  void emit_all() {
    for (std::uint32_t slot : collector_.order()) {
      Note& note = collector_.note(slot);
      note.place == Place::kConstant ? constant(note) : operation(note);
    }
  }

  ir::Value value(const NodePtr& node) { return collector_.note_of(node).value; }
  ir::FunctionPtr finish(std::span<const ir::Value> results) { return b_.finish(results); }

 private:
  void constant(Note& note) {
    const Node& node = **note.node;
    ir::Tensor value(node.type);
    std::memcpy(value.data(), node.buffer->data(), value.bytes());
    note.value = repeats(value) ? b_.splat(static_cast<double>(value.real(0)), node.type)
                                : b_.constant(std::move(value));
  }

  void operation(Note& note) {
    const Node& node = **note.node;
    if (node.kind == Node::Kind::kProject) {
      const auto& all = collector_.note_of(node.operands[0]).results;
      note.value = all[static_cast<std::size_t>(node.index)];
      return;
    }
    std::vector<ir::Value> operands;
    operands.reserve(node.operands.size());
    for (const NodePtr& operand : node.operands) operands.push_back(value(operand));
    if (node.kind == Node::Kind::kCall) {
      note.results = b_.inline_call(*node.callee, operands);
      return;
    }
    const ir::Value made = b_.make(node.op, operands, node.attr, node.type);
    if (node.more.empty()) {
      note.value = made;
      return;
    }
    for (std::size_t k = 0; k < node.more.size(); ++k) {
      note.results.push_back(b_.project(made, static_cast<std::int64_t>(k)));
    }
  }

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
  Collector& collector_;
};

/// What a jitted function takes from outside is computed before it is closed: pending operations
/// above the results that are older than the trace.
void evaluate_older(std::span<const NodePtr> results, std::uint64_t trace) {
  std::vector<NodePtr> older;
  const std::uint64_t walk = next_serial();
  std::vector<const NodePtr*> stack;
  for (const NodePtr& r : results) stack.push_back(&r);
  while (!stack.empty()) {
    const NodePtr& node = *stack.back();
    stack.pop_back();
    if (node->walk == walk || node->is_ready()) continue;
    node->walk = walk;
    if (node->trace == 0 && node->serial < trace && !node->constant) {
      older.push_back(node);
    } else {
      for (const NodePtr& operand : node->operands) stack.push_back(&operand);
    }
  }
  evaluate_nodes(older);
}

}  // namespace

Closure close_over(const std::string& name, std::span<const NodePtr> results,
                   std::span<const NodePtr> before, std::span<const NodePtr> after,
                   std::uint64_t trace, Capture mode) {
  const std::lock_guard lock(graph_mutex());
  if (mode == Capture::kFrozen) evaluate_older(results, trace);
  Collector collector(mode, trace);
  for (const NodePtr& p : before) collector.own(p);
  for (const NodePtr& p : after) collector.own(p);
  for (const NodePtr& r : results) collector.collect(r);
  if (collector.foreign()) return {};
  Emitter emitter(name, collector);
  for (const NodePtr& p : before) emitter.parameter(p);
  for (const NodePtr& c : collector.captures()) emitter.parameter(c);
  for (const NodePtr& p : after) emitter.parameter(p);
  emitter.emit_all();
  std::vector<ir::Value> values;
  for (const NodePtr& r : results) values.push_back(emitter.value(r));
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
  Emitter emitter("program", collector);
  for (const NodePtr& c : collector.captures()) emitter.parameter(c);
  emitter.emit_all();
  std::vector<ir::Value> values;
  for (const NodePtr& node : kept) values.push_back(emitter.value(node));
  return {emitter.finish(values), collector.captures(), std::move(kept)};
}

}  // namespace cotangent::array
