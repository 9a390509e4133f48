// Runs of a linear system without steps: every state that is looked at is one jump from the initial
// one, so rounding does not add up and any split into chunks has the same bits.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/mechanics/linear_flow.h"
#include "cotangent/mechanics/machine.h"
#include "cotangent/mechanics/step_program.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

constexpr std::int64_t kSampleBytes = std::int64_t{1} << 20;  // of one chunk, about

/// Steps a chunk may take: as many as the samples have room for, a billion where there are few.
std::int64_t trip_of_jumps(const std::vector<Output>& outputs, std::int64_t steps) {
  std::int64_t trip = std::max<std::int64_t>(steps, 1);
  const auto bytes = [&](std::int64_t n) {
    double sum = 0;
    for (const Output& o : outputs) {
      sum += std::ceil(static_cast<double>(n) / static_cast<double>(o.every)) *
             static_cast<double>(o.type.bytes());
    }
    return sum;
  };
  const double room = std::max(static_cast<double>(kSampleBytes), bytes(1));
  while (trip > 1 && bytes(trip) > room) trip = trip / 2 + trip % 2;
  return trip;
}

/// The carry is the state at the start of the run, then the state now.
class LinearMachine final : public Machine {
 public:
  LinearMachine(const System& system, const Plan& plan, std::vector<Output> outputs,
                std::int64_t trip, const FlowOptions& options)
      : Machine(std::move(outputs), trip),
        system_(system),
        flow_(plan.linear),
        state_(state_types(system)) {
    telemetry::Span making(options.telemetry, "programs of the run");
    // What observers see is the state as it is.
    const Integrator still =
        plain_integrator(system, plan.method, 0, [](StepProgram& s) { return s.carry; });
    const PassedIntegrator method = passed(still, system, options.telemetry);
    std::vector<ir::FunctionPtr> programs = {look_program(method, system, this->outputs())};
    making.close();
    look_ = std::move(compile_run(std::move(programs), system.shape.size(), options)[0]);
  }

  Arrays room() const override {
    Arrays list;
    for (int twice = 0; twice < 2; ++twice) {
      for (const NamedType& x : state_) list.emplace_back(x.type);
    }
    return list;
  }

  Arrays begin(const InitialState& initial, const RunClock&) const override {
    const Arrays state = initial_arrays(system_, initial);
    Arrays carry = state;
    carry.insert(carry.end(), state.begin(), state.end());
    return carry;
  }

  SeenState look(const Arrays& carry, std::int64_t step, const RunClock& clock,
                 Arrays& observed) const override {
    Arrays state = observe_at(carry, step, clock, observed);
    SeenState seen;
    if (system_.form == Form::kCanonical) {
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
    const std::int64_t end = first + count;
    for (std::size_t k = 0; k < state_.size(); ++k) to[k] = from[k];
    Arrays observed = room_for_outputs();
    std::int64_t at = -1;
    for (std::int64_t step = next_sample(first); step <= end; step = next_sample(step)) {
      jump(to, step, clock);
      at = step;
      observe_at(to, step, clock, observed);
      for (std::size_t k = 0; k < observed.size(); ++k) {
        const std::int64_t every = outputs()[k].every;
        if (step % every != 0) continue;
        const auto bytes = static_cast<std::size_t>(outputs()[k].type.bytes());
        const auto row = static_cast<std::size_t>(step / every - first / every - 1);
        std::memcpy(static_cast<std::byte*>(samples[k].data()) + row * bytes, observed[k].data(),
                    bytes);
      }
    }
    if (at != end) jump(to, end, clock);
  }

  /// A jump costs the same however far it goes, so a call ends at a sample: the last one within
  /// `count` steps, or else the next.
  std::int64_t worthwhile(std::int64_t first, std::int64_t count) const override {
    const std::int64_t next = next_sample(first) - first;
    if (next >= count) return next;
    std::int64_t last = 0;
    for (const Output& o : outputs()) last = std::max(last, (first + count) / o.every * o.every);
    return last - first;
  }

  bool finite(const Arrays& carry) const override {
    return std::none_of(carry.begin(), carry.end(),
                        [](const Tensor& x) { return ir::first_non_finite(x).has_value(); });
  }

  NonFinite find_fault(const Arrays& good, std::int64_t step,
                       const RunClock& clock) const override {
    NonFinite fault;
    fault.dt_may_help = false;  // the flow itself goes there, at any dt
    fault.component = "the state";
    fault.expression = flow_->way();
    Arrays carry = good;
    jump(carry, step + 1, clock);
    for (std::size_t k = 0; k < state_.size(); ++k) {
      const auto bad = ir::first_non_finite(carry[state_.size() + k]);
      if (!bad) continue;
      fault.component = state_component(system_, state_[k].name, state_[k].type.shape, *bad);
      break;
    }
    return fault;
  }

  const Callable& chunk() const override { return look_; }

 private:
  /// The first step after `step` that some output is sampled at.
  std::int64_t next_sample(std::int64_t step) const {
    std::int64_t next = std::numeric_limits<std::int64_t>::max();
    for (const Output& o : outputs()) next = std::min(next, (step / o.every + 1) * o.every);
    return next;
  }

  /// The state now becomes that of `step`.
  void jump(Arrays& carry, std::int64_t step, const RunClock& clock) const {
    std::vector<double> x;
    for (std::size_t k = 0; k < state_.size(); ++k) {
      const auto values = carry[k].as<double>();
      x.insert(x.end(), values.begin(), values.end());
    }
    // A map knows no dt: back in time is its inverse.
    const bool inverse = system_.form == Form::kMap && clock.dt < 0;
    flow_->advance(x, inverse ? -step : step, clock.dt, clock.t0);
    const double* value = x.data();
    for (std::size_t k = 0; k < state_.size(); ++k) {
      Tensor& now = carry[state_.size() + k];
      const auto n = static_cast<std::size_t>(now.type().size());
      std::memcpy(now.data(), value, n * sizeof(double));
      value += n;
    }
  }

  /// The state as it is seen, and v of a canonical one; the outputs into `observed`.
  Arrays observe_at(const Arrays& carry, std::int64_t step, const RunClock& clock,
                    Arrays& observed) const {
    const Tensor k = Tensor::scalar_of<std::int64_t>(step);
    const Tensor t0 = Tensor::scalar_of<double>(clock.t0), dt = Tensor::scalar_of<double>(clock.dt);
    Arrays state;
    for (const NamedType& x : state_) state.emplace_back(x.type);
    if (system_.form == Form::kCanonical) state.emplace_back(state_[0].type);
    std::vector<const Tensor*> args;
    for (std::size_t i = state_.size(); i < carry.size(); ++i) args.push_back(&carry[i]);
    args.insert(args.end(), {&k, &t0, &dt});
    for (const Parameter& x : system_.parameters) args.push_back(&x.value);
    std::vector<Tensor*> results;
    for (Tensor& x : state) results.push_back(&x);
    for (Tensor& x : observed) results.push_back(&x);
    look_.call(args, results);
    return state;
  }

  const System& system_;
  std::shared_ptr<const LinearFlow> flow_;
  std::vector<NamedType> state_;
  Callable look_;
};

}  // namespace

std::unique_ptr<Machine> linear_machine(const System& system, const Plan& plan,
                                        std::vector<Output> outputs, const FlowOptions& options) {
  if (plan.arithmetic.state != DType::kF64 || plan.arithmetic.errors() ||
      plan.arithmetic.lattice()) {
    throw UserError("a jump of many steps is in f64, not in \"" + plan.precision + "\"",
                    "leave precision out, or choose a method that steps");
  }
  const std::int64_t trip = trip_of_jumps(outputs, plan.steps);
  return std::make_unique<LinearMachine>(system, plan, std::move(outputs), trip, options);
}

}  // namespace cotangent::mechanics
