// What a tracer writes into: one scope is the function being traced, each reduction around the
// current place is another. A scope notes operations in order; when it is closed its live part
// becomes an ir::Function.
//
// The builder of the array program wants parameters first, but which rows and invariants a body
// needs is known only after it is traced. Hence this note-taking; it also drops what turned out
// dead.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "cotangent/ir/builder.h"

namespace cotangent::lang {

/// A value noted in a scope: which scope (0 is the function itself) and which note.
struct Noted {
  int level = 0;
  std::uint32_t id = UINT32_MAX;
  bool valid() const { return id != UINT32_MAX; }
  bool operator==(const Noted&) const = default;
};

enum class LeafKind : std::uint8_t {
  kParameter,  ///< of the outermost function
  kIndexI,
  kIndexJ,
  kRowI,
  kRowJ,       ///< one row of a value of the scope outside
  kInvariant,  ///< a value of the scope outside
};

class Scope {
 public:
  /// A scope of its own, or the body of a map (`pair` false) or of a pair_sum (`pair` true).
  Scope(std::string name, int level, bool pair = false);

  int level() const { return level_; }
  bool is_pair() const { return pair_; }

  /// A leaf with its type; asked again for the same leaf, gives the same note.
  std::uint32_t leaf(LeafKind kind, std::uint32_t outer, ir::Type type, std::string name = "");
  std::uint32_t constant(ir::Tensor value, SourceSpan span);
  /// An operation; equal ones are noted once. Throws as ir::infer does.
  std::uint32_t note(ir::Op op, std::vector<std::uint32_t> operands, ir::Attr attr, ir::Type hint,
                     SourceSpan span);

  const ir::Type& type(std::uint32_t id) const { return notes_[id].type; }
  /// The value of a note that is a constant, or null.
  const ir::Tensor* constant_value(std::uint32_t id) const;
  /// The outer value of a note that is an invariant leaf, or UINT32_MAX.
  std::uint32_t invariant_of(std::uint32_t id) const;
  std::size_t size() const { return notes_.size(); }

  struct Closed {
    ir::FunctionPtr body;
    std::vector<std::uint32_t> operands;  ///< outer values: rows at i, rows at j, invariants
    std::int64_t rows_i = 0, rows_j = 0;
  };
  /// The body of a map or pair_sum that gives `result`.
  Closed close_body(std::uint32_t result) const;
  /// The outermost function of these results: all its parameters in the order they were made.
  ir::FunctionPtr close_function(std::span<const std::uint32_t> results) const;

 private:
  struct Note {
    ir::Op op = ir::Op::kParameter;
    LeafKind leaf = LeafKind::kParameter;
    std::uint32_t outer = 0;
    std::vector<std::uint32_t> operands;
    ir::Attr attr;
    ir::Type hint;
    ir::Type type;
    std::vector<SourceSpan> spans;
    std::string name;
  };
  std::vector<bool> live(std::span<const std::uint32_t> results) const;
  ir::FunctionPtr replay(std::span<const std::uint32_t> results, const std::vector<bool>& live,
                         const std::vector<std::uint32_t>& parameters) const;

  std::string name_;
  int level_;
  bool pair_;
  std::vector<Note> notes_;
  std::vector<std::uint32_t> parameters_;  ///< kParameter leaves
  std::unordered_multimap<std::size_t, std::uint32_t> known_;
};

}  // namespace cotangent::lang
