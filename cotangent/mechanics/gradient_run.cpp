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

/// |a - b| over |b|, by largest entries, both f64; infinite where a number is not finite.
double distance(const Tensor& a, const Tensor& b) {
  const auto x = a.as<double>(), y = b.as<double>();
  double difference = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double d = std::abs(x[k] - y[k]);
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
    const std::size_t given = control.parameters.size();
    if (given != 0 && given != system_.parameters.size()) {
      throw UserError(std::to_string(given) + " parameters for a system that has " +
                          std::to_string(system_.parameters.size()),
                      "give all of them, in its order, or none");
    }
    for (std::size_t k = 0; k < control.parameters.size(); ++k) {
      Parameter& x = system_.parameters[k];
      if (control.parameters[k].type() != x.value.type()) {
        throw UserError(
            "the parameter " + x.name + " is given as " + control.parameters[k].type().text(),
            "the system has it as " + x.value.type().text());
      }
      x.value = control.parameters[k];
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
  bool begin(const Carry& start);
  bool collect(const Carry& start);
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
  Tensor observe_start(Carry& state, const Tensor& t) const;
  Tensor velocity_at(Carry state, std::int64_t step) const;
  void follow(const Carry& from, const Carry& main, std::int64_t begin, std::int64_t count);
  void fresh_shadow(const Carry& at, std::int64_t step);
  void place_shadow(const Carry& at, const Tensor& dq, const Tensor& dp, double by,
                    std::int64_t step);
  std::optional<GradientFault> fault_in(const ir::Function& f, const std::vector<Tensor>& args,
                                        std::int64_t step, const std::vector<std::string>& names,
                                        std::size_t skipped = 0) const;
  std::vector<std::string> gradient_names(std::vector<std::string> more = {}) const;
  AdjointPieces plain_pieces() const;
  bool objective_is_finite(const Carry& state, std::int64_t step, const std::vector<Tensor>& slope);

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
  double scale_q_ = 0, scale_v_ = 0;  ///< units of a distance between positions and velocities
  bool ended_ = false;           ///< the last state was reached, and the cotangents are those there
  std::int64_t forward_done_ = 0, reverse_done_ = 0;  ///< steps, for progress
  Clock::time_point clock_;
  double last_report_ = -1;
  Carry shadow_, shadow_next_;  ///< a run beside, a little off
  double shadow_log_ = 0;       ///< of what its distance has grown by so far
  struct Growth {
    std::int64_t step;
    double log;
  };
  std::vector<Growth> growth_;
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
  check_state(system_, initial_.q, "q");
  if (!initial_.p && !initial_.v) {
    throw UserError("the initial state has neither p nor v", "give one of them");
  }
  if (initial_.v) check_state(system_, *initial_.v, "v");
  p_ = initial_.p ? *initial_.p : momentum_from_velocity(system_, initial_);
  check_state(system_, p_, "p");
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

  observe_start(start_, t0_);
}

/// dH/dq at a state, for the steps from there on. Returns dH/dp, the velocities.
Tensor GradientRun::observe_start(Carry& state, const Tensor& t) const {
  const Arithmetic& arithmetic = g_.pieces.arithmetic;
  std::vector<const Tensor*> args;
  for (Part part : state_parts(arithmetic)) args.push_back(&state[part]);
  args.push_back(&t);
  for (const Parameter& x : system_.parameters) args.push_back(&x.value);
  Tensor velocity({DType::kF64, g_.pieces.shape});
  std::vector<Tensor*> results = {&state[Part::kGradient]};
  if (arithmetic.pairs) results.push_back(&state[Part::kGradientError]);
  results.push_back(&velocity);
  g_.begin_of_run.call(args, results);
  return velocity;
}

Tensor GradientRun::velocity_at(Carry state, std::int64_t step) const {
  return observe_start(state, Tensor::scalar_of<double>(time(step)));
}

/// The shadow: a state `by` times (dq, dp) off.
void GradientRun::place_shadow(const Carry& at, const Tensor& dq, const Tensor& dp, double by,
                               std::int64_t step) {
  InitialState off{.q = at.whole(Part::kQ), .p = at.whole(Part::kP), .v = std::nullopt};
  for (std::int64_t k = 0; k < dq.size(); ++k) {
    off.q.set_real(k, off.q.real(k) + by * dq.real(k));
    off.p->set_real(k, off.p->real(k) + by * dp.real(k));
  }
  shadow_ = Carry(g_.pieces.arithmetic, off, *off.p);
  observe_start(shadow_, Tensor::scalar_of<double>(time(step)));
}

/// Of each entry, the largest |x| of its particle: momenta go by mass.
static std::vector<double> sizes_by_particle(const Tensor& x) {
  const auto entries = x.as<double>();
  const std::size_t d =
      x.type().shape.rank() == 2 ? static_cast<std::size_t>(x.type().shape[1]) : 1;
  std::vector<double> sizes(entries.size());
  for (std::size_t k = 0; k < sizes.size(); k += d) {
    double most = 0;
    for (std::size_t j = k; j < k + d; ++j) most = std::max(most, std::abs(entries[j]));
    std::fill_n(sizes.begin() + static_cast<std::ptrdiff_t>(k), d, most);
  }
  return sizes;
}

/// The shadow a little off in no direction of its own. A particle at rest stays at rest.
void GradientRun::fresh_shadow(const Carry& at, std::int64_t step) {
  const std::vector<double> sizes = sizes_by_particle(at.whole(Part::kP));
  Tensor dq({DType::kF64, g_.pieces.shape}), dp(dq.type());
  const double each =
      std::sqrt(epsilon_of(g_.pieces.arithmetic) / (2.0 * static_cast<double>(dq.size())));
  for (std::int64_t k = 0; k < dq.size(); ++k) {
    dq.set_real(k, scale_q_ * each * (k % 3 == 1 ? -1 : 1));
    dp.set_real(k, sizes[static_cast<std::size_t>(k)] * each * (k % 5 == 2 ? -1 : 1));
  }
  place_shadow(at, dq, dp, 1, step);
}

/// The shadow goes along a chunk from `from` to `main`: its distance is noted and made small again.
/// A distance is one of positions and velocities, which light and heavy bodies have alike.
void GradientRun::follow(const Carry& from, const Carry& main, std::int64_t begin,
                         std::int64_t count) {
  // Relative to the largest that the state has been: what grows with it loses no digits.
  const Tensor q = main.whole(Part::kQ), p = main.whole(Part::kP);
  const Tensor v = velocity_at(main, begin + count);
  scale_q_ = std::max(scale_q_, largest(q));
  scale_v_ = std::max(scale_v_, largest(v));
  if (!(scale_q_ > 0) || !(scale_v_ > 0)) return;  // at rest, so far
  if (growth_.empty()) {
    scale_q_ = std::max(scale_q_, largest(from.whole(Part::kQ)));
    scale_v_ = std::max(scale_v_, largest(velocity_at(from, begin)));
    fresh_shadow(from, begin);
    shadow_next_ = Carry(g_.pieces.arithmetic, g_.pieces.shape);
    growth_.push_back({begin, 0});
  }
  call_chunk(g_.advance, shadow_, shadow_next_, begin, count, nullptr);
  Tensor dq = shadow_next_.whole(Part::kQ), dp = shadow_next_.whole(Part::kP);
  const Tensor off_v = velocity_at(shadow_next_, begin + count);
  double square = 0;
  for (std::int64_t k = 0; k < q.size(); ++k) {
    dq.set_real(k, dq.real(k) - q.real(k));
    dp.set_real(k, dp.real(k) - p.real(k));
    const double x = dq.real(k) / scale_q_, y = (off_v.real(k) - v.real(k)) / scale_v_;
    square += x * x + y * y;
  }
  const double small = std::sqrt(epsilon_of(g_.pieces.arithmetic));
  double distance = std::sqrt(square);
  const bool usable = std::isfinite(distance) && distance > 0;
  if (!usable) distance = distance == 0 ? small : 1;  // below rounding; away for good
  shadow_log_ += std::log(distance / small);
  growth_.push_back({begin + count, shadow_log_});
  if (usable) {
    place_shadow(main, dq, dp, small / distance, begin + count);
  } else {
    fresh_shadow(main, begin + count);
  }
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
    if (g_.settings.horizon && !control_.value_only) follow(from, to, begin, n);
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
  if (control_.value_only) return true;
  if (!std::isfinite(result_.value) || !slope.empty()) {
    if (!objective_is_finite(end, steps_, slope)) return false;
  }
  if (slope.empty()) return true;  // the sample at the last step is the chunk's to add
  const auto put = [&](Tensor& to, const Tensor& from) {
    for (std::int64_t k = 0; k < to.size(); ++k) to.set_real(k, weight * from.real(k));
  };
  put(ct_[kCtQ], slope[1]);
  put(ct_[kCtP], slope[2]);
  for (std::size_t k = 0; k < g_.adjoint.wrt.size(); ++k) put(ct_[kCtParameters + k], slope[3 + k]);
  return true;
}

/// What made a result of `f` not finite, as a fault of this step; nothing where all are finite.
/// `names` are those of the results; of the levels the first `skipped` are not told.
std::optional<GradientFault> GradientRun::fault_in(const ir::Function& f,
                                                   const std::vector<Tensor>& args,
                                                   std::int64_t step,
                                                   const std::vector<std::string>& names,
                                                   std::size_t skipped) const {
  const auto found = ir::find_non_finite(f, args);
  if (!found) return {};
  GradientFault fault;
  fault.step = step;
  fault.t = time(step);
  fault.component =
      component_name(names[found->result], f.result_type(found->result).shape, found->element);
  if (!found->argument) fault.op = ir::name_of(found->op);
  for (std::size_t k = skipped; k < found->levels.size(); ++k) {
    fault.where += (k > skipped ? ", " : "in ") + found->levels[k].text();
  }
  fault.place = found->place;
  const SourcePtr& source = g_.system.source;
  if (source && !fault.place.empty() && fault.place.end <= source->text.size()) {
    fault.expression = source->text.substr(fault.place.begin, fault.place.end - fault.place.begin);
  }
  return fault;
}

/// "gradient by q", "gradient by p", those given, then those of the parameters.
std::vector<std::string> GradientRun::gradient_names(std::vector<std::string> more) const {
  std::vector<std::string> names = {"gradient by q", "gradient by p"};
  names.insert(names.end(), more.begin(), more.end());
  for (std::size_t k : g_.adjoint.wrt) {
    names.push_back("gradient by " + g_.pieces.parameter_names[k]);
  }
  return names;
}

/// The pieces as the rules of derivatives made them, for a search.
AdjointPieces GradientRun::plain_pieces() const {
  return make_adjoint_pieces(system_, g_.pieces, g_.objective, g_.parameters, nullptr, false);
}

/// Whether value and slopes of the objective at a state are; the fault, if not.
bool GradientRun::objective_is_finite(const Carry& state, std::int64_t step,
                                      const std::vector<Tensor>& slope) {
  if (std::isfinite(result_.value) && (slope.empty() || finite(slope))) return true;
  const AdjointPieces plain = plain_pieces();
  std::vector<std::string> names = gradient_names();
  names.insert(names.begin(), "the objective " + g_.objective.name);
  const auto fault_at = [&](const Carry& at, std::int64_t n) {
    std::vector<Tensor> args = {at.whole(Part::kQ), at.whole(Part::kP),
                                Tensor::scalar_of<double>(time(n))};
    for (const Parameter& x : system_.parameters) args.push_back(x.value);
    return fault_in(*plain.objective, args, n, names);
  };
  std::optional<GradientFault> fault = fault_at(state, step);
  if (!fault && g_.adjoint.every > 0) fault = fault_at(start_, 0);
  if (!fault) {  // a sample on the way, or one that only the passes' rounding makes so
    fault.emplace();
    fault->step = step;
    fault->t = time(step);
    fault->component = names[0];
  }
  fault->of_value = !std::isfinite(result_.value);
  result_.gradient_fault = std::move(fault);
  return false;
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

  const std::int64_t step = begin + n - bad + 1;
  const ir::FunctionPtr one = reverse_program(plain_pieces(), g_.plan.composition, 1);
  call_chunk(g_.tape, state, to, step - 1, 1, &tapes);
  std::vector<Tensor> args;
  for (std::size_t k = 0; k < tapes.size(); ++k) args.push_back(row_of(tapes[k], *one, k));
  args.insert(args.end(), after.begin(), after.end());
  if (g_.adjoint.every > 0) args.push_back(weight_);
  args.insert(args.end(), {Tensor::scalar_of<std::int64_t>(step - 1),
                           Tensor::scalar_of<std::int64_t>(1), t0_, dt_});
  for (const Parameter& x : system_.parameters) args.push_back(x.value);
  // The loop over the one step is none to tell of.
  result_.gradient_fault = fault_in(*one, args, step, gradient_names({"gradient by dH/dq"}), 1);
  if (!result_.gradient_fault) {
    result_.gradient_fault.emplace();
    result_.gradient_fault->step = step;
    result_.gradient_fault->t = time(step);
    result_.gradient_fault->component = "the gradient";
  }
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
  return finish_forward(from);
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
      if (!finish_forward(to)) return false;
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
  if (!finish_forward(from)) return false;
  for (std::int64_t end = chunks_; !kept.empty(); kept.pop_back()) {
    const CotangentTensors before = ct_;
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
      reverse_done_ = done;
      kept.clear();
      return run_checkpoints(end, start_, true);
    }
    result_.worst_drift = std::max(result_.worst_drift, drift);
    from = kept.back().state;
    end = begin;
  }
  return true;
}

/// From the first state's cotangents to the gradient: through dH/dq there, and through v.
bool GradientRun::begin(const Carry& start) {
  if (g_.adjoint.every > 0 && steps_ > 0) {
    const std::vector<Tensor> slope = at_state(start, 0);
    if (!objective_is_finite(start, 0, slope)) return false;
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
  next_ct_[2] = Tensor(next_ct_[2].type());
  if (!finite(next_ct_)) {
    std::vector<Tensor> given;
    for (const Tensor* x : args) given.push_back(*x);
    result_.gradient_fault = fault_in(*begin_program(plain_pieces()), given, 0, gradient_names());
    if (!result_.gradient_fault) {
      result_.gradient_fault.emplace();
      result_.gradient_fault->t = initial_.t;
      result_.gradient_fault->component = "the gradient";
    }
    return false;
  }
  std::swap(ct_, next_ct_);
  return true;
}

bool GradientRun::collect(const Carry& start) {
  if (!begin(start)) return false;
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
  return true;
}

/// What the shadow has shown.
void GradientRun::close_horizon() {
  if (growth_.size() < 2) return;
  const double epsilon = std::log(epsilon_of(g_.pieces.arithmetic));
  const auto stages = static_cast<double>(g_.plan.composition.stages());
  // What rounding has done to the state after a step, relative to it, as a logarithm.
  const auto rounding = [&](const Growth& at) {
    return epsilon + 0.5 * std::log(std::max(1.0, stages * static_cast<double>(at.step))) + at.log;
  };
  Horizon h;
  const double span = std::abs(time(growth_.back().step) - initial_.t);
  h.growth = std::exp(growth_.back().log);
  h.lyapunov = std::max(0.0, growth_.back().log / span);
  h.digits = std::clamp(-rounding(growth_.back()) / std::log(10.0), 0.0, -epsilon / std::log(10.0));
  for (std::size_t k = 1; k < growth_.size(); ++k) {
    const double before = rounding(growth_[k - 1]), after = rounding(growth_[k]);
    if (after < 0) continue;
    const double part = after > before ? std::clamp(-before / (after - before), 0.0, 1.0) : 0.0;
    const double step = static_cast<double>(growth_[k - 1].step) +
                        part * static_cast<double>(growth_[k].step - growth_[k - 1].step);
    h.lost_at = std::fma(step, g_.plan.dt, initial_.t);
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
  if (!collect(start_)) {
    result_.status = RunStatus::kNonFinite;
    return std::move(result_);
  }
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
