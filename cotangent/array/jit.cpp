#include "cotangent/array/jit.h"

#include <algorithm>
#include <array>

#include "cotangent/array/closure.h"
#include "cotangent/array/evaluate.h"

namespace cotangent::array::jit_detail {

struct RecordingState {
  TracePtr trace;
};

Recording::Recording(std::string what)
    : state_(std::make_shared<RecordingState>(
          RecordingState{std::make_shared<Trace>(std::move(what))})) {}

Recording::~Recording() {
  state_->trace->running = false;
}

Array Recording::parameter(DType dtype, const Shape& shape, bool weak) {
  return Array(make_parameter(ir::Type{dtype, shape}, weak, state_->trace));
}

std::vector<Array> Recording::parameters_like(std::span<const Array> leaves) {
  std::vector<Array> made;
  for (const Array& x : leaves) made.push_back(parameter(x.dtype(), x.shape(), x.is_weak()));
  return made;
}

std::uint64_t Recording::serial() const {
  return state_->trace->serial;
}

std::shared_ptr<const Program> Cache::find(const Key& key) const {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.types != key.types || entry.leaves.size() != key.leaves.size() ||
        entry.structure != key.structure) {
      continue;
    }
    bool same = true;
    for (std::size_t k = 0; same && k < key.leaves.size(); ++k) {
      const Leaf& leaf = entry.leaves[k];
      const Array& x = *key.leaves[k];
      same = leaf.dtype == x.dtype() && leaf.weak == x.is_weak() && leaf.shape == x.shape();
    }
    if (same) return entry.program;
  }
  return nullptr;
}

void Cache::add(const Key& key, std::shared_ptr<const Program> program) {
  Entry entry{key.types, key.structure, {}, std::move(program)};
  for (const Array* x : key.leaves) {
    entry.leaves.push_back({x->dtype(), x->is_weak(), x->shape()});
  }
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
}

std::size_t Cache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

std::shared_ptr<Program> compile(const Recording& recording, std::span<const Array> parameters,
                                 std::span<const Array> results) {
  auto program = std::make_shared<Program>();
  std::vector<NodePtr> before, ends;
  for (const Array& p : parameters) before.push_back(p.node());
  for (const Array& r : results) {
    ends.push_back(r.node());
    program->weak.push_back(r.is_weak());
  }
  if (ends.empty()) return program;
  const Closure closure = close_over("jit", ends, before, {}, recording.serial(), Capture::kFrozen);
  if (!closure.function) return nullptr;
  for (const NodePtr& c : closure.captures) {
    program->captured.push_back(c->buffer);
    program->captured_data.push_back(c->buffer->data());
  }
  program->code = default_context().compile(closure.function);
  return program;
}

std::vector<Array> run(const Program& program, std::span<const Array* const> arguments) {
  if (!program.code) return {};
  std::vector<const void*> in;
  in.reserve(arguments.size() + program.captured_data.size());
  if (!std::all_of(arguments.begin(), arguments.end(),
                   [](const Array* x) { return x->is_evaluated(); })) {
    std::vector<NodePtr> pending;
    for (const Array* x : arguments) pending.push_back(x->node());
    evaluate_nodes(pending);
  }
  for (const Array* x : arguments) in.push_back(x->node()->buffer->data());
  in.insert(in.end(), program.captured_data.begin(), program.captured_data.end());
  const ir::Function& f = *program.code->program();
  const bool checked = !program.code->checks().empty();
  const std::size_t n = f.results().size() - (checked ? 1 : 0);
  std::array<std::int64_t, 4> fault;
  std::vector<Array> results;
  std::vector<void*> out;
  results.reserve(n);
  out.reserve(n);
  for (std::size_t k = 0; k < n; ++k) {
    const ir::Type type = f.result_type(k);
    auto buffer = std::make_shared<runtime::Buffer>(static_cast<std::size_t>(type.bytes()));
    out.push_back(buffer->data());
    results.push_back(Array(make_buffer(type, std::move(buffer), program.weak[k])));
  }
  if (checked) out.push_back(fault.data());
  program.code->call_raw(in, out);
  if (checked) throw_if_faulty(fault.data(), program.code->checks(), f.name());
  return results;
}

}  // namespace cotangent::array::jit_detail
