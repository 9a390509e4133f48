#include "cotangent/mechanics/split_flows.h"

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/step_builder.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;
using Values = std::vector<Value>;

Value array(Builder& b, const std::vector<double>& x) {
  const Shape shape{static_cast<std::int64_t>(x.size())};
  return b.constant(ir::Tensor::of<double>(shape, std::span<const double>(x)));
}

void append(Values& to, const Values& more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// open or close of a method that keeps nothing: the state itself.
FunctionPtr as_it_is(const char* name, const std::vector<NamedType>& state, bool with_index,
                     const std::vector<NamedType>& parameters) {
  StepProgram s(name, state, parameters, with_index);
  return s.b.finish(s.carry);
}

// ---- n-way splits ------------------------------------------------------------------------------

class NWay {
 public:
  NWay(const std::vector<PartFlow>& parts, const std::vector<NamedType>& state,
       const Splitting& composition)
      : parts_(parts), state_(state), gamma_(composition.gamma) {
    check(composition);
    const ir::Function& first = *parts_[0].flow;
    for (std::size_t k = state_.size() + 2; k < first.params().size(); ++k) {
      parameters_.push_back({first.param_names()[k], first.param_type(k)});
    }
  }

  Integrator make(const Splitting& composition) const {
    Integrator method;
    method.method = composition.name;
    method.order = composition.order;
    method.state = method.carry = state_;
    method.open = as_it_is("open", state_, false, parameters_);
    method.step = step();
    method.close = as_it_is("close", state_, true, parameters_);
    method.symmetric = true;
    return method;
  }

 private:
  void check(const Splitting& composition) const {
    if (parts_.empty()) throw UserError("a split has no part", "give at least one flow");
    if (gamma_.empty()) {
      throw UserError("\"" + composition.name + "\" is no composition of a symmetric step",
                      "use \"" + composition_for(composition.order).name + "\"");
    }
    for (const PartFlow& part : parts_) {
      if (!part.exact && (part.order < 2 || part.order % 2 != 0)) {
        throw UserError("the flow of \"" + part.name + "\" is of order " +
                            std::to_string(part.order) +
                            ", and a part of a split is exact or symmetric",
                        "give a flow of even order");
      }
      const ir::Function& f = *part.flow;
      bool fits = f.params().size() >= state_.size() + 2 && f.results().size() == state_.size() &&
                  f.params().size() == parts_[0].flow->params().size();
      for (std::size_t k = 0; fits && k < f.params().size(); ++k) {
        const Type wanted = k < state_.size()       ? state_[k].type
                            : k < state_.size() + 2 ? kReal
                                                    : parts_[0].flow->param_type(k);
        fits = f.param_type(k) == wanted && (k >= state_.size() || f.result_type(k) == wanted);
      }
      if (!fits) {
        throw UserError("the flow of \"" + part.name + "\" does not map the state of the split",
                        "a flow is (state..., t, h, parameters...) -> (state...)");
      }
    }
  }

  /// What the flows of a step read besides the state.
  struct Reads {
    Value index, t0, dt;
    Values parameters;
  };

  /// A part's flow from `from` for `length`, in units of dt after the start of the step.
  Values run(Builder& b, std::size_t part, Values x, const Reads& r, Value from,
             Value length) const {
    x.push_back(b.fma(b.add(b.cast(r.index, DType::kF64), from), r.dt, r.t0));
    x.push_back(b.mul(length, r.dt));
    append(x, r.parameters);
    return b.inline_call(*parts_[part].flow, x);
  }

  bool outer_is_merged() const { return parts_.size() > 1 && parts_[0].exact; }

  /// base(gamma dt) from `from`; the outer part's first flow is not there where it is merged into
  /// the one before, and its last is as long as `last`.
  Values stage(Builder& b, Values x, const Reads& r, Value from, Value gamma, Value last) const {
    const std::size_t inner = parts_.size() - 1;
    const Value half = b.mul(b.constant(0.5), gamma);
    const Value middle = b.add(from, half);
    for (std::size_t k = outer_is_merged() ? 1 : 0; k < inner; ++k) x = run(b, k, x, r, from, half);
    x = run(b, inner, x, r, from, gamma);
    for (std::size_t k = inner; k-- > 1;) x = run(b, k, x, r, middle, half);
    return inner > 0 ? run(b, 0, x, r, middle, last) : x;
  }

  FunctionPtr step() const {
    StepProgram program("step", state_, parameters_);
    Builder& b = program.b;
    const Reads outer{program.step, program.t0, program.dt, program.parameters};
    std::vector<double> from, last;
    double sum = 0;
    for (std::size_t k = 0; k < gamma_.size(); ++k) {
      from.push_back(sum);
      sum += gamma_[k];
      const double next = outer_is_merged() && k + 1 < gamma_.size() ? gamma_[k + 1] : 0;
      last.push_back((gamma_[k] + next) / 2);
    }
    Values x = program.carry;
    if (outer_is_merged()) {
      x = run(b, 0, x, outer, b.constant(0.0), b.constant(gamma_[0] / 2));
    }
    if (gamma_.size() == 1) {
      x = stage(b, x, outer, b.constant(0.0), b.constant(gamma_[0]), b.constant(last[0]));
      return program.finish(x);
    }
    // One loop over the stages, so the program's size does not depend on the order.
    Builder body("stage");
    body.param(kIndex, "stage");
    BodyInputs in(b, body);
    Reads r;
    r.index = in.whole(outer.index, "step");
    r.t0 = in.whole(outer.t0, "t0");
    r.dt = in.whole(outer.dt, "dt");
    for (std::size_t k = 0; k < parameters_.size(); ++k) {
      r.parameters.push_back(in.whole(outer.parameters[k], parameters_[k].name));
    }
    ir::LoopAttr loop;
    loop.trip = static_cast<std::int64_t>(gamma_.size());
    loop.invariants = in.count();
    Values held;
    for (std::size_t k = 0; k < state_.size(); ++k) held.push_back(in.whole(x[k], state_[k].name));
    loop.carries = in.count() - loop.invariants;
    const Value from_k = in.entry(array(b, from), "from");
    const Value gamma_k = in.entry(array(b, gamma_), "gamma");
    const Value last_k = in.entry(array(b, last), "last");
    loop.inputs = in.count() - loop.invariants - loop.carries;
    loop.body = body.finish(stage(body, held, r, from_k, gamma_k, last_k));
    return program.finish(b.loop(loop, in.operands()));
  }

  const std::vector<PartFlow>& parts_;
  std::vector<NamedType> state_, parameters_;
  const std::vector<double>& gamma_;
};

// ---- kicks, drifts, force gradients, processors ------------------------------------------------

/// The forces of a system as functions of (q, p, t, parameters...).
class Forces {
 public:
  explicit Forces(const System& system)
      : gradient_(energy_gradient(system, 0)), velocity_(energy_gradient(system, 1)) {
    moving_velocity_ = depends_on(*velocity_, 0, 2);
    force_gradient_ = make_force_gradient(system);
  }
  bool moving_velocity() const { return moving_velocity_; }
  Value gradient(Builder& b, const Values& args) const {
    return b.inline_call(*gradient_, args)[0];
  }
  Value velocity(Builder& b, const Values& args) const {
    return b.inline_call(*velocity_, args)[0];
  }
  Value force_gradient(Builder& b, const Values& args) const {
    return b.inline_call(*force_gradient_, args)[0];
  }

 private:
  /// grad(grad V . M^-1 grad V) = 2 V'' M^-1 grad V, by two derivatives along a direction: M^-1 w
  /// is that of dH/dp along p, V'' w that of dH/dq along q.
  FunctionPtr make_force_gradient(const System& system) const {
    Builder b("force_gradient");
    const Type state{DType::kF64, system.shape};
    Values args = {b.param(state, "q"), b.param(state, "p"), b.param(kReal, "t")};
    for (const Parameter& x : system.parameters) args.push_back(b.param(x.value.type(), x.name));
    const auto along = [&](const FunctionPtr& f, std::size_t which, Value direction) {
      Values all = args;
      all.push_back(direction);
      return b.inline_call(*transform::jvp(*f, {which}), all)[1];
    };
    const Value gradient = b.inline_call(*gradient_, args)[0];
    const Value w = along(velocity_, 1, gradient);
    return transform::simplify(*b.finish({b.mul(b.splat(2.0, state), along(gradient_, 0, w))}));
  }

  bool moving_velocity_ = false;
  FunctionPtr gradient_, velocity_, force_gradient_;
};

/// A step whose kicks and drifts are written out one after the other.
class KickDriftMethod {
 public:
  KickDriftMethod(const System& system, const Splitting& splitting)
      : splitting_(splitting), forces_(system), state_{DType::kF64, system.shape} {
    if (forces_.moving_velocity()) {
      throw UserError("the method \"" + splitting.name + "\" does not fit: dH/dp depends on time",
                      "use a composition, \"" + composition_for(splitting.order).name + "\"");
    }
    for (const Parameter& x : system.parameters) parameters_.push_back({x.name, x.value.type()});
    const std::vector<double>& c = splitting_.force_gradient;
    ends_with_force_gradient_ = !c.empty() && c.front() != 0;
    for (const Splitting::KickDrift& x : splitting_.processor) shift_ += x.drift;
  }

  Integrator make() const {
    Integrator method;
    method.method = splitting_.name;
    method.order = splitting_.order;
    method.state = {{"q", state_}, {"p", state_}};
    method.carry = method.state;
    method.carry.push_back({"gradient", state_});
    if (ends_with_force_gradient_) method.carry.push_back({"force_gradient", state_});
    method.open = open(method);
    method.step = step(method);
    method.close = close(method);
    return method;
  }

 private:
  /// The state of a step under construction; `at` is the time, in units of dt from the step's
  /// start.
  struct Moving {
    Value q, p, gradient, force_gradient, index, t0, dt;
    Values parameters;
    double at = 0;
  };

  Moving moving(const StepProgram& m) const {
    Moving s;
    s.q = m.carry[0];
    s.p = m.carry[1];
    if (m.carry.size() > 2) s.gradient = m.carry[2];
    if (m.carry.size() > 3) s.force_gradient = m.carry[3];
    s.index = m.step;
    s.t0 = m.t0;
    s.dt = m.dt;
    s.parameters = m.parameters;
    return s;
  }
  Values arguments(Builder& b, const Moving& s) const {
    const Value offset = b.constant(s.at);
    const Value steps = s.index.valid() ? b.add(b.cast(s.index, DType::kF64), offset) : offset;
    Values args = {s.q, s.p, b.fma(steps, s.dt, s.t0)};
    append(args, s.parameters);
    return args;
  }
  Value moved(Builder& b, Value x, Value coefficient, Value rate) const {
    return b.fma(b.broadcast_to(coefficient, state_.shape), rate, x);
  }
  void drift(Builder& b, Moving& s, double a) const {
    if (a == 0) return;
    const Value h = b.mul(b.constant(a), s.dt);
    s.q = moved(b, s.q, h, forces_.velocity(b, arguments(b, s)));
    s.at += a;
    s.gradient = s.force_gradient = {};
  }
  void evaluate(Builder& b, Moving& s, bool force_gradient) const {
    if (!s.gradient.valid()) s.gradient = forces_.gradient(b, arguments(b, s));
    if (force_gradient && !s.force_gradient.valid()) {
      s.force_gradient = forces_.force_gradient(b, arguments(b, s));
    }
  }
  void kick(Builder& b, Moving& s, double k, double c) const {
    if (k == 0 && c == 0) return;
    evaluate(b, s, c != 0);
    s.p = moved(b, s.p, b.mul(b.constant(-k), s.dt), s.gradient);
    if (c == 0) return;
    const Value h3 = b.mul(s.dt, b.mul(s.dt, s.dt));
    s.p = moved(b, s.p, b.mul(b.constant(c), h3), s.force_gradient);
  }
  double force_gradient_of(std::size_t kick) const {
    return splitting_.force_gradient.empty() ? 0 : splitting_.force_gradient[kick];
  }

  FunctionPtr open(const Integrator& method) const {
    StepProgram program("open", method.state, parameters_, false);
    Builder& b = program.b;
    Moving s = moving(program);
    for (const Splitting::KickDrift& x : splitting_.processor) {
      kick(b, s, x.kick, 0);
      drift(b, s, x.drift);
    }
    return finish(program, s);
  }
  FunctionPtr step(const Integrator& method) const {
    StepProgram program("step", method.carry, parameters_);
    Builder& b = program.b;
    Moving s = moving(program);
    s.at = shift_;
    kick(b, s, splitting_.first_kick, force_gradient_of(0));
    for (std::size_t k = 0; k < splitting_.drift.size(); ++k) {
      drift(b, s, splitting_.drift[k]);
      if (k + 1 == splitting_.drift.size()) s.at = shift_ + 1;
      kick(b, s, splitting_.kick[k], force_gradient_of(k + 1));
    }
    return finish(program, s);
  }
  FunctionPtr close(const Integrator& method) const {
    StepProgram program("close", method.carry, parameters_);
    Builder& b = program.b;
    Moving s = moving(program);
    s.at = shift_;
    for (std::size_t k = splitting_.processor.size(); k-- > 0;) {
      drift(b, s, -splitting_.processor[k].drift);
      kick(b, s, -splitting_.processor[k].kick, 0);
    }
    return program.finish({s.q, s.p});
  }
  FunctionPtr finish(StepProgram& program, Moving& s) const {
    evaluate(program.b, s, ends_with_force_gradient_);
    Values results = {s.q, s.p, s.gradient};
    if (ends_with_force_gradient_) results.push_back(s.force_gradient);
    return program.finish(results);
  }

  const Splitting& splitting_;
  Forces forces_;
  Type state_;
  std::vector<NamedType> parameters_;
  bool ends_with_force_gradient_ = false;
  double shift_ = 0;  // what a processor's drifts add to the time, in units of dt
};

}  // namespace

Integrator compose(const std::vector<PartFlow>& parts, const std::vector<NamedType>& state,
                   const Splitting& composition) {
  return NWay(parts, state, composition).make(composition);
}

Integrator splitting_integrator(const System& system, const Splitting& splitting) {
  return KickDriftMethod(system, splitting).make();
}

}  // namespace cotangent::mechanics
