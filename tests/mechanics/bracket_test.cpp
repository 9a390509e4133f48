// Brackets against hand-written ones, and their algebra: antisymmetry, Jacobi, the motion.
#include "cotangent/mechanics/bracket.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics::test {
namespace {

using ir::FunctionPtr;
using ir::Tensor;
using ir::Value;

/// (q, p [3], t) -> f64
FunctionPtr canonical(const std::function<Value(ir::Builder&, Value q, Value p)>& body,
                      const std::string& name = "f") {
  ir::Builder b(name);
  const ir::Type x{DType::kF64, Shape{3}};
  const Value q = b.param(x, "q"), p = b.param(x, "p");
  b.param(ir::scalar(), "t");
  return b.finish({body(b, q, p)});
}

/// Component k of q x p.
FunctionPtr angular(std::int64_t k) {
  return canonical(
      [k](ir::Builder& b, Value q, Value p) {
        const std::int64_t i = (k + 1) % 3, j = (k + 2) % 3;
        return b.sub(b.mul(b.row(q, i), b.row(p, j)), b.mul(b.row(q, j), b.row(p, i)));
      },
      "L" + std::to_string(k));
}

double canonical_value(const ir::Function& f, std::uint64_t seed) {
  return static_cast<double>(
      at(f, {random_vector(3, seed), random_vector(3, seed + 1)})[0].real(0));
}

TEST(Bracket, OfCoordinatesIsOneOrNothing) {
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) {
      const FunctionPtr qi = canonical([i](auto& b, Value q, Value) { return b.row(q, i); });
      const FunctionPtr qj = canonical([j](auto& b, Value q, Value) { return b.row(q, j); });
      const FunctionPtr pi = canonical([i](auto& b, Value, Value p) { return b.row(p, i); });
      const FunctionPtr pj = canonical([j](auto& b, Value, Value p) { return b.row(p, j); });
      EXPECT_EQ(canonical_value(*bracket(*qi, *pj), 1), i == j);
      EXPECT_EQ(canonical_value(*bracket(*pi, *qj), 1), i == j ? -1 : 0);
      EXPECT_EQ(canonical_value(*bracket(*qi, *qj), 1), 0);
      EXPECT_EQ(canonical_value(*bracket(*pi, *pj), 1), 0);
    }
  }
}

TEST(Bracket, OfAngularMomentaIsTheThird) {
  for (std::int64_t k = 0; k < 3; ++k) {
    const FunctionPtr both = bracket(*angular((k + 1) % 3), *angular((k + 2) % 3));
    EXPECT_NEAR(canonical_value(*both, 5), canonical_value(*angular(k), 5), 1e-15);
    EXPECT_NEAR(canonical_value(*bracket(*angular((k + 2) % 3), *angular((k + 1) % 3)), 5),
                -canonical_value(*angular(k), 5), 1e-15);
  }
}

TEST(Bracket, NestsAndMeetsTheJacobiIdentity) {
  const FunctionPtr f = canonical([](auto& b, Value q, Value p) {
    return b.mul(b.unary(ir::Op::kSin, b.row(q, 0)), b.row(p, 1));
  });
  const FunctionPtr g =
      canonical([](auto& b, Value q, Value p) { return b.mul(b.dot(q, q), b.row(p, 0)); });
  const FunctionPtr h = canonical([](auto& b, Value q, Value p) {
    return b.add(b.mul(b.dot(p, p), b.row(q, 1)), b.unary(ir::Op::kExp, b.row(q, 2)));
  });
  for (std::uint64_t seed : {2, 7, 11}) {
    const double sum = canonical_value(*bracket(*bracket(*f, *g), *h), seed) +
                       canonical_value(*bracket(*bracket(*g, *h), *f), seed) +
                       canonical_value(*bracket(*bracket(*h, *f), *g), seed);
    EXPECT_GT(std::abs(canonical_value(*bracket(*bracket(*f, *g), *h), seed)), 1e-3);
    EXPECT_NEAR(sum, 0, 1e-13);
  }
}

TEST(Bracket, WithTheEnergyIsTheMotion) {
  const Problem kepler_problem = kepler(0.6);
  const System& s = kepler_problem.system;
  const FunctionPtr field = vector_field(s);
  const FunctionPtr dq = energy_gradient(s, 1), dp = energy_gradient(s, 0);
  const Tensor q = vector({0.3, -1.2}), p = vector({0.8, 0.25});
  const auto rate = at(*field, {q, p}, 0, s.parameters);
  const auto v = at(*dq, {q, p}, 0, s.parameters), g = at(*dp, {q, p}, 0, s.parameters);
  for (std::int64_t k = 0; k < 2; ++k) {
    EXPECT_EQ(rate[0].real(k), v[0].real(k));
    EXPECT_EQ(rate[1].real(k), -g[0].real(k));
  }
  System with_l = s;
  add_term(with_l, "L", [](ir::Builder& b, const TermValues& x) {
    return b.sub(b.mul(b.row(x.q, 0), b.row(x.p, 1)), b.mul(b.row(x.q, 1), b.row(x.p, 0)));
  });
  const FunctionPtr l = with_l.terms.back().energy;
  EXPECT_NEAR(static_cast<double>(at(*rate_along(s, *l), {q, p}, 0, s.parameters)[0].real(0)), 0,
              1e-15);
  EXPECT_NEAR(
      static_cast<double>(at(*bracket(*l, *hamiltonian(s)), {q, p}, 0, s.parameters)[0].real(0)), 0,
      1e-15);
}

TEST(Bracket, TheRateOfWhatReadsTheTimeHasItsOwnPart) {
  const Problem driven = driven_oscillator();
  const FunctionPtr rate = rate_along(driven.system, *hamiltonian(driven.system));
  const double t = 1.3, q = 0.4;
  const double got = static_cast<double>(
      at(*rate, {vector({q}), vector({-0.7})}, t, driven.system.parameters)[0].real(0));
  EXPECT_NEAR(got, 0.7 * q * std::sin(0.7 * t), 1e-15);
}

/// I = (2, 1, 2/3)
System rigid_body() {
  System s = plain_system(Form::kBracket, 3, {reals("I", {2, 1, 2.0 / 3})});
  s.structure.poisson = program(3, s.parameters, so3_matrix(), "J");
  add_energy(s, "kinetic", [](const Of& o) {
    return o.times(0.5, o.b.reduce_sum(o.b.div(o.mul(o.x, o.x), o.parameters[0])));
  });
  return s;
}

TEST(Bracket, ARigidBodyTurnsByEulersEquations) {
  const System s = rigid_body();
  const Tensor x = vector({0.4, -0.9, 1.3});
  const Tensor rate = at(*vector_field(s), {x}, 0, s.parameters)[0];
  const double w[] = {0.4 / 2, -0.9, 1.3 * 1.5};
  EXPECT_NEAR(static_cast<double>(rate.real(0)), -0.9 * w[2] - 1.3 * w[1], 1e-15);
  EXPECT_NEAR(static_cast<double>(rate.real(1)), 1.3 * w[0] - 0.4 * w[2], 1e-15);
  EXPECT_NEAR(static_cast<double>(rate.real(2)), 0.4 * w[1] + 0.9 * w[0], 1e-15);
  const auto coordinate = [&](std::int64_t k) {
    return program(3, s.parameters, [k](const Of& o) { return o[k]; });
  };
  const FunctionPtr both = bracket(*coordinate(0), *coordinate(1), s.structure);
  EXPECT_EQ(value_at(*both, x, 0, s.parameters), -1.3);
  const FunctionPtr square =
      program(3, s.parameters, [](const Of& o) { return o.b.dot(o.x, o.x); });
  EXPECT_NEAR(value_at(*rate_along(s, *square), x, 0, s.parameters), 0, 1e-15);
}

/// q'' = -q - gamma q' as H = p^2/2 + q^2/2 + gamma s.
System damped(double gamma) {
  System s = plain_system(Form::kBracket, 3);
  s.structure.kind = Structure::Kind::kContact;
  add_energy(s, "energy", [gamma](const Of& o) {
    return o.add(o.times(0.5, o.add(o.mul(o[0], o[0]), o.mul(o[1], o[1]))), o.times(gamma, o[2]));
  });
  return s;
}

TEST(Bracket, AContactStructureDamps) {
  const System s = damped(0.3);
  const Tensor x = vector({0.7, -0.4, 0.2});
  const Tensor rate = at(*vector_field(s), {x})[0];
  EXPECT_NEAR(static_cast<double>(rate.real(0)), -0.4, 1e-16);
  EXPECT_NEAR(static_cast<double>(rate.real(1)), -0.7 + 0.3 * 0.4, 1e-16);
  const double h = 0.5 * (0.49 + 0.16) + 0.3 * 0.2;
  EXPECT_NEAR(static_cast<double>(rate.real(2)), 0.16 - h, 1e-15);
  // H decays by itself: dH/dt = -H dH/ds.
  EXPECT_NEAR(value_at(*rate_along(s, *hamiltonian(s)), x), -0.3 * h, 1e-15);
}

TEST(Bracket, OfAContactStructureIsALieAlgebra) {
  const System s = damped(0.3);
  const FunctionPtr f =
      program(3, [](const Of& o) { return o.mul(o.b.unary(ir::Op::kSin, o[0]), o[2]); });
  const FunctionPtr g = program(3, [](const Of& o) { return o.add(o.mul(o[1], o[1]), o[2]); });
  const FunctionPtr h = hamiltonian(s);
  const auto both = [&](const FunctionPtr& u, const FunctionPtr& v) {
    return bracket(*u, *v, s.structure);
  };
  const Tensor x = vector({0.7, -0.4, 0.2});
  EXPECT_NEAR(value_at(*both(f, g), x), -value_at(*both(g, f), x), 1e-15);
  EXPECT_NEAR(value_at(*both(both(f, g), h), x) + value_at(*both(both(g, h), f), x) +
                  value_at(*both(both(h, f), g), x),
              0, 1e-14);
  EXPECT_GT(std::abs(value_at(*both(both(f, g), h), x)), 1e-3);
  // dF/dt = {F, H} - F dH/ds
  EXPECT_NEAR(value_at(*rate_along(s, *f), x), value_at(*both(f, h), x) - 0.3 * value_at(*f, x),
              1e-15);
}

/// A rigid body that relaxes to turning about its longest axis: G = |w|^2 I - w w^T with w = grad
/// H keeps H, and S = |x|^2/2 grows.
System relaxing_body() {
  System s = rigid_body();
  s.structure.kind = Structure::Kind::kMetriplectic;
  s.structure.entropy =
      program(3, s.parameters, [](const Of& o) { return o.times(0.5, o.b.dot(o.x, o.x)); }, "S");
  s.structure.metric = program(
      3, s.parameters,
      [](const Of& o) {
        const Value w = o.b.div(o.x, o.parameters[0]);
        std::vector<Value> parts;
        for (std::int64_t i = 0; i < 3; ++i) {
          for (std::int64_t j = 0; j < 3; ++j) {
            const Value outer = o.mul(o.b.row(w, i), o.b.row(w, j));
            parts.push_back(i == j ? o.b.sub(o.b.dot(w, w), outer) : o.b.neg(outer));
          }
        }
        return o.stack(parts, Shape{3, 3});
      },
      "G");
  return s;
}

TEST(Bracket, AMetriplecticStructureKeepsEnergyAndMakesEntropy) {
  const System s = relaxing_body();
  const Tensor x = vector({0.4, -0.9, 1.3});
  const FunctionPtr h = hamiltonian(s), entropy = s.structure.entropy;
  EXPECT_NEAR(value_at(*rate_along(s, *h), x, 0, s.parameters), 0, 1e-14);
  const double growth = value_at(*rate_along(s, *entropy), x, 0, s.parameters);
  EXPECT_GT(growth, 0.1);
  EXPECT_NEAR(growth,
              value_at(*metric_bracket(*entropy, *entropy, s.structure), x, 0, s.parameters),
              1e-13);
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

TEST(Bracket, RefusesWhatDoesNotFit) {
  const FunctionPtr three = program(3, [](const Of& o) { return o[0]; }, "three");
  const FunctionPtr four = program(4, [](const Of& o) { return o[0]; }, "four");
  const FunctionPtr array = program(3, [](const Of& o) { return o.x; }, "array");
  const System s = rigid_body();
  EXPECT_NE(refusal([&] { bracket(*three, *four, s.structure); }).find("f64[4]"),
            std::string::npos);
  EXPECT_NE(refusal([&] { bracket(*three, *array, s.structure); }).find("no scalar function"),
            std::string::npos);
  EXPECT_NE(refusal([&] { bracket(*three, *three, s.structure); }).find("same parameters"),
            std::string::npos);
  EXPECT_NE(refusal([&] { metric_bracket(*three, *three, s.structure); }).find("metriplectic"),
            std::string::npos);
  Structure contact;
  contact.kind = Structure::Kind::kContact;
  EXPECT_NE(refusal([&] { bracket(*four, *four, contact); }).find("2 m + 1"), std::string::npos);
  const System map = plain_system(Form::kMap, 1);
  EXPECT_NE(refusal([&] { vector_field(map); }).find("a map has no vector field"),
            std::string::npos);
}

}  // namespace
}  // namespace cotangent::mechanics::test
