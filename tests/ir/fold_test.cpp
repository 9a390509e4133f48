// Folding at construction is exact: what IEEE allows for every operand, NaN and -0 included, and
// nothing else. Each rule is also run on special values against the evaluator.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/random_program.h"
#include "cotangent/ir/splitmix.h"
#include "cotangent/ir/text.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir::testing {
namespace {

struct Bench {
  Builder b{"f"};
  Value x = b.param(scalar());
  Value v = b.param({DType::kF64, {4}});
  Value i = b.param(scalar(DType::kI64));
  Value p = b.param(scalar(DType::kBool));
  Value c(double value) { return b.constant(value); }
  Value k(std::int64_t value) { return b.constant_i64(value); }
  Value all(double value) { return b.splat(value, {DType::kF64, {4}}); }
  Op op(Value value) { return b.so_far().op(value); }
};

TEST(Fold, FloatIdentitiesThatHoldForEveryValue) {
  Bench t;
  Builder& b = t.b;
  EXPECT_EQ(b.mul(t.x, t.c(1)), t.x);
  EXPECT_EQ(b.mul(t.c(1), t.x), t.x);
  EXPECT_EQ(b.mul(t.x, t.c(-1)), b.neg(t.x));
  EXPECT_EQ(b.div(t.x, t.c(1)), t.x);
  EXPECT_EQ(b.div(t.x, t.c(-1)), b.neg(t.x));
  EXPECT_EQ(b.add(t.x, t.c(-0.0)), t.x);
  EXPECT_EQ(b.add(t.c(-0.0), t.x), t.x);
  EXPECT_EQ(b.sub(t.x, t.c(0.0)), t.x);
  EXPECT_EQ(b.neg(b.neg(t.x)), t.x);
  EXPECT_EQ(b.binary(Op::kMin, t.x, t.x), t.x);
  EXPECT_EQ(b.mul(t.v, t.all(1)), t.v);
  EXPECT_EQ(b.add(t.v, t.all(-0.0)), t.v);
  // Dividing by a power of two is multiplying by its inverse; by three it is not.
  EXPECT_EQ(b.div(t.x, t.c(4)), b.mul(t.x, t.c(0.25)));
  EXPECT_EQ(t.op(b.div(t.x, t.c(3))), Op::kDiv);
  EXPECT_EQ(t.op(b.div(t.x, t.c(0x1p-1074))), Op::kDiv);  // its inverse overflows
  EXPECT_EQ(t.op(b.div(t.x, t.c(INFINITY))), Op::kDiv);
  EXPECT_EQ(t.op(b.div(t.x, t.c(0))), Op::kDiv);
}

TEST(Fold, WhatLooksTrueAndIsNot) {
  Bench t;
  Builder& b = t.b;
  EXPECT_EQ(t.op(b.mul(t.x, t.c(0))), Op::kMul);  // NaN, infinity, -0
  EXPECT_EQ(t.op(b.mul(t.v, t.all(0))), Op::kMul);
  EXPECT_EQ(t.op(b.add(t.x, t.c(0.0))), Op::kAdd);  // -0 + 0 = +0
  t.c(0.0);
  EXPECT_EQ(t.op(b.add(t.c(0.0), b.unary(Op::kSin, t.x))), Op::kAdd);  // the constant comes first
  EXPECT_EQ(t.op(b.sub(t.x, t.c(-0.0))), Op::kSub);
  EXPECT_EQ(t.op(b.sub(t.c(0.0), t.x)), Op::kSub);  // 0 - 0 = +0, -(0) = -0
  EXPECT_EQ(t.op(b.sub(t.x, t.x)), Op::kSub);       // NaN, infinity
  EXPECT_EQ(t.op(b.div(t.x, t.x)), Op::kDiv);
  EXPECT_EQ(t.op(b.eq(t.x, t.x)), Op::kEq);  // NaN
  EXPECT_EQ(t.op(b.add(b.add(t.x, t.c(1)), t.c(2))), Op::kAdd);
  EXPECT_EQ(b.so_far().operand(b.add(b.add(t.x, t.c(1)), t.c(2)), 0).id,
            std::min(b.add(t.x, t.c(1)).id, t.c(2).id));  // not x + 3
  EXPECT_EQ(t.op(b.mul(b.mul(t.x, t.c(3)), t.c(1.0 / 3))), Op::kMul);
  EXPECT_EQ(t.op(b.unary(Op::kExp, b.unary(Op::kLog, t.x))), Op::kExp);
  EXPECT_EQ(t.op(b.unary(Op::kSqrt, b.mul(t.x, t.x))), Op::kSqrt);
}

TEST(Fold, ConstantsOfExactOps) {
  Bench t;
  Builder& b = t.b;
  EXPECT_EQ(b.add(t.c(0.1), t.c(0.2)), t.c(0.1 + 0.2));
  EXPECT_EQ(b.div(t.c(1), t.c(3)), t.c(1.0 / 3));
  EXPECT_EQ(b.unary(Op::kSqrt, t.c(2)), t.c(std::sqrt(2.0)));
  EXPECT_EQ(b.fma(t.c(0.1), t.c(10), t.c(-1)), t.c(std::fma(0.1, 10.0, -1.0)));
  EXPECT_EQ(b.lt(t.c(1), t.c(2)), b.constant(Tensor::scalar_of(true)));
  EXPECT_EQ(b.cast(t.c(2.9), DType::kI64), t.k(2));
  EXPECT_EQ(b.select(b.constant(Tensor::scalar_of(false)), t.x, t.c(5)), t.c(5));
  // The bits of a transcendental function belong to the pass that expands it.
  EXPECT_EQ(t.op(b.unary(Op::kSin, t.c(1))), Op::kSin);
  EXPECT_EQ(t.op(b.binary(Op::kPow, t.c(2), t.c(3))), Op::kPow);
  // Repeated scalars are computed once and stay repeated.
  const Value v = b.add(t.all(1), t.all(2));
  EXPECT_EQ(v, t.all(3));
  EXPECT_EQ(t.op(v), Op::kBroadcast);
  const Value w = b.mul(t.all(2), b.broadcast_to(t.x, {4}));
  EXPECT_EQ(w, b.broadcast_to(b.mul(t.c(2), t.x), {4}));
}

TEST(Fold, IntegersAndBools) {
  Bench t;
  Builder& b = t.b;
  EXPECT_EQ(b.add(t.i, t.k(0)), t.i);
  EXPECT_EQ(b.mul(t.i, t.k(1)), t.i);
  EXPECT_EQ(b.mul(t.i, t.k(0)), t.k(0));
  EXPECT_EQ(b.sub(t.i, t.i), t.k(0));
  EXPECT_EQ(b.div(t.i, t.k(1)), t.i);
  EXPECT_EQ(t.op(b.div(t.i, t.i)), Op::kDiv);  // 0 / 0 = 0
  EXPECT_EQ(b.neg(b.neg(t.i)), t.i);
  EXPECT_EQ(b.unary(Op::kNot, b.unary(Op::kNot, t.p)), t.p);
  const Value yes = b.constant(Tensor::scalar_of(true)), no = b.constant(Tensor::scalar_of(false));
  EXPECT_EQ(b.binary(Op::kAnd, t.p, yes), t.p);
  EXPECT_EQ(b.binary(Op::kAnd, t.p, no), no);
  EXPECT_EQ(b.binary(Op::kOr, no, t.p), t.p);
  EXPECT_EQ(b.binary(Op::kOr, t.p, yes), yes);
  EXPECT_EQ(b.select(yes, t.x, b.neg(t.x)), t.x);
  EXPECT_EQ(b.select(t.p, t.x, t.x), t.x);
}

TEST(Fold, ShapesCollapse) {
  Bench t;
  Builder& b = t.b;
  const Value m = b.reshape(t.v, {2, 2});
  EXPECT_EQ(b.reshape(m, {4}), t.v);
  EXPECT_EQ(b.transpose(b.transpose(m, {1, 0}), {1, 0}), m);
  EXPECT_EQ(b.transpose(m, {0, 1}), m);
  EXPECT_EQ(b.reverse(b.reverse(t.v, {0}), {0}), t.v);
  EXPECT_EQ(b.reverse(t.v, {}), t.v);
  EXPECT_EQ(b.slice(t.v, {0}, {4}, {1}), t.v);
  EXPECT_EQ(b.broadcast_to(t.v, {4}), t.v);
  EXPECT_EQ(b.broadcast_to(b.broadcast_to(t.v, {2, 4}), {3, 2, 4}), b.broadcast_to(t.v, {3, 2, 4}));
  EXPECT_EQ(b.concatenate(std::span(&t.v, 1), 0), t.v);
  EXPECT_EQ(b.reduce_sum(b.reshape(t.v, {4, 1}), {1}), t.v);
  EXPECT_EQ(b.transpose(b.broadcast_to(t.x, {2, 3}), {1, 0}), b.broadcast_to(t.x, {3, 2}));
  EXPECT_EQ(b.cast(t.x, DType::kF64), t.x);
  EXPECT_EQ(t.op(b.cast(b.cast(t.x, DType::kF32), DType::kF64)), Op::kCast);
}

/// Programs over constants alone: what folds must have the bits of what is computed. Here the same
/// program is evaluated with its parameters given, and with its parameters built in as constants.
TEST(Fold, RandomProgramsGiveTheSameBitsWithTheirArgumentsBuiltIn) {
  RandomProgramOptions options;
  options.nodes = 16;
  int smaller = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    const FunctionPtr f = random_program(seed, options);
    const auto arguments = random_arguments(*f, seed, seed % 2 == 1);
    Builder b("constant");
    std::vector<Value> constants;
    for (const Tensor& t : arguments) constants.push_back(b.constant(t));
    const FunctionPtr g = b.finish(b.inline_call(*f, constants));
    if (g->size() < f->size()) ++smaller;
    const auto want = evaluate(*f, arguments), got = evaluate(*g, {});
    for (std::size_t k = 0; k < want.size(); ++k) {
      ASSERT_TRUE(want[k].same_bits(got[k])) << "seed " << seed << "\n" << print(*f) << print(*g);
    }
  }
  EXPECT_GT(smaller, 200);
}

/// Copying a program through a builder again changes nothing: folding is idempotent.
TEST(Fold, IsIdempotent) {
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    const FunctionPtr f = random_program(seed);
    Builder b(f->name());
    std::vector<Value> params;
    for (std::size_t k = 0; k < f->params().size(); ++k) {
      params.push_back(b.param(f->param_type(k), f->param_names()[k]));
    }
    const FunctionPtr g = b.finish(b.inline_call(*f, params));
    ASSERT_TRUE(structurally_equal(*f, *g)) << print(*f) << print(*g);
  }
}

}  // namespace
}  // namespace cotangent::ir::testing
