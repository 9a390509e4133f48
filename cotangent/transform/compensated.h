// Sums that remember what rounding took from them, and arithmetic on pairs of numbers.
//
// A state carried in f32 is rounded to 6e-8 of itself every step. Carried together with its *error
// term* (what the last addition rounded away, given back to the next; Kahan 1965) only the
// increment is rounded, while forces are still computed in f32. Where f32 forces are too coarse,
// `in_double_single` turns a function of f64 into one whose every number is an unevaluated sum of
// two f32 (Dekker 1971). docs/precision.md says what each was seen to buy.
//
// Both are ordinary programs. They rely on additions being done as written: no pass reassociates.
#pragma once

#include <functional>
#include <string>

#include "cotangent/ir/builder.h"

namespace cotangent::transform {

/// value + error, |error| at most half a unit in the last place of value. Same float type and
/// shape.
struct Compensated {
  ir::Value value, error;
};

/// x + y as a rounded sum and its exact error. Knuth (1969), six operations, any x and y.
Compensated two_sum(ir::Builder& b, ir::Value x, ir::Value y);

/// The same in three operations; exact where |x| >= |y|. Dekker (1971).
Compensated fast_two_sum(ir::Builder& b, ir::Value x, ir::Value y);

/// x * y as a rounded product and its exact error (by fma).
Compensated two_product(ir::Builder& b, ir::Value x, ir::Value y);

/// state + scale * rate, the update of a step: what earlier additions lost goes in first, what this
/// one loses comes out. Kahan (1965). Five operations where a plain update is one. The increment is
/// rounded as one number.
Compensated compensated_update(ir::Builder& b, Compensated state, ir::Value scale, ir::Value rate);

/// The same with the rate itself known as a pair: the increment is not rounded, also where it is
/// larger than the state.
Compensated compensated_update(ir::Builder& b, Compensated state, ir::Value scale,
                               Compensated rate);
/// And with a scale that is a pair, such as a time step that f32 does not hold.
Compensated compensated_update(ir::Builder& b, Compensated state, Compensated scale,
                               Compensated rate);

/// `f` with every f64 value as a pair of f32, high part first: each f64 parameter and result
/// becomes two. About 48 bits, in the range of f32; the tests hold an operation to 3e-14. Costs ten
/// to twenty f32 operations for one. Other types are untouched.
/// Throws UserError naming the op for elementary functions (sin, exp, ...), sorts, random bits,
/// factorisations, FFT, scatter_add, while, cond, call and check, and for products of matrices with
/// more than 4,096 terms. `show` gives the text of the place that the error names.
ir::FunctionPtr in_double_single(const ir::Function& f,
                                 const std::function<std::string(SourceSpan)>& show = {});

}  // namespace cotangent::transform
