// Levels of forces: one level is the leapfrog, order, structure, times, what a polymer saves, the
// choice of levels, resonance.
#include "cotangent/mechanics/multirate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/run_program.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

struct Phase {
  Tensor q, p;
};
Phase start_of(const Problem& problem) {
  return {problem.initial.q, problem.initial.p
                                 ? *problem.initial.p
                                 : momentum_from_velocity(problem.system, problem.initial)};
}
std::vector<Tensor> arguments(const Problem& problem, const Phase& at,
                              const std::vector<Tensor>& times) {
  std::vector<Tensor> args = {at.q, at.p};
  args.insert(args.end(), times.begin(), times.end());
  for (const Parameter& p : problem.system.parameters) args.push_back(p.value);
  return args;
}
Phase evaluated(const Problem& problem, const MultirateLevels& levels, double t0, long double dt,
                std::int64_t steps, bool extended = false) {
  const Integrator method = multirate(problem.system, levels);
  ir::EvaluateOptions options;
  options.extended = extended;
  Tensor h = Tensor::scalar_of(0.0);
  if (extended) h = h.to_extended();
  h.set_real(0, dt);
  const std::vector<Tensor> end =
      ir::evaluate(*run_program(method, problem.system, steps),
                   arguments(problem, start_of(problem), {Tensor::scalar_of(t0), h}), options);
  return {end[0], end[1]};
}
long double distance(const Phase& a, const Phase& b) {
  long double sum = 0;
  for (std::int64_t k = 0; k < a.q.size(); ++k) {
    sum += std::pow(a.q.real(k) - b.q.real(k), 2) + std::pow(a.p.real(k) - b.p.real(k), 2);
  }
  return std::sqrt(sum);
}

/// [2]: a stiff spring between two, soft ones to the walls, a weak quartic, and maybe a drive.
Problem springs(bool driven = false) {
  Problem p{empty_system(Shape{2}), {}};
  const auto half_square = [](Builder& b, Value x) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(x, x)));
  };
  add_term(p.system, "kinetic", [=](Builder& b, const TermValues& v) {
    const Value t = half_square(b, v.p);
    if (!driven) return t;
    return b.mul(t, b.add(b.constant(1.0), b.mul(b.constant(0.2), b.unary(ir::Op::kSin, v.t))));
  });
  add_term(p.system, "stiff", [=](Builder& b, const TermValues& v) {
    const Value d = b.sub(b.row(v.q, 0), b.row(v.q, 1));
    return b.mul(b.constant(50.0), b.mul(d, d));
  });
  add_term(p.system, "soft", [=](Builder& b, const TermValues& v) { return half_square(b, v.q); });
  add_term(p.system, "weak", [=](Builder& b, const TermValues& v) {
    const Value x = b.row(v.q, 0), x2 = b.mul(x, x);
    Value e = b.mul(b.constant(0.1), b.mul(x2, x2));
    if (driven) e = b.sub(e, b.mul(x, b.unary(ir::Op::kCos, b.mul(b.constant(0.7), v.t))));
    return e;
  });
  p.initial.q = tensor(Shape{2}, {0.8, 0.75});
  p.initial.p = tensor(Shape{2}, {-0.3, 0.5});
  return p;
}
const MultirateLevels kThree{{{"weak"}, {"soft"}, {"stiff"}}, {2, 4}};

TEST(Multirate, OneLevelIsTheLeapfrog) {
  for (const Problem& problem : {springs(), springs(true)}) {
    const MultirateLevels one{{{"weak", "soft", "stiff"}}, {}};
    const Phase end = evaluated(problem, one, 0.3, 0.01, 50);
    const ir::FunctionPtr step =
        step_program(make_pieces(problem.system, Arithmetic{}), composition_for(2));
    Phase at = start_of(problem);
    for (std::int64_t k = 0; k < 50; ++k) {
      const std::vector<Tensor> next =
          ir::evaluate(*step, arguments(problem, at,
                                        {Tensor::scalar_of<std::int64_t>(k), Tensor::scalar_of(0.3),
                                         Tensor::scalar_of(0.01)}));
      at = {next[0], next[1]};
    }
    EXPECT_LT(distance(at, end), 2e-14);
  }
}

TEST(Multirate, SecondOrderWithTimes) {
  for (const bool driven : {false, true}) {
    const Problem problem = springs(driven);
    const MultirateLevels one{{{"weak", "soft", "stiff"}}, {}};
    const long double t = 1.7L;
    const auto at = [&](std::int64_t steps) {
      return evaluated(problem, kThree, 0.2, t / steps, steps, true);
    };
    // Richardson's extrapolation of two finer ones is the reference.
    const Phase fine = at(1600), finer = at(3200);
    Phase exact = finer;
    for (std::int64_t k = 0; k < 2; ++k) {
      exact.q.set_real(k, (4 * finer.q.real(k) - fine.q.real(k)) / 3);
      exact.p.set_real(k, (4 * finer.p.real(k) - fine.p.real(k)) / 3);
    }
    // It is where the leapfrog goes to as well.
    EXPECT_LT(distance(exact, evaluated(problem, one, 0.2, t / 4000, 4000, true)), 1e-4);
    const long double a = distance(at(40), exact), b = distance(at(60), exact),
                      c = distance(at(90), exact);
    EXPECT_NEAR(std::log(a / b) / std::log(1.5), 2, 0.1) << driven;
    EXPECT_NEAR(std::log(b / c) / std::log(1.5), 2, 0.1) << driven;
  }
}

TEST(Multirate, IsSymplecticAndReversible) {
  const Problem problem = springs();
  const Integrator method = multirate(problem.system, kThree);
  const ir::FunctionPtr pushed = transform::jvp(*run_program(method, problem.system, 3), {0, 1});
  std::vector<std::vector<double>> columns;
  for (std::size_t c = 0; c < 4; ++c) {
    std::vector<Tensor> args =
        arguments(problem, start_of(problem), {Tensor::scalar_of(0.0), Tensor::scalar_of(0.1)});
    args.push_back(tensor(Shape{2}, {0, 0}));
    args.push_back(args.back());
    args[4 + c / 2].as<double>()[c % 2] = 1;
    const std::vector<Tensor> out = ir::evaluate(*pushed, args);
    columns.push_back({out[2].as<double>()[0], out[2].as<double>()[1], out[3].as<double>()[0],
                       out[3].as<double>()[1]});
  }
  EXPECT_LT(symplectic_defect(columns), 1e-13);
  Problem back = problem;
  const Phase there = evaluated(problem, kThree, 0, 0.1, 20);
  back.initial.q = there.q;
  back.initial.p = there.p;
  EXPECT_LT(distance(evaluated(back, kThree, 0, -0.1, 20), start_of(problem)), 1e-13);
}

/// 24 beads on a ring of stiff springs; every pair attracts and repels, softly and far (a Yukawa
/// pull with a soft core): the term that costs n^2.
Problem polymer() {
  constexpr std::int64_t n = 24;
  Problem p{empty_system(Shape{n, 3}, {reals("m", std::vector<double>(n, 1)), real("k", 2000)}),
            {}};
  add_term(p.system, "kinetic", kinetic(0));
  add_term(p.system, "bonds", [](Builder& b, const TermValues& v) {
    const Value parts[] = {b.slice_rows(v.q, 1, n), b.slice_rows(v.q, 0, 1)};
    const Value d = b.sub(b.concatenate(parts, 0), v.q);
    const Value off =
        b.sub(b.unary(ir::Op::kSqrt, b.dot(d, d)), b.splat(1, {DType::kF64, Shape{n}}));
    return b.mul(b.mul(b.constant(0.5), v.parameters[1]), b.reduce_sum(b.mul(off, off)));
  });
  add_term(
      p.system, "pairs",
      pair_term(
          {}, {},
          [](Builder& b, Value qi, Value qj, const std::vector<Value>&, const std::vector<Value>&) {
            const Value d = b.sub(qi, qj);
            const Value r = b.unary(ir::Op::kSqrt, b.add(b.dot(d, d), b.constant(0.25)));
            const Value pull = b.div(b.unary(ir::Op::kExp, b.mul(b.constant(-0.3), r)), r);
            const Value r2 = b.mul(r, r), r6 = b.mul(r2, b.mul(r2, r2));
            return b.sub(b.div(b.constant(0.1), r6), pull);
          }));
  std::vector<double> q, v;
  for (std::int64_t i = 0; i < n; ++i) {
    const double a = 2 * M_PI * static_cast<double>(i) / n, radius = 0.5 / std::sin(M_PI / n);
    const double wave = 0.4 * std::sin(3 * a);
    q.insert(q.end(), {radius * std::cos(a), radius * std::sin(a), wave});
    v.insert(v.end(), {0.6 * std::sin(5.0 * static_cast<double>(i)),
                       0.6 * std::cos(3.0 * static_cast<double>(i)),
                       0.6 * std::sin(1.0 + static_cast<double>(i * i))});
  }
  p.initial.q = tensor(Shape{n, 3}, q);
  p.initial.v = tensor(Shape{n, 3}, v);
  return p;
}

/// Root mean square of the relative energy error over the time 40, in ten looks a unit.
struct Polymer {
  Problem problem = polymer();
  Phase start = start_of(problem);
  runtime::ExecutablePtr energy = runtime::compile(total_energy(problem.system));

  double energy_of(const Phase& at) const {
    return energy->call(arguments(problem, at, {Tensor::scalar_of(0.0)}))[0].as<double>()[0];
  }
  double error(const MultirateLevels& levels, double dt) const {
    const auto steps = static_cast<std::int64_t>(std::max(1.0, std::round(0.1 / dt)));
    const auto run =
        runtime::compile(run_program(multirate(problem.system, levels), problem.system, steps));
    const double before = energy_of(start);
    Phase at = start;
    double sum = 0;
    const int looks = static_cast<int>(40 / (dt * static_cast<double>(steps)));
    for (int k = 0; k < looks; ++k) {
      const std::vector<Tensor> end =
          run->call(arguments(problem, at, {Tensor::scalar_of(0.0), Tensor::scalar_of(dt)}));
      at = {end[0], end[1]};
      sum += std::pow(energy_of(at) / before - 1, 2);
    }
    return std::sqrt(sum / looks);
  }
};

TEST(Multirate, APolymerAsksForItsSlowForcesSeldom) {
  // The fastest: neighbouring beads against each other, w = sqrt(4 k/m) = 89, period 0.070.
  const Polymer polymer;
  const double dt = 0.0025;  // 28 in the fastest period
  const MultirateLevels one{{{"bonds", "pairs"}}, {}};
  const double single = polymer.error(one, dt);
  // Steps of so many of leapfrog's, each of half its length inside: bonds are cheap. (Measured:
  // leapfrog 0.0152; 5: 0.0115, 6: 0.0148, 8: 0.026.)
  std::int64_t best = 0;
  for (const std::int64_t times : {5, 8}) {
    const MultirateLevels levels{{{"pairs"}, {"bonds"}}, {2 * times}};
    if (polymer.error(levels, dt * static_cast<double>(times)) <= single) best = times;
  }
  // Both ask for the pairs once a step.
  EXPECT_EQ(evaluations_a_step({{{"pairs"}, {"bonds"}}, {8}}), (std::vector<std::int64_t>{1, 8}));
  EXPECT_GE(best, 5);
}

TEST(Multirate, AskedForGradientsAreCounted) {
  // The loops of the program say how often each level's gradient stands in a step.
  const Integrator method = multirate(springs().system, kThree);
  std::vector<std::int64_t> trips;
  const std::function<void(const ir::Function&, std::int64_t)> look = [&](const ir::Function& f,
                                                                          std::int64_t times) {
    for (std::uint32_t id = 0; id < f.size(); ++id) {
      if (f.op(Value{id}) != ir::Op::kLoop) continue;
      const auto& a = f.attr_as<ir::LoopAttr>(Value{id});
      trips.push_back(times * a.trip);
      look(*a.body, times * a.trip);
    }
  };
  look(*method.step, 1);
  EXPECT_EQ(trips, (std::vector<std::int64_t>{2, 8}));
  EXPECT_EQ(evaluations_a_step(kThree), (std::vector<std::int64_t>{1, 2, 8}));
}

TEST(Multirate, CompiledBitsAreThoseOfTheEvaluator) {
  const Problem problem = polymer();
  const MultirateLevels levels{{{"pairs"}, {"bonds"}}, {5}};
  const auto run =
      runtime::compile(run_program(multirate(problem.system, levels), problem.system, 4));
  const std::vector<Tensor> args =
      arguments(problem, start_of(problem), {Tensor::scalar_of(0.0), Tensor::scalar_of(0.01)});
  const std::vector<Tensor> end = run->call(args), same = ir::evaluate(*run->program(), args);
  EXPECT_TRUE(end[0].same_bits(same[0]) && end[1].same_bits(same[1]));
}

TEST(Multirate, RunsOfTheDriverSplitAnyhow) {
  const Problem problem = springs();
  const Facts facts = find_facts(problem.system, problem.initial);
  Plan plan =
      make_plan(problem.system, facts, settings(0.02, 1000, "leapfrog", 10), &problem.initial);
  plan.integrator = std::make_shared<Integrator>(multirate(problem.system, kThree));
  const auto flow = Flow::compile(problem.system, facts, plan);
  const RunResult run = flow->run(problem.initial, plan.steps);
  ASSERT_EQ(run.status, RunStatus::kFinished);
  EXPECT_LT(run.invariants[0].max_rel_error, 1e-3);
  RunControl split;
  split.chunks = {1, 7, 50, 3};
  EXPECT_EQ(flow->run(problem.initial, plan.steps, split).state_hash, run.state_hash);
  const Phase end = evaluated(problem, kThree, 0, 0.02, 1000);
  EXPECT_LT(distance(end, {run.q, run.p}), 1e-11);
}

TEST(Multirate, LevelsAreChosenByFrequencyAndCost) {
  // Bonds 100 times as fast as the rest, which costs 50 times as much.
  const MultirateChoice two = choose_levels({{"pairs", 1, 50}, {"bonds", 100, 1}}, 20);
  ASSERT_EQ(two.levels.terms.size(), 2u);
  EXPECT_EQ(two.levels.terms[0], std::vector<std::string>{"pairs"});
  EXPECT_EQ(two.levels.terms[1], std::vector<std::string>{"bonds"});
  // A third of the fastest period, 0.0628, holds six steps of a twentieth.
  EXPECT_EQ(two.levels.inner, std::vector<std::int64_t>{6});
  EXPECT_NEAR(two.dt, 6 * 2 * M_PI / 100 / 20, 1e-12);
  EXPECT_NEAR(two.saving, 51 / (1 + 50.0 / 6), 1e-9);
  // Costly fast forces, or like frequencies: one rate.
  EXPECT_TRUE(choose_levels({{"pairs", 1, 1}, {"bonds", 100, 50}}).levels.inner.empty());
  EXPECT_TRUE(choose_levels({{"a", 80, 50}, {"b", 100, 1}}).levels.inner.empty());
  // Three, and like ones stay together.
  const MultirateChoice three = choose_levels(
      {{"angles", 40, 20}, {"far", 3, 2000}, {"bonds", 100, 1}, {"near", 39, 300}}, 20);
  ASSERT_EQ(three.levels.terms.size(), 3u);
  EXPECT_EQ(three.levels.terms[1], (std::vector<std::string>{"near", "angles"}));
  EXPECT_THROW(choose_levels({}), UserError);
  EXPECT_THROW(choose_levels({{"gravity", 0, 1}}), UserError);
}

TEST(Multirate, ResonanceIsSaidBeforehandAndIsReal) {
  const double w = 10, period = 2 * M_PI / w;
  EXPECT_FALSE(resonance_warning(0.3 * period, w));
  EXPECT_NE(resonance_warning(0.4 * period, w)->find("0.4 of the fastest period 0.628"),
            std::string::npos);
  EXPECT_NE(resonance_warning(0.5 * period, w)->find("grows without bound"), std::string::npos);
  EXPECT_FALSE(resonance_warning(1, 0));
  // q'' = -(w^2 + 1) q in two levels: just below half the period it blows up, at a third it does
  // not.
  Problem p{empty_system(Shape{1}), {}};
  const auto square = [](double c) {
    return [c](Builder& b, const TermValues& v) {
      return b.mul(b.constant(c), b.reduce_sum(b.mul(v.q, v.q)));
    };
  };
  add_term(p.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(p.system, "fast", square(0.5 * w * w));
  add_term(p.system, "slow", square(0.5));
  p.initial.q = tensor(Shape{1}, {1});
  p.initial.p = tensor(Shape{1}, {0});
  const MultirateLevels levels{{{"slow"}, {"fast"}}, {20}};
  const auto largest = [&](double share) {
    return std::fabs(static_cast<double>(evaluated(p, levels, 0, share * period, 1000).q.real(0)));
  };
  EXPECT_GT(largest(0.4975), 100);
  EXPECT_LT(largest(1.0 / 3), 2);
}

TEST(Multirate, WhatDoesNotFitIsRefusedByName) {
  const System system = springs().system;
  const auto refusal = [&](const MultirateLevels& levels, const System& s) {
    try {
      multirate(s, levels);
    } catch (const UserError& e) {
      return std::string(e.what());
    }
    return std::string("not refused");
  };
  const auto says = [&](const MultirateLevels& levels, const std::string& what) {
    EXPECT_NE(refusal(levels, system).find(what), std::string::npos) << refusal(levels, system);
  };
  says({{{"weak"}, {"stiff"}}, {2}}, "the term 'soft' is in no level");
  says({{{"weak", "soft"}, {"stiff", "soft"}}, {2}}, "the term 'soft' is in two levels");
  says({{{"weak", "soft"}, {"bonds"}}, {2}}, "there is no term 'bonds'");
  says({{{"weak", "soft"}, {"stiff", "kinetic"}}, {2}}, "'kinetic' does not read q");
  says({{{"weak", "soft"}, {"stiff"}}, {}}, "2 levels have 0 inner counts");
  says({{{"weak", "soft"}, {"stiff"}}, {0}}, "an inner count is 0");
  System mixed = system;
  add_term(mixed, "mixed",
           [](Builder& b, const TermValues& v) { return b.reduce_sum(b.mul(v.q, v.p)); });
  EXPECT_NE(refusal({{{"weak", "soft"}, {"stiff"}}, {2}}, mixed).find("'mixed' reads both q and p"),
            std::string::npos);
}

}  // namespace
}  // namespace cotangent::mechanics::test
