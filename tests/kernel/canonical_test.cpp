// Exact: programs that differ in anything that decides their code differ in their bytes.
#include "cotangent/kernel/canonical.h"

#include <gtest/gtest.h>

#include "cotangent/ir/builder.h"
#include "cotangent/kernel/lower.h"

namespace cotangent::kernel {
namespace {

/// A map over rows with a constant array, a reduction and a loop: every kind of instruction.
ir::FunctionPtr program_of(double literal) {
  ir::Builder body("row");
  body.param({DType::kI64, {}});
  const ir::Value r = body.param({DType::kF64, Shape{3}});
  const ir::Value s = body.reduce(ir::Op::kReduceSum, r, {0});
  ir::Builder b("rows");
  const ir::Value x = b.param({DType::kF64, Shape{5, 3}});
  const double values[] = {1, 2, 3, 4, literal};
  const ir::Value c = b.constant(ir::Tensor::of<double>(Shape{5}, values));
  ir::MapAttr attr;
  attr.count = 5;
  attr.rows = 1;
  attr.roles = {ir::Role::kStack};
  attr.body = body.finish({s});
  const ir::Value operands[] = {x};
  return b.finish({b.add(b.map(attr, operands)[0], c)});
}

std::string bytes_of(const Program& program) {
  std::string bytes;
  append_canonical(bytes, program);
  return bytes;
}

Program lowered() {
  return lower(program_of(5));
}

/// Calls `visit` with every instruction.
void each(Block& block, const std::function<void(Instr&)>& visit) {
  for (Instr& i : block.instrs) {
    visit(i);
    if (i.body) each(*i.body, visit);
  }
}

TEST(Canonical, TheSameProgramHasTheSameBytes) {
  EXPECT_EQ(bytes_of(lowered()), bytes_of(lowered()));
  Program renamed = lowered();
  renamed.name = "another";
  renamed.remarks = "a remark";
  renamed.buffers[0].note = "a note";
  EXPECT_EQ(bytes_of(renamed), bytes_of(lowered()));
}

TEST(Canonical, EveryPartCounts) {
  const std::string as_it_is = bytes_of(lowered());
  EXPECT_NE(bytes_of(lower(program_of(6))), as_it_is) << "the bytes of a constant";
  const auto changed = [&](const char* what, const std::function<void(Program&)>& change) {
    Program p = lowered();
    change(p);
    EXPECT_NE(bytes_of(p), as_it_is) << what;
  };
  changed("buffer kind", [](Program& p) { p.buffers[0].kind = BufferKind::kScratch; });
  changed("buffer dtype", [](Program& p) { p.buffers[0].dtype = DType::kF32; });
  changed("buffer count", [](Program& p) { ++p.buffers[0].count; });
  changed("buffer position", [](Program& p) { ++p.buffers[0].position; });
  changed("buffer plane", [](Program& p) { ++p.buffers[0].plane; });
  changed("one buffer less", [](Program& p) { p.buffers.pop_back(); });
  changed("inputs", [](Program& p) { ++p.inputs; });
  changed("outputs", [](Program& p) { ++p.outputs; });
  changed("types", [](Program& p) { p.types[0] = DType::kBool; });
  changed("yields", [](Program& p) { p.body.yields.push_back(0); });
  changed("one instruction less", [](Program& p) { p.body.instrs.pop_back(); });

  std::size_t count = 0;
  Program all = lowered();
  each(all.body, [&](Instr&) { ++count; });
  ASSERT_GT(count, 5u);
  for (std::size_t which = 0; which < count; ++which) {
    const auto instr = [&](const char* what, const std::function<void(Instr&)>& change) {
      changed(what, [&](Program& p) {
        std::size_t at = 0;
        each(p.body, [&](Instr& i) {
          if (at++ == which) change(i);
        });
      });
    };
    instr("code", [](Instr& i) { i.code = i.code == Code::kIf ? Code::kFor : Code::kIf; });
    instr("kind",
          [](Instr& i) { i.kind = i.kind == ForKind::kSimd ? ForKind::kSerial : ForKind::kSimd; });
    instr("op", [](Instr& i) { i.op = i.op == ir::Op::kAdd ? ir::Op::kSub : ir::Op::kAdd; });
    instr("dtype", [](Instr& i) { i.dtype = i.dtype == DType::kF32 ? DType::kI32 : DType::kF32; });
    instr("result", [](Instr& i) { ++i.result; });
    instr("buffer", [](Instr& i) { ++i.buffer; });
    instr("bits", [](Instr& i) { i.bits ^= 1; });
    instr("operands", [](Instr& i) { i.operands.push_back(0); });
    instr("index", [](Instr& i) { ++i.index; });
    instr("args", [](Instr& i) { i.args.push_back(0); });
    instr("results", [](Instr& i) { i.results.push_back(0); });
    instr("body", [](Instr& i) {
      if (i.body)
        i.body.reset();
      else
        i.body = std::make_unique<Block>();
    });
  }
}

}  // namespace
}  // namespace cotangent::kernel
