// Systems from functions of arrays (mechanics/traced_system.h) beside the same in system files.
#include "cotangent/mechanics/traced_system.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/array/arrays.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/flow.h"

namespace cotangent::mechanics {
namespace {

using namespace array;

RunResult run_of(const System& system, const InitialState& initial, const RunSettings& settings) {
  const Facts facts = find_facts(system, initial);
  const Plan plan = make_plan(system, facts, settings, &initial);
  return Flow::compile(system, facts, plan)->run(initial, settings.steps);
}

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

constexpr const char* kPlanets = R"toml(
[parameters]
G = 2.95912208286e-4
m = [1.0, 9.5e-4, 2.8e-4]
[energy]
kinetic = "sum(i, dot(p[i], p[i]) / (2*m[i]))"
gravity = "-sum(i<j, G*m[i]*m[j] / norm(q[i] - q[j]))"
[initial]
q = [[0, 0, 0], [-3.5, -3.8, -1.5], [9.0, -3.0, -1.6]]
v = [[0, 0, 0], [0.00565, -0.00412, -0.0019], [0.0017, 0.0048, 0.0019]]
[run]
dt = 10.0
steps = 200
)toml";

struct Body {
  Array m, q;
};

NamedArrays planets(const Traced& at) {
  struct Moving {
    Array p, m;
  };
  const auto kinetic = vmap([](Moving b) { return dot(b.p, b.p) / (2 * b.m); });
  const auto pair = [&](Body a, Body b) { return at["G"] * a.m * b.m / norm(a.q - b.q); };
  return {{"kinetic", sum(kinetic(Moving{at.p(), at["m"]}))},
          {"gravity", -pair_sum(pair, Body{at["m"], at.q()})}};
}

/// Exact identity: the state hash of a run is of every bit.
TEST(TracedSystem, HasTheBitsOfTheFileThatSaysTheSame) {
  const auto file = formats::parse_system_text("planets.toml", kPlanets);
  const System traced = hamiltonian(
      Shape{3, 3},
      {parameter("G", 2.95912208286e-4), parameter("m", Array::of({1.0, 9.5e-4, 2.8e-4}))},
      planets);
  ASSERT_EQ(traced.terms.size(), 2u);
  EXPECT_EQ(traced.terms[0].name, "kinetic");
  for (const char* method : {"auto", "leapfrog", "yoshida4", "implicit_midpoint"}) {
    RunSettings settings = file.run;
    settings.method = method;
    const RunResult one = run_of(file.system, file.initial, settings);
    const RunResult two = run_of(traced, file.initial, settings);
    EXPECT_EQ(one.state_hash, two.state_hash) << method;
  }
}

TEST(TracedSystem, LieAlgebrasAndEquationsHaveTheBitsOfTheirFiles) {
  const auto top = formats::parse_system_text("top.toml", R"toml(
[parameters]
I = [1.0, 2.0, 3.0]
[structure]
kind = "lie_poisson"
algebra = "so3"
[energy]
spin = "z[0]^2 / (2*I[0]) + z[1]^2 / (2*I[1]) + z[2]^2 / (2*I[2])"
[initial]
z = [0.3, 1.0, -0.2]
[run]
dt = 0.01
steps = 100
)toml");
  const System body =
      lie_poisson_system("so3", {parameter("I", Array::of({1.0, 2.0, 3.0}))}, [](const Traced& at) {
        const Array &z = at["z"], &I = at["I"];
        const auto part = [&](int k) { return z(k) * z(k) / (2 * I(k)); };
        return NamedArrays{{"spin", part(0) + part(1) + part(2)}};
      });
  EXPECT_EQ(run_of(top.system, top.initial, top.run).state_hash,
            run_of(body, top.initial, top.run).state_hash);

  const auto lorenz = formats::parse_system_text("lorenz.toml", R"toml(
[parameters]
rho = 28.0
[equations]
x = ["10.0 * (x[1] - x[0])", "x[0] * (rho - x[2]) - x[1]", "x[0] * x[1] - 2.5 * x[2]"]
[initial]
x = [1.0, 1.0, 1.0]
[run]
dt = 0.01
steps = 100
method = "rk4"
)toml");
  const System flow =
      equations({{"x", Shape{3}, {}}}, {parameter("rho", 28.0)}, [](const Traced& at) {
        const Array &x = at["x"], &rho = at["rho"];
        const Array rate =
            stack({10.0 * (x(1) - x(0)), x(0) * (rho - x(2)) - x(1), x(0) * x(1) - 2.5 * x(2)});
        return NamedArrays{{"x", rate}};
      });
  EXPECT_EQ(run_of(lorenz.system, lorenz.initial, lorenz.run).state_hash,
            run_of(flow, lorenz.initial, lorenz.run).state_hash);
}

TEST(TracedSystem, ObservesAndCapturesArrays) {
  const Array weights = arange(100) * 0.01;  // captured: constants of the program
  System system = hamiltonian(Shape{100}, {}, [&](const Traced& at) {
    return NamedArrays{{"H", sum(square(at.p())) / 2 + sum(weights * square(at.q())) / 2}};
  });
  observe(system, [](const Traced& at) { return NamedArrays{{"first", at.v()(0)}}; }, 5);
  ASSERT_EQ(system.observables.size(), 1u);
  EXPECT_EQ(system.observables[0].every, 5);
  InitialState initial;
  initial.q = ir::Tensor::of<double>(Shape{100}, std::vector<double>(100, 1.0));
  initial.p = ir::Tensor::of<double>(Shape{100}, std::vector<double>(100, 0.5));
  RunSettings settings;
  settings.dt = 0.01;
  settings.steps = 10;
  const RunResult result = run_of(system, initial, settings);
  ASSERT_EQ(result.observables.size(), 1u);
  const std::vector<double>& first = result.observables[0].values;
  ASSERT_EQ(first.size(), 3u);  // 0, 5, 10
  EXPECT_EQ(first.front(), 0.5);
  EXPECT_EQ(first.back(), static_cast<double>(result.v.real(0)));
}

/// The programs of equations call the whole state x; that name is free for people.
TEST(TracedSystem, AParameterOfEquationsMayBeCalledX) {
  System system = equations({{"y", Shape{2}, {}}}, {parameter("x", 0.5)}, [](const Traced& at) {
    return NamedArrays{{"y", -at["x"] * at["y"]}};
  });
  observe(system, [](const Traced& at) { return NamedArrays{{"rate", at["x"]}}; });
  InitialState initial;
  initial.x = ir::Tensor::of<double>(Shape{2}, {1.0, 2.0});
  RunSettings settings;
  settings.dt = 0.01;
  settings.steps = 100;
  const RunResult result = run_of(system, initial, settings);
  EXPECT_NEAR(static_cast<double>(result.x.real(1)), 2 * std::exp(-0.5), 1e-8);
  EXPECT_EQ(result.observables[0].values.back(), 0.5);
}

TEST(TracedSystem, SaysWhatDoesNotFit) {
  const auto make = [](const TracedFunction& f) {
    return refusal([&] { hamiltonian(Shape{2}, {parameter("k", 1.0)}, f); });
  };
  EXPECT_NE(make([](const Traced& at) {
              return NamedArrays{{"H", at.q()}};
            }).find("'H' is f64[2], not f64"),
            std::string::npos);
  EXPECT_NE(make([](const Traced& at) {
              return NamedArrays{{"H", at["w"]}};
            }).find("no 'w' in this system"),
            std::string::npos);
  EXPECT_NE(make([](const Traced&) { return NamedArrays{}; }).find("empty"), std::string::npos);
  EXPECT_NE(make([](const Traced& at) {
              return NamedArrays{{"H", at["k"]}, {"H", at["k"]}};
            }).find("given twice"),
            std::string::npos);
  EXPECT_NE(refusal([&] {
              hamiltonian(Shape{2}, {parameter("q", 1.0)},
                          [](const Traced& at) { return NamedArrays{{"H", at["q"]}}; });
            }).find("names two arrays"),
            std::string::npos);
  EXPECT_NE(refusal([&] {
              equations({{"x", Shape{2}, {}}}, {},
                        [](const Traced& at) { return NamedArrays{{"y", at["x"]}}; });
            }).find("'x' has no rate"),
            std::string::npos);
}

/// Reference: cos(t). A norm has no derivative where it vanishes, its square has all of them: these
/// are the harmonic oscillator, whichever method is chosen.
TEST(TracedSystem, SquaresOfNormsAreQuadratic) {
  const auto of_file = formats::parse_system_text("norms.toml", R"toml(
[energy]
motion = "norm(p)^2 / 2"
spring = "norm(q)^2 / 2"
[initial]
q = [1.0, 0.5]
v = [0.0, 0.0]
[run]
dt = 0.001
steps = 1000
)toml");
  const auto square = [](const Array& x) { return norm(x) * norm(x); };
  const System by_h = hamiltonian(Shape{2}, {}, [&](const Traced& at) {
    const Array p = norm(at.p()), q = norm(at.q());
    return NamedArrays{{"motion", p * p / 2}, {"spring", pow(q, 2.0) / 2}};
  });
  const System by_l = lagrangian(Shape{2}, {}, [&](const Traced& at) {
    const Array v = norm(at.v());
    return NamedArrays{{"L", v * v / 4 + dot(at.v(), at.v()) / 4 - square(at.q()) / 2}};
  });
  for (const char* method : {"auto", "leapfrog", "exact"}) {
    RunSettings settings = of_file.run;
    settings.method = method;
    for (const System* system : {&of_file.system, &by_h, &by_l}) {
      const RunResult run = run_of(*system, of_file.initial, settings);
      EXPECT_NEAR(run.q.real(0), std::cos(1.0), 1e-6) << method;
      EXPECT_NEAR(run.q.real(1), std::cos(1.0) / 2, 1e-6) << method;
    }
  }
}

const double kHeavy = 9.81;

Array double_pendulum(const Traced& at) {
  const Array a = at.q()(0), b = at.q()(1), u = at.v()(0), w = at.v()(1);
  return u * u + w * w / 2 + u * w * cos(a - b) + at["g"] * (2 * cos(a) + cos(b));
}

InitialState start_of(std::vector<double> q, std::vector<double> v) {
  const auto tensor = [](const std::vector<double>& x) {
    ir::Tensor made(ir::Type{DType::kF64, Shape{static_cast<std::int64_t>(x.size())}});
    std::copy(x.begin(), x.end(), made.as<double>().begin());
    return made;
  };
  InitialState start;
  start.q = tensor(q), start.v = tensor(v);
  return start;
}

void expect_near(const RunResult& a, const RunResult& b, double within) {
  for (std::int64_t k = 0; k < a.q.size(); ++k) {
    EXPECT_NEAR(a.q.real(k), b.q.real(k), within) << k;
    EXPECT_NEAR(a.p.real(k), b.p.real(k), within) << k;
  }
}

/// Exact identity: the double pendulum's L (unit masses and lengths) and its H, worked out by hand.
TEST(TracedLagrangian, OfADoublePendulumGivesItsHamiltonian) {
  const System by_l = lagrangian(Shape{2}, {parameter("g", kHeavy)}, [](const Traced& at) {
    return NamedArrays{{"L", double_pendulum(at)}};
  });
  const System by_h = hamiltonian(Shape{2}, {parameter("g", kHeavy)}, [](const Traced& at) {
    const Array a = at.q()(0), b = at.q()(1), x = at.p()(0), y = at.p()(1), c = cos(a - b);
    return NamedArrays{{"H", (x * x + 2 * y * y - 2 * x * y * c) / (2 * (2 - c * c)) -
                                 at["g"] * (2 * cos(a) + cos(b))}};
  });
  ASSERT_EQ(by_l.terms.size(), 2u);
  EXPECT_EQ(by_l.terms[1].name, "potential");
  RunSettings settings;
  settings.dt = 0.01, settings.steps = 200;
  const InitialState start = start_of({1.2, -0.7}, {0.3, 0.4});
  expect_near(run_of(by_l, start, settings), run_of(by_h, start, settings), 1e-10);
}

bool solves(const EnergyTerm& term) {
  return term.energy->contains_op(
      [](ir::Op op) { return op == ir::Op::kCholesky || op == ir::Op::kTriangularSolve; });
}

/// A diagonal d2L/dv2 is divided by, also where it moves. Exact identity: of polar coordinates.
TEST(TracedLagrangian, ADiagonalIsDividedBy) {
  const System by_l = lagrangian(Shape{2}, {}, [](const Traced& at) {
    const Array r = at.q()(0), u = at.v()(0), w = at.v()(1);
    return NamedArrays{{"L", (u * u + r * r * w * w) / 2 + 1.0 / r}};
  });
  const System by_h = hamiltonian(Shape{2}, {}, [](const Traced& at) {
    const Array r = at.q()(0), x = at.p()(0), y = at.p()(1);
    return NamedArrays{{"kinetic", (x * x + y * y / (r * r)) / 2}, {"potential", -1.0 / r}};
  });
  EXPECT_FALSE(solves(by_l.terms[0]));
  RunSettings settings;
  settings.dt = 0.01, settings.steps = 200;
  const InitialState start = start_of({1.0, 0.0}, {0.1, 1.1});
  expect_near(run_of(by_l, start, settings), run_of(by_h, start, settings), 1e-11);
  const System tied = lagrangian(Shape{2}, {}, [](const Traced& at) {
    return NamedArrays{{"L", dot(at.v(), at.v()) + cos(at.q()(0)) * at.v()(0) * at.v()(1)}};
  });
  EXPECT_TRUE(solves(tied.terms[0]));
}

/// Where d2L/dv2 stands still, H is known to split, and to be quadratic in p.
TEST(TracedLagrangian, WithConstantMassesSplits) {
  const auto file = formats::parse_system_text("planets.toml", kPlanets);
  const System traced = lagrangian(
      Shape{3, 3},
      {parameter("G", 2.95912208286e-4), parameter("m", Array::of({1.0, 9.5e-4, 2.8e-4}))},
      [](const Traced& at) {
        const Array speed = sum(at.v() * at.v(), 1);
        const auto pair = [&](Body a, Body b) { return at["G"] * a.m * b.m / norm(a.q - b.q); };
        return NamedArrays{{"motion", sum(at["m"] * speed) / 2},
                           {"gravity", pair_sum(pair, Body{at["m"], at.q()})}};
      });
  ASSERT_EQ(traced.terms.size(), 2u);
  EXPECT_EQ(traced.terms[0].name, "kinetic");
  EXPECT_EQ(traced.terms[1].name, "gravity");
  const Facts facts = find_facts(traced, file.initial);
  EXPECT_EQ(facts.find("separable").how, How::kProved);
  EXPECT_TRUE(std::get<bool>(facts.find("quadratic_kinetic").value));
  EXPECT_FALSE(solves(traced.terms[0]));
  const RunResult one = run_of(file.system, file.initial, file.run);
  expect_near(run_of(traced, file.initial, file.run), one, 1e-12);
}

/// Reference: a charge in a field along z circles with w = B/m; the term linear in v makes
/// p = m v + q A.
TEST(TracedLagrangian, KeepsTermsThatAreLinearInV) {
  const System charge = lagrangian(Shape{2}, {parameter("B", 0.7)}, [](const Traced& at) {
    const Array &q = at.q(), &v = at.v();
    return NamedArrays{{"L", dot(v, v) / 2 + at["B"] / 2 * (q(0) * v(1) - q(1) * v(0))}};
  });
  EXPECT_EQ(charge.terms.size(), 1u);  // nothing is left at rest
  RunSettings settings;
  settings.dt = 0.01, settings.steps = 1000;  // auto knows that it is linear
  const RunResult run = run_of(charge, start_of({0, 0}, {1, 0}), settings);
  EXPECT_NEAR(run.q.real(0), std::sin(0.7 * 10) / 0.7, 1e-11);
  EXPECT_NEAR(run.q.real(1), (std::cos(0.7 * 10) - 1) / 0.7, 1e-11);
}

TEST(TracedLagrangian, WhatHasNoMomentaIsRefused) {
  const auto of = [](const std::function<Array(const Traced&)>& f) {
    return refusal([&] {
      lagrangian(Shape{2}, {}, [&](const Traced& at) { return NamedArrays{{"L", f(at)}}; });
    });
  };
  EXPECT_NE(of([](const Traced& at) { return -sqrt(1 - dot(at.v(), at.v())); }).find("degree 2"),
            std::string::npos);
  EXPECT_NE(of([](const Traced& at) { return dot(at.q(), at.q()); }).find("nothing in it reads v"),
            std::string::npos);
  EXPECT_NE(of([](const Traced& at) {
              return at.v()(0) * at.v()(0) - at.q()(1);
            }).find("positive definite"),
            std::string::npos);
  EXPECT_NE(refusal([] {
              lagrangian(Shape{2}, {},
                         [](const Traced& at) { return NamedArrays{{"L", at["p"](0)}}; });
            }).find("there is no 'p'"),
            std::string::npos);
}

}  // namespace
}  // namespace cotangent::mechanics
