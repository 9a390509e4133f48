// Random programs as CUDA C++ and as WGSL, by a real compiler of each (validators/validate.sh).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cotangent/backend/source/source_text.h"
#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/ir/text.h"
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

/// What the validator says; `good` when it is content.
std::string validate(const char* kind, const std::string& files, bool* good_out = nullptr) {
  const char* root = std::getenv("COTANGENT_SOURCE_DIR");
  const Folder folder;
  const std::string log = (folder.path / "log").string();
  const std::string command = "bash " + std::string(root ? root : ".") +
                              "/tests/backend/validators/validate.sh " + kind + " " + files + " >" +
                              log + " 2>&1";
  const bool good = std::system(command.c_str()) == 0;
  std::ifstream stream(log);
  const std::string words{std::istreambuf_iterator<char>(stream), {}};
  if (good_out) {
    *good_out = good;
    return words;
  }
  return good ? "" : words;
}

/// Kernels to be run on a device, with what they must give.
class DeviceJobs {
 public:
  void add(const std::string& name, const ir::Function& f, const std::vector<ir::Tensor>& arguments,
           double tolerance) {
    backend::source::SourceFile file(Dialect::kWgsl);
    const auto& kernel = file.add(kernel::lower(std::make_shared<const ir::Function>(f)),
                                  {"kernel", {}, {}, "", true});
    const std::vector<ir::Tensor> want = ir::evaluate(f, arguments);
    nlohmann::json bindings = nlohmann::json::array();
    for (const auto& b : kernel.bindings) {
      std::vector<std::uint32_t> data(static_cast<std::size_t>(b.count)), expected(data);
      bool compared = false;
      for (const auto& part : b.parts) {
        for (std::size_t k = 0; k < kernel.arguments.size(); ++k) {
          const bool output = kernel.arguments[k].written;
          if (kernel.arguments[k].name != part.name) continue;
          const ir::Tensor& x = output ? want[k - arguments.size()] : arguments[k];
          compared = compared || output;
          std::vector<std::uint32_t>& to = output ? expected : data;
          for (std::int64_t n = 0; n < x.size(); ++n) {
            std::uint32_t word = 0;
            std::memcpy(&word, x.data() + static_cast<std::size_t>(n) * x.element_bytes(),
                        x.element_bytes());
            to[static_cast<std::size_t>(part.at + n)] = word;
          }
        }
      }
      bindings.push_back({{"element", b.element}, {"written", b.written}, {"data", data}});
      if (compared) bindings.back()["want"] = expected;
    }
    jobs_.push_back({{"name", name},
                     {"text", file.text()},
                     {"kernel", kernel.function},
                     {"tolerance", tolerance},
                     {"groups", kernel.form == backend::source::Form::kGrid ? 2 : 1},
                     {"bindings", bindings}});
  }

  /// Runs them; how many were off. A kernel that does not compile fails the test.
  int run(std::string& words) const {
    const Folder folder;
    std::ofstream(folder.path / "jobs.json") << jobs_;
    const char* root = std::getenv("COTANGENT_SOURCE_DIR");
    bool good = false;
    words = validate("run",
                     std::string(root ? root : ".") + "/tests/backend/validators/run_wgsl.mjs " +
                         (folder.path / "jobs.json").string(),
                     &good);
    EXPECT_TRUE(good) << words;
    const std::size_t at = words.find("off ", words.rfind("ran "));
    return at == std::string::npos ? -1 : std::stoi(words.substr(at + 4));
  }

 private:
  nlohmann::json jobs_ = nlohmann::json::array();
};

TEST(GpuValidators, CudaOfRandomPrograms) {
  const std::uint64_t first = number_from("COTANGENT_SEED", 1);
  const std::uint64_t count = number_from("COTANGENT_PROGRAMS", 12);
  const Folder folder;
  for (std::uint64_t k = 0; k < count; k += 12) {
    backend::source::SourceFile file(Dialect::kCuda);
    for (std::uint64_t seed = first + k; seed < first + std::min(k + 12, count); ++seed) {
      const auto f =
          transform::run_passes(seed % 3 ? random_values(seed) : random_derivatives(seed));
      file.add(kernel::lower(transform::expand_far_angles(*f)),
               {"kernel" + std::to_string(seed), {}, {}, "", true});
    }
    std::ofstream(folder.path / ("batch" + std::to_string(k) + ".cu")) << file.text();
  }
  EXPECT_EQ(validate("cuda", (folder.path / "*.cu").string()), "");
}

// Infinities and NaN in arrays of constants, and as one argument of fma.
TEST(GpuValidators, CudaOfNumbersThatAreNotFinite) {
  const auto f = ir::parse(R"(function f(%0 x: f64[3], %1 y: f32[3]) {
    %2 = constant [inf, nan, -inf] : f64[3]
    %3 = constant [inf, nan, 1] : f32[3]
    %4 = constant nan : f64
    %5 = broadcast %4 {axes=[]} : f64[3]
    %6 = fma %0, %2, %5 : f64[3]
    %7 = mul %1, %3 : f32[3]
    return %6, %7
  })");
  const Folder folder;
  std::ofstream(folder.path / "k.cu")
      << backend::source::print_source(kernel::lower(f), Dialect::kCuda);
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
  options.wide_integers = false;
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
  // A while that counts its iterations, and a fault, want 64-bit integers.
  EXPECT_GT(printed, count / 2) << printed << "\n" << refusals;
  EXPECT_EQ(validate("wgsl", (folder.path / "*.wgsl").string()), "");
}

// On SwiftShader, which computes in IEEE single precision but need not fuse or keep denormals. No
// transcendental functions. A comparison that falls the other way by round-off may throw a program
// off, rarely.
TEST(GpuValidators, WgslOfRandomProgramsRuns) {
  const std::uint64_t first = number_from("COTANGENT_SEED", 1);
  const std::uint64_t count = number_from("COTANGENT_PROGRAMS", 30);
  DeviceJobs jobs;
  std::uint64_t added = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    ir::RandomProgramOptions options;
    options.nodes = 4 + static_cast<int>(seed % 20);
    options.depth = static_cast<int>(seed % 4);
    options.transcendental = false;
    const auto f =
        transform::run_passes(in_32_bits(*with_faults(ir::random_program(seed, options))));
    // SwiftShader does not come to an end with some programs that have branches with values (nested
    // min after one, no loop or barrier at fault); naga validates them in the test above.
    if (kernel::print(kernel::lower(f)).find("} else {") != std::string::npos) continue;
    try {
      jobs.add("seed " + std::to_string(seed), *f, ir::random_arguments(*f, seed), 1e-4);
      ++added;
    } catch (const UserError&) {  // counted by the test above
    }
  }
  EXPECT_GE(added, count / 3);
  std::string words;
  EXPECT_LE(jobs.run(words), static_cast<int>(count / 15)) << words;
}

// The branches and whiles that the test above leaves out: both branches taken, whiles of different
// length, one instance after the other.
TEST(GpuValidators, WgslBranchesAndWhilesRun) {
  const auto f = ir::parse(R"(function f(%0 x: f32[24]) {
    %1 = map %0 {count=24, rows=1, roles=[stack,stack]} : (f32[24], f32[24])
    body (%0 i: i64, %1 x: f32) {
      %2 = constant 1 : f32
      %3 = lt %1, %2 : bool
      %4 = cond %3, %1 : (f32) then (%0 x: f32) {
        %1 = constant 0.5 : f32
        %2 = add %0, %1 : f32
        return %2
      } else (%0 x: f32) {
        %1 = sqrt %0 : f32
        return %1
      }
      %5 = project %4 {index=0} : f32
      %6 = while %1 {invariants=0, carries=1, limit=40} : (f32, i64)
      condition (%0 k: i64, %1 x: f32) {
        %2 = constant 0.125 : f32
        %3 = lt %2, %1 : bool
        return %3
      } body (%0 k: i64, %1 x: f32) {
        %2 = constant 0.5 : f32
        %3 = mul %1, %2 : f32
        return %3
      }
      %7 = project %6 {index=0} : f32
      return %5, %7
    }
    %2 = project %1 {index=0} : f32[24]
    %3 = project %1 {index=1} : f32[24]
    return %2, %3
  })");
  ir::Tensor x({DType::kF32, Shape{24}});
  for (std::int64_t k = 0; k < 24; ++k) x.set_real(k, 0.05 + 0.3 * static_cast<double>(k));
  DeviceJobs jobs;
  jobs.add("branches", *transform::run_passes(f), {x}, 1e-6);
  std::string words;
  EXPECT_EQ(jobs.run(words), 0) << words;
}

// Relative to the larger of 1 and the value; measured on SwiftShader: 5e-7.
TEST(GpuValidators, WgslFunctions) {
  DeviceJobs jobs;
  const auto add = [&](ir::Op op, double from, double to) {
    constexpr std::int64_t kPoints = 2000;
    ir::Builder b("f");
    const ir::Type type{DType::kF32, Shape{kPoints}};
    const ir::Value x = b.param(type);
    const auto f = b.finish({op == ir::Op::kPow     ? b.binary(op, x, b.splat(3.0, type))
                             : op == ir::Op::kAtan2 ? b.binary(op, x, b.splat(-0.5, type))
                                                    : b.unary(op, x)});
    ir::Tensor points(type);
    for (std::int64_t k = 0; k < kPoints; ++k) {
      points.set_real(k, from + (to - from) * static_cast<double>(k) / (kPoints - 1));
    }
    jobs.add(std::string(ir::name_of(op)), *f, {points}, 1e-6);
  };
  using ir::Op;
  for (Op op : {Op::kSin, Op::kCos}) add(op, -1000, 1000);
  add(Op::kTan, -1.2, 1.2);
  add(Op::kExpm1, -20, 5);
  add(Op::kLog1p, -0.9, 100);
  add(Op::kCbrt, -1000, 1000);
  for (Op op : {Op::kExp, Op::kSinh, Op::kCosh}) add(op, -5, 5);
  add(Op::kLog, 0.001, 1000);
  add(Op::kTanh, -20, 20);
  for (Op op : {Op::kAsin, Op::kAcos}) add(op, -1, 1);
  for (Op op : {Op::kAtan, Op::kAtan2}) add(op, -10, 10);
  add(Op::kPow, -3, 3);
  std::string words;
  EXPECT_EQ(jobs.run(words), 0) << words;
}

}  // namespace
}  // namespace cotangent::testing
