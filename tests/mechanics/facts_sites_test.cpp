// Where an op is not smooth or not finite, held against its values: every elementwise op has a case
// here, so a new one without rules is seen.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/vanishing.h"
#include "cotangent/transform/derivatives.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Op;
using ir::Value;

/// A term g(q0, q1) in two plain coordinates.
Problem of_two(const std::function<Value(Builder&, Value, Value)>& g) {
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "x",
           [&g](Builder& b, const TermValues& v) { return g(b, b.row(v.q, 0), b.row(v.q, 1)); });
  problem.initial.q = tensor(Shape{2}, {0.7, 0.3});
  problem.initial.p = tensor(Shape{2}, {0.1, 0.4});
  return problem;
}

struct Expected {
  bool smooth, may_jump, singular;
};

const std::map<Op, Expected>& expected() {
  const Expected good{true, false, false}, kink{false, false, false}, jump{false, true, false};
  const Expected pole{true, false, true}, end{false, false, true}, broken{false, true, true};
  static const std::map<Op, Expected> all = {
      {Op::kNeg, good},        {Op::kAbs, kink},
      {Op::kSign, jump},       {Op::kFloor, jump},
      {Op::kCeil, jump},       {Op::kRound, jump},
      {Op::kSqrt, pole},       {Op::kRsqrt, pole},
      {Op::kCbrt, end},        {Op::kExp, good},
      {Op::kExpm1, good},      {Op::kLog, pole},
      {Op::kLog1p, pole},      {Op::kSin, good},
      {Op::kCos, good},        {Op::kTan, pole},
      {Op::kAsin, end},        {Op::kAcos, end},
      {Op::kAtan, good},       {Op::kSinh, good},
      {Op::kCosh, good},       {Op::kTanh, good},
      {Op::kErf, good},        {Op::kErfc, good},
      {Op::kFarAngle, jump},   {Op::kFarAngleError, jump},
      {Op::kFarQuarter, jump}, {Op::kIsFinite, good},
      {Op::kAdd, good},        {Op::kSub, good},
      {Op::kMul, good},        {Op::kDiv, pole},
      {Op::kMod, broken},      {Op::kPow, end},
      {Op::kAtan2, broken},    {Op::kMin, kink},
      {Op::kMax, kink},        {Op::kLt, jump},
      {Op::kLe, jump},         {Op::kEq, jump},
      {Op::kNe, jump},         {Op::kFma, good},
  };
  return all;
}

/// Of whole numbers and bits, of conditions, or of any type: they have cases of their own.
bool stands_apart(const ir::OpInfo& op) {
  return op.domain == ir::OpDomain::kBits || op.domain == ir::OpDomain::kInt ||
         op.domain == ir::OpDomain::kAny || op.domain == ir::OpDomain::kSpecial;
}

Value applied(Builder& b, const ir::OpInfo& op, Value x, Value y) {
  const Value operands[] = {x, y, x};
  const Value z = b.elementwise(op.op, std::span(operands, static_cast<std::size_t>(op.arity)));
  return b.type(z).dtype == DType::kF64 ? z : b.cast(z, DType::kF64);
}

/// Whether value and gradient of the term are numbers at (x, y).
bool finite_at(const Problem& problem, double x, double y) {
  const ir::FunctionPtr slope = transform::grad(*problem.system.terms[0].energy, {0});
  const std::vector<ir::Tensor> args = {tensor(Shape{2}, {x, y}), *problem.initial.p,
                                        ir::Tensor::scalar_of<double>(0)};
  const long double value = ir::evaluate(*problem.system.terms[0].energy, args)[0].real(0);
  const ir::Tensor g = ir::evaluate(*slope, args)[0];
  return std::isfinite(value) && std::isfinite(g.real(0)) && std::isfinite(g.real(1));
}

TEST(SitesOfOps, EveryElementwiseOpHasItsCase) {
  const double points[] = {-3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3};
  for (const ir::OpInfo& op : ir::all_ops()) {
    if (op.kind != ir::OpKind::kElementwise || stands_apart(op)) continue;
    SCOPED_TRACE(std::string(op.name));
    const auto at = expected().find(op.op);
    if (at == expected().end()) {
      ADD_FAILURE() << "an op without a case";
      continue;
    }
    const Problem problem =
        of_two([&op](Builder& b, Value x, Value y) { return applied(b, op, x, y); });
    const Facts facts = find_facts(problem.system, problem.initial);
    EXPECT_EQ(facts.holds("smooth"), at->second.smooth) << facts.find("smooth").detail;
    EXPECT_EQ(facts.holds("may_jump"), at->second.may_jump) << facts.find("may_jump").detail;
    EXPECT_EQ(facts.holds("singular"), at->second.singular) << facts.find("singular").detail;
    // Not taken on trust: what is called regular is so on a grid with the usual places.
    if (is_far_angle(op.op) || facts.holds("singular")) continue;
    for (double x : points) {
      for (double y : points) EXPECT_TRUE(finite_at(problem, x, y)) << x << ", " << y;
    }
  }
}

TEST(SitesOfOps, KnowTheEndsOfADomain) {
  const auto singular = [](const std::function<Value(Builder&, Value, Value)>& g) {
    const Problem problem = of_two(g);
    const Fact fact = find_facts(problem.system, problem.initial).find("singular");
    return std::string(std::get<bool>(fact.value) ? "yes" : "no") +
           (fact.how == How::kProved ? ", proved" : "");
  };
  const auto square = [](Builder& b, Value x) { return b.mul(x, x); };
  const auto power = [](Builder& b, Value x, double e) {
    return b.binary(Op::kPow, x, b.constant(e));
  };
  EXPECT_EQ(singular([&](Builder& b, Value x, Value) {
              return b.unary(Op::kTan, b.add(b.constant(1.0), square(b, x)));
            }),
            "yes");
  EXPECT_EQ(singular([&](Builder& b, Value x, Value) { return b.unary(Op::kLog1p, square(b, x)); }),
            "no, proved");
  EXPECT_EQ(singular([&](Builder& b, Value x, Value) { return power(b, x, 1.5); }), "yes");
  EXPECT_EQ(singular([&](Builder& b, Value x, Value) { return power(b, square(b, x), 1.5); }),
            "no, proved");
  EXPECT_EQ(singular([&](Builder& b, Value x, Value) { return power(b, square(b, x), 0.5); }),
            "yes");
  EXPECT_EQ(singular([&](Builder& b, Value x, Value) { return power(b, x, 3); }), "no, proved");
  EXPECT_EQ(singular([&](Builder& b, Value x, Value) { return power(b, x, -1); }), "yes");
  EXPECT_EQ(singular([&](Builder& b, Value x, Value) {
              return b.unary(Op::kCbrt, b.add(b.constant(1.0), square(b, x)));
            }),
            "no, proved");
}

TEST(SitesOfOps, BitsMayBeAnything) {
  const Problem problem = of_two(
      [](Builder& b, Value x, Value) { return b.bitcast(b.bitcast(x, DType::kU64), DType::kF64); });
  const auto sites = sites_of(*problem.system.terms[0].energy, {0, 1});
  EXPECT_TRUE(
      std::ranges::any_of(sites, [](const Site& s) { return s.kind == Site::Kind::kClosed; }));
}

/// A call of x0 * x0 in the first coordinate, with a derivative of its own: factor x0 dx0.
Problem of_call(double factor) {
  Builder body("square"), rule("square");
  const ir::Type real{DType::kF64, {}};
  const Value x = body.param(real), at = rule.param(real), along = rule.param(real);
  ir::CallAttr call;
  call.body = body.finish({body.mul(x, x)});
  call.jvp = rule.finish({rule.mul(at, at), rule.mul(rule.mul(rule.constant(factor), at), along)});
  return of_two([&](Builder& b, Value q0, Value) {
    const Value given[] = {q0};
    return b.call(call, given)[0];
  });
}

TEST(SitesOfOps, CallsAreWhatTheirBodiesAre) {
  const Problem problem = of_call(2);
  const Facts facts = find_facts(problem.system, problem.initial);
  EXPECT_TRUE(facts.holds("smooth"));
  EXPECT_EQ(facts.find("may_jump").how, How::kProved) << facts.find("may_jump").detail;
}

TEST(SitesOfOps, AnEnergyWithAnotherGradientIsRefused) {
  const Problem problem = of_call(3);
  try {
    find_facts(problem.system, problem.initial);
    ADD_FAILURE() << "not refused";
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("derivative of its own (square)"), std::string::npos);
  }
}

// Steps of a coordinate alone: no derivative shows them, and samples stay on one side.
TEST(SitesOfOps, SamplesDoNotTellWhatJumps) {
  for (const Op op : {Op::kFloor, Op::kRound, Op::kSign}) {
    const Problem problem{[&] {
      Problem x{empty_system(Shape{2}), {}};
      add_term(x.system, "x", [op](Builder& b, const TermValues& v) {
        const Value far = b.mul(b.constant(0.01), b.add(b.constant(4.0), b.row(v.q, 0)));
        return b.mul(b.row(v.p, 0), b.unary(op, far));
      });
      x.initial.q = tensor(Shape{2}, {0.7, 0.3});
      x.initial.p = tensor(Shape{2}, {0.1, 0.4});
      return x;
    }()};
    const Facts facts = find_facts(problem.system, problem.initial);
    EXPECT_FALSE(facts.holds("separable")) << ir::name_of(op);
    EXPECT_TRUE(facts.holds("velocity_dependent")) << ir::name_of(op);
  }
}

TEST(SitesOfOps, AJumpInTimeIsNotSmooth) {
  Problem problem = of_two([](Builder& b, Value x, Value) { return b.mul(x, x); });
  EXPECT_TRUE(find_facts(problem.system, problem.initial).holds("smooth"));
  add_term(problem.system, "switch", [](Builder& b, const TermValues& v) {
    return b.mul(b.row(v.q, 0), b.unary(Op::kFloor, v.t));
  });
  const Facts facts = find_facts(problem.system, problem.initial);
  EXPECT_FALSE(facts.holds("smooth"));
  EXPECT_EQ(facts.find("smooth").detail,
            "the term \"switch\" has a jump or a kink in t (floor(...))");
  EXPECT_FALSE(facts.holds("may_jump"));
}

TEST(SitesOfOps, AreNamedAsTheyAreWritten) {
  const Problem problem =
      of_two([](Builder& b, Value x, Value y) { return b.select(b.lt(x, y), x, y); });
  EXPECT_EQ(find_facts(problem.system, problem.initial).find("smooth").detail,
            "the term \"x\" has a jump or a kink (<)");
  EXPECT_EQ(written("mod"), "%");
  EXPECT_EQ(written("sqrt"), "sqrt(...)");
}

TEST(SitesOfOps, SayWhereTheyAre) {
  const Problem problem = of_two([](Builder& b, Value x, Value) { return b.unary(Op::kAcos, x); });
  EXPECT_NE(find_facts(problem.system, problem.initial)
                .find("singular")
                .detail.find("has no force where the operand of acos is 1 or -1"),
            std::string::npos);
}

}  // namespace
}  // namespace cotangent::mechanics::test
