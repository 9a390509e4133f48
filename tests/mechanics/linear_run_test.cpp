// Runs of linear systems without steps: what observers see is the flow itself, to the bit, however
// the run is split.
#include "cotangent/mechanics/linear_run.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Value;

/// p^2/2 and springs, the ends held; observables that read q, v, t and a parameter.
Problem chain(std::int64_t n) {
  Problem problem{empty_system(Shape{n}, {real("k", 1.7)}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.4), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "springs", [n](Builder& b, const TermValues& v) {
    const Value r = b.sub(b.slice_rows(v.q, 1, n), b.slice_rows(v.q, 0, n - 1));
    const Value first = b.row(v.q, 0), last = b.row(v.q, n - 1);
    const Value sum =
        b.add(b.reduce_sum(b.mul(r, r)), b.add(b.mul(first, first), b.mul(last, last)));
    return b.mul(b.mul(b.constant(0.5), v.parameters[0]), sum);
  });
  add_observable(problem.system, "middle", 7,
                 [n](Builder& b, const TermValues& v) { return b.row(v.q, n / 2); });
  add_observable(problem.system, "speed", 5, [](Builder& b, const TermValues& v) {
    return b.add(b.row(v.parameters[0], 0), b.mul(v.t, v.parameters[1]));
  });
  std::vector<double> q, p;
  for (std::int64_t i = 0; i < n; ++i) {
    q.push_back(std::sin(0.37 * static_cast<double>(i)));
    p.push_back(std::cos(0.11 * static_cast<double>(i * i)));
  }
  problem.initial.q = tensor(Shape{n}, q);
  problem.initial.p = tensor(Shape{n}, p);
  problem.initial.t = 0.25;
  return problem;
}

struct Made {
  Facts facts;
  Plan plan;
  std::shared_ptr<const Flow> flow;
};
Made made(const Problem& problem, const std::string& method, double dt, std::int64_t steps,
          std::int64_t every, const FlowOptions& options = {}) {
  Made m;
  if (problem.system.form == Form::kCanonical) {
    m.facts = find_facts(problem.system, problem.initial);
  } else {
    Fact timeless;
    timeless.name = "time_dependent";
    timeless.value = false;
    m.facts.all = {timeless};
  }
  m.plan.method = method;
  m.plan.dt = dt;
  m.plan.steps = steps;
  m.plan.every = every;
  m.plan.linear = linear_flow_for(problem.system, method);
  m.flow = Flow::compile(problem.system, m.facts, m.plan, options);
  return m;
}

std::vector<double> state_at(const Problem& problem, const LinearFlow& flow, std::int64_t step,
                             double dt) {
  std::vector<double> x;
  if (problem.system.form == Form::kCanonical) {
    for (const ir::Tensor* half : {&problem.initial.q, &*problem.initial.p}) {
      const auto values = half->as<double>();
      x.insert(x.end(), values.begin(), values.end());
    }
  } else {
    const auto values = problem.initial.x.as<double>();
    x.assign(values.begin(), values.end());
  }
  flow.advance(x, step, dt, problem.initial.t);
  return x;
}

const Series& named(const std::vector<Series>& list, const std::string& name) {
  for (const Series& s : list) {
    if (s.name == name) return s;
  }
  throw std::logic_error("no series " + name);
}

TEST(LinearRun, ObserversSeeTheFlowToTheBit) {
  const std::int64_t n = 12, steps = 103;
  const Problem problem = chain(n);
  for (const char* method : {"exact", "leapfrog"}) {
    const Made m = made(problem, method, 0.2, steps, 4);
    RunControl control;
    control.record_trajectory = true;
    const RunResult r = m.flow->run(problem.initial, steps, control);
    ASSERT_EQ(r.status, RunStatus::kFinished);
    EXPECT_EQ(r.steps, steps);
    const Series& q = named(r.trajectory, "q");
    ASSERT_EQ(q.step.size(), 27u);  // 0, 4, .., 100, 103
    for (std::size_t k = 0; k < q.step.size(); ++k) {
      const auto x = state_at(problem, *m.plan.linear, q.step[k], 0.2);
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        ASSERT_EQ(q.values[k * static_cast<std::size_t>(n) + i], x[i]) << method << q.step[k];
      }
    }
    const Series& middle = named(r.observables, "middle");
    ASSERT_EQ(middle.step.size(), 16u);  // 0, 7, .., 98, 103
    for (std::size_t k = 0; k < middle.step.size(); ++k) {
      EXPECT_EQ(middle.values[k], state_at(problem, *m.plan.linear, middle.step[k], 0.2)[6]);
    }
    const Series& speed = named(r.observables, "speed");
    const auto x = state_at(problem, *m.plan.linear, 55, 0.2);
    EXPECT_EQ(speed.step[11], 55);
    EXPECT_NEAR(speed.values[11], 0.8 * x[12] + 1.7 * (0.25 + 55 * 0.2), 1e-13);
    const auto end = state_at(problem, *m.plan.linear, steps, 0.2);
    for (std::int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(double(r.q.real(i)), end[static_cast<std::size_t>(i)]);
      EXPECT_EQ(double(r.p.real(i)), end[static_cast<std::size_t>(n + i)]);
      EXPECT_NEAR(double(r.v.real(i)), 0.8 * end[static_cast<std::size_t>(n + i)], 1e-15);
    }
    ASSERT_EQ(r.invariants[0].name, "energy");
    const double most = r.invariants[0].max_rel_error;
    if (std::string(method) == "exact") {
      EXPECT_LT(most, 1e-14);
    } else {
      EXPECT_GT(most, 1e-4);  // leapfrog has its own energy
      EXPECT_LT(most, 1e-1);
    }
  }
}

TEST(LinearRun, EqualsARunByStepsOfItsMethod) {
  const Problem problem = chain(12);
  const RunResult steps =
      ready(problem, settings(0.2, 500, "leapfrog", 10)).flow->run(problem.initial, 500);
  const RunResult jumps = made(problem, "leapfrog", 0.2, 500, 10).flow->run(problem.initial, 500);
  ASSERT_EQ(jumps.invariants[0].series.values.size(), steps.invariants[0].series.values.size());
  for (std::size_t k = 0; k < jumps.invariants[0].series.values.size(); ++k) {
    EXPECT_NEAR(jumps.invariants[0].series.values[k], steps.invariants[0].series.values[k], 1e-11);
  }
  for (std::int64_t i = 0; i < 12; ++i) {
    EXPECT_NEAR(double(jumps.q.real(i)), double(steps.q.real(i)), 1e-11);
  }
}

TEST(LinearRun, AnySplitHasTheSameBitsAndSoHasTheEvaluator) {
  const Problem problem = chain(9);
  const Made m = made(problem, "exact", 0.3, 200, 10);
  const RunResult whole = m.flow->run(problem.initial, 200);
  RunControl split;
  split.chunks = {1, 13, 50, 3, 90};
  const RunResult other = m.flow->run(problem.initial, 200, split);
  FlowOptions evaluated;
  evaluated.reference = true;
  const RunResult reference =
      made(problem, "exact", 0.3, 200, 10, evaluated).flow->run(problem.initial, 200);
  for (const RunResult* r : {&other, &reference}) {
    EXPECT_EQ(r->state_hash, whole.state_hash);
    for (std::size_t k = 0; k < whole.observables.size(); ++k) {
      EXPECT_EQ(r->observables[k].values, whole.observables[k].values);
      EXPECT_EQ(r->observables[k].step, whole.observables[k].step);
    }
    EXPECT_EQ(r->invariants[0].series.values, whole.invariants[0].series.values);
  }
}

TEST(LinearRun, BackInTimeAndABillionSteps) {
  Problem problem = chain(100);
  problem.system.observables.clear();  // they are asked for every few steps
  const std::int64_t steps = 1000000000;
  const Made m = made(problem, "exact", 0.1, steps, steps / 4);
  const RunResult r = m.flow->run(problem.initial, steps);
  ASSERT_EQ(r.status, RunStatus::kFinished);
  EXPECT_EQ(r.invariants[0].series.step.size(), 5u);
  EXPECT_LT(r.invariants[0].max_rel_error, 1e-13);
  problem.initial.q = r.q;
  problem.initial.p = r.p;
  RunControl back;
  back.reverse = true;
  const RunResult start = m.flow->run(problem.initial, steps, back);
  const Problem before = chain(100);
  for (std::int64_t i = 0; i < 100; ++i) {
    EXPECT_NEAR(double(start.q.real(i)), double(before.initial.q.real(i)), 1e-12);
  }
}

TEST(LinearRun, IsInterruptedBetweenChunks) {
  const Problem problem = chain(9);
  const Made m = made(problem, "exact", 0.3, 1000000, 10000);
  RunControl control;
  control.chunk = 25000;
  int asked = 0;
  control.interrupted = [&] { return ++asked > 3; };
  const RunResult r = m.flow->run(problem.initial, 1000000, control);
  EXPECT_EQ(r.status, RunStatus::kInterrupted);
  EXPECT_EQ(r.steps, 75000);
  const auto x = state_at(problem, *m.plan.linear, 75000, 0.3);
  EXPECT_EQ(double(r.q.real(3)), x[3]);
  EXPECT_EQ(named(r.observables, "middle").step.back(), 75000);
}

/// A flow that takes its time, and counts.
class SlowFlow final : public LinearFlow {
 public:
  explicit SlowFlow(std::shared_ptr<const LinearFlow> inner)
      : LinearFlow(inner->system(), inner->method()), inner_(std::move(inner)) {}
  void advance(std::span<double> x, std::int64_t steps, double dt, double t0) const override {
    ++calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    inner_->advance(x, steps, dt, t0);
  }
  std::string way() const override { return inner_->way(); }
  double cost(std::int64_t steps, double dt) const override { return inner_->cost(steps, dt); }
  mutable int calls = 0;

 private:
  std::shared_ptr<const LinearFlow> inner_;
};

TEST(LinearRun, IsOneJumpASample) {
  Problem problem = chain(9);
  problem.system.observables.clear();
  Made m = made(problem, "exact", 0.3, 230, 50);
  const auto slow = std::make_shared<SlowFlow>(m.plan.linear);
  m.plan.linear = slow;
  m.flow = Flow::compile(problem.system, m.facts, m.plan);
  const RunResult r = m.flow->run(problem.initial, 230);
  EXPECT_EQ(r.steps, 230);
  EXPECT_EQ(slow->calls, 5);  // 50, 100, 150, 200, 230
}

TEST(LinearRun, ManyEqualSitesGoByTheirModes) {
  const Problem problem = chain(700);
  RunSettings settings;
  settings.dt = 0.1;
  settings.steps = settings.every = 1000;
  const Facts facts = find_facts(problem.system, problem.initial);
  // A short run: dense modes of as many coordinates would take longer than its steps.
  EXPECT_EQ(make_plan(problem.system, facts, settings, &problem.initial).method, "exact");
}

/// x' = A x + b cos(0.8 t) as equations, or x -> A x as a map.
Problem plain(Form form, double first) {
  Problem problem{empty_system(Shape{2}), {}};
  System& s = problem.system;
  s.form = form;
  s.arrays = {{"a", Shape{}, {}}, {"b", Shape{1}, {}}};
  Builder b("rate");
  const Value x = b.param({DType::kF64, Shape{2}}, "x");
  const Value t = b.param(ir::scalar(), "t");
  Value y = b.sub(b.mul(b.constant(first), b.row(x, 0)), b.mul(b.constant(0.5), b.row(x, 1)));
  if (form != Form::kMap) y = b.add(y, b.unary(ir::Op::kCos, b.mul(b.constant(0.8), t)));
  const Value z = b.mul(b.constant(0.5), b.add(b.row(x, 0), b.row(x, 1)));
  s.rate =
      b.finish({b.concatenate(std::vector{b.reshape(y, Shape{1}), b.reshape(z, Shape{1})}, 0)});
  Builder o("sum");
  const Value seen = o.param({DType::kF64, Shape{2}}, "x");
  o.param(ir::scalar(), "t");
  s.observables.push_back({"sum", o.finish({o.reduce_sum(seen)}), 3, {}});
  problem.initial.x = tensor(Shape{2}, {1, 2});
  return problem;
}

TEST(LinearRun, EquationsAndMaps) {
  for (const Form form : {Form::kEquations, Form::kMap}) {
    const Problem problem = plain(form, -0.3);
    const double dt = form == Form::kMap ? 1 : 0.25;
    const Made m = made(problem, "exact", dt, 20, 5);
    RunControl control;
    control.record_trajectory = true;
    const RunResult r = m.flow->run(problem.initial, 20, control);
    ASSERT_EQ(r.status, RunStatus::kFinished);
    const Series& sum = named(r.observables, "sum");
    ASSERT_EQ(sum.step.size(), 8u);
    for (std::size_t k = 0; k < sum.step.size(); ++k) {
      const auto x = state_at(problem, *m.plan.linear, sum.step[k], dt);
      EXPECT_EQ(sum.values[k], x[0] + x[1]);
    }
    EXPECT_EQ(named(r.trajectory, "a").values.back(), double(r.x.real(0)));
    if (form == Form::kMap) {  // x -> A x, twenty times; and back by the inverse
      double a = 1, b = 2;
      for (int k = 0; k < 20; ++k) {
        const double c = -0.3 * a - 0.5 * b;
        b = 0.5 * (a + b);
        a = c;
      }
      EXPECT_NEAR(double(r.x.real(0)), a, 1e-15);
      EXPECT_NEAR(double(r.x.real(1)), b, 1e-15);
      InitialState end;
      end.x = r.x;
      RunControl back;
      back.reverse = true;
      const RunResult start = m.flow->run(end, 20, back);
      EXPECT_NEAR(double(start.x.real(0)), 1, 1e-9);
      EXPECT_NEAR(double(start.x.real(1)), 2, 1e-9);
    }
  }
}

TEST(LinearRun, TheFirstStateThatIsNotFiniteIsFound) {
  const Problem problem = plain(Form::kMap, 100);  // grows about a hundredfold a step
  const Made m = made(problem, "exact", 1, 1000, 10);
  const RunResult r = m.flow->run(problem.initial, 1000);
  ASSERT_EQ(r.status, RunStatus::kNonFinite);
  const auto good = state_at(problem, *m.plan.linear, r.steps, 1);
  const auto bad = state_at(problem, *m.plan.linear, r.steps + 1, 1);
  EXPECT_TRUE(std::isfinite(good[0]) && std::isfinite(good[1]));
  EXPECT_FALSE(std::isfinite(bad[0]) && std::isfinite(bad[1]));
  ASSERT_TRUE(r.fault);
  EXPECT_EQ(r.fault->step, r.steps + 1);
  EXPECT_EQ(r.fault->component, "a");
  EXPECT_NE(r.fault->expression.find("a matrix of"), std::string::npos) << r.fault->expression;
}

template <class F>
std::string refused(const F& f) {
  try {
    f();
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

TEST(LinearRun, RefusesByName) {
  const Problem problem = chain(5);
  Made m = made(problem, "exact", 0.1, 10, 5);
  EXPECT_NE(refused([&] { m.flow->step_program(); }).find("makes no steps"), std::string::npos);
  Plan wrong = m.plan;
  wrong.precision = "f32";
  wrong.arithmetic.state = DType::kF32;
  EXPECT_NE(refused([&] { Flow::compile(problem.system, m.facts, wrong); }).find("\"f32\""),
            std::string::npos);
  wrong = m.plan;
  wrong.ensemble = EnsembleSettings{};
  EXPECT_NE(refused([&] { Flow::compile(problem.system, m.facts, wrong); }).find("ensemble"),
            std::string::npos);
}

TEST(LinearRun, WhatThePlannerAsks) {
  const Problem problem = chain(1000);
  const auto flow = linear_flow_for(problem.system);
  EXPECT_LT(seconds_by_jumps(*flow, 10, 1000000000, 0.1), 0.1);
  EXPECT_GT(seconds_by_jumps(*flow, 1000000, 1000000000, 0.1), 10);
  LinearSystem dense = linear_system(problem.system);
  dense.separable = false;
  EXPECT_GT(seconds_by_jumps(*LinearFlow::make(dense), 10, 1000000000, 0.1), 10);
  const Decision d = linear_decision(*flow, 1000000000, 0.1);
  EXPECT_EQ(d.decision, "steps");
  EXPECT_EQ(d.choice, "all at once, by sine modes of 1000 sites");
  EXPECT_NE(d.reason.find("n h w eps = 2.6e-08 rad"), std::string::npos) << d.reason;
  EXPECT_NE(linear_decision(*linear_flow_for(problem.system, "suzuki4"), 10, 0.1)
                .reason.find("N-th power of that of a step of suzuki4"),
            std::string::npos);
  // What is not linear is refused by the term's name.
  const Problem other = henon_heiles();
  EXPECT_NE(refused([&] { linear_flow_for(other.system); }).find(other.system.terms.back().name),
            std::string::npos);
}

}  // namespace
}  // namespace cotangent::mechanics::test
