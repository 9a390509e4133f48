// Gradients of compositions of kicks and drifts, by the programs of adjoint.h.
#include <cmath>

#include "cotangent/mechanics/adjoint.h"
#include "cotangent/mechanics/call.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/reverse_machine.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

// Cotangents are those of q, p, the kept gradient and the parameters.
constexpr std::size_t kCtQ = 0, kCtP = 1, kCtParameters = 3;

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

class KickDriftReverse final : public ReverseMachine {
 public:
  explicit KickDriftReverse(const ReverseRequest& r)
      : ReverseMachine(r.gradient_plan.chunk, r.objective.every),
        splitting_(r.plan.composition),
        objective_(r.objective),
        pieces_(make_pieces(r.system, r.plan.arithmetic, true, r.options.telemetry)),
        adjoint_(make_adjoint_pieces(r.system, pieces_, r.objective, r.wrt, r.options.telemetry)) {
    std::vector<ir::FunctionPtr> programs = {start_program(pieces_, {}),
                                             adjoint_.objective,
                                             begin_program(adjoint_),
                                             tape_program(adjoint_, splitting_, chunk()),
                                             reverse_program(adjoint_, splitting_, chunk()),
                                             advance_program(adjoint_, splitting_, chunk())};
    const bool undoes = r.gradient_plan.policy == GradientPolicy::kReverse;
    if (undoes) programs.push_back(undo_program(adjoint_, splitting_, chunk()));
    const std::vector<Callable> made = compile_gradient(programs, r.options);
    begin_of_run_ = made[0];
    at_state_ = made[1];
    begin_ = made[2];
    tape_ = made[3];
    reverse_ = made[4];
    advance_ = made[5];
    if (undoes) undo_ = made[6];
  }

  Arrays room() const override { return arrays(Carry(pieces_.arithmetic, pieces_.shape)); }

  Arrays begin(const InitialState& initial, const GradientContext& c) const override {
    Carry carry(pieces_.arithmetic, initial, *initial.p);
    observe_start(carry, initial.t, c);
    return arrays(carry);
  }

  bool finite(const Arrays& list) const override { return !carry(list).non_finite(); }

  Arrays state(const Arrays& list, std::int64_t, const GradientContext&) const override {
    const Carry at = carry(list);
    return {at.whole(Part::kQ), at.whole(Part::kP)};
  }

  void advance(const Arrays& from, Arrays& to, std::int64_t first, std::int64_t count,
               const GradientContext& c, Arrays* tape, Arrays& samples) const override {
    Call call(tape ? tape_ : advance_);
    tail(call.of(from), first, count, c).to(to);
    if (tape) call.to(*tape);
    call.to(samples).now();
  }

  Arrays room_for_tape() const override {
    Arrays list;
    for (std::size_t k = 0; k < (every() > 0 ? 3u : 2u); ++k) {
      list.emplace_back(reverse_.function()->param_type(k));
    }
    return list;
  }

  Arrays cotangents() const override {
    Arrays list;
    for (int k = 0; k < 3; ++k) list.emplace_back(ir::Type{adjoint_.real, pieces_.shape});
    for (std::size_t k : adjoint_.wrt) list.emplace_back(pieces_.parameters[k]);
    return list;
  }

  void back(const Arrays& tape, const Arrays&, const Arrays& after, Arrays& before,
            std::int64_t first, std::int64_t count, const GradientContext& c) const override {
    Call call(reverse_);
    weighed(call.of(tape).of(after), c);
    tail(call, first, count, c).to(before).now();
  }

  void undo(const Arrays& from, Arrays& to, const Arrays& after, Arrays& before, std::int64_t first,
            std::int64_t count, const GradientContext& c) const override {
    Call call(undo_);
    weighed(call.of(from).of(after), c);
    tail(call, first, count, c).to(to).to(before).now();
  }

  Slope objective(const Arrays& list, std::int64_t step, const GradientContext& c) const override {
    const Arrays at = state(list, step, c);
    const Arrays made =
        Call(at_state_).of(at).real(c.clock.time(step)).of(c.system.parameters).made();
    Slope slope{made[0].as<double>()[0], cotangents()};
    const auto put = [](Tensor& to, const Tensor& from) {
      for (std::int64_t k = 0; k < to.size(); ++k) to.set_real(k, from.real(k));
    };
    put(slope.cotangents[kCtQ], made[1]);
    put(slope.cotangents[kCtP], made[2]);
    for (std::size_t k = 0; k < adjoint_.wrt.size(); ++k) {
      put(slope.cotangents[kCtParameters + k], made[3 + k]);
    }
    return slope;
  }

  Arrays to_start(const InitialState&, const Arrays& start, const Arrays& ct,
                  const GradientContext& c) const override {
    return Call(begin_)
        .of(seen_start(start))
        .real(c.clock.t0)
        .of(c.system.parameters)
        .of(ct)
        .made();
  }

  std::optional<GradientFault> objective_fault(const Arrays& list, std::int64_t step,
                                               const GradientContext& c) const override {
    std::vector<std::string> names = gradient_names({"q", "p"}, c.system, adjoint_.wrt);
    names.insert(names.begin(), "the objective " + objective_.name);
    std::vector<Tensor> args = state(list, step, c);
    args.push_back(Tensor::scalar_of<double>(c.clock.time(step)));
    for (const Parameter& x : c.system.parameters) args.push_back(x.value);
    return fault_in(c.system, c.clock, *plain(c).objective, args, step, names);
  }

  std::optional<GradientFault> step_fault(const Arrays& before, std::int64_t step,
                                          const Arrays& after,
                                          const GradientContext& c) const override {
    const ir::FunctionPtr one = reverse_program(plain(c), splitting_, 1);
    Arrays tape = room_for_tape(), to = room(), samples = room_for_samples();
    advance(before, to, step - 1, 1, c, &tape, samples);
    std::vector<Tensor> args;
    for (std::size_t k = 0; k < tape.size(); ++k) args.push_back(row_of(tape[k], *one, k));
    args.insert(args.end(), after.begin(), after.end());
    if (every() > 0) args.push_back(Tensor::scalar_of<double>(c.weight));
    args.insert(args.end(),
                {Tensor::scalar_of<std::int64_t>(step - 1), Tensor::scalar_of<std::int64_t>(1),
                 Tensor::scalar_of<double>(c.clock.t0), Tensor::scalar_of<double>(c.clock.dt)});
    for (const Parameter& x : c.system.parameters) args.push_back(x.value);
    // The loop over the one step is none to tell of.
    return fault_in(c.system, c.clock, *one, args, step,
                    gradient_names({"q", "p", "dH/dq"}, c.system, adjoint_.wrt), 1);
  }

  std::optional<GradientFault> start_fault(const InitialState&, const Arrays& start,
                                           const Arrays& ct,
                                           const GradientContext& c) const override {
    std::vector<Tensor> args = seen_start(start);
    args.push_back(Tensor::scalar_of<double>(c.clock.t0));
    for (const Parameter& x : c.system.parameters) args.push_back(x.value);
    args.insert(args.end(), ct.begin(), ct.end());
    return fault_in(c.system, c.clock, *begin_program(plain(c)), args, 0,
                    gradient_names({"q", "p"}, c.system, adjoint_.wrt));
  }

  std::unique_ptr<Neighbour> neighbour() const override;
  double epsilon() const override { return epsilon_of(pieces_.arithmetic); }
  double roundings() const override { return static_cast<double>(splitting_.stages()); }

 private:
  friend class Shadow;

  Arrays arrays(const Carry& carry) const { return parts_of(carry, pieces_.arithmetic); }
  Carry carry(const Arrays& list) const {
    return carry_of(list, pieces_.arithmetic, pieces_.shape);
  }
  Call& tail(Call& call, std::int64_t first, std::int64_t count, const GradientContext& c) const {
    return call.index(first).index(count).real(c.clock.t0).real(c.clock.dt).of(c.system.parameters);
  }
  void weighed(Call& call, const GradientContext& c) const {
    if (every() > 0) call.real(c.weight);
  }
  Arrays seen_start(const Arrays& start) const {
    const Carry at = carry(start);
    return {converted(at.whole(Part::kQ), adjoint_.real),
            converted(at.whole(Part::kP), adjoint_.real)};
  }
  /// The pieces as the rules of derivatives made them, for a search.
  AdjointPieces plain(const GradientContext& c) const {
    return make_adjoint_pieces(c.system, pieces_, objective_, adjoint_.wrt, nullptr, false);
  }
  /// dH/dq at a state, for the steps from there on. Returns dH/dp, the velocities.
  Tensor observe_start(Carry& state, double t, const GradientContext& c) const {
    Call call(begin_of_run_);
    for (Part part : state_parts(pieces_.arithmetic)) call.of(state[part]);
    Tensor velocity({DType::kF64, pieces_.shape});
    call.real(t).of(c.system.parameters).to(state[Part::kGradient]);
    if (pieces_.arithmetic.pairs) call.to(state[Part::kGradientError]);
    call.to(velocity).now();
    return velocity;
  }

  Splitting splitting_;
  Objective objective_;
  Pieces pieces_;
  AdjointPieces adjoint_;
  Callable begin_of_run_, at_state_, begin_, tape_, reverse_, advance_, undo_;
};

/// A second run that starts a little off and is brought back to that distance after every chunk.
/// Distances are of positions and velocities, which light and heavy bodies have alike.
class Shadow final : public Neighbour {
 public:
  explicit Shadow(const KickDriftReverse& machine) : m_(machine) {}

  std::optional<double> follow(const Arrays& from, const Arrays& to, std::int64_t first,
                               std::int64_t count, const GradientContext& c) override {
    const Carry main = m_.carry(to);
    const Arrays seen = seen_at(main, first + count, c);
    gauge_.see(seen);
    if (!gauge_.all_moved()) return {};  // at rest, so far
    if (shadow_.empty()) {
      const Carry start = m_.carry(from);
      gauge_.see(seen_at(start, first, c));
      place_afresh(start, first, c);
    }
    Arrays next = m_.room(), samples = m_.room_for_samples();
    m_.advance(shadow_, next, first, count, c, nullptr, samples);
    const Carry off = m_.carry(next);
    const Arrays off_seen = seen_at(off, first + count, c);
    const Tensor dq = difference(off_seen[0], seen[0]);
    const Tensor dp = difference(off.whole(Part::kP), main.whole(Part::kP));
    const double small = std::sqrt(m_.epsilon());
    double distance = gauge_.length({dq, difference(off_seen[1], seen[1])});
    const bool usable = std::isfinite(distance) && distance > 0;
    if (!usable) distance = distance == 0 ? small : 1;  // below rounding; away for good
    if (usable) {
      place(main, dq, dp, small / distance, first + count, c);
    } else {
      place_afresh(main, first + count, c);
    }
    return std::log(distance / small);
  }

 private:
  /// Positions and velocities.
  Arrays seen_at(Carry state, std::int64_t step, const GradientContext& c) const {
    return {state.whole(Part::kQ), m_.observe_start(state, c.clock.time(step), c)};
  }
  static Tensor difference(const Tensor& a, const Tensor& b) {
    Tensor d(a.type());
    for (std::int64_t k = 0; k < d.size(); ++k) d.set_real(k, a.real(k) - b.real(k));
    return d;
  }
  /// `by` times (dq, dp) off.
  void place(const Carry& at, const Tensor& dq, const Tensor& dp, double by, std::int64_t step,
             const GradientContext& c) {
    InitialState off{.q = at.whole(Part::kQ), .p = at.whole(Part::kP), .v = std::nullopt};
    for (std::int64_t k = 0; k < dq.size(); ++k) {
      off.q.set_real(k, off.q.real(k) + by * dq.real(k));
      off.p->set_real(k, off.p->real(k) + by * dp.real(k));
    }
    Carry placed(m_.pieces_.arithmetic, off, *off.p);
    m_.observe_start(placed, c.clock.time(step), c);
    shadow_ = m_.arrays(placed);
  }
  /// A little off in no direction of its own. A particle at rest stays at rest.
  void place_afresh(const Carry& at, std::int64_t step, const GradientContext& c) {
    const Tensor sizes = sizes_by_particle(at.whole(Part::kP));
    Tensor dq({DType::kF64, m_.pieces_.shape}), dp(dq.type());
    const double each = std::sqrt(m_.epsilon() / (2.0 * static_cast<double>(dq.size())));
    for (std::int64_t k = 0; k < dq.size(); ++k) {
      dq.set_real(k, gauge_.scale(0) * each * (k % 3 == 1 ? -1 : 1));
      dp.set_real(k, sizes.real(k) * each * (k % 5 == 2 ? -1 : 1));
    }
    place(at, dq, dp, 1, step, c);
  }

  const KickDriftReverse& m_;
  Gauge gauge_;
  Arrays shadow_;
};

std::unique_ptr<Neighbour> KickDriftReverse::neighbour() const {
  return std::make_unique<Shadow>(*this);
}

}  // namespace

std::unique_ptr<ReverseMachine> kick_drift_reverse(const ReverseRequest& request) {
  return std::make_unique<KickDriftReverse>(request);
}

}  // namespace cotangent::mechanics
