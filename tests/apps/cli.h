// Drives the program as a person does: arguments in, text and exit code out.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cotangent::apps::testing {

struct CliResult {
  int code = -1;  ///< exit code; 128 + n when killed by signal n
  std::string out, err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// Runs the executable named by $COTANGENT. `meanwhile`, when given, is called with the child's
/// process id once it has started.
CliResult run_cli(const std::vector<std::string>& arguments,
                  const std::function<void(int)>& meanwhile = nullptr);

/// The path of a file in examples/.
std::string example(const std::string& name);

/// A folder of its own, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Writes a file there; gives its path.
  std::string write(const std::string& name, const std::string& text) const;
  std::size_t entries() const;

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& path);

}  // namespace cotangent::apps::testing
