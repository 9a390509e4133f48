// Gradients of runs: every policy against the others, against differences, and against the
// transpose of the whole program.
#include "cotangent/mechanics/gradient.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/mechanics/tangent.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

/// sum of squares of q minus three times the product of sums of p and q, a bit of v and t.
Objective objective(const Problem& problem, std::int64_t every = 0) {
  System system = problem.system;
  add_observable(system, "objective", every, [](Builder& b, const TermValues& x) {
    const Value squares = b.reduce_sum(b.mul(x.q, x.q));
    const Value mixed = b.mul(b.reduce_sum(x.q), b.reduce_sum(x.p));
    const Value v = b.reduce_sum(b.mul(x.parameters[0], x.parameters[0]));
    return b.add(b.sub(squares, b.mul(b.constant(3.0), mixed)), b.mul(b.constant(0.1), v));
  });
  return {"objective", system.observables.back().value, every};
}

GradientResult gradient(const Problem& problem, const RunSettings& run, const Objective& o,
                        const std::vector<std::string>& wrt, const GradientSettings& how,
                        const FlowOptions& options = {}) {
  const Facts facts = find_facts(problem.system, problem.initial);
  const Plan plan = make_plan(problem.system, facts, run);
  return Gradient::compile(problem.system, facts, plan, o, wrt, how, options)
      ->run(problem.initial, plan.steps);
}

double value_of(const Problem& problem, const RunSettings& run, const Objective& o) {
  Problem with = problem;
  with.system.observables.push_back({"objective", o.value, std::max<std::int64_t>(1, o.every), {}});
  const RunResult result = ready(with, run).flow->run(with.initial, run.steps);
  const std::vector<double>& x = result.observables.back().values;
  if (o.every == 0) return x.back();
  double sum = 0;
  for (double a : x) sum += a;
  return sum / static_cast<double>(x.size());
}

double largest_of(const Tensor& x) {
  double m = 0;
  for (std::int64_t k = 0; k < x.size(); ++k) {
    m = std::max(m, std::abs(static_cast<double>(x.real(k))));
  }
  return m;
}

void expect_near(const GradientResult& a, const GradientResult& b, double relative,
                 const std::string& what) {
  EXPECT_NEAR(a.value, b.value, relative * std::abs(b.value)) << what;
  ASSERT_EQ(a.gradient.size(), b.gradient.size());
  for (std::size_t k = 0; k < a.gradient.size(); ++k) {
    EXPECT_EQ(a.gradient[k].first, b.gradient[k].first);
    const double size = largest_of(b.gradient[k].second);
    for (std::int64_t i = 0; i < a.gradient[k].second.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(a.gradient[k].second.real(i)),
                  static_cast<double>(b.gradient[k].second.real(i)), relative * size)
          << what << " " << a.gradient[k].first << "[" << i << "]";
    }
  }
}

GradientSettings policy(const std::string& name, std::int64_t budget = kDefaultGradientBudget) {
  GradientSettings settings;
  settings.policy = name;
  settings.budget = budget;
  return settings;
}

std::vector<std::string> everything(const Problem& problem) {
  std::vector<std::string> wrt = {"q", problem.initial.v ? "v" : "p"};
  for (const Parameter& x : problem.system.parameters) wrt.push_back(x.name);
  return wrt;
}

Tensor& variable(Problem& problem, const std::string& name) {
  if (name == "q") return problem.initial.q;
  if (name == "p") return *problem.initial.p;
  if (name == "v") return *problem.initial.v;
  for (Parameter& p : problem.system.parameters) {
    if (p.name == name) return p.value;
  }
  throw InternalError("no variable " + name);
}

std::vector<Problem> problems() {
  return {kepler(0.3),     henon_heiles(), driven_oscillator(),
          swinging_mass(), fput(8, 0.25),  outer_solar_system()};
}

RunSettings run_of(const Problem& problem, int order, std::int64_t steps) {
  // The outer planets move in days.
  RunSettings run = settings(problem.system.shape.size() == 18 ? 50.0 : 0.05, steps);
  run.order = order;
  return run;
}

/// A direction of the size of the variable.
double along(const Tensor& x, std::int64_t i) {
  const double size = largest_of(x);
  return (size > 0 ? size : 1) * std::cos(static_cast<double>(i) + 0.3);
}

// Central differences of the fourth order, along one direction for each variable.
TEST(Gradient, IsTheLimitOfDifferences) {
  for (const Problem& problem : problems()) {
    for (std::int64_t every : {0, 7}) {
      const RunSettings run = run_of(problem, 4, 40);
      const Objective o = objective(problem, every);
      const GradientResult made = gradient(problem, run, o, everything(problem), policy("auto"));
      EXPECT_NEAR(made.value, value_of(problem, run, o), 1e-13 * std::abs(made.value));
      for (const auto& [name, slope] : made.gradient) {
        const auto moved = [&, which = name](double h) {
          Problem there = problem;
          Tensor& x = variable(there, which);
          const Tensor from = x;
          for (std::int64_t i = 0; i < x.size(); ++i) {
            x.set_real(i, from.real(i) + h * along(from, i));
          }
          return value_of(there, run, o);
        };
        Problem here = problem;
        const Tensor& x = variable(here, name);
        double expected = 0, size = 0;
        for (std::int64_t i = 0; i < slope.size(); ++i) {
          const double term = static_cast<double>(slope.real(i)) * along(x, i);
          expected += term;
          size += std::abs(term);
        }
        const double h = 1e-3;  // of the variable's size; the error is of order h^4
        const double difference =
            (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
        EXPECT_NEAR(expected, difference, 1e-7 * size + 1e-11 * std::abs(made.value))
            << problem.system.shape.text() << " " << name << " every " << every;
      }
    }
  }
}

TEST(Gradient, DoesNotDependOnThePolicy) {
  for (const Problem& problem : problems()) {
    for (int order : {2, 4}) {
      for (std::int64_t every : {0, 3}) {
        if ((order == 2) == (every == 0)) continue;  // two of the four will do
        const RunSettings run = run_of(problem, order, 101);
        const Objective o = objective(problem, every);
        const auto wrt = everything(problem);
        const GradientResult all = gradient(problem, run, o, wrt, policy("all"));
        EXPECT_EQ(all.plan.policy, GradientPolicy::kAll);
        for (std::int64_t budget : {12000, 3000000}) {
          const GradientResult few = gradient(problem, run, o, wrt, policy("checkpoints", budget));
          EXPECT_LE(few.kept_bytes, budget);
          expect_near(few, all, 0, "checkpoints");  // the same bits
        }
        const GradientResult undone = gradient(problem, run, o, wrt, policy("reverse"));
        EXPECT_FALSE(undone.drift) << undone.drift->distance;
        // (The slope by Pluto's mass is what is left of terms 1e8 times larger.)
        const double near = problem.system.shape.size() == 18 ? 1e-6 : 1e-10;
        expect_near(undone, all, near, "reverse of order " + std::to_string(order));
      }
    }
  }
}

// The value is that of the run, to the bit; and the evaluator has the bits of the machine.
TEST(Gradient, HasTheBitsOfTheRunAndOfTheEvaluator) {
  for (const Problem& problem : {henon_heiles(), outer_solar_system(), swinging_mass()}) {
    const RunSettings run = run_of(problem, 4, 37);
    const Objective o = objective(problem);
    const auto wrt = everything(problem);
    const GradientResult made = gradient(problem, run, o, wrt, policy("auto"));
    FlowOptions options;
    options.reference = true;
    const GradientResult evaluated = gradient(problem, run, o, wrt, policy("auto"), options);
    expect_near(made, evaluated, 0, "evaluator");
    for (int threads : {1, 2, 16}) {
      options = {};
      options.threads = threads;
      expect_near(gradient(problem, run, o, wrt, policy("checkpoints"), options), made, 0,
                  "threads");
    }
    // q[0] at the end is q[0] of the run.
    System with = problem.system;
    add_observable(with, "objective", 0, [](Builder& b, const TermValues& x) {
      return b.slice_rows(b.reshape(x.q, Shape{b.type(x.q).shape.size()}), 0, 1);
    });
    const ir::FunctionPtr one = with.observables.back().value;
    Builder b("first");
    std::vector<Value> args;
    for (std::size_t k = 0; k < one->params().size(); ++k)
      args.push_back(b.param(one->param_type(k)));
    const Value first = b.reshape(b.inline_call(*one, args)[0], Shape{});
    const Objective position{"q0", b.finish({first}), 0};
    const RunResult end = ready(problem, run).flow->run(problem.initial, run.steps);
    EXPECT_EQ(gradient(problem, run, position, wrt, policy("auto")).value,
              static_cast<double>(end.q.real(0)));
  }
}

// Other arithmetics carry other states; what is differentiated is the same map, up to their
// round-off.
TEST(Gradient, OfOtherArithmeticsIsNear) {
  for (const Problem& problem : {kepler(0.3), fput(8, 0.25)}) {
    const Objective o = objective(problem);
    const auto wrt = everything(problem);
    RunSettings run = run_of(problem, 4, 60);
    const GradientResult f64 = gradient(problem, run, o, wrt, policy("auto"));
    run.precision = "f32";
    for (const char* name : {"all", "checkpoints"}) {
      const GradientResult f32 = gradient(problem, run, o, wrt, policy(name));
      expect_near(f32, f64, 1e-4, "f32");
    }
    for (const char* precision : {"compensated", "double-single"}) {
      run.precision = precision;
      const double near = run.precision == "compensated" ? 1e-4 : 1e-10;
      for (const char* name : {"all", "checkpoints", "reverse"}) {
        expect_near(gradient(problem, run, o, wrt, policy(name)), f64, near, precision);
      }
    }
  }
}

/// Two planets near one another around a sun without weight: chaotic within some turns.
Problem tumbling() {
  Problem problem = henon_heiles();
  problem.initial.q = tensor(Shape{2}, {0.0, 0.1});
  problem.initial.p = tensor(Shape{2}, {0.5, 0.0});  // energy about 1/8 and more: chaotic
  return problem;
}

// A chaotic run cannot be undone for long: the drift is seen, and the rest is done by checkpoints.
TEST(Gradient, UndoingThatDriftsFallsBackAndSaysSo) {
  const Problem problem = tumbling();
  const RunSettings run = run_of(problem, 2, 4000);
  const Objective o = objective(problem);
  const auto wrt = everything(problem);
  const GradientResult kept = gradient(problem, run, o, wrt, policy("all"));
  GradientSettings reverse = policy("reverse");
  reverse.drift_tolerance = 1e-15;
  const GradientResult fell = gradient(problem, run, o, wrt, reverse);
  ASSERT_TRUE(fell.drift.has_value());
  EXPECT_GT(fell.drift->distance, 1e-15);
  EXPECT_LT(fell.drift->step, 4000);
  expect_near(fell, kept, 1e-6, "fallen back");
  // With nothing undone before it fell back, it is the gradient by checkpoints to the bit.
  reverse.drift_tolerance = 0;
  const GradientResult at_once = gradient(problem, run, o, wrt, reverse);
  ASSERT_TRUE(at_once.drift.has_value());
  expect_near(at_once, kept, 0, "nothing undone");
}

// A step that cannot be undone closely: its friction takes a factor e^9 out of a small change
// between two kept states, which undoing puts back in. (A damped pendulum in canonical form,
// Caldirola 1941, Kanai 1948: dq/dt = p e^-ct, dp/dt = -e^ct sin q.)
TEST(Gradient, AStepThatCannotBeUndoneFallsBack) {
  Problem problem;
  problem.system = empty_system(Shape{1});
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    const Value shrink = b.unary(ir::Op::kExp, b.mul(b.constant(-200.0), v.t));
    return b.mul(shrink, b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p))));
  });
  add_term(problem.system, "gravity", [](Builder& b, const TermValues& v) {
    const Value grow = b.unary(ir::Op::kExp, b.mul(b.constant(200.0), v.t));
    return b.neg(b.mul(grow, b.reduce_sum(b.unary(ir::Op::kCos, v.q))));
  });
  problem.initial.q = tensor(Shape{1}, {1.0});
  problem.initial.p = tensor(Shape{1}, {0.0});
  RunSettings run = settings(0.0005, 6000);
  run.order = 2;
  const Objective o = objective(problem);
  const GradientResult kept = gradient(problem, run, o, {"q"}, policy("all"));
  ASSERT_EQ(kept.status, RunStatus::kFinished);
  GradientSettings closely = policy("reverse");
  closely.drift_tolerance = 1e-13;
  const GradientResult undone = gradient(problem, run, o, {"q"}, closely);
  ASSERT_EQ(undone.status, RunStatus::kFinished);
  ASSERT_TRUE(undone.drift.has_value());
  expect_near(undone, kept, 1e-4, "damped");
}

// Rows of the tangent map by Gradient, columns by Tangent: one matrix, and symplectic as such.
TEST(Gradient, RowsAreThoseOfTheTangentMapAndSymplectic) {
  for (const Problem& problem : {kepler(0.3), henon_heiles(), swinging_mass(), fput(8, 0.25)}) {
    for (int order : {2, 4}) {
      const RunSettings run = run_of(problem, order, 50);
      const Facts facts = find_facts(problem.system, problem.initial);
      const Plan plan = make_plan(problem.system, facts, run);
      const std::int64_t n = problem.system.shape.size();
      const auto entry = [n](const Tensor& q, const Tensor& p, std::int64_t k) {
        return static_cast<double>(k < n ? q.real(k) : p.real(k - n));
      };
      std::vector<Tensor> parameters;
      Direction still{Tensor(problem.initial.q.type()), Tensor(problem.initial.q.type()), {}};
      for (const Parameter& x : problem.system.parameters) {
        parameters.push_back(x.value);
        still.parameters.emplace_back(x.value.type());
      }
      const auto tangent = Tangent::compile(problem.system, plan, {});
      std::vector<std::vector<double>> rows, columns;
      double size = 1;
      for (std::int64_t k = 0; k < 2 * n; ++k) {
        System with = problem.system;
        add_observable(with, "entry", 0, [&](Builder& b, const TermValues& x) {
          return b.reshape(b.slice_rows(k < n ? x.q : x.p, k % n, k % n + 1), Shape{});
        });
        const GradientResult row = gradient(
            problem, run, {"entry", with.observables.back().value, 0}, {"q", "p"}, policy("all"));
        Direction d = still;
        (k < n ? d.q : d.p).set_real(k % n, 1);
        const TangentResult column = tangent->run(problem.initial, parameters, run.steps, d);
        rows.emplace_back();
        columns.emplace_back();
        for (std::int64_t i = 0; i < 2 * n; ++i) {
          rows.back().push_back(entry(row.gradient[0].second, row.gradient[1].second, i));
          columns.back().push_back(entry(column.dq, column.dp, i));
          size = std::max(size, std::abs(rows.back().back()));
        }
      }
      for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t k = 0; k < rows.size(); ++k) {
          EXPECT_NEAR(rows[i][k], columns[k][i], 1e-13 * size) << order;
        }
      }
      EXPECT_LT(symplectic_defect(rows), 1e-12 * size * size) << order;
      EXPECT_LT(symplectic_defect(columns), 1e-12 * size * size) << order;
    }
  }
}

// The horizon: a chaotic run loses its digits when cotangents have grown by 2^53; a regular one
// never.
TEST(Gradient, TellsWhenItsDigitsAreLost) {
  const Problem regular = kepler(0.3);
  const GradientResult good =
      gradient(regular, run_of(regular, 2, 20000), objective(regular), {"q"}, policy("auto"));
  ASSERT_TRUE(good.horizon.has_value());
  EXPECT_FALSE(good.horizon->lost_at);
  EXPECT_GT(good.horizon->digits, 9);

  // E = 1/6: almost all orbits are chaotic, with an exponent of about 0.1 (Benettin, Galgani and
  // Strelcyn 1976: mean 0.1 near the escape energy).
  Problem chaotic = henon_heiles();
  chaotic.initial.q = tensor(Shape{2}, {0.0, -0.1});
  const double v = -0.1, potential = v * v / 2 - v * v * v / 3;
  chaotic.initial.p = tensor(Shape{2}, {std::sqrt(2 * (1.0 / 6.2 - potential)), 0.0});
  const GradientResult lost =
      gradient(chaotic, run_of(chaotic, 4, 16000), objective(chaotic), {"q", "p"}, policy("auto"));
  ASSERT_TRUE(lost.horizon.has_value());
  ASSERT_TRUE(lost.horizon->lost_at.has_value());
  EXPECT_NEAR(lost.horizon->lyapunov, 0.1, 0.06);
  // 36.7 times the inverse exponent, about.
  EXPECT_NEAR(*lost.horizon->lost_at * lost.horizon->lyapunov / 36.7, 1.0, 0.5);
}

// |q|^1.5 has no second derivative at zero.
TEST(Gradient, ThatIsNotFiniteNamesTheOpAndTheStep) {
  Problem problem;
  problem.system = empty_system(Shape{2});
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "well", [](Builder& b, const TermValues& v) {
    const Value x = b.unary(ir::Op::kAbs, v.q);
    return b.reduce_sum(b.binary(ir::Op::kPow, x, b.splat(1.5, b.type(x))));
  });
  problem.initial.q = tensor(Shape{2}, {1.0, 0.0});
  problem.initial.p = tensor(Shape{2}, {0.0, 0.0});
  for (const char* name : {"all", "checkpoints", "reverse"}) {
    const GradientResult made =
        gradient(problem, run_of(problem, 2, 300), objective(problem), {"q"}, policy(name));
    EXPECT_EQ(made.status, RunStatus::kNonFinite);
    ASSERT_TRUE(made.gradient_fault.has_value()) << name;
    EXPECT_EQ(made.gradient_fault->step, 300);
    EXPECT_EQ(made.gradient_fault->component, "gradient by q[1]");
    EXPECT_FALSE(made.gradient_fault->op.empty());
    EXPECT_FALSE(made.fault);
  }
}

// At the start, at the end, and on no step between: where the objective or dH/dq has no slope.
TEST(Gradient, ThatIsNotFiniteAtAnEndIsNamedToo) {
  Problem problem;
  problem.system = empty_system(Shape{1});
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "well", [](Builder& b, const TermValues& v) {
    const Value x = b.unary(ir::Op::kAbs, v.q);
    return b.reduce_sum(b.binary(ir::Op::kPow, x, b.splat(1.5, b.type(x))));
  });
  problem.initial.q = tensor(Shape{1}, {0.0});
  problem.initial.p = tensor(Shape{1}, {1.0});
  const RunSettings run = run_of(problem, 2, 20);
  const GradientResult start = gradient(problem, run, objective(problem), {"q"}, policy("all"));
  EXPECT_EQ(start.status, RunStatus::kNonFinite);
  ASSERT_TRUE(start.gradient_fault.has_value());
  EXPECT_EQ(start.gradient_fault->step, 0);

  System with = problem.system;
  add_observable(with, "root", 0, [](Builder& b, const TermValues& x) {
    return b.unary(ir::Op::kSqrt, b.reduce_sum(b.sub(x.q, x.q)));
  });
  problem.initial.q = tensor(Shape{1}, {1.0});
  const GradientResult end =
      gradient(problem, run, {"root", with.observables.back().value, 0}, {"q"}, policy("all"));
  ASSERT_TRUE(end.gradient_fault.has_value());
  EXPECT_EQ(end.gradient_fault->step, 20);
  System log = problem.system;
  add_observable(log, "log", 0, [](Builder& b, const TermValues& x) {
    return b.unary(ir::Op::kLog, b.mul(b.constant(0.0), b.reduce_sum(x.q)));
  });
  const GradientResult value =
      gradient(problem, run, {"log", log.observables.back().value, 0}, {"q"}, policy("all"));
  EXPECT_EQ(value.status, RunStatus::kNonFinite);
  ASSERT_TRUE(value.gradient_fault.has_value());
  EXPECT_EQ(value.gradient_fault->component.substr(0, 13), "the objective");
}

// What is left is a matter of the state, whatever the objective: what two gradients from starts
// that differ in the last place share, and where an instability comes in.
TEST(Gradient, TheHorizonIsThatOfTheState) {
  // x'' = 1600 x grows by e^40 in a unit of time, and its changes with it: nothing is lost.
  Problem linear;
  linear.system = empty_system(Shape{1});
  add_term(linear.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(linear.system, "hill", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(-800.0), b.reduce_sum(b.mul(v.q, v.q)));
  });
  linear.initial.q = tensor(Shape{1}, {1.0});
  linear.initial.p = tensor(Shape{1}, {0.1});
  RunSettings run = settings(0.001, 2000);
  run.order = 2;
  const GradientResult made = gradient(linear, run, objective(linear), {"q"}, policy("auto"));
  ASSERT_TRUE(made.horizon.has_value());
  EXPECT_GT(made.horizon->digits, 12);
  // The energy's own cotangent does not grow; the state's changes do.
  Problem chaotic = tumbling();
  const RunSettings steps = run_of(chaotic, 4, 4000);
  const Objective energy{"energy", *energy_objective(chaotic.system, "energy"), 0};
  const GradientResult e = gradient(chaotic, steps, energy, {"q"}, policy("auto"));
  const GradientResult o = gradient(chaotic, steps, objective(chaotic), {"q"}, policy("auto"));
  EXPECT_DOUBLE_EQ(e.horizon->growth, o.horizon->growth);
  const GradientResult few =
      gradient(chaotic, steps, objective(chaotic, 1), {"q"}, policy("checkpoints", 3000));
  EXPECT_NEAR(few.horizon->digits, o.horizon->digits, 0.5);
}

template <class F>
std::string refusal_of(const F& f) {
  try {
    f();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Gradient, RefusesByName) {
  const Problem problem = kepler(0.3);
  const RunSettings run = run_of(problem, 2, 10);
  const Objective o = objective(problem);
  const auto refused = [&](std::vector<std::string> wrt, GradientSettings how) {
    return refusal_of([&] { gradient(problem, run, o, wrt, how); });
  };
  EXPECT_NE(refused({}, {}).find("name some of"), std::string::npos);
  EXPECT_NE(refused({"r"}, {}).find("no \"r\""), std::string::npos);
  EXPECT_NE(refused({"q", "q"}, {}).find("twice"), std::string::npos);
  EXPECT_NE(refused({"p", "v"}, {}).find("p and by v"), std::string::npos);
  EXPECT_NE(refused({"v"}, {}).find("gives momenta"), std::string::npos);
  EXPECT_NE(refused({"q"}, policy("revers")).find("did you mean \"reverse\""), std::string::npos);
  EXPECT_NE(refused({"q"}, policy("all", 100)).find("raise the budget"), std::string::npos);
  EXPECT_NE(refused({"q"}, policy("checkpoints", 10)).find("give at least"), std::string::npos);
  EXPECT_NE(refused({"q"}, policy("reverse", 10)).find("raise the budget"), std::string::npos);
  const auto started = [&](const InitialState& initial, GradientControl control) {
    const Facts facts = find_facts(problem.system, problem.initial);
    const Plan plan = make_plan(problem.system, facts, run);
    const auto made = Gradient::compile(problem.system, facts, plan, o, {"q"}, {});
    return refusal_of([&] { made->run(initial, 10, control); });
  };
  InitialState wrong = problem.initial;
  wrong.q = tensor(Shape{5}, {1, 2, 3, 4, 5});
  EXPECT_NE(started(wrong, {}).find("the initial q"), std::string::npos);
  wrong = problem.initial;
  wrong.p.reset();
  EXPECT_NE(started(wrong, {}).find("neither p nor v"), std::string::npos);
  GradientControl many;
  many.parameters.resize(7);
  EXPECT_NE(started(problem.initial, many).find("7 parameters"), std::string::npos);
}

TEST(Gradient, OfNoStepsIsThatOfTheObjective) {
  const Problem problem = kepler(0.3);
  for (std::int64_t every : {0, 5}) {
    const GradientResult made = gradient(problem, run_of(problem, 2, 0), objective(problem, every),
                                         {"q", "p"}, policy("auto"));
    // 2 q_i - 3 sum p
    const double sum = static_cast<double>(problem.initial.p->real(0) + problem.initial.p->real(1));
    EXPECT_DOUBLE_EQ(static_cast<double>(made.gradient[0].second.real(0)),
                     2 * static_cast<double>(problem.initial.q.real(0)) - 3 * sum);
  }
}

// Every budget gives what it promises; and the fewest bytes are enough.
TEST(GradientPlan, KeepsItsBudget) {
  const Problem problem = outer_solar_system();
  const Facts facts = find_facts(problem.system, problem.initial);
  for (std::int64_t steps : {1, 7, 1000, 100000, 100000000}) {
    const Plan plan = make_plan(problem.system, facts, run_of(problem, 4, steps));
    for (std::int64_t budget : {3000, 5000, 100000, 10000000, 300000000}) {
      const GradientPlan g =
          plan_gradient(problem.system, plan, false, policy("checkpoints", budget));
      EXPECT_LE(g.bytes, budget);
      EXPECT_GE(g.chunks * g.chunk, steps);
      EXPECT_GE(g.slots, 1);
      EXPECT_LT((g.chunks - 1) * g.chunk, steps);
    }
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
