// LLVM IR -> object code -> callable functions.
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>

#include <cstdlib>
#include <cstring>
#include <mutex>

#include "cotangent/backend/cpu/llvm_emit.h"
#include "cotangent/base/error.h"

namespace cotangent::backend::cpu {
namespace {

/// The only process-wide state of the code generator: its tables of targets, made once.
void initialise_targets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
}

bool host_has(const char* feature) {
  static const auto features = llvm::sys::getHostCPUFeatures();
  const auto found = features.find(feature);
  return found != features.end() && found->second;
}

std::string host_features() {
  std::string text;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    text +=
        (text.empty() ? "" : ",") + std::string(feature.second ? "+" : "-") + feature.first().str();
  }
  return text;
}

std::unique_ptr<llvm::TargetMachine> make_target(int level) {
  initialise_targets();
  const std::string triple = llvm::sys::getProcessTriple();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) throw DeviceError("no code generator for this processor (" + triple + ")");
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  const llvm::CodeGenOptLevel levels[] = {llvm::CodeGenOptLevel::None, llvm::CodeGenOptLevel::Less,
                                          llvm::CodeGenOptLevel::Default,
                                          llvm::CodeGenOptLevel::Aggressive};
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, llvm::sys::getHostCPUName(), host_features(), options, llvm::Reloc::PIC_,
      std::nullopt, levels[std::clamp(level, 0, 3)], true));
  if (!machine) throw DeviceError("the code generator refused this processor (" + triple + ")");
  return machine;
}

std::string text_of(llvm::Error error) {
  return llvm::toString(std::move(error));
}

class Module final : public CodeModule {
 public:
  Module(std::span<const KernelRequest> requests, const CodeOptions& options) {
    std::size_t size = 0;
    for (const KernelRequest& r : requests) size += kernel::size_of_block(r.program->body);
    const std::size_t each = size / std::max<std::size_t>(requests.size(), 1);
    const int level = options.level >= 0 ? options.level : each <= 2500 ? 2 : each <= 12000 ? 1 : 0;
    const int bits = options.vector_bits > 0 ? options.vector_bits : host_vector_bits();
    const auto machine = make_target(level);
    llvm::LLVMContext context;
    llvm::Module module("cotangent", context);
    module.setDataLayout(machine->createDataLayout());
    module.setTargetTriple(machine->getTargetTriple().str());
    for (std::size_t k = 0; k < requests.size(); ++k) {
      const kernel::Program& program = *requests[k].program;
      const MemoryPlan plan = plan_memory(program);
      emit_kernel(module, "kernel_" + std::to_string(k), program, plan, bits, requests[k].team,
                  host_has("avx512f") && host_has("avx512vl"));
      KernelCode code;
      code.scratch_bytes = plan.scratch_bytes;
      code.constants = constants_of(program, plan);
      kernels_.push_back(std::move(code));
    }
#ifdef COTANGENT_VERIFY_PASSES
    std::string broken;
    llvm::raw_string_ostream report(broken);
    if (llvm::verifyModule(module, &report)) throw InternalError("LLVM IR: " + broken);
#endif
    if (options.keep_text) {
      llvm::raw_string_ostream out(text_);
      module.print(out, nullptr);
      text_ += "\n";
    }
    auto object = generate(*machine, module, llvm::CodeGenFileType::ObjectFile);
    if (options.keep_text) {
      const auto assembly = generate(*machine, module, llvm::CodeGenFileType::AssemblyFile);
      text_ += assembly->getBuffer().str();
    }
    link(std::move(object));
  }

  std::span<const KernelCode> kernels() const override { return kernels_; }
  const std::string& text() const override { return text_; }

 private:
  static std::shared_ptr<const std::byte> constants_of(const kernel::Program& program,
                                                       const MemoryPlan& plan) {
    if (plan.constant_bytes == 0) return nullptr;
    auto* block = static_cast<std::byte*>(std::aligned_alloc(64, plan.constant_bytes));
    if (!block) throw DeviceError("no memory for constants");
    std::memset(block, 0, plan.constant_bytes);
    for (std::size_t k = 0; k < program.buffers.size(); ++k) {
      const kernel::Buffer& b = program.buffers[k];
      if (b.kind == kernel::BufferKind::kConstant && !b.data.empty()) {
        std::memcpy(block + plan.offset[k], b.data.data(), b.data.size());
      }
    }
    return {block, [](const std::byte* p) { std::free(const_cast<std::byte*>(p)); }};
  }

  static std::unique_ptr<llvm::MemoryBuffer> generate(llvm::TargetMachine& machine,
                                                      llvm::Module& module,
                                                      llvm::CodeGenFileType kind) {
    llvm::SmallVector<char, 0> bytes;
    llvm::raw_svector_ostream stream(bytes);
    llvm::legacy::PassManager passes;
    if (machine.addPassesToEmitFile(passes, stream, nullptr, kind, true)) {
      throw DeviceError("the code generator cannot write this kind of file");
    }
    passes.run(module);
    return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), "cotangent", false);
  }

  void link(std::unique_ptr<llvm::MemoryBuffer> object) {
    auto jit =
        llvm::orc::LLJITBuilder().setPlatformSetUp(llvm::orc::setUpInactivePlatform).create();
    if (!jit) throw DeviceError("the code loader failed: " + text_of(jit.takeError()));
    jit_ = std::move(*jit);
    auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
        jit_->getDataLayout().getGlobalPrefix());
    if (process)
      jit_->getMainJITDylib().addGenerator(std::move(*process));
    else
      llvm::consumeError(process.takeError());
    if (auto error = jit_->addObjectFile(std::move(object))) {
      throw DeviceError("the code loader refused: " + text_of(std::move(error)));
    }
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      auto symbol = jit_->lookup("kernel_" + std::to_string(k));
      if (!symbol) throw DeviceError("the code loader failed: " + text_of(symbol.takeError()));
      kernels_[k].run = symbol->toPtr<KernelFunction>();
    }
  }

  std::unique_ptr<llvm::orc::LLJIT> jit_;
  std::vector<KernelCode> kernels_;
  std::string text_;
};

}  // namespace

std::shared_ptr<const CodeModule> compile_kernels(std::span<const KernelRequest> kernels,
                                                  const CodeOptions& options) {
  return std::make_shared<Module>(kernels, options);
}

int host_vector_bits() {
  if (host_has("avx512f") && host_has("avx512vl") && host_has("avx512dq")) return 512;
  if (host_has("avx2")) return 256;
  return 128;
}

std::string host_cpu_text() {
#if defined(__x86_64__)
  const char* arch = "x86-64";
#elif defined(__aarch64__)
  const char* arch = "AArch64";
#else
  const char* arch = "host";
#endif
  const int bits = host_vector_bits();
  return std::string(arch) + (bits == 512   ? ", AVX-512"
                              : bits == 256 ? ", AVX2"
                                            : ", 128-bit vectors");
}

}  // namespace cotangent::backend::cpu
