// What a kernel's `call` runs: BLAS and LAPACK, by OpenBLAS, which is loaded when a program first
// needs it (docs/decisions/0015-library-calls.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::backend::cpu {

/// A call as numbers, which the code holds as a constant: no pointers, so it can be cached.
std::vector<std::int64_t> library_words(const kernel::LibraryCall& call,
                                        const kernel::Program& program);

/// The name by which generated code calls library_call.
inline constexpr const char* kLibraryCallName = "cotangent.library_call";

/// `arrays`: where each array of the call begins. The library uses up to `threads` threads. Does
/// not throw: a factorisation that fails (no memory, no convergence, NaN among the operands) gives
/// NaN.
void library_call(const std::int64_t* words, void* const* arrays, std::int64_t threads) noexcept;

/// Throws DeviceError naming the op and the package when the program calls the library and it is
/// not there.
void want_library(const kernel::Program& program);

/// Whether it can be loaded; "OpenBLAS 0.3.21, SkylakeX" or why not.
bool library_available();
std::string library_text();

}  // namespace cotangent::backend::cpu
