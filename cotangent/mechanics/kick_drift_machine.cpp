// Runs of compositions of kicks and drifts: the carry is that of carry.h, and one program both
// begins a run and looks at it.
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/lattice.h"
#include "cotangent/mechanics/machine.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

class KickDriftMachine final : public Machine {
 public:
  KickDriftMachine(const System& system, const Pieces& pieces, const Plan& plan,
                   std::vector<Output> outputs, std::int64_t trip, const FlowOptions& options)
      : Machine(std::move(outputs), trip), system_(system), pieces_(pieces), plan_(plan) {
    telemetry::Span making(options.telemetry, "programs of the run");
    std::vector<ir::FunctionPtr> programs = {
        start_program(pieces, this->outputs()),
        chunk_program(pieces, plan.composition, this->outputs(), trip)};
    making.close();
    std::vector<Callable> made = compile_run(std::move(programs), system.shape.size(), options);
    start_ = std::move(made[0]);
    chunk_ = std::move(made[1]);
  }

  Arrays room() const override { return arrays(Carry(pieces_.arithmetic, pieces_.shape)); }

  Arrays begin(const InitialState& initial, const RunClock& clock) const override {
    const Tensor p = initial_arrays(system_, initial)[1];
    if (initial.q_error) check_state(system_, *initial.q_error, "q_error");
    if (initial.p_error) check_state(system_, *initial.p_error, "p_error");
    Carry carry(pieces_.arithmetic, initial, p);
    Tensor velocity({DType::kF64, pieces_.shape});
    Arrays ignored = room_for_outputs();
    call_start(arrays(carry), clock.t0, carry, velocity, ignored);
    return arrays(carry);
  }

  SeenState look(const Arrays& from, std::int64_t step, const RunClock& clock,
                 Arrays& observed) const override {
    Carry gradient(pieces_.arithmetic, pieces_.shape);
    SeenState seen;
    seen.v = Tensor({DType::kF64, pieces_.shape});
    call_start(from, clock.time(step), gradient, seen.v, observed);
    const Carry at = carry(from);
    seen.q = at.whole(Part::kQ);
    seen.p = at.whole(Part::kP);
    seen.q_error = at.error(Part::kQ);
    seen.p_error = at.error(Part::kP);
    return seen;
  }

  void advance(const Arrays& from, Arrays& to, std::int64_t first, std::int64_t count,
               const RunClock& clock, Arrays& samples) const override {
    const Tensor first_tensor = Tensor::scalar_of<std::int64_t>(first);
    const Tensor count_tensor = Tensor::scalar_of<std::int64_t>(count);
    const Tensor t0 = Tensor::scalar_of<double>(clock.t0);
    const Tensor dt = Tensor::scalar_of<double>(clock.dt);
    std::vector<const Tensor*> args;
    std::vector<Tensor*> results;
    for (const Tensor& x : from) args.push_back(&x);
    for (Tensor& x : to) results.push_back(&x);
    args.insert(args.end(), {&first_tensor, &count_tensor, &t0, &dt});
    for (const Parameter& x : system_.parameters) args.push_back(&x.value);
    for (Tensor& x : samples) results.push_back(&x);
    chunk_.call(args, results);
  }

  bool finite(const Arrays& from) const override {
    const std::vector<Part> parts = carried_parts(pieces_.arithmetic);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      if (parts[k] == Part::kGradient || parts[k] == Part::kGradientError) continue;
      const bool lattice = !units_of(pieces_.arithmetic, parts[k]).empty();
      if (lattice ? first_off_lattice(from[k]) : ir::first_non_finite(from[k])) return false;
    }
    return true;
  }

  NonFinite find_fault(const Arrays& good, std::int64_t step,
                       const RunClock& clock) const override {
    return find_non_finite(system_, pieces_, plan_.composition, carry(good), step, clock.t0,
                           clock.dt);
  }

  const Callable& chunk() const override { return chunk_; }

 private:
  Arrays arrays(const Carry& carry) const { return parts_of(carry, pieces_.arithmetic); }
  Carry carry(const Arrays& list) const {
    return carry_of(list, pieces_.arithmetic, pieces_.shape);
  }

  /// The gradient at time t goes into `gradient`.
  void call_start(const Arrays& from, double t, Carry& gradient, Tensor& velocity,
                  Arrays& observed) const {
    const Tensor time = Tensor::scalar_of<double>(t);
    std::vector<const Tensor*> args;
    const std::vector<Part> parts = carried_parts(pieces_.arithmetic);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      if (parts[k] != Part::kGradient && parts[k] != Part::kGradientError) args.push_back(&from[k]);
    }
    args.push_back(&time);
    for (const Parameter& x : system_.parameters) args.push_back(&x.value);
    std::vector<Tensor*> results = {&gradient[Part::kGradient]};
    if (pieces_.arithmetic.pairs) results.push_back(&gradient[Part::kGradientError]);
    results.push_back(&velocity);
    for (Tensor& x : observed) results.push_back(&x);
    start_.call(args, results);
  }

  const System& system_;
  const Pieces& pieces_;
  const Plan& plan_;
  Callable start_, chunk_;
};

}  // namespace

std::unique_ptr<Machine> kick_drift_machine(const System& system, const Pieces& pieces,
                                            const Plan& plan, std::vector<Output> outputs,
                                            const FlowOptions& options) {
  const std::int64_t trip = trip_for(outputs, plan.steps);
  return std::make_unique<KickDriftMachine>(system, pieces, plan, std::move(outputs), trip,
                                            options);
}

}  // namespace cotangent::mechanics
