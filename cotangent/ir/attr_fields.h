// The named fields of every attribute, once: the printer and the parser both walk this list.
// Internal to the ir module.
#pragma once

#include "cotangent/ir/attr.h"
#include "cotangent/ir/op.h"

namespace cotangent::ir {

/// Calls field(name, member) for each field of the attribute except the body of a second-order op
/// and the value of a literal, in the order of the text form.
template <class Field>
void each_field(std::monostate&, Field&&) {}
template <class Field>
void each_field(LiteralAttr&, Field&&) {}
template <class Field>
void each_field(IndexAttr& a, Field&& field) {
  field("index", a.index);
}
template <class Field>
void each_field(AxesAttr& a, Field&& field) {
  field("axes", a.axes);
}
template <class Field>
void each_field(SliceAttr& a, Field&& field) {
  field("start", a.start), field("limit", a.limit), field("stride", a.stride);
}
template <class Field>
void each_field(PadAttr& a, Field&& field) {
  field("low", a.low), field("high", a.high), field("interior", a.interior);
}
template <class Field>
void each_field(DotAttr& a, Field&& field) {
  field("batch_x", a.batch_x), field("batch_y", a.batch_y);
  field("contract_x", a.contract_x), field("contract_y", a.contract_y);
}
template <class Field>
void each_field(MapAttr& a, Field&& field) {
  field("count", a.count), field("rows", a.rows), field("roles", a.roles);
}
template <class Field>
void each_field(LoopAttr& a, Field&& field) {
  field("trip", a.trip), field("invariants", a.invariants), field("carries", a.carries);
  field("inputs", a.inputs), field("every", a.every), field("dynamic", a.dynamic);
}
template <class Field>
void each_field(PairAttr& a, Field&& field) {
  field("count", a.count), field("kind", a.kind), field("rows_i", a.rows_i);
  field("rows_j", a.rows_j), field("roles", a.roles);
}

inline constexpr const char* kRoleNames[] = {"stack", "total", "at_i", "at_j"};
inline constexpr const char* kPairKindNames[] = {"less", "unequal"};

/// An attribute of the kind the op takes, with empty fields.
inline Attr empty_attr(Op op) {
  if (info(op).kind == OpKind::kReduce) return AxesAttr{};
  switch (op) {
    case Op::kParameter:
    case Op::kProject: return IndexAttr{};
    case Op::kConstant: return LiteralAttr{};
    case Op::kIota:
    case Op::kTranspose:
    case Op::kBroadcast:
    case Op::kConcatenate:
    case Op::kReverse: return AxesAttr{};
    case Op::kSlice: return SliceAttr{};
    case Op::kPad: return PadAttr{};
    case Op::kDotGeneral: return DotAttr{};
    case Op::kMap: return MapAttr{};
    case Op::kLoop: return LoopAttr{};
    case Op::kPairSum: return PairAttr{};
    default: return {};
  }
}

}  // namespace cotangent::ir
