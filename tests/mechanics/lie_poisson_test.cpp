// Splitting on Lie-Poisson structures and the implicit midpoint rule: parts, Casimirs, orders.
#include "cotangent/mechanics/lie_poisson.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/implicit_midpoint.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "cotangent/mechanics/matrix_flow.h"
#include "cotangent/mechanics/plan.h"
#include "cotangent/mechanics/split_flows.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/runtime/executable.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics::test {
namespace {

using ir::FunctionPtr;
using ir::Op;
using ir::Tensor;
using ir::Value;

/// Parts, then a composition of the base step by name.
Integrator split(const System& s, const std::string& composition = "leapfrog",
                 NoFlow otherwise = NoFlow::kRefuse) {
  const Splitting& c = *splitting_named(composition);
  return compose(lie_poisson_flows(s, otherwise), state_types(s), c);
}

/// I = (2, 1, 2/3), the energy in one term; `as_sum` as a map over the coordinates, the way the
/// expression language writes sums.
System rigid_body(bool as_sum = false) {
  System s = plain_system(Form::kBracket, 3, {reals("I", {2, 1, 2.0 / 3})});
  s.structure = lie_poisson("so3", s.parameters);
  add_energy(s, "kinetic", [as_sum](const Of& o) {
    if (!as_sum) {
      return o.times(0.5, o.b.reduce_sum(o.b.div(o.mul(o.x, o.x), o.parameters[0])));
    }
    ir::Builder body("kinetic_i");
    body.param(ir::scalar(DType::kI64));
    const Value x = body.param(ir::scalar()), inertia = body.param(ir::scalar());
    ir::MapAttr attr;
    attr.count = 3;
    attr.rows = 2;
    attr.roles = {ir::Role::kTotal};
    attr.body = body.finish({body.div(body.mul(x, x), body.mul(body.constant(2.0), inertia))});
    const Value operands[] = {o.x, o.parameters[0]};
    return o.b.map(attr, operands)[0];
  });
  return s;
}
const Tensor kTurning = vector({std::cos(1.1), 0, std::sin(1.1)});

/// (Pi, Gamma): |Pi|^2 over inertias, and the height of the centre of mass, off every axis.
System heavy_top() {
  System s = plain_system(Form::kBracket, 6);
  s.structure = lie_poisson("se3");
  add_energy(s, "kinetic", [](const Of& o) {
    return o.add(o.times(0.5, o.mul(o[0], o[0])),
                 o.add(o.times(0.4, o.mul(o[1], o[1])), o.times(0.9, o.mul(o[2], o[2]))));
  });
  add_energy(s, "gravity", [](const Of& o) {
    return o.add(o.times(0.3, o[3]), o.add(o.times(-0.2, o[4]), o.times(1.1, o[5])));
  });
  return s;
}
const Tensor kTop = vector({0.4, -0.3, 1.2, 0.6, 0, 0.8});

long double value_of(const FunctionPtr& f, const std::vector<Tensor>& x,
                     const std::vector<Parameter>& parameters = {}) {
  return at(*f, x, 0, parameters, true)[0].real(0);
}

/// Largest deviation of f from its start over n steps of a compiled method.
double deviation(const System& s, const Integrator& m, const FunctionPtr& f, const Tensor& x0,
                 double dt, std::int64_t n) {
  const auto step = runtime::compile(m.step);
  const long double start = value_of(f, {x0}, s.parameters);
  long double worst = 0;
  Tensor x = x0;
  for (std::int64_t k = 0; k < n; ++k) {
    std::vector<Tensor> args = {x, Tensor::scalar_of<std::int64_t>(k), Tensor::scalar_of<double>(0),
                                Tensor::scalar_of<double>(dt)};
    for (const Parameter& p : s.parameters) args.push_back(p.value);
    x = step->call(args)[0];
    worst = std::max(worst, std::abs(value_of(f, {x}, s.parameters) - start));
  }
  return static_cast<double>(worst);
}

TEST(LiePoisson, ARigidBodyIsThreeTurns) {
  for (bool as_sum : {false, true}) {
    const System s = rigid_body(as_sum);
    const auto parts = lie_poisson_flows(s);
    ASSERT_EQ(parts.size(), 3u);
    EXPECT_EQ(parts[1].name, "kinetic in x[1]");
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_TRUE(parts[k].exact);
      // A turn about axis k by h x_k / I_k, the other way round.
      const double h = 0.37;
      std::vector<Tensor> args = {vector({0.4, -0.9, 1.3}), Tensor::scalar_of<double>(0),
                                  Tensor::scalar_of<double>(h), s.parameters[0].value};
      const Tensor y = ir::evaluate(*parts[k].flow, args)[0];
      const double x[] = {0.4, -0.9, 1.3}, inertia[] = {2, 1, 2.0 / 3};
      const std::size_t i = (k + 1) % 3, j = (k + 2) % 3;
      const double a = h * x[k] / inertia[k];
      EXPECT_EQ(y.real(static_cast<std::int64_t>(k)), x[k]);
      EXPECT_NEAR(static_cast<double>(y.real(static_cast<std::int64_t>(i))),
                  std::cos(a) * x[i] + std::sin(a) * x[j], 2e-16);
      EXPECT_NEAR(static_cast<double>(y.real(static_cast<std::int64_t>(j))),
                  std::cos(a) * x[j] - std::sin(a) * x[i], 2e-16);
    }
  }
}

/// Hairer, Lubich, Wanner, VII.5.3: |y|^2 to round-off, H to second order; relative 8e-4 at 0.1.
TEST(LiePoisson, TurnsKeepTheCasimirAndTheEnergyToSecondOrder) {
  const System s = rigid_body();
  const FunctionPtr square = casimirs_of(*algebra_named("so3"), s.parameters)[0].value;
  const Integrator m = split(s);
  EXPECT_LT(deviation(s, m, square, kTurning, 0.1, 2000), 2e-14);
  const double at_tenth = deviation(s, m, hamiltonian(s), kTurning, 0.1, 2000);
  const double at_half = deviation(s, m, hamiltonian(s), kTurning, 0.05, 4000);
  const double energy = 0.5 * (std::pow(std::cos(1.1), 2) / 2 + std::pow(std::sin(1.1), 2) * 1.5);
  EXPECT_NEAR(at_tenth / energy, 8e-4, 5e-5);
  EXPECT_NEAR(at_tenth, 0.0005404523654287674, 1e-12);  // a plain script of rotations
  EXPECT_NEAR(std::log2(at_tenth / at_half), 2, 0.1);
}

TEST(LiePoisson, TheImplicitMidpointRuleKeepsBoth) {
  const System s = rigid_body();
  const FunctionPtr square = casimirs_of(*algebra_named("so3"), s.parameters)[0].value;
  for (auto solver : {MidpointSolver::kNewton, MidpointSolver::kFixedPoint}) {
    MidpointOptions options;
    options.solver = solver;
    const Integrator m = implicit_midpoint(s, options);
    EXPECT_LT(deviation(s, m, square, kTurning, 0.1, 1000), 2e-14);
    EXPECT_LT(deviation(s, m, hamiltonian(s), kTurning, 0.1, 1000), 2e-14);
  }
}

TEST(LiePoisson, AHeavyTopKeepsItsCasimirs) {
  const System s = heavy_top();
  const auto parts = lie_poisson_flows(s);
  ASSERT_EQ(parts.size(), 4u);  // three turns, and gravity in one: Gamma commutes with itself
  EXPECT_EQ(parts[3].name, "gravity");
  const Integrator m = split(s);
  for (const Casimir& c : casimirs_of(*algebra_named("se3"))) {
    EXPECT_LT(deviation(s, m, c.value, kTop, 0.1, 2000), 2e-14) << c.name;
  }
  EXPECT_LT(deviation(s, m, hamiltonian(s), kTop, 0.1, 2000), 1e-2);
  EXPECT_GT(deviation(s, m, hamiltonian(s), kTop, 0.1, 100), 1e-6);
}

/// Where the run ends, by order 8, in long double.
std::vector<Tensor> by_order_eight(const System& s, const Tensor& x, long double t_end,
                                   std::int64_t n) {
  return integrate(split(s, "kahanli8"), {x}, 0, t_end / static_cast<long double>(n), n,
                   s.parameters, true);
}

TEST(LiePoisson, CompositionsRaiseTheOrder) {
  const System body = rigid_body(), top = heavy_top();
  for (const auto& [name, coarse] :
       {std::pair{"leapfrog", 100}, std::pair{"suzuki4", 40}, std::pair{"kahanli6", 32}}) {
    for (const auto& [s, x] : {std::pair{&body, kTurning}, std::pair{&top, kTop}}) {
      const auto exact = by_order_eight(*s, x, 1.3L, 96);
      for (double o : measured_orders(split(*s, name), {x}, 1.3L, {coarse, coarse * 5 / 4}, exact,
                                      s->parameters)) {
        EXPECT_NEAR(o, splitting_named(name)->order, 0.1) << name;
      }
    }
  }
}

TEST(LiePoisson, FlowsOfOtherAlgebrasSolveTheirEquations) {
  // A quadratic part in every coordinate of every algebra: turns, stretches, shears.
  for (const std::string& name : algebra_names()) {
    const std::int64_t n = algebra_named(name)->dimension();
    System s = plain_system(Form::kBracket, n);
    s.structure = lie_poisson(name);
    add_energy(s, "square", [](const Of& o) { return o.times(0.5, o.b.dot(o.x, o.x)); });
    const Tensor x = random_vector(n, 5);
    const double h = 1e-3;
    double moved = 0;
    for (const PartFlow& part : lie_poisson_flows(s)) {
      const auto flow = [&](double by) {
        return ir::evaluate(*part.flow, std::vector<Tensor>{x, Tensor::scalar_of<double>(0),
                                                            Tensor::scalar_of<double>(by)})[0];
      };
      // Casimirs stay.
      for (const Casimir& c : casimirs_of(*algebra_named(name))) {
        const auto before = value_of(c.value, {x});
        EXPECT_NEAR(static_cast<double>(value_of(c.value, {flow(0.8)}) - before), 0,
                    1e-13 * std::max(1.0, std::abs(static_cast<double>(before))))
            << name << " " << part.name << " " << c.name;
      }
      // The slope at 0 is the field of that part, by central differences.
      const Tensor up = flow(h), down = flow(-h);
      const Tensor j = at(*s.structure.poisson, {x})[0];
      for (std::int64_t i = 0; i < n; ++i) {
        long double rate = 0;
        for (std::size_t place = part.name.find('['); place != std::string::npos;
             place = part.name.find('[', place + 1)) {
          const std::int64_t k = std::stoll(part.name.substr(place + 1));
          rate += j.real(i * n + k) * x.real(k);
        }
        const long double slope = (up.real(i) - down.real(i)) / (2 * h);
        moved = std::max(moved, static_cast<double>(std::abs(rate)));
        EXPECT_NEAR(static_cast<double>(slope), static_cast<double>(rate), 1e-5)
            << name << " " << part.name << " " << i;
      }
    }
    EXPECT_GT(moved, 0) << name;
  }
}

TEST(LiePoisson, KindsOfFlows) {
  using Kind = MatrixFlow::Kind;
  EXPECT_EQ(MatrixFlow(2, {{0, 0, 0, 0}}).kind(), Kind::kStill);
  EXPECT_EQ(MatrixFlow(2, {{0, 1, 0, 0}}).kind(), Kind::kShear);
  EXPECT_EQ(MatrixFlow(3, {{0, 1, 0, 0, 0, 1, 0, 0, 0}}).kind(), Kind::kCubicShear);
  EXPECT_EQ(MatrixFlow(2, {{0, 2, -2, 0}}).kind(), Kind::kTurn);
  EXPECT_EQ(MatrixFlow(2, {{3, 0, 0, -3}}).kind(), Kind::kStretch);
  EXPECT_EQ(MatrixFlow(2, {{1, 0, 0, 2}}).kind(), Kind::kGeneral);
  EXPECT_EQ(MatrixFlow(2, {{0, 1, 0, 0}, {0, 0, 1, 0}}).kind(), Kind::kGeneral);
}

/// Every closed form against Taylor's series in long double, at times small and large.
TEST(LiePoisson, FlowsAreExponentials) {
  const std::pair<std::int64_t, std::vector<std::vector<double>>> cases[] = {
      {2, {{0, 1, 0, 0}}},
      {3, {{0, 1, 0, 0, 0, 1, 0, 0, 0}}},
      {2, {{0, 2, -2, 0}}},
      {2, {{1.5, 0, 0, -1.5}}},
      {2, {{1, 0.5, -0.25, 0.5}}},
      {2, {{0, 1, 0, 0}, {0, 0, -1, 0}}},
      {3, {{0, 1, 0, -1, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 2, 0, -2, 0}}},
  };
  for (const auto& [n, generators] : cases) {
    ir::Builder b("flow");
    const Value x = b.param({DType::kF64, Shape{n}}, "x");
    std::vector<Value> times;
    for (std::size_t k = 0; k < generators.size(); ++k) times.push_back(b.param(ir::scalar()));
    const FunctionPtr flow = b.finish({MatrixFlow(n, generators).apply(b, x, times)});
    for (double time : {0.0, 1e-7, 0.3, -2.0, 7.0}) {
      const Tensor start = random_vector(n, 3);
      std::vector<Tensor> args = {start};
      std::vector<long double> term, sum;
      for (std::int64_t k = 0; k < n; ++k) term.push_back(start.real(k));
      sum = term;
      for (std::size_t k = 0; k < generators.size(); ++k) {
        args.push_back(Tensor::scalar_of<double>(time * (k ? 0.5 : 1)));
      }
      for (int power = 1; power < 120; ++power) {
        std::vector<long double> next(term.size(), 0);
        for (std::size_t g = 0; g < generators.size(); ++g) {
          const long double t = time * (g ? 0.5 : 1);
          for (std::size_t i = 0; i < term.size(); ++i) {
            for (std::size_t k = 0; k < term.size(); ++k) {
              next[i] += t * generators[g][i * term.size() + k] * term[k] / power;
            }
          }
        }
        term = next;
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += term[i];
      }
      long double size = 1;
      for (long double v : sum) size = std::max(size, std::abs(v));
      const Tensor got = ir::evaluate(*flow, args)[0];
      for (std::int64_t k = 0; k < n; ++k) {
        EXPECT_NEAR(static_cast<double>(got.real(k) / size),
                    static_cast<double>(sum[static_cast<std::size_t>(k)] / size), 1e-14)
            << n << " " << generators.size() << " " << time;
      }
    }
  }
}

/// Off-diagonal inertia couples coordinates that do not commute.
System skew_body() {
  System s = plain_system(Form::kBracket, 3);
  s.structure = lie_poisson("so3");
  add_energy(s, "kinetic", [](const Of& o) {
    return o.add(o.times(0.5, o.b.dot(o.x, o.x)), o.times(0.2, o.mul(o[0], o[1])));
  });
  return s;
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

TEST(LiePoisson, ATermWithoutAFlowIsRefusedByNameOrTakesTheMidpoint) {
  const System s = skew_body();
  const std::string text = refusal([&] { lie_poisson_flows(s); });
  EXPECT_NE(text.find("'kinetic'"), std::string::npos) << text;
  EXPECT_NE(text.find("x[0], x[1] together"), std::string::npos) << text;
  EXPECT_NE(text.find("{x[0], x[1]} is not zero"), std::string::npos) << text;
  const auto parts = lie_poisson_flows(s, NoFlow::kMidpoint);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_TRUE(parts[0].exact);
  EXPECT_FALSE(parts[1].exact);
  EXPECT_EQ(parts[1].order, 2);
  const auto exact = integrate(split(s, "kahanli6", NoFlow::kMidpoint), {kTurning}, 0, 0.01L, 80);
  const auto end = integrate(split(s, "suzuki4", NoFlow::kMidpoint), {kTurning}, 0, 0.02L, 40);
  EXPECT_LT(distance(end, exact), 2e-9);
  EXPECT_GT(
      distance(integrate(split(s, "leapfrog", NoFlow::kMidpoint), {kTurning}, 0, 0.02L, 40), exact),
      1e-7);
}

TEST(LiePoisson, StructuresThatAreNotSplitAreRefused) {
  System s = rigid_body();
  s.structure.poisson = program(
      3, s.parameters, [](const Of& o) { return o.b.scale(o.mul(o[0], o[0]), so3_matrix()(o)); });
  EXPECT_NE(refusal([&] { lie_poisson_flows(s); }).find("it depends on 'x'"), std::string::npos);
  System contact = plain_system(Form::kBracket, 3);
  contact.structure.kind = Structure::Kind::kContact;
  EXPECT_NE(refusal([&] { lie_poisson_flows(contact); }).find("implicit_midpoint"),
            std::string::npos);
}

/// A constant J: dq/dt = dH/dp and its like, in one state.
TEST(LiePoisson, AConstantStructureIsKicksAndDrifts) {
  System s = plain_system(Form::kBracket, 2);
  s.structure.poisson =
      program(2, [](const Of& o) { return o.b.constant(tensor(Shape{2, 2}, {0, 1, -1, 0})); }, "J");
  add_energy(s, "energy", [](const Of& o) {
    return o.add(o.times(0.5, o.mul(o[1], o[1])), o.b.neg(o.b.unary(Op::kCos, o[0])));
  });
  const auto parts = lie_poisson_flows(s);
  ASSERT_EQ(parts.size(), 2u);
  const auto kick = ir::evaluate(
      *parts[0].flow, std::vector<Tensor>{vector({0.4, 0.7}), Tensor::scalar_of<double>(0),
                                          Tensor::scalar_of<double>(0.1)})[0];
  EXPECT_EQ(kick.real(0), 0.4);
  EXPECT_NEAR(static_cast<double>(kick.real(1)), 0.7 - 0.1 * std::sin(0.4), 1e-16);
}

/// A field that turns round: its part reads the time, in the middle of each flow.
TEST(LiePoisson, PartsThatReadTheTimeKeepTheOrder) {
  System s = plain_system(Form::kBracket, 3);
  s.structure = lie_poisson("so3");
  add_energy(s, "kinetic", [](const Of& o) {
    return o.add(o.times(0.25, o.mul(o[0], o[0])), o.times(0.75, o.mul(o[2], o[2])));
  });
  add_energy(s, "field", [](const Of& o) { return o.mul(o[1], o.b.unary(Op::kSin, o.t)); });
  const auto parts = lie_poisson_flows(s);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_FALSE(parts[2].exact);
  const auto exact = by_order_eight(s, kTurning, 1.3L, 96);
  for (const auto& [name, coarse] : {std::pair{"leapfrog", 80}, std::pair{"suzuki4", 40}}) {
    for (double o :
         measured_orders(split(s, name), {kTurning}, 1.3L, {coarse, coarse * 5 / 4}, exact)) {
      EXPECT_NEAR(o, splitting_named(name)->order, 0.1) << name;
    }
  }
}

System stiff() {
  System s = plain_system(Form::kEquations, 1);
  s.rate = program(1, [](const Of& o) {
    return o.b.scale(o.number(-1e6), o.b.sub(o.x, o.b.reshape(o.b.unary(Op::kCos, o.t), Shape{1})));
  });
  return s;
}

TEST(ImplicitMidpoint, HasOrderTwo) {
  const Problem orbit = kepler(0.3);
  const System body = rigid_body();
  const auto near_two = [](const std::vector<double>& orders) {
    for (double o : orders) EXPECT_NEAR(o, 2, 0.1);
  };
  near_two(measured_orders(implicit_midpoint(body), {kTurning}, 1.3L, {100, 125},
                           by_order_eight(body, kTurning, 1.3L, 96), body.parameters));
  const std::vector<Tensor> start = {orbit.initial.q, *orbit.initial.p};
  const auto fine = integrate(implicit_midpoint(orbit.system), start, 0, 1.3L / 2000, 2000,
                              orbit.system.parameters, true);
  near_two(measured_orders(implicit_midpoint(orbit.system), start, 1.3L, {100, 125}, fine,
                           orbit.system.parameters));
  const System s = stiff();
  EXPECT_NEAR(
      static_cast<double>(integrate(implicit_midpoint(s), {vector({1})}, 0, 0.05L, 20)[0].real(0)),
      std::cos(1.0), 2e-3);
}

TEST(ImplicitMidpoint, IterationThatDoesNotConvergeIsAFault) {
  const System s = stiff();
  MidpointOptions options;
  options.solver = MidpointSolver::kFixedPoint;
  options.max_iterations = 20;
  const auto step = runtime::compile(implicit_midpoint(s, options).step);
  const std::vector<Tensor> args = {vector({0.9}), Tensor::scalar_of<std::int64_t>(0),
                                    Tensor::scalar_of<double>(0), Tensor::scalar_of<double>(0.05)};
  EXPECT_NE(refusal([&] { step->call(args); }).find("not solved in 20 iterations"),
            std::string::npos);
}

TEST(ImplicitMidpoint, GoesThereAndBack) {
  const System s = rigid_body();
  const Integrator m = implicit_midpoint(s);
  const auto there = integrate(m, {kTurning}, 0, 0.1L, 50, s.parameters);
  EXPECT_LT(distance(integrate(m, there, 5, -0.1L, 50, s.parameters), {kTurning}), 1e-14);
}

TEST(LiePoisson, ReversesAgreeWithDifferences) {
  const System body = rigid_body(), top = heavy_top(), skew = skew_body();
  const Problem orbit = kepler(0.3);
  EXPECT_LT(reverse_defect(split(body), {kTurning}, 2, 0.1, 0.3, body.parameters), 1e-8);
  EXPECT_LT(reverse_defect(split(top, "suzuki4"), {kTop}, 2, 0.1, 0.3), 1e-8);
  EXPECT_LT(reverse_defect(split(skew, "leapfrog", NoFlow::kMidpoint), {kTurning}, 2, 0.1, 0.3),
            1e-8);
  for (auto solver : {MidpointSolver::kNewton, MidpointSolver::kFixedPoint}) {
    MidpointOptions options;
    options.solver = solver;
    EXPECT_LT(
        reverse_defect(implicit_midpoint(body, options), {kTurning}, 2, 0.1, 0.3, body.parameters),
        1e-8);
    EXPECT_LT(
        reverse_defect(implicit_midpoint(orbit.system, options),
                       {orbit.initial.q, *orbit.initial.p}, 2, 0.1, 0.1, orbit.system.parameters),
        1e-8);
  }
}

TEST(LiePoisson, CompiledStepsHaveTheEvaluatorsBits) {
  const System body = rigid_body(), top = heavy_top(), skew = skew_body();
  EXPECT_TRUE(compiled_bits_agree(split(body), {kTurning}, 0.1, body.parameters));
  EXPECT_TRUE(compiled_bits_agree(split(top, "suzuki4"), {kTop}, 0.1));
  EXPECT_TRUE(compiled_bits_agree(split(skew, "leapfrog", NoFlow::kMidpoint), {kTurning}, 0.1));
  for (auto solver : {MidpointSolver::kNewton, MidpointSolver::kFixedPoint}) {
    MidpointOptions options;
    options.solver = solver;
    EXPECT_TRUE(
        compiled_bits_agree(implicit_midpoint(body, options), {kTurning}, 0.1, body.parameters));
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
