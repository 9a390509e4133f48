// Scalar semantics of elementwise ops on raw bits: folding in the kernel builder and the
// interpreter.
#pragma once

#include <cstdint>
#include <span>

#include "cotangent/base/dtype.h"
#include "cotangent/ir/op.h"

namespace cotangent::kernel {

/// A scalar as its bits, in the low bytes of a 64-bit word; bool is 0 or 1.
using Bits = std::uint64_t;

Bits bits_of(double value, DType t);  ///< `value` converted to `t`
Bits bits_of_i64(std::int64_t value, DType t);
std::int64_t i64_of(Bits bits, DType t);  ///< of an integer or bool

/// `result` is the dtype of the result, `operand` that of the last operand (of the branches, for
/// select).
Bits apply_scalar(ir::Op op, DType result, DType operand, std::span<const Bits> x);

Bits read_element(const std::byte* base, std::int64_t k, DType t);
void write_element(std::byte* base, std::int64_t k, DType t, Bits bits);

}  // namespace cotangent::kernel
