// The run driver: calls the chunk program again and again, and keeps what it observes.
#include "cotangent/mechanics/run_driver.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/early_stop.h"
#include "cotangent/mechanics/state_hash.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;
using Clock = std::chrono::steady_clock;

constexpr double kProgressSeconds = 0.05;
constexpr std::int64_t kLooks = 64;   // at the energy, by a run that may be stopped
constexpr std::int64_t kGrowth = 16;  // from one chunk to the next while the speed is not known

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// One run: the carry, the samples, the clock.
class Run {
 public:
  Run(const System& system, const Facts& facts, const Machine& machine, const RunClock& clock,
      const RunControl& control, const InitialState& initial, std::int64_t steps, bool stop);
  RunResult go();

 private:
  struct Sink {  // where output k goes
    Series* series = nullptr;
    Invariant* invariant = nullptr;
  };

  void prepare_series();
  void first_samples();
  void final_samples();
  void harvest(std::int64_t first, std::int64_t count);
  void add_sample(std::size_t output, std::int64_t step, const double* value);
  void announce();
  bool advance(std::int64_t first, std::int64_t count);
  void stop_at_fault(std::int64_t first, std::int64_t count);
  bool refuse_energy();
  std::int64_t next_count(std::int64_t done) const;
  void note_speed(std::int64_t count, double seconds);
  void report(std::int64_t done, double seconds, bool last);
  double time(std::int64_t step) const { return clock_.time(step); }
  void close_invariants();
  std::optional<std::string> wrong_energy() const;
  bool stops(std::int64_t done);

  const System& system_;
  const Facts& facts_;
  const Machine& machine_;
  const RunClock clock_;
  const RunControl& control_;
  std::int64_t steps_;
  Arrays carry_, next_;
  SeenState seen_;
  Arrays samples_;  ///< as the chunk gives them
  RunResult result_;
  std::vector<std::vector<Sink>> sinks_;
  std::vector<std::pair<const Series*, std::size_t>> announced_;
  std::vector<double> scales_;
  std::int64_t growing_ = 1;
  std::size_t split_ = 0;
  std::int64_t split_left_ = 0;
  double last_report_ = -1;
  std::int64_t watched_ = 0;  ///< the energy is looked at after every so many steps; 0: it is not
  std::string failed_;        ///< the check that stopped the last call of `advance`
};

Run::Run(const System& system, const Facts& facts, const Machine& machine, const RunClock& clock,
         const RunControl& control, const InitialState& initial, std::int64_t steps, bool stop)
    : system_(system),
      facts_(facts),
      machine_(machine),
      clock_(clock),
      control_(control),
      steps_(steps),
      carry_(machine.begin(initial, clock)),
      next_(machine.room()),
      samples_(machine.room_for_samples()) {
  prepare_series();
  if (!stop || result_.invariants.empty() || result_.invariants[0].name != "energy") return;
  const std::int64_t every = result_.invariants[0].series.every;
  watched_ = every * std::max<std::int64_t>(StopRules{}.samples, steps / every / kLooks);
}

void Run::prepare_series() {
  using Kind = Output::Kind;
  const std::size_t terms = system_.terms.size();
  // Room first, so that pointers into the vectors stay good.
  const std::size_t outputs = machine_.outputs().size();
  result_.invariants.reserve(outputs);
  result_.observables.reserve(outputs);
  result_.energy_terms.reserve(terms + 1);
  result_.trajectory.reserve(outputs);
  const auto series = [](const Output& o, std::string name, Shape shape) {
    Series s;
    s.name = std::move(name);
    s.shape = shape;
    s.every = o.every;
    return s;
  };
  const auto invariant = [&](const Output& o, Shape shape) {
    Invariant i;
    i.name = o.name;
    i.how = o.how;
    i.series = series(o, o.name, shape);
    result_.invariants.push_back(std::move(i));
    return Sink{&result_.invariants.back().series, &result_.invariants.back()};
  };
  const auto kept = [&](std::vector<Series>& list, const Output& o, std::string name, Shape shape) {
    list.push_back(series(o, std::move(name), shape));
    return Sink{&list.back(), nullptr};
  };
  for (const Output& o : machine_.outputs()) {
    std::vector<Sink> to;
    switch (o.kind) {
      case Kind::kEnergy:
        for (std::size_t k = 0; k <= terms; ++k) {
          const std::string name = k < terms ? system_.terms[k].name : "energy";
          to.push_back(kept(result_.energy_terms, o, name, {}));
        }
        if (energy_is_kept(system_, facts_)) to.push_back(invariant(o, {}));
        break;
      case Kind::kMomentum:
      case Kind::kAngularMomentum:
      case Kind::kInvariant: to.push_back(invariant(o, o.type.shape)); break;
      case Kind::kObservable:
        to.push_back(kept(result_.observables, o, o.name, o.type.shape));
        break;
      case Kind::kState: to.push_back(kept(result_.trajectory, o, o.name, o.type.shape)); break;
    }
    for (const Sink& s : to) announced_.emplace_back(s.series, 0);
    sinks_.push_back(std::move(to));
  }
}

void Run::add_sample(std::size_t output, std::int64_t step, const double* value) {
  const Output& o = machine_.outputs()[output];
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

void Run::first_samples() {
  Arrays observed = machine_.room_for_outputs();
  seen_ = machine_.look(carry_, 0, clock_, observed);
  for (std::size_t k = 0; k < observed.size(); ++k) {
    add_sample(k, 0, observed[k].as<double>().data());
  }
}

/// The state at the end, and a sample of everything that has none at the last step.
void Run::final_samples() {
  Arrays observed = machine_.room_for_outputs();
  seen_ = machine_.look(carry_, result_.steps, clock_, observed);
  for (std::size_t k = 0; k < observed.size(); ++k) {
    if (!sinks_[k].empty() && sinks_[k][0].series->step.back() == result_.steps) continue;
    add_sample(k, result_.steps, observed[k].as<double>().data());
  }
}

void Run::harvest(std::int64_t first, std::int64_t count) {
  for (std::size_t k = 0; k < machine_.outputs().size(); ++k) {
    const Output& o = machine_.outputs()[k];
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
  std::int64_t n;
  if (!control_.chunks.empty()) {
    n = split_left_ > 0 ? split_left_ : steps_;
  } else if (control_.chunk > 0) {
    n = control_.chunk;
  } else {
    n = machine_.worthwhile(done, growing_);
  }
  if (watched_ > 0) n = std::min(n, watched_ - done % watched_);
  return std::clamp<std::int64_t>(n, 1, std::min(machine_.trip(), steps_ - done));
}

void Run::note_speed(std::int64_t count, double seconds) {
  if (!control_.chunks.empty()) {
    split_left_ -= count;
    while (split_left_ <= 0 && split_ < control_.chunks.size()) {
      split_left_ = control_.chunks[split_++];
    }
    return;
  }
  const double ideal =
      machine_.seconds_a_call() / std::max(seconds, 1e-9) * static_cast<double>(count);
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

/// Goes from carry_ to next_; false where that is not finite or a check of the step fails.
bool Run::advance(std::int64_t first, std::int64_t count) {
  failed_.clear();
  try {
    machine_.advance(carry_, next_, first, count, clock_, samples_);
  } catch (const UserError& error) {
    ErrorParts parts = error.parts();
    if (parts.where.starts_with("program '"))
      parts.where.clear();  // one of ours: no place of theirs
    failed_ = UserError(parts).what();
    return false;
  }
  return machine_.finite(next_);
}

std::vector<Tensor> arrays_of(const System& system, const SeenState& seen) {
  return system.form == Form::kCanonical ? std::vector{seen.q, seen.p} : std::vector{seen.x};
}

/// A run forwards whose energy is not finite where it starts is none.
bool Run::refuse_energy() {
  if (control_.reverse || result_.energy_terms.empty()) return false;
  if (std::isfinite(result_.energy_terms.back().values.front())) return false;
  std::optional<NonFinite> fault = non_finite_energy(system_, arrays_of(system_, seen_), time(0));
  if (!fault) return false;
  result_.status = RunStatus::kNonFinite;
  result_.fault = std::move(fault);
  return true;
}

/// The chunk that began at `first` from carry_ ended in a state that is not finite: finds the first
/// such step by bisection (a state once not finite stays so), keeps what was good, names the cause.
void Run::stop_at_fault(std::int64_t first, std::int64_t count) {
  std::int64_t good = 0, bad = count;
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    (advance(first, middle) ? good : bad) = middle;
  }
  if (good > 0) {
    advance(first, good);
    harvest(first, good);
    std::swap(carry_, next_);
  }
  result_.steps = first + good;
  advance(result_.steps, 1);
  std::optional<NonFinite> at_start;  // what no step, however short, could mend
  if (result_.steps == 0 && seen_.members.empty()) {
    at_start = non_finite_motion(system_, arrays_of(system_, seen_), time(0));
  }
  if (!failed_.empty() && !at_start) {
    result_.status = RunStatus::kStopped;
    result_.stopped_why = failed_;
    return;
  }
  result_.status = RunStatus::kNonFinite;
  NonFinite fault =
      failed_.empty() ? machine_.find_fault(carry_, result_.steps, clock_) : *at_start;
  fault.dt_may_help = fault.dt_may_help && !at_start && system_.form != Form::kMap;
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

/// The sum of the magnitudes of what a momentum is the sum of; of other invariants their size.
double scale_of(const Invariant& i, const SeenState& state) {
  if (i.name != "momentum" && i.name != "angular_momentum") {
    double most = 0;
    const std::size_t size = static_cast<std::size_t>(i.series.shape.size());
    for (std::size_t k = 0; k < size; ++k) most = std::max(most, std::abs(i.series.values[k]));
    return most;
  }
  if (i.name == "momentum") return row_norm_sum(state.p, nullptr);
  const Shape& s = state.q.type().shape;
  if (s.rank() == 2) return row_norm_sum(state.q, &state.p);
  const Tensor q = state.q.reshaped(s.with_leading(1)), p = state.p.reshaped(s.with_leading(1));
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
      i.scale = std::max(scales_[which], scale_of(i, seen_));
    }
    ++which;
    i.max_rel_error = i.scale > 0 ? i.max_abs_error / i.scale : i.max_abs_error;
  }
}

/// Of a run whose energy is kept; against the sum of the terms' sizes at its start. Where the terms
/// grow and cancel (an unstable balance), their rounding grows with them: what is small beside the
/// terms as they are then is no sign of anything.
std::optional<std::string> Run::wrong_energy() const {
  if (result_.invariants.empty() || result_.invariants[0].name != "energy") return std::nullopt;
  const Series& energy = result_.invariants[0].series;
  double scale = 0, size = 0, worst = 0;
  for (std::size_t k = 0; k < energy.values.size(); ++k) {
    double terms = 0;
    for (std::size_t term = 0; term + 1 < result_.energy_terms.size(); ++term) {
      terms += std::abs(result_.energy_terms[term].values[k]);
    }
    if (!(scale > 0)) scale = terms;
    size = std::max(size, terms);
    const double error = std::abs(energy.values[k] - energy.values.front());
    if (!(error <= worst * size)) worst = size > 0 ? error / size : INFINITY;
  }
  if (worst < StopRules{}.growth) return std::nullopt;
  StopRules rules;
  rules.jumps = std::ranges::any_of(
      facts_.all, [](const Fact& f) { return f.name == "may_jump" && std::get<bool>(f.value); });
  return goes_wrong(energy, scale, rules);
}

/// Whether the run ends here, because its energy goes wrong.
bool Run::stops(std::int64_t done) {
  if (watched_ == 0 || done % watched_ != 0) return false;
  const std::optional<std::string> why = wrong_energy();
  if (!why) return false;
  result_.status = RunStatus::kStopped;
  result_.stopped_why = *why;
  return true;
}

RunResult Run::go() {
  first_samples();
  for (const Invariant& i : result_.invariants) {
    scales_.push_back(i.name == "energy" ? 0 : scale_of(i, seen_));
  }
  note_speed(0, 0);  // takes the first entry of an explicit split
  growing_ = 1;
  announce();
  const Clock::time_point start = Clock::now();
  double before = 0;
  std::int64_t done = 0;
  const bool refused = refuse_energy();
  while (done < steps_ && !refused) {
    if (control_.interrupted && control_.interrupted()) {
      result_.status = RunStatus::kInterrupted;
      break;
    }
    const std::int64_t count = next_count(done);
    if (!advance(done, count)) {
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
    if (stops(done)) break;
  }
  result_.run_s = seconds_since(start);
  result_.steps = done;
  result_.t = time(done);
  final_samples();
  announce();
  close_invariants();
  if (result_.status == RunStatus::kFinished) result_.goes_wrong = wrong_energy().value_or("");
  StateHash hash;
  for (const Tensor& x : carry_) hash.add(x);
  result_.state_hash = hash.text();
  result_.q = std::move(seen_.q);
  result_.p = std::move(seen_.p);
  result_.v = std::move(seen_.v);
  result_.x = std::move(seen_.x);
  result_.members = std::move(seen_.members);
  result_.q_error = std::move(seen_.q_error);
  result_.p_error = std::move(seen_.p_error);
  return std::move(result_);
}

}  // namespace

RunResult drive(const System& system, const Facts& facts, const Machine& machine,
                const RunClock& clock, const RunControl& control, const InitialState& initial,
                std::int64_t steps, bool stop) {
  if (steps < 0) throw UserError("the number of steps is negative");
  return Run(system, facts, machine, clock, control, initial, steps, stop).go();
}

}  // namespace cotangent::mechanics
