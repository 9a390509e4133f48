// Exact identity: products of small matrices, whose rows of results are summed in registers with
// lanes along the columns, give the bits of the evaluator at every width.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/transform/vmap.h"
#include "tests/runtime/check.h"

namespace cotangent {
namespace {

using namespace path_check;
using ir::Builder;
using ir::Dims;
using ir::DotAttr;
using ir::Role;
using ir::Type;
using ir::Value;

const DotAttr kPlain{{}, {}, {1}, {0}}, kBatched{{0}, {0}, {2}, {1}};

/// Loops along columns with the sums in them, and nothing else: no buffers, no vectors of
/// instances, no reads before the loop.
void expect_rows_in_registers(const ir::FunctionPtr& f) {
  const kernel::Program p = kernel::lower(f);
  for (const kernel::Buffer& b : p.buffers) {
    EXPECT_TRUE(b.kind == kernel::BufferKind::kInput || b.kind == kernel::BufferKind::kOutput);
  }
  std::size_t sums = 0;
  const std::function<void(const kernel::Block&)> visit = [&](const kernel::Block& block) {
    for (const kernel::Instr& i : block.instrs) {
      EXPECT_NE(i.code, kernel::Code::kLoad);
      if (i.code != kernel::Code::kFor) continue;
      EXPECT_NE(i.kind, kernel::ForKind::kParallel);
      if (i.kind != kernel::ForKind::kSimd) {
        visit(*i.body);
        continue;
      }
      for (const kernel::Instr& e : i.body->instrs) sums += e.op == ir::Op::kFma;
    }
  };
  visit(p.body);
  EXPECT_GT(sums, 0U);
}

ir::FunctionPtr product(DType t, std::int64_t m, std::int64_t k, std::int64_t n) {
  Builder b("product");
  const Value x = b.param({t, Shape{m, k}}), y = b.param({t, Shape{k, n}});
  return b.finish({b.dot_general(x, y, kPlain)});
}

struct Sizes {
  std::int64_t m, k, n;
};
const Sizes kSizes[] = {{4, 2, 4},  {4, 4, 4},   {5, 7, 6},    {8, 8, 8},    {9, 3, 8},
                        {13, 9, 5}, {16, 16, 8}, {12, 12, 12}, {16, 16, 16}, {17, 16, 32}};

TEST(Products, OneAnInstance) {
  for (DType t : {DType::kF64, DType::kF32}) {
    for (const Sizes& s : kSizes) {
      const ir::FunctionPtr f = transform::vmap(product(t, s.m, s.k, s.n), s.m == 5 ? 1 : 13);
      expect_rows_in_registers(f);
      check(f);
    }
  }
}

TEST(Products, InABatch) {
  for (DType t : {DType::kF64, DType::kF32}) {
    for (const Sizes& s : kSizes) {
      Builder b("batch");
      const Value x = b.param({t, Shape{11, s.m, s.k}}), y = b.param({t, Shape{11, s.k, s.n}});
      const ir::FunctionPtr f = b.finish({b.dot_general(x, y, kBatched)});
      expect_rows_in_registers(f);
      check(f);
    }
  }
}

TEST(Products, OfOtherLayouts) {
  Builder b("layouts");
  const auto reals = [](Shape s) { return Type{DType::kF64, s}; };
  const Value x = b.param(reals(Shape{7, 3, 8, 9})), y = b.param(reals(Shape{3, 9, 7, 10}));
  const Value flat = b.param(reals(Shape{3, 9 * 7 * 10})), tall = b.param(reals(Shape{200, 16}));
  const Value square = b.param(reals(Shape{16, 16})), small = b.param(reals(Shape{2, 2}));
  check(b.finish({
      b.dot_general(x, y, {{0, 1}, {2, 0}, {3}, {1}}),  // batch axes that lie apart
      b.dot_general(b.transpose(x, {0, 1, 3, 2}), y, {{0, 1}, {2, 0}, {2}, {1}}),
      b.dot_general(x, b.reshape(flat, Shape{3, 9, 7, 10}), {{0, 1}, {2, 0}, {3}, {1}}),
      b.dot_general(tall, square, kPlain),                // many rows, no batch
      b.dot_general(square, square, {{}, {}, {1}, {1}}),  // columns do not lie side by side
      b.dot_general(square, b.transpose(square, {1, 0}), kPlain),
      b.dot_general(small, small, kPlain),
  }));
}

/// x y z, where x y has a place of its own, and what else is made of it.
TEST(Products, ReadByOthers) {
  for (bool mapped : {false, true}) {
    for (std::int64_t n : {4, 9, 16}) {
      Builder b("chain");
      const Type t{DType::kF64, Shape{n, n}};
      const Value x = b.param(t), y = b.param(t), z = b.param(t);
      const Value xy = b.dot_general(x, y, kPlain), yz = b.dot_general(y, z, kPlain);
      std::vector<Value> results{b.dot_general(xy, z, kPlain), b.dot_general(z, xy, kPlain), xy};
      if (!mapped) {
        results.push_back(b.add(xy, z));
        results.push_back(b.reduce_sum(yz, {0}));
        results.push_back(b.reshape(yz, Shape{n * n}));
      }
      const ir::FunctionPtr f = b.finish(results);
      check(mapped ? transform::vmap(f, 13) : f);
    }
  }
}

/// Any lengths, and axes in any order.
TEST(Products, OfRandomShapes) {
  std::mt19937_64 random(11);
  const auto upto = [&](std::int64_t n) {
    return 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  for (int round = 0; round < 12; ++round) {
    Builder b("random");
    struct Operands {
      Value left, right;
      DotAttr attr;
    };
    std::vector<Operands> products;
    for (int k = 0; k < 3; ++k) {
      const std::int64_t batch = upto(9), terms = upto(18);
      // Axes named by what they are: 0 the batch, 1 the operand's own, 2 the terms.
      const auto operand = [&](std::int64_t own, std::int64_t most_turned, Dims& where) {
        std::vector<std::int64_t> order{0, 2, 1};
        if (upto(2) <= most_turned) std::shuffle(order.begin(), order.end(), random);
        Dims lengths;
        where.assign(3, 0);
        for (std::size_t axis = 0; axis < 3; ++axis) {
          const std::int64_t what = order[axis];
          lengths.push_back(what == 0 ? batch : what == 1 ? own : terms);
          where[static_cast<std::size_t>(what)] = static_cast<std::int64_t>(axis);
        }
        const DType t = round % 2 ? DType::kF32 : DType::kF64;
        return b.param({t, Shape{std::span<const std::int64_t>(lengths)}});
      };
      Dims x, y;
      const Value left = operand(upto(18), 2, x), right = operand(upto(34), 1, y);
      products.push_back({left, right, {{x[0]}, {y[0]}, {x[2]}, {y[2]}}});
    }
    std::vector<Value> results;
    for (const Operands& p : products) results.push_back(b.dot_general(p.left, p.right, p.attr));
    check(b.finish(results));
  }
}

TEST(Products, WithSharedMatricesAndMapsInMaps) {
  const ir::FunctionPtr f = product(DType::kF32, 8, 8, 16);
  for (const transform::Flags& rows : {transform::Flags{true, false}, {false, true}}) {
    const ir::FunctionPtr one = transform::vmap(f, 9, rows);
    expect_rows_in_registers(one);
    check(one);
    const ir::FunctionPtr two = transform::vmap(transform::vmap(f, 9, rows), 10);
    expect_rows_in_registers(two);
    check(two);
  }
}

TEST(Products, OfProductsOfAnotherMap) {
  Builder body("product");
  body.param({DType::kI64, {}});
  const Type one{DType::kF64, Shape{8, 8}}, all{DType::kF64, Shape{11, 8, 8}};
  const Value left_row = body.param(one), right_row = body.param(one);
  ir::MapAttr attr;
  attr.count = 11;
  attr.rows = 2;
  attr.roles = {Role::kStack};
  attr.body = body.finish({body.dot_general(left_row, right_row, kPlain)});
  Builder b("two maps");
  const Value x = b.param(all), y = b.param(all), z = b.param(all);
  const Value first[] = {x, y};
  const Value xy = b.map(attr, first)[0];
  const Value left[] = {xy, z}, right[] = {z, xy};
  const ir::FunctionPtr f = b.finish({b.map(attr, left)[0], b.map(attr, right)[0]});
  for (const kernel::Buffer& buffer : kernel::lower(f).buffers) {
    EXPECT_NE(buffer.kind, kernel::BufferKind::kLane);
  }
  check(f);
}

TEST(Products, OfCarriesInALoop) {
  Builder body("step");
  const Type t{DType::kF64, Shape{8, 8}};
  body.param({DType::kI64, {}});
  const Value fixed = body.param(t), x = body.param(t), y = body.param(t);
  const Value next = body.dot_general(x, fixed, kPlain);
  ir::LoopAttr attr;
  attr.trip = 5;
  attr.invariants = 1;
  attr.carries = 2;
  attr.every = {1, 2};
  attr.body =
      body.finish({next, body.dot_general(y, x, kPlain), next, body.dot_general(fixed, y, kPlain)});
  Builder b("loop");
  std::vector<Value> operands;
  for (int k = 0; k < 3; ++k) operands.push_back(b.param(t));
  const ir::FunctionPtr f = b.finish(b.loop(attr, operands));
  check(f);
  check(transform::vmap(f, 9, {false, true, true}));
}

}  // namespace
}  // namespace cotangent
