// A state on a lattice: a run is undone to the bit, however long and however chaotic; and its
// energy errors are those of the method.
#include "cotangent/mechanics/lattice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/gradient.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

Ready on_lattice(const Problem& problem, RunSettings run, const FlowOptions& options = {}) {
  run.precision = "lattice";
  Ready r;
  r.facts = find_facts(problem.system, problem.initial);
  r.plan = make_plan(problem.system, r.facts, run, &problem.initial);
  r.flow = Flow::compile(problem.system, r.facts, r.plan, options);
  return r;
}

InitialState end_of(const RunResult& run) {
  InitialState state{.q = run.q, .p = run.p, .v = std::nullopt, .t = run.t};
  state.q_error = run.q_error;
  state.p_error = run.p_error;
  return state;
}

bool same(const Tensor& a, const Tensor& b) {
  for (std::int64_t k = 0; k < a.size(); ++k) {
    if (a.real(k) != b.real(k)) return false;
  }
  return true;
}

TEST(Lattice, RoundsToTheNearestMultipleAndHoldsItsRange) {
  const double spacing = 0x1p-10;
  const Units unit = {spacing};
  const Tensor x = tensor(Shape{4}, {0.3, -0.3, 0x1p60, std::nan("")});
  const Tensor whole = mechanics::on_lattice(x, {}, unit);
  EXPECT_EQ(whole.integer(0), 307);
  EXPECT_EQ(whole.integer(1), -307);
  EXPECT_EQ(whole.integer(2), kOffLattice);
  EXPECT_EQ(whole.integer(3), kOffLattice);
  EXPECT_EQ(first_off_lattice(whole), 2);
  const Tensor back = off_lattice(whole, unit);
  EXPECT_EQ(static_cast<double>(back.real(0)), 307 * spacing);
  EXPECT_TRUE(std::isnan(static_cast<double>(back.real(3))));
  // What f64 does not hold of a large number comes along as the rest.
  Tensor large({DType::kI64, Shape{1}});
  large.as<std::int64_t>()[0] = (std::int64_t{1} << 60) + 12345;
  const Tensor high = off_lattice(large, unit), low = off_lattice_rest(large, unit);
  EXPECT_EQ(mechanics::on_lattice(high, low, unit).integer(0), large.integer(0));
}

// In a program: sums are those of the integers, and what leaves the range stays out.
TEST(Lattice, SumsInProgramsAreExactAndSticky) {
  Builder b("sum");
  const Value x = b.param({DType::kI64, Shape{6}}), change = b.param({DType::kF64, Shape{6}});
  const Value moved = lattice_sum(b, x, change, {1.0});
  const ir::FunctionPtr f = b.finish({moved, lattice_sum(b, moved, b.neg(change), {1.0})});
  const std::int64_t most = (std::int64_t{1} << 62) - 1;
  Tensor start({DType::kI64, Shape{6}});
  const std::int64_t values[] = {5, -7, most, -most, kOffLattice, most};
  std::copy(std::begin(values), std::end(values), start.as<std::int64_t>().begin());
  const Tensor by = tensor(Shape{6}, {2.5, -3.5, 1.0, -0x1p61, -0x1p61, std::nan("")});
  const auto out = ir::evaluate(*f, std::vector<Tensor>{start, by});
  EXPECT_EQ(out[0].integer(0), 7);  // ties to even, and back the same
  EXPECT_EQ(out[1].integer(0), 5);
  EXPECT_EQ(out[0].integer(1), -11);
  EXPECT_EQ(out[1].integer(1), -7);
  for (int k : {2, 3, 4, 5}) {
    EXPECT_EQ(out[0].integer(k), kOffLattice) << k;
    EXPECT_EQ(out[1].integer(k), kOffLattice) << k;
  }
}

TEST(Lattice, ARunIsUndoneToTheBit) {
  for (const Problem& problem :
       {kepler(0.3), henon_heiles(), fput(8, 0.25), outer_solar_system()}) {
    for (int order : {2, 4, 8}) {
      RunSettings run = settings(problem.system.shape.size() == 18 ? 50.0 : 0.05, 20000);
      run.order = order;
      const Ready r = on_lattice(problem, run);
      const RunResult start = r.flow->run(problem.initial, 0);
      const RunResult there = r.flow->run(end_of(start), run.steps);
      ASSERT_EQ(there.status, RunStatus::kFinished);
      EXPECT_FALSE(same(there.q, start.q));
      RunControl control;
      control.reverse = true;
      const RunResult back = r.flow->run(end_of(there), run.steps, control);
      EXPECT_TRUE(same(back.q, start.q)) << order;
      EXPECT_TRUE(same(back.p, start.p)) << order;
      EXPECT_EQ(back.state_hash, start.state_hash) << order;
    }
  }
}

TEST(Lattice, HasTheBitsOfTheEvaluatorInAnyChunks) {
  const Problem problem = outer_solar_system();
  RunSettings run = settings(50.0, 60);
  run.order = 4;
  FlowOptions reference;
  reference.reference = true;
  const RunResult evaluated = on_lattice(problem, run, reference).flow->run(problem.initial, 60);
  const Ready r = on_lattice(problem, run);
  for (const std::vector<std::int64_t>& chunks :
       std::vector<std::vector<std::int64_t>>{{}, {1}, {7, 20, 3}}) {
    RunControl control;
    control.chunks = chunks;
    EXPECT_EQ(r.flow->run(problem.initial, 60, control).state_hash, evaluated.state_hash);
  }
}

// Reference: the method's own error; rounding to 2^-52 of the state is below it.
TEST(Lattice, EnergyErrorsAreThoseOfTheMethod) {
  for (const Problem& problem : {kepler(0.3), outer_solar_system()}) {
    RunSettings run = settings(problem.system.shape.size() == 18 ? 50.0 : 0.02, 10000);
    run.order = 4;
    const RunResult real = ready(problem, run).flow->run(problem.initial, run.steps);
    const RunResult whole = on_lattice(problem, run).flow->run(problem.initial, run.steps);
    EXPECT_NEAR(whole.invariants[0].max_rel_error, real.invariants[0].max_rel_error,
                0.01 * real.invariants[0].max_rel_error);
  }
}

Problem falling() {  // off to infinity: a repelling well
  Problem problem;
  problem.system = empty_system(Shape{1});
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "hill", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(-0.5), b.reduce_sum(b.mul(v.q, v.q)));
  });
  problem.initial.q = tensor(Shape{1}, {1.0});
  problem.initial.p = tensor(Shape{1}, {0.0});
  return problem;
}

TEST(Lattice, LeavingItStopsTheRun) {
  const Problem problem = falling();
  const RunResult run = on_lattice(problem, settings(0.05, 2000)).flow->run(problem.initial, 2000);
  EXPECT_EQ(run.status, RunStatus::kNonFinite);
  ASSERT_TRUE(run.fault.has_value());
  EXPECT_EQ(run.fault->component.substr(0, 1), "q");
  // cosh(t) passes 2^10 or so at t = 7.6.
  EXPECT_NEAR(run.fault->t, 7.6, 1.0);
}

TEST(Lattice, SpacingsComeFromTheStateOrFromTheFirstSteps) {
  const Problem problem = falling();
  const Facts facts = find_facts(problem.system, problem.initial);
  RunSettings run = settings(0.05, 10);
  run.precision = "lattice";
  const Plan plan = make_plan(problem.system, facts, run, &problem.initial);
  EXPECT_EQ(plan.arithmetic.q_units[0], 0x1p-51);  // 2^-52 of the power of two above 1
  EXPECT_GT(plan.arithmetic.p_units[0], 0);
  run.q_spacing = 1e-3;
  run.p_spacing = 3.0;
  const Plan given = make_plan(problem.system, facts, run);
  EXPECT_EQ(given.arithmetic.q_units[0], 0x1p-10);
  EXPECT_EQ(given.arithmetic.p_units[0], 2.0);
  run.q_spacing = 0;
  EXPECT_THROW(make_plan(problem.system, facts, run), UserError);
}

// A chaotic run of 100 Lyapunov times: its gradient by undoing is that by checkpoints to the bit,
// since the state that is undone is the one that was there.
TEST(Lattice, TheGradientOfAChaoticRunIsThatOfItsOwnTrajectory) {
  Problem problem = henon_heiles();
  problem.initial.q = tensor(Shape{2}, {0.0, -0.1});
  const double v = -0.1, potential = v * v / 2 - v * v * v / 3;
  problem.initial.p = tensor(Shape{2}, {std::sqrt(2 * (1.0 / 6.2 - potential)), 0.0});
  System with = problem.system;
  add_observable(with, "objective", 0,
                 [](Builder& b, const TermValues& x) { return b.reduce_sum(b.mul(x.q, x.p)); });
  const Objective objective{"objective", with.observables.back().value, 0};
  for (int order : {2, 4}) {
    RunSettings run = settings(0.05, 20000);
    run.order = order;
    run.precision = "lattice";
    const Facts facts = find_facts(problem.system, problem.initial);
    const Plan plan = make_plan(problem.system, facts, run, &problem.initial);
    const auto by = [&](const char* policy) {
      GradientSettings how;
      how.policy = policy;
      how.drift_tolerance = 0;
      return Gradient::compile(problem.system, facts, plan, objective, {"q", "p"}, how)
          ->run(problem.initial, run.steps);
    };
    const GradientResult undone = by("reverse"), kept = by("checkpoints");
    EXPECT_FALSE(undone.drift.has_value());
    EXPECT_EQ(undone.worst_drift, 0);
    EXPECT_EQ(undone.value, kept.value);
    for (std::size_t k = 0; k < 2; ++k) {
      EXPECT_TRUE(same(undone.gradient[k].second, kept.gradient[k].second)) << order;
    }
    EXPECT_TRUE(undone.horizon->lost_at.has_value());
  }
}

// Also where H depends on time: the steps back read the very times of the steps there. (A run back
// by -dt counts its times from the end, which rounds otherwise.)
TEST(Lattice, UndoingIsExactForEverySystem) {
  for (const Problem& problem : {kepler(0.3), henon_heiles(), driven_oscillator(), swinging_mass(),
                                 fput(8, 0.25), outer_solar_system()}) {
    for (int order : {2, 4}) {
      RunSettings run = settings(problem.system.shape.size() == 18 ? 50.0 : 0.05, 3000);
      run.order = order;
      run.precision = "lattice";
      // The driven oscillator starts without momentum and without a force.
      if (problem.system.shape.size() == 1) run.q_spacing = run.p_spacing = 1e-16;
      const Facts facts = find_facts(problem.system, problem.initial);
      const Plan plan = make_plan(problem.system, facts, run, &problem.initial);
      System with = problem.system;
      add_observable(with, "objective", 0,
                     [](Builder& b, const TermValues& x) { return b.reduce_sum(b.mul(x.q, x.p)); });
      GradientSettings how;
      how.policy = "reverse";
      how.drift_tolerance = 0;
      const GradientResult made =
          Gradient::compile(problem.system, facts, plan,
                            {"objective", with.observables.back().value, 0}, {"q"}, how)
              ->run(problem.initial, run.steps);
      EXPECT_EQ(made.status, RunStatus::kFinished);
      EXPECT_FALSE(made.drift.has_value()) << made.drift->distance << " of order " << order;
    }
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
