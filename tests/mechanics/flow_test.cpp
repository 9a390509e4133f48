// The run driver: observations, chunks, hashes, interruption, faults; and compiled code against the
// evaluator, bit for bit.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/state_hash.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Tensor;
using ir::Value;

const Invariant& invariant(const RunResult& r, const std::string& name) {
  for (const Invariant& i : r.invariants) {
    if (i.name == name) return i;
  }
  throw InternalError("no invariant " + name);
}

FlowOptions reference() {
  FlowOptions o;
  o.reference = true;
  return o;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double m = 0;
  for (std::int64_t k = 0; k < a.size(); ++k) {
    m = std::max(m, std::abs(static_cast<double>(a.real(k) - b.real(k))));
  }
  return m;
}

// --- the outer solar system

TEST(OuterSolarSystem, EnergyAndMomenta) {
  const Problem problem = outer_solar_system();
  const Ready r = ready(problem, settings(10, 20000, "auto", 100));
  EXPECT_EQ(r.plan.method, "rkn4");
  const RunResult run = r.flow->run(problem.initial, 20000);
  const Invariant& energy = invariant(run, "energy");
  // Reference: -3.215453183208163e-08 (shared reference, from the digits of Hairer, Lubich,
  // Wanner).
  EXPECT_NEAR(energy.series.values.front(), -3.215453183208163e-08, 1e-21);
  EXPECT_LT(energy.max_rel_error, 1e-9);
  EXPECT_GT(energy.max_rel_error, 1e-15);
  EXPECT_EQ(energy.how, How::kProved);
  for (const char* name : {"momentum", "angular_momentum"}) {
    EXPECT_LT(invariant(run, name).max_rel_error, 1e-12) << name;
    EXPECT_EQ(invariant(run, name).how, How::kProved) << name;
    EXPECT_GT(invariant(run, name).scale, 0) << name;
  }
  EXPECT_EQ(energy.series.step.size(), 201u);
  EXPECT_EQ(run.t, 200000);
}

TEST(OuterSolarSystem, TheTripleJumpMissesTheBar) {
  const Problem problem = outer_solar_system();
  const Ready r = ready(problem, settings(10, 20000, "yoshida4", 100));
  const RunResult run = r.flow->run(problem.initial, 20000);
  EXPECT_GT(invariant(run, "energy").max_rel_error, 1e-9);
  EXPECT_LT(invariant(run, "energy").max_rel_error, 1e-8);
}

TEST(OuterSolarSystem, ThereAndBack) {
  const Problem problem = outer_solar_system();
  for (const char* method : {"leapfrog", "suzuki4"}) {
    const Ready r = ready(problem, settings(10, 20000, method, 1000));
    const RunResult there = r.flow->run(problem.initial, 20000);
    RunControl back;
    back.reverse = true;
    const RunResult again = r.flow->run({there.q, there.p, std::nullopt, there.t}, 20000, back);
    EXPECT_LT(largest_difference(again.q, problem.initial.q), 1e-8) << method;
    EXPECT_GT(largest_difference(there.q, problem.initial.q), 1) << method;
  }
}

// --- what a run gives

Problem observed_kepler() {
  Problem problem = kepler(0.3);
  add_observable(problem.system, "radius", 3, [](ir::Builder& b, const TermValues& v) {
    return b.unary(ir::Op::kSqrt, b.reduce_sum(b.mul(v.q, v.q)));
  });
  add_observable(problem.system, "velocity", 7,
                 [](ir::Builder&, const TermValues& v) { return v.parameters[0]; });
  add_observable(problem.system, "clock", 0, [](ir::Builder&, const TermValues& v) { return v.t; });
  return problem;
}

TEST(Run, SamplesEachObservableAtItsOwnCadence) {
  const Problem problem = observed_kepler();
  const Ready r = ready(problem, settings(0.05, 50, "suzuki4", 10), reference());
  const RunResult run = r.flow->run(problem.initial, 50);
  ASSERT_EQ(run.observables.size(), 3u);
  const Series& radius = run.observables[0];
  const std::vector<std::int64_t> every3 = {0,  3,  6,  9,  12, 15, 18, 21, 24,
                                            27, 30, 33, 36, 39, 42, 45, 48, 50};
  EXPECT_EQ(radius.step, every3);
  EXPECT_EQ(run.observables[1].step, (std::vector<std::int64_t>{0, 7, 14, 21, 28, 35, 42, 49, 50}));
  EXPECT_EQ(run.observables[2].step, (std::vector<std::int64_t>{0, 10, 20, 30, 40, 50}));
  EXPECT_EQ(run.observables[2].values, run.observables[2].t);
  // Each sample is the observable at the state of the run, found step by step.
  const ir::FunctionPtr step = r.flow->step_program();
  Tensor q = problem.initial.q, p = *problem.initial.p;
  std::size_t next = 0;
  for (std::int64_t k = 0; k <= 50; ++k) {
    if (next < radius.step.size() && radius.step[next] == k) {
      const double x = static_cast<double>(q.real(0)), y = static_cast<double>(q.real(1));
      EXPECT_DOUBLE_EQ(radius.values[next], std::sqrt(x * x + y * y)) << k;
      EXPECT_DOUBLE_EQ(radius.t[next], 0.05 * static_cast<double>(k));
      ++next;
    }
    const std::vector<Tensor> out = ir::evaluate(
        *step, std::vector<Tensor>{q, p, Tensor::scalar_of<std::int64_t>(k),
                                   Tensor::scalar_of<double>(0), Tensor::scalar_of<double>(0.05)});
    q = out[0];
    p = out[1];
  }
  // T = p^2/2, so v is p.
  EXPECT_EQ(run.observables[1].values.back(), run.p.real(1));
  EXPECT_TRUE(run.v.same_bits(run.p));
}

TEST(Run, RecordsTermsTotalAndTrajectory) {
  const Problem problem = kepler(0.3);
  const Ready r = ready(problem, settings(0.05, 40, "leapfrog", 8), reference());
  RunControl control;
  control.record_trajectory = true;
  std::int64_t told = 0;
  control.on_samples = [&](const Series& s, std::int64_t first) {
    if (s.name == "q") told += static_cast<std::int64_t>(s.step.size()) - first;
  };
  const RunResult run = r.flow->run(problem.initial, 40, control);
  ASSERT_EQ(run.energy_terms.size(), 3u);
  EXPECT_EQ(run.energy_terms[0].name, "kinetic");
  EXPECT_EQ(run.energy_terms[1].name, "gravity");
  EXPECT_EQ(run.energy_terms[2].name, "energy");
  for (std::size_t k = 0; k < 6; ++k) {
    EXPECT_EQ(run.energy_terms[0].values[k] + run.energy_terms[1].values[k],
              run.energy_terms[2].values[k]);
  }
  EXPECT_EQ(run.energy_terms[2].values, invariant(run, "energy").series.values);
  ASSERT_EQ(run.trajectory.size(), 2u);
  EXPECT_EQ(run.trajectory[0].values.size(), 12u);
  EXPECT_EQ(run.trajectory[0].values[0], 0.7);
  EXPECT_EQ(run.trajectory[0].values[10], run.q.real(0));
  EXPECT_EQ(told, 6);
  EXPECT_TRUE(r.flow->run(problem.initial, 40).trajectory.empty());
}

TEST(Run, ATimeDependentEnergyIsNoInvariant) {
  const Problem problem = driven_oscillator();
  const Ready r = ready(problem, settings(0.05, 40), reference());
  const RunResult run = r.flow->run(problem.initial, 40);
  EXPECT_TRUE(run.invariants.empty());
  EXPECT_EQ(run.energy_terms.back().name, "energy");
}

TEST(Run, StopsWhenAsked) {
  const Problem problem = kepler(0.3);
  const Ready r = ready(problem, settings(0.05, 1000, "leapfrog", 10), reference());
  RunControl control;
  control.chunk = 16;
  int asked = 0;
  control.interrupted = [&] { return ++asked > 3; };
  std::int64_t last = 0;
  control.progress = [&](const Progress& p) {
    EXPECT_GE(p.step, last);
    last = p.step;
  };
  const RunResult run = r.flow->run(problem.initial, 1000, control);
  EXPECT_EQ(run.status, RunStatus::kInterrupted);
  EXPECT_EQ(run.steps, 48);
  EXPECT_DOUBLE_EQ(run.t, 2.4);
  EXPECT_EQ(invariant(run, "energy").series.step.back(), 48);
  // What there is equals the shorter run.
  EXPECT_EQ(run.state_hash, r.flow->run(problem.initial, 48).state_hash);
}

TEST(Run, NoStepsGiveTheInitialState) {
  const Problem problem = kepler(0.3);
  const Ready r = ready(problem, settings(0.05, 10), reference());
  const RunResult run = r.flow->run(problem.initial, 0);
  EXPECT_TRUE(run.q.same_bits(problem.initial.q));
  EXPECT_EQ(invariant(run, "energy").series.step, (std::vector<std::int64_t>{0}));
  EXPECT_EQ(invariant(run, "energy").max_abs_error, 0);
}

TEST(Run, RefusesAStateOfAnotherShapeOrNotFinite) {
  const Problem problem = kepler(0.3);
  const Ready r = ready(problem, settings(0.05, 10), reference());
  InitialState wrong = problem.initial;
  wrong.q = tensor(Shape{3}, {1, 2, 3});
  EXPECT_THROW(r.flow->run(wrong, 1), UserError);
  wrong = problem.initial;
  wrong.p = tensor(Shape{2}, {0, NAN});
  EXPECT_THROW(r.flow->run(wrong, 1), UserError);
}

TEST(Run, StartsAtAnyTime) {
  // The driven oscillator from t = 2 is not the one from t = 0; two halves are the whole.
  const Problem problem = driven_oscillator();
  const Ready r = ready(problem, settings(0.0625, 64), reference());
  const RunResult whole = r.flow->run(problem.initial, 64);
  const RunResult half = r.flow->run(problem.initial, 32);
  const RunResult rest = r.flow->run({half.q, half.p, std::nullopt, half.t}, 32);
  EXPECT_TRUE(rest.q.same_bits(whole.q));
  EXPECT_TRUE(rest.p.same_bits(whole.p));
}

// --- chunks, bits, hashes

void expect_same_run(const RunResult& a, const RunResult& b) {
  EXPECT_EQ(a.state_hash, b.state_hash);
  EXPECT_TRUE(a.q.same_bits(b.q));
  EXPECT_TRUE(a.p.same_bits(b.p));
  ASSERT_EQ(a.observables.size(), b.observables.size());
  for (std::size_t k = 0; k < a.observables.size(); ++k) {
    EXPECT_EQ(a.observables[k].step, b.observables[k].step);
    EXPECT_EQ(a.observables[k].values, b.observables[k].values);
  }
  for (std::size_t k = 0; k < a.invariants.size(); ++k) {
    EXPECT_EQ(a.invariants[k].series.values, b.invariants[k].series.values);
  }
}

void expect_any_split_is_the_same(const Problem& problem, const RunSettings& s,
                                  const FlowOptions& options) {
  const Ready r = ready(problem, s, options);
  const RunResult whole = r.flow->run(problem.initial, s.steps);
  std::mt19937 random(3);
  for (int round = 0; round < 5; ++round) {
    RunControl control;
    for (std::int64_t left = s.steps; left > 0;) {
      const std::int64_t n = 1 + static_cast<std::int64_t>(random()) % 17;
      control.chunks.push_back(std::min(n, left));
      left -= n;
    }
    expect_same_run(whole, r.flow->run(problem.initial, s.steps, control));
  }
}

TEST(Chunks, AnySplitHasTheSameBits) {
  expect_any_split_is_the_same(observed_kepler(), settings(0.05, 100, "suzuki4", 10), reference());
  expect_any_split_is_the_same(driven_oscillator(), settings(0.05, 100, "kahanli6", 10),
                               reference());
}

TEST(Chunks, AnySplitHasTheSameBitsCompiled) {
  expect_any_split_is_the_same(observed_kepler(), settings(0.05, 100, "suzuki4", 10), {});
  expect_any_split_is_the_same(driven_oscillator(), settings(0.05, 100, "kahanli6", 10), {});
  expect_any_split_is_the_same(outer_solar_system(), settings(10, 100, "auto", 7), {});
  expect_any_split_is_the_same(fput(64, 0.25), settings(0.1, 100, "leapfrog", 7), {});
}

TEST(Bits, TheRunIsItsStepsOnTheEvaluator) {
  for (const Problem& problem : {observed_kepler(), driven_oscillator(), swinging_mass(),
                                 outer_solar_system(), fput(64, 0.25)}) {
    const double dt = problem.system.shape == Shape{6, 3} ? 10 : 0.05;
    for (const char* method : {"leapfrog", "suzuki4"}) {
      const Ready r = ready(problem, settings(dt, 20, method, 7));
      const RunResult run = r.flow->run(problem.initial, 20);
      const ir::FunctionPtr step = r.flow->step_program();
      Tensor q = problem.initial.q, p = momentum_from_velocity(problem.system, problem.initial);
      for (std::int64_t k = 0; k < 20; ++k) {
        std::vector<Tensor> args = {q, p, Tensor::scalar_of<std::int64_t>(k),
                                    Tensor::scalar_of<double>(0), Tensor::scalar_of<double>(dt)};
        for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
        const std::vector<Tensor> out = ir::evaluate(*step, args);
        q = out[0];
        p = out[1];
      }
      EXPECT_TRUE(q.same_bits(run.q)) << problem.system.terms.back().name << " " << method;
      EXPECT_TRUE(p.same_bits(run.p)) << problem.system.terms.back().name << " " << method;
      // The same chunk program, evaluated.
      expect_same_run(
          run,
          ready(problem, settings(dt, 20, method, 7), reference()).flow->run(problem.initial, 20));
    }
  }
}

TEST(Bits, ThreadsAndVectorWidthDoNotMatter) {
  for (const Problem& problem : {outer_solar_system(), fput(40000, 0.25)}) {
    const bool planets = problem.system.shape == Shape{6, 3};
    // Few steps of the long chain: sixteen threads on two cores pay dearly for each barrier.
    const std::int64_t steps = planets ? 40 : 5;
    const RunSettings s = settings(planets ? 10 : 0.1, steps, planets ? "suzuki4" : "leapfrog", 2);
    FlowOptions alone;
    alone.threads = 1;
    const RunResult one = ready(problem, s, alone).flow->run(problem.initial, steps);
    if (!planets) {
      FlowOptions team;
      team.threads = 2;
      EXPECT_NE(ready(problem, s, team).flow->kernels_text().find("team, 2 threads"), std::string::npos);
    }
    for (const auto& [threads, bits] : std::vector<std::pair<int, int>>{
             {2, 0}, {16, 0}, {1, 128}, {1, 256}, {1, 512}, {16, 128}}) {
      FlowOptions o;
      o.threads = threads;
      o.vector_bits = bits;
      expect_same_run(one, ready(problem, s, o).flow->run(problem.initial, steps));
    }
  }
}

/// Softened gravity among n bodies.
Problem cluster(std::int64_t n) {
  Problem problem{empty_system(Shape{n, 3},
                               {reals("m", std::vector<double>(static_cast<std::size_t>(n), 0.1))}),
                  {}};
  add_term(problem.system, "kinetic", kinetic(0));
  add_term(problem.system, "gravity",
           pair_term({0}, {},
                     [](ir::Builder& b, Value qi, Value qj, const std::vector<Value>& m,
                        const std::vector<Value>&) {
                       const Value r = b.sub(qi, qj);
                       const Value rr = b.add(b.dot(r, r), b.constant(0.01));
                       return b.neg(b.div(b.mul(m[0], m[1]), b.unary(ir::Op::kSqrt, rr)));
                     }));
  std::mt19937_64 random(17);
  std::vector<double> q, p;
  for (std::int64_t k = 0; k < 3 * n; ++k) {
    q.push_back(static_cast<double>(random() >> 11) * 0x1p-52 - 1);
    p.push_back(static_cast<double>(random() >> 11) * 0x1p-54);
  }
  problem.initial.q = tensor(Shape{n, 3}, q);
  problem.initial.p = tensor(Shape{n, 3}, p);
  return problem;
}

TEST(Bits, ManyBodiesOnATeamAreTheEvaluator) {
  const Problem problem = cluster(203);
  const RunSettings s = settings(0.01, 2, "leapfrog", 1);
  const RunResult oracle = ready(problem, s, reference()).flow->run(problem.initial, 2);
  for (int threads : {1, 2}) {
    for (int bits : {128, 512}) {
      FlowOptions o;
      o.threads = threads;
      o.vector_bits = bits;
      const Ready r = ready(problem, s, o);
      EXPECT_EQ(r.flow->kernels_text().find("team, 2 threads") != std::string::npos, threads == 2);
      expect_same_run(oracle, r.flow->run(problem.initial, 2));
    }
  }
}

TEST(Hash, DependsOnEveryBit) {
  Tensor x = tensor(Shape{3}, {1, 2, 3});
  const auto hash = [&] {
    StateHash h;
    h.add(x);
    return h.text();
  };
  const std::string before = hash();
  EXPECT_EQ(before.size(), 16u);
  // Fixed for ever, since runs of different versions are compared by it: from a plain script of the
  // recipe in state_hash.h.
  EXPECT_EQ(before, "e65acb26cec54238");
  x.set_real(2, std::nextafter(3.0, 4.0));
  EXPECT_NE(before, hash());
  StateHash empty;
  EXPECT_EQ(empty.text(), "63c3925d4614acc5");
}

// --- precision

TEST(Precision, SingleFollowsDouble) {
  Problem problem = kepler(0.3);
  RunSettings s = settings(0.02, 300, "suzuki4", 50);
  const RunResult in_double = ready(problem, s, reference()).flow->run(problem.initial, 300);
  s.precision = "f32";
  const RunResult in_single = ready(problem, s, reference()).flow->run(problem.initial, 300);
  const double apart = largest_difference(in_double.q, in_single.q);
  EXPECT_LT(apart, 1e-4);
  EXPECT_GT(apart, 1e-9);
  EXPECT_LT(invariant(in_single, "energy").max_rel_error, 1e-5);
  EXPECT_EQ(in_single.q.type().dtype, DType::kF64);
  for (std::int64_t k = 0; k < 2; ++k) {
    const double x = static_cast<double>(in_single.q.real(k));
    EXPECT_EQ(x, static_cast<double>(static_cast<float>(x)));
  }
}

TEST(Precision, SingleCompiledIsTheEvaluator) {
  const Problem problem = outer_solar_system();
  RunSettings s = settings(10, 30, "suzuki4", 10);
  s.precision = "f32";
  expect_same_run(ready(problem, s, reference()).flow->run(problem.initial, 30),
                  ready(problem, s).flow->run(problem.initial, 30));
}

// --- states that stop being finite

Problem with_source(Problem problem, const std::string& text) {
  problem.system.source = std::make_shared<SourceFile>(SourceFile{"bad.toml", text});
  return problem;
}

TEST(NonFinite, NamesStepComponentAndExpression) {
  // V = -sqrt(q[1]): q[1] falls through zero at some step.
  const std::string text = "falls = \"-sqrt(q[1])\"";
  Problem problem = with_source({empty_system(Shape{3}), {}}, text);
  add_term(problem.system, "kinetic", [](ir::Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  const SourceSpan root{0, 10, 20};  // sqrt(q[1])
  add_term(
      problem.system, "falls",
      [](ir::Builder& b, const TermValues& v) {
        return b.neg(b.unary(ir::Op::kSqrt, b.row(v.q, 1)));
      },
      root);
  problem.initial.q = tensor(Shape{3}, {1, 1, 1});
  problem.initial.p = tensor(Shape{3}, {0, -1.5, 0});
  for (const auto& chunks : std::vector<std::vector<std::int64_t>>{{}, {1000}, {3, 5, 1000}}) {
    const Ready r = ready(problem, settings(0.1, 100, "leapfrog", 1), reference());
    RunControl control;
    control.chunks = chunks;
    const RunResult run = r.flow->run(problem.initial, 100, control);
    ASSERT_EQ(run.status, RunStatus::kNonFinite);
    ASSERT_TRUE(run.fault.has_value());
    // The last good state is one step before; its q[1] is still positive, the next one's is not.
    EXPECT_EQ(run.fault->step, run.steps + 1);
    EXPECT_DOUBLE_EQ(run.fault->t, 0.1 * static_cast<double>(run.fault->step));
    EXPECT_EQ(run.fault->component, "p[1]");
    EXPECT_EQ(run.fault->expression, "sqrt(q[1])");
    EXPECT_EQ(run.fault->place, root);
    EXPECT_GT(run.q.real(1), 0);
    EXPECT_LT(run.q.real(1), 0.15);
    EXPECT_EQ(invariant(run, "energy").series.step.back(), run.steps);
    EXPECT_EQ(static_cast<std::int64_t>(invariant(run, "energy").series.step.size()),
              run.steps + 1);
    EXPECT_TRUE(std::isfinite(invariant(run, "energy").max_abs_error));
    EXPECT_EQ(run.state_hash, r.flow->run(problem.initial, run.steps).state_hash);
  }
}

TEST(NonFinite, NamesADerivativeThatBlowsUpWhereTheEnergyDoesNot) {
  // sqrt(q) is 0 at 0, its derivative is infinite there.
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "kinetic", [](ir::Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "cone", [](ir::Builder& b, const TermValues& v) {
    return b.unary(ir::Op::kSqrt, b.reduce_sum(v.q));
  });
  problem.initial.q = tensor(Shape{1}, {0});
  problem.initial.p = tensor(Shape{1}, {1});
  const Ready r = ready(problem, settings(0.125, 10, "leapfrog", 1), reference());
  const RunResult run = r.flow->run(problem.initial, 10);
  ASSERT_EQ(run.status, RunStatus::kNonFinite);
  EXPECT_EQ(run.steps, 0);
  EXPECT_EQ(run.fault->step, 1);
  EXPECT_EQ(run.fault->component, "p[0]");
  EXPECT_EQ(run.fault->expression.substr(0, 17), "the derivative of");
}

TEST(NonFinite, NamesAnOverflow) {
  // V = -q^4 runs away to infinity in finite time.
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "kinetic", [](ir::Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "runaway", [](ir::Builder& b, const TermValues& v) {
    const Value q = b.row(v.q, 0), qq = b.mul(q, q);
    return b.neg(b.mul(qq, qq));
  });
  problem.initial.q = tensor(Shape{1}, {1});
  problem.initial.p = tensor(Shape{1}, {0});
  const Ready r = ready(problem, settings(0.01, 5000, "suzuki4", 1), reference());
  const RunResult run = r.flow->run(problem.initial, 5000);
  ASSERT_EQ(run.status, RunStatus::kNonFinite);
  EXPECT_LT(run.fault->step, 400);
  EXPECT_EQ(run.fault->expression, "mul");
}

// --- momenta from velocities

TEST(MomentumFromVelocity, DividesByADiagonal) {
  const Problem problem = outer_solar_system();
  const Tensor p = momentum_from_velocity(problem.system, problem.initial);
  for (std::int64_t i = 0; i < 6; ++i) {
    for (std::int64_t k = 0; k < 3; ++k) {
      const double m = static_cast<double>(problem.system.parameters[1].value.real(i));
      const double v = static_cast<double>(problem.initial.v->real(3 * i + k));
      EXPECT_NEAR(static_cast<double>(p.real(3 * i + k)), m * v, 1e-15 * std::abs(m * v));
    }
  }
}

TEST(MomentumFromVelocity, SolvesACoupledSystemWithAnOffset) {
  // T = p0^2 + p0 p1 + p1^2 + 3 p0: v = (2 p0 + p1 + 3, p0 + 2 p1).
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "kinetic", [](ir::Builder& b, const TermValues& v) {
    const Value a = b.row(v.p, 0), c = b.row(v.p, 1);
    const Value squares = b.add(b.add(b.mul(a, a), b.mul(a, c)), b.mul(c, c));
    return b.add(squares, b.mul(b.constant(3.0), a));
  });
  problem.initial.q = tensor(Shape{2}, {0, 0});
  problem.initial.v = tensor(Shape{2}, {7, -2});
  const Tensor p = momentum_from_velocity(problem.system, problem.initial);
  EXPECT_NEAR(static_cast<double>(p.real(0)), 10.0 / 3, 1e-14);
  EXPECT_NEAR(static_cast<double>(p.real(1)), -8.0 / 3, 1e-14);
}

TEST(MomentumFromVelocity, RefusesWhatIsNotLinear) {
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "relativistic", [](ir::Builder& b, const TermValues& v) {
    return b.unary(ir::Op::kSqrt, b.add(b.constant(1.0), b.reduce_sum(b.mul(v.p, v.p))));
  });
  problem.initial.q = tensor(Shape{1}, {0});
  problem.initial.v = tensor(Shape{1}, {0.5});
  try {
    momentum_from_velocity(problem.system, problem.initial);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(e.parts().why.find("relativistic"), std::string::npos);
    EXPECT_NE(e.parts().remedy.find("give p"), std::string::npos);
  }
}

TEST(MomentumFromVelocity, RefusesASingularKineticEnergy) {
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "kinetic", [](ir::Builder& b, const TermValues& v) {
    const Value a = b.row(v.p, 0);
    return b.mul(a, a);
  });
  problem.initial.q = tensor(Shape{2}, {0, 0});
  problem.initial.v = tensor(Shape{2}, {1, 1});
  EXPECT_THROW(momentum_from_velocity(problem.system, problem.initial), UserError);
}

}  // namespace
}  // namespace cotangent::mechanics::test
