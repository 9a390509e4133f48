// Elementary functions at bit patterns spread over all of f32: a million each, the same share of
// every sign and exponent. All 2^32 of them, and many points in f64: every_number_slow_test.cpp.
#include "tests/runtime/every_number.h"

namespace cotangent::runtime {
namespace {

TEST(EveryF32, AMillionPatternsSpreadOverAll) {
  check_every_f32(4099, std::uint64_t{1} << 20);
}

}  // namespace
}  // namespace cotangent::runtime
