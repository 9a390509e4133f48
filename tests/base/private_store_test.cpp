// Exact: what goes in comes out, or nothing does; whatever else happens to the folder.
#include "cotangent/base/private_store.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace cotangent {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

Digest key_of(int n) {
  return sha256(std::as_bytes(std::span(&n, 1)));
}

Bytes content_of(int n, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t k = 0; k < size; ++k) {
    bytes[k] = static_cast<std::byte>(k * 31 + static_cast<std::size_t>(n));
  }
  return bytes;
}

class Store : public testing::Test {
 protected:
  Store() {
    std::string name = (fs::temp_directory_path() / "cotangent-store-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Store() override { fs::remove_all(folder_); }

  std::unique_ptr<PrivateStore> open(std::uint64_t most = 1 << 20) {
    PrivateStore::Trouble trouble;
    auto store = PrivateStore::open(folder_ / "a" / "b", most, trouble);
    EXPECT_TRUE(store) << trouble.text;
    return store;
  }
  fs::path only_entry() const {
    fs::path found;
    for (const auto& e : fs::directory_iterator(folder_ / "a" / "b")) {
      if (e.path().extension() == ".entry") found = e.path();
    }
    return found;
  }
  std::size_t files() const {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& e : fs::directory_iterator(folder_ / "a" / "b")) ++n;
    return n;
  }

  fs::path folder_;
  std::string trouble_;
};

TEST_F(Store, GivesBackWhatWasKept) {
  const auto store = open();
  EXPECT_FALSE(store->find(key_of(1), trouble_));
  for (std::size_t size : {0u, 1u, 7u, 8u, 1000u}) {
    const int n = static_cast<int>(size);
    ASSERT_TRUE(store->keep(key_of(n), content_of(n, size), trouble_)) << trouble_;
    const auto found = store->find(key_of(n), trouble_);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, content_of(n, size));
  }
  EXPECT_EQ(trouble_, "");
  EXPECT_EQ(store->usage().entries, 5u);
  const auto another = open();
  EXPECT_EQ(another->find(key_of(7), trouble_), content_of(7, 7));
}

TEST_F(Store, FoldersAndEntriesAreForTheUserAlone) {
  const auto store = open();
  ASSERT_TRUE(store->keep(key_of(1), content_of(1, 10), trouble_));
  struct stat info{};
  for (const fs::path& folder : {folder_ / "a", folder_ / "a" / "b"}) {
    ASSERT_EQ(::stat(folder.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u) << folder;
  }
  ASSERT_EQ(::stat(only_entry().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(Store, AFolderOthersCanWriteToIsNotUsed) {
  PrivateStore::Trouble trouble;
  for (const mode_t mode : {0770, 0702}) {
    trouble = {};
    ASSERT_EQ(::chmod(folder_.c_str(), mode), 0);
    EXPECT_FALSE(PrivateStore::open(folder_, 1000, trouble));
    EXPECT_NE(trouble.text.find("written by other users"), std::string::npos) << trouble.text;
    EXPECT_TRUE(trouble.unsafe);
  }
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  EXPECT_TRUE(PrivateStore::open(folder_, 1000, trouble));
}

TEST_F(Store, AFolderOfAnotherUserIsNotUsed) {
  fs::path folder = "/";  // root's
  if (::geteuid() == 0) {
    folder = folder_;
    ASSERT_EQ(::chown(folder.c_str(), 12345, 12345), 0);
  }
  PrivateStore::Trouble trouble;
  EXPECT_FALSE(PrivateStore::open(folder, 1000, trouble));
  EXPECT_NE(trouble.text.find("another user"), std::string::npos) << trouble.text;
  EXPECT_TRUE(trouble.unsafe);
}

TEST_F(Store, AFolderThatCannotBeMadeIsARefusalWithAReason) {
  std::ofstream(folder_ / "file") << "x";
  for (const fs::path& folder : {folder_ / "file", folder_ / "file" / "x", fs::path("/proc/x/y")}) {
    PrivateStore::Trouble trouble;
    EXPECT_FALSE(PrivateStore::open(folder, 1000, trouble)) << folder;
    EXPECT_NE(trouble.text.find(folder.string()), std::string::npos) << trouble.text;
    EXPECT_FALSE(trouble.unsafe || trouble.missing);
  }
  PrivateStore::Trouble trouble;
  EXPECT_FALSE(PrivateStore::open(folder_ / "none", 1000, trouble, false));
  EXPECT_TRUE(trouble.missing);
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

TEST_F(Store, EveryDamageIsFoundAndRemoved) {
  const auto store = open();
  const Bytes content = content_of(3, 200);
  const auto damaged = [&](const std::function<void(const fs::path&)>& damage) {
    ASSERT_TRUE(store->keep(key_of(3), content, trouble_));
    trouble_.clear();
    damage(only_entry());
    EXPECT_FALSE(store->find(key_of(3), trouble_));
    EXPECT_NE(trouble_.find("damaged"), std::string::npos) << trouble_;
    trouble_.clear();
    EXPECT_FALSE(store->find(key_of(3), trouble_)) << "was not removed";
    EXPECT_EQ(trouble_, "");
  };
  for (const int at : {0, 9, 41, 50, 56, 57, 150, 255}) {  // magic, key, size, checksum, content
    damaged([&](const fs::path& path) {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(at);
      const char byte = static_cast<char>(file.get() ^ 1);
      file.seekp(at);
      file.put(byte);
    });
  }
  for (const std::uintmax_t size : {0u, 20u, 56u, 255u, 300u, 2000000u}) {
    damaged([&](const fs::path& path) { fs::resize_file(path, size); });
  }
  // An entry under another's name.
  damaged([&](const fs::path& path) {
    const fs::path mine = folder_ / "mine";
    fs::copy_file(path, mine);
    ASSERT_TRUE(store->keep(key_of(4), content, trouble_));
    fs::rename(folder_ / "a" / "b" / (hex(key_of(4)) + ".entry"), path);
  });
  ASSERT_TRUE(store->keep(key_of(3), content, trouble_));
  EXPECT_EQ(store->find(key_of(3), trouble_), content);
}

TEST_F(Store, TheLeastRecentlyUsedGoFirst) {
  const auto store = open(10 * (1000 + 56));
  const auto keep = [&](int n) {
    ASSERT_TRUE(store->keep(key_of(n), content_of(n, 1000), trouble_));
    // Times of files are coarse: the order is made plain.
    const auto then = fs::file_time_type::clock::now() - std::chrono::hours(1000 - n);
    fs::last_write_time(folder_ / "a" / "b" / (hex(key_of(n)) + ".entry"), then);
  };
  for (int n = 0; n < 10; ++n) keep(n);
  EXPECT_EQ(store->usage().entries, 10u);
  EXPECT_TRUE(store->find(key_of(0), trouble_));  // used: now the newest
  keep(10);
  EXPECT_LE(store->usage().bytes, 10u * 1056u);
  EXPECT_TRUE(store->find(key_of(0), trouble_));
  EXPECT_FALSE(store->find(key_of(1), trouble_));
  EXPECT_TRUE(store->find(key_of(10), trouble_));
  for (int n = 11; n < 200; ++n) keep(n);
  EXPECT_LE(store->usage().bytes, 10u * 1056u);
  EXPECT_GE(store->usage().entries, 5u);
  EXPECT_FALSE(store->keep(key_of(500), content_of(0, 20000), trouble_));
  EXPECT_NE(trouble_.find("larger than the whole"), std::string::npos) << trouble_;
}

TEST_F(Store, ADamagedRecordOfGrowthIsMadeAgain) {
  const auto store = open(5 * 1056);
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(store->keep(key_of(n), content_of(n, 1000), trouble_));
  std::ofstream(folder_ / "a" / "b" / "growth", std::ios::app) << "xyz";
  for (int n = 3; n < 20; ++n) ASSERT_TRUE(store->keep(key_of(n), content_of(n, 1000), trouble_));
  EXPECT_LE(store->usage().bytes, 5u * 1056u);
}

TEST_F(Store, LeftoversOfKilledWritersGo) {
  const auto store = open(3 * 1056);
  ASSERT_TRUE(store->keep(key_of(0), content_of(0, 1000), trouble_));
  const fs::path fresh = folder_ / "a" / "b" / "unfinished-1",
                 old = folder_ / "a" / "b" / "unfinished-2";
  for (const fs::path& path : {fresh, old}) std::ofstream(path) << "part";
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  for (int n = 1; n < 8; ++n) ASSERT_TRUE(store->keep(key_of(n), content_of(n, 1000), trouble_));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_FALSE(fs::exists(old));
}

TEST_F(Store, AFullDiskLeavesNothing) {
  const auto store = open();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_FALSE(store->keep(key_of(1), content_of(1, 1000), trouble_));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_NE(trouble_.find("cannot keep"), std::string::npos) << trouble_;
  EXPECT_EQ(files(), 0u);
  EXPECT_TRUE(store->keep(key_of(1), content_of(1, 1000), trouble_));
}

TEST_F(Store, ClearingRemovesEntriesAndNothingElse) {
  const auto store = open();
  std::ofstream(folder_ / "a" / "b" / "notes.txt") << "mine";
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(store->keep(key_of(n), content_of(n, 10), trouble_));
  EXPECT_EQ(store->clear().entries, 3u);
  EXPECT_EQ(store->usage().entries, 0u);
  EXPECT_EQ(files(), 1u);
}

TEST_F(Store, ManyWritersAndReadersSeeWholeEntriesOnly) {
  std::vector<std::jthread> threads;
  std::atomic<int> wrong{0}, hits{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      std::string trouble;
      PrivateStore::Trouble refused;
      const auto store = PrivateStore::open(folder_ / "a" / "b", 20 * 1056, refused);
      if (!store) {
        ++wrong;
        return;
      }
      for (int k = 0; k < 200; ++k) {
        const int n = (k * 7 + t) % 40;
        if (const auto found = store->find(key_of(n), trouble)) {
          ++hits;
          if (*found != content_of(n, 1000)) ++wrong;
        } else {
          store->keep(key_of(n), content_of(n, 1000), trouble);
        }
        if (!trouble.empty()) ++wrong;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(hits, 0);
  EXPECT_LE(open()->usage().entries, 28u);  // the limit, and one a writer
}

}  // namespace
}  // namespace cotangent
