// Entries in a folder, named by a digest of what they were made from. For caches: anything may be
// missing, and whatever goes wrong is a reason to make the entry again, never an error.
//
// The folder is private: it is made with mode 0700, and one that belongs to somebody else, or that
// others can write to, is not used. An entry is written beside its name and renamed, so several
// processes may share the folder; it carries its own key and a checksum, so a damaged or truncated
// one is found out (and removed). When the entries outgrow `most_bytes`, those not used for longest
// go first. POSIX.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/base/sha256.h"

namespace cotangent {

class PrivateStore {
 public:
  struct Usage {
    std::uint64_t entries = 0, bytes = 0;
  };

  struct Trouble {
    std::string text;
    bool unsafe = false;   ///< the folder is not the user's alone
    bool missing = false;  ///< it is not there, and was not to be made
  };

  /// Null, with the reason, when the folder cannot be had or must not be used. `make`: a folder
  /// that is not there is made, with those above it.
  static std::unique_ptr<PrivateStore> open(const std::filesystem::path& folder,
                                            std::uint64_t most_bytes, Trouble& trouble,
                                            bool make = true);
  ~PrivateStore();
  PrivateStore(const PrivateStore&) = delete;
  PrivateStore& operator=(const PrivateStore&) = delete;

  /// `trouble`, when it is not there for another reason than that nobody kept it.
  std::optional<std::vector<std::byte>> find(const Digest& key, std::string& trouble) const;

  /// False, with the reason, when it could not be kept. Removes old entries when it has to.
  bool keep(const Digest& key, std::span<const std::byte> content, std::string& trouble) const;

  Usage usage() const;
  /// Removes all entries, and nothing else. Gives what was removed.
  Usage clear() const;

 private:
  PrivateStore(int folder, std::uint64_t most_bytes) : folder_(folder), most_bytes_(most_bytes) {}
  void shrink(std::uint64_t to_bytes) const;
  void note_growth(std::uint64_t bytes) const;

  int folder_;
  std::uint64_t most_bytes_;
};

}  // namespace cotangent
