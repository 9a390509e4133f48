// Kernel programs as readable source: C, CUDA C++ and WGSL, by one printer with a table for each
// dialect (dialect.h). What a dialect lacks is refused by name, with a UserError.
//
//   C      a function of plain pointers. Compiled as the file's head says, it gives the bits of the
//          interpreter and of the CPU code, at any level of optimisation.
//   CUDA   a __global__ function. Compiled with -fmad=false, the same bits, except where a library
//          function is called.
//   WGSL   a module with one entry point. WGSL has no 64-bit types, may reassociate and may flush
//          denormals: bits are not promised.
//
// On a GPU a kernel has one of two forms, written above it:
//   grid    one loop over independent iterations and nothing else: any number of blocks
//   block   anything else: one block. All threads run what is serial, the first one does its
//           stores, loops over independent iterations are spread over the threads, and barriers
//           stand where one thread may read what another wrote.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::backend::source {

enum class Dialect : std::uint8_t { kC, kCuda, kWgsl };

std::string_view name_of(Dialect dialect);  ///< "c", "cuda", "wgsl"
std::optional<Dialect> dialect_named(std::string_view name);

/// What people call the kernel and its arguments. Made into identifiers of the dialect where they
/// are none; empty names are made up.
struct KernelNames {
  std::string function;
  std::vector<std::string> inputs, outputs;
  std::string about;     ///< for the comment above it
  bool exported = true;  ///< C: not `static`
};

enum class Form : std::uint8_t { kSerial, kGrid, kBlock };

/// One pointer of a kernel, in the order of its arguments.
struct Argument {
  std::string name;
  DType dtype = DType::kF64;
  std::int64_t count = 0;
  bool written = false;
};

/// WGSL: a storage buffer, bound at group 0. It holds arguments one after the other.
struct Binding {
  struct Part {
    std::string name;
    std::int64_t at = 0, count = 0;  ///< in elements
  };
  std::string name;
  std::string element;  ///< "f32", "i32", "u32" (bools too)
  std::int64_t count = 0;
  bool written = false;
  std::vector<Part> parts;
};

struct KernelText {
  std::string function;
  std::vector<Argument> arguments;  ///< inputs, then outputs
  std::vector<Binding> bindings;    ///< WGSL
  std::string scratch_type;         ///< C, CUDA: what the last argument points to; "": no such
  Form form = Form::kSerial;
  std::string types;  ///< C, CUDA: the scratch type's definition
  std::string text;
};

/// A file of several kernels: what they need in common is written once, at the top.
class SourceFile {
 public:
  explicit SourceFile(Dialect dialect);

  /// UserError for what the dialect lacks.
  const KernelText& add(const kernel::Program& program, const KernelNames& names);

  /// Text after what was added so far, as it is.
  void add_text(std::string text);

  /// Text after the kernels' types and before all else; to be had alone by defining `macro`.
  void set_declarations(std::string text, std::string macro);

  /// `head`: the text of a comment for the top of the file.
  std::string text(const std::string& head = "") const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// A file of one kernel.
std::string print_source(const kernel::Program& program, Dialect dialect,
                         const KernelNames& names = {});

/// The names made into identifiers of the dialect, all different.
std::vector<std::string> identifiers(Dialect dialect, std::vector<std::string> names);

/// A number of the dialect that reads back as the same bits.
std::string number_text(Dialect dialect, DType t, std::uint64_t bits);

/// `text` as a comment of the dialect, wrapped lines kept.
std::string comment(Dialect dialect, const std::string& text);

}  // namespace cotangent::backend::source
