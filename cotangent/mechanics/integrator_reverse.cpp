// Gradients of runs of any integrator, by the programs of integrator_adjoint.h.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/call.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/integrator_adjoint.h"
#include "cotangent/mechanics/reverse_machine.h"
#include "cotangent/mechanics/state_arrays.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

/// UserError where the method was made for the value of a parameter: what it gives by that one is
/// not what the system would.
void check_fixed(const System& system, const Integrator& method,
                 const std::vector<std::size_t>& wrt) {
  for (std::size_t k : wrt) {
    if (std::ranges::find(method.fixed, k) == method.fixed.end()) continue;
    throw UserError(
        {"a gradient by " + system.parameters[k].name + " with the method " + method.method, "",
         "the method fits this energy for the value that it has, and for no other",
         "choose another method, or leave it out"});
  }
}

class IntegratorReverse final : public ReverseMachine {
 public:
  explicit IntegratorReverse(const ReverseRequest& r)
      : ReverseMachine(r.gradient_plan.chunk, r.objective.every),
        integrator_(*r.plan.integrator),
        objective_(r.objective) {
    check_fixed(r.system, integrator_, r.wrt);
    telemetry::Span making(r.options.telemetry, "programs of the gradient");
    a_ = make_integrator_adjoint(r.system, integrator_, r.objective, r.wrt, r.options.telemetry);
    std::vector<ir::FunctionPtr> programs = {
        a_.method.integrator.open,
        look_program(a_.method, r.system, {}),
        a_.objective,
        a_.pull_open,
        tape_program(a_, r.system, chunk()),
        reverse_program(a_, r.system, chunk()),
        chunk_program(a_.method, r.system, a_.samples, chunk())};
    const bool undoes = r.gradient_plan.policy == GradientPolicy::kReverse;
    if (undoes) programs.push_back(undo_program(a_, r.system, chunk()));
    if (r.settings.horizon) {
      for (const ir::FunctionPtr& f : push_programs(integrator_, r.system, chunk())) {
        programs.push_back(f);
      }
    }
    making.close();
    const std::vector<Callable> made = compile_gradient(programs, r.options);
    open_ = made[0];
    look_ = made[1];
    at_carry_ = made[2];
    pull_open_ = made[3];
    tape_ = made[4];
    reverse_ = made[5];
    advance_ = made[6];
    std::size_t next = 7;
    if (undoes) undo_ = made[next++];
    if (r.settings.horizon) {
      push_ = made[next];
      seen_ = made[next + 1];
      push_open_ = made[next + 2];
    }
    for (const NamedType& x : tape_types(a_, chunk())) tape_room_.push_back(x.type);
    for (std::size_t k : a_.real) cotangents_.push_back(integrator_.carry[k].type);
    for (std::size_t k : a_.wrt) cotangents_.push_back(r.system.parameters[k].value.type());
  }

  Arrays room() const override {
    Arrays list;
    for (const NamedType& x : integrator_.carry) list.emplace_back(x.type);
    return list;
  }

  Arrays begin(const InitialState& initial, const GradientContext& c) const override {
    return clock(Call(open_).of(states(initial, c)), c).made();
  }

  bool finite(const Arrays& carry) const override {
    return std::ranges::none_of(
        carry, [](const Tensor& x) { return ir::first_non_finite(x).has_value(); });
  }

  Arrays state(const Arrays& carry, std::int64_t step, const GradientContext& c) const override {
    Arrays seen = clock(Call(look_).of(carry).index(step), c).made();
    seen.resize(integrator_.state.size());  // without the velocity
    return seen;
  }

  void advance(const Arrays& from, Arrays& to, std::int64_t first, std::int64_t count,
               const GradientContext& c, Arrays* tape, Arrays& samples) const override {
    Call call(tape ? tape_ : advance_);
    clock(call.of(from).index(first).index(count), c).to(to);
    if (!tape) return call.to(samples).now();
    for (std::size_t k = 0; k < a_.moving.size(); ++k) call.to((*tape)[k]);
    call.to(samples).now();
    std::size_t next = a_.moving.size();
    for (std::size_t k : a_.moving) {
      if (every() > 0) (*tape)[next++] = to[k];
    }
  }

  Arrays room_for_tape() const override { return {tape_room_.begin(), tape_room_.end()}; }
  Arrays cotangents() const override { return {cotangents_.begin(), cotangents_.end()}; }

  void back(const Arrays& tape, const Arrays& start, const Arrays& after, Arrays& before,
            std::int64_t first, std::int64_t count, const GradientContext& c) const override {
    Call call(reverse_);
    call.of(tape);
    for (std::size_t k = 0; k < start.size(); ++k) {
      if (!moves(k)) call.of(start[k]);
    }
    call.of(after);
    if (every() > 0) call.real(c.weight);
    clock(call.index(first).index(count), c).to(before).now();
  }

  void undo(const Arrays& from, Arrays& to, const Arrays& after, Arrays& before, std::int64_t first,
            std::int64_t count, const GradientContext& c) const override {
    Call call(undo_);
    call.of(from).of(after);
    if (every() > 0) call.real(c.weight);
    clock(call.index(first).index(count), c).to(to).to(before).now();
  }

  Slope objective(const Arrays& carry, std::int64_t step, const GradientContext& c) const override {
    Arrays made = clock(Call(at_carry_).of(carry).index(step), c).made();
    const double value = made[0].as<double>()[0];
    made.erase(made.begin());
    return {value, std::move(made)};
  }

  Arrays to_start(const InitialState& initial, const Arrays&, const Arrays& ct,
                  const GradientContext& c) const override {
    Arrays made = clock(Call(pull_open_).of(states(initial, c)), c).of(of_carry(ct)).made();
    const std::size_t states = integrator_.state.size();
    for (std::size_t k = 0; k < a_.wrt.size(); ++k) {
      const Tensor& more = ct[a_.real.size() + k];
      Tensor& x = made[states + k];
      for (std::int64_t i = 0; i < x.size(); ++i) x.set_real(i, x.real(i) + more.real(i));
    }
    return made;
  }

  std::optional<GradientFault> objective_fault(const Arrays& carry, std::int64_t step,
                                               const GradientContext& c) const override {
    std::vector<std::string> names = names_of_cotangents(c.system);
    names.insert(names.begin(), "the objective " + objective_.name);
    return fault_in(c.system, c.clock, *plain(c).objective, at_step(carry, step, c), step, names);
  }

  std::optional<GradientFault> step_fault(const Arrays& before, std::int64_t step,
                                          const Arrays& after,
                                          const GradientContext& c) const override {
    std::vector<Tensor> args = at_step(before, step - 1, c);
    for (const Tensor& x : of_carry(after)) args.push_back(x);
    return fault_in(c.system, c.clock, *plain(c).pull_step, args, step,
                    names_of_cotangents(c.system));
  }

  std::optional<GradientFault> start_fault(const InitialState& initial, const Arrays&,
                                           const Arrays& ct,
                                           const GradientContext& c) const override {
    std::vector<Tensor> args = states(initial, c);
    args.push_back(Tensor::scalar_of<double>(c.clock.t0));
    args.push_back(Tensor::scalar_of<double>(c.clock.dt));
    for (const Parameter& x : c.system.parameters) args.push_back(x.value);
    for (const Tensor& x : of_carry(ct)) args.push_back(x);
    std::vector<std::string> names;
    for (const NamedType& x : integrator_.state) names.push_back(x.name);
    return fault_in(c.system, c.clock, *plain(c).pull_open, args, 0,
                    gradient_names(names, c.system, a_.wrt));
  }

  std::unique_ptr<Neighbour> neighbour() const override;
  double epsilon() const override { return 0x1p-53; }
  double roundings() const override { return 1; }

 private:
  friend class TangentVector;

  bool moves(std::size_t k) const { return std::ranges::find(a_.moving, k) != a_.moving.end(); }
  Call& clock(Call& call, const GradientContext& c) const {
    return call.real(c.clock.t0).real(c.clock.dt).of(c.system.parameters);
  }
  /// q and p, or x.
  Arrays states(const InitialState& initial, const GradientContext& c) const {
    if (c.system.form == Form::kCanonical) return {initial.q, *initial.p};
    return {initial.x};
  }
  Arrays of_carry(const Arrays& ct) const {
    return {ct.begin(), ct.begin() + static_cast<std::ptrdiff_t>(a_.real.size())};
  }
  std::vector<Tensor> at_step(const Arrays& carry, std::int64_t step,
                              const GradientContext& c) const {
    std::vector<Tensor> args = carry;
    args.push_back(Tensor::scalar_of<std::int64_t>(step));
    args.push_back(Tensor::scalar_of<double>(c.clock.t0));
    args.push_back(Tensor::scalar_of<double>(c.clock.dt));
    for (const Parameter& x : c.system.parameters) args.push_back(x.value);
    return args;
  }
  std::vector<std::string> names_of_cotangents(const System& system) const {
    std::vector<std::string> arrays;
    for (std::size_t k : a_.real) arrays.push_back(integrator_.carry[k].name);
    return gradient_names(arrays, system, a_.wrt);
  }
  /// The programs as the rules of derivatives made them, for a search.
  IntegratorAdjoint plain(const GradientContext& c) const {
    return make_integrator_adjoint(c.system, integrator_, objective_, a_.wrt, nullptr, false);
  }

  Integrator integrator_;
  Objective objective_;
  IntegratorAdjoint a_;
  std::vector<ir::Type> tape_room_, cotangents_;
  Callable open_, look_, at_carry_, pull_open_, tape_, reverse_, advance_, undo_, push_, seen_,
      push_open_;
};

/// A tangent vector beside the run, made short again after every chunk. (A second run a little off
/// would not do: adaptive steps are of other sizes there, and what that changes is no growth.)
class TangentVector final : public Neighbour {
 public:
  explicit TangentVector(const IntegratorReverse& machine) : m_(machine) {}

  std::optional<double> follow(const Arrays& from, const Arrays& to, std::int64_t first,
                               std::int64_t count, const GradientContext& c) override {
    Arrays at_first;
    if (change_.empty()) {
      change_ = afresh(from, first, c);
      at_first = seen(from, first, c);
    }
    Arrays moved =
        m_.clock(Call(m_.push_).of(from).index(first).index(count), c).of(change_).made();
    change_ = last(std::move(moved), change_.size());
    const Arrays change = seen(to, first + count, c);
    const bool canonical = c.system.form == Form::kCanonical;
    if (!(canonical ? gauge_.all_moved() : gauge_.any_moved())) {
      change_.clear();  // at rest, so far
      return {};
    }
    const double before = at_first.empty() ? 1 : gauge_.length(at_first);
    const double length = gauge_.length(change);
    if (!std::isfinite(length) || !(length > 0) || !(before > 0)) {
      change_.clear();
      return std::isfinite(length) ? 0 : std::log(std::numeric_limits<double>::max());
    }
    for (Tensor& x : change_) {
      for (std::int64_t k = 0; k < x.size(); ++k) x.set_real(k, x.real(k) / length);
    }
    return std::log(length / before);
  }

 private:
  static Arrays last(Arrays list, std::size_t n) {
    list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(n));
    return list;
  }
  /// Positions and velocities, or the arrays of x.
  static Arrays parts(Arrays seen, const GradientContext& c) {
    if (c.system.form == Form::kCanonical) return seen;
    Arrays list;
    for (NamedArray& x : arrays_of(c.system, seen[0])) list.push_back(std::move(x.value));
    return list;
  }
  /// How what people see of a carry changes; the gauge sees it.
  Arrays seen(const Arrays& carry, std::int64_t step, const GradientContext& c) {
    Arrays both = m_.clock(Call(m_.seen_).of(carry).index(step), c).of(change_).made();
    const std::size_t n = both.size() / 2;
    Arrays change = last(both, n);
    both.resize(n);
    gauge_.see(parts(std::move(both), c));
    return parts(std::move(change), c);
  }
  /// A change in no direction of its own. A particle at rest stays at rest.
  Arrays afresh(const Arrays& carry, std::int64_t step, const GradientContext& c) const {
    const Arrays state = m_.state(carry, step, c);
    const bool canonical = c.system.form == Form::kCanonical;
    Arrays sizes;
    for (const Tensor& x : canonical ? state : parts(state, c)) {
      const bool momenta = canonical && !sizes.empty();
      sizes.push_back(momenta ? sizes_by_particle(x) : ir::filled(x.type(), largest(x)));
    }
    if (!canonical) sizes = {joined(c.system, sizes)};
    double most = 0;
    for (const Tensor& x : sizes) most = std::max(most, largest(x));
    std::int64_t k = 0;
    for (Tensor& x : sizes) {
      for (std::int64_t i = 0; i < x.size(); ++i, ++k) {
        const double size = static_cast<double>(x.real(i));
        const double own = size > 0 || canonical ? size : most > 0 ? most : 1;
        x.set_real(i, own * (k % 3 == 1 ? -1 : 1));
      }
    }
    Call call(m_.push_open_);
    call.of(state).real(c.clock.time(step)).real(c.clock.dt).of(c.system.parameters).of(sizes);
    return last(call.made(), m_.a_.real.size());
  }

  const IntegratorReverse& m_;
  Gauge gauge_;
  Arrays change_;
};

std::unique_ptr<Neighbour> IntegratorReverse::neighbour() const {
  return std::make_unique<TangentVector>(*this);
}

}  // namespace

std::unique_ptr<ReverseMachine> integrator_reverse(const ReverseRequest& request) {
  return std::make_unique<IntegratorReverse>(request);
}

}  // namespace cotangent::mechanics
