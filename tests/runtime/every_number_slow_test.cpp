// Elementary functions at very many points.
//
// Each function of one f32 at 2^24 bit patterns, evenly spread: 32,768 of each sign and exponent;
// COTANGENT_F32_PATTERNS sets how many, 4294967296 is all. Each function in f64 at 2^17 points a
// range; COTANGENT_F64_POINTS sets how many. COTANGENT_FUNCTIONS="sin cos" leaves out the others.
#include <cstdlib>

#include "tests/runtime/every_number.h"

namespace cotangent::runtime {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  if (!text) return otherwise;
  const std::uint64_t number = std::strtoull(text, nullptr, 10);
  EXPECT_GT(number, 0u) << variable << " is no number";
  return number;
}

TEST(EveryF32, EvenlySpread) {
  const std::uint64_t all = std::uint64_t{1} << 32;
  const std::uint64_t count = std::min(number_from("COTANGENT_F32_PATTERNS", 1 << 24), all);
  // Odd, so that no pattern comes twice and the low bits take every value.
  check_every_f32(static_cast<std::uint32_t>(all / std::max<std::uint64_t>(count, 2)) | 1, count);
}

TEST(ManyF64, OverEveryRange) {
  check_many_f64(number_from("COTANGENT_F64_POINTS", 1 << 17));
}

}  // namespace
}  // namespace cotangent::runtime
