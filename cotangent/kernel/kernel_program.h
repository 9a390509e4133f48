// The kernel program: structured loop nests over buffers. What is left of an array program once
// every array has either a buffer or a place in registers; the last form that all back ends share.
//
//   buffers   inputs and outputs (row-major, given by the caller), scratch, constants, and lane
//             buffers (thread buffers): private to an iteration of the simd (shared) loop around
//             their uses, each iteration finding rubbish there
//   blocks    lists of instructions; a block closes with the values it yields to its `for`
//   const     a literal
//   op        one elementwise ir::Op on scalars, with the evaluator's scalar semantics
//   load      buffer[index]; with a predicate, 0 where that is false and memory is not touched
//   store     buffer[index] = value
//   for       lo <= index < hi in ascending order, `skip` left out; carried values. Kinds:
//               serial    iterations in order
//               simd      iterations independent, nothing carried; bounds constant
//               parallel  as simd, and the rows may be split between threads
//               shared    iterations independent, nothing carried, bounds constant; split between
//                         threads, each running its own in order. Simd loops may stand inside
//   call      the library: a matrix product, solve or factorisation on whole buffers. Not in a simd
//   or
//             shared loop, and in no program for a device
//   while     runs its block as long as a condition holds: the first is an operand, each further
//             one the first value that the block yields; carried values
//   if        runs its block where the condition holds, otherwise the second one if there is one;
//             gives the values that the block yields (then there are two). In a simd loop a
//             condition may differ between iterations
//
// Values are scalars in SSA form, visible in the block that defines them after their definition,
// and in the blocks nested there. Executing it literally, one instruction at a time, is its
// meaning.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cotangent/base/dtype.h"
#include "cotangent/ir/op.h"

namespace cotangent::kernel {

using Id = std::uint32_t;
inline constexpr Id kNoId = UINT32_MAX;

enum class BufferKind : std::uint8_t { kInput, kOutput, kScratch, kConstant, kLane, kThread };

struct Buffer {
  BufferKind kind = BufferKind::kScratch;
  DType dtype = DType::kF64;
  std::int64_t count = 0;       ///< elements
  std::int64_t position = 0;    ///< of the argument, or of the result
  std::vector<std::byte> data;  ///< of a constant
  std::string note;             ///< layout, for people
  /// Scratch in planes of this many elements, each plane padded to 64 bytes: what lies between the
  /// last element and the end of its plane belongs to nobody. 0: not so.
  std::int64_t plane = 0;
};

enum class Code : std::uint8_t { kConst, kOp, kLoad, kStore, kFor, kWhile, kIf, kCall };
enum class ForKind : std::uint8_t { kSerial, kSimd, kParallel, kShared };
inline bool is_simd(ForKind kind) {
  return kind == ForKind::kSimd || kind == ForKind::kParallel;
}

struct Block;

/// One op on whole matrices, for every member of a batch: dot_general is c = a b, [m, k] and [k,
/// n]; the ops of linear algebra take and give what they do in the array program. A vector is a
/// matrix of one row.
struct LibraryCall {
  struct Array {
    std::uint32_t buffer = 0;
    bool written = false;
    std::int64_t rows = 0, columns = 0;
    std::vector<std::int64_t> strides;  ///< of the batch axes, of rows, of columns; in elements
  };
  ir::Op op = ir::Op::kDotGeneral;
  bool lower = false, transposed = false, unit_diagonal = false;  ///< of a triangular solve
  bool pairs = false;
  std::vector<std::int64_t> batch;
  std::vector<Array> arrays;  ///< operands, then results
};

struct Instr {
  Code code = Code::kConst;
  ForKind kind = ForKind::kSerial;
  bool rolled =
      false;  ///< a serial for that stays a loop whatever its count: a loop of the program
  ir::Op op = ir::Op::kConstant;
  DType dtype = DType::kF64;  ///< of the result; of the value stored
  Id result = kNoId;
  std::uint32_t buffer = 0;
  std::uint64_t bits = 0;  ///< of a const
  /// op: its operands. load: index, predicate (or kNoId). store: index, value.
  /// for: lo, hi, skip (or kNoId), then the initial carried values. while: first condition, then
  /// the initial carried values. if: condition.
  /// call: where each array begins in its buffer (kNoId: at 0).
  std::vector<Id> operands;
  Id index = kNoId;         ///< for: the loop variable
  std::vector<Id> args;     ///< for, while: carried values inside
  std::vector<Id> results;  ///< for, while: carried values after. if: the values it gives
  std::unique_ptr<Block> body;
  std::unique_ptr<Block> other;  ///< if: what runs where the condition does not hold; or null
  std::shared_ptr<const LibraryCall> call;
};

struct Block {
  std::vector<Instr> instrs;
  std::vector<Id> yields;  ///< of a while: the condition first
};

struct Program {
  std::string name;
  std::vector<Buffer> buffers;
  std::vector<DType> types;  ///< of every value
  Block body;
  std::string remarks;  ///< what the lowering decided and why, a line each

  std::size_t inputs = 0, outputs = 0;
};

/// Whether the program calls the library; if so `first` may receive the first op it calls it for.
bool calls_library(const Program& program, ir::Op* first = nullptr);

/// Number of instructions, nested ones included.
std::size_t size_of_block(const Block& block);

std::string print(const Program& program);

/// Throws InternalError naming the rule broken: definitions before uses and in scope, types,
/// buffers in range, what each kind of loop may hold.
void verify(const Program& program);

/// Removes instructions whose values nobody uses, and empty loops.
void remove_dead(Program& program);

}  // namespace cotangent::kernel
