// The name of compiled code by its content: everything that decides what the bytes will be.
#pragma once

#include "cotangent/backend/cpu/cpu_code.h"

namespace cotangent::backend::cpu {

/// `level`, `vector_bits`: as chosen, not as asked for.
Digest code_key(std::span<const KernelRequest> kernels, const Machine& machine, int level,
                int vector_bits);

/// Digest of the sources that turn programs into code, made when the library is built: code kept by
/// another build of Cotangent is found only if it would be the same.
const char* source_version();

}  // namespace cotangent::backend::cpu
