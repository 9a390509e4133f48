#include "tests/mechanics/gradient_forms.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/mechanics/gradient_plan.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "cotangent/mechanics/state_arrays.h"
#include "cotangent/mechanics/tangent.h"

namespace cotangent::mechanics::test {

using ir::Tensor;
using ir::Value;

Problem lorenz() {
  Problem p;
  p.system = plain_system(Form::kEquations, 3,
                          {real("sigma", 10), real("rho", 28), real("beta", 8.0 / 3)});
  p.system.arrays = {{"x", Shape{}, {}}, {"yz", Shape{2}, {}}};
  p.system.rate = program(3, p.system.parameters, [](const Of& o) {
    const Value x = o[0], y = o[1], z = o[2];
    return o.stack({o.mul(o.parameters[0], o.b.sub(y, x)),
                    o.b.sub(o.mul(x, o.b.sub(o.parameters[1], z)), y),
                    o.b.sub(o.mul(x, y), o.mul(o.parameters[2], z))});
  });
  p.initial.x = vector({1, 1, 20});
  return p;
}

Problem driven() {
  Problem p;
  p.system = plain_system(Form::kEquations, 1, {real("a", 0.7)});
  p.system.rate = program(1, p.system.parameters, [](const Of& o) {
    const Value push = o.b.unary(ir::Op::kCos, o.times(3, o.t));
    return o.b.sub(o.b.broadcast_to(o.mul(o.parameters[0], push), Shape{1}), o.x);
  });
  p.initial.x = vector({0.2});
  p.initial.t = 0.3;
  return p;
}

Problem logistic(double r) {
  Problem p;
  p.system = plain_system(Form::kMap, 1, {real("r", r)});
  p.system.rate = program(1, p.system.parameters, [](const Of& o) {
    return o.b.scale(o.parameters[0], o.mul(o.x, o.b.sub(o.b.splat(1.0, o.b.type(o.x)), o.x)));
  });
  p.initial.x = vector({0.3});
  return p;
}

Problem rigid_body() {
  Problem p;
  p.system = plain_system(Form::kBracket, 3, {reals("I", {2, 1, 2.0 / 3})});
  p.system.structure = lie_poisson("so3", p.system.parameters);
  add_energy(p.system, "kinetic", [](const Of& o) {
    return o.times(0.5, o.b.reduce_sum(o.b.div(o.mul(o.x, o.x), o.parameters[0])));
  });
  p.initial.x = vector({0.4, 0.1, 0.9});
  return p;
}

/// A stiff spring, and a weak one that is not linear.
static Problem two_springs() {
  Problem p = harmonic(20);
  p.system.parameters.push_back(real("a", 0.3));
  for (EnergyTerm& term : p.system.terms) {  // the new parameter is theirs too
    ir::Builder b(term.energy->name());
    std::vector<Value> args;
    for (std::size_t k = 0; k < term.energy->params().size(); ++k) {
      args.push_back(b.param(term.energy->param_type(k), term.energy->param_names()[k]));
    }
    b.param(ir::scalar(), "a");
    term.energy = b.finish(b.inline_call(*term.energy, args));
  }
  add_term(p.system, "weak", [](ir::Builder& b, const TermValues& v) {
    const Value square = b.mul(v.q, v.q);
    return b.mul(v.parameters.back(), b.reduce_sum(b.mul(square, square)));
  });
  p.initial.p = tensor(Shape{1}, {0.4});
  p.initial.v.reset();
  return p;
}

std::vector<Case> cases() {
  std::vector<Case> list;
  const auto add = [&](const char* name, const Problem& problem, double dt, std::int64_t steps,
                       const char* method) {
    list.push_back({name, problem, settings(dt, steps, method)});
    return &list.back().run;
  };
  for (const char* method : {"rk4", "explicit_euler", "dopri5", "implicit_midpoint"}) {
    add("Lorenz", lorenz(), 0.02, 40, method);
    add("driven", driven(), 0.05, 40, method);
    add("Kepler", kepler(0.3), 0.05, 40, method);
  }
  add("logistic map", logistic(3.5), 1, 12, "auto");
  for (const char* method : {"lie_poisson", "implicit_midpoint", "rk4"}) {
    add("rigid body", rigid_body(), 0.1, 40, method);
  }
  add("planets", outer_solar_system(), 50, 30, "wisdom_holman");
  add("planets", outer_solar_system(), 50, 30, "wisdom_holman")->coordinates = "democratic";
  add("springs", two_springs(), 0.1, 30, "exact_kicks");
  add("springs", two_springs(), 0.1, 30, "mollified_kicks");
  MultirateSettings levels;
  levels.levels = {{}, {"spring"}};
  levels.inner = {5};
  add("springs", two_springs(), 0.05, 30, "auto")->multirate = levels;
  return list;
}

bool canonical(const Problem& p) {
  return p.system.form == Form::kCanonical;
}

Objective objective_of(const Problem& problem, std::int64_t every) {
  System system = problem.system;
  if (canonical(problem)) {
    add_observable(system, "objective", every, [](ir::Builder& b, const TermValues& x) {
      const Value mixed = b.mul(b.reduce_sum(x.q), b.reduce_sum(x.p));
      const Value v = b.reduce_sum(b.mul(x.parameters[0], x.parameters[0]));
      return b.add(b.sub(b.reduce_sum(b.mul(x.q, x.q)), b.mul(b.constant(3.0), mixed)),
                   b.mul(b.constant(0.1), v));
    });
    return {"objective", system.observables.back().value, every};
  }
  return {"objective",
          program(system.shape[0], system.parameters,
                  [](const Of& o) {
                    const Value sum = o.b.reduce_sum(o.x);
                    const Value squares = o.b.reduce_sum(o.mul(o.x, o.x));
                    const Value a = o.b.reduce_sum(o.parameters[0]);
                    return o.add(o.mul(a, o.add(squares, o.times(0.3, sum))), o.t);
                  }),
          every};
}

std::vector<std::string> all_variables(const Problem& problem) {
  std::vector<std::string> wrt;
  if (canonical(problem)) wrt = {"q", problem.initial.v ? "v" : "p"};
  for (const StateArray& a : problem.system.arrays) wrt.push_back(a.name);
  for (const Parameter& x : problem.system.parameters) wrt.push_back(x.name);
  return wrt;
}

std::vector<Case> few_cases() {
  std::vector<Case> few;
  for (Case& c : cases()) {
    const std::string& method = c.run.method;
    const bool once = (c.name == "Lorenz" && (method == "rk4" || method == "dopri5")) ||
                      (c.name == "Kepler" && method == "implicit_midpoint") ||
                      c.name == "logistic map" || method == "lie_poisson" || c.run.multirate ||
                      method == "exact_kicks";
    if (once) few.push_back(std::move(c));
  }
  return few;
}

Planned planned(const Case& c) {
  Planned p{find_facts(c.problem.system, c.problem.initial), {}};
  p.plan = make_plan(c.problem.system, p.facts, c.run, &c.problem.initial);
  return p;
}

GradientResult gradient(const Case& c, const Objective& o, const std::vector<std::string>& wrt,
                        const GradientSettings& how, const FlowOptions& options) {
  const Planned p = planned(c);
  EXPECT_NE(p.plan.integrator, nullptr) << c.name;
  return Gradient::compile(c.problem.system, p.facts, p.plan, o, wrt, how, options)
      ->run(c.problem.initial, p.plan.steps);
}

std::string text_of(const Case& c) {
  return c.name + " by " + c.run.method;
}

namespace {

Tensor variable(const Problem& p, const std::string& name) {
  for (const Parameter& x : p.system.parameters) {
    if (x.name == name) return x.value;
  }
  if (canonical(p)) return name == "q" ? p.initial.q : name == "p" ? *p.initial.p : *p.initial.v;
  for (const NamedArray& a : arrays_of(p.system, p.initial.x)) {
    if (a.name == name) return a.value;
  }
  throw InternalError("no variable " + name);
}

void set_variable(Problem& p, const std::string& name, const Tensor& to) {
  for (Parameter& x : p.system.parameters) {
    if (x.name == name) return void(x.value = to);
  }
  if (canonical(p)) {
    return void((name == "q" ? p.initial.q : name == "p" ? *p.initial.p : *p.initial.v) = to);
  }
  std::vector<Tensor> all;
  for (const NamedArray& a : arrays_of(p.system, p.initial.x)) {
    all.push_back(a.name == name ? to : a.value);
  }
  p.initial.x = joined(p.system, all);
}

double largest_of(const Tensor& x) {
  double m = 0;
  for (std::int64_t k = 0; k < x.size(); ++k) {
    m = std::max(m, std::abs(static_cast<double>(x.real(k))));
  }
  return m;
}

/// A direction of the size of each entry.
Tensor along(const Tensor& x) {
  const double size = largest_of(x);
  Tensor d(x.type());
  for (std::int64_t i = 0; i < d.size(); ++i) {
    const double own = std::abs(static_cast<double>(x.real(i)));
    d.set_real(i, (own > 0 ? own : size > 0 ? size : 1) * std::cos(static_cast<double>(i) + 0.3));
  }
  return d;
}

/// The sum of products, and of their magnitudes.
std::pair<double, double> dot(const Tensor& a, const Tensor& b) {
  double sum = 0, size = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const auto term = static_cast<double>(a.real(i) * b.real(i));
    sum += term;
    size += std::abs(term);
  }
  return {sum, size};
}

double value_of(const Problem& problem, const Planned& p, const Objective& o) {
  Problem with = problem;
  with.system.observables.push_back({"objective", o.value, std::max<std::int64_t>(1, o.every), {}});
  const RunResult r = Flow::compile(with.system, p.facts, p.plan)->run(with.initial, p.plan.steps);
  const std::vector<double>& x = r.observables.back().values;
  if (o.every == 0) return x.back();
  double sum = 0;
  for (double a : x) sum += a;
  return sum / static_cast<double>(x.size());
}

}  // namespace

void expect_transpose(const Case& c, std::int64_t every) {
  const Objective o = objective_of(c.problem, every);
  const GradientResult made = gradient(c, o, all_variables(c.problem));
  ASSERT_EQ(made.status, RunStatus::kFinished) << text_of(c);
  const Planned p = planned(c);
  const System& system = c.problem.system;
  const auto tangent = Tangent::compile(system, p.plan, o);
  InitialState start = c.problem.initial;
  const ir::Type state{DType::kF64, system.shape};
  Direction d{Tensor(state), Tensor(state), {}, Tensor(state)};
  Problem moving = c.problem;  // holds the directions
  for (const std::string& name : all_variables(c.problem)) {
    set_variable(moving, name, along(variable(c.problem, name)));
  }
  std::vector<Tensor> parameters;
  for (const Parameter& x : system.parameters) parameters.push_back(x.value);
  for (const Parameter& x : moving.system.parameters) d.parameters.push_back(x.value);
  if (canonical(c.problem)) {
    d.q = moving.initial.q;
    if (start.v) {
      start.p = momentum_from_velocity(system, c.problem.initial);
      d.p =
          push_velocity(system, c.problem.initial, *start.p, d.q, *moving.initial.v, d.parameters);
      start.v.reset();
    } else {
      d.p = *moving.initial.p;
    }
  } else {
    d.x = moving.initial.x;
  }
  const TangentResult forward = tangent->run(start, parameters, p.plan.steps, d);
  double sum = 0, size = 0;
  for (const auto& [name, slope] : made.gradient) {
    const auto [value, magnitude] = dot(slope, variable(moving, name));
    sum += value;
    size += magnitude;
  }
  EXPECT_NEAR(forward.value, made.value, 1e-12 * std::max(1.0, std::abs(made.value))) << text_of(c);
  EXPECT_NEAR(sum, forward.d_value, 2e-12 * size) << text_of(c) << ", every " << every;
  EXPECT_GT(std::abs(forward.d_value), 1e-6 * size) << text_of(c);
}

// Central differences of the fourth order, along one direction for each variable. Adaptive steps
// are held: their differences see the tolerance.
void expect_differences(const Case& c, std::int64_t every) {
  const Objective o = objective_of(c.problem, every);
  const Planned p = planned(c);
  const auto compiled =
      Gradient::compile(c.problem.system, p.facts, p.plan, o, all_variables(c.problem), {});
  const GradientResult made = compiled->run(c.problem.initial, p.plan.steps);
  EXPECT_NEAR(made.value, value_of(c.problem, p, o), 1e-13 * std::abs(made.value)) << text_of(c);
  for (const auto& [name, slope] : made.gradient) {
    const Tensor x = variable(c.problem, name), d = along(x);
    const auto moved = [&, which = name](double h) {
      Problem there = c.problem;
      Tensor to = x;
      for (std::int64_t i = 0; i < to.size(); ++i) to.set_real(i, x.real(i) + h * d.real(i));
      set_variable(there, which, to);
      GradientControl only;
      only.value_only = true;
      for (const Parameter& a : there.system.parameters) only.parameters.push_back(a.value);
      return compiled->run(there.initial, p.plan.steps, only).value;
    };
    const double h = 2e-4;
    const double difference =
        (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    const auto [sum, size] = dot(slope, d);
    const double tolerance = c.run.method == "dopri5" ? 1e-5 : 1e-7;
    EXPECT_NEAR(difference, sum, tolerance * std::max(size, std::abs(made.value)))
        << text_of(c) << " by " << name;
  }
}

void expect_same_whatever_is_kept(const Case& c, std::int64_t every) {
  const Objective o = objective_of(c.problem, every);
  GradientSettings all, few;
  all.policy = "all";
  few.policy = "checkpoints";
  const KeptBytes bytes = kept_bytes(c.problem.system, planned(c).plan, every > 0);
  few.budget = 3 * (bytes.tape + bytes.state) + bytes.end;  // steps run again and again
  few.horizon = false;
  const GradientResult kept = gradient(c, o, all_variables(c.problem), all);
  const GradientResult again = gradient(c, o, all_variables(c.problem), few);
  EXPECT_EQ(again.plan.policy, GradientPolicy::kCheckpoints);
  EXPECT_GT(again.plan.chunks, again.plan.slots) << text_of(c);
  EXPECT_LE(again.kept_bytes, few.budget) << text_of(c);
  EXPECT_EQ(again.value, kept.value) << text_of(c);
  for (std::size_t k = 0; k < kept.gradient.size(); ++k) {
    EXPECT_TRUE(again.gradient[k].second.same_bits(kept.gradient[k].second))
        << text_of(c) << " by " << kept.gradient[k].first << ", every " << every;
  }
}

void expect_bits_of_run_and_evaluator(const Case& c) {
  const Objective o = objective_of(c.problem);
  GradientSettings how;
  how.horizon = false;
  FlowOptions reference;
  reference.reference = true;
  const GradientResult made = gradient(c, o, all_variables(c.problem), how);
  const GradientResult same = gradient(c, o, all_variables(c.problem), how, reference);
  const Planned p = planned(c);
  const RunResult run =
      Flow::compile(c.problem.system, p.facts, p.plan)->run(c.problem.initial, p.plan.steps);
  if (canonical(c.problem)) {
    EXPECT_TRUE(made.q.same_bits(run.q) && made.p.same_bits(run.p)) << text_of(c);
  } else {
    EXPECT_TRUE(made.x.same_bits(run.x)) << text_of(c);
  }
  EXPECT_EQ(made.value, same.value) << text_of(c);
  for (std::size_t k = 0; k < made.gradient.size(); ++k) {
    EXPECT_TRUE(made.gradient[k].second.same_bits(same.gradient[k].second))
        << text_of(c) << " by " << made.gradient[k].first;
  }
}

}  // namespace cotangent::mechanics::test
