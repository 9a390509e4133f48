// Exact identity: buffers that share memory are never needed at once. That kernels keep their bits
// with it is what tests/runtime/differential.cpp shows.
#include "cotangent/kernel/memory_plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/transform/faults.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::kernel {
namespace {

using ir::Builder;
using ir::Type;
using ir::Value;

TEST(Place, OnlyWhatIsNotNeededAtOnceOverlaps) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::size_t n = 1 + random() % 30;
    std::vector<Life> lives(n);
    std::vector<std::size_t> bytes(n);
    std::size_t sum = 0;
    for (std::size_t k = 0; k < n; ++k) {
      lives[k].begin = random() % 40;
      lives[k].end = lives[k].begin + random() % 10;
      lives[k].used = random() % 8 != 0;
      bytes[k] = random() % 5 == 0 ? 0 : 1 + random() % 1000;
      if (lives[k].used) sum += (bytes[k] + 63) / 64 * 64;
    }
    const Placement p = place(lives, bytes);
    ASSERT_EQ(p.offset.size(), n);
    EXPECT_LE(p.bytes, sum);
    for (std::size_t i = 0; i < n; ++i) {
      if (!lives[i].used || bytes[i] == 0) continue;
      EXPECT_EQ(p.offset[i] % 64, 0u);
      EXPECT_LE(p.offset[i] + bytes[i], p.bytes);
      for (std::size_t j = 0; j < i; ++j) {
        if (!lives[j].used || bytes[j] == 0) continue;
        const bool at_once = lives[i].begin <= lives[j].end && lives[j].begin <= lives[i].end;
        const bool overlap =
            p.offset[i] < p.offset[j] + bytes[j] && p.offset[j] < p.offset[i] + bytes[i];
        EXPECT_FALSE(at_once && overlap) << i << " " << j;
      }
    }
  }
}

TEST(Place, TheLowestFreePlaceIsTaken) {
  const Life lives[] = {{0, 5, true}, {1, 2, true}, {3, 4, true}, {6, 7, true}};
  const std::size_t bytes[] = {64, 100, 128, 192};
  const Placement p = place(lives, bytes);
  EXPECT_EQ(p.offset, (std::vector<std::size_t>{0, 64, 64, 0}));
  EXPECT_EQ(p.bytes, 192u);
}

constexpr std::int64_t kN = 96;
const Type kLine{DType::kF64, Shape{kN}}, kSquare{DType::kF64, Shape{kN, kN}};

/// A product is made in memory: what reads it reads every element several times.
Value product(Builder& b, Value a, Value x) {
  return b.dot_general(a, x, ir::DotAttr{{}, {}, {1}, {0}});
}

std::size_t scratch_of(const Program& program, std::size_t* sum) {
  std::vector<std::size_t> bytes;
  *sum = 0;
  for (const Buffer& b : program.buffers) {
    const bool here = b.kind == BufferKind::kScratch;
    bytes.push_back(here ? static_cast<std::size_t>(b.count) * size_of(b.dtype) : 0);
    *sum += (bytes.back() + 63) / 64 * 64;
  }
  return place(lives_of(program), bytes).bytes;
}

TEST(MemoryPlan, AChainNeedsTwoArraysWhateverItsLength) {
  for (int length : {6, 20}) {
    Builder b("chain");
    const Value a = b.param(kSquare);
    Value x = b.param(kLine);
    for (int k = 0; k < length; ++k) x = product(b, a, x);
    const Program program = lower(b.finish({x}));
    std::size_t sum = 0;
    EXPECT_EQ(scratch_of(program, &sum), 2 * 8 * kN) << print(program);
    EXPECT_EQ(sum, static_cast<std::size_t>(length - 1) * 8 * kN) << print(program);
  }
}

// In the body of a loop as outside; what the loop carries is not overwritten by what its body
// makes.
TEST(MemoryPlan, ALoopsTemporariesShareAndItsCarriesDoNot) {
  Builder body("step");
  body.param(ir::scalar(DType::kI64));
  const Value inner_a = body.param(kSquare);
  Value x = body.param(kLine);
  for (int k = 0; k < 9; ++k) x = product(body, inner_a, x);
  ir::LoopAttr loop;
  loop.trip = 5;
  loop.invariants = 1;
  loop.carries = 1;
  loop.body = body.finish({x});
  Builder b("steps");
  const Value a = b.param(kSquare);
  const Value in[] = {a, product(b, a, b.param(kLine))};
  const Program program = lower(b.finish({product(b, a, b.loop(loop, in)[0])}));
  std::size_t sum = 0;
  const std::size_t planned = scratch_of(program, &sum);
  EXPECT_GE(sum, 9 * 8 * kN) << print(program);
  EXPECT_LE(planned, 4 * 8 * kN) << print(program);
  const std::vector<Life> lives = lives_of(program);
  const auto at_once = [&](std::size_t j, std::size_t k) {
    return lives[j].begin <= lives[k].end && lives[k].begin <= lives[j].end;
  };
  int carries = 0, temporaries = 0;
  for (std::size_t k = 0; k < lives.size(); ++k) {
    const Buffer& buffer = program.buffers[k];
    if (buffer.kind != BufferKind::kScratch || buffer.note.find(", carry") == std::string::npos) {
      continue;
    }
    ++carries;
    for (std::size_t j = 0; j < lives.size(); ++j) {
      const Buffer& other = program.buffers[j];
      if (j == k || !lives[j].used || other.kind != BufferKind::kScratch) continue;
      ++temporaries;
      EXPECT_TRUE(at_once(j, k)) << other.note << "\n" << print(program);
    }
  }
  EXPECT_EQ(carries, 1);
  EXPECT_GE(temporaries, 8);
}

/// The buffers that a block mentions, in the order of its text, and whether each mention writes.
void mentions(const Block& block, const std::function<void(std::uint32_t, bool)>& note) {
  for (const Instr& i : block.instrs) {
    if (i.code == Code::kLoad || i.code == Code::kStore) note(i.buffer, i.code == Code::kStore);
    if (i.code == Code::kCall) {
      for (const LibraryCall::Array& a : i.call->arrays) note(a.buffer, a.written);
    }
    if (i.body) mentions(*i.body, note);
    if (i.other) mentions(*i.other, note);
  }
}

// What the plan relies on: memory of a kernel's own is written before it is read, whatever loop,
// while or branch it is in.
TEST(MemoryPlan, RandomProgramsWriteABufferBeforeTheyReadIt) {
  int buffers = 0, lanes = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    ir::RandomProgramOptions options;
    options.nodes = 4 + static_cast<int>(seed % 24);
    options.depth = static_cast<int>(seed % 4);
    ir::FunctionPtr f = ir::random_program(seed, options);
    if (f->has_checks()) f = transform::expose_faults(*f).program;
    if (seed % 3 == 0) f = transform::vmap(f, 9);
    LowerOptions lower_options;
    if (seed % 2 == 0) lower_options.most_in_registers = 0;
    const Program program = lower(f, lower_options);
    std::vector<bool> seen(program.buffers.size());
    mentions(program.body, [&](std::uint32_t buffer, bool writes) {
      const BufferKind kind = program.buffers[buffer].kind;
      const bool own =
          kind == BufferKind::kScratch || kind == BufferKind::kLane || kind == BufferKind::kThread;
      if (seen[buffer] || !own) return;
      seen[buffer] = true;
      ++buffers;
      lanes += kind == BufferKind::kLane;
      EXPECT_TRUE(writes) << "seed " << seed << ", b" << buffer << "\n" << print(program);
    });
  }
  EXPECT_GT(buffers, 300);
  EXPECT_GT(lanes, 30);
}

}  // namespace
}  // namespace cotangent::kernel
