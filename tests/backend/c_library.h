// C text, compiled by the system's compiler and loaded.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cotangent::testing {

/// The C compilers of this machine that these tests use: `cc`, and clang where it is installed.
std::vector<std::string> c_compilers();

class CLibrary {
 public:
  /// Throws std::runtime_error with the compiler's words when it refuses, warnings included.
  CLibrary(const std::string& text, const std::string& compiler, const std::string& flags);
  ~CLibrary();
  CLibrary(const CLibrary&) = delete;
  CLibrary& operator=(const CLibrary&) = delete;

  template <class F>
  F* function(const std::string& name) const {
    return reinterpret_cast<F*>(symbol(name));
  }

 private:
  void* symbol(const std::string& name) const;

  std::filesystem::path folder_;
  void* handle_ = nullptr;
};

}  // namespace cotangent::testing
