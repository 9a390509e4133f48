// Exact identity: one program for every path of the lowering, executed by the kernel interpreter
// and compiled at three widths, alone and by teams, against the reference evaluator.
#include <gtest/gtest.h>

#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "tests/runtime/check.h"

namespace cotangent {
namespace {

using namespace path_check;
using ir::Builder;
using ir::Dims;
using ir::Op;
using ir::Role;
using ir::Type;
using ir::Value;

Type reals(Shape shape) {
  return {DType::kF64, shape};
}
const Type kIndex{DType::kI64, {}};

class PairPaths : public testing::TestWithParam<std::int64_t> {};

TEST_P(PairPaths, EveryKindAndRole) {
  const std::int64_t n = GetParam();
  for (ir::PairKind kind : {ir::PairKind::kLess, ir::PairKind::kUnequal}) {
    Builder body("pair");
    const Value i = body.param(kIndex), j = body.param(kIndex);
    const Value a = body.param(reals(Shape{3})), c = body.param(reals(Shape{3}));
    const Value s = body.param(reals({}));
    const Value d = body.add(body.sub(a, c), body.splat(0.5, reals(Shape{3})));  // not 0 at i = j
    const Value r2 = body.add(body.dot(d, d), body.constant(0.25));
    const Value w = body.mul(body.unary(Op::kRsqrt, r2), s);
    const Value force = body.mul(body.broadcast_to(w, Shape{3}), d);
    const Value weighted = body.mul(w, body.cast(body.sub(i, j), DType::kF64));
    ir::PairAttr attr;
    attr.count = n;
    attr.kind = kind;
    attr.rows_i = attr.rows_j = 1;
    attr.roles = {Role::kAtI, Role::kAtJ, Role::kTotal, Role::kTotal};
    attr.body = body.finish({force, force, weighted, force});
    Builder b("pairs");
    const Value x = b.param(reals(Shape{n, 3})), scale = b.param(reals({}));
    const Value operands[] = {x, x, scale};
    check(b.finish(b.pair_sum(attr, operands)));
  }
}
INSTANTIATE_TEST_SUITE_P(Sizes, PairPaths, testing::Values(1, 2, 3, 7, 8, 9, 17, 70));

class ReductionPaths : public testing::TestWithParam<std::int64_t> {};

TEST_P(ReductionPaths, OfEveryLength) {
  const std::int64_t n = GetParam();
  Builder b("reductions");
  const Value x = b.param(reals(Shape{n})), y = b.param(reals(Shape{n}));
  const Value wide = b.broadcast(x, Shape{n, 2}, {0});
  std::vector<Value> results = {b.reduce_sum(x),
                                b.reduce(Op::kReduceMin, x, {0}),
                                b.reduce(Op::kReduceMax, y, {0}),
                                b.dot(x, y),
                                b.reduce_sum(wide),
                                b.reduce_sum(wide, {0})};
  if (n <= 4100) {
    results.push_back(b.reduce(Op::kReduceProd, x, {0}));
    // Many outputs: each row's reduction is serial code along its lane.
    results.push_back(b.reduce_sum(b.broadcast(x, Shape{9, n}, {1}), {1}));
  }
  check(b.finish(results));
}
INSTANTIATE_TEST_SUITE_P(Lengths, ReductionPaths,
                         testing::Values(0, 1, 5, 8, 9, 15, 16, 17, 24, 100, 4095, 4096, 4097, 4104,
                                         8192, 32769, 40000));

TEST(Paths, StencilBySliceAndPad) {
  for (std::int64_t n : {2, 8, 13, 200}) {
    Builder b("stencil");
    const Value q = b.param(reals(Shape{n}));
    const Value left = b.slice(q, {0}, {n - 1}, {1}), right = b.slice(q, {1}, {n}, {1});
    const Value stretch = b.sub(right, left);
    const Value zero = b.constant(0.0);
    const Value force =
        b.sub(b.pad(stretch, zero, {0}, {1}, {0}), b.pad(stretch, zero, {1}, {0}, {0}));
    const Value holes = b.pad(q, zero, {1}, {2}, {2});
    check(b.finish(
        {force, holes, b.concatenate(std::array{right, force, left}, 0), b.reverse(q, {0})}));
  }
}

/// A chain by leapfrog: carries in place, outputs at two cadences, dynamic first and count.
ir::FunctionPtr chain(std::int64_t n, std::int64_t trip) {
  Builder body("step");
  const Value step = body.param(kIndex), dt = body.param(reals({}));
  const Value q = body.param(reals(Shape{n})), p = body.param(reals(Shape{n}));
  const Value count = body.param(kIndex);
  const Value h = body.broadcast_to(dt, Shape{n});
  const Value drifted = body.fma(h, p, q);
  const Value zero = body.constant(0.0);
  const Value stretch =
      body.sub(body.slice(drifted, {1}, {n}, {1}), body.slice(drifted, {0}, {n - 1}, {1}));
  const Value force =
      body.sub(body.pad(stretch, zero, {0}, {1}, {0}), body.pad(stretch, zero, {1}, {0}, {0}));
  const Value kicked = body.fma(h, force, p);
  const Value energy = body.add(body.reduce_sum(body.mul(kicked, kicked)),
                                body.reduce_sum(body.mul(stretch, stretch)));
  const Value old = body.reduce_sum(q);
  ir::LoopAttr attr;
  attr.trip = trip;
  attr.invariants = 1;
  attr.carries = 3;
  attr.every = {1, 4, 3, 4};
  attr.dynamic = true;
  attr.body = body.finish({drifted, kicked, body.add(count, step), energy, energy, drifted, old});
  Builder b("chain");
  const Value d = b.param(reals({})), q0 = b.param(reals(Shape{n})), p0 = b.param(reals(Shape{n}));
  const Value first = b.param(kIndex), times = b.param(kIndex);
  const Value operands[] = {d, q0, p0, b.constant_i64(0), first, times};
  return b.finish(b.loop(attr, operands));
}

TEST(Paths, LoopsWithOutputsAtCadences) {
  for (std::int64_t n : {2, 3, 8, 13, 100}) {
    const ir::FunctionPtr f = chain(n, 10);
    for (std::int64_t first : {0, 3, 8}) {
      for (std::int64_t count : {0, 1, 7, 10, 12}) {
        auto arguments = arguments_for(*f);
        arguments[3].set_integer(0, first);
        arguments[4].set_integer(0, count);
        const auto want = ir::evaluate(*f, arguments);
        runtime::CompileOptions options;
        options.passes = false;
        expect_same(want, run(*runtime::compile(f, options), arguments), "loop");
      }
    }
    auto arguments = arguments_for(*f);
    arguments[3].set_integer(0, 2);
    arguments[4].set_integer(0, 9);
    check(f, arguments);
  }
}

TEST(Paths, ChunksGiveTheBitsOfOneRun) {
  const ir::FunctionPtr f = chain(100, 64);
  const auto e = runtime::compile(f);
  auto arguments = arguments_for(*f);
  arguments[3].set_integer(0, 0);
  arguments[4].set_integer(0, 60);
  const auto whole = e->call(arguments);
  std::int64_t done = 0;
  std::mt19937_64 random(3);
  while (done < 60) {
    const std::int64_t count =
        std::min<std::int64_t>(1 + static_cast<std::int64_t>(random() % 9), 60 - done);
    arguments[3].set_integer(0, done);
    arguments[4].set_integer(0, count);
    const auto part = e->call(arguments);
    arguments[1] = part[0];
    arguments[2] = part[1];
    done += count;
  }
  EXPECT_TRUE(arguments[1].same_bits(whole[0]));
  EXPECT_TRUE(arguments[2].same_bits(whole[1]));
}

TEST(Paths, CarriesThatSwapAndShift) {
  Builder body("step");
  body.param(kIndex);
  const Value x = body.param(reals(Shape{40})), y = body.param(reals(Shape{40}));
  const Value z = body.param(reals(Shape{40}));
  ir::LoopAttr attr;
  attr.trip = 5;
  attr.carries = 3;
  attr.body = body.finish({y, body.reverse(x, {0}), body.add(z, body.reverse(z, {0}))});
  Builder b("swap");
  std::vector<Value> operands;
  for (int k = 0; k < 3; ++k) operands.push_back(b.param(reals(Shape{40})));
  check(b.finish(b.loop(attr, operands)));
}

TEST(Paths, GathersAndScatters) {
  Builder b("indexed");
  const Value x = b.param(reals(Shape{9, 3})), k = b.param({DType::kI32, Shape{50}});
  const Value u = b.param(reals(Shape{50, 3})), wild = b.param({DType::kI64, Shape{50}});
  const Value far = b.sub(b.mul(wild, b.splat(1000, {DType::kI64, Shape{50}})),
                          b.splat(3000, {DType::kI64, Shape{50}}));
  const Value both[] = {k, b.cast(wild, DType::kI32)};
  const Value one[] = {k};
  check(b.finish({b.gather(x, k), b.gather(x, far), b.gather(x, both), b.scatter_add(x, u, one),
                  b.scatter_set(x, u, one)}));
}

TEST(Paths, ProductsOfMatrices) {
  for (std::int64_t n : {3, 20}) {
    Builder b("products");
    const Value x = b.param(reals(Shape{7, n})), y = b.param(reals(Shape{n, 11}));
    const Value u = b.param(reals(Shape{5, 2, n})), v = b.param(reals(Shape{5, n, 3}));
    check(b.finish({b.dot_general(x, y, {{}, {}, {1}, {0}}),
                    b.dot_general(u, v, {{0}, {0}, {2}, {1}}), b.transpose(x, {1, 0}),
                    b.reshape(u, Shape{n, 10})}));
  }
}

TEST(Paths, MapsTooLargeForLanes) {
  Builder body("row");
  const Value i = body.param(kIndex), x = body.param(reals(Shape{300}));
  const Value y = body.mul(x, body.broadcast_to(body.cast(i, DType::kF64), Shape{300}));
  ir::MapAttr attr;
  attr.count = 5;
  attr.rows = 1;
  attr.roles = {Role::kStack, Role::kTotal, Role::kTotal};
  attr.body = body.finish({body.reverse(y, {0}), body.reduce_sum(y), y});
  Builder b("rows");
  const Value operands[] = {b.param(reals(Shape{5, 300}))};
  check(b.finish(b.map(attr, operands)));
}

TEST(Paths, LanesWithLoopsOfTheirOwnLength) {
  Builder body("collatz");  // a loop whose count differs from lane to lane
  body.param(kIndex);
  const Value x = body.param(reals({})), n = body.param(kIndex);
  Builder inner("step");
  const Value k = inner.param(kIndex), c = inner.param(reals({}));
  ir::LoopAttr loop;
  loop.trip = 12;
  loop.carries = 1;
  loop.every = {5};
  loop.dynamic = true;
  loop.body =
      inner.finish({inner.add(inner.mul(c, inner.constant(1.25)), inner.cast(k, DType::kF64)), c});
  const Value in[] = {x, n, n};
  const auto out = body.loop(loop, in);
  ir::MapAttr attr;
  attr.count = 37;
  attr.rows = 2;
  attr.roles = {Role::kStack, Role::kStack};
  attr.body = body.finish(out);
  Builder b("lanes");
  const Value operands[] = {b.param(reals(Shape{37})), b.param({DType::kI64, Shape{37}})};
  check(b.finish(b.map(attr, operands)));
}

TEST(Paths, EmptyArrays) {
  Builder b("empty");
  const Value x = b.param(reals(Shape{0, 3})), y = b.param(reals(Shape{4}));
  ir::MapAttr attr;
  Builder body("row");
  body.param(kIndex);
  const Value r = body.param(reals(Shape{3}));
  attr.rows = 1;
  attr.roles = {Role::kStack, Role::kTotal};
  attr.body = body.finish({body.add(r, r), r});
  const Value operands[] = {x};
  const auto mapped = b.map(attr, operands);
  check(b.finish({b.add(x, x), b.reduce_sum(x, {0}), b.reduce(Op::kReduceMax, x, {0}), mapped[0],
                  mapped[1], b.pad(b.slice(y, {2}, {2}, {1}), b.constant(7.0), {2}, {3}, {1})}));
}

TEST(Paths, CastsSaturateAndIntegersWrap) {
  Builder b("numbers");
  const Type t = reals(Shape{16});
  const Value x = b.param(t);
  std::vector<Value> results;
  for (DType to : {DType::kI32, DType::kI64, DType::kU32, DType::kU64, DType::kF32, DType::kBool}) {
    results.push_back(b.cast(x, to));
  }
  const Value k = b.cast(x, DType::kI32), m = b.reverse(k, {0});
  for (Op op : {Op::kAdd, Op::kMul, Op::kDiv, Op::kMod, Op::kShl, Op::kShr, Op::kMin, Op::kMax}) {
    results.push_back(b.binary(op, k, m));
  }
  for (Op op :
       {Op::kSign, Op::kFloor, Op::kCeil, Op::kRound, Op::kSqrt, Op::kRsqrt, Op::kAbs, Op::kNeg}) {
    results.push_back(b.unary(op, x));
  }
  for (Op op : {Op::kMin, Op::kMax, Op::kMod, Op::kDiv})
    results.push_back(b.binary(op, x, b.reverse(x, {0})));
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const ir::Tensor values =
      ir::Tensor::of<double>(Shape{16}, {0.0, -0.0, inf, -inf, nan, 0.5, -0.5, 1.5, 2.5, 1e300,
                                         -1e300, 3e9, -3e9, 1e-310, 9.3e18, -1.0});
  check(b.finish(results), {values});
}

}  // namespace
}  // namespace cotangent
