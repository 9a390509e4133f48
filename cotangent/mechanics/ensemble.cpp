#include "cotangent/mechanics/ensemble.h"

#include <algorithm>
#include <cmath>

#include "cotangent/mechanics/ensemble_statistics.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/transform/faults.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

// Room for what the members observe in one chunk.
constexpr std::int64_t kSampleBytes = std::int64_t{32} << 20;
// Steps of members in a call, at most: room for more samples than a call gives would lie between
// those of one member and the next.
constexpr std::int64_t kStepsACall = std::int64_t{1} << 22;

/// The same without checks: where one would fail, every real result is NaN. So one member that
/// fails stops no other.
ir::FunctionPtr nan_where_a_check_fails(const ir::FunctionPtr& f) {
  if (!f->has_checks()) return f;
  const transform::Exposed exposed = transform::expose_faults(*f);
  ir::Builder b(f->name());
  std::vector<ir::Value> params;
  for (std::size_t k = 0; k < f->params().size(); ++k) {
    params.push_back(b.param(f->param_type(k), f->param_names()[k]));
  }
  std::vector<ir::Value> results = b.inline_call(*exposed.program, params);
  const ir::Value site = b.row(results.back(), 2);  // of step, lane, site, payload
  results.pop_back();
  const ir::Value fine = b.eq(site, b.constant_i64(transform::kNoFault));
  for (ir::Value& x : results) {
    const ir::Type type = b.type(x);
    if (!is_float(type.dtype)) continue;
    x = b.select(b.broadcast_to(fine, type.shape), x, b.splat(NAN, type));
  }
  return transform::simplify(*b.finish(results));
}

/// What is seen of a member, which may fail by itself.
ir::FunctionPtr of_a_member(const ir::FunctionPtr& f) {
  return f->has_checks() ? through_passes(nan_where_a_check_fails(f)) : f;
}

/// A method one member of which may fail by itself.
Integrator of_members(Integrator method) {
  for (ir::FunctionPtr Integrator::* f :
       {&Integrator::open, &Integrator::step, &Integrator::close}) {
    method.*f = nan_where_a_check_fails(method.*f);
  }
  return method;
}

class EnsembleMachine final : public Machine {
 public:
  EnsembleMachine(const System& system, Integrator integrator, const EnsembleSettings& settings,
                  EnsembleStatistics statistics, std::int64_t trip, const FlowOptions& options)
      : Machine(statistics.outputs(), trip),
        system_(system),
        integrator_(std::move(integrator)),
        settings_(settings),
        statistics_(std::move(statistics)),
        threads_(options.threads > 0 ? options.threads : runtime::host_threads()) {
    for (std::size_t k = 0; k < observed().size(); ++k) {
      if (observed()[k].kind == Output::Kind::kEnergy) energy_ = k;
    }
    telemetry::Span making(options.telemetry, "programs of the run");
    PassedIntegrator method = passed(integrator_, system, options.telemetry);
    if (method.velocity) method.velocity = of_a_member(method.velocity);
    std::vector<Output> outputs(observed().begin(), observed().end());
    for (Output& o : outputs) o.value = of_a_member(o.value);
    // State or carry and, where spread, parameters are the members' own.
    const auto batch = [&](const ir::FunctionPtr& f, std::size_t own) {
      transform::Flags mapped(f->params().size(), false);
      std::fill_n(mapped.begin(), own, true);
      const std::size_t first = mapped.size() - system.parameters.size();
      for (std::size_t k = 0; k < system.parameters.size(); ++k) mapped[first + k] = spread(k);
      return transform::simplify(*transform::vmap(f, settings.size, mapped));
    };
    const std::size_t carried = integrator_.carry.size();
    std::vector<ir::FunctionPtr> programs = {
        batch(method.integrator.open, integrator_.state.size()),
        batch(look_program(method, system, outputs), carried),
        batch(chunk_program(method, system, outputs, trip), carried)};
    making.close();
    std::vector<Callable> made = compile_run(std::move(programs), system.shape.size(), options);
    open_ = std::move(made[0]);
    look_ = std::move(made[1]);
    chunk_ = std::move(made[2]);
  }

  Arrays room() const override {
    Arrays list;
    for (const NamedType& x : integrator_.carry) list.emplace_back(batched(x.type));
    for (std::size_t k = 0; k < system_.parameters.size(); ++k) {
      if (spread(k)) list.emplace_back(batched(system_.parameters[k].value.type()));
    }
    if (energy_) list.emplace_back(ir::Type{DType::kF64, Shape{settings_.size}});
    return list;
  }

  /// What is carried: the integrator's carry of all members, the parameters that differ, and the
  /// energies they started with.
  Arrays begin(const InitialState& initial, const RunClock& clock) const override {
    const Members members = draw_members(system_, initial, settings_);
    Arrays carry = room();
    std::size_t at = integrator_.carry.size();
    for (const auto& x : members.parameters) {
      if (x) carry[at++] = *x;
    }
    const Tensor t0 = Tensor::scalar_of<double>(clock.t0);
    const Tensor dt = Tensor::scalar_of<double>(clock.dt);
    std::vector<const Tensor*> args;
    for (const Tensor& x : members.state) args.push_back(&x);
    args.insert(args.end(), {&t0, &dt});
    std::vector<Tensor*> results;
    for (std::size_t k = 0; k < integrator_.carry.size(); ++k) results.push_back(&carry[k]);
    call(open_, std::move(args), carry, results);
    if (energy_) {
      Arrays seen = look_at(carry, 0, clock).second;
      const auto all = seen[*energy_].as<double>();
      const std::size_t row = all.size() / static_cast<std::size_t>(settings_.size);
      for (std::size_t m = 0; m < static_cast<std::size_t>(settings_.size); ++m) {
        carry.back().as<double>()[m] = all[(m + 1) * row - 1];  // the total is the last one
      }
    }
    return carry;
  }

  /// The mean over the members is the state that is seen.
  SeenState look(const Arrays& carry, std::int64_t step, const RunClock& clock,
                 Arrays& outputs_there) const override {
    auto [state, seen] = look_at(carry, step, clock);
    std::vector<MemberRows> rows;
    for (const Tensor& x : seen) rows.push_back(one_row(x));
    reduce(rows, carry, outputs_there);
    SeenState s;
    const auto mean = [&](const Tensor& x) {
      Tensor y(x.type().with_shape(x.type().shape.row()));
      member_means(one_row(x), settings_.size, y.as<double>().data());
      return y;
    };
    if (system_.form == Form::kCanonical) {
      s.q = mean(state[0]), s.p = mean(state[1]), s.v = mean(state[2]);
      state.pop_back();
    } else {
      s.x = mean(state[0]);
    }
    s.members = std::move(state);
    return s;
  }

  /// The ensemble's samples, then what each member observes, from which they are made.
  Arrays room_for_samples() const override {
    Arrays room = Machine::room_for_samples();
    for (const Output& o : observed()) {
      room.emplace_back(batched(o.type.with_shape(o.type.shape.with_leading(rows_of(o)))));
    }
    return room;
  }

  void advance(const Arrays& from, Arrays& to, std::int64_t first, std::int64_t count,
               const RunClock& clock, Arrays& samples) const override {
    const Tensor f = Tensor::scalar_of<std::int64_t>(first);
    const Tensor n = Tensor::scalar_of<std::int64_t>(count);
    const Tensor t0 = Tensor::scalar_of<double>(clock.t0);
    const Tensor dt = Tensor::scalar_of<double>(clock.dt);
    const std::size_t carried = integrator_.carry.size();
    std::vector<const Tensor*> args;
    std::vector<Tensor*> results;
    for (std::size_t k = 0; k < carried; ++k) args.push_back(&from[k]), results.push_back(&to[k]);
    args.insert(args.end(), {&f, &n, &t0, &dt});
    const auto seen = std::span(samples).subspan(outputs().size());
    for (Tensor& x : seen) results.push_back(&x);
    call(chunk_, std::move(args), from, results);
    for (std::size_t k = carried; k < from.size(); ++k) to[k] = from[k];
    std::vector<MemberRows> rows;
    for (std::size_t k = 0; k < seen.size(); ++k) {
      const Output& o = observed()[k];
      const std::int64_t size = o.type.size();
      rows.push_back({seen[k].as<double>().data(), rows_of(o) * size, size,
                      (first + count) / o.every - first / o.every});
    }
    reduce(rows, to, samples);
  }

  /// As long as one member is.
  bool finite(const Arrays& carry) const override {
    for (std::int64_t m = 0; m < settings_.size; ++m) {
      bool good = true;
      for (std::size_t k = 0; good && k < integrator_.carry.size(); ++k) {
        const std::int64_t row = integrator_.carry[k].type.size();
        for (std::int64_t j = m * row; good && j < (m + 1) * row; ++j) {
          good = is_integer(carry[k].type().dtype) || std::isfinite(carry[k].real(j));
        }
      }
      if (good) return true;
    }
    return false;
  }

  NonFinite find_fault(const Arrays&, std::int64_t, const RunClock&) const override {
    NonFinite fault;
    fault.component = "the state of every member";
    fault.expression = "the step";
    return fault;
  }

  double seconds_a_call() const override { return 0.25; }  // all members are read and written
  const Callable& chunk() const override { return chunk_; }

 private:
  const std::vector<Output>& observed() const { return statistics_.observed(); }
  MemberRows one_row(const Tensor& x) const {
    const std::int64_t size = x.size() / settings_.size;
    return {x.as<double>().data(), size, size};
  }
  void reduce(std::span<const MemberRows> rows, const Arrays& carry, Arrays& to) const {
    std::vector<double*> into;
    for (std::size_t k = 0; k < outputs().size(); ++k) into.push_back(to[k].as<double>().data());
    const auto energies = energy_ ? carry.back().as<double>() : std::span<const double>{};
    statistics_.reduce(rows, energies, into, threads_);
  }
  bool spread(std::size_t parameter) const {
    return std::ranges::any_of(settings_.spreads, [&](const Spread& s) {
      return s.parameter && s.name == system_.parameters[parameter].name;
    });
  }
  ir::Type batched(const ir::Type& type) const {
    return type.with_shape(type.shape.with_leading(settings_.size));
  }
  std::int64_t rows_of(const Output& o) const { return (trip() + o.every - 1) / o.every; }

  /// The parameters follow `args`, those that differ from the carry.
  void call(const Callable& f, std::vector<const Tensor*> args, const Arrays& carry,
            const std::vector<Tensor*>& results) const {
    std::size_t at = integrator_.carry.size();
    for (std::size_t k = 0; k < system_.parameters.size(); ++k) {
      args.push_back(spread(k) ? &carry[at++] : &system_.parameters[k].value);
    }
    f.call(args, results);
  }

  /// The state (and v) and the outputs of every member.
  std::pair<Arrays, Arrays> look_at(const Arrays& carry, std::int64_t step,
                                    const RunClock& clock) const {
    Arrays state, seen;
    for (const NamedType& x : integrator_.state) state.emplace_back(batched(x.type));
    if (system_.form == Form::kCanonical) {
      state.emplace_back(batched({DType::kF64, system_.shape}));
    }
    for (const Output& o : observed()) seen.emplace_back(batched(o.type));
    const Tensor k = Tensor::scalar_of<std::int64_t>(step);
    const Tensor t0 = Tensor::scalar_of<double>(clock.t0);
    const Tensor dt = Tensor::scalar_of<double>(clock.dt);
    std::vector<const Tensor*> args;
    std::vector<Tensor*> results;
    for (std::size_t j = 0; j < integrator_.carry.size(); ++j) args.push_back(&carry[j]);
    args.insert(args.end(), {&k, &t0, &dt});
    for (Tensor& x : state) results.push_back(&x);
    for (Tensor& x : seen) results.push_back(&x);
    call(look_, std::move(args), carry, results);
    return {std::move(state), std::move(seen)};
  }

  const System& system_;
  const Integrator integrator_;
  const EnsembleSettings settings_;
  const EnsembleStatistics statistics_;
  const int threads_;
  std::optional<std::size_t> energy_;  ///< which of the observed is the energy
  Callable open_, look_, chunk_;
};

/// Samples of members that fit into the room for them, but at least one step.
std::int64_t trip_of(const std::vector<Output>& observed, std::int64_t members,
                     std::int64_t steps) {
  std::int64_t trip = std::clamp<std::int64_t>(kStepsACall / members, 1, trip_for({}, steps));
  const auto bytes = [&](std::int64_t n) {
    std::int64_t sum = 0;
    for (const Output& o : observed) sum += (n + o.every - 1) / o.every * o.type.bytes();
    return sum * members;
  };
  while (trip > 1 && bytes(trip) > std::max(kSampleBytes, bytes(1))) trip = (trip + 1) / 2;
  return trip;
}

}  // namespace

std::unique_ptr<Machine> ensemble_machine(const System& system, const Integrator& integrator,
                                          const EnsembleSettings& settings, const Facts& facts,
                                          const Plan& plan, const FlowOptions& options,
                                          bool trajectory) {
  refuse_names_of_statistics(system);
  // Momenta of each member are kept or not as those of one: only energies are watched.
  std::vector<Output> observed = make_outputs(system, facts, plan, trajectory, options.telemetry);
  std::erase_if(observed, [](const Output& o) {
    return o.kind == Output::Kind::kMomentum || o.kind == Output::Kind::kAngularMomentum ||
           o.kind == Output::Kind::kInvariant;
  });
  observed.push_back(finite_output(system, plan));
  const std::int64_t trip = trip_of(observed, settings.size, plan.steps);
  return std::make_unique<EnsembleMachine>(system, of_members(integrator), settings,
                                           EnsembleStatistics(system, settings, observed), trip,
                                           options);
}

}  // namespace cotangent::mechanics
