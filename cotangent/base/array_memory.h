// Memory for arrays: at a multiple of 64 bytes, and in large pages where it is large.
#pragma once

#include <cstddef>

namespace cotangent {

/// Uninitialised memory of at least `bytes` bytes, aligned to 64, to be freed by std::free; null
/// when there is none. From 4 MiB on it is aligned to pages of 2 MiB and asks for such (Linux):
/// arrays are walked along every axis, and with small pages each row of a column is another entry
/// of the page table. That is advice; where the system does not follow it the memory works as well.
void* allocate_array(std::size_t bytes);

}  // namespace cotangent
