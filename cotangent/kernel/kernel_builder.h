// Builds a kernel program. Pure instructions are folded, shared and hoisted as they are made: each
// goes into the outermost open block where its operands are visible, but never out of an `if`.
// (a - b)^2 and (b - a)^2 are one value, to the last bit, and so is all that is made of them: where
// every pair of a sum over pairs stands twice, once for each side, its distance is computed once.
//
// Loads are pure too, of a *version* of a buffer: a promise of whoever asks that from the moment
// the version was made until the load, the elements it will read do not change.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "cotangent/kernel/kernel_program.h"
#include "cotangent/kernel/scalar.h"

namespace cotangent::kernel {

class KernelBuilder {
 public:
  explicit KernelBuilder(Program& program);

  std::uint32_t add_buffer(Buffer buffer);

  Id constant(DType t, Bits bits);
  Id i64(std::int64_t value) { return constant(DType::kI64, static_cast<Bits>(value)); }
  Id number(double value, DType t) { return constant(t, bits_of(value, t)); }
  bool is_const(Id id) const { return is_const_[id]; }
  std::int64_t const_i64(Id id) const { return i64_of(const_bits_[id], type(id)); }
  DType type(Id id) const { return program_.types[id]; }

  /// Result type by the op; cast and bitcast name it.
  Id op(ir::Op op, std::initializer_list<Id> operands) {
    return op_typed(op, {operands.begin(), operands.size()});
  }
  Id op_typed(ir::Op op, std::span<const Id> operands);
  Id convert(ir::Op op, Id x, DType to);
  Id cast(Id x, DType to) { return type(x) == to ? x : convert(ir::Op::kCast, x, to); }

  Id add(Id x, Id y) { return op(ir::Op::kAdd, {x, y}); }
  Id sub(Id x, Id y) { return op(ir::Op::kSub, {x, y}); }
  Id mul(Id x, Id y) { return op(ir::Op::kMul, {x, y}); }
  Id select(Id p, Id x, Id y) { return op(ir::Op::kSelect, {p, x, y}); }
  Id both(Id p, Id q) { return p == kNoId ? q : q == kNoId ? p : op(ir::Op::kAnd, {p, q}); }

  /// A fresh version of a buffer's contents, as they are at this point of the current block.
  std::uint32_t new_version();
  Id load(std::uint32_t buffer, std::uint32_t version, Id index, Id predicate = kNoId);
  void store(std::uint32_t buffer, Id index, Id value);
  /// `offsets`: one an array, kNoId for 0.
  void call(LibraryCall call, std::vector<Id> offsets);

  struct Loop {
    Id index = kNoId;
    std::vector<Id> args;
  };
  Loop open_for(ForKind kind, Id lo, Id hi, std::span<const Id> inits = {}, Id skip = kNoId);
  /// A serial for that stays a loop whatever its count.
  Loop open_steps(Id count, std::span<const Id> inits);
  std::vector<Id> close_for(std::span<const Id> yields = {});
  /// The carried values inside.
  std::vector<Id> open_while(Id condition, std::span<const Id> inits);
  std::vector<Id> close_while(Id condition, std::span<const Id> yields);
  void open_if(Id condition);
  void open_else(std::span<const Id> yields = {});  ///< closes the first block with these
  std::vector<Id> close_if(std::span<const Id> yields = {});

  /// Whether a value may be used here.
  bool in_scope(Id id) const { return open_[block_of_[id]] != 0; }
  std::uint32_t current_block() const { return stack_.back().serial; }
  bool block_open(std::uint32_t serial) const { return open_[serial] != 0; }
  std::size_t depth() const { return stack_.size(); }

 private:
  struct Open {
    Block* block;
    std::uint32_t serial;
    bool is_if;
    Instr pending;  ///< the for or if whose body this is
  };
  struct Key {
    std::uint64_t head;
    Id a, b, c;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& k) const;
  };

  /// For operations that do not see the sign of operand 0: the opposite difference, b - a of a - b,
  /// if that was made before and can be seen here; otherwise x.
  Id either_way(Id x) const;
  static Key key_of(ir::Op op, DType result, std::span<const Id> operands);
  Id convert_plainly(ir::Op op, Id x, DType to);
  // Casts of storage types (storage_casts.cpp).
  Id convert_storage(Id x, DType to);
  Id from_half(Id x);
  Id to_half(Id x, DType to);
  Id new_id(DType t, std::uint32_t block);
  Id place(Instr instr, const Key& key, std::uint32_t least_block);
  void open(Instr pending, bool is_if);
  std::size_t depth_of(std::uint32_t serial) const { return depth_of_block_[serial]; }

  Program& program_;
  std::vector<Open> stack_;
  std::vector<char> open_;                     ///< by block serial
  std::vector<std::uint32_t> depth_of_block_;  ///< by block serial
  std::vector<std::uint32_t> block_of_;        ///< by value
  std::vector<char> is_const_;
  std::vector<Bits> const_bits_;
  std::vector<std::uint32_t> version_block_;
  std::unordered_map<Key, Id, Hash> known_;
  std::unordered_map<Id, std::pair<Id, Id>> differences_;  ///< operands of every difference
};

}  // namespace cotangent::kernel
