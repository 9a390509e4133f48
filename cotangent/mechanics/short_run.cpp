#include "cotangent/mechanics/short_run.h"

#include "cotangent/base/text.h"
#include "cotangent/mechanics/machine.h"

namespace cotangent::mechanics {
namespace {

constexpr std::int64_t kTrip = std::int64_t{1} << 20;

class ShortRunImpl final : public ShortRun {
 public:
  ShortRunImpl(const System& system, const Plan& plan, const FlowOptions& options)
      : system_(system), plan_(plan) {
    if (plan.ensemble) {
      throw UserError("an ensemble goes by whole runs",
                      "run it, or leave [ensemble] out of the system");
    }
    plan_.steps = kTrip;  // the most a call of the chunk program makes
    if (plan_.linear) {
      machine_ = linear_machine(system_, plan_, {}, options);
    } else if (plan_.integrator) {
      machine_ = integrator_machine(system_, *plan_.integrator, plan_, {}, options);
    } else {
      pieces_ = make_pieces(system_, plan_.arithmetic, true, options.telemetry);
      machine_ = kick_drift_machine(system_, pieces_, plan_, {}, options);
    }
    const Arithmetic& a = plan_.arithmetic;
    plain_ =
        !plan_.linear && !plan_.integrator && a.state == DType::kF64 && !a.errors() && !a.lattice();
  }

  std::vector<ir::Tensor> run(std::vector<ir::Tensor> state, double t,
                              std::int64_t steps) const override {
    if (steps < 0) throw UserError("the number of steps is negative");
    InitialState initial;
    initial.t = t;
    const bool canonical = system_.form == Form::kCanonical;
    if (state.size() != (canonical ? 2u : 1u)) {
      throw UserError("a state of " + std::to_string(state.size()) + " arrays",
                      canonical ? "give q and p" : "give x");
    }
    if (canonical) {
      initial.q = std::move(state[0]);
      initial.p = std::move(state[1]);
    } else {
      initial.x = std::move(state[0]);
    }
    const RunClock clock{t, plan_.dt};
    Arrays carry = machine_->begin(initial, clock), next = machine_->room();
    Arrays samples = machine_->room_for_samples();
    for (std::int64_t done = 0; done < steps;) {
      const std::int64_t count = std::min(machine_->trip(), steps - done);
      machine_->advance(carry, next, done, count, clock, samples);
      std::swap(carry, next);
      done += count;
    }
    if (!machine_->finite(carry)) {
      throw UserError("the state is not finite after " + std::to_string(steps) +
                          " steps from t = " + shortest(t),
                      "make them by a run: it says at which step, where and why");
    }
    if (plain_) {  // what is carried begins with q and p as people see them
      carry.resize(2);
      return carry;
    }
    Arrays none;
    SeenState seen = machine_->look(carry, steps, clock, none);
    if (!canonical) return {std::move(seen.x)};
    return {std::move(seen.q), std::move(seen.p)};
  }

 private:
  System system_;
  Plan plan_;
  Pieces pieces_;
  std::unique_ptr<const Machine> machine_;
  bool plain_ = false;
};

}  // namespace

std::shared_ptr<const ShortRun> ShortRun::compile(const System& system, const Plan& plan,
                                                  const FlowOptions& options) {
  return std::make_shared<ShortRunImpl>(system, plan, options);
}

}  // namespace cotangent::mechanics
