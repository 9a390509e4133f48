// Reference numbers: the examples of FIPS 180-4 (NIST, "SHA256.pdf"), and a million times 'a'.
#include "cotangent/base/sha256.h"

#include <gtest/gtest.h>

namespace cotangent {
namespace {

std::string digest_of(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hex(hash.finish());
}

TEST(Sha256, TheStandardsExamples) {
  EXPECT_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest_of(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveWhatTheWholeGives) {
  std::string text;
  for (int k = 0; k < 300; ++k) text += static_cast<char>(k * 7);
  for (std::size_t length : {0u, 1u, 55u, 56u, 57u, 63u, 64u, 65u, 119u, 120u, 128u, 300u}) {
    const std::string_view part = std::string_view(text).substr(0, length);
    for (std::size_t cut : {1u, 3u, 64u, 65u}) {
      Sha256 hash;
      for (std::size_t at = 0; at < part.size(); at += cut) hash.add(part.substr(at, cut));
      EXPECT_EQ(hex(hash.finish()), digest_of(part)) << length << " cut at " << cut;
    }
  }
}

}  // namespace
}  // namespace cotangent
