// Lie algebras, their Casimirs, and structures that are none.
#include "cotangent/mechanics/structure.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics::test {
namespace {

using ir::FunctionPtr;
using ir::Op;
using ir::Tensor;
using ir::Value;

System bracket_system(std::int64_t n, const Body& j,
                      const std::vector<Parameter>& parameters = {}) {
  System s = plain_system(Form::kBracket, n, parameters);
  s.structure.poisson = program(n, parameters, j, "J");
  add_energy(s, "energy", [](const Of& o) { return o.times(0.5, o.b.dot(o.x, o.x)); });
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

const Fact& fact(const std::vector<Fact>& facts, const std::string& name) {
  for (const Fact& f : facts) {
    if (f.name == name) return f;
  }
  throw InternalError("no fact " + name);
}

TEST(LieAlgebra, ConstantsAreAntisymmetricAndMeetTheJacobiIdentity) {
  for (const std::string& name : algebra_names()) {
    const LieAlgebra& a = *algebra_named(name);
    const std::int64_t n = a.dimension();
    std::vector<double> c(static_cast<std::size_t>(n * n * n), 0);
    const auto at = [&](std::int64_t i, std::int64_t j, std::int64_t k) -> double& {
      return c[static_cast<std::size_t>((i * n + j) * n + k)];
    };
    for (const StructureConstant& s : a.constants) at(s.i, s.j, s.k) += s.value;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t k = 0; k < n; ++k) {
          ASSERT_EQ(at(i, j, k), -at(j, i, k)) << name;
          for (std::int64_t m = 0; m < n; ++m) {
            double sum = 0;
            for (std::int64_t l = 0; l < n; ++l) {
              sum +=
                  at(i, j, l) * at(l, k, m) + at(j, k, l) * at(l, i, m) + at(k, i, l) * at(l, j, m);
            }
            ASSERT_EQ(sum, 0) << name;
          }
        }
      }
    }
  }
}

TEST(LieAlgebra, KnownOnes) {
  const System s = bracket_system(3, so3_matrix());
  const Tensor x = vector({0.4, -0.9, 1.3});
  EXPECT_TRUE(at(*lie_poisson("so3").poisson, {x})[0].same_bits(at(*s.structure.poisson, {x})[0]));
  EXPECT_EQ(algebra_named("so(3)"), algebra_named("so3"));
  // [e, f] = h, [h, e] = 2 e, [h, f] = -2 f
  const Tensor j = at(*lie_poisson("sl2").poisson, {vector({3, 5, 7})})[0];
  const double expected[] = {0, -7, 6, 7, 0, -10, -6, 10, 0};
  for (std::int64_t k = 0; k < 9; ++k) EXPECT_EQ(j.real(k), expected[k]) << k;
  // Heavy top: dPi/dt = Pi x w + Gamma x chi, dGamma/dt = Gamma x w
  const Tensor top = at(*lie_poisson("se3").poisson, {vector({1, 2, 3, 4, 5, 6})})[0];
  const auto entry = [&](std::int64_t i, std::int64_t k) { return top.real(6 * i + k); };
  EXPECT_EQ(entry(0, 1), -3);
  EXPECT_EQ(entry(0, 4), -6);
  EXPECT_EQ(entry(3, 1), -6);
  EXPECT_EQ(entry(5, 0), -5);
  EXPECT_EQ(entry(3, 4), 0);
  EXPECT_NE(refusal([] { lie_poisson("so9"); }).find("so3, so4"), std::string::npos);
}

TEST(LieAlgebra, CasimirsAreFoundAndCommute) {
  const std::pair<const char*, std::vector<std::string>> known[] = {
      {"so3", {"x[0]^2 + x[1]^2 + x[2]^2"}},
      {"so4",
       {"x[0]^2 + x[1]^2 + x[2]^2 + x[3]^2 + x[4]^2 + x[5]^2",
        "x[0] x[5] - x[1] x[4] + x[2] x[3]"}},
      {"se2", {"x[1]^2 + x[2]^2"}},
      {"se3", {"x[0] x[3] + x[1] x[4] + x[2] x[5]", "x[3]^2 + x[4]^2 + x[5]^2"}},
      {"sl2", {"4 x[0] x[1] + x[2]^2"}},
      {"heisenberg", {"x[2]"}},
  };
  for (const auto& [name, expected] : known) {
    std::vector<std::string> names;
    for (const Casimir& c : casimirs_of(*algebra_named(name))) names.push_back(c.name);
    std::sort(names.begin(), names.end());
    std::vector<std::string> wanted = expected;
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(names, wanted) << name;
  }
  for (const std::string& name : algebra_names()) {
    const LieAlgebra& a = *algebra_named(name);
    System s = plain_system(Form::kBracket, a.dimension());
    s.structure = lie_poisson(name);
    const auto casimirs = casimirs_of(a);
    EXPECT_EQ(casimirs.size(), name == "so4" || name == "se3" ? 2u
                               : name == "sl3"                ? 2u
                               : name == "sl4"                ? 3u
                                                              : 1u)
        << name;
    for (const Casimir& c : casimirs) {
      const Fact f = is_casimir(s, *c.value, random_vector(a.dimension(), 3));
      EXPECT_TRUE(std::get<bool>(f.value)) << name << " " << c.name << ": " << f.detail;
      EXPECT_EQ(f.how, How::kProved) << name << " " << c.name;
      EXPECT_NE(value_at(*c.value, random_vector(a.dimension(), 3)), 0) << name << " " << c.name;
    }
  }
}

TEST(LieAlgebra, WhatIsNoCasimirHasACounterexample) {
  System s = plain_system(Form::kBracket, 3);
  s.structure = lie_poisson("so3");
  const FunctionPtr cube = program(3, [](const Of& o) { return o.mul(o[0], o.mul(o[0], o[0])); });
  const Fact f = is_casimir(s, *cube, vector({1, 0.5, 0.25}));
  EXPECT_FALSE(std::get<bool>(f.value));
  EXPECT_NE(f.detail.find("(J grad C)_"), std::string::npos) << f.detail;
}

TEST(LieAlgebra, IsReadOffALinearMatrix) {
  const auto read = linear_structure(*program(3, so3_matrix()));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->constants.size(), 6u);
  const auto casimirs = casimirs_of(*read);
  ASSERT_EQ(casimirs.size(), 1u);
  EXPECT_EQ(casimirs[0].name, "x[0]^2 + x[1]^2 + x[2]^2");
  const auto with = [](const std::function<Value(const Of&)>& entry) {
    return program(2, [entry](const Of& o) {
      const Value e = entry(o);
      return o.stack({o.number(0), e, o.b.neg(e), o.number(0)}, Shape{2, 2});
    });
  };
  EXPECT_TRUE(linear_structure(*with([](const Of& o) { return o.times(0.3, o[1]); })));
  EXPECT_FALSE(linear_structure(*with([](const Of& o) { return o.mul(o[0], o[1]); })));
  EXPECT_FALSE(linear_structure(*with([](const Of& o) { return o.add(o[0], o.number(1)); })));
  EXPECT_FALSE(linear_structure(*with([](const Of& o) { return o.mul(o[0], o.t); })));
}

TEST(LieAlgebra, ABasisThatIsNotClosedIsRefused) {
  const std::vector<double> e = {0, 1, 0, 0}, f = {0, 0, 1, 0};
  EXPECT_NE(refusal([&] { algebra_of_matrices("half", {"e", "f"}, {e, f}); }).find("e and f"),
            std::string::npos);
  EXPECT_NE(refusal([&] { algebra_of_matrices("twice", {"e", "e2"}, {e, e}); }).find("dependent"),
            std::string::npos);
}

TEST(Structure, NamedAlgebrasAreProved) {
  for (const std::string& name : algebra_names()) {
    const std::int64_t n = algebra_named(name)->dimension();
    System s = plain_system(Form::kBracket, n);
    s.structure = lie_poisson(name);
    const auto facts = check_structure(s, random_vector(n, 1));
    EXPECT_EQ(fact(facts, "skew").how, How::kProved) << name;
    EXPECT_EQ(fact(facts, "jacobi").how, How::kProved) << name;
    EXPECT_FALSE(fact(facts, "jacobi").derivation.empty());
  }
}

/// Any f(x) times so(3) is a structure too: in three dimensions only the direction of J counts.
TEST(Structure, NonlinearOnesAreProvedWherePolynomialElseTested) {
  const auto scaled = [](const std::function<Value(const Of&)>& f) {
    return bracket_system(3, [f](const Of& o) { return o.b.scale(f(o), so3_matrix()(o)); });
  };
  const Tensor x = vector({1, 2, 0.5});
  const System polynomial = scaled([](const Of& o) { return o.add(o.mul(o[0], o[1]), o[2]); });
  EXPECT_EQ(fact(check_structure(polynomial, x), "jacobi").how, How::kProved);
  // exp(x0) exp(x1) exp(-x0 - x1) is 1, which the algebra does not know.
  const System hidden = scaled([](const Of& o) {
    const auto e = [&](Value v) { return o.b.unary(Op::kExp, v); };
    return o.b.unary(Op::kLog1p, o.mul(e(o[0]), e(o.b.neg(o.mul(o[1], o[1])))));
  });
  const auto facts = check_structure(hidden, x);
  EXPECT_TRUE(std::get<bool>(fact(facts, "jacobi").value));
}

TEST(Structure, TestedWhereTheAlgebraDoesNotKnow) {
  // sin^2 + cos^2 - 1 is zero, which the algebra does not know of functions of a product.
  const System s = bracket_system(3, [](const Of& o) {
    const Value u = o.mul(o[0], o[1]);
    const Value c = o.b.unary(Op::kCosh, u), h = o.b.unary(Op::kSinh, u);
    const Value one = o.b.sub(o.mul(c, c), o.mul(h, h));
    const Value zero = o.number(0);
    return o.stack({zero, o.b.neg(o[2]), o[1], o.mul(one, o[2]), zero, o.b.neg(o[0]), o.b.neg(o[1]),
                    o[0], zero},
                   Shape{3, 3});
  });
  const auto facts = check_structure(s, vector({0.3, 0.4, 0.5}));
  EXPECT_EQ(fact(facts, "skew").how, How::kTested);
  EXPECT_NE(fact(facts, "skew").detail.find("8 samples"), std::string::npos);
}

TEST(Structure, AMatrixThatFailsIsRefusedWithItsIndices) {
  // so(3) with one entry changed: J_01 = -x2 + x0
  const System wrong = bracket_system(3, [](const Of& o) {
    const Value a = o.add(o.b.neg(o[2]), o.mul(o[0], o[0])), zero = o.number(0);
    return o.stack({zero, a, o[1], o.b.neg(a), zero, o.b.neg(o[0]), o.b.neg(o[1]), o[0], zero},
                   Shape{3, 3});
  });
  const std::string text = refusal([&] { check_structure(wrong, vector({1, 2, 3})); });
  EXPECT_NE(text.find("Jacobi identity"), std::string::npos) << text;
  EXPECT_NE(text.find("(i, j, k) = (0, 1, 2)"), std::string::npos) << text;
  EXPECT_NE(text.find("is -4 at x = [1, 2, 3]"), std::string::npos) << text;
  EXPECT_NE(text.find("[equations]"), std::string::npos) << text;

  const System lopsided = bracket_system(3, [](const Of& o) {
    const Value zero = o.number(0);
    return o.stack({zero, o.b.neg(o[2]), o[1], o[2], zero, o.b.neg(o[0]), o[1], o[0], zero},
                   Shape{3, 3});
  });
  const std::string other = refusal([&] { check_structure(lopsided, vector({1, 2, 3})); });
  EXPECT_NE(other.find("not antisymmetric: for (i, j) = (0, 2)"), std::string::npos) << other;
}

/// A bump far from the start, which no sample near it sees.
TEST(Structure, AMatrixIsLookedAtWhereItDoesSomething) {
  const System wrong = bracket_system(3, [](const Of& o) {
    const Value far = o.add(o[0], o.number(-9));
    const Value bump = o.times(1e-3, o.b.unary(Op::kExp, o.times(-1e6, o.mul(far, far))));
    const Value a = o.add(o.b.neg(o[2]), bump), zero = o.number(0);
    return o.stack({zero, a, o[1], o.b.neg(a), zero, o.b.neg(o[0]), o.b.neg(o[1]), o[0], zero},
                   Shape{3, 3});
  });
  const std::string text = refusal([&] { check_structure(wrong, vector({0.1, 1, 0.1})); });
  EXPECT_NE(text.find("Jacobi identity"), std::string::npos) << text;
}

/// A parameter in J takes part with its value in tests, as a letter in proofs.
TEST(Structure, ParametersAreLettersInProofs) {
  const System s = bracket_system(
      3, [](const Of& o) { return o.b.scale(o.parameters[0], so3_matrix()(o)); }, {real("c", 0.1)});
  EXPECT_EQ(fact(check_structure(s, vector({1, 2, 3})), "jacobi").how, How::kProved);
}

System relaxing(const Body& metric, const Body& entropy) {
  System s = bracket_system(3, so3_matrix());
  s.structure.kind = Structure::Kind::kMetriplectic;
  s.terms.clear();
  add_energy(s, "kinetic",
             [](const Of& o) { return o.add(o.mul(o[0], o[0]), o.times(0.5, o.mul(o[1], o[1]))); });
  s.structure.metric = program(3, metric, "G");
  s.structure.entropy = program(3, entropy, "S");
  return s;
}

/// sign (|w|^2 - w w^T), w = grad H = (2 x0, x1, 0)
Body projector(double sign) {
  return [sign](const Of& o) {
    const Value w[] = {o.times(2, o[0]), o[1], o.number(0)};
    const Value square = o.add(o.mul(w[0], w[0]), o.mul(w[1], w[1]));
    std::vector<Value> parts;
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) {
        const Value outer = o.mul(w[i], w[j]);
        parts.push_back(o.times(sign, i == j ? o.b.sub(square, outer) : o.b.neg(outer)));
      }
    }
    return o.stack(parts, Shape{3, 3});
  };
}

TEST(Structure, OfAMetriplecticSystem) {
  const Tensor x = vector({0.4, -0.9, 1.3});
  const Body casimir = [](const Of& o) { return o.b.dot(o.x, o.x); };
  const auto facts = check_structure(relaxing(projector(1), casimir), x);
  for (const char* name :
       {"skew", "jacobi", "entropy_is_casimir", "energy_not_dissipated", "metric_symmetric"}) {
    EXPECT_EQ(fact(facts, name).how, How::kProved) << name;
  }
  EXPECT_EQ(fact(facts, "metric_positive").how, How::kTested);
  const auto why = [&](const Body& g, const Body& s) {
    return refusal([&] { check_structure(relaxing(g, s), x); });
  };
  EXPECT_NE(why(projector(-1), casimir).find("negative eigenvalue"), std::string::npos);
  EXPECT_NE(why(projector(1), [](const Of& o) { return o[0]; }).find("changes the entropy"),
            std::string::npos);
  const Body identity = [](const Of& o) {
    return o.b.constant(tensor(Shape{3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}));
  };
  EXPECT_NE(why(identity, casimir).find("changes the energy"), std::string::npos);
}

}  // namespace
}  // namespace cotangent::mechanics::test
