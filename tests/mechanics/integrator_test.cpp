// What the compositions promise: order, reversibility, symplecticity, bounded energy error.
// Programs run on the reference evaluator here; flow_test.cpp holds compiled code to the same bits.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/transform/derivatives.h"
#include "tests/mechanics/orders.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Tensor;

TEST(Order, KeplerTwoFourSix) {
  const double e = 0.6;
  const Problem problem = kepler(e);
  const long double t = 1.3L * kPeriod;
  const Tensor exact = kepler_position(e, t);
  for (const auto& [name, steps] : std::vector<std::pair<std::string, std::vector<std::int64_t>>>{
           {"leapfrog", {4000, 6000, 9000}},
           {"suzuki4", {400, 600, 900}},
           {"yoshida4", {2000, 3000, 4500}},
           {"kahanli6", {500, 650, 850}},
           {"yoshida6", {2000, 2500, 3100}}}) {  // its smaller errors are below f64's round-off
    const Splitting& c = *splitting_named(name);
    for (double slope : slopes(problem, c, t, steps, exact, name == "yoshida6")) {
      EXPECT_NEAR(slope, c.order, 0.1) << name;
    }
  }
}

TEST(Order, KeplerEightInLongDouble) {
  const double e = 0.6;
  const Problem problem = kepler(e);
  const long double t = 1.3L * kPeriod;
  const Tensor exact = kepler_position(e, t);
  // dt from T/200 to T/400, ratios of 1.25.
  for (const char* name : {"kahanli8", "suzukiumeno8"}) {
    for (double slope : slopes(problem, *splitting_named(name), t, {325, 406, 507}, exact, true)) {
      EXPECT_NEAR(slope, 8, 0.1) << name;
    }
  }
}

TEST(Order, HenonHeiles) {
  const Problem problem = henon_heiles();
  const long double t = 1.3L * kPeriod;
  const Tensor exact = integrate(problem, composition_for(8), t, 1300, true).q;
  for (const auto& [name, steps] : std::vector<std::pair<std::string, std::vector<std::int64_t>>>{
           {"leapfrog", {200, 300, 450}}, {"suzuki4", {60, 90, 135}}, {"kahanli6", {60, 75, 90}}}) {
    const Splitting& c = *splitting_named(name);
    for (double slope : slopes(problem, c, t, steps, exact, false)) {
      EXPECT_NEAR(slope, c.order, 0.1) << name;
    }
  }
  for (double slope : slopes(problem, composition_for(8), t, {80, 100, 125}, exact, true)) {
    EXPECT_NEAR(slope, 8, 0.1);
  }
}

TEST(Order, TimeDependentForce) {
  // q'' = -q + cos(0.7 t), q(0) = 1, q'(0) = 0.
  const Problem problem = driven_oscillator();
  const long double t = 7.3L;
  const long double w = 0.7, c = 1 / (1 - w * w);
  Tensor exact = Tensor(ir::Type{DType::kF64, Shape{1}}, true);
  exact.set_real(0, (1 - c) * std::cos(t) + c * std::cos(w * t));
  for (const char* name : {"leapfrog", "suzuki4", "kahanli6"}) {
    const Splitting& composition = *splitting_named(name);
    for (double slope : slopes(problem, composition, t, {40, 50, 62}, exact, true)) {
      EXPECT_NEAR(slope, composition.order, 0.1) << name;
    }
  }
}

TEST(Order, TimeDependentKineticEnergy) {
  const Problem problem = swinging_mass();
  const long double t = 7.3L;
  // q' = (1 + 0.3 sin t) p, p' = -q by the classical Runge-Kutta method with small steps.
  const int n = 40000;
  const long double h = t / n;
  long double q = 1, p = 0;
  const auto rate = [](long double s) { return 1 + 0.3L * std::sin(s); };
  for (int k = 0; k < n; ++k) {
    const long double a = rate(k * h), b = rate((k + 0.5L) * h), c = rate((k + 1) * h);
    const long double q1 = a * p, p1 = -q;
    const long double q2 = b * (p + h / 2 * p1), p2 = -(q + h / 2 * q1);
    const long double q3 = b * (p + h / 2 * p2), p3 = -(q + h / 2 * q2);
    const long double q4 = c * (p + h * p3), p4 = -(q + h * q3);
    q += h / 6 * (q1 + 2 * q2 + 2 * q3 + q4);
    p += h / 6 * (p1 + 2 * p2 + 2 * p3 + p4);
  }
  Tensor exact(ir::Type{DType::kF64, Shape{1}}, true);
  exact.set_real(0, q);
  for (const char* name : {"leapfrog", "suzuki4", "kahanli6"}) {
    const Splitting& composition = *splitting_named(name);
    for (double slope : slopes(problem, composition, t, {70, 87, 108}, exact, true)) {
      EXPECT_NEAR(slope, composition.order, 0.15) << name;
    }
  }
}

TEST(Step, VerletKeepsTheOscillatorsModifiedEnergyExactly) {
  // p^2/2 + (w^2 q^2/2)(1 - h^2 w^2/4) is constant, whatever the step.
  const double w = 1.3, h = 0.7;
  const Problem problem = harmonic(w);
  const auto modified = [&](const Phase& x) {
    const long double q = x.q.real(0), p = x.p.real(0);
    return p * p / 2 + w * w * q * q / 2 * (1 - h * h * w * w / 4);
  };
  const long double before = modified({problem.initial.q, *problem.initial.p});
  for (std::int64_t n : {1, 10, 500}) {
    const Phase end = integrate(problem, composition_for(2), h * static_cast<double>(n), n, false);
    EXPECT_NEAR(static_cast<double>(modified(end) / before), 1, 1e-14) << n;
  }
}

TEST(Step, VerletTurnsTheOscillatorByTheKnownAngle) {
  // cos(w' h) = 1 - h^2 w^2 / 2: after n steps from rest, q = cos(n w' h).
  const double w = 1.3, h = 0.7;
  const Phase end = integrate(harmonic(w), composition_for(2), h * 100, 100, false);
  EXPECT_NEAR(static_cast<double>(end.q.real(0)), std::cos(100 * std::acos(1 - h * h * w * w / 2)),
              1e-12);
}

/// The derivative of a step in (q, p), column by column.
std::vector<std::vector<double>> jacobian(const ir::Function& step, const Problem& problem,
                                          double dt) {
  const std::int64_t n = problem.initial.q.size();
  const ir::FunctionPtr tangent = transform::jvp(step, {0, 1});
  std::vector<Tensor> base = {problem.initial.q, *problem.initial.p,
                              Tensor::scalar_of<std::int64_t>(3), Tensor::scalar_of<double>(0),
                              Tensor::scalar_of<double>(dt)};
  for (const Parameter& x : problem.system.parameters) base.push_back(x.value);
  std::vector<std::vector<double>> m(static_cast<std::size_t>(2 * n));
  for (std::int64_t column = 0; column < 2 * n; ++column) {
    std::vector<Tensor> args = base;
    Tensor dq = filled(problem.initial.q.type(), 0), dp = dq;
    (column < n ? dq : dp).set_real(column % n, 1);
    args.push_back(dq);
    args.push_back(dp);
    const std::vector<Tensor> out = ir::evaluate(*tangent, args);
    for (std::int64_t k = 0; k < 2 * n; ++k) {
      const Tensor& x = k < n ? out[2] : out[3];
      m[static_cast<std::size_t>(column)].push_back(static_cast<double>(x.real(k % n)));
    }
  }
  return m;
}

TEST(Step, IsSymplectic) {
  for (const Problem& problem :
       {kepler(0.3), henon_heiles(), driven_oscillator(), swinging_mass()}) {
    const Pieces pieces = make_pieces(problem.system, Arithmetic{});
    for (int order : {2, 4, 8}) {
      const ir::FunctionPtr step = step_program(pieces, composition_for(order));
      EXPECT_LT(symplectic_defect(jacobian(*step, problem, 0.2)), 1e-13) << order;
    }
  }
}

/// Explicit Euler, the known-bad method.
ir::FunctionPtr explicit_euler(const Problem& problem) {
  ir::Builder b("euler");
  const ir::Type state{DType::kF64, problem.system.shape};
  const ir::Value q = b.param(state, "q"), p = b.param(state, "p");
  b.param(ir::scalar(DType::kI64), "step");
  const ir::Value t0 = b.param(ir::scalar(), "t0"), dt = b.param(ir::scalar(), "dt");
  std::vector<ir::Value> args = {q, p, t0};
  for (const Parameter& x : problem.system.parameters)
    args.push_back(b.param(x.value.type(), x.name));
  const ir::Value dq = b.inline_call(*energy_gradient(problem.system, 1), args)[0];
  const ir::Value dp = b.inline_call(*energy_gradient(problem.system, 0), args)[0];
  return b.finish({b.add(q, b.scale(dt, dq)), b.sub(p, b.scale(dt, dp))});
}

TEST(NegativeControl, ExplicitEulerIsNeitherSymplecticNorBounded) {
  const Problem problem = kepler(0.3);
  const ir::FunctionPtr euler = explicit_euler(problem);
  EXPECT_GT(symplectic_defect(jacobian(*euler, problem, 0.02)), 1e-5);
  const ir::FunctionPtr energy = total_energy(problem.system);
  const auto energy_at = [&](const Tensor& q, const Tensor& p) {
    return static_cast<double>(
        ir::evaluate(*energy, std::vector<Tensor>{q, p, Tensor::scalar_of<double>(0)})[0].real(0));
  };
  const double before = energy_at(problem.initial.q, *problem.initial.p);
  Tensor q = problem.initial.q, p = *problem.initial.p;
  for (std::int64_t k = 0; k < 2000; ++k) {
    const std::vector<Tensor> next = ir::evaluate(
        *euler, std::vector<Tensor>{q, p, Tensor::scalar_of<std::int64_t>(k),
                                    Tensor::scalar_of<double>(0), Tensor::scalar_of<double>(0.02)});
    q = next[0];
    p = next[1];
  }
  EXPECT_GT(std::abs(energy_at(q, p) / before - 1), 0.1);
  const Phase leapfrog = integrate(problem, composition_for(2), 40, 2000, false);
  EXPECT_LT(std::abs(energy_at(leapfrog.q, leapfrog.p) / before - 1), 1e-3);
}

TEST(Step, RunsBackToWhereItCameFrom) {
  for (const Problem& problem :
       {kepler(0.6), henon_heiles(), driven_oscillator(), swinging_mass()}) {
    for (const char* method : {"leapfrog", "suzuki4", "kahanli8"}) {
      FlowOptions options;
      options.reference = true;
      const Ready r = ready(problem, settings(0.05, 100, method), options);
      const RunResult there = r.flow->run(problem.initial, 100);
      RunControl back;
      back.reverse = true;
      const RunResult again = r.flow->run({there.q, there.p, std::nullopt, there.t}, 100, back);
      EXPECT_LT(distance(again.q, problem.initial.q), 2e-13) << method;
      EXPECT_LT(distance(again.p, *problem.initial.p), 2e-13) << method;
      EXPECT_NEAR(again.t, 0, 1e-14);
    }
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
