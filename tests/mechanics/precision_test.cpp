// States with error terms and forces in pairs: what is carried, that chunks, threads and compiled
// code keep every bit of it, and what it buys against f32 and f64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

FlowOptions reference() {
  FlowOptions o;
  o.reference = true;
  return o;
}

RunSettings in(RunSettings s, const std::string& precision,
               std::vector<std::string> compensated = {}) {
  s.precision = precision;
  s.compensated = std::move(compensated);
  return s;
}

/// The kinds of state that carry error terms.
std::vector<std::pair<std::string, std::vector<std::string>>> kinds() {
  return {{"compensated", {}},
          {"compensated", {"q"}},
          {"compensated", {"p"}},
          {"double-single", {}},
          {"double-single", {"p"}}};
}

/// T = p^2/2 (1 + t/10), V = q^2/2 - q t: every function reads t, and none is elementary.
Problem pulled_oscillator() {
  Problem problem{empty_system(Shape{1}, {real("w", 1.0 / 3)}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    const Value rate = b.add(b.constant(0.5), b.mul(b.constant(0.05), v.t));
    return b.mul(rate, b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "spring", [](Builder& b, const TermValues& v) {
    const Value q = b.reduce_sum(v.q);
    return b.sub(b.mul(v.parameters[0], b.mul(q, q)), b.mul(q, v.t));
  });
  problem.initial.q = tensor(Shape{1}, {0.3});
  problem.initial.p = tensor(Shape{1}, {-0.1});
  return problem;
}

Problem observed_kepler() {
  Problem problem = kepler(0.3);
  add_observable(problem.system, "radius", 3, [](Builder& b, const TermValues& v) {
    return b.unary(ir::Op::kSqrt, b.reduce_sum(b.mul(v.q, v.q)));
  });
  return problem;
}

double dt_of(const Problem& problem) {
  return problem.system.shape == Shape{6, 3} ? 10 : 0.05;
}

void expect_same_run(const RunResult& a, const RunResult& b) {
  EXPECT_EQ(a.state_hash, b.state_hash);
  EXPECT_TRUE(a.q.same_bits(b.q));
  EXPECT_TRUE(a.p.same_bits(b.p));
  const auto same = [](const std::optional<Tensor>& x, const std::optional<Tensor>& y) {
    return x ? y && x->same_bits(*y) : !y;
  };
  EXPECT_TRUE(same(a.q_error, b.q_error));
  EXPECT_TRUE(same(a.p_error, b.p_error));
  for (std::size_t k = 0; k < a.observables.size(); ++k) {
    EXPECT_EQ(a.observables[k].values, b.observables[k].values);
  }
  for (std::size_t k = 0; k < a.invariants.size(); ++k) {
    EXPECT_EQ(a.invariants[k].series.values, b.invariants[k].series.values);
  }
}

// --- bits

TEST(ErrorTerms, AnySplitIntoChunksHasTheSameBits) {
  for (const auto& [precision, parts] : kinds()) {
    for (const Problem& problem :
         {observed_kepler(), pulled_oscillator(), outer_solar_system(), fput(64, 0.25)}) {
      for (const bool evaluated : {false, true}) {
        if (evaluated && problem.initial.q.size() > 2) continue;
        const RunSettings s = in(settings(dt_of(problem), 60, "suzuki4", 7), precision, parts);
        const Ready r = ready(problem, s, evaluated ? reference() : FlowOptions{});
        const RunResult whole = r.flow->run(problem.initial, 60);
        std::mt19937 random(5);
        RunControl control;
        for (std::int64_t left = 60; left > 0; left -= control.chunks.back()) {
          control.chunks.push_back(
              std::min<std::int64_t>(left, 1 + static_cast<std::int64_t>(random() % 17)));
        }
        expect_same_run(whole, r.flow->run(problem.initial, 60, control));
      }
    }
  }
}

TEST(ErrorTerms, TheRunIsItsStepsOnTheEvaluator) {
  for (const auto& [precision, parts] : kinds()) {
    for (const Problem& problem :
         {observed_kepler(), pulled_oscillator(), outer_solar_system(), fput(16, 0.25)}) {
      for (const char* method : {"leapfrog", "suzuki4"}) {
        const double dt = dt_of(problem);
        const RunSettings s = in(settings(dt, 12, method, 5), precision, parts);
        const Ready r = ready(problem, s);
        const RunResult run = r.flow->run(problem.initial, 12);
        const ir::FunctionPtr step = r.flow->step_program();
        const std::vector<Part> state = state_parts(r.plan.arithmetic);
        Carry carry(r.plan.arithmetic, problem.initial,
                    momentum_from_velocity(problem.system, problem.initial));
        for (std::int64_t k = 0; k < 12; ++k) {
          std::vector<Tensor> args;
          for (Part part : state) args.push_back(carry[part]);
          args.push_back(Tensor::scalar_of<std::int64_t>(k));
          args.push_back(Tensor::scalar_of<double>(0));
          args.push_back(Tensor::scalar_of<double>(dt));
          for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
          const std::vector<Tensor> out = ir::evaluate(*step, args);
          for (std::size_t p = 0; p < state.size(); ++p) carry[state[p]] = out[p];
        }
        EXPECT_TRUE(carry.whole(Part::kQ).same_bits(run.q)) << precision << " " << method;
        EXPECT_TRUE(carry.whole(Part::kP).same_bits(run.p)) << precision << " " << method;
        expect_same_run(run, ready(problem, s, reference()).flow->run(problem.initial, 12));
      }
    }
  }
}

TEST(ErrorTerms, ThreadsAndVectorWidthDoNotMatter) {
  for (const char* precision : {"compensated", "double-single"}) {
    for (const Problem& problem : {outer_solar_system(), fput(20000, 0.25)}) {
      const bool planets = problem.system.shape == Shape{6, 3};
      const std::int64_t steps = planets ? 20 : 3;
      const RunSettings s =
          in(settings(planets ? 10 : 0.1, steps, planets ? "suzuki4" : "leapfrog", 2), precision);
      FlowOptions alone;
      alone.threads = 1;
      const RunResult one = ready(problem, s, alone).flow->run(problem.initial, steps);
      for (const auto& [threads, bits] :
           std::vector<std::pair<int, int>>{{2, 0}, {5, 256}, {1, 128}, {1, 512}}) {
        FlowOptions o;
        o.threads = threads;
        o.vector_bits = bits;
        expect_same_run(one, ready(problem, s, o).flow->run(problem.initial, steps));
      }
    }
  }
}

TEST(ErrorTerms, ARunGoesOnFromItsEndBitForBit) {
  for (const auto& [precision, parts] : kinds()) {
    for (const Problem& problem : {observed_kepler(), pulled_oscillator()}) {
      const Ready r = ready(problem, in(settings(0.0625, 64, "suzuki4"), precision, parts));
      const RunResult whole = r.flow->run(problem.initial, 64);
      const RunResult half = r.flow->run(problem.initial, 32);
      InitialState middle{half.q, half.p, std::nullopt, half.t};
      middle.q_error = half.q_error;
      middle.p_error = half.p_error;
      const RunResult rest = r.flow->run(middle, 32);
      EXPECT_EQ(rest.state_hash, whole.state_hash) << precision;
      EXPECT_TRUE(rest.q.same_bits(whole.q));
    }
  }
}

TEST(ErrorTerms, AreInTheHash) {
  Problem problem = harmonic(1.0);
  problem.initial.p = tensor(Shape{1}, {1.0});
  const Ready r = ready(problem, in(settings(0.05, 10), "compensated"));
  const RunResult before = r.flow->run(problem.initial, 0);
  for (std::optional<Tensor> InitialState::* error :
       {&InitialState::q_error, &InitialState::p_error}) {
    InitialState other = problem.initial;
    other.*error = tensor(Shape{1}, {1e-30});  // less than f64 can tell from 0 beside 1
    const RunResult after = r.flow->run(other, 0);
    EXPECT_TRUE(after.q.same_bits(before.q) && after.p.same_bits(before.p));
    EXPECT_NE(after.state_hash, before.state_hash);
  }
}

TEST(ErrorTerms, ThereAndBack) {
  const Problem problem = kepler(0.3);
  const auto away = [&](const std::string& precision) {
    const Ready r = ready(problem, in(settings(0.01, 2000, "suzuki4"), precision));
    const RunResult there = r.flow->run(problem.initial, 2000);
    RunControl back;
    back.reverse = true;
    InitialState from{there.q, there.p, std::nullopt, there.t};
    from.q_error = there.q_error;
    from.p_error = there.p_error;
    const RunResult again = r.flow->run(from, 2000, back);
    double most = 0;
    for (std::int64_t k = 0; k < 2; ++k) {
      most = std::max(most,
                      std::abs(static_cast<double>(again.q.real(k) - problem.initial.q.real(k))));
    }
    return most;
  };
  EXPECT_GT(away("f32"), 1e-5);  // the control
  EXPECT_LT(away("compensated"), 1e-5);
  EXPECT_LT(away("double-single"), 1e-10);
}

// --- what is carried and read

TEST(ErrorTerms, ObserversReadValueAndErrorInF64) {
  Problem problem = kepler(0.3);  // q = 0.7 and p = sqrt(13/7) are no numbers of f32
  const auto first = [&](const std::string& precision) {
    const Ready r = ready(problem, in(settings(0.05, 10), precision), reference());
    return r.flow->run(problem.initial, 0).energy_terms.back().values.front();
  };
  const double right = first("f64");
  EXPECT_GT(std::abs(first("f32") - right), 1e-9);
  EXPECT_LT(std::abs(first("compensated") - right), 1e-14);
  EXPECT_LT(std::abs(first("double-single") - right), 1e-14);
}

TEST(ErrorTerms, WhatAPartDoesNotCarryStaysSingle) {
  const Problem problem = kepler(0.3);
  const Ready r = ready(problem, in(settings(0.05, 30), "compensated", {"q"}), reference());
  const RunResult run = r.flow->run(problem.initial, 30);
  EXPECT_TRUE(run.q_error.has_value());
  EXPECT_FALSE(run.p_error.has_value());
  bool q_is_more = false;
  for (std::int64_t k = 0; k < 2; ++k) {
    const auto q = static_cast<double>(run.q.real(k)), p = static_cast<double>(run.p.real(k));
    q_is_more = q_is_more || q != static_cast<double>(static_cast<float>(q));
    EXPECT_EQ(p, static_cast<double>(static_cast<float>(p)));
  }
  EXPECT_TRUE(q_is_more);
}

/// A free flight: q = 3 n dt, and f32(0.01) is off by 2.2e-8 of itself.
TEST(ErrorTerms, InPairsTheTimeStepIsOne) {
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "flat", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.0), b.reduce_sum(b.mul(v.q, v.q)));
  });
  problem.initial.q = tensor(Shape{1}, {0});
  problem.initial.p = tensor(Shape{1}, {3});
  const auto off = [&](const std::string& precision, const char* method) {
    const Ready r = ready(problem, in(settings(0.01, 10000, method), precision));
    const RunResult run = r.flow->run(problem.initial, 10000);
    return std::abs(static_cast<double>(run.q.real(0)) / 300 - 1);
  };
  for (const char* method : {"leapfrog", "suzuki4"}) {
    EXPECT_LT(off("double-single", method), 3e-11);
    EXPECT_LT(off("compensated", method), 1e-7);
  }
  EXPECT_GT(off("compensated", "leapfrog"), 1e-8);  // there dt is a number of f32
}

// --- what it buys

/// n orbits of eccentricity 0.3 about fixed centres, started at different phases; observed is, for
/// each, the energy that leapfrog with step h keeps to h^4:
///   H + h^2 (p V'' p / 12 - V'^2 / 24)   (Hairer, Lubich, Wanner, IX.8)
Problem orbits(std::int64_t n, double h) {
  Problem problem{empty_system(Shape{n, 2}), {}};
  add_term(problem.system, "kinetic", sum_term([](Builder& b, Value, Value p) {
             return b.mul(b.constant(0.5), b.dot(p, p));
           }));
  add_term(problem.system, "gravity", sum_term([](Builder& b, Value q, Value) {
             return b.neg(b.div(b.constant(1.0), b.unary(ir::Op::kSqrt, b.dot(q, q))));
           }));
  add_observable(problem.system, "kept", 1000, [n, h](Builder& b, const TermValues& v) {
    Builder body("orbit");
    body.param(ir::scalar(DType::kI64), "i");
    const ir::Type point{DType::kF64, Shape{2}};
    const Value q = body.param(point, "q"), p = body.param(point, "p");
    const Value rr = body.dot(q, q), r = body.unary(ir::Op::kSqrt, rr), pp = body.dot(p, p);
    const Value qp = body.dot(q, p), one = body.constant(1.0);
    const Value energy = body.sub(body.mul(body.constant(0.5), pp), body.div(one, r));
    const Value radial = body.div(body.mul(body.constant(3.0), body.mul(qp, qp)), rr);
    const Value bent = body.div(body.sub(pp, radial), body.mul(rr, r));
    const Value pulled = body.div(one, body.mul(rr, rr));
    const Value next = body.sub(body.mul(body.constant(h * h / 12), bent),
                                body.mul(body.constant(h * h / 24), pulled));
    ir::MapAttr attr;
    attr.count = n;
    attr.rows = 2;
    attr.roles = {ir::Role::kStack};
    attr.body = body.finish({body.add(energy, next)});
    const Value rows[] = {v.q, v.p};
    return b.map(attr, rows)[0];
  });
  std::vector<double> q, p;
  for (std::int64_t k = 0; k < n; ++k) {
    const double e = 0.3, u = 0.1 + 6 * static_cast<double>(k) / static_cast<double>(n);
    const double r = 1 - e * std::cos(u), side = std::sqrt(1 - e * e);
    q.insert(q.end(), {std::cos(u) - e, side * std::sin(u)});
    p.insert(p.end(), {-std::sin(u) / r, side * std::cos(u) / r});
  }
  problem.initial.q = tensor(Shape{n, 2}, q);
  problem.initial.p = tensor(Shape{n, 2}, p);
  return problem;
}

/// The largest relative deviation at whole periods, the median of the orbits.
double wander(const std::string& precision, std::int64_t periods) {
  const std::int64_t n = 16;
  const double h = 2 * M_PI / 1000;
  const Problem problem = orbits(n, h);
  const std::int64_t steps = periods * 1000;
  const Ready r = ready(problem, in(settings(h, steps, "leapfrog", steps), precision));
  const RunResult run = r.flow->run(problem.initial, steps);
  const std::vector<double>& kept = run.observables[0].values;
  std::vector<double> worst(static_cast<std::size_t>(n), 0.0);
  for (std::size_t k = 0; k < kept.size(); ++k) {
    const std::size_t orbit = k % static_cast<std::size_t>(n);
    worst[orbit] = std::max(worst[orbit], std::abs(kept[k] / kept[orbit] - 1));
  }
  std::nth_element(worst.begin(), worst.begin() + n / 2, worst.end());
  return worst[static_cast<std::size_t>(n / 2)];
}

/// docs/precision.md has the same for 10^8 steps.
TEST(Wander, OfKeplersEnergy) {
  const double f64 = wander("f64", 500), f32 = wander("f32", 500);
  const double compensated = wander("compensated", 500), pairs = wander("double-single", 500);
  EXPECT_LT(compensated * 20, f32);
  EXPECT_LT(pairs, 40 * f64);
  EXPECT_LT(pairs * 100, compensated);
}

/// Coefficients of a composition are no numbers of f32: rounded alone they would be those of a
/// method with errors of 1e-7.
TEST(Wander, ACompositionInPairsKeepsItsOrder) {
  const Problem problem = kepler(0.3);
  const auto error = [&](const std::string& precision) {
    const Ready r = ready(problem, in(settings(2 * M_PI / 200, 2000, "kahanli6", 10), precision));
    return r.flow->run(problem.initial, 2000).invariants[0].max_rel_error;
  };
  const double f64 = error("f64");
  EXPECT_LT(error("double-single"), f64 + 1e-12);
  EXPECT_GT(error("compensated"), 10 * f64);  // its forces are f32
}

// --- the plan

TEST(PrecisionPlan, SaysWhatIsCarriedAndWhy) {
  const Problem problem = kepler(0.3);
  const auto decision = [&](const Plan& plan, const std::string& name) {
    for (const Decision& d : plan.decisions) {
      if (d.decision == name) return d;
    }
    return Decision{};
  };
  const auto plan = [&](const RunSettings& s) {
    return make_plan(problem.system, find_facts(problem.system, problem.initial), s);
  };
  const RunSettings s = settings(0.01, 100);
  EXPECT_EQ(decision(plan(s), "carry").choice, "");
  const Plan both = plan(in(s, "compensated"));
  EXPECT_EQ(decision(both, "precision").choice, "compensated");
  EXPECT_EQ(decision(both, "carry").choice, "q, p, gradient, q_error, p_error");
  const Plan one = plan(in(s, "compensated", {"p"}));
  EXPECT_EQ(decision(one, "carry").choice, "q, p, gradient, p_error");
  EXPECT_NE(decision(one, "carry").reason.find("q is plain f32, as you asked"), std::string::npos);
  const Plan pairs = plan(in(s, "double-single"));
  EXPECT_EQ(decision(pairs, "carry").choice, "q, p, gradient, q_error, p_error, gradient_error");
  EXPECT_TRUE(pairs.arithmetic.pairs);
  EXPECT_EQ(pairs.arithmetic.state, DType::kF32);
}

void expect_refused(const Problem& problem, const RunSettings& s, const std::string& what,
                    const std::string& remedy, const std::string& where = "") {
  try {
    make_plan(problem.system, find_facts(problem.system, problem.initial), s);
    ADD_FAILURE() << "not refused: " << what;
  } catch (const UserError& e) {
    EXPECT_NE(e.parts().what.find(what), std::string::npos) << e.what();
    EXPECT_NE(e.parts().remedy.find(remedy), std::string::npos) << e.what();
    EXPECT_NE(e.parts().where.find(where), std::string::npos) << e.what();
  }
}

TEST(PrecisionPlan, Refusals) {
  const RunSettings s = settings(0.01, 100);
  expect_refused(kepler(0.3), in(s, "compensate"), "did you mean \"compensated\"", "double-single");
  expect_refused(kepler(0.3), in(s, "f64", {"q"}), "carries no error terms",
                 "leave compensated out");
  expect_refused(kepler(0.3), in(s, "f32", {"q"}), "carries no error terms",
                 "precision = \"compensated\"");
  expect_refused(kepler(0.3), in(s, "compensated", {"v"}), "names \"v\"", "[\"q\", \"p\"]");
  // cos(t) in the force has no form in pairs; it is named with its place.
  Problem problem = kepler(0.3);
  problem.system.source =
      std::make_shared<SourceFile>(SourceFile{"wave.toml", "drive = \"-q[0]*cos(q[1])\""});
  add_term(
      problem.system, "drive",
      [](Builder& b, const TermValues& v) {
        return b.neg(b.mul(b.row(v.q, 0), b.unary(ir::Op::kCos, b.row(v.q, 1))));
      },
      SourceSpan{0, 15, 24});
  expect_refused(problem, in(s, "double-single"), "has no double-single form", "compensated",
                 "wave.toml:1:16");
  expect_refused(problem, in(s, "double-single"), "dH/dq", "\"f64\"");
}

TEST(PrecisionPlan, RefusesWhatF32CannotHold) {
  Problem heavy = harmonic(1e39);
  heavy.system.source = std::make_shared<SourceFile>(SourceFile{"heavy.toml", "w = 1e39"});
  heavy.system.parameters[0].span = {0, 4, 8};
  Problem fast = harmonic(1.0);
  fast.initial.p = tensor(Shape{1}, {1e39});
  const RunSettings s = settings(1e-45, 1, "leapfrog");
  for (const char* precision : {"f32", "compensated", "double-single"}) {
    expect_refused(heavy, in(s, precision), "the parameter w is 1e+39", "precision = \"f64\"",
                   "heavy.toml:1:5");
    const Ready r = ready(fast, in(s, precision), reference());
    try {
      r.flow->run(fast.initial, 1);
      ADD_FAILURE() << precision;
    } catch (const UserError& e) {
      EXPECT_NE(e.parts().what.find("the initial p[0] is 1e+39"), std::string::npos) << e.what();
      EXPECT_NE(e.parts().remedy.find("precision = \"f64\""), std::string::npos) << e.what();
    }
  }
  EXPECT_EQ(ready(fast, s, reference()).flow->run(fast.initial, 1).status, RunStatus::kFinished);
}

// --- states that stop being finite

TEST(ErrorTerms, AFaultIsNamedAsInF64) {
  // V = -sqrt(q[1]): q[1] falls through zero at some step.
  Problem problem{empty_system(Shape{3}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "falls", [](Builder& b, const TermValues& v) {
    return b.neg(b.unary(ir::Op::kSqrt, b.row(v.q, 1)));
  });
  problem.initial.q = tensor(Shape{3}, {1, 1, 1});
  problem.initial.p = tensor(Shape{3}, {0, -1.5, 0});
  for (const auto& [precision, parts] : kinds()) {
    const Ready r = ready(problem, in(settings(0.1, 100, "leapfrog", 1), precision, parts));
    const RunResult run = r.flow->run(problem.initial, 100);
    ASSERT_EQ(run.status, RunStatus::kNonFinite) << precision;
    EXPECT_EQ(run.fault->step, run.steps + 1);
    EXPECT_EQ(run.fault->component, "p[1]");
    EXPECT_EQ(run.fault->expression, "sqrt");
    EXPECT_GT(run.q.real(1), 0);
    EXPECT_EQ(run.state_hash, r.flow->run(problem.initial, run.steps).state_hash);
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
