#include "cotangent/mechanics/tangent.h"

#include <algorithm>
#include <cmath>

#include "cotangent/mechanics/callable.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;
using transform::Positions;

constexpr std::int64_t kChunk = 4096;

/// A program with the tangents of its parameters `wrt`, and room for what it gives: its results,
/// then their tangents.
struct Pushed {
  Callable program;
  std::vector<Tensor> results;

  std::vector<Tensor> call(const std::vector<const Tensor*>& arguments) const {
    std::vector<Tensor> made = results;
    std::vector<Tensor*> to;
    for (Tensor& x : made) to.push_back(&x);
    program.call(arguments, to);
    return made;
  }
};

class TangentImpl final : public Tangent {
 public:
  TangentImpl(const System& system, const Plan& plan, const std::optional<Objective>& objective,
              const FlowOptions& options)
      : system_(system), dt_(plan.dt), every_(objective ? objective->every : 0) {
    const Pieces pieces = make_pieces(system, Arithmetic{}, false);
    std::vector<Output> outputs;
    ir::FunctionPtr value;
    if (objective) {
      value = objective_at_state(system, *objective);
      if (every_ > 0) {
        outputs.push_back({Output::Kind::kObservable, "objective", objective->value,
                           ir::scalar(DType::kF64), every_});
      }
    }
    trip_ = std::clamp<std::int64_t>(plan.steps, 1, kChunk);
    const std::size_t n = system.parameters.size();
    const auto positions = [n](std::size_t arrays, std::size_t first) {
      Positions wrt;
      for (std::size_t k = 0; k < arrays; ++k) wrt.push_back(k);
      for (std::size_t k = 0; k < n; ++k) wrt.push_back(first + k);
      return wrt;
    };
    // (q, p, t, x...), (q, p, gradient, first, count, t0, dt, x...), (q, p, t, x...)
    std::vector<ir::FunctionPtr> programs = {
        transform::jvp(*pieces.gradient, positions(2, 3)),
        transform::jvp(*chunk_program(pieces, plan.composition, outputs, trip_), positions(3, 7))};
    if (value) programs.push_back(transform::jvp(*value, positions(2, 3)));
    std::vector<Pushed*> to = {&start_, &chunk_, &value_};
    std::vector<runtime::ExecutablePtr> compiled(programs.size());
    if (!options.reference) {
      runtime::CompileOptions o;
      o.threads = options.threads > 0 ? options.threads : runtime::host_threads();
      o.cpu = options.cpu;
      o.cache = options.cache;
      o.telemetry = options.telemetry;
      compiled = runtime::compile_all(programs, o);
    }
    for (std::size_t k = 0; k < programs.size(); ++k) {
      to[k]->program = Callable(programs[k], compiled[k]);
      for (std::size_t r = 0; r < programs[k]->results().size(); ++r) {
        to[k]->results.emplace_back(programs[k]->result_type(r));
      }
    }
    with_value_ = value != nullptr;
  }

  TangentResult run(const InitialState& initial, const std::vector<Tensor>& parameters,
                    std::int64_t steps, const Direction& d) const override {
    const Tensor t0 = Tensor::scalar_of<double>(initial.t);
    const Tensor dt = Tensor::scalar_of<double>(dt_);
    check_arguments(initial, parameters, steps, d);
    const auto call = [&](const Pushed& program, std::vector<const Tensor*> args,
                          const std::vector<const Tensor*>& tangents) {
      for (const Tensor& x : parameters) args.push_back(&x);
      args.insert(args.end(), tangents.begin(), tangents.end());
      for (const Tensor& x : d.parameters) args.push_back(&x);
      return program.call(args);
    };
    TangentResult r;
    r.q = initial.q;
    r.p = *initial.p;
    r.dq = d.q;
    r.dp = d.p;
    std::vector<Tensor> gradient = call(start_, {&r.q, &r.p, &t0}, {&r.dq, &r.dp});
    Tensor g = gradient[0], dg = gradient[1];
    double sum = 0, d_sum = 0;
    std::int64_t samples = 0;
    const auto sample_here = [&](std::int64_t step) {
      const Tensor t =
          Tensor::scalar_of<double>(std::fma(static_cast<double>(step), dt_, initial.t));
      const std::vector<Tensor> v = call(value_, {&r.q, &r.p, &t}, {&r.dq, &r.dp});
      sum += static_cast<double>(v[0].real(0));
      d_sum += static_cast<double>(v[1].real(0));
      ++samples;
    };
    if (every_ > 0) sample_here(0);
    for (std::int64_t done = 0; done < steps;) {
      const std::int64_t n = std::min(trip_, steps - done);
      const Tensor first = Tensor::scalar_of<std::int64_t>(done);
      const Tensor count = Tensor::scalar_of<std::int64_t>(n);
      std::vector<Tensor> next =
          call(chunk_, {&r.q, &r.p, &g, &first, &count, &t0, &dt}, {&r.dq, &r.dp, &dg});
      const std::size_t values = next.size() / 2;
      r.q = next[0], r.p = next[1], g = next[2];
      r.dq = next[values], r.dp = next[values + 1], dg = next[values + 2];
      if (every_ > 0) {
        for (std::int64_t m = done / every_ + 1; m * every_ <= done + n; ++m) {
          sum += static_cast<double>(next[3].real(m - done / every_ - 1));
          d_sum += static_cast<double>(next[values + 3].real(m - done / every_ - 1));
          ++samples;
        }
      }
      done += n;
    }
    if (with_value_ && (every_ == 0 || (steps > 0 && steps % every_ != 0))) sample_here(steps);
    if (samples > 0) {
      r.value = sum / static_cast<double>(samples);
      r.d_value = d_sum / static_cast<double>(samples);
    }
    return r;
  }

 private:
  void check_arguments(const InitialState& initial, const std::vector<Tensor>& parameters,
                       std::int64_t steps, const Direction& d) const {
    if (steps < 0) throw UserError("the number of steps is negative");
    if (!initial.p)
      throw UserError("a tangent map starts from momenta", "give p (momentum_from_velocity)");
    check_state(system_, initial.q, "q");
    check_state(system_, *initial.p, "p");
    check_state(system_, d.q, "direction of q");
    check_state(system_, d.p, "direction of p");
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
  bool with_value_ = false;
  Pushed start_, chunk_, value_;
};

}  // namespace

std::shared_ptr<const Tangent> Tangent::compile(const System& system, const Plan& plan,
                                                const std::optional<Objective>& objective,
                                                const FlowOptions& options) {
  plan.only_kicks_and_drifts("a tangent of a run");
  return std::make_shared<TangentImpl>(system, plan, objective, options);
}

}  // namespace cotangent::mechanics
