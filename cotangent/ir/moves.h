// What the table of ops says of those that only move elements.
#pragma once

#include "cotangent/ir/op.h"

namespace cotangent::ir {

/// Whether the op only says where in its one operand each element is: reshape, transpose,
/// broadcast, slice, reverse. Not pad and concatenate, which choose between operands.
inline bool rearranges(Op op) {
  return info(op).kind == OpKind::kShape && info(op).arity == 1;
}

}  // namespace cotangent::ir
