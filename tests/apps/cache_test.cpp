// The code cache as a person meets it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "tests/apps/cli.h"

namespace cotangent::apps::testing {
namespace {

class Cache : public ::testing::Test {
 protected:
  Cache() {
    ::setenv("COTANGENT_CACHE", "on", 1);
    ::setenv("COTANGENT_CACHE_DIR", folder().c_str(), 1);
  }
  ~Cache() override {
    ::setenv("COTANGENT_CACHE", "off", 1);
    ::unsetenv("COTANGENT_CACHE_DIR");
  }
  std::string folder() const { return temporary_ / "cache"; }
  static CliResult run() { return run_cli({"run", example("kepler"), "--json"}); }

  TemporaryFolder temporary_;
};

TEST_F(Cache, TheSecondRunFindsItsCodeAndEndsInTheSameState) {
  const CliResult first = run(), second = run();
  ASSERT_EQ(first.code, 0) << first.err;
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(first.err.find("from the cache"), std::string::npos) << first.err;
  EXPECT_NE(second.err.find("code from the cache"), std::string::npos) << second.err;
  EXPECT_EQ(first.json()["state_hash"], second.json()["state_hash"]);
}

TEST_F(Cache, AFolderOfOthersIsNotUsedAndThePersonIsTold) {
  ASSERT_EQ(::mkdir(folder().c_str(), 0700), 0);
  ASSERT_EQ(::chmod(folder().c_str(), 0777), 0);
  const CliResult result = run();
  EXPECT_EQ(result.code, 0);
  EXPECT_NE(result.err.find("warning: no code cache"), std::string::npos) << result.err;
  const CliResult doctor = run_cli({"doctor", "--json"});
  EXPECT_FALSE(doctor.json()["code_cache"]["on"]);
  EXPECT_NE(doctor.json()["code_cache"]["trouble"].get<std::string>().find("chmod 700"),
            std::string::npos);
}

TEST_F(Cache, AReadOnlyHomeIsNoFailure) {
  ::setenv("COTANGENT_CACHE_DIR", "/proc/nothing/here", 1);
  const CliResult result = run();
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err.find("warning"), std::string::npos) << result.err;
}

TEST_F(Cache, DoctorShowsAndClearsIt) {
  run();
  const auto before = run_cli({"doctor", "--json"}).json()["code_cache"];
  EXPECT_TRUE(before["on"]);
  EXPECT_EQ(before["folder"], folder());
  EXPECT_GE(before["entries"], 1);
  EXPECT_GT(before["bytes"], 1000);
  const CliResult cleared = run_cli({"doctor", "--clear-cache"});
  EXPECT_EQ(cleared.code, 0) << cleared.err;
  EXPECT_NE(cleared.out.find("removed from the code cache: "), std::string::npos) << cleared.out;
  EXPECT_EQ(run().err.find("from the cache"), std::string::npos);
}

TEST_F(Cache, AnEnvironmentThatMakesNoSenseIsBadInput) {
  ::setenv("COTANGENT_CACHE_SIZE", "plenty", 1);
  const CliResult result = run();
  ::unsetenv("COTANGENT_CACHE_SIZE");
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("COTANGENT_CACHE_SIZE is 'plenty'"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace cotangent::apps::testing
