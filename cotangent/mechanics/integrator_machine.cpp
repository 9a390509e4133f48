// Runs of any integrator: its carry as it is.
#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/mechanics/machine.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

class IntegratorMachine final : public Machine {
 public:
  IntegratorMachine(const System& system, const Integrator& integrator, std::vector<Output> outputs,
                    std::int64_t trip, const FlowOptions& options)
      : Machine(std::move(outputs), trip), system_(system), integrator_(integrator) {
    telemetry::Span making(options.telemetry, "programs of the run");
    const PassedIntegrator method = passed(integrator, system, options.telemetry);
    std::vector<ir::FunctionPtr> programs = {method.integrator.open,
                                             look_program(method, system, this->outputs()),
                                             chunk_program(method, system, this->outputs(), trip)};
    making.close();
    std::vector<Callable> made = compile_run(std::move(programs), system.shape.size(), options);
    open_ = std::move(made[0]);
    look_ = std::move(made[1]);
    chunk_ = std::move(made[2]);
  }

  Arrays room() const override {
    Arrays list;
    for (const NamedType& x : integrator_.carry) list.emplace_back(x.type);
    return list;
  }

  Arrays begin(const InitialState& initial, const RunClock& clock) const override {
    const Arrays state = initial_arrays(system_, initial);
    Arrays carry = room();
    const Clocks at(clock);
    std::vector<const Tensor*> args;
    for (const Tensor& x : state) args.push_back(&x);
    args.insert(args.end(), {&at.t0, &at.dt});
    call(open_, args, {&carry});
    return carry;
  }

  SeenState look(const Arrays& carry, std::int64_t step, const RunClock& clock,
                 Arrays& observed) const override {
    SeenState seen;
    Arrays state;
    for (const NamedType& x : integrator_.state) state.emplace_back(x.type);
    const bool canonical = system_.form == Form::kCanonical;
    if (canonical) state.emplace_back(ir::Type{DType::kF64, system_.shape});
    const Clocks at(clock);
    const Tensor k = Tensor::scalar_of<std::int64_t>(step);
    std::vector<const Tensor*> args;
    for (const Tensor& x : carry) args.push_back(&x);
    args.insert(args.end(), {&k, &at.t0, &at.dt});
    call(look_, args, {&state, &observed});
    if (canonical) {
      seen.q = std::move(state[0]);
      seen.p = std::move(state[1]);
      seen.v = std::move(state[2]);
    } else {
      seen.x = std::move(state[0]);
    }
    return seen;
  }

  void advance(const Arrays& from, Arrays& to, std::int64_t first, std::int64_t count,
               const RunClock& clock, Arrays& samples) const override {
    const Clocks at(clock);
    const Tensor f = Tensor::scalar_of<std::int64_t>(first);
    const Tensor n = Tensor::scalar_of<std::int64_t>(count);
    std::vector<const Tensor*> args;
    for (const Tensor& x : from) args.push_back(&x);
    args.insert(args.end(), {&f, &n, &at.t0, &at.dt});
    call(chunk_, args, {&to, &samples});
  }

  bool finite(const Arrays& carry) const override {
    for (const Tensor& x : carry) {
      if (ir::first_non_finite(x)) return false;
    }
    return true;
  }

  NonFinite find_fault(const Arrays& good, std::int64_t step,
                       const RunClock& clock) const override {
    std::vector<Tensor> args = good;
    args.push_back(Tensor::scalar_of<std::int64_t>(step));
    args.push_back(Tensor::scalar_of<double>(clock.t0));
    args.push_back(Tensor::scalar_of<double>(clock.dt));
    for (const Parameter& x : system_.parameters) args.push_back(x.value);
    NonFinite fault;
    fault.component = "the state";
    fault.expression = "the step";
    // As it was written: the program after passes computes the same but has lost some places.
    const std::vector<Tensor> next = ir::evaluate(*integrator_.step, args);
    for (std::size_t k = 0; k < integrator_.carry.size(); ++k) {
      const auto bad = ir::first_non_finite(next[k]);
      if (!bad) continue;
      const NamedType& of = integrator_.carry[k];
      fault.component = state_component(system_, of.name, of.type.shape, *bad);
      break;
    }
    if (const auto found = ir::find_non_finite(*integrator_.step, args)) {
      fault.place = found->place;
      const bool shown = system_.source && !found->place.empty() &&
                         found->place.end <= system_.source->text.size();
      fault.expression = shown ? system_.source->text.substr(found->place.begin,
                                                             found->place.end - found->place.begin)
                               : std::string(ir::name_of(found->op));
    }
    return fault;
  }

  const Callable& chunk() const override { return chunk_; }

 private:
  struct Clocks {
    Tensor t0, dt;
    explicit Clocks(const RunClock& clock)
        : t0(Tensor::scalar_of<double>(clock.t0)), dt(Tensor::scalar_of<double>(clock.dt)) {}
  };

  /// The parameters follow `args`; a check that failed is an error.
  void call(const Callable& f, std::vector<const Tensor*> args,
            std::initializer_list<Arrays*> results) const {
    for (const Parameter& x : system_.parameters) args.push_back(&x.value);
    std::vector<Tensor*> out;
    for (Arrays* list : results) {
      for (Tensor& x : *list) out.push_back(&x);
    }
    f.call(args, out);
  }

  const System& system_;
  const Integrator& integrator_;
  Callable open_, look_, chunk_;
};

}  // namespace

std::unique_ptr<Machine> integrator_machine(const System& system, const Integrator& integrator,
                                            const Plan& plan, std::vector<Output> outputs,
                                            const FlowOptions& options) {
  const std::int64_t trip = trip_for(outputs, plan.steps);
  return std::make_unique<IntegratorMachine>(system, integrator, std::move(outputs), trip, options);
}

}  // namespace cotangent::mechanics
