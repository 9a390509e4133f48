#include "cotangent/base/private_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <random>

namespace cotangent {
namespace {

constexpr std::string_view kSuffix = ".entry";
constexpr const char* kGrowth = "growth";  // eight bytes for each entry kept: how many it has
constexpr double kLeftoverSeconds = 3600;  // an unfinished file this old has no writer any more

/// What stands before the content of an entry, as it lies in the file.
struct Header {
  std::array<char, 8> magic = {'c', 't', 'e', 'n', 't', 'r', 'y', '1'};
  Digest key{};
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
  bool operator==(const Header&) const = default;
};
static_assert(sizeof(Header) == 56);

/// Finds accidents, and is fast. Three lanes, so that multiplications overlap.
std::uint64_t checksum_of(std::span<const std::byte> content) {
  std::uint64_t lanes[3] = {content.size(), 0x9e3779b97f4a7c15ull, 0xd6e8feb86659fd93ull};
  for (std::size_t at = 0, k = 0; at < content.size(); at += 8, k = k == 2 ? 0 : k + 1) {
    std::uint64_t word = 0;
    std::memcpy(&word, content.data() + at, std::min<std::size_t>(8, content.size() - at));
    const std::uint64_t mixed = (lanes[k] ^ word) * 0xff51afd7ed558ccdull;
    lanes[k] = mixed ^ (mixed >> 32);
  }
  std::uint64_t sum = 0;
  for (std::uint64_t lane : lanes) sum = (sum ^ lane) * 0x9e3779b97f4a7c15ull + (sum >> 29);
  return sum;
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

bool read_all(int file, void* to, std::size_t bytes) {
  auto* at = static_cast<std::byte*>(to);
  while (bytes > 0) {
    const ssize_t n = ::read(file, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

bool write_all(int file, const void* from, std::size_t bytes) {
  const auto* at = static_cast<const std::byte*>(from);
  while (bytes > 0) {
    const ssize_t n = ::write(file, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

std::string name_of(const Digest& key) {
  return hex(key) + std::string(kSuffix);
}

bool is_entry(std::string_view name) {
  return name.size() == 64 + kSuffix.size() && name.ends_with(kSuffix) &&
         name.find_first_not_of("0123456789abcdef") == 64;
}

/// A name no other writer uses, in this process or another, in this container or another.
std::string unfinished_name(const Digest& key) {
  std::random_device random;
  const std::uint32_t parts[] = {static_cast<std::uint32_t>(getpid()), random(), random(),
                                 random()};
  return "unfinished-" + hex(std::as_bytes(std::span(parts))) + "-" + hex(key).substr(0, 8);
}

double seconds_since(const timespec& then) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec - then.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec - then.tv_nsec);
}

struct Found {
  std::string name;
  std::uint64_t bytes = 0;
  timespec used{};
};

void each_file(int folder, const std::function<void(const char*, const struct stat&)>& visit) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return;
  DIR* list = ::fdopendir(copy);
  if (!list) {
    ::close(copy);
    return;
  }
  while (const dirent* entry = ::readdir(list)) {
    struct stat info{};
    if (::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(info.st_mode)) visit(entry->d_name, info);
  }
  ::closedir(list);
}

std::vector<Found> entries_of(int folder) {
  std::vector<Found> found;
  each_file(folder, [&](const char* name, const struct stat& info) {
    if (!is_entry(name)) return;
    found.push_back({name, static_cast<std::uint64_t>(info.st_size), info.st_mtim});
  });
  return found;
}

/// mkdir -p, each new folder with mode 0700.
bool make_folders(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return true;
  if (errno != ENOENT || !folder.has_parent_path() || folder.parent_path() == folder) return false;
  if (!make_folders(folder.parent_path())) return false;
  return ::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST;
}

}  // namespace

std::unique_ptr<PrivateStore> PrivateStore::open(const std::filesystem::path& folder,
                                                 std::uint64_t most_bytes, Trouble& trouble,
                                                 bool make) {
  const std::string named = "'" + folder.string() + "'";
  if (make && !make_folders(folder)) {
    trouble.text = "cannot make " + named + ": " + std::strerror(errno);
    return nullptr;
  }
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    trouble.text = "cannot open " + named + ": " + std::strerror(errno);
    trouble.missing = errno == ENOENT;
    return nullptr;
  }
  std::unique_ptr<PrivateStore> store(new PrivateStore(descriptor, most_bytes));
  // Of the folder that is open, whatever its name leads to by now.
  struct stat info{};
  if (::fstat(descriptor, &info) != 0) {
    trouble.text = "cannot look at " + named + ": " + std::strerror(errno);
    return nullptr;
  }
  if (info.st_uid != ::geteuid()) {
    trouble = {named + " belongs to another user", true, false};
    return nullptr;
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    trouble = {named + " can be written by other users; chmod 700 would make it private", true,
               false};
    return nullptr;
  }
  return store;
}

PrivateStore::~PrivateStore() {
  ::close(folder_);
}

std::optional<std::vector<std::byte>> PrivateStore::find(const Digest& key,
                                                         std::string& trouble) const {
  const std::string name = name_of(key);
  const File file(::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    if (errno != ENOENT) trouble = "cannot open an entry: " + std::string(std::strerror(errno));
    return {};
  }
  struct stat info{};
  Header header, expected;
  std::vector<std::byte> content;
  const bool readable = ::fstat(file.get(), &info) == 0 &&
                        info.st_size >= static_cast<off_t>(sizeof header) &&
                        static_cast<std::uint64_t>(info.st_size) <= most_bytes_ &&
                        read_all(file.get(), &header, sizeof header);
  if (readable) {
    content.resize(static_cast<std::size_t>(info.st_size) - sizeof header);
    if (read_all(file.get(), content.data(), content.size())) {
      expected.key = key;
      expected.bytes = content.size();
      expected.checksum = checksum_of(content);
      if (header == expected) {
        ::futimens(file.get(), nullptr);  // used now
        return content;
      }
    }
  }
  trouble = "entry " + name.substr(0, 12) + " is damaged, and is made again";
  ::unlinkat(folder_, name.c_str(), 0);
  return {};
}

bool PrivateStore::keep(const Digest& key, std::span<const std::byte> content,
                        std::string& trouble) const {
  const std::uint64_t bytes = content.size() + sizeof(Header);
  if (bytes > most_bytes_) {
    trouble =
        "an entry of " + std::to_string(bytes) + " bytes is larger than the whole cache may be";
    return false;
  }
  Header header;
  header.key = key;
  header.bytes = content.size();
  header.checksum = checksum_of(content);
  const std::string beside = unfinished_name(key), name = name_of(key);
  bool whole = false;
  int code = 0;
  {
    const File file(
        ::openat(folder_, beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) {
      trouble = "cannot keep an entry: " + std::string(std::strerror(errno));
      return false;
    }
    // Not synced to the disk: an entry that a power failure cuts short is found out by its
    // checksum.
    whole = write_all(file.get(), &header, sizeof header) &&
            write_all(file.get(), content.data(), content.size());
    code = errno;
  }
  if (whole && ::renameat(folder_, beside.c_str(), folder_, name.c_str()) == 0) {
    note_growth(bytes);
    return true;
  }
  if (whole) code = errno;
  ::unlinkat(folder_, beside.c_str(), 0);
  trouble = "cannot keep an entry: " + std::string(std::strerror(code));
  return false;
}

/// Looking at every entry each time one is kept would be slow in a large cache. So the sizes of
/// those kept are appended to one file (whole, also with several processes), and only when their
/// sum, which is never too small by more than what others keep at the same moment, is over the
/// limit are the entries looked at.
void PrivateStore::note_growth(std::uint64_t bytes) const {
  std::uint64_t sum = 0;
  bool known = false;
  {
    const File file(::openat(folder_, kGrowth, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file) return;
    struct stat info{};
    if (!write_all(file.get(), &bytes, sizeof bytes) || ::fstat(file.get(), &info) != 0) return;
    std::vector<std::uint64_t> sizes(static_cast<std::size_t>(info.st_size) / sizeof bytes);
    known = info.st_size % static_cast<off_t>(sizeof bytes) == 0 &&
            ::lseek(file.get(), 0, SEEK_SET) == 0 &&
            read_all(file.get(), sizes.data(), sizes.size() * sizeof bytes);
    for (std::uint64_t size : sizes) sum = size > ~sum ? ~std::uint64_t{0} : sum + size;
  }
  if (!known || sum > most_bytes_) shrink(most_bytes_ - most_bytes_ / 8);
}

void PrivateStore::shrink(std::uint64_t to_bytes) const {
  std::vector<Found> entries = entries_of(folder_);
  std::uint64_t sum = 0;
  for (const Found& entry : entries) sum += entry.bytes;
  if (sum > most_bytes_) {
    std::ranges::sort(entries, [](const Found& a, const Found& b) {
      return a.used.tv_sec != b.used.tv_sec ? a.used.tv_sec < b.used.tv_sec
                                            : a.used.tv_nsec < b.used.tv_nsec;
    });
    for (const Found& entry : entries) {
      if (sum <= to_bytes) break;
      if (::unlinkat(folder_, entry.name.c_str(), 0) == 0) sum -= entry.bytes;
    }
  }
  each_file(folder_, [&](const char* name, const struct stat& info) {
    if (std::string_view(name).starts_with("unfinished-") &&
        seconds_since(info.st_mtim) > kLeftoverSeconds) {
      ::unlinkat(folder_, name, 0);
    }
  });
  const std::string beside = unfinished_name({});
  {
    const File file(
        ::openat(folder_, beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file || !write_all(file.get(), &sum, sizeof sum)) {
      ::unlinkat(folder_, beside.c_str(), 0);
      return;
    }
  }
  ::renameat(folder_, beside.c_str(), folder_, kGrowth);
}

PrivateStore::Usage PrivateStore::usage() const {
  Usage usage;
  for (const Found& entry : entries_of(folder_)) {
    ++usage.entries;
    usage.bytes += entry.bytes;
  }
  return usage;
}

PrivateStore::Usage PrivateStore::clear() const {
  Usage removed;
  for (const Found& entry : entries_of(folder_)) {
    if (::unlinkat(folder_, entry.name.c_str(), 0) != 0) continue;
    ++removed.entries;
    removed.bytes += entry.bytes;
  }
  ::unlinkat(folder_, kGrowth, 0);
  return removed;
}

}  // namespace cotangent
