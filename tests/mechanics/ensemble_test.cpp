// Ensembles: each member is a run of its own (exact identity); means and spreads of a linear system
// (statistical, k/sqrt(n)).
#include "cotangent/mechanics/ensemble.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cotangent/mechanics/implicit_midpoint.h"
#include "cotangent/mechanics/kick_drift.h"
#include "cotangent/mechanics/runge_kutta.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics {
namespace {

using test::Problem;

Spread spread(std::string name, Spread::Law law, double scale, std::int64_t begin, std::int64_t end,
              bool parameter = false) {
  Spread s;
  s.name = std::move(name);
  s.law = law;
  s.scale = ir::Tensor::scalar_of<double>(scale);
  s.begin = begin;
  s.end = end;
  s.parameter = parameter;
  return s;
}

Plan plan_for(const Problem& problem, const Facts& facts, std::int64_t steps, double dt) {
  RunSettings settings;
  settings.dt = dt;
  settings.steps = steps;
  settings.every = steps / 4;
  settings.kinds = Kinds::kSteps;
  return make_plan(problem.system, facts, settings, &problem.initial);
}

void observe_q(System& system) {
  test::add_observable(system, "x", 0,
                       [](ir::Builder& b, const test::TermValues& v) { return b.row(v.q, 0); });
}

const Series& series_of(const RunResult& r, const std::string& name) {
  const auto found = std::ranges::find(r.observables, name, &Series::name);
  if (found == r.observables.end()) throw InternalError("no series " + name);
  return *found;
}
double last_of(const RunResult& r, const std::string& name) {
  return series_of(r, name).values.back();
}

Facts timeless() {
  Facts facts;
  Fact fact;
  fact.name = "time_dependent";
  fact.value = false;
  facts.all.push_back(fact);
  return facts;
}

/// x' = x^2
System square_equation() {
  System s = test::plain_system(Form::kEquations, 1);
  s.arrays = {{"x", Shape{1}, {}}};
  s.rate = test::program(1, [](const test::Of& o) { return o.mul(o.x, o.x); });
  return s;
}

Plan plan_of(std::shared_ptr<const Integrator> method, double dt, std::int64_t steps) {
  Plan plan;
  plan.method = method->method;
  plan.integrator = std::move(method);
  plan.dt = dt;
  plan.steps = steps;
  plan.every = 1;
  return plan;
}

TEST(Ensemble, EveryMemberIsARunOfItsOwn) {
  Problem kepler = test::kepler(0.3);
  const Facts facts = find_facts(kepler.system, kepler.initial);
  Plan plan = plan_for(kepler, facts, 400, 0.02);
  EnsembleSettings e;
  e.size = 19;
  e.seed = 7;
  e.spreads = {spread("q", Spread::Law::kNormal, 0.01, 0, 2),
               spread("p", Spread::Law::kRelative, 0.02, 1, 2)};
  const Members members = draw_members(kepler.system, kepler.initial, e);
  plan.ensemble = e;
  const RunResult all = Flow::compile(kepler.system, facts, plan)->run(kepler.initial, plan.steps);
  ASSERT_EQ(all.status, RunStatus::kFinished);
  ASSERT_EQ(all.members.size(), 2u);
  plan.ensemble.reset();
  const auto one = Flow::compile(kepler.system, facts, plan);
  const auto entry = [](const ir::Tensor& x, std::int64_t k) {
    return static_cast<double>(x.real(k));
  };
  double mean = 0;
  for (std::int64_t m = 0; m < e.size; ++m) {
    InitialState start = kepler.initial;
    start.p = ir::Tensor(start.q.type());
    for (std::int64_t k = 0; k < 2; ++k) {
      start.q.set_real(k, entry(members.state[0], 2 * m + k));
      start.p->set_real(k, entry(members.state[1], 2 * m + k));
    }
    const RunResult alone = one->run(start, plan.steps);
    for (std::int64_t k = 0; k < 2; ++k) {
      EXPECT_EQ(entry(alone.q, k), entry(all.members[0], 2 * m + k)) << m;
      EXPECT_EQ(entry(alone.p, k), entry(all.members[1], 2 * m + k)) << m;
    }
    mean += entry(alone.q, 0) / static_cast<double>(e.size);
  }
  EXPECT_NEAR(entry(all.q, 0), mean, 1e-15);
  // Other chunks, other threads, the evaluator: the same members.
  RunControl split;
  split.chunks = {1, 3, 100};
  plan.ensemble = e;
  FlowOptions threads;
  threads.threads = 2;
  threads.vector_bits = 256;
  EXPECT_EQ(Flow::compile(kepler.system, facts, plan, threads)
                ->run(kepler.initial, plan.steps, split)
                .state_hash,
            all.state_hash);
}

/// A method that was recognised at the value of a parameter is another system's at others.
TEST(Ensemble, ASpreadOfWhatTheMethodWasMadeForIsRefused) {
  System system = test::empty_system(Shape{1}, {test::real("a", 1), test::real("k", 2)});
  Plan plan;
  Integrator method;
  method.method = "kepler";
  method.fixed = {1};
  plan.integrator = std::make_shared<const Integrator>(method);
  EnsembleSettings settings;
  settings.size = 4;
  settings.spreads.resize(1);
  settings.spreads[0].parameter = true;
  settings.spreads[0].name = "k";
  Plan refused = plan, taken = plan;
  EXPECT_THROW(plan_ensemble(system, {}, settings, refused), UserError);
  settings.spreads[0].name = "a";
  EXPECT_NO_THROW(plan_ensemble(system, {}, settings, taken));
}

/// q^n is smooth with n = 2, and a spread of n makes another energy of it: not refused, but said.
TEST(Ensemble, ASpreadOfAnExponentIsWarnedOf) {
  System system = test::empty_system(Shape{1}, {test::real("k", 1), test::real("n", 2)});
  test::add_term(system, "well", [](ir::Builder& b, const test::TermValues& v) {
    const ir::Value power = b.binary(ir::Op::kPow, b.row(v.q, 0), v.parameters[1]);
    return b.mul(v.parameters[0], power);
  });
  EnsembleSettings settings;
  settings.size = 4;
  settings.spreads.resize(1);
  settings.spreads[0].parameter = true;
  const auto warnings = [&](const std::string& name) {
    settings.spreads[0].name = name;
    Plan plan;
    plan_ensemble(system, {}, settings, plan);
    return std::ranges::count(plan.decisions, "warning", &Decision::choice);
  };
  EXPECT_EQ(warnings("k"), 0);
  EXPECT_EQ(warnings("n"), 1);
}

TEST(Ensemble, AMemberIsTheSameInEnsemblesOfAnySize) {
  const Problem kepler = test::kepler(0.3);
  EnsembleSettings e;
  e.size = 5;
  e.spreads = {spread("q", Spread::Law::kNormal, 0.1, 0, 2)};
  const Members few = draw_members(kepler.system, kepler.initial, e);
  e.size = 50;
  const Members many = draw_members(kepler.system, kepler.initial, e);
  for (std::int64_t k = 0; k < 10; ++k) EXPECT_EQ(few.state[0].real(k), many.state[0].real(k));
  e.seed = 2;
  EXPECT_NE(draw_members(kepler.system, kepler.initial, e).state[0].real(0), few.state[0].real(0));
}

/// Statistical: q(t) = q0 cos t + p0 sin t with q0 ~ N(1, 0.1), p0 ~ N(0, 0.2) independent, so
/// var q(t) = 0.01 cos^2 t + 0.04 sin^2 t; 5 standard errors.
TEST(Ensemble, SpreadsOfAnOscillatorAreThoseOfTheory) {
  Problem h = test::harmonic(1);
  observe_q(h.system);
  const Facts facts = find_facts(h.system, h.initial);
  Plan plan = plan_for(h, facts, 1000, 0.002);
  EnsembleSettings e;
  e.size = 20000;
  e.spreads = {spread("q", Spread::Law::kNormal, 0.1, 0, 1),
               spread("p", Spread::Law::kNormal, 0.2, 0, 1)};
  e.quantiles = {0.05, 0.5};
  e.covariance = {"x"};
  plan.ensemble = e;
  const RunResult r = Flow::compile(h.system, facts, plan)->run(h.initial, plan.steps);
  const auto last = [&](const std::string& name) { return last_of(r, name); };
  const double t = 2, n = 20000;
  const double sigma = std::sqrt(0.01 * std::pow(std::cos(t), 2) + 0.04 * std::pow(std::sin(t), 2));
  EXPECT_NEAR(last("x.mean"), std::cos(t), 5 * sigma / std::sqrt(n));
  EXPECT_NEAR(last("x.std"), sigma, 5 * sigma / std::sqrt(2 * n));
  EXPECT_NEAR(last("x.q50"), std::cos(t), 5 * 1.2533 * sigma / std::sqrt(n));
  // The standard error of a quantile: sqrt(q (1 - q) / n) / density.
  const double z = 1.6448536269514722;
  const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI) / sigma;
  EXPECT_NEAR(last("x.q05"), std::cos(t) - z * sigma, 5 * std::sqrt(0.05 * 0.95 / n) / density);
  EXPECT_NEAR(last("covariance"), last("x.std") * last("x.std"), 1e-12);
  EXPECT_LT(last("energy_error.max"), 1e-9);
  EXPECT_EQ(last("finite_members"), n);
  EXPECT_EQ(r.observables[0].step.size(), 5u);
}

TEST(Ensemble, ParametersMaySpreadAndMembersMayFail) {
  // w^2 = 1 and -1e8: the second member leaves for infinity.
  Problem p = test::harmonic(1);
  p.system = test::empty_system(Shape{1}, {test::real("k", 1)});
  test::add_term(p.system, "kinetic", [](ir::Builder& b, const test::TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  test::add_term(p.system, "spring", [](ir::Builder& b, const test::TermValues& v) {
    return b.mul(b.mul(b.constant(0.5), v.parameters[0]), b.reduce_sum(b.mul(v.q, v.q)));
  });
  observe_q(p.system);
  p.initial.v.reset();
  p.initial.p = test::tensor(Shape{1}, {0});
  const Facts facts = find_facts(p.system, p.initial);
  Plan plan = plan_for(p, facts, 400, 0.05);
  EnsembleSettings e;
  e.size = 3;
  Spread k = spread("k", Spread::Law::kValues, 0, 0, 1, true);
  k.values = test::tensor(Shape{3, 1}, {1, -1e8, 4});
  e.spreads = {k};
  plan.ensemble = e;
  const RunResult r = Flow::compile(p.system, facts, plan)->run(p.initial, plan.steps);
  EXPECT_EQ(r.status, RunStatus::kFinished);
  EXPECT_NEAR(double(r.members[0].real(0)), std::cos(20.0), 1e-4);
  EXPECT_FALSE(std::isfinite(double(r.members[0].real(1))));
  EXPECT_NEAR(double(r.members[0].real(2)), std::cos(40.0), 1e-2);
  EXPECT_EQ(last_of(r, "finite_members"), 2);
  EXPECT_NEAR(last_of(r, "x.mean"), (std::cos(20.0) + std::cos(40.0)) / 2, 1e-2);
}

/// p_0^2/2 + p_1^2/2 + c p_0 p_1: only where c is zero does each p alone give its v.
TEST(Ensemble, MomentaOfEveryMemberBelongToItsVelocities) {
  Problem p;
  p.system = test::empty_system(Shape{2}, {test::real("c", 0)});
  test::add_term(p.system, "kinetic", [](ir::Builder& b, const test::TermValues& v) {
    const ir::Value squares = b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
    const ir::Value first = b.row(v.p, 0), second = b.row(v.p, 1);
    return b.add(squares, b.mul(v.parameters[0], b.mul(first, second)));
  });
  p.initial.q = test::tensor(Shape{2}, {0, 0});
  p.initial.v = test::tensor(Shape{2}, {1, 0.25});
  EnsembleSettings e;
  e.size = 3;
  Spread c = spread("c", Spread::Law::kValues, 0, 0, 1, true);
  c.values = test::tensor(Shape{3, 1}, {0, 0.5, -0.25});
  e.spreads = {c};
  const Members members = draw_members(p.system, p.initial, e);
  for (std::int64_t m = 0; m < e.size; ++m) {
    const auto k = static_cast<double>(c.values.real(m));
    const auto at = [&](std::int64_t j) {
      return static_cast<double>(members.state[1].real(2 * m + j));
    };
    EXPECT_NEAR(at(0) + k * at(1), 1, 1e-14) << m;
    EXPECT_NEAR(at(1) + k * at(0), 0.25, 1e-14) << m;
  }
  c.values.set_real(2, 1);  // singular
  e.spreads = {c};
  try {
    draw_members(p.system, p.initial, e);
    ADD_FAILURE() << "a member without momenta";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("member 2"), std::string::npos) << error.what();
  }
}

TEST(Ensemble, AStateThatIsNoneOfTheSystemIsRefused) {
  const Problem kepler = test::kepler(0.3);
  EnsembleSettings e;
  e.size = 3;
  InitialState initial = kepler.initial;
  initial.p.reset();
  initial.v.reset();
  EXPECT_THROW(draw_members(kepler.system, initial, e), UserError);
  EXPECT_THROW(momentum_from_velocity(kepler.system, initial), UserError);
  initial.v = test::tensor(Shape{3}, {1, 2, 3});
  EXPECT_THROW(draw_members(kepler.system, initial, e), UserError);
  EXPECT_THROW(momentum_from_velocity(kepler.system, initial), UserError);
  initial.v.reset();
  initial.p = test::tensor(Shape{3}, {1, 2, 3});
  EXPECT_THROW(draw_members(kepler.system, initial, e), UserError);
}

/// An observable that is no number where x < 0, at a cadence of its own.
TEST(Ensemble, MembersAreFiniteByTheirStateAndCovariancesByWhatTheyAreOf) {
  Problem h = test::harmonic(1);
  observe_q(h.system);
  h.system.observables[0].every = 4;
  test::add_observable(h.system, "root", 6, [](ir::Builder& b, const test::TermValues& v) {
    return b.unary(ir::Op::kSqrt, b.row(v.q, 0));
  });
  h.initial.p = test::tensor(Shape{1}, {0});
  h.initial.v.reset();
  const Facts facts = find_facts(h.system, h.initial);
  Plan plan = plan_for(h, facts, 24, 0.001);
  EnsembleSettings e;
  e.size = 4;
  Spread q = spread("q", Spread::Law::kValues, 0, 0, 1);
  q.values = test::tensor(Shape{4, 1}, {1, 2, 3, -6});
  e.spreads = {q};
  e.covariance = {"x"};
  e.quantiles = {0.07};
  plan.ensemble = e;
  for (const std::vector<std::int64_t>& chunks :
       {std::vector<std::int64_t>{}, {1, 3, 5, 15}, {24}}) {
    RunControl control;
    control.chunks = chunks;
    const RunResult r = Flow::compile(h.system, facts, plan)->run(h.initial, plan.steps, control);
    for (double n : series_of(r, "finite_members").values) EXPECT_EQ(n, 4);
    for (double c : series_of(r, "covariance").values) EXPECT_NEAR(c, 50.0 / 3, 0.02);
    EXPECT_EQ(series_of(r, "covariance").every, 4);
    EXPECT_NEAR(last_of(r, "root.max"), std::sqrt(3.0), 1e-3);
    EXPECT_NO_THROW(series_of(r, "x.q07"));
  }
}

/// Of no member it is not known; of one alone it is 0, as a deviation is.
TEST(Ensemble, ACovarianceNeedsMembers) {
  for (const auto& [place, known] : {std::pair{-1.0, false}, {1.0, true}}) {
    Problem h = test::harmonic(1);
    test::add_observable(h.system, "root", 1, [](ir::Builder& b, const test::TermValues& v) {
      return b.unary(ir::Op::kSqrt, b.row(v.q, 0));
    });
    h.initial.p = test::tensor(Shape{1}, {0});
    h.initial.v.reset();
    const Facts facts = find_facts(h.system, h.initial);
    Plan plan = plan_for(h, facts, 2, 0.001);
    EnsembleSettings e;
    e.size = 2;
    Spread q = spread("q", Spread::Law::kValues, 0, 0, 1);
    q.values = test::tensor(Shape{2, 1}, {place, -1});
    e.spreads = {q};
    e.covariance = {"root"};
    plan.ensemble = e;
    const RunResult r = Flow::compile(h.system, facts, plan)->run(h.initial, plan.steps);
    const double c = series_of(r, "covariance").values.back();
    EXPECT_TRUE(known ? c == 0 : std::isnan(c)) << c;
  }
}

/// x' = x^2 from 1.5 has no solution at t = 2/3; the other members go on.
TEST(Ensemble, AMemberThatFailsACheckIsLostAndTheOthersGoOn) {
  const System s = square_equation();
  InitialState initial;
  initial.x = test::vector({0});
  EnsembleSettings e;
  e.size = 9;
  Spread x = spread("x", Spread::Law::kValues, 0, 0, 1);
  x.values = test::tensor(Shape{9, 1}, {0.1, 1.5, -1, 0.2, 0.05, 1.4, 0.15, 0, -2});
  e.spreads = {x};
  for (const bool adaptive : {true, false}) {
    Integrator method =
        adaptive ? adaptive_runge_kutta(s, *tableau_named("dopri5")) : implicit_midpoint(s);
    Plan plan = plan_of(std::make_shared<Integrator>(method), 0.125, 20);
    plan.ensemble = e;
    const RunResult r = Flow::compile(s, timeless(), plan)->run(initial, plan.steps);
    EXPECT_EQ(r.status, RunStatus::kFinished) << method.method << r.stopped_why;
    EXPECT_EQ(last_of(r, "finite_members"), 7) << method.method;
    EXPECT_EQ(series_of(r, "finite_members").values.front(), 9);
    plan.ensemble.reset();
    const auto one = Flow::compile(s, timeless(), plan);
    for (std::int64_t m = 0; m < e.size; ++m) {
      const auto end = static_cast<double>(r.members[0].real(m));
      if (m == 1 || m == 5) {
        EXPECT_FALSE(std::isfinite(end)) << m;
        continue;
      }
      InitialState alone;
      alone.x = test::vector({static_cast<double>(x.values.real(m))});
      EXPECT_EQ(end, static_cast<double>(one->run(alone, plan.steps).x.real(0)))
          << method.method << m;
    }
  }
}

TEST(Ensemble, SettingsNeedNotOutliveTheCallThatTookThem) {
  const Problem kepler = test::kepler(0.3);
  const Facts facts = find_facts(kepler.system, kepler.initial);
  const Plan plan = plan_for(kepler, facts, 40, 0.02);
  const Integrator method =
      kick_drift_integrator(make_pieces(kepler.system, Arithmetic{}), plan.composition);
  EnsembleSettings e;
  e.size = 3;
  e.spreads = {spread("q", Spread::Law::kNormal, 0.01, 0, 2)};
  const auto machine = ensemble_machine(kepler.system, method, e, facts, plan, {}, false);
  const RunClock clock{0, plan.dt};
  const Arrays before = machine->begin(kepler.initial, clock);
  e.seed = 99;
  e.spreads.clear();
  const Arrays after = machine->begin(kepler.initial, clock);
  for (std::int64_t k = 0; k < 6; ++k) EXPECT_EQ(before[0].real(k), after[0].real(k));
}

TEST(Ensemble, APlanSaysWhatIsWatchedAndRefusesWhatIsNot) {
  Problem kepler = test::kepler(0.3);
  const Facts facts = find_facts(kepler.system, kepler.initial);
  Plan plan = plan_for(kepler, facts, 40, 0.02);
  EnsembleSettings e;
  e.size = 3;
  plan_ensemble(kepler.system, {}, e, plan);
  ASSERT_TRUE(plan.ensemble);
  const auto monitors = std::ranges::find(plan.decisions, "monitors", &Decision::decision);
  ASSERT_NE(monitors, plan.decisions.end());
  EXPECT_EQ(monitors->choice, "energy_error, finite_members");
  EXPECT_TRUE(plan.watch.invariants.empty());
  const RunResult r = Flow::compile(kepler.system, facts, plan)->run(kepler.initial, 40);
  EXPECT_TRUE(r.invariants.empty());

  RunSettings watched;
  watched.monitor.megno = true;
  EXPECT_THROW(plan_ensemble(kepler.system, watched, e, plan), UserError);
  for (const char* name : {"energy_error", "finite_members", "covariance"}) {
    System taken = kepler.system;
    test::add_observable(taken, name, 0,
                         [](ir::Builder& b, const test::TermValues& v) { return b.row(v.q, 0); });
    EXPECT_THROW(plan_ensemble(taken, {}, e, plan), UserError) << name;
    EXPECT_THROW(Flow::compile(taken, facts, plan), UserError) << name;
  }
}

}  // namespace
}  // namespace cotangent::mechanics
