#include "cotangent/mechanics/state_hash.h"

#include <bit>

namespace cotangent::mechanics {

void StateHash::word(std::uint64_t w) {
  w = (w ^ (w >> 32)) * 0xd6e8feb86659fd93ull;
  h_ = std::rotl((h_ ^ w) * 0x9e3779b97f4a7c15ull, 29);
}

void StateHash::add(std::span<const std::byte> bytes) {
  word(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t w = 0;
    for (std::size_t k = 0; k < 8 && at + k < bytes.size(); ++k) {
      w |= static_cast<std::uint64_t>(bytes[at + k]) << (8 * k);
    }
    word(w);
  }
}

std::uint64_t StateHash::value() const {
  std::uint64_t h = h_;
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdull;
  return h ^ (h >> 33);
}

std::string StateHash::text() const {
  std::string digits(16, '0');
  std::uint64_t h = value();
  for (std::size_t k = 16; k-- > 0; h >>= 4) digits[k] = "0123456789abcdef"[h & 15];
  return digits;
}

}  // namespace cotangent::mechanics
