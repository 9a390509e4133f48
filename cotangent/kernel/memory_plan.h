// Places for the buffers of a kernel, so that two that are never needed at once may share memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

/// When a buffer is needed: places in the program's text, in order; both ends belong to it.
struct Life {
  std::size_t begin = 0, end = 0;
  bool used = false;
};

/// Of every buffer of the program. What is made and read in the body of a loop, and nowhere else,
/// is made anew in every iteration: it is needed between its first and its last mention there.
/// Scratch memory that threads see lives through the whole loop whose iterations they share, since
/// they are not at the same place of its body; a thread's own through the whole simd loop.
std::vector<Life> lives_of(const Program& program);

struct Placement {
  std::vector<std::size_t> offset;  ///< by buffer; 0 for those without bytes
  std::size_t bytes = 0;            ///< of all
};

/// Places buffers of `bytes` each (0: not in this memory) at offsets that are multiples of 64; two
/// overlap only if their lives do not. The lowest free place, in the order the lives begin.
Placement place(std::span<const Life> lives, std::span<const std::size_t> bytes);

}  // namespace cotangent::kernel
