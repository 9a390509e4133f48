// Every way to a derivative of every order up to the third gives the same; jacobians by columns and
// by rows, Hessians times vectors, linear maps and their transposes.
#include <functional>

#include "cotangent/array/arrays.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

using Scalar = std::function<Array(Array)>;

/// The derivative along d as a function of x, forward or in reverse.
Scalar along(Scalar f, Array d, bool reverse) {
  if (reverse) return [=](Array x) { return sum(grad(f)(x) * d); };
  return [=](Array x) { return jvp(f, x, d).second; };
}

struct Case {
  const char* name;
  Scalar f;  // of f64[4]
};

/// What differs in how derivatives go through it.
std::vector<Case> cases() {
  const Array mass = Array::of({1.0, 0.5, 2.0, 1.5});
  std::vector<Case> all;
  all.push_back({"elementwise", [](Array x) { return sum(exp(sin(x)) * tanh(x) / (1 + x * x)); }});
  all.push_back({"loop", [](Array x) {
                   const auto body = [&](Array, Array y) { return y + 0.1 * sin(y * x); };
                   return sum(fori_loop(0, 5, body, x));
                 }});
  all.push_back({"loop that keeps little", [](Array x) {
                   const auto body = [&](Array k, Array y) { return y + 0.1 * cos(y * x + k); };
                   return sum(fori_loop(0, 7, body, x, Keep::every(3)));
                 }});
  all.push_back({"scan", [](Array x) {
                   const auto body = [](Array c, Array y) {
                     const Array next = c * cos(y) + y * y;
                     return std::pair(next, next * c);
                   };
                   return sum(scan(body, Array(0.4), x).second);
                 }});
  all.push_back({"while", [](Array x) {
                   const auto body = [](Array y) { return y * 1.5 + sin(y); };
                   const auto goes_on = [](Array y) { return sum(y * y) < 40.0; };
                   return sum(sin(while_loop(goes_on, body, x, 20)));
                 }});
  all.push_back({"cond", [](Array x) {
                   const auto yes = [](Array x) { return sum(x * x * x * exp(x)); };
                   const auto no = [](Array x) { return sum(x); };
                   return cond(x(0) > 0.0, yes, no, x);
                 }});
  all.push_back({"vmap", [](Array x) {
                   return sum(vmap([&](Array e) { return sin(e * sum(x * x)) * e; })(x));
                 }});
  all.push_back({"pair_sum", [=](Array x) {
                   struct Body {
                     Array m, q;
                   };
                   const Array q = stack({x, cos(x)}, 1);
                   return pair_sum([](Body a, Body b) { return a.m * b.m / norm(a.q - b.q); },
                                   Body{mass, q});
                 }});
  all.push_back({"matrices", [](Array x) {
                   const Array a = reshape(x, {2, 2});
                   const Array spd = matmul(a, a.T()) + 2 * eye(2);
                   return slogdet(spd).second + sum(solve(spd, a)) +
                          sum(eigvalsh(spd) * eigvalsh(spd));
                 }});
  all.push_back({"Fourier", [](Array x) {
                   const Complex z = rfft(x * sin(x));
                   return sum(z.re * z.re * z.re + z.im * z.im);
                 }});
  all.push_back({"sorted and indexed", [](Array x) {
                   const Array y = sort(sin(x)), i = Array::of({2, 0, 0, 3});
                   return sum(y * y * y * x(i)) + sum(cumsum(x * x) * y) +
                          sum(x.at(i).add(x * x * x) * y);
                 }});
  all.push_back(
      {"products and norms", [](Array x) { return prod(x + 2) + norm(x) + max(x * x) * min(x); }});
  return all;
}

TEST(ThirdOrder, EveryCompositionAgrees) {
  const Array x = Array::of({0.7, -0.4, 1.1, 0.2});
  const Array u = Array::of({1.0, 0.5, -0.25, 0.75}), v = Array::of({-0.5, 1.0, 0.3, 0.1}),
              w = Array::of({0.2, -0.6, 1.0, 0.9});
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const double third =
        jit([&](Array x) { return along(along(along(c.f, u, false), v, false), w, false)(x); })(x)
            .item();
    EXPECT_GT(std::fabs(third), 1e-3) << "says little";
    for (int modes = 0; modes < 8; ++modes) {
      const auto form = [&](Array a, Array b, Array d) {
        return along(along(along(c.f, a, modes & 1), b, modes & 2), d, modes & 4);
      };
      const double value = form(u, v, w)(x).item();
      EXPECT_NEAR(value, third, 1e-9 * std::max(1.0, std::fabs(third))) << modes;
    }
    // Symmetric in the directions; and by differences of the second order.
    EXPECT_NEAR(along(along(along(c.f, w, true), u, false), v, true)(x).item(), third,
                1e-9 * std::max(1.0, std::fabs(third)));
    const Scalar second = along(along(c.f, u, true), v, false);
    const double h = 1e-5;
    const double difference = ((second(x + h * w) - second(x - h * w)) / (2 * h)).item();
    EXPECT_NEAR(difference, third, 1e-5 * std::max(1.0, std::fabs(third)));
  }
}

// Lanes inside and outside of derivatives, compiled as one.
TEST(ThirdOrder, WithLanesAnywhere) {
  const Array x = Array::of({{0.7, -0.4, 1.1, 0.2}, {0.1, 0.9, -1.0, 0.6}});
  const Array u = Array::of({1.0, 0.5, -0.25, 0.75});
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Scalar third = along(along(along(c.f, u, true), u, false), u, true);
    const Array one_by_one = stack({third(x(0)), third(x(1))});
    expect_equal(jit([&](Array x) { return vmap(third)(x); })(x), one_by_one, 1e-10);
    const auto all = [&](Array x) { return sum(vmap(c.f)(x)); };
    const auto tangent = [&](Array x) { return jvp(all, x, broadcast_to(u, {2, 4})).second; };
    const auto twice = [&](Array x) { return jvp(tangent, x, broadcast_to(u, {2, 4})).second; };
    expect_equal(sum(grad(twice)(x) * u, 1), one_by_one, 1e-10);
  }
}

/// The k-th derivative of a function of one number.
double derivative(Scalar f, double at, int order) {
  for (int k = 0; k < order; ++k) f = grad(f);
  return f(at).item();
}

// Where a formula changes from one branch to another and the function does not.
TEST(HigherOrder, OfFormulasThatSwitch) {
  // sqrt(x^2 + y^2) where |x| = |y|, and where one of them is 0.
  const auto root = [](Array x, Array y) { return sqrt(x * x + y * y); };
  for (const auto& [x, y] : {std::pair(3.0, 4.0), std::pair(1.0, 1.0), std::pair(-2.0, 2.0),
                             std::pair(2.0, -2.0), std::pair(3.0, 0.0), std::pair(0.0, -3.0)}) {
    SCOPED_TRACE(testing::Message() << x << " " << y);
    for (int order = 0; order <= 3; ++order) {
      const auto of_x = [&](auto f) { return [&, f](Array a) { return f(a, Array(y)); }; };
      const auto of_y = [&](auto f) { return [&, f](Array b) { return f(Array(x), b); }; };
      const auto both = [&](auto f) {
        return [&, f](Array t) { return f(Array(x) + t, Array(y) - 0.5 * t); };
      };
      const auto length = [](Array x, Array y) { return hypot(x, y); };
      EXPECT_NEAR(derivative(of_x(length), x, order), derivative(of_x(root), x, order), 1e-14);
      EXPECT_NEAR(derivative(of_y(length), y, order), derivative(of_y(root), y, order), 1e-14);
      EXPECT_NEAR(derivative(both(length), 0, order), derivative(both(root), 0, order), 1e-14);
    }
  }
  // Odd functions at 0: 1, -1, 9 and 1, 2, 24 in the orders 1, 3, 5.
  const auto f = [](Array x) { return asinh(x); };
  const auto g = [](Array x) { return atanh(x); };
  const double asinh_at_0[] = {0, 1, 0, -1, 0, 9}, atanh_at_0[] = {0, 1, 0, 2, 0, 24};
  for (int order = 0; order <= 5; ++order) {
    EXPECT_NEAR(derivative(f, 0, order), asinh_at_0[order], 1e-13) << order;
    EXPECT_NEAR(derivative(g, 0, order), atanh_at_0[order], 1e-13) << order;
  }
}

TEST(Jacobian, ByColumnsAndByRowsAsAsked) {
  const auto f = [](Array x) { return stack({x(0) * x(1), sin(x(2)), x(0) * x(0) + x(2)}); };
  const Array x = Array::of({0.5, -1.0, 2.0});
  const Array expected = Array::of({{-1.0, 0.5, 0.0}, {0.0, 0.0, std::cos(2.0)}, {1.0, 0.0, 1.0}});
  expect_equal(jacfwd(f)(x), expected, 1e-15);
  expect_equal(jacrev(f)(x), expected, 1e-15);
  expect_equal(jacobian(f)(x), expected, 1e-15);
  // One of a kind of function that has one mode only tells which mode it was.
  const auto reverse_only = custom_vjp([](Array x) { return x * x; },
                                       [](Array x, Array, Array ct) { return 2 * x * ct; });
  expect_equal(jacrev(reverse_only)(x), diag(2 * x), 1e-15);
  EXPECT_NE(error_of([&] { jacfwd(reverse_only)(x).eval(); }), "no error");
  // Second derivatives in all four ways, and shapes of matrices.
  const auto g = [](Array a) { return sum(matmul(a, a) * sin(a)); };
  const Array a = Array::of({{0.3, 1.0}, {-0.7, 0.2}});
  const Array h = hessian(g)(a);
  EXPECT_EQ(h.shape(), (Shape{2, 2, 2, 2}));
  expect_equal(jacfwd(jacfwd(g))(a), h, 1e-14);
  expect_equal(jacfwd(jacrev(g))(a), h, 1e-14);
  expect_equal(jacrev(jacfwd(g))(a), h, 1e-14);
  expect_equal(jacrev(jacrev(g))(a), h, 1e-14);
}

TEST(Hvp, IsTheHessianTimesAVector) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Array x = Array::of({0.7, -0.4, 1.1, 0.2}), v = Array::of({-0.5, 1.0, 0.3, 0.1});
    expect_equal(hvp(c.f, x, v), matmul(hessian(c.f)(x), v), 1e-11);
  }
  struct Point {
    Array a, b;
  };
  const auto f = [](Point p) { return sum(p.a * p.a) * p.b * p.b * p.b; };
  const Point h = hvp(f, Point{Array::of({1.0, 2.0}), 3.0}, Point{Array::of({1.0, 0.0}), 1.0});
  EXPECT_THAT(reals(h.a), testing::ElementsAre(54 + 54, 108));  // 2 b^3 da + 6 a b^2 db
  EXPECT_EQ(h.b.item(), 2 * 27 * 1.0 + 6 * 3 * 5.0);
}

TEST(Linearise, IsJvpDoneOnce) {
  const Array x = Array::of({0.7, -0.4, 1.1, 0.2});
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto [value, push] = linearise(c.f, x);
    EXPECT_EQ(value.item(), c.f(x).item());
    for (const Array& d : {Array::of({1.0, 0.5, -0.25, 0.75}), Array::of({-0.5, 1.0, 0.3, 0.1})}) {
      expect_equal(push(d), jvp(c.f, x, d).second, 1e-13);
    }
    // The map is linear: its own derivative is itself, its transpose the gradient.
    const Array d = Array::of({1.0, 0.5, -0.25, 0.75});
    expect_equal(grad([&, &push = push](Array d) { return push(d); })(d), grad(c.f)(x), 1e-12);
  }
  // Trees, integers among them.
  const auto f = [](Array x, Array k) { return std::pair(x * k.astype(DType::kF64), k + 1); };
  const auto [value, push] = linearise(f, Array::of({1.0, 2.0}), Array::of({3, 4}));
  const auto slope = push(Array::of({1.0, 10.0}), Array::of({0, 0}));
  EXPECT_THAT(reals(slope.first), testing::ElementsAre(3, 40));
  EXPECT_EQ(show(slope.second), "i64[2] 0 0");
  EXPECT_EQ(show(value.second), "i64[2] 4 5");
  expect_refused([&, &push = push] { push(Array::of({1.0}), Array::of({0, 0})); }, "linearise",
                 "a tangent is f64[1]");
}

TEST(LinearTranspose, PullsThroughLinearFunctions) {
  const Array a = Array::of({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  const auto f = [&](Array x) { return cumsum(matmul(a, x)); };
  const Array x = zeros({3}), u = Array::of({1.0, -2.0});
  const Array back = linear_transpose(f, x)(u);
  expect_equal(back, vjp(f, x).second(u), 1e-15);
  // Twice is the function itself.
  expect_equal(linear_transpose([&](Array u) { return linear_transpose(f, x)(u); },
                                u)(Array::of({1.0, 0.0, 2.0})),
               f(Array::of({1.0, 0.0, 2.0})), 1e-15);
  const auto two = [](Array x, Array y) { return x + 3 * flip(y, 0); };
  const auto [dx, dy] = linear_transpose(two, u, u)(u);
  EXPECT_THAT(reals(dx), testing::ElementsAre(1, -2));
  EXPECT_THAT(reals(dy), testing::ElementsAre(-6, 3));
  EXPECT_THAT(error_of([&] { linear_transpose([](Array x) { return x * x; }, u)(u).eval(); }),
              testing::HasSubstr("linear"));
  expect_refused([&] { linear_transpose(f, Array::of({1, 2, 3}))(u); }, "linear_transpose",
                 "is real");
}

}  // namespace
}  // namespace cotangent::array
