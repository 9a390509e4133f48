#include "cotangent/lang/recorder.h"

#include <algorithm>

namespace cotangent::lang {
namespace {

constexpr std::size_t kMaxSpans = 8;

void mix(std::size_t& seed, std::size_t value) {
  seed ^= value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2);
}

}  // namespace

Scope::Scope(std::string name, int level, bool pair)
    : name_(std::move(name)), level_(level), pair_(pair) {}

std::uint32_t Scope::leaf(LeafKind kind, std::uint32_t outer, ir::Type type, std::string name) {
  std::size_t key = static_cast<std::size_t>(kind) + 1000;
  mix(key, outer);
  const auto [begin, end] = known_.equal_range(key);
  for (auto it = begin; it != end; ++it) {
    const Note& n = notes_[it->second];
    if (n.op == ir::Op::kParameter && n.leaf == kind && n.outer == outer) return it->second;
  }
  Note n;
  n.leaf = kind;
  n.outer = outer;
  n.type = type;
  n.name = std::move(name);
  notes_.push_back(std::move(n));
  const auto id = static_cast<std::uint32_t>(notes_.size() - 1);
  known_.emplace(key, id);
  if (kind == LeafKind::kParameter) parameters_.push_back(id);
  return id;
}

std::uint32_t Scope::constant(ir::Tensor value, SourceSpan span) {
  const ir::Type type = value.type();
  return note(ir::Op::kConstant, {},
              ir::LiteralAttr{std::make_shared<const ir::Tensor>(std::move(value))}, type, span);
}

std::uint32_t Scope::note(ir::Op op, std::vector<std::uint32_t> operands, ir::Attr attr,
                          ir::Type hint, SourceSpan span) {
  std::size_t key = static_cast<std::size_t>(op);
  for (std::uint32_t x : operands) mix(key, x);
  mix(key, ir::hash_of(attr));
  for (std::int64_t n : hint.shape) mix(key, static_cast<std::size_t>(n));
  const auto add_span = [&](Note& n) {
    if (span.empty() || n.spans.size() >= kMaxSpans ||
        std::find(n.spans.begin(), n.spans.end(), span) != n.spans.end()) {
      return;
    }
    n.spans.push_back(span);
  };
  const auto [begin, end] = known_.equal_range(key);
  for (auto it = begin; it != end; ++it) {
    Note& n = notes_[it->second];
    if (n.op == op && op != ir::Op::kParameter && n.operands == operands && n.attr == attr &&
        n.hint == hint) {
      add_span(n);
      return it->second;
    }
  }
  std::vector<ir::Type> in;
  for (std::uint32_t x : operands) in.push_back(notes_[x].type);
  Note n;
  n.op = op;
  n.type = ir::infer(op, in, attr, hint)[0];
  n.operands = std::move(operands);
  n.attr = std::move(attr);
  n.hint = hint;
  add_span(n);
  notes_.push_back(std::move(n));
  const auto id = static_cast<std::uint32_t>(notes_.size() - 1);
  known_.emplace(key, id);
  return id;
}

const ir::Tensor* Scope::constant_value(std::uint32_t id) const {
  const Note& n = notes_[id];
  return n.op == ir::Op::kConstant ? std::get<ir::LiteralAttr>(n.attr).value.get() : nullptr;
}

std::uint32_t Scope::invariant_of(std::uint32_t id) const {
  const Note& n = notes_[id];
  return n.op == ir::Op::kParameter && n.leaf == LeafKind::kInvariant ? n.outer : UINT32_MAX;
}

std::vector<bool> Scope::live(std::span<const std::uint32_t> results) const {
  std::vector<bool> used(notes_.size(), false);
  for (std::uint32_t result : results) used[result] = true;
  for (std::size_t id = notes_.size(); id-- > 0;) {
    if (!used[id]) continue;
    for (std::uint32_t x : notes_[id].operands) used[x] = true;
  }
  return used;
}

ir::FunctionPtr Scope::replay(std::span<const std::uint32_t> results, const std::vector<bool>& used,
                              const std::vector<std::uint32_t>& parameters) const {
  ir::Builder b(name_);
  std::vector<ir::Value> image(notes_.size());
  for (std::uint32_t id : parameters) image[id] = b.param(notes_[id].type, notes_[id].name);
  for (std::uint32_t id = 0; id < notes_.size(); ++id) {
    const Note& n = notes_[id];
    if (!used[id] || n.op == ir::Op::kParameter) continue;
    std::vector<ir::Value> operands;
    for (std::uint32_t x : n.operands) operands.push_back(image[x]);
    b.set_spans(n.spans);
    const ir::Value made = b.make(n.op, operands, n.attr, n.hint);
    image[id] = ir::is_projected(n.op) ? b.project(made, 0) : made;
  }
  std::vector<ir::Value> outcome;
  for (std::uint32_t result : results) outcome.push_back(image[result]);
  return b.finish(outcome);
}

Scope::Closed Scope::close_body(std::uint32_t result) const {
  const std::vector<bool> used = live({&result, 1});
  Closed closed;
  std::vector<std::uint32_t> parameters;
  const auto find_index = [&](LeafKind kind) -> std::uint32_t {
    for (std::uint32_t id = 0; id < notes_.size(); ++id) {
      if (notes_[id].op == ir::Op::kParameter && notes_[id].leaf == kind) return id;
    }
    throw InternalError("a body has no index");
  };
  parameters.push_back(find_index(LeafKind::kIndexI));
  if (pair_) parameters.push_back(find_index(LeafKind::kIndexJ));
  for (LeafKind kind : {LeafKind::kRowI, LeafKind::kRowJ, LeafKind::kInvariant}) {
    for (std::uint32_t id = 0; id < notes_.size(); ++id) {
      const Note& n = notes_[id];
      if (n.op != ir::Op::kParameter || n.leaf != kind || !used[id]) continue;
      parameters.push_back(id);
      closed.operands.push_back(n.outer);
      if (kind == LeafKind::kRowI) ++closed.rows_i;
      if (kind == LeafKind::kRowJ) ++closed.rows_j;
    }
  }
  closed.body = replay({&result, 1}, used, parameters);
  return closed;
}

ir::FunctionPtr Scope::close_function(std::span<const std::uint32_t> results) const {
  return replay(results, live(results), parameters_);
}

}  // namespace cotangent::lang
