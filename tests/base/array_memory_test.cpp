#include "cotangent/base/array_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace cotangent::testing {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Memory = std::unique_ptr<void, Free>;

/// The flags that the kernel holds for the mapping around `p` ("hg": large pages were asked for).
std::string flags_of(const void* p) {
  const auto at = reinterpret_cast<std::uintptr_t>(p);
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (words >> std::hex >> begin >> dash >> end && dash == '-') here = begin <= at && at < end;
    if (here && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

TEST(ArrayMemory, IsAlignedAndWhole) {
  for (std::size_t bytes : {0ul, 1ul, 64ul, 100ul, (4ul << 20) - 1, 4ul << 20, (9ul << 20) + 5}) {
    const Memory p(allocate_array(bytes));
    ASSERT_TRUE(p) << bytes;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p.get()) % 64, 0u) << bytes;
    std::memset(p.get(), 1, bytes);
  }
}

TEST(ArrayMemory, LargeOnesAskForLargePages) {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage/enabled")) {
    GTEST_SKIP() << "this system has no large pages to ask for";
  }
  const Memory p(allocate_array(8u << 20));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p.get()) % (2u << 20), 0u);
  EXPECT_NE(flags_of(p.get()).find(" hg "), std::string::npos) << flags_of(p.get());
}

TEST(ArrayMemory, TooLargeIsNull) {
  EXPECT_EQ(allocate_array(SIZE_MAX), nullptr);
  EXPECT_EQ(allocate_array(SIZE_MAX - 63), nullptr);
}

}  // namespace
}  // namespace cotangent::testing
