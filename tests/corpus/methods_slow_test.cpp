// Every name of a method that the planner prints, for any system of the corpus by any method that
// fits it, is one that a file may write.
#include <gtest/gtest.h>

#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/method_table.h"
#include "cotangent/mechanics/plan.h"
#include "tests/corpus/corpus.h"

namespace cotangent::mechanics {
namespace {

TEST(Methods, EveryNameThatIsPrintedMayBeWritten) {
  for (const std::filesystem::path& file : corpus()) {
    const formats::LoadedFile loaded = formats::load_system_file(file);
    const Facts facts = find_facts(loaded.system, loaded.initial);
    RunSettings settings = loaded.run;
    for (const std::string& name : method_names(loaded.system.form)) {
      settings.method = name;
      std::string printed;
      try {
        printed = make_plan(loaded.system, facts, settings, &loaded.initial).method;
      } catch (const UserError&) {
        continue;  // it does not fit this system
      }
      SCOPED_TRACE(file.string() + " by " + name + ": " + printed);
      EXPECT_EQ(printed, name == "auto" ? printed : plain_method_name(name));
      settings.method = printed;
      try {
        EXPECT_EQ(make_plan(loaded.system, facts, settings, &loaded.initial).method, printed);
      } catch (const UserError& e) {
        ADD_FAILURE() << e.what();
      }
    }
  }
}

}  // namespace
}  // namespace cotangent::mechanics
