// docs/passes.md lists the passes as they run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "cotangent/transform/passes.h"

namespace cotangent::transform {
namespace {

/// The names in the first column of the page's table: "| 1 | `simplify` | ... |".
std::vector<std::string> names_on_the_page() {
  const char* root = std::getenv("COTANGENT_SOURCE_DIR");
  std::ifstream page(std::string(root ? root : ".") + "/docs/passes.md");
  EXPECT_TRUE(page) << "run from the top of the repository, or set COTANGENT_SOURCE_DIR";
  std::vector<std::string> names;
  for (std::string line; std::getline(page, line);) {
    const std::string number = "| " + std::to_string(names.size() + 1) + " | `";
    if (!line.starts_with(number)) continue;
    names.push_back(line.substr(number.size(), line.find('`', number.size()) - number.size()));
  }
  return names;
}

TEST(PassesPage, ListsThePassesInTheirOrder) {
  std::vector<std::string> names;
  for (const Pass& pass : standard_passes()) names.push_back(pass.name);
  EXPECT_EQ(names_on_the_page(), names);
}

}  // namespace
}  // namespace cotangent::transform
