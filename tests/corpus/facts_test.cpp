// Systems of mixed kinds, each in a file with the right answers beside it:
//   # facts: separable yes!, linear no, ..., period=6.28, pair_range=up to 2.5
// `!` means that it must be proved; without it the value alone counts. A `;` in a value stands for
// a comma. Several files are traps: a rule that looks at derivatives alone is wrong about them.
#include "cotangent/mechanics/facts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cotangent/formats/system_file.h"
#include "tests/corpus/corpus.h"

namespace cotangent::mechanics {
namespace {

struct Expected {
  std::string name, value;
  bool boolean = false, proved = false;
};

/// What stands after "# facts:" on all lines that begin with it.
std::vector<Expected> expected_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string all;
  const std::string mark = "# facts:";
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(mark, 0) == 0) all += line.substr(mark.size());
  }
  std::vector<Expected> out;
  std::istringstream parts(all);
  for (std::string part; std::getline(parts, part, ',');) {
    part = part.substr(part.find_first_not_of(' '));
    Expected e;
    const std::size_t equals = part.find('=');
    const std::size_t cut = equals != std::string::npos ? equals : part.find(' ');
    e.name = part.substr(0, cut);
    e.value = part.substr(cut + 1);
    std::replace(e.value.begin(), e.value.end(), ';', ',');
    e.boolean = equals == std::string::npos;
    if (e.boolean && e.value.ends_with('!')) {
      e.proved = true;
      e.value.pop_back();
    }
    out.push_back(e);
  }
  return out;
}

void expect_boolean(const Facts& facts, const Expected& e) {
  const Fact& f = facts.find(e.name);
  const bool value = std::get<bool>(f.value);
  const std::string about = e.name + ": " + f.detail;
  ASSERT_TRUE(e.value == "yes" || e.value == "no") << e.name << " " << e.value;
  EXPECT_EQ(value, e.value == "yes") << (f.how == How::kProved ? "a wrong proof of " : "") << about;
  if (e.proved) {
    EXPECT_EQ(f.how, How::kProved) << about;
  }
  if (f.how == How::kTested) {
    EXPECT_TRUE(f.derivation.empty()) << about;
  }
}

void expect_value(const Facts& facts, const Expected& e) {
  if (e.name == "period") {
    ASSERT_TRUE(facts.period.has_value());
    EXPECT_NEAR(*facts.period, std::stod(e.value), 1e-12 * *facts.period);
  } else if (e.name == "cyclic_entries") {
    std::string all;
    for (const std::string& name : facts.cyclic) all += (all.empty() ? "" : " ") + name;
    EXPECT_EQ(all, e.value);
  } else {
    std::string seen;  // one of the terms has it
    for (const Fact& f : facts.all) {
      if (f.name == e.name) seen += "[" + std::get<std::string>(f.value) + "]";
    }
    EXPECT_NE(seen.find("[" + e.value + "]"), std::string::npos) << e.name << ": " << seen;
  }
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
    for (const Expected& e : expected) {
      e.boolean ? expect_boolean(facts, e) : expect_value(facts, e);
    }
  }
}

}  // namespace
}  // namespace cotangent::mechanics
