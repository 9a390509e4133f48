// Solutions of equations and their derivatives: exact identities with the closed forms.
#include "cotangent/array/implicit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "cotangent/array/linear_algebra.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Array cube_root(const Array& a) {
  return find_root([&](Array x) { return x * x * x - a; }, 1.0);
}

Array anomaly(const Array& mean, const Array& e) {
  return find_root([&](Array E) { return E - e * sin(E) - mean; }, mean);
}

TEST(FindRoot, CubeRootAndItsDerivatives) {
  EXPECT_NEAR(cube_root(8.0).item(), 2, 1e-14);
  EXPECT_NEAR(grad(cube_root)(8.0).item(), 1.0 / 12, 1e-15);
  EXPECT_NEAR(jvp(cube_root, Array(8.0), Array(3.0)).second.item(), 0.25, 1e-15);
  // Order by order: x^(1/3) has -2/9 x^(-5/3), 10/27 x^(-8/3).
  EXPECT_NEAR(grad(grad(cube_root))(8.0).item(), -2.0 / 9 / 32, 1e-15);
  EXPECT_NEAR(grad(grad(grad(cube_root)))(8.0).item(), 10.0 / 27 / 256, 1e-15);
  EXPECT_NEAR(hessian(cube_root)(8.0).item(), -2.0 / 9 / 32, 1e-15);
}

TEST(FindRoot, WhatIsGivenAfterTheOptionsIsLikeSurroundings) {
  const auto root = [](Array a) {
    return find_root([](Array x, Array a, Array b) { return x * x * x - a * b; }, 1.0, {}, a, 2.0);
  };
  EXPECT_NEAR(root(4.0).item(), 2, 1e-14);
  EXPECT_NEAR(grad(root)(4.0).item(), 2.0 / 12, 1e-15);
}

TEST(FindRoot, KeplersEquationInLanesLoopsAndJit) {
  const Array mean = linspace(0.1, 6.0, 200);
  const double e = 0.7;
  const auto lanes = jit(vmap(value_and_grad<0, 1>(anomaly), {0, shared}));
  const auto [E, slopes] = lanes(mean, e);
  expect_equal(E - e * sin(E), mean, 1e-15);
  expect_equal(std::get<0>(slopes), 1 / (1 - e * cos(E)), 1e-13);
  expect_equal(std::get<1>(slopes), sin(E) / (1 - e * cos(E)), 1e-13);
  // d2E/dM2 = -e sin E / (1 - e cos E)^3
  const auto second = jit(vmap(grad(grad(anomaly)), {0, shared}));
  expect_equal(second(mean, e), -e * sin(E) / power(1 - e * cos(E), 3), 1e-11);
  // In a loop: the mean anomaly of the next step is a function of this one's root.
  const auto chain = [&](Array m) {
    return fori_loop(0, 3, [&](Array, Array x) { return 0.5 * anomaly(x, Array(e)); }, m);
  };
  double x = 1, slope = 1;
  for (int k = 0; k < 3; ++k) {
    double root = x;
    for (int n = 0; n < 60; ++n) root -= (root - e * std::sin(root) - x) / (1 - e * std::cos(root));
    slope *= 0.5 / (1 - e * std::cos(root)), x = 0.5 * root;
  }
  EXPECT_NEAR(chain(1.0).item(), x, 1e-15);
  EXPECT_NEAR(grad(chain)(1.0).item(), slope, 1e-14);
  EXPECT_NEAR(jit(grad(chain))(1.0).item(), slope, 1e-14);
  EXPECT_NEAR(jvp(chain, Array(1.0), Array(1.0)).second.item(), slope, 1e-14);
  const auto rows = [&](Array m) {
    return sum(
        scan([&](Array c, Array x) { return std::pair(c, anomaly(x, Array(e))); }, Array(0.0), m)
            .second);
  };
  expect_equal(grad(rows)(mean), 1 / (1 - e * cos(E)), 1e-13);
}

TEST(FindRoot, InF32) {
  const Array a = Array(8.0).astype(DType::kF32);
  EXPECT_EQ(cube_root(a).dtype(), DType::kF32);
  EXPECT_NEAR(cube_root(a).item(), 2, 1e-6);
  EXPECT_NEAR(grad(cube_root)(a).item(), 1.0 / 12, 1e-7);
  EXPECT_NEAR(grad(grad(cube_root))(a).item(), -2.0 / 9 / 32, 1e-8);
}

struct Point {
  Array x, y;
};

TEST(FindRoot, ATreeOfUnknowns) {
  // x + y = s, x y = p with x < y: the roots of t^2 - s t + p.
  const auto solve_for = [](Array s, Array p) {
    return find_root([&](Point z) { return Point{z.x + z.y - s, sum(z.x) * z.y - p}; },
                     Point{Array::of({0.0}), Array(5.0)});
  };
  const Point z = solve_for(5.0, 6.0);
  EXPECT_NEAR(z.x[0].item(), 2, 1e-14);
  EXPECT_NEAR(z.y.item(), 3, 1e-14);
  const auto y = [&](Array s, Array p) { return solve_for(s, p).y; };
  const auto [ds, dp] = grad<0, 1>(y)(5.0, 6.0);
  EXPECT_NEAR(ds.item(), 3, 1e-13);   // y / (y - x)
  EXPECT_NEAR(dp.item(), -1, 1e-13);  // -1 / (y - x)
}

TEST(FindRoot, TheLineSearchBringsNewtonHome) {
  // Newton's method for atan leaves from 1.4 on.
  EXPECT_NEAR(find_root([](Array x) { return atan(x); }, 50.0).item(), 0, 1e-12);
}

TEST(FindRoot, TheGradientDoesNotDependOnTheIterations) {
  const auto slope = [](SolveOptions options) {
    const auto root = [=](Array a) {
      return find_root([&](Array x) { return x * x * x + x - a; }, 1.0, options);
    };
    return grad(root)(3.0).item();
  };
  const double reference = slope({});
  EXPECT_NEAR(slope({.relative = 1e-8, .absolute = 1e-8}), reference, 1e-12);
  EXPECT_NEAR(slope({.relative = 1e-15, .absolute = 1e-15}), reference, 1e-12);
  EXPECT_NEAR(slope({.iterations = 500}), reference, 1e-12);
}

TEST(FindRoot, FailuresAreToldOrGiven) {
  const auto none = [](Array x) { return x * x + 1; };
  EXPECT_THAT(error_of([&] { find_root(none, 3.0).eval(); }),
              AllOf(HasSubstr("[find_root] did not converge: residual 1"), HasSubstr("iterations"),
                    HasSubstr("try_find_root")));
  const auto s = try_find_root(none, 3.0);
  EXPECT_FALSE(s.converged.item<bool>());
  EXPECT_NEAR(s.residual.item(), 1, 1e-2);
  const auto singular = try_find_root([](Array x) { return stack({x(0) - 1, 0 * x(1) + 1}); },
                                      zeros({2}), {.linear = LinearSolve::kKrylov});
  EXPECT_FALSE(singular.converged.item<bool>());
  const auto good = try_find_root([](Array x) { return x * x - 4; }, 3.0);
  EXPECT_TRUE(good.converged.item<bool>());
  EXPECT_LT(good.iterations.item<int>(), 10);
  // One lane of many.
  const auto lanes =
      jit(vmap([](Array a) { return find_root([&](Array x) { return x * x - a; }, 1.0); }));
  EXPECT_NEAR(lanes(Array::of({4.0, 9.0}))[1].item(), 3, 1e-14);
  EXPECT_THAT(error_of([&] { lanes(Array::of({4.0, 9.0, -1.0})); }),
              AllOf(HasSubstr("[find_root]"), HasSubstr("lane 2")));
  // A double root has no derivative.
  const auto twice = [](Array a) { return find_root([&](Array x) { return square(x - a); }, a); };
  EXPECT_EQ(twice(2.0).item(), 2.0);
  EXPECT_THAT(error_of([&] { grad(twice)(2.0).eval(); }),
              AllOf(HasSubstr("[find_root] has no derivative here"), HasSubstr("to do: pose")));
  expect_refused([] { find_root([](Array x) { return x; }, 1); }, "find_root", "i64");
  expect_refused([] { find_root([](Array x) { return stack({x, x}); }, 1.0); }, "find_root",
                 "the unknowns");
}

TEST(FixedPoint, CosineAndItsDerivatives) {
  const auto dottie = [](Array a) { return fixed_point([&](Array x) { return cos(a * x); }, 1.0); };
  const double x = 0.73908513321516064166;  // Kaplan (2007): the Dottie number
  EXPECT_NEAR(dottie(1.0).item(), x, 1e-13);
  const double slope = -x * std::sin(x) / (1 + std::sin(x));
  EXPECT_NEAR(grad(dottie)(1.0).item(), slope, 1e-13);
  EXPECT_NEAR(jvp(dottie, Array(1.0), Array(2.0)).second.item(), 2 * slope, 1e-13);
  // y = a x obeys y = a cos y, so x'' follows from two derivatives of that.
  const auto by_root = [](Array a) {
    return find_root([&](Array x) { return x - cos(a * x); }, 1.0);
  };
  EXPECT_NEAR(grad(grad(dottie))(1.0).item(), grad(grad(by_root))(1.0).item(), 1e-12);
}

TEST(FixedPoint, WithoutAMatrix) {
  // x = tanh(w x + b): dense and by iteration agree in both modes and both orders.
  const Array w = Array::of({{0.3, -0.2, 0.1}, {0.2, 0.4, -0.3}, {-0.1, 0.2, 0.5}});
  const auto loss = [&](LinearSolve how) {
    return [=](Array b) {
      const Array x =
          fixed_point([&](Array x) { return tanh(matmul(w, x) + b); }, zeros({3}), {.linear = how});
      return sum(x * x * x);
    };
  };
  const auto dense = loss(LinearSolve::kDense), iterated = loss(LinearSolve::kIterate);
  const Array b = Array::of({0.5, -0.3, 0.8});
  expect_equal(grad(iterated)(b), grad(dense)(b), 1e-14);
  expect_equal(jit(grad(iterated))(b), grad(dense)(b), 1e-14);
  expect_equal(hessian(iterated)(b), hessian(dense)(b), 1e-12);
  const auto krylov = loss(LinearSolve::kKrylov);
  expect_equal(jit(grad(krylov))(b), grad(dense)(b), 1e-12);
  expect_equal(hessian(krylov)(b), hessian(dense)(b), 1e-11);
  EXPECT_NEAR(jvp(iterated, b, ones({3})).second.item(), sum(grad(dense)(b)).item(), 1e-13);
  const auto gg = [&](auto f) { return grad([=](Array b) { return sum(square(grad(f)(b))); }); };
  expect_equal(gg(iterated)(b), gg(dense)(b), 1e-12);
  expect_equal(vmap(grad(iterated))(stack({b, -b}))[1], grad(dense)(-b), 1e-14);
}

TEST(FixedPoint, LargeStates) {
  // u = (1 - d) f + d * mean of the neighbours: a screened Poisson equation on a ring.
  const std::int64_t n = 3000;
  const auto relaxed = [&](Array f) {
    return fixed_point(
        [&](Array u) { return 0.1 * f + 0.9 * (0.5 * roll(u, 1) + 0.5 * roll(u, -1)); },
        zeros({n}));
  };
  const Array f = sin(2 * M_PI / 100 * arange(n));
  // A wave of the ring is scaled by 0.1 / (1 - 0.9 cos k), and the map is symmetric.
  const double scale = 0.1 / (1 - 0.9 * std::cos(2 * M_PI / 100));
  expect_equal(relaxed(f), scale * f, 1e-12);
  const Array g = jit(grad([&](Array f) { return 0.5 * sum(square(relaxed(f))); }))(f);
  expect_equal(g, scale * scale * f, 1e-12);
  // The slowest wave has another sign from point to point.
  const auto rough = [&](Array f) {
    return fixed_point(
        [&](Array u) { return 0.05 * f + 0.45 * u - 0.25 * (roll(u, 1) + roll(u, -1)); },
        zeros({n}));
  };
  const Array signs = 1.0 - 2.0 * (arange(n) % 2);
  expect_equal(jit(grad([&](Array f) { return 0.5 * sum(square(rough(f))); }))(signs), signs,
               1e-12);
}

TEST(FixedPoint, Refusals) {
  const auto wild = [](Array a) { return fixed_point([&](Array x) { return a - 2 * x; }, 1.0); };
  EXPECT_THAT(error_of([&] { wild(1.0).eval(); }),
              AllOf(HasSubstr("[fixed_point] did not converge"), HasSubstr("damp the map")));
  const auto given = try_fixed_point([](Array x) { return 1.0 - 2 * x; }, 1.0);
  EXPECT_FALSE(given.converged.item<bool>());
  const auto halved = try_fixed_point([](Array x) { return 0.5 * x; }, 1.0);
  EXPECT_TRUE(halved.converged.item<bool>());
  EXPECT_GT(halved.iterations.item<int>(), 40);
  // A point that is fixed, of a map that does not contract.
  const auto held = [](Array a) {
    return fixed_point([&](Array x) { return a - 2 * x; }, 1.0, {.linear = LinearSolve::kIterate});
  };
  EXPECT_EQ(held(3.0).item(), 1.0);
  EXPECT_THAT(error_of([&] { grad(held)(3.0).eval(); }),
              AllOf(HasSubstr("has no derivative by iteration"), HasSubstr("kDense")));
}

TEST(FixedPoint, TheGradientDoesNotDependOnTheIterations) {
  const auto slope = [](SolveOptions options, double start) {
    return grad([=](Array a) {
             return fixed_point([&](Array x) { return cos(a * x); }, start, options);
           })(1.0)
        .item();
  };
  const double reference = slope({}, 1.0);
  EXPECT_NEAR(slope({.relative = 2e-13, .absolute = 2e-13}, 1.0), reference, 1e-12);
  EXPECT_NEAR(slope({}, 0.739), reference, 1e-12);
  EXPECT_NEAR(slope({.iterations = 100000}, -3.0), reference, 1e-12);
}

TEST(WhileLoop, ReverseThroughTheFinalIterate) {
  struct State {
    Array x, count;
  };
  const auto root = [](Array a, int more) {
    return while_loop([](State s) { return s.count < 8; },
                      [&](State s) { return State{0.5 * (s.x + a / s.x), s.count + 1}; },
                      State{Array(1.0), Array(-more)}, Gradient::kOfFinalIterate);
  };
  EXPECT_EQ(root(3.0, 0).count.item<int>(), 8);
  for (int more : {0, 3, 30}) {
    const auto f = [&](Array a) { return root(a, more).x; };
    EXPECT_NEAR(f(3.0).item(), std::sqrt(3.0), 1e-15);
    EXPECT_NEAR(grad(f)(3.0).item(), 0.5 / std::sqrt(3.0), 1e-15);
    EXPECT_NEAR(jvp(f, Array(3.0), Array(1.0)).second.item(), 0.5 / std::sqrt(3.0), 1e-15);
    EXPECT_NEAR(grad(grad(f))(3.0).item(), -0.25 / std::pow(3.0, 1.5), 1e-15);
    EXPECT_NEAR(vmap(grad(f))(Array::of({3.0, 4.0}))[1].item(), 0.25, 1e-15);
  }
  EXPECT_THAT(error_of([&] { grad([&](Array a) { return root(a, -7).x; })(3.0).eval(); }),
              AllOf(HasSubstr("[while_loop] has no derivative by its final iterate"),
                    HasSubstr("to do: go on")));
}

TEST(Minimise, AQuadraticIsALinearSolve) {
  const Array a = Array::of({{4.0, 1.0, 0.5}, {1.0, 3.0, -0.2}, {0.5, -0.2, 2.0}});
  const Array b = Array::of({1.0, -2.0, 0.5});
  const auto least = [](Array a, Array b) {
    return minimise([&](Array x) { return 0.5 * sum(x * matmul(a, x)) - sum(b * x); }, zeros({3}));
  };
  expect_equal(least(a, b), solve(a, b), 1e-14);
  const auto of = [](const auto& x) { return [=](Array a, Array b) { return sum(sin(x(a, b))); }; };
  const auto exact = [](Array a, Array b) { return solve(0.5 * (a + a.T()), b); };
  const auto [ga, gb] = grad<0, 1>(of(least))(a, b);
  const auto [ea, eb] = grad<0, 1>(of(exact))(a, b);
  expect_equal(ga, ea, 1e-14);
  expect_equal(gb, eb, 1e-14);
  const auto in_b = [&](auto f) { return [=](Array b) { return of(f)(a, b); }; };
  expect_equal(hessian(in_b(least))(b), hessian(in_b(exact))(b), 1e-13);
  expect_equal(jit(vmap(least, {shared, 0}))(a, stack({b, 2 * b}))[1], solve(a, 2 * b), 1e-14);
}

TEST(Minimise, RidgeRegressionByItsHyperparameter) {
  const Array x = Array::of({{1.0, 0.2}, {0.3, -1.0}, {0.5, 0.5}, {-0.7, 1.1}});
  const Array y = Array::of({1.0, -0.5, 0.3, 0.7});
  const auto weights = [&](Array penalty) {
    return minimise(
        [&](Array w) { return sum(square(matmul(x, w) - y)) + penalty * sum(square(w)); },
        zeros({2}));
  };
  const Array penalty = Array(0.3);
  const Array gram = matmul(x.T(), x) + 0.3 * eye(2);
  const Array w = solve(gram, matmul(x.T(), y));
  expect_equal(weights(penalty), w, 1e-14);
  expect_equal(jacobian(weights)(penalty), -solve(gram, w), 1e-14);
}

TEST(Minimise, RosenbrockAndFailures) {
  const auto valley = [](Array a) {
    return minimise([&](Array x) { return square(a - x(0)) + 100 * square(x(1) - square(x(0))); },
                    Array::of({-1.2, 1.0}));
  };
  expect_equal(valley(1.0), ones({2}), 1e-12);
  expect_equal(jacobian(valley)(Array(1.0)), Array::of({1.0, 2.0}), 1e-11);
  // From a maximum's side, where the Hessian is not positive definite.
  EXPECT_NEAR(minimise([](Array x) { return cos(x); }, 0.3).item(), M_PI, 1e-12);
  EXPECT_THAT(error_of([] { minimise([](Array x) { return x; }, 0.3).eval(); }),
              AllOf(HasSubstr("[minimise] did not converge"), HasSubstr("iterations")));
  EXPECT_FALSE(try_minimise([](Array x) { return exp(x); }, 0.3).converged.item<bool>());
  expect_refused([] { minimise([](Array x) { return x; }, zeros({2})); }, "minimise",
                 "gives 2 numbers");
  const Array f32 = Array(2.0).astype(DType::kF32);
  const auto small = [](Array a) {
    return minimise([&](Array x) { return square(x * x - a); }, 1.0);
  };
  EXPECT_NEAR(small(f32).item(), std::sqrt(2.0), 1e-6);
  EXPECT_NEAR(grad(small)(f32).item(), 0.5 / std::sqrt(2.0), 1e-6);
}

TEST(Minimise, WithoutAMatrix) {
  // A chain of springs and quartic wells: dense and matrix-free agree.
  const auto chain = [](LinearSolve how) {
    return [=](Array a) {
      return minimise(
          [&](Array x) {
            return sum(0.25 * power(x, 4) + 0.5 * square(x - a)) + sum(square(x - roll(x, 1)));
          },
          zeros_like(a), {.linear = how});
    };
  };
  const auto dense = chain(LinearSolve::kDense), krylov = chain(LinearSolve::kKrylov);
  const Array a = 2 * sin(arange(12));
  const auto loss = [](auto f) { return [=](Array a) { return sum(sin(f(a))); }; };
  expect_equal(krylov(a), dense(a), 1e-12);
  expect_equal(grad(loss(krylov))(a), grad(loss(dense))(a), 1e-11);
  expect_equal(hessian(loss(krylov))(a), hessian(loss(dense))(a), 1e-10);
  // Of many unknowns: the slope of f vanishes, and the gradient of the sum is (f'')^-1 times one.
  const Array many = 2 * sin(arange(5000));
  const Array x = jit(krylov)(many);
  const auto slope = [](Array x) { return x * x * x + 5 * x - 2 * roll(x, 1) - 2 * roll(x, -1); };
  expect_equal(slope(x), many, 1e-10);
  const Array g = jit(grad([&](Array a) { return sum(krylov(a)); }))(many);
  expect_equal(jvp(slope, x, g).second, ones({5000}), 1e-10);
  // Seven Lennard-Jones atoms, free to move and turn as a whole.
  const Array start = Array::of({{1.0, 0.0, 0.0},
                                 {-0.5, 0.8, 0.1},
                                 {-0.5, -0.8, 0.0},
                                 {0.0, 0.1, 0.6},
                                 {0.1, 0.0, -0.6},
                                 {1.1, 1.2, 0.2},
                                 {1.0, -1.1, -0.1}});
  const auto energy = [](Array q) {
    return pair_sum(
        [](Array a, Array b) {
          const Array i = 1 / power(sum(square(a - b)), 3);
          return 4 * (i * i - i);
        },
        q);
  };
  const auto cluster = try_minimise(energy, start, {.linear = LinearSolve::kKrylov});
  EXPECT_TRUE(cluster.converged.item<bool>());
  EXPECT_LT(cluster.residual.item(), 1e-9);
  EXPECT_LT(energy(cluster.x).item(), -15.5);
}

TEST(Project, OntoTheSphere) {
  const auto nearest = [](Array q) { return project([](Array x) { return sum(x * x) - 1; }, q); };
  const Array q = Array::of({0.6, -1.2, 2.0});
  const Array size = norm(q), n = q / size;
  expect_equal(nearest(q), n, 1e-15);
  const Array exact = (eye(3) - outer(n, n)) / size;
  expect_equal(jacobian(nearest)(q), exact, 1e-14);
  const auto loss = [&](auto f) { return [=](Array q) { return sum(sin(3 * f(q))); }; };
  const auto closed = [](Array q) { return q / norm(q); };
  expect_equal(grad(loss(nearest))(q), grad(loss(closed))(q), 1e-13);
  expect_equal(hessian(loss(nearest))(q), hessian(loss(closed))(q), 1e-12);
  expect_equal(jit(vmap(nearest))(stack({q, 5 * q}))[1], n, 1e-14);
  expect_equal(nearest(q.astype(DType::kF32)), n.astype(DType::kF32), 1e-6);
}

TEST(Project, RodsOfADoublePendulum) {
  // Two rods; the point is moved off the constraint and comes back, in the metric of the masses.
  struct Rods {
    Array one, two;
  };
  const Array mass = Array::of({{2.0, 2.0}, {0.5, 0.5}});
  const auto lengths = [](Array l) {
    return [=](Array q) {
      return Rods{sum(square(q[0])) - l(0) * l(0), sum(square(q[1] - q[0])) - l(1) * l(1)};
    };
  };
  const Array l = Array::of({1.0, 0.7});
  const Array q = Array::of({{0.65, -0.85}, {1.3, -1.2}});
  const Array x = project(lengths(l), q, mass);
  const Rods left = lengths(l)(x);
  EXPECT_NEAR(left.one.item(), 0, 1e-15);
  EXPECT_NEAR(left.two.item(), 0, 1e-15);
  // The gradient lies along the constraint: at x, moving q along a normal moves nothing, and g's
  // rows are annihilated.
  const auto moved = [&](Array q) { return project(lengths(l), q, mass); };
  const Array p = jacobian(moved)(x);  // of a point on the constraint: the projector in the metric
  const Array j = reshape(jacobian([&](Array q) {
                            const Rods r = lengths(l)(q);
                            return stack({r.one, r.two});
                          })(x),
                          {2, 4});
  const Array P = reshape(p, {4, 4}), m = diag(ravel(mass));
  expect_equal(matmul(j, P), zeros({2, 4}), 1e-13);
  expect_equal(matmul(P, P), P, 1e-13);
  expect_equal(matmul(m, P), matmul(m, P).T(), 1e-13);
  // By the length of a rod: the constraint follows it.
  const auto by_length = [&](Array l) { return project(lengths(l), q, mass); };
  const Array dl = jacobian(by_length)(l);
  expect_equal(matmul(j, reshape(dl, {4, 2})), 2 * diag(l), 1e-13);
  // By the masses, against differences.
  const auto by_mass = [&](Array m) { return sum(sin(project(lengths(l), q, m))); };
  const Array slope = grad(by_mass)(mass);
  const double h = 1e-5;
  const Array unit = h * Array::of({{0.0, 0.0}, {0.0, 1.0}});
  EXPECT_NEAR(slope(1, 1).item(), ((by_mass(mass + unit) - by_mass(mass - unit)) / (2 * h)).item(),
              1e-9);
}

TEST(Project, Refusals) {
  EXPECT_THAT(error_of([] {
                project([](Array x) { return sum(x * x) + 1; }, Array::of({1.0, 2.0})).eval();
              }),
              AllOf(HasSubstr("[project] did not converge"), HasSubstr("try_project")));
  const auto given =
      try_project([](Array x) { return sum(x * x) + 1; }, Array::of({1.0, 2.0}), ones({2}));
  EXPECT_FALSE(given.converged.item<bool>());
  EXPECT_TRUE(try_project([](Array x) { return sum(x) - 1; }, ones({2})).converged.item<bool>());
  const auto redundant = [](Array q) {
    return project([](Array x) { return stack({x(0) - 1, 2 * x(0) - 2}); }, q);
  };
  EXPECT_NE(error_of([&] { grad([&](Array q) { return sum(redundant(q)); })(ones({2})).eval(); }),
            "no error");
  expect_refused([] { project([](Array x) { return stack({x, x}); }, 1.0); }, "project",
                 "2 constraints of 1");
}

// --- All of them are the square root of a, in every transformation.

using Solver = std::function<Array(const Array&)>;

Solver damped(LinearSolve how) {
  return [=](const Array& a) {
    return fixed_point([&](Array x) { return x + 0.3 * (a - x * x); }, 1.0, {.linear = how});
  };
}

const std::map<std::string, Solver> roots{
    {"find_root",
     [](const Array& a) { return find_root([&](Array x) { return x * x - a; }, 1.0); }},
    {"find_root, krylov",
     [](const Array& a) {
       return find_root([&](Array x) { return x * x - a; }, 1.0, {.linear = LinearSolve::kKrylov});
     }},
    {"fixed_point", damped(LinearSolve::kDense)},
    {"fixed_point, iterate", damped(LinearSolve::kIterate)},
    {"fixed_point, krylov", damped(LinearSolve::kKrylov)},
    {"minimise",
     [](const Array& a) { return minimise([&](Array x) { return x * x * x / 3 - a * x; }, 1.0); }},
    {"minimise, krylov",
     [](const Array& a) {
       return minimise([&](Array x) { return x * x * x / 3 - a * x; }, 1.0,
                       {.linear = LinearSolve::kKrylov});
     }},
    {"project",
     [](const Array& a) { return project([&](Array x) { return x * x - a; }, 1 + 0 * a); }},
    {"while_loop",
     [](const Array& a) {
       const double close = a.dtype() == DType::kF32 ? 1e-6 : 1e-14;
       return while_loop([&](Array x) { return abs(x * x - a) > close * a; },
                         [&](Array x) { return 0.5 * (x + a / x); }, 1 + 0 * a,
                         Gradient::kOfFinalIterate);
     }},
};

TEST(Implicit, EverySolverInEveryTransformation) {
  for (const auto& [name, root] : roots) {
    SCOPED_TRACE(name);
    const double fine = 1e-12, a = 1.7, x = std::sqrt(a);
    const auto f = [&](Array a) { return root(a); };
    EXPECT_NEAR(f(a).item(), x, fine);
    EXPECT_NEAR(grad(f)(a).item(), 0.5 / x, fine);
    EXPECT_NEAR(jit(grad(f))(a).item(), 0.5 / x, fine);
    EXPECT_NEAR(jvp(f, Array(a), Array(2.0)).second.item(), 1 / x, fine);
    EXPECT_NEAR(vjp(f, Array(a)).second(Array(2.0)).item(), 1 / x, fine);
    EXPECT_NEAR(hessian(f)(a).item(), -0.25 / (a * x), fine);
    EXPECT_NEAR(grad(grad(f))(a).item(), -0.25 / (a * x), fine);
    const Array lanes = Array::of({1.2, 1.7, 2.2});
    expect_equal(jit(vmap(f))(lanes), sqrt(lanes), fine);
    expect_equal(vmap(grad(f))(lanes), 0.5 / sqrt(lanes), fine);
    expect_equal(jit(vmap(hessian(f)))(lanes), -0.25 / (lanes * sqrt(lanes)), fine);
    expect_equal(grad([&](Array a) { return sum(vmap(f)(a)); })(lanes), 0.5 / sqrt(lanes), fine);
    const auto chain = [](const auto& step) {
      return
          [=](Array a) { return fori_loop(0, 4, [&](Array, Array s) { return step(s + 1); }, a); };
    };
    const auto exact = chain([](Array s) { return sqrt(s); });
    EXPECT_NEAR(grad(chain(f))(a).item(), grad(exact)(a).item(), fine);
    EXPECT_NEAR(jit(grad(chain(f)))(a).item(), grad(exact)(a).item(), fine);
    EXPECT_NEAR(hessian(chain(f))(a).item(), hessian(exact)(a).item(), fine);
    const auto rows = [](const auto& step) {
      return [=](Array a) {
        const auto body = [&](Array s, Array x) {
          const Array y = step(s + x);
          return std::pair(y, y * y);
        };
        return sum(scan(body, Array(0.5), a).second);
      };
    };
    const auto exact_rows = rows([](Array s) { return sqrt(s); });
    expect_equal(grad(rows(f))(lanes), grad(exact_rows)(lanes), fine);
    expect_equal(vmap(grad(rows(f)))(stack({lanes, 1.1 * lanes})),
                 vmap(grad(exact_rows))(stack({lanes, 1.1 * lanes})), fine);
    const Array small = Array(a).astype(DType::kF32);
    EXPECT_EQ(f(small).dtype(), DType::kF32);
    EXPECT_NEAR(f(small).item(), x, 1e-5);
    EXPECT_NEAR(grad(f)(small).item(), 0.5 / x, 1e-5);
    EXPECT_NEAR(grad(grad(f))(small).item(), -0.25 / (a * x), 1e-5);
    expect_equal(jit(vmap(grad(f)))(lanes.astype(DType::kF32)),
                 (0.5 / sqrt(lanes)).astype(DType::kF32), 1e-5);
  }
}

// To infinity is no convergence, though the last steps are small beside it.
TEST(FixedPoint, ThatDivergesIsAnError) {
  const auto away = [](Array x) { return 2.0 * x + 1.0; };
  EXPECT_THROW(fixed_point(away, Array(1.0)).eval(), UserError);
  EXPECT_FALSE(static_cast<bool>(try_fixed_point(away, Array(1.0)).converged));
  const auto one_of_two = [](Array x) { return x * Array::of({0.5, 2.0}) + 1.0; };
  EXPECT_THROW(fixed_point(one_of_two, ones({2})).eval(), UserError);
  const auto by = [](Array a) { return fixed_point([=](Array x) { return 2.0 * x + a; }, 1.0); };
  EXPECT_THROW(grad(by)(1.0).eval(), UserError);
}

}  // namespace
}  // namespace cotangent::array
