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
  kSecondOrder,
  kScan,
  kRandom,
  kCheck,
  kLinearAlgebra,
  kFourier
};

enum class OpDomain : std::uint8_t {
  kFloat,
  kFunction,
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
/// Whether the op is a part of the reduction of large angles (ir/far_angle.h).
inline bool is_far_angle(Op op) {
  return op == Op::kFarAngle || op == Op::kFarAngleError || op == Op::kFarQuarter;
}
/// Whether the op is a transcendental function, which no processor has as an instruction.
inline bool is_transcendental(Op op) {
  return info(op).domain == OpDomain::kFunction;
}
/// Whether the op owns closed bodies.
inline bool is_second_order(Op op) {
  return info(op).kind == OpKind::kSecondOrder && op != Op::kProject;
}
/// Whether the op may give several results; they are read through `project`, never directly.
inline bool is_projected(Op op) {
  if (is_second_order(op)) return true;
  switch (op) {
    case Op::kLu:
    case Op::kQr:
    case Op::kEigh:
    case Op::kSvd:
    case Op::kFft:
    case Op::kCholesky:
    case Op::kTriangularSolve: return true;
    default: return false;
  }
}

/// Whether operands of element type `t` are in the op's domain (elementwise ops and reductions;
/// for select: the type of the two branches).
bool accepts(Op op, DType t);

/// Whether the op only moves or casts the elements of its operands, so that it takes storage types:
/// shape ops, select, cast, gather, scatter_set, and what runs a body.
bool moves_elements(Op op);

}  // namespace cotangent::ir
