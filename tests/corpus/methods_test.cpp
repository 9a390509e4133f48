// What the planner takes for each system of the corpus, beside what a colleague would say:
//   # method: linear
#include <gtest/gtest.h>

#include <fstream>

#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/plan.h"
#include "tests/corpus/corpus.h"

namespace cotangent::mechanics {
namespace {

/// What stands after "# method:".
std::string family_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  const std::string mark = "# method: ";
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(mark)) return line.substr(mark.size());
  }
  return "";
}

std::string family_of(const Plan& plan) {
  if (plan.linear) return "linear";
  if (!plan.integrator) return plan.method == "leapfrog" ? "leapfrog" : "composition";
  if (plan.method == "implicit_midpoint") return "implicit";
  if (plan.method == "exact_kicks") return "exact_part";
  return plan.method;
}

TEST(Methods, AreThoseAColleagueWouldTake) {
  for (const std::filesystem::path& file : corpus()) {
    const formats::LoadedFile loaded = formats::load_system_file(file);
    const Facts facts = find_facts(loaded.system, loaded.initial);
    SCOPED_TRACE(file.string());
    std::string family, reason;
    try {
      const Plan plan = make_plan(loaded.system, facts, loaded.run, &loaded.initial);
      family = family_of(plan);
      for (const Decision& d : plan.decisions) {
        if (d.decision == "method") reason = d.reason;
      }
      EXPECT_FALSE(reason.empty()) << file;
    } catch (const UserError& e) {
      family = "refused";
      reason = e.what();
    }
    EXPECT_EQ(family, family_in(file)) << file << ": " << reason;
  }
}

}  // namespace
}  // namespace cotangent::mechanics
