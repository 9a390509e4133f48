// A 64-bit hash of a state's bits, printed by every run: equal hashes mean equal bits.
//
// The bytes are read as little-endian 64-bit words w (the last one padded with zeros). From
// h = 0x243f6a8885a308d3 (the first digits of pi), each word does
//   h = rotl((h ^ mixed(w)) * 0x9e3779b97f4a7c15, 29)
// with mixed(w) = (w ^ w >> 32) * 0xd6e8feb86659fd93. An array adds its number of bytes as a word
// before its own. At the end h ^= h >> 33, h *= 0xff51afd7ed558ccd, h ^= h >> 33.
// It guards against accidents, not against attack.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cotangent/ir/tensor.h"

namespace cotangent::mechanics {

class StateHash {
 public:
  void add(std::span<const std::byte> bytes);
  void add(const ir::Tensor& array) { add(std::span(array.data(), array.bytes())); }
  std::uint64_t value() const;
  std::string text() const;  ///< 16 hexadecimal digits

 private:
  void word(std::uint64_t w);
  std::uint64_t h_ = 0x243f6a8885a308d3ull;
};

}  // namespace cotangent::mechanics
