// Random changes of seed texts, for running a fuzz target in a plain build. Deterministic.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace cotangent::fuzz {

inline std::vector<std::string> read_seeds(const std::string& target) {
  const char* source = std::getenv("COTANGENT_SOURCE_DIR");
  const std::filesystem::path folder =
      std::filesystem::path(source ? source : ".") / "tests/fuzz/seeds" / target;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    seeds.push_back(text.str());
  }
  return seeds;
}

/// Anything but a return is a failure: an exception of another kind ends the test.
inline void run(const std::string& text, int (*target)(const std::uint8_t*, std::size_t)) {
  target(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::vector<std::string> seeds, std::vector<std::string> words)
      : state_(seed), seeds_(std::move(seeds)), words_(std::move(words)) {}

  std::string next() {
    std::string text = seeds_[below(seeds_.size())];
    const std::size_t changes = 1 + below(6);
    for (std::size_t k = 0; k < changes; ++k) change(text);
    return text;
  }

 private:
  /// Splitmix64.
  std::uint64_t random() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
  }
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random() % n; }

  void change(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    switch (below(7)) {
      case 0: text.insert(at, words_[below(words_.size())]); break;
      case 1: text.erase(at, 1 + below(8)); break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 3: text.insert(at, text.substr(below(text.size()), below(20))); break;
      case 4: {
        const std::string& other = seeds_[below(seeds_.size())];
        text.insert(at, other.substr(below(other.size()), below(30)));
        break;
      }
      case 5:
        text.replace(at, std::min(below(6), text.size() - at), words_[below(words_.size())]);
        break;
      default: text.resize(at); break;
    }
  }

  std::uint64_t state_;
  std::vector<std::string> seeds_;
  std::vector<std::string> words_;
};

}  // namespace cotangent::fuzz
