// Random programs as CUDA C++ and as WGSL, by a real compiler of each (validators/validate.sh).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cotangent/backend/source/source_text.h"
#include "cotangent/base/error.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/transform/passes.h"
#include "tests/backend/narrow.h"
#include "tests/backend/printed_c.h"

namespace cotangent::testing {
namespace {
namespace fs = std::filesystem;
using backend::source::Dialect;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "cotangent-gpu-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

std::string validate(const char* kind, const std::string& files) {
  const char* root = std::getenv("COTANGENT_SOURCE_DIR");
  const Folder folder;
  const std::string log = (folder.path / "log").string();
  const std::string command = "bash " + std::string(root ? root : ".") +
                              "/tests/backend/validators/validate.sh " + kind + " " + files + " >" +
                              log + " 2>&1";
  const bool good = std::system(command.c_str()) == 0;
  std::ifstream stream(log);
  const std::string words{std::istreambuf_iterator<char>(stream), {}};
  return good ? "" : words;
}

TEST(GpuValidators, CudaOfRandomPrograms) {
  const std::uint64_t first = number_from("COTANGENT_SEED", 1);
  const std::uint64_t count = number_from("COTANGENT_PROGRAMS", 12);
  const Folder folder;
  for (std::uint64_t k = 0; k < count; k += 12) {
    backend::source::SourceFile file(Dialect::kCuda);
    for (std::uint64_t seed = first + k; seed < first + std::min(k + 12, count); ++seed) {
      const auto f =
          transform::run_passes(seed % 3 ? random_values(seed) : random_derivatives(seed));
      file.add(kernel::lower(f), {"kernel" + std::to_string(seed), {}, {}, "", true});
    }
    std::ofstream(folder.path / ("batch" + std::to_string(k) + ".cu")) << file.text();
  }
  EXPECT_EQ(validate("cuda", (folder.path / "*.cu").string()), "");
}

// In 32-bit types. An index that is not known to fit, or a function that WGSL lacks, is refused;
// most programs have neither.
TEST(GpuValidators, WgslOfRandomPrograms) {
  const std::uint64_t first = number_from("COTANGENT_SEED", 1);
  const std::uint64_t count = number_from("COTANGENT_PROGRAMS", 120);
  const Folder folder;
  std::uint64_t printed = 0;
  std::string refusals;
  transform::PassOptions options;
  options.expand_math = false;  // ours compute in f64 inside
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const auto f = transform::run_passes(in_32_bits(*random_values(seed)), options);
    try {
      std::ofstream(folder.path / (std::to_string(seed) + ".wgsl"))
          << backend::source::print_source(kernel::lower(f), Dialect::kWgsl);
      ++printed;
    } catch (const UserError& e) {
      fs::remove(folder.path / (std::to_string(seed) + ".wgsl"));
      refusals += e.parts().what + "\n";
    }
  }
  EXPECT_GT(printed, count * 3 / 4) << refusals;
  EXPECT_EQ(validate("wgsl", (folder.path / "*.wgsl").string()), "");
}

}  // namespace
}  // namespace cotangent::testing
