// Derivatives of sorts and running sums inside while and cond, both directions, with random bits
// beside them; expansion inside these bodies keeps every bit.
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

const Type kRow{DType::kF64, Shape{5}};

Tensor row_of(std::vector<double> values) {
  return Tensor::of<double>(Shape{static_cast<std::int64_t>(values.size())},
                            std::span<const double>(values));
}

/// Where w . x is positive: w x sorted and summed up, as long as the sum is below 20, three times
/// at most, a random number added each time; else the running sum of w sin x, in the order of x.
FunctionPtr program() {
  const Type whole = scalar(DType::kI64);
  Builder condition("goes_on"), body("step");
  for (Builder* b : {&condition, &body}) b->param(whole), b->param(kRow), b->param(kRow);
  const Value grown = condition.so_far().params()[2];
  WhileAttr attr;
  attr.invariants = attr.carries = 1;
  attr.limit = 3;
  attr.condition =
      condition.finish({condition.lt(condition.reduce_sum(grown), condition.constant(20.0))});
  const auto p = body.so_far().params();
  const Value seed = body.constant(5, DType::kU64), step = body.cast(p[0], DType::kU64);
  const Value bits = body.random_bits(seed, seed, step, 0, scalar(DType::kU32));
  const Value noise = body.mul(body.cast(bits, DType::kF64), body.constant(0x1p-32));
  const Value product = body.mul(p[1], p[2]);
  attr.body = body.finish({body.add(body.cumulative_sum(body.sort(product, 0), 0),
                                    body.broadcast_to(noise, kRow.shape))});

  Builder yes("yes"), no("no");
  const Value yes_operands[] = {yes.param(kRow), yes.param(kRow)};
  const Value w = no.param(kRow), x = no.param(kRow);
  const Value sine = no.cumulative_sum(no.mul(w, no.unary(Op::kSin, x)), 0);
  CondAttr branches;
  branches.on_true = yes.finish({yes.while_loop(attr, yes_operands)[0]});
  branches.on_false = no.finish({no.gather(sine, no.argsort(x, 0))});

  Builder b("f");
  const Value first = b.param(kRow, "w"), second = b.param(kRow, "x");
  const Value chosen[] = {b.lt(b.constant(0.0), b.dot(first, second)), first, second};
  return b.finish(b.cond(branches, chosen));
}

TEST(DataOpsInControl, DerivativesOfBothDirections) {
  const FunctionPtr f = program();
  const Tensor w = row_of({1.5, -0.5, 2.0, 0.75, 1.25});
  const Tensors up{w, row_of({0.3, 1.1, 0.9, 2.0, -0.4})};
  const Tensors down{w, row_of({-1.3, 1.1, -0.9, 0.2, 0.4})};
  check_derivatives(*f, up, {0, 1});
  check_derivatives(*f, down, {0, 1});
  // Of the second order: the derivative of a gradient.
  Builder b("total");
  const Value both[] = {b.param(kRow), b.param(kRow)};
  const Value y = b.inline_call(*f, both)[0];
  const FunctionPtr slope = grad(*b.finish({b.dot(y, b.unary(Op::kCos, y))}), {0, 1});
  check_derivatives(*slope, up, {0, 1}, 2, 1e-5);
  check_derivatives(*slope, down, {0, 1}, 2, 1e-5);
}

TEST(DataOpsInControl, ExpansionKeepsEveryBit) {
  const FunctionPtr f = program();
  for (bool wide : {true, false}) {
    const FunctionPtr expanded = expand_scans(*expand_random(*f, wide), wide);
    for (double sign : {1.0, -1.0}) {
      const Tensors x{row_of({1.5, -0.5, 2.0, 0.75, 1.25}),
                      row_of({sign * 0.3, 1.1, sign * 0.9, sign * 2.0, -0.4})};
      EXPECT_TRUE(evaluate(*f, x)[0].same_bits(evaluate(*expanded, x)[0])) << wide << sign;
    }
  }
}

}  // namespace
}  // namespace cotangent::transform
