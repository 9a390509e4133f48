#include "cotangent/mechanics/check_gradient.h"

#include <algorithm>
#include <cmath>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/tangent.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Type;
using ir::Value;
using Tensors = std::vector<Tensor>;

double largest(const Tensor& x, std::int64_t begin, std::int64_t end) {
  double m = 0;
  for (std::int64_t k = begin; k < end; ++k) {
    m = std::max(m, std::abs(static_cast<double>(x.real(k))));
  }
  return m;
}

/// The unit of each element: the largest of its row of a state (of a particle), a parameter's own
/// size; where that is zero, the largest of all, or 1.
Tensor sizes_of(const Tensor& x, bool state) {
  Tensor units(Type{DType::kF64, x.type().shape});
  const double all = largest(x, 0, x.size());
  const std::int64_t width = state && x.type().shape.rank() == 2 ? x.type().shape[1] : 1;
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const std::int64_t row = k / width * width;
    const double own = state && width == 1 ? all : largest(x, row, row + width);
    units.set_real(k, own > 0 ? own : all > 0 ? all : 1);
  }
  return units;
}

Tensor times(const Tensor& x, const Tensor& units, double by = 1) {
  Tensor y(units.type());
  for (std::int64_t k = 0; k < x.size(); ++k) y.set_real(k, x.real(k) * units.real(k) * by);
  return y;
}

Tensor over(const Tensor& x, const Tensor& units) {
  Tensor y(units.type());
  for (std::int64_t k = 0; k < x.size(); ++k) y.set_real(k, x.real(k) / units.real(k));
  return y;
}

/// `f` with two more parameters, which it does not read.
ir::FunctionPtr with_cotangents(const ir::Function& f, const Type& state) {
  Builder b(f.name());
  std::vector<Value> args;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    args.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  b.param(state, "u_q");
  b.param(state, "u_p");
  return b.finish(b.inline_call(f, args));
}

/// The system with cotangents of its last state as parameters, and the objective u_q q + u_p p.
struct Weighed {
  System system;
  Objective objective;
};
Weighed weighed(const System& system) {
  Weighed w{system, {}};
  const Type state{DType::kF64, system.shape};
  for (EnergyTerm& term : w.system.terms) term.energy = with_cotangents(*term.energy, state);
  w.system.observables.clear();
  Builder b("weighed");
  const Value q = b.param(state, "q"), p = b.param(state, "p");
  b.param(state, "v");
  b.param(ir::scalar(DType::kF64), "t");
  for (const Parameter& x : system.parameters) b.param(x.value.type(), x.name);
  const Value u_q = b.param(state, "u_q"), u_p = b.param(state, "u_p");
  w.objective = {"u q + u p",
                 b.finish({b.add(b.reduce_sum(b.mul(u_q, q)), b.reduce_sum(b.mul(u_p, p)))}), 0};
  for (const char* name : {"(cotangent of q)", "(cotangent of p)"}) {
    w.system.parameters.push_back({name, Tensor(state), {}});
  }
  return w;
}

class GradientChecker {
 public:
  GradientChecker(const System& system, const Facts& facts, const Plan& plan,
                  const InitialState& initial, const std::optional<Objective>& objective,
                  const std::vector<std::string>& wrt, GradientSettings settings,
                  const FlowOptions& options, const std::function<bool()>& interrupted)
      : smooth_(facts.holds("smooth")),
        system_(system),
        plan_(plan),
        initial_(initial),
        objective_(objective),
        wrt_(wrt) {
    settings.horizon = true;  // it says how far differences can be trusted
    for (const std::string& name : wrt) {
      if (name == "v" && !initial.v) {
        throw UserError("a gradient by v, and the initial state gives momenta",
                        "differentiate by p, or give v in [initial]");
      }
    }
    if (objective) {
      gradient_ = Gradient::compile(system, facts, plan, *objective, wrt, settings, options);
    } else {
      const Weighed w = weighed(system);
      gradient_ = Gradient::compile(w.system, facts, plan, w.objective, wrt, settings, options);
    }
    differenced_ = gradient_;
    const Arithmetic& a = plan.arithmetic;
    if (a.state == DType::kF32 && !a.pairs) {  // f32 leaves differences too few digits
      Plan wide = plan;
      wide.arithmetic = {};
      const Weighed w = weighed(system);
      differenced_ =
          objective ? Gradient::compile(system, facts, wide, *objective, wrt, settings, options)
                    : Gradient::compile(w.system, facts, wide, w.objective, wrt, settings, options);
    }
    tangent_ = Tangent::compile(system, plan, objective, options);
    interrupted_ = interrupted;
    for (const Parameter& x : system.parameters) parameters_.push_back(x.value);
    bool v = false, p = false;
    for (const std::string& name : wrt) v = v || name == "v", p = p || name == "p";
    by_velocity_ = v || (!p && initial.v && !initial.p);
    if (!by_velocity_ && !initial_.p) {
      initial_.p = momentum_from_velocity(system, initial);
      initial_.v.reset();
    }
  }

  transform::GivenDerivatives given() {
    transform::GivenDerivatives g;
    for (const std::string& name : wrt_) {
      units_.push_back(sizes_of(variable(name), name == "q" || name == "p" || name == "v"));
      g.x.push_back(over(variable(name), units_.back()));
      g.names.push_back(name);
    }
    const Type state{DType::kF64, system_.shape};
    if (objective_) {
      g.results = {ir::scalar(DType::kF64)};
      g.names.push_back(objective_->name);
    } else {
      g.results = {state, state};
      g.names.insert(g.names.end(), {"q at the end, ", "p at the end, "});
    }
    const Arithmetic& a = plan_.arithmetic;
    g.single = a.state == DType::kF32 && !a.pairs;
    g.own_units = true;
    g.smooth = smooth_;
    // Round-off of a run, with what it has grown by.
    const GradientResult here = differenced_->run(initial_, plan_.steps, control());
    refuse_unfinished(here);
    // (A state at rest has no horizon.)
    const double digits = here.horizon ? here.horizon->digits : 14;
    g.noise = 100 * std::max(std::pow(10.0, -std::max(1.0, digits)), lattice_noise(here));
    g.value = [this](std::span<const Tensor> x) { return value(x); };
    g.forward = [this](std::span<const Tensor> d) { return forward(d); };
    g.reverse = [this](std::span<const Tensor> u) { return reverse(u); };
    return g;
  }

 private:
  /// What the rounding of every kick and drift to the lattice comes to, of the largest entry: a
  /// heavy body's spacing may be coarse beside the momenta of light ones.
  double lattice_noise(const GradientResult& end) const {
    const Arithmetic& a = plan_.arithmetic;
    if (!a.lattice()) return 0;
    const auto of = [](const Units& units, const Tensor& x) {
      const double size = largest(x, 0, x.size());
      return size > 0 ? std::ranges::max(units) / size : 0;
    };
    const auto roundings = static_cast<double>(plan_.composition.stages() * plan_.steps);
    return std::max(of(a.q_units, end.q), of(a.p_units, end.p)) *
           std::sqrt(std::max(1.0, roundings));
  }

  Tensor& variable(const std::string& name) {
    if (name == "q") return initial_.q;
    if (name == "p") return *initial_.p;
    if (name == "v") return *initial_.v;
    for (std::size_t k = 0; k < parameters_.size(); ++k) {
      if (system_.parameters[k].name == name) return parameters_[k];
    }
    throw InternalError("check_gradient: no variable " + name);
  }

  /// What a run with these parameters takes: room for the cotangents too.
  GradientControl control(std::span<const Tensor> u = {}) const {
    GradientControl c;
    c.interrupted = interrupted_;
    c.parameters = parameters_;
    if (objective_) return c;
    const Type state{DType::kF64, system_.shape};
    for (std::size_t k = 0; k < 2; ++k) c.parameters.push_back(u.empty() ? Tensor(state) : u[k]);
    return c;
  }

  static void refuse_unfinished(const GradientResult& r) {
    if (r.status == RunStatus::kInterrupted) throw CheckInterrupted();
    if (r.status != RunStatus::kFinished && !r.gradient_fault) {
      throw UserError("the state turns non-finite in a run that the check needs",
                      "`cotangent run` says where; take fewer steps, or a smaller dt");
    }
  }

  Tensors value(std::span<const Tensor> x) {
    const InitialState initial = initial_;
    const std::vector<Tensor> parameters = parameters_;
    for (std::size_t k = 0; k < wrt_.size(); ++k) variable(wrt_[k]) = times(x[k], units_[k]);
    GradientControl there = control();
    there.value_only = true;
    const GradientResult r = differenced_->run(initial_, plan_.steps, there);
    initial_ = initial;
    parameters_ = parameters;
    refuse_unfinished(r);
    if (objective_) return {Tensor::scalar_of<double>(r.value)};
    return {r.q, r.p};
  }

  Tensors forward(std::span<const Tensor> d) {
    const Type state{DType::kF64, system_.shape};
    Direction along{Tensor(state), Tensor(state), {}};
    Tensor dv(state);
    for (const Tensor& x : parameters_) along.parameters.emplace_back(x.type());
    for (std::size_t k = 0; k < wrt_.size(); ++k) {
      const Tensor moved = times(d[k], units_[k]);
      if (wrt_[k] == "q") along.q = moved;
      if (wrt_[k] == "p") along.p = moved;
      if (wrt_[k] == "v") dv = moved;
      for (std::size_t n = 0; n < parameters_.size(); ++n) {
        if (system_.parameters[n].name == wrt_[k]) along.parameters[n] = moved;
      }
    }
    InitialState start = initial_;
    if (by_velocity_) {
      start.p = momentum_from_velocity(system_, initial_);
      along.p = push_velocity(system_, initial_, *start.p, along.q, dv, along.parameters);
      start.v.reset();
    }
    const TangentResult r = tangent_->run(start, parameters_, plan_.steps, along);
    if (objective_) return {Tensor::scalar_of<double>(r.d_value)};
    return {r.dq, r.dp};
  }

  Tensors reverse(std::span<const Tensor> u) {
    const GradientResult r = gradient_->run(initial_, plan_.steps, control(u));
    refuse_unfinished(r);
    Tensors made;
    for (std::size_t k = 0; k < wrt_.size(); ++k) {
      if (r.gradient_fault) {
        made.push_back(ir::filled({DType::kF64, variable(wrt_[k]).type().shape}, std::nan("")));
        continue;
      }
      const double weight = objective_ ? static_cast<double>(u[0].real(0)) : 1;
      made.push_back(times(r.gradient[k].second, units_[k], weight));
    }
    return made;
  }

  bool smooth_;
  const System& system_;
  const Plan& plan_;
  InitialState initial_;
  std::vector<Tensor> parameters_;
  std::function<bool()> interrupted_;
  const std::optional<Objective>& objective_;
  const std::vector<std::string>& wrt_;
  Tensors units_;
  std::shared_ptr<const Gradient> gradient_, differenced_;
  std::shared_ptr<const Tangent> tangent_;
  bool by_velocity_ = false;
};

}  // namespace

transform::GradCheck check_gradient(
    const System& system, const Facts& facts, const Plan& plan, const InitialState& initial,
    const std::optional<Objective>& objective, const std::vector<std::string>& wrt,
    const GradientSettings& settings, const transform::GradCheckOptions& how,
    const FlowOptions& options, const std::function<bool()>& interrupted) {
  GradientChecker checker(system, facts, plan, initial, objective, wrt, settings, options,
                          interrupted);
  return transform::check_grad(checker.given(), how);
}

}  // namespace cotangent::mechanics
