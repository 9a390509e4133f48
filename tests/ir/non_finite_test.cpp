// The op that first made a number that is not finite, in which step and lane.
#include "cotangent/ir/non_finite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/ir/text.h"

namespace cotangent::ir {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const Type kVector{DType::kF64, Shape{3}};

Tensor vector_of(std::initializer_list<double> x) {
  return Tensor::of<double>(Shape{static_cast<std::int64_t>(x.size())}, x);
}

NonFinite found_in(const FunctionPtr& f, const std::vector<Tensor>& arguments,
                   std::optional<std::size_t> result = {}) {
  const auto found = find_non_finite(*f, arguments, result);
  if (!found) {
    ADD_FAILURE() << "all finite\n" << print(*f);
    return {};
  }
  return *found;
}

TEST(NonFinite, NothingToFind) {
  Builder b("f");
  const Value x = b.param(kVector);
  const FunctionPtr f = b.finish({b.unary(Op::kLog, x), b.cast(x, DType::kI64)});
  EXPECT_FALSE(find_non_finite(*f, std::vector{vector_of({1, 2, 3})}));
  const NonFinite found = found_in(f, {vector_of({1, 0, 3})});
  EXPECT_EQ(found.op, Op::kLog);
  EXPECT_EQ(found.text(),
            "result 0, element [1] is -inf\n"
            "  log gave -inf: %1 : f64[3], element [1] = log(%0 = 0), in f");
}

// What a select throws away is no origin, and it is another element that is followed.
TEST(NonFinite, MasksAndMovedElements) {
  Builder b("f");
  const Value x = b.param(kVector, "x");
  const Value zero = b.zeros(kVector);
  const Value kept = b.select(b.gt(x, zero), b.unary(Op::kLog, x), zero);
  const Value moved = b.reverse(b.add(kept, b.div(x, b.sub(x, b.splat(2, kVector)))), {0});
  const FunctionPtr f = b.finish({b.slice_rows(moved, 0, 1), b.reduce_sum(moved)});
  const NonFinite first = found_in(f, {vector_of({-1, 1, 2})});
  EXPECT_EQ(first.op, Op::kDiv);
  EXPECT_EQ(first.at, 2);
  EXPECT_EQ(first.result, 0u);
  EXPECT_EQ(found_in(f, {vector_of({-1, 1, 2})}, 1).at, 2);
  const NonFinite second = found_in(f, {vector_of({2, 1, 3})});
  EXPECT_EQ(second.result, 1u);
  EXPECT_EQ(second.at, 0);
}

// Both branches are bad where one is taken; sums are of the row that is looked at.
TEST(NonFinite, TheBranchTakenAndTheRowSummed) {
  Builder b("f");
  const Value x = b.param(kVector, "x");
  const Value one = b.splat(1, kVector), two = b.splat(2, kVector);
  const Value y =
      b.select(b.lt(x, two), b.unary(Op::kLog, b.sub(x, two)), b.div(one, b.sub(x, two)));
  EXPECT_EQ(found_in(b.finish({y}), {vector_of({4, 2, 4})}).op, Op::kDiv);
  Builder c("g");
  const Value m = c.param(Type{DType::kF64, Shape{2, 3}}, "m");
  const Value sums = c.reduce_sum(c.unary(Op::kLog, m), {1});
  const FunctionPtr g = c.finish({c.slice_rows(sums, 1, 2)});
  const NonFinite found = found_in(g, {Tensor::of<double>(Shape{2, 3}, {0, 0, 1, 1, 0, 0})});
  EXPECT_EQ(found.op, Op::kLog);
  EXPECT_EQ(found.at, 4);
}

// Row 0 of the product is bad and unread; the one that is read overflows by itself.
TEST(NonFinite, OnlyWhatTheElementDependsOn) {
  Builder b("f");
  const Value x = b.param(Type{DType::kF64, Shape{2, 2}}, "x");
  const Value y = b.unary(Op::kLog, x);
  const Value w = b.constant(Tensor::of<double>(Shape{2, 1}, {1e308, 1e308}));
  const Value product = b.dot_general(y, w, DotAttr{{}, {}, {1}, {0}});
  const FunctionPtr f = b.finish({b.slice_rows(product, 1, 2)});
  const NonFinite found =
      found_in(f, {Tensor::of<double>(Shape{2, 2}, {0, 1, std::exp(1.0), std::exp(1.0)})});
  EXPECT_EQ(found.op, Op::kDotGeneral);
  EXPECT_EQ(found.at, 1);
}

TEST(NonFinite, ArgumentsConstantsAndNaN) {
  Builder b("f");
  const Value x = b.param(kVector, "speed"), y = b.param(kVector);
  const FunctionPtr f = b.finish({b.mul(b.div(b.splat(1, kVector), x), y)});
  const NonFinite given = found_in(f, {vector_of({1, 1, 1}), vector_of({0, kInf, 1})});
  ASSERT_TRUE(given.argument);
  EXPECT_EQ(*given.argument, 1u);
  EXPECT_EQ(given.at, 1);
  // 1/0 is an infinity, times 0 it is NaN: both are told.
  const NonFinite nan = found_in(f, {vector_of({1, 1, 0}), vector_of({0, 1, 0})});
  EXPECT_EQ(nan.op, Op::kDiv);
  EXPECT_EQ(nan.made, kInf);
  EXPECT_NE(nan.became_nan.find("mul"), std::string::npos) << nan.text();
  // An infinity that was written down is nobody's fault, a difference of two is.
  Builder c("g");
  const Value z = c.param(scalar());
  const Value far = c.constant(kInf);
  const FunctionPtr g = c.finish({c.sub(c.binary(Op::kMax, z, far), far)});
  const NonFinite sub = found_in(g, {Tensor::scalar_of(1.0)});
  EXPECT_EQ(sub.op, Op::kMax) << sub.text();
  EXPECT_NE(sub.became_nan.find("sub"), std::string::npos) << sub.text();
}

// x <- 1/(x - 1), from 1.5: 2, 1, inf, 0, -1. Puts out x - 1 at every second step.
FunctionPtr iterated(std::int64_t trip) {
  Builder body("step");
  body.param(scalar(DType::kI64));
  const Value x = body.param(scalar());
  const Value less = body.sub(x, body.constant(1.0));
  LoopAttr attr;
  attr.trip = trip;
  attr.carries = 1;
  attr.every = {2};
  attr.body = body.finish({body.div(body.constant(1.0), less), less});
  Builder b("f");
  const Value start = b.param(scalar());
  return b.finish(b.loop(attr, std::span(&start, 1)));
}

TEST(NonFinite, TheStepOfALoop) {
  for (const auto& [start, step] : {std::pair(1.0, 0), std::pair(2.0, 1), std::pair(1.5, 2)}) {
    const NonFinite found = found_in(iterated(step + 1), {Tensor::scalar_of(start)});
    EXPECT_EQ(found.op, Op::kDiv);
    ASSERT_EQ(found.levels.size(), 1u);
    EXPECT_EQ(found.levels[0].op, Op::kLoop);
    EXPECT_EQ(found.levels[0].index, step) << found.text();
  }
  // Forgotten at the next step; but the output of step 3 is the inf of step 2, less 1.
  const NonFinite later = found_in(iterated(4), {Tensor::scalar_of(1.5)});
  EXPECT_EQ(later.result, 1u);
  EXPECT_EQ(later.op, Op::kDiv);
  EXPECT_EQ(later.levels.at(0).index, 2);
}

TEST(NonFinite, AWhile) {
  Builder condition("goes_on"), body("root");
  for (Builder* b : {&condition, &body}) b->param(scalar(DType::kI64)), b->param(scalar());
  const Value at = condition.so_far().params()[1];
  const Value x = body.so_far().params()[1];
  WhileAttr attr;
  attr.carries = 1;
  attr.limit = 10;
  attr.condition = condition.finish({condition.lt(at, condition.constant(100.0))});
  attr.body = body.finish({body.unary(Op::kSqrt, body.sub(x, body.constant(2.0)))});
  Builder b("f");
  const Value in = b.param(scalar());
  const FunctionPtr f = b.finish({b.while_loop(attr, std::span(&in, 1))[0]});
  // 8 -> sqrt 6 = 2.45 -> sqrt 0.45 = 0.67 -> NaN, in iteration 2
  const NonFinite found = found_in(f, {Tensor::scalar_of(8.0)});
  EXPECT_EQ(found.op, Op::kSqrt);
  EXPECT_EQ(found.levels.at(0).text(), "iteration 2 of while %1");
}

TEST(NonFinite, TheLaneAndThePair) {
  // A map over rows of a sum over pairs of 1/(x_i - x_j).
  Builder pair("pair");
  pair.param(scalar(DType::kI64)), pair.param(scalar(DType::kI64));
  const Value xi = pair.param(scalar()), xj = pair.param(scalar());
  PairAttr pairs;
  pairs.count = 3;
  pairs.kind = PairKind::kUnequal;
  pairs.rows_i = pairs.rows_j = 1;
  pairs.roles = {Role::kTotal};
  pairs.body = pair.finish({pair.div(pair.constant(1.0), pair.sub(xi, xj))});
  Builder lane("lane");
  lane.param(scalar(DType::kI64));
  const Value row = lane.param(kVector);
  const Value both[] = {row, row};
  MapAttr map;
  map.count = 4;
  map.rows = 1;
  map.roles = {Role::kStack, Role::kTotal};
  const Value sum = lane.pair_sum(pairs, both)[0];
  map.body = lane.finish({sum, sum});
  Builder b("f");
  const Value x = b.param(Type{DType::kF64, Shape{4, 3}}, "x");
  const std::vector<Value> made = b.map(map, std::span(&x, 1));
  const FunctionPtr f = b.finish({made[1], made[0]});
  const Tensor at = Tensor::of<double>(Shape{4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 11});
  for (std::size_t r : {0u, 1u}) {
    const NonFinite found = found_in(f, {at}, r);
    EXPECT_EQ(found.op, Op::kDiv);
    ASSERT_EQ(found.levels.size(), 2u);
    EXPECT_EQ(found.levels[0].index, 2);
    EXPECT_EQ(found.levels[1].index, 1);
    EXPECT_EQ(found.levels[1].other, 2);
  }
  // It came in from outside, through both.
  Tensor bad = at;
  bad.set_real(8, std::nan(""));
  const NonFinite given = found_in(f, {bad}, 0);
  ASSERT_TRUE(given.argument) << given.text();
  EXPECT_EQ(given.at, 8);
  EXPECT_TRUE(given.levels.empty());
}

// Terms that are finite, and whose sum is not: the op that adds them is named.
TEST(NonFinite, SumsThatOverflow) {
  Builder lane("lane");
  lane.param(scalar(DType::kI64));
  const Value e = lane.param(scalar());
  MapAttr map;
  map.count = 3;
  map.rows = 1;
  map.roles = {Role::kTotal};
  map.body = lane.finish({lane.mul(e, e)});
  Builder b("f");
  const Value x = b.param(kVector);
  const FunctionPtr f = b.finish({b.map(map, std::span(&x, 1))[0]});
  const NonFinite found = found_in(f, {vector_of({1e154, 1e154, 1.3e154})});
  EXPECT_EQ(found.op, Op::kMap) << found.text();
  EXPECT_TRUE(found.levels.empty());
}

TEST(NonFinite, Factorisations) {
  Builder b("f");
  const Value a = b.param(Type{DType::kF64, Shape{2, 2}});
  const FunctionPtr f = b.finish({b.reduce_sum(b.factor(Op::kCholesky, a)[0])});
  const NonFinite found = found_in(f, {Tensor::of<double>(Shape{2, 2}, {1, 2, 2, 1})});
  EXPECT_EQ(found.op, Op::kCholesky) << found.text();
}

// Of random programs: what is found is not finite, its operands are or are not read, and an
// argument is named only where it is bad itself.
TEST(NonFinite, RandomPrograms) {
  int faults = 0, given = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    RandomProgramOptions options;
    options.nodes = 12;
    const FunctionPtr f = random_program(seed, options);
    std::vector<Tensor> arguments = random_arguments(*f, seed);
    for (Tensor& x : arguments) {
      if (!is_float(x.type().dtype) || x.size() == 0 || seed % 2) continue;
      x.set_real(x.size() / 2, seed % 4 ? kInf : std::nan(""));
    }
    bool bad = false;
    for (const Tensor& x : evaluate(*f, arguments)) bad = bad || first_non_finite(x);
    const auto found = find_non_finite(*f, arguments);
    ASSERT_EQ(found.has_value(), bad) << print(*f);
    if (!found) continue;
    ++faults;
    EXPECT_FALSE(std::isfinite(found->value)) << found->text();
    EXPECT_FALSE(std::isfinite(found->made)) << found->text();
    if (!found->argument) continue;
    ++given;
    EXPECT_TRUE(found->levels.empty());
    EXPECT_FALSE(std::isfinite(arguments[*found->argument].real(found->at))) << found->text();
  }
  EXPECT_GT(faults, 40);
  EXPECT_GT(given, 20);
}

}  // namespace
}  // namespace cotangent::ir
