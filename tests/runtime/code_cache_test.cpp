// Exact identity: code from the cache has the bits of code that was just made; and whatever happens
// to the cache, a program is compiled.
#include "cotangent/runtime/code_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::runtime {
namespace {

namespace fs = std::filesystem;

struct Notes : telemetry::Sink {
  void log(const telemetry::LogEvent& event) override {
    text += std::string(telemetry::name_of(event.level)) + ": " + std::string(event.text) + "\n";
  }
  std::string text;
};

/// Sets an environment variable for the life of a test.
class Environment {
 public:
  explicit Environment(std::vector<const char*> names) {
    for (const char* name : names) {
      const char* value = std::getenv(name);
      before_.emplace_back(name, value ? std::optional<std::string>(value) : std::nullopt);
      ::unsetenv(name);
    }
  }
  ~Environment() {
    for (const auto& [name, value] : before_) {
      if (value)
        ::setenv(name.c_str(), value->c_str(), 1);
      else
        ::unsetenv(name.c_str());
    }
  }

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

class CodeCache : public testing::Test {
 protected:
  CodeCache()
      : environment_({"COTANGENT_CACHE", "COTANGENT_CACHE_DIR", "COTANGENT_CACHE_SIZE",
                      "XDG_CACHE_HOME", "HOME"}) {
    std::string name = (fs::temp_directory_path() / "cotangent-cache-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    telemetry_.add(notes_);
    options_.cache.folder = (folder_ / "cache").string();
    options_.telemetry = &telemetry_;
  }
  ~CodeCache() override { fs::remove_all(folder_); }

  std::vector<fs::path> entries() const {
    std::vector<fs::path> found;
    for (const auto& e : fs::directory_iterator(folder_ / "cache")) {
      if (e.path().extension() == ".entry") found.push_back(e.path());
    }
    return found;
  }
  bool cached(const ir::FunctionPtr& f) { return compile(f, options_)->times().cached; }

  Environment environment_;
  fs::path folder_;
  telemetry::Telemetry telemetry_;
  Notes notes_;
  CompileOptions options_;
};

ir::FunctionPtr scaled(double by) {
  ir::Builder b("scaled");
  const ir::Type type{DType::kF64, Shape{7}};
  const ir::Value x = b.param(type);
  return b.finish({b.mul(x, b.splat(by, type))});
}

void expect_right(const Executable& e, std::uint64_t seed = 3) {
  const auto arguments = ir::random_arguments(*e.program(), seed, true);
  const auto want = ir::evaluate(*e.program(), arguments);
  const auto got = e.call_with_fault(arguments);
  for (std::size_t r = 0; r < want.size(); ++r) EXPECT_TRUE(want[r].same_bits(got[r])) << r;
}

TEST_F(CodeCache, SecondTimeComesFromTheCacheWithTheSameBits) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ir::RandomProgramOptions random;
    random.nodes = 4 + static_cast<int>(seed % 24);
    random.depth = static_cast<int>(seed % 4);
    const ir::FunctionPtr f = ir::random_program(seed, random);
    for (const bool cached : {false, true}) {
      const ExecutablePtr e = compile(f, options_);
      EXPECT_EQ(e->times().cached, cached) << seed;
      expect_right(*e, seed);
    }
  }
  EXPECT_EQ(notes_.text, "");
}

TEST_F(CodeCache, WhatDecidesTheCodeIsInItsName) {
  EXPECT_FALSE(cached(scaled(2)));
  EXPECT_TRUE(cached(scaled(2)));
  EXPECT_FALSE(cached(scaled(3)));
  options_.vector_bits = 128;
  EXPECT_FALSE(cached(scaled(2)));
  options_.optimize = 0;
  EXPECT_FALSE(cached(scaled(2)));
  options_.threads = 2;
  EXPECT_TRUE(cached(scaled(2))) << "still solo";
  options_.team_from = 0;
  EXPECT_FALSE(cached(scaled(2))) << "a team";
  options_.threads = 3;
  EXPECT_TRUE(cached(scaled(2))) << "the code of a team is for any number of threads";
}

TEST_F(CodeCache, TextIsMadeEvenIfTheCodeIsThere) {
  compile(scaled(2), options_);
  options_.keep_code = true;
  EXPECT_NE(compile(scaled(2), options_)->code_text().find("kernel_0"), std::string::npos);
}

TEST_F(CodeCache, ADamagedEntryIsMadeAgainAndToldOf) {
  expect_right(*compile(scaled(2), options_));
  for (const auto damage : {0, 1}) {
    ASSERT_EQ(entries().size(), 1u);
    const fs::path entry = entries()[0];
    if (damage == 0)
      fs::resize_file(entry, fs::file_size(entry) - 100);
    else
      std::ofstream(entry, std::ios::in | std::ios::binary).seekp(200).put('\x55');
    notes_.text.clear();
    const ExecutablePtr e = compile(scaled(2), options_);
    EXPECT_FALSE(e->times().cached);
    expect_right(*e);
    EXPECT_NE(notes_.text.find("debug: code cache: entry"), std::string::npos) << notes_.text;
    EXPECT_NE(notes_.text.find("damaged"), std::string::npos) << notes_.text;
    EXPECT_TRUE(cached(scaled(2)));
  }
}

TEST_F(CodeCache, AFolderOthersCanWriteToIsLeftAloneWithAWarning) {
  fs::create_directory(folder_ / "cache");
  ::chmod((folder_ / "cache").c_str(), 0777);
  EXPECT_FALSE(cached(scaled(2)));
  EXPECT_FALSE(cached(scaled(2)));
  EXPECT_TRUE(fs::is_empty(folder_ / "cache"));
  EXPECT_NE(notes_.text.find("warning: no code cache"), std::string::npos) << notes_.text;
  EXPECT_NE(cache_state(options_.cache).trouble.find("chmod 700"), std::string::npos);
  EXPECT_THROW(clear_cache(options_.cache), DeviceError);
}

TEST_F(CodeCache, APlaceThatCannotBeHadIsNoFailure) {
  for (const char* place : {"/proc/none/cache", "/dev/null/cache", "/dev/null"}) {
    options_.cache.folder = place;
    expect_right(*compile(scaled(2), options_));
  }
  EXPECT_EQ(notes_.text.find("warning"), std::string::npos) << notes_.text;
  EXPECT_NE(notes_.text.find("debug: no code cache"), std::string::npos) << notes_.text;
}

TEST_F(CodeCache, AnEntryLargerThanTheCacheIsNotKept) {
  options_.cache.most_bytes = 100;
  EXPECT_FALSE(cached(scaled(2)));
  EXPECT_FALSE(cached(scaled(2)));
  EXPECT_NE(notes_.text.find("larger than the whole cache"), std::string::npos) << notes_.text;
}

TEST_F(CodeCache, WhereTheEnvironmentSays) {
  const auto folder = [] { return resolved({}).folder; };
  EXPECT_FALSE(resolved({}).on) << "no home";
  ::setenv("HOME", "/home/me", 1);
  EXPECT_EQ(folder(), "/home/me/.cache/cotangent");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(folder(), "/home/me/.cache/cotangent") << "the specification wants it absolute";
  ::setenv("XDG_CACHE_HOME", "/var/me", 1);
  EXPECT_EQ(folder(), "/var/me/cotangent");
  ::setenv("COTANGENT_CACHE_DIR", "/scratch/c", 1);
  EXPECT_EQ(folder(), "/scratch/c");
  EXPECT_EQ(resolved({}).most_bytes, std::uint64_t{1} << 30);
  ::setenv("COTANGENT_CACHE_SIZE", "3M", 1);
  EXPECT_EQ(resolved({}).most_bytes, 3u << 20);
  ::setenv("COTANGENT_CACHE_SIZE", "12345", 1);
  EXPECT_EQ(resolved({}).most_bytes, 12345u);
  for (const char* bad :
       {"0", "-1", "much", "1T", "1.5G", "99999999999999999999", "17179869184G"}) {
    ::setenv("COTANGENT_CACHE_SIZE", bad, 1);
    EXPECT_THROW(resolved({}), UserError) << bad;
  }
  ::unsetenv("COTANGENT_CACHE_SIZE");
  EXPECT_TRUE(resolved({}).on);
  ::setenv("COTANGENT_CACHE", "off", 1);
  EXPECT_FALSE(resolved({}).on);
  EXPECT_TRUE(resolved(options_.cache).on) << "named by the program";
  ::setenv("COTANGENT_CACHE", "maybe", 1);
  EXPECT_THROW(resolved({}), UserError);
}

TEST_F(CodeCache, OffIsOff) {
  options_.cache.on = false;
  EXPECT_FALSE(cached(scaled(2)));
  EXPECT_FALSE(cached(scaled(2)));
  EXPECT_FALSE(fs::exists(folder_ / "cache"));
}

TEST_F(CodeCache, StateAndClearing) {
  EXPECT_EQ(cache_state(options_.cache).usage.entries, 0u);
  EXPECT_EQ(cache_state(options_.cache).trouble, "");
  EXPECT_FALSE(fs::exists(folder_ / "cache")) << "looking makes nothing";
  compile(scaled(2), options_);
  compile(scaled(3), options_);
  EXPECT_EQ(cache_state(options_.cache).usage.entries, 2u);
  EXPECT_GT(cache_state(options_.cache).usage.bytes, 500u);
  EXPECT_EQ(clear_cache(options_.cache).entries, 2u);
  EXPECT_FALSE(cached(scaled(2)));
}

TEST_F(CodeCache, SeveralThreadsShareIt) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) expect_right(*compile(scaled(k), options_));
    });
  }
  threads.clear();
  EXPECT_EQ(entries().size(), 10u);
  EXPECT_EQ(notes_.text, "");
}

}  // namespace
}  // namespace cotangent::runtime
