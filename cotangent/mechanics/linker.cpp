#include "cotangent/mechanics/linker.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/lie_poisson.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Value;
using Values = std::vector<Value>;

Value rows_of(Builder& b, Value x, const Side& side) {
  return b.slice_rows(x, side.first_row, side.first_row + side.shape[0]);
}

/// A program of (`states` arrays of the whole's state, `scalars` numbers, parameters...).
struct WholeProgram {
  Builder b;
  Values states, scalars, parameters;

  WholeProgram(const std::string& name, const System& whole, std::vector<std::string> of_state,
               std::vector<std::string> of_scalars)
      : b(name) {
    const ir::Type state{DType::kF64, whole.shape};
    for (const std::string& x : of_state) states.push_back(b.param(state, x));
    for (const std::string& x : of_scalars) scalars.push_back(b.param(ir::scalar(), x));
    for (const Parameter& x : whole.parameters) {
      parameters.push_back(b.param(x.value.type(), x.name));
    }
  }
  /// f of a side, which takes as many states and scalars.
  Values call(const ir::Function& f, const Side& side) {
    Values args;
    for (Value x : states) args.push_back(rows_of(b, x, side));
    args.insert(args.end(), scalars.begin(), scalars.end());
    const auto first = parameters.begin() + static_cast<std::ptrdiff_t>(side.first_parameter);
    args.insert(args.end(), first, first + static_cast<std::ptrdiff_t>(side.parameters));
    return b.inline_call(f, args);
  }
};

void check_pair(const System& a, const System& b) {
  for (const System* s : {&a, &b}) {
    if (s->form != Form::kCanonical) {
      throw UserError("a system without q and p cannot be linked", "link systems with an [energy]");
    }
  }
  const Shape &x = a.shape, &y = b.shape;
  if (x.rank() == y.rank() && x.rank() >= 1 && (x.rank() == 1 || x[1] == y[1])) return;
  throw UserError({"states of " + x.text() + " and " + y.text() + " cannot be put together", "",
                   "rows of one must be like those of the other",
                   "give both as [N, d] with the same d, or both as [n]"});
}

/// Names of one kind: those that both sides have get a prefix.
class Names {
 public:
  void note(const std::string& name, std::size_t side) { (side ? b_ : a_).insert(name); }
  std::string operator()(const std::string& name, std::size_t side) const {
    const bool both = a_.count(name) && b_.count(name);
    return both ? (side ? "b." : "a.") + name : name;
  }

 private:
  std::set<std::string> a_, b_;
};

void add_side(Linked& whole, const System& from, std::size_t which, const Names& terms,
              const Names& observables) {
  System& s = whole.system;
  Side& side = whole.sides[which];
  for (const EnergyTerm& t : from.terms) {
    const std::string name = terms(t.name, which);
    WholeProgram f(name, s, {"q", "p"}, {"t"});
    s.terms.push_back({name, f.b.finish(f.call(*t.energy, side)), t.span});
    side.terms.push_back(name);
  }
  for (const Observable& o : from.observables) {
    const std::string name = observables(o.name, which);
    WholeProgram f(name, s, {"q", "p", "v"}, {"t"});
    s.observables.push_back({name, f.b.finish(f.call(*o.value, side)), o.every, o.span});
  }
}

void add_coupling(Linked& whole, const Coupling& c) {
  System& s = whole.system;
  for (const EnergyTerm& t : s.terms) {
    if (t.name == c.name) throw UserError("two terms are named \"" + c.name + "\"", "rename one");
  }
  WholeProgram f(c.name, s, {"q", "p"}, {"t"});
  Values args;
  for (const Side& side : whole.sides) {
    for (Value x : f.states) args.push_back(rows_of(f.b, x, side));
  }
  args.push_back(f.scalars[0]);
  args.insert(args.end(), f.parameters.begin(), f.parameters.end());
  bool fits = c.energy->params().size() == args.size();
  for (std::size_t k = 0; fits && k < args.size(); ++k) {
    fits = c.energy->param_type(k) == f.b.type(args[k]);
  }
  if (!fits) {
    throw UserError("the coupling \"" + c.name + "\" takes other arguments than its systems have",
                    "let it take (qa, pa, qb, pb, t, parameters of the whole...)");
  }
  s.terms.push_back({c.name, f.b.finish(f.b.inline_call(*c.energy, args)), c.span});
}

Tensor joined(const Tensor& a, const Tensor& b, const Shape& shape) {
  Tensor x({DType::kF64, shape});
  const auto first = a.as<double>(), second = b.as<double>();
  std::copy(first.begin(), first.end(), x.as<double>().begin());
  std::copy(second.begin(), second.end(),
            x.as<double>().begin() + static_cast<std::ptrdiff_t>(first.size()));
  return x;
}

/// The flow of a side as one of the whole: the other rows stay, to the bit.
PartFlow lifted(const Linked& whole, const OwnFlow& own) {
  const Side& side = whole.sides[own.side];
  WholeProgram f(own.flow.name, whole.system, {"q", "p"}, {"t", "h"});
  const Values moved = f.call(*own.flow.flow, side);
  Values results;
  for (std::size_t k = 0; k < 2; ++k) {
    const Value other = rows_of(f.b, f.states[k], whole.sides[1 - own.side]);
    const Values parts = own.side == 0 ? Values{moved[k], other} : Values{other, moved[k]};
    results.push_back(f.b.concatenate(parts, 0));
  }
  PartFlow lifted = own.flow;
  lifted.name = (own.side ? "b: " : "a: ") + lifted.name;
  lifted.flow = transform::simplify(*f.b.finish(results));
  return lifted;
}

/// Kick (which 0) or drift (1) by the sum of these terms, which read the time at t + h/2.
PartFlow put_together(const System& whole, const std::vector<const EnergyTerm*>& terms,
                      std::size_t which) {
  System part;
  part.shape = whole.shape;
  part.parameters = whole.parameters;
  for (const EnergyTerm* t : terms) part.terms.push_back(*t);
  const FunctionPtr gradient = energy_gradient(part, which);
  WholeProgram f(which ? "drift" : "kick", whole, {"q", "p"}, {"t", "h"});
  Builder& b = f.b;
  const Value t = f.scalars[0], h = f.scalars[1];
  Values args = f.states;
  args.push_back(b.add(t, b.mul(b.constant(0.5), h)));
  args.insert(args.end(), f.parameters.begin(), f.parameters.end());
  const Value change = b.scale(h, b.inline_call(*gradient, args)[0]);
  Values state = f.states;
  state[1 - which] = which ? b.add(state[0], change) : b.sub(state[1], change);
  const bool moves = depends_on(*gradient, 0, 2);
  return {which ? "drift" : "kick", transform::simplify(*b.finish(state)), operations_in(*gradient),
          !moves, moves ? 2 : 0};
}

/// The names in the whole of the terms that have a flow of their own.
std::set<std::string> owned_terms(const Linked& whole, const std::vector<OwnFlow>& own) {
  std::set<std::string> owned;
  for (const OwnFlow& o : own) {
    ensure(o.side < 2, "linked_parts: a side is 0 or 1");
    const std::vector<std::string>& all = whole.sides[o.side].terms;
    std::vector<std::string> names = all;
    if (!o.terms.empty()) names.clear();
    for (const std::string& name : o.terms) {
      const std::string prefixed = (o.side ? "b." : "a.") + name;
      auto at = std::find(all.begin(), all.end(), name);
      if (at == all.end()) at = std::find(all.begin(), all.end(), prefixed);
      if (at == all.end()) {
        throw UserError("the flow \"" + o.flow.name + "\" is of a term \"" + name +
                            "\", which its side does not have",
                        "name terms as the side does");
      }
      names.push_back(*at);
    }
    for (const std::string& name : names) {
      if (owned.insert(name).second) continue;
      throw UserError("the term \"" + name + "\" has two flows", "give it one");
    }
  }
  return owned;
}

}  // namespace

Linked link(const System& a, const System& b, std::vector<Coupling> couplings,
            std::vector<Parameter> of_couplings) {
  check_pair(a, b);
  Linked whole;
  System& s = whole.system;
  const System* from[] = {&a, &b};
  s.title = a.title.empty() || b.title.empty() ? a.title + b.title : a.title + " + " + b.title;
  if (a.source == b.source) s.source = a.source;  // spans point into one text
  Names parameters, terms, observables;
  std::int64_t rows = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    whole.sides[k] = {from[k]->shape, rows, 0, from[k]->parameters.size(), {}};
    rows += from[k]->shape[0];
    for (const Parameter& x : from[k]->parameters) parameters.note(x.name, k);
    for (const EnergyTerm& x : from[k]->terms) terms.note(x.name, k);
    for (const Observable& x : from[k]->observables) observables.note(x.name, k);
  }
  whole.sides[1].first_parameter = a.parameters.size();
  s.shape = a.shape.rank() == 1 ? Shape{rows} : Shape{rows, a.shape[1]};
  for (std::size_t k = 0; k < 2; ++k) {
    for (Parameter x : from[k]->parameters) {
      x.name = parameters(x.name, k);
      s.parameters.push_back(std::move(x));
    }
  }
  for (Parameter& x : of_couplings) {
    for (const Parameter& y : s.parameters) {
      if (x.name == y.name) {
        throw UserError("two parameters are named \"" + x.name + "\"", "rename the coupling's");
      }
    }
    s.parameters.push_back(std::move(x));
  }
  for (std::size_t k = 0; k < 2; ++k) add_side(whole, *from[k], k, terms, observables);
  for (const Coupling& c : couplings) add_coupling(whole, c);
  return whole;
}

System operator+(const System& a, const System& b) {
  return link(a, b).system;
}

InitialState join(const Linked& whole, const InitialState& a, const InitialState& b) {
  if (a.t != b.t) {
    throw UserError("the two states are of different times", "start both at one time");
  }
  if (!(a.p && b.p) && !(a.v && b.v)) {
    throw UserError("one state has p and the other v", "give both in one way");
  }
  const Shape& shape = whole.system.shape;
  InitialState s;
  s.t = a.t;
  s.q = joined(a.q, b.q, shape);
  if (a.p && b.p) {
    s.p = joined(*a.p, *b.p, shape);
  } else {
    s.v = joined(*a.v, *b.v, shape);
  }
  return s;
}

std::vector<PartFlow> linked_parts(const Linked& whole, const std::vector<OwnFlow>& own) {
  const std::set<std::string> owned = owned_terms(whole, own);
  std::vector<PartFlow> parts;
  for (const OwnFlow& o : own) parts.push_back(lifted(whole, o));
  std::vector<const EnergyTerm*> kicks, drifts;
  for (const EnergyTerm& t : whole.system.terms) {
    if (owned.count(t.name)) continue;
    const bool p = depends_on(*t.energy, 0, 1);
    if (p && depends_on(*t.energy, 0, 0)) {
      throw UserError({"the term \"" + t.name + "\" reads q and p and has no flow of its own", "",
                       "it is neither a kick nor a drift", "give a flow for it"});
    }
    (p ? drifts : kicks).push_back(&t);
  }
  if (!kicks.empty()) parts.push_back(put_together(whole.system, kicks, 0));
  if (!drifts.empty()) parts.push_back(put_together(whole.system, drifts, 1));
  std::stable_sort(parts.begin(), parts.end(),
                   [](const PartFlow& x, const PartFlow& y) { return x.cost < y.cost; });
  return parts;
}

Integrator linked_step(const Linked& whole, const std::vector<OwnFlow>& own) {
  return palindrome(whole.system, linked_parts(whole, own), "linked");
}

MeasuredOrder measure_order(const Integrator& method, const System& system,
                            const InitialState& initial, double time, std::int64_t steps) {
  ensure(steps > 0, "measure_order: steps");
  const auto call = [&](const FunctionPtr& f, std::vector<Tensor> args, std::int64_t step,
                        double dt) {
    if (step >= 0) args.push_back(Tensor::scalar_of<std::int64_t>(step));
    args.push_back(Tensor::scalar_of<double>(initial.t));
    args.push_back(Tensor::scalar_of<double>(dt));
    for (const Parameter& x : system.parameters) args.push_back(x.value);
    return ir::evaluate(*f, args);
  };
  std::vector<Tensor> start = {initial.x};
  if (system.form == Form::kCanonical) {
    start = {initial.q, initial.p ? *initial.p : momentum_from_velocity(system, initial)};
  }
  const auto end = [&](std::int64_t n) {
    const double dt = time / static_cast<double>(n);
    std::vector<Tensor> carry = call(method.open, start, -1, dt);
    for (std::int64_t k = 0; k < n; ++k) carry = call(method.step, carry, k, dt);
    return call(method.close, carry, n, dt);
  };
  MeasuredOrder m;
  std::vector<Tensor> coarse = end(steps);
  for (const std::int64_t factor : {2, 4, 8}) {
    std::vector<Tensor> fine = end(steps * factor);
    double sum = 0;
    for (std::size_t k = 0; k < fine.size(); ++k) {
      const auto x = coarse[k].as<double>(), y = fine[k].as<double>();
      for (std::size_t i = 0; i < x.size(); ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
    }
    m.dt.push_back(2 * time / static_cast<double>(steps * factor));
    m.distance.push_back(std::sqrt(sum));
    coarse = std::move(fine);
  }
  m.order = std::log2(m.distance[1] / m.distance[2]);
  return m;
}

}  // namespace cotangent::mechanics
