#include "cotangent/mechanics/tangent.h"

#include <algorithm>
#include <cmath>

#include "cotangent/mechanics/call.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/integrator_adjoint.h"
#include "cotangent/mechanics/kick_drift.h"
#include "cotangent/mechanics/machine.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;
using transform::Positions;

constexpr std::int64_t kChunk = 4096;

/// A run of any method, with the tangents of its carry beside it.
class TangentImpl final : public Tangent {
 public:
  TangentImpl(const System& system, const Plan& plan, const std::optional<Objective>& objective,
              const FlowOptions& options)
      : system_(system), dt_(plan.dt), every_(objective ? objective->every : 0) {
    // In f64, and not passed: the programs go through the passes with their tangents.
    const Integrator method =
        plan.integrator
            ? *plan.integrator
            : kick_drift_integrator(make_pieces(system, Arithmetic{}, false), plan.composition);
    PassedIntegrator plain{method, nullptr};
    if (canonical()) plain.velocity = energy_gradient(system, 1);
    std::vector<Output> outputs;
    if (every_ > 0) {
      outputs.push_back({Output::Kind::kObservable, "objective", objective->value,
                         ir::scalar(DType::kF64), every_});
    }
    trip_ = std::clamp<std::int64_t>(plan.steps, 1, kChunk);
    carries_ = method.carry.size();
    const Positions real = real_arrays(method);
    Positions states;
    for (std::size_t k = 0; k < method.state.size(); ++k) states.push_back(k);
    // With all parameters, which begin at `first`.
    const auto pushed = [&](const ir::FunctionPtr& f, Positions wrt, std::size_t first) {
      for (std::size_t k = 0; k < system.parameters.size(); ++k) wrt.push_back(first + k);
      return transform::jvp(*f, wrt);
    };
    std::vector<ir::FunctionPtr> programs = {
        pushed(method.open, states, states.size() + 2),
        pushed(chunk_program(plain, system, outputs, trip_), real, carries_ + 4),
        pushed(method.close, real, carries_ + 3)};
    if (objective) {
      programs.push_back(
          pushed(objective_at_carry(system, method, *objective), real, carries_ + 3));
    }
    std::vector<Callable*> to = {&open_, &chunk_, &close_, &value_};
    std::vector<runtime::ExecutablePtr> compiled(programs.size());
    if (!options.reference) {
      runtime::CompileOptions o;
      o.threads = options.threads > 0 ? options.threads : runtime::host_threads();
      o.cpu = options.cpu;
      o.cache = options.cache;
      o.telemetry = options.telemetry;
      compiled = runtime::compile_all(programs, o);
    }
    for (std::size_t k = 0; k < programs.size(); ++k) *to[k] = Callable(programs[k], compiled[k]);
    with_value_ = objective.has_value();
  }

  TangentResult run(const InitialState& initial, const std::vector<Tensor>& parameters,
                    std::int64_t steps, const Direction& d) const override {
    check_arguments(initial, parameters, steps, d);
    const auto state = canonical() ? Tensors{initial.q, *initial.p} : Tensors{initial.x};
    const auto moves = canonical() ? Tensors{d.q, d.p} : Tensors{d.x};
    const RunClock clock{initial.t, dt_};
    const auto call = [&](Call& f, const Tensors& tangents) {
      return f.real(clock.t0).real(clock.dt).of(parameters).of(tangents).of(d.parameters).made();
    };
    Tensors carry = call(Call(open_).of(state), moves);
    Tensors tangents = split(carry, carries_);
    double sum = 0, d_sum = 0;
    std::int64_t samples = 0;
    const auto sample_here = [&](std::int64_t step) {
      const Tensors v = call(Call(value_).of(carry).index(step), tangents);
      sum += static_cast<double>(v[0].real(0));
      d_sum += static_cast<double>(v[1].real(0));
      ++samples;
    };
    if (every_ > 0) sample_here(0);
    for (std::int64_t done = 0; done < steps;) {
      const std::int64_t n = std::min(trip_, steps - done);
      Tensors next = call(Call(chunk_).of(carry).index(done).index(n), tangents);
      Tensors rest = split(next, carries_);  // samples?, tangents, those of samples?
      if (every_ > 0) {
        for (std::int64_t m = done / every_ + 1; m * every_ <= done + n; ++m) {
          sum += static_cast<double>(rest.front().real(m - done / every_ - 1));
          d_sum += static_cast<double>(rest.back().real(m - done / every_ - 1));
          ++samples;
        }
        rest.erase(rest.begin());
        rest.pop_back();
      }
      carry = std::move(next);
      tangents = std::move(rest);
      done += n;
    }
    if (with_value_ && (every_ == 0 || (steps > 0 && steps % every_ != 0))) sample_here(steps);
    TangentResult r;
    if (samples > 0) {
      r.value = sum / static_cast<double>(samples);
      r.d_value = d_sum / static_cast<double>(samples);
    }
    Tensors seen = call(Call(close_).of(carry).index(steps), tangents);
    if (canonical()) {
      r.q = std::move(seen[0]), r.p = std::move(seen[1]);
      r.dq = std::move(seen[2]), r.dp = std::move(seen[3]);
    } else {
      r.x = std::move(seen[0]), r.dx = std::move(seen[1]);
    }
    return r;
  }

 private:
  using Tensors = std::vector<Tensor>;

  bool canonical() const { return system_.form == Form::kCanonical; }

  /// What comes after the first n.
  static Tensors split(Tensors& list, std::size_t n) {
    const auto at = list.begin() + static_cast<std::ptrdiff_t>(n);
    Tensors rest(std::make_move_iterator(at), std::make_move_iterator(list.end()));
    list.erase(at, list.end());
    return rest;
  }

  void check_arguments(const InitialState& initial, const std::vector<Tensor>& parameters,
                       std::int64_t steps, const Direction& d) const {
    if (steps < 0) throw UserError("the number of steps is negative");
    if (!canonical()) {
      check_state(system_, initial.x, "x");
      check_state(system_, d.x, "direction of x");
    } else {
      if (!initial.p)
        throw UserError("a tangent map starts from momenta", "give p (momentum_from_velocity)");
      check_state(system_, initial.q, "q");
      check_state(system_, *initial.p, "p");
      check_state(system_, d.q, "direction of q");
      check_state(system_, d.p, "direction of p");
    }
    const auto like = [&](const std::vector<Tensor>& given) {
      bool same = given.size() == system_.parameters.size();
      for (std::size_t k = 0; same && k < given.size(); ++k) {
        same = given[k].type() == system_.parameters[k].value.type();
      }
      return same;
    };
    if (!like(parameters) || !like(d.parameters)) {
      throw UserError("the parameters, or their direction, are not like those of the system",
                      "give one array for each, in its order and of its type");
    }
  }

  System system_;
  double dt_;
  std::int64_t every_, trip_ = 1;
  std::size_t carries_ = 0;
  bool with_value_ = false;
  Callable open_, chunk_, close_, value_;
};

}  // namespace

std::shared_ptr<const Tangent> Tangent::compile(const System& system, const Plan& plan,
                                                const std::optional<Objective>& objective,
                                                const FlowOptions& options) {
  plan.only_steps("a tangent of a run");
  return std::make_shared<TangentImpl>(system, plan, objective, options);
}

}  // namespace cotangent::mechanics
