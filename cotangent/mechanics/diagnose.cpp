#include "cotangent/mechanics/diagnose.h"

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Tensor;

constexpr std::int64_t kCompileFrom = 300;  // unknowns

bool finite(const Tensor& x) {
  return !first_non_finite(x);
}

/// The ops at which a program first turned finite numbers into others.
struct Origin {
  std::string op;
  SourceSpan place;
};

std::optional<Origin> origin_in(const Function& f, std::span<const Tensor> arguments) {
  const std::optional<ir::NonFinite> found = ir::find_non_finite(f, arguments);
  if (!found || found->argument) return {};
  return Origin{std::string(ir::name_of(found->op)), found->place};
}

std::string expression_text(const System& system, const Origin& origin) {
  if (system.source && !origin.place.empty() && origin.place.end <= system.source->text.size()) {
    return system.source->text.substr(origin.place.begin, origin.place.end - origin.place.begin);
  }
  return origin.op;
}

class Replay {
 public:
  Replay(const System& system, const Pieces& pieces, double t0, double dt)
      : system_(system),
        pieces_(pieces),
        t0_(t0),
        dt_(dt),
        updates_{update_program(pieces, Part::kQ), update_program(pieces, Part::kP)} {
    if (system.shape.size() > kCompileFrom) {
      const ir::FunctionPtr both[] = {pieces.gradient, pieces.velocity};
      runtime::CompileOptions options;
      options.passes = false;
      options.threads = runtime::host_threads();
      compiled_ = runtime::compile_all(both, options);
    }
  }

  double time(std::int64_t step, double offset) const {
    return std::fma(static_cast<double>(step) + offset, dt_, t0_);
  }

  /// dH/dq (which = 0) or dH/dp (1), with the bits of the run: one array, or the two of a pair.
  std::vector<Tensor> derivative(std::size_t which, const Carry& s, double t) const {
    const std::vector<Tensor> args = arguments(s, t);
    if (!compiled_.empty()) return compiled_[which]->call(args);
    return ir::evaluate(which == 0 ? *pieces_.gradient : *pieces_.velocity, args);
  }

  /// Adds coefficient * rate to q or p, rounded as the step does.
  void add(Carry& s, Part part, double coefficient, const std::vector<Tensor>& rate) const {
    std::vector<Tensor> args = {s[part]};
    const bool error = s.has(error_of(part));
    if (error) args.push_back(s[error_of(part)]);
    args.push_back(Tensor::scalar_of<double>(coefficient));
    args.insert(args.end(), rate.begin(), rate.end());
    std::vector<Tensor> moved = ir::evaluate(*updates_[part == Part::kQ ? 0 : 1], args);
    s[part] = std::move(moved[0]);
    if (error) s[error_of(part)] = std::move(moved[1]);
  }

  /// Names what made dH/dq (which = 0) or dH/dp (1) not finite at a finite state: a term's energy
  /// itself if it is not finite there, else its derivative.
  NonFinite name(std::size_t which, const Carry& s, double t, const Tensor& gradient) const {
    NonFinite found;
    const char* array = which == 0 ? "p" : "q";
    found.component = component_name(array, system_.shape, *first_non_finite(gradient));
    const std::vector<Tensor> args =
        energy_arguments(system_, s.whole(Part::kQ), s.whole(Part::kP), t);
    for (const EnergyTerm& term : system_.terms) {
      if (finite(ir::evaluate(*term.energy, args)[0])) continue;
      const std::optional<Origin> origin = origin_in(*term.energy, args);
      if (!origin) continue;
      found.expression = expression_text(system_, *origin);
      found.place = origin->place.empty() ? term.span : origin->place;
      return found;
    }
    const ir::FunctionPtr raw = energy_gradient(system_, which);
    if (const std::optional<Origin> origin = origin_in(*raw, args)) {
      found.expression = "the derivative of " + expression_text(system_, *origin);
      found.place = origin->place;
      return found;
    }
    found.expression = which == 0 ? "dH/dq" : "dH/dp";
    return found;
  }

 private:
  /// What dH/dq and dH/dp take (programs.h), in the state's arithmetic.
  std::vector<Tensor> arguments(const Carry& s, double t) const {
    const Arithmetic& a = pieces_.arithmetic;
    std::vector<Tensor> args;
    for (Part part : {Part::kQ, Part::kP}) {
      args.push_back(a.lattice() ? s.whole(part) : s[part]);
      if (!a.pairs) continue;
      args.push_back(s.has(error_of(part)) ? s[error_of(part)] : ir::filled(s[part].type(), 0));
    }
    const auto push = [&](const Tensor& x) {
      args.push_back(converted(x, a.state));
      if (!a.pairs) return;
      Tensor low(args.back().type());
      for (std::int64_t k = 0; k < x.size(); ++k) low.set_real(k, x.real(k) - args.back().real(k));
      args.push_back(low);
    };
    push(Tensor::scalar_of<double>(t));
    for (const Parameter& x : system_.parameters) push(x.value);
    return args;
  }

  const System& system_;
  const Pieces& pieces_;
  double t0_, dt_;
  ir::FunctionPtr updates_[2];                    // of q and p
  std::vector<runtime::ExecutablePtr> compiled_;  // gradient and velocity of a large system
};

/// A finite change that overflowed the range of the state's own type.
NonFinite overflow(const char* array, const char* expression, const Shape& shape, const Carry& s) {
  const Part part = *s.non_finite();
  const auto at = s.first_non_finite(part);
  NonFinite found;
  found.component = component_name(array, shape, at ? *at : *s.first_non_finite(error_of(part)));
  found.expression = expression;
  return found;
}

}  // namespace

std::string component_name(const std::string& array, const Shape& shape, std::int64_t index) {
  return array + ir::element_text(shape, index);
}

std::string state_component(const System& system, const std::string& array, const Shape& shape,
                            std::int64_t index) {
  if (array == "x") {
    std::int64_t of_array = index;
    for (const StateArray& a : system.arrays) {
      if (of_array < a.shape.size()) return component_name(a.name, a.shape, of_array);
      of_array -= a.shape.size();
    }
  }
  return component_name(array, shape, index);
}

NonFinite find_non_finite(const System& system, const Pieces& pieces, const Splitting& splitting,
                          const Carry& good, std::int64_t step, double t0, double dt) {
  const Coefficients c = coefficients_of(splitting);
  const Replay replay(system, pieces, t0, dt);
  Carry s = good;
  double t = replay.time(step, 0);
  std::vector<Tensor> gradient = replay.derivative(0, s, t);
  const auto kick = [&](double coefficient) -> std::optional<NonFinite> {
    for (const Tensor& x : gradient) {
      if (!finite(x)) return replay.name(0, s, t, x);
    }
    replay.add(s, Part::kP, -coefficient * dt, gradient);
    if (s.non_finite()) return overflow("p", "p - dt * dH/dq", system.shape, s);
    return {};
  };
  if (auto found = kick(c.first_kick)) return *found;
  for (std::size_t k = 0; k < c.drift.size(); ++k) {
    const double halves[] = {c.time_before[k], c.time_after[k]};
    for (double offset : halves) {
      const std::vector<Tensor> v = replay.derivative(1, s, replay.time(step, offset));
      for (const Tensor& x : v) {
        if (!finite(x)) return replay.name(1, s, replay.time(step, offset), x);
      }
      const bool whole = !pieces.velocity_moves;
      replay.add(s, Part::kQ, c.drift[k] * (whole ? 1 : 0.5) * dt, v);
      if (s.non_finite()) return overflow("q", "q + dt * dH/dp", system.shape, s);
      if (whole) break;
    }
    t = replay.time(step, c.time_after[k]);
    gradient = replay.derivative(0, s, t);
    if (auto found = kick(c.kick[k])) return *found;
  }
  NonFinite unknown;
  unknown.component = "q";
  unknown.expression = "the step";
  return unknown;
}

namespace {

/// (state..., t, parameters...), as energies and rates take them.
std::vector<Tensor> arguments_at(const System& system, std::span<const Tensor> state, double t) {
  std::vector<Tensor> args(state.begin(), state.end());
  args.push_back(Tensor::scalar_of<double>(t));
  for (const Parameter& x : system.parameters) args.push_back(x.value);
  return args;
}

}  // namespace

std::optional<NonFinite> non_finite_energy(const System& system, std::span<const Tensor> state,
                                           double t) {
  const std::vector<Tensor> args = arguments_at(system, state, t);
  long double sum = 0;
  NonFinite found;
  found.t = t;
  found.dt_may_help = false;
  for (const EnergyTerm& term : system.terms) {
    const Tensor energy = ir::evaluate(*term.energy, args)[0];
    sum = static_cast<double>(sum + energy.real(0));
    if (finite(energy)) continue;
    found.component = "the term '" + term.name + "'";
    found.place = term.span;
    if (const std::optional<Origin> origin = origin_in(*term.energy, args)) {
      found.expression = expression_text(system, *origin);
      if (!origin->place.empty()) found.place = origin->place;
    }
    return found;
  }
  if (system.terms.empty() || std::isfinite(sum)) return {};
  found.component = "the sum of its terms";
  return found;
}

std::optional<NonFinite> non_finite_motion(const System& system, std::span<const Tensor> state,
                                           double t) {
  if (system.form == Form::kMap) return {};
  const std::vector<Tensor> args = arguments_at(system, state, t);
  const ir::FunctionPtr field = vector_field(system);
  const std::vector<Tensor> rates = ir::evaluate(*field, args);
  for (std::size_t k = 0; k < rates.size(); ++k) {
    const auto bad = first_non_finite(rates[k]);
    if (!bad) continue;
    NonFinite found;
    found.t = t;
    found.dt_may_help = false;
    const char* const array = system.form != Form::kCanonical ? "x" : k == 0 ? "q" : "p";
    found.component = state_component(system, array, system.shape, *bad);
    found.expression = "the rate of change";
    if (const std::optional<Origin> origin = origin_in(*field, args)) {
      found.expression =
          (system.rate ? "" : "the derivative of ") + expression_text(system, *origin);
      found.place = origin->place;
    }
    return found;
  }
  return {};
}

void check_state(const System& system, const Tensor& x, const char* name) {
  if (x.type() != ir::Type{DType::kF64, system.shape}) {
    throw UserError({std::string("the initial ") + name + " is " + x.type().text(), "",
                     "the system's state is f64" + system.shape.text(), ""});
  }
  if (const auto bad = first_non_finite(x)) {
    throw UserError("the initial " + component_name(name, system.shape, *bad) + " is not finite");
  }
}

const Tensor& given_velocity(const System& system, const InitialState& initial) {
  if (!initial.v) {
    throw UserError("the initial state has neither momenta nor velocities",
                    "give p, or v where dH/dp is linear in p");
  }
  check_state(system, *initial.v, "v");
  return *initial.v;
}

}  // namespace cotangent::mechanics
