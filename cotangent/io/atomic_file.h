// Files that are whole or not there: written beside their name, renamed when done.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace cotangent::io {

/// A file that appears under `path` at commit() and not before. Destroyed without commit() it
/// leaves nothing, and an older file of that name stays as it was. Throws DeviceError when the
/// folder cannot be written or the disk is full.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  std::ostream& stream() { return stream_; }
  /// Flushes, checks for errors, puts the bytes on the disk and renames.
  void commit();

 private:
  std::filesystem::path path_, beside_;
  std::ofstream stream_;
  bool committed_ = false;
};

/// The name a file of `path` is written under until it is whole; unique to this process.
std::filesystem::path name_beside(const std::filesystem::path& path);

/// Renames `beside` to `path` after syncing it to the disk. Throws DeviceError.
void publish(const std::filesystem::path& beside, const std::filesystem::path& path);

void write_text_file(const std::filesystem::path& path, std::string_view text);

/// Makes sure that files can be written in `folder` before anybody computes for an hour: makes
/// the folder (its parent must exist) and writes and removes a probe. UserError when the name is
/// a file, the parent is missing, the folder cannot be written, or it holds one of `names`
/// already and `overwrite` is false. On an error nothing is left behind.
void prepare_folder(const std::filesystem::path& folder, const std::vector<std::string>& names,
                    bool overwrite);

}  // namespace cotangent::io
