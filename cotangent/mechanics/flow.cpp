// The run driver: calls the chunk program again and again, and keeps what it observes.
#include "cotangent/mechanics/flow.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <mutex>

#include "cotangent/ir/text.h"
#include "cotangent/mechanics/callable.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/state_hash.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;
using Clock = std::chrono::steady_clock;

constexpr double kChunkSeconds = 0.05;
constexpr double kProgressSeconds = 0.05;
constexpr std::int64_t kMaxTrip = std::int64_t{1} << 20;
// Room for the samples of one chunk: it is cleared at every call, so it stays small beside ~50 ms.
constexpr std::int64_t kOutputBytes = std::int64_t{1} << 20;
// The start program is called twice a run: for a state of so few numbers, code that is quickly
// made.
constexpr std::int64_t kHasty = 1000;
constexpr std::int64_t kGrowth = 16;  // from one chunk to the next while the speed is not known

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The programs for one list of outputs.
struct Variant {
  std::vector<Output> outputs;
  std::int64_t trip = 1;
  Callable start, chunk;
};

/// Steps a chunk can hold so that its samples fit in kOutputBytes (but at least one step).
std::int64_t trip_for(const std::vector<Output>& outputs, std::int64_t steps) {
  std::int64_t trip = std::clamp<std::int64_t>(steps, 1, kMaxTrip);
  const auto bytes = [&](std::int64_t n) {
    std::int64_t sum = 0;
    for (const Output& o : outputs) sum += (n + o.every - 1) / o.every * o.type.bytes();
    return sum;
  };
  while (trip > 1 && bytes(trip) > std::max(kOutputBytes, bytes(1))) trip = (trip + 1) / 2;
  return trip;
}

class FlowImpl;

/// One run: the carry, the samples, the clock.
class Run {
 public:
  Run(const FlowImpl& flow, const Variant& variant, const RunControl& control,
      const InitialState& initial, std::int64_t steps);
  RunResult go();

 private:
  struct Sink {  // where output k goes
    Series* series = nullptr;
    Invariant* invariant = nullptr;
  };

  void prepare_series();
  void first_samples();
  void final_samples();
  std::vector<Tensor> call_start(const Tensor& t, Carry& gradient);
  void call_chunk(const Carry& from, Carry& to, std::int64_t first, std::int64_t count);
  void harvest(std::int64_t first, std::int64_t count);
  void add_sample(std::size_t output, std::int64_t step, const double* value);
  void announce();
  void stop_at_fault(std::int64_t first, std::int64_t count);
  std::int64_t next_count(std::int64_t done) const;
  void note_speed(std::int64_t count, double seconds);
  void report(std::int64_t done, double seconds, bool last);
  double time(std::int64_t step) const { return std::fma(static_cast<double>(step), dt_, t0_); }
  void close_invariants();

  const FlowImpl& flow_;
  const Variant& variant_;
  const RunControl& control_;
  std::int64_t steps_;
  double t0_, dt_;
  Tensor t0_tensor_, dt_tensor_, velocity_;
  Carry carry_, next_;
  std::vector<Tensor> samples_;  ///< one buffer an output, as the chunk gives them
  RunResult result_;
  std::vector<std::vector<Sink>> sinks_;
  std::vector<std::pair<const Series*, std::size_t>> announced_;
  std::vector<double> scales_;
  std::int64_t growing_ = 1;
  std::size_t split_ = 0;
  std::int64_t split_left_ = 0;
  double last_report_ = -1;
};

class FlowImpl final : public Flow {
 public:
  FlowImpl(const System& system, const Facts& facts, const Plan& plan, const FlowOptions& options)
      : system(system), facts(facts), plan_(plan), options_(options) {
    const Clock::time_point start = Clock::now();
    {
      const telemetry::Span span(options.telemetry, "derivatives and passes");
      pieces = make_pieces(system, plan.arithmetic, true, options.telemetry);
    }
    made_[options.trajectory] = make_variant(options.trajectory);
    {
      const telemetry::Span span(options.telemetry, "step program");
      step_ = mechanics::step_program(pieces, plan.composition);
    }
    compile_s_ = seconds_since(start);
  }

  RunResult run(const InitialState& initial, std::int64_t steps,
                const RunControl& control) const override {
    const Variant& v = variant(control.record_trajectory);
    const auto& chunk = v.chunk.executable();
    const runtime::CallStats before = chunk ? chunk->stats() : runtime::CallStats{};
    RunResult result = Run(*this, v, control, initial, steps).go();
    result.compile_s = compile_s_;
    if (chunk) report_kernel(*chunk, before, result.steps);
    return result;
  }

  std::string program_text() const override {
    return ir::print(*variant(options_.trajectory).chunk.function(), 64);
  }
  std::string kernels_text() const override {
    const auto& e = variant(options_.trajectory).chunk.executable();
    return e ? e->kernels_text() : "none: this flow runs on the reference evaluator\n";
  }
  std::string code_text() const override {
    const auto& e = variant(options_.trajectory).chunk.executable();
    return e ? e->code_text() : "";
  }
  double compile_seconds() const override { return compile_s_; }
  bool code_was_cached() const override {
    const auto& e = variant(options_.trajectory).chunk.executable();
    return e && e->times().cached;
  }
  ir::FunctionPtr step_program() const override { return step_; }
  const Plan& plan() const override { return plan_; }

  System system;
  Facts facts;
  Pieces pieces;

 private:
  /// What the chunk kernel did in a run of so many steps, to those who ask for kernels.
  void report_kernel(const runtime::Executable& chunk, const runtime::CallStats& before,
                     std::int64_t steps) const {
    if (!options_.telemetry || !options_.telemetry->wants(telemetry::Detail::kKernels)) return;
    const runtime::CallStats after = chunk.stats();
    const runtime::CallStats here{after.calls - before.calls, after.seconds - before.seconds};
    options_.telemetry->debug("kernel " + chunk.program()->name() + ": " +
                              runtime::text_of(here, chunk.cost(), static_cast<double>(steps)));
  }

  const Variant& variant(bool trajectory) const {
    const std::lock_guard lock(mutex_);
    if (!made_[trajectory]) made_[trajectory] = make_variant(trajectory);
    return *made_[trajectory];
  }

  std::unique_ptr<const Variant> make_variant(bool trajectory) const {
    auto v = std::make_unique<Variant>();
    telemetry::Span making(options_.telemetry, "programs of the run");
    v->outputs = make_outputs(system, facts, plan_, trajectory, options_.telemetry);
    v->trip = trip_for(v->outputs, plan_.steps);
    const ir::FunctionPtr programs[] = {
        start_program(pieces, v->outputs),
        chunk_program(pieces, plan_.composition, v->outputs, v->trip)};
    making.close();
    runtime::ExecutablePtr start, chunk;
    if (!options_.reference) {
      runtime::CompileOptions o;
      o.threads = options_.threads > 0 ? options_.threads : runtime::host_threads();
      o.vector_bits = options_.vector_bits;
      o.cpu = options_.cpu;
      o.keep_code = options_.keep_code;
      o.cache = options_.cache;
      o.telemetry = options_.telemetry;
      o.passes = false;  // the pieces went through them, each once (programs.h)
      runtime::CompileOptions hasty = o;
      hasty.keep_code = false;
      if (system.shape.size() <= kHasty) hasty.optimize = 0;
      // Side by side, each by one thread.
      auto making_start = std::async(o.threads > 1 ? std::launch::async : std::launch::deferred,
                                     [&] { return runtime::compile(programs[0], hasty); });
      chunk = runtime::compile(programs[1], o);
      start = making_start.get();
    }
    v->start = Callable(programs[0], std::move(start));
    v->chunk = Callable(programs[1], std::move(chunk));
    return v;
  }

  Plan plan_;
  FlowOptions options_;
  ir::FunctionPtr step_;
  double compile_s_ = 0;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<const Variant> made_[2];  // without and with the trajectory
};

Run::Run(const FlowImpl& flow, const Variant& variant, const RunControl& control,
         const InitialState& initial, std::int64_t steps)
    : flow_(flow),
      variant_(variant),
      control_(control),
      steps_(steps),
      t0_(initial.t),
      dt_(control.reverse ? -flow.plan().dt : flow.plan().dt) {
  if (steps < 0) throw UserError("the number of steps is negative");
  check_state(flow.system, initial.q, "q");
  const Tensor p = initial.p ? *initial.p : momentum_from_velocity(flow.system, initial);
  check_state(flow.system, p, "p");
  t0_tensor_ = Tensor::scalar_of<double>(t0_);
  dt_tensor_ = Tensor::scalar_of<double>(dt_);
  for (const auto* error : {&initial.q_error, &initial.p_error}) {
    if (*error)
      check_state(flow.system, **error, error == &initial.q_error ? "q_error" : "p_error");
  }
  carry_ = Carry(flow.pieces.arithmetic, initial, p);
  next_ = Carry(flow.pieces.arithmetic, flow.system.shape);
  velocity_ = Tensor(ir::Type{DType::kF64, flow.system.shape});
  prepare_series();
}

void Run::prepare_series() {
  using Kind = Output::Kind;
  // Counted first, so that pointers into the vectors stay good.
  std::size_t invariants = 0, observables = 0;
  for (const Output& o : variant_.outputs) {
    invariants +=
        o.kind == Kind::kEnergy || o.kind == Kind::kMomentum || o.kind == Kind::kAngularMomentum;
    observables += o.kind == Kind::kObservable;
  }
  const std::size_t terms = flow_.system.terms.size();
  result_.invariants.reserve(invariants);
  result_.observables.reserve(observables);
  result_.energy_terms.reserve(terms + 1);
  result_.trajectory.reserve(2);
  const auto series = [](const Output& o, std::string name, Shape shape) {
    Series s;
    s.name = std::move(name);
    s.shape = shape;
    s.every = o.every;
    return s;
  };
  const auto invariant = [&](const Output& o, const char* fact, Shape shape) {
    Invariant i;
    i.name = o.name;
    i.how = flow_.facts.find(fact).how;
    i.series = series(o, o.name, shape);
    result_.invariants.push_back(std::move(i));
    return &result_.invariants.back();
  };
  for (const Output& o : variant_.outputs) {
    std::vector<Sink> to;
    switch (o.kind) {
      case Kind::kEnergy:
        for (std::size_t k = 0; k <= terms; ++k) {
          const std::string name = k < terms ? flow_.system.terms[k].name : "energy";
          result_.energy_terms.push_back(series(o, name, {}));
          to.push_back({&result_.energy_terms.back(), nullptr});
        }
        if (!flow_.facts.holds("time_dependent")) {
          Invariant* i = invariant(o, "time_dependent", {});
          to.push_back({&i->series, i});
        }
        break;
      case Kind::kMomentum:
      case Kind::kAngularMomentum: {
        Invariant* i =
            invariant(o, o.kind == Kind::kMomentum ? "translation_invariant" : "rotation_invariant",
                      o.type.shape);
        to.push_back({&i->series, i});
        break;
      }
      case Kind::kObservable:
        result_.observables.push_back(series(o, o.name, o.type.shape));
        to.push_back({&result_.observables.back(), nullptr});
        break;
      case Kind::kPosition:
      case Kind::kMomenta:
        result_.trajectory.push_back(series(o, o.name, o.type.shape));
        to.push_back({&result_.trajectory.back(), nullptr});
        break;
    }
    for (const Sink& s : to) announced_.emplace_back(s.series, 0);
    sinks_.push_back(std::move(to));
    const std::int64_t rows = (variant_.trip + o.every - 1) / o.every;
    samples_.emplace_back(o.type.with_shape(o.type.shape.with_leading(rows)));
  }
}

void Run::add_sample(std::size_t output, std::int64_t step, const double* value) {
  const Output& o = variant_.outputs[output];
  const auto n = static_cast<std::size_t>(o.type.size());
  for (std::size_t k = 0; k < sinks_[output].size(); ++k) {
    const Sink& sink = sinks_[output][k];
    Series& s = *sink.series;
    s.step.push_back(step);
    s.t.push_back(time(step));
    const double* begin = value;
    std::size_t length = n;
    if (o.kind == Output::Kind::kEnergy) {  // terms, total; the invariant is the total again
      begin = value + std::min(k, n - 1);
      length = 1;
    }
    s.values.insert(s.values.end(), begin, begin + length);
    if (!sink.invariant) continue;
    for (std::size_t c = 0; c < length; ++c) {
      const double error = std::abs(begin[c] - s.values[c]);
      // A sample that is not finite stays the largest: no later one hides it.
      double& most = sink.invariant->max_abs_error;
      if (!std::isnan(most) && !(error <= most)) most = error;
    }
  }
}

/// Observes carry_ with the start program: one value an output. v and the gradient come with it.
std::vector<Tensor> Run::call_start(const Tensor& t, Carry& gradient) {
  std::vector<const Tensor*> args;
  for (Part part : state_parts(flow_.pieces.arithmetic)) args.push_back(&carry_[part]);
  args.push_back(&t);
  for (const Parameter& x : flow_.system.parameters) args.push_back(&x.value);
  std::vector<Tensor> observed;
  for (const Output& o : variant_.outputs) observed.emplace_back(o.type);
  std::vector<Tensor*> results = {&gradient[Part::kGradient]};
  if (flow_.pieces.arithmetic.pairs) results.push_back(&gradient[Part::kGradientError]);
  results.push_back(&velocity_);
  for (Tensor& x : observed) results.push_back(&x);
  variant_.start.call(args, results);
  return observed;
}

void Run::first_samples() {
  const std::vector<Tensor> observed = call_start(t0_tensor_, carry_);
  for (std::size_t k = 0; k < observed.size(); ++k) {
    add_sample(k, 0, observed[k].as<double>().data());
  }
}

/// v at the end, and a sample of everything that has none at the last step.
void Run::final_samples() {
  const Tensor t = Tensor::scalar_of<double>(time(result_.steps));
  Carry ignored(flow_.pieces.arithmetic, flow_.system.shape);
  const std::vector<Tensor> observed = call_start(t, ignored);
  for (std::size_t k = 0; k < observed.size(); ++k) {
    if (!sinks_[k].empty() && sinks_[k][0].series->step.back() == result_.steps) continue;
    add_sample(k, result_.steps, observed[k].as<double>().data());
  }
}

void Run::call_chunk(const Carry& from, Carry& to, std::int64_t first, std::int64_t count) {
  const Tensor first_tensor = Tensor::scalar_of<std::int64_t>(first);
  const Tensor count_tensor = Tensor::scalar_of<std::int64_t>(count);
  std::vector<const Tensor*> args;
  std::vector<Tensor*> results;
  for (Part part : carried_parts(flow_.pieces.arithmetic)) {
    args.push_back(&from[part]);
    results.push_back(&to[part]);
  }
  args.insert(args.end(), {&first_tensor, &count_tensor, &t0_tensor_, &dt_tensor_});
  for (const Parameter& x : flow_.system.parameters) args.push_back(&x.value);
  for (Tensor& x : samples_) results.push_back(&x);
  variant_.chunk.call(args, results);
}

void Run::harvest(std::int64_t first, std::int64_t count) {
  for (std::size_t k = 0; k < samples_.size(); ++k) {
    const Output& o = variant_.outputs[k];
    const std::int64_t before = first / o.every;
    const std::int64_t n = o.type.size();
    const double* values = samples_[k].as<double>().data();
    for (std::int64_t m = before + 1; m * o.every <= first + count; ++m) {
      add_sample(k, m * o.every, values + (m - before - 1) * n);
    }
  }
}

void Run::announce() {
  if (!control_.on_samples) return;
  for (auto& [series, told] : announced_) {
    if (series->step.size() == told) continue;
    control_.on_samples(*series, static_cast<std::int64_t>(told));
    told = series->step.size();
  }
}

std::int64_t Run::next_count(std::int64_t done) const {
  std::int64_t n = growing_;
  if (!control_.chunks.empty()) {
    n = split_left_ > 0 ? split_left_ : steps_;
  } else if (control_.chunk > 0) {
    n = control_.chunk;
  }
  return std::clamp<std::int64_t>(n, 1, std::min(variant_.trip, steps_ - done));
}

void Run::note_speed(std::int64_t count, double seconds) {
  if (!control_.chunks.empty()) {
    split_left_ -= count;
    while (split_left_ <= 0 && split_ < control_.chunks.size()) {
      split_left_ = control_.chunks[split_++];
    }
    return;
  }
  const double ideal = kChunkSeconds / std::max(seconds, 1e-9) * static_cast<double>(count);
  const double most = static_cast<double>(count * kGrowth);
  growing_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(ideal, most)));
}

void Run::report(std::int64_t done, double seconds, bool last) {
  if (!control_.progress || (!last && seconds - last_report_ < kProgressSeconds)) return;
  last_report_ = seconds;
  Progress progress;
  progress.step = done;
  progress.steps = steps_;
  progress.t = time(done);
  progress.seconds = seconds;
  if (!result_.invariants.empty() && result_.invariants[0].name == "energy") {
    const Invariant& e = result_.invariants[0];
    const double scale = std::abs(e.series.values[0]);
    progress.energy_error = scale > 0 ? e.max_abs_error / scale : e.max_abs_error;
  }
  control_.progress(progress);
}

/// The chunk that began at `first` from carry_ ended in a state that is not finite: finds the first
/// such step by bisection (a state once not finite stays so), keeps what was good, names the cause.
void Run::stop_at_fault(std::int64_t first, std::int64_t count) {
  std::int64_t good = 0, bad = count;
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    call_chunk(carry_, next_, first, middle);
    (next_.non_finite() ? bad : good) = middle;
  }
  if (good > 0) {
    call_chunk(carry_, next_, first, good);
    harvest(first, good);
    std::swap(carry_, next_);
  }
  result_.status = RunStatus::kNonFinite;
  result_.steps = first + good;
  NonFinite fault = find_non_finite(flow_.system, flow_.pieces, flow_.plan().composition, carry_,
                                    result_.steps, t0_, dt_);
  fault.step = result_.steps + 1;
  fault.t = time(fault.step);
  result_.fault = std::move(fault);
}

double row_norm_sum(const Tensor& q, const Tensor* p) {
  const bool scalars = q.type().shape.rank() == 1;
  const std::int64_t rows = q.type().shape[0];
  const std::int64_t d = scalars ? 1 : q.type().shape[1];
  double sum = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    double qq = 0, pp = 0;
    for (std::int64_t k = 0; k < d; ++k) {
      qq += static_cast<double>(q.real(i * d + k) * q.real(i * d + k));
      if (p) pp += static_cast<double>(p->real(i * d + k) * p->real(i * d + k));
    }
    sum += std::sqrt(qq) * (p ? std::sqrt(pp) : 1);
  }
  return sum;
}

/// The sum of the magnitudes of what a momentum is the sum of.
double momentum_scale(const Invariant& i, const Carry& c) {
  if (i.name == "momentum") return row_norm_sum(c[Part::kP], nullptr);
  const Shape& s = c[Part::kQ].type().shape;
  if (s.rank() == 2) return row_norm_sum(c[Part::kQ], &c[Part::kP]);
  const Shape row = s.with_leading(1);
  const Tensor q = c.whole(Part::kQ).reshaped(row), p = c.whole(Part::kP).reshaped(row);
  return row_norm_sum(q, &p);
}

void Run::close_invariants() {
  std::size_t which = 0;
  for (Invariant& i : result_.invariants) {
    if (i.name == "energy") {
      i.scale = std::abs(i.series.values.front());
      if (i.scale == 0) {
        for (std::size_t k = 0; k + 1 < result_.energy_terms.size(); ++k) {
          i.scale += std::abs(result_.energy_terms[k].values.front());
        }
      }
    } else {
      i.scale = std::max(scales_[which], momentum_scale(i, carry_));
    }
    ++which;
    i.max_rel_error = i.scale > 0 ? i.max_abs_error / i.scale : i.max_abs_error;
  }
}

RunResult Run::go() {
  first_samples();
  for (const Invariant& i : result_.invariants) {
    scales_.push_back(i.name == "energy" ? 0 : momentum_scale(i, carry_));
  }
  note_speed(0, 0);  // takes the first entry of an explicit split
  growing_ = 1;
  announce();
  const Clock::time_point start = Clock::now();
  double before = 0;
  std::int64_t done = 0;
  while (done < steps_) {
    if (control_.interrupted && control_.interrupted()) {
      result_.status = RunStatus::kInterrupted;
      break;
    }
    const std::int64_t count = next_count(done);
    call_chunk(carry_, next_, done, count);
    if (next_.non_finite()) {
      stop_at_fault(done, count);
      done = result_.steps;
      break;
    }
    harvest(done, count);
    std::swap(carry_, next_);
    done += count;
    const double now = seconds_since(start);
    note_speed(count, now - before);
    before = now;
    announce();
    report(done, now, done == steps_);
  }
  result_.run_s = seconds_since(start);
  result_.steps = done;
  result_.t = time(done);
  final_samples();
  announce();
  close_invariants();
  StateHash hash;
  for (Part part : carried_parts(flow_.pieces.arithmetic)) hash.add(carry_[part]);
  result_.state_hash = hash.text();
  result_.q = carry_.whole(Part::kQ);
  result_.p = carry_.whole(Part::kP);
  result_.q_error = carry_.error(Part::kQ);
  result_.p_error = carry_.error(Part::kP);
  result_.v = velocity_;
  return std::move(result_);
}

}  // namespace

std::shared_ptr<const Flow> Flow::compile(const System& system, const Facts& facts,
                                          const Plan& plan, const FlowOptions& options) {
  return std::make_shared<FlowImpl>(system, facts, plan, options);
}

}  // namespace cotangent::mechanics
