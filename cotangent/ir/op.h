// Operations of the array program, read from ops.def.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "cotangent/base/dtype.h"

namespace cotangent::ir {

enum class Op : std::uint8_t {
#define COTANGENT_OP(Enum, text, kind, arity, domain, doc) Enum,
#include "cotangent/ir/ops.def"
#undef COTANGENT_OP
};

enum class OpKind : std::uint8_t {
  kLeaf,
  kElementwise,
  kReduce,
  kShape,
  kIndex,
  kContract,
  kSecondOrder
};

enum class OpDomain : std::uint8_t {
  kFloat,
  kNumber,
  kInt,
  kAny,
  kCompare,
  kBits,
  kTest,
  kSpecial
};

struct OpInfo {
  Op op;
  std::string_view name;
  OpKind kind;
  int arity;  ///< -1: varies
  OpDomain domain;
  std::string_view doc;
};

const OpInfo& info(Op op);
std::span<const OpInfo> all_ops();
std::optional<Op> op_named(std::string_view name);
inline std::string_view name_of(Op op) {
  return info(op).name;
}
inline bool is_elementwise(Op op) {
  return info(op).kind == OpKind::kElementwise;
}
inline bool is_second_order(Op op) {
  return op == Op::kMap || op == Op::kLoop || op == Op::kPairSum;
}

/// Whether operands of element type `t` are in the op's domain (elementwise ops and reductions;
/// for select: the type of the two branches).
bool accepts(Op op, DType t);

}  // namespace cotangent::ir
