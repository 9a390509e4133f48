#include "cotangent/ir/op.h"

#include <array>

namespace cotangent::ir {
namespace {

constexpr std::array kOps = {
#define COTANGENT_OP(Enum, text, kind, arity, domain, doc) \
  OpInfo{Op::Enum, text, OpKind::kind, arity, OpDomain::domain, doc},
#include "cotangent/ir/ops.def"
#undef COTANGENT_OP
};

}  // namespace

const OpInfo& info(Op op) {
  return kOps[static_cast<std::size_t>(op)];
}

std::span<const OpInfo> all_ops() {
  return kOps;
}

std::optional<Op> op_named(std::string_view name) {
  for (const OpInfo& entry : kOps) {
    if (entry.name == name) return entry.op;
  }
  return std::nullopt;
}

bool accepts(Op op, DType t) {
  switch (info(op).domain) {
    case OpDomain::kFloat:
    case OpDomain::kFunction:
    case OpDomain::kTest: return is_float(t);
    case OpDomain::kNumber: return is_number(t);
    case OpDomain::kInt: return is_integer(t);
    case OpDomain::kBits: return is_integer(t) || is_bool(t);
    case OpDomain::kCompare: return !is_storage(t);
    case OpDomain::kAny:
    case OpDomain::kSpecial: return true;
  }
  return false;
}

bool moves_elements(Op op) {
  switch (info(op).kind) {
    case OpKind::kShape:
    case OpKind::kSecondOrder:
    case OpKind::kCheck: return true;
    default: break;
  }
  switch (op) {
    case Op::kParameter:
    case Op::kConstant:
    case Op::kSelect:
    case Op::kCast:
    case Op::kGather:
    case Op::kScatterSet: return true;
    default: return false;
  }
}

}  // namespace cotangent::ir
