// Philox4x32-10, a counter-based generator of random bits: J. K. Salmon, M. A. Moraes, R. O. Dror,
// D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011), section 3.3.
//
// What random_bits draws: the key is the seed (64 bits); the 128-bit counter has the fields
//   word 0  number of the block of 128 bits within the array
//   word 1  step, low 32 bits
//   word 2  member (of an ensemble)
//   word 3  site, 16 bits; step, the next 16 bits
// so that no two (member, step, site, element) share bits as long as member < 2^32, step < 2^48;
// what is above is left out. Element k of a u32 array is word k % 4 of block k / 4; element k of a
// u64 array is words 2 (k % 2), the low half, and 2 (k % 2) + 1 of block k / 2. The shape beyond
// its size, the batch, lanes and chunks do not enter.
#pragma once

#include <array>
#include <cstdint>

namespace cotangent::ir {

inline constexpr std::uint32_t kPhiloxMultiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
inline constexpr std::uint32_t kPhiloxWeyl[2] = {0x9E3779B9u, 0xBB67AE85u};  ///< added to the key
inline constexpr int kPhiloxRounds = 10;
inline constexpr std::int64_t kMaxRandomSite = 0xffff;
inline constexpr std::int64_t kMaxRandomBlocks = std::int64_t{1} << 32;

inline std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> x,
                                               std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t p = std::uint64_t{kPhiloxMultiplier[0]} * x[0];
    const std::uint64_t q = std::uint64_t{kPhiloxMultiplier[1]} * x[2];
    x = {static_cast<std::uint32_t>(q >> 32) ^ x[1] ^ key[0], static_cast<std::uint32_t>(q),
         static_cast<std::uint32_t>(p >> 32) ^ x[3] ^ key[1], static_cast<std::uint32_t>(p)};
    for (std::size_t k = 0; k < 2; ++k) key[k] += kPhiloxWeyl[k];
  }
  return x;
}

}  // namespace cotangent::ir
