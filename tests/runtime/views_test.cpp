// Exact identities: results of maps written where a view of them is wanted, and strided accesses of
// lanes taken together as transpositions, have the evaluator's bits.
#include <gtest/gtest.h>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/vmap.h"
#include "tests/runtime/check.h"

namespace cotangent {
namespace {

using namespace path_check;
using ir::Builder;
using ir::Op;
using ir::Role;
using ir::Type;
using ir::Value;

const Type kIndex{DType::kI64, {}};

/// Each of `count` rows of `n`: x sum(x) + reverse(x), and that times 2.
std::vector<Value> rows_map(Builder& b, Value x) {
  const Type all = b.type(x);
  const std::int64_t count = all.shape[0], n = all.shape[1];
  Builder body("row");
  body.param(kIndex);
  const Value row = body.param({all.dtype, Shape{n}});
  const Value sum = body.broadcast_to(body.reduce_sum(row), Shape{n});
  const Value y = body.add(body.mul(row, sum), body.reverse(row, {0}));
  ir::MapAttr attr;
  attr.count = count;
  attr.rows = 1;
  attr.roles = {Role::kStack, Role::kStack};
  attr.body = body.finish({y, body.add(y, y)});
  return b.map(attr, std::array{x});
}

/// Scratch arrays of `size` elements or more, with these words in their note.
int arrays_between(const ir::FunctionPtr& f, std::int64_t size, const std::string& note = "") {
  int found = 0;
  for (const kernel::Buffer& b : kernel::lower(f, {}).buffers) {
    found += b.kind == kernel::BufferKind::kScratch && b.count >= size &&
             b.note.find(note) != std::string::npos;
  }
  return found;
}

TEST(Views, AMapWritesItsTranspositionWhereThatIsWanted) {
  for (std::int64_t count : {8, 19, 64}) {
    Builder b("transposed");
    const auto made = rows_map(b, b.param({DType::kF64, Shape{count, 320}}));
    const auto f = b.finish({b.transpose(made[0], {1, 0}), made[1]});
    EXPECT_EQ(arrays_between(f, count * 320), 0);
    check(f);
  }
}

TEST(Views, PartsOfAConcatenationAreWrittenInTheirPlaces) {
  Builder b("joined");
  const auto made = rows_map(b, b.param({DType::kF32, Shape{24, 320}}));
  const Value both = b.concatenate(std::array{made[0], made[1]}, 1);
  const auto f = b.finish({b.reshape(both, Shape{2, 12, 640})});
  EXPECT_EQ(arrays_between(f, 24 * 320), 0);
  check(f);
}

TEST(Views, AViewReadTwiceAndAResultReadBesideItsViewStayRight) {
  Builder b("shared");
  const auto made = rows_map(b, b.param({DType::kF64, Shape{24, 320}}));
  const Value t = b.transpose(made[0], {1, 0});
  const auto again = rows_map(b, t);
  check(b.finish({t, made[0], again[0], b.transpose(again[1], {1, 0})}));
}

TEST(Views, BetweenMapsTheViewIsTheOnlyArray) {
  Builder b("axes");
  const auto first = rows_map(b, b.param({DType::kF64, Shape{64, 320}}));
  const auto second = rows_map(b, b.transpose(first[0], {1, 0}));
  const auto f = b.finish({second[0]});
  EXPECT_EQ(arrays_between(f, 320 * 64, "a view of what maps give"), 1);
  EXPECT_EQ(arrays_between(f, 320 * 64), 1);
  check(f);
}

/// Rows a page apart, or several, would fall in a few sets of the cache when a column is read.
TEST(Views, RowsBetweenMapsAreNotAPageApart) {
  for (DType t : {DType::kF64, DType::kF32}) {
    for (bool joined : {false, true}) {
      const std::int64_t rows = 8, n = 4096 / static_cast<std::int64_t>(size_of(t));
      Builder b("pages");
      const auto first = rows_map(b, b.param({t, Shape{rows, n}}));
      const Value y = joined ? b.concatenate(std::array{first[0], first[1]}, 0) : first[0];
      const auto f = b.finish({rows_map(b, y)[0], rows_map(b, b.transpose(y, {1, 0}))[0]});
      int arrays = 0;
      for (const kernel::Buffer& buffer : kernel::lower(f, {}).buffers) {
        if (buffer.kind != kernel::BufferKind::kScratch || buffer.count < rows * n) continue;
        ++arrays;
        EXPECT_EQ(buffer.count % (n + 64 / static_cast<std::int64_t>(size_of(t))), 0)
            << buffer.note;
      }
      EXPECT_EQ(arrays, 1);
      check(f);
    }
  }
}

TEST(Views, RowsOfLanesAreReadAndWrittenWholeNotElementByElement) {
  for (DType t : {DType::kF64, DType::kF32}) {
    Builder b("whole_rows");
    const auto made = rows_map(b, b.param({t, Shape{64, 320}}));
    const auto f = b.finish({made[0]});
    runtime::CompileOptions options;
    options.keep_code = true;
    const std::string code = runtime::compile(f, options)->code_text();
    EXPECT_EQ(code.find("masked.gather"), std::string::npos) << name_of(t);
    EXPECT_EQ(code.find("masked.scatter"), std::string::npos) << name_of(t);
  }
}

TEST(Views, RowsOfEveryLengthAndTypeInLanesOfEveryNumber) {
  for (DType t : {DType::kF64, DType::kF32, DType::kI64, DType::kI32, DType::kBool}) {
    for (std::int64_t n : {3, 4, 7, 17, 21}) {
      for (std::int64_t count : {4, 9, 33}) {
        SCOPED_TRACE(std::string(name_of(t)) + " " + std::to_string(count) + " rows of " +
                     std::to_string(n));
        Builder b("lengths");
        const Value x = b.param({t, Shape{count, n}});
        Builder body("row");
        body.param(kIndex);
        const Value row = body.param({t, Shape{n}});
        ir::MapAttr attr;
        attr.count = count;
        attr.rows = 1;
        attr.roles = {Role::kStack, Role::kStack};
        attr.body = body.finish({body.reverse(row, {0}), row});
        const auto made = b.map(attr, std::array{x});
        check(b.finish({made[0], made[1]}), {}, {.most_in_registers = 0});
      }
    }
  }
}

/// Neighbours in memory, each repeated in every lane and then written as rows: the instruction
/// selection of LLVM 19 recursed without end over their transposition (width 256, level 0).
TEST(Views, RowsThatAreTheSameInEveryLane) {
  for (std::int64_t n : {4, 5, 8, 19}) {
    Builder b("same");
    const Value x = b.param({DType::kF64, Shape{5, 3}}), u = b.param({DType::kF64, {}});
    Builder body("row");
    body.param(kIndex);
    const Value row = body.param({DType::kF64, Shape{3}}), factor = body.param({DType::kF64, {}});
    ir::Tensor numbers({DType::kF64, Shape{n}});
    for (std::int64_t k = 0; k < n; ++k) numbers.set_real(k, 0.25L * k - 1);
    const Value tanh = body.broadcast_to(body.unary(Op::kTanh, factor), Shape{3});
    ir::MapAttr attr;
    attr.count = 5;
    attr.rows = 1;
    attr.roles = {Role::kStack, Role::kStack};
    attr.body = body.finish(
        {body.unary(Op::kErf, body.constant(numbers)), body.mul(body.reverse(row, {0}), tanh)});
    const auto made = b.map(attr, std::array{x, u});
    const auto f = b.finish({made[0], made[1]});
    for (int bits : {128, 256, 512}) {
      for (int level : {0, 1, 2}) {
        runtime::CompileOptions options;
        options.vector_bits = bits;
        options.optimize = level;
        options.lowering = {.most_in_registers = 0};
        const auto e = runtime::compile(f, options);
        const auto arguments = arguments_for(*f);
        expect_same(ir::evaluate(*e->program(), arguments), run(*e, arguments), "same");
      }
    }
  }
}

}  // namespace
}  // namespace cotangent
