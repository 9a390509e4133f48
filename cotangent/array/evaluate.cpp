#include "cotangent/array/evaluate.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

#include "cotangent/array/closure.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/runtime/fault.h"
#include "cotangent/telemetry/environment.h"

namespace cotangent::array {
namespace {

void mix(std::size_t& seed, std::size_t value) {
  seed ^= value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2);
}

void mix_type(std::size_t& seed, const ir::Type& t) {
  mix(seed, static_cast<std::size_t>(t.dtype));
  for (std::int64_t n : t.shape) mix(seed, static_cast<std::size_t>(n));
}

/// Rounding as if every operation were done alone.
transform::PassOptions exact_passes() {
  transform::PassOptions options;
  options.reduce_strength = false;
  options.contract = false;
  return options;
}

std::vector<runtime::BufferPtr> new_results(const ir::Function& f) {
  std::vector<runtime::BufferPtr> results;
  for (std::size_t k = 0; k < f.results().size(); ++k) {
    const auto bytes = static_cast<std::size_t>(f.result_type(k).bytes());
    results.push_back(std::make_shared<runtime::Buffer>(bytes));
  }
  return results;
}

std::vector<runtime::BufferPtr> interpret(const ir::Function& f,
                                          std::span<const runtime::BufferPtr> arguments) {
  std::vector<ir::Tensor> in;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    in.emplace_back(f.param_type(k));
    if (in[k].bytes()) std::memcpy(in[k].data(), arguments[k]->data(), in[k].bytes());
  }
  const std::vector<ir::Tensor> out = ir::evaluate(f, in);
  std::vector<runtime::BufferPtr> results = new_results(f);
  for (std::size_t k = 0; k < out.size(); ++k) {
    if (out[k].bytes()) std::memcpy(results[k]->data(), out[k].data(), out[k].bytes());
  }
  return results;
}

}  // namespace

std::size_t structural_hash(const ir::Function& f) {
  std::size_t seed = f.size();
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    mix(seed, static_cast<std::size_t>(f.op(v)));
    for (ir::Value operand : f.operands(v)) mix(seed, operand.id);
    for (const ir::Type& t : f.result_types(v)) mix_type(seed, t);
    if (const ir::FunctionPtr body = ir::body_of(f.attr(v))) {
      mix(seed, structural_hash(*body));
    } else if (!ir::is_second_order(f.op(v))) {
      mix(seed, ir::hash_of(f.attr(v)));
    }
  }
  for (ir::Value r : f.results()) mix(seed, r.id);
  return seed;
}

double estimate_work(const ir::Function& f) {
  double total = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    const ir::Attr& attr = f.attr(v);
    double work = 0;
    for (const ir::Type& t : f.result_types(v)) work += static_cast<double>(t.size());
    for (ir::Value u : f.operands(v)) {
      const bool reads_all = ir::info(f.op(v)).kind == ir::OpKind::kReduce;
      if (reads_all) work += static_cast<double>(f.type(u).size());
    }
    if (const auto* dot = std::get_if<ir::DotAttr>(&attr)) {
      const Shape& x = f.type(f.operand(v, 0)).shape;
      for (std::int64_t k : dot->contract_x) work *= static_cast<double>(x[static_cast<int>(k)]);
    }
    if (ir::is_second_order(f.op(v))) {
      double times = 1e6;  // whatever runs an unknown number of times is compiled
      if (const auto* a = std::get_if<ir::MapAttr>(&attr)) times = static_cast<double>(a->count);
      if (const auto* a = std::get_if<ir::LoopAttr>(&attr)) times = static_cast<double>(a->trip);
      if (const auto* a = std::get_if<ir::PairAttr>(&attr)) {
        times = static_cast<double>(a->count) * static_cast<double>(a->count);
      }
      const ir::FunctionPtr body = ir::body_of(attr);
      work += times * (body ? estimate_work(*body) : 1.0);
    }
    total += work;
  }
  return total;
}

// --- faults

void throw_if_faulty(const void* record, std::span<const transform::FaultSite> checks,
                     const std::string& program) {
  std::array<std::int64_t, 4> fault;
  std::memcpy(fault.data(), record, sizeof fault);
  if (const auto found = runtime::read_fault(fault)) runtime::throw_fault(*found, checks, program);
}

// --- the context

struct Context::State {
  struct Entry {
    ir::FunctionPtr asked;                     ///< before passes: the key
    ir::FunctionPtr ready;                     ///< after passes
    std::vector<transform::FaultSite> checks;  ///< with any, the last result is the fault
    runtime::ExecutablePtr code;
    std::int64_t uses = 0;
    std::uint64_t last = 0;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  mutable std::mutex mutex;
  Options options;
  Statistics statistics;
  std::uint64_t clock = 0;
  std::unordered_multimap<std::size_t, EntryPtr> entries;

  runtime::CompileOptions compile_options() const {
    runtime::CompileOptions o;
    o.threads = options.threads > 0 ? options.threads : runtime::host_threads();
    o.telemetry = options.telemetry ? options.telemetry : telemetry::from_environment();
    return o;
  }

  /// Remembers code whose calls are counted, to tell of them at the end. Under the mutex.
  void watch(const runtime::ExecutablePtr& code, const telemetry::Telemetry* listener) {
    if (listener && listener->wants(telemetry::Detail::kKernels)) watched.push_back(code);
  }
  void tell() const {
    for (const runtime::ExecutablePtr& code : watched) {
      const runtime::CallStats stats = code->stats();
      const kernel::Cost cost = code->cost();
      if (stats.calls == 0) continue;
      const double units = cost.per_step ? 0 : static_cast<double>(stats.calls);
      compile_options().telemetry->debug("kernel " + code->program()->name() + ": " +
                                         text_of(stats, cost, units));
    }
  }
  std::vector<runtime::ExecutablePtr> watched;

  /// The entry of this structure, made when it is new. Under the mutex.
  EntryPtr find(const ir::FunctionPtr& f) {
    const std::size_t key = structural_hash(*f);
    const auto [begin, end] = entries.equal_range(key);
    for (auto it = begin; it != end; ++it) {
      if (ir::structurally_equal(*it->second->asked, *f)) {
        ++statistics.cache_hits;
        return it->second;
      }
    }
    if (entries.size() >= std::max<std::size_t>(options.max_programs, 1)) drop_oldest();
    auto made = std::make_shared<Entry>();
    made->asked = f;
    entries.emplace(key, made);
    return made;
  }

  void drop_oldest() {
    const auto oldest = std::min_element(
        entries.begin(), entries.end(),
        [](const auto& a, const auto& b) { return a.second->last < b.second->last; });
    if (oldest != entries.end()) entries.erase(oldest);
  }
};

Context::Context() : Context(Options{}) {}

static void check_options(const Context::Options& options) {
  if (options.threads < 0 || options.threads > Context::kMostThreads) {
    throw UserError("Context: " + std::to_string(options.threads) + " threads",
                    "give 1 to " + std::to_string(Context::kMostThreads) +
                        ", or 0 for as many as the machine has");
  }
}

Context::Context(Options options) : state_(std::make_unique<State>()) {
  check_options(options);
  state_->options = options;
}

Context::~Context() {
  state_->tell();
}

Context::Options Context::options() const {
  const std::lock_guard lock(state_->mutex);
  return state_->options;
}

void Context::set_options(Options options) {
  check_options(options);
  const std::lock_guard lock(state_->mutex);
  state_->options = options;
  state_->entries.clear();
}

Context::Statistics Context::statistics() const {
  const std::lock_guard lock(state_->mutex);
  return state_->statistics;
}

void Context::clear() {
  const std::lock_guard lock(state_->mutex);
  state_->entries.clear();
}

std::vector<runtime::BufferPtr> Context::run(const ir::FunctionPtr& f,
                                             std::span<const runtime::BufferPtr> arguments) {
  State::EntryPtr entry;
  ir::FunctionPtr program;
  std::vector<transform::FaultSite> checks;
  runtime::ExecutablePtr code;
  runtime::CompileOptions how;
  bool interpreted = false;
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->statistics.evaluations;
    entry = state_->find(f);
    entry->last = ++state_->clock;
    ++entry->uses;
    program = entry->ready;
    checks = entry->checks;
    code = entry->code;
    interpreted = !code && entry->uses < state_->options.compile_at_use &&
                  estimate_work(*f) <= state_->options.interpret_below;
    if (interpreted) ++state_->statistics.interpreted;
    how = state_->compile_options();
    if (!interpreted && !code) ++state_->statistics.compilations;
  }
  // Compilation is outside the lock: two threads may do it twice, to the same end.
  if (!program) {
    transform::Exposed exposed{f, {}};
    if (f->has_checks()) exposed = transform::expose_faults(*f);
    transform::PassOptions passes = exact_passes();
    passes.telemetry = how.telemetry;
    program = transform::run_passes(exposed.program, passes);
    checks = std::move(exposed.sites);
    const std::lock_guard lock(state_->mutex);
    entry->ready = program;
    entry->checks = checks;
  }
  const auto checked = [&](std::vector<runtime::BufferPtr> results) {
    if (checks.empty()) return results;
    throw_if_faulty(results.back()->data(), checks, "lazy evaluation");
    results.pop_back();
    return results;
  };
  if (interpreted) return checked(interpret(*program, arguments));
  if (!code) {
    how.passes = false;
    code = runtime::compile(program, how);
    const std::lock_guard lock(state_->mutex);
    entry->code = code;
    state_->watch(code, how.telemetry);
  }
  std::vector<runtime::BufferPtr> results = new_results(*program);
  std::vector<const void*> in;
  for (const runtime::BufferPtr& b : arguments) in.push_back(b->data());
  std::vector<void*> out;
  for (const runtime::BufferPtr& b : results) out.push_back(b->data());
  code->call_raw(in, out);
  return checked(std::move(results));
}

runtime::ExecutablePtr Context::compile(const ir::FunctionPtr& f) {
  runtime::CompileOptions how;
  {
    const std::lock_guard lock(state_->mutex);
    how = state_->compile_options();
    ++state_->statistics.compilations;
  }
  const runtime::ExecutablePtr code = runtime::compile(f, how);
  const std::lock_guard lock(state_->mutex);
  state_->watch(code, how.telemetry);
  return code;
}

Context& default_context() {
  static Context context;
  return context;
}

std::recursive_mutex& graph_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

// --- evaluation

void evaluate_nodes(std::span<const NodePtr> nodes) {
  if (std::all_of(nodes.begin(), nodes.end(), [](const NodePtr& n) { return n->is_ready(); })) {
    return;
  }
  Pending pending;
  std::vector<runtime::BufferPtr> arguments;
  {
    const std::lock_guard lock(graph_mutex());
    pending = pending_program(nodes);
    for (const NodePtr& c : pending.captures) arguments.push_back(c->buffer);
  }
  const auto results = default_context().run(pending.function, arguments);
  const std::lock_guard lock(graph_mutex());
  for (std::size_t k = 0; k < results.size(); ++k) {
    const Node& node = *pending.kept[k];
    if (node.is_ready()) continue;
    node.buffer = results[k];
    node.depth.store(0, std::memory_order_relaxed);
    node.ready.store(true, std::memory_order_release);
  }
  // Operands go after all are ready: they may hold the last handle of one another.
  std::vector<NodePtr> released;
  for (const NodePtr& node : pending.kept) {
    for (NodePtr& operand : node->operands) released.push_back(std::move(operand));
    node->operands.clear();
    node->attr = {};
    node->callee = nullptr;
  }
}

const runtime::BufferPtr& buffer_of(const NodePtr& node) {
  if (!node->is_ready()) evaluate_nodes(std::span(&node, 1));
  return node->buffer;
}

}  // namespace cotangent::array
