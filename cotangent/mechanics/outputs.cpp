#include "cotangent/mechanics/outputs.h"

#include <algorithm>

#include "cotangent/mechanics/scalars.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;

/// A builder for functions that observers call, with their parameters made.
struct ObserverBuilder {
  Builder b;
  Value q, p, v, x, t;
  std::vector<Value> parameters;

  ObserverBuilder(const std::string& name, const System& system) : b(name) {
    const Type state{DType::kF64, system.shape};
    if (system.form == Form::kCanonical) {
      q = b.param(state, "q");
      p = b.param(state, "p");
      v = b.param(state, "v");
    } else {
      x = b.param(state, "x");
    }
    t = b.param(kReal, "t");
    parameters = parameter_values(b, system);
  }

  /// Those of an energy term.
  std::vector<Value> energy_arguments() const {
    std::vector<Value> args = x.valid() ? std::vector{x, t} : std::vector{q, p, t};
    args.insert(args.end(), parameters.begin(), parameters.end());
    return args;
  }
};

FunctionPtr energies(const System& system) {
  ObserverBuilder o("energy", system);
  const std::vector<Value> args = o.energy_arguments();
  std::vector<Value> parts;
  Value total;
  for (const EnergyTerm& term : system.terms) {
    const Value e = o.b.inline_call(*term.energy, args)[0];
    total = total.valid() ? o.b.add(total, e) : e;
    parts.push_back(o.b.reshape(e, Shape{1}));
  }
  parts.push_back(o.b.reshape(total, Shape{1}));
  return o.b.finish({o.b.concatenate(parts, 0)});
}

FunctionPtr momentum(const System& system) {
  ObserverBuilder o("momentum", system);
  return o.b.finish({o.b.reduce_sum(o.p, {0})});
}

/// Sum over particles of q x p: a scalar in two dimensions, a vector in three; [n] is one point.
FunctionPtr angular_momentum(const System& system) {
  ObserverBuilder o("angular_momentum", system);
  Builder& b = o.b;
  const bool one_point = system.shape.rank() == 1;
  const std::int64_t n = one_point ? 1 : system.shape[0];
  const std::int64_t d = one_point ? system.shape[0] : system.shape[1];
  const Value q = b.reshape(o.q, Shape{n, d}), p = b.reshape(o.p, Shape{n, d});
  const auto column = [&](Value x, std::int64_t k) {
    return b.slice(x, {0, k}, {n, k + 1}, {1, 1});
  };
  const auto turn = [&](std::int64_t i, std::int64_t j) {  // q_i p_j - q_j p_i
    return b.reduce_sum(
        b.sub(b.mul(column(q, i), column(p, j)), b.mul(column(q, j), column(p, i))));
  };
  if (d == 2) return b.finish({turn(0, 1)});
  std::vector<Value> parts;
  for (std::int64_t k = 0; k < 3; ++k) {
    parts.push_back(b.reshape(turn((k + 1) % 3, (k + 2) % 3), Shape{1}));
  }
  return b.finish({b.concatenate(parts, 0)});
}

/// What a plan watches beside, as observers see it: (q, p, v, t, parameters...).
FunctionPtr watched(const System& system, const WatchedInvariant& w) {
  ObserverBuilder o(w.name, system);
  return o.b.finish({o.b.inline_call(*w.value, o.energy_arguments())[0]});
}

/// q, p, or the array of x that begins at `offset`.
FunctionPtr part_of_state(const System& system, const std::string& name, std::int64_t offset,
                          const Shape& shape) {
  ObserverBuilder o(name, system);
  if (system.form == Form::kCanonical) return o.b.finish({name == "q" ? o.q : o.p});
  return o.b.finish({o.b.reshape(o.b.slice_rows(o.x, offset, offset + shape.size()), shape)});
}

/// 0 where every number of the state is finite, else NaN.
FunctionPtr finiteness(const System& system) {
  ObserverBuilder o("finite", system);
  const auto nothing = [&](Value x) { return o.b.reduce_sum(o.b.mul(x, o.b.zeros(o.b.type(x)))); };
  if (o.x.valid()) return o.b.finish({nothing(o.x)});
  const Value q = nothing(o.q), p = nothing(o.p);
  return o.b.finish({o.b.add(q, p)});
}

std::int64_t cadence(const Plan& plan) {
  return std::max<std::int64_t>(1, plan.every);
}
std::int64_t monitor_cadence(const Plan& plan) {
  return plan.watch.settings.every > 0 ? plan.watch.settings.every : cadence(plan);
}

}  // namespace

Output finite_output(const System& system, const Plan& plan) {
  return {Output::Kind::kInvariant, "finite", finiteness(system), ir::scalar(DType::kF64),
          monitor_cadence(plan)};
}

std::vector<Value> parameter_values(Builder& b, const System& system) {
  std::vector<Value> values;
  for (const Parameter& p : system.parameters) values.push_back(b.param(p.value.type(), p.name));
  return values;
}

ir::FunctionPtr through_passes(const ir::FunctionPtr& f, const transform::PassOptions& options) {
  return f->has_checks() ? f : transform::run_passes(f, options);
}

std::vector<Output> make_outputs(const System& system, const Facts& facts, const Plan& plan,
                                 bool trajectory, telemetry::Telemetry* telemetry) {
  const std::int64_t every = cadence(plan), monitored = monitor_cadence(plan);
  std::vector<Output> outputs;
  using Kind = Output::Kind;
  const auto add = [&](Kind kind, std::string name, const FunctionPtr& f, std::int64_t cadence,
                       How how = How::kProved) {
    transform::PassOptions options;
    options.telemetry = telemetry;
    const FunctionPtr passed = through_passes(f, options);
    outputs.push_back({kind, std::move(name), passed, passed->result_type(0), cadence, how});
  };
  const auto momentum_if = [&](const char* fact, Kind kind, const char* name, auto function) {
    if (system.form != Form::kCanonical || !facts.holds(fact)) return;
    add(kind, name, function(system), monitored, facts.find(fact).how);
  };
  if (!system.terms.empty()) {
    add(Kind::kEnergy, "energy", energies(system), monitored, facts.find("time_dependent").how);
  }
  momentum_if("translation_invariant", Kind::kMomentum, "momentum", momentum);
  momentum_if("rotation_invariant", Kind::kAngularMomentum, "angular_momentum", angular_momentum);
  for (const WatchedInvariant& w : plan.watch.invariants) {
    add(Kind::kInvariant, w.name, watched(system, w), monitored, w.how);
  }
  for (const Observable& o : system.observables) {
    add(Kind::kObservable, o.name, o.value, o.every > 0 ? o.every : every);
  }
  if (!trajectory) return outputs;
  if (system.form == Form::kCanonical) {
    for (const char* name : {"q", "p"}) {
      add(Kind::kState, name, part_of_state(system, name, 0, system.shape), every);
    }
    return outputs;
  }
  std::int64_t offset = 0;
  for (const StateArray& a : system.arrays) {
    add(Kind::kState, a.name, part_of_state(system, a.name, offset, a.shape), every);
    offset += a.shape.size();
  }
  return outputs;
}

std::vector<Value> observe(Builder& b, const std::vector<Output>& outputs,
                           std::span<const Value> arguments) {
  std::vector<Value> values;
  for (const Output& o : outputs) values.push_back(b.inline_call(*o.value, arguments)[0]);
  return values;
}

}  // namespace cotangent::mechanics
