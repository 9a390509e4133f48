#include "cotangent/mechanics/short_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/mechanics/machine.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Value;

constexpr std::int64_t kTrip = std::int64_t{1} << 40;  // steps of one call; nothing is kept of them

/// (state..., t0: f64, dt: f64, steps: i64, parameters...) -> (state...): what a run does, without
/// what looks at it.
class StepsBuilder {
 public:
  explicit StepsBuilder(const System& system) : b_("steps") {
    for (const NamedType& x : state_types(system)) state.push_back(b_.param(x.type, x.name));
    t0 = b_.param(ir::scalar(), "t0");
    dt = b_.param(ir::scalar(), "dt");
    steps = b_.param(ir::scalar(DType::kI64), "steps");
    parameters = parameter_values(b_, system);
  }
  std::vector<Value> call(const ir::FunctionPtr& f, std::vector<Value> args,
                          std::initializer_list<Value> more) {
    args.insert(args.end(), more);
    args.insert(args.end(), parameters.begin(), parameters.end());
    return b_.inline_call(*f, args);
  }
  Value zero() { return b_.constant_i64(0); }
  ir::FunctionPtr finish(std::vector<Value> results) {
    results.resize(state.size());
    return transform::simplify(*b_.finish(results));
  }

  std::vector<Value> state, parameters;
  Value t0, dt, steps;

 private:
  ir::Builder b_;
};

ir::FunctionPtr steps_program(const System& system, const Pieces& pieces,
                              const Splitting& composition) {
  StepsBuilder b(system);
  std::vector<Value> carry = b.state;
  carry.push_back(b.call(start_program(pieces, {}), b.state, {b.t0})[0]);
  return b.finish(b.call(chunk_program(pieces, composition, {}, kTrip), carry,
                         {b.zero(), b.steps, b.t0, b.dt}));
}

ir::FunctionPtr steps_program(const System& system, const PassedIntegrator& method) {
  StepsBuilder b(system);
  const std::vector<Value> carry = b.call(method.integrator.open, b.state, {b.t0, b.dt});
  const std::vector<Value> end =
      b.call(chunk_program(method, system, {}, kTrip), carry, {b.zero(), b.steps, b.t0, b.dt});
  return b.finish(b.call(method.integrator.close, end, {b.steps, b.t0, b.dt}));
}

class ShortRunImpl final : public ShortRun {
 public:
  ShortRunImpl(const System& system, const Plan& plan, const FlowOptions& options)
      : system_(system), plan_(plan) {
    if (plan.ensemble) {
      throw UserError("an ensemble goes by whole runs",
                      "run it, or leave [ensemble] out of the system");
    }
    types_ = state_types(system_);
    const Arithmetic& a = plan_.arithmetic;
    if (plan_.linear) {
      machine_ = linear_machine(system_, plan_, {}, options);
      return;
    }
    if (!plan_.integrator) {
      pieces_ = make_pieces(system_, a, true, options.telemetry);
      if (a.state != DType::kF64 || a.errors() || a.lattice()) {
        plan_.steps = std::int64_t{1} << 20;
        machine_ = kick_drift_machine(system_, pieces_, plan_, {}, options);
        return;
      }
    }
    ir::FunctionPtr program =
        plan_.integrator
            ? steps_program(system_, passed(*plan_.integrator, system_, options.telemetry))
            : steps_program(system_, pieces_, plan_.composition);
    steps_ = std::move(compile_run({std::move(program)}, system_.shape.size(), options)[0]);
  }

  void run(std::span<const double* const> from, std::span<double* const> to, double t,
           std::int64_t steps) const override {
    if (steps < 0) throw UserError("the number of steps is negative");
    if (machine_) {
      by_machine(from, to, t, steps);
    } else if (steps_.executable() && steps_.executable()->checks().empty()) {
      std::vector<const void*> in(from.begin(), from.end());
      in.insert(in.end(), {&t, &plan_.dt, &steps});
      for (const Parameter& p : system_.parameters) in.push_back(p.value.data());
      std::vector<void*> out(to.begin(), to.end());
      steps_.executable()->call_raw(in, out);
    } else {
      by_tensors(from, to, t, steps);
    }
    for (std::size_t k = 0; k < to.size(); ++k) {
      const std::span<const double> x(to[k], static_cast<std::size_t>(types_[k].type.size()));
      if (std::ranges::all_of(x, [](double y) { return std::isfinite(y); })) continue;
      throw UserError("the state is not finite after " + std::to_string(steps) +
                          " steps from t = " + shortest(t),
                      "make them by a run: it says at which step, where and why");
    }
  }

 private:
  Arrays tensors(std::span<const double* const> from) const {
    Arrays list;
    for (std::size_t k = 0; k < from.size(); ++k) {
      list.emplace_back(types_[k].type);
      std::memcpy(list.back().data(), from[k], list.back().bytes());
    }
    return list;
  }

  void by_tensors(std::span<const double* const> from, std::span<double* const> to, double t,
                  std::int64_t steps) const {
    Arrays args = tensors(from), results = steps_.room();
    args.push_back(ir::Tensor::scalar_of(t));
    args.push_back(ir::Tensor::scalar_of(plan_.dt));
    args.push_back(ir::Tensor::scalar_of(steps));
    for (const Parameter& p : system_.parameters) args.push_back(p.value);
    std::vector<const ir::Tensor*> in;
    std::vector<ir::Tensor*> out;
    for (const ir::Tensor& x : args) in.push_back(&x);
    for (ir::Tensor& x : results) out.push_back(&x);
    steps_.call(in, out);
    copy(results, to);
  }

  void by_machine(std::span<const double* const> from, std::span<double* const> to, double t,
                  std::int64_t steps) const {
    Arrays state = tensors(from);
    InitialState initial;
    initial.t = t;
    const bool canonical = system_.form == Form::kCanonical;
    if (canonical) {
      initial.q = std::move(state[0]);
      initial.p = std::move(state[1]);
    } else {
      initial.x = std::move(state[0]);
    }
    const RunClock clock{t, plan_.dt};
    Arrays carry = machine_->begin(initial, clock), next = machine_->room();
    Arrays samples = machine_->room_for_samples(), none;
    for (std::int64_t done = 0; done < steps;) {
      const std::int64_t count = std::min(machine_->trip(), steps - done);
      machine_->advance(carry, next, done, count, clock, samples);
      std::swap(carry, next);
      done += count;
    }
    SeenState seen = machine_->look(carry, steps, clock, none);
    if (canonical) {
      copy({std::move(seen.q), std::move(seen.p)}, to);
    } else {
      copy({std::move(seen.x)}, to);
    }
  }

  static void copy(const Arrays& list, std::span<double* const> to) {
    for (std::size_t k = 0; k < to.size(); ++k) {
      std::memcpy(to[k], list[k].data(), list[k].bytes());
    }
  }

  System system_;
  Plan plan_;
  std::vector<NamedType> types_;
  Pieces pieces_;
  std::unique_ptr<const Machine> machine_;  ///< where the state is carried as something else
  Callable steps_;
};

}  // namespace

std::shared_ptr<const ShortRun> ShortRun::compile(const System& system, const Plan& plan,
                                                  const FlowOptions& options) {
  return std::make_shared<ShortRunImpl>(system, plan, options);
}

}  // namespace cotangent::mechanics
