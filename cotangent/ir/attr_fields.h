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
  field("keep", a.keep);
}
template <class Field>
void each_field(PairAttr& a, Field&& field) {
  field("count", a.count), field("kind", a.kind), field("rows_i", a.rows_i);
  field("rows_j", a.rows_j), field("roles", a.roles);
}

template <class Field>
void each_field(WhileAttr& a, Field&& field) {
  field("invariants", a.invariants), field("carries", a.carries), field("limit", a.limit);
}
template <class Field>
void each_field(CondAttr&, Field&&) {}
template <class Field>
void each_field(CallAttr& a, Field&& field) {
  field("linear", a.linear);
}
template <class Field>
void each_field(CheckAttr& a, Field&& field) {
  field("site", a.site), field("message", a.message);
}
template <class Field>
void each_field(RandomAttr& a, Field&& field) {
  field("site", a.site);
}
template <class Field>
void each_field(SolveAttr& a, Field&& field) {
  field("lower", a.lower), field("transposed", a.transposed);
  field("unit_diagonal", a.unit_diagonal), field("pairs", a.pairs);
}
template <class Field>
void each_field(FactorAttr& a, Field&& field) {
  field("pairs", a.pairs);
}
template <class Field>
void each_field(FftAttr& a, Field&& field) {
  field("kind", a.kind), field("axes", a.axes), field("length", a.length);
}

/// Calls visit(name, function, optional) for each closed function of an attribute, in the order of
/// the text form; `optional` ones may be null.
template <class AnyAttr, class Visit>
void each_body(AnyAttr& attr, Visit&& visit) {
  if (auto* m = std::get_if<MapAttr>(&attr)) visit("body", m->body, false);
  if (auto* l = std::get_if<LoopAttr>(&attr)) {
    visit("body", l->body, false), visit("inverse", l->inverse, true);
  }
  if (auto* p = std::get_if<PairAttr>(&attr)) visit("body", p->body, false);
  if (auto* w = std::get_if<WhileAttr>(&attr)) {
    visit("condition", w->condition, false), visit("body", w->body, false);
  }
  if (auto* c = std::get_if<CondAttr>(&attr)) {
    visit("then", c->on_true, false), visit("else", c->on_false, false);
  }
  if (auto* c = std::get_if<CallAttr>(&attr)) {
    visit("body", c->body, false), visit("jvp", c->jvp, true), visit("vjp", c->vjp, true);
    visit("equation", c->equation, true);
  }
}

inline constexpr const char* kFftKindNames[] = {"forward", "inverse", "real_forward",
                                                "real_inverse"};
inline constexpr const char* kKeepNames[] = {"auto", "all", "every", "binomial", "reverse"};
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
    case Op::kWhile: return WhileAttr{};
    case Op::kCond: return CondAttr{};
    case Op::kCall: return CallAttr{};
    case Op::kCheck: return CheckAttr{};
    case Op::kRandomBits: return RandomAttr{};
    case Op::kSort:
    case Op::kArgsort:
    case Op::kCumSum: return AxesAttr{};
    case Op::kTriangularSolve: return SolveAttr{};
    case Op::kCholesky:
    case Op::kLu:
    case Op::kQr:
    case Op::kEigh:
    case Op::kSvd: return FactorAttr{};
    case Op::kFft: return FftAttr{};
    default: return {};
  }
}

}  // namespace cotangent::ir
