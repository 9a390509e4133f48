#include "cotangent/mechanics/check_gradient.h"

#include <algorithm>
#include <cmath>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/state_arrays.h"
#include "cotangent/mechanics/step_program.h"
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

/// The arrays of the last state that are compared: q and p, or those of x.
std::vector<NamedType> arrays_of_state(const System& system) {
  if (system.form == Form::kCanonical) return state_types(system);
  std::vector<NamedType> list;
  for (const StateArray& a : system.arrays) list.push_back({a.name, {DType::kF64, a.shape}});
  return list;
}

/// `f` with more parameters, which it does not read.
ir::FunctionPtr with_more(const ir::FunctionPtr& f, const std::vector<NamedType>& more) {
  if (!f) return f;
  Builder b(f->name());
  std::vector<Value> args;
  for (std::size_t k = 0; k < f->params().size(); ++k) {
    args.push_back(b.param(f->param_type(k), f->param_names()[k]));
  }
  for (const NamedType& x : more) b.param(x.type, x.name);
  return b.finish(b.inline_call(*f, args));
}

/// The system with cotangents of its last state as parameters, and the objective that is the sum of
/// their products with it.
struct Weighed {
  System system;
  Plan plan;
  Objective objective;
};
Weighed weighed(const System& system, const Plan& plan) {
  Weighed w{system, plan, {}};
  std::vector<NamedType> arrays = arrays_of_state(system), more = arrays;
  for (NamedType& x : more) x.name = "(cotangent of " + x.name + ")";
  System& s = w.system;
  for (EnergyTerm& term : s.terms) term.energy = with_more(term.energy, more);
  for (ir::FunctionPtr* f :
       {&s.rate, &s.structure.poisson, &s.structure.metric, &s.structure.entropy}) {
    *f = with_more(*f, more);
  }
  s.observables.clear();
  if (plan.integrator) {
    Integrator m = *plan.integrator;
    for (ir::FunctionPtr* f : {&m.open, &m.step, &m.close}) *f = with_more(*f, more);
    w.plan.integrator = std::make_shared<const Integrator>(std::move(m));
  }
  Builder b("weighed");
  std::vector<Value> state;
  const bool canonical = system.form == Form::kCanonical;
  for (const NamedType& x : state_types(system)) state.push_back(b.param(x.type, x.name));
  if (canonical) b.param(ir::Type{DType::kF64, system.shape}, "v");
  b.param(ir::scalar(DType::kF64), "t");
  for (const Parameter& x : system.parameters) b.param(x.value.type(), x.name);
  std::vector<Value> weights;
  for (const NamedType& x : more) weights.push_back(b.param(x.type, x.name));
  if (!canonical) {
    for (Value& u : weights) u = b.reshape(u, Shape{b.type(u).size()});
    weights = {b.concatenate(weights, 0)};
  }
  Value sum = b.constant(0.0);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    sum = b.add(sum, b.reduce_sum(b.mul(weights[k], state[k])));
  }
  w.objective = {"a weighed sum of the last state", b.finish({sum}), 0};
  for (const NamedType& x : more) s.parameters.push_back({x.name, Tensor(x.type), {}});
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
      if (canonical() && name == "v" && !initial.v) {
        throw UserError("a gradient by v, and the initial state gives momenta",
                        "differentiate by p, or give v in [initial]");
      }
    }
    const auto gradient_by = [&](const Plan& by) {
      if (objective) {
        return Gradient::compile(system, facts, by, *objective, wrt, settings, options);
      }
      const Weighed w = weighed(system, by);
      return Gradient::compile(w.system, facts, w.plan, w.objective, wrt, settings, options);
    };
    gradient_ = differenced_ = gradient_by(plan);
    const Arithmetic& a = plan.arithmetic;
    if (a.state == DType::kF32 && !a.pairs) {  // f32 leaves differences too few digits
      Plan wide = plan;
      wide.arithmetic = {};
      differenced_ = gradient_by(wide);
    }
    tangent_ = Tangent::compile(system, plan, objective, options);
    interrupted_ = interrupted;
    for (const Parameter& x : system.parameters) parameters_.push_back(x.value);
    if (!canonical()) return;
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
      const bool of_state = !parameter(name);
      units_.push_back(sizes_of(variable(name), of_state));
      g.x.push_back(over(variable(name), units_.back()));
      g.names.push_back(name);
    }
    if (objective_) {
      g.results = {ir::scalar(DType::kF64)};
      g.names.push_back(objective_->name);
    } else {
      for (const NamedType& x : arrays_of_state(system_)) {
        g.results.push_back(x.type);
        g.names.push_back(x.name + " at the end, ");
      }
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

  bool canonical() const { return system_.form == Form::kCanonical; }

  std::optional<std::size_t> parameter(const std::string& name) const {
    const auto at = std::ranges::find(system_.parameters, name, &Parameter::name);
    if (at == system_.parameters.end()) return {};
    return static_cast<std::size_t>(at - system_.parameters.begin());
  }

  Tensor variable(const std::string& name) const {
    if (const auto k = parameter(name)) return parameters_[*k];
    if (canonical()) return name == "q" ? initial_.q : name == "p" ? *initial_.p : *initial_.v;
    for (const NamedArray& a : arrays_of(system_, initial_.x)) {
      if (a.name == name) return a.value;
    }
    throw InternalError("check_gradient: no variable " + name);
  }
  void set_variable(const std::string& name, Tensor x) {
    if (const auto k = parameter(name)) {
      parameters_[*k] = std::move(x);
    } else if (canonical()) {
      (name == "q" ? initial_.q : name == "p" ? *initial_.p : *initial_.v) = std::move(x);
    } else {
      initial_.x = with_array(initial_.x, name, x);
    }
  }
  /// x of a system without q and p with another array of this name.
  Tensor with_array(const Tensor& x, const std::string& name, const Tensor& array) const {
    Tensors all;
    for (const NamedArray& a : arrays_of(system_, x)) {
      all.push_back(a.name == name ? array : a.value);
    }
    return joined(system_, all);
  }

  /// What a run with these parameters takes: room for the cotangents too.
  GradientControl control(std::span<const Tensor> u = {}) const {
    GradientControl c;
    c.interrupted = interrupted_;
    c.parameters = parameters_;
    if (objective_) return c;
    const std::vector<NamedType> arrays = arrays_of_state(system_);
    for (std::size_t k = 0; k < arrays.size(); ++k) {
      c.parameters.push_back(u.empty() ? Tensor(arrays[k].type) : u[k]);
    }
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
    for (std::size_t k = 0; k < wrt_.size(); ++k) {
      set_variable(wrt_[k], times(x[k], units_[k]));
    }
    GradientControl there = control();
    there.value_only = true;
    const GradientResult r = differenced_->run(initial_, plan_.steps, there);
    initial_ = initial;
    parameters_ = parameters;
    refuse_unfinished(r);
    if (objective_) return {Tensor::scalar_of<double>(r.value)};
    return at_end(r.q, r.p, r.x);
  }

  /// q and p, or the arrays of x.
  Tensors at_end(const Tensor& q, const Tensor& p, const Tensor& x) const {
    if (canonical()) return {q, p};
    Tensors all;
    for (NamedArray& a : arrays_of(system_, x)) all.push_back(std::move(a.value));
    return all;
  }

  Tensors forward(std::span<const Tensor> d) {
    const Type state{DType::kF64, system_.shape};
    Direction along{Tensor(state), Tensor(state), {}, Tensor(state)};
    Tensor dv(state);
    for (const Tensor& x : parameters_) along.parameters.emplace_back(x.type());
    for (std::size_t k = 0; k < wrt_.size(); ++k) {
      const Tensor moved = times(d[k], units_[k]);
      if (const auto n = parameter(wrt_[k])) {
        along.parameters[*n] = moved;
      } else if (canonical()) {
        (wrt_[k] == "q" ? along.q : wrt_[k] == "p" ? along.p : dv) = moved;
      } else {
        along.x = with_array(along.x, wrt_[k], moved);
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
    return at_end(r.dq, r.dp, r.dx);
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
