// One first-order op on concrete values; shared by the reference evaluator and constant folding.
#pragma once

#include <span>

#include "cotangent/ir/attr.h"
#include "cotangent/ir/op.h"

namespace cotangent::ir {

/// `type` is the inferred result type. f64 is computed in long double when `extended`.
Tensor evaluate_op(Op op, Operands operands, const Attr& attr, const Type& type, bool extended);

/// All results of a first-order op that is read through project.
std::vector<Tensor> evaluate_results(Op op, Operands operands, const Attr& attr,
                                     std::span<const Type> types, bool extended);

/// Operands from tensors side by side.
std::vector<const Tensor*> addresses(std::span<const Tensor> tensors);

/// sort, argsort, cumulative_sum (evaluate_data.cpp); `out` has the result's type.
void evaluate_scan(Op op, const Tensor& in, std::int64_t axis, Tensor& out);
/// Of seed, member and step.
void evaluate_random_bits(Operands operands, std::int64_t site, Tensor& out);

/// reduce_sum over axis 0 of stacked rows [n] + shape, in the fixed order (map's total, pair_sum's
/// total).
Tensor sum_rows(const Tensor& rows);

}  // namespace cotangent::ir
