// No gradient makes an array larger than the primal's largest times a constant: what kernels of the
// reverse program keep in memory, at two sizes.
#include <gtest/gtest.h>

#include <functional>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/text.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/kernel/memory_plan.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/faults.h"
#include "cotangent/transform/passes.h"

namespace cotangent::kernel {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::MapAttr;
using ir::Op;
using ir::PairAttr;
using ir::Role;
using ir::Type;
using ir::Value;

struct Sizes {
  std::int64_t largest = 0;  ///< one array, in elements
  std::int64_t scratch = 0;  ///< what is neither argument nor result
};

Sizes sizes_of(const FunctionPtr& f) {
  // Vectors of equal eigenvalues have a check.
  const Program program = lower(transform::run_passes(transform::expose_faults(*f).program));
  Sizes sizes;
  std::vector<std::size_t> bytes;
  for (const Buffer& b : program.buffers) {
    if (b.kind != BufferKind::kConstant) sizes.largest = std::max(sizes.largest, b.count);
    const bool own = b.kind == BufferKind::kScratch;
    bytes.push_back(own ? static_cast<std::size_t>(b.count) * size_of(b.dtype) : 0);
    if (b.kind == BufferKind::kLane || b.kind == BufferKind::kThread) sizes.scratch += b.count;
  }
  sizes.scratch += static_cast<std::int64_t>(place(lives_of(program), bytes).bytes / 8);
  return sizes;
}

struct Case {
  const char* name;
  std::function<FunctionPtr(std::int64_t)> program;
  std::int64_t n;
};

const Type kIndex = ir::scalar(DType::kI64);
Type line(std::int64_t n) {
  return {DType::kF64, Shape{n}};
}
Type rows(std::int64_t n, std::int64_t m) {
  return {DType::kF64, Shape{n, m}};
}

/// A body over rows that reads an invariant [n, 3] at a row that it computes.
FunctionPtr reading(std::int64_t n,
                    const std::function<Value(Builder&, Value all, Value at, Value x)>& read) {
  Builder body("site");
  const Value i = body.param(kIndex);
  const Value x = body.param(ir::scalar()), all = body.param(rows(n, 3));
  const Value at = body.binary(Op::kMod, body.add(i, body.constant_i64(5)), body.constant_i64(n));
  MapAttr attr{n, 1, {Role::kStack}, nullptr};
  attr.body = body.finish({read(body, all, at, x)});
  Builder b("f");
  const Value in[] = {b.param(line(n)), b.param(rows(n, 3))};
  return b.finish({b.reduce_sum(b.map(attr, in)[0])});
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto gather_row = [](Builder& b, Value q, Value at, Value x) {
    const Value row = b.gather(q, at);
    return b.mul(x, b.dot(row, row));
  };
  const auto gather_element = [](Builder& b, Value q, Value at, Value x) {
    const Value both[] = {at, b.constant_i64(1)};
    const Value y = b.gather(q, both);
    return b.mul(x, b.mul(y, y));
  };
  all.push_back({"pair_sum",
                 [](std::int64_t n) {
                   Builder body("pair");
                   body.param(kIndex), body.param(kIndex);
                   const Value qi = body.param(line(3)), qj = body.param(line(3));
                   const Value d = body.sub(qi, qj);
                   PairAttr attr{n, ir::PairKind::kLess, 1, 1, {Role::kTotal}, nullptr};
                   attr.body = body.finish({body.unary(Op::kRsqrt, body.dot(d, d))});
                   Builder b("f");
                   const Value q = b.param(rows(n, 3));
                   const Value in[] = {q, q};
                   return b.finish(b.pair_sum(attr, in));
                 },
                 64});
  all.push_back({"a gather of a row", [=](std::int64_t n) { return reading(n, gather_row); }, 256});
  all.push_back(
      {"a gather by two indices", [=](std::int64_t n) { return reading(n, gather_element); }, 256});
  all.push_back({"a gather of several rows",
                 [](std::int64_t n) {
                   return reading(n, [](Builder& b, Value q, Value at, Value x) {
                     const Value next = b.add(at, b.constant_i64(1));
                     const Value parts[] = {b.reshape(at, Shape{1}), b.reshape(next, Shape{1})};
                     const Value y = b.gather(q, b.concatenate(parts, 0));
                     return b.mul(x, b.reduce_sum(b.mul(y, y)));
                   });
                 },
                 256});
  all.push_back({"a gather from what was moved",
                 [](std::int64_t n) {
                   return reading(n, [](Builder& b, Value q, Value at, Value x) {
                     const Value both[] = {b.constant_i64(2), at};
                     const Value y = b.gather(b.transpose(q, {1, 0}), both);
                     return b.mul(x, b.mul(y, y));
                   });
                 },
                 256});
  all.push_back({"a gather from what was computed",
                 [](std::int64_t n) {
                   return reading(n, [](Builder& b, Value q, Value at, Value x) {
                     const Value y = b.gather(b.unary(Op::kSin, q), at);
                     return b.mul(x, b.dot(y, y));
                   });
                 },
                 256});
  all.push_back({"a gather in a map in a map",
                 [](std::int64_t n) {
                   return reading(n, [&](Builder& b, Value q, Value at, Value x) {
                     Builder inner("neighbour");
                     const Value k = inner.param(kIndex);
                     const Value all = inner.param(rows(n, 3)), from = inner.param(kIndex);
                     const Value y = inner.gather(all, inner.add(from, k));
                     MapAttr attr{4, 0, {Role::kTotal}, nullptr};
                     attr.body = inner.finish({inner.dot(y, y)});
                     const Value in[] = {q, at};
                     return b.mul(x, b.map(attr, in)[0]);
                   });
                 },
                 256});
  all.push_back({"a gather in a loop in a map",
                 [](std::int64_t n) {
                   return reading(n, [&](Builder& b, Value q, Value at, Value x) {
                     Builder step("neighbour");
                     const Value k = step.param(kIndex);
                     const Value all = step.param(rows(n, 3)), from = step.param(kIndex);
                     const Value sum = step.param(ir::scalar());
                     const Value y = step.gather(all, step.add(from, k));
                     ir::LoopAttr attr;
                     attr.trip = 4;
                     attr.invariants = 2;
                     attr.carries = 1;
                     attr.body = step.finish({step.add(sum, step.dot(y, y))});
                     const Value in[] = {q, at, b.constant(0.0)};
                     return b.mul(x, b.loop(attr, in)[0]);
                   });
                 },
                 256});
  all.push_back({"a gather in a pair",
                 [](std::int64_t n) {
                   Builder body("pair");
                   const Value i = body.param(kIndex);
                   body.param(kIndex);
                   const Value qi = body.param(line(3)), qj = body.param(line(3));
                   const Value all = body.param(line(n));
                   const Value d = body.sub(qi, qj);
                   PairAttr attr{n, ir::PairKind::kLess, 1, 1, {Role::kTotal}, nullptr};
                   attr.body = body.finish({body.mul(body.gather(all, i), body.dot(d, d))});
                   Builder b("f");
                   const Value q = b.param(rows(n, 3)), m = b.param(line(n));
                   const Value in[] = {q, q, m};
                   return b.finish(b.pair_sum(attr, in));
                 },
                 64});
  all.push_back({"scatter_add and scatter_set",
                 [](std::int64_t n) {
                   Builder b("f");
                   const Value x = b.param(rows(n, 3)), u = b.param(rows(n, 3));
                   const Value index = b.iota(Type{DType::kI64, Shape{n}}, 0);
                   const Value at = b.binary(Op::kMod, b.mul(index, b.splat(7, b.type(index))),
                                             b.splat(static_cast<double>(n / 2), b.type(index)));
                   const Value y = b.scatter_add(x, b.mul(u, u), std::span(&at, 1));
                   const Value z = b.scatter_set(b.mul(y, y), u, std::span(&at, 1));
                   return b.finish({b.reduce_sum(b.mul(z, z))});
                 },
                 256});
  all.push_back({"sort",
                 [](std::int64_t n) {
                   Builder b("f");
                   const Value x = b.param(line(n));
                   const Value y = b.sort(b.unary(Op::kSin, x), 0);
                   return b.finish({b.dot(y, b.mul(y, y))});
                 },
                 512});
  all.push_back({"cumulative_sum",
                 [](std::int64_t n) {
                   Builder b("f");
                   const Value y = b.cumulative_sum(b.unary(Op::kSin, b.param(line(n))), 0);
                   return b.finish({b.dot(y, b.mul(y, y))});
                 },
                 512});
  all.push_back({"fft",
                 [](std::int64_t n) {
                   Builder b("f");
                   const Value in[] = {b.param(line(n)), b.param(line(n))};
                   const auto z = b.fft(ir::FftAttr{ir::FftKind::kForward, 1, 0}, in);
                   return b.finish({b.add(b.dot(z[0], b.mul(z[0], z[0])), b.dot(z[1], z[1]))});
                 },
                 512});
  for (const Op op : {Op::kCholesky, Op::kLu, Op::kQr, Op::kEigh, Op::kSvd}) {
    all.push_back({ir::name_of(op).data(),
                   [=](std::int64_t n) {
                     Builder b("f");
                     Value a = b.param(rows(n, n));
                     if (op == Op::kCholesky || op == Op::kEigh)
                       a = b.add(a, b.transpose(a, {1, 0}));
                     Value sum = b.constant(0.0);
                     for (const Value y : b.factor(op, a)) {
                       if (b.type(y).dtype == DType::kF64)
                         sum = b.add(sum, b.reduce_sum(b.mul(y, y)));
                     }
                     return b.finish({sum});
                   },
                   24});
  }
  all.push_back({"triangular_solve",
                 [](std::int64_t n) {
                   Builder b("f");
                   const Value a = b.param(rows(n, n)), y = b.param(rows(n, n));
                   const Value x = b.triangular_solve(a, y, ir::SolveAttr{});
                   return b.finish({b.reduce_sum(b.mul(x, x))});
                 },
                 24});
  all.push_back({"dot_general",
                 [](std::int64_t n) {
                   Builder b("f");
                   const Value a = b.param(rows(n, n)), y = b.param(rows(n, n));
                   const Value x = b.dot_general(a, y, ir::DotAttr{{}, {}, {1}, {0}});
                   return b.finish({b.reduce_sum(b.mul(x, x))});
                 },
                 40});
  return all;
}

TEST(GradientBuffers, AreAConstantTimesThePrimals) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    for (const std::int64_t n : {c.n, 2 * c.n}) {
      const FunctionPtr f = c.program(n);
      transform::Positions wrt;
      for (std::size_t k = 0; k < f->params().size(); ++k) wrt.push_back(k);
      const FunctionPtr g = transform::vjp(*f, wrt);
      const Sizes primal = sizes_of(f), reverse = sizes_of(g);
      EXPECT_LE(reverse.largest, 4 * primal.largest);
      EXPECT_LE(reverse.scratch, 16 * primal.largest);
    }
  }
}

}  // namespace
}  // namespace cotangent::kernel
