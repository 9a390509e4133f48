// Linked into every test executable: the code cache is off unless a test names a folder.
#include <cstdlib>

namespace {

[[maybe_unused]] const int kCacheOff = ::setenv("COTANGENT_CACHE", "off", 0);

}  // namespace
