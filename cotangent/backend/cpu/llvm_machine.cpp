// What this host is, and the other processors code can be made for.
#include <llvm-c/Core.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <span>

#include "cotangent/backend/cpu/machine.h"
#include "cotangent/base/error.h"
#include "cotangent/base/text.h"

namespace cotangent::backend::cpu {
namespace {

const llvm::StringMap<bool>& host_features() {
  static const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return features;
}

bool host_has(llvm::StringRef feature) {
  const auto found = host_features().find(feature);
  return found != host_features().end() && found->second;
}

llvm::Triple host_triple() {
  return llvm::Triple(llvm::sys::getProcessTriple());
}

/// One processor a line. `needs`: what a host must have to run its code, beyond the architecture.
struct Row {
  const char* name;
  const char* about;
  llvm::Triple::ArchType arch;
  const char* cpu;
  int vector_bits;
  std::vector<const char*> needs;
};

std::vector<Row> rows() {
  const auto x86 = llvm::Triple::x86_64, arm = llvm::Triple::aarch64;
  return {
      {"x86-64-v2", "x86-64, SSE4.2", x86, "x86-64-v2", 128, {"sse4.2", "ssse3", "popcnt", "cx16"}},
      {"x86-64-v3",
       "x86-64, AVX2 and FMA",
       x86,
       "x86-64-v3",
       256,
       {"avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe"}},
      {"x86-64-v4",
       "x86-64, AVX-512",
       x86,
       "x86-64-v4",
       512,
       {"avx2", "fma", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}},
      {"aarch64", "AArch64, NEON", arm, "generic", 128, {"neon"}},
      {"neoverse-n1",
       "AArch64, NEON (Graviton 2, Ampere Altra)",
       arm,
       "neoverse-n1",
       128,
       {"neon", "lse", "dotprod"}},
      {"neoverse-v2",
       "AArch64, NEON (Graviton 4, Grace)",
       arm,
       "neoverse-v2",
       128,
       {"neon", "lse", "dotprod", "sve2"}},
  };
}

Machine machine_of(const Row& row) {
  Machine machine;
  machine.name = row.name;
  machine.about = row.about;
  llvm::Triple triple = host_triple();
  if (triple.getArch() != row.arch) {
    machine.cannot_run_here = "this host is " + triple.getArchName().str();
    triple = llvm::Triple(llvm::Triple::getArchTypeName(row.arch) + "-unknown-linux-gnu");
  }
  machine.triple = triple.str();
  machine.cpu = row.cpu;
  machine.vector_bits = row.vector_bits;
  machine.rsqrt14 = row.vector_bits == 512;
  for (const char* feature : row.needs) {
    if (!machine.cannot_run_here.empty()) break;
    if (!host_has(feature)) machine.cannot_run_here = "this host lacks " + std::string(feature);
  }
  return machine;
}

Machine native_machine() {
  Machine machine;
  machine.name = "native";
  machine.triple = host_triple().str();
  machine.cpu = llvm::sys::getHostCPUName().str();
  std::vector<std::string> features;
  for (const auto& feature : host_features()) {
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  }
  std::sort(features.begin(), features.end());
  machine.features = join(features, ",");
  machine.rsqrt14 = host_has("avx512f") && host_has("avx512vl");
  machine.vector_bits = machine.rsqrt14 && host_has("avx512dq") ? 512
                        : host_has("avx2")                      ? 256
                                                                : 128;
  const llvm::Triple triple = host_triple();
  machine.about = triple.getArch() == llvm::Triple::x86_64    ? "x86-64"
                  : triple.getArch() == llvm::Triple::aarch64 ? "AArch64"
                                                              : triple.getArchName().str();
  machine.about += machine.vector_bits == 512   ? ", AVX-512"
                   : machine.vector_bits == 256 ? ", AVX2"
                                                : ", 128-bit vectors";
  return machine;
}

}  // namespace

std::vector<Machine> known_machines() {
  std::vector<Machine> machines = {native_machine()};
  for (const Row& row : rows()) machines.push_back(machine_of(row));
  return machines;
}

Machine machine_named(const std::string& name) {
  if (name.empty() || name == "native") return native_machine();
  std::vector<std::string> names = {"native"};
  for (const Row& row : rows()) {
    if (name == row.name) return machine_of(row);
    names.emplace_back(row.name);
  }
  const std::string near = nearest_name(name, names);
  throw UserError("no processor is known as '" + name + "'" +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"),
                  "choose from " + join(names, ", "));
}

std::string code_generator_version() {
  unsigned parts[3] = {};
  LLVMGetVersion(&parts[0], &parts[1], &parts[2]);
  return std::to_string(parts[0]) + "." + std::to_string(parts[1]) + "." + std::to_string(parts[2]);
}

}  // namespace cotangent::backend::cpu
