// Random bits, sorts and running sums inside while and cond, alone and one program to a lane: the
// evaluator's bits on the program as it was before any pass.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "tests/runtime/check.h"

namespace cotangent {
namespace {

using ir::Builder;
using ir::Op;
using ir::Tensor;
using ir::Type;
using ir::Value;

/// A row of n numbers gets noise from the bits of (seed, member, iteration), is sorted and summed
/// up, until its largest element passes 50; then one of two branches reorders it.
ir::FunctionPtr row_program(std::int64_t n) {
  const Type row{DType::kF64, Shape{n}}, whole = ir::scalar(DType::kI64);
  const Type word = ir::scalar(DType::kU64);
  Builder condition("goes_on"), body("step");
  for (Builder* b : {&condition, &body}) b->param(whole), b->param(word), b->param(row);
  const auto cp = condition.so_far().params();
  ir::WhileAttr attr;
  attr.invariants = attr.carries = 1;
  attr.condition = condition.finish(
      {condition.lt(condition.reduce(Op::kReduceMax, cp[2], {}), condition.constant(50.0))});
  const Value k = body.so_far().params()[0], member = body.so_far().params()[1];
  const Value x = body.so_far().params()[2];
  const Value drawn = body.random_bits(body.constant(99, DType::kU64), member,
                                       body.cast(k, DType::kU64), 3, row.with_dtype(DType::kU32));
  const Value noise = body.mul(body.cast(drawn, DType::kF64), body.splat(0x1p-32, row));
  const Value sorted = body.sort(body.add(x, noise), 0);
  attr.body = body.finish({body.mul(body.cumulative_sum(sorted, 0), body.splat(0.75, row))});

  Builder yes("yes"), no("no");
  const Value y = yes.param(row), z = no.param(row);
  const Value order = yes.argsort(yes.neg(y), 0);
  ir::CondAttr branches{yes.finish({yes.gather(y, order)}), no.finish({no.cumulative_sum(z, 0)})};

  Builder b("row");
  b.param(whole);
  const Value given = b.param(word, "member"), start = b.param(row, "x");
  const Value operands[] = {given, start};
  const std::vector<Value> grown = b.while_loop(attr, operands);
  const Value odd = b.eq(b.binary(Op::kAnd, grown[1], b.constant_i64(1)), b.constant_i64(1));
  const Value chosen[] = {odd, grown[0]};
  return b.finish({b.cond(branches, chosen)[0], grown[1]});
}

void check(std::int64_t lanes, std::int64_t n) {
  Builder b("lanes");
  ir::MapAttr attr;
  attr.count = lanes;
  attr.rows = 2;
  attr.roles = {ir::Role::kStack, ir::Role::kStack};
  attr.body = row_program(n);
  const Value operands[] = {b.param({DType::kU64, Shape{lanes}}),
                            b.param({DType::kF64, Shape{lanes, n}})};
  const ir::FunctionPtr f = b.finish(b.map(attr, operands));
  Tensor members({DType::kU64, Shape{lanes}}), x({DType::kF64, Shape{lanes, n}});
  for (std::int64_t k = 0; k < lanes; ++k) members.set_integer(k, 3 * k);
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const int scale = 2 * static_cast<int>(k / n % 5);  // so that lanes stop at different times
    x.set_real(k, std::ldexp(static_cast<double>(k * 7919 % 101) / 64, scale));
  }
  const std::vector<Tensor> arguments{members, x};
  const auto want = ir::evaluate(*f, arguments);
  bool differ = false;
  for (std::int64_t k = 1; k < lanes; ++k) {
    differ = differ || want[1].integer(k) != want[1].integer(0);
  }
  EXPECT_TRUE(differ || lanes == 1) << "lanes take one number of steps: the masks do nothing";
  path_check::check_passes_too(f, arguments,
                               std::to_string(lanes) + " lanes of " + std::to_string(n));
}

TEST(DataOpsInControl, HaveTheEvaluatorsBits) {
  check(19, 4);  // networks, in lanes
  check(5, 40);  // merges
  check(1, 20);
}

}  // namespace
}  // namespace cotangent
