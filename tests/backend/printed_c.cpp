#include "tests/backend/printed_c.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cotangent/backend/source/source_text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/ir/shrink.h"
#include "cotangent/ir/text.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/faults.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/vmap.h"
#include "tests/backend/c_library.h"
#include "tests/backend/gpu_on_cpu.h"
#include "tests/backend/gpu_on_device.h"

namespace cotangent::testing {
namespace {

using ir::FunctionPtr;
using ir::Tensor;
namespace source = backend::source;

using Entry = void(const void* const*, void* const*);

/// Adds a kernel and a function `<name>_call` that takes its arguments as lists.
void add_kernel(source::SourceFile& file, const FunctionPtr& f, const std::string& name,
                const PrintedBatch& batch) {
  const source::KernelText& k = file.add(
      kernel::lower(transform::expand_far_angles(*f), batch.lower), {name, {}, {}, "", false});
  const bool c = batch.on == PrintedOn::kC, device = batch.on == PrintedOn::kCudaDevice;
  const std::string head = std::string(c ? "" : "extern \"C\" ") + "void " + name +
                           "_call(const void *const *in, void *const *out)";
  std::string call = head + " {\n  (void)in;\n  (void)out;\n", arguments, after;
  const std::string& room = k.scratch_type;
  if (!room.empty()) {
    call += device ? "  DeviceArray scratch(nullptr, sizeof(" + room + "));\n"
                   : "  static " + room + " scratch;\n";
  }
  std::size_t in = 0, out = 0;
  for (const source::Argument& a : k.arguments) {
    if (in + out > 0) arguments += ", ";
    std::string at =
        a.written ? "out[" + std::to_string(out) + "]" : "in[" + std::to_string(in) + "]";
    if (device) {
      const std::string array = "array" + std::to_string(in + out);
      const auto bytes = static_cast<std::size_t>(a.count) * size_of(a.dtype);
      call += "  DeviceArray " + array + "(" + (a.written ? "nullptr" : at) + ", " +
              std::to_string(bytes) + ");\n";
      if (a.written) after += "  " + array + ".copy_to(" + at + ");\n";
      at = array + ".data";
    }
    (a.written ? out : in) += 1;
    const char* types[] = {"float",   "double",  "int32_t", "int64_t", "uint32_t", "uint64_t",
                           "uint8_t", "uint8_t", "int8_t",  "int16_t", "int16_t",  "int16_t"};
    const std::string type = types[static_cast<std::size_t>(a.dtype)];
    arguments += c ? at : a.written ? "(" + type + "*)" + at : "(const " + type + "*)" + at;
  }
  if (!room.empty()) {
    arguments += std::string(in + out > 0 ? ", " : "") +
                 (device ? "(" + room + "*)scratch.data" : "&scratch");
  }
  // Sizes that do not divide anything; two blocks where that is allowed.
  const std::string blocks = k.form == source::Form::kGrid ? "2" : "1";
  if (c) {
    call += "  " + k.function + "(" + arguments + ");\n";
  } else if (device) {
    call +=
        "  " + k.function + "<<<" + blocks + ", 7>>>(" + arguments + ");\n  finish();\n" + after;
  } else {
    call += "  cuda_launch(" + blocks + ", 3, [=] { " + k.function + "(" + arguments + "); });\n";
  }
  file.add_text(head + ";\n" + call + "}\n");
}

std::string printed(std::span<const FunctionPtr> programs, const PrintedBatch& batch) {
  const bool c = batch.on == PrintedOn::kC;
  source::SourceFile file(c ? source::Dialect::kC : source::Dialect::kCuda);
  for (std::size_t k = 0; k < programs.size(); ++k) {
    add_kernel(file, programs[k], "kernel" + std::to_string(k), batch);
  }
  const char* before[] = {"", kCudaOnCpu, kCudaOnDevice};
  return before[static_cast<std::size_t>(batch.on)] + file.text();
}

/// Position of the first result whose bits differ, or -1.
int first_difference(const ir::Function& f, Entry* run, std::uint64_t seed) {
  const std::vector<Tensor> arguments = ir::random_arguments(f, seed, seed % 2 == 0);
  const std::vector<Tensor> want = ir::evaluate(f, arguments);
  std::vector<Tensor> got;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const Tensor& a : arguments) in.push_back(a.data());
  for (std::size_t r = 0; r < want.size(); ++r) got.emplace_back(f.result_type(r));
  for (Tensor& t : got) out.push_back(t.data());
  run(in.data(), out.data());
  for (std::size_t r = 0; r < want.size(); ++r) {
    if (!want[r].same_bits(got[r])) return static_cast<int>(r);
  }
  return -1;
}

std::string shrunk(const FunctionPtr& f, std::uint64_t seed, const PrintedBatch& batch) {
  const auto fails = [&](const ir::Function& g) {
    const auto shared = std::make_shared<const ir::Function>(g);
    const CLibrary library(printed({&shared, 1}, batch), batch.compiler, batch.flags);
    return first_difference(g, library.function<Entry>("kernel0_call"), seed) >= 0;
  };
  if (!fails(*f)) return "(the same bits when compiled alone)\n" + ir::print(*f);
  const FunctionPtr small = ir::shrink(f, fails, 150);
  return ir::print(*small) + printed({&small, 1}, batch);
}

}  // namespace

bool has_cuda_device() {
  static const bool has =
      std::system("command -v nvcc >/dev/null 2>&1 && nvidia-smi >/dev/null 2>&1") == 0;
  return has;
}

void compare_printed(const PrintedBatch& batch, int& shown) {
  std::vector<FunctionPtr> programs;
  for (std::uint64_t k = 0; k < batch.count; ++k) {
    programs.push_back(transform::run_passes(batch.program(batch.first + k)));
  }
  const CLibrary library(printed(programs, batch), batch.compiler, batch.flags);
  for (std::uint64_t k = 0; k < batch.count && shown < 3; ++k) {
    const std::uint64_t seed = batch.first + k;
    const std::string name = "kernel" + std::to_string(k) + "_call";
    const int result = first_difference(*programs[k], library.function<Entry>(name), seed);
    if (result < 0) continue;
    ++shown;
    ADD_FAILURE() << "seed " << seed << ", " << batch.compiler << " " << batch.flags << ", result "
                  << result << "\n"
                  << shrunk(programs[k], seed, batch);
  }
}

FunctionPtr with_faults(const FunctionPtr& f) {
  return f->has_checks() ? transform::expose_faults(*f).program : f;
}

FunctionPtr random_values(std::uint64_t seed) {
  ir::RandomProgramOptions options;
  options.nodes = 4 + static_cast<int>(seed % 20);
  options.depth = static_cast<int>(seed % 4);
  return with_faults(ir::random_program(seed, options));
}

FunctionPtr random_lanes(std::uint64_t seed) {
  ir::RandomProgramOptions options;
  options.nodes = 3 + static_cast<int>(seed % 8);
  options.depth = static_cast<int>(seed % 3);
  return with_faults(transform::vmap(ir::random_program(seed, options), 7));
}

FunctionPtr random_derivatives(std::uint64_t seed) {
  ir::RandomProgramOptions options;
  options.differentiable = true;
  options.nodes = 4 + static_cast<int>(seed % 12);
  options.depth = static_cast<int>(seed % 3);
  const FunctionPtr f = ir::random_program(seed, options);
  transform::Positions wrt;
  for (std::size_t k = 0; k < f->params().size(); ++k) {
    if (is_float(f->param_type(k).dtype)) wrt.push_back(k);
  }
  return with_faults(wrt.empty() ? f : transform::vjp(*f, wrt));
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace cotangent::testing
