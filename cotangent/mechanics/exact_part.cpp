#include "cotangent/mechanics/exact_part.h"

#include "cotangent/base/text.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/exact_flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/quadratic.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Value;
using Values = std::vector<Value>;

/// The sum of terms; of none, zero.
FunctionPtr sum_of(const System& system, std::vector<EnergyTerm> terms) {
  if (terms.empty()) {
    Builder b("none");
    const ir::Type state{DType::kF64, system.shape};
    b.param(state, "q"), b.param(state, "p"), b.param(ir::scalar(), "t");
    for (const Parameter& p : system.parameters) b.param(p.value.type(), p.name);
    return b.finish({b.constant(0.0)});
  }
  return total_energy(with_terms(system, std::move(terms)));
}

/// d rest / dq: (q, p, t, parameters...).
FunctionPtr force_of_rest(const System& system, const ExactSplit& split) {
  if (!split.rest) return transform::grad(*sum_of(system, {}), {0});
  if (depends_on(*split.rest, 0, 1)) {
    throw UserError({"what is not quadratic reads p, so it is no kick", "",
                     "the rest of the energy has to be a function of q (and t) alone",
                     "run it by another method"});
  }
  return transform::simplify(*transform::grad(*split.rest, {0}));
}

/// The gradient that kicks, at the averaged position where kicks are mollified.
struct Kick {
  FunctionPtr gradient;
  const ExactFlow* flow;
  bool mollified;

  Value operator()(Builder& b, std::span<const Value> coefficients, Value q, Value t,
                   std::span<const Value> parameters) const {
    Values args = {mollified ? flow->average(b, coefficients, q) : q, b.zeros(b.type(q)), t};
    args.insert(args.end(), parameters.begin(), parameters.end());
    const Value g = b.inline_call(*gradient, args)[0];
    return mollified ? flow->carry_back(b, coefficients, g) : g;
  }
};

}  // namespace

ExactSplit split_terms(const System& system) {
  ensure(system.form == Form::kCanonical, "split_terms: the system is not canonical");
  ExactSplit split;
  std::vector<EnergyTerm> quadratic, rest;
  for (const EnergyTerm& term : system.terms) {
    const TermParts parts = split_quadratic(*term.energy);
    if (parts.quadratic) {
      quadratic.push_back({term.name, parts.quadratic, term.span});
      split.quadratic_terms.push_back(term.name + (parts.rest ? " (what is quadratic of it)" : ""));
    }
    if (!parts.rest) continue;
    if (depends_on(*parts.rest, 0, 1)) {
      throw UserError({"the term \"" + term.name + "\" is not quadratic and reads p", "",
                       "the rest of the energy has to be a function of q (and t) alone to kick",
                       "run it by another method"});
    }
    rest.push_back({term.name, parts.rest, term.span});
    split.rest_terms.push_back(term.name + (parts.quadratic ? " (what is not)" : ""));
  }
  if (quadratic.empty()) {
    throw UserError("no term of the energy is quadratic: there is nothing to flow exactly",
                    "run it by another method");
  }
  split.quadratic = sum_of(system, quadratic);
  split.rest = sum_of(system, rest);
  return split;
}

Integrator exact_and_kicks(const System& system, const ExactSplit& split, Kicks kicks) {
  const std::shared_ptr<const ExactFlow> flow = ExactFlow::of(system, split);
  const bool filter = kicks == Kicks::kMollified;
  if (filter && !flow->can_filter()) {
    throw UserError(
        "kicks cannot be mollified here: the quadratic part is no sum of a kinetic "
        "energy with diagonal masses and a potential",
        "use plain kicks, away from resonance");
  }
  const Kick kick{force_of_rest(system, split), flow.get(), filter};
  const std::vector<NamedType> coefficients = flow->carried(filter);
  Integrator m;
  m.method = filter ? "mollified_kicks" : "exact_kicks";
  m.order = 2;
  m.state = m.carry = state_types(system);
  m.carry.push_back({"kick", m.state[0].type});
  m.carry.insert(m.carry.end(), coefficients.begin(), coefficients.end());

  StepProgram open("open", m.state, system.parameters, false);
  Values c = flow->coefficients(open.b, open.dt, open.parameters, filter);
  Values carry = open.carry;
  carry.push_back(kick(open.b, c, carry[0], open.t0, open.parameters));
  carry.insert(carry.end(), c.begin(), c.end());
  m.open = open.finish(carry);

  StepProgram step("step", m.carry, system.parameters);
  Builder& b = step.b;
  carry = step.carry;
  c.assign(carry.begin() + 3, carry.end());
  const Value half = b.mul(b.constant(0.5), step.dt);
  const Value kicked = b.sub(carry[1], b.scale(half, carry[2]));
  const auto [q, p] = flow->move(b, c, carry[0], kicked);
  const Value next =
      b.add(step.t0, b.mul(b.add(b.cast(step.step, DType::kF64), b.constant(1.0)), step.dt));
  const Value g = kick(b, c, q, next, step.parameters);
  Values after = {q, b.sub(p, b.scale(half, g)), g};
  after.insert(after.end(), c.begin(), c.end());
  m.step = step.finish(after);

  StepProgram close("close", m.carry, system.parameters);
  m.close = close.finish({close.carry[0], close.carry[1]});
  return m;
}

namespace {

/// (q, p, t, h, parameters...)
struct PartProgram {
  Builder b;
  Value q, p, t, h;
  Values parameters;
  PartProgram(const std::string& name, const System& system) : b(name) {
    const ir::Type state{DType::kF64, system.shape};
    q = b.param(state, "q"), p = b.param(state, "p");
    t = b.param(ir::scalar(), "t"), h = b.param(ir::scalar(), "h");
    for (const Parameter& x : system.parameters) {
      parameters.push_back(b.param(x.value.type(), x.name));
    }
  }
};

}  // namespace

PartFlow quadratic_flow(const System& system, const ExactSplit& split) {
  const auto flow = ExactFlow::of(system, split);
  PartProgram f("quadratic_flow", system);
  const Values c = flow->coefficients(f.b, f.h, f.parameters, false);
  const auto [q, p] = flow->move(f.b, c, f.q, f.p);
  return {"quadratic part", transform::simplify(*f.b.finish({q, p})), flow->cost(), true, 0};
}

PartFlow rest_flow(const System& system, const ExactSplit& split) {
  const Kick kick{force_of_rest(system, split), nullptr, false};
  PartProgram f("rest_flow", system);
  Builder& b = f.b;
  const Value middle = b.add(f.t, b.mul(b.constant(0.5), f.h));
  const Value p = b.sub(f.p, b.scale(f.h, kick(b, {}, f.q, middle, f.parameters)));
  const bool moves = depends_on(*kick.gradient, 0, 2);
  return {"rest", transform::simplify(*b.finish({f.q, p})), operations_in(*kick.gradient), !moves,
          moves ? 2 : 0};
}

}  // namespace cotangent::mechanics
