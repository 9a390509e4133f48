// SHA-256 (FIPS 180-4): names of things by their content.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cotangent {

using Digest = std::array<std::byte, 32>;

class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
  /// Call once; nothing may be added afterwards.
  Digest finish();

 private:
  void block(const std::byte* at);

  std::array<std::uint32_t, 8> state_;
  std::array<std::byte, 64> rest_;
  std::size_t held_ = 0;
  std::uint64_t length_ = 0;
};

Digest sha256(std::span<const std::byte> bytes);
std::string hex(std::span<const std::byte> bytes);

}  // namespace cotangent
