#include "cotangent/mechanics/linker.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/split_flows.h"
#include "cotangent/mechanics/step_program.h"
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

/// Names of one kind in the whole. Those that both sides have get a prefix, until nothing else has
/// the name.
class Names {
 public:
  using Lists = std::array<std::vector<std::string>, 2>;
  explicit Names(Lists own) : own_(std::move(own)), whole_(own_) {
    std::set<std::string> all[] = {{own_[0].begin(), own_[0].end()},
                                   {own_[1].begin(), own_[1].end()}};
    std::set<std::string> taken = all[0];
    taken.insert(all[1].begin(), all[1].end());
    for (std::size_t side = 0; side < 2; ++side) {
      for (std::string& name : whole_[side]) {
        if (!all[0].count(name) || !all[1].count(name)) continue;
        do {
          name = (side ? "b." : "a.") + name;
        } while (!taken.insert(name).second);
      }
    }
  }
  const std::string& operator()(std::size_t k, std::size_t side) const { return whole_[side][k]; }

 private:
  Lists own_, whole_;
};

template <class Named>
Names names_of(const std::vector<Named>& a, const std::vector<Named>& b) {
  Names::Lists own;
  for (const Named& x : a) own[0].push_back(x.name);
  for (const Named& x : b) own[1].push_back(x.name);
  return Names(std::move(own));
}

void add_side(Linked& whole, const System& from, std::size_t which, const Names& terms,
              const Names& observables) {
  System& s = whole.system;
  Side& side = whole.sides[which];
  for (std::size_t k = 0; k < from.terms.size(); ++k) {
    const EnergyTerm& t = from.terms[k];
    const std::string& name = terms(k, which);
    WholeProgram f(name, s, {"q", "p"}, {"t"});
    s.terms.push_back({name, f.b.finish(f.call(*t.energy, side)), t.span});
    side.terms.push_back(name);
    side.own_terms.push_back(t.name);
  }
  for (std::size_t k = 0; k < from.observables.size(); ++k) {
    const Observable& o = from.observables[k];
    const std::string& name = observables(k, which);
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
PartFlow put_together(const System& whole, const std::vector<EnergyTerm>& terms,
                      std::size_t which) {
  const FunctionPtr gradient = energy_gradient(with_terms(whole, terms), which);
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
    const Side& side = whole.sides[o.side];
    std::vector<std::string> names = side.terms;
    if (!o.terms.empty()) names.clear();
    for (const std::string& name : o.terms) {
      const auto at = std::find(side.own_terms.begin(), side.own_terms.end(), name);
      if (at == side.own_terms.end()) {
        throw UserError("the flow \"" + o.flow.name + "\" is of a term \"" + name +
                            "\", which its side does not have",
                        "name terms as the side does");
      }
      names.push_back(side.terms[static_cast<std::size_t>(at - side.own_terms.begin())]);
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
  const Names parameters = names_of(a.parameters, b.parameters);
  std::int64_t rows = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    whole.sides[k] = {from[k]->shape, rows, 0, from[k]->parameters.size(), {}, {}};
    rows += from[k]->shape[0];
  }
  whole.sides[1].first_parameter = a.parameters.size();
  s.shape = a.shape.rank() == 1 ? Shape{rows} : Shape{rows, a.shape[1]};
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t j = 0; j < from[k]->parameters.size(); ++j) {
      s.parameters.push_back(from[k]->parameters[j]);
      s.parameters.back().name = parameters(j, k);
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
  const Names terms = names_of(a.terms, b.terms);
  const Names observables = names_of(a.observables, b.observables);
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
  const InitialState* states[] = {&a, &b};
  for (std::size_t k = 0; k < 2; ++k) {
    const ir::Type type{DType::kF64, whole.sides[k].shape};
    const Tensor* arrays[] = {&states[k]->q, a.p && b.p ? &*states[k]->p : &*states[k]->v};
    for (std::size_t j = 0; j < 2; ++j) {
      if (arrays[j]->type() == type) continue;
      throw UserError({std::string(j == 0       ? "q"
                                   : a.p && b.p ? "p"
                                                : "v") +
                           " of the " + (k == 0 ? "first" : "second") + " state is " +
                           arrays[j]->type().text(),
                       "", "that side of the whole is " + type.text(),
                       "give the states of the two systems that were linked, in their order"});
    }
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
  std::vector<EnergyTerm> kicks, drifts;
  for (const EnergyTerm& t : whole.system.terms) {
    if (owned.count(t.name)) continue;
    const bool p = depends_on(*t.energy, 0, 1);
    if (p && depends_on(*t.energy, 0, 0)) {
      throw UserError({"the term \"" + t.name + "\" reads q and p and has no flow of its own", "",
                       "it is neither a kick nor a drift", "give a flow for it"});
    }
    (p ? drifts : kicks).push_back(t);
  }
  if (!kicks.empty()) parts.push_back(put_together(whole.system, kicks, 0));
  if (!drifts.empty()) parts.push_back(put_together(whole.system, drifts, 1));
  std::stable_sort(parts.begin(), parts.end(),
                   [](const PartFlow& x, const PartFlow& y) { return x.cost < y.cost; });
  return parts;
}

Integrator linked_step(const Linked& whole, const std::vector<OwnFlow>& own) {
  Integrator m = compose(linked_parts(whole, own), state_types(whole.system), composition_for(2));
  m.method = "linked";
  return m;
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
