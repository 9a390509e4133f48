#include "cotangent/mechanics/bracket.h"

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Function;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;
using Values = std::vector<Value>;

void want(bool holds, const std::string& what, const std::string& remedy = "") {
  if (!holds) throw UserError("[bracket] " + what, remedy);
}

/// A scalar function of the state, and another of the same parameters.
void check_pair(const Function& f, const Function& g, std::size_t states) {
  for (const Function* x : {&f, &g}) {
    want(x->params().size() > states, "a function of the state and t is wanted, '" + x->name() +
                                          "' has " + std::to_string(x->params().size()) +
                                          " parameters");
    want(x->results().size() == 1 && x->result_type(0) == kReal,
         "'" + x->name() + "' is no scalar function (f64)");
  }
  want(f.params().size() == g.params().size(),
       "'" + f.name() + "' and '" + g.name() + "' do not take the same parameters");
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    want(f.param_type(k) == g.param_type(k), "parameter " + std::to_string(k) + " of '" + f.name() +
                                                 "' is " + f.param_type(k).text() + ", of '" +
                                                 g.name() + "' " + g.param_type(k).text());
  }
}

Values params_like(Builder& b, const Function& f) {
  Values all;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    all.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  return all;
}

/// a [n, n] times x [n]
Value product(Builder& b, Value a, Value x) {
  ir::DotAttr attr;
  attr.contract_x = {1};
  attr.contract_y = {0};
  return b.dot_general(a, x, attr);
}

Value total(Builder& b, Value x) {
  return b.type(x).is_scalar() ? x : b.reduce_sum(x);
}

/// The derivative of f along `direction` of its first parameters.
Value push(Builder& b, const Function& f, const Values& args, const Values& direction) {
  transform::Positions wrt;
  for (std::size_t k = 0; k < direction.size(); ++k) wrt.push_back(k);
  Values all = args;
  all.insert(all.end(), direction.begin(), direction.end());
  return b.inline_call(*transform::jvp(f, wrt), all)[1];
}

/// Gradients with respect to the first `states` parameters.
Values gradient(Builder& b, const Function& f, const Values& args, std::size_t states) {
  transform::Positions wrt;
  for (std::size_t k = 0; k < states; ++k) wrt.push_back(k);
  return b.inline_call(*transform::simplify(*transform::grad(f, wrt)), args);
}

/// (dq/dt, dp/dt) by H.
Values canonical_field(Builder& b, const Function& h, const Values& args) {
  const Values g = gradient(b, h, args, 2);
  return {g[1], b.neg(g[0])};
}

/// What a contact structure makes of its state.
struct Contact {
  std::int64_t m = 0;
  Builder& b;

  Contact(Builder& builder, const Type& x) : b(builder) {
    const std::int64_t n = x.shape.rank() == 1 ? x.shape[0] : 0;
    want(n % 2 == 1,
         "a contact state is q, p and s one after the other, 2 m + 1 numbers; this one "
         "is " +
             x.text());
    m = n / 2;
  }
  Value q(Value x) { return b.slice_rows(x, 0, m); }
  Value p(Value x) { return b.slice_rows(x, m, 2 * m); }
  Value s(Value x) { return b.row(x, 2 * m); }
};

Value contact_field(Builder& b, const Function& h, const Values& args) {
  Contact c(b, h.param_type(0));
  const Value g = gradient(b, h, args, 1)[0];
  const Value energy = b.inline_call(h, args)[0];
  const Value p = c.p(args[0]), hp = c.p(g);
  const Value dp = b.neg(b.add(c.q(g), b.scale(c.s(g), p)));
  const Value ds = b.sub(total(b, b.mul(p, hp)), energy);
  const Value parts[] = {hp, dp, b.reshape(ds, Shape{1})};
  return b.concatenate(parts, 0);
}

/// dH/ds
Value contact_slope(Builder& b, const Function& h, const Values& args) {
  return Contact(b, h.param_type(0)).s(gradient(b, h, args, 1)[0]);
}

void check_matrix(const FunctionPtr& a, const Function& f, const char* name) {
  want(a != nullptr, std::string("the structure has no ") + name);
  want(a->params().size() == f.params().size() && a->param_type(0) == f.param_type(0),
       std::string(name) + " and '" + f.name() + "' do not take the same parameters");
  const Type x = f.param_type(0);
  const bool fits = x.shape.rank() == 1 && a->results().size() == 1 &&
                    a->result_type(0) == Type{DType::kF64, Shape{x.shape[0], x.shape[0]}};
  want(fits, std::string(name) + " gives " + a->result_type(0).text() + " for a state " + x.text());
}

/// A(x) grad f
Value by_matrix(Builder& b, const FunctionPtr& a, const Function& f, const Values& args) {
  return product(b, b.inline_call(*a, args)[0], gradient(b, f, args, 1)[0]);
}

Value poisson_field(Builder& b, const Structure& structure, const Function& h, const Values& args) {
  if (structure.kind == Structure::Kind::kContact) return contact_field(b, h, args);
  check_matrix(structure.poisson, h, "J");
  return by_matrix(b, structure.poisson, h, args);
}

Values field(Builder& b, const System& system, const Function& energy, const Values& args) {
  if (system.form == Form::kCanonical) return canonical_field(b, energy, args);
  want(system.form == Form::kBracket, "equations and maps move without an energy",
       "take vector_field of the system");
  return {poisson_field(b, system.structure, energy, args)};
}

Values whole_field(Builder& b, const System& system, const Values& args) {
  if (system.form == Form::kMap) {
    throw UserError("[vector_field] a map has no vector field: it goes from step to step",
                    "use its rate, x -> f(x, step)");
  }
  if (system.form == Form::kEquations) return b.inline_call(*system.rate, args);
  const FunctionPtr h = hamiltonian(system);
  Values x = field(b, system, *h, args);
  const Structure& s = system.structure;
  if (system.form == Form::kBracket && s.kind == Structure::Kind::kMetriplectic) {
    want(s.entropy != nullptr, "a metriplectic structure without an entropy S");
    check_matrix(s.metric, *s.entropy, "G");
    x[0] = b.add(x[0], by_matrix(b, s.metric, *s.entropy, args));
  }
  return x;
}

Values params_of(Builder& b, const System& system) {
  const Arguments a = arguments_of(system);
  Values all;
  for (std::size_t k = 0; k < a.types.size(); ++k) all.push_back(b.param(a.types[k], a.names[k]));
  return all;
}

FunctionPtr finish(Builder& b, const Values& results) {
  return transform::simplify(*b.finish(results));
}

}  // namespace

Arguments arguments_of(const System& system) {
  Arguments a;
  const Type state{DType::kF64, system.shape};
  if (system.form == Form::kCanonical) {
    a.names = {"q", "p"};
    a.types = {state, state};
  } else {
    a.names = {"x"};
    a.types = {state};
  }
  a.states = a.names.size();
  a.names.push_back("t");
  a.types.push_back(kReal);
  for (const Parameter& p : system.parameters) {
    a.names.push_back(p.name);
    a.types.push_back(p.value.type());
  }
  return a;
}

FunctionPtr bracket(const Function& f, const Function& g) {
  check_pair(f, g, 2);
  want(f.param_type(0) == f.param_type(1),
       "q is " + f.param_type(0).text() + ", p is " + f.param_type(1).text());
  Builder b("bracket");
  const Values args = params_like(b, f);
  return finish(b, {push(b, f, args, canonical_field(b, g, args))});
}

FunctionPtr bracket(const Function& f, const Function& g, const Structure& structure) {
  check_pair(f, g, 1);
  Builder b("bracket");
  const Values args = params_like(b, f);
  const Value along = push(b, f, args, {poisson_field(b, structure, g, args)});
  if (structure.kind != Structure::Kind::kContact) return finish(b, {along});
  const Value value = b.inline_call(f, args)[0];
  return finish(b, {b.add(along, b.mul(value, contact_slope(b, g, args)))});
}

FunctionPtr metric_bracket(const Function& f, const Function& g, const Structure& structure) {
  want(structure.kind == Structure::Kind::kMetriplectic,
       "only a metriplectic structure has a symmetric bracket");
  check_pair(f, g, 1);
  check_matrix(structure.metric, g, "G");
  Builder b("metric_bracket");
  const Values args = params_like(b, f);
  return finish(b, {push(b, f, args, {by_matrix(b, structure.metric, g, args)})});
}

FunctionPtr hamiltonian(const System& system) {
  if (system.terms.empty()) {
    throw UserError("the system has no energy term", "give one in [energy]");
  }
  Builder b("energy");
  const Values args = params_of(b, system);
  Value sum;
  for (const EnergyTerm& term : system.terms) {
    const Value e = b.inline_call(*term.energy, args)[0];
    sum = sum.valid() ? b.add(sum, e) : e;
  }
  return b.finish({sum});
}

FunctionPtr vector_field(const System& system) {
  Builder b("vector_field");
  const Values args = params_of(b, system);
  return finish(b, whole_field(b, system, args));
}

FunctionPtr field_of(const System& system, const Function& energy) {
  Builder b("field_of_" + energy.name());
  const Values args = params_of(b, system);
  return finish(b, field(b, system, energy, args));
}

FunctionPtr rate_along(const System& system, const Function& f) {
  Builder b("rate_of_" + f.name());
  const Values args = params_of(b, system);
  want(f.params().size() == args.size() && f.results().size() == 1 && f.result_type(0) == kReal,
       "'" + f.name() + "' is no scalar function of the system's state, t and parameters");
  Values direction = whole_field(b, system, args);
  direction.push_back(b.constant(1.0));  // of t
  return finish(b, {push(b, f, args, direction)});
}

}  // namespace cotangent::mechanics
