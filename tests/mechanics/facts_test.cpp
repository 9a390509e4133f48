// Facts about small systems, with the right answers beside them. A proof must never be wrong; what
// is within reach of the rules must be proved.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/pairs.h"
#include "cotangent/mechanics/symmetry.h"
#include "cotangent/mechanics/vanishing.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Op;
using ir::Value;

Value square_sum(Builder& b, Value x) {
  return b.reduce_sum(b.mul(x, x));
}
Value num(Builder& b, double x) {
  return b.constant(x);
}

enum Answer { kNo, kYes };
struct Expected {
  Answer value;
  How how;
};
constexpr How P = How::kProved, T = How::kTested;

struct Case {
  std::string name;
  Problem problem;
  Expected separable, linear, time_dependent, translation, rotation, pairwise;
};

TermBody kinetic_whole() {
  return [](Builder& b, const TermValues& v) { return b.mul(num(b, 0.5), square_sum(b, v.p)); };
}

Problem problem_of(Shape shape, std::vector<std::pair<std::string, TermBody>> terms,
                   std::vector<Parameter> parameters = {}) {
  Problem problem{empty_system(shape, std::move(parameters)), {}};
  for (auto& [name, body] : terms) add_term(problem.system, name, body);
  std::vector<double> q, p;
  for (std::int64_t k = 0; k < shape.size(); ++k) {
    q.push_back(0.7 + 0.9 * std::sin(1.0 + 2.3 * static_cast<double>(k)));
    p.push_back(std::cos(0.4 + 1.7 * static_cast<double>(k)));
  }
  problem.initial.q = tensor(shape, q);
  problem.initial.p = tensor(shape, p);
  return problem;
}

/// A pair potential f(|q_i - q_j|^2).
TermBody pair_of_square(const std::function<Value(Builder&, Value)>& f,
                        ir::PairKind kind = ir::PairKind::kLess) {
  return pair_term(
      {}, {},
      [f](Builder& b, Value qi, Value qj, const std::vector<Value>&, const std::vector<Value>&) {
        const Value r = b.sub(qi, qj);
        return f(b, b.type(r).is_scalar() ? b.mul(r, r) : b.dot(r, r));
      },
      kind);
}

Value lennard_jones(Builder& b, Value rr) {
  const Value s6 = b.div(num(b, 1), b.mul(b.mul(rr, rr), rr));
  return b.mul(num(b, 4), b.sub(b.mul(s6, s6), s6));
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](std::string name, Problem problem, Expected separable, Expected linear,
                       Expected time, Expected translation, Expected rotation, Expected pairwise) {
    all.push_back({std::move(name), std::move(problem), separable, linear, time, translation,
                   rotation, pairwise});
  };
  //                                separable  linear    time      translat. rotation  pairwise
  add("harmonic", harmonic(1.3), {kYes, P}, {kYes, P}, {kNo, P}, {kNo, T}, {kNo, P}, {kNo, P});
  add("kepler", kepler(0.3), {kYes, P}, {kNo, T}, {kNo, P}, {kNo, T}, {kYes, P}, {kNo, P});
  add("henon_heiles", henon_heiles(), {kYes, P}, {kNo, T}, {kNo, P}, {kNo, T}, {kNo, T}, {kNo, P});
  add("outer_solar_system", outer_solar_system(), {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P},
      {kYes, P}, {kYes, P});
  add("fput", fput(16, 0.25), {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P}, {kNo, P}, {kNo, P});
  // The same coupling by an index computed in the body, round a ring.
  add("ring",
      problem_of(Shape{6}, {{"kinetic", kinetic_whole()},
                            {"ring",
                             [](Builder& b, const TermValues& v) {
                               Builder body("spring");
                               const Value i = body.param(ir::scalar(DType::kI64), "i");
                               const Value q = body.param(b.type(v.q), "q");
                               const Value next =
                                   body.binary(Op::kMod, body.add(i, body.constant_i64(1)),
                                               body.constant_i64(6));
                               const Value r = body.sub(body.gather(q, next), body.gather(q, i));
                               ir::MapAttr attr;
                               attr.count = 6;
                               attr.roles = {ir::Role::kTotal};
                               attr.body = body.finish({body.mul(r, r)});
                               return b.map(attr, std::span(&v.q, 1))[0];
                             }}}),
      {kYes, P}, {kYes, P}, {kNo, P}, {kYes, P}, {kNo, P}, {kNo, P});
  add("linear chain", fput(16, 0), {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P}, {kNo, P}, {kNo, P});
  all.back().linear = {kYes, T};  // alpha = 0 is a parameter: no rule can know
  add("driven", driven_oscillator(), {kYes, P}, {kYes, P}, {kYes, T}, {kNo, T}, {kNo, P}, {kNo, P});
  add("swinging mass", swinging_mass(), {kYes, P}, {kYes, P}, {kYes, T}, {kNo, T}, {kNo, P},
      {kNo, P});
  add("lennard_jones",
      problem_of(Shape{13, 3},
                 {{"kinetic", kinetic_whole()}, {"pairs", pair_of_square(lennard_jones)}}),
      {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P}, {kYes, P}, {kYes, P});
  add("springs between all pairs",
      problem_of(Shape{5, 2}, {{"kinetic", kinetic_whole()},
                               {"springs", pair_of_square([](Builder&, Value rr) { return rr; })}}),
      {kYes, P}, {kYes, P}, {kNo, P}, {kYes, P}, {kYes, P}, {kYes, P});
  add("pairs counted twice",
      problem_of(Shape{5, 2},
                 {{"kinetic", kinetic_whole()},
                  {"springs",
                   pair_of_square([](Builder& b, Value rr) { return b.unary(Op::kExp, b.neg(rr)); },
                                  ir::PairKind::kUnequal)}}),
      {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P}, {kYes, P}, {kYes, P});
  // A spring along x only: translations yes, rotations no.
  add("anisotropic pairs",
      problem_of(Shape{4, 2},
                 {{"kinetic", kinetic_whole()},
                  {"x springs", pair_term({}, {},
                                          [](Builder& b, Value qi, Value qj,
                                             const std::vector<Value>&, const std::vector<Value>&) {
                                            const Value x = b.row(b.sub(qi, qj), 0);
                                            return b.mul(x, x);
                                          })}}),
      {kYes, P}, {kYes, P}, {kNo, P}, {kYes, P}, {kNo, T}, {kYes, P});
  // A central trap: rotations yes, translations no.
  add("isotropic trap",
      problem_of(Shape{4, 3},
                 {{"kinetic", kinetic_whole()},
                  {"trap", sum_term([](Builder& b, Value q, Value) { return b.dot(q, q); })}}),
      {kYes, P}, {kYes, P}, {kNo, P}, {kNo, T}, {kYes, P}, {kNo, P});
  // Uniform gravity along z.
  add("falling",
      problem_of(Shape{2, 3},
                 {{"kinetic", kinetic_whole()},
                  {"weight", sum_term([](Builder& b, Value q, Value) { return b.row(q, 2); })}}),
      {kYes, P}, {kYes, P}, {kNo, P}, {kNo, T}, {kNo, T}, {kNo, P});
  // Charge in a uniform magnetic field: (p + q x B)^2 / 2 mixes q and p; rotations about z only, in
  // 2D.
  add("magnetic",
      problem_of(Shape{2}, {{"kinetic",
                             [](Builder& b, const TermValues& v) {
                               const Value x = b.row(v.q, 0), y = b.row(v.q, 1);
                               const Value px = b.sub(b.row(v.p, 0), y),
                                           py = b.add(b.row(v.p, 1), x);
                               return b.mul(num(b, 0.5), b.add(b.mul(px, px), b.mul(py, py)));
                             }}}),
      {kNo, T}, {kYes, P}, {kNo, P}, {kNo, T}, {kYes, P}, {kNo, P});
  // Relativistic kinetic energy, not polynomial in p.
  add("relativistic",
      problem_of(Shape{3, 2}, {{"kinetic", sum_term([](Builder& b, Value, Value p) {
                                  return b.unary(Op::kSqrt, b.add(num(b, 1), b.dot(p, p)));
                                })},
                               {"springs", pair_of_square([](Builder&, Value rr) { return rr; })}}),
      {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P}, {kYes, P}, {kYes, P});
  // norm(q)^2 written with the square root: still quadratic.
  add("squared norm",
      problem_of(Shape{2}, {{"kinetic", kinetic_whole()},
                            {"trap",
                             [](Builder& b, const TermValues& v) {
                               const Value r = b.unary(Op::kSqrt, square_sum(b, v.q));
                               return b.mul(r, r);
                             }}}),
      {kYes, P}, {kYes, P}, {kNo, P}, {kNo, T}, {kYes, P}, {kNo, P});
  // floor of a coordinate: its derivative vanishes, but it is not invariant.
  add("stairs",
      problem_of(Shape{2, 2}, {{"kinetic", kinetic_whole()},
                               {"stairs", sum_term([](Builder& b, Value q, Value) {
                                  return b.unary(Op::kFloor, b.mul(num(b, 5), b.row(q, 0)));
                                })}}),
      {kYes, P}, {kNo, T}, {kNo, P}, {kNo, T}, {kNo, T}, {kNo, P});
  // A wall: where(x < 0, 1, 0), the same.
  add("wall",
      problem_of(Shape{2, 2},
                 {{"kinetic", kinetic_whole()}, {"wall", sum_term([](Builder& b, Value q, Value) {
                                                   return b.select(b.lt(b.row(q, 0), num(b, 0.9)),
                                                                   num(b, 1), num(b, 0));
                                                 })}}),
      {kYes, P}, {kNo, T}, {kNo, P}, {kNo, T}, {kNo, T}, {kNo, P});
  // A cut-off by distance is invariant: the choice reads an invariant.
  add("cut-off",
      problem_of(Shape{4, 3}, {{"kinetic", kinetic_whole()},
                               {"pairs", pair_of_square([](Builder& b, Value rr) {
                                  return b.select(b.lt(rr, num(b, 2)), b.unary(Op::kExp, b.neg(rr)),
                                                  num(b, 0));
                                })}}),
      {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P}, {kYes, P}, {kYes, P});
  // Particles named one by one.
  add("two named particles",
      problem_of(Shape{3, 2}, {{"kinetic", kinetic_whole()},
                               {"bond",
                                [](Builder& b, const TermValues& v) {
                                  const Value r = b.sub(b.row(v.q, 1), b.row(v.q, 0));
                                  return b.dot(r, r);
                                }}}),
      {kYes, P}, {kYes, P}, {kNo, P}, {kYes, P}, {kYes, P}, {kNo, P});
  // Three-body: an angle at particle 0; and a product over q and p that cancels in the sum.
  add("angle",
      problem_of(Shape{3, 3}, {{"kinetic", kinetic_whole()},
                               {"angle",
                                [](Builder& b, const TermValues& v) {
                                  const Value a = b.sub(b.row(v.q, 1), b.row(v.q, 0)),
                                              c = b.sub(b.row(v.q, 2), b.row(v.q, 0));
                                  const Value cosine =
                                      b.div(b.dot(a, c),
                                            b.unary(Op::kSqrt, b.mul(b.dot(a, a), b.dot(c, c))));
                                  const Value off = b.sub(cosine, num(b, 0.3));
                                  return b.mul(off, off);
                                }}}),
      {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P}, {kYes, P}, {kNo, P});
  // Angular momentum in H: invariant under rotations, mixes q and p.
  add("rotating frame",
      problem_of(Shape{1, 2}, {{"kinetic", kinetic_whole()},
                               {"coriolis",
                                [](Builder& b, const TermValues& v) {
                                  const Value q = b.row(v.q, 0), p = b.row(v.p, 0);
                                  return b.sub(b.mul(b.row(q, 1), b.row(p, 0)),
                                               b.mul(b.row(q, 0), b.row(p, 1)));
                                }}}),
      {kNo, T}, {kYes, P}, {kNo, P}, {kNo, T}, {kYes, P}, {kNo, P});
  // Sums over components, written out: sum over i and k of c_k q[i,k]^2, round or not.
  const auto components = [](double last) {
    return sum_term([last](Builder& b, Value q, Value) {
      Builder body("component");
      body.param(ir::scalar(DType::kI64), "k");
      const Value x = body.param(ir::scalar(), "x"), c = body.param(ir::scalar(), "c");
      ir::MapAttr attr;
      attr.count = 3;
      attr.rows = 2;
      attr.roles = {ir::Role::kTotal};
      attr.body = body.finish({body.mul(c, body.mul(x, x))});
      const Value operands[] = {q, b.constant(tensor(Shape{3}, {1, 1, last}))};
      return b.map(attr, operands)[0];
    });
  };
  add("components, round",
      problem_of(Shape{9, 3}, {{"kinetic", kinetic_whole()}, {"trap", components(1)}}), {kYes, P},
      {kYes, P}, {kNo, P}, {kNo, T}, {kYes, P}, {kNo, P});
  add("components, flat",
      problem_of(Shape{9, 3}, {{"kinetic", kinetic_whole()}, {"trap", components(2)}}), {kYes, P},
      {kYes, P}, {kNo, P}, {kNo, T}, {kNo, T}, {kNo, P});
  // Whole arrays too large for the algebra: tested, with q and p turned together.
  add("large",
      problem_of(Shape{100, 3},
                 {{"kinetic", kinetic_whole()},
                  {"virial",
                   [](Builder& b, const TermValues& v) { return b.reduce_sum(b.mul(v.q, v.p)); }}}),
      {kNo, T}, {kYes, P}, {kNo, P}, {kNo, T}, {kYes, T}, {kNo, P});
  // One dimension: particles on a line.
  add("line",
      problem_of(Shape{6, 1},
                 {{"kinetic", kinetic_whole()}, {"pairs", pair_of_square([](Builder& b, Value rr) {
                                                   return b.unary(Op::kLog, rr);
                                                 })}}),
      {kYes, P}, {kNo, T}, {kNo, P}, {kYes, P}, {kNo, P}, {kYes, P});
  return all;
}

void expect_fact(const Case& c, const Facts& facts, const char* name, const Expected& e) {
  const Fact& f = facts.find(name);
  EXPECT_EQ(std::get<bool>(f.value), e.value == kYes) << c.name << ": " << name << ": " << f.detail;
  EXPECT_EQ(f.how == How::kProved, e.how == How::kProved)
      << c.name << ": " << name << ": " << f.detail;
  EXPECT_FALSE(f.detail.empty()) << c.name << ": " << name;
  if (f.how == How::kTested) {
    EXPECT_TRUE(f.derivation.empty()) << c.name << ": " << name;
  }
}

TEST(Facts, OfManySystems) {
  const std::vector<Case> all = cases();
  EXPECT_GE(all.size(), 20u);
  for (const Case& c : all) {
    const Facts facts = find_facts(c.problem.system, c.problem.initial);
    expect_fact(c, facts, "separable", c.separable);
    expect_fact(c, facts, "linear", c.linear);
    expect_fact(c, facts, "time_dependent", c.time_dependent);
    expect_fact(c, facts, "translation_invariant", c.translation);
    expect_fact(c, facts, "rotation_invariant", c.rotation);
    expect_fact(c, facts, "pairwise", c.pairwise);
  }
}

TEST(Facts, AProofPrintsItsDerivation) {
  const Problem problem = outer_solar_system();
  const Facts facts = find_facts(problem.system, problem.initial);
  for (const char* name :
       {"separable", "time_dependent", "translation_invariant", "rotation_invariant", "pairwise"}) {
    ASSERT_EQ(facts.find(name).derivation.size(), 2u) << name;
  }
  EXPECT_NE(facts.find("translation_invariant").derivation[1].find("pair_sum"), std::string::npos);
}

TEST(Facts, NoSpatialAxis) {
  const Problem problem = fput(16, 0.25);
  const Fact f = find_facts(problem.system, problem.initial).find("rotation_invariant");
  EXPECT_NE(f.detail.find("no spatial axis"), std::string::npos);
}

TEST(Facts, AMixedTermIsNamedWithItsPlace) {
  Problem problem = problem_of(Shape{2}, {{"kinetic", kinetic_whole()}});
  const SourceSpan span{0, 10, 15};
  add_term(
      problem.system, "mixed",
      [](Builder& b, const TermValues& v) { return b.reduce_sum(b.mul(v.q, v.p)); }, span);
  const Fact f = find_facts(problem.system, problem.initial).find("separable");
  EXPECT_EQ(f.term, "mixed");
  EXPECT_EQ(f.place, span);
  EXPECT_NE(f.detail.find("mul"), std::string::npos);
  EXPECT_NE(f.detail.find("d2E/dq dp"), std::string::npos);
}

TEST(Facts, AMixtureThatCancelsIsTestedNotProved) {
  // (q + p)^2 - 2 q p = q^2 + p^2: separable, but not by what the gradients read.
  const Problem problem =
      problem_of(Shape{1}, {{"h", [](Builder& b, const TermValues& v) {
                               const Value q = b.row(v.q, 0), p = b.row(v.p, 0), s = b.add(q, p);
                               return b.sub(b.mul(s, s), b.mul(num(b, 2), b.mul(q, p)));
                             }}});
  const Fact f = find_facts(problem.system, problem.initial).find("separable");
  EXPECT_TRUE(std::get<bool>(f.value));
  EXPECT_EQ(f.how, How::kTested);
}

// --- degrees

TEST(Degree, FollowsTheRules) {
  const auto degree = [](const TermBody& body) {
    return degree_of(*problem_of(Shape{2}, {{"x", body}}).system.terms[0].energy);
  };
  constexpr int kNone = Degree::kNotPolynomial;
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) { return square_sum(b, v.q); }),
            (Degree{2, 0, 2}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) {
              return b.mul(square_sum(b, v.q), square_sum(b, v.p));
            }),
            (Degree{2, 2, 4}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) {
              return b.add(square_sum(b, v.q), b.reduce_sum(v.p));
            }),
            (Degree{2, 1, 2}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) { return b.div(b.row(v.p, 0), v.t); }),
            (Degree{0, 1, 1}));
  EXPECT_EQ(
      degree([](Builder& b, const TermValues& v) { return b.div(b.row(v.p, 0), b.row(v.q, 0)); }),
      (Degree{kNone, 1, kNone}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) {
              return b.binary(Op::kPow, b.row(v.q, 0), num(b, 3));
            }),
            (Degree{3, 0, 3}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) {
              return b.binary(Op::kPow, b.row(v.q, 0), num(b, 2.5));
            }),
            (Degree{kNone, 0, kNone}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) {
              return b.binary(Op::kPow, b.row(v.q, 0), num(b, -1));
            }),
            (Degree{kNone, 0, kNone}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) {
              return b.binary(Op::kPow, b.unary(Op::kSqrt, square_sum(b, v.q)), num(b, 4));
            }),
            (Degree{4, 0, 4}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) {  // two different roots
              return b.mul(b.unary(Op::kSqrt, square_sum(b, v.q)),
                           b.unary(Op::kSqrt, b.row(v.q, 0)));
            }),
            (Degree{kNone, 0, kNone}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) {
              return b.select(b.lt(b.row(v.q, 0), num(b, 0)), b.row(v.p, 0), b.row(v.p, 1));
            }),
            (Degree{kNone, 1, kNone}));
  EXPECT_EQ(degree([](Builder& b, const TermValues& v) { return b.unary(Op::kSin, v.t); }),
            (Degree{0, 0, 0}));
  EXPECT_EQ(text_of(Degree{kNone, 2, kNone}), "2 in p, not polynomial in q");
}

TEST(Degree, GoesThroughLoops) {
  // x <- x * q, three times from 1: of degree 3; and with a count no one knows, not polynomial.
  const auto power = [](std::int64_t trip) {
    return problem_of(Shape{1}, {{"x",
                                  [trip](Builder& b, const TermValues& v) {
                                    Builder body("power");
                                    body.param(ir::scalar(DType::kI64), "k");
                                    const Value q = body.param(ir::scalar(), "q"),
                                                x = body.param(ir::scalar(), "x");
                                    ir::LoopAttr loop;
                                    loop.trip = trip;
                                    loop.invariants = loop.carries = 1;
                                    loop.body = body.finish({body.mul(x, q)});
                                    const Value operands[] = {b.row(v.q, 0), b.constant(1.0)};
                                    return b.loop(loop, operands)[0];
                                  }}})
        .system.terms[0]
        .energy;
  };
  EXPECT_EQ(degree_of(*power(3)).q, 3);
  EXPECT_EQ(degree_of(*power(1000)).q, Degree::kNotPolynomial);
}

// --- forms

Facts facts_of(const TermBody& body, Shape shape = Shape{2}) {
  const Problem problem = problem_of(shape, {{"kinetic", kinetic_whole()}, {"x", body}});
  return find_facts(problem.system, problem.initial);
}

// Derivatives are zero on either side of a jump, so they do not show that it reads q and p
// together.
TEST(Facts, AJumpByBothIsNotSeparable) {
  const auto both = [](Builder& b, const TermValues& v) { return b.reduce_sum(b.add(v.q, v.p)); };
  const Op jumps[] = {Op::kFloor, Op::kRound, Op::kSign, Op::kCeil};
  for (Op op : jumps) {
    EXPECT_FALSE(facts_of([&](Builder& b, const TermValues& v) {
                   return b.unary(op, both(b, v));
                 }).holds("separable"))
        << name_of(op);
  }
  EXPECT_FALSE(facts_of([&](Builder& b, const TermValues& v) {
                 return b.select(b.lt(both(b, v), num(b, 0.5)), num(b, 1), num(b, 0));
               }).holds("separable"));
  EXPECT_FALSE(facts_of([&](Builder& b, const TermValues& v) {
                 return b.binary(Op::kMod, both(b, v), num(b, 1));
               }).holds("separable"));
  EXPECT_TRUE(facts_of([&](Builder& b, const TermValues& v) {
                return b.unary(Op::kFloor, b.reduce_sum(v.q));
              }).holds("separable"));
}

TEST(Facts, KinksInDisguiseAreNotSmooth) {
  const auto first = [](Builder& b, const TermValues& v) { return b.row(v.q, 0); };
  const auto smooth = [&](const std::function<Value(Builder&, Value)>& g) {
    return facts_of([&](Builder& b, const TermValues& v) { return g(b, first(b, v)); })
        .holds("smooth");
  };
  EXPECT_FALSE(smooth([](Builder& b, Value x) { return b.unary(Op::kSqrt, b.mul(x, x)); }));
  EXPECT_FALSE(
      smooth([](Builder& b, Value x) { return b.unary(Op::kAsin, b.unary(Op::kSin, x)); }));
  EXPECT_FALSE(smooth([](Builder& b, Value x) { return b.unary(Op::kCbrt, b.mul(x, x)); }));
  EXPECT_FALSE(
      smooth([](Builder& b, Value x) { return b.binary(Op::kPow, b.mul(x, x), num(b, 0.5)); }));
  EXPECT_TRUE(smooth([](Builder& b, Value x) { return b.binary(Op::kPow, x, num(b, 4)); }));
  EXPECT_TRUE(smooth(
      [](Builder& b, Value x) { return b.unary(Op::kSqrt, b.add(num(b, 1), b.mul(x, x))); }));
}

TEST(Facts, AJumpIsSaid) {
  const auto of_row = [](Op op) {
    return [op](Builder& b, const TermValues& v) { return b.unary(op, b.row(v.q, 0)); };
  };
  EXPECT_TRUE(facts_of(of_row(Op::kFloor)).holds("may_jump"));
  EXPECT_FALSE(facts_of(of_row(Op::kAbs)).holds("may_jump"));
  EXPECT_FALSE(facts_of(of_row(Op::kSin)).holds("may_jump"));
  EXPECT_TRUE(facts_of([](Builder& b, const TermValues& v) {
                return b.select(b.lt(b.row(v.q, 0), num(b, 1)), b.row(v.q, 1), num(b, 0));
              }).holds("may_jump"));
}

TEST(Facts, SamplesThatAreNotNumbersShowNothing) {
  const Facts facts = facts_of(
      [](Builder& b, const TermValues& v) {
        return b.unary(Op::kLog, b.sub(num(b, -100), b.reduce_sum(b.mul(v.q, v.q))));
      },
      Shape{2, 3});
  EXPECT_FALSE(facts.holds("translation_invariant"));
  EXPECT_FALSE(facts.holds("linear"));
}

TEST(Form, OfTerms) {
  const auto form = [](Shape shape, const TermBody& body) {
    return form_of(*problem_of(shape, {{"x", body}}).system.terms[0].energy);
  };
  EXPECT_EQ(form(Shape{4, 2}, kinetic_whole()).form, TermForm::kOneBody);
  EXPECT_EQ(form(Shape{4, 2}, pair_of_square(lennard_jones)).form, TermForm::kPairs);
  EXPECT_EQ(form(Shape{4, 2}, [](Builder&, const TermValues& v) { return v.t; }).form,
            TermForm::kConstant);
  // The square of a sum over particles couples them all.
  const FormOf squared = form(Shape{4, 2}, [](Builder& b, const TermValues& v) {
    const Value s = b.reduce_sum(v.q);
    return b.mul(s, s);
  });
  EXPECT_EQ(squared.form, TermForm::kOther);
  EXPECT_FALSE(squared.why.empty());
  // One particle alone is one body, two are not.
  EXPECT_EQ(form(Shape{4, 2},
                 [](Builder& b, const TermValues& v) { return square_sum(b, b.row(v.q, 2)); })
                .form,
            TermForm::kOneBody);
  EXPECT_EQ(
      form(Shape{4, 2},
           [](Builder& b, const TermValues& v) { return b.dot(b.row(v.q, 2), b.row(v.q, 1)); })
          .form,
      TermForm::kOther);
}

}  // namespace
}  // namespace cotangent::mechanics::test
