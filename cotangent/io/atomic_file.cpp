#include "cotangent/io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "cotangent/base/error.h"

namespace cotangent::io {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void refuse(const std::string& doing, const fs::path& path, int code) {
  throw DeviceError(doing + " '" + path.string() + "': " + std::strerror(code),
                    "check that the folder can be written and the disk has room");
}

}  // namespace

fs::path name_beside(const fs::path& path) {
  return path.parent_path() /
         ("." + path.filename().string() + ".part-" + std::to_string(getpid()));
}

void publish(const fs::path& beside, const fs::path& path) {
  const int file = ::open(beside.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) refuse("cannot finish writing", path, errno);
  const int synced = ::fsync(file);
  const int code = errno;
  ::close(file);
  // Some file systems cannot sync; a real write error shows as EIO or ENOSPC.
  if (synced != 0 && (code == EIO || code == ENOSPC)) refuse("cannot finish writing", path, code);
  if (::rename(beside.c_str(), path.c_str()) != 0) refuse("cannot rename to", path, errno);
}

AtomicFile::AtomicFile(fs::path path)
    : path_(std::move(path)),
      beside_(name_beside(path_)),
      stream_(beside_, std::ios::binary | std::ios::trunc) {
  if (!stream_) refuse("cannot write", path_, errno);
}

AtomicFile::~AtomicFile() {
  if (committed_) return;
  stream_.close();
  std::error_code ignored;
  fs::remove(beside_, ignored);
}

void AtomicFile::commit() {
  ensure(!committed_, "AtomicFile::commit: called twice");
  stream_.flush();
  const bool whole = stream_.good();
  const int code = whole ? 0 : errno;
  stream_.close();
  if (!whole || stream_.fail()) refuse("cannot write all of", path_, code ? code : EIO);
  publish(beside_, path_);
  committed_ = true;
}

void write_text_file(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.stream().write(text.data(), static_cast<std::streamsize>(text.size()));
  file.commit();
}

void prepare_folder(const fs::path& folder, const std::vector<std::string>& names, bool overwrite) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  bool made = false;
  if (fs::exists(status)) {
    if (!fs::is_directory(status)) {
      throw UserError("the output folder '" + folder.string() + "' is not a folder",
                      "name another folder, or remove that file");
    }
    for (const std::string& name : names) {
      if (overwrite || !fs::exists(folder / name, error)) continue;
      throw UserError(
          "the output folder '" + folder.string() + "' already holds " + name,
          "name another folder, or give --overwrite to replace what an earlier run left");
    }
  } else {
    if (!fs::create_directory(folder, error) || error) {
      throw UserError("cannot make the output folder '" + folder.string() + "'" +
                          (error ? ": " + error.message() : ""),
                      "its parent folder must exist and be writable");
    }
    made = true;
  }
  const fs::path probe = name_beside(folder / "probe");
  bool written = false;
  {
    std::ofstream stream(probe);
    stream << "probe\n";
    stream.flush();
    written = stream.good();
  }
  const int code = errno;
  fs::remove(probe, error);
  if (!written) {
    if (made) fs::remove(folder, error);
    throw UserError(
        "cannot write in the output folder '" + folder.string() + "': " + std::strerror(code),
        "name another folder, or change its permissions");
  }
}

}  // namespace cotangent::io
