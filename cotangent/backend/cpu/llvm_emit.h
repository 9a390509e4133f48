// Kernel program -> LLVM IR. Included by the llvm_*.cpp files only.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <map>
#include <vector>

#include "cotangent/backend/cpu/cpu_code.h"
#include "cotangent/backend/cpu/library_call.h"

namespace cotangent::backend::cpu {

/// Where each scratch buffer and constant lies in its block of memory. Thread and lane buffers come
/// after the scratch: `lane_bytes` a thread; element k of all lanes of a vector side by side.
struct MemoryPlan {
  std::vector<std::size_t> offset;  ///< by buffer
  std::size_t scratch_bytes = 0, lane_bytes = 0, constant_bytes = 0;
  /// Floating-point literals by type and bits, where there are so many that LLVM, which looks for
  /// each among all others, would take long: they lie among the constants. Else empty.
  std::map<std::pair<DType, std::uint64_t>, std::size_t> literals;
};
MemoryPlan plan_memory(const kernel::Program& program, int vector_bits);

/// Instances a vector of a simd loop holds at most: four registers of the narrowest type.
inline std::size_t most_lanes(int vector_bits) {
  return static_cast<std::size_t>(vector_bits) / 32 * 4;
}

/// Adds function `name` (the signature of KernelFunction) to the module. `tiles`: strided
/// neighbours are transposed in registers (llvm_tiles.h).
void emit_kernel(llvm::Module& module, const std::string& name, const kernel::Program& program,
                 const MemoryPlan& plan, int vector_bits, bool team, bool rsqrt14, bool tiles);

/// One elementwise op on LLVM scalars or vectors of one width (llvm_ops.cpp). `rsqrt14`: bits of a
/// register, where the host has AVX-512's 14-bit estimate, from which 1/sqrt(x) is made with the
/// same bits, but faster.
llvm::Value* emit_op(llvm::IRBuilder<>& ir, ir::Op op, DType result, DType operand,
                     llvm::ArrayRef<llvm::Value*> x, int rsqrt14);

/// Large angles (ir/far_angle.h), all lanes by one call through memory on the stack, which all
/// calls of a function with one type share.
struct FarAngleParts {
  llvm::Value *rest, *error, *quarter;
};
using FarAngleMemory = std::map<llvm::Type*, std::pair<llvm::AllocaInst*, llvm::AllocaInst*>>;
FarAngleParts emit_far_angles(llvm::IRBuilder<>& ir, DType t, llvm::Value* x,
                              FarAngleMemory& memory);

/// Calls the library (library_call.h) with a description that becomes a constant of the module.
void emit_library_call(llvm::IRBuilder<>& ir, const std::vector<std::int64_t>& words,
                       llvm::ArrayRef<llvm::Value*> arrays, llvm::Value* threads);

/// The two halves of a vector 1/sqrt(x) from the estimate: the square root takes long to come, so
/// loops start it an iteration early.
struct RsqrtStart {
  llvm::Value* root = nullptr;
  llvm::Value* estimate = nullptr;
};
/// Whether there is an estimate for vectors of so many bits, in registers of so many.
inline bool has_rsqrt14(int register_bits, std::size_t vector_bits) {
  return register_bits >= 128 && vector_bits >= 128;
}
RsqrtStart start_rsqrt(llvm::IRBuilder<>& ir, llvm::Value* x, int register_bits);
/// `corrected`: right for 0 and infinity too, where it is NaN otherwise.
llvm::Value* finish_rsqrt(llvm::IRBuilder<>& ir, const RsqrtStart& start, int register_bits,
                          bool corrected);

/// i1 for bool; `lanes` 1: scalar.
llvm::Type* llvm_type(llvm::LLVMContext& context, DType t, int lanes);

}  // namespace cotangent::backend::cpu
