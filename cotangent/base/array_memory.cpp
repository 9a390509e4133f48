#include "cotangent/base/array_memory.h"

#include <cstdint>
#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cotangent {

void* allocate_array(std::size_t bytes) {
  constexpr std::size_t kLine = 64, kLargePage = std::size_t{2} << 20;
  const bool large = bytes >= 2 * kLargePage;
  const std::size_t alignment = large ? kLargePage : kLine;
  if (bytes > SIZE_MAX - alignment) return nullptr;
  const std::size_t whole =
      bytes == 0 ? alignment : (bytes + alignment - 1) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, whole);
#if defined(__linux__)
  if (p && large) madvise(p, whole, MADV_HUGEPAGE);
#endif
  return p;
}

}  // namespace cotangent
