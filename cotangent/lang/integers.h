// Integers of an expression, kept symbolic while it is traced.
//
// Everything an integer can depend on is known at trace: literals, integer parameters, and the
// indices of the reductions around it. So every integer, and every condition made of integers, is a
// small program over the indices (*slots*) that can be run for all their values: bounds are checked
// exactly and an access can be recognised as a slice, a wrap-around or a gather.
//
// Each node carries the interval its values lie in; a node whose interval leaves 64 bits is
// refused when it is made, so evaluation never overflows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cotangent/ir/tensor.h"

namespace cotangent::lang {

/// For sums and products of 64-bit integers that may not fit.
__extension__ typedef __int128 Wide;

/// The values an index runs over: start + step*k, or a list.
struct IndexDomain {
  std::int64_t count = 0;
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::shared_ptr<const std::vector<std::int64_t>> list;  ///< null when affine

  std::int64_t value(std::int64_t k) const {
    return list ? (*list)[static_cast<std::size_t>(k)] : start + step * k;
  }
  std::int64_t least() const;
  std::int64_t most() const;
  std::vector<std::int64_t> values() const;
  static IndexDomain range(std::int64_t low, std::int64_t high);
  /// From values, found affine when they are.
  static IndexDomain of(std::vector<std::int64_t> values);
};

enum class IntegerOp : std::uint8_t {
  kConstant,
  kIndex,
  kNeg,
  kAbs,
  kSign,
  kAdd,
  kSub,
  kMul,
  kMod,
  kMin,
  kMax,
  kLess,
  kLessEqual,
  kEqual,
  kUnequal,
  kAnd,
  kOr,
  kNot,
  kWhere,
  kTable,
};

using IntegerId = std::int32_t;

/// a*i + b in the index of one slot, or (a*i + b) mod `modulus` when that is not 0.
struct AffineForm {
  int slot = -1;
  std::int64_t a = 0, b = 0, modulus = 0;
};

struct IntegerNode {
  IntegerOp op = IntegerOp::kConstant;
  std::int64_t value = 0;  ///< kConstant; kIndex: the slot; kTable: the table
  std::vector<IntegerId> operands;
  std::uint64_t slots = 0;  ///< the set of slots it depends on
  std::int64_t low = 0, high = 0;
  bool has_table = false;
  std::optional<AffineForm> affine;
};

/// One column of index values, for evaluation.
struct IndexColumn {
  int slot = 0;
  std::span<const std::int64_t> values;
};

class Integers {
 public:
  static constexpr int kMaxSlots = 64;

  IntegerId constant(std::int64_t value);
  IntegerId index(int slot, std::int64_t low, std::int64_t high);
  /// Throws std::overflow_error when the result may leave 64 bits, std::domain_error for % 0.
  IntegerId make(IntegerOp op, std::span<const IntegerId> operands);
  IntegerId make(IntegerOp op, IntegerId x) { return make(op, std::span(&x, 1)); }
  IntegerId make(IntegerOp op, IntegerId x, IntegerId y) {
    const IntegerId both[] = {x, y};
    return make(op, both);
  }
  /// table[operands...], all of its axes indexed; the caller has checked the bounds.
  IntegerId lookup(int table, std::span<const IntegerId> operands);
  int add_table(std::shared_ptr<const ir::Tensor> table);
  const ir::Tensor& table(int number) const {
    return *tables_[static_cast<std::size_t>(number)].values;
  }

  const IntegerNode& node(IntegerId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  std::optional<std::int64_t> constant_value(IntegerId id) const;

  /// Nodes that `id` is made of, each before its users, `id` last.
  std::vector<IntegerId> needed_by(IntegerId id) const;
  /// Values of `id` row by row; the columns are equally long and hold every slot it depends on.
  /// Where an index of a table is out of bounds (an access that a filter excludes), the nearest
  /// entry is read.
  std::vector<std::int64_t> evaluate(IntegerId id, std::span<const IndexColumn> columns,
                                     std::size_t rows) const;

 private:
  struct Table {
    std::shared_ptr<const ir::Tensor> values;
    std::int64_t low = 0, high = 0;
  };
  IntegerId add(IntegerNode node);
  void set_interval(IntegerNode& node) const;
  void set_affine(IntegerNode& node) const;
  std::optional<IntegerId> simplify(IntegerOp op, std::span<const IntegerId> operands) const;

  std::vector<IntegerNode> nodes_;
  std::vector<Table> tables_;
};

}  // namespace cotangent::lang
