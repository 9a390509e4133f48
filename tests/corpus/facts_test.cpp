// Systems of mixed kinds, each in a file with the right answers beside it (expected.h):
//   # facts: separable yes!, linear no, ..., period=6.28, pair_range=up to 2.5
// Several files are traps: a rule that looks at derivatives alone is wrong about them.
#include "cotangent/mechanics/facts.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cotangent/formats/system_file.h"
#include "tests/corpus/corpus.h"
#include "tests/corpus/expected.h"

namespace cotangent::mechanics {
namespace {

/// What stands after "# facts:" on all lines that begin with it.
std::vector<Expected> expected_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string all;
  const std::string mark = "# facts:";
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(mark, 0) == 0) all += line.substr(mark.size());
  }
  return expected_of(all);
}

TEST(Corpus, FactsAreRightAndNoProofIsWrong) {
  const std::vector<std::filesystem::path> files = corpus();
  EXPECT_GE(files.size(), 40u);
  for (const std::filesystem::path& file : files) {
    SCOPED_TRACE(file.string());
    const formats::LoadedFile loaded = formats::load_system_file(file);
    const Facts facts = find_facts(loaded.system, loaded.initial);
    const std::vector<Expected> expected = expected_in(file);
    EXPECT_GE(expected.size(), 8u);
    expect_facts(facts, expected);
  }
}

}  // namespace
}  // namespace cotangent::mechanics
