#include "cotangent/array/node.h"

#include <algorithm>

#include "cotangent/array/evaluate.h"
#include "cotangent/ir/builder.h"

namespace cotangent::array {
namespace {

/// Longer chains of pending operations are evaluated as they are recorded: a loop in C++ that never
/// looks at its values would otherwise grow a program without bound.
constexpr std::int32_t kMaxDepth = 512;
/// linspace and the like are this deep.
constexpr std::int32_t kMaxConstantDepth = 6;

void finish_node(Node& node) {
  std::int32_t depth = 0;
  for (const NodePtr& operand : node.operands) {
    node.trace = std::max(node.trace, operand->trace);
    depth = std::max(depth, operand->depth.load(std::memory_order_relaxed));
  }
  node.depth = depth + 1;
  node.serial = next_serial();
}

/// Cheap enough to be made again wherever it is used.
bool stays_constant(const Node& node) {
  if (node.depth > kMaxConstantDepth) return false;
  switch (node.op) {
    case ir::Op::kIota:
    case ir::Op::kBroadcast:
    case ir::Op::kReshape:
    case ir::Op::kCast: break;
    default:
      if (!ir::is_elementwise(node.op)) return false;
  }
  return std::all_of(node.operands.begin(), node.operands.end(),
                     [](const NodePtr& x) { return x->constant; });
}

NodePtr settled(std::shared_ptr<Node> node) {
  if (node->trace == 0 && node->depth >= kMaxDepth) {
    NodePtr made = std::move(node);
    evaluate_nodes(std::span(&made, 1));
    return made;
  }
  return node;
}

std::vector<NodePtr> projections(const std::shared_ptr<Node>& node) {
  finish_node(*node);
  const std::size_t count = node->more.size();
  std::vector<NodePtr> results;
  for (std::size_t k = 0; k < count; ++k) {
    auto result = std::make_shared<Node>();
    result->kind = Node::Kind::kProject;
    result->type = node->more[k];
    result->index = static_cast<std::int64_t>(k);
    result->operands = {node};
    finish_node(*result);
    results.push_back(std::move(result));
  }
  if (node->trace == 0 && node->depth >= kMaxDepth) evaluate_nodes(results);
  return results;
}

}  // namespace

std::uint64_t next_serial() {
  // Names only: it orders nodes and traces in time and enters no result.
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

Trace::Trace(std::string what_is_traced) : serial(next_serial()), what(std::move(what_is_traced)) {}

Node::~Node() {
  // A long chain would otherwise be released by recursion, one stack frame a node.
  std::vector<NodePtr> rest = std::move(operands);
  while (!rest.empty()) {
    NodePtr last = std::move(rest.back());
    rest.pop_back();
    if (last.use_count() != 1) continue;
    for (NodePtr& operand : last->operands) rest.push_back(std::move(operand));
    last->operands.clear();
  }
}

NodePtr make_buffer(ir::Type type, runtime::BufferPtr buffer, bool weak, bool literal) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kBuffer;
  node->type = type;
  node->weak = weak;
  node->literal = literal;
  node->constant = literal;
  node->serial = next_serial();
  node->buffer = std::move(buffer);
  node->ready.store(true, std::memory_order_release);
  return node;
}

NodePtr make_parameter(ir::Type type, bool weak, TracePtr owner) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kParameter;
  node->type = type;
  node->weak = weak;
  node->serial = next_serial();
  node->trace = owner->serial;
  node->owner = std::move(owner);
  return node;
}

NodePtr make_op(ir::Op op, std::vector<NodePtr> operands, ir::Attr attr, ir::Type hint, bool weak) {
  std::vector<ir::Type> types;
  types.reserve(operands.size());
  for (const NodePtr& operand : operands) types.push_back(operand->type);
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kOp;
  node->op = op;
  node->weak = weak;
  node->type = ir::infer(op, types, attr, hint)[0];
  node->attr = std::move(attr);
  node->operands = std::move(operands);
  finish_node(*node);
  node->constant = stays_constant(*node);
  return settled(std::move(node));
}

std::vector<NodePtr> make_second_order(ir::Op op, std::vector<NodePtr> operands, ir::Attr attr) {
  std::vector<ir::Type> types;
  for (const NodePtr& operand : operands) types.push_back(operand->type);
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kOp;
  node->op = op;
  node->more = ir::infer(op, types, attr, {});
  if (node->more.empty()) return {};
  node->type = node->more[0];
  node->attr = std::move(attr);
  node->operands = std::move(operands);
  return projections(node);
}

std::vector<NodePtr> make_call(ir::FunctionPtr callee, std::vector<NodePtr> operands) {
  ensure(callee->params().size() == operands.size(), "make_call: number of operands");
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kCall;
  for (std::size_t k = 0; k < callee->results().size(); ++k) {
    node->more.push_back(callee->result_type(k));
  }
  if (node->more.empty()) return {};
  node->type = node->more[0];
  node->callee = std::move(callee);
  node->operands = std::move(operands);
  return projections(node);
}

NodePtr with_weak(NodePtr node, bool weak) {
  if (node->weak == weak) return node;
  if (node->is_ready()) return make_buffer(node->type, node->buffer, weak, node->literal);
  auto copy = std::make_shared<Node>();
  copy->kind = Node::Kind::kOp;
  copy->op = ir::Op::kReshape;  // to its own shape: nothing happens
  copy->type = node->type;
  copy->constant = node->constant;
  copy->weak = weak;
  copy->operands = {std::move(node)};
  finish_node(*copy);
  return copy;
}

std::string maker_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kBuffer: return "a buffer";
    case Node::Kind::kParameter: return "a parameter of " + node.owner->what;
    case Node::Kind::kCall: return "a call of " + node.callee->name();
    case Node::Kind::kProject: return maker_of(*node.operands[0]);
    case Node::Kind::kOp: return std::string(ir::name_of(node.op));
  }
  return "?";
}

}  // namespace cotangent::array
