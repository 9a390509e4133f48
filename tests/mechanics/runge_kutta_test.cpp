// Order conditions of the tableaus on rooted trees, measured orders, steps that choose themselves,
// reverses against differences, maps.
#include "cotangent/mechanics/runge_kutta.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Op;
using ir::Tensor;
using ir::Value;

/// A rooted tree: its branches, sorted.
struct Tree {
  std::vector<Tree> branches;
  bool operator<(const Tree& other) const { return branches < other.branches; }
  int order() const {
    int n = 1;
    for (const Tree& t : branches) n += t.order();
    return n;
  }
  long double density() const {
    long double g = order();
    for (const Tree& t : branches) g *= t.density();
    return g;
  }
};

/// All trees of this order: one more vertex grafted onto each vertex of the smaller ones.
std::set<Tree> trees(int order) {
  if (order == 1) return {Tree{}};
  std::set<Tree> all;
  const std::function<std::vector<Tree>(const Tree&)> grown = [&](const Tree& t) {
    std::vector<Tree> out;
    Tree more = t;
    more.branches.push_back(Tree{});
    std::sort(more.branches.begin(), more.branches.end());
    out.push_back(more);
    for (std::size_t k = 0; k < t.branches.size(); ++k) {
      for (const Tree& b : grown(t.branches[k])) {
        Tree other = t;
        other.branches[k] = b;
        std::sort(other.branches.begin(), other.branches.end());
        out.push_back(other);
      }
    }
    return out;
  };
  for (const Tree& t : trees(order - 1)) {
    for (const Tree& g : grown(t)) all.insert(g);
  }
  return all;
}

/// Of each stage: the product over branches of sum_j a_ij (that of the branch)_j.
std::vector<long double> weights(const Tableau& t, const Tree& tree) {
  std::vector<long double> w(t.stages(), 1);
  for (const Tree& branch : tree.branches) {
    const auto inner = weights(t, branch);
    for (std::size_t i = 0; i < w.size(); ++i) {
      long double sum = 0;
      for (std::size_t j = 0; j < t.a[i].size(); ++j) sum += t.a[i][j] * inner[j];
      w[i] *= sum;
    }
  }
  return w;
}

/// Largest violation of the conditions of this order (Hairer, Norsett, Wanner, theorem II.2.13).
long double violation(const Tableau& t, const std::vector<double>& b, int order) {
  long double worst = 0;
  for (const Tree& tree : trees(order)) {
    const auto w = weights(t, tree);
    long double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += b[i] * w[i];
    worst = std::max(worst, std::abs(sum - 1 / tree.density()));
  }
  return worst;
}

TEST(RungeKutta, TheNumberOfRootedTreesIsKnown) {
  const std::size_t known[] = {1, 1, 2, 4, 9, 20};
  for (int order = 1; order <= 6; ++order) {
    EXPECT_EQ(trees(order).size(), known[order - 1]) << order;
  }
}

TEST(RungeKutta, TableausMeetTheirOrderConditionsAndNoMore) {
  for (const Tableau& t : tableaus()) {
    for (int order = 1; order <= t.order; ++order) {
      EXPECT_LT(violation(t, t.b, order), 1e-15L) << t.name << " " << order;
    }
    EXPECT_GT(violation(t, t.b, t.order + 1), 1e-4L) << t.name;
    for (std::size_t i = 0; i < t.stages(); ++i) {
      long double sum = 0;
      for (double a : t.a[i]) sum += a;
      EXPECT_NEAR(static_cast<double>(sum), t.c[i], 2e-15) << t.name << " row " << i;
    }
    if (t.error.empty()) continue;
    std::vector<double> other = t.b;
    for (std::size_t i = 0; i < other.size(); ++i) other[i] -= t.error[i];
    for (int order = 1; order <= t.estimate_order; ++order) {
      EXPECT_LT(violation(t, other, order), 1e-15L) << t.name << " " << order;
    }
    EXPECT_GT(violation(t, other, t.estimate_order + 1), 1e-4L) << t.name;
  }
}

System equations(std::int64_t n, const Body& rate, const std::vector<Parameter>& parameters = {}) {
  System s = plain_system(Form::kEquations, n, parameters);
  s.rate = program(n, parameters, rate, "rate");
  return s;
}

/// x' = x (1 - x)
System logistic_growth() {
  return equations(
      1, [](const Of& o) { return o.mul(o.x, o.b.sub(o.b.splat(1, o.b.type(o.x)), o.x)); });
}
Tensor logistic_at(long double x0, long double t) {
  Tensor x = vector({0}).to_extended();
  x.set_real(0, x0 * std::exp(t) / (1 - x0 + x0 * std::exp(t)));
  return x;
}

/// x' = -x + sin t, whose solution is (sin t - cos t)/2 + (x0 + 1/2) e^-t
System driven_decay() {
  return equations(
      1, [](const Of& o) { return o.b.sub(o.b.reshape(o.b.unary(Op::kSin, o.t), Shape{1}), o.x); });
}
Tensor decay_at(long double x0, long double t) {
  Tensor x = vector({0}).to_extended();
  x.set_real(0, (std::sin(t) - std::cos(t)) / 2 + (x0 + 0.5L) * std::exp(-t));
  return x;
}

std::vector<Tensor> kepler_at(long double e, long double t) {
  long double u = t;
  for (int k = 0; k < 100; ++k) u -= (u - e * std::sin(u) - t) / (1 - e * std::cos(u));
  const long double root = std::sqrt(1 - e * e), rate = 1 / (1 - e * std::cos(u));
  std::vector<Tensor> at = {vector({0, 0}).to_extended(), vector({0, 0}).to_extended()};
  at[0].set_real(0, std::cos(u) - e);
  at[0].set_real(1, root * std::sin(u));
  at[1].set_real(0, -std::sin(u) * rate);
  at[1].set_real(1, root * std::cos(u) * rate);
  return at;
}

std::vector<std::int64_t> steps_for(const Tableau& t, bool orbit) {
  if (t.order == 1) return {4000, 5000};
  if (t.order == 4) return {200, 250};
  return orbit ? std::vector<std::int64_t>{400, 500} : std::vector<std::int64_t>{40, 50};
}

TEST(RungeKutta, MeasuredOrders) {
  const Problem orbit = kepler(0.3);
  const System growth = logistic_growth(), decay = driven_decay();
  for (const Tableau& t : tableaus()) {
    const auto near_order = [&](const std::vector<double>& orders, const char* what) {
      for (double o : orders) EXPECT_NEAR(o, t.order, 0.1) << t.name << " " << what;
    };
    near_order(measured_orders(runge_kutta(growth, t), {vector({0.0625})}, 4, steps_for(t, true),
                               {logistic_at(0.0625L, 4)}),
               "logistic");
    near_order(measured_orders(runge_kutta(decay, t), {vector({2})}, 1.3L, steps_for(t, false),
                               {decay_at(2, 1.3L)}),
               "driven decay");
    near_order(
        measured_orders(runge_kutta(orbit.system, t), {orbit.initial.q, *orbit.initial.p}, 1.3L,
                        steps_for(t, true), kepler_at(0.3L, 1.3L), orbit.system.parameters),
        "kepler");
  }
}

/// The known-bad: the energy of a Kepler orbit drifts by these methods, always the same way.
TEST(RungeKutta, EnergyOfAnOrbitDrifts) {
  const Problem orbit = kepler(0.3);
  const auto energy = [&](const std::vector<Tensor>& s) {
    return static_cast<double>(
        at(*hamiltonian(orbit.system), s, 0, orbit.system.parameters)[0].real(0));
  };
  for (const auto& [name, per_orbit, bar] :
       {std::tuple{"explicit_euler", 200, 0.01}, std::tuple{"rk4", 60, 5e-6}}) {
    const Integrator m = runge_kutta(orbit.system, *tableau_named(name));
    std::vector<Tensor> s = {orbit.initial.q, *orbit.initial.p};
    double before = energy(s);
    for (int turn = 0; turn < 3; ++turn) {
      s = integrate(m, s, 0, 2 * M_PIl / per_orbit, per_orbit, orbit.system.parameters);
      const double change = energy(s) - before;
      EXPECT_GT(name[0] == 'r' ? -change : change, bar * (turn == 0 ? 1 : 0.2))
          << name << " turn " << turn;
      before = energy(s);
    }
  }
}

System lorenz() {
  return equations(3,
                   [](const Of& o) {
                     const Value sigma = o.parameters[0], rho = o.parameters[1],
                                 beta = o.parameters[2];
                     return o.stack({o.mul(sigma, o.b.sub(o[1], o[0])),
                                     o.b.sub(o.mul(o[0], o.b.sub(rho, o[2])), o[1]),
                                     o.b.sub(o.mul(o[0], o[1]), o.mul(beta, o[2]))});
                   },
                   {real("sigma", 10), real("rho", 28), real("beta", 8.0 / 3)});
}

TEST(RungeKutta, AdaptiveStepsMeetTheirTolerance) {
  const Problem orbit = kepler(0.9);  // fixed steps would want the smallest everywhere
  const auto exact = kepler_at(0.9L, 2);
  double before = 0;
  for (double rtol : {1e-5, 1e-7, 1e-9}) {
    Tolerances tolerances;
    tolerances.rtol = rtol;
    tolerances.atol = rtol;
    const Integrator m = adaptive_runge_kutta(orbit.system, *tableau_named("dopri5"), tolerances);
    const auto end =
        integrate(m, {orbit.initial.q, *orbit.initial.p}, 0, 0.5L, 4, orbit.system.parameters);
    const double error = static_cast<double>(distance(end, exact));
    EXPECT_LT(error, 300 * rtol);
    EXPECT_GT(error, 0.01 * rtol);
    if (before > 0) {
      EXPECT_LT(error, before / 10);
    }
    before = error;
  }
}

TEST(RungeKutta, AdaptiveStepsRunBackwardsAndEndOnTime) {
  const System decay = driven_decay();
  const Integrator m = adaptive_runge_kutta(decay, *tableau_named("dopri5"));
  const auto there = integrate(m, {vector({2})}, 0.7L, 2.5L, 2);
  const long double x0 = (2 - (std::sin(0.7L) - std::cos(0.7L)) / 2) * std::exp(0.7L) - 0.5L;
  EXPECT_NEAR(static_cast<double>(there[0].real(0)),
              static_cast<double>(decay_at(x0, 5.7L).real(0)), 1e-8);
  const auto back = integrate(m, there, 5.7L, -2.5L, 2);
  EXPECT_NEAR(static_cast<double>(back[0].real(0)), 2, 1e-5);  // e^5 times the errors there
}

TEST(RungeKutta, TheLastInnerStepSizeIsCarried) {
  const System s = lorenz();
  const Integrator m = adaptive_runge_kutta(s, *tableau_named("dopri5"));
  ASSERT_EQ(m.carry.size(), 2u);
  EXPECT_EQ(m.carry[1].name, "inner_step");
  std::vector<Tensor> args = {vector({1, 1, 20}), Tensor::scalar_of<double>(0.5),
                              Tensor::scalar_of<std::int64_t>(0), Tensor::scalar_of<double>(0),
                              Tensor::scalar_of<double>(0.5)};
  for (const Parameter& p : s.parameters) args.push_back(p.value);
  const double inner = static_cast<double>(ir::evaluate(*m.step, args)[1].real(0));
  EXPECT_LT(inner, 0.1);
  EXPECT_GT(inner, 1e-4);
}

TEST(RungeKutta, TooManyInnerStepsAreAFault) {
  const System s = lorenz();
  Tolerances tolerances;
  tolerances.max_inner = 5;
  const Integrator m = adaptive_runge_kutta(s, *tableau_named("dopri5"), tolerances);
  const auto executable = runtime::compile(m.step);
  std::vector<Tensor> args = {vector({1, 1, 20}), Tensor::scalar_of<double>(1),
                              Tensor::scalar_of<std::int64_t>(0), Tensor::scalar_of<double>(0),
                              Tensor::scalar_of<double>(1)};
  for (const Parameter& p : s.parameters) args.push_back(p.value);
  try {
    executable->call(args);
    FAIL() << "no fault";
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("more than 5 inner steps"), std::string::npos) << e.what();
  }
}

TEST(RungeKutta, ReversesAgreeWithDifferences) {
  const System s = lorenz();
  const Problem orbit = kepler(0.3);
  for (const Tableau& t : tableaus()) {
    EXPECT_LT(reverse_defect(runge_kutta(s, t), {vector({1, 1, 20})}, 2, 0.1, 0.05, s.parameters),
              1e-8)
        << t.name;
    EXPECT_LT(reverse_defect(runge_kutta(orbit.system, t), {orbit.initial.q, *orbit.initial.p}, 2,
                             0.1, 0.05, orbit.system.parameters),
              1e-8)
        << t.name;
  }
}

/// The sizes of inner steps are held: what differences see of them is of the size of the tolerance.
TEST(RungeKutta, ReversesOfAdaptiveStepsAgreeWithDifferences) {
  const System s = lorenz();
  Tolerances tolerances;
  tolerances.rtol = tolerances.atol = 1e-11;
  tolerances.max_inner = 200;
  const Integrator m = adaptive_runge_kutta(s, *tableau_named("dopri5"), tolerances);
  const std::vector<Tensor> carry = {vector({1, 1, 20}), Tensor::scalar_of<double>(0.1)};
  EXPECT_LT(reverse_defect(m, carry, 2, 0.1, 0.3, s.parameters, 1), 1e-7);
  // The time of each inner step is that of the step it was.
  const System driven = equations(
      1, [](const Of& o) { return o.b.scale(o.b.unary(Op::kSin, o.t), o.mul(o.x, o.x)); });
  EXPECT_LT(reverse_defect(adaptive_runge_kutta(driven, *tableau_named("dopri5"), tolerances),
                           {vector({1.5}), Tensor::scalar_of<double>(0.01)}, 2, 0.1, 0.3, {}, 1),
            1e-7);
}

TEST(RungeKutta, ReversesOfOpenAndClose) {
  const System s = lorenz();
  const Integrator m = adaptive_runge_kutta(s, *tableau_named("dopri5"));
  const auto number = [](double v) { return Tensor::scalar_of<double>(v); };
  std::vector<Tensor> args = {vector({1, 2, 3}), number(0), number(-0.5)};
  for (const Parameter& p : s.parameters) args.push_back(p.value);
  args.push_back(vector({4, 5, 6}));
  args.push_back(number(7));
  const auto open = ir::evaluate(*pull_open(m), args);  // x, inner step, of x, of three parameters
  ASSERT_EQ(open.size(), 6u);
  EXPECT_EQ(open[1].real(0), 0.5);
  EXPECT_TRUE(open[2].same_bits(vector({4, 5, 6})));
  EXPECT_EQ(open[3].real(0), 0);
  args = {vector({1, 2, 3}), number(0.5), Tensor::scalar_of<std::int64_t>(0), number(0),
          number(-0.5)};
  for (const Parameter& p : s.parameters) args.push_back(p.value);
  args.push_back(vector({4, 5, 6}));
  const auto close = ir::evaluate(*pull_close(m), args);  // x, of x, of the inner step, of three
  ASSERT_EQ(close.size(), 6u);
  EXPECT_TRUE(close[1].same_bits(vector({4, 5, 6})));
  EXPECT_EQ(close[2].real(0), 0);
}

TEST(RungeKutta, TheReverseOfAnAdaptiveStepIsTheTransposeOfItsTangent) {
  const System s = lorenz();
  Tolerances tolerances;
  tolerances.max_inner = 100;
  const Integrator m = adaptive_runge_kutta(s, *tableau_named("dopri5"), tolerances);
  const auto jvp = transform::jvp(*m.step, {0, 5});
  const auto vjp = transform::vjp(*m.step, {0, 5});
  std::vector<Tensor> args = {vector({1, 1, 20}), Tensor::scalar_of<double>(0.1),
                              Tensor::scalar_of<std::int64_t>(0), Tensor::scalar_of<double>(0),
                              Tensor::scalar_of<double>(0.3)};
  for (const Parameter& p : s.parameters) args.push_back(p.value);
  std::vector<Tensor> pushed = args, pulled = args;
  const Tensor dx = random_vector(3, 4), ct = random_vector(3, 9);
  pushed.push_back(dx);
  pushed.push_back(Tensor::scalar_of<double>(0.4));
  pulled.push_back(ct);
  pulled.push_back(Tensor::scalar_of<double>(0));
  // (x, h, dx, dh) and (x, h, ct of x, ct of sigma); compiled, as gradients of runs are.
  const auto forward = runtime::compile(jvp)->call(pushed);
  const auto backward = runtime::compile(vjp)->call(pulled);
  long double left = 0, right = 0.4L * backward[3].real(0);
  for (std::int64_t k = 0; k < 3; ++k) {
    left += ct.real(k) * forward[2].real(k);
    right += dx.real(k) * backward[2].real(k);
  }
  EXPECT_NEAR(static_cast<double>(left), static_cast<double>(right), 1e-12);
  EXPECT_GT(std::abs(static_cast<double>(left)), 0.01);
}

TEST(RungeKutta, CompiledStepsHaveTheEvaluatorsBits) {
  const System s = lorenz();
  for (const Tableau& t : tableaus()) {
    EXPECT_TRUE(compiled_bits_agree(runge_kutta(s, t), {vector({1, 1, 20})}, 0.01, s.parameters));
  }
  EXPECT_TRUE(compiled_bits_agree(adaptive_runge_kutta(s, *tableau_named("dopri5")),
                                  {vector({1, 1, 20}), Tensor::scalar_of<double>(0.1)}, 0.2,
                                  s.parameters));
}

System logistic_map() {
  System s = plain_system(Form::kMap, 1, {real("r", 4)});
  s.rate = program(1, s.parameters, [](const Of& o) {
    return o.b.scale(o.parameters[0], o.mul(o.x, o.b.sub(o.b.splat(1, o.b.type(o.x)), o.x)));
  });
  return s;
}

/// x_k = sin^2(2^k a) for r = 4.
TEST(RungeKutta, TheLogisticMapIsIterated) {
  const System s = logistic_map();
  const Integrator m = iterate_map(s);
  const auto end = integrate(m, {vector({std::sin(0.2) * std::sin(0.2)})}, 0, 1, 10, s.parameters);
  EXPECT_NEAR(static_cast<double>(end[0].real(0)), std::pow(std::sin(0.2 * 1024), 2), 1e-12);
  EXPECT_LT(reverse_defect(m, {vector({0.3})}, 0, 0, 1, s.parameters), 1e-8);
}

TEST(RungeKutta, AMapIsGivenItsStep) {
  System s = plain_system(Form::kMap, 1);
  s.rate = program(1, [](const Of& o) { return o.add(o.x, o.b.reshape(o.t, Shape{1})); });
  EXPECT_EQ(integrate(iterate_map(s), {vector({0})}, 0, 0.5L, 5)[0].real(0), 0 + 1 + 2 + 3 + 4);
}

TEST(RungeKutta, RefusesWhatDoesNotFit) {
  const System map = logistic_map(), s = lorenz();
  EXPECT_THROW(runge_kutta(map, *tableau_named("rk4")), UserError);
  EXPECT_THROW(adaptive_runge_kutta(s, *tableau_named("rk4")), UserError);
  EXPECT_THROW(iterate_map(s), UserError);
  Tolerances none;
  none.rtol = none.atol = 0;
  EXPECT_THROW(adaptive_runge_kutta(s, *tableau_named("dopri5"), none), UserError);
  EXPECT_EQ(tableau_named("no such"), nullptr);
}

}  // namespace
}  // namespace cotangent::mechanics::test
