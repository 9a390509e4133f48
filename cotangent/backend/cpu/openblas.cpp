#include "cotangent/backend/cpu/openblas.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

namespace cotangent::backend::cpu {
namespace {

constexpr const char* kLibrary = "libopenblas.so.0";
constexpr const char* kCoreType = "OPENBLAS_CORETYPE";

/// OpenBLAS chooses its kernels by a table of processor models and falls back to old ones for those
/// it does not know (0.3.21 takes an Emerald Rapids for a Prescott). Features say what runs.
const char* core_type() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd")) {
    return "SkylakeX";
  }
#endif
  return nullptr;
}

/// The variable is read while the library is loaded and at no other time, so it is there for that
/// long only. A setting of the user's own stays.
void* load(bool& ours) {
  if (void* there = ::dlopen(kLibrary, RTLD_NOW | RTLD_NOLOAD)) return there;
  ours = true;
  const char* core = std::getenv(kCoreType) ? nullptr : core_type();
  if (core) ::setenv(kCoreType, core, 1);
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (core) ::unsetenv(kCoreType);
  return library;
}

class Loader {
 public:
  Loader(void* library, OpenBlas& table) : library_(library), table_(table) {}

  template <class F>
  void find(F*& function, const std::string& name) {
    function = reinterpret_cast<F*>(::dlsym(library_, name.c_str()));
    if (!function && table_.why_not.empty()) {
      table_.why_not = std::string(kLibrary) + " has no " + name;
    }
  }

  template <class S>
  void find_all(BlasFunctions<S>& f, const std::string& letter, bool complex) {
    find(f.gemm, "cblas_" + letter + "gemm");
    find(f.trsm, "cblas_" + letter + "trsm");
    find(f.potrf, letter + "potrf_");
    find(f.getrf, letter + "getrf_");
    find(f.geqrf, letter + "geqrf_");
    find(f.orgqr, letter + (complex ? "ungqr_" : "orgqr_"));
    find(f.eigh, letter + (complex ? "heevd_" : "syevd_"));
    find(f.gesdd, letter + "gesdd_");
  }

 private:
  void* library_;
  OpenBlas& table_;
};

OpenBlas load_table() {
  OpenBlas table;
  void* library = load(table.ours);
  if (!library) {
    const char* why = ::dlerror();
    table.why_not = why ? why : "cannot be loaded";
    return table;
  }
  Loader loader(library, table);
  loader.find_all(table.s, "s", false);
  loader.find_all(table.d, "d", false);
  loader.find_all(table.c, "c", true);
  loader.find_all(table.z, "z", true);
  loader.find(table.set_threads, "openblas_set_num_threads");
  loader.find(table.get_threads, "openblas_get_num_threads");
  char* (*config)() = nullptr;
  char* (*core)() = nullptr;
  loader.find(config, "openblas_get_config");
  loader.find(core, "openblas_get_corename");
  if (!table.why_not.empty()) return table;
  const std::string all = config();
  // "OpenBLAS 0.3.21 DYNAMIC_ARCH ..."
  const std::size_t version = all.find(' ');
  table.text = all.substr(0, all.find(' ', version + 1)) + ", " + core();
  return table;
}

}  // namespace

const OpenBlas& openblas() {
  static const OpenBlas table = load_table();
  return table;
}

}  // namespace cotangent::backend::cpu
