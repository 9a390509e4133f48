// Exact identity: maps whose bodies run one instance a SIMD lane, with arrays in lane buffers.
#include <gtest/gtest.h>

#include <array>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/transform/vmap.h"
#include "tests/runtime/check.h"
#include "tests/runtime/differential.h"

namespace cotangent {
namespace {

using namespace path_check;
using ir::Builder;
using ir::Op;
using ir::Role;
using ir::Value;

const ir::Type kIndex{DType::kI64, {}};
ir::Type reals(Shape shape) {
  return {DType::kF64, shape};
}

/// Small bodies too go through lane buffers.
const kernel::LowerOptions kInMemory{.most_in_registers = 0};

bool uses_lane_buffers(const ir::FunctionPtr& f, const kernel::LowerOptions& options = {}) {
  for (const kernel::Buffer& b : kernel::lower(f, options).buffers) {
    if (b.kind == kernel::BufferKind::kLane) return true;
  }
  return false;
}

/// A chain of n sites by leapfrog with a time loop, a matrix, indices of its own, a reduction, and
/// outputs at a cadence.
ir::FunctionPtr chain(std::int64_t n) {
  Builder body("step");
  const Value step = body.param(kIndex), coupling = body.param(reals(Shape{n, n}));
  const Value other = body.param({DType::kI64, Shape{n}});
  const Value q = body.param(reals(Shape{n})), p = body.param(reals(Shape{n}));
  ir::DotAttr dot;
  dot.contract_x = {1}, dot.contract_y = {0};
  const Value far = body.gather(q, other);
  const Value pull = body.dot_general(coupling, q, dot);
  const Value kicked =
      body.sub(p, body.mul(body.splat(0.01, reals(Shape{n})), body.add(far, pull)));
  const Value drifted =
      body.add(q, body.mul(body.splat(0.1, reals(Shape{n})), body.reverse(kicked, {0})));
  const Value energy =
      body.add(body.reduce_sum(body.mul(drifted, kicked)), body.cast(step, DType::kF64));
  ir::LoopAttr attr;
  attr.trip = 7;
  attr.invariants = 2;
  attr.carries = 2;
  attr.every = {1, 3};
  attr.body = body.finish({drifted, kicked, energy, drifted});
  Builder b("chain");
  const Value operands[] = {b.param(reals(Shape{n, n})), b.param({DType::kI64, Shape{n}}),
                            b.param(reals(Shape{n})), b.param(reals(Shape{n}))};
  return b.finish(b.loop(attr, operands));
}

TEST(Lanes, ALargeBodyRunsOneInstanceALane) {
  for (std::int64_t count : {4, 13, 70}) {
    const ir::FunctionPtr f = transform::vmap(chain(24), count, {false, true, true, true});
    EXPECT_TRUE(uses_lane_buffers(f));
    check(f);
  }
}

TEST(Lanes, SmallBodiesCanUseMemoryToo) {
  for (std::int64_t n : {1, 3, 6}) {
    const ir::FunctionPtr f = transform::vmap(chain(n), 21);
    EXPECT_FALSE(uses_lane_buffers(f));
    check(f, {}, kInMemory);
  }
}

TEST(Lanes, FewInstancesOfLargeArraysKeepTheirInnerLoopsInLanes) {
  Builder b("wide");
  const Value x = b.param(reals(Shape{20000}));
  const ir::FunctionPtr f =
      transform::vmap(b.finish({b.reduce_sum(b.mul(x, x)), b.add(x, b.reverse(x, {0}))}), 5);
  EXPECT_FALSE(uses_lane_buffers(f));
  check(f);
}

/// Wide vectors: every operation on vectors of several registers.
TEST(Lanes, EveryOperationInALoopOfManyLanes) {
  for (const ir::OpInfo& entry : ir::all_ops()) {
    if (!ir::is_elementwise(entry.op) || entry.op == Op::kBitcast) continue;
    for (DType t : {DType::kF64, DType::kF32, DType::kI64, DType::kI32, DType::kU64, DType::kU32,
                    DType::kBool}) {
      if (!ir::accepts(entry.op, t)) continue;
      SCOPED_TRACE(std::string(entry.name) + " of " + std::string(name_of(t)));
      for (DType to : {DType::kF64, DType::kF32, DType::kI64, DType::kI32, DType::kU64, DType::kU32,
                       DType::kBool}) {
        if (entry.op != Op::kCast && to != DType::kF64) continue;
        Builder body("step");
        body.param(kIndex);
        const ir::Type type = ir::scalar(t);
        std::vector<Value> x = {body.param(type), body.param(type), body.param(type)};
        std::vector<Value> operands(x.begin(), x.begin() + entry.arity);
        if (entry.op == Op::kSelect) operands[0] = body.ne(x[0], x[1]);
        Value made =
            entry.op == Op::kCast ? body.cast(x[0], to) : body.elementwise(entry.op, operands);
        if (body.type(made).dtype != t) made = body.cast(made, t);
        ir::LoopAttr attr;
        attr.trip = 3;
        attr.carries = 3;
        attr.body = body.finish({made, x[0], x[1]});
        Builder b("wide");
        const Value init[] = {b.param(type), b.param(type), b.param(type)};
        const ir::FunctionPtr f = transform::vmap(b.finish(b.loop(attr, init)), 83);
        runtime::CompileOptions options;
        options.optimize = 0;
        const auto e = runtime::compile(f, options);
        const auto arguments = arguments_for(*f);
        expect_same(ir::evaluate(*e->program(), arguments), run(*e, arguments), "wide");
      }
    }
  }
}

TEST(Lanes, CountsThatDifferBetweenLanes) {
  Builder body("step");
  const Value k = body.param(kIndex);
  const Value x = body.param(reals(Shape{9}));
  ir::LoopAttr attr;
  attr.trip = 12;
  attr.carries = 1;
  attr.every = {4};
  attr.dynamic = true;
  const Value next = body.add(body.mul(x, body.splat(0.5, reals(Shape{9}))),
                              body.broadcast_to(body.cast(k, DType::kF64), Shape{9}));
  attr.body = body.finish({next, body.reverse(next, {0})});
  Builder b("counts");
  const Value x0 = b.param(reals(Shape{9})), first = b.param(kIndex), count = b.param(kIndex);
  const Value operands[] = {x0, first, count};
  const ir::FunctionPtr f = transform::vmap(b.finish(b.loop(attr, operands)), 19);
  check(f);
  check(f, {}, kInMemory);
}

TEST(Lanes, TheCodeDoesNotGrowWithTheBatchOrTheSteps) {
  const auto size = [](std::int64_t lanes, std::int64_t steps) {
    Builder body("step");
    body.param(kIndex);
    const Value x = body.param(reals({}));
    ir::LoopAttr attr;
    attr.trip = steps;
    attr.carries = 1;
    attr.body = body.finish({body.unary(Op::kSin, x)});
    Builder b("rollout");
    const Value x0 = b.param(reals({}));
    runtime::CompileOptions options;
    options.keep_code = true;
    const auto e =
        runtime::compile(transform::vmap(b.finish(b.loop(attr, std::array{x0})), lanes), options);
    return static_cast<double>(e->code_text().size());
  };
  const double base = size(64, 10);
  EXPECT_NEAR(size(65536, 10) / base, 1, 0.1);
  EXPECT_NEAR(size(64, 100000) / base, 1, 0.1);
  EXPECT_NEAR(size(65531, 100000) / base, 1, 0.1);
}

TEST(Lanes, RandomProgramsMappedHaveTheEvaluatorsBits) {
  int shown = 0;
  for (std::uint64_t k = 0; k < 4; ++k) {
    differential::Batch batch;
    batch.first = 5001 + 50 * k;
    batch.options.passes = false;
    batch.options.threads = k % 2 == 0 ? 1 : 3;
    batch.options.team_from = 0;
    batch.options.vector_bits = std::array{512, 256, 128, 512}[k];
    batch.options.optimize = 0;
    if (k < 3) batch.options.lowering = kInMemory;
    batch.program = [](std::uint64_t seed) {
      return differential::random_mapped(seed, 4 + static_cast<std::int64_t>(seed % 15));
    };
    differential::compare(batch, shown);
  }
}

}  // namespace
}  // namespace cotangent
