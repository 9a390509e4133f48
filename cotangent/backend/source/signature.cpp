// What stands around a kernel's body: its name and arguments, where its buffers are, its constants.
#include <algorithm>
#include <bit>
#include <cmath>

#include "cotangent/backend/source/printer.h"
#include "cotangent/base/error.h"
#include "cotangent/kernel/scalar.h"

namespace cotangent::backend::source {

using kernel::Buffer;
using kernel::BufferKind;

namespace {

/// One thread's own buffers are everybody's here: a shared loop is run by all threads together.
bool in_scratch(const kernel::Buffer& b) {
  return b.kind == kernel::BufferKind::kScratch || b.kind == kernel::BufferKind::kThread;
}

constexpr std::int64_t kMostBindings = 8;     // WebGPU's default
constexpr std::int64_t kMostElements = 2047;  // of a WGSL array's constructor
constexpr int kWorkgroup = 64;

/// WGSL's constants are finite.
bool all_finite(const Buffer& b) {
  for (std::int64_t n = 0; n < b.count; ++n) {
    const auto bits = static_cast<std::uint32_t>(kernel::read_element(b.data.data(), n, b.dtype));
    if (!std::isfinite(std::bit_cast<float>(bits))) return false;
  }
  return true;
}

std::string array_text(std::int64_t count) {
  return "[" + std::to_string(std::max<std::int64_t>(count, 1)) + "]";
}

std::string form_text(Form form, bool wgsl) {
  const std::string group = wgsl ? "workgroup" : "block";
  switch (form) {
    case Form::kSerial: return "";
    case Form::kGrid:
      return "Form: grid. Any number of " + group + "s; threads take iterations in turn.\n";
    case Form::kBlock:
      return "Form: block. To be launched as one " + group + (wgsl ? "" : ", of any size") +
             ": what is serial is done by all threads,\n"
             "with barriers between what one writes and another reads.\n";
  }
  return "";
}

}  // namespace

/// Names of the arguments, in order; then places for all buffers.
void Printer::place_buffers() {
  function_ = globals_.unique(given_.function.empty() ? program_.name : given_.function);
  names_ = globals_;
  place_.resize(program_.buffers.size());
  plain_.resize(program_.buffers.size());
  arguments_.resize(program_.inputs + program_.outputs);
  std::size_t scratch = 0, own = 0, constants = 0;
  // Arguments first: their names are a person's.
  for (std::size_t k = 0; k < program_.buffers.size(); ++k) {
    const Buffer& b = program_.buffers[k];
    const bool output = b.kind == BufferKind::kOutput;
    if (!output && b.kind != BufferKind::kInput) continue;
    const auto at = static_cast<std::size_t>(b.position);
    const std::vector<std::string>& names = output ? given_.outputs : given_.inputs;
    std::string name = at < names.size() ? names[at] : "";
    if (name.empty()) name = (output ? "out" : "in") + std::to_string(at);
    Argument& a = arguments_[output ? program_.inputs + at : at];
    a = {table_.dialect == Dialect::kWgsl ? name : names_.unique(name), b.dtype, b.count, output};
    if (!memory_type(b.dtype) || held(b.dtype) != b.dtype) {
      const std::string type(cotangent::name_of(b.dtype));
      refuse("has no " + type + ", the type of '" + name + "'",
             is_float(b.dtype) ? "compute in f32; in a system file: run.precision = \"f32\""
                               : "give it as a 32-bit integer");
    }
    plain_[k] = place_[k].array = a.name;
  }
  for (std::size_t k = 0; k < program_.buffers.size(); ++k) {
    const Buffer& b = program_.buffers[k];
    if (in_scratch(b) || b.kind == BufferKind::kLane) {
      if (!memory_type(b.dtype) || held(b.dtype) != b.dtype) {
        refuse("has no " + std::string(cotangent::name_of(b.dtype)) +
                   ", the type of what the kernel keeps in memory",
               is_float(b.dtype) ? "compute in f32" : "compute in 32-bit integers");
      }
      const std::string name = b.kind == BufferKind::kLane ? "own" + std::to_string(own++)
                                                           : "s" + std::to_string(scratch++);
      plain_[k] = place_[k].array = names_.unique(name);
    } else if (b.kind == BufferKind::kConstant) {
      const std::string name = "c" + std::to_string(constants++);
      const bool file_level = table_.dialect != Dialect::kC;
      plain_[k] = place_[k].array =
          file_level ? globals_.unique(function_ + "_" + name) : names_.unique(name);
      place_[k].bits = table_.dialect == Dialect::kWgsl && b.dtype == DType::kF32 && !all_finite(b);
      if (table_.dialect == Dialect::kWgsl && b.count > kMostElements) {
        refuse("takes constant arrays of " + std::to_string(kMostElements) +
                   " elements at most, and there is one of " + std::to_string(b.count),
               "pass it as an argument");
      }
    } else if (b.kind != BufferKind::kInput && b.kind != BufferKind::kOutput) {
      refuse("has no form yet of this kernel's memory", "run it on the CPU");
    }
  }
  if (table_.dialect == Dialect::kWgsl) place_in_bindings();
}

/// One binding an argument while that is few enough, else one for all inputs of a type and one for
/// all outputs of a type; scratch is always put together.
void Printer::place_in_bindings() {
  const auto count_types = [&](BufferKind kind) {
    std::set<std::string> types;
    for (const Buffer& b : program_.buffers) {
      if (b.kind == kind || (kind == BufferKind::kScratch && in_scratch(b)))
        types.insert(memory_type(b.dtype));
    }
    return static_cast<std::int64_t>(types.size());
  };
  const std::int64_t scratch = count_types(BufferKind::kScratch);
  const auto arguments = static_cast<std::int64_t>(arguments_.size());
  const bool together = arguments + scratch > kMostBindings;
  if (together && count_types(BufferKind::kInput) + count_types(BufferKind::kOutput) + scratch >
                      kMostBindings) {
    refuse(
        "binds " + std::to_string(kMostBindings) + " buffers at most, and this kernel needs more",
        "use fewer types of arguments");
  }
  std::map<std::string, std::size_t> by_name;
  for (std::size_t k = 0; k < program_.buffers.size(); ++k) {
    const Buffer& b = program_.buffers[k];
    if (b.kind == BufferKind::kConstant || b.kind == BufferKind::kLane) continue;
    if (in_scratch(b) && !touched_[k]) continue;
    const std::string element = memory_type(b.dtype);
    const bool alone = !in_scratch(b) && !together;
    const std::string group = in_scratch(b)                  ? "scratch"
                              : b.kind == BufferKind::kInput ? "inputs"
                                                             : "outputs";
    const std::string key = alone ? "#" + std::to_string(k) : group + "_" + element;
    const auto [found, fresh] = by_name.emplace(key, bindings_.size());
    if (fresh) {
      Binding binding;
      binding.name = globals_.unique(alone ? plain_[k] : key);
      binding.element = element;
      binding.written = b.kind != BufferKind::kInput;
      bindings_.push_back(binding);
    }
    Binding& binding = bindings_[found->second];
    place_[k].array = binding.name;
    if (!alone) {
      if (binding.count > 0) {
        place_[k].offset = globals_.unique(plain_[k] + "_at");
        offsets_ += "const " + place_[k].offset + " = " + std::to_string(binding.count) + ";\n";
      }
    }
    binding.parts.push_back({plain_[k], binding.count, b.count});
    binding.count += b.count;
  }
}

std::string Printer::head_comment() const {
  std::string text = given_.about;
  if (!text.empty() && text.back() != '\n') text += "\n";
  text += form_text(form_, table_.dialect == Dialect::kWgsl);
  text += program_.remarks;
  if (!text.empty() && text.back() != '\n') text += "\n";
  std::size_t width = 0;
  for (const Argument& a : arguments_) width = std::max(width, a.name.size());
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    const Argument& a = arguments_[k];
    std::string shape;
    for (const Buffer& b : program_.buffers) {
      const bool output = b.kind == BufferKind::kOutput;
      if ((output || b.kind == BufferKind::kInput) && output == a.written &&
          static_cast<std::size_t>(b.position) + (output ? program_.inputs : 0) == k) {
        shape = b.note;
      }
    }
    text +=
        "  " + a.name + std::string(width - a.name.size() + 2, ' ') +
        (a.written ? "out  " : "in   ") +
        (shape.empty() ? std::string(cotangent::name_of(a.dtype)) + array_text(a.count) : shape) +
        "\n";
  }
  return comment(table_.dialect, text);
}

std::string Printer::constants_text() const {
  std::string text;
  for (std::size_t k = 0; k < program_.buffers.size(); ++k) {
    const Buffer& b = program_.buffers[k];
    if (b.kind != BufferKind::kConstant || !touched_[k]) continue;
    std::string numbers;
    std::size_t column = 0;
    for (std::int64_t n = 0; n < std::max<std::int64_t>(b.count, 1); ++n) {
      const std::uint64_t bits = b.count == 0 ? 0 : kernel::read_element(b.data.data(), n, b.dtype);
      const std::string one = number(table_, place_[k].bits ? DType::kU32 : b.dtype, bits) +
                              (n + 1 < b.count ? "," : "");
      column += one.size() + 1;
      const bool wrap = column > 92 || n == 0;
      if (wrap) column = one.size() + 4;
      numbers += (wrap ? "\n    " : " ") + one;
    }
    const std::string& name = place_[k].array;
    switch (table_.dialect) {
      case Dialect::kC:
        text += std::string("  static const ") + value_type(b.dtype) + " " + name +
                array_text(b.count) + " = {" + numbers + "};\n";
        break;
      case Dialect::kCuda:
        text += std::string("static __device__ const ") + value_type(b.dtype) + " " + name +
                array_text(b.count) + " = {" + numbers + "};\n";
        break;
      case Dialect::kWgsl:
        if (!value_type(b.dtype)) {
          refuse("has no " + std::string(cotangent::name_of(b.dtype)) + ", the type of a constant",
                 is_float(b.dtype) ? "compute in f32" : "compute in 32-bit integers");
        }
        if (place_[k].bits) {
          text += "var<private> " + name + " = array<u32, " + std::to_string(b.count) + ">(" +
                  numbers + ");  // f32, as bits\n";
          break;
        }
        text += "const " + name + " = array<" + value_type(b.dtype) + ", " +
                std::to_string(std::max<std::int64_t>(b.count, 1)) + ">(" + numbers + ");\n";
        break;
    }
  }
  return text;
}

/// Members of the scratch structure; "" when there is none.
std::string Printer::scratch_text() const {
  std::string text;
  for (std::size_t k = 0; k < program_.buffers.size(); ++k) {
    const Buffer& b = program_.buffers[k];
    if (!in_scratch(b) || !touched_[k]) continue;
    text += std::string("  ") + memory_type(b.dtype) + " " + place_[k].array + array_text(b.count) +
            ";" + (b.note.empty() ? "" : "  /* " + b.note + " */") + "\n";
  }
  return text;
}

void Printer::c_head(KernelText& out) {
  const bool cuda = table_.dialect == Dialect::kCuda;
  const std::string scratch = scratch_text();
  std::string& text = out.text;
  if (!scratch.empty()) {
    out.scratch_type = globals_.unique(function_ + "_scratch");
    out.types += comment(table_.dialect, "Room for what " + function_ +
                                             " computes on the way; its contents do not matter.");
    out.types += cuda ? "struct " + out.scratch_type + " {\n" + scratch + "};\n"
                      : "typedef struct {\n" + scratch + "} " + out.scratch_type + ";\n";
  }
  if (cuda) text += constants_text();
  text += head_comment();
  text += cuda ? "extern \"C\" __global__ void " : given_.exported ? "void " : "static void ";
  text += function_ + "(";
  const char* before = "\n    ";
  for (const Argument& a : arguments_) {
    text += before;
    before = ",\n    ";
    const std::string type = std::string(a.written ? "" : "const ") + memory_type(a.dtype);
    // On a GPU other threads write outputs and scratch: no `restrict` there.
    text += cuda ? type + (a.written ? "* " : "* __restrict__ ") + a.name
                 : type + " *restrict " + a.name;
  }
  if (!scratch.empty()) {
    text += before + out.scratch_type + (cuda ? "* scratch" : " *restrict scratch");
  } else if (arguments_.empty()) {
    text += "void";
  }
  text += ") {\n";
  if (!cuda) text += constants_text();
  for (std::size_t k = 0; k < program_.buffers.size(); ++k) {
    const Buffer& b = program_.buffers[k];
    if (!in_scratch(b) || !touched_[k]) continue;
    text += std::string("  ") + memory_type(b.dtype) + (cuda ? "* " : " *restrict ") +
            place_[k].array + " = scratch->" + place_[k].array + ";\n";
  }
  for (std::size_t k = 0; k < program_.buffers.size(); ++k) {
    const Buffer& b = program_.buffers[k];
    const bool argument = b.kind == BufferKind::kInput || b.kind == BufferKind::kOutput;
    if (argument && !touched_[k]) text += "  (void)" + place_[k].array + ";\n";
  }
  if (form_ == Form::kGrid) {
    text +=
        "  const int64_t thread = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;\n"
        "  const int64_t threads = (int64_t)gridDim.x * blockDim.x;\n";
  } else if (form_ == Form::kBlock) {
    text += "  const int64_t thread = threadIdx.x;\n";
    if (body_.find("thread ==") == std::string::npos &&
        body_.find("= thread") == std::string::npos &&
        body_.find("+ thread") == std::string::npos) {
      text += "  (void)thread;\n";  // a kernel that stores nothing
    }
    if (body_.find("+= threads") != std::string::npos) {
      text += "  const int64_t threads = blockDim.x;\n";
    }
  }
  text += body_ + "}\n";
}

void Printer::wgsl_head(KernelText& out) {
  std::string& text = out.text;
  for (std::size_t k = 0; k < bindings_.size(); ++k) {
    const Binding& b = bindings_[k];
    text += "@group(0) @binding(" + std::to_string(k) + ") var<storage, " +
            (b.written ? "read_write" : "read") + "> " + b.name + ": array<" + b.element +
            ">;  // [" + std::to_string(b.count) + "]\n";
  }
  text += offsets_ + constants_text() + head_comment();
  const std::string size = std::to_string(kWorkgroup);
  text += "@compute @workgroup_size(" + size + ")\nfn " + function_;
  if (form_ == Form::kGrid) {
    text +=
        "(@builtin(global_invocation_id) place: vec3<u32>,\n"
        "    @builtin(num_workgroups) groups: vec3<u32>) {\n"
        "  let thread = i32(place.x);\n  let threads = i32(groups.x) * " +
        size + ";\n";
  } else {
    text +=
        "(@builtin(local_invocation_index) place: u32) {\n"
        "  let thread = i32(place);\n  let threads = " +
        size + ";\n";
  }
  text += body_ + "}\n";
}

void Printer::head(KernelText& out) {
  if (table_.dialect == Dialect::kWgsl)
    wgsl_head(out);
  else
    c_head(out);
}

}  // namespace cotangent::backend::source
