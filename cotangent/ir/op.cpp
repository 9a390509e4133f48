#include "cotangent/ir/op.h"

#include <algorithm>
#include <array>
#include <vector>

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

bool is_supported(Op op) {
  switch (op) {
    case Op::kRandomBits:
    case Op::kSort:
    case Op::kArgsort:
    case Op::kCumSum: return false;
    default: return true;
  }
}

std::span<const OpInfo> all_ops() {
  static const std::vector<OpInfo> supported = [] {
    std::vector<OpInfo> list;
    std::copy_if(kOps.begin(), kOps.end(), std::back_inserter(list),
                 [](const OpInfo& entry) { return is_supported(entry.op); });
    return list;
  }();
  return supported;
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
    case OpDomain::kNumber: return !is_bool(t);
    case OpDomain::kInt: return is_integer(t);
    case OpDomain::kBits: return !is_float(t);
    case OpDomain::kAny:
    case OpDomain::kCompare:
    case OpDomain::kSpecial: return true;
  }
  return false;
}

}  // namespace cotangent::ir
