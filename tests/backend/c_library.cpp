#include "tests/backend/c_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace cotangent::testing {
namespace fs = std::filesystem;

std::vector<std::string> c_compilers() {
  std::vector<std::string> found{"cc"};
  if (std::system("command -v clang-19 >/dev/null 2>&1") == 0) found.push_back("clang-19");
  return found;
}

CLibrary::CLibrary(const std::string& text, const std::string& compiler, const std::string& flags) {
  std::string name = (fs::temp_directory_path() / "cotangent-c-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
  folder_ = name;
  const bool cuda = compiler == "nvcc";
  const std::string file = cuda ? "k.cu" : flags.find("c++") != std::string::npos ? "k.cpp" : "k.c";
  std::ofstream(folder_ / file) << text;
  const std::string at = folder_.string();
  // Random programs compare what nobody would compare: 4 with a bool, a number with itself.
  const std::string usual =
      cuda ? " -arch=native -shared -Xcompiler -fPIC "
           : " -Wall -Wextra -Wpedantic -Werror -Wno-unknown-warning-option -Wno-type-limits "
             "-Wno-tautological-compare -Wno-bool-compare -Wno-bool-operation "
             "-Wno-unused-but-set-variable -fPIC -shared ";
  const std::string command = compiler + usual + flags + " " + at + "/" + file + " -o " + at +
                              "/k.so -lm >" + at + "/log 2>&1";
  if (std::system(command.c_str()) != 0) {
    std::ifstream log(folder_ / "log");
    const std::string words{std::istreambuf_iterator<char>(log), {}};
    fs::remove_all(folder_);
    throw std::runtime_error(command + "\n" + words.substr(0, 4000));
  }
  handle_ = dlopen((at + "/k.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_) throw std::runtime_error(dlerror());
}

CLibrary::~CLibrary() {
  if (handle_) dlclose(handle_);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void* CLibrary::symbol(const std::string& name) const {
  void* found = dlsym(handle_, name.c_str());
  if (!found) throw std::runtime_error("no function " + name);
  return found;
}

}  // namespace cotangent::testing
