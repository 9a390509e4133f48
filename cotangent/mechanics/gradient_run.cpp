// One gradient: forward, what is kept, and back.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/gradient_impl.h"
#include "cotangent/transform/checkpoints.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Cotangents of q, p, the kept gradient and the parameters.
using CotangentTensors = std::vector<Tensor>;
constexpr std::size_t kCtQ = 0, kCtP = 1, kCtParameters = 3;

bool finite(const CotangentTensors& ct) {
  return std::none_of(ct.begin(), ct.end(),
                      [](const Tensor& x) { return first_non_finite(x).has_value(); });
}

double largest(const Tensor& x) {
  double m = 0;
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const double a = std::abs(static_cast<double>(x.real(k)));
    m = std::isnan(a) ? a : std::max(m, a);
  }
  return m;
}

/// |a - b| over |b|, by largest entries; infinite where a number is not finite.
double distance(const Tensor& a, const Tensor& b) {
  double difference = 0;
  for (std::int64_t k = 0; k < a.size(); ++k) {
    const double d = std::abs(static_cast<double>(a.real(k) - b.real(k)));
    if (!std::isfinite(d)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, d);
  }
  const double size = largest(b);
  return size > 0 ? difference / size : difference;
}

double distance(const Carry& a, const Carry& b) {
  return std::max(distance(a.whole(Part::kQ), b.whole(Part::kQ)),
                  distance(a.whole(Part::kP), b.whole(Part::kP)));
}

/// Unit round-off of the arithmetic in which a state goes on.
double epsilon_of(const Arithmetic& arithmetic) {
  if (arithmetic.state == DType::kF64) return 0x1p-53;
  return arithmetic.pairs ? 0x1p-48 : 0x1p-24;
}

/// Row 0 of a tape, as parameter k of a program for one step takes it.
Tensor row_of(const Tensor& tape, const ir::Function& one, std::size_t k) {
  Tensor row(one.param_type(k));
  for (std::int64_t i = 0; i < row.size(); ++i) row.set_real(i, tape.real(i));
  return row;
}

/// One gradient: the states that are kept, the cotangents, the clock.
class GradientRun {
 public:
  GradientRun(const GradientImpl& g, const InitialState& initial, std::int64_t steps,
              const GradientControl& control)
      : g_(g), system_(g.system), initial_(initial), control_(control), steps_(steps) {
    for (std::size_t k = 0; k < control.parameters.size(); ++k) {
      system_.parameters[k].value = control.parameters[k];
    }
  }

  GradientResult go();

 private:
  struct Kept {
    std::int64_t chunk = 0;  ///< the state before it
    Carry state;
  };
  void start();
  double time(std::int64_t step) const {
    return std::fma(static_cast<double>(step), g_.plan.dt, initial_.t);
  }
  std::int64_t first(std::int64_t chunk) const { return chunk * g_.gradient_plan.chunk; }
  std::int64_t count(std::int64_t chunk) const {
    return std::min(g_.gradient_plan.chunk, steps_ - first(chunk));
  }
  void push_tail(std::vector<const Tensor*>& args, std::int64_t first, std::int64_t count);
  std::vector<Tensor> at_state(const Carry& state, std::int64_t step) const;
  void call_chunk(const Callable& program, const Carry& from, Carry& to, std::int64_t first,
                  std::int64_t count, Tapes* tapes);
  void call_back(const Tapes& tapes, std::int64_t first, std::int64_t count);
  bool forward(std::int64_t chunk, const Carry& from, Carry& to, Tapes* tapes);
  void add_samples(const Tensor& rows, std::int64_t first, std::int64_t count);
  bool finish_forward(const Carry& end);
  bool back(std::int64_t chunk, const Tapes& tapes);
  bool undo_chunk(std::int64_t chunk, Carry& state);
  bool settle(std::int64_t chunk);
  void find_fault(std::int64_t chunk);
  void begin(const Carry& start);
  void collect(const Carry& start);
  void close_horizon();

  bool run_forward();
  bool run_all();
  bool run_checkpoints(std::int64_t chunks, const Carry& start, bool ended);
  bool run_undoing();
  Tapes new_tapes() const;
  std::int64_t tape_size() const {
    return g_.gradient_plan.chunk * tape_bytes(g_.adjoint, g_.plan.composition);
  }
  void note_kept(std::int64_t bytes) { result_.kept_bytes = std::max(result_.kept_bytes, bytes); }
  bool stopped();
  double norm() const;

  const GradientImpl& g_;
  System system_;  ///< with the parameters of this run
  const InitialState& initial_;
  const GradientControl& control_;
  std::int64_t steps_, chunks_ = 0;
  Carry start_, scratch_;
  Tensor p_;  ///< initial, f64
  CotangentTensors ct_, next_ct_;
  Tensor first_tensor_, count_tensor_, t0_, dt_, weight_;
  Tensor sample_rows_;
  double sum_of_samples_ = 0;
  double scale_q_ = 1, scale_p_ = 1;
  bool ended_ = false;  ///< the last state was reached, and the cotangents are those there
  std::int64_t forward_done_ = 0, reverse_done_ = 0;  ///< steps, for progress
  Clock::time_point clock_;
  double last_report_ = -1;
  std::vector<std::pair<double, double>> growth_;  ///< (t, log of the cotangent's norm), backwards
  GradientResult result_;
};

void GradientRun::start() {
  const Pieces& pieces = g_.pieces;
  if (steps_ < 0) throw UserError("the number of steps is negative");
  if (steps_ > std::max<std::int64_t>(1, g_.plan.steps)) {
    throw UserError("a gradient of " + std::to_string(steps_) +
                        " steps, and what is kept was planned for " + std::to_string(g_.plan.steps),
                    "plan for as many steps");
  }
  p_ = initial_.p ? *initial_.p : momentum_from_velocity(system_, initial_);
  start_ = Carry(pieces.arithmetic, initial_, p_);
  scratch_ = Carry(pieces.arithmetic, pieces.shape);
  chunks_ = (steps_ + g_.gradient_plan.chunk - 1) / g_.gradient_plan.chunk;
  t0_ = Tensor::scalar_of<double>(initial_.t);
  dt_ = Tensor::scalar_of<double>(g_.plan.dt);
  const std::int64_t every = g_.adjoint.every;
  if (every > 0) {
    const std::int64_t samples = 1 + steps_ / every + (steps_ % every != 0 ? 1 : 0);
    weight_ = Tensor::scalar_of<double>(1.0 / static_cast<double>(samples));
    const std::int64_t rows = (g_.gradient_plan.chunk + every - 1) / every;
    sample_rows_ = Tensor({DType::kF64, Shape{rows}});
  }
  const ir::Type state{g_.adjoint.real, pieces.shape};
  for (int k = 0; k < 3; ++k) ct_.emplace_back(state);
  for (std::size_t k : g_.adjoint.wrt) ct_.emplace_back(pieces.parameters[k]);
  next_ct_ = ct_;

  std::vector<const Tensor*> args;
  for (Part part : state_parts(pieces.arithmetic)) args.push_back(&start_[part]);
  args.push_back(&t0_);
  for (const Parameter& x : system_.parameters) args.push_back(&x.value);
  Tensor velocity({DType::kF64, pieces.shape});
  std::vector<Tensor*> results = {&start_[Part::kGradient]};
  if (pieces.arithmetic.pairs) results.push_back(&start_[Part::kGradientError]);
  results.push_back(&velocity);
  g_.begin_of_run.call(args, results);
}

void GradientRun::push_tail(std::vector<const Tensor*>& args, std::int64_t first,
                            std::int64_t count) {
  first_tensor_ = Tensor::scalar_of<std::int64_t>(first);
  count_tensor_ = Tensor::scalar_of<std::int64_t>(count);
  args.insert(args.end(), {&first_tensor_, &count_tensor_, &t0_, &dt_});
  for (const Parameter& x : system_.parameters) args.push_back(&x.value);
}

/// The objective at a state, and its slopes by q, p and the parameters.
std::vector<Tensor> GradientRun::at_state(const Carry& state, std::int64_t step) const {
  const Tensor q = state.whole(Part::kQ), p = state.whole(Part::kP);
  const Tensor t = Tensor::scalar_of<double>(time(step));
  std::vector<const Tensor*> args = {&q, &p, &t};
  for (const Parameter& x : system_.parameters) args.push_back(&x.value);
  std::vector<Tensor> made;
  for (std::size_t k = 0; k < g_.at_state.function()->results().size(); ++k) {
    made.emplace_back(g_.at_state.function()->result_type(k));
  }
  std::vector<Tensor*> results;
  for (Tensor& x : made) results.push_back(&x);
  g_.at_state.call(args, results);
  return made;
}

Tapes GradientRun::new_tapes() const {
  if (std::optional<Tapes> used = g_.pool.take()) return std::move(*used);
  Tapes tapes;
  const ir::Function& f = *g_.reverse.function();
  for (std::size_t k = 0; k < (g_.adjoint.every > 0 ? 3u : 2u); ++k) {
    tapes.emplace_back(f.param_type(k));
  }
  return tapes;
}

/// `count` steps from `first` on by the tape program or the one without.
void GradientRun::call_chunk(const Callable& program, const Carry& from, Carry& to,
                             std::int64_t first, std::int64_t count, Tapes* tapes) {
  std::vector<const Tensor*> args;
  std::vector<Tensor*> results;
  for (Part part : carried_parts(g_.pieces.arithmetic)) {
    args.push_back(&from[part]);
    results.push_back(&to[part]);
  }
  push_tail(args, first, count);
  if (tapes) {
    for (Tensor& x : *tapes) results.push_back(&x);
  }
  if (g_.adjoint.every > 0) results.push_back(&sample_rows_);
  program.call(args, results);
}

/// One chunk there. Samples are added where the chunk is run for the first time.
bool GradientRun::forward(std::int64_t chunk, const Carry& from, Carry& to, Tapes* tapes) {
  const std::int64_t begin = first(chunk), n = count(chunk);
  call_chunk(tapes ? g_.tape : g_.advance, from, to, begin, n, tapes);
  if (!ended_ && begin + n > forward_done_) {
    if (to.non_finite()) return false;
    if (g_.adjoint.every > 0) add_samples(sample_rows_, begin, n);
    forward_done_ = begin + n;
  }
  return true;
}

void GradientRun::add_samples(const Tensor& rows, std::int64_t first, std::int64_t count) {
  const std::int64_t every = g_.adjoint.every;
  for (std::int64_t m = first / every + 1; m * every <= first + count; ++m) {
    sum_of_samples_ += static_cast<double>(rows.real(m - first / every - 1));
  }
}

/// At the last state: the value is known, and the cotangents begin.
bool GradientRun::finish_forward(const Carry& end) {
  ended_ = true;
  result_.forward_s = seconds_since(clock_);
  result_.q = end.whole(Part::kQ);
  result_.p = end.whole(Part::kP);
  for (Tensor& x : ct_) x = Tensor(x.type());
  const std::int64_t every = g_.adjoint.every;
  const bool sampled_here = every > 0 && steps_ % every == 0 && steps_ > 0;
  std::vector<Tensor> slope;
  if (!sampled_here) slope = at_state(end, steps_);
  double weight = 1;
  if (every > 0) {
    weight = weight_.as<double>()[0];
    if (!slope.empty()) sum_of_samples_ += slope[0].as<double>()[0];
    if (steps_ > 0) sum_of_samples_ += at_state(start_, 0)[0].as<double>()[0];
    result_.value = sum_of_samples_ * weight;
  } else {
    result_.value = slope[0].as<double>()[0];
  }
  if (slope.empty()) return true;  // the sample at the last step is the chunk's to add
  const auto put = [&](Tensor& to, const Tensor& from) {
    for (std::int64_t k = 0; k < to.size(); ++k) to.set_real(k, weight * from.real(k));
  };
  put(ct_[kCtQ], slope[1]);
  put(ct_[kCtP], slope[2]);
  for (std::size_t k = 0; k < g_.adjoint.wrt.size(); ++k) put(ct_[kCtParameters + k], slope[3 + k]);
  scale_q_ = std::max(largest(end.whole(Part::kQ)), 1e-300);
  scale_p_ = std::max(largest(end.whole(Part::kP)), 1e-300);
  growth_.emplace_back(time(steps_), std::log(norm()));
  return true;
}

/// Of the cotangents of q and p, in units in which the state is about 1.
double GradientRun::norm() const {
  double sum = 0;
  for (std::size_t k : {kCtQ, kCtP}) {
    const double scale = k == kCtQ ? scale_q_ : scale_p_;
    for (std::int64_t i = 0; i < ct_[k].size(); ++i) {
      const double x = scale * static_cast<double>(ct_[k].real(i));
      sum += x * x;
    }
  }
  return std::sqrt(sum);
}

/// next_ct_ from ct_ over `count` steps, by their tapes.
void GradientRun::call_back(const Tapes& tapes, std::int64_t first, std::int64_t count) {
  std::vector<const Tensor*> args;
  for (const Tensor& x : tapes) args.push_back(&x);
  for (const Tensor& x : ct_) args.push_back(&x);
  if (g_.adjoint.every > 0) args.push_back(&weight_);
  push_tail(args, first, count);
  std::vector<Tensor*> results;
  for (Tensor& x : next_ct_) results.push_back(&x);
  g_.reverse.call(args, results);
}

/// One chunk back, by its tapes.
bool GradientRun::back(std::int64_t chunk, const Tapes& tapes) {
  call_back(tapes, first(chunk), count(chunk));
  return settle(chunk);
}

/// One chunk back, by undoing it. False where that leads to what is not finite.
bool GradientRun::undo_chunk(std::int64_t chunk, Carry& state) {
  std::vector<const Tensor*> args;
  std::vector<Tensor*> results;
  for (Part part : carried_parts(g_.pieces.arithmetic)) {
    args.push_back(&state[part]);
    results.push_back(&scratch_[part]);
  }
  for (const Tensor& x : ct_) args.push_back(&x);
  if (g_.adjoint.every > 0) args.push_back(&weight_);
  push_tail(args, first(chunk), count(chunk));
  for (Tensor& x : next_ct_) results.push_back(&x);
  g_.undo.call(args, results);
  std::swap(state, scratch_);
  if (state.non_finite() || !finite(next_ct_)) return false;
  return settle(chunk);
}

/// Takes over the cotangents that a chunk gave.
bool GradientRun::settle(std::int64_t chunk) {
  if (!finite(next_ct_)) {
    find_fault(chunk);
    return false;
  }
  std::swap(ct_, next_ct_);
  growth_.emplace_back(time(first(chunk)), std::log(norm()));
  reverse_done_ += count(chunk);
  return true;
}

/// The cotangents ct_ at the end of a chunk are finite, those that it gave are not: finds the step,
/// by bisection (what is not finite stays so), and in it the op.
void GradientRun::find_fault(std::int64_t chunk) {
  Carry from = start_, to = scratch_;
  for (std::int64_t c = 0; c < chunk; ++c) {
    forward(c, from, to, nullptr);
    std::swap(from, to);
  }
  const CotangentTensors at_end = ct_;
  const std::int64_t begin = first(chunk), n = count(chunk);
  Tapes tapes = new_tapes();
  Carry state = from;
  // The last m steps of the chunk back, and the state before them.
  const auto last_steps = [&](std::int64_t m) {
    state = from;
    if (m < n) {
      call_chunk(g_.advance, from, to, begin, n - m, nullptr);
      std::swap(state, to);
    }
    ct_ = at_end;
    if (m == 0) return true;
    call_chunk(g_.tape, state, to, begin + n - m, m, &tapes);
    call_back(tapes, begin + n - m, m);
    std::swap(ct_, next_ct_);
    return finite(ct_);
  };
  std::int64_t good = 0, bad = n;
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    (last_steps(middle) ? good : bad) = middle;
  }
  last_steps(good);
  const CotangentTensors after = ct_;
  last_steps(bad);
  ct_ = after;

  GradientFault fault;
  fault.step = begin + n - bad + 1;
  fault.t = time(fault.step);
  const AdjointPieces plain =
      make_adjoint_pieces(system_, g_.pieces, g_.objective, g_.parameters, nullptr, false);
  const ir::FunctionPtr one = reverse_program(plain, g_.plan.composition, 1);
  call_chunk(g_.tape, state, to, fault.step - 1, 1, &tapes);
  std::vector<Tensor> args;
  for (std::size_t k = 0; k < tapes.size(); ++k) args.push_back(row_of(tapes[k], *one, k));
  args.insert(args.end(), after.begin(), after.end());
  if (g_.adjoint.every > 0) args.push_back(weight_);
  args.insert(args.end(), {Tensor::scalar_of<std::int64_t>(fault.step - 1),
                           Tensor::scalar_of<std::int64_t>(1), t0_, dt_});
  for (const Parameter& x : system_.parameters) args.push_back(x.value);
  if (const auto found = ir::find_non_finite(*one, args)) {
    const std::size_t r = found->result;
    const std::string names[] = {"q", "p", "dH/dq"};
    const std::string name =
        r < kCtParameters ? names[r] : g_.pieces.parameter_names[g_.adjoint.wrt[r - kCtParameters]];
    fault.component =
        "gradient by " + component_name(name, one->result_type(r).shape, found->element);
    fault.op = ir::name_of(found->op);
    // The loop over the one step is none to tell of.
    for (std::size_t k = 1; k < found->levels.size(); ++k) {
      fault.where += (k > 1 ? ", " : "in ") + found->levels[k].text();
    }
    fault.place = found->place;
    const SourcePtr& source = g_.system.source;
    if (source && !fault.place.empty() && fault.place.end <= source->text.size()) {
      fault.expression =
          source->text.substr(fault.place.begin, fault.place.end - fault.place.begin);
    }
  } else {
    fault.component = "gradient";
  }
  result_.gradient_fault = std::move(fault);
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
  Carry from = start_, to = scratch_;
  for (std::int64_t c = 0; c < chunks_; ++c) {
    if (stopped()) return false;
    if (!forward(c, from, to, nullptr)) return false;
    std::swap(from, to);
  }
  finish_forward(from);
  return true;
}

bool GradientRun::run_all() {
  std::vector<Tapes> tapes;
  Carry from = start_, to = scratch_;
  for (std::int64_t c = 0; c < chunks_; ++c) {
    if (stopped()) return false;
    tapes.push_back(new_tapes());
    if (!forward(c, from, to, &tapes.back())) return false;
    std::swap(from, to);
  }
  note_kept(chunks_ * tape_size());
  finish_forward(from);
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
bool GradientRun::run_checkpoints(std::int64_t chunks, const Carry& start, bool ended) {
  const std::int64_t state_bytes = carry_bytes(g_.pieces.arithmetic, g_.pieces.shape);
  std::vector<Kept> kept = {{0, start}};
  Tapes tapes = new_tapes();
  Carry from = start, to = scratch_;
  while (chunks > 0) {
    const std::int64_t places = g_.gradient_plan.slots - static_cast<std::int64_t>(kept.size()) + 1;
    std::int64_t at = kept.back().chunk;
    from = kept.back().state;
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
    if (!forward(at, from, to, &tapes)) return false;
    note_kept(tape_size() + static_cast<std::int64_t>(kept.size()) * state_bytes);
    if (!ended) {
      finish_forward(to);
      ended = true;
    }
    if (!back(at, tapes)) return false;
    chunks = at;
    if (kept.back().chunk == at) kept.pop_back();
  }
  g_.pool.give(std::move(tapes));
  return true;
}

bool GradientRun::run_undoing() {
  const std::int64_t state_bytes = carry_bytes(g_.pieces.arithmetic, g_.pieces.shape);
  const std::int64_t slots = std::max<std::int64_t>(1, g_.gradient_plan.slots);
  const std::int64_t stride = std::max<std::int64_t>(1, (chunks_ + slots - 1) / slots);
  std::vector<Kept> kept;
  Carry from = start_, to = scratch_;
  for (std::int64_t c = 0; c < chunks_; ++c) {
    if (stopped()) return false;
    if (c % stride == 0) kept.push_back({c, from});
    if (!forward(c, from, to, nullptr)) return false;
    std::swap(from, to);
  }
  note_kept(static_cast<std::int64_t>(kept.size() + 2) * state_bytes);
  finish_forward(from);
  for (std::int64_t end = chunks_; !kept.empty(); kept.pop_back()) {
    const CotangentTensors before = ct_;
    const std::size_t growth = growth_.size();
    const std::int64_t done = reverse_done_;
    const std::int64_t begin = kept.back().chunk;
    bool undone = true;
    for (std::int64_t c = end; undone && c-- > begin;) {
      if (stopped()) return false;
      undone = undo_chunk(c, from);
    }
    // What is not finite may be so only where the undone state went.
    const double drift =
        undone ? distance(from, kept.back().state) : std::numeric_limits<double>::infinity();
    if (!(drift <= g_.settings.drift_tolerance)) {
      result_.drift = Drift{first(begin), time(first(begin)), drift};
      // This stretch once more, and all before it, from states that are known.
      ct_ = before;
      growth_.resize(growth);
      reverse_done_ = done;
      return run_checkpoints(end, start_, true);
    }
    result_.worst_drift = std::max(result_.worst_drift, drift);
    from = kept.back().state;
    end = begin;
  }
  return true;
}

/// From the first state's cotangents to the gradient: through dH/dq there, and through v.
void GradientRun::begin(const Carry& start) {
  if (g_.adjoint.every > 0 && steps_ > 0) {
    const std::vector<Tensor> slope = at_state(start, 0);
    const double weight = weight_.as<double>()[0];
    const auto add = [&](Tensor& to, const Tensor& from) {
      for (std::int64_t k = 0; k < to.size(); ++k) {
        to.set_real(k, to.real(k) + weight * from.real(k));
      }
    };
    add(ct_[kCtQ], slope[1]);
    add(ct_[kCtP], slope[2]);
    for (std::size_t k = 0; k < g_.adjoint.wrt.size(); ++k) {
      add(ct_[kCtParameters + k], slope[3 + k]);
    }
  }
  const Tensor q = converted(start.whole(Part::kQ), g_.adjoint.real);
  const Tensor p = converted(start.whole(Part::kP), g_.adjoint.real);
  std::vector<const Tensor*> args = {&q, &p, &t0_};
  for (const Parameter& x : system_.parameters) args.push_back(&x.value);
  for (const Tensor& x : ct_) args.push_back(&x);
  std::vector<Tensor*> results = {&next_ct_[kCtQ], &next_ct_[kCtP]};
  for (std::size_t k = 0; k < g_.adjoint.wrt.size(); ++k) {
    results.push_back(&next_ct_[kCtParameters + k]);
  }
  g_.begin.call(args, results);
  std::swap(ct_, next_ct_);
}

void GradientRun::collect(const Carry& start) {
  begin(start);
  Tensor q = converted(ct_[kCtQ], DType::kF64), p = converted(ct_[kCtP], DType::kF64), v;
  std::vector<Tensor> parameters(ct_.begin() + kCtParameters, ct_.end());
  const bool held = g_.by_velocity || (!g_.by_momentum && initial_.v && !initial_.p);
  if (held) {
    const VelocityCotangents more = pull_velocity(system_, initial_, p_, p, g_.parameters);
    v = more.v;
    const auto add = [](Tensor& to, const Tensor& from) {
      for (std::int64_t k = 0; k < to.size(); ++k) to.set_real(k, to.real(k) + from.real(k));
    };
    add(q, more.q);
    for (std::size_t k = 0; k < parameters.size(); ++k) add(parameters[k], more.parameters[k]);
  }
  std::size_t next = 0;
  for (const std::string& name : g_.names) {
    result_.gradient.emplace_back(name, name == "q"   ? q
                                        : name == "p" ? p
                                        : name == "v" ? v
                                                      : parameters[next++]);
  }
}

/// growth_ goes from the end of the run back to its start.
void GradientRun::close_horizon() {
  if (growth_.size() < 2 || !std::isfinite(growth_.front().second)) return;
  const double last = growth_.front().second, end = growth_.front().first;
  const double total = growth_.back().second - last;
  const double span = std::abs(end - growth_.back().first);
  if (!std::isfinite(total) || span == 0) return;
  Horizon h;
  const double epsilon = epsilon_of(g_.pieces.arithmetic);
  h.growth = std::exp(total);
  h.lyapunov = std::max(0.0, total / span);
  h.digits = std::max(0.0, -(std::log10(epsilon) + std::max(0.0, total) / std::log(10.0)));
  for (const auto& [t, log] : growth_) {
    if (log - last < -std::log(epsilon)) continue;
    h.lost_at = initial_.t + (end - t);
    break;
  }
  result_.horizon = h;
}

GradientResult GradientRun::go() {
  start();
  clock_ = Clock::now();
  result_.plan = g_.gradient_plan;
  bool done = true;
  if (chunks_ == 0) {
    finish_forward(start_);
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
    if (result_.status != RunStatus::kFinished) return std::move(result_);
    // The run's own words for what stopped it.
    const auto flow = Flow::compile(system_, g_.facts, g_.plan, g_.options);
    const RunResult run = flow->run(initial_, steps_);
    result_.status = RunStatus::kNonFinite;
    result_.fault = run.fault;
    result_.steps = run.steps;
    return std::move(result_);
  }
  if (control_.value_only) return std::move(result_);
  result_.reverse_s = seconds_since(clock_) - result_.forward_s;
  collect(start_);
  close_horizon();
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
