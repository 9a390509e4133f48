// Bounds of rounding errors, held against evaluations with 11 more bits.
#include "cotangent/mechanics/rounding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/transform/derivatives.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Op;
using ir::Tensor;
using ir::Value;

FunctionPtr of_vector(std::int64_t n, const std::function<Value(Builder&, Value)>& body) {
  Builder b("f");
  const Value x = b.param({DType::kF64, Shape{n}}, "x");
  return b.finish({body(b, x)});
}

/// Largest error of f64 over its bound, and the largest bound over the value's size.
void expect_bounded(const FunctionPtr& f, const std::vector<Tensor>& args, double loose) {
  const FunctionPtr both = with_rounding(*f, {0}, {}, kUnitF64);
  ASSERT_TRUE(both);
  ir::EvaluateOptions extended;
  extended.extended = true;
  const Tensor right = ir::evaluate(*f, args, extended)[0];
  const std::vector<Tensor> seen = ir::evaluate(*both, args);
  ASSERT_EQ(seen.size(), 2u);
  for (std::int64_t k = 0; k < right.size(); ++k) {
    const long double error = std::abs(seen[0].real(k) - right.real(k));
    EXPECT_LE(error, seen[1].real(k) * (1 + 1e-6L));
    EXPECT_LE(seen[1].real(k), loose);
  }
}

TEST(Rounding, IsBoundedByWhatCancels) {
  const Tensor x = tensor(Shape{3}, {0.7, 0.3, 1.9});
  expect_bounded(of_vector(3,
                           [](Builder& b, Value v) {  // (x + 1e6) - 1e6
                             const Value large = b.splat(1e6, b.type(v));
                             return b.sub(b.add(v, large), large);
                           }),
                 {x}, 1e-9);
  expect_bounded(of_vector(3, [](Builder& b, Value v) { return b.unary(Op::kExp, b.mul(v, v)); }),
                 {x}, 1e-13);
  expect_bounded(of_vector(3, [](Builder& b, Value v) { return b.dot(v, v); }), {x}, 1e-14);
  expect_bounded(
      of_vector(3, [](Builder& b,
                      Value v) { return b.div(b.unary(Op::kSin, v), b.unary(Op::kSqrt, v)); }),
      {x}, 1e-15);
}

/// Equal terms are rounded to the same side again and again.
TEST(Rounding, OfALongSumGrowsWithItsTerms) {
  const auto tenths = [](std::int64_t n) {
    return tensor(Shape{n}, std::vector<double>(static_cast<std::size_t>(n), 0.1));
  };
  for (std::int64_t n : {9, 100, 4096, 100000}) {
    expect_bounded(of_vector(n, [](Builder& b, Value v) { return b.reduce_sum(v); }), {tenths(n)},
                   1e-14 * static_cast<double>(n));
    expect_bounded(of_vector(n, [](Builder& b, Value v) { return b.dot(v, v); }), {tenths(n)},
                   1e-14 * static_cast<double>(n));
  }
  Builder pair("pair");
  pair.param({DType::kI64, {}});
  pair.param({DType::kI64, {}});
  ir::PairAttr attr;
  attr.count = 400;
  attr.kind = ir::PairKind::kUnequal;
  attr.rows_i = attr.rows_j = 1;
  attr.roles = {ir::Role::kAtI};
  const Value xi = pair.param({DType::kF64, {}});
  pair.param({DType::kF64, {}});
  attr.body = pair.finish({xi});
  expect_bounded(of_vector(400,
                           [&](Builder& b, Value v) {
                             const Value rows[] = {v, v};
                             return b.pair_sum(attr, rows)[0];
                           }),
                 {tenths(400)}, 1e-11);
}

/// What two errors do to a product or a sum may cancel in its derivative, not in the errors.
TEST(Rounding, OfProductsAndScatteredSumsDoesNotCancel) {
  const FunctionPtr product = of_vector(2, [](Builder& b, Value v) {
    return b.reduce(Op::kReduceProd, b.mul(v, b.splat(0.3, b.type(v))), {0});
  });
  for (double k = 1; k < 100; ++k) {
    expect_bounded(product, {tensor(Shape{2}, {k / 10, -k / 10})}, 1e-13);
  }
  std::vector<double> there_and_back(60, 0.1);
  std::fill(there_and_back.begin() + 30, there_and_back.end(), -0.1);
  const FunctionPtr sum = of_vector(60, [](Builder& b, Value v) {
    const Value places[] = {b.zeros({DType::kI64, Shape{60}})};
    return b.scatter_add(b.zeros({DType::kF64, Shape{1}}), v, places);
  });
  expect_bounded(sum, {tensor(Shape{60}, there_and_back)}, 1e-12);
}

/// The derivative of a product is a loop; with a sum left standing in it, and outputs.
TEST(Rounding, IsFollowedThroughLoops) {
  const FunctionPtr product = of_vector(5, [](Builder& b, Value v) {
    return b.reduce(Op::kReduceProd, b.mul(v, b.splat(0.3, b.type(v))), {0});
  });
  const Tensor x = tensor(Shape{5}, {0.7, -0.3, 1.9, 1.1, -0.9});
  expect_bounded(transform::grad(*product, {0}), {x}, 1e-14);

  Builder body("body");
  body.param({DType::kI64, {}});
  const Value rate = body.param({DType::kF64, {}}), sum = body.param({DType::kF64, {}});
  const Value count = body.param({DType::kI64, {}}), term = body.param({DType::kF64, {}});
  const Value next = body.add(sum, body.mul(rate, term));
  ir::LoopAttr attr;
  attr.trip = 5;
  attr.invariants = 1;
  attr.carries = 2;
  attr.inputs = 1;
  attr.every = {2};
  attr.body = body.finish({next, count, body.mul(next, next)});
  const FunctionPtr partial = of_vector(5, [&](Builder& b, Value v) {
    const Value operands[] = {b.constant(0.1), b.constant(0.0), b.zeros({DType::kI64, {}}), v};
    return b.loop(attr, operands)[2];
  });
  expect_bounded(partial, {x}, 1e-15);
}

TEST(Rounding, AJumpThatItReachesCounts) {
  const FunctionPtr f = of_vector(
      2, [](Builder& b, Value v) { return b.unary(Op::kFloor, b.mul(v, b.splat(3, b.type(v)))); });
  expect_bounded(f, {tensor(Shape{2}, {1.0 / 3, 0.5})}, 1);
  const auto seen = ir::evaluate(*with_rounding(*f, {0}, {}, kUnitF64),
                                 std::vector<Tensor>{tensor(Shape{2}, {1.0 / 3, 0.5})});
  EXPECT_EQ(seen[1].real(1), 0);
}

TEST(Rounding, OfASmallNumberIsSmall) {
  const FunctionPtr f =
      of_vector(2, [](Builder& b, Value v) { return b.mul(b.row(v, 0), b.constant(1e-20)); });
  const auto seen = ir::evaluate(*with_rounding(*f, {0}, {}, kUnitExtended),
                                 std::vector<Tensor>{tensor(Shape{2}, {0.7, 1e6})});
  EXPECT_GT(seen[0].real(0), 1e10L * seen[1].real(0));
  EXPECT_GT(seen[1].real(0), 1e-17L * seen[0].real(0));  // 1e-20 is itself rounded
}

TEST(Rounding, IsFollowedIntoBodies) {
  const Problem problem = outer_solar_system();
  for (const EnergyTerm& term : problem.system.terms) {
    const FunctionPtr slope = transform::grad(*term.energy, {0, 1});
    std::vector<Tensor> args = {problem.initial.q, *problem.initial.v,
                                Tensor::scalar_of<double>(0)};
    for (const Parameter& p : problem.system.parameters) args.push_back(p.value);
    expect_bounded(slope, args, 1e-15);
    const FunctionPtr both = with_rounding(*slope, {0, 1}, {0}, kUnitF64);
    ASSERT_TRUE(both);
    EXPECT_EQ(both->results().size(), 4u);
    const auto exact = ir::evaluate(*with_rounding(*slope, {0, 1}, {}, kUnitF64), args);
    const auto moved = ir::evaluate(*both, args);
    bool larger = true;
    for (std::int64_t k = 0; k < exact[2].size(); ++k) {
      larger = larger && moved[2].real(k) >= exact[2].real(k);
    }
    EXPECT_TRUE(larger);
  }
}

TEST(Rounding, HasNoRuleForFactorisations) {
  Builder b("f");
  const Value a = b.param({DType::kF64, Shape{2, 2}}, "a");
  const FunctionPtr f = b.finish({b.factor(Op::kCholesky, a)[0]});
  EXPECT_EQ(with_rounding(*f, {0}, {}, kUnitF64), nullptr);
}

TEST(Rounding, ShortNumbersAreExact) {
  for (const double x : {0.0, 1.0, -0.25, 3.0, 1e9, 0x1p-200}) EXPECT_FALSE(is_long(x)) << x;
  for (const double x : {0.1, 1e-20, 1e20, M_PI}) EXPECT_TRUE(is_long(x)) << x;
}

}  // namespace
}  // namespace cotangent::mechanics::test
