// What a plan watches beside energy and momenta, in runs: known momenta, the shadow, growth rates,
// and runs that are stopped.
#include "cotangent/mechanics/watch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/base/error.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Value;

/// (dq, dp) of a generator, from a body of q and p.
Symmetry symmetry(const Shape& shape, const std::string& name, bool lifted,
                  const std::function<std::vector<Value>(Builder&, Value, Value)>& body) {
  Builder b(name);
  const Value q = b.param({DType::kF64, shape}, "q"), p = b.param({DType::kF64, shape}, "p");
  b.param(ir::scalar(DType::kF64), "t");
  return {name, b.finish(body(b, q, p)), lifted, {}};
}

/// q and p on circles: the flow of q^2/2 + p^2/2.
Symmetry phase_turn(const Shape& shape, const std::string& name) {
  return symmetry(shape, name, false,
                  [](Builder& b, Value q, Value p) { return std::vector<Value>{p, b.neg(q)}; });
}

struct Watched {
  Plan plan;
  RunResult result;
};

Watched run(const Problem& problem, RunSettings settings) {
  const Facts facts = find_facts(problem.system, problem.initial);
  const Plan plan = make_plan(problem.system, facts, settings, &problem.initial);
  return {plan, Flow::compile(problem.system, facts, plan)->run(problem.initial, plan.steps)};
}

RunSettings steps(double dt, std::int64_t n, const std::string& method = "leapfrog") {
  RunSettings settings;
  settings.dt = dt;
  settings.steps = n;
  settings.method = method;
  return settings;
}

const Invariant* invariant(const RunResult& r, const std::string& name) {
  for (const Invariant& i : r.invariants) {
    if (i.name == name) return &i;
  }
  return nullptr;
}

TEST(Watch, TheShadowStaysWhereTheEnergySwings) {
  double last = 0;
  for (const double dt : {0.1, 0.05}) {
    RunSettings settings = steps(dt, static_cast<std::int64_t>(50 / dt));
    settings.monitor.shadow = true;
    settings.monitor.every = 2;
    const Watched x = run(henon_heiles(), settings);
    const Invariant* energy = invariant(x.result, "energy");
    const Invariant* shadow = invariant(x.result, "shadow_energy");
    ASSERT_TRUE(energy && shadow);
    EXPECT_EQ(shadow->series.every, 2);
    EXPECT_EQ(energy->series.step.size(), x.plan.steps / 2 + 1);
    EXPECT_LT(shadow->max_abs_error, 1e-2 * energy->max_abs_error);
    if (last > 0) {
      EXPECT_NEAR(std::log2(last / shadow->max_abs_error), 6, 0.3);
    }
    last = shadow->max_abs_error;
  }
}

TEST(Watch, OnlyWhereItIsAskedForOrMeansSomething) {
  EXPECT_FALSE(invariant(run(henon_heiles(), steps(0.1, 10)).result, "shadow_energy"));
  RunSettings settings = steps(0.1, 10);
  settings.monitor.shadow = true;
  EXPECT_THROW(run(driven_oscillator(), settings), UserError);
  settings.monitor.shadow = false;
  settings.monitor.lyapunov = 1;
  const Watched x = run(henon_heiles(), settings);
  EXPECT_TRUE(x.result.lyapunov && !x.result.megno && !x.result.symplecticity);
}

/// q[1] is cyclic: its momentum stays to the bit.
TEST(Watch, MomentaOfCyclicCoordinates) {
  Problem x = henon_heiles();
  x.system.terms.clear();
  add_term(x.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.scale(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(x.system, "well", [](Builder& b, const TermValues& v) {
    const Value q = b.row(v.q, 0);
    return b.mul(q, q);
  });
  const Watched w = run(x, steps(0.05, 200));
  const Invariant* p = invariant(w.result, "p[1]");
  ASSERT_TRUE(p);
  EXPECT_EQ(p->how, How::kProved);
  EXPECT_EQ(p->max_abs_error, 0);
  EXPECT_FALSE(invariant(w.result, "p[0]"));
}

Symmetry shift(const Shape& shape) {
  return symmetry(shape, "shift", true, [](Builder& b, Value q, Value) {
    return std::vector<Value>{
        b.add(b.mul(q, b.zeros(b.type(q))), b.broadcast_to(b.constant(1.0), b.type(q).shape)),
        b.zeros(b.type(q))};
  });
}

TEST(Watch, MomentaOfSymmetriesThatAreClaimed) {
  Problem x = henon_heiles();  // of [2]; its quadratic part alone keeps the turn of phase space
  x.system.terms.clear();
  add_term(x.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.scale(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(x.system, "spring", [](Builder& b, const TermValues& v) {
    return b.scale(b.constant(0.5), b.reduce_sum(b.mul(v.q, v.q)));
  });
  const Shape shape = x.system.shape;
  x.system.symmetries = {phase_turn(shape, "turn")};
  const Watched good = run(x, steps(0.01, 500));
  const Invariant* turn = invariant(good.result, "turn");
  ASSERT_TRUE(turn);
  EXPECT_EQ(turn->how, How::kTested);
  EXPECT_NEAR(turn->series.values.front(), invariant(good.result, "energy")->series.values.front(),
              1e-12);
  EXPECT_LT(turn->max_rel_error, 1e-4);
  EXPECT_TRUE(warnings_before(x.system, good.plan, x.initial).empty());

  add_term(x.system, "cubic", [](Builder& b, const TermValues& v) {
    const Value q = b.row(v.q, 0);
    return b.mul(q, b.mul(q, q));
  });
  x.system.symmetries = {shift(shape)};
  const Watched bad = run(x, steps(0.01, 5));
  EXPECT_FALSE(invariant(bad.result, "shift"));
  ASSERT_EQ(bad.plan.watch.claims.size(), 1u);
  EXPECT_EQ(bad.plan.watch.claims[0].name, "shift_invariant");
  EXPECT_FALSE(std::get<bool>(bad.plan.watch.claims[0].value));
  const auto warnings = warnings_before(x.system, bad.plan, x.initial);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(
      warnings[0].find("'shift' is no symmetry of this energy: its momentum changes at the rate"),
      std::string::npos)
      << warnings[0];
}

// Derivatives of steps are zero, and tell nothing: a claim is tested as facts are.
TEST(Watch, AClaimThatSamplesCannotTestIsNone) {
  const std::pair<ir::Op, const char*> ops[] = {
      {ir::Op::kFloor, "floor(...)"}, {ir::Op::kRound, "round(...)"}, {ir::Op::kSign, "sign(...)"}};
  for (const auto& [op, written] : ops) {
    Problem x{empty_system(Shape{1}), {}};
    add_term(x.system, "kinetic", [](Builder& b, const TermValues& v) {
      return b.mul(b.constant(0.5), b.dot(v.p, v.p));
    });
    add_term(x.system, "stairs",
             [op = op](Builder& b, const TermValues& v) { return b.reduce_sum(b.unary(op, v.q)); });
    x.initial.q = tensor(Shape{1}, {0.7});
    x.initial.p = tensor(Shape{1}, {0.1});
    x.system.symmetries = {shift(x.system.shape)};
    const Watched w = run(x, steps(0.01, 5));
    ASSERT_EQ(w.plan.watch.claims.size(), 1u);
    const Fact& claim = w.plan.watch.claims[0];
    EXPECT_FALSE(std::get<bool>(claim.value)) << claim.detail;
    EXPECT_EQ(claim.how, How::kTested);
    EXPECT_NE(claim.detail.find(written), std::string::npos) << claim.detail;
    EXPECT_FALSE(invariant(w.result, "shift"));
  }
}

// A dent that no sample near the start meets.
TEST(Watch, AClaimIsTestedAtTheScalesOfTheEnergy) {
  Problem x{empty_system(Shape{1}), {}};
  add_term(x.system, "dent", [](Builder& b, const TermValues& v) {
    const Value q = b.row(v.q, 0);
    return b.unary(ir::Op::kExp, b.mul(b.constant(-1e6), b.mul(q, q)));
  });
  x.initial.q = tensor(Shape{1}, {0.7});
  x.initial.p = tensor(Shape{1}, {0.1});
  x.system.symmetries = {shift(x.system.shape)};
  const Fact claim = run(x, steps(0.01, 5)).plan.watch.claims[0];
  EXPECT_FALSE(std::get<bool>(claim.value)) << claim.detail;
}

TEST(Watch, GrowthRatesOfAnOscillatorAreZeroAndMegnoStaysSmall) {
  RunSettings settings = steps(0.1, 20000);
  settings.monitor.lyapunov = 2;
  settings.monitor.megno = settings.monitor.symplecticity = true;
  const RunResult r = run(harmonic(1), settings).result;
  ASSERT_TRUE(r.lyapunov && r.megno && r.symplecticity);
  ASSERT_EQ(r.lyapunov->exponents.size(), 2u);
  EXPECT_NEAR(r.lyapunov->exponents[0], 0, 1e-3);
  EXPECT_LT(r.lyapunov->pairing, 1e-12);
  // Of a linear system without growth <Y> is bounded; an isochronous one's vector only swings: 0.
  EXPECT_LT(std::abs(r.megno->mean), 0.1);
  EXPECT_TRUE(r.symplecticity->keeps) << r.symplecticity->text;
}

/// A chain of `n` and the monitors: what is too large is said before the run.
TEST(Watch, WhatIsTooLargeIsRefusedBeforeTheRun) {
  const auto plan = [](std::int64_t n, const MonitorSettings& monitor) {
    const Problem chain = fput(n, 0.25);
    RunSettings settings = steps(0.1, 10);
    settings.monitor = monitor;
    return make_plan(chain.system, find_facts(chain.system, chain.initial), settings,
                     &chain.initial);
  };
  MonitorSettings exponents, structure;
  exponents.lyapunov = 129;
  structure.symplecticity = true;
  EXPECT_NO_THROW(plan(64, exponents));  // of 128 numbers
  EXPECT_THROW(plan(65, exponents), UserError);
  EXPECT_NO_THROW(plan(512, structure));
  EXPECT_THROW(plan(513, structure), UserError);
}

/// x -> r x (1 - x) with r = 2 at its fixed point: the derivative there is zero.
TEST(Watch, WhatCannotBeMeasuredIsAWarningOfARunThatStays) {
  System s = plain_system(Form::kMap, 1);
  s.arrays = {{"x", Shape{1}, {}}};
  s.rate = program(1, [](const Of& o) {
    return o.b.scale(o.number(2),
                     o.mul(o.x, o.b.sub(o.b.broadcast_to(o.number(1), Shape{1}), o.x)));
  });
  InitialState initial;
  initial.x = vector({0.5});
  const Facts facts = find_facts(s, initial);
  RunSettings settings;
  settings.dt = 1;
  settings.steps = 40;
  settings.monitor.lyapunov = 1;
  settings.monitor.megno = true;
  const Plan plan = make_plan(s, facts, settings, &initial);
  const RunResult r = Flow::compile(s, facts, plan)->run(initial, plan.steps);
  EXPECT_EQ(r.status, RunStatus::kFinished);
  EXPECT_EQ(r.steps, 40);
  EXPECT_EQ(static_cast<double>(r.x.real(0)), 0.5);
  EXPECT_FALSE(r.lyapunov || r.megno);
  ASSERT_EQ(r.warnings.size(), 2u);
  EXPECT_NE(r.warnings[0].find("no Lyapunov exponents: "), std::string::npos) << r.warnings[0];
  EXPECT_NE(r.warnings[0].find("a tangent vector becomes zero"), std::string::npos);
}

TEST(Watch, MeasuringAsksAndTellsAsTheRunDoes) {
  const Problem problem = henon_heiles();
  RunSettings settings = steps(0.01, 2000);
  settings.monitor.lyapunov = 4;
  settings.monitor.symplecticity = true;
  const Facts facts = find_facts(problem.system, problem.initial);
  const Plan plan = make_plan(problem.system, facts, settings, &problem.initial);
  const auto flow = Flow::compile(problem.system, facts, plan);
  RunControl control;
  std::int64_t last = 0;
  bool over = false, again = false;  // the run; then what is measured beside it
  control.progress = [&](const Progress& p) {
    again = again || (over && p.step < last);
    over = over || p.step == plan.steps;
    last = p.step;
  };
  const RunResult whole = flow->run(problem.initial, plan.steps, control);
  EXPECT_TRUE(whole.lyapunov && whole.symplecticity);
  EXPECT_TRUE(again);

  over = again = false;
  control.interrupted = [&] { return over; };
  const RunResult cut = flow->run(problem.initial, plan.steps, control);
  EXPECT_EQ(cut.status, RunStatus::kInterrupted);
  EXPECT_EQ(cut.steps, plan.steps);
  EXPECT_EQ(cut.state_hash, whole.state_hash);
  EXPECT_FALSE(cut.lyapunov || cut.symplecticity);
  ASSERT_EQ(cut.warnings.size(), 1u);
  EXPECT_NE(cut.warnings[0].find("interrupted"), std::string::npos) << cut.warnings[0];
}

TEST(Watch, WhereNoEnergyIsKeptNoneIsShownAndNoneStopsTheRun) {
  RunSettings settings = steps(0.1, 10);
  const Problem driven = driven_oscillator(), free = harmonic(1);
  const auto error_shown = [&](const Problem& x) {
    const Facts facts = find_facts(x.system, x.initial);
    const Plan plan = make_plan(x.system, facts, settings, &x.initial);
    double shown = 7;
    RunControl control;
    control.progress = [&](const Progress& p) { shown = p.energy_error; };
    Flow::compile(x.system, facts, plan)->run(x.initial, plan.steps, control);
    return shown;
  };
  EXPECT_TRUE(std::isnan(error_shown(driven)));
  EXPECT_LT(error_shown(free), 0.1);
  settings.monitor.stop = true;
  EXPECT_NO_THROW(run(free, settings));
  try {
    run(driven, settings);
    ADD_FAILURE() << "it has an energy that does not stay";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("stop = true"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("H depends on t"), std::string::npos);
  }
}

/// Leapfrog on an oscillator beyond h w = 2: exponential growth, stopped at the same step whatever
/// the chunks, with all that was sampled.
TEST(Watch, ARunThatGoesWrongIsStoppedAtTheSameStepWhateverTheChunks) {
  RunSettings settings = steps(2.002, 2400);
  settings.every = 1;
  const Problem x = harmonic(1);
  const RunResult warned = run(x, settings).result;
  EXPECT_EQ(warned.status, RunStatus::kFinished);
  EXPECT_FALSE(warned.goes_wrong.empty());

  settings.monitor.stop = true;
  const Facts facts = find_facts(x.system, x.initial);
  const Plan plan = make_plan(x.system, facts, settings, &x.initial);
  const auto flow = Flow::compile(x.system, facts, plan);
  RunControl small;
  small.chunk = 7;
  const RunResult a = flow->run(x.initial, plan.steps), b = flow->run(x.initial, plan.steps, small);
  EXPECT_EQ(a.status, RunStatus::kStopped);
  EXPECT_LT(a.steps, plan.steps);
  EXPECT_FALSE(a.stopped_why.empty());
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.state_hash, b.state_hash);
  EXPECT_EQ(a.invariants[0].series.step.back(), a.steps);

  settings.dt = 0.1;
  EXPECT_EQ(run(x, settings).result.status, RunStatus::kFinished);
  EXPECT_EQ(run(x, settings).result.goes_wrong, "");
}

/// A ball on a wedge: chaotic, with exponents of exactly zero by its tangent map.
TEST(Watch, TangentVectorsMissWhatKinksDo) {
  Problem x = harmonic(1);
  RunSettings settings = steps(0.01, 100);
  settings.monitor.lyapunov = 2;
  const auto warnings = [&] { return warnings_before(x.system, run(x, settings).plan, x.initial); };
  EXPECT_TRUE(warnings().empty());
  add_term(x.system, "wedge", [](Builder& b, const TermValues& v) {
    return b.reduce_sum(b.unary(ir::Op::kAbs, v.q));
  });
  ASSERT_EQ(warnings().size(), 1u);
  EXPECT_NE(
      warnings()[0].find("Lyapunov exponents: the term \"wedge\" has a jump or a kink (abs(...))"),
      std::string::npos)
      << warnings()[0];
  settings.monitor.lyapunov = 0;
  EXPECT_TRUE(warnings().empty());
}

/// On a saddle both terms grow as e^(2 w t) and cancel: the error grows with them and is none.
TEST(Watch, WhatGrowsWithItsTermsIsNoError) {
  Problem x{empty_system(Shape{1}), {}};
  add_term(x.system, "kinetic",
           [](Builder& b, const TermValues& v) { return b.mul(b.constant(0.5), b.dot(v.p, v.p)); });
  add_term(x.system, "saddle", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(-2.0), b.dot(v.q, v.q));
  });
  x.initial.q = tensor(Shape{1}, {0.7});
  x.initial.p = tensor(Shape{1}, {0.1});
  RunSettings settings = steps(0.01, 1000);
  settings.every = 1;
  settings.monitor.stop = true;
  const RunResult r = run(x, settings).result;
  EXPECT_EQ(r.status, RunStatus::kFinished) << r.stopped_why;
  EXPECT_EQ(r.goes_wrong, "");
  EXPECT_GT(r.invariants[0].max_abs_error, 1);
}

}  // namespace
}  // namespace cotangent::mechanics::test
