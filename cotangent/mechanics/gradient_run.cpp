// The driver of gradients: forward, what is kept, and back. It knows a ReverseMachine only.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/gradient_impl.h"
#include "cotangent/mechanics/state_arrays.h"
#include "cotangent/transform/checkpoints.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool finite(const Arrays& list) {
  return std::none_of(list.begin(), list.end(),
                      [](const Tensor& x) { return ir::first_non_finite(x).has_value(); });
}

/// to += by * from
void add(Arrays& to, const Arrays& from, double by) {
  for (std::size_t a = 0; a < to.size(); ++a) {
    for (std::int64_t k = 0; k < to[a].size(); ++k) {
      to[a].set_real(k, to[a].real(k) + by * from[a].real(k));
    }
  }
}

/// |a - b| over |b|, by largest entries of each array, all f64; infinite where a number is not
/// finite.
double distance(const Arrays& a, const Arrays& b) {
  double most = 0;
  for (std::size_t n = 0; n < a.size(); ++n) {
    const auto x = a[n].as<double>(), y = b[n].as<double>();
    double difference = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double d = std::abs(x[k] - y[k]);
      if (!std::isfinite(d)) return std::numeric_limits<double>::infinity();
      difference = std::max(difference, d);
    }
    const double size = largest(b[n]);
    most = std::max(most, size > 0 ? difference / size : difference);
  }
  return most;
}

/// The system with other values of its parameters, if any are given.
System with_parameters(System system, const std::vector<Tensor>& given) {
  if (!given.empty() && given.size() != system.parameters.size()) {
    throw UserError(std::to_string(given.size()) + " parameters for a system that has " +
                        std::to_string(system.parameters.size()),
                    "give all of them, in its order, or none");
  }
  for (std::size_t k = 0; k < given.size(); ++k) {
    Parameter& x = system.parameters[k];
    if (given[k].type() != x.value.type()) {
      throw UserError("the parameter " + x.name + " is given as " + given[k].type().text(),
                      "the system has it as " + x.value.type().text());
    }
    x.value = given[k];
  }
  return system;
}

/// One gradient: the states that are kept, the cotangents, the clock.
class GradientRun {
 public:
  GradientRun(const GradientImpl& g, const InitialState& initial, std::int64_t steps,
              const GradientControl& control)
      : g_(g),
        m_(*g.machine),
        system_(with_parameters(g.system, control.parameters)),
        initial_(initial),
        control_(control),
        steps_(steps),
        velocities_given_(initial.v && !initial.p),
        context_{system_, {initial.t, g.plan.dt}, 1} {}

  GradientResult go();

 private:
  struct Kept {
    std::int64_t chunk = 0;  ///< the carry before it
    Arrays carry;
  };
  bool canonical() const { return system_.form == Form::kCanonical; }
  void start();
  double time(std::int64_t step) const { return context_.clock.time(step); }
  std::int64_t first(std::int64_t chunk) const { return chunk * m_.chunk(); }
  std::int64_t count(std::int64_t chunk) const {
    return std::min(m_.chunk(), steps_ - first(chunk));
  }
  bool forward(std::int64_t chunk, const Arrays& from, Arrays& to, Arrays* tape);
  void add_samples(std::int64_t first, std::int64_t count);
  bool finish_forward(const Arrays& end);
  bool settle(std::int64_t chunk);
  bool back(std::int64_t chunk, const Arrays& tape);
  bool undo_chunk(std::int64_t chunk, Arrays& carry);
  void find_fault(std::int64_t chunk);
  bool is_finite(const Slope& slope, const Arrays& carry, std::int64_t step);
  GradientFault unknown_fault(std::int64_t step, const std::string& component) const;
  bool collect();
  void stop_as_the_run_does();

  bool run_forward();
  bool run_all();
  bool run_checkpoints(std::int64_t chunks, const Arrays& start, bool ended);
  bool run_undoing();
  Arrays new_tape() const;
  std::int64_t tape_size() const { return m_.chunk() * g_.kept.tape + g_.kept.end; }
  void note_kept(std::int64_t bytes) { result_.kept_bytes = std::max(result_.kept_bytes, bytes); }
  bool stopped();

  const GradientImpl& g_;
  const ReverseMachine& m_;
  System system_;  ///< with the parameters of this run
  InitialState initial_;
  const GradientControl& control_;
  std::int64_t steps_, chunks_ = 0;
  bool velocities_given_;
  GradientContext context_;
  Arrays start_, room_;
  Arrays ct_, next_ct_, samples_;
  double sum_of_samples_ = 0;
  bool ended_ = false;  ///< the last state was reached, and the cotangents are those there
  std::int64_t forward_done_ = 0, reverse_done_ = 0;  ///< steps, for progress
  Clock::time_point clock_;
  double last_report_ = -1;
  std::unique_ptr<Neighbour> neighbour_;
  std::vector<Growth> growth_;
  GradientResult result_;
};

void GradientRun::start() {
  if (steps_ < 0) throw UserError("the number of steps is negative");
  if (steps_ > std::max<std::int64_t>(1, g_.plan.steps)) {
    throw UserError("a gradient of " + std::to_string(steps_) +
                        " steps, and what is kept was planned for " + std::to_string(g_.plan.steps),
                    "plan for as many steps");
  }
  if (canonical()) {
    check_state(system_, initial_.q, "q");
    if (!initial_.p && !initial_.v) {
      throw UserError("the initial state has neither p nor v", "give one of them");
    }
    if (initial_.v) check_state(system_, *initial_.v, "v");
    if (!initial_.p) initial_.p = momentum_from_velocity(system_, initial_);
    check_state(system_, *initial_.p, "p");
  } else {
    check_state(system_, initial_.x, "x");
  }
  const std::int64_t every = m_.every();
  if (every > 0) {
    const std::int64_t samples = 1 + steps_ / every + (steps_ % every != 0 ? 1 : 0);
    context_.weight = 1.0 / static_cast<double>(samples);
  }
  chunks_ = (steps_ + m_.chunk() - 1) / m_.chunk();
  start_ = m_.begin(initial_, context_);
  room_ = m_.room();
  samples_ = m_.room_for_samples();
  ct_ = next_ct_ = m_.cotangents();
  if (g_.settings.horizon && !control_.value_only) neighbour_ = m_.neighbour();
}

Arrays GradientRun::new_tape() const {
  if (std::optional<Arrays> used = g_.pool.take()) return std::move(*used);
  return m_.room_for_tape();
}

/// One chunk there. Samples are added where the chunk is run for the first time.
bool GradientRun::forward(std::int64_t chunk, const Arrays& from, Arrays& to, Arrays* tape) {
  const std::int64_t begin = first(chunk), n = count(chunk);
  const bool anew = !ended_ && begin + n > forward_done_;
  try {
    m_.advance(from, to, begin, n, context_, tape, samples_);
  } catch (const UserError& failed) {  // a check of a step
    if (!anew) throw;
    result_.stopped_why = failed.what();
    return false;
  }
  if (!anew) return true;
  if (!m_.finite(to)) return false;
  add_samples(begin, n);
  forward_done_ = begin + n;
  if (!neighbour_) return true;
  if (const auto log = neighbour_->follow(from, to, begin, n, context_)) {
    if (growth_.empty()) growth_.push_back({begin, 0});
    growth_.push_back({begin + n, growth_.back().log + *log});
  }
  return true;
}

void GradientRun::add_samples(std::int64_t first, std::int64_t count) {
  const std::int64_t every = m_.every();
  if (every == 0) return;
  for (std::int64_t m = first / every + 1; m * every <= first + count; ++m) {
    sum_of_samples_ += static_cast<double>(samples_[0].real(m - first / every - 1));
  }
}

/// At the last state: the value is known, and the cotangents begin.
bool GradientRun::finish_forward(const Arrays& end) {
  ended_ = true;
  result_.forward_s = seconds_since(clock_);
  Arrays state = m_.state(end, steps_, context_);
  (canonical() ? result_.q : result_.x) = std::move(state[0]);
  if (canonical()) result_.p = std::move(state[1]);
  ct_ = m_.cotangents();
  const std::int64_t every = m_.every();
  // The sample at the last step may be the chunk's to add.
  const bool sampled_here = every > 0 && steps_ % every == 0 && steps_ > 0;
  std::optional<Slope> slope;
  if (!sampled_here) slope = m_.objective(end, steps_, context_);
  if (every > 0) {
    if (slope) sum_of_samples_ += slope->value;
    if (steps_ > 0) sum_of_samples_ += m_.objective(start_, 0, context_).value;
    result_.value = sum_of_samples_ * context_.weight;
  } else {
    result_.value = slope->value;
  }
  if (control_.value_only) return true;
  if (!std::isfinite(result_.value) || slope) {
    if (!is_finite(slope.value_or(Slope{}), end, steps_)) return false;
  }
  if (slope) add(ct_, slope->cotangents, context_.weight);
  return true;
}

/// For what only the passes' rounding makes not finite.
GradientFault GradientRun::unknown_fault(std::int64_t step, const std::string& component) const {
  GradientFault fault;
  fault.step = step;
  fault.t = time(step);
  fault.component = component;
  return fault;
}

/// Whether value and slopes of the objective at a state are; the fault, if not.
bool GradientRun::is_finite(const Slope& slope, const Arrays& carry, std::int64_t step) {
  if (std::isfinite(result_.value) && finite(slope.cotangents)) return true;
  std::optional<GradientFault> fault = m_.objective_fault(carry, step, context_);
  if (!fault && m_.every() > 0) fault = m_.objective_fault(start_, 0, context_);
  // Else a sample on the way.
  if (!fault) fault = unknown_fault(step, "the objective " + g_.objective.name);
  fault->of_value = !std::isfinite(result_.value);
  result_.gradient_fault = std::move(fault);
  return false;
}

/// One chunk back, by its tape.
bool GradientRun::back(std::int64_t chunk, const Arrays& tape) {
  m_.back(tape, start_, ct_, next_ct_, first(chunk), count(chunk), context_);
  return settle(chunk);
}

/// One chunk back, by undoing it. False where that leads to what is not finite.
bool GradientRun::undo_chunk(std::int64_t chunk, Arrays& carry) {
  m_.undo(carry, room_, ct_, next_ct_, first(chunk), count(chunk), context_);
  std::swap(carry, room_);
  if (!m_.finite(carry) || !finite(next_ct_)) return false;
  return settle(chunk);
}

/// Takes over the cotangents that a chunk gave.
bool GradientRun::settle(std::int64_t chunk) {
  if (!finite(next_ct_)) {
    find_fault(chunk);
    return false;
  }
  std::swap(ct_, next_ct_);
  reverse_done_ += count(chunk);
  return true;
}

/// The cotangents ct_ at the end of a chunk are finite, those that it gave are not: finds the step,
/// by bisection (what is not finite stays so), and in it the op.
void GradientRun::find_fault(std::int64_t chunk) {
  Arrays from = start_, to = room_;
  for (std::int64_t c = 0; c < chunk; ++c) {
    forward(c, from, to, nullptr);
    std::swap(from, to);
  }
  const Arrays at_end = ct_;
  const std::int64_t begin = first(chunk), n = count(chunk);
  Arrays tape = new_tape(), carry = from;
  // The last m steps of the chunk back, and the carry before them.
  const auto last_steps = [&](std::int64_t m) {
    carry = from;
    if (m < n) {
      m_.advance(from, to, begin, n - m, context_, nullptr, samples_);
      std::swap(carry, to);
    }
    ct_ = at_end;
    if (m == 0) return true;
    m_.advance(carry, to, begin + n - m, m, context_, &tape, samples_);
    m_.back(tape, start_, ct_, next_ct_, begin + n - m, m, context_);
    std::swap(ct_, next_ct_);
    return finite(ct_);
  };
  std::int64_t good = 0, bad = n;
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    (last_steps(middle) ? good : bad) = middle;
  }
  last_steps(good);
  const Arrays after = ct_;
  last_steps(bad);
  ct_ = after;
  const std::int64_t step = begin + n - bad + 1;
  result_.gradient_fault = m_.step_fault(carry, step, after, context_);
  if (!result_.gradient_fault) result_.gradient_fault = unknown_fault(step, "the gradient");
}

bool GradientRun::stopped() {
  if (control_.interrupted && control_.interrupted()) {
    result_.status = RunStatus::kInterrupted;
    return true;
  }
  if (control_.progress) {
    Progress progress;
    progress.seconds = seconds_since(clock_);
    progress.step = forward_done_ + reverse_done_;
    progress.steps = 2 * steps_;
    const bool last = progress.step == progress.steps;
    if (last || progress.seconds - last_report_ >= 0.05) {
      last_report_ = progress.seconds;
      progress.t = time(ended_ ? steps_ - reverse_done_ : forward_done_);
      control_.progress(progress);
    }
  }
  return false;
}

bool GradientRun::run_forward() {
  Arrays from = start_, to = room_;
  for (std::int64_t c = 0; c < chunks_; ++c) {
    if (stopped()) return false;
    if (!forward(c, from, to, nullptr)) return false;
    std::swap(from, to);
  }
  return finish_forward(from);
}

bool GradientRun::run_all() {
  std::vector<Arrays> tapes;
  Arrays from = start_, to = room_;
  for (std::int64_t c = 0; c < chunks_; ++c) {
    if (stopped()) return false;
    tapes.push_back(new_tape());
    if (!forward(c, from, to, &tapes.back())) return false;
    std::swap(from, to);
  }
  note_kept(chunks_ * tape_size());
  if (!finish_forward(from)) return false;
  for (std::int64_t c = chunks_; c-- > 0;) {
    if (stopped()) return false;
    if (!back(c, tapes.back())) return false;
    g_.pool.give(std::move(tapes.back()));
    tapes.pop_back();
  }
  return true;
}

/// The chunks before `chunks` back, from the state that they start from. Where the run has not
/// ended yet, it ends with the last of them.
bool GradientRun::run_checkpoints(std::int64_t chunks, const Arrays& start, bool ended) {
  const std::int64_t state_bytes = g_.kept.state;
  std::vector<Kept> kept = {{0, start}};
  Arrays tape = new_tape();
  Arrays from = start, to = room_;
  while (chunks > 0) {
    const std::int64_t places = g_.gradient_plan.slots - static_cast<std::int64_t>(kept.size()) + 1;
    std::int64_t at = kept.back().chunk;
    from = kept.back().carry;
    if (chunks - at > 1) {
      // With no place left, each chunk is reached from the last kept state anew.
      const std::int64_t n =
          places >= 2 ? transform::steps_to_advance(chunks - at, places) : chunks - at - 1;
      for (std::int64_t k = 0; k < n; ++k, ++at) {
        if (stopped()) return false;
        if (!forward(at, from, to, nullptr)) return false;
        std::swap(from, to);
      }
      if (places >= 2) {
        kept.push_back({at, from});
        note_kept(tape_size() + static_cast<std::int64_t>(kept.size()) * state_bytes);
        continue;
      }
    }
    if (stopped()) return false;
    if (!forward(at, from, to, &tape)) return false;
    note_kept(tape_size() + static_cast<std::int64_t>(kept.size()) * state_bytes);
    if (!ended) {
      if (!finish_forward(to)) return false;
      ended = true;
    }
    if (!back(at, tape)) return false;
    chunks = at;
    if (kept.back().chunk == at) kept.pop_back();
  }
  g_.pool.give(std::move(tape));
  return true;
}

bool GradientRun::run_undoing() {
  const std::int64_t state_bytes = g_.kept.state;
  const std::int64_t slots = std::max<std::int64_t>(1, g_.gradient_plan.slots);
  const std::int64_t stride = std::max<std::int64_t>(1, (chunks_ + slots - 1) / slots);
  std::vector<Kept> kept;
  Arrays from = start_, to = room_;
  for (std::int64_t c = 0; c < chunks_; ++c) {
    if (stopped()) return false;
    if (c % stride == 0) kept.push_back({c, from});
    if (!forward(c, from, to, nullptr)) return false;
    std::swap(from, to);
  }
  note_kept(static_cast<std::int64_t>(kept.size() + 2) * state_bytes);
  if (!finish_forward(from)) return false;
  for (std::int64_t end = chunks_; !kept.empty(); kept.pop_back()) {
    const Arrays before = ct_;
    const std::int64_t done = reverse_done_;
    const std::int64_t begin = kept.back().chunk;
    bool undone = true;
    for (std::int64_t c = end; undone && c-- > begin;) {
      if (stopped()) return false;
      undone = undo_chunk(c, from);
    }
    // What is not finite may be so only where the undone state went.
    const double drift = undone ? distance(m_.state(from, first(begin), context_),
                                           m_.state(kept.back().carry, first(begin), context_))
                                : std::numeric_limits<double>::infinity();
    if (!(drift <= g_.settings.drift_tolerance)) {
      result_.drift = Drift{first(begin), time(first(begin)), drift};
      // This stretch once more, and all before it, from states that are known.
      ct_ = before;
      reverse_done_ = done;
      kept.clear();
      return run_checkpoints(end, start_, true);
    }
    result_.worst_drift = std::max(result_.worst_drift, drift);
    from = kept.back().carry;
    end = begin;
  }
  return true;
}

/// From the first carry's cotangents to the gradient: through where the run begins, and through v.
bool GradientRun::collect() {
  if (m_.every() > 0 && steps_ > 0) {
    const Slope slope = m_.objective(start_, 0, context_);
    if (!is_finite(slope, start_, 0)) return false;
    add(ct_, slope.cotangents, context_.weight);
  }
  Arrays made = m_.to_start(initial_, start_, ct_, context_);
  if (!finite(made)) {
    result_.gradient_fault = m_.start_fault(initial_, start_, ct_, context_);
    if (!result_.gradient_fault) result_.gradient_fault = unknown_fault(0, "the gradient");
    return false;
  }
  const std::size_t states = canonical() ? 2 : 1;
  Arrays parameters(made.begin() + static_cast<std::ptrdiff_t>(states), made.end());
  std::vector<std::pair<std::string, Tensor>> of_state;
  if (canonical()) {
    Tensor q = converted(made[0], DType::kF64), p = converted(made[1], DType::kF64), v;
    if (g_.by_velocity || (!g_.by_momentum && velocities_given_)) {
      const VelocityCotangents more = pull_velocity(system_, initial_, *initial_.p, p, g_.wrt);
      v = more.v;
      Arrays all = {std::move(q)};
      add(all, {more.q}, 1);
      q = std::move(all[0]);
      add(parameters, more.parameters, 1);
    }
    of_state = {{"q", std::move(q)}, {"p", std::move(p)}, {"v", std::move(v)}};
  } else {
    for (NamedArray& a : arrays_of(system_, made[0])) {
      of_state.emplace_back(std::move(a.name), std::move(a.value));
    }
  }
  std::size_t next = 0;
  for (const std::string& name : g_.names) {
    const auto at = std::ranges::find(of_state, name, &std::pair<std::string, Tensor>::first);
    result_.gradient.emplace_back(name, at != of_state.end() ? at->second : parameters[next++]);
  }
  return true;
}

/// The run's own words for what stopped it.
void GradientRun::stop_as_the_run_does() {
  Plan plan = g_.plan;
  plan.watch.settings = {};
  const auto flow = Flow::compile(system_, g_.facts, plan, g_.options);
  const RunResult run = flow->run(initial_, steps_);
  result_.status = run.fault ? RunStatus::kNonFinite : RunStatus::kStopped;
  if (!run.stopped_why.empty()) result_.stopped_why = run.stopped_why;
  result_.fault = run.fault;
  result_.steps = run.steps;
}

GradientResult GradientRun::go() {
  start();
  clock_ = Clock::now();
  result_.plan = g_.gradient_plan;
  bool done = true;
  if (chunks_ == 0) {
    done = finish_forward(start_);
  } else if (control_.value_only) {
    done = run_forward();
  } else {
    switch (g_.gradient_plan.policy) {
      case GradientPolicy::kAll: done = run_all(); break;
      case GradientPolicy::kCheckpoints: done = run_checkpoints(chunks_, start_, false); break;
      case GradientPolicy::kReverse: done = run_undoing(); break;
    }
  }
  result_.steps = forward_done_;
  if (!done) {
    if (result_.gradient_fault) result_.status = RunStatus::kNonFinite;
    if (result_.status == RunStatus::kFinished) stop_as_the_run_does();
    return std::move(result_);
  }
  if (control_.value_only) return std::move(result_);
  result_.reverse_s = seconds_since(clock_) - result_.forward_s;
  if (!collect()) {
    result_.status = RunStatus::kNonFinite;
    return std::move(result_);
  }
  if (neighbour_) {
    result_.horizon = horizon_of(growth_, m_.epsilon(), m_.roundings(), context_.clock);
  }
  stopped();
  return std::move(result_);
}

}  // namespace

GradientResult GradientImpl::run(const InitialState& initial, std::int64_t steps,
                                 const GradientControl& control) const {
  if (by_velocity && !initial.v) {
    throw UserError("a gradient by v, and the initial state gives momenta",
                    "differentiate by p, or give v in [initial]");
  }
  return GradientRun(*this, initial, steps, control).go();
}

}  // namespace cotangent::mechanics
