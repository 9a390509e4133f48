// Quadratic parts, named symmetries, periods, frequencies, and systems that are not canonical.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/elements.h"
#include "cotangent/mechanics/homogeneous.h"
#include "cotangent/mechanics/pair_range.h"
#include "cotangent/mechanics/periodic.h"
#include "cotangent/mechanics/quadratic.h"
#include "cotangent/mechanics/spectrum.h"
#include "cotangent/mechanics/symmetry.h"
#include "cotangent/mechanics/vanishing.h"
#include "cotangent/runtime/executable.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Op;
using ir::Tensor;
using ir::Value;
using std::numbers::pi;

std::vector<Tensor> at(const Problem& problem, double t = 0) {
  std::vector<Tensor> args = {problem.initial.q, *problem.initial.p, Tensor::scalar_of<double>(t)};
  for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
  return args;
}

std::vector<Tensor> parameters_of(const Problem& problem) {
  std::vector<Tensor> args;
  for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
  return args;
}

// --- the quadratic part

TEST(QuadraticPart, AndTheRestAreTheWhole) {
  for (const Problem& problem : {fput(16, 0.25), henon_heiles(), driven_oscillator()}) {
    const auto part = quadratic_part(problem.system);
    ASSERT_TRUE(part.has_value());
    ASSERT_TRUE(part->rest);
    long double whole = 0;
    for (const EnergyTerm& term : problem.system.terms) {
      whole += ir::evaluate(*term.energy, at(problem, 0.3))[0].real(0);
    }
    const long double both = ir::evaluate(*part->energy, at(problem, 0.3))[0].real(0) +
                             ir::evaluate(*part->rest, at(problem, 0.3))[0].real(0);
    EXPECT_NEAR(static_cast<double>(both), static_cast<double>(whole), 1e-14);
    const auto compiled = runtime::compile(part->energy)->call(at(problem, 0.3));
    EXPECT_NEAR(compiled[0].as<double>()[0],
                static_cast<double>(ir::evaluate(*part->energy, at(problem, 0.3))[0].real(0)),
                1e-14);
  }
}

TEST(QuadraticPart, HasTheBlocksOfHenonAndHeiles) {
  const Problem problem = henon_heiles();
  const auto part = quadratic_part(problem.system);
  ASSERT_TRUE(part && part->blocks && part->apply);
  const std::vector<Tensor> b = ir::evaluate(*part->blocks, parameters_of(problem));
  const double identity[] = {1, 0, 0, 1};
  for (std::int64_t k = 0; k < 4; ++k) {
    EXPECT_EQ(b[0].real(k), identity[k]);
    EXPECT_EQ(b[1].real(k), 0);
    EXPECT_EQ(b[2].real(k), identity[k]);
  }
  for (std::int64_t k = 0; k < 2; ++k) EXPECT_EQ(b[3].real(k), 0);
  // The rest has degree 3: nothing of it is quadratic.
  const auto again = split_quadratic(*part->rest);
  EXPECT_EQ(again.degree, 0);
}

// k (q0 - q1)^2/2 + b q0 p1 - g q1: all blocks and a slope.
TEST(QuadraticPart, HasMixedBlocksAndSlopes) {
  Problem problem{empty_system(Shape{2}, {real("k", 3), real("b", 0.5), real("g", 9.81)}), {}};
  add_term(problem.system, "h", [](Builder& b, const TermValues& v) {
    const Value r = b.sub(b.row(v.q, 0), b.row(v.q, 1));
    const Value spring = b.mul(v.parameters[0], b.mul(b.mul(r, r), b.constant(0.5)));
    const Value mixed = b.mul(v.parameters[1], b.mul(b.row(v.q, 0), b.row(v.p, 1)));
    return b.sub(b.add(spring, mixed), b.mul(v.parameters[2], b.row(v.q, 1)));
  });
  const auto part = quadratic_part(problem.system);
  ASSERT_TRUE(part.has_value());
  EXPECT_FALSE(part->rest);
  const std::vector<Tensor> b = ir::evaluate(*part->blocks, parameters_of(problem));
  const double h_qq[] = {3, -3, -3, 3}, h_qp[] = {0, 0.5, 0, 0};
  for (std::int64_t k = 0; k < 4; ++k) {
    EXPECT_EQ(b[0].real(k), h_qq[k]);
    EXPECT_EQ(b[1].real(k), h_qp[k]) << k;
    EXPECT_EQ(b[2].real(k), 0);
  }
  EXPECT_EQ(static_cast<double>(b[3].real(1)), -9.81);
  EXPECT_EQ(b[4].real(0), 0);
  std::vector<Tensor> args = {tensor(Shape{2}, {1, 0}), tensor(Shape{2}, {0, 2})};
  for (const Tensor& x : parameters_of(problem)) args.push_back(x);
  const std::vector<Tensor> hv = ir::evaluate(*part->apply, args);
  EXPECT_EQ(hv[0].real(0), 3 + 0.5 * 2);
  EXPECT_EQ(hv[1].real(1), 0.5);
}

TEST(QuadraticPart, OfARootSquaredHasItsSecondDerivative) {
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "well", [](Builder& b, const TermValues& v) {
    const Value r = b.unary(Op::kSqrt, b.dot(v.q, v.q));
    return b.mul(r, r);
  });
  const auto part = quadratic_part(problem.system);
  ASSERT_TRUE(part.has_value());
  const std::vector<Tensor> b = ir::evaluate(*part->blocks, {});
  EXPECT_NEAR(static_cast<double>(b[0].real(0)), 2, 1e-15);
  EXPECT_NEAR(static_cast<double>(b[0].real(1)), 0, 1e-15);
}

TEST(QuadraticPart, IsNotThereWhereNothingIsQuadratic) {
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "h", [](Builder& b, const TermValues& v) {
    return b.unary(Op::kCos, b.add(b.row(v.q, 0), b.row(v.p, 0)));
  });
  EXPECT_FALSE(quadratic_part(problem.system).has_value());
}

// --- named symmetries

FunctionPtr generator(const System& system,
                      const std::function<Value(Builder&, const TermValues&)>& body) {
  Builder b("generator");
  TermValues v;
  v.q = b.param(ir::Type{DType::kF64, system.shape}, "q");
  v.p = b.param(ir::Type{DType::kF64, system.shape}, "p");
  v.t = b.param(ir::scalar(), "t");
  for (const Parameter& x : system.parameters) {
    v.parameters.push_back(b.param(x.value.type(), x.name));
  }
  return b.finish({body(b, v)});
}

Value turned(Builder& b, Value x) {  // [1, 3]: about z
  const Value row = b.row(x, 0);
  const Value parts[] = {b.neg(b.slice_rows(row, 1, 2)), b.slice_rows(row, 0, 1),
                         b.constant(tensor(Shape{1}, {0}))};
  return b.reshape(b.concatenate(parts, 0), Shape{1, 3});
}

/// A helix: turns about z and rises by `pitch` a radian.
NamedGenerator screw(const System& system, double pitch) {
  NamedGenerator g;
  g.name = "screw";
  g.dq = generator(system, [pitch](Builder& b, const TermValues& v) {
    return b.add(turned(b, v.q), b.constant(tensor(Shape{1, 3}, {0, 0, pitch})));
  });
  g.dp = generator(system, [](Builder& b, const TermValues& v) { return turned(b, v.p); });
  return g;
}

/// A particle in a helical well: cos(phi - z) by x cos z + y sin z.
Problem helix() {
  Problem problem{empty_system(Shape{1, 3}), {}};
  add_term(problem.system, "kinetic", sum_term([](Builder& b, Value, Value p) {
             return b.mul(b.constant(0.5), b.dot(p, p));
           }));
  add_term(problem.system, "well", [](Builder& b, const TermValues& v) {
    const Value q = b.row(v.q, 0), z = b.row(q, 2);
    return b.add(b.mul(b.row(q, 0), b.unary(Op::kCos, z)),
                 b.mul(b.row(q, 1), b.unary(Op::kSin, z)));
  });
  problem.initial.q = tensor(Shape{1, 3}, {0.7, 0.1, 0.3});
  problem.initial.p = tensor(Shape{1, 3}, {0.2, 0.4, -0.3});
  return problem;
}

TEST(NamedSymmetry, AScrewIsProvedOfAHelix) {
  const Problem problem = helix();
  const Fact right = find_invariance(problem.system, problem.initial, screw(problem.system, 1));
  EXPECT_EQ(right.name, "screw_invariant");
  EXPECT_TRUE(std::get<bool>(right.value)) << right.detail;
  EXPECT_EQ(right.how, How::kProved) << right.detail;
  EXPECT_EQ(right.derivation.size(), 2u);
  const Fact wrong = find_invariance(problem.system, problem.initial, screw(problem.system, 2));
  EXPECT_FALSE(std::get<bool>(wrong.value));
  EXPECT_EQ(wrong.term, "well");
}

TEST(NamedSymmetry, OfOtherTypesIsRefused) {
  const Problem problem = helix();
  NamedGenerator g;
  g.name = "bad";
  g.dq = generator(problem.system, [](Builder&, const TermValues& v) { return v.t; });
  EXPECT_THROW(find_invariance(problem.system, problem.initial, g), UserError);
}

TEST(NamedSymmetry, AJumpAlongTheGroupIsNoInvariance) {
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "sign", [](Builder& b, const TermValues& v) {
    const Value x = b.row(v.q, 0);
    return b.div(x, b.unary(Op::kSqrt, b.mul(x, x)));
  });
  const FunctionPtr one = generator(problem.system, [](Builder& b, const TermValues&) {
    return b.constant(tensor(Shape{1}, {1}));
  });
  EXPECT_FALSE(prove_invariant_under(problem.system, one, nullptr).proved);
  problem.system.terms.clear();
  add_term(problem.system, "p only",
           [](Builder& b, const TermValues& v) { return b.reduce_sum(v.p); });
  EXPECT_TRUE(prove_invariant_under(problem.system, one, nullptr).proved);
}

// --- time

TEST(Period, OfSeveralFrequencies) {
  const auto period = [](std::vector<long double> w) { return common_period(w, true); };
  EXPECT_DOUBLE_EQ(period({3})->period, 2 * pi / 3);
  EXPECT_DOUBLE_EQ(period({3, 4.5L})->period, 2 * pi / 1.5);
  EXPECT_TRUE(period({3, 4.5L})->exact);
  EXPECT_DOUBLE_EQ(period({0.5L, 1.0L / 3})->period, 12 * pi);
  EXPECT_FALSE(period({0.5L, 1.0L / 3})->exact);  // a third is rounded
  EXPECT_FALSE(period({1, std::sqrt(2.0L)}).has_value());
  EXPECT_FALSE(period({}).has_value());
}

// --- frequencies

TEST(Spectrum, OfAMatrixAndOfLanczos) {
  const Apply chain = [](const Vector& x) {  // -second difference, fixed ends
    Vector y(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) {
      y[k] = 2 * x[k] - (k ? x[k - 1] : 0) - (k + 1 < x.size() ? x[k + 1] : 0);
    }
    return y;
  };
  std::vector<double> all = all_eigenvalues(chain, 8);
  std::sort(all.begin(), all.end());
  for (int k = 1; k <= 8; ++k) {
    EXPECT_NEAR(all[static_cast<std::size_t>(k - 1)], 4 * std::pow(std::sin(pi * k / 18), 2),
                1e-13);
  }
  const std::vector<double> some = lanczos(chain, 200, 14);
  const double most = *std::max_element(some.begin(), some.end());
  EXPECT_LT(most, 4);
  EXPECT_GT(most, 3.8);
  const std::vector<double> small = lanczos(chain, 8, 30);  // all of a small matrix
  EXPECT_NEAR(*std::min_element(small.begin(), small.end()), all[0], 1e-12);
}

TEST(Stiffness, OfAnOscillatorIsItsFrequency) {
  const Problem problem = harmonic(1.3);
  const Facts facts = find_facts(problem.system, problem.initial);
  ASSERT_TRUE(facts.stiffness.has_value());
  EXPECT_NEAR(facts.stiffness->fastest, 1.3, 1e-12);
  EXPECT_NEAR(facts.stiffness->dt_limit(), 2 / 1.3, 1e-12);
  EXPECT_FALSE(facts.holds("stiff"));
}

TEST(DominantBody, OfTheOuterSolarSystem) {
  const Problem problem = outer_solar_system();
  const Facts facts = find_facts(problem.system, problem.initial);
  EXPECT_TRUE(facts.holds("near_integrable"));
  ASSERT_TRUE(facts.dominant_body.has_value());
  EXPECT_EQ(facts.dominant_body->index, 0);
  // The Sun with the inner planets, over the outer planets and Pluto (Hairer, Lubich, Wanner).
  const double others =
      0.000954786104043 + 0.000285583733151 + 0.0000437273164546 + 0.0000517759138449 + 1 / 1.3e8;
  EXPECT_NEAR(facts.dominant_body->mass_ratio, 1.00000597682 / others, 1e-6);
  EXPECT_GT(facts.dominant_body->perturbation, 0);
  EXPECT_LT(facts.dominant_body->perturbation, 1e-3);
  // Jupiter goes round in 4333 days, and of c/r one direction is sqrt(2) stiffer than the orbit;
  // Pluto takes 90,560. The run starts from velocities.
  ASSERT_TRUE(facts.stiffness.has_value());
  EXPECT_NEAR(2 * pi / facts.stiffness->fastest, 4333 / std::sqrt(2), 300);
  EXPECT_GT(2 * pi / facts.stiffness->slowest, 40000);
  EXPECT_LT(2 * pi / facts.stiffness->slowest, 100000);
  ASSERT_TRUE(facts.scaling.has_value());  // Kepler's third law
  EXPECT_EQ(facts.scaling->time, 1.5);
  EXPECT_EQ(facts.scaling->energy, -1);
}

// --- entries

TEST(Entries, AreFollowedThroughSlicesAndBodies) {
  const auto read = [](Shape shape, const TermBody& body) {
    Problem problem{empty_system(shape), {}};
    add_term(problem.system, "x", body);
    const auto entries = entries_read(*problem.system.terms[0].energy, 0);
    std::string seen;
    for (bool b : *entries) seen += b ? '1' : '0';
    return seen;
  };
  EXPECT_EQ(read(Shape{4}, [](Builder& b, const TermValues& v) { return b.row(v.q, 2); }), "0010");
  EXPECT_EQ(read(Shape{2, 3}, sum_term([](Builder& b, Value q, Value) { return b.row(q, 1); })),
            "010010");
  EXPECT_EQ(read(Shape{4},
                 [](Builder& b, const TermValues& v) {
                   return b.reduce_sum(b.sub(b.slice_rows(v.q, 2, 4), b.slice_rows(v.q, 1, 3)));
                 }),
            "0111");
  EXPECT_EQ(read(Shape{4},
                 [](Builder& b, const TermValues& v) { return b.gather(v.q, b.constant_i64(3)); }),
            "0001");
  EXPECT_EQ(read(Shape{4},
                 [](Builder& b, const TermValues& v) {
                   return b.row(b.pad(v.q, b.constant(0.0), ir::Dims{2}, ir::Dims{0}, ir::Dims{1}),
                                4);
                 }),
            "0100");
  EXPECT_EQ(read(Shape{4},
                 [](Builder& b, const TermValues& v) {
                   const Value at = b.constant_i64(1), other = b.row(v.q, 3);
                   return b.row(b.scatter_add(v.q, other, std::span(&at, 1)), 1);
                 }),
            "0101");
}

// --- poles and roots

TEST(Sites, KnowWhatMayVanish) {
  const auto kinds = [](const std::function<Value(Builder&, Value)>& g) {
    Problem problem{empty_system(Shape{1, 2}), {}};
    add_term(problem.system, "x",
             [&g](Builder& b, const TermValues& v) { return g(b, b.row(v.q, 0)); });
    std::string seen;
    for (const Site& s : sites_of(*problem.system.terms[0].energy, {0, 1})) {
      seen +=
          std::string("JKRPN").substr(static_cast<std::size_t>(s.kind), 1) + (s.thin ? "t" : "");
    }
    return seen;
  };
  const auto x = [](Builder& b, Value q) { return b.row(q, 0); };
  const auto one = [](Builder& b) { return b.constant(1.0); };
  EXPECT_EQ(kinds([&](Builder& b, Value q) { return b.div(one(b), x(b, q)); }), "P");
  EXPECT_EQ(kinds([&](Builder& b, Value q) { return b.div(one(b), b.dot(q, q)); }), "Pt");
  EXPECT_EQ(kinds([&](Builder& b, Value q) { return b.div(one(b), b.add(one(b), b.dot(q, q))); }),
            "");
  EXPECT_EQ(kinds([&](Builder& b, Value q) { return b.unary(Op::kSqrt, b.dot(q, q)); }), "N");
  EXPECT_EQ(kinds([&](Builder& b, Value q) { return b.unary(Op::kSqrt, b.mul(x(b, q), x(b, q))); }),
            "K");
  EXPECT_EQ(kinds([&](Builder& b, Value q) {  // sqrt(x^4) = x^2
              const Value s = b.mul(x(b, q), x(b, q));
              return b.unary(Op::kSqrt, b.mul(s, s));
            }),
            "");
  EXPECT_EQ(kinds([&](Builder& b, Value q) {  // x^2 + x^2 vanishes on a wall
              const Value s = b.mul(x(b, q), x(b, q));
              return b.unary(Op::kSqrt, b.add(s, s));
            }),
            "R");
  EXPECT_EQ(kinds([&](Builder& b, Value q) {  // a vector with one component twice
              const Value parts[] = {b.slice_rows(q, 0, 1), b.slice_rows(q, 0, 1)};
              const Value twice = b.concatenate(parts, 0);
              return b.unary(Op::kSqrt, b.dot(twice, twice));
            }),
            "R");
  EXPECT_EQ(
      kinds([&](Builder& b, Value q) { return b.unary(Op::kLog, b.unary(Op::kExp, x(b, q))); }),
      "");
  EXPECT_EQ(kinds([&](Builder& b, Value q) { return b.unary(Op::kTan, x(b, q)); }), "P");
}

// --- homogeneity

TEST(Homogeneity, OfPowersAndSums) {
  const auto of = [](const TermBody& body) {
    Problem problem{empty_system(Shape{2}), {}};
    add_term(problem.system, "x", body);
    return homogeneity_of(*problem.system.terms[0].energy);
  };
  EXPECT_EQ(of([](Builder& b, const TermValues& v) {
              return b.div(b.dot(v.p, v.p), b.unary(Op::kSqrt, b.dot(v.q, v.q)));
            }),
            (Homogeneity{-1, 2}));
  EXPECT_FALSE(of([](Builder& b, const TermValues& v) {
                 return b.add(b.dot(v.q, v.q), b.constant(1.0));
               }).has_value());
  EXPECT_FALSE(of([](Builder& b, const TermValues& v) {
                 return b.unary(Op::kCos, b.row(v.q, 0));
               }).has_value());
  EXPECT_EQ(of([](Builder& b, const TermValues& v) {
              return b.unary(Op::kCos, b.div(b.row(v.q, 0), b.row(v.q, 1)));
            }),
            (Homogeneity{0, 0}));
}

// --- other forms

System equations(Form form, std::int64_t n,
                 const std::function<Value(Builder&, Value x, Value t)>& body) {
  System system;
  system.form = form;
  system.shape = Shape{n};
  system.arrays = {{"x", Shape{n}, {}}};
  Builder b("rate");
  const Value x = b.param(ir::Type{DType::kF64, system.shape}, "x"), t = b.param(ir::scalar(), "t");
  system.rate = b.finish({body(b, x, t)});
  return system;
}

InitialState starting_at(std::vector<double> x) {
  InitialState s;
  s.x = tensor(Shape{static_cast<std::int64_t>(x.size())}, x);
  return s;
}

TEST(OtherForms, PlainEquationsAndMaps) {
  const System lorenz = equations(Form::kEquations, 3, [](Builder& b, Value x, Value) {
    const Value parts[] = {
        b.reshape(b.mul(b.constant(10), b.sub(b.row(x, 1), b.row(x, 0))), Shape{1}),
        b.reshape(b.sub(b.mul(b.row(x, 0), b.sub(b.constant(28), b.row(x, 2))), b.row(x, 1)),
                  Shape{1}),
        b.reshape(b.sub(b.mul(b.row(x, 0), b.row(x, 1)), b.row(x, 2)), Shape{1})};
    return b.concatenate(parts, 0);
  });
  const Facts facts = find_facts(lorenz, starting_at({1, 2, 20}));
  for (const char* name : {"separable", "linear", "time_dependent", "translation_invariant",
                           "rotation_invariant", "pairwise", "velocity_dependent", "constrained"}) {
    EXPECT_FALSE(facts.holds(name)) << name;
    EXPECT_FALSE(facts.find(name).detail.empty()) << name;
  }
  EXPECT_TRUE(facts.holds("smooth"));
  const System decay = equations(Form::kMap, 2, [](Builder& b, Value x, Value t) {
    return b.add(b.mul(b.splat(0.5, b.type(x)), x), b.broadcast_to(b.unary(Op::kCos, t), Shape{2}));
  });
  const Facts linear = find_facts(decay, starting_at({1, 2}));
  EXPECT_TRUE(linear.holds("linear"));
  EXPECT_EQ(linear.find("linear").how, How::kProved);
  EXPECT_TRUE(linear.holds("time_dependent"));
  EXPECT_TRUE(linear.holds("periodic"));
  EXPECT_NEAR(*linear.period, 2 * pi, 1e-12);
}

/// A free rigid body: J(x) is the matrix of x cross, H = sum of x_k^2/(2 I_k); with equal moments
/// the product is of degree 2 by rules and zero in truth.
System rigid_body(std::vector<double> inverse_moments) {
  System system;
  system.form = Form::kBracket;
  system.shape = Shape{3};
  system.arrays = {{"x", Shape{3}, {}}};
  Builder j("j");
  const Value x = j.param(ir::Type{DType::kF64, Shape{3}}, "x");
  j.param(ir::scalar(), "t");
  const auto at = [&](std::int64_t k) { return j.slice_rows(x, k, k + 1); };
  const Value zero = j.constant(tensor(Shape{1}, {0}));
  const Value parts[] = {zero,         j.neg(at(2)), at(1), at(2), zero,
                         j.neg(at(0)), j.neg(at(1)), at(0), zero};
  system.structure.poisson = j.finish({j.reshape(j.concatenate(parts, 0), Shape{3, 3})});
  Builder h("h");
  const Value y = h.param(ir::Type{DType::kF64, Shape{3}}, "x");
  h.param(ir::scalar(), "t");
  const Value weights = h.constant(tensor(Shape{3}, inverse_moments));
  system.terms = {{"kinetic",
                   h.finish({h.mul(h.constant(0.5), h.reduce_sum(h.mul(weights, h.mul(y, y))))}),
                   {}}};
  return system;
}

/// Names of facts, each once.
std::vector<std::string> names_of(const Facts& facts) {
  std::vector<std::string> names;
  for (const Fact& f : facts.all) {
    if (names.empty() || names.back() != f.name) names.push_back(f.name);
  }
  return names;
}

// A reader finds them at the same place, whatever the system is.
TEST(OrderOfFacts, IsTheSameForAllSystems) {
  const Problem planets = outer_solar_system(), well = harmonic(1);
  const std::vector<std::string> all = names_of(find_facts(planets.system, planets.initial));
  EXPECT_EQ(names_of(find_facts(planets.system, planets.initial)), all);
  const auto expect_within = [&](const Facts& facts) {
    std::size_t at = 0;
    for (const std::string& name : names_of(facts)) {
      if (std::ranges::find(all, name) == all.end()) continue;  // of its form alone
      while (at < all.size() && all[at] != name) ++at;
      EXPECT_LT(at, all.size()) << name;
    }
  };
  expect_within(find_facts(well.system, well.initial));
  const System still =
      equations(Form::kEquations, 1, [](Builder& b, Value x, Value) { return b.mul(x, x); });
  expect_within(find_facts(still, starting_at({0.5})));
  expect_within(find_facts(rigid_body({1, 0.5, 0.25}), starting_at({0.3, 0.8, -0.4})));
}

TEST(OtherForms, ARigidBody) {
  const Facts facts = find_facts(rigid_body({1, 0.5, 0.25}), starting_at({0.3, 0.8, -0.4}));
  EXPECT_FALSE(facts.holds("linear"));
  EXPECT_FALSE(facts.holds("time_dependent"));
  EXPECT_EQ(facts.find("time_dependent").how, How::kProved);
  EXPECT_FALSE(facts.holds("constrained"));
}

TEST(OtherForms, ASystemWithNoTermsYetDoesNotThrow) {
  System contact = equations(Form::kBracket, 3, [](Builder&, Value x, Value) { return x; });
  contact.rate = nullptr;
  contact.structure.kind = Structure::Kind::kContact;
  Builder h("h");  // p^2/2 + q^2/2 + s/10: a damped oscillator
  const Value x = h.param(ir::Type{DType::kF64, Shape{3}}, "x");
  h.param(ir::scalar(), "t");
  const Value half = h.constant(0.5), q = h.row(x, 0), p = h.row(x, 1);
  contact.terms = {{"h",
                    h.finish({h.add(h.add(h.mul(half, h.mul(q, q)), h.mul(half, h.mul(p, p))),
                                    h.mul(h.constant(0.1), h.row(x, 2)))}),
                    {}}};
  const Facts facts = find_facts(contact, starting_at({1, 0, 0}));
  EXPECT_FALSE(facts.holds("linear"));  // ds/dt = p^2 - H
}

}  // namespace
}  // namespace cotangent::mechanics::test
