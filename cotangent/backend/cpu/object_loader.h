// A relocatable ELF object of this host -> code that can be called.
//
// Kernels make simple objects: code, read-only constants, calls of a few functions outside. This
// loads them in microseconds, without LLVM. It trusts nothing in the object (bounds are checked),
// and refuses what it does not know: another loader can then be asked. Memory is first written,
// then made executable, never both. Unwinding tables are left out: kernels do not throw. x86-64,
// Linux.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cotangent::backend::cpu {

class LoadedObject {
 public:
  /// Address of a symbol the object does not define, or null.
  using Outside = std::function<const void*(const std::string& name)>;

  /// Null, with the reason in `why_not`, when the object is not of the simple kind.
  static std::unique_ptr<LoadedObject> load(std::span<const std::byte> object,
                                            const Outside& outside, std::string& why_not);
  virtual ~LoadedObject() = default;

  /// Address of a global function of the object, or null.
  virtual const void* find(std::string_view name) const = 0;
};

}  // namespace cotangent::backend::cpu
