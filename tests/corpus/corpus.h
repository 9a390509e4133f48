// The files of the corpus.
#pragma once

#include <algorithm>
#include <filesystem>
#include <vector>

namespace cotangent::mechanics {

inline std::vector<std::filesystem::path> corpus() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/systems")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace cotangent::mechanics
