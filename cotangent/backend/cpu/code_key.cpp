#include "cotangent/backend/cpu/code_key.h"

#include "cotangent/base/version.h"
#include "cotangent/kernel/canonical.h"

namespace cotangent::backend::cpu {
namespace {

constexpr const char* kFormat = "cotangent object code, format 1";

void put(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

}  // namespace

Digest code_key(std::span<const KernelRequest> kernels, const Machine& machine, int level,
                int vector_bits) {
  std::string text;
  for (const char* part : {kFormat, kVersion, source_version()}) put(text, part);
  put(text, code_generator_version());
  for (const std::string& part : {machine.triple, machine.cpu, machine.features}) put(text, part);
  put(text, std::to_string(level));
  put(text, std::to_string(vector_bits));
  put(text, std::to_string(kernels.size()));
  for (const KernelRequest& kernel : kernels) {
    const auto& [program, team] = kernel;  // names all members: a new one must be decided on here
    text += team ? "team" : "solo";
    kernel::append_canonical(text, *program);
  }
  Sha256 hash;
  hash.add(text);
  return hash.finish();
}

}  // namespace cotangent::backend::cpu
