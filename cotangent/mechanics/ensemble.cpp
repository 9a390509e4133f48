#include "cotangent/mechanics/ensemble.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

#include "cotangent/base/text.h"
#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

// Room for what the members observe in one chunk.
constexpr std::int64_t kSampleBytes = std::int64_t{32} << 20;

/// How an output of the ensemble comes from what the members observe.
struct Reduction {
  enum class Kind {
    kMean,
    kStd,
    kMin,
    kMax,
    kQuantile,
    kEnergyMax,
    kEnergyMedian,
    kFinite,
    kCovariance
  };
  Kind kind = Kind::kMean;
  std::size_t of = 0;              ///< which of the members' outputs
  double quantile = 0;             ///< of kQuantile
  std::vector<std::size_t> among;  ///< of kCovariance: which outputs
};
using Kind = Reduction::Kind;

/// "q05", "q2.5"
std::string quantile_name(double q) {
  std::string digits = shortest(100 * q);
  return "q" + (digits.size() == 1 ? "0" + digits : digits);
}

/// The value below which a part q of the sorted numbers lies.
double quantile_of(std::vector<double>& x, double q) {
  const double place = q * static_cast<double>(x.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  std::nth_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(low), x.end());
  const double below = x[low];
  if (low + 1 >= x.size()) return below;
  const double above = *std::min_element(x.begin() + static_cast<std::ptrdiff_t>(low) + 1, x.end());
  return below + (place - static_cast<double>(low)) * (above - below);
}

double mean_of(const std::vector<double>& x) {
  // About the first number: the sum of what is left rounds less.
  double sum = 0;
  for (double y : x) sum += y - x[0];
  return x[0] + sum / static_cast<double>(x.size());
}

/// Of the finite numbers in x, whose order may change; NaN where there is none.
double statistic_of(Kind kind, double quantile, std::vector<double>& x) {
  if (x.empty()) return NAN;
  switch (kind) {
    case Kind::kMin: return *std::ranges::min_element(x);
    case Kind::kMax:
    case Kind::kEnergyMax: return *std::ranges::max_element(x);
    case Kind::kQuantile:
    case Kind::kEnergyMedian: return quantile_of(x, quantile);
    default: break;
  }
  const double mean = mean_of(x);
  if (kind == Kind::kMean) return mean;
  double square = 0;
  for (double y : x) square += (y - mean) * (y - mean);
  return x.size() > 1 ? std::sqrt(square / static_cast<double>(x.size() - 1)) : 0.0;
}

/// One row of what each member observed of one output.
struct MemberRows {
  const double* first = nullptr;  ///< of member 0
  std::int64_t stride = 0;        ///< from one member to the next
  std::int64_t size = 0;          ///< of a row
  double at(std::int64_t member, std::int64_t entry) const {
    return first[member * stride + entry];
  }
};

class EnsembleMachine final : public Machine {
 public:
  EnsembleMachine(const System& system, const Integrator& integrator,
                  const EnsembleSettings& settings, std::vector<Output> observed,
                  std::vector<Output> statistics, std::vector<Reduction> reductions,
                  std::int64_t trip, const FlowOptions& options)
      : Machine(std::move(statistics), trip),
        system_(system),
        integrator_(integrator),
        settings_(settings),
        observed_(std::move(observed)),
        reductions_(std::move(reductions)) {
    for (std::size_t k = 0; k < observed_.size(); ++k) {
      if (observed_[k].kind == Output::Kind::kEnergy) energy_ = k;
    }
    telemetry::Span making(options.telemetry, "programs of the run");
    const PassedIntegrator method = passed(integrator, system, options.telemetry);
    // State or carry and, where spread, parameters are the members' own.
    const auto batch = [&](const ir::FunctionPtr& f, std::size_t own) {
      transform::Flags mapped(f->params().size(), false);
      std::fill_n(mapped.begin(), own, true);
      const std::size_t first = mapped.size() - system.parameters.size();
      for (std::size_t k = 0; k < system.parameters.size(); ++k) mapped[first + k] = spread(k);
      return transform::simplify(*transform::vmap(f, settings.size, mapped));
    };
    const std::size_t carried = integrator.carry.size();
    std::vector<ir::FunctionPtr> programs = {
        batch(method.integrator.open, integrator.state.size()),
        batch(look_program(method, system, observed_), carried),
        batch(chunk_program(method, system, observed_, trip), carried)};
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
                 Arrays& observed) const override {
    auto [state, seen] = look_at(carry, step, clock);
    std::vector<MemberRows> rows;
    for (const Tensor& x : seen) {
      const std::int64_t size = x.size() / settings_.size;
      rows.push_back({x.as<double>().data(), size, size});
    }
    for (std::size_t k = 0; k < observed.size(); ++k) {
      reduce(reductions_[k], rows, carry, observed[k].as<double>().data());
    }
    SeenState s;
    const auto mean = [&](const Tensor& x) {
      Tensor y(x.type().with_shape(x.type().shape.row()));
      const MemberRows all{x.as<double>().data(), y.size(), y.size()};
      statistics({.kind = Kind::kMean}, all, y.as<double>().data());
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
    Arrays seen;
    for (const Output& o : observed_) {
      seen.emplace_back(batched(o.type.with_shape(o.type.shape.with_leading(rows_of(o)))));
    }
    for (Tensor& x : seen) results.push_back(&x);
    call(chunk_, std::move(args), from, results);
    for (std::size_t k = carried; k < from.size(); ++k) to[k] = from[k];
    for (std::size_t k = 0; k < samples.size(); ++k) {
      const Output& o = outputs()[k];
      const std::int64_t before = first / o.every, after = (first + count) / o.every;
      for (std::int64_t row = 0; row < after - before; ++row) {
        std::vector<MemberRows> rows;
        for (std::size_t j = 0; j < seen.size(); ++j) {
          const std::int64_t size = observed_[j].type.size();
          const bool same = observed_[j].every == o.every;  // others are not looked at
          rows.push_back({seen[j].as<double>().data() + (same ? row * size : 0),
                          rows_of(observed_[j]) * size, size});
        }
        reduce(reductions_[k], rows, to, samples[k].as<double>().data() + row * o.type.size());
      }
    }
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

  const Callable& chunk() const override { return chunk_; }

 private:
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
    for (const Output& o : observed_) seen.emplace_back(batched(o.type));
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

  /// A statistic of each entry over the members.
  void statistics(const Reduction& r, const MemberRows& rows, double* to) const {
    std::vector<double> column;
    for (std::int64_t k = 0; k < rows.size; ++k) {
      column.clear();
      for (std::int64_t m = 0; m < settings_.size; ++m) {
        if (const double x = rows.at(m, k); std::isfinite(x)) column.push_back(x);
      }
      to[k] = statistic_of(r.kind, r.quantile, column);
    }
  }

  /// |H - H(0)| / |H(0)|; |H - H(0)| where that is zero.
  void energy_errors(const Reduction& r, const MemberRows& rows, const Arrays& carry,
                     double* to) const {
    std::vector<double> column;
    for (std::int64_t m = 0; m < settings_.size; ++m) {
      const double start = carry.back().as<double>()[static_cast<std::size_t>(m)];
      const double error = std::abs(rows.at(m, rows.size - 1) - start);
      const double relative = start != 0 ? error / std::abs(start) : error;
      if (std::isfinite(relative)) column.push_back(relative);
    }
    *to = statistic_of(r.kind, 0.5, column);
  }

  bool finite_member(const std::vector<MemberRows>& rows, std::int64_t m) const {
    for (std::size_t j = 0; j < rows.size(); ++j) {
      for (std::int64_t k = 0; k < rows[j].size; ++k) {
        if (!std::isfinite(rows[j].at(m, k))) return false;
      }
    }
    return true;
  }

  void covariance(const Reduction& r, const std::vector<MemberRows>& rows, double* to) const {
    std::vector<std::vector<double>> entries;  // by entry, then member
    std::vector<std::int64_t> members;
    for (std::int64_t m = 0; m < settings_.size; ++m) {
      if (finite_member(rows, m)) members.push_back(m);
    }
    for (std::size_t j : r.among) {
      for (std::int64_t k = 0; k < rows[j].size; ++k) {
        std::vector<double>& x = entries.emplace_back();
        for (std::int64_t m : members) x.push_back(rows[j].at(m, k));
        const double mean = x.empty() ? 0 : mean_of(x);
        for (double& y : x) y -= mean;
      }
    }
    const auto free = static_cast<double>(members.size()) - 1;
    for (const auto& x : entries) {
      for (const auto& y : entries) {
        *to++ = free > 0 ? std::inner_product(x.begin(), x.end(), y.begin(), 0.0) / free : 0.0;
      }
    }
  }

  void reduce(const Reduction& r, const std::vector<MemberRows>& rows, const Arrays& carry,
              double* to) const {
    switch (r.kind) {
      case Kind::kEnergyMax:
      case Kind::kEnergyMedian: return energy_errors(r, rows[r.of], carry, to);
      case Kind::kCovariance: return covariance(r, rows, to);
      case Kind::kFinite: {
        std::int64_t count = 0;
        for (std::int64_t m = 0; m < settings_.size; ++m) count += finite_member(rows, m);
        *to = static_cast<double>(count);
        return;
      }
      default: return statistics(r, rows[r.of], to);
    }
  }

  const System& system_;
  const Integrator& integrator_;
  const EnsembleSettings& settings_;
  std::vector<Output> observed_;
  std::vector<Reduction> reductions_;
  std::optional<std::size_t> energy_;
  Callable open_, look_, chunk_;
};

/// Samples of members that fit into the room for them, but at least one step.
std::int64_t trip_of(const std::vector<Output>& observed, std::int64_t members,
                     std::int64_t steps) {
  std::int64_t trip = trip_for({}, steps);
  const auto bytes = [&](std::int64_t n) {
    std::int64_t sum = 0;
    for (const Output& o : observed) sum += (n + o.every - 1) / o.every * o.type.bytes();
    return sum * members;
  };
  while (trip > 1 && bytes(trip) > std::max(kSampleBytes, bytes(1))) trip = (trip + 1) / 2;
  return trip;
}

/// The outputs of the ensemble, and how they come from those of the members.
struct Statistics {
  std::vector<Output> outputs;
  std::vector<Reduction> reductions;

  void add(Output::Kind kind, const Output& of, const std::string& name, Reduction r,
           std::optional<Shape> shape = {}) {
    outputs.push_back({kind, name, nullptr, of.type.with_shape(shape ? *shape : of.type.shape),
                       of.every, of.how});
    reductions.push_back(std::move(r));
  }
};

/// The covariance of the observables it is asked of.
void add_covariance(Statistics& s, const std::vector<Output>& observed,
                    const EnsembleSettings& settings, const System& system) {
  if (settings.covariance.empty()) return;
  Reduction r{.kind = Kind::kCovariance, .of = 0, .quantile = 0, .among = {}};
  std::int64_t entries = 0;
  for (const std::string& name : settings.covariance) {
    const auto found = std::ranges::find_if(observed, [&](const Output& o) {
      return o.kind == Output::Kind::kObservable && o.name == name;
    });
    const auto refuse = [&](const std::string& why) {
      ErrorParts parts;
      parts.what = "[ensemble] covariance names \"" + name + "\"";
      if (system.source && !settings.covariance_span.empty()) {
        parts.where = show_place(*system.source, settings.covariance_span);
      }
      parts.why = why;
      parts.remedy = "name observables of [observe] that are sampled at the same steps";
      throw UserError(parts);
    };
    if (found == observed.end()) refuse("no observable has that name");
    r.among.push_back(static_cast<std::size_t>(found - observed.begin()));
    if (found->every != observed[r.among[0]].every) refuse("it has another cadence");
    entries += found->type.size();
  }
  s.add(Output::Kind::kObservable, observed[r.among[0]], "covariance", r, Shape{entries, entries});
}

Statistics statistics_of(const std::vector<Output>& observed, const EnsembleSettings& settings,
                         const System& system) {
  Statistics s;
  const auto seen = Output::Kind::kObservable;
  for (std::size_t k = 0; k < observed.size(); ++k) {
    const Output& o = observed[k];
    const auto reduction = [&](Kind kind, double q = 0) {
      return Reduction{.kind = kind, .of = k, .quantile = q, .among = {}};
    };
    if (o.kind == Output::Kind::kState) s.add(o.kind, o, o.name, reduction(Kind::kMean));
    if (o.kind == Output::Kind::kEnergy) {
      s.add(seen, o, "energy_error.max", reduction(Kind::kEnergyMax), Shape{});
      s.add(seen, o, "energy_error.median", reduction(Kind::kEnergyMedian), Shape{});
      s.add(seen, o, "finite_members", reduction(Kind::kFinite), Shape{});
    }
    if (o.kind != seen) continue;
    s.add(seen, o, o.name + ".mean", reduction(Kind::kMean));
    s.add(seen, o, o.name + ".std", reduction(Kind::kStd));
    s.add(seen, o, o.name + ".min", reduction(Kind::kMin));
    s.add(seen, o, o.name + ".max", reduction(Kind::kMax));
    for (double q : settings.quantiles) {
      s.add(seen, o, o.name + "." + quantile_name(q), reduction(Kind::kQuantile, q));
    }
  }
  add_covariance(s, observed, settings, system);
  return s;
}

}  // namespace

std::unique_ptr<Machine> ensemble_machine(const System& system, const Integrator& integrator,
                                          const EnsembleSettings& settings, const Facts& facts,
                                          const Plan& plan, const FlowOptions& options,
                                          bool trajectory) {
  // Momenta of each member are kept or not as those of one: only energies are watched.
  std::vector<Output> observed = make_outputs(system, facts, plan, trajectory, options.telemetry);
  std::erase_if(observed, [](const Output& o) {
    return o.kind == Output::Kind::kMomentum || o.kind == Output::Kind::kAngularMomentum ||
           o.kind == Output::Kind::kInvariant;
  });
  Statistics s = statistics_of(observed, settings, system);
  const std::int64_t trip = trip_of(observed, settings.size, plan.steps);
  return std::make_unique<EnsembleMachine>(system, integrator, settings, std::move(observed),
                                           std::move(s.outputs), std::move(s.reductions), trip,
                                           options);
}

}  // namespace cotangent::mechanics
