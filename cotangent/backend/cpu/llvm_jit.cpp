// LLVM IR -> object code -> callable functions; or object code from the store, and no LLVM at all.
#include <dlfcn.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>

#include "cotangent/backend/cpu/code_key.h"
#include "cotangent/backend/cpu/llvm_emit.h"
#include "cotangent/backend/cpu/object_loader.h"
#include "cotangent/base/error.h"

namespace cotangent::backend::cpu {
namespace {

/// The only process-wide state of the code generator: its tables of targets, made once.
void initialise_targets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

std::unique_ptr<llvm::TargetMachine> make_target(const Machine& machine, int level) {
  initialise_targets();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(machine.triple, error);
  if (!target) throw DeviceError("no code generator for this processor (" + machine.triple + ")");
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  const llvm::CodeGenOptLevel levels[] = {llvm::CodeGenOptLevel::None, llvm::CodeGenOptLevel::Less,
                                          llvm::CodeGenOptLevel::Default,
                                          llvm::CodeGenOptLevel::Aggressive};
  // The small code model: constants are operands of instructions. Objects are loaded as one piece,
  // so distances are short.
  std::unique_ptr<llvm::TargetMachine> made(target->createTargetMachine(
      machine.triple, machine.cpu, machine.features, options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, levels[std::clamp(level, 0, 3)], true));
  if (!made)
    throw DeviceError("the code generator refused this processor (" + machine.triple + ")");
  return made;
}

std::string text_of(llvm::Error error) {
  return llvm::toString(std::move(error));
}

/// What generated code calls by name: our functions, then those of the process.
const void* address_outside(const std::string& name) {
  if (const void* ours = address_of_function(name)) return ours;
  return ::dlsym(RTLD_DEFAULT, name.c_str());
}

/// Whether the code holds an address of this process, and so is of no use to another.
bool holds_addresses(const llvm::Module& module) {
  for (const llvm::Function& function : module) {
    for (const llvm::BasicBlock& block : function) {
      for (const llvm::Instruction& instruction : block) {
        if (llvm::isa<llvm::IntToPtrInst>(instruction)) return true;
        for (const llvm::Use& operand : instruction.operands()) {
          const auto* e = llvm::dyn_cast<llvm::ConstantExpr>(operand);
          if (e && e->getOpcode() == llvm::Instruction::IntToPtr) return true;
        }
      }
    }
  }
  return false;
}

/// Gives LLVM's loader the addresses of address_outside.
class OutsideGenerator final : public llvm::orc::DefinitionGenerator {
 public:
  llvm::Error tryToGenerate(llvm::orc::LookupState&, llvm::orc::LookupKind,
                            llvm::orc::JITDylib& library, llvm::orc::JITDylibLookupFlags,
                            const llvm::orc::SymbolLookupSet& wanted) override {
    llvm::orc::SymbolMap found;
    for (const auto& [name, flags] : wanted) {
      if (const void* address = address_outside((*name).str())) {
        found[name] = {llvm::orc::ExecutorAddr::fromPtr(const_cast<void*>(address)),
                       llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
      }
    }
    return found.empty() ? llvm::Error::success()
                         : library.define(llvm::orc::absoluteSymbols(std::move(found)));
  }
};

using Bytes = std::vector<std::byte>;

class Module final : public CodeModule {
 public:
  Module(std::span<const KernelRequest> requests, const CodeOptions& options)
      : options_(options), machine_(machine_named(options.cpu)) {
    std::size_t size = 0;
    for (const KernelRequest& r : requests) {
      size += kernel::size_of_block(r.program->body);
      want_library(*r.program);
    }
    const std::size_t each = size / std::max<std::size_t>(requests.size(), 1);
    level_ = options.level >= 0 ? options.level : each <= 2500 ? 2 : each <= 12000 ? 1 : 0;
    bits_ = options.vector_bits > 0 ? options.vector_bits : machine_.vector_bits;
    for (const KernelRequest& r : requests) {
      plans_.push_back(plan_memory(*r.program, bits_));
      KernelCode code;
      code.scratch_bytes = plans_.back().scratch_bytes;
      code.lane_bytes = plans_.back().lane_bytes;
      code.constants = constants_of(*r.program, plans_.back());
      kernels_.push_back(std::move(code));
    }
    Bytes object = make_object(requests);
    if (machine_.cannot_run_here.empty()) load(object);
    if (options.keep_text) object_ = std::move(object);
    options_ = {};
  }

  std::span<const KernelCode> kernels() const override { return kernels_; }
  const std::string& text() const override { return text_; }
  const Machine& machine() const override { return machine_; }
  bool from_store() const override { return from_store_; }
  std::span<const std::byte> object() const override { return object_; }

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
    for (const auto& [literal, offset] : plan.literals) {
      std::memcpy(block + offset, &literal.second, sizeof literal.second);
    }
    return {block, [](const std::byte* p) { std::free(const_cast<std::byte*>(p)); }};
  }

  /// From the store if it is there, else generated and kept. Text can only be had by generating.
  Bytes make_object(std::span<const KernelRequest> requests) {
    if (!options_.store) return generate(requests).first;
    const Digest key = code_key(requests, machine_, level_, bits_);
    if (!options_.keep_text) {
      const telemetry::Span span(options_.telemetry, "look for code");
      std::string trouble;
      auto found = options_.store->find(key, trouble);
      note(trouble);
      if (found) {
        from_store_ = true;
        return std::move(*found);
      }
    }
    auto [object, keepable] = generate(requests);
    if (keepable) {
      const telemetry::Span span(options_.telemetry, "keep code");
      std::string trouble;
      options_.store->keep(key, object, trouble);
      note(trouble);
    }
    return std::move(object);
  }

  void note(const std::string& trouble) const {
    if (trouble.empty() || !options_.telemetry) return;
    options_.telemetry->log(telemetry::Level::kDebug, "code cache: " + trouble);
  }

  /// The object, and whether another process may use it.
  std::pair<Bytes, bool> generate(std::span<const KernelRequest> requests) {
    const auto target = make_target(machine_, level_);
    llvm::LLVMContext context;
    llvm::Module module("cotangent", context);
    module.setDataLayout(target->createDataLayout());
    module.setTargetTriple(target->getTargetTriple().str());
    {
      const telemetry::Span span(options_.telemetry, "emit LLVM IR");
      // In haste, instruction selection of LLVM 19 recurses without end on some transpositions.
      const bool tiles = level_ > 0;
      for (std::size_t k = 0; k < requests.size(); ++k) {
        emit_kernel(module, "kernel_" + std::to_string(k), *requests[k].program, plans_[k], bits_,
                    requests[k].team, machine_.rsqrt14, tiles);
      }
    }
#ifdef COTANGENT_VERIFY_PASSES
    std::string broken;
    llvm::raw_string_ostream report(broken);
    if (llvm::verifyModule(module, &report)) throw InternalError("LLVM IR: " + broken);
#endif
    const bool keepable = !holds_addresses(module);
    if (options_.keep_text) {
      llvm::raw_string_ostream out(text_);
      module.print(out, nullptr);
      text_ += "\n";
    }
    const telemetry::Span span(options_.telemetry, "generate machine code");
    const auto object = write(*target, module, llvm::CodeGenFileType::ObjectFile);
    if (options_.keep_text) {
      const auto assembly = write(*target, module, llvm::CodeGenFileType::AssemblyFile);
      text_.append(assembly.data(), assembly.size());
    }
    const auto bytes = std::as_bytes(std::span(object.data(), object.size()));
    return {Bytes(bytes.begin(), bytes.end()), keepable};
  }

  static llvm::SmallVector<char, 0> write(llvm::TargetMachine& target, llvm::Module& module,
                                          llvm::CodeGenFileType kind) {
    llvm::SmallVector<char, 0> bytes;
    llvm::raw_svector_ostream stream(bytes);
    llvm::legacy::PassManager passes;
    if (target.addPassesToEmitFile(passes, stream, nullptr, kind, true)) {
      throw DeviceError("the code generator cannot write this kind of file");
    }
    passes.run(module);
    return bytes;
  }

  /// By our loader, which takes microseconds, or where that refuses by LLVM's.
  void load(const Bytes& object) {
    const telemetry::Span span(options_.telemetry, "load code");
    std::string why_not;
    if (options_.own_loader) loaded_ = LoadedObject::load(object, address_outside, why_not);
    if (!loaded_) link(object);
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      const std::string name = "kernel_" + std::to_string(k);
      if (loaded_) {
        kernels_[k].run = reinterpret_cast<KernelFunction>(const_cast<void*>(loaded_->find(name)));
        ensure(kernels_[k].run != nullptr, "the object code lacks a kernel");
        continue;
      }
      auto symbol = jit_->lookup(name);
      if (!symbol) throw DeviceError("the code loader failed: " + text_of(symbol.takeError()));
      kernels_[k].run = symbol->toPtr<KernelFunction>();
    }
  }

  void link(const Bytes& object) {
    initialise_targets();
    auto jit =
        llvm::orc::LLJITBuilder().setPlatformSetUp(llvm::orc::setUpInactivePlatform).create();
    if (!jit) throw DeviceError("the code loader failed: " + text_of(jit.takeError()));
    jit_ = std::move(*jit);
    jit_->getMainJITDylib().addGenerator(std::make_unique<OutsideGenerator>());
    const llvm::StringRef bytes(reinterpret_cast<const char*>(object.data()), object.size());
    if (auto error = jit_->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(bytes))) {
      throw DeviceError("the code loader refused: " + text_of(std::move(error)));
    }
  }

  CodeOptions options_;
  const Machine machine_;
  int level_ = 0, bits_ = 0;
  std::vector<MemoryPlan> plans_;
  std::unique_ptr<LoadedObject> loaded_;
  std::unique_ptr<llvm::orc::LLJIT> jit_;
  std::vector<KernelCode> kernels_;
  std::string text_;
  Bytes object_;
  bool from_store_ = false;
};

}  // namespace

std::shared_ptr<const CodeModule> compile_kernels(std::span<const KernelRequest> kernels,
                                                  const CodeOptions& options) {
  return std::make_shared<Module>(kernels, options);
}

int host_vector_bits() {
  return machine_named("native").vector_bits;
}

std::string host_cpu_text() {
  return machine_named("native").about;
}

}  // namespace cotangent::backend::cpu
