// Exact identity: a scratch array becomes a result only where each iteration keeps to its own
// places, and the program then gives the same bits.
#include "cotangent/kernel/reuse_results.h"

#include <gtest/gtest.h>

#include <set>

#include "cotangent/ir/builder.h"
#include "cotangent/kernel/interpreter.h"
#include "cotangent/kernel/kernel_builder.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/transform/passes.h"

namespace cotangent::kernel {
namespace {

constexpr std::int64_t kRows = 3, kColumns = 4, kAll = kRows * kColumns;

void mentioned(const Block& b, std::set<std::uint32_t>& all) {
  for (const Instr& i : b.instrs) {
    if (i.code == Code::kLoad || i.code == Code::kStore) all.insert(i.buffer);
    if (i.body) mentioned(*i.body, all);
    if (i.other) mentioned(*i.other, all);
  }
}

/// Scratch buffers that the program uses.
std::size_t scratch_in(const Program& program) {
  std::set<std::uint32_t> all;
  mentioned(program.body, all);
  std::size_t count = 0;
  for (std::uint32_t b : all) count += program.buffers[b].kind == BufferKind::kScratch;
  return count;
}

struct Variant {
  const char* what = "";
  std::int64_t shift = 0;           ///< of what is read
  std::int64_t columns = kColumns;  ///< iterations of the last loop
  bool writes_first = false, read_again = false, written_again = false;
  std::int64_t results = kAll;
  bool reused = false;
};

/// scratch = 2 * argument; then each column of the result is made from that of scratch.
Program columns(const Variant& v) {
  Program program;
  program.name = "columns";
  program.inputs = program.outputs = 1;
  KernelBuilder b(program);
  const auto buffer = [&](BufferKind kind, std::int64_t count) {
    Buffer made;
    made.kind = kind;
    made.count = count;
    return b.add_buffer(std::move(made));
  };
  const std::uint32_t in = buffer(BufferKind::kInput, kAll),
                      out = buffer(BufferKind::kOutput, v.results),
                      scratch = buffer(BufferKind::kScratch, kAll);
  const auto doubled = [&](std::uint32_t to) {
    const auto loop = b.open_for(ForKind::kSimd, b.i64(0), b.i64(kAll));
    const std::uint32_t version = b.new_version();
    b.store(to, loop.index, b.mul(b.load(in, version, loop.index), b.number(2, DType::kF64)));
    b.close_for();
  };
  doubled(scratch);
  const auto loop = b.open_for(ForKind::kSimd, b.i64(0), b.i64(v.columns));
  const auto place = [&](std::int64_t row) { return b.add(loop.index, b.i64(row * kColumns)); };
  if (v.writes_first) b.store(out, place(0), b.number(7, DType::kF64));
  std::vector<Id> x;
  const std::uint32_t version = b.new_version();
  for (std::int64_t row = 0; row < kRows; ++row) {
    x.push_back(b.load(scratch, version, b.add(place(row), b.i64(row == 0 ? v.shift : 0))));
  }
  for (std::size_t row = 0; row < 3; ++row) {
    b.store(out, place(static_cast<std::int64_t>(row)), b.add(x[row], x[(row + 1) % 3]));
  }
  b.close_for();
  if (v.read_again) {
    const Id first = b.load(scratch, b.new_version(), b.i64(0));
    b.store(out, b.i64(1), first);
  }
  if (v.written_again) doubled(scratch);
  verify(program);
  return program;
}

std::vector<double> run(const Program& program, std::int64_t results) {
  std::vector<double> in(kAll), out(static_cast<std::size_t>(results), -1);
  for (std::size_t k = 0; k < in.size(); ++k) in[k] = 1 + 0.25 * static_cast<double>(k * k % 11);
  const void* arguments[] = {in.data()};
  void* made[] = {out.data()};
  interpret(program, arguments, made);
  return out;
}

TEST(ReuseResults, OnlyColumnsThatKeepToThemselves) {
  std::vector<Variant> all(7);
  all[0].what = "columns", all[0].reused = true;
  all[1].what = "a neighbour's place", all[1].shift = 1;
  all[2].what = "a place of the row after", all[2].shift = kColumns, all[2].reused = true;
  all[3].what = "written before it is read", all[3].writes_first = true;
  all[4].what = "read again later", all[4].read_again = true;
  all[5].what = "written again later", all[5].written_again = true;
  all[6].what = "a larger result", all[6].results = kAll + 1;
  for (const Variant& v : all) {
    Program program = columns(v);
    const auto before = run(program, v.results);
    reuse_results(program);
    verify(program);
    EXPECT_EQ(scratch_in(program), v.reused ? 0u : 1u) << v.what;
    EXPECT_EQ(run(program, v.results), before) << v.what;
  }
}

TEST(ReuseResults, MoreIterationsThanARowHasMeetEachOther) {
  Variant v;
  v.columns = kColumns + 1;
  v.results = kAll + 1;
  Program program = columns(v);
  program.buffers[2].count = kAll + 1;
  reuse_results(program);
  EXPECT_EQ(scratch_in(program), 1u);
}

TEST(ReuseResults, ATransformOfThreeAxesNeedsNoArrayBetweenPlanesAndColumns) {
  for (const ir::FftKind kind : {ir::FftKind::kForward, ir::FftKind::kRealForward}) {
    ir::Builder b("fft");
    const ir::Type type{DType::kF64, Shape{128, 128, 128}};
    std::vector<ir::Value> x{b.param(type)};
    if (kind == ir::FftKind::kForward) x.push_back(b.param(type));
    Program program = lower(transform::run_passes(b.finish(b.fft({kind, 3, 0}, x)), {}));
    const std::size_t scratch = scratch_in(program);
    reuse_results(program);
    verify(program);
    EXPECT_EQ(scratch_in(program) + 2, scratch);
  }
}

}  // namespace
}  // namespace cotangent::kernel
